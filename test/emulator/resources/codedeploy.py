"""CodeDeploy: applications, deployment groups and how they shift traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.codedeploy.models import codedeploy_backends

from ..account import ACCOUNT_ID
from ..rows import Call, Resource, created, gone


def _delete_application(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Works on moto's own object: it has no call for this."""
    backend = codedeploy_backends[ACCOUNT_ID][resource.region]
    backend.applications.pop(resource.ref, None)
    backend.deployment_groups.pop(resource.ref, None)


def _delete_group(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Works on moto's own object: it has no call for this."""
    groups = codedeploy_backends[ACCOUNT_ID][resource.region].deployment_groups
    groups.get(resource.effective["ApplicationName"], {}).pop(resource.ref, None)


ROWS = (
    created(
        "AWS::CodeDeploy::Application",
        "codedeploy",
        "create_application",
        name="ApplicationName",
        name_length=100,
        tagging=(
            "tag_resource",
            "untag_resource",
            {"ResourceArn": "arn:aws:codedeploy:{region}:{account}:application:{ref}"},
        ),
        delete=(Call(_delete_application),),
    ),
    created(
        "AWS::CodeDeploy::DeploymentConfig",
        "codedeploy",
        "create_deployment_config",
        name="DeploymentConfigName",
        name_length=100,
        delete=(gone("delete_deployment_config", deploymentConfigName="{ref}"),),
    ),
    created(
        "AWS::CodeDeploy::DeploymentGroup",
        "codedeploy",
        "create_deployment_group",
        name="DeploymentGroupName",
        name_length=100,
        recreated="moto has no call that changes one",
        delete=(Call(_delete_group),),
    ),
)
