"""Firewalls: web ACLs, their address lists, what they protect and what they record."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ..account import operation_model
from ..rows import Call, Resource, created, fit, gone, tag_dict


def _texts(value: Any) -> Any:
    """What CloudFormation takes as text where the API wants bytes, in the form that rows decode."""
    if isinstance(value, dict):
        return {
            name: base64.b64encode(str(inner).encode()).decode()
            if name == "SearchString"
            else _texts(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return value


def _parameters(resource: Resource, operation: str) -> dict[str, Any]:
    properties = {k: v for k, v in resource.effective.items() if k != "Tags"}
    shape = operation_model("wafv2", operation).input_shape
    return fit(_ACL, _texts(properties), shape, Call(_create_acl))


def _create_acl(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    tags = [{"Key": k, "Value": v} for k, v in tag_dict(resource.effective.get("Tags")).items()]
    parameters = _parameters(resource, "create_web_acl")
    answer = resource.account.call("wafv2", "create_web_acl", Tags=tags, **parameters)["Summary"]
    return {"Id": answer["Id"], "ARN": answer["ARN"]}


def _lock(resource: Resource, kind: str) -> dict[str, Any]:
    """Who and which state of it a change is for."""
    known = {"Id": resource.response["Id"], "Name": resource.name}
    known["Scope"] = resource.effective["Scope"]
    token = resource.account.call("wafv2", f"get_{kind}", **known)["LockToken"]
    return {**known, "LockToken": token}


def _update_acl(resource: Resource, _: Mapping[str, Any] | None) -> None:
    parameters = _parameters(resource, "update_web_acl") | _lock(resource, "web_acl")
    resource.account.call("wafv2", "update_web_acl", **parameters)


def _delete_acl(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call("wafv2", "delete_web_acl", **_lock(resource, "web_acl"))


def _update_set(resource: Resource, _: Mapping[str, Any] | None) -> None:
    addresses = resource.effective["Addresses"]
    lock = _lock(resource, "ip_set")
    resource.account.call("wafv2", "update_ip_set", Addresses=addresses, **lock)


def _delete_set(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call("wafv2", "delete_ip_set", **_lock(resource, "ip_set"))


def _record(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    shape = operation_model("wafv2", "put_logging_configuration").input_shape
    wanted = {"LoggingConfiguration": dict(resource.effective)}
    parameters = fit(_RECORD, wanted, shape, Call(_record))
    resource.account.call("wafv2", "put_logging_configuration", **parameters)
    return {}


_OF_SCOPE = "{Name}|{Id}|{Scope}"

_ACL = created(
    "AWS::WAFv2::WebACL",
    "wafv2",
    _create_acl,
    name="Name",
    name_length=128,
    ref=_OF_SCOPE,
    attributes={"Arn": "{ARN}", "Id": "{Id}"},
    update=(Call(_update_acl),),
    tagging=("tag_resource", "untag_resource", {"ResourceARN": "{ARN}"}),
    delete=(Call(_delete_acl, takes=()),),
)

_RECORD = created(
    "AWS::WAFv2::LoggingConfiguration",
    "wafv2",
    _record,
    ref="{ResourceArn}",
    update=(Call(_record),),
    delete=(gone("delete_logging_configuration", ResourceArn="{ref}"),),
)

ROWS = (
    _ACL,
    _RECORD,
    created(
        "AWS::WAFv2::IPSet",
        "wafv2",
        "create_ip_set",
        root="Summary",
        name="Name",
        name_length=128,
        ref=_OF_SCOPE,
        attributes={"Arn": "{ARN}", "Id": "{Id}"},
        update=(Call(_update_set, takes=("Addresses",)),),
        tagging=("tag_resource", "untag_resource", {"ResourceARN": "{ARN}"}),
        delete=(Call(_delete_set, takes=()),),
    ),
    created(
        "AWS::WAFv2::WebACLAssociation",
        "wafv2",
        "associate_web_acl",
        ref="{WebACLArn}|{ResourceArn}",
        delete=(gone("disassociate_web_acl", ResourceArn="{ResourceArn}"),),
    ),
)
