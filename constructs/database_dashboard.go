package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// WatchedDatabase is a database as a dashboard sees it: by names alone.
type WatchedDatabase struct {
	EnvironmentName string
	// Identifier is the cluster's physical name.
	Identifier string
	// MultiAZ is for a Multi-AZ DB cluster, zero for Aurora; Serverless for Aurora with a Serverless v2 instance; Scaled for
	// Aurora whose readers the replica scaler adds and removes.
	MultiAZ, Serverless, Scaled bool
	// LagObjective is the replica lag that still counts as good.
	LagObjective time.Duration
}

// Busy is the work of the processors.
func (d WatchedDatabase) Busy() Panel {
	panel := Panel{Title: "Database: processors", Unit: "percent", Limits: []Limit{{"alarm of the writer", 85}}}
	if d.MultiAZ {
		panel.Metrics = d.members("CPUUtilization", "Average")
		return panel
	}
	panel.Metrics = []awscloudwatch.IMetric{
		line("writer", d.role("WRITER", "CPUUtilization", "Average")), line("readers", d.role("READER", "CPUUtilization", "Average")),
	}
	return panel
}

// Lag is how far readers are behind the writer. Aurora counts milliseconds, RDS seconds.
func (d WatchedDatabase) Lag() Panel {
	panel := Panel{Title: "Database: readers behind the writer"}
	if d.MultiAZ {
		panel.Unit, panel.Limits = "seconds", []Limit{{"objective", d.LagObjective.Seconds()}}
		panel.Metrics = d.members("ReplicaLag", "Maximum")
		return panel
	}
	panel.Unit, panel.Limits = "milliseconds", []Limit{{"objective", float64(d.LagObjective.Milliseconds())}}
	panel.Metrics = []awscloudwatch.IMetric{line("slowest reader", d.cluster("AuroraReplicaLagMaximum", "Maximum"))}
	return panel
}

// Readers is how many readers there are and, where the scaler decides, how many it wants and why. Each reader reports its CPU once
// a minute, so that the samples count them.
func (d WatchedDatabase) Readers() Panel {
	panel := Panel{Title: "Database: readers", Unit: "readers"}
	switch {
	case d.MultiAZ:
		panel.Title, panel.Unit, panel.Metrics = "Database: connections", "connections", d.members("DatabaseConnections", "Maximum")
	case d.Scaled:
		panel.Metrics = []awscloudwatch.IMetric{
			line("serve", d.scaler(contract.MetricServing)), line("are coming", d.scaler(contract.MetricComing)), line("wanted", d.scaler(contract.MetricDesired)),
		}
	default:
		panel.Metrics = []awscloudwatch.IMetric{line("serve", d.role("READER", "CPUUtilization", "SampleCount"))}
	}
	return panel
}

// Rows are the dashboard of the database.
func (d WatchedDatabase) Rows() [][]Panel {
	if d.MultiAZ {
		graph := func(title, unit, metric, statistic string) Panel {
			return Panel{Title: "Database: " + title, Unit: unit, Metrics: d.members(metric, statistic)}
		}
		return [][]Panel{
			{d.Busy(), d.Lag(), d.Readers()},
			{graph("free memory", "bytes", "FreeableMemory", "Minimum"), graph("free storage", "bytes", "FreeStorageSpace", "Minimum"), graph("latency of writes", "seconds", "WriteLatency", "Average")},
		}
	}
	rows := [][]Panel{
		{d.Busy(), d.Lag(), d.Readers()},
		{
			{Title: "Database: connections of the fullest instance", Unit: "connections", Metrics: []awscloudwatch.IMetric{line("connections", d.cluster("DatabaseConnections", "Maximum"))}},
			{Title: "Database: commits", Unit: "milliseconds", Metrics: []awscloudwatch.IMetric{line("latency", d.role("WRITER", "CommitLatency", "Average"))},
				Right: []awscloudwatch.IMetric{line("deadlocks", d.cluster("Deadlocks", "Sum"))}, RightUnit: "deadlocks a minute"},
			{Title: "Database: memory of the fullest instance", Unit: "bytes", Metrics: []awscloudwatch.IMetric{line("free", d.cluster("FreeableMemory", "Minimum"))}},
		},
	}
	if d.Scaled {
		rows = append(rows, []Panel{
			{Title: "Scaler: what it sees and expects", Unit: "readers fully busy", Metrics: []awscloudwatch.IMetric{
				line("load now", d.scaler(contract.MetricDemand)), line("load it expects", d.scaler(contract.MetricForecast)), line("readers needed", d.scaler(contract.MetricNeed)),
			}},
			{Title: "Scaler: what stands in its way", Unit: "a minute", Metrics: []awscloudwatch.IMetric{
				line("readers beyond the maximum", d.scaler(contract.MetricShortfall)), line("creations that AWS refused", d.scaler(contract.MetricRefused)),
				line("calls that failed", d.scaler(contract.MetricErrors)), line("minutes without samples", d.scaler(contract.MetricBlindMinutes)),
			}},
			{Title: "Scaler: what holds it back", Unit: "1 is yes", Metrics: []awscloudwatch.IMetric{
				line("writes cause the lag", d.scaler(contract.MetricLagVerdict)), line("connections are uneven", d.scaler(contract.MetricImbalance)), line("the writer is hot", d.scaler(contract.MetricWriterHot)),
			}},
		})
	}
	if d.Serverless {
		rows = append(rows, []Panel{{Title: "Database: capacity units", Unit: "units", Metrics: []awscloudwatch.IMetric{
			line("highest", d.cluster("ServerlessDatabaseCapacity", "Maximum")), line("average", d.cluster("ServerlessDatabaseCapacity", "Average")),
		}, Right: []awscloudwatch.IMetric{line("share of the maximum", d.cluster("ACUUtilization", "Maximum"))}, RightUnit: "percent"}})
	}
	return rows
}

func (d WatchedDatabase) cluster(metric, statistic string) awscloudwatch.Metric {
	return minutely("AWS/RDS", metric, statistic, map[string]*string{"DBClusterIdentifier": jsii.String(d.Identifier)})
}

func (d WatchedDatabase) role(role, metric, statistic string) awscloudwatch.Metric {
	return minutely("AWS/RDS", metric, statistic, map[string]*string{"DBClusterIdentifier": jsii.String(d.Identifier), "Role": jsii.String(role)})
}

func (d WatchedDatabase) scaler(metric string) awscloudwatch.Metric {
	return minutely(contract.MetricNamespace, metric, "Maximum", map[string]*string{contract.MetricDimension: jsii.String(d.EnvironmentName)})
}

// members are a metric of each member of a Multi-AZ DB cluster.
func (d WatchedDatabase) members(metric, statistic string) []awscloudwatch.IMetric {
	var all []awscloudwatch.IMetric
	for _, identifier := range multiAZIdentifiers(d.Identifier) {
		all = append(all, line(*identifier, minutely("AWS/RDS", metric, statistic, map[string]*string{"DBInstanceIdentifier": identifier})))
	}
	return all
}

// multiAZIdentifiers are what RDS names the members of a cluster.
func multiAZIdentifiers(cluster string) []*string {
	members := make([]*string, multiAZMembers)
	for i := range members {
		members[i] = jsii.String(fmt.Sprintf("%s-instance-%d", cluster, i+1))
	}
	return members
}
