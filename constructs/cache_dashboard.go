package constructs

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
)

// panels are the rows of the cache on its dashboard.
func (c *Cache) panels(purposes []CachePurpose, props CacheProps) [][]Panel {
	name := string(props.Name)
	graph := func(title, unit, function, metric, statistic string, limits ...Limit) Panel {
		return Panel{Title: name + ": " + title, Unit: unit, Limits: limits, Metrics: []awscloudwatch.IMetric{c.overNodes(props, function, metric, statistic)}}
	}
	rows := [][]Panel{
		{
			{Title: name + ": hit ratio", Unit: "percent", Metrics: []awscloudwatch.IMetric{c.hitRatio(props)}},
			graph("processor of the busiest node", "percent", "MAX", "EngineCPUUtilization", "Maximum", Limit{"alarm", 80}),
			graph("memory of the fullest node", "percent", "MAX", "DatabaseMemoryUsagePercentage", "Maximum"),
		},
		{
			graph("keys dropped for want of memory", "a minute", "SUM", "Evictions", "Sum"),
			graph("connections of the busiest node", "connections", "MAX", "CurrConnections", "Maximum"),
			graph("refused passwords", "a minute", "SUM", "AuthenticationFailures", "Sum"),
		},
	}
	if slices.Equal(purposes, []CachePurpose{CacheProducts}) {
		rows[0][0].Limits = []Limit{{"objective", hitRatioPercent}}
	}
	if props.Replicas > 0 {
		rows[1][2] = graph("lag of the slowest replica", "seconds", "MAX", "ReplicationLag", "Maximum", Limit{"alarm", 1})
	}
	return rows
}
