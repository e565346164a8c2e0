"""Stacks: deploying, updating, rolling back and deleting them as CloudFormation does.

moto's own template engine skips types it does not know, cannot replace a resource, does not delete
in reverse dependency order and rolls nothing back, so the emulated account has this engine and
takes only the services from moto.
"""

from __future__ import annotations

import datetime
import json
import re
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError

from . import releases, rows, schema, template
from .account import ACCOUNT_ID, Account, RefusedProperty
from .releases import TakenBack
from .resources import find, row_of
from .resources.custom import NotDone
from .rows import Resource, Row
from .template import TemplateError

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows for values that only the deployment will know."""

SETTLE_SECONDS = 900.0
"""How long a resource may take to become ready before its creation counts as failed."""

HEAD_START_SECONDS = 2.0
"""How long a request that starts an operation waits for it before it answers."""


_starting = threading.Lock()
"""Of two operations on a stack at once, one begins."""


class Refused(Exception):
    """A request that CloudFormation refuses before it touches the stack."""

    def __init__(self, message: str, code: str = "ValidationError") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Plan:
    """What a deployment is asked to make true."""

    body: str
    parameters: dict[str, Any]
    """As given; a parameter of an SSM type holds the parameter's name."""
    tags: dict[str, str]
    document: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.document = template.parse(self.body)


@dataclass
class ChangeSet:
    """A computed difference between a stack and a plan, to be looked at or executed."""

    name: str
    id: str
    stack: Stack
    plan: Plan
    description: str = ""
    status: str = "CREATE_COMPLETE"
    reason: str | None = None
    execution_status: str = "AVAILABLE"
    changes: list[dict[str, Any]] = field(default_factory=list)
    created: datetime.datetime = field(default_factory=lambda: _now())


