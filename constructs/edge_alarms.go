package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// AddAlarms watches what visitors get. CloudFront's metrics are in us-east-1.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
func (e *Edge) AddAlarms(scope construct.Construct, notifications *Notifications) {
	dimensions := map[string]*string{"DistributionId": e.Distribution.Ref(), "Region": jsii.String("Global")}
	NewAlarm(scope, notifications, AlarmProps{
		Name: "edge-errors", Severity: Critical,
		Summary: "More than one of fifty answers of CloudFront is an error of ours.",
		Metric: expressionEvery(fiveMinutes, fmt.Sprintf("IF(FILL(requests, 0) >= %d, errors, 0)", fewestRequests), "percent of the requests that failed",
			map[string]awscloudwatch.IMetric{
				"errors":   metricEvery(fiveMinutes, "AWS/CloudFront", "5xxErrorRate", "Average", dimensions),
				"requests": metricEvery(fiveMinutes, "AWS/CloudFront", "Requests", "Sum", dimensions),
			}),
		Comparison: Above, Threshold: 2, Breaching: 1, Periods: 2, MissingData: MissingIsFine,
	})
	NewAlarm(scope, notifications, AlarmProps{
		Name: "edge-origin-latency", Severity: Warning,
		Summary:    "One of twenty requests waits longer than 1.6 s for an origin, seen from CloudFront.",
		Metric:     metricEvery(fiveMinutes, "AWS/CloudFront", "OriginLatency", "p95", dimensions), // milliseconds
		Comparison: Above, Threshold: 1600, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
	})
}
