"""The database: cluster, instances, their groups, events."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from moto.rds.models import rds_backends

from ..account import ACCOUNT_ID
from ..rows import Call, Resource, created, gone, recorded

_GROUP_ARN = "arn:{partition}:rds:{region}:{account}:"


def _available(operation: str, parameter: str, answer: str, status: str) -> Any:
    def check(resource: Resource) -> bool:
        found = resource.account.call("rds", operation, **{parameter: resource.ref})
        return found[answer][0][status] == "available"

    return check


def _final_snapshot(resource: Resource) -> dict[str, Any]:
    """What DeletionPolicy Snapshot asks for."""
    if resource.policies.get("Deletion") == "Snapshot":
        return {
            "SkipFinalSnapshot": False,
            "FinalDBSnapshotIdentifier": f"{resource.ref}-final-{int(time.time())}",
        }
    return {"SkipFinalSnapshot": True}


def _delete_cluster(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call(
        "rds", "delete_db_cluster", DBClusterIdentifier=resource.ref, **_final_snapshot(resource)
    )


def _delete_instance(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Deletes and waits, as CloudFormation does. A cluster's storage outlives its members."""
    member = "DBClusterIdentifier" in resource.effective
    parameters = {"SkipFinalSnapshot": True} if member else _final_snapshot(resource)
    identifier = {"DBInstanceIdentifier": resource.ref}
    resource.account.call("rds", "delete_db_instance", **identifier, **parameters)
    while True:
        try:
            resource.account.call("rds", "describe_db_instances", **identifier)
        except ClientError:
            return
        time.sleep(0.1)


def _log_exports(resource: Resource, old: Mapping[str, Any] | None) -> None:
    had = set((old or {}).get("EnableCloudwatchLogsExports", []))
    wanted = set(resource.effective.get("EnableCloudwatchLogsExports", []))
    resource.account.call(
        "rds",
        "modify_db_cluster",
        DBClusterIdentifier=resource.ref,
        CloudwatchLogsExportConfiguration={
            "EnableLogTypes": sorted(wanted - had),
            "DisableLogTypes": sorted(had - wanted),
        },
    )


def _parameters(operation: str, group: str) -> Call:
    """Parameters travel in batches of at most twenty.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBClusterParameterGroup.html
    """

    def modify(resource: Resource, _: Mapping[str, Any] | None) -> None:
        values = list(resource.effective.get("Parameters", {}).items())
        for start in range(0, len(values), 20):
            resource.account.call(
                "rds",
                operation,
                **{group: resource.ref},
                Parameters=[
                    {
                        "ParameterName": name,
                        "ParameterValue": _parameter(value),
                        "ApplyMethod": "pending-reboot",
                    }
                    for name, value in values[start : start + 20]
                ],
            )

    return Call(modify, takes=("Parameters",))


