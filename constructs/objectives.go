package constructs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// Objectives are what visitors may expect, and what the graphs are held against.
type Objectives struct {
	// AvailabilityPercent is the share of the requests that are answered, over Window.
	AvailabilityPercent float64
	// P95 and P99 are the response times of all but one of twenty, and all but one of a hundred requests.
	P95, P99 time.Duration
	// Window is the time for which there is a budget of failures.
	Window time.Duration
}

// LatencyLimits are the lines on a graph of response times.
func (o Objectives) LatencyLimits() []Limit {
	return []Limit{{"objective of p95", o.P95.Seconds()}, {"objective of p99", o.P99.Seconds()}}
}

// objective is one of them: of all requests, at most the share Budget may be bad.
type objective struct {
	// name is in kebab-case; broken says in a sentence what a bad request is.
	name, broken string
	budget       float64
	// bad and all are expressions over metrics.
	bad, all string
	metrics  map[string]awscloudwatch.Metric
}

// objectives are all of them, as the load balancer sees requests.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
func (o Objectives) objectives(front WatchedLoadBalancer) []objective {
	slow := func(name string, limit time.Duration, budget float64) objective {
		return objective{
			name: name, broken: fmt.Sprintf("slower than %g s", limit.Seconds()), budget: budget,
			bad: "FILL(slow, 0)", all: "answered",
			metrics: map[string]awscloudwatch.Metric{
				"slow":     front.metric("TargetResponseTime", fmt.Sprintf("TC(%g:)", limit.Seconds())), // how many took longer
				"answered": front.metric("TargetResponseTime", "SampleCount"),
			},
		}
	}
	return []objective{
		front.availability(o.AvailabilityPercent),
		slow("p95", o.P95, 0.05),
		slow("p99", o.P99, 0.01),
	}
}

// availability counts what a service answers with an error, and what no task takes, which the load balancer answers. Only
// requests that a task takes are in RequestCount.
func (w WatchedLoadBalancer) availability(percent float64) objective {
	return objective{
		name: "availability", broken: "answered with an error", budget: 1 - percent/100,
		bad: "(FILL(failed, 0) + FILL(refused, 0))", all: "(FILL(requests, 0) + FILL(refused, 0))",
		metrics: map[string]awscloudwatch.Metric{
			"requests": w.metric("RequestCount", "Sum"), "failed": w.metric("HTTPCode_Target_5XX_Count", "Sum"), "refused": w.metric("HTTPCode_ELB_5XX_Count", "Sum"),
		},
	}
}

// good is the share of the good requests in percent.
func (o objective) good(label string) awscloudwatch.IMetric {
	return o.expression("IF(ALL > 0, 100 - 100 * BAD / ALL, 100)", label, fiveMinutes)
}

// left is what is left of the budget in percent; below zero the objective is missed.
func (o objective) left(label string) awscloudwatch.IMetric {
	return o.expression("IF(ALL > 0, 100 - 100 * BAD / (BUDGET * ALL), 100)", label, fiveMinutes)
}

// expression writes a formula about BAD, ALL and BUDGET.
func (o objective) expression(formula, label string, period time.Duration) awscloudwatch.IMetric {
	text := strings.NewReplacer("BAD", o.bad, "ALL", o.all, "BUDGET", shortNumber(o.budget)).Replace(formula)
	return expressionEvery(period, text, label, o.using(period))
}

func (o objective) using(period time.Duration) map[string]awscloudwatch.IMetric {
	using := map[string]awscloudwatch.IMetric{}
	for name, metric := range o.metrics {
		using[name] = metric.With(&awscloudwatch.MetricOptions{Period: awscdk.Duration_Minutes(jsii.Number(period.Minutes()))})
	}
	return using
}

// shortNumber leaves out the digits that binary fractions have too many: 1 - 0.999 is 0.001.
func shortNumber(value float64) string { return strconv.FormatFloat(value, 'g', 6, 64) }

// availabilityPanel is the share of the requests that are answered.
func (o Objectives) availabilityPanel(front WatchedLoadBalancer) Panel {
	return Panel{Title: "Requests that were answered", Unit: "percent", Metrics: []awscloudwatch.IMetric{front.availability(o.AvailabilityPercent).good("answered")},
		Limits: []Limit{{"objective", o.AvailabilityPercent}}}
}
