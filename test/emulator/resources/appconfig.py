"""AppConfig: applications and profiles; moto lacks environments, strategies and deployments."""

from __future__ import annotations

from ..rows import Call, created, gone, recorded

_OF_PROFILE = {"ApplicationId": "{ApplicationId}", "ConfigurationProfileId": "{ref}"}

ROWS = (
    created(
        "AWS::AppConfig::Application",
        "appconfig",
        "create_application",
        ref="{Id}",
        attributes={"ApplicationId": "{ref}"},
        tagging=(
            "tag_resource",
            "untag_resource",
            {"ResourceArn": "arn:{partition}:appconfig:{region}:{account}:application/{ref}"},
        ),
        update=(Call("update_application", given={"ApplicationId": "{ref}"}),),
        delete=(gone("delete_application", ApplicationId="{ref}"),),
    ),
    created(
        "AWS::AppConfig::ConfigurationProfile",
        "appconfig",
        "create_configuration_profile",
        ref="{Id}",
        attributes={"ConfigurationProfileId": "{ref}"},
        tagging=(
            "tag_resource",
            "untag_resource",
            {
                "ResourceArn": "arn:{partition}:appconfig:{region}:{account}:application/"
                "{ApplicationId}/configurationprofile/{ref}"
            },
        ),
        update=(Call("update_configuration_profile", given=_OF_PROFILE),),
        delete=(gone("delete_configuration_profile", **_OF_PROFILE),),
        ignored={"DeletionProtectionCheck": "a parameter of the delete call, which moto lacks"},
    ),
    recorded(
        "AWS::AppConfig::Environment",
        "appconfig",
        "create_environment",
        ref="{random}",
        attributes={"EnvironmentId": "{ref}"},
        ignored={"DeletionProtectionCheck": "a parameter of the delete call"},
    ),
    recorded(
        "AWS::AppConfig::DeploymentStrategy",
        "appconfig",
        "create_deployment_strategy",
        ref="{random}",
        attributes={"Id": "{ref}"},
    ),
)
