package test

import (
	"slices"
	"strings"
)

// watched are the alarms that a type has to have: for each, metrics of which one is enough, by a dimension that means the resource.
var watched = map[string][]string{
	"AWS::Lambda::Function":                     {"AWS/Lambda Errors", "AWS/Lambda Throttles"},
	"AWS::SQS::Queue":                           {"AWS/SQS ApproximateAgeOfOldestMessage|ApproximateNumberOfMessagesVisible"},
	"AWS::SNS::Topic":                           {"AWS/SNS NumberOfNotificationsFailed"},
	"AWS::Events::Rule":                         {"AWS/Events FailedInvocations"},
	"AWS::Scheduler::Schedule":                  {"AWS/Scheduler TargetErrorCount"},
	"AWS::ECS::Service":                         {"ECS/ContainerInsights RunningTaskCount"},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"AWS/ApplicationELB HTTPCode_ELB_5XX_Count|AWS/NetworkELB UnHealthyHostCount"},
	"AWS::ElasticLoadBalancingV2::TargetGroup":  {"AWS/ApplicationELB UnHealthyHostCount|AWS/NetworkELB UnHealthyHostCount"},
	"AWS::RDS::DBCluster":                       {"AWS/RDS CPUUtilization", "AWS/RDS DatabaseConnections", "AWS/RDS FreeableMemory", "AWS/RDS MaximumUsedTransactionIDs"},
	"AWS::RDS::DBInstance":                      {"AWS/RDS CPUUtilization", "AWS/RDS DatabaseConnections", "AWS/RDS FreeableMemory"},
	"AWS::RDS::DBProxy":                         {"AWS/RDS AvailabilityPercentage", "AWS/RDS ClientConnectionsSetupFailedAuth", "AWS/RDS DatabaseConnectionsBorrowLatency"},
	"AWS::ElastiCache::ReplicationGroup":        {"AWS/ElastiCache EngineCPUUtilization", "AWS/ElastiCache CurrConnections", "AWS/ElastiCache DatabaseMemoryUsagePercentage|Evictions|CacheHits"},
	"AWS::EC2::NatGateway":                      {"AWS/NATGateway ErrorPortAllocation", "AWS/NATGateway PacketsDropCount"},
	"AWS::CloudFront::Distribution":             {"AWS/CloudFront 5xxErrorRate", "AWS/CloudFront OriginLatency"},
	"AWS::CloudFront::Function":                 {"AWS/CloudFront FunctionExecutionErrors"},
	"AWS::WAFv2::WebACL":                        {"AWS/WAFV2 BlockedRequests"},
	"AWS::Cognito::UserPool":                    {"AWS/Cognito SignInSuccesses", "AWS/Cognito SignInThrottles"},
	"AWS::Cognito::UserPoolClient":              {"AWS/Cognito SignInSuccesses"},
	"AWS::Backup::BackupVault":                  {"AWS/Backup NumberOfBackupJobsFailed"},
	"AWS::CodePipeline::Pipeline":               {"AWS/CodePipeline FailedPipelineExecutions"},
	"AWS::Synthetics::Canary":                   {"CloudWatchSynthetics SuccessPercent"},
}

