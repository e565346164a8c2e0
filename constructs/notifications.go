package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// publishers are the AWS services that send operators something: alarms, database events, and what costs too much.
var publishers = []string{"cloudwatch.amazonaws.com", "events.rds.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"}

// Channel says where the notifications of one severity go.
type Channel struct {
	// Emails and Endpoints (HTTPS addresses of a paging service, a chat bridge) are subscribed to a topic of ours; each has
	// to confirm the subscription once.
	Emails, Endpoints []string
	// Slack is a channel that they are written to besides.
	Slack SlackChannel
	// TopicARN is an existing topic to use instead of one of ours.
	TopicARN string
}

// NotificationsProps says who hears of what.
type NotificationsProps struct {
	// EnvironmentName prefixes the names of the alarms that use these topics.
	EnvironmentName string
	// Owner is the team that alarms are for, unless OwnedBy says another.
	Owner             string
	Critical, Warning Channel
	// Disposable lets the topics' key be deleted with the stack.
	Disposable bool
}

// Notifications is one encrypted SNS topic per severity.
type Notifications struct {
	EnvironmentName string
	// Owner is the team that the alarms are for.
	Owner string
	// OwnTopicARNs are the topics made here, those without a use included.
	OwnTopicARNs []*string
	topics       map[Severity]awssns.ITopic
	storm        *Storm
	key          awskms.IKey
}

// NewNotifications makes the topics and subscribes their readers.
func NewNotifications(scope construct.Construct, id string, props NotificationsProps) *Notifications {
	scope = construct.NewConstruct(scope, jsii.String(id))
	key := NewEncryptionKey(scope, "Key", EncryptionKeyProps{
		Description: "Messages to the operators of " + props.EnvironmentName,
		Services:    publishers,
		Disposable:  props.Disposable,
	})
	notifications := &Notifications{EnvironmentName: props.EnvironmentName, Owner: props.Owner, topics: map[Severity]awssns.ITopic{}, key: key}
	for _, channel := range []struct {
		severity Severity
		Channel
	}{{Critical, props.Critical}, {Warning, props.Warning}} {
		id := pascalCase(string(channel.severity)) + "Topic"
		displayName := fmt.Sprintf("Peakline %s: %s", props.EnvironmentName, channel.severity)
		topic := newTopic(scope, id, displayName, key, channel.Channel)
		notifications.OwnTopicARNs = append(notifications.OwnTopicARNs, topic.TopicArn())
		if channel.TopicARN != "" {
			// The own topic stays, so that going there and back moves alarms and no topic.
			unwatched(topic.Node().DefaultChild(), "nothing is sent to it while another topic is configured")
			topic = awssns.Topic_FromTopicArn(scope, jsii.String("Existing"+id), jsii.String(channel.TopicARN))
		}
		notifications.topics[channel.severity] = topic
	}
	notifications.addAlarms(scope)
	notifications.addChat(scope, map[Severity]Channel{Critical: props.Critical, Warning: props.Warning})
	return notifications
}

// addAlarms tells of messages that reach nobody. Whatever their severity they are warnings: the other topic is the one that is left
// when nobody can be paged. https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
func (n *Notifications) addAlarms(scope construct.Construct) {
	for _, severity := range []Severity{Critical, Warning} {
		NewAlarm(construct.NewConstruct(scope, jsii.String(pascalCase(string(severity)))), n, AlarmProps{
			Name: "notifications-undelivered", Subject: string(severity), Severity: Warning,
			Summary: "Messages to the operators do not arrive: an address of the topic for what is " + string(severity) + " does not take them.",
			Metric: metricEvery(fiveMinutes, "AWS/SNS", "NumberOfNotificationsFailed", "Sum",
				map[string]*string{"TopicName": n.topics[severity].TopicName()}),
			Comparison: Above, Threshold: 0, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
		})
	}
}

func newTopic(scope construct.Construct, id, displayName string, key awskms.IKey, channel Channel) awssns.ITopic {
	topic := awssns.NewTopic(scope, jsii.String(id), &awssns.TopicProps{
		DisplayName: jsii.String(displayName),
		MasterKey:   key,
		EnforceSSL:  jsii.Bool(true),
	})
	for _, service := range publishers {
		topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{serviceOfAccount(scope, service)},
			Actions:    jsii.Strings("sns:Publish"),
			Resources:  &[]*string{topic.TopicArn()},
		}))
	}
	for _, address := range channel.Emails {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	for _, url := range channel.Endpoints {
		topic.AddSubscription(awssnssubscriptions.NewUrlSubscription(jsii.String(url), &awssnssubscriptions.UrlSubscriptionProps{DeliveryPolicy: stubborn()}))
	}
	return topic
}

// stubborn tries an endpoint for three quarters of the hour that SNS allows. By default it gives up after a minute, and a page is lost while the
// service that takes it restarts. Mail has a policy of its own, which tries for six hours.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
func stubborn() *awssns.DeliveryPolicy {
	return &awssns.DeliveryPolicy{HealthyRetryPolicy: &awssns.HealthyRetryPolicy{
		NumNoDelayRetries:  jsii.Number(1),
		NumMinDelayRetries: jsii.Number(6),
		NumMaxDelayRetries: jsii.Number(40),
		NumRetries:         jsii.Number(50),
		MinDelayTarget:     awscdk.Duration_Seconds(jsii.Number(10)),
		MaxDelayTarget:     awscdk.Duration_Seconds(jsii.Number(60)),
	}}
}

// OwnedBy is the same topics, for the alarms of another team.
func (n *Notifications) OwnedBy(owner string) *Notifications {
	owned := *n
	owned.Owner = owner
	return &owned
}

// Topic returns the topic of a severity.
func (n *Notifications) Topic(severity Severity) awssns.ITopic {
	topic, ok := n.topics[severity]
	if !ok {
		panic(fmt.Sprintf("severity %q has no topic", severity))
	}
	return topic
}

// AllowPublish lets a role send to the topic of a severity.
func (n *Notifications) AllowPublish(role awsiam.Role, severity Severity) {
	for _, statement := range []*awsiam.PolicyStatementProps{
		{Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{n.Topic(severity).TopicArn()}},
		{Actions: jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"), Resources: &[]*string{n.key.KeyArn()}},
	} {
		role.AddToPolicy(awsiam.NewPolicyStatement(statement))
	}
}
