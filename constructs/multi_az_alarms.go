package constructs

import (
	"fmt"
	"math"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	construct "github.com/aws/constructs-go/constructs/v10"
)

// members is a metric of each member of a cluster, by names that an expression uses.
type members struct {
	names   []string
	metrics map[string]awscloudwatch.IMetric
}

// addMultiAZAlarms watches the worst of the members. RDS publishes nothing by role here, as Aurora does, so no alarm can tell
// the writer from a standby; and neither deadlocks nor the latency of commits.
// Metrics: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
func addMultiAZAlarms(scope construct.Construct, cluster awsrds.IDatabaseCluster, props MultiAZClusterProps) {
	each := func(prefix, metric, statistic string) members {
		all := members{metrics: map[string]awscloudwatch.IMetric{}}
		for i, identifier := range *cluster.InstanceIdentifiers() {
			name := fmt.Sprintf("%s%d", prefix, i+1)
			all.names = append(all.names, name)
			all.metrics[name] = minutely("AWS/RDS", metric, statistic, map[string]*string{"DBInstanceIdentifier": identifier})
		}
		return all
	}
	highest := func(metric, statistic string) awscloudwatch.IMetric {
		return each("m", metric, statistic).of("MAX", metric)
	}
	lowest := func(metric, statistic string) awscloudwatch.IMetric {
		return each("m", metric, statistic).of("MIN", metric)
	}
	volume := float64(props.Gibibytes) * (1 << 30)
	alarms := []AlarmProps{
		{
			Name: "database-member-cpu", Severity: Critical,
			Summary:    "A member's CPU leaves no room for a burst; if it is the writer, writes will queue.",
			Metric:     highest("CPUUtilization", "Average"),
			Comparison: Above, Threshold: 85, Breaching: 5, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-member-absent", Severity: Critical,
			Summary:    "Fewer than three members report: a failover has one candidate less, or none.",
			Metric:     each("m", "CPUUtilization", "SampleCount").reporting(),
			Comparison: Below, Threshold: multiAZMembers, Breaching: 10, Periods: 10, MissingData: MissingIsBreaching,
		},
		{
			Name: "database-replica-lag", Severity: Warning,
			Summary:    fmt.Sprintf("A reader is more than %d ms behind the writer.", props.LagObjective.Milliseconds()),
			Metric:     highest("ReplicaLag", "Maximum"), // in seconds
			Comparison: Above, Threshold: props.LagObjective.Seconds(), Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-connections", Severity: Critical,
			Summary:    fmt.Sprintf("More than 80 %% of the %d connections an instance allows are taken.", props.MaxConnections),
			Metric:     highest("DatabaseConnections", "Maximum"),
			Comparison: Above, Threshold: math.Floor(0.8 * float64(props.MaxConnections)), Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-memory", Severity: Warning,
			Summary:    "Less than a tenth of an instance's memory is free.",
			Metric:     lowest("FreeableMemory", "Minimum"),
			Comparison: Below, Threshold: math.Floor(0.1 * props.MemoryBytes), Breaching: 10, Periods: 15, MissingData: MissingKeepsState,
		},
		{
			Name: "database-storage", Severity: Critical,
			Summary:    "Less than a fifth of a member's storage is free, and nothing enlarges it by itself; full, the database stops.",
			Metric:     lowest("FreeStorageSpace", "Minimum"),
			Comparison: Below, Threshold: math.Floor(0.2 * volume), Breaching: 5, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "database-storage-speed", Severity: Warning,
			Summary:    fmt.Sprintf("A member's storage does more than nine tenths of its %d operations a second.", props.IOPS),
			Metric:     each("r", "ReadIOPS", "Average").plus(each("w", "WriteIOPS", "Average")),
			Comparison: Above, Threshold: math.Floor(0.9 * float64(props.IOPS)), Breaching: 5, Periods: 10, MissingData: MissingKeepsState,
		},
		{
			Name: "database-write-latency", Severity: Warning,
			Summary:    "A write to a member's storage takes longer than 20 ms; every commit waits for two of them.",
			Metric:     highest("WriteLatency", "Average"), // in seconds
			Comparison: Above, Threshold: 0.02, Breaching: 5, Periods: 10, MissingData: MissingKeepsState,
		},
		{
			Name: "database-transaction-ids", Severity: Critical,
			Summary:    "Half of the transaction ids are used up; without vacuum the database stops accepting writes.",
			Metric:     highest("MaximumUsedTransactionIDs", "Maximum"),
			Comparison: Above, Threshold: 1_000_000_000, Breaching: 1, Periods: 1, MissingData: MissingKeepsState,
		},
	}
	if props.Insights != InsightsOff {
		alarms = append(alarms, AlarmProps{
			Name: "database-member-load", Severity: Warning,
			Summary:    "A member has more work at hand than processors for it.",
			Metric:     highest("DBLoadRelativeToNumVCPUs", "Average"),
			Comparison: Above, Threshold: 1, Breaching: 3, Periods: 3, MissingData: MissingIsFine,
		})
	}
	if props.Parameters.LogicalReplication {
		alarms = append(alarms, AlarmProps{
			Name: "database-replication-slot-lag", Severity: Warning,
			Summary:    "A replication slot holds back more than 10 GB of changes; its consumer is slow or gone.",
			Metric:     highest("ReplicationSlotDiskUsage", "Maximum"),
			Comparison: Above, Threshold: 10_000_000_000, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
		})
	}
	for _, alarm := range alarms {
		NewAlarm(scope, props.Notifications, alarm)
	}
}

// of applies a function, "MAX", to the metric of all members.
func (m members) of(function, label string) awscloudwatch.IMetric {
	return expression(fmt.Sprintf("%s([%s])", function, strings.Join(m.names, ", ")), label+" of the worst member", m.metrics)
}

// reporting counts the members that published the metric, a count of samples, at all.
func (m members) reporting() awscloudwatch.IMetric {
	terms := make([]string, len(m.names))
	for i, name := range m.names {
		terms[i] = fmt.Sprintf("IF(FILL(%s, 0) > 0, 1, 0)", name)
	}
	return expression(strings.Join(terms, " + "), "members that report", m.metrics)
}

// plus adds another metric, member by member, and takes the highest sum.
func (m members) plus(other members) awscloudwatch.IMetric {
	sums := make([]string, len(m.names))
	for i, name := range m.names {
		sums[i] = name + " + " + other.names[i]
		m.metrics[other.names[i]] = other.metrics[other.names[i]]
	}
	return expression("MAX(["+strings.Join(sums, ", ")+"])", "operations a second of the busiest member", m.metrics)
}
