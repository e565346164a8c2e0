package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"peakline/test/cloudwatch"
)

// query is what an alarm or a widget reads: metrics by name, and where it computes something the expressions over them.
type query struct {
	metrics     map[string]cloudwatch.Metric
	expressions []string
}

var metricRequirements = []requirement{
	{row: "O2", everywhere: true, name: "every alarm, widget and scaling policy reads metrics that AWS or Peakline publishes, by dimensions, with a statistic and in a region that have data",
		check: func(a *assembly, fail failure) {
			for _, reader := range a.all("AWS::CloudWatch::Alarm", "AWS::ApplicationAutoScaling::ScalingPolicy") {
				a.checkQuery(reader, a.queryOf(reader), fail)
			}
			for _, dashboard := range a.all("AWS::CloudWatch::Dashboard") {
				queries, err := a.widgetsOf(dashboard)
				if err != nil {
					fail("%s cannot be read: %v", dashboard, err)
				}
				for _, query := range queries {
					a.checkQuery(dashboard, query, fail)
				}
			}
		}},
	{row: "O2", everywhere: true, name: "the expression of every alarm and scaling policy is one that CloudWatch computes, over ten metrics at most and periods of one length",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm", "AWS::ApplicationAutoScaling::ScalingPolicy") {
				query := a.queryOf(alarm)
				for _, expression := range query.expressions {
					series := map[string]cloudwatch.Series{}
					for name := range query.metrics {
						series[name] = cloudwatch.Series{1}
					}
					if _, err := cloudwatch.Evaluate(expression, series); err != nil {
						fail("%s: %v: CloudWatch would refuse it, and the deployment fail", alarm, err)
					}
				}
				// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create-alarm-on-metric-math-expression.html
				if len(query.metrics) > 10 {
					fail("%s reads %d metrics, CloudWatch allows 10", alarm, len(query.metrics))
				}
				periods := map[int]bool{}
				for _, metric := range metricsOf(alarm) {
					periods[metric.period] = true
				}
				if len(periods) > 1 {
					fail("%s computes with periods of %v s", alarm, slices.Sorted(maps.Keys(periods)))
				}
			}
		}},
}

// checkQuery reports what is published nowhere.
func (a *assembly) checkQuery(of resource, q query, fail failure) {
	for _, name := range slices.Sorted(maps.Keys(q.metrics)) {
		if metric := q.metrics[name]; !a.filtered(metric) {
			if err := cloudwatch.Check(metric); err != nil {
				fail("%s: %v", of, err)
			}
		}
	}
}

// filtered tells whether a filter of a log group publishes a metric.
func (a *assembly) filtered(metric cloudwatch.Metric) bool {
	for _, filter := range a.all("AWS::Logs::MetricFilter") {
		transformation := filter.get("MetricTransformations/0")
		if dig(transformation, "MetricNamespace") != metric.Namespace || dig(transformation, "MetricName") != metric.Name || filter.stack.region != metric.Region {
			continue
		}
		var names []string
		for _, dimension := range asList(dig(transformation, "Dimensions")) {
			name, _ := dig(dimension, "Key").(string)
			names = append(names, name)
		}
		slices.Sort(names)
		return slices.Equal(names, slices.Sorted(maps.Keys(metric.Dimensions)))
	}
	return false
}

// customMetrics is where a scaling policy states what it follows, if that is none of AWS's own metrics.
const customMetrics = "TargetTrackingScalingPolicyConfiguration/CustomizedMetricSpecification/Metrics"

// queryOf reads both forms of an alarm: one metric, or an expression over several, which a scaling policy may have too.
func (a *assembly) queryOf(alarm resource) query {
	q := query{metrics: map[string]cloudwatch.Metric{}}
	if alarm.get("MetricName") != nil {
		q.metrics["metric"] = a.metricOf(alarm.stack, alarm.body["Properties"], alarm.get("ExtendedStatistic"), alarm.get("Statistic"))
	}
	for _, item := range slices.Concat(alarm.list("Metrics"), alarm.list(customMetrics)) {
		id, _ := dig(item, "Id").(string)
		if expression, ok := dig(item, "Expression").(string); ok {
			q.expressions = append(q.expressions, expression)
			q.searched(expression, alarm.stack.region)
		} else {
			q.metrics[id] = a.metricOf(alarm.stack, dig(item, "MetricStat/Metric"), dig(item, "MetricStat/Stat"), nil)
		}
	}
	return q
}

func (a *assembly) metricOf(s *stack, body, statistic, otherwise any) cloudwatch.Metric {
	read := metricFrom(body, nil)
	m := cloudwatch.Metric{Namespace: read.namespace, Name: read.name, Dimensions: map[string]string{}, Region: s.region}
	if m.Statistic, _ = statistic.(string); m.Statistic == "" {
		m.Statistic, _ = otherwise.(string)
	}
	for name, value := range read.dimensions {
		m.Dimensions[name] = a.resolve(s, value)
	}
	return m
}

