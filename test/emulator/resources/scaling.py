"""Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Callable

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

ROWS = (
    created(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "application-autoscaling",
        "register_scalable_target",
        ref="|".join(f"{{{name}}}" for name in _IDENTITY),
        attributes={"Id": "{ref}"},
        update=(Call("register_scalable_target"),),
        delete=(gone("deregister_scalable_target", **_TARGET),),
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
