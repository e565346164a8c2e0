package test

import (
	"regexp"
	"slices"
	"strings"

	"peakline/config"
)

// withoutResource are the actions that IAM cannot limit to a resource, or only by naming all there are.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var withoutResource = map[string]string{
	"ec2:CreateNetworkInterface":                      "Lambda places a function in a VPC before its interfaces have names",
	"ec2:DescribeNetworkInterfaces":                   "a Describe action of EC2 has no resource",
	"ec2:DescribeSubnets":                             "a Describe action of EC2 has no resource",
	"ec2:DeleteNetworkInterface":                      "Lambda's interfaces have no names known at deployment",
	"ec2:AssignPrivateIpAddresses":                    "Lambda's interfaces have no names known at deployment",
	"ec2:UnassignPrivateIpAddresses":                  "Lambda's interfaces have no names known at deployment",
	"xray:PutTraceSegments":                           "a trace segment is no resource",
	"xray:PutTelemetryRecords":                        "a telemetry record is no resource",
	"cloudwatch:DescribeAlarms":                       "AppConfig, releases and a chat channel ask for alarms, and a list of them has no resource",
	"cloudwatch:GetMetricWidgetImage":                 "a metric is no resource",
	"s3:ListAllMyBuckets":                             "Synthetics asks which buckets there are before it writes to its own",
	"cloudwatch:PutMetricData":                        "a metric is no resource; its namespace is a condition",
	"xray:PutSpans":                                   "a span is no resource",
	"xray:PutSpansForIndexing":                        "a span is no resource",
	"xray:GetSamplingRules":                           "X-Ray gives the rules of the account",
	"xray:GetSamplingTargets":                         "X-Ray gives the quotas of the account's rules",
	"secretsmanager:GetRandomPassword":                "a random password is no resource",
	"cloudwatch:GetMetricData":                        "a metric is no resource",
	"application-autoscaling:DescribeScalableTargets": "the action has no resource",
	"ecr:GetAuthorizationToken":                       "the token is the account's",
	"ecs:DescribeTaskDefinition":                      "the action has no resource",
	"elasticloadbalancing:DescribeListeners":          "a Describe action of ELB has no resource",
	"elasticloadbalancing:DescribeRules":              "a Describe action of ELB has no resource",
	"elasticloadbalancing:DescribeTargetGroups":       "a Describe action of ELB has no resource",
	"elasticloadbalancing:DescribeTargetHealth":       "a Describe action of ELB has no resource",
	"ssmmessages:CreateControlChannel":                "a channel of ECS Exec is no resource",
	"ssmmessages:CreateDataChannel":                   "a channel of ECS Exec is no resource",
	"ssmmessages:OpenControlChannel":                  "a channel of ECS Exec is no resource",
	"ssmmessages:OpenDataChannel":                     "a channel of ECS Exec is no resource",
	"rds:DescribeEvents":                              "the action has no resource",
}

// partialWildcards are the resources with a wildcard inside that policies may name, and why they cannot be narrower.
var partialWildcards = []struct{ pattern, reason string }{
	{`^Observability/CanaryArtefacts[0-9A-F]{8}\.Arn/\*$`, "each walk of the canary writes a record under a name of its own"},
	{`^arn:aws:rds:[^:]+:\d+:db:peakline-[a-z0-9-]+-auto-\*$`, "the scaler's readers: their prefix and the tag, which the statement's condition demands, mark what it owns"},
	{`^arn:aws:ecs:[^:]+:\d+:task-definition/\w+Migration\w+:\*$`, "IAM would learn of a new revision too late for the release that brings it"},
	{`^arn:aws:ecs:[^:]+:\d+:task/Services/Cluster\w+/\*$`, "tasks have numbers; the statement's condition names the cluster"},
	{`^arn:aws:ecs:[^:]+:\d+:task-set/Services/Cluster\w+/Services/\w+CodeDeployService\w+\.Name/\*$`, "CodeDeploy names the task sets of the service"},
	{`^arn:aws:rds:[^:]+:\d+:db:\*$`, "DescribeDBInstances with a filter is authorized for all instances"},
	{`^(Infrastructure|ServicePipelines)/Artifacts[0-9A-F]{8}\.Arn/(peakline-[a-z0-9-]+\*/Source/|\*/(Platform|Sbom|Assembly)/)?\*$`, "each execution of a pipeline has artifacts of its own"},
	{`^arn:aws:cloudformation:[^:]+:\d+:stack/[a-z0-9-]+-Services/\*$`, "a stack has a number behind its name"},
	{`^arn:aws:ssm:[^:]+:\d+:parameter/peakline/[a-z0-9-]+/\*$`, "CloudFormation reads the parameters that the stack of the services names, at each release"},
	{`^arn:aws:codedeploy:[^:]+:\d+:deploymentconfig:\*$`, "some are AWS's own, and CloudFormation names the others"},
}

