package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// OverviewProps is what the pages about the whole environment are made of.
type OverviewProps struct {
	EnvironmentName string
	Front           WatchedLoadBalancer
	Database        WatchedDatabase
	Objectives      Objectives
	// Alarms are those that customers feel, by their names.
	Alarms []string
	// MonthlyBudget in USD, which the bill is held against; 0 leaves the bill out.
	MonthlyBudget int
}

// Overview is the page that a manager understands: is the shop open, is it fast, do people buy, what may still go wrong this month,
// what does it cost, and is anything wrong now.
func (p OverviewProps) Overview() [][]Panel {
	availability, window := p.Front.availability(p.Objectives.AvailabilityPercent), p.Objectives.Window
	days := fmt.Sprintf(", %d days", int(window.Hours()/24))
	number := func(title string, over time.Duration, metric awscloudwatch.IMetric) Panel {
		return Panel{Title: title, Number: true, Over: over, Metrics: []awscloudwatch.IMetric{metric}}
	}
	alarms := []Panel{p.alarms()}
	if p.MonthlyBudget > 0 {
		alarms = append(alarms, bill(p.MonthlyBudget))
	}
	return [][]Panel{
		{
			number("Answered"+days, window, availability.good("percent")),
			number("Error budget left"+days, window, availability.left("percent")),
			number("Slowest of twenty requests", 0, line("seconds", p.Front.metric("TargetResponseTime", "p95"))),
			number("Orders", 0, line("a minute", shopEvent(p.EnvironmentName, contract.EventOrderPlaced))),
		},
		{p.Objectives.availabilityPanel(p.Front), p.Front.Latency(p.Objectives.LatencyLimits()...), ShopPanel(p.EnvironmentName)},
		{p.Front.Requests(), p.Database.Busy(), p.Database.Readers()},
		alarms,
	}
}

// SaleDay is the page for the hours of an event: what comes in, what carries it, and how much room is left.
func (p OverviewProps) SaleDay() [][]Panel {
	return [][]Panel{
		{p.Front.Requests(), ShopPanel(p.EnvironmentName)},
		{p.Front.Latency(p.Objectives.LatencyLimits()...), p.Front.tasks()},
		{p.Database.Readers(), p.Database.Busy(), p.Database.Lag()},
		{p.alarms()},
	}
}

func (p OverviewProps) alarms() Panel {
	return Panel{Title: "Alarms that customers feel", Alarms: p.Alarms}
}

// tasks are all that run in the cluster of the services, and what they use of what they were given.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
func (w WatchedLoadBalancer) tasks() Panel {
	metric := func(name, statistic string) awscloudwatch.Metric {
		return minutely("ECS/ContainerInsights", name, statistic, map[string]*string{"ClusterName": w.ClusterName})
	}
	return Panel{Title: "Tasks of all services", Unit: "tasks", Metrics: []awscloudwatch.IMetric{line("running", metric("TaskCount", "Average"))},
		Right: []awscloudwatch.IMetric{expression("100 * used / reserved", "processors in use", map[string]awscloudwatch.IMetric{
			"used": metric("CpuUtilized", "Sum"), "reserved": metric("CpuReserved", "Sum"),
		})}, RightUnit: "percent"}
}

// billingRegion is the only one with metrics of the bill.
const billingRegion = "us-east-1"

// bill is that of the whole account since the month began. CloudWatch has it where billing alerts are switched on.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html
func bill(monthlyBudget int) Panel {
	return Panel{Title: "Bill of the account since the month began", Unit: "USD", Region: billingRegion,
		Metrics: []awscloudwatch.IMetric{line("so far", metricEvery(6*time.Hour, "AWS/Billing", "EstimatedCharges", "Maximum", map[string]*string{"Currency": jsii.String("USD")}))},
		Limits:  []Limit{{"budget", float64(monthlyBudget)}}}
}
