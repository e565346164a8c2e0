package test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"peakline/config"
	"peakline/test/cloudwatch"
)

// values are what metrics say in one period, by the metric's name, its ending ("-waiting"), or its name and statistic.
type values map[string]float64

// sample is what an alarm is for, in numbers that are not its own: values with which nobody should be told, values with which
// somebody has to be, and how soon.
type sample struct {
	healthy, sick values
	// all is set where every instance of a metric has to be sick; otherwise one of the nodes, colours or gateways is.
	all bool
	// after is how many periods of sickness are told; a shorter one is not.
	after int
	// silent is the state without any data; empty where it keeps the one it has.
	silent cloudwatch.State
}

// samplesOf are the samples for the alarms of an environment, by the name that is their runbook's. Subject is what follows it in
// the alarm's: a service, a cache.
func samplesOf(e config.Environment, subject string) map[string]sample {
	const keeps, quiet, told, gone = cloudwatch.State(""), cloudwatch.OK, cloudwatch.Alarm, -1.0 // gone stands for no data point
	limits := e.Database.SmallestInstance()
	most, memory := float64(limits.MaxConnections), limits.MemoryBytes
	lag := float64(e.Scaler.LagObjectiveMilliseconds)
	volume, operations := float64(e.Database.Storage.Gibibytes)*(1<<30), float64(e.Database.Storage.Iops)
	ceiling := float64(e.Services[subject].Scaling.Max)
	budget := float64(e.Scaler.MonthlyReaderHours)

	// happens is for counters of what should never happen, published when it does.
	happens := func(metric string, after int) sample {
		return sample{values{metric: 0}, values{metric: 1}, false, after, quiet}
	}
	// burns is a window of an objective's budget; subject is "availability-long".
	objective, window, _ := strings.Cut(subject, "-")
	burns := func(s speed, after map[string]int) sample {
		bad := s.rate(e) * promised(e)[objective] * 1e6
		traffic := func(bad float64) values {
			return values{"RequestCount": 1e6, "HTTPCode_Target_5XX_Count": bad, "HTTPCode_ELB_5XX_Count": 0, "TargetResponseTime SampleCount": 1e6,
				fmt.Sprintf("TargetResponseTime TC(%g:)", e.SLOs.P95().Seconds()): bad, fmt.Sprintf("TargetResponseTime TC(%g:)", e.SLOs.P99().Seconds()): bad}
		}
		return sample{traffic(0.95 * bad), traffic(1.05 * bad), true, after[window], quiet}
	}
	share := float64(e.Services[subject].LatencyMilliseconds) / 1000
	return map[string]sample{
		"slo-fast-burn":   burns(speeds[0], map[string]int{"long": 1, "short": 1}),
		"slo-burn":        burns(speeds[1], map[string]int{"long": 1, "short": 1}),
		"slo-slow-burn":   burns(speeds[2], map[string]int{"long": 3, "short": 1}),
		"service-latency": {values{"RequestCount": 100, "TargetResponseTime": 0.95 * share}, values{"RequestCount": 100, "TargetResponseTime": 1.05 * share}, false, 10, quiet},
		"shop-checkouts":  {values{"Events": 5}, values{"Events": 20}, false, 2, quiet}, // the first of the two is what failed
		"canary-failed":   {values{"SuccessPercent": 100}, values{"SuccessPercent": 0}, false, 2, told},

		"database-writer-cpu":           {values{"CPUUtilization": 84}, values{"CPUUtilization": 86}, false, 5, keeps},
		"database-writer-absent":        {values{"CPUUtilization": 1}, values{"CPUUtilization": gone}, false, 5, told},
		"database-reader-cpu":           {values{"CPUUtilization": 79}, values{"CPUUtilization": 81}, false, 3, keeps},
		"database-replica-lag":          {values{"AuroraReplicaLagMaximum": 0.95 * lag, "ReplicaLag": 0.95 * lag / 1000}, values{"AuroraReplicaLagMaximum": 1.05 * lag, "ReplicaLag": 1.05 * lag / 1000}, false, 3, keeps},
		"database-connections":          {values{"DatabaseConnections": 0.79 * most}, values{"DatabaseConnections": 0.81 * most}, false, 3, keeps},
		"database-memory":               {values{"FreeableMemory": 0.11 * memory}, values{"FreeableMemory": 0.09 * memory}, false, 10, keeps},
		"database-deadlocks":            happens("Deadlocks", 5),
		"database-commit-latency":       {values{"CommitLatency": 240}, values{"CommitLatency": 260}, false, 5, quiet},
		"database-transaction-ids":      {values{"MaximumUsedTransactionIDs": 990e6}, values{"MaximumUsedTransactionIDs": 1010e6}, false, 1, keeps},
		"database-reader-load":          {values{"DBLoadRelativeToNumVCPUs": 0.9}, values{"DBLoadRelativeToNumVCPUs": 1.1}, false, 3, quiet},
		"database-capacity-units":       {values{"ACUUtilization": 89}, values{"ACUUtilization": 91}, false, 10, keeps},
		"database-replication-slot-lag": {values{"ReplicationSlotDiskUsage": 9.9e9}, values{"ReplicationSlotDiskUsage": 10.1e9}, false, 5, quiet},
		"database-member-cpu":           {values{"CPUUtilization": 84}, values{"CPUUtilization": 86}, false, 5, keeps},
		"database-member-absent":        {values{"CPUUtilization": 1}, values{"CPUUtilization": gone}, false, 10, told},
		"database-member-load":          {values{"DBLoadRelativeToNumVCPUs": 0.9}, values{"DBLoadRelativeToNumVCPUs": 1.1}, false, 3, quiet},
		"database-storage":              {values{"FreeStorageSpace": 0.21 * volume}, values{"FreeStorageSpace": 0.19 * volume}, false, 5, keeps},
		"database-storage-speed":        {values{"ReadIOPS": 0.44 * operations, "WriteIOPS": 0.44 * operations}, values{"ReadIOPS": 0.46 * operations, "WriteIOPS": 0.46 * operations}, false, 5, keeps},
		"database-write-latency":        {values{"WriteLatency": 0.019}, values{"WriteLatency": 0.021}, false, 5, keeps},
		"database-access":               happens("Errors", 1),
		"database-secret-rotation":      happens("Errors", 1),
		"database-rotation-held":        happens("Throttles", 1),

		"network-nat-port-exhaustion": happens("ErrorPortAllocation", 3),
		"network-nat-packet-drops":    {values{"PacketsDropCount": 95}, values{"PacketsDropCount": 105}, false, 5, quiet},

		"backup-missing":     {values{"NumberOfBackupJobsCompleted": 1}, values{"NumberOfBackupJobsCompleted": gone}, false, 26, told},
		"backup-job-failed":  happens("NumberOfBackupJobsFailed", 1),
		"backup-copy-failed": happens("NumberOfCopyJobsFailed", 1),

		"scaler-heartbeat":        {values{"Heartbeat": 1}, values{"Heartbeat": gone}, false, 5, told},
		"scaler-failures":         happens("Errors", 3),
		"scaler-blind":            {values{"BlindMinutes": 9}, values{"BlindMinutes": 10}, false, 1, quiet},
		"scaler-saturated":        happens("Shortfall", 5),
		"scaler-errors":           happens("Errors", 5),
		"scaler-capacity-refused": happens("CapacityRefused", 2),
		"scaler-write-bound-lag":  happens("WriteBoundLag", 5),
		"scaler-imbalance":        happens("Imbalanced", 10),
		"scaler-slow-create":      {values{"CreateSeconds": 1190}, values{"CreateSeconds": 1210}, false, 1, quiet},
		"scaler-failed-events":    happens("ApproximateNumberOfMessagesVisible", 1),
		"scaler-budget":           {values{"MonthReaderHours": 0.99 * budget}, values{"MonthReaderHours": 1.01 * budget}, false, 1, keeps},

		"cache-memory":                  {values{"DatabaseMemoryUsagePercentage": 79}, values{"DatabaseMemoryUsagePercentage": 81}, false, 5, keeps},
		"cache-engine-cpu":              {values{"EngineCPUUtilization": 79}, values{"EngineCPUUtilization": 81}, false, 5, keeps},
		"cache-connections":             {values{"CurrConnections": 15_900}, values{"CurrConnections": 16_100}, false, 3, keeps},
		"cache-authentication-failures": happens("AuthenticationFailures", 5),
		"cache-evictions":               happens("Evictions", 3),
		"cache-hit-ratio":               {values{"CacheHits": 930, "CacheMisses": 70}, values{"CacheHits": 910, "CacheMisses": 90}, true, 15, keeps},
		"cache-replication-lag":         {values{"ReplicationLag": 0.9}, values{"ReplicationLag": 1.1}, false, 5, keeps},
		"cache-password-rotation":       happens("Errors", 1),

		"identity-sign-in-failures":  {values{"SignInSuccesses SampleCount": 100, "SignInSuccesses Sum": 51}, values{"SignInSuccesses SampleCount": 100, "SignInSuccesses Sum": 49}, true, 2, quiet},
		"identity-provider-failures": {values{"FederationSuccesses SampleCount": 100, "FederationSuccesses Sum": 51}, values{"FederationSuccesses SampleCount": 100, "FederationSuccesses Sum": 49}, true, 2, quiet},
		"identity-throttled":         {values{"SignUpThrottles": 0, "SignInThrottles": 0, "TokenRefreshThrottles": 0}, values{"SignUpThrottles": 0, "SignInThrottles": 0, "TokenRefreshThrottles": 1}, false, 2, quiet},

		"load-balancer-errors": {values{"HTTPCode_ELB_5XX_Count": 10}, values{"HTTPCode_ELB_5XX_Count": 11}, false, 3, quiet},
		"shop-errors":          {values{"RequestCount": 1000, "HTTPCode_Target_5XX_Count": 19}, values{"RequestCount": 1000, "HTTPCode_Target_5XX_Count": 21}, true, 2, quiet},
		"service-errors":       {values{"RequestCount": 1000, "HTTPCode_Target_5XX_Count": 49}, values{"RequestCount": 1000, "HTTPCode_Target_5XX_Count": 51}, true, 3, quiet},
		"service-absent":       {values{"RunningTaskCount": 1}, values{"RunningTaskCount": 0}, false, 3, told},
		"service-ceiling":      {values{"RunningTaskCount": ceiling - 1}, values{"RunningTaskCount": ceiling}, false, 15, keeps},
		"release-errors":       {values{"RequestCount": 1000, "HTTPCode_Target_5XX_Count": 49}, values{"RequestCount": 1000, "HTTPCode_Target_5XX_Count": 51}, false, 2, quiet},
		"release-latency":      {values{"RequestCount": 100, "TargetResponseTime": 1.5}, values{"RequestCount": 100, "TargetResponseTime": 1.7}, false, 2, quiet},
		"release-unhealthy":    happens("UnHealthyHostCount", 3),
		"pooler-refused":       happens("-refused", 5),
		"pooler-waiting":       {values{"-waiting": 990_000}, values{"-waiting": 1_010_000}, false, 5, quiet},
		"proxy-unavailable":    {values{"AvailabilityPercentage": 51}, values{"AvailabilityPercentage": 49}, false, 3, keeps},
		"proxy-refused":        {values{"ClientConnectionsSetupFailedAuth": 0, "DatabaseConnectionsSetupFailed": 0}, values{"ClientConnectionsSetupFailedAuth": 0, "DatabaseConnectionsSetupFailed": 1}, false, 5, quiet},
		"proxy-pinned":         {values{"DatabaseConnections": 100, "DatabaseConnectionsCurrentlySessionPinned": 19}, values{"DatabaseConnections": 100, "DatabaseConnectionsCurrentlySessionPinned": 21}, true, 10, keeps},
		"proxy-connections":    {values{"DatabaseConnections": 79, "MaxDatabaseConnectionsAllowed": 100}, values{"DatabaseConnections": 81, "MaxDatabaseConnectionsAllowed": 100}, true, 5, keeps},
		"proxy-waiting":        {values{"DatabaseConnectionsBorrowLatency": 49_000}, values{"DatabaseConnectionsBorrowLatency": 51_000}, false, 5, quiet},

		"messaging-dead-letters": happens("ApproximateNumberOfMessagesVisible", 1),
		"messaging-queue-age":    {values{"ApproximateAgeOfOldestMessage": 590}, values{"ApproximateAgeOfOldestMessage": 610}, false, 3, quiet},
		"schedule-dead-letters":  happens("ApproximateNumberOfMessagesVisible", 1),
		"tracing-dropped-spans":  happens("DroppedSpans", 5),

		"edge-errors":          {values{"Requests": 10_000, "5xxErrorRate": 1.9}, values{"Requests": 10_000, "5xxErrorRate": 2.1}, false, 1, quiet},
		"edge-origin-latency":  {values{"OriginLatency": 1590}, values{"OriginLatency": 1610}, false, 2, quiet},
		"firewall-blocked":     {values{"BlockedRequests": 190, "AllowedRequests": 810}, values{"BlockedRequests": 210, "AllowedRequests": 790}, false, 2, quiet},
		"origin-guard-refused": {values{"BlockedRequests": 200}, values{"BlockedRequests": 201}, false, 1, quiet},
		"certificate-expiry":   {values{"DaysToExpiry": 30}, values{"DaysToExpiry": 29}, false, 1, keeps},

		"pipeline-failed": happens("FailedPipelineExecutions", 1),

		"function-failing":                   happens("Errors", 1),
		"function-throttled":                 happens("Throttles", 1),
		"scaler-wake-ups":                    happens("FailedInvocations", 3),
		"internal-load-balancer-unreachable": {values{"UnHealthyHostCount": 0}, values{"UnHealthyHostCount": 1}, false, 3, keeps},
		"notifications-undelivered":          happens("NumberOfNotificationsFailed", 1),
	}
}

