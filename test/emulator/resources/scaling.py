"""Application Auto Scaling."""

from __future__ import annotations

from ..rows import Call, created, gone

_TARGET = {
    "ServiceNamespace": "{ServiceNamespace}",
    "ResourceId": "{ResourceId}",
    "ScalableDimension": "{ScalableDimension}",
}

ROWS = (
    created(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "application-autoscaling",
        "register_scalable_target",
        ref="{ResourceId}|{ScalableDimension}|{ServiceNamespace}",
        attributes={"Id": "{ref}"},
        update=(Call("register_scalable_target"),),
        ignored={"ScheduledActions": "set by Application Auto Scaling's PutScheduledAction"},
        delete=(gone("deregister_scalable_target", **_TARGET),),
    ),
    created(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "application-autoscaling",
        "put_scaling_policy",
        name="PolicyName",
        ref="{PolicyARN}",
        attributes={"Arn": "{ref}", "Id": "{ref}"},
        update=(Call("put_scaling_policy"),),
        delete=(gone("delete_scaling_policy", PolicyName="{name}", **_TARGET),),
    ),
)
