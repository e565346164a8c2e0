"""Canaries, budgets and unusual costs. moto cannot change or delete a canary, and has no anomalies."""

from __future__ import annotations

from typing import Any

from ..rows import Resource, created, gone, recorded


def _named(resource: Resource) -> dict[str, Any]:
    """The budget under the name that CloudFormation gives it; a template that names it itself is as right."""
    budget = resource.effective["Budget"]
    limit = budget["BudgetLimit"]
    return {"BudgetName": resource.name, **budget, "BudgetLimit": {**limit, "Amount": str(limit["Amount"])}}


ROWS = (
    recorded(
        "AWS::Synthetics::Canary",
        "synthetics",
        "create_canary",
        names={
            "Script": "ZipFile",
            "SuccessRetentionPeriod": "SuccessRetentionPeriodInDays",
            "FailureRetentionPeriod": "FailureRetentionPeriodInDays",
        },
        name="Name",
        attributes={"Id": "{random}", "State": "RUNNING"},
        ignored={"StartCanaryAfterCreation": "a call of its own, start_canary"},
    ),
    created(
        "AWS::Budgets::Budget",
        "budgets",
        "create_budget",
        given={"AccountId": "{account}", "Budget": _named},
        recreated="moto cannot change a budget",
        delete=(gone("delete_budget", AccountId="{account}", BudgetName="{ref}"),),
    ),
    recorded(
        "AWS::CE::AnomalyMonitor",
        "ce",
        "create_anomaly_monitor",
        given={
            "AnomalyMonitor": {
                "MonitorName": "{MonitorName}",
                "MonitorType": "{MonitorType}",
                "MonitorDimension": "{MonitorDimension}",
            }
        },
        ref="arn:{partition}:ce::{account}:anomalymonitor/{random}",
        attributes={"MonitorArn": "{ref}"},
        ignored={name: "it is in the monitor that is given" for name in ("MonitorName", "MonitorType", "MonitorDimension")},
    ),
    recorded(
        "AWS::CE::AnomalySubscription",
        "ce",
        "create_anomaly_subscription",
        given={
            "AnomalySubscription": {
                "SubscriptionName": "{SubscriptionName}",
                "Frequency": "{Frequency}",
                "MonitorArnList": "{MonitorArnList}",
                "Subscribers": "{Subscribers}",
            }
        },
        ref="arn:{partition}:ce::{account}:anomalysubscription/{random}",
        attributes={"SubscriptionArn": "{ref}"},
        ignored={
            **{name: "it is in the subscription that is given" for name in ("SubscriptionName", "Frequency", "MonitorArnList", "Subscribers")},
            "ThresholdExpression": "a text here, a structure there",
        },
    ),
)
