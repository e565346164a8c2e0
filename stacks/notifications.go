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
		Critical:        constructs.Channel(environment.Notifications.Critical),
		Warning:         constructs.Channel(environment.Notifications.Warning),
		Disposable:      disposable(environment),
	})
	keepExported(stack, notifications.OwnTopicARNs...)
	return &Notifications{Stack: stack, Notifications: notifications}
}
