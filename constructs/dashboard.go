package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// A dashboard is 24 columns wide; the heights are in rows of it.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
const (
	dashboardColumns = 24
	noteHeight       = 2
	numberHeight     = 4
	graphHeight      = 6
)

// DashboardProps describes a page of graphs.
type DashboardProps struct {
	EnvironmentName string
	// Name is the page's without the environment, in kebab-case ("database"). It is called "<environment>-<name>".
	Name string
	// Note stands above the graphs, in Markdown.
	Note string
	// Rows stand below one another; the panels of a row share its width.
	Rows [][]Panel
}

// Panel is one graph, one number or the state of some alarms.
type Panel struct {
	Title string
	// Metrics have their scale on the left, which counts Unit, and Right on the right, which counts RightUnit.
	Metrics, Right  []awscloudwatch.IMetric
	Unit, RightUnit string
	// Stacked puts the metrics on top of one another.
	Stacked bool
	// Limits are lines across the graph that the metrics on the left are held against.
	Limits []Limit
	// Number shows a value alone: the newest one or, with Over, that of the whole time until now.
	Number bool
	Over   time.Duration
	// Alarms shows the state of these, by their names, instead of metrics.
	Alarms []string
	// Region is where the metrics are; empty for that of the stack.
	Region string
}

// Limit is what a metric is held against.
type Limit struct {
	Label string
	Value float64
}

// NewDashboard makes the page. A dashboard belongs to the account, whatever the region of its stack; each widget names its own.
func NewDashboard(scope construct.Construct, id string, props DashboardProps) {
	if props.Name == "" || len(props.Rows) == 0 {
		panic(fmt.Sprintf("dashboard %s: Name and Rows are required, got %+v", id, props))
	}
	dashboard := untagged(awscloudwatch.NewDashboard(scope, jsii.String(id), &awscloudwatch.DashboardProps{
		DashboardName:   jsii.String(DashboardName(props.EnvironmentName, props.Name)),
		DefaultInterval: awscdk.Duration_Hours(jsii.Number(3)),
	}))
	if props.Note != "" {
		dashboard.AddWidgets(awscloudwatch.NewTextWidget(&awscloudwatch.TextWidgetProps{
			Markdown: jsii.String(props.Note), Width: jsii.Number(dashboardColumns), Height: jsii.Number(noteHeight),
		}))
	}
	for _, row := range props.Rows {
		widgets := make([]awscloudwatch.IWidget, len(row))
		for i, panel := range row {
			widgets[i] = panel.widget(dashboard, dashboardColumns/len(row))
		}
		dashboard.AddWidgets(widgets...)
	}
}

// DashboardName is how CloudWatch lists a page of an environment.
func DashboardName(environmentName, name string) string { return environmentName + "-" + name }

// DashboardLinks leads from one page of an environment to the others, in Markdown.
func DashboardLinks(environmentName string, names ...string) string {
	links := make([]string, len(names))
	for i, name := range names {
		links[i] = fmt.Sprintf("[%s](#dashboards/dashboard/%s)", name, DashboardName(environmentName, name))
	}
	return strings.Join(links, " · ")
}

func (p Panel) widget(scope construct.Construct, columns int) awscloudwatch.IWidget {
	switch {
	case len(p.Alarms) > 0:
		alarms := make([]interfacesawscloudwatch.IAlarmRef, len(p.Alarms))
		for i, name := range p.Alarms {
			alarms[i] = awscloudwatch.Alarm_FromAlarmName(scope, jsii.String(pascalCase(name)), jsii.String(name))
		}
		return awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
			Title: jsii.String(p.Title), Alarms: &alarms, Width: jsii.Number(columns), Height: jsii.Number(graphHeight),
		})
	case p.Number:
		return p.number(columns)
	default:
		return p.graph(columns)
	}
}

func (p Panel) number(columns int) awscloudwatch.IWidget {
	props := &awscloudwatch.SingleValueWidgetProps{
		Title: jsii.String(p.Title), Metrics: &p.Metrics, Region: optionalString(p.Region),
		Width: jsii.Number(columns), Height: jsii.Number(numberHeight),
	}
	if p.Over == 0 {
		props.Sparkline = jsii.Bool(true)
	} else {
		props.SetPeriodToTimeRange = jsii.Bool(true)
		props.Start = jsii.String(fmt.Sprintf("-PT%dH", int(p.Over.Hours())))
	}
	return awscloudwatch.NewSingleValueWidget(props)
}

func (p Panel) graph(columns int) awscloudwatch.IWidget {
	props := &awscloudwatch.GraphWidgetProps{
		Title: jsii.String(p.Title), Left: &p.Metrics, Stacked: jsii.Bool(p.Stacked), Region: optionalString(p.Region),
		LeftYAxis: axis(p.Unit), LegendPosition: awscloudwatch.LegendPosition_BOTTOM,
		Width: jsii.Number(columns), Height: jsii.Number(graphHeight),
	}
	if len(p.Right) > 0 {
		props.Right, props.RightYAxis = &p.Right, axis(p.RightUnit)
	}
	if len(p.Limits) > 0 {
		lines := make([]*awscloudwatch.HorizontalAnnotation, len(p.Limits))
		for i, limit := range p.Limits {
			lines[i] = &awscloudwatch.HorizontalAnnotation{
				Label: jsii.String(limit.Label), Value: jsii.Number(limit.Value), Color: awscloudwatch.Color_RED(),
			}
		}
		props.LeftAnnotations = &lines
	}
	return awscloudwatch.NewGraphWidget(props)
}

func axis(unit string) *awscloudwatch.YAxisProps {
	return &awscloudwatch.YAxisProps{Label: optionalString(unit), Min: jsii.Number(0), ShowUnits: jsii.Bool(unit == "")}
}

// line is a metric with the name that a graph gives it.
func line(label string, metric awscloudwatch.Metric) awscloudwatch.IMetric {
	return metric.With(&awscloudwatch.MetricOptions{Label: jsii.String(label)})
}
