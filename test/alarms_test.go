package test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"peakline/config"
)

// alarmDescription is what every alarm says: severity, what is wrong, whose it is, which alarm pages in its place, and which
// runbook helps.
var alarmDescription = regexp.MustCompile(`^\[(critical|warning)\] \S.*[.;] Owner: (\S[^:]*)\.( Pages as: ([a-z0-9-]+)\.)? Runbook: docs/runbooks/([a-z0-9-]+)\.md$`)

var alarmRequirements = []requirement{
	{row: "O2", everywhere: true, name: "every alarm names its severity, what is wrong, its owner and its runbook",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") {
				match := alarmDescription.FindStringSubmatch(alarm.text("AlarmDescription"))
				if match == nil {
					fail("%s says %q, want \"[severity] what is wrong. Owner: TEAM. Runbook: docs/runbooks/NAME.md\"", alarm, alarm.text("AlarmDescription"))
				} else if want := a.environment.Name + "-" + match[5]; alarm.text("AlarmName") != want && !strings.HasPrefix(alarm.text("AlarmName"), want+"-") {
					fail("%s is called %q, want %q, alone or before the name of a service: whoever is paged must find the page by the name", alarm, alarm.text("AlarmName"), want)
				}
			}
		}},
	{row: "O2", everywhere: true, name: "every alarm belongs to the team that the file names for its part or its service",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") {
				want := a.ownerOf(alarm)
				if match := alarmDescription.FindStringSubmatch(alarm.text("AlarmDescription")); match == nil || match[2] != want {
					fail("%s does not say that it is for %s (%q): it would be nobody's", alarm, want, alarm.text("AlarmDescription"))
				}
			}
		}},
	{row: "O2", everywhere: true, name: "every alarm tells the topic of its severity, or the one for warnings where another pages in its place, when it fires and when it is over",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm") {
				if a.isPart(alarm) {
					continue
				}
				match := alarmDescription.FindStringSubmatch(alarm.text("AlarmDescription"))
				want := ""
				if match != nil {
					want = match[1]
					if match[4] != "" {
						want = "warning"
					}
				}
				for _, property := range []string{"AlarmActions", "OKActions"} {
					actions := alarm.list(property)
					if len(actions) == 0 || alarm.get("ActionsEnabled") == false {
						fail("%s has no %s: nobody would be told", alarm, property)
					}
					for _, action := range actions {
						if severity := a.topicOf(alarm.stack, action); match != nil && severity != want {
							fail("%s is to tell the topic %s but its %s go to %q", alarm, want, property, a.resolve(alarm.stack, action))
						}
					}
				}
			}
		}},
	{row: "O2", name: "critical alarms of services page as one, not each for itself; shop-errors, which tells that visitors suffer, pages at once and always",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
				name := runbookOf(alarm)
				page := pageOf(alarm)
				if grouped := slices.Contains([]string{"service-errors", "service-absent", "pooler-refused"}, name); grouped != (page == "services-failing") {
					fail("%s pages as %q: with the database down, everybody is paged once for each service, or not at all", alarm, page)
				}
				if page != "" && !slices.ContainsFunc(a.pages(page), func(composite resource) bool {
					return slices.Contains(childrenOf(composite), alarm.text("AlarmName")) && composite.stack == alarm.stack
				}) {
					fail("%s is said to page as %s, which does not know it: nobody would be paged", alarm, page)
				}
			}
			if shop := a.alarm("shop-errors"); !shop.exists() || pageOf(shop) != "" || a.topicOf(shop.stack, shop.get("AlarmActions/0")) != "critical" {
				fail("shop-errors does not page by itself")
			}
		}},
	{row: "O2", name: "a page is silent only while the absence of the writer, an alarm of a stack before, pages; it waits two minutes for that and rests five",
		check: func(a *assembly, fail failure) {
			for _, page := range a.pages("services-failing") {
				for _, child := range childrenOf(page) {
					alarms := a.where("AWS::CloudWatch::Alarm", "AlarmName", child)
					if len(alarms) != 1 || !slices.Contains(asList(page.body["DependsOn"]), any(alarms[0].id)) {
						fail("%s names %s and does not wait for it: the first deployment would fail", page, child)
					}
				}
				suppressor := a.resolve(page.stack, page.get("ActionsSuppressor"))
				if !aurora(a.environment) {
					if page.get("ActionsSuppressor") != nil {
						fail("%s is silent while %s fires, which tells nothing of the writer", page, suppressor)
					}
					continue
				}
				cause := a.alarm("database-writer-absent")
				if suppressor != fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", page.stack.region, page.stack.account, cause.text("AlarmName")) {
					fail("%s is silent while %q fires, want while the writer is absent", page, suppressor)
				}
				if cause.exists() && !a.isDeployedBefore(cause.stack, page.stack) {
					fail("%s is deployed before %s, which suppresses it: the first deployment would fail", page, cause)
				}
				if wait, rest := page.number("ActionsSuppressorWaitPeriod"), page.number("ActionsSuppressorExtensionPeriod"); wait != 120 || rest != 300 {
					fail("%s waits %v s for its cause and rests %v s after it, want 120 and 300: people would be paged twice, or late", page, wait, rest)
				}
			}
		}},
	{row: "O2", everywhere: true, name: "every alarm says how many periods must breach and what missing data means",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
				if !slices.Contains([]string{"breaching", "notBreaching", "ignore"}, alarm.text("TreatMissingData")) {
					fail("%s does not say what missing data means (%q): silence would look like health", alarm, alarm.text("TreatMissingData"))
				}
				m, n := alarm.number("DatapointsToAlarm"), alarm.number("EvaluationPeriods")
				if m < 1 || n < m {
					fail("%s fires on %v of %v periods", alarm, m, n)
				}
				// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
				for _, metric := range metricsOf(alarm) {
					if seconds := float64(metric.period) * n; seconds > 604_800 || metric.period < 3600 && seconds > 86_400 {
						fail("%s looks back %v s, CloudWatch allows a day, or a week with periods of an hour: the deployment would fail", alarm, seconds)
					}
				}
				if alarm.get("Threshold") == nil || alarm.text("ComparisonOperator") == "" {
					fail("%s has no threshold", alarm)
				}
			}
		}},
	{row: "O2", everywhere: true, name: "an alarm without a heartbeat's silence or a counter's zero watches the metric and dimension it names",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
				for _, metric := range metricsOf(alarm) {
					if metric.name == "" || metric.namespace == "" {
						fail("%s watches no metric", alarm)
					}
					if metric.period != 60 && metric.period%60 != 0 {
						fail("%s looks every %v s, a period CloudWatch bills as high resolution", alarm, metric.period)
					}
				}
			}
		}},
	{row: "O2", name: "Aurora is watched by role and cluster: CPU, lag, connections, memory, deadlocks, commits, transaction ids",
		where: aurora,
		check: watches("AWS/RDS", func(a *assembly) string { return a.cluster().key() }, map[string]string{
			"database-writer-cpu":      "CPUUtilization Role=WRITER",
			"database-writer-absent":   "CPUUtilization Role=WRITER",
			"database-reader-cpu":      "CPUUtilization Role=READER",
			"database-replica-lag":     "AuroraReplicaLagMaximum",
			"database-connections":     "DatabaseConnections",
			"database-memory":          "FreeableMemory",
			"database-deadlocks":       "Deadlocks",
			"database-commit-latency":  "CommitLatency Role=WRITER",
			"database-transaction-ids": "MaximumUsedTransactionIDs",
		})},
	{row: "O2", name: "replica lag alarms at its objective, CPU before it saturates, silence of the writer as an outage",
		where: aurora,
		check: func(a *assembly, fail failure) {
			lag := float64(a.environment.Scaler.LagObjectiveMilliseconds)
			for name, want := range map[string]struct {
				comparison string
				low, high  float64
				missing    string
			}{
				"database-replica-lag":     {"GreaterThanThreshold", lag, lag, "ignore"},
				"database-reader-cpu":      {"GreaterThanThreshold", 60, 90, "ignore"},
				"database-writer-cpu":      {"GreaterThanThreshold", 66, 90, "ignore"},
				"database-writer-absent":   {"LessThanThreshold", 1, 1, "breaching"},
				"database-commit-latency":  {"GreaterThanThreshold", 10, 250, "notBreaching"},
				"database-transaction-ids": {"GreaterThanThreshold", 500_000_000, 1_500_000_000, "ignore"},
			} {
				alarm := a.alarm(name)
				threshold := alarm.number("Threshold")
				if alarm.text("ComparisonOperator") != want.comparison || threshold < want.low || threshold > want.high {
					fail("%s fires at %s %v, want %s %v to %v: too late to act, or never", name, alarm.text("ComparisonOperator"), threshold, want.comparison, want.low, want.high)
				}
				if alarm.text("TreatMissingData") != want.missing {
					fail("%s takes missing data as %q, want %q", name, alarm.text("TreatMissingData"), want.missing)
				}
			}
		}},
	{row: "O2", name: "readers with more work than processors are told, where insights measure it",
		where: func(e config.Environment) bool { return aurora(e) && e.Database.Insights.Mode != config.InsightsOff },
		check: watches("AWS/RDS", func(a *assembly) string { return a.cluster().key() }, map[string]string{"database-reader-load": "DBLoadRelativeToNumVCPUs Role=READER"})},
	{row: "O2", name: "a Serverless v2 instance near its ceiling is told",
		where: serverless,
		check: watches("AWS/RDS", func(a *assembly) string { return a.cluster().key() }, map[string]string{"database-capacity-units": "ACUUtilization"})},
	{row: "O2", name: "a replication slot whose reader is gone is told before it fills the storage",
		where: func(e config.Environment) bool { return aurora(e) && e.Database.LogicalReplication },
		check: watches("AWS/RDS", func(a *assembly) string { return a.cluster().key() }, map[string]string{"database-replication-slot-lag": "ReplicationSlotDiskUsage"})},
	{row: "O2", name: "every NAT gateway is watched for lost ports and dropped packets",
		where: func(e config.Environment) bool { return e.Network.NATGateways != config.NATNone },
		check: func(a *assembly, fail failure) {
			for name, want := range map[string]string{"network-nat-port-exhaustion": "ErrorPortAllocation", "network-nat-packet-drops": "PacketsDropCount"} {
				watched := map[string]bool{}
				for _, metric := range metricsOf(a.alarm(name)) {
					if metric.namespace == "AWS/NATGateway" && metric.name == want {
						watched[a.targetOf(a.alarm(name).stack, metric.dimensions["NatGatewayId"]).key()] = true
					}
				}
				for _, gateway := range a.all("AWS::EC2::NatGateway") {
					if !watched[gateway.key()] {
						fail("%s does not watch %s: payments would fail at random while everything looks healthy", name, gateway)
					}
				}
			}
		}},
	{row: "D3", name: "a backup that fails, does not happen, or is not copied is told",
		where: planned,
		check: func(a *assembly, fail failure) {
			want := map[string]string{"backup-job-failed": "NumberOfBackupJobsFailed"}
			if a.environment.Database.Backup.Plan.DailyDays > 0 {
				want["backup-missing"] = "NumberOfBackupJobsCompleted"
			}
			if a.environment.Database.Backup.CopyRegion+a.environment.Database.Backup.CopyVaultARN != "" {
				want["backup-copy-failed"] = "NumberOfCopyJobsFailed"
			}
			for name, metric := range want {
				alarm := a.alarm(name)
				if watched := metricsOf(alarm)[0]; watched.name != metric || watched.namespace != "AWS/Backup" {
					fail("%s does not watch %s: the missing backup is found when it is needed", name, metric)
				}
			}
			if alarm := a.alarm("backup-missing"); alarm.exists() && alarm.text("TreatMissingData") != "breaching" {
				fail("backup-missing takes silence as health: no backups, no alarm")
			}
		}},
	{row: "O2", everywhere: true, name: "operators hear: each severity has a topic with the configured subscribers, or the configured topic",
		check: func(a *assembly, fail failure) {
			for severity, channel := range map[string]config.Channel{"critical": a.environment.Notifications.Critical, "warning": a.environment.Notifications.Warning} {
				topics := a.topics(severity)
				if regions := a.regionsWithAlarms(); len(topics) != len(regions) {
					fail("there are %d %s topics of ours for alarms in %v: going back to one from a configured one would need two deployments", len(topics), severity, regions)
				}
				for _, topic := range topics {
					if channel.TopicARN != "" {
						continue
					}
					var subscribed []string
					for _, subscription := range a.all("AWS::SNS::Subscription") {
						if a.target(subscription, "TopicArn").is(topic) {
							subscribed = append(subscribed, subscription.text("Endpoint"))
						}
					}
					for _, address := range slices.Concat(channel.Emails, channel.Endpoints) {
						if !slices.Contains(subscribed, address) {
							fail("%s is not subscribed to %s", address, topic)
						}
					}
				}
			}
		}},
	{row: "O2", everywhere: true, name: "a paging service that restarts is tried for half an hour and more, and for less than the hour that SNS allows",
		check: func(a *assembly, fail failure) {
			for _, subscription := range a.all("AWS::SNS::Subscription") {
				if subscription.text("Protocol") != "https" {
					continue // only these have a policy of ours
				}
				policy := func(name string) float64 { return subscription.number("DeliveryPolicy/healthyRetryPolicy/" + name) }
				shortest, longest := policy("minDelayTarget"), policy("maxDelayTarget")
				between := policy("numRetries") - policy("numNoDelayRetries") - policy("numMinDelayRetries") - policy("numMaxDelayRetries")
				waits := policy("numMinDelayRetries")*shortest + policy("numMaxDelayRetries")*longest
				if least, most := waits+between*shortest, waits+between*longest; between < 0 || least < 1800 || most >= 3600 {
					fail("%s tries %s for %v to %v s, want at least 1800, and less than 3600, which SNS refuses: the page of a night would be lost in a minute",
						subscription, subscription.text("Endpoint"), least, most)
				}
			}
		}},
	{row: "O2", everywhere: true, name: "a chat channel hears its severities' topics, is configured once, and lets nobody do more than read alarms and metrics",
		check: func(a *assembly, fail failure) {
			heard := map[string][]string{} // topics by channel
			for _, chat := range a.all("AWS::Chatbot::SlackChannelConfiguration") {
				channel := chat.text("SlackWorkspaceId") + "/" + chat.text("SlackChannelId")
				if heard[channel] != nil {
					fail("%s is the second configuration of the channel %s: AWS would refuse it", chat, channel)
				}
				if id := chat.text("SlackChannelId"); chat.text("ConfigurationName") != "peakline-"+a.environment.Name+"-"+id || !strings.Contains(chat.id, id) {
					fail("%s is not called by its channel: a severity that comes or goes would make another configuration of the same channel, which AWS refuses", chat)
				}
				for _, topic := range chat.list("SnsTopicArns") {
					heard[channel] = append(heard[channel], a.topicOf(chat.stack, topic))
				}
				guardrails := chat.list("GuardrailPolicies")
				if len(guardrails) != 1 {
					fail("%s has %d guardrails, want one: without it the channel's is AdministratorAccess", chat, len(guardrails))
				}
				policies := []resource{a.target(chat, "GuardrailPolicies/0")}
				for _, policy := range a.all("AWS::IAM::Policy") {
					if slices.ContainsFunc(policy.list("Roles"), func(role any) bool { return a.targetOf(policy.stack, role).is(a.target(chat, "IamRoleArn")) }) {
						policies = append(policies, policy)
					}
				}
				for _, policy := range policies {
					statements := statementsOf(policy, policy.get("PolicyDocument"))
					if len(statements) == 0 || slices.ContainsFunc(statements, func(s statement) bool {
						return slices.ContainsFunc(s.actions(), func(action string) bool { return !chatMay.MatchString(action) })
					}) {
						fail("%s lets whoever writes in the channel do more than look", chat)
					}
				}
				if chat.text("LoggingLevel") != "NONE" {
					fail("%s logs into a group that nobody expires", chat)
				}
			}
			for severity, channel := range map[string]config.Channel{"critical": a.environment.Notifications.Critical, "warning": a.environment.Notifications.Warning} {
				if channel.Slack != nil && !slices.Contains(heard[channel.Slack.Workspace+"/"+channel.Slack.Channel], severity) {
					fail("the channel %v does not hear what is %s", *channel.Slack, severity)
				}
			}
		}},
	{row: "O2", everywhere: true, name: "the services that publish to operators may, from this account only, and may use the topics' key",
		check: func(a *assembly, fail failure) {
			for _, topic := range a.all("AWS::SNS::Topic") {
				for _, service := range []string{"cloudwatch.amazonaws.com", "events.rds.amazonaws.com"} {
					if !a.admits(topic, "sns:Publish", service) {
						fail("%s does not let %s publish: its messages would be lost without a trace", topic, service)
					}
					key := a.target(topic, "KmsMasterKeyId")
					allowed := false
					for _, s := range statementsOf(key, key.get("KeyPolicy")) {
						allowed = allowed || slices.Contains(s.principals(), service) && slices.Contains(s.actions(), "kms:GenerateDataKey*") &&
							a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) == topic.stack.account
					}
					if !allowed {
						fail("%s does not let %s use it for this account: messages to %s would be lost without a trace", key, service, topic)
					}
				}
			}
		}},
}

