"""The table of CloudFormation types the emulated account knows, one module per AWS service.

A type without a row here fails the deployment by name. Adding one is a row of a few lines:
`created(type, service, create call, ...)` where moto has the API, `recorded(...)` where it has not.
"""

from __future__ import annotations

from ..rows import Row
from . import (
    appconfig,
    archives,
    backup,
    chatbot,
    cloudfront,
    cloudwatch,
    codedeploy,
    cognito,
    containers,
    custom,
    delivery,
    ec2,
    elasticache,
    iam,
    kms,
    lambda_,
    load_balancing,
    logs,
    messaging,
    nothing,
    rds,
    route53,
    s3,
    scaling,
    secretsmanager,
    ssm,
    wafv2,
    watching,
    xray,
)

_MODULES = (
    appconfig,
    archives,
    backup,
    chatbot,
    cloudfront,
    cloudwatch,
    codedeploy,
    cognito,
    containers,
    custom,
    delivery,
    ec2,
    elasticache,
    iam,
    kms,
    lambda_,
    load_balancing,
    logs,
    messaging,
    nothing,
    rds,
    route53,
    s3,
    scaling,
    secretsmanager,
    ssm,
    wafv2,
    watching,
    xray,
)

TABLE: dict[str, Row] = {row.type: row for module in _MODULES for row in module.ROWS}
"""Every known type."""


def find(type_name: str) -> Row | None:
    """The row of a type; custom resources of every name share one."""
    return TABLE.get(custom.TYPE if type_name.startswith("Custom::") else type_name)


def row_of(type_name: str) -> Row:
    """The row of a type that is known to have one."""
    row = find(type_name)
    if row is None:
        raise KeyError(type_name)
    return row