// few are values for which a share says nothing, and the alarm of it must be quiet, however bad the share.
var few = map[string]values{
	"shop-errors":                {"RequestCount": 10, "HTTPCode_Target_5XX_Count": 1},
	"service-errors":             {"RequestCount": 4, "HTTPCode_Target_5XX_Count": 0.5},
	"release-errors":             {"RequestCount": 4, "HTTPCode_Target_5XX_Count": 1},
	"release-latency":            {"RequestCount": 19, "TargetResponseTime": 30},
	"service-latency":            {"RequestCount": 19, "TargetResponseTime": 30},
	"shop-checkouts":             {"Events": 9},
	"cache-hit-ratio":            {"CacheHits": 0, "CacheMisses": 10},
	"identity-sign-in-failures":  {"SignInSuccesses SampleCount": 4, "SignInSuccesses Sum": 0},
	"identity-provider-failures": {"FederationSuccesses SampleCount": 4, "FederationSuccesses Sum": 0},
	"firewall-blocked":           {"BlockedRequests": 190, "AllowedRequests": 0},
	"edge-errors":                {"Requests": 190, "5xxErrorRate": 100},
	"proxy-pinned":               {"DatabaseConnections": 4, "DatabaseConnectionsCurrentlySessionPinned": 4},
}

var sampleRequirements = []requirement{
	{row: "O2", everywhere: true, name: "every alarm fires on a sample of what it is for, as soon as it says, and neither on a healthy one nor sooner",
		check: func(a *assembly, fail failure) {
			for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
				name := runbookOf(alarm)
				subject := strings.TrimPrefix(alarm.text("AlarmName"), a.environment.Name+"-"+name+"-")
				s, known := samplesOf(a.environment, subject)[name]
				if !known {
					fail("%s: %s has no sample in test/samples_test.go", alarm, name)
					continue
				}
				a.play(alarm, s, few[name], fail)
			}
		}},
}

