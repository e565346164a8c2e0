"""Encryption keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..rows import Call, Resource, created, gone


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _rotation(resource: Resource, _: Mapping[str, Any] | None) -> None:
    on = _is_true(resource.effective.get("EnableKeyRotation", False))
    period = resource.effective.get("RotationPeriodInDays")
    parameters = {"RotationPeriodInDays": int(period)} if on and period else {}
    operation = "enable_key_rotation" if on else "disable_key_rotation"
    resource.account.call("kms", operation, KeyId=resource.ref, **parameters)


def _enabled(resource: Resource, _: Mapping[str, Any] | None) -> None:
    operation = "enable_key" if _is_true(resource.effective.get("Enabled", True)) else "disable_key"
    resource.account.call("kms", operation, KeyId=resource.ref)


ROWS = (
    created(
        "AWS::KMS::Key",
        "kms",
        "create_key",
        names={"KeyPolicy": "Policy"},
        root="KeyMetadata",
        ref="{KeyId}",
        ignored={"PendingWindowInDays": "a parameter of the deletion"},
        steps=(
            Call(_rotation, takes=("EnableKeyRotation", "RotationPeriodInDays")),
            Call(_enabled, takes=("Enabled",)),
        ),
        update=(
            Call(
                "put_key_policy",
                takes=("KeyPolicy",),
                names={"KeyPolicy": "Policy"},
                given={"KeyId": "{ref}", "PolicyName": "default"},
            ),
            Call("update_key_description", takes=("Description",), given={"KeyId": "{ref}"}),
        ),
        removed={"Description": ""},
        replaced_by=("KeySpec", "KeyUsage", "MultiRegion", "Origin"),
        tagging=("tag_resource", "untag_resource", {"KeyId": "{ref}"}),
        delete=(
            gone(
                "schedule_key_deletion",
                KeyId="{ref}",
                PendingWindowInDays="{to_number(PendingWindowInDays || `30`)}",
            ),
        ),
    ),
    created(
        "AWS::KMS::Alias",
        "kms",
        "create_alias",
        ref="{AliasName}",
        update=(Call("update_alias"),),
        delete=(gone("delete_alias", AliasName="{ref}"),),
    ),
)
