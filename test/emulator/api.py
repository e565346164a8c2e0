"""The CloudFormation API in front of the stack engine, in place of moto's."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from moto.cloudformation import urls
from moto.cloudformation.exceptions import CloudFormationError
from moto.core.responses import ActionResult, BaseResponse

from . import shop, sources, template
from . import stack as stacks
from .account import Account
from .resources import row_of
from .stack import ChangeSet, Cloud, Plan, Refused, Stack

cloud = Cloud()
"""The account's stacks."""


def install() -> None:
    """Puts this API where moto's own would answer."""
    urls.url_paths = {"{0}/$": CloudFormationResponse.dispatch}


class CloudFormationResponse(BaseResponse):
    """One request. Parameters come parsed, and results go out, by botocore's service model."""

    def __init__(self) -> None:
        super().__init__(service_name="cloudformation")
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """Answers a refusal of the engine as CloudFormation's own error."""
        action = self._get_action()
        operation: Callable[[dict[str, Any]], dict[str, Any] | None] | None = getattr(
            self, f"_{action}", None
        )
        try:
            if operation is None:
                raise Refused(f"The emulated account has no CloudFormation call {action}")
            result = ActionResult(operation(dict(self.params)) or {})
        except (Refused, template.TemplateError) as refused:
            code = getattr(refused, "code", "ValidationError")
            result = ActionResult(CloudFormationError(code, str(refused)))
        status, headers, body = self.serialized(result)
        headers["status"] = str(status)
        headers, body = self._enrich_response(headers, body)
        return status, headers, body

    def _stack(self, params: dict[str, Any]) -> Stack:
        return cloud.stack(self.region, params["StackName"])

    def _plan(self, params: dict[str, Any], current: Stack | None) -> Plan:
        previous = current.plan if current else None
        if params.get("UsePreviousTemplate"):
            if previous is None:
                raise Refused("There is no previous template to use")
            body = previous.body
        elif params.get("TemplateURL"):
            body = _fetch(self.region, params["TemplateURL"])
        else:
            body = params.get("TemplateBody") or ""
        parameters = {}
        for given in params.get("Parameters") or []:
            name = given["ParameterKey"]
            if not given.get("UsePreviousValue"):
                parameters[name] = given["ParameterValue"]
            elif previous and name in previous.parameters:
                parameters[name] = previous.parameters[name]
        tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
        return Plan(body, parameters, tags)

    def _CreateStack(self, params: dict[str, Any]) -> dict[str, Any]:
        if cloud.find(self.region, params["StackName"]):
            raise Refused(f"Stack [{params['StackName']}] already exists", "AlreadyExistsException")
        plan = self._plan(params, None)
        stack = cloud.begin(self.region, params["StackName"])
        stack.termination_protection = bool(params.get("EnableTerminationProtection"))
        stack.deploy(plan, not params.get("DisableRollback"))
        return {"StackId": stack.id}

    def _UpdateStack(self, params: dict[str, Any]) -> dict[str, Any]:
        stack = self._stack(params)
        _refuse_unless_updatable(stack)
        plan = self._plan(params, stack)
        if not stack.has_changes(plan):
            raise Refused("No updates are to be performed.")
        stack.deploy(plan, not params.get("DisableRollback"))
        return {"StackId": stack.id}

    def _CancelUpdateStack(self, params: dict[str, Any]) -> None:
        self._stack(params).cancel()

    def _DeleteStack(self, params: dict[str, Any]) -> None:
        stack = cloud.find(self.region, params["StackName"])
        if stack and not stack.deleted and not stack.status == "DELETE_IN_PROGRESS":
            if stack.busy:
                raise Refused(f"Stack {stack.name} is in {stack.status} and cannot be deleted")
            stack.delete(set(params.get("RetainResources") or []))

    def _CreateChangeSet(self, params: dict[str, Any]) -> dict[str, Any]:
        stack = cloud.find(self.region, params["StackName"])
        if params.get("ChangeSetType", "UPDATE") == "CREATE":
            if stack and stack.status != "REVIEW_IN_PROGRESS":
                raise Refused(f"Stack [{stack.name}] already exists and cannot be created again")
        elif params.get("ChangeSetType") == "IMPORT":
            raise Refused("The emulated account does not import resources")
        else:
            stack = self._stack(params)
            _refuse_unless_updatable(stack)
        plan = self._plan(params, stack)
        stack = stack or cloud.begin(self.region, params["StackName"])
        name = params["ChangeSetName"]
        if name in stack.change_sets:
            raise Refused(f"ChangeSet {name} already exists", "AlreadyExistsException")
        arn = stack.id.replace(f":stack/{stack.name}/", f":changeSet/{name}/")
        arn = arn[: arn.rindex("/") + 1] + str(uuid.uuid4())
        change_set = ChangeSet(name, arn, stack, plan, params.get("Description") or "")
        stack.change_sets[name] = change_set
        try:
            change_set.changes = stack.changes(plan)
            if not stack.has_changes(plan):
                raise Refused(
                    "The submitted information didn't contain changes. Submit different "
                    "information to create a change set."
                )
        except (Refused, template.TemplateError) as refused:
            change_set.status, change_set.reason = "FAILED", str(refused)
            change_set.execution_status = "UNAVAILABLE"
        return {"Id": change_set.id, "StackId": stack.id}

    def _change_set(self, params: dict[str, Any]) -> ChangeSet:
        wanted = params["ChangeSetName"]
        for stack in cloud.live(self.region):
            if params.get("StackName") in (None, stack.name, stack.id):
                for change_set in stack.change_sets.values():
                    if wanted in (change_set.name, change_set.id):
                        return change_set
        raise Refused(f"ChangeSet [{wanted}] does not exist", "ChangeSetNotFound")

    def _DescribeChangeSet(self, params: dict[str, Any]) -> dict[str, Any]:
        change_set = self._change_set(params)
        return {
            **_change_set_summary(change_set),
            "Changes": change_set.changes,
            "Parameters": _parameters(change_set.plan),
            "Tags": _tags(change_set.plan.tags),
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }

    def _ListChangeSets(self, params: dict[str, Any]) -> dict[str, Any]:
        change_sets = self._stack(params).change_sets.values()
        return {"Summaries": [_change_set_summary(change_set) for change_set in change_sets]}

    def _ExecuteChangeSet(self, params: dict[str, Any]) -> None:
        change_set = self._change_set(params)
        stack = change_set.stack
        if change_set.execution_status != "AVAILABLE":
            raise Refused(
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of "
                f"[{change_set.status}]",
                "InvalidChangeSetStatus",
            )
        if stack.busy:
            raise Refused(f"Stack {stack.name} is in {stack.status} and cannot be updated")
        stack.change_sets.clear()
        stack.deploy(change_set.plan, not params.get("DisableRollback"))

    def _DeleteChangeSet(self, params: dict[str, Any]) -> None:
        try:
            change_set = self._change_set(params)
        except Refused:
            return
        del change_set.stack.change_sets[change_set.name]

    def _DescribeStacks(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("StackName"):
            return {"Stacks": [_description(self._stack(params))]}
        return {"Stacks": [_description(stack) for stack in cloud.live(self.region)]}

    def _ListStacks(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("StackStatusFilter")
        return {
            "StackSummaries": [
                _description(stack)
                for stack in cloud.stacks
                if stack.region == self.region and (not wanted or stack.status in wanted)
            ]
        }

    def _DescribeStackEvents(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"StackEvents": list(reversed(self._stack(params).events))}

    def _ListHookResults(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"HookResults": []}

    def _DescribeEvents(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"OperationEvents": []}

    def _DescribeStackResources(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("StackName"):
            found = [self._stack(params)]
        else:
            found = list(cloud.live(self.region))
        return {
            "StackResources": [
                _resource(stack, resource)
                for stack in found
                for resource in stack.resources.values()
                if params.get("LogicalResourceId") in (None, resource.logical_id)
                and params.get("PhysicalResourceId") in (None, resource.ref)
            ]
        }

    def _DescribeStackResource(self, params: dict[str, Any]) -> dict[str, Any]:
        stack, wanted = self._stack(params), params["LogicalResourceId"]
        if wanted not in stack.resources:
            raise Refused(f"Resource {wanted} does not exist for stack {stack.name}")
        return {"StackResourceDetail": _resource(stack, stack.resources[wanted])}

    def _ListStackResources(self, params: dict[str, Any]) -> dict[str, Any]:
        stack = self._stack(params)
        resources = list(stack.resources.values())
        return {"StackResourceSummaries": [_resource(stack, resource) for resource in resources]}

    def _GetTemplate(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("ChangeSetName"):
            return {"TemplateBody": self._change_set(params).plan.body}
        plan = self._stack(params).plan
        return {
            "TemplateBody": plan.body if plan else "{}",
            "StagesAvailable": ["Original", "Processed"],
        }

    def _GetTemplateSummary(self, params: dict[str, Any]) -> dict[str, Any]:
        if params.get("StackName"):
            plan = self._stack(params).plan
        else:
            plan = self._plan(params, None)
        document = plan.document if plan else {"Resources": {}}
        return {
            "Description": document.get("Description"),
            "Metadata": None,
            "Parameters": _declared(document),
            "ResourceTypes": sorted({r["Type"] for r in document["Resources"].values()}),
            "Version": document.get("AWSTemplateFormatVersion"),
        }

    def _ValidateTemplate(self, params: dict[str, Any]) -> dict[str, Any]:
        document = self._plan(params, None).document
        template.creation_order(document["Resources"])
        return {"Description": document.get("Description"), "Parameters": _declared(document)}

    def _UpdateTerminationProtection(self, params: dict[str, Any]) -> dict[str, Any]:
        stack = self._stack(params)
        stack.termination_protection = bool(params["EnableTerminationProtection"])
        return {"StackId": stack.id}

    def _GetStackPolicy(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"StackPolicyBody": self._stack(params).policy}

    def _SetStackPolicy(self, params: dict[str, Any]) -> None:
        self._stack(params).policy = params.get("StackPolicyBody")

    def _ListExports(self, params: dict[str, Any]) -> dict[str, Any]:
        return {
            "Exports": [
                {"ExportingStackId": stack.id, "Name": name, "Value": value}
                for stack in cloud.live(self.region)
                for name, value in stack.exports.items()
            ]
        }

    def _ListImports(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params["ExportName"]
        importers = [stack.name for stack in cloud.live(self.region) if name in stack.imports]
        if not importers:
            raise Refused(f"Export '{name}' is not imported by any stack.")
        return {"Imports": importers}


def inventory() -> dict[str, Any]:
    """What the account holds because of stacks, for `make up`'s closing summary."""
    return {
        "sources": _SOURCES,
        "databases": [
            _database(stack.account, resource.ref)
            for stack in cloud.live()
            for resource in list(stack.resources.values())
            if resource.type == "AWS::RDS::DBCluster" and resource.ref
        ],
        "caches": [
            _cache(stack.account, resource.ref)
            for stack in cloud.live()
            for resource in list(stack.resources.values())
            if resource.type == "AWS::ElastiCache::ReplicationGroup" and resource.ref
        ],
        "shop": [
            {"stack": stack.name, "holds": found}
            for stack in cloud.live()
            if (found := shop.of(stack))
        ],
        "stacks": [
            {
                "name": stack.name,
                "region": stack.region,
                "status": stack.status,
                "outputs": {o["OutputKey"]: o["OutputValue"] for o in stack.outputs},
                "resources": [
                    {
                        "logicalId": resource.logical_id,
                        "type": resource.type,
                        "id": resource.ref,
                        "kind": row_of(resource.type).kind,
                    }
                    for resource in list(stack.resources.values())
                ],
            }
            for stack in cloud.live()
        ]
    }


_SOURCES = sources.fingerprint()


def _database(account: Account, identifier: str) -> dict[str, Any]:
    """A cluster's endpoints and members, the writer first."""
    found = account.call("rds", "describe_db_clusters", DBClusterIdentifier=identifier)
    cluster = found["DBClusters"][0]
    roles = {
        member["DBInstanceIdentifier"]: "writer" if member["IsClusterWriter"] else "reader"
        for member in cluster["DBClusterMembers"]
    }
    instances = account.call(
        "rds",
        "describe_db_instances",
        Filters=[{"Name": "db-cluster-id", "Values": [identifier]}],
    )["DBInstances"]
    members = [
        {
            "id": instance["DBInstanceIdentifier"],
            "role": roles[instance["DBInstanceIdentifier"]],
            "zone": instance["AvailabilityZone"],
            "class": instance["DBInstanceClass"],
        }
        for instance in instances
    ]
    return {
        "writer": cluster["Endpoint"],
        "reader": cluster["ReaderEndpoint"],
        "members": sorted(members, key=lambda m: (m["role"] != "writer", m["zone"], m["id"])),
    }


def _cache(account: Account, identifier: str) -> dict[str, Any]:
    """A replication group's nodes and address."""
    found = account.call(
        "elasticache", "describe_replication_groups", ReplicationGroupId=identifier
    )
    group = found["ReplicationGroups"][0]
    return {
        "id": identifier,
        "nodes": len(group["MemberClusters"]),
        "type": group["CacheNodeType"],
        "address": group["NodeGroups"][0]["PrimaryEndpoint"]["Address"],
    }


def _fetch(region: str, url: str) -> str:
    """A template from S3, whichever way its bucket is addressed."""
    host, _, path = re.sub(r"^https?://", "", url).partition("/")
    if match := re.match(r"(.+)\.s3[.-]", host):
        bucket, key = match[1], path
    else:
        bucket, _, key = path.partition("/")
    try:
        answer = Account(region).call("s3", "get_object", Bucket=bucket, Key=key.split("?")[0])
    except Exception as error:
        raise Refused(f"S3 error: {stacks.explain(error)} for {url}") from error
    return answer["Body"].read().decode()


def _refuse_unless_updatable(stack: Stack) -> None:
    updatable = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
    paused = ("CREATE_FAILED", "UPDATE_FAILED")
    if stack.status not in (*updatable, *paused):
        raise Refused(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _parameters(plan: Plan | None) -> list[dict[str, str]]:
    if plan is None:
        return []
    declared = plan.document.get("Parameters", {})
    values = {name: definition.get("Default") for name, definition in declared.items()}
    values |= plan.parameters
    return [
        {
            "ParameterKey": name,
            "ParameterValue": "****" if declared[name].get("NoEcho") else str(value),
        }
        for name, value in values.items()
        if value is not None
    ]


def _declared(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "ParameterKey": name,
            "ParameterType": definition.get("Type", "String"),
            "DefaultValue": definition.get("Default"),
            "NoEcho": bool(definition.get("NoEcho")),
            "Description": definition.get("Description"),
        }
        for name, definition in document.get("Parameters", {}).items()
    ]


def _description(stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": stack.plan.document.get("Description") if stack.plan else None,
        "Parameters": _parameters(stack.next or stack.plan),
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated,
        "DeletionTime": stack.deleted,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": False,
        "NotificationARNs": [],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "Outputs": stack.outputs,
        "Tags": _tags(stack.plan.tags) if stack.plan else [],
        "EnableTerminationProtection": stack.termination_protection,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def _resource(stack: Stack, resource: Any) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.ref,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "Timestamp": resource.status_time,
        "LastUpdatedTimestamp": resource.status_time,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def _change_set_summary(change_set: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetId": change_set.id,
        "ChangeSetName": change_set.name,
        "StackId": change_set.stack.id,
        "StackName": change_set.stack.name,
        "Description": change_set.description,
        "CreationTime": change_set.created,
        "Status": change_set.status,
        "StatusReason": change_set.reason,
        "ExecutionStatus": change_set.execution_status,
    }
