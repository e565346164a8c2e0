package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// mutations are the careless changes that the assertions must notice, by the row they break.
var mutations = []mutation{
	// Network
	{row: "N1", name: "a subnet is missing", of: "AWS::EC2::Subnet", edit: gone},
	{row: "N1", name: "a subnet moves to another zone", of: "AWS::EC2::Subnet", edit: set("AvailabilityZone", "us-west-2a")},
	{row: "N1", name: "a subnet is too small", of: "AWS::EC2::Subnet", edit: set("CidrBlock", "10.0.0.0/28")},
	{row: "N1", name: "a subnet hands out public addresses", of: "AWS::EC2::Subnet", edit: set("MapPublicIpOnLaunch", true)},
	{row: "N1", name: "a route table loses its default route", of: "AWS::EC2::Route", edit: gone},
	{row: "N1", name: "an isolated subnet shares the route table of another kind", of: "AWS::EC2::SubnetRouteTableAssociation", when: at("/IsolatedSubnet"),
		edit: func(a *assembly, r resource) {
			for _, other := range a.all("AWS::EC2::SubnetRouteTableAssociation") {
				if strings.Contains(other.path(), "/PublicSubnet1/") {
					put(r.properties(), "RouteTableId", other.get("RouteTableId"))
				}
			}
		}},
	{row: "N1", name: "every zone leaves through the first NAT gateway", of: "AWS::EC2::Route",
		when: func(a *assembly, r resource) bool {
			return a.environment.Network.NATGateways == config.NATPerZone && r.get("NatGatewayId") != nil
		},
		edit: func(a *assembly, r resource) {
			put(r.properties(), "NatGatewayId", map[string]any{"Ref": a.all("AWS::EC2::NatGateway")[0].id})
		}},
	{row: "N1", name: "a NAT gateway stands in a private subnet", of: "AWS::EC2::NatGateway", edit: func(a *assembly, r resource) {
		put(r.properties(), "SubnetId", map[string]any{"Ref": a.subnets(private)[0].id})
	}},
	{row: "N1", name: "a NAT gateway is missing", of: "AWS::EC2::NatGateway", edit: gone},
	{row: "N1", name: "the internet gateway is not attached", of: "AWS::EC2::VPCGatewayAttachment", edit: gone},
	{row: "N1", name: "names do not resolve", of: "AWS::EC2::VPC", edit: set("EnableDnsSupport", false)},
	{row: "N1", name: "the VPC has another range", of: "AWS::EC2::VPC", edit: set("CidrBlock", "192.168.0.0/16")},
	{row: "N2", name: "an endpoint is missing", of: "AWS::EC2::VPCEndpoint", edit: gone},
	{row: "N2", name: "an endpoint has no private name", of: "AWS::EC2::VPCEndpoint", when: with("VpcEndpointType", "Interface"), edit: set("PrivateDnsEnabled", false)},
	{row: "N2", name: "an endpoint leaves a zone out", of: "AWS::EC2::VPCEndpoint", when: with("VpcEndpointType", "Interface"), edit: shorten("SubnetIds")},
	{row: "N2", name: "an endpoint has no group of its own", of: "AWS::EC2::VPCEndpoint", when: with("VpcEndpointType", "Interface"), edit: drop("SecurityGroupIds")},
	{row: "N2", name: "the endpoints admit the world", of: "AWS::EC2::SecurityGroup", when: at("/EndpointSecurityGroup/"), edit: set("SecurityGroupIngress/0/CidrIp", "0.0.0.0/0")},
	{row: "N2", name: "an endpoint lets everybody through", of: "AWS::EC2::VPCEndpoint", when: has("PolicyDocument"), edit: drop("PolicyDocument")},
	{row: "N2", name: "an endpoint lets another account through", of: "AWS::EC2::VPCEndpoint", when: has("PolicyDocument"), edit: set("PolicyDocument/Statement/0/Condition/StringEquals/aws:PrincipalAccount", "999999999999")},
	{row: "N2", name: "everybody writes to S3", of: "AWS::EC2::VPCEndpoint", when: with("VpcEndpointType", "Gateway"), edit: set("PolicyDocument/Statement/1/Action", "s3:*")},
	{row: "N2", name: "image layers cannot be read", of: "AWS::EC2::VPCEndpoint", when: with("VpcEndpointType", "Gateway"), edit: shorten("PolicyDocument/Statement")},
	{row: "N2", name: "a private subnet is left out of the S3 endpoint", of: "AWS::EC2::VPCEndpoint", when: with("VpcEndpointType", "Gateway"), edit: set("RouteTableIds", []any{})},
	{row: "N3", name: "there is no flow log", of: "AWS::EC2::FlowLog", edit: gone},
	{row: "N3", name: "only rejected connections are logged", of: "AWS::EC2::FlowLog", edit: set("TrafficType", "REJECT")},
	{row: "N3", name: "flow logs come every ten minutes", of: "AWS::EC2::FlowLog", edit: drop("MaxAggregationInterval")},
	{row: "N3", name: "flow logs are kept for another time", of: "AWS::Logs::LogGroup", when: at("/FlowLogGroup/"), edit: set("RetentionInDays", 1.0)},
	{row: "N3", name: "flow logs are not encrypted", of: "AWS::Logs::LogGroup", when: at("/FlowLogGroup/"), edit: drop("KmsKeyId")},
	{row: "N3", name: "the flow log role may write every log group", of: "AWS::IAM::Policy", when: at("/FlowLogRole/"),
		edit: statementWith("PolicyDocument", "logs:PutLogEvents", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "N3", name: "another service may assume the flow log role", of: "AWS::IAM::Role", when: at("/FlowLogRole/"),
		edit: set("AssumeRolePolicyDocument/Statement/0/Principal/Service", "ec2.amazonaws.com")},
	{row: "N4", name: "a rule of the chain is missing on the way in", of: "AWS::EC2::SecurityGroupIngress", edit: gone},
	{row: "N4", name: "a rule of the chain is missing on the way out", of: "AWS::EC2::SecurityGroupEgress", edit: gone},
	{row: "N4", name: "a rule of the chain admits the world", of: "AWS::EC2::SecurityGroupIngress", edit: func(_ *assembly, r resource) {
		put(r.properties(), "SourceSecurityGroupId", nil)
		put(r.properties(), "CidrIp", "0.0.0.0/0")
	}},
	{row: "N4", name: "a rule of the chain admits every port", of: "AWS::EC2::SecurityGroupIngress", edit: set("ToPort", 65535.0)},
	{row: "N4", name: "a group admits the whole internet by IPv6", of: "AWS::EC2::SecurityGroup",
		edit: extend("SecurityGroupIngress", map[string]any{"CidrIpv6": "::/0", "IpProtocol": "tcp", "FromPort": 22.0, "ToPort": 22.0})},
	{row: "N4", name: "a group lets everything out", of: "AWS::EC2::SecurityGroup", edit: drop("SecurityGroupEgress")},
	{row: "N4", name: "the load balancer admits another address", of: "AWS::EC2::SecurityGroup", when: at("/SecurityGroups/LoadBalancer/"),
		edit: extend("SecurityGroupIngress", map[string]any{"CidrIp": "192.0.2.0/24", "IpProtocol": "tcp", "FromPort": 443.0, "ToPort": 443.0})},
	{row: "N4", name: "the edge cannot reach the load balancer", of: "AWS::EC2::SecurityGroup", when: at("/SecurityGroups/LoadBalancer/"), edit: drop("SecurityGroupIngress")},
	{row: "N4", name: "the database's subnets include a private one", of: "AWS::RDS::DBSubnetGroup", edit: func(a *assembly, r resource) {
		lambda := a.all("AWS::Lambda::Function")
		for _, f := range lambda {
			if ids := f.list("VpcConfig/SubnetIds"); len(ids) > 0 && f.stack == r.stack {
				put(r.properties(), "SubnetIds", append(slices.Clone(r.list("SubnetIds")), ids[0]))
				return
			}
		}
	}},

	// Observability
	{row: "O1", name: "a dashboard is missing", of: "AWS::CloudWatch::Dashboard", edit: gone},
	{row: "O1", name: "a dashboard has another name", of: "AWS::CloudWatch::Dashboard", edit: set("DashboardName", "mine")},
	{row: "O1", name: "a dashboard is no JSON", of: "AWS::CloudWatch::Dashboard", edit: set("DashboardBody", "{")},
	{row: "O1", name: "a dashboard is empty", of: "AWS::CloudWatch::Dashboard", edit: set("DashboardBody", `{"widgets":[]}`)},
	{row: "O1", name: "graphs look in another region", of: "AWS::CloudWatch::Dashboard", edit: inBody(`"region":"`, `"region":"ap-south-1`)},
	{row: "O1", name: "numbers of the overview are those of the last minutes", of: "AWS::CloudWatch::Dashboard", when: at("/Overview/"), edit: inBody(`"setPeriodToTimeRange":true`, `"setPeriodToTimeRange":false`)},
	{row: "O1", name: "the overview leaves out the failures that the load balancer answers", of: "AWS::CloudWatch::Dashboard", when: at("/Overview/"), edit: inBody("HTTPCode_ELB_5XX_Count", "HTTPCode_ELB_4XX_Count")},
	{row: "O1", name: "the overview leaves out orders", of: "AWS::CloudWatch::Dashboard", when: at("/Overview/"), edit: inBody("order_placed", "search")},
	{row: "O1", name: "the overview holds nothing against its objective", of: "AWS::CloudWatch::Dashboard", when: at("/Overview/"), edit: inBody(`"horizontal"`, `"vertical"`)},
	{row: "O1", name: "the overview shows alarms of another environment", of: "AWS::CloudWatch::Dashboard", when: at("/Overview/"), edit: inBody("-shop-errors", "-errors")},
	{row: "O1", name: "graphs lie on one another", of: "AWS::CloudWatch::Dashboard", edit: inBody(`"x":8`, `"x":1`)},
	{row: "O1", name: "a link leads nowhere", of: "AWS::CloudWatch::Dashboard", when: at("/Overview/"), edit: inBody("-services)", "-service)")},
	{row: "O1", name: "the scaler's decisions are left out", of: "AWS::CloudWatch::Dashboard", edit: inBody("DesiredReaders", "Readers"), when: at("/Database/")},
	{row: "O1", name: "dead letters are left out", of: "AWS::CloudWatch::Dashboard", edit: inBody("ApproximateNumberOfMessagesVisible", "NumberOfMessagesReceived"), when: in("Messaging")},
	{row: "O4", name: "the events of a service are not counted", of: "AWS::Logs::MetricFilter", when: at("/Events/"), edit: gone},
	{row: "O4", name: "one of the events is not counted", of: "AWS::Logs::MetricFilter", when: at("/Events/"), edit: set("FilterPattern", `{ ($.event = "order_placed") || ($.event = "checkout_failed") || ($.event = "payment_declined") }`)},
	{row: "O4", name: "any event is counted", of: "AWS::Logs::MetricFilter", when: at("/Events/"), edit: set("FilterPattern", `{ $.event = "*" }`)},
	{row: "O4", name: "a filter is no pattern", of: "AWS::Logs::MetricFilter", when: at("/Events/"), edit: set("FilterPattern", `{ $.event = order_placed`)},
	{row: "O4", name: "events are counted under another name", of: "AWS::Logs::MetricFilter", when: at("/Events/"), edit: set("MetricTransformations/0/MetricName", "Orders")},
	{row: "O4", name: "all events are one number", of: "AWS::Logs::MetricFilter", when: at("/Events/"), edit: set("MetricTransformations/0/Dimensions", nil)},
	{row: "O4", name: "nobody is told of failed checkouts", of: "AWS::CloudWatch::Alarm", when: at("/ShopCheckoutsAlarm/"), edit: gone},
	{row: "O4", name: "failed checkouts are told when all fail", of: "AWS::CloudWatch::Alarm", when: at("/ShopCheckoutsAlarm/"), edit: set("Threshold", 100.0)},
	{row: "O4", name: "a saved query is missing", of: "AWS::Logs::QueryDefinition", edit: gone},
	{row: "O4", name: "a saved query leaves a service out", of: "AWS::Logs::QueryDefinition", edit: shorten("LogGroupNames")},
	{row: "O4", name: "a saved query asks for what no line has", of: "AWS::Logs::QueryDefinition", edit: set("QueryString", "fields @timestamp, customerId")},
	{row: "O4", name: "a saved query belongs to no environment", of: "AWS::Logs::QueryDefinition", edit: set("Name", "errors")},
	{row: "O3", name: "an objective's alarm is missing", of: "AWS::CloudWatch::CompositeAlarm", when: at("/Objectives/"), edit: gone},
	{row: "O3", name: "one of two windows is enough", of: "AWS::CloudWatch::CompositeAlarm", when: at("/Objectives/"), edit: func(_ *assembly, r resource) {
		parts := dig(r.get("AlarmRule"), "Fn::Join/1").([]any)
		for i, part := range parts {
			if text, ok := part.(string); ok {
				parts[i] = strings.ReplaceAll(text, " AND ", " OR ")
			}
		}
	}},
	{row: "O3", name: "nobody hears of a budget that goes", of: "AWS::CloudWatch::CompositeAlarm", when: at("/Objectives/"), edit: drop("AlarmActions")},
	{row: "O3", name: "a budget that goes tells another topic", of: "AWS::CloudWatch::CompositeAlarm", when: at("/Objectives/"), edit: set("AlarmActions", []any{"arn:aws:sns:us-east-1:123456789012:elsewhere"})},
	{row: "O3", name: "a window alone tells somebody", of: "AWS::CloudWatch::Alarm", when: at("/Objectives/"), edit: set("AlarmActions", []any{"arn:aws:sns:us-east-1:123456789012:elsewhere"})},
	{row: "O3", name: "a window fires later", of: "AWS::CloudWatch::Alarm", when: at("/Objectives/"), edit: set("Threshold", 100.0)},
	{row: "O3", name: "a window is longer", of: "AWS::CloudWatch::Alarm", when: at("/Objectives/"), edit: set("DatapointsToAlarm", 4.0)},
	{row: "O3", name: "a window takes silence for failure", of: "AWS::CloudWatch::Alarm", when: both(at("/Objectives/"), at("Short/")), edit: func(_ *assembly, r resource) {
		put(r.properties(), "ComparisonOperator", "LessThanThreshold")
	}},
	{row: "O3", name: "a window looks at the internal load balancer", of: "AWS::CloudWatch::Alarm", when: at("/Objectives/"), edit: set("Metrics/1/MetricStat/Metric/Dimensions", []any{})},
	{row: "O3", name: "slow is slower than promised", of: "AWS::CloudWatch::Alarm", when: both(at("/Objectives/"), at("/P95/")), edit: func(_ *assembly, r resource) {
		for _, query := range r.list("Metrics") {
			if stat, _ := dig(query, "MetricStat/Stat").(string); strings.HasPrefix(stat, "TC(") {
				dig(query, "MetricStat").(map[string]any)["Stat"] = "TC(10:)"
			}
		}
	}},
	{row: "O3", name: "a handful of failures wakes somebody", of: "AWS::CloudWatch::Alarm", when: both(at("/Objectives/"), at("Long/")), edit: func(_ *assembly, r resource) {
		for _, query := range r.list("Metrics") {
			if text, ok := dig(query, "Expression").(string); ok {
				query.(map[string]any)["Expression"] = strings.Replace(text, ">= 10", ">= 1", 1)
			}
		}
	}},
	{row: "O3", name: "nobody hears of a slow service", of: "AWS::CloudWatch::Alarm", when: at("/ServiceLatencyAlarm/"), edit: gone},
	{row: "O3", name: "a service may be slower than its share", of: "AWS::CloudWatch::Alarm", when: at("/ServiceLatencyAlarm/"), edit: set("Threshold", 5.0)},
	{row: "O4", name: "there is no canary", of: "AWS::Synthetics::Canary", edit: gone},
	{row: "O4", name: "the canary walks where no visitor does", of: "AWS::Synthetics::Canary", edit: set("RunConfig/EnvironmentVariables/WALK", `{"url":"https://elsewhere.example.com"}`)},
	{row: "O4", name: "the canary runs another script", of: "AWS::Synthetics::Canary", edit: set("Code/Script", "exports.handler = () => {}")},
	{row: "O4", name: "the canary stands in the VPC", of: "AWS::Synthetics::Canary", edit: set("VPCConfig", map[string]any{"SubnetIds": []any{}})},
	{row: "O4", name: "the canary is not started", of: "AWS::Synthetics::Canary", edit: set("StartCanaryAfterCreation", false)},
	{row: "O4", name: "the canary walks once an hour", of: "AWS::Synthetics::Canary", edit: set("Schedule/Expression", "rate(1 hour)")},
	{row: "O4", name: "the canary leaves its function behind", of: "AWS::Synthetics::Canary", edit: drop("ProvisionedResourceCleanup")},
	{row: "O4", name: "the canary writes elsewhere", of: "AWS::Synthetics::Canary", edit: set("ArtifactS3Location", "s3://elsewhere")},
	{row: "O4", name: "the record of walks is kept for ever", of: "AWS::S3::Bucket", when: at("/Canary/Artefacts/"), edit: drop("LifecycleConfiguration")},
	{row: "O4", name: "the canary may write any metric", of: "AWS::IAM::Policy", when: at("/Canary/Role/"), edit: statementWith("PolicyDocument", "cloudwatch:PutMetricData", func(body map[string]any) { delete(body, "Condition") })},
	{row: "O4", name: "the canary may read the shop's files", of: "AWS::IAM::Policy", when: at("/Canary/Role/"), edit: statementWith("PolicyDocument", "s3:PutObject", func(body map[string]any) { body["Action"] = []any{"s3:PutObject", "s3:GetObject"} })},
	{row: "O4", name: "nobody hears of a walk that fails", of: "AWS::CloudWatch::Alarm", when: at("/CanaryFailedAlarm/"), edit: set("Threshold", 0.0)},
	{row: "O4", name: "a canary that stopped is taken for health", of: "AWS::CloudWatch::Alarm", when: at("/CanaryFailedAlarm/"), edit: set("TreatMissingData", "notBreaching")},
	{row: "O4", name: "the alarm of the canary reads another one", of: "AWS::CloudWatch::Alarm", when: at("/CanaryFailedAlarm/"), edit: set("Dimensions/0/Value", "another")},
	{row: "O5", name: "there is no budget", of: "AWS::Budgets::Budget", edit: gone},
	{row: "O5", name: "a budget counts every environment", of: "AWS::Budgets::Budget", edit: drop("Budget/CostFilters")},
	{row: "O5", name: "a budget is larger than the file says", of: "AWS::Budgets::Budget", edit: set("Budget/BudgetLimit/Amount", 1e9)},
	{row: "O5", name: "nobody hears that a budget will be exceeded", of: "AWS::Budgets::Budget", edit: shorten("NotificationsWithSubscribers")},
	{row: "O5", name: "a budget tells somebody else", of: "AWS::Budgets::Budget", edit: set("NotificationsWithSubscribers/0/Subscribers/0/Address", "arn:aws:sns:us-east-1:123456789012:elsewhere")},
	{row: "O5", name: "a budget has a name, which a replacement would find taken", of: "AWS::Budgets::Budget", edit: set("Budget/BudgetName", "peakline")},
	{row: "O5", name: "another owner replaces the monitor of unusual costs", of: "AWS::CE::AnomalyMonitor", edit: set("ResourceTags", []any{map[string]any{"Key": "peakline:owner", "Value": "platform"}})},
	{row: "O5", name: "nobody looks for unusual costs", of: "AWS::CE::AnomalyMonitor", edit: gone},
	{row: "O5", name: "nobody hears of unusual costs", of: "AWS::CE::AnomalySubscription", edit: gone},
	{row: "O5", name: "unusual costs are told the next day", of: "AWS::CE::AnomalySubscription", edit: set("Frequency", "DAILY")},
	{row: "O5", name: "unusual costs are told from another amount on", of: "AWS::CE::AnomalySubscription", edit: drop("ThresholdExpression")},
	{row: "O5", name: "AWS may not tell of costs", of: "AWS::SNS::TopicPolicy", when: ofEnvironment, edit: statementWith("PolicyDocument", "sns:Publish", func(body map[string]any) { body["Action"] = "sns:Subscribe" })},

	// Database
	{row: "D1", name: "an instance is missing", of: "AWS::RDS::DBInstance", edit: gone},
	{row: "D1", name: "a reader stands in the writer's zone", of: "AWS::RDS::DBInstance", when: at("/Reader"), edit: func(a *assembly, r resource) {
		put(r.properties(), "AvailabilityZone", a.members()["Writer"].get("AvailabilityZone"))
	}},
	{row: "D1", name: "an instance has another class", of: "AWS::RDS::DBInstance", edit: set("DBInstanceClass", "db.t4g.micro")},
	{row: "D1", name: "an instance leaves its zone to AWS", of: "AWS::RDS::DBInstance", edit: drop("AvailabilityZone")},
	{row: "D1", name: "an instance is public", of: "AWS::RDS::DBInstance", edit: set("PubliclyAccessible", true)},
	{row: "D1", name: "an instance belongs to no cluster", of: "AWS::RDS::DBInstance", edit: drop("DBClusterIdentifier")},
	{row: "D1", name: "the cluster runs another version", of: "AWS::RDS::DBCluster", when: onAurora, edit: set("EngineVersion", "14.1")},
	{row: "D1", name: "the cluster runs another engine", of: "AWS::RDS::DBCluster", when: onAurora, edit: set("Engine", "aurora-mysql")},
	{row: "D1", name: "the cluster's subnets leave a zone out", of: "AWS::RDS::DBSubnetGroup", edit: shorten("SubnetIds")},
	{row: "D1", name: "the cluster has no security group", of: "AWS::RDS::DBCluster", edit: drop("VpcSecurityGroupIds")},
	{row: "D1", name: "the capacity range is missing", of: "AWS::RDS::DBCluster", when: has("ServerlessV2ScalingConfiguration"), edit: drop("ServerlessV2ScalingConfiguration")},
	{row: "D1", name: "the capacity range has another ceiling", of: "AWS::RDS::DBCluster", when: has("ServerlessV2ScalingConfiguration"), edit: set("ServerlessV2ScalingConfiguration/MaxCapacity", 1.0)},
	{row: "D1", name: "a provisioned cluster gets a capacity range", of: "AWS::RDS::DBCluster", edit: func(a *assembly, r resource) {
		if !serverless(a.environment) {
			put(r.properties(), "ServerlessV2ScalingConfiguration", map[string]any{"MinCapacity": 1.0, "MaxCapacity": 2.0})
		}
	}},
	{row: "D2", name: "an instance is promoted last", of: "AWS::RDS::DBInstance", edit: set("PromotionTier", 14.0)},
	{row: "D2", name: "an instance has no promotion tier", of: "AWS::RDS::DBInstance", edit: drop("PromotionTier")},
	{row: "D2", name: "nobody is told of events", of: "AWS::RDS::EventSubscription", when: onAurora, edit: gone},
	{row: "D2", name: "a subscription is switched off", of: "AWS::RDS::EventSubscription", when: onAurora, edit: set("Enabled", false)},
	{row: "D2", name: "failures are left out of a subscription", of: "AWS::RDS::EventSubscription", when: onAurora, edit: func(_ *assembly, r resource) {
		put(r.properties(), "EventCategories", slices.DeleteFunc(slices.Clone(r.list("EventCategories")), func(c any) bool { return c == "failure" }))
	}},
	{row: "D2", name: "an instance is left out of the subscription", of: "AWS::RDS::EventSubscription", when: onAurora, edit: shorten("SourceIds")},
	{row: "D2", name: "events go to a topic that is not the operators'", of: "AWS::RDS::EventSubscription", when: onAurora, edit: set("SnsTopicArn", "arn:aws:sns:us-east-1:123456789012:elsewhere")},
	{row: "D3", name: "backups are kept for a day", of: "AWS::RDS::DBCluster", when: inProduction, edit: set("BackupRetentionPeriod", 1.0)},
	{row: "D3", name: "the backup retention is left to AWS", of: "AWS::RDS::DBCluster", edit: drop("BackupRetentionPeriod")},
	{row: "D3", name: "the cluster is not encrypted", of: "AWS::RDS::DBCluster", edit: set("StorageEncrypted", false)},
	{row: "D3", name: "the cluster is encrypted with AWS's key", of: "AWS::RDS::DBCluster", edit: drop("KmsKeyId")},
	{row: "D3", name: "deletion protection is off", of: "AWS::RDS::DBCluster", edit: set("DeletionProtection", false)},
	{row: "D3", name: "the cluster goes with its stack", of: "AWS::RDS::DBCluster", edit: attribute("DeletionPolicy", "Delete")},
	{row: "D3", name: "the cluster goes when it is replaced", of: "AWS::RDS::DBCluster", when: inProduction, edit: attribute("UpdateReplacePolicy", "Delete")},
	{row: "D3", name: "a writer that is replaced stays and takes the writes", of: "AWS::RDS::DBInstance", when: both(inProduction, at("/Writer")), edit: attribute("UpdateReplacePolicy", "Retain")},
	{row: "D3", name: "a key goes with its stack", of: "AWS::KMS::Key", when: both(inProduction, ofEnvironment), edit: attribute("DeletionPolicy", "Delete")},
	{row: "D3", name: "a vault goes with its stack", of: "AWS::Backup::BackupVault", edit: attribute("DeletionPolicy", "Delete")},
	{row: "D3", name: "the secret goes with its stack", of: "AWS::SecretsManager::Secret", when: inProduction, edit: attribute("DeletionPolicy", "Delete")},
	{row: "D3", name: "automated backups go with the cluster", of: "AWS::RDS::DBCluster", when: both(inProduction, onAurora), edit: set("DeleteAutomatedBackups", true)},
	{row: "D3", name: "a disposable environment leaves its data behind", of: "AWS::RDS::DBCluster", edit: attribute("DeletionPolicy", "Retain")},
	{row: "D3", name: "a stack can be deleted with one command", of: "AWS::KMS::Key", when: both(inProduction, ofEnvironment), edit: func(_ *assembly, r resource) { r.stack.terminationProtection = false }},
	{row: "D3", name: "snapshots have no tags", of: "AWS::RDS::DBCluster", edit: drop("CopyTagsToSnapshot")},
	{row: "D3", name: "there is no backup plan", of: "AWS::Backup::BackupPlan", edit: gone},
	{row: "D3", name: "a rhythm of backups is missing", of: "AWS::Backup::BackupPlan", edit: shorten("BackupPlan/BackupPlanRule")},
	{row: "D3", name: "backups are kept for another time", of: "AWS::Backup::BackupPlan", edit: set("BackupPlan/BackupPlanRule/0/Lifecycle/DeleteAfterDays", 2.0)},
	{row: "D3", name: "backups start at another time", of: "AWS::Backup::BackupPlan", edit: set("BackupPlan/BackupPlanRule/0/ScheduleExpression", "cron(0 12 * * ? *)")},
	{row: "D3", name: "backups go to AWS's default vault", of: "AWS::Backup::BackupPlan", edit: set("BackupPlan/BackupPlanRule/0/TargetBackupVault", "Default")},
	{row: "D3", name: "backups are not copied", of: "AWS::Backup::BackupPlan", when: has("BackupPlan/BackupPlanRule/0/CopyActions/0"), edit: drop("BackupPlan/BackupPlanRule/0/CopyActions")},
	{row: "D3", name: "a copy is missing", of: "AWS::Backup::BackupPlan", edit: shorten("BackupPlan/BackupPlanRule/0/CopyActions")},
	{row: "D3", name: "copies are kept for another time", of: "AWS::Backup::BackupPlan", when: has("BackupPlan/BackupPlanRule/0/CopyActions/0"), edit: set("BackupPlan/BackupPlanRule/0/CopyActions/0/Lifecycle/DeleteAfterDays", 1.0)},
	{row: "D3", name: "the plan covers nothing", of: "AWS::Backup::BackupSelection", edit: set("BackupSelection/Resources", []any{})},
	{row: "D3", name: "the backup role may not back up", of: "AWS::IAM::Role", when: at("/Selection/Role/"), edit: drop("ManagedPolicyArns")},
	{row: "D3", name: "others may assume the backup role", of: "AWS::IAM::Role", when: at("/Selection/Role/"), edit: set("AssumeRolePolicyDocument/Statement/0/Principal", map[string]any{"AWS": "*"})},
	{row: "D3", name: "a vault's lock is removed", of: "AWS::Backup::BackupVault", when: has("LockConfiguration"), edit: drop("LockConfiguration")},
	{row: "D3", name: "a lock allows shorter lives", of: "AWS::Backup::BackupVault", when: has("LockConfiguration"), edit: set("LockConfiguration/MinRetentionDays", 1.0)},
	{row: "D3", name: "a lock becomes irrevocable unasked", of: "AWS::Backup::BackupVault", when: has("LockConfiguration"), edit: set("LockConfiguration/ChangeableForDays", 3.0)},
	{row: "D3", name: "a vault has the database's key", of: "AWS::Backup::BackupVault", when: func(a *assembly, r resource) bool { return r.stack == a.cluster().stack },
		edit: func(a *assembly, r resource) { put(r.properties(), "EncryptionKeyArn", a.cluster().get("KmsKeyId")) }},
	{row: "D3", name: "a vault has AWS's key", of: "AWS::Backup::BackupVault", edit: drop("EncryptionKeyArn")},
	{row: "D3", name: "the copies' vault is missing", of: "AWS::Backup::BackupVault", when: at("/BackupCopy/"), edit: gone},
	{row: "D3", name: "the copies' vault has another name", of: "AWS::Backup::BackupVault", when: at("/BackupCopy/"), edit: set("BackupVaultName", "elsewhere")},
	{row: "D3", name: "a failed backup is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("backup-job-failed"), edit: gone},
	{row: "D3", name: "a missing backup is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("backup-missing"), edit: set("TreatMissingData", "notBreaching")},
	{row: "D3", name: "a failed copy is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("backup-copy-failed"), edit: set("MetricName", "NumberOfCopyJobsCompleted")},
	{row: "D4", name: "TLS is not forced", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: set("Parameters/rds.force_ssl", "0")},
	{row: "D4", name: "passwords are MD5", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: set("Parameters/password_encryption", "md5")},
	{row: "D4", name: "commits are not durable, or slower than wanted", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: func(_ *assembly, r resource) {
		put(r.properties(), "Parameters/synchronous_commit", map[string]any{"on": "off", "off": "on"}[r.text("Parameters/synchronous_commit")])
	}},
	{row: "D4", name: "logical replication is the other way round", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: func(_ *assembly, r resource) {
		put(r.properties(), "Parameters/rds.logical_replication", map[string]any{"0": "1", "1": "0"}[r.text("Parameters/rds.logical_replication")])
	}},
	{row: "D4", name: "slow statements are not logged", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: drop("Parameters/log_min_duration_statement")},
	{row: "D4", name: "there are no statement statistics", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: drop("Parameters/shared_preload_libraries")},
	{row: "D4", name: "bind values are logged", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: set("Parameters/log_parameter_max_length", "-1")},
	{row: "D4", name: "the parameters are those of another major version", of: "AWS::RDS::DBClusterParameterGroup", when: inUse, edit: set("Family", "aurora-postgresql13")},
	{row: "D4", name: "the cluster runs with AWS's parameters", of: "AWS::RDS::DBCluster", edit: drop("DBClusterParameterGroupName")},
	{row: "D5", name: "insights are off, or in another mode", of: "AWS::RDS::DBCluster", when: with("PerformanceInsightsEnabled", true), edit: drop("DatabaseInsightsMode")},
	{row: "D5", name: "performance data is kept for another time", of: "AWS::RDS::DBCluster", when: has("PerformanceInsightsRetentionPeriod"), edit: set("PerformanceInsightsRetentionPeriod", 31.0)},
	{row: "D5", name: "performance data has AWS's key", of: "AWS::RDS::DBCluster", when: has("PerformanceInsightsKmsKeyId"), edit: drop("PerformanceInsightsKmsKeyId")},
	{row: "D5", name: "an instance collects no performance data", of: "AWS::RDS::DBInstance", when: with("EnablePerformanceInsights", true), edit: set("EnablePerformanceInsights", false)},
	{row: "D5", name: "an instance is sampled at another interval", of: "AWS::RDS::DBInstance", when: has("MonitoringInterval"), edit: set("MonitoringInterval", 0.0)},
	{row: "D5", name: "an instance has no monitoring role", of: "AWS::RDS::DBInstance", when: func(a *assembly, _ resource) bool { return a.environment.Database.MonitoringIntervalSeconds > 0 }, edit: drop("MonitoringRoleArn")},
	{row: "D5", name: "the log is not exported", of: "AWS::RDS::DBCluster", edit: drop("EnableCloudwatchLogsExports")},
	{row: "D5", name: "RDS makes the log group itself", of: "AWS::Logs::LogGroup", when: at("/PostgresqlLog/"), edit: gone},
	{row: "D5", name: "the log group is made after the cluster", of: "AWS::RDS::DBCluster", edit: attribute("DependsOn", nil)},
	{row: "D5", name: "the log is kept for another time", of: "AWS::Logs::LogGroup", when: at("/PostgresqlLog/"), edit: set("RetentionInDays", 1.0)},
	{row: "D5", name: "the log is not encrypted", of: "AWS::Logs::LogGroup", when: at("/PostgresqlLog/"), edit: drop("KmsKeyId")},
	{row: "D6", name: "the master password stands in the template", of: "AWS::RDS::DBCluster", edit: set("MasterUserPassword", "correct-horse-battery-staple")},
	{row: "D6", name: "the secret holds a given password", of: "AWS::SecretsManager::Secret", when: ownDatabaseSecret, edit: set("SecretString", "correct-horse-battery-staple")},
	{row: "D6", name: "the password is short", of: "AWS::SecretsManager::Secret", when: ownDatabaseSecret, edit: set("GenerateSecretString/PasswordLength", 8.0)},
	{row: "D6", name: "the secret has AWS's key", of: "AWS::SecretsManager::Secret", when: ownDatabaseSecret, edit: drop("KmsKeyId")},
	{row: "D6", name: "the secret does not say where to connect", of: "AWS::SecretsManager::SecretTargetAttachment", edit: gone},
	{row: "D6", name: "IAM authentication is off", of: "AWS::RDS::DBCluster", edit: set("EnableIAMDatabaseAuthentication", false)},
	{row: "D6", name: "a login's secret is missing", of: "AWS::SecretsManager::Secret", when: hasLogin, edit: gone},
	{row: "D6", name: "a login is to another schema", of: "AWS::SecretsManager::Secret", when: hasLogin, edit: func(_ *assembly, r resource) {
		for _, tag := range r.list("Tags") {
			if tag, _ := tag.(map[string]any); tag["Key"] == "peakline:schema" {
				tag["Value"] = "another"
			}
		}
	}},
	{row: "D6", name: "a login has another role, database or master", of: "AWS::SecretsManager::Secret", when: hasLogin, edit: set("GenerateSecretString/SecretStringTemplate", `{"username":"peakline"}`)},
	{row: "D6", name: "a login has the key of the master's secret", of: "AWS::SecretsManager::Secret", when: hasLogin, edit: func(a *assembly, r resource) {
		put(r.properties(), "KmsKeyId", map[string]any{"Fn::ImportValue": a.environment.Name + "-Database:ExportsOutputFnGetAttAuroraSecretKeyBCB08027Arn3F68B83F"})
	}},
	{row: "D6", name: "the role of a login is made a month late", of: "AWS::SecretsManager::RotationSchedule", when: isLogin, edit: set("RotateImmediatelyOnUpdate", false)},
	{row: "D6", name: "a login rotates before it knows the host", of: "AWS::SecretsManager::RotationSchedule", when: isLogin, edit: func(a *assembly, r resource) {
		put(r.properties(), "SecretId", map[string]any{"Ref": a.target(a.target(r, "SecretId"), "SecretId").id})
	}},
	{row: "D6", name: "whoever makes the logins may change the master's secret", of: "AWS::IAM::Policy", when: at("/LoginRotation/"),
		edit: statementWith("PolicyDocument", "secretsmanager:GetSecretValue", func(body map[string]any) { body["Action"] = "secretsmanager:PutSecretValue" })},
	{row: "D6", name: "whoever makes the logins may not read the master's secret", of: "AWS::IAM::Policy", when: at("/LoginRotation/"),
		edit: statementWith("PolicyDocument", "secretsmanager:GetSecretValue", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "D6", name: "a failed login is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("database-access"), edit: gone},
	{row: "D6", name: "the secret does not rotate", of: "AWS::SecretsManager::RotationSchedule", when: outsideCache, edit: gone},
	{row: "D6", name: "the secret rotates at another interval", of: "AWS::SecretsManager::RotationSchedule", when: outsideCache, edit: set("RotationRules/ScheduleExpression", "rate(999 days)")},
	{row: "D6", name: "the master's secret rotates with every deployment", of: "AWS::SecretsManager::RotationSchedule", when: at("/MasterSecretRotation/"), edit: set("RotateImmediatelyOnUpdate", true)},
	{row: "D6", name: "the first rotation does not wait for the database", of: "AWS::SecretsManager::RotationSchedule", when: both(onAurora, at("/MasterSecretRotation/")), edit: attribute("DependsOn", nil)},
	{row: "D6", name: "anyone's secret may call the rotation", of: "AWS::Lambda::Permission", when: callsRotationOf("Database"), edit: drop("SourceAccount")},
	{row: "D6", name: "nobody may call the rotation", of: "AWS::Lambda::Permission", when: callsRotationOf("Database"), edit: gone},
	{row: "D6", name: "the rotation may write every secret", of: "AWS::IAM::Policy", when: at("/MasterSecretRotation/"),
		edit: statementWith("PolicyDocument", "secretsmanager:PutSecretValue", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "D6", name: "the rotation may use the key for anything", of: "AWS::IAM::Policy", when: at("/MasterSecretRotation/"),
		edit: statementWith("PolicyDocument", "kms:GenerateDataKey", func(body map[string]any) { delete(body, "Condition") })},
	{row: "D6", name: "whoever makes the logins may use the master's key for anything", of: "AWS::IAM::Policy", when: at("/LoginRotation/"),
		edit: statementWith("PolicyDocument", "kms:Decrypt", func(body map[string]any) { delete(body, "Condition") })},
	{row: "D6", name: "the rotation runs outside the VPC", of: "AWS::Lambda::Function", when: at("/MasterSecretRotation/"), edit: drop("VpcConfig")},
	{row: "D6", name: "a failed rotation is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("database-secret-rotation"), edit: gone},
	{row: "D7", name: "a task has no pooler", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: func(_ *assembly, r resource) {
		put(r.properties(), "ContainerDefinitions", r.list("ContainerDefinitions")[:1])
	}},
	{row: "D7", name: "the pooler is root", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/User", "root")},
	{row: "D7", name: "the pooler's folder is on disk", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: drop("ContainerDefinitions/1/LinuxParameters/Tmpfs")},
	{row: "D7", name: "the pooler can be reached", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/PortMappings", []any{map[string]any{"ContainerPort": 6432.0}})},
	{row: "D7", name: "a task outlives its pooler", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/Essential", false)},
	{row: "D7", name: "the service does not wait for its pooler", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: drop("ContainerDefinitions/0/DependsOn")},
	{row: "D7", name: "a task with an old login stays", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/HealthCheck/Command", []any{"CMD", "true"})},
	{row: "D7", name: "one refused login ends a task", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/HealthCheck/Retries", 3.0)},
	{row: "D7", name: "a task outlives its login", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: poolerVariable("POOLER_TASK_LIFE", "2592000")},
	{row: "D7", name: "the pooler trusts nobody", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: poolerVariable("POOLER_ROOTS", "")},
	{row: "D7", name: "the pooler has settings of its own", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: poolerVariable("POOLER_SETTINGS", "[pgbouncer]")},
	{row: "D7", name: "the pooler has a fixed role", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/Secrets/0/Name", "OTHER")},
	{row: "D7", name: "the pooler reads a third party's secret", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: set("ContainerDefinitions/1/Secrets/1/ValueFrom", "arn:aws:secretsmanager:us-east-1:123456789012:secret:other:password::")},
	{row: "D7", name: "a task may not use the key of its login", of: "AWS::IAM::Policy", when: func(a *assembly, r resource) bool {
		return withPoolers(a, r) && strings.Contains(r.path(), "/ExecutionRole/") && strings.Contains(r.path(), "/Services/") && !strings.Contains(r.path(), "Migration")
	}, edit: statementWith("PolicyDocument", "kms:Decrypt", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "D7", name: "nobody hears that logins are refused", of: "AWS::CloudWatch::Alarm", when: alarmNamed("pooler-refused-order"), edit: gone},
	{row: "D7", name: "nobody counts what is waited for", of: "AWS::Logs::MetricFilter", when: at("/PoolerWaiting/"), edit: gone},
	{row: "D7", name: "nobody hears where nobody answers", of: "AWS::Logs::MetricFilter", when: at("/PoolerRefusals/"), edit: set("FilterPattern", `?"server login failed"`)},
	{row: "D7", name: "another log is read", of: "AWS::Logs::MetricFilter", when: at("/PoolerRefusals/"), edit: set("LogGroupName", "other")},
	{row: "D8", name: "reads go to the writer", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: poolerVariable("POOLER_READER", "host=writer")},
	{row: "D8", name: "writes go elsewhere", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: poolerVariable("POOLER_WRITER", "host=reader")},
	{row: "D8", name: "a service is not told its bound", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: func(_ *assembly, r resource) {
		put(r.properties(), "ContainerDefinitions/0/Environment", slices.DeleteFunc(r.list("ContainerDefinitions/0/Environment"), func(entry any) bool { return dig(entry, "Name") == "DATABASE_STALENESS_MS" }))
	}},
	{row: "U4", name: "a pool is larger than the budget", of: "AWS::ECS::TaskDefinition", when: hasPooler, edit: poolerVariable("POOLER_WRITER", "host=writer pool_size=99 ")},
	{row: "U4", name: "there may be more tasks than the budget counts", of: "AWS::ApplicationAutoScaling::ScalableTarget", when: both(withPoolers, ofDatabaseService), edit: set("MaxCapacity", 999.0)},
	{row: "D7", name: "there is no proxy", of: "AWS::RDS::DBProxy", edit: gone},
	{row: "D7", name: "the proxy takes clients without TLS", of: "AWS::RDS::DBProxy", edit: set("RequireTLS", false)},
	{row: "D7", name: "the proxy logs statements", of: "AWS::RDS::DBProxy", edit: set("DebugLogging", true)},
	{row: "D7", name: "the proxy ends clients that services keep", of: "AWS::RDS::DBProxy", edit: set("IdleClientTimeout", 60.0)},
	{row: "D7", name: "the proxy takes passwords", of: "AWS::RDS::DBProxy", edit: set("Auth/0/IAMAuth", "DISABLED")},
	{row: "D7", name: "a service is unknown to the proxy", of: "AWS::RDS::DBProxy", edit: shorten("Auth")},
	{row: "D7", name: "two services have one login", of: "AWS::RDS::DBProxy", edit: func(_ *assembly, r resource) {
		put(r.properties(), "Auth/0/SecretArn", r.get("Auth/1/SecretArn"))
	}},
	{row: "D7", name: "the proxy's log is RDS's own", of: "AWS::RDS::DBProxy", edit: attribute("DependsOn", nil)},
	{row: "D7", name: "the proxy's log has no end of ours", of: "AWS::Logs::LogGroup", when: at("/DatabaseProxy/Proxy/Log/"), edit: set("RetentionInDays", 1.0)},
	{row: "D7", name: "the proxy leads nowhere", of: "AWS::RDS::DBProxyTargetGroup", edit: set("DBClusterIdentifiers", []any{"other"})},
	{row: "D7", name: "clients of the proxy wait for minutes", of: "AWS::RDS::DBProxyTargetGroup", edit: set("ConnectionPoolConfigurationInfo/ConnectionBorrowTimeout", 120.0)},
	{row: "D7", name: "there is no endpoint for reading", of: "AWS::RDS::DBProxyEndpoint", edit: set("TargetRole", "READ_WRITE")},
	{row: "D7", name: "the endpoint for reading comes before the readers", of: "AWS::RDS::DBProxyEndpoint", edit: attribute("DependsOn", nil)},
	{row: "D7", name: "the proxy may read every secret", of: "AWS::IAM::Policy", when: at("/DatabaseProxy/Proxy/Role/"),
		edit: statementWith("PolicyDocument", "secretsmanager:GetSecretValue", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "D7", name: "the proxy may use the key for anything", of: "AWS::IAM::Policy", when: at("/DatabaseProxy/Proxy/Role/"),
		edit: statementWith("PolicyDocument", "kms:Decrypt", func(body map[string]any) { delete(body, "Condition") })},
	{row: "D7", name: "the proxy may not decrypt the logins", of: "AWS::IAM::Policy", when: at("/DatabaseProxy/Proxy/Role/"),
		edit: statementWith("PolicyDocument", "kms:Decrypt", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "D7", name: "others may assume the proxy's role", of: "AWS::IAM::Role", when: at("/DatabaseProxy/Proxy/Role/"),
		edit: set("AssumeRolePolicyDocument/Statement/0/Principal/Service", "ec2.amazonaws.com")},
	{row: "D7", name: "a service may log in as any other", of: "AWS::IAM::Policy", when: behindProxy,
		edit: statementWith("PolicyDocument", "rds-db:connect", func(body map[string]any) { body["Resource"] = "arn:aws:rds-db:us-east-1:123456789012:dbuser:prx-1/*" })},
	{row: "D7", name: "a service may not log in", of: "AWS::IAM::Policy", when: behindProxy,
		edit: statementWith("PolicyDocument", "rds-db:connect", func(body map[string]any) { body["Action"] = "rds-db:none" })},
	{row: "D7", name: "a service is not told to sign in by IAM", of: "AWS::ECS::TaskDefinition", when: behindProxy, edit: serviceVariable("DATABASE_AUTHENTICATION", "none")},
	{row: "D7", name: "a service holds a password", of: "AWS::ECS::TaskDefinition", when: behindProxy, edit: func(a *assembly, r resource) {
		put(r.properties(), "ContainerDefinitions/0/Secrets", []any{map[string]any{"Name": "PASSWORD", "ValueFrom": a.proxy().get("Auth/0/SecretArn")}})
	}},
	{row: "D7", name: "nobody hears of pinned connections", of: "AWS::CloudWatch::Alarm", when: alarmNamed("proxy-pinned"), edit: gone},
	{row: "D7", name: "pinned connections are told when all of them are", of: "AWS::CloudWatch::Alarm", when: alarmNamed("proxy-pinned"), edit: set("Threshold", 100.0)},
	{row: "D7", name: "another proxy is watched", of: "AWS::CloudWatch::Alarm", when: alarmNamed("proxy-waiting"), edit: set("Dimensions/0/Value", "other")},
	{row: "D8", name: "behind the proxy, reads go to the writer", of: "AWS::ECS::TaskDefinition", when: behindProxy, edit: serviceVariable("DATABASE_READER_URL", "postgres://elsewhere")},
	{row: "N4", name: "the proxy admits the world", of: "AWS::EC2::SecurityGroup", when: at("/DatabaseProxy/Proxy/ProxyGroup/"),
		edit: extend("SecurityGroupIngress", map[string]any{"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 5432.0, "ToPort": 5432.0})},
	{row: "N4", name: "the proxy stands in one subnet less isolated", of: "AWS::RDS::DBProxy", edit: set("VpcSubnetIds/0", "subnet-1")},
	{row: "U4", name: "the proxy takes every connection", of: "AWS::RDS::DBProxyTargetGroup", edit: set("ConnectionPoolConfigurationInfo/MaxConnectionsPercent", 100.0)},
	{row: "D9", name: "the cluster runs another version", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("EngineVersion", "14.22")},
	{row: "D9", name: "the cluster becomes Aurora's", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("Engine", "aurora-postgresql")},
	{row: "D9", name: "the members have another class", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("DBClusterInstanceClass", "db.m5d.large")},
	{row: "D9", name: "the storage is of another type", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("StorageType", "io1")},
	{row: "D9", name: "the storage is small", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("AllocatedStorage", 100.0)},
	{row: "D9", name: "the storage is slow", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("Iops", 1000.0)},
	{row: "D9", name: "the cluster is asked for a capacity range", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("ServerlessV2ScalingConfiguration", map[string]any{"MinCapacity": 1.0})},
	{row: "D9", name: "the members are public", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("PubliclyAccessible", true)},
	{row: "D9", name: "the cluster takes no minor versions", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("AutoMinorVersionUpgrade", false)},
	{row: "D9", name: "the members are sampled at another interval", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: set("MonitoringInterval", 60.0)},
	{row: "D9", name: "the members have no monitoring role", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: drop("MonitoringRoleArn")},
	{row: "D9", name: "nobody is told of a member's failure", of: "AWS::RDS::EventSubscription", when: both(onMultiAZ, with("SourceType", "db-instance")), edit: gone},
	{row: "D9", name: "the subscription to a member is switched off", of: "AWS::RDS::EventSubscription", when: both(onMultiAZ, with("SourceType", "db-instance")), edit: set("Enabled", false)},
	{row: "D9", name: "the first rotation does not wait for the cluster", of: "AWS::SecretsManager::RotationSchedule", when: both(onMultiAZ, at("/MasterSecretRotation/")), edit: attribute("DependsOn", nil)},
	{row: "D9", name: "a member is left out of the subscription", of: "AWS::RDS::EventSubscription", when: both(onMultiAZ, with("SourceType", "db-instance")), edit: shorten("SourceIds")},
	{row: "D9", name: "a member is not watched", of: "AWS::CloudWatch::Alarm", when: at("/MultiAz/"), edit: shorten("Metrics")},
	{row: "D9", name: "an alarm of the members is missing", of: "AWS::CloudWatch::Alarm", when: at("/MultiAz/"), edit: gone},
	{row: "D9", name: "the alarm on storage fires late", of: "AWS::CloudWatch::Alarm", when: alarmNamed("database-storage"), edit: set("Threshold", 1.0)},
	{row: "D9", name: "the alarm on lag takes seconds for milliseconds", of: "AWS::CloudWatch::Alarm", when: both(onMultiAZ, alarmNamed("database-replica-lag")), edit: set("Threshold", 1000.0)},
	{row: "D9", name: "a missing member looks like health", of: "AWS::CloudWatch::Alarm", when: alarmNamed("database-member-absent"), edit: set("TreatMissingData", "notBreaching")},
	{row: "D9", name: "the first rotation does not wait for the cluster", of: "AWS::SecretsManager::RotationSchedule", when: both(onMultiAZ, at("/MasterSecretRotation/")), edit: attribute("DependsOn", nil)},
	{row: "D9", name: "readers are to be scaled", of: "AWS::RDS::DBCluster", when: onMultiAZ, edit: func(_ *assembly, r resource) {
		r.stack.section("Resources")["Scaled"] = map[string]any{"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": map[string]any{"ServiceNamespace": "rds"}}
	}},
	{row: "D10", name: "RDS manages the master secret", of: "AWS::RDS::DBCluster", edit: set("ManageMasterUserPassword", true)},
	{row: "D10", name: "the cluster has AWS's parameter group", of: "AWS::RDS::DBCluster", edit: set("DBClusterParameterGroupName", "default.aurora-postgresql17")},
	{row: "D10", name: "an instance has AWS's parameter group", of: "AWS::RDS::DBInstance", edit: set("DBParameterGroupName", "default.aurora-postgresql17")},
	{row: "D10", name: "a group of the next version is missing", of: "AWS::RDS::DBClusterParameterGroup", when: at("/NextClusterParameters/"), edit: gone},
	{row: "D10", name: "the instances' group of the next version is missing", of: "AWS::RDS::DBParameterGroup", when: at("/NextInstanceParameters/"), edit: gone},
	{row: "D10", name: "the next version lets clear text in", of: "AWS::RDS::DBClusterParameterGroup", when: at("/NextClusterParameters/"), edit: set("Parameters/rds.force_ssl", "0")},
	{row: "D10", name: "the next version is the one in use", of: "AWS::RDS::DBClusterParameterGroup", when: at("/NextClusterParameters/"), edit: set("Family", "aurora-postgresql16")},
	{row: "D10", name: "nobody knows which function to hold", of: "AWS::Lambda::Function", when: at("/MasterSecretRotation/"), edit: func(_ *assembly, r resource) { delete(r.stack.section("Outputs"), "RotationFunction") }},
	{row: "D10", name: "a deployment lifts the hold", of: "AWS::Lambda::Function", when: at("/LoginRotation/"), edit: set("ReservedConcurrentExecutions", 5.0)},
	{row: "D10", name: "a forgotten hold is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("database-rotation-held-master"), edit: gone},
	{row: "D10", name: "minor versions come at any time", of: "AWS::RDS::DBInstance", edit: drop("PreferredMaintenanceWindow")},
	{row: "D10", name: "minor versions do not come", of: "AWS::RDS::DBInstance", edit: set("AutoMinorVersionUpgrade", false)},
	{row: "D10", name: "AWS chooses the cluster's maintenance window", of: "AWS::RDS::DBCluster", edit: drop("PreferredMaintenanceWindow")},

	// Identity
	{row: "I1", name: "people are known by a name", of: "AWS::Cognito::UserPool", edit: drop("UsernameAttributes")},
	{row: "I1", name: "case tells people apart", of: "AWS::Cognito::UserPool", edit: set("UsernameConfiguration/CaseSensitive", true)},
	{row: "I1", name: "a further attribute is demanded for ever", of: "AWS::Cognito::UserPool", edit: extend("Schema", map[string]any{"Name": "birthdate", "Required": true})},
	{row: "I1", name: "a new address counts unconfirmed", of: "AWS::Cognito::UserPool", edit: drop("UserAttributeUpdateSettings")},
	{row: "I1", name: "a telephone lets people in again", of: "AWS::Cognito::UserPool", edit: set("AccountRecoverySetting/RecoveryMechanisms/0/Name", "verified_phone_number")},
	{row: "I1", name: "passwords are short", of: "AWS::Cognito::UserPool", edit: set("Policies/PasswordPolicy/MinimumLength", 6.0)},
	{row: "I1", name: "the old password is the new one", of: "AWS::Cognito::UserPool", edit: drop("Policies/PasswordPolicy/PasswordHistorySize")},
	{row: "I1", name: "passwords have no symbols", of: "AWS::Cognito::UserPool", edit: set("Policies/PasswordPolicy/RequireSymbols", false)},
	{row: "I1", name: "nobody can have a second factor", of: "AWS::Cognito::UserPool", when: with("MfaConfiguration", "OPTIONAL"), edit: set("MfaConfiguration", "OFF")},
	{row: "I1", name: "messages to telephones are a second factor", of: "AWS::Cognito::UserPool", edit: extend("EnabledMfas", "SMS_MFA")},
	{row: "I1", name: "threats are looked at only", of: "AWS::Cognito::UserPool", when: with("UserPoolAddOns/AdvancedSecurityMode", "ENFORCED"), edit: set("UserPoolAddOns/AdvancedSecurityMode", "AUDIT")},
	{row: "I1", name: "the plan has no threat protection", of: "AWS::Cognito::UserPool", when: with("UserPoolTier", "PLUS"), edit: set("UserPoolTier", "ESSENTIALS")},
	{row: "I1", name: "leaked passwords are good", of: "AWS::Cognito::UserPoolRiskConfigurationAttachment", edit: set("CompromisedCredentialsRiskConfiguration/Actions/EventAction", "NO_ACTION")},
	{row: "I1", name: "risk has no answer", of: "AWS::Cognito::UserPoolRiskConfigurationAttachment", edit: gone},
	{row: "I1", name: "sign-ins leave no record", of: "AWS::Cognito::LogDeliveryConfiguration", edit: gone},
	{row: "I1", name: "the record has AWS's key", of: "AWS::S3::Bucket", when: inIdentity, edit: drop("BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/KMSMasterKeyID")},
	{row: "I1", name: "the record is kept for ever", of: "AWS::S3::Bucket", when: inIdentity, edit: drop("LifecycleConfiguration")},
	{row: "I1", name: "the record cannot be delivered", of: "AWS::S3::BucketPolicy", when: inIdentity, edit: statementWith("PolicyDocument", "s3:PutObject", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "I1", name: "the pool has AWS's key", of: "AWS::Cognito::UserPool", edit: drop("KeyConfiguration")},
	{row: "I1", name: "Cognito may not use the key", of: "AWS::KMS::Key", when: inIdentity, edit: statementWith("KeyPolicy", "kms:GenerateDataKeyWithoutPlaintext", func(body map[string]any) { delete(body, "Condition") })},
	{row: "I1", name: "the pool can be deleted", of: "AWS::Cognito::UserPool", when: inProduction, edit: set("DeletionProtection", "INACTIVE")},
	{row: "I1", name: "the pool goes with its stack", of: "AWS::Cognito::UserPool", when: inProduction, edit: attribute("DeletionPolicy", "Delete")},
	{row: "I1", name: "the pages are the older ones", of: "AWS::Cognito::UserPoolDomain", edit: set("ManagedLoginVersion", 1.0)},
	{row: "I1", name: "the pages have another domain", of: "AWS::Cognito::UserPoolDomain", edit: set("Domain", "elsewhere")},
	{row: "I1", name: "a client has no pages", of: "AWS::Cognito::ManagedLoginBranding", edit: gone},
	{row: "I1", name: "a device gets a secret", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: set("GenerateSecret", true)},
	{row: "I1", name: "tokens come in the address", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: extend("AllowedOAuthFlows", "implicit")},
	{row: "I1", name: "tokens are good for a day", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: set("TokenValidityUnits/AccessToken", "hours")},
	{row: "I1", name: "a refresh token is good again and again", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: drop("RefreshTokenRotation")},
	{row: "I1", name: "a token cannot be revoked", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: set("EnableTokenRevocation", false)},
	{row: "I1", name: "strangers learn who has an account", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: drop("PreventUserExistenceErrors")},
	{row: "I1", name: "people come back elsewhere", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: set("CallbackURLs", []any{"https://evil.example.com"})},
	{row: "I1", name: "passwords travel in the clear", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: set("ExplicitAuthFlows", []any{"ALLOW_USER_PASSWORD_AUTH"})},
	{row: "I1", name: "a device may confirm an address", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: extend("WriteAttributes", "email_verified")},
	{row: "I1", name: "the load balancer has no secret", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: set("GenerateSecret", false)},
	{row: "I1", name: "the load balancer has no client", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: gone},
	{row: "I1", name: "people come back to the load balancer by another name", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: set("CallbackURLs", []any{"https://evil.example.com/oauth2/idpresponse"})},
	{row: "I1", name: "the load balancer's refresh token changes", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: set("RefreshTokenRotation", map[string]any{"Feature": "ENABLED"})},
	{row: "I1", name: "the load balancer may act for people", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: extend("AllowedOAuthScopes", "aws.cognito.signin.user.admin")},
	{row: "I1", name: "the load balancer's sessions outlive a dismissal", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: set("RefreshTokenValidity", 30.0)},
	{row: "I1", name: "a template reads the load balancer's secret", of: "AWS::Cognito::UserPoolClient", when: ofBalancer, edit: func(_ *assembly, r resource) {
		r.stack.section("Outputs")["Leak"] = map[string]any{"Value": map[string]any{"Fn::GetAtt": []any{r.id, "ClientSecret"}}}
	}},
	{row: "I1", name: "strangers are let in", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: asking, edit: set("Actions/0/AuthenticateCognitoConfig/OnUnauthenticatedRequest", "allow")},
	{row: "I1", name: "a sign-in is good for a week", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: asking, edit: drop("Actions/0/AuthenticateCognitoConfig/SessionTimeout")},
	{row: "I1", name: "a sign-in is by another client", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: asking, edit: set("Actions/0/AuthenticateCognitoConfig/UserPoolClientId", "another")},
	{row: "I1", name: "a sign-in is not asked for", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: asking, edit: func(_ *assembly, r resource) {
		r.get("Actions").([]any)[0] = r.get("Actions").([]any)[1]
	}},
	{row: "I1", name: "a sign-in is asked for elsewhere", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: asking, edit: set("Conditions/0/PathPatternConfig/Values", []any{"/lost"})},
	{row: "I1", name: "a service believes another load balancer", of: "AWS::ECS::TaskDefinition", when: told(contract.EnvBalancer), edit: setVariable(contract.EnvBalancer, "another")},
	{row: "I1", name: "a service takes another client's tokens from the load balancer", of: "AWS::ECS::TaskDefinition", when: told(contract.EnvBalancerClient), edit: setVariable(contract.EnvBalancerClient, "another")},
	{row: "I1", name: "a scope is not offered", of: "AWS::Cognito::UserPoolClient", when: onDevice, edit: shorten("AllowedOAuthScopes")},
	{row: "I1", name: "a provider is missing", of: "AWS::Cognito::UserPoolIdentityProvider", edit: gone},
	{row: "I1", name: "a provider's secret stands in the template", of: "AWS::Cognito::UserPoolIdentityProvider", when: has("ProviderDetails/client_secret"), edit: set("ProviderDetails/client_secret", "hunter2")},
	{row: "I1", name: "a provider gives no address", of: "AWS::Cognito::UserPoolIdentityProvider", edit: drop("AttributeMapping/email")},
	{row: "I1", name: "a provider is not offered", of: "AWS::Cognito::UserPoolClient", when: has("SupportedIdentityProviders/1"), edit: shorten("SupportedIdentityProviders")},
	{row: "I1", name: "a client is made before its providers", of: "AWS::Cognito::UserPoolClient", when: has("SupportedIdentityProviders/1"), edit: attribute("DependsOn", nil)},
	{row: "I1", name: "a group is missing", of: "AWS::Cognito::UserPoolGroup", edit: gone},
	{row: "I1", name: "a scope is missing", of: "AWS::Cognito::UserPoolResourceServer", edit: shorten("Scopes")},
	{row: "I1", name: "a trigger is left out", of: "AWS::Cognito::UserPool", when: has("LambdaConfig"), edit: drop("LambdaConfig/PreSignUp")},
	{row: "I1", name: "any pool may call a trigger", of: "AWS::Lambda::Permission", when: with("Principal", "cognito-idp.amazonaws.com"), edit: set("SourceArn", "arn:aws:cognito-idp:us-east-1:123456789012:userpool/*")},
	{row: "I1", name: "Cognito sends messages itself", of: "AWS::Cognito::UserPool", when: has("EmailConfiguration"), edit: drop("EmailConfiguration")},
	{row: "I1", name: "a task trusts another issuer", of: "AWS::ECS::TaskDefinition", edit: setVariable(contract.EnvIssuer, "https://evil.example.com")},
	{row: "I1", name: "a task takes keys from elsewhere", of: "AWS::ECS::TaskDefinition", edit: setVariable(contract.EnvKeysURL, "https://evil.example.com/jwks.json")},
	{row: "I1", name: "a task takes tokens of another client", of: "AWS::ECS::TaskDefinition", edit: setVariable(contract.EnvWebClient, "another")},
	{row: "I1", name: "failing sign-ins are not told", of: "AWS::CloudWatch::Alarm", when: inIdentity, edit: gone},

	// Replica control
	{row: "L1", name: "a second scaler is added", of: "AWS::RDS::DBCluster", when: func(a *assembly, _ resource) bool {
		return a.environment.Scaler.Control != config.ControlTargetTracking
	},
		edit: func(_ *assembly, r resource) {
			r.stack.section("Resources")["Second"] = map[string]any{"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": map[string]any{"ServiceNamespace": "rds"}}
		}},
	{row: "L1", name: "a trigger is missing", of: "AWS::Events::Rule", when: inReplicaScaler, edit: gone},
	{row: "L1", name: "a trigger is off", of: "AWS::Events::Rule", when: inReplicaScaler, edit: set("State", "DISABLED")},
	{row: "L1", name: "a trigger calls something else", of: "AWS::Events::Rule", when: inReplicaScaler, edit: set("Targets/0/Arn", "arn:aws:lambda:us-east-1:123456789012:function:other")},
	{row: "L1", name: "a trigger may not call the scaler", of: "AWS::Lambda::Permission", when: with("Principal", "events.amazonaws.com"), edit: gone},
	{row: "L1", name: "the scaler runs once an hour", of: "AWS::Events::Rule", when: has("ScheduleExpression"), edit: set("ScheduleExpression", "rate(1 hour)")},
	{row: "L1", name: "the scaler waits for an alarm that does not exist", of: "AWS::Events::Rule", when: has("EventPattern/detail/alarmName"), edit: set("EventPattern/detail/alarmName/0", "prod-databaze-reader-cpu")},
	{row: "L1", name: "the policy has another name", of: "AWS::SSM::Parameter", when: inReplicaScaler, edit: set("Name", "/peakline/elsewhere/replica-scaler/policy")},
	{row: "L1", name: "the policy has another maximum", of: "AWS::SSM::Parameter", when: inReplicaScaler, edit: func(_ *assembly, r resource) {
		put(r.properties(), "Value", strings.Replace(r.text("Value"), `"max":`, `"max":9`, 1))
	}},
	{row: "L1", name: "a function looks at another cluster", of: "AWS::Lambda::Function", when: has("Environment/Variables/" + contract.EnvCluster), edit: set("Environment/Variables/"+contract.EnvCluster, "another")},
	{row: "L1", name: "the scaler's silence looks like health", of: "AWS::CloudWatch::Alarm", when: alarmNamed("scaler-heartbeat"), edit: set("TreatMissingData", "notBreaching")},
	{row: "L1", name: "an alarm of the scaler is missing", of: "AWS::CloudWatch::Alarm", when: func(_ *assembly, r resource) bool {
		name := runbookOf(r)
		return strings.HasPrefix(name, "scaler-") && name != "scaler-wake-ups" && name != "scaler-budget" // row O2 has the wake-ups, L3 the budget
	}, edit: gone},
	{row: "L1", name: "an alarm of the scaler watches another environment", of: "AWS::CloudWatch::Alarm", when: with("Namespace", contract.MetricNamespace), edit: set("Dimensions/0/Value", "elsewhere")},
	{row: "L1", name: "target tracking has another ceiling", of: "AWS::ApplicationAutoScaling::ScalableTarget", when: inReplicaScaler, edit: set("MaxCapacity", 1.0)},
	{row: "L1", name: "target tracking aims elsewhere", of: "AWS::ApplicationAutoScaling::ScalingPolicy", when: inReplicaScaler, edit: set("TargetTrackingScalingPolicyConfiguration/TargetValue", 99.0)},
	{row: "L2", name: "the floors are left out of the policy", of: "AWS::SSM::Parameter", when: func(a *assembly, r resource) bool { return inReplicaScaler(a, r) && len(a.environment.Events) > 0 }, edit: func(_ *assembly, r resource) {
		put(r.properties(), "Value", strings.Replace(r.text("Value"), `"floors":`, `"planned":`, 1))
	}},
	{row: "L2", name: "a floor starts on another day", of: "AWS::SSM::Parameter", when: func(a *assembly, r resource) bool { return inReplicaScaler(a, r) && len(a.environment.Events) > 0 }, edit: func(_ *assembly, r resource) {
		put(r.properties(), "Value", strings.Replace(r.text("Value"), "2026-11-2", "2026-12-2", 1))
	}},
	{row: "L3", name: "the scaler may delete every instance", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/"),
		edit: statementWith("PolicyDocument", "rds:DeleteDBInstance", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "L3", name: "the scaler may delete readers without its tag", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/"),
		edit: statementWith("PolicyDocument", "rds:DeleteDBInstance", func(body map[string]any) { delete(body, "Condition") })},
	{row: "L3", name: "the scaler may create readers without its tag", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/Scaler/"),
		edit: statementWith("PolicyDocument", "rds:CreateDBInstance", func(body map[string]any) { delete(body, "Condition") })},
	{row: "L3", name: "the scaler may tag any instance as its own", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/Scaler/"),
		edit: statementWith("PolicyDocument", "rds:AddTagsToResource", func(body map[string]any) { body["Resource"] = "arn:aws:rds:us-east-1:123456789012:db:*" })},
	{row: "L3", name: "the scaler may delete the cluster", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/"),
		edit: extend("PolicyDocument/Statement", map[string]any{"Effect": "Allow", "Action": "rds:DeleteDBCluster", "Resource": "arn:aws:rds:us-east-1:123456789012:cluster:x"})},
	{row: "L3", name: "the scaler may hand over any role", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/Scaler/"),
		edit: statementWith("PolicyDocument", "iam:PassRole", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "L3", name: "the scaler may hand the role to any service", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/Scaler/"),
		edit: statementWith("PolicyDocument", "iam:PassRole", func(body map[string]any) { delete(body, "Condition") })},
	{row: "L3", name: "failed runs are repeated", of: "AWS::Lambda::EventInvokeConfig", edit: set("MaximumRetryAttempts", 2.0)},
	{row: "L3", name: "a call that failed leaves no reason", of: "AWS::Events::Rule", when: inReplicaScaler, edit: drop("Targets/0/DeadLetterConfig")},
	{row: "L3", name: "one slip of EventBridge is final", of: "AWS::Events::Rule", when: inReplicaScaler, edit: set("Targets/0/RetryPolicy/MaximumRetryAttempts", 0.0)},
	{row: "L3", name: "an old event calls the scaler", of: "AWS::Events::Rule", when: inReplicaScaler, edit: drop("Targets/0/RetryPolicy")},
	{row: "L3", name: "the failure queue refuses EventBridge", of: "AWS::SQS::QueuePolicy", when: inReplicaScaler, edit: statementWith("PolicyDocument", "sqs:SendMessage", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "L3", name: "the failure queue's key refuses EventBridge", of: "AWS::KMS::Key", when: inReplicaScaler, edit: statementWith("KeyPolicy", "kms:GenerateDataKey*", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "L3", name: "failed events are lost", of: "AWS::Lambda::EventInvokeConfig", edit: drop("DestinationConfig")},
	{row: "L3", name: "two runs at once", of: "AWS::Lambda::Function", when: has("ReservedConcurrentExecutions"), edit: drop("ReservedConcurrentExecutions")},
	{row: "L3", name: "a run lasts into the next", of: "AWS::Lambda::Function", when: at("/ReplicaScaler/Scaler/"), edit: set("Timeout", 900.0)},
	{row: "L3", name: "nothing drains the readers", of: contract.DrainResource, edit: gone},
	{row: "L3", name: "the cluster is deleted before its readers", of: contract.DrainResource, edit: func(_ *assembly, r resource) { r.stack.after = nil }},
	{row: "L3", name: "the policy outlives the drain", of: "AWS::SSM::Parameter", when: inReplicaScaler, edit: attribute("DependsOn", nil)},
	{row: "L3", name: "the drain outlives its permissions", of: contract.DrainResource, edit: attribute("DependsOn", nil)},
	{row: "L3", name: "triggers outlive the drain", of: "AWS::Events::Rule", edit: attribute("DependsOn", nil)},
	{row: "L4", name: "a deployment lifts the brake", of: "AWS::SSM::Parameter", when: at("/ReplicaScaler/"), edit: again(func(a *assembly, r resource) {
		put(r.properties(), "Name", contract.OverrideParameter(a.environment.Name))
	})},
	{row: "L4", name: "the scaler may not read the brake", of: "AWS::IAM::Policy", when: at("/ReplicaScaler/Scaler/"),
		edit: statementWith("PolicyDocument", "ssm:GetParameters", func(body map[string]any) { body["Resource"] = "arn:aws:ssm:us-east-1:123456789012:parameter/other" })},

	// Alarms
	{row: "O2", name: "an alarm tells nobody", of: "AWS::CloudWatch::Alarm", edit: drop("AlarmActions")},
	{row: "O2", name: "an alarm does not say when it is over", of: "AWS::CloudWatch::Alarm", edit: drop("OKActions")},
	{row: "O2", name: "an alarm's actions are off", of: "AWS::CloudWatch::Alarm", when: tellsSomebody, edit: set("ActionsEnabled", false)},
	{row: "O2", name: "an alarm tells the wrong people", of: "AWS::CloudWatch::Alarm", edit: set("AlarmActions/0", "arn:aws:sns:us-east-1:123456789012:elsewhere")},
	{row: "O2", name: "an alarm has no runbook", of: "AWS::CloudWatch::Alarm", edit: set("AlarmDescription", "Something is wrong.")},
	{row: "O2", name: "an alarm names another alarm's runbook", of: "AWS::CloudWatch::Alarm", edit: set("AlarmDescription", "[warning] Wrong. Owner: platform. Runbook: docs/runbooks/another.md")},
	{row: "O2", name: "an alarm is for a team that nobody named", of: "AWS::CloudWatch::Alarm", edit: func(_ *assembly, r resource) {
		put(r.properties(), "AlarmDescription", strings.Replace(r.text("AlarmDescription"), "Owner: ", "Owner: not ", 1))
	}},
	{row: "O2", name: "what can fail has no alarm", of: "AWS::CloudWatch::Alarm", when: func(_ *assembly, r resource) bool {
		return slices.Contains([]string{"function-failing", "function-throttled", "scaler-wake-ups", "internal-load-balancer-unreachable", "notifications-undelivered",
			"messaging-dead-letters", "service-absent", "pipeline-failed", "firewall-blocked", "cache-engine-cpu"}, runbookOf(r)) && !isText(r.get("Dimensions/0/Value"))
	}, edit: gone},
	{row: "O2", name: "a page forgets an alarm", of: "AWS::CloudWatch::CompositeAlarm", when: in("Services"), edit: func(_ *assembly, r resource) {
		rule := r.text("AlarmRule")
		put(r.properties(), "AlarmRule", rule[:strings.LastIndex(rule, " OR ")])
	}},
	{row: "O2", name: "a page is silent while something else fires", of: "AWS::CloudWatch::CompositeAlarm", when: in("Services"), edit: set("ActionsSuppressor", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:another")},
	{row: "O2", name: "a page waits half an hour for its cause", of: "AWS::CloudWatch::CompositeAlarm", when: both(in("Services"), onAurora), edit: set("ActionsSuppressorWaitPeriod", 1800.0)},
	{row: "O2", name: "a page tells nobody", of: "AWS::CloudWatch::CompositeAlarm", when: in("Services"), edit: drop("AlarmActions")},
	{row: "O2", name: "a page is made before what it names", of: "AWS::CloudWatch::CompositeAlarm", when: both(in("Services"), onAurora), edit: attribute("DependsOn", nil)},
	{row: "O2", name: "a page is missing", of: "AWS::CloudWatch::CompositeAlarm", when: in("Services"), edit: gone},
	{row: "O2", name: "a chat channel hears nothing", of: "AWS::Chatbot::SlackChannelConfiguration", edit: set("SnsTopicArns", []any{})},
	{row: "O2", name: "a chat channel is called by its severities, and gets a second configuration with another one", of: "AWS::Chatbot::SlackChannelConfiguration", edit: set("ConfigurationName", "peakline-critical")},
	{row: "O2", name: "a chat channel may do everything", of: "AWS::Chatbot::SlackChannelConfiguration", edit: drop("GuardrailPolicies")},
	{row: "O2", name: "a chat channel may delete alarms", of: "AWS::IAM::ManagedPolicy", when: at("/ChatGuardrail"), edit: extend("PolicyDocument/Statement/0/Action", "cloudwatch:DeleteAlarms")},
	{row: "O2", name: "an alarm leaves missing data to CloudWatch", of: "AWS::CloudWatch::Alarm", edit: drop("TreatMissingData")},
	{row: "O2", name: "an alarm wants more breaches than it looks at", of: "AWS::CloudWatch::Alarm", edit: set("DatapointsToAlarm", 99.0)},
	{row: "O2", name: "an alarm looks back too far for CloudWatch", of: "AWS::CloudWatch::Alarm", when: with("Period", 60.0), edit: set("EvaluationPeriods", 2000.0)},
	{row: "O2", name: "an alarm fires on the healthy side of its threshold", of: "AWS::CloudWatch::Alarm", edit: func(_ *assembly, r resource) {
		flipped := map[string]string{"GreaterThanThreshold": "LessThanThreshold", "GreaterThanOrEqualToThreshold": "LessThanThreshold", "LessThanThreshold": "GreaterThanThreshold"}
		put(r.properties(), "ComparisonOperator", flipped[r.text("ComparisonOperator")])
	}},
	{row: "O2", name: "an alarm's threshold is far above what it is for", of: "AWS::CloudWatch::Alarm", edit: func(_ *assembly, r resource) {
		put(r.properties(), "Threshold", 2*r.number("Threshold")+1)
	}},
	{row: "O2", name: "an alarm's threshold is far below", of: "AWS::CloudWatch::Alarm",
		when: func(_ *assembly, r resource) bool { return r.number("Threshold") > 1 },
		edit: func(_ *assembly, r resource) { put(r.properties(), "Threshold", r.number("Threshold")/2) }},
	{row: "O2", name: "an alarm waits for a breach more", of: "AWS::CloudWatch::Alarm",
		when: func(_ *assembly, r resource) bool {
			return r.number("EvaluationPeriods") > r.number("DatapointsToAlarm")
		},
		edit: func(_ *assembly, r resource) {
			put(r.properties(), "DatapointsToAlarm", r.number("DatapointsToAlarm")+1)
		}},
	{row: "O2", name: "an alarm takes silence for the opposite", of: "AWS::CloudWatch::Alarm", when: has("MetricName"), edit: func(_ *assembly, r resource) {
		opposite := map[string]string{"breaching": "notBreaching", "notBreaching": "breaching", "ignore": "breaching"}
		put(r.properties(), "TreatMissingData", opposite[r.text("TreatMissingData")])
	}},
	{row: "O2", name: "an alarm reads a metric that nobody publishes", of: "AWS::CloudWatch::Alarm", when: has("MetricName"), edit: set("MetricName", "CPUUtilisation")},
	{row: "O2", name: "an alarm reads a metric by too few dimensions", of: "AWS::CloudWatch::Alarm", when: has("Dimensions/0"), edit: shorten("Dimensions")},
	{row: "O2", name: "an alarm's expression mixes a number into an array", of: "AWS::CloudWatch::Alarm", when: has("Metrics"), edit: func(_ *assembly, r resource) {
		for i, query := range r.list("Metrics") {
			if expression, ok := dig(query, "Expression").(string); ok {
				put(r.properties(), fmt.Sprintf("Metrics/%d/Expression", i), "MAX(["+expression+", 1])")
			}
		}
	}},
	{row: "O2", name: "a scaling policy reads a metric that nobody publishes", of: "AWS::ApplicationAutoScaling::ScalingPolicy", when: has(customMetrics), edit: set(customMetrics+"/0/MetricStat/Metric/MetricName", "Requests")},
	{row: "O2", name: "an alarm has no threshold", of: "AWS::CloudWatch::Alarm", edit: drop("Threshold")},
	{row: "O2", name: "an alarm of the cluster watches another metric", of: "AWS::CloudWatch::Alarm", when: at("/Aurora/"), edit: set("MetricName", "NetworkThroughput")},
	{row: "O2", name: "an alarm of the cluster watches another cluster", of: "AWS::CloudWatch::Alarm", when: at("/Aurora/"), edit: set("Dimensions/0/Value", "another")},
	{row: "O2", name: "the alarm on lag fires late", of: "AWS::CloudWatch::Alarm", when: both(alarmNamed("database-replica-lag"), onAurora), edit: set("Threshold", 60000.0)},
	{row: "O2", name: "the writer's silence looks like health", of: "AWS::CloudWatch::Alarm", when: alarmNamed("database-writer-absent"), edit: set("TreatMissingData", "notBreaching")},
	{row: "O2", name: "a NAT gateway is not watched", of: "AWS::CloudWatch::Alarm", when: at("/NetworkNat"), edit: shorten("Metrics")},
	{row: "O2", name: "a topic is missing", of: "AWS::SNS::Topic", edit: gone},
	{row: "O2", name: "a page is given up after a minute", of: "AWS::SNS::Subscription", when: with("Protocol", "https"), edit: drop("DeliveryPolicy")},
	{row: "O2", name: "a page is tried for longer than SNS allows", of: "AWS::SNS::Subscription", when: with("Protocol", "https"), edit: set("DeliveryPolicy/healthyRetryPolicy/maxDelayTarget", 120.0)},
	{row: "O2", name: "nobody is subscribed", of: "AWS::SNS::Subscription", edit: gone},
	{row: "O2", name: "the services may not publish", of: "AWS::SNS::TopicPolicy", edit: gone},
	{row: "O2", name: "the services may not use the topics' key", of: "AWS::KMS::Key", when: at("/Operators/"), edit: shorten("KeyPolicy/Statement")},

	// Caches
	{row: "C1", name: "a replication group is missing", of: "AWS::ElastiCache::ReplicationGroup", edit: gone},
	{row: "C1", name: "a group has a node less", of: "AWS::ElastiCache::ReplicationGroup", edit: set("NumCacheClusters", 0.0)},
	{row: "C1", name: "a lost primary is not replaced", of: "AWS::ElastiCache::ReplicationGroup", when: with("AutomaticFailoverEnabled", true), edit: set("AutomaticFailoverEnabled", false)},
	{row: "C1", name: "all nodes are in one zone", of: "AWS::ElastiCache::SubnetGroup", edit: func(_ *assembly, r resource) { put(r.properties(), "SubnetIds", r.list("SubnetIds")[:1]) }},
	{row: "C1", name: "a replica more would replace the group", of: "AWS::ElastiCache::ReplicationGroup", edit: set("PreferredCacheClusterAZs", []any{"us-east-1a"})},
	{row: "C1", name: "a full memory evicts anything", of: "AWS::ElastiCache::ParameterGroup", edit: set("Properties/maxmemory-policy", "allkeys-random")},
	{row: "C1", name: "a group runs with the parameters of another engine", of: "AWS::ElastiCache::ParameterGroup", edit: set("CacheParameterGroupFamily", "redis7")},
	{row: "C1", name: "connections without TLS are taken", of: "AWS::ElastiCache::ReplicationGroup", edit: set("TransitEncryptionMode", "preferred")},
	{row: "C1", name: "sessions are written without a key of ours", of: "AWS::ElastiCache::ReplicationGroup", edit: drop("KmsKeyId")},
	{row: "C1", name: "the cache is reached by others", of: "AWS::ElastiCache::ReplicationGroup", edit: set("SecurityGroupIds/0", "sg-0123456789abcdef0")},
	{row: "C1", name: "anybody is the default user", of: "AWS::ElastiCache::User", when: with("UserName", "default"), edit: set("AccessString", "on ~* +@all")},
	{row: "C1", name: "the default user is Valkey's own", of: "AWS::ElastiCache::UserGroup", edit: func(_ *assembly, r resource) { put(r.properties(), "UserIds", r.list("UserIds")[1:]) }},
	{row: "C1", name: "a user reaches every key", of: "AWS::ElastiCache::User", when: isServiceUser, edit: set("AccessString", "on ~* -@all +@read +@write -@dangerous")},
	{row: "C1", name: "a user may flush the cache", of: "AWS::ElastiCache::User", when: isServiceUser, edit: func(_ *assembly, r resource) {
		put(r.properties(), "AccessString", strings.Replace(r.text("AccessString"), "-@dangerous ", "", 1))
	}},
	{row: "C1", name: "a user is in no group", of: "AWS::ElastiCache::UserGroup", edit: shorten("UserIds")},
	{row: "C1", name: "a password stands in the template", of: "AWS::ElastiCache::User", edit: set("Passwords", []any{"correct horse battery staple"})},
	{row: "C1", name: "a password is not needed", of: "AWS::ElastiCache::User", edit: set("NoPasswordRequired", true)},
	{row: "C1", name: "a password is short", of: "AWS::SecretsManager::Secret", when: at("/Cache/SessionsUser/"), edit: set("GenerateSecretString/PasswordLength", 8.0)},
	{row: "C1", name: "a password never changes", of: "AWS::SecretsManager::RotationSchedule", when: inCache, edit: gone},
	{row: "C1", name: "a password changes with a deployment", of: "AWS::SecretsManager::RotationSchedule", when: inCache, edit: set("RotateImmediatelyOnUpdate", true)},
	{row: "C1", name: "anyone's secret may call the rotation", of: "AWS::Lambda::Permission", when: callsRotationOf("Cache"), edit: drop("SourceAccount")},
	{row: "C1", name: "nobody may call the rotation", of: "AWS::Lambda::Permission", when: callsRotationOf("Cache"), edit: gone},
	{row: "C1", name: "the rotation may change any user", of: "AWS::IAM::Policy", when: inCache,
		edit: statementWith("PolicyDocument", "elasticache:ModifyUser", func(body map[string]any) { body["Resource"] = "arn:aws:elasticache:us-east-1:123456789012:user:x" })},
	{row: "C1", name: "a rotation that fails is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("cache-password-rotation"), edit: gone},
	{row: "C1", name: "sessions are in no snapshot", of: "AWS::ElastiCache::ReplicationGroup", when: has("SnapshotRetentionLimit"), edit: drop("SnapshotRetentionLimit")},
	{row: "C1", name: "sessions go with their stack", of: "AWS::ElastiCache::ReplicationGroup", when: has("SnapshotRetentionLimit"), edit: attribute("DeletionPolicy", "Delete")},
	{row: "C1", name: "a group is maintained at noon", of: "AWS::ElastiCache::ReplicationGroup", edit: set("PreferredMaintenanceWindow", "mon:12:00-mon:13:00")},
	{row: "C1", name: "a log is not delivered", of: "AWS::ElastiCache::ReplicationGroup", edit: shorten("LogDeliveryConfigurations")},
	{row: "C1", name: "an address is another cache's", of: "AWS::SSM::Parameter", when: inCache, edit: set("Value", "rediss://elsewhere:6379")},
	{row: "C1", name: "a service gets no password", of: "AWS::ECS::TaskDefinition", when: at("/User/Task/Resource"), edit: drop("ContainerDefinitions/0/Secrets")},
	{row: "C2", name: "an alarm of the caches is missing", of: "AWS::CloudWatch::Alarm", when: ofReplicationGroup, edit: gone},
	{row: "C2", name: "an alarm of the caches watches another metric", of: "AWS::CloudWatch::Alarm", when: ofReplicationGroup, edit: func(_ *assembly, r resource) {
		for n := range r.list("Metrics") {
			put(r.properties(), fmt.Sprintf("Metrics/%d/MetricStat/Metric/MetricName", n), "NetworkBytesIn")
		}
	}},
	{row: "C2", name: "an alarm of the caches watches another node", of: "AWS::CloudWatch::Alarm", when: ofReplicationGroup, edit: func(_ *assembly, r resource) {
		for n := range r.list("Metrics") {
			put(r.properties(), fmt.Sprintf("Metrics/%d/MetricStat/Metric/Dimensions/0/Value", n), "another-001")
		}
	}},
	{row: "C2", name: "the alarm on memory fires when it is too late", of: "AWS::CloudWatch::Alarm", when: alarmNamed("cache-memory-sessions"), edit: set("Threshold", 99.0)},
	{row: "C2", name: "a product cache that finds nothing is fine", of: "AWS::CloudWatch::Alarm", when: alarmNamed("cache-hit-ratio-products"), edit: set("Threshold", 10.0)},

	// What holds of every template
	{name: "a policy names every resource", of: "AWS::IAM::Policy", edit: extend("PolicyDocument/Statement", map[string]any{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})},
	{name: "a policy allows a whole service", of: "AWS::IAM::Policy", edit: extend("PolicyDocument/Statement", map[string]any{"Effect": "Allow", "Action": "rds:*", "Resource": "arn:aws:rds:us-east-1:123456789012:db:x"})},
	{name: "a policy has a wildcard of its own", of: "AWS::IAM::Policy", edit: extend("PolicyDocument/Statement", map[string]any{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::customers-*"})},
	{name: "another account may assume a role", of: "AWS::IAM::Role", edit: set("AssumeRolePolicyDocument/Statement/0/Principal", map[string]any{"AWS": "arn:aws:iam::999999999999:root"})},
	{name: "a service may assume a role for a stranger", of: "AWS::IAM::Role", when: at("/MonitoringRole/"), edit: drop("AssumeRolePolicyDocument/Statement/0/Condition")},
	{name: "a task's role may be assumed for a stranger", of: "AWS::IAM::Role", when: at("/TaskRole/"), edit: drop("AssumeRolePolicyDocument/Statement/0/Condition")},
	{name: "a build's role may be assumed for a stranger", of: "AWS::IAM::Role", when: with("AssumeRolePolicyDocument/Statement/0/Principal/Service", "codebuild.amazonaws.com"), edit: drop("AssumeRolePolicyDocument/Statement/0/Condition")},
	{name: "a role is an administrator", of: "AWS::IAM::Role", edit: set("ManagedPolicyArns", []any{"arn:aws:iam::aws:policy/AdministratorAccess"})},
	{name: "a key admits everyone", of: "AWS::KMS::Key", edit: extend("KeyPolicy/Statement", map[string]any{"Effect": "Allow", "Action": "kms:Decrypt", "Principal": "*", "Resource": "*"})},
	{name: "a key hands out all of KMS", of: "AWS::KMS::Key", edit: extend("KeyPolicy/Statement", map[string]any{"Effect": "Allow", "Action": "kms:*", "Principal": map[string]any{"Service": "rds.amazonaws.com"}, "Resource": "*"})},
	{name: "a key does not rotate", of: "AWS::KMS::Key", edit: set("EnableKeyRotation", false)},
	{name: "a key is destroyed at once", of: "AWS::KMS::Key", edit: drop("PendingWindowInDays")},
	{name: "a topic is not encrypted", of: "AWS::SNS::Topic", edit: drop("KmsMasterKeyId")},
	{name: "a queue is not encrypted", of: "AWS::SQS::Queue", edit: drop("KmsMasterKeyId")},
	{name: "a vault is not encrypted", of: "AWS::Backup::BackupVault", edit: drop("EncryptionKeyArn")},
	{name: "a function's variables are not encrypted", of: "AWS::Lambda::Function", when: has("Environment"), edit: drop("KmsKeyArn")},
	{name: "a topic takes requests without TLS", of: "AWS::SNS::TopicPolicy", edit: func(_ *assembly, r resource) {
		put(r.properties(), "PolicyDocument/Statement", slices.DeleteFunc(slices.Clone(r.list("PolicyDocument/Statement")), func(s any) bool { return dig(s, "Effect") == "Deny" }))
	}},
	{name: "a queue takes requests without TLS", of: "AWS::SQS::QueuePolicy", edit: gone},
	{name: "a bucket may be made public", of: "AWS::S3::Bucket", edit: set("PublicAccessBlockConfiguration/BlockPublicPolicy", false)},
	{name: "a bucket takes access lists", of: "AWS::S3::Bucket", edit: drop("OwnershipControls")},
	{name: "a deleted record is gone", of: "AWS::S3::Bucket", edit: drop("VersioningConfiguration")},
	{name: "deleted records are kept for ever", of: "AWS::S3::Bucket", edit: drop("LifecycleConfiguration/Rules/0/NoncurrentVersionExpiration")},
	{name: "parts of uploads are kept for ever", of: "AWS::S3::Bucket", edit: drop("LifecycleConfiguration/Rules/0/AbortIncompleteMultipartUpload")},
	{name: "a log group keeps its events for ever", of: "AWS::Logs::LogGroup", edit: drop("RetentionInDays")},
	{name: "a function makes its own log group", of: "AWS::Lambda::Function", edit: drop("LoggingConfig")},
	{name: "a function runs on another processor", of: "AWS::Lambda::Function", edit: drop("Architectures")},
	{name: "a function in the VPC has no group", of: "AWS::Lambda::Function", when: has("VpcConfig"), edit: drop("VpcConfig/SecurityGroupIds")},
	{name: "anyone may call a function", of: "AWS::Lambda::Permission", edit: func(_ *assembly, r resource) {
		put(r.properties(), "SourceArn", nil)
		put(r.properties(), "SourceAccount", nil)
	}},
	{name: "a cluster's deletion is left to AWS", of: "AWS::RDS::DBCluster", edit: attribute("DeletionPolicy", nil)},
	{name: "a queue's replacement is left to AWS", of: "AWS::SQS::Queue", edit: attribute("UpdateReplacePolicy", nil)},
	{name: "a password stands in a variable", of: "AWS::Lambda::Function", when: has("Environment"), edit: set("Environment/Variables/DB_PASSWORD", "hunter2hunter2")},
	{name: "an access key stands in a description", of: "AWS::Lambda::Function", edit: set("Description", "AKIAIOSFODNN7EXAMPLE")},
	{name: "a topic is given a name", of: "AWS::SNS::Topic", edit: set("TopicName", "operators")},
	{name: "a role is given a name", of: "AWS::IAM::Role", edit: set("RoleName", "scaler")},
	{name: "a repository of a failed deployment blocks the next one", of: "AWS::ECR::Repository", edit: attribute("DeletionPolicy", "Retain")},
	{name: "a resource has no tags", of: "AWS::RDS::DBInstance", edit: drop("Tags")},
	{name: "a vault belongs to another environment", of: "AWS::Backup::BackupVault", edit: set("BackupVaultTags/peakline:environment", "elsewhere")},
	{name: "a custom resource appears", of: "AWS::KMS::Key", edit: func(_ *assembly, r resource) {
		r.stack.section("Resources")["Magic"] = map[string]any{"Type": "Custom::Magic", "Properties": map[string]any{}}
	}},
	{name: "a type appears that no table knows", of: "AWS::KMS::Key", edit: func(_ *assembly, r resource) {
		r.stack.section("Resources")["Ledger"] = map[string]any{"Type": "AWS::QLDB::Ledger", "Properties": map[string]any{}}
	}},
	{name: "a stack imports what nobody exports", of: "AWS::RDS::DBSubnetGroup", edit: extend("SubnetIds", map[string]any{"Fn::ImportValue": "nothing"})},
	{name: "a stack exports what nobody uses", of: "AWS::KMS::Key", edit: func(_ *assembly, r resource) {
		if r.stack.section("Outputs") == nil {
			r.stack.template["Outputs"] = map[string]any{}
		}
		r.stack.section("Outputs")["Spare"] = map[string]any{"Value": "x", "Export": map[string]any{"Name": "spare"}}
	}},
	{name: "stacks need each other", of: "AWS::EC2::VPC", edit: func(a *assembly, r resource) {
		for _, output := range a.cluster().stack.section("Outputs") {
			if exported := dig(output, "Export/Name"); exported != nil {
				put(r.properties(), "InstanceTenancy", map[string]any{"Fn::ImportValue": exported})
				return
			}
		}
	}},
	{name: "a secret is named after its stack", of: "AWS::SecretsManager::Secret", edit: set("Description", map[string]any{"Ref": "AWS::StackName"})},
	{name: "a stack does not say what it is for", of: "AWS::KMS::Key", edit: func(_ *assembly, r resource) { delete(r.stack.template, "Description") }},
	{name: "a service's task count is fixed", of: "AWS::EC2::VPC", edit: func(_ *assembly, r resource) {
		r.stack.section("Resources")["Shop"] = map[string]any{"Type": "AWS::ECS::Service", "Properties": map[string]any{"DesiredCount": 2.0}}
	}},

	// Services
	{row: "S1", name: "a service has less memory", of: "AWS::ECS::TaskDefinition", when: ofService, edit: set("Memory", "30720")},
	{row: "S1", name: "a service is missing", of: "AWS::ECS::Service", edit: gone},
	{row: "S2", name: "a task runs as root", of: "AWS::ECS::TaskDefinition", edit: set("ContainerDefinitions/0/User", "root")},
	{row: "S2", name: "a rule loses a path", of: "AWS::ElasticLoadBalancingV2::ListenerRule", edit: set("Conditions/0/PathPatternConfig/Values", []any{"/lost"})},
	{row: "S2", name: "a rule moves to another priority", of: "AWS::ElasticLoadBalancingV2::ListenerRule", edit: set("Priority", 49999.0)},
	{row: "S2", name: "releases replace what runs", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/Strategy"), edit: set("DeploymentConfiguration/Strategy", "ROLLING")},
	{row: "S2", name: "a rolling service stops what runs first", of: "AWS::ECS::Service", when: with("DeploymentConfiguration/Strategy", "ROLLING"), edit: set("DeploymentConfiguration/MinimumHealthyPercent", 0.0)},
	{row: "S2", name: "a rolling service can be called past the load balancer", of: "AWS::ECS::Service", when: with("DeploymentConfiguration/Strategy", "ROLLING"), edit: set("ServiceConnectConfiguration", map[string]any{"Enabled": true})},
	{row: "S2", name: "a failed release stays", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/Strategy"), edit: drop("DeploymentConfiguration/DeploymentCircuitBreaker")},
	{row: "S2", name: "a release is tried on the wrong rule", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/Strategy"), edit: drop("LoadBalancers/0/AdvancedConfiguration/TestListenerRule")},
	{row: "S2", name: "a service starts before its rights", of: "AWS::ECS::Service", edit: attribute("DependsOn", nil)},
	{row: "S2", name: "the release role may move any traffic", of: "AWS::IAM::Policy", when: isReleaseRoleOfECS,
		edit: statementWith("PolicyDocument", "elasticloadbalancing:ModifyRule", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "S2", name: "the release role cannot register tasks", of: "AWS::IAM::Policy", when: isReleaseRoleOfECS,
		edit: statementWith("PolicyDocument", "elasticloadbalancing:RegisterTargets", func(body map[string]any) { body["Action"] = "elasticloadbalancing:DeregisterTargets" })},
	{row: "S2", name: "a rule's weights are fixed", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: weighted, edit: set("Actions/0/ForwardConfig/TargetGroups/1/Weight", 0.0)},
	{row: "S2", name: "a rule's weights are exchanged", of: "AWS::ElasticLoadBalancingV2::ListenerRule", when: weighted, edit: set("Actions/0/ForwardConfig/TargetGroups/0/Weight/Fn::If/1", 100.0)},
	{row: "S2", name: "a service under CodeDeploy names a revision", of: "AWS::ECS::Service", when: has("DeploymentController"), edit: func(a *assembly, r resource) {
		put(r.properties(), "TaskDefinition", map[string]any{"Ref": a.task(r).id})
	}},
	{row: "S2", name: "a service under CodeDeploy gets Service Connect", of: "AWS::ECS::Service", when: has("DeploymentController"), edit: set("ServiceConnectConfiguration", map[string]any{"Enabled": true})},
	{row: "S2", name: "a service under CodeDeploy is ECS's", of: "AWS::ECS::Service", when: has("DeploymentController"), edit: drop("DeploymentController")},
	{row: "S2", name: "the way inside is public", of: "AWS::ElasticLoadBalancingV2::LoadBalancer", when: with("Type", "network"), edit: set("Scheme", "internet-facing")},
	{row: "S2", name: "the way inside is open", of: "AWS::ElasticLoadBalancingV2::LoadBalancer", when: with("Type", "network"), edit: drop("SecurityGroups")},
	{row: "S2", name: "the way inside is not protected", of: "AWS::ElasticLoadBalancingV2::LoadBalancer", when: with("Type", "network"), edit: set("LoadBalancerAttributes", []any{})},
	{row: "S2", name: "the way inside leads to another port", of: "AWS::ElasticLoadBalancingV2::TargetGroup", when: with("TargetType", "alb"), edit: set("Targets/0/Port", 81.0)},
	{row: "S2", name: "the way inside is made before what it leads to", of: "AWS::ElasticLoadBalancingV2::TargetGroup", when: with("TargetType", "alb"), edit: attribute("DependsOn", nil)},
	{row: "S2", name: "port 80 redirects before it is given up", of: "AWS::ElasticLoadBalancingV2::Listener", when: has("DefaultActions/0/RedirectConfig"), edit: attribute("DependsOn", nil)},
	{row: "S2", name: "the certificate's name leads elsewhere", of: "AWS::Route53::RecordSet", when: at("Services/Inside"), edit: set("AliasTarget/DNSName", "elsewhere.example.com")},
	{row: "S2", name: "the certificate's name is public", of: "AWS::Route53::HostedZone", edit: drop("VPCs")},
	{row: "S4", name: "a caller finds another address", of: "AWS::ECS::TaskDefinition", edit: func(_ *assembly, r resource) {
		for _, entry := range r.list("ContainerDefinitions/0/Environment") {
			if name, _ := dig(entry, "Name").(string); strings.HasSuffix(name, "_URL") && name != "EVENT_QUEUE_URL" && name != "FLAGS_URL" && name != contract.EnvKeysURL && !strings.HasPrefix(name, "CACHE_") && !strings.HasPrefix(name, "DATABASE_") {
				put(entry, "Value", "http://elsewhere")
			}
		}
	}},
	{row: "S9", name: "the revision before is retired", of: "AWS::ECS::TaskDefinition", edit: attribute("UpdateReplacePolicy", "Delete")},
	{row: "S2", name: "another port of a service would replace its target groups", of: "AWS::ElasticLoadBalancingV2::TargetGroup", when: at("/Green"), edit: set("Port", 9000.0)},
	{row: "S2", name: "a target group asks another path for health", of: "AWS::ElasticLoadBalancingV2::TargetGroup", when: with("TargetType", "ip"), edit: set("HealthCheckPath", "/")},
	{row: "S2", name: "the load balancer keeps invalid headers, no log and no protection", of: "AWS::ElasticLoadBalancingV2::LoadBalancer", when: with("Type", "application"), edit: set("LoadBalancerAttributes", []any{})},
	{row: "S3", name: "a service cannot grow", of: "AWS::ApplicationAutoScaling::ScalableTarget", when: inServices, edit: set("MaxCapacity", 0.0)},
	{row: "S3", name: "scaling loses a metric", of: "AWS::ApplicationAutoScaling::ScalingPolicy", when: inServices, edit: gone},
	{row: "S3", name: "requests of one group only are counted", of: "AWS::ApplicationAutoScaling::ScalingPolicy", when: both(inServices, has("TargetTrackingScalingPolicyConfiguration/CustomizedMetricSpecification/Metrics/3")), edit: drop("TargetTrackingScalingPolicyConfiguration/CustomizedMetricSpecification/Metrics/1")},
	{row: "S4", name: "nothing is archived", of: "AWS::Events::Archive", edit: gone},
	{row: "S4", name: "the bus is not encrypted", of: "AWS::Events::EventBus", edit: drop("KmsKeyIdentifier")},
	{row: "S4", name: "a subscriber gets other events", of: "AWS::Events::Rule", when: at("Subscription/Rule/"), edit: set("EventPattern/detail-type", []any{"lost"})},
	{row: "S4", name: "undelivered events are lost", of: "AWS::Events::Rule", when: at("Subscription/Rule/"), edit: drop("Targets/0/DeadLetterConfig")},
	{row: "S4", name: "a service has no name for others", of: "AWS::ECS::Service", when: has("ServiceConnectConfiguration"), edit: drop("ServiceConnectConfiguration")},
	{row: "S5", name: "a schedule runs hourly", of: "AWS::Scheduler::Schedule", edit: set("ScheduleExpression", "rate(1 hour)")},
	{row: "S5", name: "a schedule gives up without a trace", of: "AWS::Scheduler::Schedule", edit: drop("Target/DeadLetterConfig")},
	{row: "S6", name: "a task may not use the key of its secrets", of: "AWS::IAM::Policy", when: both(at("/ExecutionRole/"), readsThirdPartySecret),
		edit: func(_ *assembly, r resource) {
			put(r.properties(), "PolicyDocument/Statement", slices.DeleteFunc(slices.Clone(r.list("PolicyDocument/Statement")), func(s any) bool { return dig(s, "Action") == "kms:Decrypt" }))
		}},
	{row: "S6", name: "a third party's secret stands in the template", of: "AWS::SecretsManager::Secret", when: (*assembly).isThirdParty, edit: set("SecretString", "x")},
	{row: "S2", name: "a sidecar may write its file system", of: "AWS::ECS::TaskDefinition", when: hasCollector, edit: inSidecar("collector", "ReadonlyRootFilesystem", false)},
	{row: "S2", name: "a sidecar takes all the memory", of: "AWS::ECS::TaskDefinition", when: hasCollector, edit: inSidecar("collector", "Memory", nil)},
	{row: "S2", name: "a sidecar takes the service down with it", of: "AWS::ECS::TaskDefinition", when: hasCollector, edit: inSidecar("collector", "Essential", true)},
	{row: "S2", name: "a sidecar ends with the service", of: "AWS::ECS::TaskDefinition", when: isTraced, edit: drop("ContainerDefinitions/0/DependsOn")},
	{row: "S7", name: "a task has no collector", of: "AWS::ECS::TaskDefinition", when: isTraced, edit: dropContainer("collector")},
	{row: "S7", name: "the collector has another configuration", of: "AWS::ECS::TaskDefinition", when: isTraced, edit: func(_ *assembly, r resource) {
		put(r.properties(), sidecarIn(r, "collector")+"Environment/0/Value", "receivers: {}")
	}},
	{row: "S7", name: "SDKs sample for themselves", of: "AWS::ECS::TaskDefinition", when: allOf(isTraced, at("/Task/Resource"), has("ContainerDefinitions/0/PortMappings")), edit: setVariable("OTEL_TRACES_SAMPLER", "always_on")},
	{row: "S7", name: "an SDK is not told that nobody listens", of: "AWS::ECS::TaskDefinition", when: func(a *assembly, _ resource) bool { return !traced(a.environment) }, edit: setVariable("OTEL_SDK_DISABLED", "false")},
	{row: "S7", name: "a task may not send spans", of: "AWS::IAM::Policy", when: allOf(isTraced, at("/TaskRole/")),
		edit: statementWith("PolicyDocument", "xray:PutSpans", func(body map[string]any) { body["Action"] = "xray:GetSamplingRules" })},
	{row: "S7", name: "everything is traced", of: "AWS::XRay::SamplingRule", when: func(_ *assembly, r resource) bool { return r.number("SamplingRule/FixedRate") < 1 }, edit: set("SamplingRule/FixedRate", 1.0)},
	{row: "S7", name: "failures are traced no more than the rest", of: "AWS::XRay::SamplingRule", when: has("SamplingRule/SamplingRateBoost"), edit: drop("SamplingRule/SamplingRateBoost")},
	{row: "S7", name: "a rule matches other environments", of: "AWS::XRay::SamplingRule", edit: set("SamplingRule/ServiceName", "*")},
	{row: "S7", name: "the rule for everything comes first", of: "AWS::XRay::SamplingRule", when: at("/DefaultRule"), edit: set("SamplingRule/Priority", 1.0)},
	{row: "S7", name: "a group is gone", of: "AWS::XRay::Group", edit: gone},
	{row: "S7", name: "a group leaves services out", of: "AWS::XRay::Group", edit: set("FilterExpression", "fault = true")},
	{row: "S7", name: "Transaction Search stays off", of: "AWS::XRay::TransactionSearchConfig", edit: gone},
	{row: "S7", name: "Transaction Search is on before X-Ray may write", of: "AWS::XRay::TransactionSearchConfig", edit: attribute("DependsOn", nil)},
	{row: "S7", name: "X-Ray may not write spans", of: "AWS::Logs::ResourcePolicy", when: at("/TransactionSearch/"), edit: set("PolicyDocument", "{}")},
	{row: "S7", name: "Transaction Search is switched on twice", of: "AWS::XRay::SamplingRule", when: func(a *assembly, r resource) bool {
		return a.environment.Tracing.TransactionSearch == config.TransactionSearchExisting && at("/DefaultRule")(a, r)
	}, edit: func(_ *assembly, r resource) {
		r.stack.section("Resources")["Search"] = map[string]any{"Type": "AWS::XRay::TransactionSearchConfig", "Properties": map[string]any{"IndexingPercentage": 1.0}}
	}},
	{row: "S7", name: "lost spans are not counted", of: "AWS::Logs::MetricFilter", when: at("/DroppedSpans/"), edit: set("FilterPattern", "ERROR")},
	{row: "S7", name: "nobody hears of lost spans", of: "AWS::CloudWatch::Alarm", when: alarmNamed("tracing-dropped-spans"), edit: gone},
	{row: "S7", name: "the endpoint of X-Ray has no name", of: "AWS::EC2::VPCEndpoint", when: at("/XrayEndpoint"), edit: set("PrivateDnsEnabled", false)},
	{row: "S8", name: "a deployment moves the flags back", of: "AWS::AppConfig::Application", edit: func(_ *assembly, r resource) {
		r.stack.section("Resources")["First"] = map[string]any{"Type": "AWS::AppConfig::HostedConfigurationVersion", "Properties": map[string]any{"Content": "{}"}}
	}},
	{row: "S8", name: "the flags have another name", of: "AWS::AppConfig::ConfigurationProfile", edit: set("Name", "switches")},
	{row: "S8", name: "the values of flags are not checked", of: "AWS::AppConfig::ConfigurationProfile", edit: set("Type", "AWS.Freeform")},
	{row: "S8", name: "flags in use can be deleted", of: "AWS::AppConfig::Environment", when: inProduction, edit: set("DeletionProtectionCheck", "BYPASS")},
	{row: "S8", name: "a change reaches everybody at once", of: "AWS::AppConfig::DeploymentStrategy", when: func(_ *assembly, r resource) bool { return r.number("GrowthFactor") == 20 }, edit: set("GrowthFactor", 100.0)},
	{row: "S8", name: "a change is not watched", of: "AWS::AppConfig::DeploymentStrategy", when: inProduction, edit: set("FinalBakeTimeInMinutes", 0.0)},
	{row: "S8", name: "no alarm takes a change back", of: "AWS::AppConfig::Environment", edit: drop("Monitors")},
	{row: "S8", name: "an alarm that is not there takes every change back", of: "AWS::AppConfig::Environment", edit: set("Monitors/0/AlarmArn", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:other")},
	{row: "S8", name: "AppConfig may not see the alarms", of: "AWS::IAM::Policy", when: at("/AlarmRole/"), edit: gone},
	{row: "S8", name: "a service has no agent", of: "AWS::ECS::TaskDefinition", when: readsFlags, edit: dropContainer("flags")},
	{row: "S8", name: "a service asks elsewhere for its flags", of: "AWS::ECS::TaskDefinition", when: readsFlags, edit: setVariable("FLAGS_URL", "http://127.0.0.1:2772/")},
	{row: "S8", name: "an agent fetches other flags", of: "AWS::ECS::TaskDefinition", when: readsFlags, edit: func(_ *assembly, r resource) {
		put(r.properties(), sidecarIn(r, "flags")+"Environment", []any{})
	}},
	{row: "S8", name: "a task may read every configuration", of: "AWS::IAM::Policy", when: allOf(at("/TaskRole/"), at("/Order/")),
		edit: statementWith("PolicyDocument", "appconfig:GetLatestConfiguration", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "S8", name: "a task may not read its flags", of: "AWS::IAM::Policy", when: allOf(at("/TaskRole/"), at("/Order/")),
		edit: statementWith("PolicyDocument", "appconfig:GetLatestConfiguration", func(body map[string]any) { body["Action"] = "sqs:SendMessage" })},
	{row: "O2", name: "nobody hears of errors of the whole shop", of: "AWS::CloudWatch::Alarm", when: alarmNamed("shop-errors"), edit: gone},
	{row: "S9", name: "a release is what every deployment brings", of: "AWS::ECS::TaskDefinition", edit: func(_ *assembly, r resource) {
		image := asList(r.get("ContainerDefinitions/0/Image/Fn::If"))
		put(r.properties(), "ContainerDefinitions/0/Image/Fn::If", []any{image[0], image[2], image[1]})
	}},
	{row: "S9", name: "a tag can be pushed again", of: "AWS::ECR::Repository", edit: set("ImageTagMutability", "MUTABLE")},
	{row: "S9", name: "a newer placeholder overwrites the release", of: "AWS::SSM::Parameter", when: func(_ *assembly, r resource) bool { return isReleasedImage(r) }, edit: set("Value", "docker.io/hashicorp/http-echo:2.0.0")},
	{row: "S9", name: "a tag of the released image changes", of: "AWS::SSM::Parameter", when: func(_ *assembly, r resource) bool { return isReleasedImage(r) }, edit: set("Tags", map[string]any{"a": "b"})},
	{row: "S10", name: "connections end after a minute", of: "AWS::ElasticLoadBalancingV2::LoadBalancer", when: with("Type", "application"), edit: set("LoadBalancerAttributes", []any{})},
	{row: "S10", name: "a task is killed at once", of: "AWS::ECS::TaskDefinition", when: ofService, edit: drop("ContainerDefinitions/0/StopTimeout")},

	// Releases
	{row: "P3", name: "a migration waits for locks for ever", of: "AWS::ECS::TaskDefinition", when: func(_ *assembly, r resource) bool { return isMigration(r) }, edit: setVariable("PGOPTIONS", "-c statement_timeout=300000")},
	{row: "P3", name: "a migration trusts any server", of: "AWS::ECS::TaskDefinition", when: func(_ *assembly, r resource) bool { return isMigration(r) }, edit: setVariable("PGSSLMODE", "require")},
	{row: "P3", name: "a migration runs the image of before", of: "AWS::ECS::TaskDefinition", when: func(_ *assembly, r resource) bool { return isMigration(r) }, edit: set("ContainerDefinitions/0/Image", "example.com/order:1")},
	{row: "P3", name: "a migration starts the service", of: "AWS::ECS::TaskDefinition", when: func(_ *assembly, r resource) bool { return isMigration(r) }, edit: set("ContainerDefinitions/0/Command/Fn::If/2", []any{"serve"})},
	{row: "P3", name: "a migration has no login", of: "AWS::ECS::TaskDefinition", when: func(_ *assembly, r resource) bool { return isMigration(r) }, edit: drop("ContainerDefinitions/0/Secrets")},
	{row: "P3", name: "a release does not wait for its migration", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks/1"), edit: drop("DeploymentConfiguration/LifecycleHooks/1")},
	{row: "P3", name: "a migration runs while visitors have the release", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks/1"), edit: set("DeploymentConfiguration/LifecycleHooks/1/LifecycleStages", []any{"POST_PRODUCTION_TRAFFIC_SHIFT"})},
	{row: "P3", name: "the function may run any task", of: "AWS::IAM::Policy", when: at("/Migration/Run/"),
		edit: statementWith("PolicyDocument", "ecs:RunTask", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "P3", name: "the function may not run the migration", of: "AWS::IAM::Policy", when: at("/Migration/Run/"),
		edit: statementWith("PolicyDocument", "ecs:RunTask", func(body map[string]any) { body["Action"] = "ecs:ListTasks" })},
	{row: "P4", name: "a release is not tried", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks"), edit: drop("DeploymentConfiguration/LifecycleHooks")},
	{row: "P4", name: "a release is tried after visitors met it", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks"), edit: set("DeploymentConfiguration/LifecycleHooks/0/LifecycleStages", []any{"POST_PRODUCTION_TRAFFIC_SHIFT"})},
	{row: "P4", name: "a release is tried on nothing", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks"), edit: set("DeploymentConfiguration/LifecycleHooks/0/HookDetails", map[string]any{"requests": []any{}})},
	{row: "P4", name: "a try accepts another answer", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks"), edit: set("DeploymentConfiguration/LifecycleHooks/0/HookDetails/requests/0/status", 404.0)},
	{row: "P4", name: "ECS may not call the function", of: "AWS::IAM::Policy", when: at("/SmokeTest/CallRole/"),
		edit: statementWith("PolicyDocument", "lambda:InvokeFunction", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "P4", name: "ECS may call every function", of: "AWS::IAM::Policy", when: at("/SmokeTest/CallRole/"),
		edit: statementWith("PolicyDocument", "lambda:InvokeFunction", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "P4", name: "the function tries what visitors have", of: "AWS::Lambda::Function", when: at("/SmokeTest/"), edit: func(a *assembly, r resource) {
		put(r.properties(), "Environment/Variables/"+contract.EnvTestURL, a.internalAddress())
	}},
	{row: "P4", name: "the function is outside the VPC", of: "AWS::Lambda::Function", when: at("/SmokeTest/"), edit: drop("VpcConfig")},
	{row: "P4", name: "a service starts before its function may be called", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LifecycleHooks"), edit: attribute("DependsOn", nil)},
	{row: "P4", name: "a canary shows a release to everyone", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/CanaryConfiguration"), edit: set("DeploymentConfiguration/CanaryConfiguration/CanaryPercent", 100.0)},
	{row: "P4", name: "a linear shift has no pause", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LinearConfiguration"), edit: set("DeploymentConfiguration/LinearConfiguration/StepBakeTimeInMinutes", 0.0)},
	{row: "P4", name: "a shift in steps is one at once", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/LinearConfiguration"), edit: set("DeploymentConfiguration/Strategy", "BLUE_GREEN")},
	{row: "P4", name: "the version before is gone at once", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/BakeTimeInMinutes"), edit: set("DeploymentConfiguration/BakeTimeInMinutes", 0.0)},
	{row: "P4", name: "CodeDeploy releases another service", of: "AWS::CodeDeploy::DeploymentGroup", edit: drop("ECSServices")},
	{row: "P4", name: "CodeDeploy has no test listener", of: "AWS::CodeDeploy::DeploymentGroup", edit: drop("LoadBalancerInfo/TargetGroupPairInfoList/0/TestTrafficRoute")},
	{row: "P4", name: "CodeDeploy ends the version before at once", of: "AWS::CodeDeploy::DeploymentGroup", edit: set("BlueGreenDeploymentConfiguration/TerminateBlueInstancesOnDeploymentSuccess/TerminationWaitTimeInMinutes", 0.0)},
	{row: "P4", name: "CodeDeploy shifts otherwise", of: "AWS::CodeDeploy::DeploymentGroup", edit: set("DeploymentConfigName", "CodeDeployDefault.ECSLinear10PercentEvery1Minutes")},
	{row: "P4", name: "CodeDeploy's canary is everyone", of: "AWS::CodeDeploy::DeploymentConfig", when: has("TrafficRoutingConfig/TimeBasedCanary"), edit: set("TrafficRoutingConfig/TimeBasedCanary/CanaryPercentage", 99.0)},
	{row: "P4", name: "CodeDeploy replaces tasks in place", of: "AWS::CodeDeploy::DeploymentGroup", edit: set("DeploymentStyle/DeploymentType", "IN_PLACE")},
	{row: "P4", name: "CodeDeploy may move any traffic", of: "AWS::IAM::Policy", when: at("/CodeDeploy/ReleaseRole/"),
		edit: statementWith("PolicyDocument", "elasticloadbalancing:ModifyRule", func(body map[string]any) { body["Resource"] = "*" })},
	{row: "P4", name: "CodeDeploy may not call the hook", of: "AWS::IAM::Policy", when: at("/CodeDeploy/ReleaseRole/"),
		edit: statementWith("PolicyDocument", "lambda:InvokeFunction", func(body map[string]any) { body["Action"] = "lambda:GetFunction" })},
	{row: "P4", name: "a hook cannot answer CodeDeploy", of: "AWS::IAM::Policy", when: at("/CodeDeploy/SmokeTest/"),
		edit: statementWith("PolicyDocument", "codedeploy:PutLifecycleEventHookExecutionStatus", func(body map[string]any) { body["Action"] = "codedeploy:GetDeployment" })},
	{row: "P4", name: "a hook tries nothing", of: "AWS::Lambda::Function", when: has("Environment/Variables/" + contract.EnvSmokeTests), edit: set("Environment/Variables/"+contract.EnvSmokeTests, "{}")},
	{row: "P5", name: "CodeDeploy ignores alarms", of: "AWS::CodeDeploy::DeploymentGroup", edit: set("AlarmConfiguration/Enabled", false)},
	{row: "P5", name: "CodeDeploy watches one alarm less", of: "AWS::CodeDeploy::DeploymentGroup", edit: drop("AlarmConfiguration/Alarms/2")},
	{row: "P5", name: "CodeDeploy stops on an alarm and stays", of: "AWS::CodeDeploy::DeploymentGroup", edit: set("AutoRollbackConfiguration/Events", []any{"DEPLOYMENT_FAILURE"})},
	{row: "P5", name: "no alarm takes a release back", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/Alarms"), edit: drop("DeploymentConfiguration/Alarms")},
	{row: "P5", name: "an alarm only stops a release", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/Alarms"), edit: set("DeploymentConfiguration/Alarms/Rollback", false)},
	{row: "P5", name: "one alarm is not watched", of: "AWS::ECS::Service", when: has("DeploymentConfiguration/Alarms"), edit: drop("DeploymentConfiguration/Alarms/AlarmNames/1")},
	{row: "P5", name: "an alarm is slower than the bake time", of: "AWS::CloudWatch::Alarm", when: isReleaseAlarm, edit: set("EvaluationPeriods", 60.0)},
	{row: "P5", name: "a quiet colour is an alarm", of: "AWS::CloudWatch::Alarm", when: isReleaseAlarm, edit: set("TreatMissingData", "breaching")},
	{row: "P5", name: "an alarm watches one colour", of: "AWS::CloudWatch::Alarm", when: isReleaseAlarm, edit: func(_ *assembly, r resource) {
		put(r.properties(), "Metrics", slices.DeleteFunc(slices.Clone(r.list("Metrics")), func(m any) bool { return strings.HasPrefix(fmt.Sprint(dig(m, "Id")), "green") }))
	}},
	{row: "P5", name: "an alarm takes the colours together", of: "AWS::CloudWatch::Alarm", when: isReleaseAlarm, edit: func(_ *assembly, r resource) {
		for _, m := range r.list("Metrics") {
			if text, _ := dig(m, "Expression").(string); text != "" {
				put(m, "Expression", strings.Replace(text, "MAX([", "SUM([", 1))
			}
		}
	}},
	{row: "P5", name: "an alarm judges by one request", of: "AWS::CloudWatch::Alarm", when: func(a *assembly, r resource) bool {
		return isReleaseAlarm(a, r) && !strings.Contains(r.text("AlarmName"), "unhealthy")
	}, edit: func(_ *assembly, r resource) {
		for _, m := range r.list("Metrics") {
			if text, _ := dig(m, "Expression").(string); text != "" {
				put(m, "Expression", strings.ReplaceAll(text, "20", "1"))
			}
		}
	}},

	// Storage
	// Delivery
	{row: "P1", name: "there is no pipeline", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: gone},
	{row: "P1", name: "another branch is deployed", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: set("Stages/0/Actions/0/Configuration/BranchName", "develop")},
	{row: "P1", name: "every branch starts the pipeline", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: set("Triggers/0/GitConfiguration/Push/0/Branches/Includes", []any{"*"})},
	{row: "P1", name: "the connection is open to every repository", of: "AWS::IAM::Policy", when: ofTheTests("delivery/Infrastructure/Pipeline/"),
		edit: statementWith("PolicyDocument", "codeconnections:UseConnection", func(body map[string]any) { delete(body, "Condition") })},
	{row: "P1", name: "nothing is tested", of: "AWS::CodeBuild::Project", when: at("Infrastructure/Check/"), edit: set("Source/BuildSpec", "version: 0.2")},
	{row: "P1", name: "the check comes last", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: func(_ *assembly, r resource) {
		stages := slices.Clone(r.list("Stages"))
		put(r.properties(), "Stages", append(append(stages[:1:1], stages[2:]...), stages[1]))
	}},
	{row: "P1", name: "an environment is deployed from something else than what was checked", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: shorten("Stages/4/Actions/1/InputArtifacts")},
	{row: "P1", name: "a build is privileged", of: "AWS::CodeBuild::Project", edit: set("Environment/PrivilegedMode", true)},
	{row: "P1", name: "a build runs for ever", of: "AWS::CodeBuild::Project", edit: drop("TimeoutInMinutes")},
	{row: "P1", name: "artifacts have AWS's own key", of: "AWS::CodeBuild::Project", edit: drop("EncryptionKey")},
	{row: "P1", name: "a build's log has AWS's own key", of: "AWS::Logs::LogGroup", when: at("delivery/Infrastructure/"), edit: drop("KmsKeyId")},
	{row: "P1", name: "the check may deploy", of: "AWS::IAM::Policy", when: at("Infrastructure/Check/"), edit: statementWith("PolicyDocument", "codeconnections:UseConnection", func(body map[string]any) {
		body["Action"], body["Resource"] = "sts:AssumeRole", "arn:aws:iam::333333333333:role/cdk-hnb659fds-deploy-role-333333333333-us-east-1"
	})},
	{row: "P2", name: "the pipelines do not update themselves", of: "AWS::CodeBuild::Project", when: at("Infrastructure/Update/"), edit: set("Source/BuildSpec", "version: 0.2")},
	{row: "P2", name: "a pipeline that changed goes on as it was", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: drop("RestartExecutionOnUpdate")},
	{row: "P2", name: "old commits are deployed after new ones", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: set("ExecutionMode", "PARALLEL")},
	{row: "P2", name: "the guard compares with nothing", of: "AWS::CodeBuild::Project", when: at("Guard/"), edit: set("Source/BuildSpec", "version: 0.2")},
	{row: "P2", name: "the guard looks at another environment", of: "AWS::CodeBuild::Project", when: at("ProxyGuard/"), edit: set("Environment/EnvironmentVariables/0/Value", "frugal")},
	{row: "P2", name: "a stage deploys another environment", of: "AWS::CodeBuild::Project", when: at("ProxyDeploy/"), edit: set("Environment/EnvironmentVariables/0/Value", "frugal")},
	{row: "P2", name: "production comes first", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: func(_ *assembly, r resource) {
		stages := slices.Clone(r.list("Stages"))
		put(r.properties(), "Stages", append(append(append(stages[:3:3], stages[7:]...), stages[5:7]...), stages[3:5]...))
	}},
	{row: "P2", name: "a deployment is not tried again", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: drop("Stages/8/OnFailure")},
	{row: "P2", name: "nobody approves production", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: shorten("Stages/7/Actions")},
	{row: "P2", name: "the approval does not wait for the diff", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: set("Stages/7/Actions/1/RunOrder", 1.0)},
	{row: "P2", name: "the approval does not show the diff", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: drop("Stages/7/Actions/1/Configuration/ExternalEntityLink")},
	{row: "P2", name: "the guard's diff has no name", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: drop("Stages/7/Actions/0/Namespace")},
	{row: "P2", name: "nobody hears of an approval", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: drop("Stages/7/Actions/1/Configuration/NotificationArn")},
	{row: "P5", name: "the pipeline deploys whatever the alarms say", of: "AWS::CodeBuild::Project", when: at("ProxyAlarms/"), edit: set("Source/BuildSpec", "version: 0.2")},
	{row: "P5", name: "the pipeline does not wait for the alarms", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/Infrastructure/"), edit: set("Stages/4/Actions/1/RunOrder", 1.0)},
	{row: "P5", name: "the alarms of another environment are asked", of: "AWS::CodeBuild::Project", when: at("ProxyAlarms/"), edit: set("Environment/EnvironmentVariables/0/Value", "frugal")},
	{row: "P6", name: "the guard of one environment may deploy", of: "AWS::IAM::Policy", when: at("ProxyGuard/"), edit: statementWith("PolicyDocument", "sts:AssumeRole", func(body map[string]any) {
		body["Resource"] = "arn:aws:iam::333333333333:role/cdk-hnb659fds-deploy-role-333333333333-us-east-1"
	})},
	{row: "P6", name: "a deployment reaches another account", of: "AWS::IAM::Policy", when: at("FrugalDeploy/"), edit: statementWith("PolicyDocument", "sts:AssumeRole", func(body map[string]any) {
		body["Resource"] = append(slices.Clone(asList(body["Resource"])), "arn:aws:iam::333333333333:role/cdk-hnb659fds-deploy-role-333333333333-us-east-1")
	})},
	{row: "P6", name: "a deployment may not reach its account", of: "AWS::IAM::Policy", when: at("ProxyDeploy/"), edit: statementWith("PolicyDocument", "sts:AssumeRole", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "P6", name: "a deployment cannot copy what it uploads", of: "AWS::CodeBuild::Project", when: at("CodedeployDeploy/"), edit: gone},
	{row: "P1", name: "a service has no pipeline", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: gone},
	{row: "P1", name: "every commit of a shared repository releases a service", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: drop("Triggers/0/GitConfiguration/Push/0/FilePaths")},
	{row: "P1", name: "every branch of a service is released", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("Triggers/0/GitConfiguration/Push/0/Branches/Includes", []any{"**"})},
	{row: "P1", name: "a commit to the platform releases a service", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("Triggers/0/GitConfiguration/SourceActionName", "Platform")},
	{row: "P1", name: "another branch of the platform releases", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("Stages/0/Actions/1/Configuration/BranchName", "mine")},
	{row: "P1", name: "there is no gate", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: func(_ *assembly, r resource) {
		stages := slices.Clone(r.list("Stages"))
		put(r.properties(), "Stages", append(stages[:2:2], stages[3:]...))
	}},
	{row: "P1", name: "the gate checks the image of another commit", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"),
		edit: set("Stages/2/Actions/0/Configuration/EnvironmentVariables", `[{"name":"SERVICE","value":"order"},{"name":"IMAGE","value":"111111111111.dkr.ecr.us-east-1.amazonaws.com/peakline-frugal/order:latest"}]`)},
	{row: "P1", name: "the gate runs the code of the service", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("Stages/2/Actions/0/InputArtifacts/0/Name", "Source")},
	{row: "P1", name: "a service is not tested", of: "AWS::CodeBuild::Project", when: ofTheTests("/OrderBuild/"), edit: func(_ *assembly, r resource) {
		put(r.properties(), "Source/BuildSpec", strings.ReplaceAll(r.commands(), "--target test", ""))
	}},
	{row: "P1", name: "an image is pushed before it is tested", of: "AWS::CodeBuild::Project", when: ofTheTests("/OrderBuild/"), edit: func(_ *assembly, r resource) {
		put(r.properties(), "Source/BuildSpec", `docker push "$IMAGE"`+r.commands())
	}},
	{row: "P1", name: "a service is built in another folder", of: "AWS::CodeBuild::Project", when: ofTheTests("/OrderBuild/"), edit: set("Environment/EnvironmentVariables/1/Value", "./")},
	{row: "P1", name: "the gate does not look at the scan", of: "AWS::CodeBuild::Project", when: ofTheTests("/ServicePipelines/Gate/"), edit: func(_ *assembly, r resource) {
		put(r.properties(), "Source/BuildSpec", strings.ReplaceAll(r.commands(), "image scan", "image show"))
	}},
	{row: "P1", name: "the gate runs in a privileged machine", of: "AWS::CodeBuild::Project", when: ofTheTests("/ServicePipelines/Gate/"), edit: set("Environment/PrivilegedMode", true)},
	{row: "P1", name: "a service's build may release", of: "AWS::IAM::Policy", when: ofTheTests("/OrderBuild/"), edit: statementWith("PolicyDocument", "sts:AssumeRole", func(body map[string]any) {
		body["Resource"] = append(asList(body["Resource"]), "arn:aws:iam::111111111111:role/peakline-frugal-release")
	})},
	{row: "P1", name: "a service's build rewrites what others run", of: "AWS::IAM::Policy", when: ofTheTests("/OrderBuild/"), edit: statementWith("PolicyDocument", "s3:GetObject", func(body map[string]any) {
		body["Action"] = append(asList(body["Action"]), "s3:PutObject")
	})},
	{row: "P1", name: "a service's build reads the code of all others", of: "AWS::IAM::Policy", when: ofTheTests("/OrderBuild/"), edit: statementWith("PolicyDocument", "s3:GetObject", func(body map[string]any) {
		body["Resource"] = map[string]any{"Fn::Join": []any{"", []any{dig(body["Resource"], "Fn::Join/1/0"), "/*"}}}
	})},
	{row: "P1", name: "a gate that a hostile image took over changes what releases run", of: "AWS::IAM::Policy", when: ofTheTests("/ServicePipelines/Gate/"), edit: statementWith("PolicyDocument", "s3:PutObject", func(body map[string]any) {
		body["Resource"] = map[string]any{"Fn::Join": []any{"", []any{dig(body["Resource"], "Fn::Join/1/0"), "/*"}}}
	})},
	{row: "P1", name: "a service's build has a name that nobody trusts", of: "AWS::IAM::Role", when: ofTheTests("/OrderBuild/"), edit: drop("RoleName")},
	{row: "P1", name: "a service's pipeline reads every repository", of: "AWS::IAM::Policy", when: ofTheTests("/OrderPipeline/"),
		edit: statementWith("PolicyDocument", "codeconnections:UseConnection", func(body map[string]any) { delete(body, "Condition") })},
	{row: "P1", name: "the gate reads GitHub", of: "AWS::IAM::Policy", when: ofTheTests("/ServicePipelines/Gate/"), edit: statementWith("PolicyDocument", "sts:AssumeRole", func(body map[string]any) {
		body["Action"] = "codeconnections:UseConnection"
	})},
	{row: "P2", name: "nobody approves a release", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: func(_ *assembly, r resource) {
		stages := slices.Clone(r.list("Stages"))
		put(r.properties(), "Stages", append(stages[:4:4], stages[5:]...))
	}},
	{row: "P2", name: "the approval of a release shows nothing", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: drop("Stages/4/Actions/0/Configuration/ExternalEntityLink")},
	{row: "P2", name: "the approval does not say what the gate found", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: drop("Stages/2/Actions/0/Namespace")},
	{row: "P2", name: "nobody hears that a release waits", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: drop("Stages/4/Actions/0/Configuration/NotificationArn")},
	{row: "P2", name: "a release that was taken back is tried again", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("Stages/3/OnFailure", map[string]any{"Result": "RETRY"})},
	{row: "P2", name: "an old commit of a service overtakes", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("ExecutionMode", "PARALLEL")},
	{row: "P2", name: "a change of the pipelines releases every service", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("RestartExecutionOnUpdate", true)},
	{row: "P2", name: "production is released first", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: func(_ *assembly, r resource) {
		stages := slices.Clone(r.list("Stages"))
		stages[3], stages[7] = stages[7], stages[3]
		put(r.properties(), "Stages", stages)
	}},
	{row: "P6", name: "an environment gets another image than the one that passed", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: func(_ *assembly, r resource) {
		put(r.properties(), "Stages/7/Actions/0/Configuration/EnvironmentVariables", strings.ReplaceAll(fmt.Sprint(dig(r.properties(), "Stages/7/Actions/0/Configuration/EnvironmentVariables")), "peakline-frugal", "peakline-codedeploy"))
	}},
	{row: "P6", name: "the code of a service releases", of: "AWS::CodePipeline::Pipeline", when: ofTheTests("/OrderPipeline/"), edit: set("Stages/7/Actions/0/InputArtifacts/0/Name", "Source")},
	{row: "P6", name: "a release reaches another environment", of: "AWS::IAM::Policy", when: ofTheTests("/FrugalRelease/"), edit: statementWith("PolicyDocument", "sts:AssumeRole", func(body map[string]any) {
		body["Resource"] = append(asList(body["Resource"]), "arn:aws:iam::333333333333:role/peakline-proxy-release")
	})},
	{row: "P6", name: "a release starts before its image is there", of: "AWS::CodeBuild::Project", when: ofTheTests("/ProxyRelease/"), edit: func(_ *assembly, r resource) {
		put(r.properties(), "Source/BuildSpec", strings.ReplaceAll(r.commands(), "image copy", "image show"))
	}},
	{row: "P6", name: "an environment does not know who releases into it", of: "AWS::IAM::Role", when: ofTheTests("/ProxyRelease/"), edit: drop("RoleName")},
	{row: "P6", name: "an environment lets every step of the pipelines release", of: "AWS::IAM::Role", when: ofTheTests("/ReleaseAccess/Release"), edit: extend("AssumeRolePolicyDocument/Statement/0/Condition/ArnEquals/aws:PrincipalArn", "arn:aws:iam::444444444444:role/peakline-delivery-build-order")},
	{row: "P6", name: "an environment lets the whole account of the pipelines release", of: "AWS::IAM::Role", when: ofTheTests("/ReleaseAccess/Release"), edit: drop("AssumeRolePolicyDocument/Statement/0/Condition")},
	{row: "P6", name: "nobody may release", of: "AWS::IAM::Role", when: ofTheTests("/ReleaseAccess/Release"), edit: gone},
	{row: "P6", name: "nobody may push", of: "AWS::IAM::Role", when: ofTheTests("/ReleaseAccess/OrderPush"), edit: gone},
	{row: "P6", name: "who pushes one service writes another", of: "AWS::IAM::Policy", when: ofTheTests("/ReleaseAccess/OrderPush"), edit: statementWith("PolicyDocument", "ecr:PutImage", func(body map[string]any) {
		body["Resource"] = append(asList(body["Resource"]), "arn:aws:ecr:us-east-1:111111111111:repository/peakline-frugal/user")
	})},
	{row: "P6", name: "who reads images writes them", of: "AWS::IAM::Policy", when: ofTheTests("/ReleaseAccess/Pull"), edit: statementWith("PolicyDocument", "ecr:BatchGetImage", func(body map[string]any) {
		body["Action"] = append(asList(body["Action"]), "ecr:PutImage")
	})},
	{row: "P6", name: "a release changes every stack", of: "AWS::IAM::Policy", when: ofTheTests("/ReleaseAccess/Release"), edit: statementWith("PolicyDocument", "cloudformation:UpdateStack", func(body map[string]any) {
		body["Resource"] = "arn:aws:cloudformation:us-east-1:333333333333:stack/proxy-*"
	})},
	{row: "P6", name: "a release passes roles on", of: "AWS::IAM::Policy", when: ofTheTests("/ReleaseAccess/Release"), edit: statementWith("PolicyDocument", "cloudformation:UpdateStack", func(body map[string]any) {
		body["Action"] = append(asList(body["Action"]), "iam:PassRole")
	})},
	{row: "S9", name: "a release cannot record its image", of: "AWS::IAM::Policy", when: ofTheTests("/ReleaseAccess/Release"), edit: statementWith("PolicyDocument", "ssm:PutParameter", func(body map[string]any) {
		body["Action"] = []any{"ssm:GetParameter", "ssm:GetParameterHistory"}
	})},
	{row: "S9", name: "a release by CodeDeploy may not start", of: "AWS::IAM::Policy", when: ofTheTests("codedeploy/Registry/ReleaseAccess/Release"), edit: statementWith("PolicyDocument", "codedeploy:CreateDeployment", func(body map[string]any) {
		body["Effect"], body["Action"] = "Allow", "codedeploy:GetDeployment"
	})},
	{row: "S9", name: "a build records its image itself", of: "AWS::IAM::Policy", when: ofTheTests("/ReleaseAccess/OrderPush"), edit: func(a *assembly, r resource) {
		extend("PolicyDocument/Statement", map[string]any{"Effect": "Allow", "Action": "ssm:PutParameter",
			"Resource": fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/peakline/%s/services/order/image", a.environment.Region, a.environment.Account, a.environment.Name)})(a, r)
	}},
	{row: "E1", name: "the bucket of assets is missing", of: "AWS::S3::Bucket", when: has("BucketName"), edit: gone},
	{row: "E1", name: "assets may be made public by a policy", of: "AWS::S3::Bucket", when: has("BucketName"), edit: set("PublicAccessBlockConfiguration/RestrictPublicBuckets", false)},
	{row: "E1", name: "assets may carry access lists", of: "AWS::S3::Bucket", when: has("BucketName"), edit: drop("OwnershipControls")},
	{row: "E1", name: "nobody logs who reads assets", of: "AWS::S3::Bucket", when: has("BucketName"), edit: drop("LoggingConfiguration")},
	{row: "E1", name: "S3 may not write the access log", of: "AWS::S3::BucketPolicy", when: at("Storage/AccessLogs"), edit: statementWith("PolicyDocument", "s3:PutObject", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "E1", name: "access logs are kept for ever", of: "AWS::S3::Bucket", when: at("Storage/AccessLogs"), edit: drop("LifecycleConfiguration")},
	{row: "E1", name: "assets have no versions", of: "AWS::S3::Bucket", when: has("BucketName"), edit: set("VersioningConfiguration/Status", "Suspended")},
	{row: "E1", name: "replaced files are never archived", of: "AWS::S3::Bucket", when: has("BucketName"), edit: drop("LifecycleConfiguration/Rules/0/NoncurrentVersionTransitions")},
	{row: "E1", name: "replaced files are kept for ever", of: "AWS::S3::Bucket", when: has("BucketName"), edit: drop("LifecycleConfiguration/Rules/0/NoncurrentVersionExpiration")},
	{row: "E1", name: "current files expire", of: "AWS::S3::Bucket", when: has("BucketName"), edit: set("LifecycleConfiguration/Rules/0/ExpirationInDays", 365)},
	{row: "E1", name: "current files go to Glacier", of: "AWS::S3::Bucket", when: has("BucketName"),
		edit: set("LifecycleConfiguration/Rules/0/Transitions", []any{map[string]any{"StorageClass": "GLACIER", "TransitionInDays": 90}})},
	{row: "E1", name: "assets go to tiers that need a restore", of: "AWS::S3::Bucket", when: has("BucketName"),
		edit: set("IntelligentTieringConfigurations", []any{map[string]any{"Id": "archive", "Status": "Enabled"}})},
	{row: "E1", name: "assets are sent over TLS 1.0", of: "AWS::S3::BucketPolicy", when: at("Storage/Assets"), edit: statementWith("PolicyDocument", "s3:*", func(body map[string]any) { delete(body, "Condition") })},

	// Edge
	{row: "E2", name: "the shop's distribution is missing", of: "AWS::CloudFront::Distribution", when: isShop, edit: gone},
	{row: "E2", name: "the edge is deployed before the services", of: "AWS::CloudFront::Distribution", when: isShop, edit: func(_ *assembly, r resource) { r.stack.after = nil }},
	{row: "E2", name: "TLS 1.1 is good", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"ViewerCertificate/MinimumProtocolVersion", "TLSv1.1_2016")},
	{row: "E2", name: "a name of the shop is missing", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"Aliases", []any{"elsewhere.example.com"})},
	{row: "E2", name: "visitors speak in the clear", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"DefaultCacheBehavior/ViewerProtocolPolicy", "allow-all")},
	{row: "E2", name: "a path is served in the clear", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"CacheBehaviors/0/ViewerProtocolPolicy", "allow-all")},
	{row: "E2", name: "HTTP/3 is off", of: "AWS::CloudFront::Distribution", edit: set(inDistribution+"HttpVersion", "http2")},
	{row: "E2", name: "IPv6 is off", of: "AWS::CloudFront::Distribution", edit: set(inDistribution+"IPV6Enabled", false)},
	{row: "E2", name: "answers travel uncompressed", of: "AWS::CloudFront::Distribution", edit: set(inDistribution+"DefaultCacheBehavior/Compress", false)},
	{row: "E2", name: "CloudFront serves from another part of the world", of: "AWS::CloudFront::Distribution", edit: set(inDistribution+"PriceClass", "PriceClass_50")},
	{row: "E2", name: "the root has no page", of: "AWS::CloudFront::Distribution", edit: drop(inDistribution + "DefaultRootObject")},
	{row: "E2", name: "the pages come from another bucket", of: "AWS::CloudFront::Distribution", edit: set(inDistribution+"Origins/0/DomainName", "elsewhere.s3.us-east-1.amazonaws.com")},
	{row: "E2", name: "the bucket is asked without a signature", of: "AWS::CloudFront::OriginAccessControl", edit: set("OriginAccessControlConfig/SigningBehavior", "never")},
	{row: "E2", name: "distributions of strangers read the bucket", of: "AWS::S3::BucketPolicy", when: at("Storage/Assets"), edit: statementWith("PolicyDocument", "s3:GetObject", func(body map[string]any) { delete(body, "Condition") })},
	{row: "E2", name: "CloudFront may write to the bucket", of: "AWS::S3::BucketPolicy", when: at("Storage/Assets"), edit: statementWith("PolicyDocument", "s3:GetObject", func(body map[string]any) { body["Action"] = []any{"s3:GetObject", "s3:PutObject"} })},
	{row: "E2", name: "CloudFront may not read the bucket", of: "AWS::S3::BucketPolicy", when: both(at("Storage/Assets"), func(a *assembly, _ resource) bool { return a.environment.HasEdge() }), edit: statementWith("PolicyDocument", "s3:GetObject", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "E2", name: "each cookie makes another copy", of: "AWS::CloudFront::CachePolicy", edit: set("CachePolicyConfig/ParametersInCacheKeyAndForwardedToOrigin/CookiesConfig/CookieBehavior", "all")},
	{row: "E2", name: "the load balancer is asked in the clear", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"Origins/1/CustomOriginConfig/OriginProtocolPolicy", "match-viewer")},
	{row: "E2", name: "answers of services are cached", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"CacheBehaviors/0/CachePolicyId", "658327ea-f89d-4fab-a63d-7e88639e58f6")},
	{row: "E2", name: "tokens do not reach the services", of: "AWS::CloudFront::Distribution", when: isShop, edit: drop(inDistribution + "CacheBehaviors/0/OriginRequestPolicyId")},
	{row: "E2", name: "the load balancer sends people back to its own name", of: "AWS::CloudFront::Distribution", when: both(isShop, func(a *assembly, _ resource) bool { return a.environment.AsksForSignIn() }), edit: func(_ *assembly, r resource) {
		for _, behaviour := range r.list(inDistribution + "CacheBehaviors") {
			behaviour.(map[string]any)["OriginRequestPolicyId"] = passesAllButHost
		}
	}},
	{row: "E2", name: "nobody can order", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"CacheBehaviors/0/AllowedMethods", []any{"GET", "HEAD"})},
	{row: "E2", name: "a path does not reach its service", of: "AWS::CloudFront::Distribution", when: isShop, edit: shorten(inDistribution + "CacheBehaviors")},
	{row: "E2", name: "the other shop learns our secret", of: "AWS::CloudFront::Distribution", when: has(inDistribution + "Origins/3"), edit: set(inDistribution+"Origins/3/OriginCustomHeaders", []any{map[string]any{"HeaderName": contract.OriginHeader}})},
	{row: "E2", name: "CloudFront sends no secret", of: "AWS::CloudFront::Distribution", when: isShop, edit: drop(inDistribution + "Origins/1/OriginCustomHeaders")},
	{row: "E2", name: "the secret stands in the template", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"Origins/1/OriginCustomHeaders/0/HeaderValue", "hunter2")},
	{row: "E2", name: "the load balancer answers everybody", of: "AWS::WAFv2::WebACL", when: isGuard, edit: set("Rules/0/Action", map[string]any{"Count": map[string]any{}})},
	{row: "E2", name: "the load balancer answers another secret", of: "AWS::WAFv2::WebACL", when: isGuard, edit: set("Rules/0/Statement/NotStatement/Statement/OrStatement/Statements/1/ByteMatchStatement/SearchString", "hunter2")},
	{row: "E2", name: "a part of the secret is enough", of: "AWS::WAFv2::WebACL", when: isGuard, edit: set("Rules/0/Statement/NotStatement/Statement/OrStatement/Statements/1/ByteMatchStatement/PositionalConstraint", "CONTAINS")},
	{row: "E2", name: "the guard stands nowhere", of: "AWS::WAFv2::WebACLAssociation", when: func(a *assembly, r resource) bool { return a.target(r, "WebACLArn").is(a.guard()) }, edit: gone},
	{row: "E2", name: "the whole internet is inside", of: "AWS::WAFv2::IPSet", when: at("OriginGuard/Inside"), edit: set("Addresses", []any{"0.0.0.0/1", "128.0.0.0/1"})},
	{row: "E2", name: "a secret is missing", of: "AWS::SecretsManager::Secret", when: func(_ *assembly, r resource) bool { return isOriginSecret(r) }, edit: gone},
	{row: "E2", name: "CloudFront's stack does not find the secret", of: "AWS::SecretsManager::Secret", when: has("ReplicaRegions"), edit: drop("ReplicaRegions")},
	{row: "E2", name: "browsers forget HTTPS", of: "AWS::CloudFront::ResponseHeadersPolicy", edit: set("ResponseHeadersPolicyConfig/SecurityHeadersConfig/StrictTransportSecurity/AccessControlMaxAgeSec", 60.0)},
	{row: "E2", name: "pages may load anything", of: "AWS::CloudFront::ResponseHeadersPolicy", edit: set("ResponseHeadersPolicyConfig/SecurityHeadersConfig/ContentSecurityPolicy/ContentSecurityPolicy", "default-src *")},
	{row: "E2", name: "every site may call the API", of: "AWS::CloudFront::ResponseHeadersPolicy", when: has("ResponseHeadersPolicyConfig/CorsConfig"), edit: set("ResponseHeadersPolicyConfig/CorsConfig/AccessControlAllowOrigins/Items", []any{"*"})},
	{row: "E2", name: "programs read a page instead of an error", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"CustomErrorResponses/8/ResponsePagePath", "/sorry.html")},
	{row: "E2", name: "an error is given to the next visitor", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"CustomErrorResponses/1/ErrorCachingMinTTL", 10.0)},
	{row: "E2", name: "a failing page shows no sorry page", of: "AWS::CloudFront::Distribution", when: isShop, edit: set(inDistribution+"DefaultCacheBehavior/TargetOriginId", "site")},
	{row: "E2", name: "a time-out shows no sorry page", of: "AWS::CloudFront::Distribution", when: isShop, edit: shorten(inDistribution + "OriginGroups/Items/0/FailoverCriteria/StatusCodes/Items")},
	{row: "E2", name: "the sorry page is told as a success", of: "AWS::CloudFront::Distribution", when: func(a *assembly, r resource) bool { return !isShop(a, r) }, edit: drop(inDistribution + "DefaultCacheBehavior/FunctionAssociations")},
	{row: "E2", name: "a distribution is not logged", of: "AWS::Logs::Delivery", edit: gone},
	{row: "E2", name: "the access log has cookies", of: "AWS::Logs::Delivery", edit: extend("RecordFields", "cs(Cookie)")},
	{row: "E2", name: "the access log cannot be delivered", of: "AWS::S3::BucketPolicy", when: at("Edge/CloudFront/AccessLogs"), edit: statementWith("PolicyDocument", "s3:PutObject", func(body map[string]any) { body["Effect"] = "Deny" })},
	{row: "E2", name: "the access log is kept for ever", of: "AWS::S3::Bucket", when: at("Edge/CloudFront/AccessLogs"), edit: drop("LifecycleConfiguration")},
	{row: "E2", name: "the origins are not measured", of: "AWS::CloudFront::MonitoringSubscription", edit: gone},
	{row: "E2", name: "errors at the edge are not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("edge-errors"), edit: gone},
	{row: "E2", name: "slow origins are not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("edge-origin-latency"), edit: set("Dimensions/1/Value", "us-east-1")},
	{row: "E2", name: "what the load balancer refuses is not told", of: "AWS::CloudWatch::Alarm", when: alarmNamed("origin-guard-refused"), edit: gone},
	{row: "E3", name: "the function runs on the way in only", of: "AWS::CloudFront::Distribution", when: isShop, edit: shorten(inDistribution + "DefaultCacheBehavior/FunctionAssociations")},
	{row: "E3", name: "a path goes past the function", of: "AWS::CloudFront::Distribution", when: isShop, edit: drop(inDistribution + "CacheBehaviors/0/FunctionAssociations")},
	{row: "E3", name: "the function is another", of: "AWS::CloudFront::Function", when: has("FunctionConfig/KeyValueStoreAssociations"), edit: set("FunctionCode", "function handler(event) { return event.request; }")},
	{row: "E3", name: "the function is not published", of: "AWS::CloudFront::Function", edit: set("AutoPublish", false)},
	{row: "E3", name: "the function does not read the weights", of: "AWS::CloudFront::Function", when: has("FunctionConfig/KeyValueStoreAssociations"), edit: drop("FunctionConfig/KeyValueStoreAssociations")},
	{row: "E3", name: "the tool does not find the weights", of: "AWS::CloudFront::KeyValueStore", edit: set("Name", "elsewhere")},
	{row: "E3", name: "a deployment writes weights", of: "AWS::CloudFront::KeyValueStore", edit: set("ImportSource", map[string]any{"SourceType": "S3", "SourceArn": "arn:aws:s3:::weights/weights.json"})},
	{row: "E3", name: "the weights go with the stack", of: "AWS::CloudFront::KeyValueStore", when: inProduction, edit: attribute("DeletionPolicy", "Delete")},
	{row: "E4", name: "the firewall is missing", of: "AWS::WAFv2::WebACL", when: isFirewall, edit: gone},
	{row: "E4", name: "the edge has no firewall", of: "AWS::CloudFront::Distribution", when: isShop, edit: drop(inDistribution + "WebACLId")},
	{row: "E4", name: "the public load balancer has no firewall", of: "AWS::WAFv2::WebACLAssociation", when: func(a *assembly, _ resource) bool { return a.environment.Public() }, edit: gone},
	{row: "E4", name: "managed rules are missing", of: "AWS::WAFv2::WebACL", when: isFirewall, edit: shorten("Rules")},
	{row: "E4", name: "managed rules count where they should block", of: "AWS::WAFv2::WebACL", when: both(isFirewall, func(a *assembly, _ resource) bool { return a.environment.Firewall.Mode == config.FirewallBlock }), edit: lastRule("OverrideAction", map[string]any{"Count": map[string]any{}})},
	{row: "E4", name: "managed rules block where they should count", of: "AWS::WAFv2::WebACL", when: both(isFirewall, func(a *assembly, _ resource) bool { return a.environment.Firewall.Mode == config.FirewallCount }), edit: lastRule("OverrideAction", map[string]any{"None": map[string]any{}})},
	{row: "E4", name: "passwords are tried at leisure", of: "AWS::WAFv2::WebACL", when: both(isFirewall, has("Rules/0/Statement/RateBasedStatement")), edit: set("Rules/0/Statement/RateBasedStatement/Limit", 100000.0)},
	{row: "E4", name: "%6cogin is no login", of: "AWS::WAFv2::WebACL", when: both(isFirewall, has("Rules/0/Statement/RateBasedStatement/ScopeDownStatement/ByteMatchStatement")), edit: set("Rules/0/Statement/RateBasedStatement/ScopeDownStatement/ByteMatchStatement/TextTransformations", []any{map[string]any{"Priority": 0.0, "Type": "NONE"}})},
	{row: "E4", name: "too many requests are let through", of: "AWS::WAFv2::WebACL", when: both(isFirewall, has("Rules/0/Action/Block/CustomResponse")), edit: set("Rules/0/Action", map[string]any{"Count": map[string]any{}})},
	{row: "E4", name: "a blocked address gets in", of: "AWS::WAFv2::IPSet", when: at("Firewall/Blocked"), edit: shorten("Addresses")},
	{row: "E4", name: "an address of nobody's is allowed everything", of: "AWS::WAFv2::IPSet", when: at("Firewall/Allowed"), edit: extend("Addresses", "192.0.2.0/24")},
	{row: "E4", name: "refusals leave no record", of: "AWS::WAFv2::LoggingConfiguration", edit: gone},
	{row: "E4", name: "the record has cookies", of: "AWS::WAFv2::LoggingConfiguration", edit: drop("RedactedFields")},
	{row: "E4", name: "the record has every visitor", of: "AWS::WAFv2::LoggingConfiguration", edit: drop("LoggingFilter")},
	{row: "E4", name: "the record is kept for another time", of: "AWS::Logs::LogGroup", when: at("Edge/Firewall/Record"), edit: set("RetentionInDays", 1.0)},
	{row: "E4", name: "samples hold tokens", of: "AWS::WAFv2::WebACL", edit: set("VisibilityConfig/SampledRequestsEnabled", true)},
	{row: "E4", name: "what the firewall refuses is not told", of: "AWS::CloudWatch::Alarm", when: func(_ *assembly, r resource) bool { return strings.Contains(r.text("AlarmName"), "-firewall-blocked-") }, edit: gone},
	{row: "E5", name: "a name leads nowhere", of: "AWS::Route53::RecordSet", when: inZone, edit: gone},
	{row: "E5", name: "a name leads elsewhere", of: "AWS::Route53::RecordSet", when: inZone, edit: set("AliasTarget/DNSName", "elsewhere.example.com")},
	{row: "E5", name: "a record is in a stranger's zone", of: "AWS::Route53::RecordSet", when: inZone, edit: set("HostedZoneId", "Z11111111111111111111")},
	{row: "E5", name: "the load balancer answers in the clear", of: "AWS::ElasticLoadBalancingV2::Listener", when: func(a *assembly, r resource) bool {
		return a.environment.LoadBalancer.CertificateARN != "" && r.get("DefaultActions/0/RedirectConfig") != nil
	}, edit: set("DefaultActions/0/RedirectConfig/Protocol", "HTTP")},
	{row: "E5", name: "a certificate ends unseen", of: "AWS::CloudWatch::Alarm", when: func(_ *assembly, r resource) bool {
		return strings.Contains(r.text("AlarmName"), "-certificate-expiry-")
	}, edit: gone},
}

func isShop(a *assembly, r resource) bool { return r.is(a.shop()) }

func isGuard(a *assembly, r resource) bool { return r.is(a.guard()) }

func isFirewall(a *assembly, r resource) bool { return r.is(a.firewall()) }

func inZone(a *assembly, r resource) bool {
	return zoned(a.environment) && r.get("HostedZoneId") == a.environment.Edge.HostedZone.ID
}

// lastRule changes the last rule of a firewall.
func lastRule(path string, value any) edit {
	return func(a *assembly, r resource) {
		set(fmt.Sprintf("Rules/%d/%s", len(r.list("Rules"))-1, path), value)(a, r)
	}
}

// isTraced tells what is in an environment with tracing.
func isTraced(a *assembly, _ resource) bool { return traced(a.environment) }

// isReleaseRoleOfECS tells the role of ECS from CodeDeploy's, which P4 is about.
func isReleaseRoleOfECS(_ *assembly, r resource) bool {
	return strings.Contains(r.path(), "/ReleaseRole/") && !strings.Contains(r.path(), "/CodeDeploy/")
}

// hasCollector tells the tasks that send spans from those that do not, such as a migration.
func hasCollector(_ *assembly, r resource) bool { return sidecarIn(r, "collector") != "" }

// readsFlags tells the tasks of services that read flags.
func readsFlags(a *assembly, r resource) bool {
	return flagged(a.environment) && sidecarIn(r, "flags") != "" && has("ContainerDefinitions/0/PortMappings")(a, r)
}

// allOf narrows by several conditions.
func allOf(conditions ...func(*assembly, resource) bool) func(*assembly, resource) bool {
	return func(a *assembly, r resource) bool {
		return !slices.ContainsFunc(conditions, func(holds func(*assembly, resource) bool) bool { return !holds(a, r) })
	}
}

// inSidecar gives a property of a container beside the service another value.
func inSidecar(name, property string, value any) edit {
	return func(_ *assembly, r resource) { put(r.properties(), sidecarIn(r, name)+property, value) }
}

// dropContainer takes a container out of a task definition.
func dropContainer(name string) edit {
	return func(_ *assembly, r resource) {
		put(r.properties(), "ContainerDefinitions", slices.DeleteFunc(slices.Clone(r.list("ContainerDefinitions")), func(container any) bool { return dig(container, "Name") == name }))
	}
}

// setVariable gives the service's container another value of an environment variable.
func setVariable(name, value string) edit {
	return func(_ *assembly, r resource) {
		for _, entry := range r.list("ContainerDefinitions/0/Environment") {
			if dig(entry, "Name") == name {
				put(entry, "Value", value)
			}
		}
	}
}

// inServices tells what belongs to the services.
func inServices(_ *assembly, r resource) bool { return r.stack.id == "Services" }

// ofService tells the tasks of services from those of their schedules and migrations.
func ofService(a *assembly, task resource) bool {
	return at("/Task/Resource")(a, task) && !at("Schedule/")(a, task) && !isMigration(task)
}

// readsThirdPartySecret tells the policies that let a task start with a secret that is not ours.
func readsThirdPartySecret(a *assembly, policy resource) bool {
	for _, s := range statementsOf(policy, policy.get("PolicyDocument")) {
		for _, target := range s.resources() {
			if secret := a.targetOf(s.stack, target); secret.exists() && a.isThirdParty(secret) {
				return true
			}
		}
	}
	return false
}

// inIdentity tells what belongs to the user pool.
func inIdentity(_ *assembly, r resource) bool { return r.stack.id == "Identity" }

// onDevice tells the clients that run on devices of their users.
func onDevice(_ *assembly, r resource) bool { return r.get("GenerateSecret") != true }

// ofBalancer tells the client of the load balancer.
func ofBalancer(_ *assembly, r resource) bool { return r.text("ClientName") == "balancer" }

// asking tells the rules that ask for a sign-in, and weighted those whose weights a release moves.
func asking(_ *assembly, r resource) bool { return r.get("Actions/0/AuthenticateCognitoConfig") != nil }

func weighted(_ *assembly, r resource) bool {
	return r.get("Actions/0/ForwardConfig/TargetGroups/1") != nil
}

// told tells the tasks that have a variable.
func told(name string) func(*assembly, resource) bool {
	return func(_ *assembly, r resource) bool { return variable(r, name) != nil }
}

// inReplicaScaler tells what belongs to the scaling of the readers.
func inReplicaScaler(_ *assembly, r resource) bool { return r.stack.id == "ReplicaScaler" }

// isServiceUser tells the users of caches that services connect as.
func isServiceUser(_ *assembly, r resource) bool { return r.text("UserName") != "default" }

// ofReplicationGroup tells the alarms on the nodes of a replication group.
// isText tells a name that is written out, such as that of a topic that is not ours, from a reference.
func isText(value any) bool { _, text := value.(string); return text }

func ofReplicationGroup(a *assembly, r resource) bool {
	return inCache(a, r) && !at("/PasswordRotation/")(a, r)
}

// ownDatabaseSecret tells the secrets of the database from a cache's and a third party's.
func ownDatabaseSecret(a *assembly, r resource) bool {
	return !inCache(a, r) && !a.isThirdParty(r) && !isOriginSecret(r)
}

// ofEnvironment leaves out the stage of the pipelines.
func ofEnvironment(a *assembly, _ resource) bool { return !a.pipelines }

// tellsSomebody leaves out the parts of composite alarms, which alone tell nobody.
func tellsSomebody(_ *assembly, r resource) bool { return len(r.list("AlarmActions")) > 0 }

func ofDatabaseService(a *assembly, r resource) bool {
	return inServices(a, r) && slices.ContainsFunc(a.environment.DatabaseServices(), func(name string) bool { return strings.HasPrefix(r.id, constructs.ID(name, "")) })
}

func outsideCache(a *assembly, r resource) bool { return !inCache(a, r) }

// callsRotationOf tells the permissions by which Secrets Manager calls the functions of a stack, or of one whose name starts so.
func callsRotationOf(stack string) func(*assembly, resource) bool {
	return func(_ *assembly, r resource) bool {
		return strings.HasPrefix(r.stack.id, stack) && r.text("Principal") == "secretsmanager.amazonaws.com"
	}
}
