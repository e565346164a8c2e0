"""Where moto's RDS is less real than an Aurora or a Multi-AZ DB cluster, made real.

Instances take time to come and to go, readers spread over the zones of their subnet group, the
promotion tier decides who becomes the writer, quotas refuse, and what was asked for (Performance
Insights, monitoring, zones) is what describe calls answer. moto has no switch for any of these, so
this works on its RDS classes.
"""

from __future__ import annotations

import os
import random
import string
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from moto.rds import models
from moto.rds.exceptions import (
    DBInstanceNotFoundError,
    InvalidDBInstanceStateFault,
    InvalidParameterValue,
    RDSClientError,
)

DEFAULT_CREATE_SECONDS = 2.0
"""How long a new instance is `creating`, and a deleted one `deleting`. AWS needs minutes."""

INSTANCE_QUOTA = int(os.environ.get("PEAKLINE_INSTANCE_QUOTA", "40"))
"""Instances per region; AWS's default quota is 40.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"""

MEMBERS_PER_CLUSTER = 16
"""One writer and up to 15 readers.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Replication.html"""

MULTI_AZ_MEMBERS = 3
"""RDS makes the members of a Multi-AZ DB cluster itself, one in each of three zones."""

_REPORTED = {
    "database_insights_mode": "database_insights_mode",
    "enable_cloudwatch_logs_exports": "enabled_cloudwatch_logs_exports",
    "enable_iam_database_authentication": "iam_auth",
    "enable_performance_insights": "performance_insights_enabled",
    "monitoring_interval": "monitoring_interval",
    "monitoring_role_arn": "monitoring_role_arn",
    "performance_insights_kms_key_id": "performance_insights_kms_key_id",
    "performance_insights_retention_period": "performance_insights_retention_period",
    "promotion_tier": "promotion_tier",
}
"""Parameters of create and modify calls that moto drops, and what describe calls name them."""


def install(create_seconds: float = DEFAULT_CREATE_SECONDS) -> None:
    """Replaces the methods of moto's RDS classes, once per process."""
    global _create_seconds
    _create_seconds = create_seconds
    if getattr(models.DBInstance, "status", None) is not None:
        return
    models.DBInstance.status = property(_status, _set_status)  # type: ignore[assignment]
    models.DBInstance.address = property(_address)  # type: ignore[assignment]
    models.DBCluster.designate_writer = _designate_writer  # type: ignore[method-assign]
    models.BlueGreenDeployment._create_green_instance = _create_green  # type: ignore[method-assign]
    models.BlueGreenDeployment.switchover = _switch_over  # type: ignore[method-assign]
    for name, method in _BACKEND_METHODS.items():
        setattr(models.RDSBackend, name, _over(getattr(models.RDSBackend, name), method))


_create_seconds = DEFAULT_CREATE_SECONDS


