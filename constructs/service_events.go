package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// countEvents counts what services say of their business, in the lines of their log (docs/service-contract.md). The event's name
// becomes a dimension; only the names of the contract match, so that no service makes metrics without end.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
func countEvents(scope construct.Construct, logs awslogs.ILogGroup, environmentName string) {
	terms := make([]string, len(contract.ShopEvents))
	for i, event := range contract.ShopEvents {
		terms[i] = fmt.Sprintf(`($.event = %q)`, event)
	}
	awslogs.NewMetricFilter(scope, jsii.String("Events"), &awslogs.MetricFilterProps{
		LogGroup:        logs,
		FilterPattern:   awslogs.FilterPattern_Literal(jsii.String("{ " + strings.Join(terms, " || ") + " }")),
		MetricNamespace: jsii.String(contract.ShopNamespace(environmentName)),
		MetricName:      jsii.String(contract.ShopMetric),
		MetricValue:     jsii.String("1"),
		Dimensions:      &map[string]*string{contract.ShopDimension: jsii.String("$.event")},
	})
}

// shopEvent is how often something happened in a minute.
func shopEvent(environmentName, event string) awscloudwatch.Metric {
	return minutely(contract.ShopNamespace(environmentName), contract.ShopMetric, "Sum", map[string]*string{contract.ShopDimension: jsii.String(event)})
}

// ShopPanel is the business: orders, and what keeps customers from them.
func ShopPanel(environmentName string) Panel {
	return Panel{Title: "Orders", Unit: "a minute",
		Metrics: []awscloudwatch.IMetric{line("placed", shopEvent(environmentName, contract.EventOrderPlaced))},
		Right: []awscloudwatch.IMetric{
			line("checkouts that failed", shopEvent(environmentName, contract.EventCheckoutFailed)),
			line("payments declined", shopEvent(environmentName, contract.EventPaymentDeclined)),
			line("sign-ins that failed", shopEvent(environmentName, contract.EventSignInFailed)),
		}, RightUnit: "failures a minute"}
}

const (
	// fewestCheckouts in five minutes say something about the share that fails.
	fewestCheckouts = 20
	// failedCheckouts is the share in percent that calls somebody.
	failedCheckouts = 20
)

// NewCheckoutAlarm tells when customers cannot buy, whatever the status of the answers that say so.
func NewCheckoutAlarm(scope construct.Construct, notifications *Notifications) {
	every := func(event string) awscloudwatch.IMetric {
		return metricEvery(fiveMinutes, contract.ShopNamespace(notifications.EnvironmentName), contract.ShopMetric, "Sum",
			map[string]*string{contract.ShopDimension: jsii.String(event)})
	}
	NewAlarm(scope, notifications, AlarmProps{
		Name: "shop-checkouts", Severity: Critical,
		Summary: fmt.Sprintf("More than %d %% of the checkouts fail: customers want to buy and cannot.", failedCheckouts),
		Metric: expressionEvery(fiveMinutes,
			fmt.Sprintf("IF(FILL(failed, 0) + FILL(placed, 0) >= %d, 100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(placed, 0)), 0)", fewestCheckouts), "percent of the checkouts that failed",
			map[string]awscloudwatch.IMetric{"failed": every(contract.EventCheckoutFailed), "placed": every(contract.EventOrderPlaced)}),
		Comparison: Above, Threshold: failedCheckouts, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
	})
}

// SavedQuery is a question to the logs that Logs Insights keeps for whoever needs it at night.
type SavedQuery struct{ Name, Text string }

// savedQueries are about the log lines of the contract.
var savedQueries = []SavedQuery{
	{"errors", "fields @timestamp, service, event, @message\n| filter level = \"ERROR\"\n| sort @timestamp desc\n| limit 100"},
	{"events", "filter ispresent(event)\n| stats count(*) as lines by event, service, bin(5m)\n| sort lines desc"},
	{"slowest", "filter ispresent(durationMs)\n| stats count(*) as lines, pct(durationMs, 50) as p50, pct(durationMs, 95) as p95, pct(durationMs, 99) as p99 by service, event\n| sort p95 desc"},
	{"failed-checkouts", "filter event in [\"checkout_failed\", \"payment_declined\"]\n| fields @timestamp, service, event, traceId, @message\n| sort @timestamp desc\n| limit 100"},
	{"trace", "fields @timestamp, service, level, event, @message\n| filter traceId = \"put the trace id here\"\n| sort @timestamp asc"},
}

// NewSavedQueries keeps the questions, over the logs of all services.
func NewSavedQueries(scope construct.Construct, environmentName string, groups []*string) {
	names := make([]interface{}, len(groups))
	for i, group := range groups {
		names[i] = group
	}
	for _, query := range savedQueries {
		awslogs.NewCfnQueryDefinition(scope, jsii.String(pascalCase(query.Name)+"Query"), &awslogs.CfnQueryDefinitionProps{
			Name:          jsii.String("peakline/" + environmentName + "/" + query.Name), // a slash is a folder
			QueryString:   jsii.String(query.Text),
			LogGroupNames: &names,
		})
	}
}