// play shows an alarm its sample, evaluation after evaluation.
func (a *assembly) play(alarm resource, s sample, few values, fail failure) {
	rule := cloudwatch.Rule{
		Comparison: alarm.text("ComparisonOperator"), Threshold: alarm.number("Threshold"),
		Breaching: int(alarm.number("DatapointsToAlarm")), Periods: int(alarm.number("EvaluationPeriods")), Missing: alarm.text("TreatMissingData"),
	}
	state := func(before cloudwatch.State, history []values) cloudwatch.State {
		series, err := a.seriesOf(alarm, s, history)
		if err != nil {
			fail("%s: %v", alarm, err)
			return before
		}
		return rule.Next(before, series)
	}
	calm := repeated(s.healthy, 2*rule.Periods+2)
	if state(cloudwatch.Alarm, calm) != cloudwatch.OK {
		fail("%s is not over while all is well", alarm)
	}
	if few != nil && state(cloudwatch.OK, repeated(few, 2*rule.Periods+2)) != cloudwatch.OK {
		fail("%s fires on too little to say anything", alarm)
	}
	if state(cloudwatch.OK, append(calm, repeated(s.sick, s.after)...)) != cloudwatch.Alarm {
		fail("%s does not fire after %d periods of what it is for", alarm, s.after)
	}
	if s.after > 1 && state(cloudwatch.OK, append(calm, repeated(s.sick, s.after-1)...)) != cloudwatch.OK {
		fail("%s fires before %d periods of what it is for are over", alarm, s.after)
	}
	// Metrics come late: the latest period is often not there when an alarm is evaluated. Filled with a healthy value, it must not
	// keep the alarm from firing for ever. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
	if late := append(append(calm, repeated(s.sick, s.after+rule.Periods)...), nil); state(cloudwatch.OK, late) != cloudwatch.Alarm {
		fail("%s never fires while the latest period is still to come: let it look at one period more than must breach", alarm)
	}
	if state(cloudwatch.OK, append(calm, nil)) != cloudwatch.OK {
		fail("%s fires because the latest period is still to come", alarm)
	}
	for _, before := range []cloudwatch.State{cloudwatch.OK, cloudwatch.Alarm} {
		want := s.silent
		if want == "" {
			want = before
		}
		if got := state(before, make([]values, 2*rule.Periods+2)); got != want {
			fail("%s is %s without any data, want %s after %s", alarm, got, want, before)
		}
	}
}