// admits tells whether a topic's policies let a service act for resources of the topic's own account.
func (a *assembly) admits(topic resource, action, service string) bool {
	for _, policy := range a.all("AWS::SNS::TopicPolicy") {
		if !slices.ContainsFunc(policy.list("Topics"), func(id any) bool { return a.targetOf(policy.stack, id).is(topic) }) {
			continue
		}
		for _, s := range statementsOf(policy, policy.get("PolicyDocument")) {
			if s.allows() && slices.Contains(s.principals(), service) && slices.Contains(s.actions(), action) &&
				a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) == topic.stack.account {
				return true
			}
		}
	}
	return false
}

// chatMay are the calls that a chat channel may make.
var chatMay = regexp.MustCompile(`^cloudwatch:(Describe|Get|List)[A-Za-z]+$`)

// ownerOf is the team that the environment's file names: for the service whose alarm it is, or for the part of the platform.
func (a *assembly) ownerOf(alarm resource) string {
	name := strings.TrimPrefix(alarm.text("AlarmName"), a.environment.Name+"-")
	for service, settings := range a.environment.Services {
		for _, prefix := range []string{"service", "release", "pooler", "messaging", "function"} {
			if strings.HasPrefix(name, prefix+"-") && (strings.HasSuffix(name, "-"+service) || strings.Contains(name, "-"+service+"-")) {
				return settings.Owner
			}
		}
		for schedule := range settings.Schedules {
			if name == "schedule-dead-letters-"+schedule {
				return settings.Owner
			}
		}
	}
	owners := a.environment.Owners
	return cmp.Or(map[string]string{
		"Network": owners.Network, "Database": owners.Database, "DatabaseAccess": owners.Database, "DatabaseProxy": owners.Database,
		"ReplicaScaler": owners.Scaler, "Cache": owners.Cache, "Identity": owners.Identity, "Services": owners.Services, "Edge": owners.Edge,
	}[alarm.stack.id], a.environment.Owner)
}

