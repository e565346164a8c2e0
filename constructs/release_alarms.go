package constructs

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	// fewestReleaseRequests of a minute are what a colour is judged by at least: one failure of three says nothing.
	fewestReleaseRequests = 20
	// releaseErrors is the share of failures in percent, and releaseLatency the 95th percentile in seconds, of the sources' peak
	// (1.6 s), above which a release is taken back.
	releaseErrors  = 5
	releaseLatency = 1.6
)

// addReleaseAlarms makes the alarms that take a release back, and returns them. Each judges the colours apart, so that the
// few visitors of a canary are not lost among those of the version before, and whichever of the two is new.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
func (s *Service) addReleaseAlarms(scope construct.Construct, props ServiceProps) []awscloudwatch.Alarm {
	name := props.Task.Service
	return []awscloudwatch.Alarm{
		NewAlarm(scope, props.Notifications, AlarmProps{
			Name: "release-errors", Subject: name, Severity: Warning,
			Summary: fmt.Sprintf("More than %d %% of the requests to one colour of %s fail; a release that is under way is taken back.", releaseErrors, name),
			Metric: s.worstColour(props, "percent of the requests that failed", "100 * COLOURErrors / "+atLeast("COLOUR", fewestReleaseRequests),
				map[string]string{"": "RequestCount", "Errors": "HTTPCode_Target_5XX_Count"}),
			Comparison: Above, Threshold: releaseErrors, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
		}),
		NewAlarm(scope, props.Notifications, AlarmProps{
			Name: "release-latency", Subject: name, Severity: Warning,
			Summary: fmt.Sprintf("One request of twenty to one colour of %s takes longer than %g s; a release that is under way is taken back.", name, releaseLatency),
			Metric: s.worstColour(props, "seconds, 95th percentile", fmt.Sprintf("IF(COLOUR >= %d, COLOURLatency, 0)", fewestReleaseRequests),
				map[string]string{"": "RequestCount", "Latency": "TargetResponseTime"}),
			Comparison: Above, Threshold: releaseLatency, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
		}),
		NewAlarm(scope, props.Notifications, AlarmProps{
			Name: "release-unhealthy", Subject: name, Severity: Warning,
			Summary:    "A task of " + name + " fails its health checks; a release that is under way is taken back.",
			Metric:     s.worstColour(props, "tasks that fail their health checks", "COLOURUnhealthy", map[string]string{"Unhealthy": "UnHealthyHostCount"}),
			Comparison: AtLeast, Threshold: 1, Breaching: 3, Periods: 4, MissingData: MissingIsFine,
		}),
	}
}

// statistics of the load balancer's metrics; the rest are sums.
var statistics = map[string]string{"TargetResponseTime": "p95", "UnHealthyHostCount": "Maximum"}

// worstColour is an expression over the metrics of a target group, for the colour where it is higher. The metrics go by what
// follows COLOUR in the expression.
func (s *Service) worstColour(props ServiceProps, label, expression string, metrics map[string]string) awscloudwatch.IMetric {
	using := map[string]awscloudwatch.IMetric{}
	var each []string
	for _, colour := range s.colours() {
		dimensions := map[string]*string{
			"LoadBalancer": props.LoadBalancer.LoadBalancer.LoadBalancerFullName(), "TargetGroup": colour.group.TargetGroupFullName()}
		for suffix, metric := range metrics {
			using[colour.name+suffix] = minutely("AWS/ApplicationELB", metric, cmp.Or(statistics[metric], "Sum"), dimensions)
		}
		each = append(each, filled(strings.ReplaceAll(expression, "COLOUR", colour.name)))
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String("MAX([" + strings.Join(each, ", ") + "])"),
		UsingMetrics: &using,
		Label:        jsii.String(label),
		Period:       awscdk.Duration_Minutes(jsii.Number(1)),
	})
}
