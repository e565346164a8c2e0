"""Application Load Balancers: balancers, listeners, rules and target groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..rows import Call, Resource, created, gone


def _full_name(resource: Resource) -> str:
    """The part of an ARN that metrics know a balancer or a target group by."""
    return resource.ref.split(":", 5)[5].removeprefix("loadbalancer/")


def _priority(resource: Resource, old: Mapping[str, Any] | None) -> None:
    if old is not None:
        priority = {"RuleArn": resource.ref, "Priority": int(resource.effective["Priority"])}
        resource.account.call("elbv2", "set_rule_priorities", RulePriorities=[priority])


def _register(resource: Resource, old: Mapping[str, Any] | None) -> None:
    """Registers the targets that the template names, and takes away those it names no more."""
    targets = resource.effective.get("Targets", [])
    stale = [target for target in (old or {}).get("Targets", []) if target not in targets]
    for operation, some in (("register_targets", targets), ("deregister_targets", stale)):
        if some:
            numbered = [{**t, "Port": int(t["Port"])} if "Port" in t else t for t in some]
            resource.account.call(
                "elbv2", operation, TargetGroupArn=resource.ref, Targets=numbered
            )


_TAGS = ("add_tags", "remove_tags", {"ResourceArns": ["{ref}"]})

ROWS = (
    created(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "elbv2",
        "create_load_balancer",
        root="LoadBalancers",
        name="Name",
        name_length=32,
        ref="{LoadBalancers[0].LoadBalancerArn}",
        attributes={
            "LoadBalancerArn": "{ref}",
            "DNSName": "{LoadBalancers[0].DNSName}",
            "CanonicalHostedZoneID": "{LoadBalancers[0].CanonicalHostedZoneId}",
            "LoadBalancerName": "{name}",
            "LoadBalancerFullName": _full_name,
        },
        tagging=_TAGS,
        steps=(
            Call(
                "modify_load_balancer_attributes",
                takes=("LoadBalancerAttributes",),
                names={"LoadBalancerAttributes": "Attributes"},
                given={"LoadBalancerArn": "{ref}"},
            ),
        ),
        update=(
            Call(
                "set_security_groups", takes=("SecurityGroups",), given={"LoadBalancerArn": "{ref}"}
            ),
            Call("set_subnets", takes=("Subnets",), given={"LoadBalancerArn": "{ref}"}),
        ),
        delete=(gone("delete_load_balancer", LoadBalancerArn="{ref}"),),
    ),
    created(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "elbv2",
        "create_target_group",
        root="TargetGroups",
        name="Name",
        name_length=32,
        ref="{TargetGroups[0].TargetGroupArn}",
        attributes={
            "TargetGroupArn": "{ref}",
            "TargetGroupName": "{name}",
            "TargetGroupFullName": _full_name,
        },
        tagging=_TAGS,
        steps=(
            Call(
                "modify_target_group_attributes",
                takes=("TargetGroupAttributes",),
                names={"TargetGroupAttributes": "Attributes"},
                given={"TargetGroupArn": "{ref}"},
            ),
            Call(_register, takes=("Targets",)),
        ),
        update=(
            Call(
                "modify_target_group",
                takes=(
                    "HealthCheckIntervalSeconds",
                    "HealthCheckPath",
                    "HealthCheckPort",
                    "HealthCheckProtocol",
                    "HealthCheckTimeoutSeconds",
                    "HealthyThresholdCount",
                    "Matcher",
                    "UnhealthyThresholdCount",
                ),
                given={"TargetGroupArn": "{ref}"},
            ),
        ),
        delete=(gone("delete_target_group", TargetGroupArn="{ref}"),),
    ),
    created(
        "AWS::ElasticLoadBalancingV2::Listener",
        "elbv2",
        "create_listener",
        root="Listeners",
        ref="{Listeners[0].ListenerArn}",
        attributes={"ListenerArn": "{ref}"},
        update=(
            Call(
                "modify_listener",
                takes=("Certificates", "DefaultActions", "Port", "Protocol", "SslPolicy"),
                given={"ListenerArn": "{ref}"},
            ),
        ),
        delete=(gone("delete_listener", ListenerArn="{ref}"),),
    ),
    created(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "elbv2",
        "create_rule",
        root="Rules",
        ref="{Rules[0].RuleArn}",
        attributes={"RuleArn": "{ref}"},
        # The actions go along whatever changes, as CloudFormation does: a change of the paths puts
        # back the weights of the template. https://github.com/aws/aws-cdk/issues/36649
        update=(
            Call("modify_rule", takes=("Actions", "Conditions"), given={"RuleArn": "{ref}"}),
            Call(_priority, takes=("Priority",)),
        ),
        delete=(gone("delete_rule", RuleArn="{ref}"),),
    ),
)
