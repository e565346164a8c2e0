"""Log groups and what hangs on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..rows import Call, Resource, created, gone, recorded, tag_dict


def _retention(resource: Resource, _: Mapping[str, Any] | None) -> None:
    days = resource.effective.get("RetentionInDays")
    group = {"logGroupName": resource.ref}
    if days is None:
        resource.account.call("logs", "delete_retention_policy", **group)
    else:
        resource.account.call("logs", "put_retention_policy", retentionInDays=int(days), **group)


def _key(resource: Resource, _: Mapping[str, Any] | None) -> None:
    key = resource.effective.get("KmsKeyId")
    group = {"logGroupName": resource.ref}
    if key:
        resource.account.call("logs", "associate_kms_key", kmsKeyId=key, **group)
    else:
        resource.account.call("logs", "disassociate_kms_key", **group)


def _destination(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    """The destination's own resource is one level down in the API."""
    properties = resource.effective
    return resource.account.call(
        "logs",
        "put_delivery_destination",
        name=resource.name,
        outputFormat=properties["OutputFormat"],
        deliveryDestinationConfiguration={
            "destinationResourceArn": properties["DestinationResourceArn"]
        },
        tags=tag_dict(properties.get("Tags")),
    )["deliveryDestination"]


def _filter(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Dimensions are a list of pairs in a template and a map in the API."""
    properties = resource.effective
    transformations = []
    for transformation in properties["MetricTransformations"]:
        given = {key[0].lower() + key[1:]: value for key, value in transformation.items()}
        if "dimensions" in given:
            given["dimensions"] = {pair["Key"]: pair["Value"] for pair in given["dimensions"]}
        transformations.append(given)
    resource.account.call(
        "logs",
        "put_metric_filter",
        logGroupName=properties["LogGroupName"],
        filterName=resource.name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=transformations,
    )


_GROUP_ARN = "arn:{partition}:logs:{region}:{account}:log-group:{LogGroupName}"

ROWS = (
    created(
        "AWS::Logs::LogGroup",
        "logs",
        "create_log_group",
        name="LogGroupName",
        name_length=512,
        attributes={"Arn": _GROUP_ARN + ":*"},
        tagging=("tag_resource", "untag_resource", {"resourceArn": _GROUP_ARN}),
        steps=(Call(_retention, takes=("RetentionInDays",)),),
        update=(Call(_key, takes=("KmsKeyId",)),),
        delete=(gone("delete_log_group", logGroupName="{ref}"),),
    ),
    created(
        "AWS::Logs::LogStream",
        "logs",
        "create_log_stream",
        name="LogStreamName",
        delete=(
            gone("delete_log_stream", logGroupName="{LogGroupName}", logStreamName="{ref}"),
        ),
    ),
    created(
        "AWS::Logs::MetricFilter",
        "logs",
        _filter,
        name="FilterName",
        update=(Call(_filter),),
        delete=(gone("delete_metric_filter", logGroupName="{LogGroupName}", filterName="{ref}"),),
    ),
    created(
        "AWS::Logs::SubscriptionFilter",
        "logs",
        "put_subscription_filter",
        name="FilterName",
        update=(Call("put_subscription_filter"),),
        delete=(
            gone("delete_subscription_filter", logGroupName="{LogGroupName}", filterName="{ref}"),
        ),
    ),
    created(
        "AWS::Logs::ResourcePolicy",
        "logs",
        "put_resource_policy",
        name="PolicyName",
        update=(Call("put_resource_policy"),),
        delete=(gone("delete_resource_policy", policyName="{ref}"),),
    ),
    created(
        "AWS::Logs::DeliverySource",
        "logs",
        "put_delivery_source",
        root="deliverySource",
        name="Name",
        ref="{name}",
        attributes={"Arn": "{arn}"},
        update=(Call("put_delivery_source"),),
        delete=(gone("delete_delivery_source", name="{ref}"),),
    ),
    created(
        "AWS::Logs::DeliveryDestination",
        "logs",
        _destination,
        name="Name",
        ref="{name}",
        attributes={"Arn": "{arn}"},
        update=(Call(_destination),),
        delete=(gone("delete_delivery_destination", name="{ref}"),),
    ),
    created(
        "AWS::Logs::Delivery",
        "logs",
        "create_delivery",
        root="delivery",
        ref="{id}",
        attributes={"DeliveryId": "{ref}", "Arn": "{arn}"},
        recreated="moto cannot change a delivery",
        delete=(gone("delete_delivery", id="{ref}"),),
    ),
    recorded("AWS::Logs::QueryDefinition", "logs", "put_query_definition", ref="{random}"),
)
