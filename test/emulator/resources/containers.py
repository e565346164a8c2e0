"""ECS: clusters, task definitions and services; and the namespaces of Service Connect."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from moto.ecs.models import Container, EC2ContainerServiceBackend

from .. import releases, schema
from ..account import RefusedProperty
from ..rows import Call, Resource, created, gone


def _create_namespace(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    """Cloud Map answers with an operation; the namespace is there when it is done, which is now."""
    resource.account.call(
        "servicediscovery",
        "create_http_namespace",
        Name=resource.name,
        Description=resource.effective.get("Description", ""),
        Tags=resource.effective.get("Tags", []),
    )
    listed = resource.account.call("servicediscovery", "list_namespaces")["Namespaces"]
    return next(space for space in listed if space["Name"] == resource.name)


_LEFT_TO_STACKS = {
    "DeploymentConfiguration",
    "DesiredCount",
    "EnableECSManagedTags",
    "HealthCheckGracePeriodSeconds",
    "PlacementConstraints",
    "PlacementStrategies",
    "PropagateTags",
    "Tags",
}
"""What UpdateService changes of a service under CodeDeploy.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"""


def _leave_to_codedeploy(resource: Resource, old: Mapping[str, Any]) -> None:
    """Refuses what AWS lets nobody but CodeDeploy change, with its words for the commonest case."""
    if resource.effective.get("DeploymentController", {}).get("Type") != "CODE_DEPLOY":
        return
    refused = schema.changed_properties(old, resource.effective) - _LEFT_TO_STACKS
    if "TaskDefinition" in refused:
        raise RefusedProperty(
            "Unable to update task definition on services with a CODE_DEPLOY deployment "
            "controller. Use AWS CodeDeploy to trigger a new deployment."
        )
    if refused:
        raise RefusedProperty(
            f"Unable to update {', '.join(sorted(refused))} on services with a CODE_DEPLOY "
            f"deployment controller."
        )


_requirements = EC2ContainerServiceBackend._calculate_task_resource_requirements


def _with_memory(task_definition: Any) -> dict[str, Any]:
    """Containers on Fargate may leave the memory to their task; moto fails to add up none."""
    counted = copy.copy(task_definition)
    counted.container_definitions = [
        {**container, "memory": container.get("memory") or 0}
        for container in task_definition.container_definitions
    ]
    return _requirements(counted)


EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(_with_memory)

_describe_container = Container.__init__


def _in_words(container: Any, task_definition: Any) -> None:
    """AWS tells a task's sizes as text; moto tells numbers, which no typed SDK reads."""
    _describe_container(container, task_definition)
    for size in ("cpu", "memory"):
        if getattr(container, size) is not None:
            setattr(container, size, str(getattr(container, size)))


Container.__init__ = _in_words  # type: ignore[method-assign]

_OF_SERVICE = {"service": "{ref}", "cluster": "{Cluster}"}

ROWS = (
    created(
        "AWS::ServiceDiscovery::HttpNamespace",
        "servicediscovery",
        _create_namespace,
        name="Name",
        ref="{Id}",
        attributes={"Arn": "{Arn}", "Id": "{ref}"},
        tagging=("tag_resource", "untag_resource", {"ResourceARN": "{Arn}"}),
        update=(
            Call(
                "update_http_namespace",
                takes=(),
                given={"Id": "{ref}", "Namespace": {"Description": "{Description}"}},
            ),
        ),
        delete=(gone("delete_namespace", Id="{ref}"),),
    ),
    created(
        "AWS::ECS::Cluster",
        "ecs",
        "create_cluster",
        names={"ClusterSettings": "settings"},
        root="cluster",
        name="ClusterName",
        name_length=255,
        attributes={"Arn": "{clusterArn}"},
        tagging=("tag_resource", "untag_resource", {"resourceArn": "{clusterArn}"}),
        update=(
            Call(
                "update_cluster",
                takes=("ClusterSettings", "Configuration", "ServiceConnectDefaults"),
                names={"ClusterSettings": "settings"},
                given={"cluster": "{ref}"},
            ),
        ),
        delete=(gone("delete_cluster", cluster="{ref}"),),
    ),
    created(
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "ecs",
        "put_cluster_capacity_providers",
        ref="{Cluster}",
        update=(Call("put_cluster_capacity_providers"),),
        delete=(
            gone(
                "put_cluster_capacity_providers",
                cluster="{ref}",
                capacityProviders=[],
                defaultCapacityProviderStrategy=[],
            ),
        ),
    ),
    created(
        "AWS::ECS::TaskDefinition",
        "ecs",
        "register_task_definition",
        root="taskDefinition",
        name="Family",
        name_length=255,
        ref="{taskDefinitionArn}",
        attributes={"TaskDefinitionArn": "{ref}"},
        tagging=("tag_resource", "untag_resource", {"resourceArn": "{ref}"}),
        delete=(gone("deregister_task_definition", taskDefinition="{ref}"),),
    ),
    created(
        "AWS::ECS::Service",
        "ecs",
        "create_service",
        given={"desiredCount": "{DesiredCount || `1`}"},
        root="service",
        name="ServiceName",
        name_length=255,
        ref="{serviceArn}",
        attributes={"Name": "{serviceName}", "ServiceArn": "{ref}"},
        tagging=("tag_resource", "untag_resource", {"resourceArn": "{ref}"}),
        refuses=_leave_to_codedeploy,
        # moto's create_service forgets it.
        steps=(Call("update_service", takes=("DeploymentConfiguration",), given=_OF_SERVICE),),
        follows=releases.of_service,
        update=(
            Call(
                "update_service",
                takes=(
                    "AvailabilityZoneRebalancing",
                    "CapacityProviderStrategy",
                    "DesiredCount",
                    "EnableECSManagedTags",
                    "EnableExecuteCommand",
                    "HealthCheckGracePeriodSeconds",
                    "LoadBalancers",
                    "NetworkConfiguration",
                    "PropagateTags",
                    "ServiceConnectConfiguration",
                    "TaskDefinition",
                ),
                given=_OF_SERVICE,
            ),
        ),
        delete=(
            gone("delete_service", force=True, **_OF_SERVICE),
            Call(releases.service_ended, takes=()),
        ),
    ),
)
