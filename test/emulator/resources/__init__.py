"""The table of CloudFormation types the emulated account knows, one module per AWS service.

A type without a row here fails the deployment by name. Adding one is a row of a few lines:
`created(type, service, create call, ...)` where moto has the API, `recorded(...)` where it has not.
"""

from __future__ import annotations

from ..rows import Row
from . import (
    backup,
    cloudwatch,
    ec2,
    iam,
    kms,
    lambda_,
    logs,
    messaging,
    nothing,
    rds,
    s3,
    scaling,
    secretsmanager,
    ssm,
)

_MODULES = (
    backup,
    cloudwatch,
    ec2,
    iam,
    kms,
    lambda_,
    logs,
    messaging,
    nothing,
    rds,
    s3,
    scaling,
    secretsmanager,
    ssm,
)

TABLE: dict[str, Row] = {row.type: row for module in _MODULES for row in module.ROWS}
"""Every known type."""
