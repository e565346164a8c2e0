"""Stacks as the CDK CLI deploys them: through change sets, watching the events."""

from __future__ import annotations

import json
import time
from typing import Any

from .. import api, aurora, releases
from ..account import Account

api.install()
aurora.install(create_seconds=0.2)
releases.install()

account = Account("us-east-1")


def call(operation: str, **parameters: Any) -> dict[str, Any]:
    """A CloudFormation call."""
    return account.call("cloudformation", operation, **parameters)


def body(resources: dict[str, Any], **sections: Any) -> str:
    """A template."""
    return json.dumps({"Resources": resources, **sections})


def change_set(
    name: str,
    resources: dict[str, Any],
    parameters: dict[str, str] | None = None,
    **sections: Any,
) -> dict[str, Any]:
    """The description of a new change set."""
    exists = any(
        stack["StackName"] == name and stack["StackStatus"] != "REVIEW_IN_PROGRESS"
        for stack in call("describe_stacks")["Stacks"]
    )
    made = call(
        "create_change_set",
        StackName=name,
        ChangeSetName=f"change-{time.monotonic_ns()}",
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateBody=body(resources, **sections),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in (parameters or {}).items()
        ],
    )
    return call("describe_change_set", StackName=made["StackId"], ChangeSetName=made["Id"])


def deploy(
    name: str,
    resources: dict[str, Any],
    parameters: dict[str, str] | None = None,
    **sections: Any,
) -> str:
    """Deploys and returns the status the stack ends in, or why the change set failed."""
    made = change_set(name, resources, parameters, **sections)
    if made["Status"] == "FAILED":
        return made["StatusReason"]
    call("execute_change_set", StackName=made["StackId"], ChangeSetName=made["ChangeSetId"])
    return settled(made["StackId"])


def delete(name: str) -> str:
    """Deletes and returns the status the stack ends in."""
    stack_id = call("describe_stacks", StackName=name)["Stacks"][0]["StackId"]
    call("delete_stack", StackName=name)
    return settled(stack_id)


def settled(stack_id: str) -> str:
    """The status once nothing is in progress any more."""
    while True:
        status = call("describe_stacks", StackName=stack_id)["Stacks"][0]["StackStatus"]
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(0.02)


def events(name: str) -> list[tuple[str, str]]:
    """What happened to which resource, oldest first."""
    found = call("describe_stack_events", StackName=name)["StackEvents"]
    return [(e["LogicalResourceId"], e["ResourceStatus"]) for e in reversed(found)]


def reasons(name: str) -> dict[str, str]:
    """Why resources failed, by logical id."""
    found = call("describe_stack_events", StackName=name)["StackEvents"]
    return {
        e["LogicalResourceId"]: e.get("ResourceStatusReason", "")
        for e in found
        if e["ResourceStatus"].endswith("_FAILED")
    }


def physical(name: str) -> dict[str, str]:
    """Physical ids by logical id."""
    found = call("describe_stack_resources", StackName=name)["StackResources"]
    return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in found}
