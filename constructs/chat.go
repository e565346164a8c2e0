package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awschatbot"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// SlackChannel is where a severity is written to; the zero value is nowhere. The workspace has been let in once, by hand.
type SlackChannel struct {
	Workspace, Channel string
}

// addChat writes to Slack by way of Amazon Q Developer in chat applications, which was AWS Chatbot. Severities that share a channel
// share its configuration: AWS takes one for each channel.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/slack-setup.html
func (n *Notifications) addChat(scope construct.Construct, channels map[Severity]Channel) {
	severities := map[SlackChannel][]Severity{}
	var order []SlackChannel
	for _, severity := range []Severity{Critical, Warning} {
		slack := channels[severity].Slack
		if slack == (SlackChannel{}) {
			continue
		}
		if severities[slack] == nil {
			order = append(order, slack)
		}
		severities[slack] = append(severities[slack], severity)
	}
	if len(order) == 0 {
		return
	}
	role, guardrail := newChatRole(scope, n.EnvironmentName)
	for _, slack := range order {
		var topics []interface{}
		for _, severity := range severities[slack] {
			topics = append(topics, n.topics[severity].TopicArn())
		}
		// Called by the channel: a severity that comes or goes changes its topics. Another configuration of the channel would be refused.
		awschatbot.NewCfnSlackChannelConfiguration(scope, jsii.String("Chat"+slack.Channel), &awschatbot.CfnSlackChannelConfigurationProps{
			ConfigurationName: jsii.String("peakline-" + n.EnvironmentName + "-" + slack.Channel),
			SlackWorkspaceId:  jsii.String(slack.Workspace),
			SlackChannelId:    jsii.String(slack.Channel),
			SnsTopicArns:      &topics,
			IamRoleArn:        role.RoleArn(),
			GuardrailPolicies: &[]*string{guardrail.ManagedPolicyArn()}, // without one it is AdministratorAccess
			LoggingLevel:      jsii.String("NONE"),                      // its log group would be kept for ever
		})
	}
}

// newChatRole is what people in a channel may ask for: alarms and the graphs of metrics. The guardrail, which holds for all roles that
// a channel takes on, says the same.
func newChatRole(scope construct.Construct, environment string) (awsiam.Role, awsiam.ManagedPolicy) {
	look := awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "cloudwatch:GetMetricWidgetImage"),
		Resources: jsii.Strings("*"),
	})
	role := awsiam.NewRole(scope, jsii.String("ChatRole"), &awsiam.RoleProps{
		Description: jsii.String("Reads alarms and metrics for a chat channel"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("chatbot.amazonaws.com"), nil),
	})
	role.AddToPolicy(look)
	guardrail := awsiam.NewManagedPolicy(scope, jsii.String("ChatGuardrail"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What a chat channel of " + environment + " may read: alarms and metrics"),
		Statements:  &[]awsiam.PolicyStatement{look},
	})
	for _, scope := range []construct.IConstruct{role, guardrail} {
		acknowledge(scope, "Metrics have no resource, and alarms are asked for all at once", "AwsSolutions-IAM5[Resource::*]")
	}
	return role, guardrail
}
