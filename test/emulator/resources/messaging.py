"""Topics, queues, event rules and schedules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..rows import Call, Resource, created, gone, tag_dict


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


_TOPIC_ATTRIBUTES = (
    "DisplayName",
    "KmsMasterKeyId",
    "TracingConfig",
    "ContentBasedDeduplication",
    "SignatureVersion",
)


def _create_topic(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    properties = resource.effective
    attributes = {
        name: _text(properties[name])
        for name in (*_TOPIC_ATTRIBUTES, "FifoTopic")
        if name in properties
    }
    return resource.account.call(
        "sns",
        "create_topic",
        Name=resource.name,
        Attributes=attributes,
        Tags=properties.get("Tags", []),
    )


def _topic_attributes(resource: Resource, old: Mapping[str, Any] | None) -> None:
    for name in _TOPIC_ATTRIBUTES:
        value = resource.effective.get(name, "")
        if value != (old or {}).get(name, ""):
            resource.account.call(
                "sns",
                "set_topic_attributes",
                TopicArn=resource.ref,
                AttributeName=name,
                AttributeValue=_text(value),
            )


def _topic_subscriptions(resource: Resource, _: Mapping[str, Any] | None) -> None:
    for subscription in resource.effective.get("Subscription", []):
        resource.account.call("sns", "subscribe", TopicArn=resource.ref, **subscription)


def _set_topic_policy(policy: Any) -> Callable[[Resource, Mapping[str, Any] | None], Any]:
    def put(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, str]:
        document = resource.effective["PolicyDocument"] if policy is None else policy
        for topic in resource.effective["Topics"]:
            resource.account.call(
                "sns",
                "set_topic_attributes",
                TopicArn=topic,
                AttributeName="Policy",
                AttributeValue=_text(document),
            )
        return {"Id": resource.name}

    return put


_SUBSCRIPTION_ATTRIBUTES = (
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    "SubscriptionRoleArn",
)


def _subscribe(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    properties = resource.effective
    return resource.account.call(
        "sns",
        "subscribe",
        TopicArn=properties["TopicArn"],
        Protocol=properties["Protocol"],
        Endpoint=properties["Endpoint"],
        Attributes={
            name: _text(properties[name])
            for name in _SUBSCRIPTION_ATTRIBUTES
            if name in properties
        },
        ReturnSubscriptionArn=True,
    )


def _subscription_attributes(resource: Resource, old: Mapping[str, Any] | None) -> None:
    for name in _SUBSCRIPTION_ATTRIBUTES:
        value = resource.effective.get(name)
        if value != (old or {}).get(name):
            resource.account.call(
                "sns",
                "set_subscription_attributes",
                SubscriptionArn=resource.ref,
                AttributeName=name,
                AttributeValue="{}" if value is None else _text(value),
            )


_QUEUE_NAMES = ("QueueName", "Tags")


def _queue_attributes(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: _text(value) for name, value in properties.items() if name not in _QUEUE_NAMES
    }


def _create_queue(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, Any]:
    return resource.account.call(
        "sqs",
        "create_queue",
        QueueName=resource.name,
        Attributes=_queue_attributes(resource.effective),
        tags=tag_dict(resource.effective.get("Tags")),
    )


def _set_queue_attributes(resource: Resource, _: Mapping[str, Any] | None) -> None:
    resource.account.call(
        "sqs",
        "set_queue_attributes",
        QueueUrl=resource.ref,
        Attributes=_queue_attributes(resource.effective),
    )


def _set_queue_policy(policy: Any) -> Callable[[Resource, Mapping[str, Any] | None], Any]:
    def put(resource: Resource, _: Mapping[str, Any] | None) -> dict[str, str]:
        document = resource.effective["PolicyDocument"] if policy is None else policy
        for queue in resource.effective["Queues"]:
            resource.account.call(
                "sqs",
                "set_queue_attributes",
                QueueUrl=queue,
                Attributes={"Policy": _text(document)},
            )
        return {"Id": resource.name}

    return put


def _put_targets(resource: Resource, old: Mapping[str, Any] | None) -> None:
    rule = {"Rule": resource.name}
    if "EventBusName" in resource.effective:
        rule["EventBusName"] = resource.effective["EventBusName"]
    wanted = resource.effective.get("Targets", [])
    kept = {target["Id"] for target in wanted}
    stale = [t["Id"] for t in (old or {}).get("Targets", []) if t["Id"] not in kept]
    if stale:
        resource.account.call("events", "remove_targets", Ids=stale, **rule)
    if wanted:
        resource.account.call("events", "put_targets", Targets=wanted, **rule)


def _remove_targets(resource: Resource, _: Mapping[str, Any] | None) -> None:
    targets = [target["Id"] for target in resource.effective.get("Targets", [])]
    if targets:
        bus = {k: v for k, v in resource.effective.items() if k == "EventBusName"}
        resource.account.call("events", "remove_targets", Rule=resource.name, Ids=targets, **bus)


ROWS = (
    created(
        "AWS::SNS::Topic",
        "sns",
        _create_topic,
        name="TopicName",
        name_length=256,
        ref="{TopicArn}",
        attributes={"Arn": "{ref}", "TopicName": "{name}"},
        steps=(Call(_topic_subscriptions, takes=("Subscription",)),),
        update=(Call(_topic_attributes, takes=_TOPIC_ATTRIBUTES),),
        delete=(gone("delete_topic", TopicArn="{ref}"),),
    ),
    created(
        "AWS::SNS::TopicPolicy",
        "sns",
        _set_topic_policy(None),
        ref="{Id}",
        update=(Call(_set_topic_policy(None)),),
        # A topic always has a policy; the one that is left admits nobody in particular.
        delete=(Call(_set_topic_policy({"Version": "2012-10-17", "Statement": []})),),
    ),
    created(
        "AWS::SNS::Subscription",
        "sns",
        _subscribe,
        ref="{SubscriptionArn}",
        attributes={"Arn": "{ref}"},
        update=(Call(_subscription_attributes, takes=_SUBSCRIPTION_ATTRIBUTES),),
        delete=(gone("unsubscribe", SubscriptionArn="{ref}"),),
    ),
    created(
        "AWS::SQS::Queue",
        "sqs",
        _create_queue,
        name="QueueName",
        name_length=80,
        ref="{QueueUrl}",
        attributes={
            "Arn": "arn:{partition}:sqs:{region}:{account}:{name}",
            "QueueName": "{name}",
        },
        tagging=("tag_queue", "untag_queue", {"QueueUrl": "{ref}"}),
        update=(Call(_set_queue_attributes),),
        delete=(gone("delete_queue", QueueUrl="{ref}"),),
    ),
    created(
        "AWS::SQS::QueuePolicy",
        "sqs",
        _set_queue_policy(None),
        ref="{Id}",
        update=(Call(_set_queue_policy(None)),),
        delete=(Call(_set_queue_policy("")),),
    ),
    created(
        "AWS::Events::EventBus",
        "events",
        "create_event_bus",
        name="Name",
        attributes={"Arn": "{EventBusArn}"},
        delete=(gone("delete_event_bus", Name="{ref}"),),
    ),
    created(
        "AWS::Events::Rule",
        "events",
        "put_rule",
        name="Name",
        attributes={"Arn": "{RuleArn}"},
        steps=(Call(_put_targets, takes=("Targets",)),),
        update=(Call("put_rule"),),
        delete=(
            Call(_remove_targets),
            gone("delete_rule", Name="{name}", EventBusName="{EventBusName || 'default'}"),
        ),
    ),
    created(
        "AWS::Scheduler::ScheduleGroup",
        "scheduler",
        "create_schedule_group",
        name="Name",
        attributes={"Arn": "{ScheduleGroupArn}"},
        delete=(gone("delete_schedule_group", Name="{ref}"),),
    ),
    created(
        "AWS::Scheduler::Schedule",
        "scheduler",
        "create_schedule",
        name="Name",
        attributes={"Arn": "{ScheduleArn}"},
        update=(Call("update_schedule"),),
        delete=(
            gone("delete_schedule", Name="{ref}", GroupName="{GroupName || 'default'}"),
        ),
    ),
)
