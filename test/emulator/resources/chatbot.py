"""Amazon Q Developer in chat applications, which was AWS Chatbot: moto has none of it."""

from __future__ import annotations

from ..rows import recorded

ROWS = (
    recorded(
        "AWS::Chatbot::SlackChannelConfiguration",
        "chatbot",
        "create_slack_channel_configuration",
        names={
            "SlackWorkspaceId": "SlackTeamId",
            "GuardrailPolicies": "GuardrailPolicyArns",
            "UserRoleRequired": "UserAuthorizationRequired",
        },
        ref="arn:{partition}:chatbot::{account}:chat-configuration/slack-channel/{ConfigurationName}",
        attributes={"Arn": "{ref}"},
    ),
)
