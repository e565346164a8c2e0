"""Types that change nothing in an account, each with the reason."""

from __future__ import annotations

from ..rows import nothing

ROWS = (
    nothing("AWS::CDK::Metadata", "the CDK's usage report; CloudFormation has no resource for it"),
    nothing("AWS::CloudFormation::WaitConditionHandle", "only a URL that something may call"),
)
