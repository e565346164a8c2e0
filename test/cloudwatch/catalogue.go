package cloudwatch

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"peakline/lambda/contract"
)

// Metric names what a widget or an alarm reads.
type Metric struct {
	Namespace, Name string
	// Dimensions are its names and values. A value is asked about only where it is the same for everybody ("Global").
	Dimensions map[string]string
	Statistic  string
	Region     string
}

// service is a namespace and what is published in it.
type service struct {
	// documented is the page that lists the metrics.
	documented string
	// region is the only one that has the metrics; empty for a service that publishes where it runs.
	region string
	sets   []set
}

// set is what is published by the same dimensions.
type set struct {
	// dimensions have their names separated by spaces, and a fixed value after an equals sign.
	dimensions string
	// statistics are the ones that mean something; empty for all.
	statistics string
	metrics    string
	// region narrows a set further than its service.
	region string
}

// What statistics mean something. The sum of a gauge depends on how often it was measured, and the average of a count on how many
// hosts counted.
const (
	counted  = "Sum SampleCount"
	measured = "Average Minimum Maximum SampleCount percentile"
	anything = ""
)

const (
	auroraMetrics = "CPUUtilization CPUCreditBalance CPUCreditUsage CommitLatency CommitThroughput DatabaseConnections Deadlocks " +
		"DiskQueueDepth EngineUptime FreeableMemory FreeLocalStorage MaximumUsedTransactionIDs OldestReplicationSlotLag " +
		"ReadIOPS ReadLatency ReadThroughput ReplicationSlotDiskUsage StorageNetworkReceiveThroughput StorageNetworkThroughput " +
		"StorageNetworkTransmitThroughput NetworkReceiveThroughput NetworkThroughput NetworkTransmitThroughput SwapUsage " +
		"TempStorageIOPS TempStorageThroughput TransactionLogsDiskUsage WriteIOPS WriteLatency WriteThroughput BufferCacheHitRatio " +
		"ServerlessDatabaseCapacity ACUUtilization DBLoad DBLoadCPU DBLoadNonCPU DBLoadRelativeToNumVCPUs AuroraReplicaLag"
	instanceMetrics = "BurstBalance CheckpointLag FreeStorageSpace ReplicaLag TransactionLogsGeneration"
	proxyClients    = "ClientConnections ClientConnectionsClosed ClientConnectionsNoTLS ClientConnectionsReceived " +
		"ClientConnectionsSetupFailedAuth ClientConnectionsSetupSucceeded ClientConnectionsTLS QueryRequests QueryRequestsNoTLS " +
		"QueryRequestsTLS QueryResponseLatency DatabaseConnectionsBorrowLatency"
	proxyDatabase = "DatabaseConnectionRequests DatabaseConnectionRequestsWithTLS DatabaseConnections DatabaseConnectionsCurrentlyBorrowed " +
		"DatabaseConnectionsCurrentlyInTransaction DatabaseConnectionsCurrentlySessionPinned DatabaseConnectionsSetupFailed " +
		"DatabaseConnectionsSetupSucceeded DatabaseConnectionsWithTLS MaxDatabaseConnectionsAllowed QueryDatabaseResponseLatency"
	targetCounts = "RequestCount HTTPCode_Target_2XX_Count HTTPCode_Target_3XX_Count HTTPCode_Target_4XX_Count HTTPCode_Target_5XX_Count " +
		"TargetConnectionErrorCount TargetTLSNegotiationErrorCount AnomalousHostCount MitigatedHostCount"
	balancerCounts = "ActiveConnectionCount NewConnectionCount RejectedConnectionCount ProcessedBytes ConsumedLCUs ClientTLSNegotiationErrorCount " +
		"DroppedInvalidHeaderRequestCount HTTP_Fixed_Response_Count HTTP_Redirect_Count HTTPCode_ELB_3XX_Count HTTPCode_ELB_4XX_Count " +
		"HTTPCode_ELB_5XX_Count HTTPCode_ELB_500_Count HTTPCode_ELB_502_Count HTTPCode_ELB_503_Count HTTPCode_ELB_504_Count " +
		"ELBAuthError ELBAuthFailure ELBAuthSuccess RuleEvaluations"
	hosts      = "HealthyHostCount UnHealthyHostCount"
	taskGauges = "CpuUtilized CpuReserved MemoryUtilized MemoryReserved NetworkRxBytes NetworkTxBytes StorageReadBytes StorageWriteBytes " +
		"EphemeralStorageReserved EphemeralStorageUtilized TaskCpuUtilization TaskMemoryUtilization ContainerCpuUtilization ContainerMemoryUtilization"
	taskCounts   = "RunningTaskCount PendingTaskCount DesiredTaskCount DeploymentCount TaskSetCount RestartCount"
	cacheMetrics = "EngineCPUUtilization CPUUtilization CurrConnections NewConnections CurrItems DatabaseMemoryUsagePercentage " +
		"DatabaseCapacityUsagePercentage BytesUsedForCache FreeableMemory SwapUsage MemoryFragmentationRatio ReplicationLag ReplicationBytes " +
		"IsMaster MasterLinkHealthStatus CacheHitRate SuccessfulReadRequestLatency SuccessfulWriteRequestLatency NetworkBytesIn NetworkBytesOut"
	cacheCounts = "CacheHits CacheMisses Evictions Reclaimed AuthenticationFailures CommandAuthorizationFailures KeyAuthorizationFailures " +
		"ChannelAuthorizationFailures GetTypeCmds SetTypeCmds EvalBasedCmds NetworkBandwidthInAllowanceExceeded " +
		"NetworkBandwidthOutAllowanceExceeded NetworkConntrackAllowanceExceeded NetworkPacketsPerSecondAllowanceExceeded"
	functionCounts  = "Invocations Errors Throttles DeadLetterErrors DestinationDeliveryFailures AsyncEventsReceived AsyncEventsDropped"
	functionGauges  = "Duration ConcurrentExecutions AsyncEventAge PostRuntimeExtensionsDuration"
	firewallCounts  = "AllowedRequests BlockedRequests CountedRequests PassedRequests CaptchaRequests ChallengeRequests"
	ruleCounts      = "Invocations FailedInvocations InvocationAttempts SuccessfulInvocationAttempts RetryInvocationAttempts ThrottledRules TriggeredRules MatchedEvents DeadLetterInvocations InvocationsSentToDlq InvocationsFailedToBeSentToDlq"
	backupCounts    = "NumberOfBackupJobsCreated NumberOfBackupJobsPending NumberOfBackupJobsRunning NumberOfBackupJobsAborted NumberOfBackupJobsCompleted NumberOfBackupJobsFailed NumberOfBackupJobsExpired NumberOfCopyJobsCreated NumberOfCopyJobsRunning NumberOfCopyJobsCompleted NumberOfCopyJobsFailed NumberOfRestoreJobsCompleted NumberOfRestoreJobsFailed NumberOfRecoveryPointsCompleted NumberOfRecoveryPointsPartial NumberOfRecoveryPointsExpired NumberOfRecoveryPointsDeleting"
	canaryRequests  = "2xx 4xx 5xx Failed"
	signInCounts    = "SignUpSuccesses SignInSuccesses TokenRefreshSuccesses"
	signInThrottles = "SignUpThrottles SignInThrottles TokenRefreshThrottles"
)

