package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// EventBusProps describes the bus that carries domain events from one service to another.
type EventBusProps struct {
	// Name is the bus's physical name, which publishers state.
	Name string
	// ArchiveDays is how long events can be replayed.
	ArchiveDays int
	// Disposable lets the archive, the queues and their key be deleted with the stack.
	Disposable bool
}

// EventBus is an EventBridge bus whose events are archived, and the key of everything that holds them.
type EventBus struct {
	Bus awsevents.EventBus
	Key awskms.Key
	// Panels are the rows of the subscriptions on a dashboard.
	Panels [][]Panel

	disposable bool
}

// NewEventBus makes the bus and its archive.
func NewEventBus(scope construct.Construct, id string, props EventBusProps) *EventBus {
	scope = construct.NewConstruct(scope, jsii.String(id))
	key := NewEncryptionKey(scope, "Key", EncryptionKeyProps{
		Description: "Domain events on the bus, in its archive and in the queues",
		Services:    []string{"events.amazonaws.com"}, // puts events into encrypted queues
		Disposable:  props.Disposable,
	})
	bus := awsevents.NewEventBus(scope, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String(props.Name),
		Description:  jsii.String("Domain events of the services"),
	})
	// The bus takes the key directly: given to the L2, it would be named in the key's policy and the key in its properties,
	// a circle that CloudFormation refuses.
	bus.Node().DefaultChild().(awsevents.CfnEventBus).SetKmsKeyIdentifier(key.KeyArn())
	account := awscdk.Stack_Of(scope).Account()
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{serviceOfAccount(scope, "events.amazonaws.com")},
		Actions:    jsii.Strings("kms:DescribeKey"), // when the bus and the archive are made
		Resources:  jsii.Strings("*"),
	}), jsii.Bool(false))
	archive := awsevents.NewCfnArchive(scope, jsii.String("Archive"), &awsevents.CfnArchiveProps{
		SourceArn:        bus.EventBusArn(),
		Description:      jsii.String("What was published, for replay"),
		EventPattern:     map[string]interface{}{"account": []*string{account}},
		KmsKeyIdentifier: key.KeyArn(),
		RetentionDays:    jsii.Number(props.ArchiveDays),
	})
	archive.ApplyRemovalPolicy(removalPolicy(props.Disposable), nil)
	return &EventBus{Bus: bus, Key: key, disposable: props.Disposable}
}

// Times of a queue. A message is tried deliveryAttempts times, each for up to visibilitySeconds, before it is set aside.
const (
	deliveryAttempts  = 5
	visibilitySeconds = 120
	retentionDays     = 14 // SQS's most: a dead letter must outlast a long weekend
)

// Subscribe gives a service a queue of its own with the events that it names, and the alarms on it to the service's owner. What cannot be
// delivered, or is not handled after five attempts, is kept in a dead-letter queue.
func (b *EventBus) Subscribe(scope construct.Construct, service string, events []string, notifications *Notifications) awssqs.Queue {
	scope = construct.NewConstruct(scope, jsii.String(pascalCase(service)+"Subscription"))
	newQueue := func(id string, deadLetters *awssqs.DeadLetterQueue) awssqs.Queue {
		return awssqs.NewQueue(scope, jsii.String(id), &awssqs.QueueProps{
			Encryption:          awssqs.QueueEncryption_KMS,
			EncryptionMasterKey: b.Key,
			EnforceSSL:          jsii.Bool(true),
			RetentionPeriod:     awscdk.Duration_Days(jsii.Number(retentionDays)),
			VisibilityTimeout:   awscdk.Duration_Seconds(jsii.Number(visibilitySeconds)),
			DeadLetterQueue:     deadLetters,
			RemovalPolicy:       removalPolicy(b.disposable),
		})
	}
	deadLetters := newQueue("DeadLetters", nil)
	queue := newQueue("Queue", &awssqs.DeadLetterQueue{Queue: deadLetters, MaxReceiveCount: jsii.Number(deliveryAttempts)})
	rule := awsevents.NewRule(scope, jsii.String("Rule"), &awsevents.RuleProps{
		EventBus:     b.Bus,
		Description:  jsii.String("Domain events that " + service + " receives"),
		EventPattern: &awsevents.EventPattern{DetailType: jsii.Strings(events...)},
	})
	rule.AddTarget(awseventstargets.NewSqsQueue(queue, &awseventstargets.SqsQueueProps{
		DeadLetterQueue: deadLetters,
		MaxEventAge:     awscdk.Duration_Hours(jsii.Number(24)),
		RetryAttempts:   jsii.Number(185),
	}))
	addQueueAlarms(scope, notifications, service, queue, deadLetters)
	b.Panels = append(b.Panels, queuePanels(service, queue, deadLetters))
	return queue
}

