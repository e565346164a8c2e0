package test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"peakline/config"
	"peakline/test/cloudwatch"
)

// speed is how fast a budget must not be spent: a share of it within a long window, with a short one to tell that it goes on.
type speed struct {
	name, severity string
	share          float64
	long, short    float64 // hours
}

// speeds are those of Google's workbook. https://sre.google/workbook/alerting-on-slos/
var speeds = []speed{
	{"slo-fast-burn", "critical", 0.02, 1, 5.0 / 60},
	{"slo-burn", "critical", 0.05, 6, 0.5},
	{"slo-slow-burn", "warning", 0.10, 72, 6},
}

// rate is how many times faster than allowed the budget goes.
func (s speed) rate(e config.Environment) float64 {
	return s.share * 24 * float64(e.SLOs.WindowDays) / s.long
}

// promised are the objectives of an environment, with the share of the requests that may be bad.
func promised(e config.Environment) map[string]float64 {
	return map[string]float64{"availability": 1 - e.SLOs.AvailabilityPercent/100, "p95": 0.05, "p99": 0.01}
}

// composite by its name without the environment.
func (a *assembly) composite(name string) resource {
	for _, alarm := range a.where("AWS::CloudWatch::CompositeAlarm", "AlarmName", a.environment.Name+"-"+name) {
		return alarm
	}
	return resource{}
}

// partsOf are the alarms that a composite alarm looks at.
func (a *assembly) partsOf(composite resource) []resource {
	rule := a.resolve(composite.stack, composite.get("AlarmRule"))
	var parts []resource
	for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
		if strings.Contains(rule, `ALARM("`+alarm.stack.id+"/"+alarm.id+`.Arn")`) {
			parts = append(parts, alarm)
		}
	}
	return parts
}

// isPart tells whether an alarm tells nobody because a composite one does.
func (a *assembly) isPart(alarm resource) bool {
	return slices.ContainsFunc(a.all("AWS::CloudWatch::CompositeAlarm"), func(composite resource) bool {
		return slices.ContainsFunc(a.partsOf(composite), alarm.is)
	})
}

var objectiveRequirements = []requirement{
	{row: "O3", name: "each objective has an alarm for three speeds at which its budget goes, of a long window and a short one, both of which must say so",
		check: func(a *assembly, fail failure) {
			for objective, budget := range promised(a.environment) {
				for _, s := range speeds {
					composite := a.composite(s.name + "-" + objective)
					parts := a.partsOf(composite)
					if len(parts) != 2 || strings.Count(a.resolve(composite.stack, composite.get("AlarmRule")), " AND ") != 1 {
						fail("%s of %s is made of %d alarms by %q, want a long and a short window that both burn", s.name, objective, len(parts), composite.get("AlarmRule"))
						continue
					}
					rate := s.rate(a.environment)
					if most := 1 / budget; rate > most {
						fail("%s of %s fires at %g times the budget, and no failure can be worse than %g: it never fires", s.name, objective, rate, most)
					}
					for _, part := range parts {
						window := s.short
						if strings.HasSuffix(part.text("AlarmName"), "-long") {
							window = s.long
						}
						period := float64(metricsOf(part)[0].period) / 3600
						if hours := period * part.number("DatapointsToAlarm"); math.Abs(hours-window) > 1e-9 || math.Abs(part.number("Threshold")-rate) > 1e-9 {
							fail("%s looks at %g hours above %g, want %g hours above %g", part, hours, part.number("Threshold"), window, rate)
						}
					}
				}
			}
		}},
	{row: "O3", name: "an alarm of a budget tells the topic of its severity, and the two that it is made of tell nobody",
		check: func(a *assembly, fail failure) {
			for objective := range promised(a.environment) {
				for _, s := range speeds {
					composite := a.composite(s.name + "-" + objective)
					for _, property := range []string{"AlarmActions", "OKActions"} {
						if actions := composite.list(property); len(actions) != 1 || a.topicOf(composite.stack, actions[0]) != s.severity {
							fail("%s tells %v by its %s, want the topic of what is %s", composite, actions, property, s.severity)
						}
						for _, part := range a.partsOf(composite) {
							if part.get(property) != nil {
								fail("%s has %s: one window alone would wake somebody", part, property)
							}
						}
					}
					if description := composite.text("AlarmDescription"); runbookOf(composite) != s.name || !strings.HasPrefix(description, "["+s.severity+"]") {
						fail("%s says %q", composite, description)
					}
				}
			}
		}},
	{row: "O3", name: "a budget's alarms fire on a sample that spends it too fast, and not on one that keeps to it, nor on a handful of failures",
		check: func(a *assembly, fail failure) {
			for objective, budget := range promised(a.environment) {
				for _, s := range speeds {
					rate := s.rate(a.environment)
					for _, sample := range []struct {
						what           string
						requests, ruin float64
						want           bool
					}{
						{"burns a tenth faster", 1e6, 1.1 * rate * budget, true},
						{"burns a tenth slower", 1e6, 0.9 * rate * budget, false},
						{"has nine bad requests", 9, 1, false},
						{"has no requests", 0, 0, false},
					} {
						fires := true
						for _, part := range a.partsOf(a.composite(s.name + "-" + objective)) {
							state, err := a.stateOf(part, sample.requests, sample.requests*sample.ruin)
							if err != nil {
								fail("%s: %v", part, err)
							}
							fires = fires && state == cloudwatch.Alarm
						}
						if fires != sample.want {
							fail("%s of %s fires is %v on traffic that %s", s.name, objective, fires, sample.what)
						}
					}
				}
			}
		}},
	{row: "O3", name: "what counts as bad is what the load balancer measures: errors of services and its own, and requests slower than the objective",
		check: func(a *assembly, fail failure) {
			slow := func(seconds float64) string { return fmt.Sprintf("TargetResponseTime TC(%g:)", seconds) }
			for objective, want := range map[string][]string{
				"availability": {"HTTPCode_ELB_5XX_Count Sum", "HTTPCode_Target_5XX_Count Sum", "RequestCount Sum"},
				"p95":          {"TargetResponseTime SampleCount", slow(a.environment.SLOs.P95().Seconds())},
				"p99":          {"TargetResponseTime SampleCount", slow(a.environment.SLOs.P99().Seconds())},
			} {
				for _, s := range speeds {
					for _, part := range a.partsOf(a.composite(s.name + "-" + objective)) {
						var got []string
						for _, query := range part.list("Metrics") {
							if stat := dig(query, "MetricStat"); stat != nil {
								got = append(got, fmt.Sprintf("%v %v", dig(stat, "Metric/MetricName"), dig(stat, "Stat")))
								balancer := a.targetOf(part.stack, metricFrom(dig(stat, "Metric"), nil).dimensions["LoadBalancer"])
								if balancer.kind != "AWS::ElasticLoadBalancingV2::LoadBalancer" || balancer.text("Scheme") != "internet-facing" {
									fail("%s reads the metrics of %s, want those of the load balancer that visitors meet", part, balancer)
								}
							}
						}
						slices.Sort(got)
						if !slices.Equal(got, want) {
							fail("%s reads %v, want %v", part, got, want)
						}
					}
				}
			}
		}},
	{row: "O3", name: "every service has a latency budget within that of the shop, and is told when it exceeds it",
		check: func(a *assembly, fail failure) {
			for _, name := range a.environment.ServiceNames() {
				alarm, seconds := a.alarm("service-latency-"+name), float64(a.environment.Services[name].LatencyMilliseconds)/1000
				if !alarm.exists() || alarm.number("Threshold") != seconds || alarm.text("ComparisonOperator") != "GreaterThanThreshold" {
					fail("%s tells at %v, want the budget of %s, %v s", alarm, alarm.number("Threshold"), name, seconds)
				}
				if seconds <= 0 || seconds > a.environment.SLOs.P95().Seconds() {
					fail("%s may take %v s, the shop %v", name, seconds, a.environment.SLOs.P95().Seconds())
				}
				groups := 0
				for _, metric := range metricsOf(alarm) {
					if metric.name == "TargetResponseTime" && a.targetOf(alarm.stack, metric.dimensions["TargetGroup"]).kind == "AWS::ElasticLoadBalancingV2::TargetGroup" {
						groups++
					}
				}
				if rolling := a.environment.Services[name].Release == config.ReleaseRolling; !rolling && groups != 2 || rolling && groups != 1 {
					fail("%s looks at %d target groups of %s", alarm, groups, name)
				}
			}
		}},
}

