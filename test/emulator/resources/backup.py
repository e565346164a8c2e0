"""Backup vaults, plans and what they select."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..rows import Call, Resource, created, gone, recorded


def _lock(resource: Resource, _: Mapping[str, Any] | None) -> None:
    lock = resource.effective.get("LockConfiguration")
    vault = {"BackupVaultName": resource.ref}
    if lock:
        days = {name: int(value) for name, value in lock.items()}
        resource.account.call("backup", "put_backup_vault_lock_configuration", **days, **vault)
    else:
        resource.account.call("backup", "delete_backup_vault_lock_configuration", **vault)


_PLAN_NAMES = {
    "BackupPlanRule": "Rules",
    "TargetBackupVault": "TargetBackupVaultName",
    "AdvancedBackupSettings": "AdvancedBackupSettings",
}

ROWS = (
    created(
        "AWS::Backup::BackupVault",
        "backup",
        "create_backup_vault",
        name="BackupVaultName",
        name_length=50,
        attributes={"Arn": "{BackupVaultArn}", "BackupVaultArn": "{BackupVaultArn}"},
        steps=(
            Call(_lock, takes=("LockConfiguration",)),
            Call(
                "put_backup_vault_access_policy",
                takes=("AccessPolicy",),
                names={"AccessPolicy": "Policy"},
                given={"BackupVaultName": "{ref}"},
                recorded=True,
            ),
        ),
        delete=(gone("delete_backup_vault", BackupVaultName="{ref}"),),
    ),
    created(
        "AWS::Backup::BackupPlan",
        "backup",
        "create_backup_plan",
        names=_PLAN_NAMES,
        ref="{BackupPlanId}",
        attributes={"Arn": "{BackupPlanArn}"},
        recreated="moto has no UpdateBackupPlan",
        delete=(gone("delete_backup_plan", BackupPlanId="{ref}"),),
    ),
    recorded(
        "AWS::Backup::BackupSelection",
        "backup",
        "create_backup_selection",
        ref="{random}|{BackupPlanId}",
        attributes={"SelectionId": "{ref}", "Id": "{ref}", "BackupPlanId": "{BackupPlanId}"},
    ),
)