func queuePanels(service string, queue, deadLetters awssqs.Queue) []Panel {
	metric := func(label, name, statistic string, queue awssqs.Queue) awscloudwatch.IMetric {
		return line(label, minutely("AWS/SQS", name, statistic, map[string]*string{"QueueName": queue.QueueName()}))
	}
	return []Panel{
		{Title: service + ": events that wait", Unit: "events", Metrics: []awscloudwatch.IMetric{metric("waiting", "ApproximateNumberOfMessagesVisible", "Maximum", queue)}},
		{Title: service + ": age of the oldest event", Unit: "seconds", Metrics: []awscloudwatch.IMetric{metric("age", "ApproximateAgeOfOldestMessage", "Maximum", queue)},
			Limits: []Limit{{"alarm", 600}}},
		{Title: service + ": events in and out", Unit: "a minute", Metrics: []awscloudwatch.IMetric{
			metric("arrived", "NumberOfMessagesSent", "Sum", queue), metric("handled", "NumberOfMessagesDeleted", "Sum", queue)}},
		{Title: service + ": dead letters", Unit: "events", Metrics: []awscloudwatch.IMetric{metric("set aside", "ApproximateNumberOfMessagesVisible", "Maximum", deadLetters)}},
	}
}

// Metrics: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
func addQueueAlarms(scope construct.Construct, notifications *Notifications, service string, queue, deadLetters awssqs.Queue) {
	highest := func(metric string, queue awssqs.Queue) awscloudwatch.IMetric {
		return minutely("AWS/SQS", metric, "Maximum", map[string]*string{"QueueName": queue.QueueName()})
	}
	NewAlarm(scope, notifications, AlarmProps{
		Name: "messaging-dead-letters", Subject: service, Severity: Warning,
		Summary:    "Domain events for " + service + " could not be delivered or handled, and wait in its dead-letter queue.",
		Metric:     highest("ApproximateNumberOfMessagesVisible", deadLetters),
		Comparison: Above, Threshold: 0, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
	})
	NewAlarm(scope, notifications, AlarmProps{
		Name: "messaging-queue-age", Subject: service, Severity: Critical,
		Summary:    "Domain events have waited for " + service + " for more than ten minutes: it does not keep up, or not at all.",
		Metric:     highest("ApproximateAgeOfOldestMessage", queue),
		Comparison: Above, Threshold: 600, Breaching: 3, Periods: 5, MissingData: MissingIsFine,
	})
}

// GrantPublish lets a task put events on the bus.
func (b *EventBus) GrantPublish(task awsecs.FargateTaskDefinition) {
	allowTask(task, "events:PutEvents", b.Bus.EventBusArn())
	allowTask(task, "kms:GenerateDataKey", b.Key.KeyArn())
	allowTask(task, "kms:Decrypt", b.Key.KeyArn())
}

// GrantConsume lets a task take messages from its queue.
func (b *EventBus) GrantConsume(task awsecs.FargateTaskDefinition, queue awssqs.IQueue) {
	for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"} {
		allowTask(task, action, queue.QueueArn())
	}
	allowTask(task, "kms:Decrypt", b.Key.KeyArn())
}

// allowTask lets what runs in a task do one thing with one resource.
func allowTask(task awsecs.FargateTaskDefinition, action string, resource *string) {
	task.AddToTaskRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(action), Resources: &[]*string{resource},
	}))
}