@dataclass
class Stack:
    """One stack and its history."""

    name: str
    region: str
    id: str
    cloud: Cloud
    plan: Plan | None = None
    status: str = "REVIEW_IN_PROGRESS"
    reason: str | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    termination_protection: bool = False
    cancelled: bool = False
    next: Plan | None = None
    """What an operation under way leads to; its parameters are told from its start."""
    policy: str | None = None
    created: datetime.datetime = field(default_factory=lambda: _now())
    updated: datetime.datetime | None = None
    deleted: datetime.datetime | None = None

    @property
    def account(self) -> Account:
        """The API of the stack's region."""
        return Account(self.region)

    @property
    def exports(self) -> dict[str, str]:
        """Exported names and their values."""
        return {o["ExportName"]: o["OutputValue"] for o in self.outputs if "ExportName" in o}

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    def resolver(self, plan: Plan, unknown: set[str] | None = None) -> template.Resolver:
        """Evaluates a plan against the stack's resources.

        With `unknown` it previews: those resources, and the ones not there yet, answer with
        KNOWN_AFTER_APPLY.
        """
        values = parameter_values(plan, self)

        def ref(logical_id: str) -> Any:
            if logical_id not in plan.document["Resources"]:
                raise KeyError(logical_id)
            if unknown is not None and (
                logical_id in unknown or logical_id not in self.resources
            ):
                return KNOWN_AFTER_APPLY
            return self.resources[logical_id].ref

        def attribute(logical_id: str, name: str) -> Any:
            if ref(logical_id) == KNOWN_AFTER_APPLY:
                return KNOWN_AFTER_APPLY
            resource = self.resources[logical_id]
            return rows.attribute(row_of(resource.type), resource, name)

        def exported(name: str) -> str:
            return self.cloud.exported(self.region, name)

        def zones(region: str) -> list[str]:
            found = Account(region).call("ec2", "describe_availability_zones")
            return [zone["ZoneName"] for zone in found["AvailabilityZones"]]

        return template.Resolver(
            plan.document, values, ref, attribute, exported, self.cloud.output, zones
        )

    def changes(self, plan: Plan) -> list[dict[str, Any]]:
        """The changes a plan would make, as a change set lists them."""
        _refuse_unknown_types(plan)
        unknown: set[str] = set()
        resolver = self.resolver(plan, unknown)
        included = resolver.included()
        found = []
        for logical_id in template.creation_order(included):
            definition, old = included[logical_id], self.resources.get(logical_id)
            if old is None:
                unknown.add(logical_id)
                found.append(_change("Add", logical_id, definition["Type"]))
                continue
            properties = resolver.resolve(definition.get("Properties", {}))
            changed = schema.changed_properties(old.properties, properties)
            if not changed and old.metadata == definition.get("Metadata", {}):
                continue
            replaced = _replaced_by(old, definition["Type"], properties)
            if replaced:
                unknown.add(logical_id)
            details = [
                {
                    "Target": {
                        "Attribute": "Properties",
                        "Name": name,
                        "RequiresRecreation": "Always" if name in replaced else "Never",
                    },
                    "Evaluation": "Static",
                    "ChangeSource": "DirectModification",
                }
                for name in sorted(changed)
            ]
            found.append(
                _change("Modify", logical_id, old.type, old.ref, bool(replaced), details)
            )
        for logical_id in self.resources.keys() - included.keys():
            old = self.resources[logical_id]
            found.append(_change("Remove", logical_id, old.type, old.ref))
        return found

    def has_changes(self, plan: Plan) -> bool:
        """Whether executing a plan would change resources, outputs or tags."""
        if self.plan is None or self.changes(plan) or self.plan.tags != plan.tags:
            return True
        wanted = _outputs(self.resolver(plan, set()), plan)
        return _by_key(wanted) != _by_key(self.outputs)

    def deploy(self, plan: Plan, rollback: bool = True) -> None:
        """Starts creating or updating the stack; the events tell how it goes."""
        first = self.status == "REVIEW_IN_PROGRESS"
        operation = "CREATE" if first else "UPDATE"
        with _starting:
            if self.busy:
                raise Refused(f"Stack:{self.id} is in {self.status} state and can not be updated.")
            self.cancelled, self.next = False, plan
            self._status(f"{operation}_IN_PROGRESS", "User Initiated")
        self._start(lambda: Deployment(self, plan, operation).run(rollback))

    def cancel(self) -> None:
        """Has the update that is under way roll back, from where it is."""
        if self.status != "UPDATE_IN_PROGRESS":
            raise Refused(
                f"CancelUpdateStack cannot be called from current stack status {self.status}"
            )
        self.cancelled = True
        releases.cancel(self.id)

    def delete(self, retain: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Starts deleting the stack."""
        if self.termination_protection:
            raise Refused(
                f"Stack [{self.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if self.status == "REVIEW_IN_PROGRESS":
            self.status, self.deleted = "DELETE_COMPLETE", _now()
            return
        self._status("DELETE_IN_PROGRESS", "User Initiated")
        self._start(lambda: self._delete(retain))

    def _start(self, work: Callable[[], None]) -> None:
        """Works on in the background, but gives quick work the time to be done.

        The CDK looks at once and then every five seconds, so that a stack that is ready when it
        looks first is five seconds faster.
        """
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(HEAD_START_SECONDS)

    def event(self, resource: Resource | None, status: str, reason: str | None = None) -> None:
        """Records what happened to a resource, or to the stack itself."""
        event = {
            "StackId": self.id,
            "StackName": self.name,
            "EventId": str(uuid.uuid4()),
            "LogicalResourceId": resource.logical_id if resource else self.name,
            "PhysicalResourceId": resource.ref if resource else self.id,
            "ResourceType": resource.type if resource else "AWS::CloudFormation::Stack",
            "ResourceStatus": status,
            "Timestamp": _now(),
        }
        if reason:
            event["ResourceStatusReason"] = reason
        if resource:
            resource.status, resource.status_time = status, event["Timestamp"]
            event["ResourceProperties"] = json.dumps(resource.properties, default=str)
        self.events.append(event)

    def _status(self, status: str, reason: str | None = None) -> None:
        self.event(None, status, reason)
        self.status, self.reason = status, reason

    def _delete(self, retain: set[str]) -> None:
        try:
            used = self.cloud.importers(self, self.exports.keys())
            if used:
                raise Refused(f"Delete canceled. {used}")
            failed = self.remove(list(self.resources.values()), retain)
        except Exception as error:  # noqa: BLE001 - whatever fails belongs in the stack's events
            self._status("DELETE_FAILED", explain(error))
            return
        if failed:
            names = ", ".join(resource.logical_id for resource in failed)
            self._status("DELETE_FAILED", f"The following resource(s) failed to delete: [{names}]")
            return
        self._status("DELETE_COMPLETE")
        self.deleted, self.outputs, self.imports = _now(), [], set()

    def remove(
        self, doomed: list[Resource], retain: set[str] = frozenset()  # type: ignore[assignment]
    ) -> list[Resource]:
        """Deletes resources, dependents first; returns those that would not go.

        What a resource that stays depends on stays too, as it would in AWS.
        """
        by_id = {resource.logical_id: resource for resource in doomed}
        order = template.creation_order(
            {id_: {"DependsOn": sorted(r.depends_on)} for id_, r in by_id.items()}
        )
        failed: list[Resource] = []
        needed: set[str] = set()
        for resource in (by_id[logical_id] for logical_id in reversed(order)):
            if resource.logical_id in needed:
                needed |= resource.depends_on
                continue
            if resource.logical_id in retain or resource.policies.get("Deletion", "").startswith(
                "Retain"
            ):
                self.event(resource, "DELETE_SKIPPED")
                self._forget(resource)
                continue
            if not self.remove_one(resource):
                failed.append(resource)
                needed |= resource.depends_on
        return failed

    def remove_one(self, resource: Resource) -> bool:
        """Deletes one resource; false, with the reason in the events, when it would not go."""
        self.event(resource, "DELETE_IN_PROGRESS")
        try:
            rows.delete(row_of(resource.type), resource)
        except Exception as error:  # noqa: BLE001 - whatever fails belongs in the events
            self.event(resource, "DELETE_FAILED", explain(error))
            return False
        self.event(resource, "DELETE_COMPLETE")
        self._forget(resource)
        return True

    def _forget(self, resource: Resource) -> None:
        if self.resources.get(resource.logical_id) is resource:
            del self.resources[resource.logical_id]


class Deployment:
    """One execution of a plan: forward, or back to where the stack was."""

    def __init__(self, stack: Stack, plan: Plan, operation: str) -> None:
        self.stack, self.plan, self.operation = stack, plan, operation
        self._undo: list[Callable[[], None]] = []
        self._superseded: list[Resource] = []
        self._unsettled: dict[str, Resource] = {}

    def run(self, rollback: bool) -> None:
        """Carries the plan out; a failure takes the stack back unless `rollback` is off."""
        stack = self.stack
        before = (stack.plan, list(stack.outputs), set(stack.imports))
        try:
            self._forward()
            stack.next = None
        except Exception as error:  # noqa: BLE001 - whatever fails belongs in the events
            reason, stack.next = explain(error), None
            if not rollback:
                stack._status(f"{self.operation}_FAILED", reason)
                return
            self._back(reason)
            stack.plan, stack.outputs, stack.imports = before
            return
        if self.operation == "UPDATE":
            stack._status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            self._clean_up()
            stack.updated = _now()
        stack._status(f"{self.operation}_COMPLETE")

    def _forward(self) -> None:
        stack, plan = self.stack, self.plan
        _refuse_unknown_types(plan)
        resolver = stack.resolver(plan)
        included = resolver.included()
        for logical_id in template.creation_order(included):
            definition = included[logical_id]
            needed = template.dependencies(definition) & included.keys()
            for name in needed:
                self._settle(name)
            if stack.cancelled:
                raise Refused("Stack update cancelled")
            self._apply(logical_id, definition, needed, resolver)
        for logical_id in list(self._unsettled):
            self._settle(logical_id)
        outputs = _outputs(resolver, plan)
        stack.cloud.refuse_taken_exports(stack, outputs)
        gone = stack.exports.keys() - {output.get("ExportName") for output in outputs}
        if used := stack.cloud.importers(stack, gone):
            raise Refused(used)
        stack.plan, stack.outputs = plan, outputs
        stack.imports = set(_imported_names(plan.document, resolver))
        for logical_id in stack.resources.keys() - included.keys():
            self._superseded.append(stack.resources[logical_id])

    def _apply(
        self,
        logical_id: str,
        definition: Mapping[str, Any],
        needed: set[str],
        resolver: template.Resolver,
    ) -> None:
        stack, old = self.stack, self.stack.resources.get(logical_id)
        row = row_of(definition["Type"])
        new = Resource(
            logical_id=logical_id,
            type=definition["Type"],
            region=stack.region,
            stack_name=stack.name,
            stack_id=stack.id,
            properties={},
            policies={
                "Deletion": definition.get("DeletionPolicy", "Delete"),
                "UpdateReplace": definition.get("UpdateReplacePolicy", "Delete"),
            },
            depends_on=needed,
            metadata=definition.get("Metadata", {}),
        )
        try:
            new.properties = resolver.resolve(definition.get("Properties", {}))
            new.effective = template.strings(new.properties, _dynamic(stack.account))
            unknown = schema.unknown_properties(new.type, new.properties)
            if unknown:
                raise RefusedProperty(f"{new.type} has no property {', '.join(unknown)}")
        except Exception as error:
            stack.event(old or new, f"{'UPDATE' if old else 'CREATE'}_FAILED", explain(error))
            raise
        if old is None:
            self._create(row, new)
            return
        if old.type == new.type and old.properties == new.properties:
            old.policies, old.metadata, old.depends_on = new.policies, new.metadata, needed
            return
        replaced = _replaced_by(old, new.type, new.properties)
        if replaced:
            reason = "Requested update requires the creation of a new physical resource"
            stack.event(old, "UPDATE_IN_PROGRESS", f"{reason}: {', '.join(sorted(replaced))}")
            self._create(row, new, replacing=old)
            self._superseded.append(old)
            return
        self._update(row, old, new)

    def _create(self, row: Row, new: Resource, replacing: Resource | None = None) -> None:
        stack = self.stack
        word = "UPDATE" if replacing else "CREATE"
        stack.event(new, f"{word}_IN_PROGRESS")
        stack.resources[new.logical_id] = new

        def undo() -> None:
            self._unsettled.pop(new.logical_id, None)
            if not stack.remove_one(new):
                raise Refused(f"{new.logical_id} would not go")
            if replacing:
                stack.resources[new.logical_id] = replacing

        self._undo.append(undo)
        try:
            rows.create(row, new)
        except Exception as error:
            stack.event(new, f"{word}_FAILED", explain(error))
            raise
        if row.settled:
            stack.event(new, f"{word}_IN_PROGRESS", "Resource creation Initiated")
            self._unsettled[new.logical_id] = new
        else:
            stack.event(new, f"{word}_COMPLETE")

    def _update(self, row: Row, old: Resource, new: Resource) -> None:
        stack = self.stack
        stack.event(old, "UPDATE_IN_PROGRESS")
        new.ref, new.name, new.response = old.ref, old.name, old.response

        def undo() -> None:
            stack.event(old, "UPDATE_IN_PROGRESS")
            rows.update(row, old, new.effective)
            stack.resources[old.logical_id] = old
            stack.event(old, "UPDATE_COMPLETE")

        try:
            rows.refuse_uncarried(row, new, old.effective)
            self._undo.append(undo)
            stack.resources[new.logical_id] = new
            rows.update(row, new, old.effective)
        except Exception as error:
            stack.event(new, "UPDATE_FAILED", explain(error))
            raise
        stack.event(new, "UPDATE_COMPLETE")

    def _settle(self, logical_id: str) -> None:
        """Waits until a resource that takes time is ready."""
        resource = self._unsettled.pop(logical_id, None)
        if resource is None:
            return
        row = row_of(resource.type)
        assert row.settled is not None
        deadline = time.monotonic() + SETTLE_SECONDS
        while not row.settled(resource):
            if time.monotonic() > deadline:
                self.stack.event(resource, "CREATE_FAILED", "did not become ready in time")
                raise Refused(f"{logical_id} did not become ready within {SETTLE_SECONDS:.0f} s")
            time.sleep(0.1)
        self.stack.event(resource, f"{self.operation}_COMPLETE")

    def _clean_up(self) -> None:
        """Deletes what the update replaced or dropped, dependents first."""
        doomed: list[Resource] = []
        for resource in self._superseded:
            dropped = self.stack.resources.get(resource.logical_id) is resource
            policy = resource.policies["Deletion" if dropped else "UpdateReplace"]
            if policy.startswith("Retain"):
                self.stack.event(resource, "DELETE_SKIPPED")
                self.stack._forget(resource)
            else:
                doomed.append(resource)
        self.stack.remove(doomed)

    def _back(self, reason: str) -> None:
        """Undoes what was done, latest first."""
        stack = self.stack
        status = "ROLLBACK" if self.operation == "CREATE" else "UPDATE_ROLLBACK"
        stack._status(f"{status}_IN_PROGRESS", reason)
        try:
            for undo in reversed(self._undo):
                undo()
        except Exception as error:  # noqa: BLE001 - whatever fails belongs in the events
            stack._status(f"{status}_FAILED", explain(error))
            return
        stack._status(f"{status}_COMPLETE")


class Cloud:
    """Every stack of the account."""

    def __init__(self) -> None:
        self.stacks: list[Stack] = []

    def stack(self, region: str, name_or_id: str) -> Stack:
        """A stack by name, or by id even when it is deleted."""
        for stack in reversed(self.stacks):
            if stack.region == region and (
                stack.id == name_or_id or (stack.name == name_or_id and not stack.deleted)
            ):
                return stack
        raise Refused(f"Stack with id {name_or_id} does not exist")

    def find(self, region: str, name: str) -> Stack | None:
        """A stack by name or id, if there is one."""
        try:
            return self.stack(region, name)
        except Refused:
            return None

    def begin(self, region: str, name: str) -> Stack:
        """A new stack in review."""
        arn = f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{name}/{uuid.uuid4()}"
        stack = Stack(name, region, arn, self)
        self.stacks.append(stack)
        stack.event(None, "REVIEW_IN_PROGRESS", "User Initiated")
        return stack

    def live(self, region: str | None = None) -> Iterator[Stack]:
        """Stacks that are not deleted."""
        for stack in self.stacks:
            if not stack.deleted and region in (None, stack.region):
                yield stack

    def exported(self, region: str, name: str) -> str:
        """The value of an export."""
        for stack in self.live(region):
            if name in stack.exports:
                return stack.exports[name]
        raise Refused(f"No export named {name} found.")

    def output(self, region: str, stack_name: str, name: str) -> str:
        """The value of another stack's output, exported or not."""
        for output in self.stack(region, stack_name).outputs:
            if output["OutputKey"] == name:
                return output["OutputValue"]
        raise Refused(f"Stack {stack_name} has no output {name}")

    def importers(self, stack: Stack, names: Any) -> str:
        """Why exports of a stack cannot go: who uses them. Empty when nobody does."""
        for other in self.live(stack.region):
            if other is not stack:
                for name in sorted(other.imports & set(names)):
                    return f"Export {name} cannot be deleted as it is in use by {other.name}"
        return ""

    def refuse_taken_exports(self, stack: Stack, outputs: list[dict[str, str]]) -> None:
        """Refuses an export name that another stack of the region has."""
        for output in outputs:
            for other in self.live(stack.region):
                if other is not stack and output.get("ExportName") in other.exports:
                    raise Refused(
                        f"Export with name {output['ExportName']} is already exported by stack "
                        f"{other.name}"
                    )


def parameter_values(plan: Plan, stack: Stack) -> dict[str, Any]:
    """The values Ref gives: declared parameters, their defaults and the pseudo parameters."""
    declared = plan.document.get("Parameters", {})
    unknown = plan.parameters.keys() - declared.keys()
    if unknown:
        raise Refused(f"Parameters: [{', '.join(sorted(unknown))}] do not exist in the template")
    values: dict[str, Any] = {
        "AWS::AccountId": ACCOUNT_ID,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": stack.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    missing = []
    for name, definition in declared.items():
        value = plan.parameters.get(name, definition.get("Default"))
        if value is None:
            missing.append(name)
            continue
        values[name] = _parameter_value(name, definition, str(value), stack.account)
    if missing:
        raise Refused(f"Parameters: [{', '.join(missing)}] must have values")
    return values


def _parameter_value(
    name: str, definition: Mapping[str, Any], value: str, account: Account
) -> Any:
    kind = definition.get("Type", "String")
    allowed = [str(item) for item in definition.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise Refused(f"Parameter '{name}' must be one of AllowedValues: {', '.join(allowed)}")
    pattern = definition.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise Refused(f"Parameter '{name}' must match pattern {pattern}")
    if kind.startswith("AWS::SSM::Parameter::Value"):
        try:
            value = account.call("ssm", "get_parameter", Name=value)["Parameter"]["Value"]
        except Exception as error:
            raise Refused(
                f"Unable to fetch parameters [{value}] from parameter store for this account."
            ) from error
    if "List<" in kind or kind == "CommaDelimitedList":
        return [item.strip() for item in value.split(",")]
    return value


def explain(error: Exception) -> str:
    """An error as a stack event states it, with the service's own code where there is one."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        details = response["Error"]
        return f"{details.get('Message')} (Error Code: {details.get('Code')})"
    if isinstance(error, (BotoCoreError, NotDone, Refused, RefusedProperty)) or isinstance(
        error, (TakenBack, TemplateError)
    ):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"


def _refuse_unknown_types(plan: Plan) -> None:
    """Nothing is skipped in silence: a type without a row stops the deployment before it starts."""
    missing = sorted(
        f"{resource['Type']} ({logical_id})"
        for logical_id, resource in plan.document["Resources"].items()
        if find(resource["Type"]) is None
    )
    if missing:
        raise Refused(
            f"The emulated account has no row for {', '.join(missing)}. Add one to "
            f"test/emulator/resources, or leave the resource out of this environment."
        )


def _replaced_by(old: Resource, new_type: str, properties: Mapping[str, Any]) -> set[str]:
    if new_type != old.type:
        raise Refused(
            f"Update of resource type is not permitted: {old.logical_id} is {old.type}, "
            f"the template says {new_type}"
        )
    changed = schema.changed_properties(old.properties, properties)
    replaced = schema.replaced_by(old.type, old.properties, properties)
    return replaced | (changed & set(row_of(old.type).replaced_by))


def _change(
    action: str,
    logical_id: str,
    type_name: str,
    ref: str | None = None,
    replaced: bool | None = None,
    details: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    change: dict[str, Any] = {
        "Action": action,
        "LogicalResourceId": logical_id,
        "ResourceType": type_name,
        "Scope": ["Properties"] if details else ["Metadata"] if action == "Modify" else [],
        "Details": details or [],
    }
    if ref:
        change["PhysicalResourceId"] = ref
    if replaced is not None:
        change["Replacement"] = str(replaced)
    return {"Type": "Resource", "ResourceChange": change}


def _outputs(resolver: template.Resolver, plan: Plan) -> list[dict[str, str]]:
    found = []
    for name, output in plan.document.get("Outputs", {}).items():
        if not resolver.condition(output.get("Condition")):
            continue
        entry = {"OutputKey": name, "OutputValue": str(resolver.resolve(output["Value"]))}
        if "Description" in output:
            entry["Description"] = output["Description"]
        if "Export" in output:
            entry["ExportName"] = resolver.resolve(output["Export"]["Name"])
        found.append(entry)
    return found


def _by_key(outputs: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(outputs, key=lambda output: output["OutputKey"])


def _imported_names(value: Any, resolver: template.Resolver) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Fn::ImportValue":
                yield resolver.resolve(item)
            else:
                yield from _imported_names(item, resolver)
    elif isinstance(value, list):
        for item in value:
            yield from _imported_names(item, resolver)


_DYNAMIC = re.compile(r"\{\{resolve:([^}]+)\}\}")


def _dynamic(account: Account) -> Callable[[str], str]:
    """Replaces `{{resolve:service:key}}` by the secret or parameter it names.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
    """

    def value(match: re.Match[str]) -> str:
        service, _, key = match[1].partition(":")
        if service in ("ssm", "ssm-secure"):
            found = account.call("ssm", "get_parameter", Name=key, WithDecryption=True)
            return found["Parameter"]["Value"]
        if service == "secretsmanager":
            secret, _, rest = key.partition(":SecretString")
            text = account.call("secretsmanager", "get_secret_value", SecretId=secret)[
                "SecretString"
            ]
            field_name = rest.lstrip(":").split(":")[0]
            return json.loads(text)[field_name] if field_name else text
        raise TemplateError(f"The emulated account does not know {{{{resolve:{service}:...}}}}")

    return lambda text: _DYNAMIC.sub(value, text)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