def _over(original: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: method(original, self, *args, **kwargs)


def _status(instance: Any) -> str:
    if instance._status == "available" and time.monotonic() < instance._available_at:
        return "creating"
    return instance._status


def _set_status(instance: Any, status: str) -> None:
    if not hasattr(instance, "_available_at"):
        instance._available_at = time.monotonic() + _create_seconds
    instance._status = status


def _address(instance: Any) -> str:
    cluster = getattr(instance, "cluster", None)
    unique = cluster.url_identifier if cluster else "aaaaaaaaaa"
    return f"{instance.db_instance_identifier}.{unique}.{instance.region}.rds.amazonaws.com"


def _designate_writer(cluster: Any) -> None:
    """The member with the lowest promotion tier takes over, one that is available first."""
    if cluster.writer:
        return
    candidates = [member for member in cluster._members if member.status != "deleting"]
    candidates.sort(key=lambda member: (member.status != "available", member.promotion_tier))
    if candidates:
        cluster.writer = candidates[0]


def _report(resource: Any, parameters: Mapping[str, Any]) -> None:
    for asked, answered in _REPORTED.items():
        if parameters.get(asked) is not None:
            setattr(resource, answered, parameters[asked])
    exports = parameters.get("cloudwatch_logs_export_configuration") or {}
    enabled = set(getattr(resource, "enabled_cloudwatch_logs_exports", None) or [])
    if exports:
        enabled |= set(exports.get("EnableLogTypes") or [])
        enabled -= set(exports.get("DisableLogTypes") or [])
        resource.enabled_cloudwatch_logs_exports = sorted(enabled)


def _create_db_instance(original: Any, backend: Any, parameters: Any) -> Any:
    cluster = backend.clusters.get(parameters.get("db_cluster_identifier") or "")
    if parameters["db_instance_identifier"] not in backend.databases:
        if len(backend.databases) >= INSTANCE_QUOTA:
            raise RDSClientError(
                "InstanceQuotaExceeded",
                f"Cannot create more than {INSTANCE_QUOTA} DB instances in this region",
            )
        if cluster and len(cluster._members) >= MEMBERS_PER_CLUSTER:
            raise RDSClientError(
                "InvalidDBClusterStateFault",
                f"A DB cluster has at most {MEMBERS_PER_CLUSTER} instances",
            )
    if cluster and not parameters.get("availability_zone"):
        parameters["availability_zone"] = _emptiest_zone(backend, cluster)
    instance = original(backend, parameters)
    if cluster:
        for insight in ("performance_insights_enabled", "performance_insights_kms_key_id"):
            setattr(instance, insight, getattr(cluster, insight, None))
        instance.db_subnet_group_name = cluster.db_subnet_group_name
        instance.enable_iam_database_authentication = cluster.iam_auth
    _report(instance, parameters)
    letters = random.choices(string.ascii_uppercase + string.digits, k=26)
    instance.dbi_resource_id = "db-" + "".join(letters)
    return instance


def _emptiest_zone(backend: Any, cluster: Any) -> str:
    """AWS spreads members that name no zone over those of the subnet group."""
    group = backend.subnet_groups.get(cluster.db_subnet_group_name)
    zones = sorted(
        {subnet["SubnetAvailabilityZone"]["Name"] for subnet in group.subnets}
        if group
        else cluster.availability_zones
    )
    members = Counter(member.availability_zone for member in cluster._members)
    return min(zones, key=lambda zone: members[zone])


def _modify_db_instance(original: Any, backend: Any, identifier: str, parameters: Any) -> Any:
    instance = original(backend, identifier, parameters)
    _report(instance, parameters)
    return instance


def _delete_db_instance(
    original: Any, backend: Any, db_instance_identifier: str, *args: Any, **kwargs: Any
) -> Any:
    instance = backend.databases.get(db_instance_identifier)
    if instance is None:
        raise DBInstanceNotFoundError(db_instance_identifier)
    if instance.status == "deleting":
        raise RDSClientError(
            "InvalidDBInstanceState",
            f"Instance {db_instance_identifier} is already being deleted.",
        )
    original(backend, db_instance_identifier, *args, **kwargs)
    backend.databases[db_instance_identifier] = instance
    cluster = getattr(instance, "cluster", None)
    if cluster and instance.is_cluster_writer:
        instance.is_cluster_writer = False
        cluster.designate_writer()
    timer = threading.Timer(
        _create_seconds, lambda: backend.databases.pop(db_instance_identifier, None)
    )
    timer.daemon = True
    timer.start()
    return instance


def _failover_db_cluster(
    original: Any,
    backend: Any,
    db_cluster_identifier: str,
    target_db_instance_identifier: str | None = None,
) -> Any:
    cluster = backend.clusters.get(db_cluster_identifier)
    if cluster and not target_db_instance_identifier:
        readers = [
            member
            for member in cluster.members
            if not member.is_cluster_writer and member.status == "available"
        ]
        if readers:
            chosen = min(readers, key=lambda member: member.promotion_tier)
            target_db_instance_identifier = chosen.db_instance_identifier
    target = backend.databases.get(target_db_instance_identifier or "")
    if target is not None and target.db_cluster_identifier != db_cluster_identifier:
        raise InvalidParameterValue(
            f"Cannot find target instance: {target_db_instance_identifier}"
        )
    if target is not None and target.is_cluster_writer:
        raise InvalidDBInstanceStateFault(
            f"Instance {target_db_instance_identifier} is already the writer."
        )
    return original(backend, db_cluster_identifier, target_db_instance_identifier)


def _create_db_cluster(original: Any, backend: Any, parameters: Any) -> Any:
    identifier = parameters["db_cluster_identifier"]
    if identifier in backend.clusters:
        raise RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
    group = parameters.get("db_cluster_parameter_group_name")
    if group and not group.startswith("default."):
        backend.describe_db_cluster_parameter_groups(group)
    subnet_group = backend.subnet_groups.get(parameters.get("db_subnet_group_name") or "")
    if subnet_group and not parameters.get("availability_zones"):
        parameters["availability_zones"] = sorted(
            {subnet["SubnetAvailabilityZone"]["Name"] for subnet in subnet_group.subnets}
        )
    multi_az = parameters.get("db_cluster_instance_class") is not None
    if multi_az and len(set(parameters["availability_zones"])) < MULTI_AZ_MEMBERS:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "A Multi-AZ DB cluster needs a DB subnet group in at least three zones",
        )
    # moto still refuses IAM authentication here, as RDS did at first.
    known_to_moto = {} if not multi_az else {"enable_iam_database_authentication": False}
    cluster = original(backend, {**parameters, **known_to_moto})
    _report(cluster, parameters)
    if multi_az:
        _make_members(backend, cluster, parameters)
    return cluster


