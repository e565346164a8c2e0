package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	// hitRatioPercent is what a busy shop's product cache reaches.
	hitRatioPercent = 92
	// fewestLookUps in a minute say something about the hit ratio.
	fewestLookUps = 100
	// mostConnections is four fifths of what the smallest node types take; the others take 65,000.
	// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ParameterGroups.Engine.html
	mostConnections = 16_000
)

// addAlarms watches the group by its nodes, whose metrics ElastiCache publishes one by one: after a failover another node
// is the primary. Metrics: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html
func (c *Cache) addAlarms(scope construct.Construct, purposes []CachePurpose, props CacheProps) {
	name := string(props.Name)
	alarms := []AlarmProps{
		{
			Name: "cache-engine-cpu", Severity: Warning,
			Summary:    "A node of the cache " + name + " works at more than 80 % of the one processor that its engine has.",
			Metric:     c.overNodes(props, "MAX", "EngineCPUUtilization", "Maximum"),
			Comparison: Above, Threshold: 80, Breaching: 5, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "cache-connections", Severity: Warning,
			Summary:    fmt.Sprintf("A node of the cache %s has more than %d connections; soon it takes no more.", name, mostConnections),
			Metric:     c.overNodes(props, "MAX", "CurrConnections", "Maximum"),
			Comparison: Above, Threshold: mostConnections, Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
		},
		{
			Name: "cache-authentication-failures", Severity: Warning,
			Summary:    "The cache " + name + " refuses passwords: a task has one from before the last two rotations, or somebody guesses.",
			Metric:     c.overNodes(props, "SUM", "AuthenticationFailures", "Sum"),
			Comparison: Above, Threshold: 0, Breaching: 5, Periods: 15, MissingData: MissingIsFine,
		},
	}
	switch eviction := evictionOf(purposes); {
	case eviction == noEviction:
		alarms = append(alarms, AlarmProps{
			Name: "cache-memory", Severity: Critical,
			Summary:    "The memory of the cache " + name + " is more than 80 % full; when it is full, nobody can sign in.",
			Metric:     c.overNodes(props, "MAX", "DatabaseMemoryUsagePercentage", "Maximum"),
			Comparison: Above, Threshold: 80, Breaching: 5, Periods: 5, MissingData: MissingKeepsState,
		})
		fallthrough
	case strings.HasPrefix(eviction, "volatile-"):
		alarms = append(alarms, AlarmProps{
			Name: "cache-evictions", Severity: Warning,
			Summary:    "The cache " + name + " drops keys before their end, for want of memory.",
			Metric:     c.overNodes(props, "SUM", "Evictions", "Sum"),
			Comparison: Above, Threshold: 0, Breaching: 3, Periods: 15, MissingData: MissingIsFine,
		})
	default: // a full product cache is a good one, as long as it is hit
		alarms = append(alarms, AlarmProps{
			Name: "cache-hit-ratio", Severity: Warning,
			Summary:    fmt.Sprintf("Less than %d %% of the look-ups in the cache %s find something; the database answers the rest.", hitRatioPercent, name),
			Metric:     c.hitRatio(props),
			Comparison: Below, Threshold: hitRatioPercent, Breaching: 15, Periods: 15, MissingData: MissingKeepsState,
		})
	}
	if props.Replicas > 0 {
		alarms = append(alarms, AlarmProps{
			Name: "cache-replication-lag", Severity: Warning,
			Summary:    "A replica of the cache " + name + " is more than a second behind; a failover would lose what it lacks.",
			Metric:     c.overNodes(props, "MAX", "ReplicationLag", "Maximum"),
			Comparison: Above, Threshold: 1, Breaching: 5, Periods: 10, MissingData: MissingKeepsState,
		})
	}
	for _, alarm := range alarms {
		alarm.Subject = name
		NewAlarm(scope, props.Notifications, alarm)
	}
}

// nodes are the metric of each node, by a name for expressions. ElastiCache numbers the nodes of a group from 001 on.
func (c *Cache) nodes(props CacheProps, prefix, metric, statistic string) (names []string, metrics map[string]awscloudwatch.IMetric) {
	metrics = map[string]awscloudwatch.IMetric{}
	for n := range props.Replicas + 1 {
		name := fmt.Sprintf("%s%d", prefix, n+1)
		node := awscdk.Fn_Join(jsii.String(""), &[]*string{c.Group.Ref(), jsii.String(fmt.Sprintf("-%03d", n+1))})
		names = append(names, name)
		metrics[name] = minutely("AWS/ElastiCache", metric, statistic, map[string]*string{"CacheClusterId": node})
	}
	return names, metrics
}

// overNodes is, minute by minute, the MAX or the SUM of all nodes.
func (c *Cache) overNodes(props CacheProps, function, metric, statistic string) awscloudwatch.IMetric {
	names, metrics := c.nodes(props, "node", metric, statistic)
	return expression(fmt.Sprintf("%s([%s])", function, strings.Join(names, ", ")), metric, metrics)
}

// hitRatio is the share of the look-ups on all nodes that found something, in percent, and 100 while there are too few.
func (c *Cache) hitRatio(props CacheProps) awscloudwatch.IMetric {
	hits, metrics := c.nodes(props, "hits", "CacheHits", "Sum")
	misses, more := c.nodes(props, "misses", "CacheMisses", "Sum")
	for name, metric := range more {
		metrics[name] = metric
	}
	found := "SUM([" + strings.Join(hits, ", ") + "])"
	all := "(" + found + " + SUM([" + strings.Join(misses, ", ") + "]))"
	return expression(fmt.Sprintf("IF(%s >= %d, 100 * %s / %s, 100)", all, fewestLookUps, found, all), "percent of the look-ups that found something", metrics)
}
