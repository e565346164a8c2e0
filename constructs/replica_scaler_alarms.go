package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

func addScalerAlarms(scope construct.Construct, props ReplicaScalerProps, wakeUps []awsevents.Rule, failures awssqs.Queue) {
	own := func(metric, statistic string, period time.Duration) awscloudwatch.Metric {
		return metricEvery(period, contract.MetricNamespace, metric, statistic,
			map[string]*string{contract.MetricDimension: jsii.String(props.EnvironmentName)})
	}
	alarms := []AlarmProps{
		{
			Name: "scaler-heartbeat", Severity: Critical,
			Summary:    "The replica scaler has not completed a run for five minutes; nobody adds readers.",
			Metric:     orZero(own(contract.MetricHeartbeat, "Sum", time.Minute)),
			Comparison: Below, Threshold: 1, Breaching: 5, Periods: 5, MissingData: MissingIsBreaching,
		},
		{
			Name: "scaler-blind", Severity: Critical,
			Summary:    "The replica scaler has had no usable measurements for ten minutes and keeps the readers as they are.",
			Metric:     own(contract.MetricBlindMinutes, "Maximum", time.Minute),
			Comparison: AtLeast, Threshold: 10, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-saturated", Severity: Critical,
			Summary:    "More readers are needed than the policy's maximum allows.",
			Metric:     own(contract.MetricShortfall, "Maximum", time.Minute),
			Comparison: Above, Threshold: 0, Breaching: 5, Periods: 5, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-errors", Severity: Warning,
			Summary:    "Calls of the replica scaler to AWS keep failing.",
			Metric:     own(contract.MetricErrors, "Sum", time.Minute),
			Comparison: Above, Threshold: 0, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-capacity-refused", Severity: Warning,
			Summary:    "AWS has no capacity for new readers of the wanted classes and zones.",
			Metric:     own(contract.MetricRefused, "Sum", 5*time.Minute),
			Comparison: Above, Threshold: 0, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-write-bound-lag", Severity: Warning,
			Summary:    "Readers lag because of writes, which more readers do not cure.",
			Metric:     own(contract.MetricLagVerdict, "Maximum", time.Minute),
			Comparison: Above, Threshold: 0, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-imbalance", Severity: Warning,
			Summary:    "Connections are spread unevenly over the readers; services keep theirs too long.",
			Metric:     own(contract.MetricImbalance, "Maximum", time.Minute),
			Comparison: Above, Threshold: 0, Breaching: 10, Periods: 15, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-slow-create", Severity: Warning,
			Summary:    "A reader took more than twenty minutes to serve.",
			Metric:     own(contract.MetricCreateSeconds, "Maximum", 5*time.Minute),
			Comparison: Above, Threshold: 1200, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-wake-ups", Severity: Warning,
			Summary:    "EventBridge could not call the replica scaler.",
			Metric:     failedCalls(wakeUps),
			Comparison: Above, Threshold: 0, Breaching: 3, Periods: 5, MissingData: MissingIsFine,
		},
		{
			Name: "scaler-failed-events", Severity: Warning,
			Summary: "Events that the replica scaler could not handle wait in its failure queue.",
			Metric: minutely("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum",
				map[string]*string{"QueueName": failures.QueueName()}),
			Comparison: Above, Threshold: 0, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
		},
	}
	if props.BudgetReaderHours > 0 {
		alarms = append(alarms, AlarmProps{
			Name: "scaler-budget", Severity: Warning,
			Summary:    fmt.Sprintf("Added readers have used up the month's budget of %d reader-hours; none is removed for it.", props.BudgetReaderHours),
			Metric:     own(contract.MetricReaderHours, "Maximum", time.Hour),
			Comparison: Above, Threshold: float64(props.BudgetReaderHours), Breaching: 1, Periods: 1, MissingData: MissingKeepsState,
		})
	}
	for _, alarm := range alarms {
		NewAlarm(scope, props.Notifications, alarm)
	}
}

// failedCalls are those of all rules. EventBridge publishes none where there are none.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
func failedCalls(rules []awsevents.Rule) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	var names []string
	for i, rule := range rules {
		name := fmt.Sprintf("rule%d", i+1)
		names = append(names, name)
		metrics[name] = minutely("AWS/Events", "FailedInvocations", "Sum", map[string]*string{"RuleName": rule.RuleName()})
	}
	return expression("SUM(["+strings.Join(names, ", ")+"])", "calls that failed", metrics)
}