func repeated(v values, times int) []values {
	history := make([]values, times)
	for i := range history {
		history[i] = v
	}
	return history
}

// seriesOf computes what the alarm compares with its threshold. Periods of a history that are nil have no data at all.
func (a *assembly) seriesOf(alarm resource, s sample, history []values) (cloudwatch.Series, error) {
	q := a.queryOf(alarm)
	series, seen := map[string]cloudwatch.Series{}, map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(q.metrics)) {
		metric := q.metrics[id]
		for _, period := range history {
			value := period
			if key := metric.Name + metric.Statistic; !s.all && period != nil && seen[key] {
				value = s.healthy // another instance is the sick one
			}
			series[id] = append(series[id], value.of(metric))
		}
		seen[metric.Name+metric.Statistic] = true
	}
	if len(q.expressions) == 0 {
		return series["metric"], nil
	}
	return cloudwatch.Evaluate(q.expressions[0], series)
}

// of is the value of a metric; Missing where there is none.
func (v values) of(metric cloudwatch.Metric) float64 {
	ending := metric.Name[strings.LastIndex(metric.Name, "-")+1:]
	for _, key := range []string{metric.Name + " " + metric.Statistic, metric.Name, "-" + ending} {
		if value, ok := v[key]; ok && value >= 0 {
			return value
		}
	}
	return math.NaN()
}
