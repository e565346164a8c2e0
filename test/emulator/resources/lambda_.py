"""Functions. They run for real when something invokes them; no event of the account does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..rows import Call, Resource, created, gone, recorded

_FUNCTION = {"FunctionName": "{FunctionName}"}


def _update_code(resource: Resource, _: Mapping[str, Any] | None) -> None:
    parameters = dict(resource.effective["Code"])
    if "Architectures" in resource.effective:
        parameters["Architectures"] = resource.effective["Architectures"]
    resource.account.call(
        "lambda", "update_function_code", FunctionName=resource.ref, **parameters
    )


def _concurrency(resource: Resource, _: Mapping[str, Any] | None) -> None:
    reserved = resource.effective.get("ReservedConcurrentExecutions")
    function = {"FunctionName": resource.ref}
    if reserved is None:
        resource.account.call("lambda", "delete_function_concurrency", **function)
    else:
        resource.account.call(
            "lambda",
            "put_function_concurrency",
            ReservedConcurrentExecutions=int(reserved),
            **function,
        )

ROWS = (
    created(
        "AWS::Lambda::Function",
        "lambda",
        "create_function",
        name="FunctionName",
        name_length=64,
        attributes={"Arn": "{FunctionArn}"},
        steps=(Call(_concurrency, takes=("ReservedConcurrentExecutions",)),),
        update=(
            Call(_update_code, takes=("Code", "Architectures")),
            Call("update_function_configuration"),
        ),
        tagging=("tag_resource", "untag_resource", {"Resource": "{FunctionArn}"}),
        delete=(gone("delete_function", **_FUNCTION),),
    ),
    created(
        "AWS::Lambda::Permission",
        "lambda",
        "add_permission",
        given={"StatementId": "{name}"},
        delete=(gone("remove_permission", StatementId="{name}", **_FUNCTION),),
    ),
    recorded(
        "AWS::Lambda::EventInvokeConfig",
        "lambda",
        "put_function_event_invoke_config",
        ref="{FunctionName}|{Qualifier}",
    ),
    created(
        "AWS::Lambda::Version",
        "lambda",
        "publish_version",
        ref="{FunctionArn}:{Version}",
        attributes={"FunctionArn": "{ref}"},
        delete=(gone("delete_function", FunctionName="{FunctionName}", Qualifier="{Version}"),),
    ),
    created(
        "AWS::Lambda::Alias",
        "lambda",
        "create_alias",
        ref="{AliasArn}",
        attributes={"AliasArn": "{ref}"},
        update=(Call("update_alias"),),
        delete=(gone("delete_alias", Name="{Name}", **_FUNCTION),),
    ),
    created(
        "AWS::Lambda::LayerVersion",
        "lambda",
        "publish_layer_version",
        name="LayerName",
        ref="{LayerVersionArn}",
        attributes={"LayerVersionArn": "{ref}"},
        delete=(
            gone(
                "delete_layer_version",
                LayerName="{LayerName}",
                VersionNumber="{Version}",
            ),
        ),
    ),
    created(
        "AWS::Lambda::EventSourceMapping",
        "lambda",
        "create_event_source_mapping",
        ref="{UUID}",
        attributes={"Id": "{ref}"},
        update=(Call("update_event_source_mapping", given={"UUID": "{ref}"}),),
        delete=(gone("delete_event_source_mapping", UUID="{ref}"),),
    ),
)