// widgetsOf reads the metrics of a dashboard. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
func (a *assembly) widgetsOf(dashboard resource) ([]query, error) {
	var body struct {
		Widgets []struct {
			Type       string
			Properties struct {
				Metrics      [][]any
				Region, Stat string
			}
		}
	}
	if err := json.Unmarshal([]byte(a.resolve(dashboard.stack, dashboard.get("DashboardBody"))), &body); err != nil {
		return nil, err
	}
	var queries []query
	for _, widget := range body.Widgets {
		q := query{metrics: map[string]cloudwatch.Metric{}}
		var before []any
		for n, row := range widget.Properties.Metrics {
			options := map[string]any{"region": widget.Properties.Region, "stat": widget.Properties.Stat}
			if given, ok := row[len(row)-1].(map[string]any); ok {
				maps.Copy(options, given)
				row = row[:len(row)-1]
			}
			region, _ := options["region"].(string)
			if expression, ok := options["expression"].(string); ok {
				q.expressions = append(q.expressions, expression)
				q.searched(expression, region)
				continue
			}
			row = inFull(row, before)
			before = row
			id, _ := options["id"].(string)
			if id == "" {
				id = fmt.Sprintf("row%d", n)
			}
			metric := cloudwatch.Metric{Region: region, Dimensions: map[string]string{}}
			metric.Statistic, _ = options["stat"].(string)
			metric.Namespace, metric.Name = fmt.Sprint(row[0]), fmt.Sprint(row[1])
			for i := 2; i+1 < len(row); i += 2 {
				metric.Dimensions[fmt.Sprint(row[i])] = fmt.Sprint(row[i+1])
			}
			q.metrics[id] = metric
		}
		queries = append(queries, q)
	}
	return queries, nil
}

// inFull is a row of a widget without its abbreviations: "." is what stands there in the row before, and "..." all that does.
func inFull(row, before []any) []any {
	var full []any
	for _, field := range row {
		switch {
		case field == "..." && len(before) > len(row):
			full = append(full, before[len(full):len(before)-len(row)+len(full)+1]...)
		case field == "." && len(before) > len(full):
			full = append(full, before[len(full)])
		default:
			full = append(full, field)
		}
	}
	return full
}

var (
	search       = regexp.MustCompile(`SEARCH\(\s*['"]\{([^}]*)\}([^'"]*(?:"[^"]*"[^'"]*)*)['"]\s*,\s*['"]([^'"]+)['"]`)
	searchTerm   = regexp.MustCompile(`(\w+)\s*=\s*"?([^"\s]+)"?`)
	insights     = regexp.MustCompile(`(?i)\bSELECT\s+(\w+)\(([^)]+)\)\s+FROM\s+SCHEMA\(\s*"?([^",)]+)"?\s*,?\s*([^)]*)\)`)
	fromInsights = map[string]string{"AVG": "Average", "SUM": "Sum", "MAX": "Maximum", "MIN": "Minimum", "COUNT": "SampleCount"}
)

// searched adds the metrics that an expression finds by itself: SEARCH of a widget, SELECT of CloudWatch Metrics Insights.
func (q query) searched(expression, region string) {
	for _, match := range search.FindAllStringSubmatch(expression, -1) {
		fields := strings.Split(match[1], ",")
		metric := cloudwatch.Metric{Namespace: strings.Trim(fields[0], ` "`), Statistic: match[3], Region: region, Dimensions: map[string]string{}}
		terms := map[string]string{}
		for _, term := range searchTerm.FindAllStringSubmatch(match[2], -1) {
			terms[term[1]] = term[2]
		}
		for _, name := range fields[1:] {
			metric.Dimensions[strings.Trim(name, ` "`)] = terms[strings.Trim(name, ` "`)]
		}
		metric.Name = terms["MetricName"]
		q.metrics[expression] = metric
	}
	for _, match := range insights.FindAllStringSubmatch(expression, -1) {
		metric := cloudwatch.Metric{Namespace: match[3], Name: strings.Trim(match[2], ` "`), Statistic: fromInsights[strings.ToUpper(match[1])], Region: region, Dimensions: map[string]string{}}
		for _, name := range strings.Split(match[4], ",") {
			if name = strings.Trim(name, ` "`); name != "" {
				metric.Dimensions[name] = ""
			}
		}
		q.metrics[expression] = metric
	}
}

func TestWidgetsAreRead(t *testing.T) {
	body := `{"widgets": [
		{"type": "text", "properties": {"markdown": "Orders"}},
		{"type": "metric", "properties": {"region": "eu-west-1", "stat": "Average", "metrics": [
			["AWS/RDS", "CPUUtilization", "DBClusterIdentifier", "shop", "Role", "WRITER"],
			["...", "READER", {"stat": "p95", "region": "us-east-1"}],
			[".", "CommitLatency", ".", ".", ".", "WRITER"],
			[{"expression": "SEARCH('{AWS/RDS,DBClusterIdentifier,Role} MetricName=\"DBLoad\" Role=\"READER\"', 'Maximum', 60)"}],
			[{"expression": "SELECT MAX(CPUUtilization) FROM SCHEMA(\"AWS/ECS\", ClusterName, ServiceName) GROUP BY ServiceName"}]
		]}}
	]}`
	dashboard := resource{stack: &stack{}, body: map[string]any{"Properties": map[string]any{"DashboardBody": body}}}
	queries, err := (&assembly{}).widgetsOf(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, query := range queries {
		for _, m := range query.metrics {
			var dimensions []string
			for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
				dimensions = append(dimensions, name+"="+m.Dimensions[name])
			}
			got = append(got, strings.Join(append([]string{m.Namespace, m.Name, m.Statistic, m.Region}, dimensions...), " "))
		}
	}
	slices.Sort(got)
	want := []string{
		"AWS/ECS CPUUtilization Maximum eu-west-1 ClusterName= ServiceName=",
		"AWS/RDS CPUUtilization Average eu-west-1 DBClusterIdentifier=shop Role=WRITER",
		"AWS/RDS CPUUtilization p95 us-east-1 DBClusterIdentifier=shop Role=READER",
		"AWS/RDS CommitLatency Average eu-west-1 DBClusterIdentifier=shop Role=WRITER",
		"AWS/RDS DBLoad Maximum eu-west-1 DBClusterIdentifier= Role=READER",
	}
	if !slices.Equal(got, want) {
		t.Errorf("a dashboard reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
