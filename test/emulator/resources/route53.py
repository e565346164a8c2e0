"""Route 53: private zones and their records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..rows import Call, Resource, created, tag_dict


def _create_zone(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    """The call takes the first network of a private zone, and a reference of one's own."""
    properties = resource.effective
    networks = properties.get("VPCs", [])
    optional: dict[str, Any] = {}
    if networks:
        optional["VPC"] = {"VPCRegion": networks[0]["VPCRegion"], "VPCId": networks[0]["VPCId"]}
    zone = resource.account.call(
        "route53",
        "create_hosted_zone",
        Name=properties["Name"],
        CallerReference=f"{resource.stack_id} {resource.logical_id}",
        HostedZoneConfig={
            "Comment": properties.get("HostedZoneConfig", {}).get("Comment", ""),
            "PrivateZone": bool(networks),
        },
        **optional,
    )["HostedZone"]
    return {"Id": zone["Id"].rpartition("/")[2]}


def _tag_zone(resource: Resource, old: Mapping[str, Any] | None) -> None:
    before = tag_dict((old or {}).get("HostedZoneTags"))
    after = tag_dict(resource.effective.get("HostedZoneTags"))
    changes: dict[str, Any] = {}
    if added := {key: value for key, value in after.items() if before.get(key) != value}:
        changes["AddTags"] = [{"Key": key, "Value": value} for key, value in added.items()]
    if removed := sorted(before.keys() - after.keys()):
        changes["RemoveTagKeys"] = removed
    if changes:
        resource.account.call(
            "route53",
            "change_tags_for_resource",
            ResourceType="hostedzone",
            ResourceId=resource.ref,
            **changes,
        )


def _delete_zone(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call("route53", "delete_hosted_zone", Id=resource.ref)


def _record(action: str) -> Callable[[Resource, Mapping[str, Any] | None], dict[str, Any]]:
    def change(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
        properties = resource.effective
        record = {name: properties[name] for name in ("Name", "Type")}
        if "AliasTarget" in properties:
            record["AliasTarget"] = {"EvaluateTargetHealth": False, **properties["AliasTarget"]}
        else:
            record["TTL"] = int(properties["TTL"])
            record["ResourceRecords"] = [{"Value": v} for v in properties["ResourceRecords"]]
        resource.account.call(
            "route53",
            "change_resource_record_sets",
            HostedZoneId=properties["HostedZoneId"],
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
        )
        return {"Id": properties["Name"]}

    return change


ROWS = (
    created(
        "AWS::Route53::HostedZone",
        "route53",
        _create_zone,
        ref="{Id}",
        attributes={"Id": "{ref}"},
        steps=(Call(_tag_zone, takes=("HostedZoneTags",)),),
        update=(),
        delete=(Call(_delete_zone, takes=()),),
    ),
    created(
        "AWS::Route53::RecordSet",
        "route53",
        _record("CREATE"),
        ref="{Id}",
        update=(
            Call(_record("UPSERT"), takes=("AliasTarget", "ResourceRecords", "TTL", "Type")),
        ),
        delete=(Call(_record("DELETE"), takes=()),),
    ),
)
