package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
)

// Messaging is the stack of the domain events: the bus, its archive, and a queue for each service that subscribes.
type Messaging struct {
	Stack awscdk.Stack
	Bus   *constructs.EventBus
	// Queues are those of the services that subscribe, by the service's name.
	Queues map[string]awssqs.IQueue
}

// NewMessaging makes the bus and the queues. They hold events, so that they live apart from the services.
func NewMessaging(stage awscdk.Stage, environment config.Environment, notifications *constructs.Notifications) *Messaging {
	stack := newStack(stage, "Messaging", "event bus, archive, queues", environment)
	bus := constructs.NewEventBus(stack, "Events", constructs.EventBusProps{
		Name:        "peakline-" + environment.Name,
		ArchiveDays: environment.Bus.ArchiveDays,
		Disposable:  disposable(environment),
	})
	messaging := &Messaging{Stack: stack, Bus: bus, Queues: map[string]awssqs.IQueue{}}
	for _, name := range environment.ServiceNames() {
		if service := environment.Services[name]; len(service.Subscribes) > 0 {
			messaging.Queues[name] = bus.Subscribe(stack, name, service.Subscribes, notifications.OwnedBy(service.Owner))
		}
	}
	if len(bus.Panels) > 0 {
		newDashboard(stack, "Dashboard", messagingDashboard, environment, bus.Panels)
	}
	awscdk.NewCfnOutput(stack, jsii.String("EventBus"), &awscdk.CfnOutputProps{Value: bus.Bus.EventBusName()})
	return messaging
}