def _make_members(backend: Any, cluster: Any, parameters: Mapping[str, Any]) -> None:
    zones = sorted(set(parameters["availability_zones"]))
    for number, zone in enumerate(zones[:MULTI_AZ_MEMBERS], start=1):
        backend.create_db_instance(
            {
                "db_instance_identifier": f"{cluster.db_cluster_identifier}-instance-{number}",
                "db_cluster_identifier": cluster.db_cluster_identifier,
                "db_instance_class": cluster.db_cluster_instance_class,
                "engine": cluster.engine,
                "engine_version": cluster.engine_version,
                "availability_zone": zone,
                "promotion_tier": 1,
                "monitoring_interval": parameters.get("monitoring_interval"),
            }
        )


def _modify_db_cluster(original: Any, backend: Any, parameters: Any) -> Any:
    cluster = backend.describe_db_clusters(parameters["db_cluster_identifier"])[0]
    original(backend, parameters)
    _report(cluster, parameters)
    return cluster


def _delete_db_cluster(
    original: Any, backend: Any, cluster_identifier: str, *args: Any, **kwargs: Any
) -> Any:
    """Members that are on their way out do not keep a cluster alive."""
    cluster = backend.clusters.get(cluster_identifier)
    if cluster and cluster.deletion_protection:
        return original(backend, cluster_identifier, *args, **kwargs)
    if cluster and cluster.db_cluster_instance_class:
        for member in list(cluster._members):
            if member.status != "deleting":
                backend.delete_db_instance(member.db_instance_identifier)
    leaving = [] if cluster is None else [m for m in cluster._members if m.status == "deleting"]
    if cluster and len(leaving) == len(cluster._members):
        for member in leaving:
            backend.databases.pop(member.db_instance_identifier, None)
    return original(backend, cluster_identifier, *args, **kwargs)


_COPIED = (
    "backup_retention_period",
    "copy_tags_to_snapshot",
    "db_cluster_instance_class",
    "deletion_protection",
    "iam_auth",
    "kms_key_id",
    "preferred_backup_window",
    "preferred_maintenance_window",
    "serverless_v2_scaling_configuration",
    "storage_encrypted",
    "tags",
    *_REPORTED.values(),
)
"""What a green cluster and its instances have from the blue ones."""


