package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// Panels are the rows of CloudFront and its firewall on a dashboard.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
func (e *Edge) Panels(firewall *WebACL) [][]Panel {
	dimensions := map[string]*string{"DistributionId": e.Distribution.Ref(), "Region": jsii.String("Global")}
	metric := func(label, name, statistic string) awscloudwatch.IMetric {
		return line(label, minutely("AWS/CloudFront", name, statistic, dimensions))
	}
	refused := func(label, name string) awscloudwatch.IMetric {
		return line(label, metricEvery(fiveMinutes, "AWS/WAFV2", name, "Sum", firewall.dimensions("ALL")))
	}
	return [][]Panel{
		{
			{Title: "Edge: requests of visitors", Unit: "a minute", Metrics: []awscloudwatch.IMetric{metric("requests", "Requests", "Sum")}},
			{Title: "Edge: answers that are errors", Unit: "percent", Limits: []Limit{{"alarm of 5xx", 2}},
				Metrics: []awscloudwatch.IMetric{metric("ours (5xx)", "5xxErrorRate", "Average"), metric("the visitor's (4xx)", "4xxErrorRate", "Average")}},
			{Title: "Edge: waiting for load balancer and bucket", Unit: "milliseconds", Limits: []Limit{{"alarm of p95", 1600}},
				Metrics: []awscloudwatch.IMetric{metric("p50", "OriginLatency", "p50"), metric("p95", "OriginLatency", "p95"), metric("p99", "OriginLatency", "p99")}},
		},
		{
			{Title: "Edge: answered from its cache", Unit: "percent", Metrics: []awscloudwatch.IMetric{metric("hit ratio", "CacheHitRate", "Average")}},
			{Title: "Edge: sent to visitors", Unit: "bytes a minute", Metrics: []awscloudwatch.IMetric{metric("sent", "BytesDownloaded", "Sum")}},
			{Title: "Firewall: requests", Unit: "in five minutes", Metrics: []awscloudwatch.IMetric{refused("let through", "AllowedRequests"), refused("refused", "BlockedRequests")}},
		},
	}
}
