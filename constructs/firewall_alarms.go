package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// fewestRequests in five minutes say something about the share that is refused.
const fewestRequests = 200

// AddFirewallAlarm tells when a firewall refuses much. Where says which, in the alarm's name.
func (w *WebACL) AddFirewallAlarm(scope construct.Construct, notifications *Notifications, where string) {
	expression := fmt.Sprintf("IF(FILL(blocked, 0) + FILL(allowed, 0) >= %d, 100 * FILL(blocked, 0) / (FILL(blocked, 0) + FILL(allowed, 0)), 0)", fewestRequests)
	NewAlarm(scope, notifications, AlarmProps{
		Name: "firewall-blocked", Subject: where, Severity: Warning,
		Summary: "The firewall refuses more than a fifth of the requests: an attack, or a rule that hits customers.",
		Metric: expressionEvery(fiveMinutes, expression,
			"percent of the requests that were refused", map[string]awscloudwatch.IMetric{
				"blocked": w.metric("BlockedRequests", "ALL"), "allowed": w.metric("AllowedRequests", "ALL"),
			}),
		Comparison: Above, Threshold: 20, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
	})
}

// AddGuardAlarm tells when the load balancer refuses what does not come through CloudFront.
func (w *WebACL) AddGuardAlarm(scope construct.Construct, notifications *Notifications) {
	NewAlarm(scope, notifications, AlarmProps{
		Name: "origin-guard-refused", Severity: Critical,
		Summary:    "The load balancer refuses requests without the secret: somebody goes around CloudFront, or CloudFront has another secret.",
		Metric:     metricEvery(fiveMinutes, "AWS/WAFV2", "BlockedRequests", "Sum", w.dimensions(guardRule)),
		Comparison: Above, Threshold: fewestRequests, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
	})
}

func (w *WebACL) metric(name, rule string) awscloudwatch.IMetric {
	return metricEvery(fiveMinutes, "AWS/WAFV2", name, "Sum", w.dimensions(rule))
}

// dimensions have a region for load balancers only. https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
func (w *WebACL) dimensions(rule string) map[string]*string {
	dimensions := map[string]*string{"WebACL": jsii.String(w.Name), "Rule": jsii.String(rule)}
	if w.Regional {
		dimensions["Region"] = awscdk.Stack_Of(w.ACL).Region()
	}
	return dimensions
}
