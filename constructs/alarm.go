package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Severity says who hears of an alarm, and when.
type Severity string

const (
	// Critical needs a person now, at night too: customers suffer, or will within minutes.
	Critical Severity = "critical"
	// Warning can wait for working hours.
	Warning Severity = "warning"
)

// MissingData says what an alarm makes of periods without a data point. There is no default: for each metric one of
// these is right and the others hide an outage or cry wolf.
type MissingData awscloudwatch.TreatMissingData

const (
	// MissingIsBreaching suits heartbeats: silence is the failure.
	MissingIsBreaching = MissingData(awscloudwatch.TreatMissingData_BREACHING)
	// MissingIsFine suits counters that are only published when something happened.
	MissingIsFine = MissingData(awscloudwatch.TreatMissingData_NOT_BREACHING)
	// MissingKeepsState suits gauges: a gap says nothing, the alarm stays as it is.
	MissingKeepsState = MissingData(awscloudwatch.TreatMissingData_IGNORE)
)

// Comparison relates the metric to the threshold in the breaching case.
type Comparison awscloudwatch.ComparisonOperator

// The comparisons that alarms here need.
const (
	Above   = Comparison(awscloudwatch.ComparisonOperator_GREATER_THAN_THRESHOLD)
	AtLeast = Comparison(awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD)
	Below   = Comparison(awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD)
)

// AlarmProps describes one alarm; every field but Subject is required, a Threshold of zero included.
type AlarmProps struct {
	// Name is the alarm's name without the environment, in kebab-case ("database-writer-cpu"). The alarm is called
	// "<environment>-<name>" and its runbook is docs/runbooks/<name>.md.
	Name string
	// Subject tells several alarms of one name and runbook apart, in kebab-case ("order"): it follows the name in the alarm's.
	Subject string
	// Summary says in one sentence what is wrong when the alarm fires.
	Summary  string
	Severity Severity
	Metric   awscloudwatch.IMetric
	// Comparison and Threshold, the latter in the metric's unit, say which values breach.
	Comparison Comparison
	Threshold  float64
	// Breaching of the last Periods data points must breach (CloudWatch's "M of N").
	Breaching, Periods int
	MissingData        MissingData
}

// NewAlarm makes an alarm that tells the topic of its severity when it fires and when it is over. A critical one within a storm
// leaves the page to that, and tells the topic for warnings.
func NewAlarm(scope construct.Construct, notifications *Notifications, props AlarmProps) awscloudwatch.Alarm {
	if props.Name == "" || props.Summary == "" || notifications.Owner == "" || props.Comparison == "" || props.MissingData == "" ||
		props.Breaching < 1 || props.Periods < props.Breaching {
		panic(fmt.Sprintf("alarm %q: name, summary, owner, comparison, missing data and 1 <= breaching <= periods are required, got %+v",
			props.Name, props))
	}
	name := props.Name
	if props.Subject != "" {
		name += "-" + props.Subject
	}
	severity, page := props.Severity, ""
	if notifications.storm != nil && severity == Critical {
		severity, page = Warning, notifications.storm.name
	}
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(pascalCase(props.Name)+"Alarm"), &awscloudwatch.AlarmProps{
		AlarmName:          jsii.String(notifications.EnvironmentName + "-" + name),
		AlarmDescription:   jsii.String(describe(props.Severity, props.Summary, notifications.Owner, page, props.Name)),
		Metric:             props.Metric,
		ComparisonOperator: awscloudwatch.ComparisonOperator(props.Comparison),
		Threshold:          jsii.Number(props.Threshold),
		DatapointsToAlarm:  jsii.Number(props.Breaching),
		EvaluationPeriods:  jsii.Number(props.Periods),
		TreatMissingData:   awscloudwatch.TreatMissingData(props.MissingData),
	})
	action := awscloudwatchactions.NewSnsAction(notifications.Topic(severity))
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)
	if page != "" {
		notifications.storm.alarms = append(notifications.storm.alarms, alarm)
	}
	return alarm
}

// describe is what an alarm says; page is the alarm that pages in its place, if there is one.
func describe(severity Severity, summary, owner, page, runbook string) string {
	if page != "" {
		page = " Pages as: " + page + "."
	}
	return fmt.Sprintf("[%s] %s Owner: %s.%s Runbook: docs/runbooks/%s.md", severity, summary, owner, page, runbook)
}

// unwatched says why a resource that can fail has no alarm of its own. Every other one has: a test looks for them.
func unwatched(resource construct.IConstruct, reason string) {
	resource.(awscdk.CfnResource).AddMetadata(jsii.String("peakline:unwatched"), reason)
}

// minutely is a metric with one data point a minute, the resolution at which AWS publishes most of what alarms read.
func minutely(namespace, name, statistic string, dimensions map[string]*string) awscloudwatch.Metric {
	return metricEvery(time.Minute, namespace, name, statistic, dimensions)
}

func metricEvery(period time.Duration, namespace, name, statistic string, dimensions map[string]*string) awscloudwatch.Metric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(namespace),
		MetricName:    jsii.String(name),
		Statistic:     jsii.String(statistic),
		Period:        awscdk.Duration_Minutes(jsii.Number(period.Minutes())),
		DimensionsMap: &dimensions,
	})
}
