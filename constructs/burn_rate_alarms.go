package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// burn is a speed at which a budget of failures must not be spent: Share of it within Long, with Short, a twelfth of Long, to tell
// that it still goes on.
type burn struct {
	name        string
	severity    Severity
	share       float64
	long, short time.Duration
	// within is Long in words.
	within string
	// days of Long are judged one by one: a period of CloudWatch is a day at most.
	days int
}

// burns are those of Google's workbook: two that wake somebody, and one that waits for the morning.
// https://sre.google/workbook/alerting-on-slos/#6-multiwindow-multi-burn-rate-alerts
var burns = []burn{
	{"slo-fast-burn", Critical, 0.02, time.Hour, 5 * time.Minute, "an hour", 0},
	{"slo-burn", Critical, 0.05, 6 * time.Hour, 30 * time.Minute, "six hours", 0},
	{"slo-slow-burn", Warning, 0.10, 72 * time.Hour, 6 * time.Hour, "three days", 3},
}

// fewestBad requests in the long window say something: at night one failure of ten would burn like a fire.
const fewestBad = 10

// rate is how many times faster than allowed the budget of a window is spent.
func (b burn) rate(window time.Duration) float64 {
	return b.share * window.Hours() / b.long.Hours()
}

// NewBurnRateAlarms tells when an objective's budget is spent so fast that it will not last. Each speed is one alarm, of two that
// look at a long and a short window and tell nobody.
func NewBurnRateAlarms(scope construct.Construct, notifications *Notifications, front WatchedLoadBalancer, objectives Objectives) {
	for _, objective := range objectives.objectives(front) {
		scope := construct.NewConstruct(scope, jsii.String(pascalCase(objective.name)))
		for _, burn := range burns {
			burn.add(scope, notifications, objective, burn.rate(objectives.Window))
		}
	}
}

func (b burn) add(scope construct.Construct, notifications *Notifications, objective objective, rate float64) {
	window := func(length string, period time.Duration, formula string, periods int) awscloudwatch.IAlarmRule {
		alarm := awscloudwatch.NewAlarm(scope, jsii.String(pascalCase(b.name+"-"+length)), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(strings.Join([]string{notifications.EnvironmentName, b.name, objective.name, length}, "-")),
			AlarmDescription:   b.description(notifications, fmt.Sprintf("The error budget of %s goes too fast, by the %s window; it tells nobody alone.", objective.name, length)),
			Metric:             objective.expression(formula, "times as fast as the budget allows", period),
			ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD,
			Threshold:          jsii.Number(rate),
			DatapointsToAlarm:  jsii.Number(periods),
			// One more: metrics come late, and the newest period is empty until they do.
			EvaluationPeriods: jsii.Number(periods + 1),
			TreatMissingData:  awscloudwatch.TreatMissingData_NOT_BREACHING,
		})
		return awscloudwatch.AlarmRule_FromAlarm(alarm, awscloudwatch.AlarmState_ALARM)
	}
	long, periods := b.long, 1
	if b.days > 0 {
		long, periods = 24*time.Hour, b.days
	}
	alarm := awscloudwatch.NewCompositeAlarm(scope, jsii.String(pascalCase(b.name)), &awscloudwatch.CompositeAlarmProps{
		CompositeAlarmName: jsii.String(strings.Join([]string{notifications.EnvironmentName, b.name, objective.name}, "-")),
		AlarmDescription: b.description(notifications, fmt.Sprintf("So many requests are %s that %.0f %% of the error budget of %s go within %s.",
			objective.broken, 100*b.share, objective.name, b.within)),
		AlarmRule: awscloudwatch.AlarmRule_AllOf(
			window("long", long, fmt.Sprintf("IF(BAD >= %d, BAD / ALL / BUDGET, 0)", fewestBad), periods),
			window("short", b.short, "IF(ALL > 0, BAD / ALL / BUDGET, 0)", 1),
		),
	})
	action := awscloudwatchactions.NewSnsAction(notifications.Topic(b.severity))
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)
}

func (b burn) description(notifications *Notifications, summary string) *string {
	return jsii.String(describe(b.severity, summary, notifications.Owner, "", b.name))
}
