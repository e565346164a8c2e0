"""Custom resources: their functions are run for real, and answer as they would answer AWS.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .. import account
from ..rows import Call, Resource, created

ANSWERS_PATH = "/peakline/answers/"
"""Where functions put their answers; the request's id follows."""

ATTEMPTS = 3
"""How often Lambda invokes a function that fails: once, and twice more.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

TYPE = "AWS::CloudFormation::CustomResource"

_answers: dict[str, dict[str, Any]] = {}


class NotDone(Exception):
    """A function said that it failed, or said nothing."""


def receive(path: str, body: bytes) -> None:
    """Takes a function's answer."""
    _answers[path.removeprefix(ANSWERS_PATH)] = json.loads(body)


def _ask(request_type: str) -> Callable[[Resource, Mapping[str, Any] | None], Any]:
    def ask(resource: Resource, old: Mapping[str, Any] | None) -> dict[str, Any]:
        request_id = str(uuid.uuid4())
        request = {
            "RequestType": request_type,
            "RequestId": request_id,
            "ResponseURL": f"{account.endpoint}{ANSWERS_PATH}{request_id}",
            "StackId": resource.stack_id,
            "ResourceType": resource.type,
            "LogicalResourceId": resource.logical_id,
            "ResourceProperties": _texts(resource.effective),
        }
        if request_type != "Create":
            request["PhysicalResourceId"] = resource.ref
        if request_type == "Update":
            request["OldResourceProperties"] = _texts(old)
        said = ""
        for _ in range(ATTEMPTS):
            outcome = resource.account.call(
                "lambda",
                "invoke",
                FunctionName=resource.effective["ServiceToken"],
                Payload=json.dumps(request),
            )
            said = outcome["Payload"].read().decode()
            if request_id in _answers:
                break
        else:
            raise NotDone(f"{resource.effective['ServiceToken']} gave no answer: {said}")
        answer = _answers.pop(request_id)
        if answer["Status"] != "SUCCESS":
            raise NotDone(answer.get("Reason") or "the function gave no reason")
        resource.ref = answer["PhysicalResourceId"]
        resource.response = {"PhysicalResourceId": resource.ref, **answer.get("Data", {})}
        return resource.response

    return ask


def _texts(value: Any) -> Any:
    """Properties as CloudFormation sends them: every scalar is a string."""
    if isinstance(value, Mapping):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


ROWS = (
    created(
        TYPE,
        "",
        _ask("Create"),
        ref="{PhysicalResourceId}",
        ignored={"ServiceTimeout": "how long CloudFormation waits for the answer"},
        update=(Call(_ask("Update")),),
        delete=(Call(_ask("Delete")),),
    ),
)
