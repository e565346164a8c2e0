"""X-Ray: moto keeps traces, but has no calls for sampling rules, groups and Transaction Search."""

from __future__ import annotations

from ..rows import recorded

_ARN = "arn:{partition}:xray:{region}:{account}:"

ROWS = (
    recorded(
        "AWS::XRay::SamplingRule",
        "xray",
        "create_sampling_rule",
        ref=_ARN + "sampling-rule/{SamplingRule.RuleName}",
        attributes={"RuleARN": "{ref}"},
    ),
    recorded(
        "AWS::XRay::Group",
        "xray",
        "create_group",
        ref=_ARN + "group/{GroupName}/{random}",
        attributes={"GroupARN": "{ref}"},
    ),
    recorded(
        "AWS::XRay::TransactionSearchConfig",
        "xray",
        "update_indexing_rule",
        given={
            "Name": "Default",
            "Rule": {"Probabilistic": {"DesiredSamplingPercentage": "{IndexingPercentage}"}},
        },
        ref="{account}",
        ignored={"IndexingPercentage": "it is in the rule that is given"},
    ),
)
