package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// addRDSProxyAlarms watches the proxy as a whole, and where the two differ the writer's side and the readers'.
// Metrics: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy.monitoring.html
func addRDSProxyAlarms(scope construct.Construct, proxy *string, notifications *Notifications) {
	metric := func(name, statistic string) awscloudwatch.IMetric {
		return minutely("AWS/RDS", name, statistic, map[string]*string{"ProxyName": proxy})
	}
	role := func(role, name, statistic string) awscloudwatch.IMetric {
		return minutely("AWS/RDS", name, statistic, map[string]*string{
			"ProxyName": proxy, "TargetGroup": jsii.String(proxyTargetGroup), "TargetRole": jsii.String(role),
		})
	}
	expression := func(expression, label string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
		return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String(expression), UsingMetrics: &metrics, Label: jsii.String(label), Period: awscdk.Duration_Minutes(jsii.Number(1)),
		})
	}
	for _, alarm := range []AlarmProps{
		{
			Name: "proxy-unavailable", Subject: "writer", Severity: Critical,
			Summary:    "The RDS Proxy does not reach the writer.",
			Metric:     role("READ_WRITE", "AvailabilityPercentage", "Average"),
			Comparison: Below, Threshold: 50, Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "proxy-unavailable", Subject: "readers", Severity: Critical,
			Summary:    "The RDS Proxy reaches less than half of the readers.",
			Metric:     role("READ_ONLY", "AvailabilityPercentage", "Average"),
			Comparison: Below, Threshold: 50, Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "proxy-refused", Severity: Critical,
			Summary: "Services cannot log in to the RDS Proxy, or the RDS Proxy cannot log in to the database.",
			Metric: expression("FILL(clients, 0) + FILL(proxy, 0)", "logins that failed", map[string]awscloudwatch.IMetric{
				"clients": metric("ClientConnectionsSetupFailedAuth", "Sum"), "proxy": metric("DatabaseConnectionsSetupFailed", "Sum"),
			}),
			Comparison: Above, Threshold: 0, Breaching: 5, Periods: 6, MissingData: MissingIsFine,
		},
		{
			Name: "proxy-pinned", Severity: Warning,
			Summary: "More than a fifth of the RDS Proxy's connections to the database belong to one client each.",
			Metric: expression("100 * pinned / "+atLeast("connections", 20), "percent of the connections that are pinned", map[string]awscloudwatch.IMetric{
				"pinned": metric("DatabaseConnectionsCurrentlySessionPinned", "Sum"), "connections": metric("DatabaseConnections", "Sum"),
			}),
			Comparison: Above, Threshold: 20, Breaching: 10, Periods: 15, MissingData: MissingKeepsState,
		},
		{
			Name: "proxy-connections", Severity: Warning,
			Summary: "The RDS Proxy uses more than four fifths of the connections that it may open.",
			Metric: expression("100 * connections / allowed", "percent of the connections that are open", map[string]awscloudwatch.IMetric{
				"connections": metric("DatabaseConnections", "Sum"), "allowed": metric("MaxDatabaseConnectionsAllowed", "Sum"),
			}),
			Comparison: Above, Threshold: 80, Breaching: 5, Periods: 10, MissingData: MissingKeepsState,
		},
		{
			Name: "proxy-waiting", Severity: Warning,
			Summary:    "Clients of the RDS Proxy wait for a connection to the database for more than 50 ms on average.",
			Metric:     metric("DatabaseConnectionsBorrowLatency", "Average"), // microseconds
			Comparison: Above, Threshold: 50_000, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
		},
	} {
		NewAlarm(construct.NewConstruct(scope, jsii.String(pascalCase(alarm.Name+"-"+alarm.Subject))), notifications, alarm)
	}
}
