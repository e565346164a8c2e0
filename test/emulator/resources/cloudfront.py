"""CloudFront: distributions and access to buckets. moto has no functions, stores and policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cloudfront.models import cloudfront_backends

from ..account import ACCOUNT_ID, operation_model
from ..rows import Call, Resource, created, fit, gone, recorded, tag_dict

_NAMES = {"IPV6Enabled": "IsIPV6Enabled", "OriginCustomHeaders": "CustomHeaders"}
"""Properties that CloudFormation calls otherwise than the API."""


def _config(resource: Resource) -> dict[str, Any]:
    """The configuration as the API has it, where cached methods are among the allowed ones."""
    properties = dict(resource.effective["DistributionConfig"])
    for name in ("DefaultCacheBehavior", "CacheBehaviors"):
        found = properties.get(name)
        if isinstance(found, list):
            properties[name] = [_with_methods(behavior) for behavior in found]
        elif found:
            properties[name] = _with_methods(found)
    properties["Origins"] = [_with_ports(origin) for origin in properties["Origins"]]
    shape = operation_model("cloudfront", "update_distribution").input_shape
    wanted = {"DistributionConfig": properties}
    config = fit(_DISTRIBUTION, wanted, shape, Call(_update, names=_NAMES))["DistributionConfig"]
    return {"CallerReference": f"{resource.stack_id} {resource.logical_id}", **config}


def _with_methods(behavior: Mapping[str, Any]) -> dict[str, Any]:
    moved = dict(behavior)
    allowed, cached = moved.pop("AllowedMethods", None), moved.pop("CachedMethods", None)
    if allowed:
        moved["AllowedMethods"] = {"Items": allowed, "CachedMethods": cached or ["GET", "HEAD"]}
    return moved


def _with_ports(origin: Mapping[str, Any]) -> dict[str, Any]:
    """The API demands both ports, CloudFormation none."""
    if "CustomOriginConfig" not in origin:
        return dict(origin)
    ports = {"HTTPPort": 80, "HTTPSPort": 443}
    return {**origin, "CustomOriginConfig": {**ports, **origin["CustomOriginConfig"]}}


def _aimed(config: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The configuration with an origin where moto takes no group, and what it aims at."""
    default = config["DefaultCacheBehavior"]
    target = default["TargetOriginId"]
    groups = config.get("OriginGroups", {}).get("Items", [])
    first = {group["Id"]: group["Members"]["Items"][0]["OriginId"] for group in groups}
    aimed = {**default, "TargetOriginId": first.get(target, target)}
    return {**config, "DefaultCacheBehavior": aimed}, target


def _aim(identity: str, target: str) -> None:
    """Puts the group back on moto's own distribution."""
    distribution = cloudfront_backends[ACCOUNT_ID]["aws"].distributions[identity]
    distribution.distribution_config.DefaultCacheBehavior.target_origin_id = target


def _create(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    config, target = _aimed(_config(resource))
    answer = resource.account.call("cloudfront", "create_distribution", DistributionConfig=config)
    answer = answer["Distribution"]
    _aim(answer["Id"], target)
    return {"Id": answer["Id"], "ARN": answer["ARN"], "DomainName": answer["DomainName"]}


def _update(resource: Resource, _: Mapping[str, Any] | None) -> None:
    config, target = _aimed(_config(resource))
    resource.account.call(
        "cloudfront",
        "update_distribution",
        Id=resource.ref,
        IfMatch="any",
        DistributionConfig=config,
    )
    _aim(resource.ref, target)


def _tag(resource: Resource, old: Mapping[str, Any] | None) -> None:
    before, after = tag_dict((old or {}).get("Tags")), tag_dict(resource.effective.get("Tags"))
    owner = {"Resource": resource.response["ARN"]}
    if gone_keys := sorted(before.keys() - after.keys()):
        resource.account.call(
            "cloudfront", "untag_resource", TagKeys={"Items": gone_keys}, **owner
        )
    tags = {"Items": [{"Key": key, "Value": value} for key, value in after.items()]}
    resource.account.call("cloudfront", "tag_resource", Tags=tags, **owner)


def _code(resource: Resource) -> bytes:
    return str(resource.effective["FunctionCode"]).encode()


_ARN = "arn:{partition}:cloudfront::{account}:"

_DISTRIBUTION = created(
    "AWS::CloudFront::Distribution",
    "cloudfront",
    _create,
    ref="{Id}",
    attributes={"Id": "{ref}", "DomainName": "{DomainName}"},
    steps=(Call(_tag, takes=("Tags",)),),
    update=(Call(_update, takes=("DistributionConfig",)),),
    delete=(gone("delete_distribution", Id="{ref}", IfMatch="any"),),
)

ROWS = (
    _DISTRIBUTION,
    created(
        "AWS::CloudFront::OriginAccessControl",
        "cloudfront",
        "create_origin_access_control",
        root="OriginAccessControl",
        ref="{Id}",
        attributes={"Id": "{ref}"},
        update=(Call("update_origin_access_control", given={"Id": "{ref}"}),),
        delete=(gone("delete_origin_access_control", Id="{ref}"),),
    ),
    recorded(
        "AWS::CloudFront::CachePolicy",
        "cloudfront",
        "create_cache_policy",
        ref="{random}",
        attributes={"Id": "{ref}"},
    ),
    recorded(
        "AWS::CloudFront::ResponseHeadersPolicy",
        "cloudfront",
        "create_response_headers_policy",
        ref="{random}",
        attributes={"Id": "{ref}"},
    ),
    recorded(
        "AWS::CloudFront::Function",
        "cloudfront",
        "create_function",
        given={"FunctionCode": _code},
        name="Name",
        ref=_ARN + "function/{Name}",
        attributes={"FunctionARN": "{ref}"},
        ignored={"AutoPublish": "a call of its own", "FunctionCode": "it is given, as bytes"},
    ),
    recorded(
        "AWS::CloudFront::KeyValueStore",
        "cloudfront",
        "create_key_value_store",
        name="Name",
        ref="{Name}",
        attributes={"Arn": _ARN + "key-value-store/{Name}", "Id": "{Name}"},
    ),
    recorded(
        "AWS::CloudFront::MonitoringSubscription",
        "cloudfront",
        "create_monitoring_subscription",
        ref="{DistributionId}",
    ),
)