// catalogue is, for the engines and services of Peakline alone, what AWS publishes, and Peakline's own functions.
var catalogue = map[string]service{
	"AWS/RDS": {
		documented: "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html",
		sets: []set{
			{dimensions: "DBClusterIdentifier", metrics: auroraMetrics + " AuroraReplicaLagMaximum AuroraReplicaLagMinimum VolumeBytesUsed VolumeReadIOPs VolumeWriteIOPs BackupRetentionPeriodStorageUsed SnapshotStorageUsed TotalBackupStorageBilled"},
			{dimensions: "DBClusterIdentifier Role=WRITER", metrics: auroraMetrics},
			{dimensions: "DBClusterIdentifier Role=READER", metrics: auroraMetrics},
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-metrics.html
			{dimensions: "DBInstanceIdentifier", metrics: auroraMetrics + " " + instanceMetrics},
			// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html: each node of a proxy publishes its own share,
			// so that gauges are summed.
			{dimensions: "ProxyName", metrics: proxyClients + " " + proxyDatabase},
			{dimensions: "ProxyName EndpointName", metrics: proxyClients},
			{dimensions: "ProxyName TargetGroup Target", metrics: proxyDatabase},
			{dimensions: "ProxyName TargetGroup TargetRole", metrics: proxyDatabase + " AvailabilityPercentage"},
		},
	},
	"AWS/ElastiCache": {
		documented: "https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheMetrics.Redis.html",
		sets: []set{
			{dimensions: "CacheClusterId", statistics: measured, metrics: cacheMetrics},
			{dimensions: "CacheClusterId", statistics: counted, metrics: cacheCounts},
			{dimensions: "CacheClusterId CacheNodeId", statistics: measured, metrics: cacheMetrics},
			{dimensions: "CacheClusterId CacheNodeId", statistics: counted, metrics: cacheCounts},
		},
	},
	"AWS/ApplicationELB": {
		documented: "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html",
		sets: []set{
			{dimensions: "LoadBalancer", statistics: counted, metrics: targetCounts + " " + balancerCounts},
			{dimensions: "LoadBalancer", statistics: measured, metrics: "TargetResponseTime ELBAuthLatency PeakLCUs"},
			{dimensions: "LoadBalancer TargetGroup", statistics: counted, metrics: targetCounts + " RequestCountPerTarget"},
			{dimensions: "LoadBalancer TargetGroup", statistics: measured, metrics: hosts + " TargetResponseTime"},
			{dimensions: "TargetGroup", statistics: counted, metrics: "RequestCountPerTarget"},
		},
	},
	"AWS/NetworkELB": {
		documented: "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudwatch-metrics.html",
		sets: []set{
			{dimensions: "LoadBalancer", statistics: counted, metrics: "NewFlowCount ProcessedBytes PortAllocationErrorCount TCP_Client_Reset_Count TCP_ELB_Reset_Count TCP_Target_Reset_Count RejectedFlowCount"},
			{dimensions: "LoadBalancer", statistics: measured, metrics: "ActiveFlowCount ConsumedLCUs"},
			{dimensions: "LoadBalancer TargetGroup", statistics: measured, metrics: hosts},
		},
	},
	"AWS/ECS": {
		documented: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html",
		sets: []set{
			{dimensions: "ClusterName ServiceName", statistics: measured, metrics: "CPUUtilization MemoryUtilization"},
			{dimensions: "ClusterName", statistics: measured, metrics: "CPUUtilization MemoryUtilization"},
		},
	},
	"ECS/ContainerInsights": {
		documented: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html",
		sets: []set{
			{dimensions: "ClusterName ServiceName", metrics: taskGauges + " " + taskCounts},
			{dimensions: "ClusterName TaskDefinitionFamily", metrics: taskGauges},
			{dimensions: "ClusterName", metrics: taskGauges + " TaskCount ServiceCount"},
		},
	},
	"AWS/CloudFront": {
		documented: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html",
		region:     "us-east-1",
		sets: []set{
			{dimensions: "DistributionId Region=Global", statistics: "Sum", metrics: "Requests BytesDownloaded BytesUploaded"},
			{dimensions: "DistributionId Region=Global", statistics: "Average", metrics: "4xxErrorRate 5xxErrorRate TotalErrorRate 401ErrorRate 403ErrorRate 404ErrorRate 502ErrorRate 503ErrorRate 504ErrorRate CacheHitRate"},
			{dimensions: "DistributionId Region=Global", statistics: "percentile", metrics: "OriginLatency"},
			{dimensions: "FunctionName Region=Global", statistics: "Sum", metrics: "FunctionInvocations FunctionValidationErrors FunctionExecutionErrors FunctionThrottles"},
			{dimensions: "FunctionName Region=Global", statistics: measured, metrics: "FunctionComputeUtilization"},
		},
	},
	"AWS/WAFV2": {
		documented: "https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html",
		sets: []set{
			{dimensions: "Region Rule WebACL", statistics: counted, metrics: firewallCounts},
			{dimensions: "Rule WebACL", statistics: counted, metrics: firewallCounts, region: "us-east-1"}, // of CloudFront
		},
	},
	"AWS/Cognito": {
		documented: "https://docs.aws.amazon.com/cognito/latest/developerguide/metrics-for-cognito-user-pools.html",
		sets: []set{
			{dimensions: "UserPool UserPoolClient", metrics: signInCounts}, // the average of ones and zeros is a share
			{dimensions: "UserPool UserPoolClient", statistics: counted, metrics: signInThrottles},
			{dimensions: "UserPool UserPoolClient IdentityProvider", metrics: "FederationSuccesses"},
			{dimensions: "UserPool UserPoolClient IdentityProvider", statistics: counted, metrics: "FederationThrottles"},
		},
	},
	"AWS/SQS": {
		documented: "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
		sets: []set{
			{dimensions: "QueueName", statistics: measured, metrics: "ApproximateAgeOfOldestMessage ApproximateNumberOfMessagesVisible ApproximateNumberOfMessagesNotVisible ApproximateNumberOfMessagesDelayed SentMessageSize"},
			{dimensions: "QueueName", statistics: counted, metrics: "NumberOfMessagesSent NumberOfMessagesReceived NumberOfMessagesDeleted NumberOfEmptyReceives"},
		},
	},
	"AWS/SNS": {
		documented: "https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html",
		sets: []set{
			{dimensions: "TopicName", statistics: counted, metrics: "NumberOfMessagesPublished NumberOfNotificationsDelivered NumberOfNotificationsFailed NumberOfNotificationsRedrivenToDlq NumberOfNotificationsFailedToRedriveToDlq"},
		},
	},
	"AWS/Events": {
		documented: "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html",
		sets: []set{
			{dimensions: "RuleName", statistics: counted, metrics: ruleCounts},              // of the default bus
			{dimensions: "EventBusName RuleName", statistics: counted, metrics: ruleCounts}, // of another
			{dimensions: "EventBusName", statistics: counted, metrics: "MatchedEvents ThrottledRules TriggeredRules"},
		},
	},
	"AWS/Scheduler": {
		documented: "https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html",
		sets: []set{
			{dimensions: "ScheduleGroup", statistics: counted, metrics: "InvocationAttemptCount TargetErrorCount TargetErrorThrottledCount InvocationThrottleCount InvocationDroppedCount InvocationsSentToDeadLetterCount InvocationsFailedToBeSentToDeadLetterCount"},
		},
	},
	"AWS/Lambda": {
		documented: "https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html",
		sets: []set{
			{dimensions: "FunctionName", statistics: counted, metrics: functionCounts},
			{dimensions: "FunctionName", statistics: measured, metrics: functionGauges},
			{statistics: measured, metrics: "ConcurrentExecutions UnreservedConcurrentExecutions"},
		},
	},
	"AWS/CodePipeline": {
		documented: "https://docs.aws.amazon.com/codepipeline/latest/userguide/metrics-dimensions.html",
		sets: []set{
			{dimensions: "PipelineName", statistics: counted, metrics: "FailedPipelineExecutions"},
			{dimensions: "PipelineName", statistics: measured, metrics: "PipelineDuration"},
		},
	},
	"AWS/CodeBuild": {
		documented: "https://docs.aws.amazon.com/codebuild/latest/userguide/cloudwatch_metrics-codebuild.html",
		sets: []set{
			{dimensions: "ProjectName", statistics: counted, metrics: "Builds FailedBuilds SucceededBuilds"},
			{dimensions: "ProjectName", statistics: measured, metrics: "Duration BuildDuration QueuedDuration"},
		},
	},
	"AWS/NATGateway": {
		documented: "https://docs.aws.amazon.com/vpc/latest/userguide/metrics-dimensions-nat-gateway.html",
		sets: []set{
			{dimensions: "NatGatewayId", statistics: counted, metrics: "BytesInFromDestination BytesInFromSource BytesOutToDestination BytesOutToSource ConnectionAttemptCount ConnectionEstablishedCount ErrorPortAllocation IdleTimeoutCount PacketsDropCount PacketsInFromDestination PacketsInFromSource PacketsOutToDestination PacketsOutToSource"},
			{dimensions: "NatGatewayId", statistics: "Maximum", metrics: "ActiveConnectionCount PeakBytesPerSecond PeakPacketsPerSecond"},
		},
	},
	"AWS/Backup": {
		documented: "https://docs.aws.amazon.com/aws-backup/latest/devguide/cloudwatch.html",
		sets: []set{
			{dimensions: "BackupVaultName", statistics: counted, metrics: backupCounts},
			{dimensions: "ResourceType", statistics: counted, metrics: backupCounts},
			{dimensions: "BackupVaultName ResourceType", statistics: counted, metrics: backupCounts},
		},
	},
	"AWS/CertificateManager": {
		documented: "https://docs.aws.amazon.com/acm/latest/userguide/cloudwatch-metrics.html",
		sets:       []set{{dimensions: "CertificateArn", statistics: measured, metrics: "DaysToExpiry"}},
	},
	"CloudWatchSynthetics": {
		documented: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html",
		sets: []set{
			{dimensions: "CanaryName", statistics: measured, metrics: "SuccessPercent Duration"},
			{dimensions: "CanaryName", statistics: counted, metrics: canaryRequests},
			{dimensions: "CanaryName StepName", statistics: measured, metrics: "SuccessPercent Duration"},
		},
	},
	"AWS/Billing": {
		documented: "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/monitor_estimated_charges_with_cloudwatch.html",
		region:     "us-east-1",
		sets:       []set{{dimensions: "Currency=USD", statistics: "Maximum", metrics: "EstimatedCharges"}, {dimensions: "Currency=USD ServiceName", statistics: "Maximum", metrics: "EstimatedCharges"}},
	},
	contract.MetricNamespace: {
		documented: "docs/operate-the-scaler.md",
		sets: []set{{dimensions: contract.MetricDimension, statistics: anything, metrics: strings.Join([]string{
			contract.MetricDesired, contract.MetricServing, contract.MetricComing, contract.MetricNeed, contract.MetricDemand, contract.MetricForecast,
			contract.MetricShortfall, contract.MetricCreateSeconds, contract.MetricBlindMinutes, contract.MetricHeartbeat, contract.MetricErrors,
			contract.MetricRefused, contract.MetricLagVerdict, contract.MetricImbalance, contract.MetricWriterHot, contract.MetricOwned, contract.MetricReaderHours,
		}, " ")}},
	},
}

