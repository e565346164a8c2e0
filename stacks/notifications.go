package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"

	"peakline/config"
	"peakline/constructs"
)

// Notifications is the stack that tells operators; every other stack with an alarm depends on it.
type Notifications struct {
	Stack         awscdk.Stack
	Notifications *constructs.Notifications
}

// NewNotifications makes the topics.
func NewNotifications(stage awscdk.Stage, environment config.Environment) *Notifications {
	stack := newStack(stage, "Notifications", "topics that operators subscribe to", environment)
	notifications := constructs.NewNotifications(stack, "Operators", constructs.NotificationsProps{
		EnvironmentName: environment.Name,
		Owner:           environment.Owner,
		Critical:        channel(environment.Notifications.Critical),
		Warning:         channel(environment.Notifications.Warning),
		Disposable:      disposable(environment),
	})
	keepExported(stack, notifications.OwnTopicARNs...)
	return &Notifications{Stack: stack, Notifications: notifications}
}

func channel(settings config.Channel) constructs.Channel {
	described := constructs.Channel{Emails: settings.Emails, Endpoints: settings.Endpoints, TopicARN: settings.TopicARN}
	if settings.Slack != nil {
		described.Slack = constructs.SlackChannel(*settings.Slack)
	}
	return described
}
