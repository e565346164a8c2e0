package constructs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	// mostChildren is how many alarms one composite alarm may name.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html
	mostChildren = 100
	// causeWait is how long a page waits for the alarm of its cause, which is slower to fire, and causeRest how long it stays silent
	// after that is over, because the symptoms last longer.
	causeWait, causeRest = 2 * time.Minute, 5 * time.Minute
)

// Storm makes one page of critical alarms that fire together. They themselves tell those who read warnings.
type Storm struct {
	name   string
	alarms []awscloudwatch.Alarm
}

// NewStorm begins a storm. Its name is the page's, in kebab-case.
func NewStorm(name string) *Storm { return &Storm{name: name} }

// Within is the same topics, for alarms that page as one.
func (n *Notifications) Within(storm *Storm) *Notifications {
	within := *n
	within.storm = storm
	return &within
}

// Page makes the alarm that fires while one of the storm's does. It is silent while the alarm named by cause, without the
// environment, fires: that one has paged already. An empty cause is none.
func (s *Storm) Page(scope construct.Construct, notifications *Notifications, summary, cause string) {
	stack, part := awscdk.Stack_Of(scope), 0
	for alarms := range slices.Chunk(s.alarms, mostChildren) {
		part++
		id, name := pascalCase(s.name)+"Alarm", notifications.EnvironmentName+"-"+s.name
		if part > 1 {
			id, name = fmt.Sprintf("%s%d", id, part), fmt.Sprintf("%s-%d", name, part)
		}
		var terms []string
		for _, alarm := range alarms {
			terms = append(terms, fmt.Sprintf("ALARM(%q)", *alarm.Node().DefaultChild().(awscloudwatch.CfnAlarm).AlarmName()))
		}
		topic := []interface{}{notifications.Topic(Critical).TopicArn()}
		page := awscloudwatch.NewCfnCompositeAlarm(scope, jsii.String(id), &awscloudwatch.CfnCompositeAlarmProps{
			AlarmName:        jsii.String(name),
			AlarmDescription: jsii.String(describe(Critical, summary, notifications.Owner, "", s.name)),
			AlarmRule:        jsii.String(strings.Join(terms, " OR ")),
			AlarmActions:     &topic,
			OkActions:        &topic,
		})
		for _, alarm := range alarms {
			page.Node().AddDependency(alarm) // it is named, not referred to: a hundred ARNs are longer than a rule may be
		}
		if cause != "" {
			page.SetActionsSuppressor(jsii.String(fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:%s-%s", *stack.Partition(), *stack.Region(), *stack.Account(), notifications.EnvironmentName, cause)))
			page.SetActionsSuppressorWaitPeriod(jsii.Number(causeWait.Seconds()))
			page.SetActionsSuppressorExtensionPeriod(jsii.Number(causeRest.Seconds()))
		}
	}
}
