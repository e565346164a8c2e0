"""What a stack serves or runs, for the closing summary: read from the account, not the template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .stack import Stack


def of(stack: Stack) -> dict[str, Any]:
    """What visitors meet and what works behind it, of each kind a list; empty when there is nothing."""
    ids: dict[str, list[str]] = {}
    for resource in list(stack.resources.values()):
        if resource.ref:
            ids.setdefault(resource.type, []).append(resource.ref)
    found = {
        "distributions": [_distribution(stack, i) for i in ids.get(_CDN + "Distribution", [])],
        "firewalls": [_firewall(stack, name) for name in ids.get("AWS::WAFv2::WebACL", [])],
        "buckets": [_bucket(stack, name) for name in ids.get("AWS::S3::Bucket", [])],
        "pools": [_people(stack, pool, ids) for pool in ids.get(_COGNITO + "UserPool", [])],
        "balancers": [_balancer(stack, arn) for arn in ids.get(_ELB + "LoadBalancer", [])],
        "services": sorted(
            (_service(stack, arn, ids) for arn in ids.get("AWS::ECS::Service", [])),
            key=lambda service: service["priority"],
        ),
        "buses": [_bus(stack, name) for name in ids.get("AWS::Events::EventBus", [])],
        "schedules": [_schedule(stack, name) for name in ids.get("AWS::Scheduler::Schedule", [])],
        "pipelines": [_pipeline(stack, name) for name in ids.get("AWS::CodePipeline::Pipeline", [])],
    }
    return found if any(found.values()) else {}


_CDN = "AWS::CloudFront::"
_COGNITO = "AWS::Cognito::"
_ELB = "AWS::ElasticLoadBalancingV2::"


def _distribution(stack: Stack, identity: str) -> dict[str, Any]:
    found = stack.account.call("cloudfront", "get_distribution", Id=identity)["Distribution"]
    config = found["DistributionConfig"]
    return {
        "id": identity,
        "address": found["DomainName"],
        "names": config["Aliases"].get("Items", []),
        "comment": config["Comment"],
    }


def _firewall(stack: Stack, ref: str) -> dict[str, Any]:
    name, identity, scope = ref.split("|")
    acl = stack.account.call("wafv2", "get_web_acl", Name=name, Id=identity, Scope=scope)["WebACL"]
    return {"name": name, "scope": scope, "rules": len(acl["Rules"])}


def _bucket(stack: Stack, name: str) -> dict[str, Any]:
    versions = stack.account.call("s3", "get_bucket_versioning", Bucket=name)
    return {"name": name, "versioned": versions.get("Status") == "Enabled"}


def _people(stack: Stack, pool: str, ids: dict[str, list[str]]) -> dict[str, Any]:
    found = stack.account.call("cognito-idp", "describe_user_pool", UserPoolId=pool)["UserPool"]
    clients = [
        stack.account.call(
            "cognito-idp", "describe_user_pool_client", UserPoolId=pool, ClientId=client
        )["UserPoolClient"]
        for client in ids.get(_COGNITO + "UserPoolClient", [])
    ]
    return {
        "id": pool,
        "name": found["Name"],
        "clients": [
            {
                "name": client["ClientName"],
                "id": client["ClientId"],
                "back": client.get("CallbackURLs", []),
            }
            for client in clients
        ],
    }


def _pipeline(stack: Stack, name: str) -> dict[str, Any]:
    pipeline = stack.account.call("codepipeline", "get_pipeline", name=name)["pipeline"]
    return {"name": name, "stages": [stage["name"] for stage in pipeline["stages"]]}


def _balancer(stack: Stack, arn: str) -> dict[str, Any]:
    found = stack.account.call("elbv2", "describe_load_balancers", LoadBalancerArns=[arn])
    balancer = found["LoadBalancers"][0]
    return {"scheme": balancer["Scheme"], "address": balancer["DNSName"]}


def _service(stack: Stack, arn: str, ids: dict[str, list[str]]) -> dict[str, Any]:
    cluster = arn.split("/")[1]
    found = stack.account.call("ecs", "describe_services", cluster=cluster, services=[arn])
    service = found["services"][0]
    containers = stack.account.call(
        "ecs", "describe_task_definition", taskDefinition=service["taskDefinition"]
    )["taskDefinition"]["containerDefinitions"]
    task = containers[0]
    groups = {balanced["targetGroupArn"] for balanced in service.get("loadBalancers", [])}
    rules = [
        stack.account.call("elbv2", "describe_rules", RuleArns=[rule])["Rules"][0]
        for rule in ids.get(_ELB + "ListenerRule", [])
    ]
    lowest: dict[str, Any] = next(
        (
            rule
            for rule in rules
            for group in rule["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", [])
            if group["TargetGroupArn"] in groups
        ),
        {},
    )
    return {
        "name": next(v["value"] for v in task["environment"] if v["name"] == "SERVICE"),
        "release": service.get("deploymentController", {}).get("type", "ECS"),
        "image": task["image"],
        "pools": _pools(containers),
        "priority": int(lowest.get("Priority", 0)),
        "paths": [
            path
            for condition in lowest.get("Conditions", [])
            for path in condition.get("PathPatternConfig", {}).get("Values", [])
        ],
    }


def _pools(containers: list[dict[str, Any]]) -> list[str]:
    """Where the databases of a task's pooler lead, and with how many connections; empty without one."""
    for container in containers:
        if container["name"] == "pooler":
            variables = {v["name"]: v["value"] for v in container["environment"]}
            pools = []
            for database, name in {"rw": "POOLER_WRITER", "ro": "POOLER_READER"}.items():
                stated = dict(part.split("=", 1) for part in variables[name].split(" ")[:4])
                host = stated["host"].split(",")[0]
                pools.append(f"{database} {stated['pool_size']} to {host}:{stated['port']}")
            return pools
    return []


def _bus(stack: Stack, name: str) -> dict[str, Any]:
    rules = stack.account.call("events", "list_rules", EventBusName=name)["Rules"]
    subscribed = [rule for rule in rules if not rule.get("ManagedBy")]
    return {"name": name, "subscriptions": len(subscribed)}


def _schedule(stack: Stack, name: str) -> dict[str, Any]:
    schedule = stack.account.call("scheduler", "get_schedule", Name=name)
    return {
        "description": schedule.get("Description", name),
        "expression": schedule["ScheduleExpression"],
    }
