"""The network: VPCs, subnets, routes, gateways, endpoints, groups and flow logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..rows import Call, Resource, created, gone


def _attribute_calls(operation: str, given: str, *properties: str) -> tuple[Call, ...]:
    """EC2 sets such attributes one per call, each wrapped in a structure of its own."""

    def call(name: str) -> Call:
        def modify(resource: Resource, _: Mapping[str, Any] | None) -> None:
            value = str(resource.effective.get(name, False)).lower() == "true"
            resource.account.call(
                "ec2", operation, **{given: resource.ref, name: {"Value": value}}
            )

        return Call(modify, takes=(name,))

    return tuple(call(name) for name in properties)


def _default_group(resource: Resource) -> str:
    groups = resource.account.call(
        "ec2",
        "describe_security_groups",
        Filters=[
            {"Name": "vpc-id", "Values": [resource.ref]},
            {"Name": "group-name", "Values": ["default"]},
        ],
    )
    return groups["SecurityGroups"][0]["GroupId"]


def _default_network_acl(resource: Resource) -> str:
    acls = resource.account.call(
        "ec2",
        "describe_network_acls",
        Filters=[
            {"Name": "vpc-id", "Values": [resource.ref]},
            {"Name": "default", "Values": ["true"]},
        ],
    )
    return acls["NetworkAcls"][0]["NetworkAclId"]


def _permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """One rule in the form of the authorize and revoke calls."""
    description = {"Description": rule["Description"]} if "Description" in rule else {}
    permission: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    for port in ("FromPort", "ToPort"):
        if port in rule:
            permission[port] = int(rule[port])
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"]} | description]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"]} | description]
    prefix = rule.get("SourcePrefixListId") or rule.get("DestinationPrefixListId")
    if prefix:
        permission["PrefixListIds"] = [{"PrefixListId": prefix} | description]
    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    if group:
        permission["UserIdGroupPairs"] = [{"GroupId": group} | description]
    return permission


_ALL_TRAFFIC = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def _rules(direction: str) -> Call:
    """The rules written inside a security group."""
    name = f"SecurityGroup{direction}"

    def synchronize(resource: Resource, old: Mapping[str, Any] | None) -> None:
        had = (old or {}).get(name, [])
        if direction == "Egress" and name not in (old or {}):
            # A new group lets everything out until the template says otherwise.
            had = [_ALL_TRAFFIC]
        wanted = resource.effective.get(name, [])
        if direction == "Egress" and name not in resource.effective:
            wanted = [_ALL_TRAFFIC]
        for operation, rules in (
            (f"revoke_security_group_{direction.lower()}", [r for r in had if r not in wanted]),
            (f"authorize_security_group_{direction.lower()}", [r for r in wanted if r not in had]),
        ):
            for rule in rules:
                resource.account.call(
                    "ec2", operation, GroupId=resource.ref, IpPermissions=[_permission(rule)]
                )

    return Call(synchronize, takes=(name,))


def _rule(operation: str) -> Callable[[Resource, Mapping[str, Any] | None], Any]:
    """A rule that is a resource of its own."""

    def call(resource: Resource, _: Mapping[str, Any] | None) -> Any:
        answer = resource.account.call(
            "ec2",
            operation,
            GroupId=resource.effective["GroupId"],
            IpPermissions=[_permission(resource.effective)],
        )
        rules = answer.get("SecurityGroupRules")
        return {"Id": rules[0]["SecurityGroupRuleId"]} if rules else {}

    return call


def _redescribe(direction: str) -> Call:
    def describe(resource: Resource, _: Mapping[str, Any] | None) -> None:
        resource.account.call(
            "ec2",
            f"update_security_group_rule_descriptions_{direction}",
            GroupId=resource.effective["GroupId"],
            IpPermissions=[_permission(resource.effective)],
        )

    return Call(describe, takes=("Description",))


def _replace_route(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call("ec2", "replace_route", **resource.effective)


def _delete_route(resource: Resource, _: Mapping[str, Any] | None) -> None:
    destination = {
        name: resource.effective[name]
        for name in ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
        if name in resource.effective
    }
    resource.account.call(
        "ec2", "delete_route", RouteTableId=resource.effective["RouteTableId"], **destination
    )


def _attach_gateway(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, str]:
    resource.account.call("ec2", "attach_internet_gateway", **resource.effective)
    return {"AttachmentType": "IGW"}


def _modify_endpoint(resource: Resource, old: Mapping[str, Any] | None) -> None:
    """ModifyVpcEndpoint takes what to add and what to remove, not what shall be."""
    old = old or {}
    parameters: dict[str, Any] = {}
    for name, word in (
        ("RouteTableIds", "RouteTableIds"),
        ("SubnetIds", "SubnetIds"),
        ("SecurityGroupIds", "SecurityGroupIds"),
    ):
        had, wants = set(old.get(name, [])), set(resource.effective.get(name, []))
        if wants - had:
            parameters[f"Add{word}"] = sorted(wants - had)
        if had - wants:
            parameters[f"Remove{word}"] = sorted(had - wants)
    resource.account.call("ec2", "modify_vpc_endpoint", VpcEndpointId=resource.ref, **parameters)


def _network_acl_entry(operation: str) -> Callable[[Resource, Mapping[str, Any] | None], Any]:
    def call(resource: Resource, _: Mapping[str, Any] | None) -> Any:
        entry = dict(resource.effective)
        if "Icmp" in entry:
            entry["IcmpTypeCode"] = entry.pop("Icmp")
        entry["Protocol"] = str(entry["Protocol"])
        entry["Egress"] = str(entry.get("Egress", False)).lower() == "true"
        resource.account.call("ec2", operation, **entry)
        return {}

    return call


def _associate_network_acl(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, str]:
    return {"NewAssociationId": _move_network_acl(resource, resource.effective["NetworkAclId"])}


def _restore_network_acl(resource: Resource, _: Mapping[str, Any] | None) -> None:
    subnet = resource.account.call(
        "ec2", "describe_subnets", SubnetIds=[resource.effective["SubnetId"]]
    )["Subnets"][0]
    acls = resource.account.call(
        "ec2",
        "describe_network_acls",
        Filters=[
            {"Name": "vpc-id", "Values": [subnet["VpcId"]]},
            {"Name": "default", "Values": ["true"]},
        ],
    )
    _move_network_acl(resource, acls["NetworkAcls"][0]["NetworkAclId"])


def _move_network_acl(resource: Resource, acl: str) -> str:
    """A subnet always has an ACL, so that associating one is replacing another."""
    subnet = resource.effective["SubnetId"]
    found = resource.account.call(
        "ec2",
        "describe_network_acls",
        Filters=[{"Name": "association.subnet-id", "Values": [subnet]}],
    )
    current = next(
        association["NetworkAclAssociationId"]
        for found_acl in found["NetworkAcls"]
        for association in found_acl["Associations"]
        if association["SubnetId"] == subnet
    )
    return resource.account.call(
        "ec2", "replace_network_acl_association", AssociationId=current, NetworkAclId=acl
    )["NewAssociationId"]


ROWS = (
    created(
        "AWS::EC2::VPC",
        "ec2",
        "create_vpc",
        root="Vpc",
        ref="{VpcId}",
        attributes={
            "DefaultSecurityGroup": _default_group,
            "DefaultNetworkAcl": _default_network_acl,
            "CidrBlockAssociations": "{CidrBlockAssociationSet[].AssociationId}",
            "Ipv6CidrBlocks": "{Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock || `[]`}",
        },
        steps=_attribute_calls(
            "modify_vpc_attribute", "VpcId", "EnableDnsSupport", "EnableDnsHostnames"
        ),
        delete=(gone("delete_vpc", VpcId="{ref}"),),
    ),
    created(
        "AWS::EC2::Subnet",
        "ec2",
        "create_subnet",
        root="Subnet",
        ref="{SubnetId}",
        steps=_attribute_calls(
            "modify_subnet_attribute",
            "SubnetId",
            "MapPublicIpOnLaunch",
            "AssignIpv6AddressOnCreation",
        ),
        delete=(gone("delete_subnet", SubnetId="{ref}"),),
    ),
    created(
        "AWS::EC2::RouteTable",
        "ec2",
        "create_route_table",
        root="RouteTable",
        ref="{RouteTableId}",
        delete=(gone("delete_route_table", RouteTableId="{ref}"),),
    ),
    created(
        "AWS::EC2::SubnetRouteTableAssociation",
        "ec2",
        "associate_route_table",
        ref="{AssociationId}",
        attributes={"Id": "{ref}"},
        delete=(gone("disassociate_route_table", AssociationId="{ref}"),),
    ),
    created(
        "AWS::EC2::Route",
        "ec2",
        "create_route",
        ref="{RouteTableId}|{DestinationCidrBlock || DestinationIpv6CidrBlock || "
        "DestinationPrefixListId}",
        attributes={"CidrBlock": "{DestinationCidrBlock || DestinationIpv6CidrBlock}"},
        update=(Call(_replace_route),),
        delete=(Call(_delete_route),),
    ),
    created(
        "AWS::EC2::InternetGateway",
        "ec2",
        "create_internet_gateway",
        root="InternetGateway",
        ref="{InternetGatewayId}",
        delete=(gone("delete_internet_gateway", InternetGatewayId="{ref}"),),
    ),
    created(
        "AWS::EC2::VPCGatewayAttachment",
        "ec2",
        _attach_gateway,
        ref="{AttachmentType}|{VpcId}",
        replaced_by=("InternetGatewayId",),
        delete=(
            gone(
                "detach_internet_gateway",
                InternetGatewayId="{InternetGatewayId}",
                VpcId="{VpcId}",
            ),
        ),
    ),
    created(
        "AWS::EC2::NatGateway",
        "ec2",
        "create_nat_gateway",
        root="NatGateway",
        ref="{NatGatewayId}",
        delete=(gone("delete_nat_gateway", NatGatewayId="{ref}"),),
    ),
    created(
        "AWS::EC2::EIP",
        "ec2",
        "allocate_address",
        ref="{PublicIp}",
        tagging=("create_tags", "delete_tags", {"Resources": ["{AllocationId}"]}),
        delete=(gone("release_address", AllocationId="{AllocationId}"),),
    ),
    created(
        "AWS::EC2::VPCEndpoint",
        "ec2",
        "create_vpc_endpoint",
        root="VpcEndpoint",
        ref="{VpcEndpointId}",
        attributes={
            "Id": "{ref}",
            "DnsEntries": "{DnsEntries[].join(':', [HostedZoneId, DnsName]) || `[]`}",
            "NetworkInterfaceIds": "{NetworkInterfaceIds || `[]`}",
            "CreationTimestamp": "{CreationTimestamp}",
        },
        update=(
            Call(
                "modify_vpc_endpoint",
                takes=("PolicyDocument", "PrivateDnsEnabled", "DnsOptions", "IpAddressType"),
                given={"VpcEndpointId": "{ref}"},
            ),
            Call(_modify_endpoint, takes=("RouteTableIds", "SubnetIds", "SecurityGroupIds")),
        ),
        delete=(gone("delete_vpc_endpoints", VpcEndpointIds=["{ref}"]),),
    ),
    created(
        "AWS::EC2::SecurityGroup",
        "ec2",
        "create_security_group",
        name="GroupName",
        names={"GroupDescription": "Description"},
        ref="{GroupId}",
        attributes={"Id": "{ref}"},
        steps=(_rules("Ingress"), _rules("Egress")),
        delete=(gone("delete_security_group", GroupId="{ref}"),),
    ),
    created(
        "AWS::EC2::SecurityGroupIngress",
        "ec2",
        _rule("authorize_security_group_ingress"),
        ref="{Id}",
        update=(_redescribe("ingress"),),
        delete=(Call(_rule("revoke_security_group_ingress")),),
    ),
    created(
        "AWS::EC2::SecurityGroupEgress",
        "ec2",
        _rule("authorize_security_group_egress"),
        ref="{Id}",
        update=(_redescribe("egress"),),
        delete=(Call(_rule("revoke_security_group_egress")),),
    ),
    created(
        "AWS::EC2::FlowLog",
        "ec2",
        "create_flow_logs",
        given={"ResourceIds": ["{ResourceId}"]},
        ignored={"ResourceId": "the call wants a list, see `given`"},
        ref="{FlowLogIds[0]}",
        attributes={"Id": "{ref}"},
        delete=(gone("delete_flow_logs", FlowLogIds=["{ref}"]),),
    ),
    created(
        "AWS::EC2::NetworkAcl",
        "ec2",
        "create_network_acl",
        root="NetworkAcl",
        ref="{NetworkAclId}",
        attributes={"Id": "{ref}"},
        delete=(gone("delete_network_acl", NetworkAclId="{ref}"),),
    ),
    created(
        "AWS::EC2::NetworkAclEntry",
        "ec2",
        _network_acl_entry("create_network_acl_entry"),
        ref="{NetworkAclId}|{RuleNumber}|{Egress}",
        update=(Call(_network_acl_entry("replace_network_acl_entry")),),
        delete=(
            gone(
                "delete_network_acl_entry",
                NetworkAclId="{NetworkAclId}",
                RuleNumber="{to_number(RuleNumber)}",
                Egress="{Egress || `false`}",
            ),
        ),
    ),
    created(
        "AWS::EC2::SubnetNetworkAclAssociation",
        "ec2",
        _associate_network_acl,
        ref="{NewAssociationId}",
        attributes={"AssociationId": "{ref}"},
        delete=(Call(_restore_network_acl),),
    ),
)
