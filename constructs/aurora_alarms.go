package constructs

import (
	"fmt"
	"math"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// addAlarms watches the cluster by role, never by instance: after a failover the writer is another instance.
// Metrics: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
func (a *AuroraCluster) addAlarms(scope construct.Construct, props AuroraClusterProps) {
	cluster := func(metric, statistic string) awscloudwatch.IMetric {
		return minutely("AWS/RDS", metric, statistic, map[string]*string{"DBClusterIdentifier": a.Cluster.ClusterIdentifier()})
	}
	role := func(role, metric, statistic string) awscloudwatch.Metric {
		return minutely("AWS/RDS", metric, statistic, map[string]*string{
			"DBClusterIdentifier": a.Cluster.ClusterIdentifier(), "Role": jsii.String(role),
		})
	}
	alarms := []AlarmProps{
		{
			Name: "database-writer-cpu", Severity: Critical,
			Summary:    "The writer's CPU leaves no room for a burst; writes will queue.",
			Metric:     role("WRITER", "CPUUtilization", "Average"),
			Comparison: Above, Threshold: 85, Breaching: 5, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-writer-absent", Severity: Critical,
			Summary:    "The writer reports nothing: no writer, or no monitoring of it.",
			Metric:     orZero(role("WRITER", "CPUUtilization", "SampleCount")),
			Comparison: Below, Threshold: 1, Breaching: 5, Periods: 5, MissingData: MissingIsBreaching,
		},
		{
			Name: "database-reader-cpu", Severity: Warning,
			Summary:    "The readers' CPU leaves no room for a burst; pages slow down.",
			Metric:     role("READER", "CPUUtilization", "Average"),
			Comparison: Above, Threshold: 80, Breaching: 3, Periods: 3, MissingData: MissingKeepsState,
		},
		{
			Name: "database-replica-lag", Severity: Warning,
			Summary:    fmt.Sprintf("A reader is more than %d ms behind the writer.", props.LagObjective.Milliseconds()),
			Metric:     cluster("AuroraReplicaLagMaximum", "Maximum"),
			Comparison: Above, Threshold: float64(props.LagObjective.Milliseconds()), Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-connections", Severity: Critical,
			Summary:    fmt.Sprintf("More than 80 %% of the %d connections an instance allows are taken.", props.MaxConnections),
			Metric:     cluster("DatabaseConnections", "Maximum"),
			Comparison: Above, Threshold: math.Floor(0.8 * float64(props.MaxConnections)), Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-memory", Severity: Warning,
			Summary:    "Less than a tenth of an instance's memory is free.",
			Metric:     cluster("FreeableMemory", "Minimum"),
			Comparison: Below, Threshold: math.Floor(0.1 * props.MemoryBytes), Breaching: 10, Periods: 15, MissingData: MissingKeepsState,
		},
		{
			Name: "database-deadlocks", Severity: Warning,
			Summary:    "Transactions deadlock repeatedly; customers see failed checkouts.",
			Metric:     cluster("Deadlocks", "Sum"),
			Comparison: Above, Threshold: 0, Breaching: 5, Periods: 15, MissingData: MissingIsFine,
		},
		{
			Name: "database-commit-latency", Severity: Warning,
			Summary:    "Commits take longer than 250 ms, the whole budget of an average query.",
			Metric:     role("WRITER", "CommitLatency", "Average"),
			Comparison: Above, Threshold: 250, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
		},
		{
			Name: "database-transaction-ids", Severity: Critical,
			Summary:    "Half of the transaction ids are used up; without vacuum the database stops accepting writes.",
			Metric:     cluster("MaximumUsedTransactionIDs", "Maximum"),
			Comparison: Above, Threshold: 1_000_000_000, Breaching: 1, Periods: 1, MissingData: MissingKeepsState,
		},
	}
	if props.Insights != InsightsOff {
		alarms = append(alarms, AlarmProps{
			Name: "database-reader-load", Severity: Warning,
			Summary:    "Readers have more work at hand than processors for it.",
			Metric:     role("READER", "DBLoadRelativeToNumVCPUs", "Average"),
			Comparison: Above, Threshold: 1, Breaching: 3, Periods: 3, MissingData: MissingIsFine,
		})
	}
	if props.hasServerless() {
		alarms = append(alarms, AlarmProps{
			Name: "database-capacity-units", Severity: Warning,
			Summary:    "A Serverless v2 instance is at nine tenths of its maximum capacity.",
			Metric:     cluster("ACUUtilization", "Maximum"),
			Comparison: Above, Threshold: 90, Breaching: 10, Periods: 15, MissingData: MissingKeepsState,
		})
	}
	if props.Parameters.LogicalReplication {
		alarms = append(alarms, AlarmProps{
			Name: "database-replication-slot-lag", Severity: Warning,
			Summary:    "A replication slot holds back more than 10 GB of changes; its consumer is slow or gone.",
			Metric:     cluster("ReplicationSlotDiskUsage", "Maximum"),
			Comparison: Above, Threshold: 10_000_000_000, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
		})
	}
	for _, alarm := range alarms {
		NewAlarm(scope, props.Notifications, alarm)
	}
}