def _parameter(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_PROXY_NAMES = {
    "Auth": "auth",
    "DebugLogging": "debug_logging",
    "IdleClientTimeout": "idle_client_timeout",
    "RequireTLS": "require_tls",
    "RoleArn": "role_arn",
    "VpcSecurityGroupIds": "vpc_security_group_ids",
}


def _modify_proxy(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """moto has no ModifyDBProxy, so the change reaches its object."""
    proxy = rds_backends[ACCOUNT_ID][resource.region].db_proxies[resource.ref]
    for property_name, attribute in _PROXY_NAMES.items():
        if property_name in resource.effective:
            setattr(proxy, attribute, resource.effective[property_name])


def _targets(resource: Resource, old: Mapping[str, Any] | None) -> dict[str, Any]:
    """The group comes with its proxy; a template gives it targets and the size of its pool."""
    if old:
        _release_targets(resource, old)
    proxy = {"DBProxyName": resource.effective["DBProxyName"]}
    group = {**proxy, "TargetGroupName": resource.effective["TargetGroupName"]}
    resource.account.call(
        "rds",
        "register_db_proxy_targets",
        **group,
        DBClusterIdentifiers=resource.effective["DBClusterIdentifiers"],
    )
    pool = resource.effective.get("ConnectionPoolConfigurationInfo", {})
    resource.account.call(
        "rds",
        "modify_db_proxy_target_group",
        **group,
        ConnectionPoolConfig={name: int(value) for name, value in pool.items()},
    )
    found = resource.account.call("rds", "describe_db_proxy_target_groups", **proxy)
    return found["TargetGroups"][0]


def _release_targets(resource: Resource, old: Mapping[str, Any] | None) -> None:
    held = old or resource.effective
    resource.account.call(
        "rds",
        "deregister_db_proxy_targets",
        DBProxyName=held["DBProxyName"],
        TargetGroupName=held["TargetGroupName"],
        DBClusterIdentifiers=held["DBClusterIdentifiers"],
    )


_CLUSTER_NAMES = {"PerformanceInsightsEnabled": "EnablePerformanceInsights"}

ROWS = (
    created(
        "AWS::RDS::DBCluster",
        "rds",
        "create_db_cluster",
        names=_CLUSTER_NAMES,
        root="DBCluster",
        name="DBClusterIdentifier",
        ref="{DBClusterIdentifier}",
        attributes={
            "Arn": "{DBClusterArn}",
            "Endpoint.Address": "{Endpoint}",
            "Endpoint.Port": "{to_string(Port)}",
            "ReadEndpoint.Address": "{ReaderEndpoint}",
            "DBClusterResourceId": "{DbClusterResourceId}",
        },
        ignored={
            "DeleteAutomatedBackups": "a parameter of the deletion",
            "DBInstanceParameterGroupName": "a parameter of a major upgrade",
        },
        update=(
            Call(_log_exports, takes=("EnableCloudwatchLogsExports",)),
            Call(
                "modify_db_cluster",
                names=_CLUSTER_NAMES,
                whole=False,
                given={"DBClusterIdentifier": "{ref}", "ApplyImmediately": True},
            ),
        ),
        removed={
            "BackupRetentionPeriod": 1,
            "CopyTagsToSnapshot": False,
            "DeletionProtection": False,
            "EnableIAMDatabaseAuthentication": False,
            "PerformanceInsightsEnabled": False,
        },
        settled=_available("describe_db_clusters", "DBClusterIdentifier", "DBClusters", "Status"),
        delete=(Call(_delete_cluster),),
    ),
    created(
        "AWS::RDS::DBInstance",
        "rds",
        "create_db_instance",
        root="DBInstance",
        name="DBInstanceIdentifier",
        ref="{DBInstanceIdentifier}",
        attributes={
            "Arn": "{DBInstanceArn}",
            "Endpoint.Port": "{to_string(Endpoint.Port)}",
        },
        ignored={
            "AllowMajorVersionUpgrade": "a parameter of modify calls only",
            "DeleteAutomatedBackups": "a parameter of the deletion",
        },
        update=(
            Call(
                "modify_db_instance",
                whole=False,
                given={"DBInstanceIdentifier": "{ref}", "ApplyImmediately": True},
            ),
        ),
        removed={
            "AutoMinorVersionUpgrade": True,
            "DeletionProtection": False,
            "EnablePerformanceInsights": False,
            "MonitoringInterval": 0,
            "PromotionTier": 1,
            "PubliclyAccessible": False,
        },
        replaced_by=("AvailabilityZone", "Engine"),
        settled=_available(
            "describe_db_instances", "DBInstanceIdentifier", "DBInstances", "DBInstanceStatus"
        ),
        delete=(Call(_delete_instance),),
    ),
    created(
        "AWS::RDS::DBSubnetGroup",
        "rds",
        "create_db_subnet_group",
        root="DBSubnetGroup",
        name="DBSubnetGroupName",
        attributes={"Arn": _GROUP_ARN + "subgrp:{ref}"},
        update=(Call("modify_db_subnet_group"),),
        delete=(gone("delete_db_subnet_group", DBSubnetGroupName="{ref}"),),
    ),
    created(
        "AWS::RDS::DBClusterParameterGroup",
        "rds",
        "create_db_cluster_parameter_group",
        names={"Family": "DBParameterGroupFamily"},
        root="DBClusterParameterGroup",
        name="DBClusterParameterGroupName",
        attributes={"Arn": _GROUP_ARN + "cluster-pg:{ref}"},
        steps=(_parameters("modify_db_cluster_parameter_group", "DBClusterParameterGroupName"),),
        delete=(
            gone("delete_db_cluster_parameter_group", DBClusterParameterGroupName="{ref}"),
        ),
    ),
    created(
        "AWS::RDS::DBParameterGroup",
        "rds",
        "create_db_parameter_group",
        names={"Family": "DBParameterGroupFamily"},
        root="DBParameterGroup",
        name="DBParameterGroupName",
        attributes={"Arn": _GROUP_ARN + "pg:{ref}"},
        steps=(_parameters("modify_db_parameter_group", "DBParameterGroupName"),),
        delete=(gone("delete_db_parameter_group", DBParameterGroupName="{ref}"),),
    ),
    created(
        "AWS::RDS::EventSubscription",
        "rds",
        "create_event_subscription",
        root="EventSubscription",
        name="SubscriptionName",
        attributes={"Arn": _GROUP_ARN + "es:{ref}"},
        recreated="moto has no ModifyEventSubscription",
        delete=(gone("delete_event_subscription", SubscriptionName="{ref}"),),
    ),
    created(
        "AWS::RDS::DBProxy",
        "rds",
        "create_db_proxy",
        root="DBProxy",
        name="DBProxyName",
        attributes={"Endpoint": "{Endpoint}", "DBProxyArn": "{DBProxyArn}", "VpcId": "{VpcId}"},
        update=(Call(_modify_proxy),),
        delete=(gone("delete_db_proxy", DBProxyName="{ref}"),),
    ),
    created(
        "AWS::RDS::DBProxyTargetGroup",
        "rds",
        _targets,
        name="TargetGroupName",
        attributes={"TargetGroupArn": "{TargetGroupArn}"},
        update=(Call(_targets),),
        delete=(Call(_release_targets),),
    ),
    recorded(
        "AWS::RDS::DBProxyEndpoint",
        "rds",
        "create_db_proxy_endpoint",
        name="DBProxyEndpointName",
        attributes={
            "Endpoint": "{ref}.endpoint.proxy-emulated.{region}.rds.amazonaws.com",
            "DBProxyEndpointArn": _GROUP_ARN + "db-proxy-endpoint:{ref}",
        },
    ),
)