// stateOf is the state of a window's alarm when every period has so many requests, and so many of them bad.
func (a *assembly) stateOf(alarm resource, requests, bad float64) (cloudwatch.State, error) {
	periods := int(alarm.number("EvaluationPeriods"))
	series, expression := map[string]cloudwatch.Series{}, ""
	for _, query := range alarm.list("Metrics") {
		if text, ok := dig(query, "Expression").(string); ok {
			expression = text
			continue
		}
		id, _ := dig(query, "Id").(string)
		value := requests
		switch metric := fmt.Sprint(dig(query, "MetricStat/Metric/MetricName"), " ", dig(query, "MetricStat/Stat")); {
		case metric == "HTTPCode_ELB_5XX_Count Sum":
			value = cloudwatch.Missing // nobody but services fails here
		case metric == "HTTPCode_Target_5XX_Count Sum", strings.Contains(metric, " TC("):
			value = bad
		}
		if requests == 0 {
			value = cloudwatch.Missing
		}
		series[id] = slices.Repeat(cloudwatch.Series{value}, periods)
	}
	values, err := cloudwatch.Evaluate(expression, series)
	if err != nil {
		return "", err
	}
	rule := cloudwatch.Rule{Comparison: alarm.text("ComparisonOperator"), Threshold: alarm.number("Threshold"),
		Breaching: int(alarm.number("DatapointsToAlarm")), Periods: periods, Missing: alarm.text("TreatMissingData")}
	return rule.Next(cloudwatch.OK, values), nil
}

// TestTheBudgetOfAShopThatIsDown is the case of a load balancer that answers everything itself: there are no requests that a task took,
// and all the same nobody is served.
func TestTheBudgetOfAShopThatIsDown(t *testing.T) {
	series := map[string]cloudwatch.Series{"requests": {cloudwatch.Missing}, "failed": {cloudwatch.Missing}, "refused": {1000}}
	for _, a := range synthesized(t).assemblies {
		if a.pipelines {
			continue
		}
		for _, part := range a.partsOf(a.composite("slo-fast-burn-availability")) {
			for _, query := range part.list("Metrics") {
				expression, ok := dig(query, "Expression").(string)
				if !ok {
					continue
				}
				values, err := cloudwatch.Evaluate(expression, series)
				if want := 1 / promised(a.environment)["availability"]; err != nil || math.Abs(values[0]-want) > 0.001*want {
					t.Errorf("%s: a shop that is down burns %v times as fast as allowed (%v), want %v", part, values, err, want)
				}
			}
		}
	}
}
