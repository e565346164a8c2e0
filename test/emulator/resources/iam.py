"""Roles and policies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..rows import Call, Resource, created, gone

_HOLDERS = (
    ("Roles", "role", "RoleName"),
    ("Users", "user", "UserName"),
    ("Groups", "group", "GroupName"),
)


def _managed_policies(resource: Resource, old: Mapping[str, Any] | None) -> None:
    had = set((old or {}).get("ManagedPolicyArns", []))
    wanted = set(resource.effective.get("ManagedPolicyArns", []))
    for operation, arns in (
        ("attach_role_policy", wanted - had),
        ("detach_role_policy", had - wanted),
    ):
        for arn in sorted(arns):
            resource.account.call("iam", operation, RoleName=resource.ref, PolicyArn=arn)


def _inline_policies(resource: Resource, old: Mapping[str, Any] | None) -> None:
    wanted = {policy["PolicyName"]: policy for policy in resource.effective.get("Policies", [])}
    for name, policy in wanted.items():
        resource.account.call(
            "iam",
            "put_role_policy",
            RoleName=resource.ref,
            PolicyName=name,
            PolicyDocument=json.dumps(policy["PolicyDocument"]),
        )
    for policy in (old or {}).get("Policies", []):
        if policy["PolicyName"] not in wanted:
            resource.account.call(
                "iam",
                "delete_role_policy",
                RoleName=resource.ref,
                PolicyName=policy["PolicyName"],
            )


def _boundary(resource: Resource, _: Mapping[str, Any] | None) -> None:
    boundary = resource.effective.get("PermissionsBoundary")
    if boundary:
        resource.account.call(
            "iam",
            "put_role_permissions_boundary",
            RoleName=resource.ref,
            PermissionsBoundary=boundary,
        )
    else:
        resource.account.call("iam", "delete_role_permissions_boundary", RoleName=resource.ref)


def _empty_role(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """IAM deletes no role that still holds policies."""
    role = {"RoleName": resource.ref}
    attached = resource.account.call("iam", "list_attached_role_policies", **role)
    for policy in attached["AttachedPolicies"]:
        resource.account.call("iam", "detach_role_policy", PolicyArn=policy["PolicyArn"], **role)
    for name in resource.account.call("iam", "list_role_policies", **role)["PolicyNames"]:
        resource.account.call("iam", "delete_role_policy", PolicyName=name, **role)


def _holders(properties: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Who holds a policy: the kind, the parameter that names it, and the name."""
    for name, kind, parameter in _HOLDERS:
        for holder in properties.get(name, []):
            yield kind, parameter, holder


def _put_inline(resource: Resource, old: Mapping[str, Any] | None) -> dict[str, str]:
    document = json.dumps(resource.effective["PolicyDocument"])
    for kind, parameter, holder in _holders(resource.effective):
        resource.account.call(
            "iam",
            f"put_{kind}_policy",
            PolicyName=resource.name,
            PolicyDocument=document,
            **{parameter: holder},
        )
    for kind, parameter, holder in set(_holders(old or {})) - set(_holders(resource.effective)):
        resource.account.call(
            "iam", f"delete_{kind}_policy", PolicyName=resource.name, **{parameter: holder}
        )
    return {"Id": resource.name}


def _delete_inline(resource: Resource, _: Mapping[str, Any] | None) -> None:
    for kind, parameter, holder in _holders(resource.effective):
        resource.account.call(
            "iam", f"delete_{kind}_policy", PolicyName=resource.name, **{parameter: holder}
        )


def _attach(resource: Resource, old: Mapping[str, Any] | None) -> None:
    had, wanted = set(_holders(old or {})), set(_holders(resource.effective))
    for word, holders in (("attach", wanted - had), ("detach", had - wanted)):
        for kind, parameter, holder in sorted(holders):
            resource.account.call(
                "iam", f"{word}_{kind}_policy", PolicyArn=resource.ref, **{parameter: holder}
            )


def _new_version(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """A managed policy keeps at most five versions; only the newest matters here."""
    versions = resource.account.call("iam", "list_policy_versions", PolicyArn=resource.ref)
    for version in versions["Versions"]:
        if not version["IsDefaultVersion"]:
            resource.account.call(
                "iam",
                "delete_policy_version",
                PolicyArn=resource.ref,
                VersionId=version["VersionId"],
            )
    resource.account.call(
        "iam",
        "create_policy_version",
        PolicyArn=resource.ref,
        PolicyDocument=json.dumps(resource.effective["PolicyDocument"]),
        SetAsDefault=True,
    )


def _detach_everywhere(resource: Resource, _: Mapping[str, Any] | None) -> None:
    for kind, parameter, holder in _holders(resource.effective):
        resource.account.call(
            "iam", f"detach_{kind}_policy", PolicyArn=resource.ref, **{parameter: holder}
        )
    _new_version(resource, None)
    versions = resource.account.call("iam", "list_policy_versions", PolicyArn=resource.ref)
    for version in versions["Versions"]:
        if not version["IsDefaultVersion"]:
            resource.account.call(
                "iam",
                "delete_policy_version",
                PolicyArn=resource.ref,
                VersionId=version["VersionId"],
            )


ROWS = (
    created(
        "AWS::IAM::Role",
        "iam",
        "create_role",
        root="Role",
        name="RoleName",
        ref="{RoleName}",
        steps=(
            Call(_managed_policies, takes=("ManagedPolicyArns",)),
            Call(_inline_policies, takes=("Policies",)),
        ),
        update=(
            Call(
                "update_assume_role_policy",
                takes=("AssumeRolePolicyDocument",),
                names={"AssumeRolePolicyDocument": "PolicyDocument"},
                given={"RoleName": "{ref}"},
            ),
            Call(
                "update_role",
                takes=("Description", "MaxSessionDuration"),
                given={"RoleName": "{ref}"},
            ),
            Call(_boundary, takes=("PermissionsBoundary",)),
        ),
        removed={"Description": "", "MaxSessionDuration": 3600},
        tagging=("tag_role", "untag_role", {"RoleName": "{ref}"}),
        delete=(Call(_empty_role), gone("delete_role", RoleName="{ref}")),
    ),
    created(
        "AWS::IAM::Policy",
        "iam",
        _put_inline,
        name="PolicyName",
        name_length=128,
        update=(Call(_put_inline, takes=("PolicyDocument", "Roles", "Users", "Groups")),),
        replaced_by=("PolicyName",),
        delete=(Call(_delete_inline),),
    ),
    created(
        "AWS::IAM::ManagedPolicy",
        "iam",
        "create_policy",
        names={"ManagedPolicyName": "PolicyName"},
        root="Policy",
        name="ManagedPolicyName",
        name_length=128,
        ref="{Arn}",
        attributes={"PolicyArn": "{ref}"},
        steps=(Call(_attach, takes=("Roles", "Users", "Groups")),),
        update=(Call(_new_version, takes=("PolicyDocument",)),),
        tagging=("tag_policy", "untag_policy", {"PolicyArn": "{ref}"}),
        delete=(Call(_detach_everywhere), gone("delete_policy", PolicyArn="{ref}")),
    ),
    created(
        "AWS::IAM::ServiceLinkedRole",
        "iam",
        "create_service_linked_role",
        root="Role",
        ref="{RoleName}",
        delete=(gone("delete_service_linked_role", RoleName="{ref}"),),
    ),
)
