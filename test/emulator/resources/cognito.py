"""People: user pools, their clients, domains, groups, scopes and providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cognitoidp.models import cognitoidp_backends

from ..account import ACCOUNT_ID, RefusedProperty, operation_model
from ..rows import Call, Resource, created, fit, gone, recorded, tag_dict

_FIXED = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration", "Schema")
"""What AWS never changes: CloudFormation fails rather than replaces the pool."""

_NAMES = {"UserPoolName": "PoolName"}
_FACTORS = ("MfaConfiguration", "EnabledMfas")


def _pool(resource: Resource) -> Any:
    return cognitoidp_backends[ACCOUNT_ID][resource.region].user_pools[resource.ref]


def _refuse_fixed(resource: Resource, old: Mapping[str, Any]) -> None:
    changed = [name for name in _FIXED if old.get(name) != resource.effective.get(name)]
    if changed:
        raise RefusedProperty(f"Updates are not allowed for property - {', '.join(changed)}.")


def _change_pool(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Changes the pool, and keeps what moto's own UpdateUserPool would forget."""
    carried = {*_FIXED, *_FACTORS, "KeyConfiguration"}
    properties = {k: v for k, v in resource.effective.items() if k not in carried}
    properties["UserPoolTags"] = tag_dict(properties.get("UserPoolTags"))
    shape = operation_model("cognito-idp", "update_user_pool").input_shape
    parameters = fit(_USER_POOL, properties, shape, Call(_change_pool, names=_NAMES))
    before = dict(_pool(resource).extended_config)
    resource.account.call("cognito-idp", "update_user_pool", UserPoolId=resource.ref, **parameters)
    _pool(resource).extended_config = before | parameters


def _set_factors(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """CreateUserPool itself has no place for authenticator apps."""
    enabled = resource.effective.get("EnabledMfas", [])
    parameters = {"MfaConfiguration": resource.effective.get("MfaConfiguration", "OFF")}
    if "SOFTWARE_TOKEN_MFA" in enabled:
        parameters["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
    resource.account.call(
        "cognito-idp", "set_user_pool_mfa_config", UserPoolId=resource.ref, **parameters
    )


def _set_key(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Keeps the key on moto's own pool: botocore's model of the call does not know it yet."""
    _pool(resource).extended_config["KeyConfiguration"] = resource.effective["KeyConfiguration"]


def _change_scopes(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Changes moto's own resource server: moto has no UpdateResourceServer."""
    properties = resource.effective
    shape = operation_model("cognito-idp", "update_resource_server").input_shape
    parameters = fit(_SCOPES, properties, shape, Call(_change_scopes))
    server = _servers(resource)[resource.ref]
    server.name, server.scopes = parameters["Name"], parameters.get("Scopes", [])


def _delete_scopes(resource: Resource, _: Mapping[str, Any] | None) -> None:
    _servers(resource).pop(resource.ref, None)


def _servers(resource: Resource) -> dict[str, Any]:
    pools = cognitoidp_backends[ACCOUNT_ID][resource.region].user_pools
    return pools[resource.effective["UserPoolId"]].resource_servers


_IN_POOL = {"UserPoolId": "{UserPoolId}"}

_USER_POOL = created(
    "AWS::Cognito::UserPool",
    "cognito-idp",
    "create_user_pool",
    names=_NAMES,
    root="UserPool",
    name="UserPoolName",
    name_length=128,
    ref="{Id}",
    attributes={
        "Arn": "{Arn}",
        "ProviderName": "cognito-idp.{region}.amazonaws.com/{ref}",
        "ProviderURL": "https://cognito-idp.{region}.amazonaws.com/{ref}",
        "UserPoolId": "{ref}",
    },
    steps=(
        Call(_set_factors, takes=_FACTORS),
        Call(_set_key, takes=("KeyConfiguration",)),
        Call(_change_pool, takes=("UserPoolTags",)),
    ),
    refuses=_refuse_fixed,
    update=(Call(_change_pool),),
    delete=(gone("delete_user_pool", UserPoolId="{ref}"),),
)

_SCOPES = created(
    "AWS::Cognito::UserPoolResourceServer",
    "cognito-idp",
    "create_resource_server",
    ref="{Identifier}",
    update=(Call(_change_scopes),),
    delete=(Call(_delete_scopes),),
)

ROWS = (
    _USER_POOL,
    _SCOPES,
    created(
        "AWS::Cognito::UserPoolClient",
        "cognito-idp",
        "create_user_pool_client",
        root="UserPoolClient",
        name="ClientName",
        name_length=128,
        ref="{ClientId}",
        attributes={"ClientId": "{ref}", "Name": "{ClientName}"},
        update=(Call("update_user_pool_client", given={"ClientId": "{ref}"}),),
        delete=(gone("delete_user_pool_client", ClientId="{ref}", **_IN_POOL),),
    ),
    created(
        "AWS::Cognito::UserPoolDomain",
        "cognito-idp",
        "create_user_pool_domain",
        ref="{Domain}",
        attributes={"CloudFrontDistribution": "{CloudFrontDomain}"},
        update=(Call("update_user_pool_domain"),),
        delete=(gone("delete_user_pool_domain", Domain="{ref}", **_IN_POOL),),
    ),
    created(
        "AWS::Cognito::UserPoolGroup",
        "cognito-idp",
        "create_group",
        ref="{GroupName}",
        update=(Call("update_group"),),
        delete=(gone("delete_group", GroupName="{ref}", **_IN_POOL),),
    ),
    created(
        "AWS::Cognito::UserPoolIdentityProvider",
        "cognito-idp",
        "create_identity_provider",
        ref="{ProviderName}",
        update=(Call("update_identity_provider"),),
        delete=(gone("delete_identity_provider", ProviderName="{ref}", **_IN_POOL),),
    ),
    recorded(
        "AWS::Cognito::ManagedLoginBranding",
        "cognito-idp",
        "create_managed_login_branding",
        ref="{UserPoolId}|{random}",
        ignored={"ReturnMergedResources": "a parameter of the description"},
    ),
    recorded(
        "AWS::Cognito::UserPoolRiskConfigurationAttachment",
        "cognito-idp",
        "set_risk_configuration",
        ref="UserPoolRiskConfigurationAttachment-{UserPoolId}-{ClientId}",
    ),
    recorded(
        "AWS::Cognito::LogDeliveryConfiguration",
        "cognito-idp",
        "set_log_delivery_configuration",
        ref="LogDeliveryConfiguration-{UserPoolId}",
    ),
)
