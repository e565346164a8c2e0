"""Secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from ..account import ACCOUNT_ID
from ..rows import Call, Resource, created, gone


def _create_secret(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    properties = resource.effective
    given = ("Description", "KmsKeyId", "SecretString")
    parameters = {key: properties[key] for key in given if key in properties}
    if "GenerateSecretString" in properties:
        parameters["SecretString"] = _generate(resource, properties["GenerateSecretString"])
    tags = properties.get("Tags", [])
    return resource.account.call(
        "secretsmanager", "create_secret", Name=resource.name, Tags=tags, **parameters
    )


def _generate(resource: Resource, how: Mapping[str, Any]) -> str:
    """A password, alone or as one more key of a JSON template."""
    template = ("SecretStringTemplate", "GenerateStringKey")
    wishes = {name: value for name, value in how.items() if name not in template}
    if "PasswordLength" in wishes:
        wishes["PasswordLength"] = int(wishes["PasswordLength"])
    for name, value in wishes.items():
        if name.startswith(("Exclude", "Include", "Require")) and name != "ExcludeCharacters":
            wishes[name] = str(value).lower() == "true"
    password = resource.account.call("secretsmanager", "get_random_password", **wishes)[
        "RandomPassword"
    ]
    if "SecretStringTemplate" not in how:
        return password
    value = json.loads(how["SecretStringTemplate"])
    return json.dumps(value | {how["GenerateStringKey"]: password})


def _regenerate(resource: Resource, _: Mapping[str, Any] | None) -> None:
    value = _generate(resource, resource.effective["GenerateSecretString"])
    resource.account.call(
        "secretsmanager", "put_secret_value", SecretId=resource.ref, SecretString=value
    )


def _attach(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, str]:
    """Writes where the database is into the secret, as AWS's attachment does."""
    secret, target = resource.effective["SecretId"], resource.effective["TargetId"]
    if resource.effective["TargetType"] == "AWS::RDS::DBCluster":
        found = resource.account.call("rds", "describe_db_clusters", DBClusterIdentifier=target)
        cluster = found["DBClusters"][0]
        connection = {
            "dbClusterIdentifier": target,
            "engine": cluster["Engine"].removeprefix("aurora-").replace("postgresql", "postgres"),
            "host": cluster["Endpoint"],
            "port": cluster["Port"],
            "dbname": cluster.get("DatabaseName"),
        }
    else:
        found = resource.account.call("rds", "describe_db_instances", DBInstanceIdentifier=target)
        instance = found["DBInstances"][0]
        connection = {
            "dbInstanceIdentifier": target,
            "engine": instance["Engine"],
            "host": instance["Endpoint"]["Address"],
            "port": instance["Endpoint"]["Port"],
            "dbname": instance.get("DBName"),
        }
    current = resource.account.call("secretsmanager", "get_secret_value", SecretId=secret)
    value = json.loads(current["SecretString"]) | {k: v for k, v in connection.items() if v}
    resource.account.call(
        "secretsmanager", "put_secret_value", SecretId=secret, SecretString=json.dumps(value)
    )
    return {"Id": secret}


def _rotate(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, str]:
    """Schedules rotation on moto's own secret.

    Its RotateSecret would run the function at once, which has no database here to talk to.
    """
    properties, secret = resource.effective, _secret(resource)
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = properties.get("RotationLambdaARN", "")
    secret.auto_rotate_after_days = _days(properties.get("RotationRules", {}))
    return {"Id": properties["SecretId"]}


def _days(rules: Mapping[str, Any]) -> int:
    """The interval in days, which is all that moto keeps of a schedule."""
    rate = re.fullmatch(r"rate\((\d+) days?\)", rules.get("ScheduleExpression", ""))
    return int(rate[1] if rate else rules.get("AutomaticallyAfterDays", 0))


def _stop_rotating(resource: Resource, _: Mapping[str, Any] | None) -> None:
    secret = _secret(resource)
    secret.rotation_enabled, secret.rotation_lambda_arn = False, ""


def _secret(resource: Resource) -> Any:
    secrets = secretsmanager_backends[ACCOUNT_ID][resource.region].secrets
    return secrets[resource.effective["SecretId"]]


ROWS = (
    created(
        "AWS::SecretsManager::Secret",
        "secretsmanager",
        _create_secret,
        name="Name",
        name_length=512,
        ref="{ARN}",
        attributes={"Id": "{ref}", "Arn": "{ref}"},
        update=(
            Call(
                "update_secret",
                takes=("Description", "KmsKeyId", "SecretString"),
                given={"SecretId": "{ref}"},
            ),
            Call(_regenerate, takes=("GenerateSecretString",)),
        ),
        removed={"Description": ""},
        tagging=("tag_resource", "untag_resource", {"SecretId": "{ref}"}),
        delete=(gone("delete_secret", SecretId="{ref}", ForceDeleteWithoutRecovery=True),),
    ),
    created(
        "AWS::SecretsManager::SecretTargetAttachment",
        "secretsmanager",
        _attach,
        ref="{Id}",
        update=(Call(_attach),),
    ),
    created(
        "AWS::SecretsManager::RotationSchedule",
        "secretsmanager",
        _rotate,
        ref="{Id}",
        update=(Call(_rotate),),
        delete=(Call(_stop_rotating),),
    ),
    created(
        "AWS::SecretsManager::ResourcePolicy",
        "secretsmanager",
        "put_resource_policy",
        ref="{SecretId}",
        attributes={"Id": "{ref}"},
        update=(Call("put_resource_policy"),),
        delete=(gone("delete_resource_policy", SecretId="{SecretId}"),),
    ),
)