// actionFamilies are the wildcards in actions that AWS documents as one permission.
var actionFamilies = map[string]string{
	"kms:GenerateDataKey*": "with and without plaintext, as services need by the size of the data",
	"kms:ReEncrypt*":       "from and to, which are only useful together",
}

// actForOthers are the services that assume roles on behalf of a resource, and say whose it is. Of ECS that is documented for the
// roles of tasks only.
var actForOthers = []string{
	"appconfig.amazonaws.com", "codebuild.amazonaws.com", "codedeploy.amazonaws.com", "codepipeline.amazonaws.com",
	"monitoring.rds.amazonaws.com", "scheduler.amazonaws.com", "vpc-flow-logs.amazonaws.com",
}

var accessSweeps = []requirement{
	{name: "no policy names every resource, but for actions that have none",
		check: func(a *assembly, fail failure) {
			for _, s := range a.identityStatements() {
				for _, target := range s.resources() {
					resolved := a.resolve(s.stack, target)
					if !s.allows() || !strings.Contains(resolved, "*") {
						continue
					}
					for _, action := range s.actions() {
						if resolved == "*" && withoutResource[action] == "" {
							fail("%s allows %s on every resource of the account: name the resource, or say in the test's table why there is none", s.where, action)
						}
					}
					if resolved != "*" && wildcardReason(resolved) == "" {
						fail("%s allows %v on %s, a wildcard without a written reason", s.where, s.actions(), resolved)
					}
				}
			}
		}},
	{name: "no policy allows whole services or families of actions",
		check: func(a *assembly, fail failure) {
			for _, s := range append(a.identityStatements(), a.resourceStatements()...) {
				for _, action := range s.actions() {
					if !s.allows() || !strings.Contains(action, "*") || actionFamilies[action] != "" {
						continue
					}
					account := "arn:aws:iam::" + s.stack.account + ":root"
					if action == "kms:*" && s.where.kind == "AWS::KMS::Key" && slices.Equal(s.principals(), []string{account}) {
						continue // hands the key to the account's own IAM policies; without it nobody could administer the key
					}
					fail("%s allows %s: name the actions", s.where, action)
				}
				if s.body["NotAction"] != nil || s.body["NotResource"] != nil || s.body["NotPrincipal"] != nil {
					fail("%s allows everything but: say what is allowed", s.where)
				}
			}
		}},
	{name: "a role is assumed by AWS services only, by those that act for others only for this account, and by single steps of the pipelines",
		check: func(a *assembly, fail failure) {
			for _, role := range a.all("AWS::IAM::Role") {
				statements := statementsOf(role, role.get("AssumeRolePolicyDocument"))
				if len(statements) == 0 {
					fail("%s trusts nobody", role)
				}
				for _, s := range statements {
					for _, principal := range s.principals() {
						if principal == "arn:aws:iam::"+a.delivery.Account+":root" && a.trustsSteps(s) {
							continue
						}
						if !strings.HasSuffix(principal, ".amazonaws.com") {
							fail("%s may be assumed by %q, want AWS services only", role, principal)
						}
						ofAccount := a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) == s.stack.account
						ofTasks := slices.ContainsFunc(a.all("AWS::ECS::TaskDefinition"), func(task resource) bool { return a.target(task, "TaskRoleArn").is(role) })
						if (slices.Contains(actForOthers, principal) || ofTasks) && !ofAccount {
							fail("%s may be assumed by %s for a stranger's resource: demand aws:SourceAccount", role, principal)
						}
					}
				}
			}
		}},
	{name: "no resource policy admits everyone, or a service acting for another account",
		check: func(a *assembly, fail failure) {
			for _, s := range a.resourceStatements() {
				if s.allows() && slices.Contains(s.principals(), "*") && !s.conditioned() {
					fail("%s admits everyone", s.where)
				}
			}
			for _, permission := range a.all("AWS::Lambda::Permission") {
				if permission.get("SourceArn") == nil && permission.get("SourceAccount") == nil {
					fail("%s lets %s call the function for anybody's resource", permission, permission.text("Principal"))
				}
			}
		}},
	{name: "no policy uses the administrator's rights of AWS's own policies",
		check: func(a *assembly, fail failure) {
			for _, role := range a.all("AWS::IAM::Role") {
				for _, policy := range role.list("ManagedPolicyArns") {
					if name := a.resolve(role.stack, policy); !strings.Contains(name, ":policy/service-role/") {
						fail("%s has %s: AWS's broad policies grow over time, write what is needed", role, name)
					}
				}
			}
		}},
	{row: "N4", name: "nobody but the load balancer is open to the world, on 443 and 80 only, and only where configured",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::EC2::SecurityGroup") {
				for _, rule := range a.ingress(group) {
					if rule.from != "0.0.0.0/0" && rule.from != "::/0" {
						continue
					}
					if !group.is(a.securityGroup("LoadBalancer")) || rule.ports != "443" && rule.ports != "80" ||
						a.environment.Network.Ingress.From != config.IngressInternet {
						fail("%s admits the world on port %s (%s)", group, rule.ports, rule.where)
					}
				}
				for _, rule := range a.egress(group) {
					if (rule.from == "0.0.0.0/0" || rule.from == "::/0") && rule.ports != "443" {
						fail("%s lets everything out on ports %s: stolen data leaves there", group, rule.ports)
					}
				}
				if len(group.list("SecurityGroupEgress")) == 0 {
					fail("%s has no egress rule inside: EC2 adds one that lets everything out", group)
				}
			}
		}},
	{name: "nothing runs in the VPC's default security group, which admits its own members",
		check: func(a *assembly, fail failure) {
			for _, f := range a.all("AWS::Lambda::Function") {
				if f.get("VpcConfig") != nil && len(f.list("VpcConfig/SecurityGroupIds")) == 0 {
					fail("%s is in the VPC without a group of ours", f)
				}
			}
			for kind, property := range map[string]string{
				"AWS::RDS::DBCluster": "VpcSecurityGroupIds", "AWS::ElastiCache::ReplicationGroup": "SecurityGroupIds",
				"AWS::ElasticLoadBalancingV2::LoadBalancer": "SecurityGroups", "AWS::RDS::DBProxy": "VpcSecurityGroupIds",
				"AWS::ECS::Service": "NetworkConfiguration/AwsvpcConfiguration/SecurityGroups",
			} {
				for _, r := range a.all(kind) {
					if len(r.list(property)) == 0 {
						fail("%s has no security group of ours", r)
					}
				}
			}
		}},
	{name: "topics, queues and buckets refuse what is not encrypted on its way",
		check: func(a *assembly, fail failure) {
			for kind, policy := range map[string]struct{ kind, property string }{
				"AWS::SNS::Topic": {"AWS::SNS::TopicPolicy", "Topics"},
				"AWS::SQS::Queue": {"AWS::SQS::QueuePolicy", "Queues"},
				"AWS::S3::Bucket": {"AWS::S3::BucketPolicy", "Bucket"},
			} {
				for _, r := range a.all(kind) {
					refused := false
					for _, p := range a.all(policy.kind) {
						if !slices.ContainsFunc(p.list(policy.property), func(id any) bool { return a.targetOf(p.stack, id).is(r) }) {
							continue
						}
						for _, s := range statementsOf(p, p.get("PolicyDocument")) {
							refused = refused || s.body["Effect"] == "Deny" && dig(s.condition(), "Bool/aws:SecureTransport") == "false" &&
								slices.Contains(s.principals(), "*")
						}
					}
					if !refused {
						fail("%s accepts requests without TLS", r)
					}
				}
			}
		}},
}