// quiet are the types that do not fail while they run: they are what something else is made of, or they are told by another.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
var quiet = []string{
	"AWS::AppConfig::", "AWS::ApplicationAutoScaling::", "AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection", "AWS::Budgets::", "AWS::CE::", "AWS::Chatbot::",
	"AWS::CloudFormation::", "AWS::CloudFront::CachePolicy", "AWS::CloudFront::KeyValueStore", "AWS::CloudFront::MonitoringSubscription",
	"AWS::CloudFront::OriginAccessControl", "AWS::CloudFront::ResponseHeadersPolicy", "AWS::CloudWatch::",
	"AWS::CodeBuild::Project", // a step of a pipeline
	"AWS::CodeDeploy::",       // a release that fails is told to whoever waits for it
	"AWS::Cognito::LogDelivery", "AWS::Cognito::ManagedLoginBranding", "AWS::Cognito::UserPoolDomain", "AWS::Cognito::UserPoolGroup",
	"AWS::Cognito::UserPoolIdentityProvider", "AWS::Cognito::UserPoolResourceServer", "AWS::Cognito::UserPoolRisk",
	"AWS::EC2::EIP", "AWS::EC2::FlowLog", "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::VPC",
	"AWS::ECR::Repository", "AWS::ECS::Cluster", "AWS::ECS::TaskDefinition", "AWS::ElastiCache::ParameterGroup", "AWS::ElastiCache::SubnetGroup", "AWS::ElastiCache::User",
	"AWS::ElasticLoadBalancingV2::Listener", "AWS::Events::Archive", "AWS::Events::EventBus", "AWS::IAM::", "AWS::KMS::Key", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission",
	"AWS::Logs::", "AWS::RDS::DBClusterParameterGroup", "AWS::RDS::DBParameterGroup", "AWS::RDS::DBProxyEndpoint", "AWS::RDS::DBProxyTargetGroup", "AWS::RDS::DBSubnetGroup",
	"AWS::RDS::EventSubscription", "AWS::Route53::", "AWS::S3::", "AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "AWS::SSM::Parameter",
	"AWS::SecretsManager::", "AWS::ServiceDiscovery::", "AWS::WAFv2::IPSet", "AWS::WAFv2::LoggingConfiguration", "AWS::WAFv2::WebACLAssociation", "AWS::XRay::",
	"Custom::ReaderDrain",
}

var watchRequirements = []requirement{
	{row: "O2", everywhere: true, name: "what can fail has the alarms of its type, or a written reason why it has none; a new type is one or the other",
		check: func(a *assembly, fail failure) {
			readings := a.readings()
			for _, r := range a.all() {
				needs, known := watched[r.kind]
				if !known && !slices.ContainsFunc(quiet, func(prefix string) bool { return strings.HasPrefix(r.kind, prefix) }) {
					fail("%s is a %s: say in test/watched_test.go which alarms it needs, or that it does not fail", r, r.kind)
				}
				reason, excepted := dig(r.body, "Metadata/peakline:unwatched").(string)
				if excepted && len(reason) < 20 {
					fail("%s is not watched, because %q: want a reason that somebody can judge", r, reason)
				}
				if excepted || a.keepsWhatFails(r) {
					continue
				}
				for _, need := range needs {
					if !a.isWatched(r, need, readings) {
						fail("no alarm watches %s of %s: customers would notice first", need, r)
					}
				}
			}
		}},
}

// keepsWhatFails tells whether a rule or a schedule puts what it could not hand over into a queue, which is watched itself.
func (a *assembly) keepsWhatFails(r resource) bool {
	targets := slices.Concat(r.list("Targets"), asList(r.get("Target")))
	return len(targets) > 0 && !slices.ContainsFunc(targets, func(target any) bool {
		return a.targetOf(r.stack, dig(target, "DeadLetterConfig/Arn")).kind != "AWS::SQS::Queue"
	})
}

// reading is a dimension of a metric that an alarm reads.
type reading struct {
	stack *stack
	value any
}

// readings are those of all alarms, by "namespace metric".
func (a *assembly) readings() map[string][]reading {
	found := map[string][]reading{}
	for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
		for _, metric := range metricsOf(alarm) {
			for _, value := range metric.dimensions {
				name := metric.namespace + " " + metric.name
				found[name] = append(found[name], reading{alarm.stack, value})
			}
		}
	}
	return found
}

// isWatched tells whether an alarm reads one of the metrics by a dimension that means the resource, or the cluster that it is in.
func (a *assembly) isWatched(r resource, need string, readings map[string][]reading) bool {
	namespace := ""
	for _, choice := range strings.Split(need, "|") {
		if before, _, found := strings.Cut(choice, " "); found {
			namespace = before
		} else {
			choice = namespace + " " + choice
		}
		if slices.ContainsFunc(readings[choice], func(by reading) bool {
			return a.mentions(by.stack, by.value, r) || a.mentions(by.stack, by.value, a.target(r, "DBClusterIdentifier")) || by.stack == r.stack && isNamed(by.value, r)
		}) {
			return true
		}
	}
	return false
}

// isNamed tells whether a value is the resource's physical name, or that of a member of a cluster.
func isNamed(value any, r resource) bool {
	text, _ := value.(string)
	return text != "" && text == r.text("Name") || r.text("DBClusterIdentifier") != "" && strings.HasPrefix(text, r.text("DBClusterIdentifier")+"-instance-")
}