// percentile is one, or a count of what is beyond a value: both need the distribution.
var percentile = regexp.MustCompile(`^(p\d{1,2}(\.\d+)?|TC\([\d.]+:\))$`)

// Check refuses a metric that is published nowhere: an alarm on it would never change its state, and a widget stay blank.
func Check(m Metric) error {
	namespace, known := catalogue[m.Namespace]
	if !known {
		return fmt.Errorf("the catalogue has no namespace %q", m.Namespace)
	}
	statistic := m.Statistic
	if percentile.MatchString(statistic) {
		statistic = "percentile"
	}
	reason := fmt.Errorf("%s has no metric %s", m.Namespace, m.Name)
	for _, set := range namespace.sets {
		if !slices.Contains(strings.Fields(set.metrics), m.Name) {
			continue
		}
		where := max(namespace.region, set.region)
		switch {
		case !set.has(m.Dimensions):
			if !strings.Contains(reason.Error(), ": it has") {
				reason = fmt.Errorf("%s %s is not published by %v", m.Namespace, m.Name, slices.Sorted(maps.Keys(m.Dimensions)))
			}
		case set.statistics != anything && statistic != "" && !slices.Contains(strings.Fields(set.statistics), statistic):
			reason = fmt.Errorf("%s of %s %s: it has %s", m.Statistic, m.Namespace, m.Name, set.statistics)
		case where != "" && where != m.Region:
			reason = fmt.Errorf("%s %s: it has no data in %s, only in %s", m.Namespace, m.Name, m.Region, where)
		default:
			return nil
		}
	}
	return fmt.Errorf("%w (%s)", reason, namespace.documented)
}

// has tells whether dimensions are exactly those of the set. A value that a search leaves open may be any.
func (s set) has(dimensions map[string]string) bool {
	names := strings.Fields(s.dimensions)
	if len(names) != len(dimensions) {
		return false
	}
	for _, name := range names {
		name, value, fixed := strings.Cut(name, "=")
		given, there := dimensions[name]
		if !there || fixed && given != value && given != "" {
			return false
		}
	}
	return true
}
