"""Buckets and image repositories: what a CDK bootstrap needs, and more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..rows import Call, Resource, created, gone, tag_dict


def _create_bucket(resource: Resource, _: Mapping[str, Any] | None) -> None:
    where = (
        {}
        if resource.region == "us-east-1"
        else {"CreateBucketConfiguration": {"LocationConstraint": resource.region}}
    )
    resource.account.call("s3", "create_bucket", Bucket=resource.name, **where)


def _put(operation: str, parameter: str, takes: str, removal: str, convert: Any) -> Call:
    """One aspect of a bucket, put whole, or deleted when the template drops it."""

    def put(resource: Resource, _: Mapping[str, Any] | None) -> None:
        value = resource.effective.get(takes)
        if value is None:
            resource.account.call("s3", removal, Bucket=resource.ref)
        else:
            resource.account.call(
                "s3", operation, Bucket=resource.ref, **{parameter: convert(value)}
            )

    return Call(put, takes=(takes,))


def _versioning(resource: Resource, _: Mapping[str, Any] | None) -> None:
    wanted = resource.effective.get("VersioningConfiguration", {"Status": "Suspended"})
    resource.account.call(
        "s3", "put_bucket_versioning", Bucket=resource.ref, VersioningConfiguration=wanted
    )


def _encryption(value: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    for rule in value["ServerSideEncryptionConfiguration"]:
        default = dict(rule.get("ServerSideEncryptionByDefault", {}))
        converted: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
        if "BucketKeyEnabled" in rule:
            converted["BucketKeyEnabled"] = _is_true(rule["BucketKeyEnabled"])
        rules.append(converted)
    return {"Rules": rules}


def _public_access(value: Mapping[str, Any]) -> dict[str, bool]:
    return {name: _is_true(setting) for name, setting in value.items()}


def _lifecycle(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    converted: dict[str, Any] = {
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "Id" in rule:
        converted["ID"] = rule["Id"]
    expiration = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = _is_true(rule["ExpiredObjectDeleteMarker"])
    if expiration:
        converted["Expiration"] = expiration
    noncurrent = rule.get("NoncurrentVersionExpiration") or (
        {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
        if "NoncurrentVersionExpirationInDays" in rule
        else None
    )
    if noncurrent:
        converted["NoncurrentVersionExpiration"] = {k: int(v) for k, v in noncurrent.items()}
    if "AbortIncompleteMultipartUpload" in rule:
        converted["AbortIncompleteMultipartUpload"] = {
            name: int(days) for name, days in rule["AbortIncompleteMultipartUpload"].items()
        }
    if "Transitions" in rule:
        converted["Transitions"] = [
            {"StorageClass": t["StorageClass"], "Days": int(t["TransitionInDays"])}
            for t in rule["Transitions"]
        ]
    if "NoncurrentVersionTransitions" in rule:
        converted["NoncurrentVersionTransitions"] = [
            {"StorageClass": t["StorageClass"], "NoncurrentDays": int(t["TransitionInDays"])}
            for t in rule["NoncurrentVersionTransitions"]
        ]
    return converted


def _tag_set(value: Any) -> dict[str, Any]:
    return {"TagSet": [{"Key": k, "Value": v} for k, v in tag_dict(value).items()]}


def _logging(resource: Resource, _: Mapping[str, Any] | None) -> None:
    wanted = resource.effective.get("LoggingConfiguration", {})
    status: dict[str, Any] = {}
    if wanted:
        status["LoggingEnabled"] = {
            "TargetBucket": wanted.get("DestinationBucketName", resource.ref),
            "TargetPrefix": wanted.get("LogFilePrefix", ""),
        }
    resource.account.call(
        "s3", "put_bucket_logging", Bucket=resource.ref, BucketLoggingStatus=status
    )


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _put_policy(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call(
        "s3",
        "put_bucket_policy",
        Bucket=resource.effective["Bucket"],
        Policy=json.dumps(resource.effective["PolicyDocument"]),
    )


def _repository_policy(resource: Resource, _: Mapping[str, Any] | None) -> None:
    policy = resource.effective.get("RepositoryPolicyText")
    name = {"repositoryName": resource.ref}
    if policy is None:
        resource.account.call("ecr", "delete_repository_policy", **name)
    else:
        resource.account.call("ecr", "set_repository_policy", policyText=json.dumps(policy), **name)


def _repository_lifecycle(resource: Resource, _: Mapping[str, Any] | None) -> None:
    policy = resource.effective.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
    name = {"repositoryName": resource.ref}
    if policy is None:
        resource.account.call("ecr", "delete_lifecycle_policy", **name)
    else:
        resource.account.call("ecr", "put_lifecycle_policy", lifecyclePolicyText=policy, **name)


ROWS = (
    created(
        "AWS::S3::Bucket",
        "s3",
        _create_bucket,
        name="BucketName",
        attributes={
            "Arn": "arn:{partition}:s3:::{ref}",
            "DomainName": "{ref}.s3.amazonaws.com",
            "RegionalDomainName": "{ref}.s3.{region}.amazonaws.com",
            "DualStackDomainName": "{ref}.s3.dualstack.{region}.amazonaws.com",
        },
        steps=(
            _put(
                "put_bucket_encryption",
                "ServerSideEncryptionConfiguration",
                "BucketEncryption",
                "delete_bucket_encryption",
                _encryption,
            ),
            _put(
                "put_public_access_block",
                "PublicAccessBlockConfiguration",
                "PublicAccessBlockConfiguration",
                "delete_public_access_block",
                _public_access,
            ),
            _put(
                "put_bucket_lifecycle_configuration",
                "LifecycleConfiguration",
                "LifecycleConfiguration",
                "delete_bucket_lifecycle",
                _lifecycle,
            ),
            _put(
                "put_bucket_ownership_controls",
                "OwnershipControls",
                "OwnershipControls",
                "delete_bucket_ownership_controls",
                dict,
            ),
            _put("put_bucket_tagging", "Tagging", "Tags", "delete_bucket_tagging", _tag_set),
            Call(_versioning, takes=("VersioningConfiguration",)),
            Call(_logging, takes=("LoggingConfiguration",)),
        ),
        delete=(gone("delete_bucket", Bucket="{ref}"),),
    ),
    created(
        "AWS::S3::BucketPolicy",
        "s3",
        _put_policy,
        ref="{Bucket}",
        update=(Call(_put_policy),),
        delete=(gone("delete_bucket_policy", Bucket="{Bucket}"),),
    ),
    created(
        "AWS::ECR::Repository",
        "ecr",
        "create_repository",
        root="repository",
        name="RepositoryName",
        name_length=256,
        attributes={"Arn": "{repositoryArn}", "RepositoryUri": "{repositoryUri}"},
        steps=(
            Call(_repository_policy, takes=("RepositoryPolicyText",)),
            Call(_repository_lifecycle, takes=("LifecyclePolicy",)),
        ),
        update=(
            Call(
                "put_image_tag_mutability",
                takes=("ImageTagMutability",),
                given={"repositoryName": "{ref}"},
            ),
            Call(
                "put_image_scanning_configuration",
                takes=("ImageScanningConfiguration",),
                given={"repositoryName": "{ref}"},
            ),
        ),
        ignored={"EmptyOnDelete": "a parameter of the deletion"},
        tagging=("tag_resource", "untag_resource", {"resourceArn": "{repositoryArn}"}),
        delete=(gone("delete_repository", repositoryName="{ref}", force=True),),
    ),
)