def _copy(blue: Any, green: Any) -> None:
    for name in _COPIED:
        if name in vars(blue):
            setattr(green, name, getattr(blue, name))


def _create_green(deployment: Any, **targets: Any) -> str:
    """A green cluster has an instance for each of the blue one, and names of its own until the
    switchover. moto's keeps too little of either, and switches the cluster's name alone."""
    backend = deployment.backend
    blue = models.find_cluster(deployment.source)
    if blue.db_cluster_instance_class:
        raise RDSClientError(
            "SourceClusterNotSupportedFault",
            "Blue/green deployments aren't supported for Multi-AZ DB clusters",
        )
    group = backend.describe_db_cluster_parameter_groups(blue.parameter_group)[0]
    if group.parameters.get("rds.logical_replication", {}).get("ParameterValue") != "1":
        raise RDSClientError(
            "SourceClusterNotSupportedFault",
            "Blue/green deployments of Aurora PostgreSQL need rds.logical_replication",
        )
    parameters = {
        "db_cluster_identifier": deployment._generate_green_id(blue.db_cluster_identifier),
        "db_cluster_parameter_group_name": targets["target_db_cluster_parameter_group_name"]
        or blue.parameter_group,
        "db_subnet_group_name": blue.db_subnet_group_name,
        "engine": blue.engine,
        "engine_version": targets["target_engine_version"] or blue.engine_version,
        "master_username": blue.master_username,
        "master_user_password": vars(blue)["_master_user_password"],
        "port": blue.port,
        "vpc_security_group_ids": blue.vpc_security_group_ids,
    }
    green = backend.create_db_cluster(parameters)
    _copy(blue, green)
    for member in list(blue.members):
        made = backend.create_db_instance(
            {
                "db_instance_identifier": deployment._generate_green_id(
                    member.db_instance_identifier
                ),
                "db_cluster_identifier": green.db_cluster_identifier,
                "db_instance_class": member.db_instance_class,
                "db_parameter_group_name": targets["target_db_parameter_group_name"]
                or member.db_parameter_group_name,
                "engine": member.engine,
                "availability_zone": member.availability_zone,
                "promotion_tier": member.promotion_tier,
            }
        )
        _copy(member, made)
    return green.db_cluster_arn


def _switch_over(deployment: Any) -> None:
    """Green takes the names of blue, which keeps its data under others."""
    backend = deployment.backend
    blue, green = models.find_cluster(deployment.source), models.find_cluster(deployment.target)
    name = blue.db_cluster_identifier
    _rename(backend, blue, f"{name}-old1", lambda member: f"{member}-old1")
    _rename(backend, green, name, lambda member: member.rsplit("-green-", 1)[0])
    deployment.source, deployment.target = blue.db_cluster_arn, green.db_cluster_arn
    deployment.set_status(deployment.SupportedStates.SWITCHOVER_COMPLETED)
    deployment.status_details = "Switchover completed"


def _rename(backend: Any, cluster: Any, name: str, renamed: Callable[[str], str]) -> None:
    backend.clusters[name] = backend.clusters.pop(cluster.db_cluster_identifier)
    cluster.db_cluster_identifier = name
    for member in cluster._members:
        instance = backend.databases.pop(member.db_instance_identifier)
        instance.db_instance_identifier = renamed(member.db_instance_identifier)
        instance.db_cluster_identifier = name
        backend.databases[instance.db_instance_identifier] = instance


_BACKEND_METHODS: dict[str, Callable[..., Any]] = {
    "create_db_cluster": _create_db_cluster,
    "create_db_instance": _create_db_instance,
    "delete_db_cluster": _delete_db_cluster,
    "delete_db_instance": _delete_db_instance,
    "failover_db_cluster": _failover_db_cluster,
    "modify_db_cluster": _modify_db_cluster,
    "modify_db_instance": _modify_db_instance,
}
