"""Caches: replication groups, where they are, their parameters and users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.elasticache.models import elasticache_backends

from ..account import ACCOUNT_ID, operation_model, validate
from ..rows import Call, Resource, create, created, gone, recorded

_ARN = "arn:{partition}:elasticache:{region}:{account}:"


def _backend(resource: Resource) -> Any:
    return elasticache_backends[ACCOUNT_ID][resource.region]


def _tagging(kind: str) -> tuple[str, str, dict[str, str]]:
    return (
        "add_tags_to_resource",
        "remove_tags_from_resource",
        {"ResourceName": f"{_ARN}{kind}:{{ref}}"},
    )


def _replicas(resource: Resource) -> int:
    return int(resource.effective.get("NumCacheClusters", 1)) - 1


def _settle_addresses(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Gives moto's own group the reader endpoint it lacks, and addresses that a change keeps."""
    shard = _backend(resource).replication_groups[resource.ref].node_groups[0]
    for key, role in (("primary", "master"), ("reader", "replica")):
        address = f"{role}.{resource.ref}.peakl1.use1.cache.amazonaws.com"
        shard[f"{key}_endpoint_address"] = address
        shard[f"{key}_endpoint"] = {"address": address, "port": shard["port"]}
    found = resource.account.call(
        "elasticache", "describe_replication_groups", ReplicationGroupId=resource.ref
    )
    resource.response = found["ReplicationGroups"][0]


def _change_group(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Makes moto's own group anew: moto has no ModifyReplicationGroup."""
    _backend(resource).replication_groups.pop(resource.ref)
    create(_GROUP, resource)


def _delete_group(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Deletes moto's own group, which DeleteReplicationGroup only marks, after a last snapshot."""
    groups = _backend(resource).replication_groups
    if resource.ref in groups and resource.policies.get("Deletion") == "Snapshot":
        resource.account.call(
            "elasticache",
            "create_snapshot",
            ReplicationGroupId=resource.ref,
            SnapshotName=f"{resource.ref}-final",
        )
    groups.pop(resource.ref, None)


def _delete_subnets(resource: Resource, _: Mapping[str, Any] | None) -> None:
    _backend(resource).cache_subnet_groups.pop(resource.ref, None)


def _change_user(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Changes moto's own user: moto has no ModifyUser."""
    properties = resource.effective
    parameters = {
        "UserId": resource.ref,
        "AccessString": properties["AccessString"],
        "Passwords": properties["Passwords"],
        "Engine": properties["Engine"],
    }
    validate(parameters, operation_model("elasticache", "modify_user").input_shape)
    user = _backend(resource).users[resource.ref]
    user.access_string, user.passwords = properties["AccessString"], properties["Passwords"]
    user.engine = properties["Engine"]


def _hold_parameters(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Holds the values against AWS's model of the call that sets them."""
    values = [
        {"ParameterName": name, "ParameterValue": str(value)}
        for name, value in resource.effective["Properties"].items()
    ]
    parameters = {"CacheParameterGroupName": resource.ref, "ParameterNameValues": values}
    shape = operation_model("elasticache", "modify_cache_parameter_group").input_shape
    validate(parameters, shape)


_GROUP = created(
    "AWS::ElastiCache::ReplicationGroup",
    "elasticache",
    "create_replication_group",
    # moto counts the nodes by their replicas.
    given={"NumNodeGroups": 1, "ReplicasPerNodeGroup": _replicas},
    root="ReplicationGroup",
    name="ReplicationGroupId",
    name_length=40,
    ref="{ReplicationGroupId}",
    attributes={
        "PrimaryEndPoint.Address": "{NodeGroups[0].PrimaryEndpoint.Address}",
        "PrimaryEndPoint.Port": "{to_string(NodeGroups[0].PrimaryEndpoint.Port)}",
        "ReaderEndPoint.Address": "{NodeGroups[0].ReaderEndpoint.Address}",
        "ReaderEndPoint.Port": "{to_string(NodeGroups[0].ReaderEndpoint.Port)}",
    },
    steps=(Call(_settle_addresses),),
    update=(Call(_change_group),),
    tagging=_tagging("replicationgroup"),
    delete=(Call(_delete_group),),
)

ROWS = (
    _GROUP,
    created(
        "AWS::ElastiCache::SubnetGroup",
        "elasticache",
        "create_cache_subnet_group",
        names={"Description": "CacheSubnetGroupDescription"},
        root="CacheSubnetGroup",
        name="CacheSubnetGroupName",
        recreated="moto has no ModifyCacheSubnetGroup",
        delete=(Call(_delete_subnets),),
    ),
    created(
        "AWS::ElastiCache::User",
        "elasticache",
        "create_user",
        name="UserId",
        ref="{UserId}",
        attributes={"Arn": "{ARN}"},
        update=(Call(_change_user, takes=("AccessString", "Passwords", "Engine")),),
        tagging=_tagging("user"),
        # moto deletes a user when it is asked for the next time.
        delete=(gone("delete_user", UserId="{ref}"), gone("describe_users", UserId="{ref}")),
    ),
    recorded(
        "AWS::ElastiCache::UserGroup",
        "elasticache",
        "create_user_group",
        name="UserGroupId",
        attributes={"Arn": _ARN + "usergroup:{ref}", "Status": "active"},
    ),
    recorded(
        "AWS::ElastiCache::ParameterGroup",
        "elasticache",
        "create_cache_parameter_group",
        name="CacheParameterGroupName",
        name_length=255,
        ignored={"Properties": "parameters of ModifyCacheParameterGroup"},
        steps=(Call(_hold_parameters, takes=("Properties",)),),
    ),
)
