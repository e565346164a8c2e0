package test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"peakline/lambda/contract"
	"peakline/test/logfilter"
)

// eventFilter is the filter that counts the events of a service, by the container's log group.
func (a *assembly) eventFilter(task resource) resource {
	group := a.target(task, "ContainerDefinitions/0/LogConfiguration/Options/awslogs-group")
	for _, filter := range a.all("AWS::Logs::MetricFilter") {
		if a.target(filter, "LogGroupName").is(group) && filter.text("MetricTransformations/0/MetricNamespace") == contract.ShopNamespace(a.environment.Name) {
			return filter
		}
	}
	return resource{}
}

// listeningTasks are those of the services, without their scheduled tasks.
func (a *assembly) listeningTasks() []resource {
	return slices.DeleteFunc(slices.Clone(a.servingTasks()), func(task resource) bool { return len(task.list("ContainerDefinitions/0/PortMappings")) == 0 })
}

var shopRequirements = []requirement{
	{row: "O4", name: "the events of the contract are counted in the log of every service, each under its own name, and no other line",
		check: func(a *assembly, fail failure) {
			for _, task := range a.listeningTasks() {
				filter := a.eventFilter(task)
				pattern, err := logfilter.Parse(filter.text("FilterPattern"))
				if !filter.exists() || err != nil {
					fail("nobody counts the orders in the log of %s (%v)", task, err)
					continue
				}
				for _, event := range contract.ShopEvents {
					if !pattern.Matches(`{"event":"` + event + `"}`) {
						fail("%s does not count %s", filter, event)
					}
				}
				for _, other := range []string{`{"event":"order_placed_again"}`, `{"event":"search"}`, `{"message":"order_placed"}`, `order_placed`} {
					if pattern.Matches(other) {
						fail("%s counts %s: any service could make metrics without end, and the overview would be wrong", filter, other)
					}
				}
				for path, want := range map[string]any{
					"MetricTransformations/0/MetricName":         contract.ShopMetric,
					"MetricTransformations/0/MetricValue":        "1",
					"MetricTransformations/0/Dimensions/0/Key":   contract.ShopDimension,
					"MetricTransformations/0/Dimensions/0/Value": "$.event",
				} {
					if filter.get(path) != want {
						fail("%s has %s=%v, want %v: the dashboards look for another metric", filter, path, filter.get(path), want)
					}
				}
			}
		}},
	{row: "O4", name: "somebody is told when customers want to buy and cannot",
		check: func(a *assembly, fail failure) {
			alarm := a.alarm("shop-checkouts")
			var events []string
			for _, m := range metricsOf(alarm) {
				event, _ := m.dimensions[contract.ShopDimension].(string)
				if m.namespace != contract.ShopNamespace(a.environment.Name) || m.name != contract.ShopMetric {
					fail("%s reads %s %s", alarm, m.namespace, m.name)
				}
				events = append(events, event)
			}
			slices.Sort(events)
			if !slices.Equal(events, []string{contract.EventCheckoutFailed, contract.EventOrderPlaced}) || alarm.number("Threshold") > 50 || alarm.text("ComparisonOperator") != "GreaterThanThreshold" {
				fail("%s watches %v above %v, want failed checkouts against orders", alarm, events, alarm.number("Threshold"))
			}
		}},
	{row: "O4", name: "questions to the logs are kept, over the log of every service, by fields of the contract",
		check: func(a *assembly, fail failure) {
			queries := a.all("AWS::Logs::QueryDefinition")
			if len(queries) < 5 {
				fail("there are %d saved queries, want 5", len(queries))
			}
			for _, query := range queries {
				if !strings.HasPrefix(query.text("Name"), "peakline/"+a.environment.Name+"/") {
					fail("%s is called %q: nobody finds it, or another environment has it too", query, query.text("Name"))
				}
				var groups []string
				for _, group := range query.list("LogGroupNames") {
					groups = append(groups, a.targetOf(query.stack, group).key())
				}
				for _, task := range a.listeningTasks() {
					if group := a.target(task, "ContainerDefinitions/0/LogConfiguration/Options/awslogs-group"); !slices.Contains(groups, group.key()) {
						fail("%s leaves out the log of %s", query, task)
					}
				}
				for _, field := range queryField.FindAllString(query.text("QueryString"), -1) {
					if !slices.Contains(logFields, field) {
						fail("%s asks for %s, which no line of the contract has", query, field)
					}
				}
			}
		}},
}

// logFields are those of the contract's lines.
var logFields = []string{"event", "service", "durationMs", "traceId", "level"}

// queryField is a field in a query: what is no function, no command and no name that the query itself gives.
var queryField = regexp.MustCompile(`\b(?:event|service|durationMs|traceId|level|[a-z]+[A-Z][A-Za-z]*|[a-z]+_[a-z_]*Id)\b`)

// TestLinesOfTheContractAreCounted reads the sample lines of docs/service-contract.md.
func TestLinesOfTheContractAreCounted(t *testing.T) {
	text, err := os.ReadFile("../docs/service-contract.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "### What is counted")
	var counted []string
	for _, a := range synthesized(t).assemblies {
		if a.environment.Name != "local" {
			continue
		}
		pattern, err := logfilter.Parse(a.eventFilter(a.listeningTasks()[0]).text("FilterPattern"))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^\{.*\}$`).FindAllString(section, -1) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			for _, field := range logFields {
				if fields[field] == nil {
					t.Errorf("%s has no %s", line, field)
				}
			}
			if len(fields) != len(logFields) {
				t.Errorf("%s has more than the fields %v: a reader might copy what identifies a customer", line, logFields)
			}
			if event, _ := fields["event"].(string); pattern.Matches(line) {
				counted = append(counted, event)
			}
		}
	}
	if !slices.Equal(counted, contract.ShopEvents) {
		t.Errorf("of the sample lines %v are counted, want %v", counted, contract.ShopEvents)
	}
}