// runbookOf is the name of an alarm's page; empty if it says none.
func runbookOf(alarm resource) string {
	if match := alarmDescription.FindStringSubmatch(alarm.text("AlarmDescription")); match != nil {
		return match[5]
	}
	return ""
}

// pageOf is the alarm that pages in the place of another; empty if that pages itself.
func pageOf(alarm resource) string {
	if match := alarmDescription.FindStringSubmatch(alarm.text("AlarmDescription")); match != nil {
		return match[4]
	}
	return ""
}

// pages are the composite alarms of a name: one, or where it would name too many alarms several.
func (a *assembly) pages(name string) []resource {
	var found []resource
	for _, composite := range a.all("AWS::CloudWatch::CompositeAlarm") {
		if runbookOf(composite) == name {
			found = append(found, composite)
		}
	}
	return found
}

var childAlarm = regexp.MustCompile(`ALARM\("([^"]+)"\)`)

// childrenOf are the alarms that a composite alarm names.
func childrenOf(composite resource) (names []string) {
	for _, match := range childAlarm.FindAllStringSubmatch(composite.text("AlarmRule"), -1) {
		names = append(names, match[1])
	}
	return names
}

// isDeployedBefore tells whether a stack is there when another is deployed, be it by way of a third.
func (a *assembly) isDeployedBefore(first, then *stack) bool {
	return slices.ContainsFunc(then.after, func(id string) bool {
		return id == first.id || a.isDeployedBefore(first, a.stack(id))
	})
}

