"""Alarms and dashboards."""

from __future__ import annotations

from ..rows import Call, created, gone, recorded

_ALARM_ARN = "arn:{partition}:cloudwatch:{region}:{account}:alarm:{ref}"

ROWS = (
    created(
        "AWS::CloudWatch::Alarm",
        "cloudwatch",
        "put_metric_alarm",
        name="AlarmName",
        name_length=255,
        attributes={"Arn": _ALARM_ARN},
        update=(Call("put_metric_alarm"),),
        delete=(gone("delete_alarms", AlarmNames=["{ref}"]),),
    ),
    recorded(
        "AWS::CloudWatch::CompositeAlarm",
        "cloudwatch",
        "put_composite_alarm",
        name="AlarmName",
        name_length=255,
        attributes={"Arn": _ALARM_ARN},
    ),
    recorded(
        "AWS::CloudWatch::AnomalyDetector",
        "cloudwatch",
        "put_anomaly_detector",
        ref="{random}",
        attributes={"Id": "{ref}"},
    ),
    created(
        "AWS::CloudWatch::Dashboard",
        "cloudwatch",
        "put_dashboard",
        name="DashboardName",
        name_length=255,
        update=(Call("put_dashboard"),),
        delete=(gone("delete_dashboards", DashboardNames=["{ref}"]),),
    ),
)
