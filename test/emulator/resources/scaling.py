"""Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..rows import Call, Resource, created, gone

_IDENTITY = ("ResourceId", "ScalableDimension", "ServiceNamespace")


def _part(name: str) -> Callable[[Resource], str]:
    """One part of what scales: named by the property, or by the target's id, which joins them."""

    def find(resource: Resource) -> str:
        target = resource.effective.get("ScalingTargetId")
        if target is None:
            return resource.effective[name]
        return target.split("|")[_IDENTITY.index(name)]

    return find


_TARGET = {name: _part(name) for name in _IDENTITY}
_FROM_ID = {"ScalingTargetId": "its parts are parameters, see `given`"}



def _schedule(resource: Resource, old: Mapping[str, Any] | None) -> None:
    """Puts the actions that the template plans, and takes back those it plans no more."""
    planned = {a["ScheduledActionName"]: a for a in resource.effective.get("ScheduledActions", [])}
    before = {a["ScheduledActionName"] for a in (old or {}).get("ScheduledActions", [])}
    target = {name: resource.effective[name] for name in _IDENTITY}
    for action in planned.values():
        bounds = {k: int(v) for k, v in action.get("ScalableTargetAction", {}).items()}
        resource.account.call(
            "application-autoscaling",
            "put_scheduled_action",
            **target,
            **{k: v for k, v in action.items() if k != "ScalableTargetAction"},
            **({"ScalableTargetAction": bounds} if bounds else {}),
        )
    for name in sorted(before - planned.keys()):
        resource.account.call(
            "application-autoscaling", "delete_scheduled_action", ScheduledActionName=name, **target
        )


def _unschedule(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Deregistering a target takes its actions along in AWS; moto keeps them."""
    plan = {**resource.effective}
    resource.effective = {k: v for k, v in plan.items() if k != "ScheduledActions"}
    _schedule(resource, plan)


ROWS = (
    created(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "application-autoscaling",
        "register_scalable_target",
        ref="|".join(f"{{{name}}}" for name in _IDENTITY),
        attributes={"Id": "{ref}"},
        steps=(Call(_schedule, takes=("ScheduledActions",)),),
        update=(Call("register_scalable_target"),),
        delete=(
            Call(_unschedule, takes=()),
            gone("deregister_scalable_target", **_TARGET),
        ),
    ),
    created(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "application-autoscaling",
        "put_scaling_policy",
        given=_TARGET,
        name="PolicyName",
        ref="{PolicyARN}",
        attributes={"Arn": "{ref}", "Id": "{ref}"},
        ignored=_FROM_ID,
        update=(Call("put_scaling_policy", given=_TARGET),),
        delete=(gone("delete_scaling_policy", PolicyName="{name}", **_TARGET),),
    ),
)