// alarm by its name without the environment; the zero resource if there is none.
func (a *assembly) alarm(name string) resource {
	for _, alarm := range a.where("AWS::CloudWatch::Alarm", "AlarmName", a.environment.Name+"-"+name) {
		return alarm
	}
	return resource{}
}

// topics of a severity that are ours, one in each region that has alarms.
func (a *assembly) topics(severity string) []resource {
	var found []resource
	for _, topic := range a.all("AWS::SNS::Topic") {
		if strings.HasSuffix(strings.ToLower(topic.path()), "/"+severity+"topic/resource") {
			found = append(found, topic)
		}
	}
	return found
}

// regionsWithAlarms are those in which a topic is needed: an alarm reaches the topics of its own region only.
func (a *assembly) regionsWithAlarms() []string {
	var regions []string
	for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
		if !slices.Contains(regions, alarm.stack.region) {
			regions = append(regions, alarm.stack.region)
		}
	}
	return regions
}

// topicOf is the severity whose topic a value names, one of ours or a configured one; empty if none in the region of the stack.
func (a *assembly) topicOf(s *stack, value any) string {
	configured := map[string]string{"critical": a.environment.Notifications.Critical.TopicARN, "warning": a.environment.Notifications.Warning.TopicARN}
	if s.region != a.environment.Region {
		configured = map[string]string{"critical": a.environment.Edge.Topics.Critical, "warning": a.environment.Edge.Topics.Warning}
	}
	for severity, arn := range configured {
		ours := slices.ContainsFunc(a.topics(severity), func(topic resource) bool {
			return a.targetOf(s, value).is(topic) && topic.stack.region == s.region
		})
		if arn != "" && a.resolve(s, value) == arn || ours {
			return severity
		}
	}
	return ""
}