// trustsSteps tells whether of the pipelines' account only roles of named steps are let in.
func (a *assembly) trustsSteps(s statement) bool {
	named := texts(dig(s.condition(), "ArnEquals/aws:PrincipalArn"))
	step := regexp.MustCompile(`^arn:aws:iam::` + a.delivery.Account + `:role/peakline-delivery-[a-z0-9-]+$`)
	for _, role := range asList(dig(s.condition(), "ArnEquals/aws:PrincipalArn")) {
		if !step.MatchString(a.resolve(s.stack, role)) {
			return false
		}
	}
	return len(named) > 0
}

// identityStatements are those that grant something to a role.
func (a *assembly) identityStatements() []statement {
	var found []statement
	for _, r := range a.all("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group") {
		for _, policy := range r.list("Policies") {
			found = append(found, statementsOf(r, dig(policy, "PolicyDocument"))...)
		}
	}
	for _, r := range a.all("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") {
		found = append(found, statementsOf(r, r.get("PolicyDocument"))...)
	}
	return found
}

// resourceStatements are those that a resource carries itself: of keys, topics, queues, buckets, vaults, secrets.
func (a *assembly) resourceStatements() []statement {
	var found []statement
	for _, r := range a.all() {
		if strings.HasPrefix(r.kind, "AWS::IAM::") || r.kind == "AWS::EC2::VPCEndpoint" {
			continue // the policy of an endpoint grants nothing: it takes away, as N2 has it
		}
		for _, property := range []string{"KeyPolicy", "PolicyDocument", "AccessPolicy", "ResourcePolicy", "RepositoryPolicyText"} {
			found = append(found, statementsOf(r, r.get(property))...)
		}
	}
	return found
}

func wildcardReason(resolved string) string {
	for _, allowed := range partialWildcards {
		if regexp.MustCompile(allowed.pattern).MatchString(resolved) {
			return allowed.reason
		}
	}
	return ""
}