// metric is one of the metrics an alarm reads.
type metric struct {
	namespace, name string
	period          int // seconds
	dimensions      map[string]any
}

// metricsOf reads both forms of an alarm: one metric, or an expression over several.
func metricsOf(alarm resource) []metric {
	if alarm.text("MetricName") != "" {
		return []metric{metricFrom(alarm.body["Properties"], alarm.get("Period"))}
	}
	var metrics []metric
	for _, query := range alarm.list("Metrics") {
		if stat := dig(query, "MetricStat"); stat != nil {
			metrics = append(metrics, metricFrom(dig(stat, "Metric"), dig(stat, "Period")))
		}
	}
	if len(metrics) == 0 {
		return []metric{{}}
	}
	return metrics
}

func metricFrom(body, period any) metric {
	m := metric{dimensions: map[string]any{}}
	m.namespace, _ = dig(body, "Namespace").(string)
	m.name, _ = dig(body, "MetricName").(string)
	seconds, _ := period.(float64)
	m.period = int(seconds)
	for _, dimension := range asList(dig(body, "Dimensions")) {
		name, _ := dig(dimension, "Name").(string)
		m.dimensions[name] = dig(dimension, "Value")
	}
	return m
}

// watches checks that alarms exist and read the metric "Name Role=WRITER" of the thing that of names.
func watches(namespace string, of func(*assembly) string, alarms map[string]string) func(*assembly, failure) {
	return func(a *assembly, fail failure) {
		for name, want := range alarms {
			metricName, role, _ := strings.Cut(want, " Role=")
			alarm := a.alarm(name)
			if !alarm.exists() {
				fail("there is no alarm %s: customers notice first", name)
				continue
			}
			for _, m := range metricsOf(alarm) {
				gotRole, _ := m.dimensions["Role"].(string)
				if m.namespace != namespace || m.name != metricName || gotRole != role ||
					a.targetOf(alarm.stack, m.dimensions["DBClusterIdentifier"]).key() != of(a) {
					fail("%s watches %s %s %v, want %s of the cluster: it would never fire", alarm, m.namespace, m.name, m.dimensions, want)
				}
			}
		}
	}
}
