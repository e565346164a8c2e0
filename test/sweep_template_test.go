package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// physicalNames are the names that a template may fix, and why. A name of its own is a contract with someone outside the
// stack; everything else gets one from CloudFormation, which can replace what it named itself.
var physicalNames = []struct{ kind, pattern, reason string }{
	{"AWS::RDS::DBCluster", `^peakline-[a-z0-9-]+$`, "the log group has to exist under this name before the cluster, and a fixed name keeps CloudFormation from replacing the cluster"},
	{"AWS::RDS::DBParameterGroup", `^peakline-[a-z0-9-]+-postgresql[0-9]+$`, "the scaler's stack names it too, and an exported name could not change in an upgrade"},
	{"AWS::Logs::LogGroup", `^/aws/rds/cluster/peakline-[a-z0-9-]+/postgresql$`, "RDS writes to this name"},
	{"AWS::Logs::LogGroup", `^/aws/rds/proxy/peakline-[a-z0-9-]+$`, "RDS Proxy writes to this name"},
	{"AWS::RDS::DBProxy", `^peakline-[a-z0-9-]+$`, "CloudFormation demands a name, and the log group has to exist under it before"},
	{"AWS::RDS::DBProxyEndpoint", `^peakline-[a-z0-9-]+-reader$`, "CloudFormation demands a name"},
	{"AWS::CloudWatch::Alarm", `^[a-z0-9-]+$`, "whoever is paged finds the runbook by it, and the scaler's rule matches it"},
	{"AWS::Backup::BackupVault", `^peakline-[a-z0-9-]+$`, "the vault of the other region is named in the copy rule, and CloudFormation demands a name"},
	{"AWS::Events::EventBus", `^peakline-[a-z0-9-]+$`, "services publish to it by name"},
	{"AWS::ElastiCache::User", `^peakline-[a-z0-9-]+$`, "CloudFormation demands an id and a name, and a connection says it"},
	{"AWS::ElastiCache::UserGroup", `^peakline-[a-z0-9-]+$`, "CloudFormation demands an id"},
	{"AWS::Cognito::UserPoolResourceServer", `^shop$`, "CloudFormation demands a name, and scopes begin with it within their pool"},
	{"AWS::ECR::Repository", `^peakline-[a-z0-9-]+/[a-z0-9-]+$`, "the services' builds push to it by name"},
	{"AWS::ServiceDiscovery::HttpNamespace", `^peakline-[a-z0-9-]+$`, "Cloud Map demands a name"},
	{"AWS::Route53::HostedZone", `^[a-z0-9.-]+\.$`, "it is the name of the load balancer's certificate"},
	{"AWS::Route53::RecordSet", `^[a-z0-9.-]+\.$`, "it is a name of the shop, or of the load balancer's certificate"},
	{"AWS::S3::Bucket", `^peakline-[a-z0-9-]+-assets-[0-9]{12}$`, "CloudFront's stack names it from another region, and builds publish to it by name"},
	{"AWS::Logs::LogGroup", `^aws-waf-logs-peakline-[a-z0-9-]+$`, "a firewall writes to names with this prefix only"},
	{"AWS::WAFv2::WebACL", `^peakline-[a-z0-9-]+$`, "its metrics have the name as a dimension"},
	{"AWS::CloudFront::KeyValueStore", `^peakline-[a-z0-9-]+$`, "peakline edge finds the weights by it"},
	{"AWS::CloudFront::Function", `^peakline-[a-z0-9-]+$`, "CloudFormation demands a name of functions at the edge"},
	{"AWS::Logs::DeliverySource", `^peakline-[a-z0-9-]+$`, "CloudFormation demands a name of what is logged"},
	{"AWS::Logs::DeliveryDestination", `^peakline-[a-z0-9-]+$`, "CloudFormation demands a name of where logs go"},
	{"AWS::SecretsManager::Secret", `^peakline-[a-z0-9-]+/origin-[0-9]+$`, "CloudFront's stack finds the replica in its own region by it"},
	{"AWS::CodeDeploy::Application", `^peakline-[a-z0-9-]+$`, "peakline release finds it by name"},
	{"AWS::CodeDeploy::DeploymentGroup", `^service$`, "peakline release finds it by name, within its application"},
	{"AWS::Lambda::Function", `^peakline-[a-z0-9-]+-(migration|smoke-test)$`, "the appspec of a release names it"},
	{"AWS::AppConfig::Application", `^peakline-[a-z0-9-]+$`, "peakline flags and the agents find the flags by name"},
	{"AWS::AppConfig::Environment", `^[a-z0-9-]+$`, "peakline flags and the agents find the flags by name"},
	{"AWS::AppConfig::ConfigurationProfile", `^flags$`, "peakline flags and the agents find the flags by name"},
	{"AWS::AppConfig::DeploymentStrategy", `^peakline-[a-z0-9-]+$`, "peakline flags and the agents find the flags by name"},
	{"AWS::XRay::Group", `^peakline-[a-z0-9-]+$`, "operators choose a group by its name"},
	{"AWS::Synthetics::Canary", `^peakline-[a-z0-9-]+-shop$`, "Synthetics makes up none, and its metrics go by it"},
	{"AWS::CloudWatch::Dashboard", `^[a-z0-9-]+$`, "people open it by its name, and pages lead to one another"},
	{"AWS::Logs::QueryDefinition", `^peakline/[a-z0-9-]+/`, "Logs Insights lists queries by name, in folders"},
	{"AWS::CodePipeline::Pipeline", `^peakline-[a-z0-9-]+$`, "operators retry, stop and approve it by name, and its alarm is called after it"},
	{"AWS::IAM::Role", `^peakline-(delivery-(build|release)-[a-z0-9-]+|delivery-gate|[a-z0-9-]+-(push-[a-z0-9-]+|pull|release))$`, "roles of the environments and of the pipelines' steps trust each other by name, in either order of deployment"},
	{"AWS::SSM::Parameter", `^/peakline/[a-z0-9-]+/`, "functions and the operator's tool read it by name"},
}

// customResources are allowed where CloudFormation cannot do it, each with the decision that says so.
var customResources = map[string]string{
	"Custom::ReaderDrain": "../docs/adr",
}

// untaggable are the types that AWS gives no tags, or only through another resource.
var untaggable = []string{
	"AWS::ApplicationAutoScaling::ScalingPolicy", "AWS::Backup::BackupSelection", "AWS::CloudFormation::WaitConditionHandle",
	"AWS::CodeDeploy::DeploymentConfig", "AWS::Cognito::LogDeliveryConfiguration", "AWS::Cognito::ManagedLoginBranding", "AWS::Cognito::UserPoolClient", "AWS::Cognito::UserPoolDomain", "AWS::Cognito::UserPoolGroup",
	"AWS::Cognito::UserPoolIdentityProvider", "AWS::Cognito::UserPoolResourceServer", "AWS::Cognito::UserPoolRiskConfigurationAttachment", "AWS::EC2::Route", "AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::ECS::ClusterCapacityProviderAssociations", "AWS::Events::Archive", "AWS::S3::BucketPolicy", "AWS::Scheduler::Schedule",
	"AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPCGatewayAttachment",
	"AWS::ApplicationAutoScaling::ScalableTarget", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission", "AWS::Logs::MetricFilter", "AWS::Logs::QueryDefinition", "AWS::CloudWatch::Dashboard",
	"AWS::Budgets::Budget",                                    // its tags are in a form of their own, and it costs nothing
	"AWS::CE::AnomalyMonitor", "AWS::CE::AnomalySubscription", // another tag would replace them
	"AWS::Route53::RecordSet", "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::SecretTargetAttachment", "AWS::SNS::Subscription",
	"AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "Custom::ReaderDrain", "AWS::RDS::DBProxyTargetGroup", "AWS::Logs::ResourcePolicy", "AWS::CloudFront::CachePolicy", "AWS::CloudFront::Function", "AWS::CloudFront::KeyValueStore",
	"AWS::CloudFront::MonitoringSubscription", "AWS::CloudFront::OriginAccessControl", "AWS::CloudFront::ResponseHeadersPolicy", "AWS::WAFv2::LoggingConfiguration", "AWS::WAFv2::WebACLAssociation", "AWS::XRay::TransactionSearchConfig",
}

// exportedAlways are exports that a configuration may leave unused: if they came and went with their use, CloudFormation
// would refuse to take them from the producer while the deployed consumer still imports them.
var exportedAlways = []string{
	"RefAuroraCluster", "AuroraMonitoringRole", "FnGetAttAuroraKey", "RefOperatorsCriticalTopic", "RefOperatorsWarningTopic",
	"FnGetAttAuroraClusterD4EFE71CEndpoint", "FnGetAttAuroraClusterD4EFE71CReadEndpoint", "FnGetAttMultiAzCluster", "ServiceLoginAttachment",
	"FnGetAttPeoplePool74375F38Arn", "RefBalancerClient", // for a load balancer that asks for no sign-in at the moment
	"RefClusterEB0386A7", "FnGetAttFrontLoadBalancer", // which the pages about the whole read
	"UserSecret",               // of a cache that no service uses at the moment
	"MigrationLoginAttachment", // of a service that has no migrations at the moment
}

var templateSweeps = []requirement{
	{name: "names are left to CloudFormation, but for those with a reason",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				if name := r.physicalName(); name != "" && nameReason(r.kind, name) == "" {
					fail("%s (%s) is called %q: CloudFormation could not replace it, and a second environment in the account would collide", r, r.kind, name)
				}
			}
		}},
	{name: "what has a name and is retained goes with the deployment that failed to make it",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				if r.kind == "AWS::RDS::DBCluster" {
					continue // in production it is protected even then
				}
				if name := r.physicalName(); name != "" && r.body["DeletionPolicy"] == "Retain" {
					fail("%s (%s) is retained always: after a first deployment that failed, the next one would find the name %s taken", r, r.kind, name)
				}
			}
		}},
	{name: "everything that can carry tags says which environment it belongs to and who owns it",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				if slices.Contains(untaggable, r.kind) || isReleasedImage(r) {
					continue
				}
				want := map[string]string{"peakline:environment": a.environment.Name, "peakline:owner": a.environment.Owner, "peakline:profile": string(a.environment.Profile)}
				for key, value := range a.environment.Tags {
					want[key] = value
				}
				for key, value := range want {
					if r.tag(key) != value {
						fail("%s (%s) has tag %s=%q, want %q: its cost belongs to nobody", r, r.kind, key, r.tag(key), value)
						break
					}
				}
			}
		}},
	{name: "no custom resource but those a decision record allows",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				if !strings.HasPrefix(r.kind, "Custom::") && r.kind != "AWS::CloudFormation::CustomResource" {
					continue
				}
				if !recorded(r.kind) {
					fail("%s is a %s, which no decision record mentions: it hangs a deployment for an hour when its function fails", r, r.kind)
				}
			}
		}},
	{name: "synthesis needs no look-up in an account",
		check: func(a *assembly, fail failure) {
			if len(a.missing) > 0 {
				fail("the manifest misses %v: synthesis without credentials would fail", a.missing)
			}
		}},
	{name: "templates stay within CloudFormation's limits",
		check: func(a *assembly, fail failure) {
			for _, s := range a.stacks {
				// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
				if count := len(s.resources()); count == 0 || count >= 500 {
					fail("stack %s has %d resources, CloudFormation takes 1 to 500", s.name, count)
				}
				if info, err := os.Stat(s.file); err != nil || info.Size() >= 1_000_000 {
					fail("the template of stack %s is not below 1 MB (%v): CloudFormation refuses it", s.name, err)
				}
				if s.text("Description") == "" {
					fail("stack %s does not say what it is for", s.name)
				}
			}
		}},
	{name: "what a stack exports is used, and what it imports is exported",
		check: func(a *assembly, fail failure) {
			imported := map[string]bool{}
			for _, s := range a.stacks {
				for _, name := range a.imports(s) {
					imported[name] = true
					if exporter, _ := a.export(name); exporter == nil {
						fail("stack %s imports %s, which no stack exports: its deployment would fail", s.name, name)
					}
				}
			}
			for _, s := range a.stacks {
				for id, output := range s.section("Outputs") {
					if slices.ContainsFunc(exportedAlways, func(part string) bool { return strings.Contains(id, part) }) {
						continue
					}
					if name := dig(output, "Export/Name"); name != nil && !imported[a.resolve(s, name)] {
						fail("stack %s exports %s, which no stack uses: it ties the stack down for nothing", s.name, id)
					}
				}
			}
		}},
	{name: "stacks depend on each other in one direction",
		check: func(a *assembly, fail failure) {
			needs := map[string][]string{}
			for _, s := range a.stacks {
				for _, name := range a.imports(s) {
					if exporter, _ := a.export(name); exporter != nil {
						needs[s.id] = append(needs[s.id], exporter.id)
					}
				}
			}
			for _, s := range a.stacks {
				if reaches(needs, s.id, s.id, map[string]bool{}) {
					fail("stack %s depends on itself through its imports: neither could be deployed first", s.name)
				}
			}
		}},
	{name: "nothing that holds data depends on what its stack is called",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all(data...) {
				walk(r.body["Properties"], "", func(path string, value any) {
					if name, argument := function(value); name == "Ref" && (argument == "AWS::StackName" || argument == "AWS::StackId") {
						fail("%s uses the stack's name at %s: renaming the stack would replace it", r, path)
					}
				})
			}
		}},
	{name: "no template sets the number of tasks of a service that scales itself",
		check: func(a *assembly, fail failure) {
			for _, service := range a.all("AWS::ECS::Service") {
				if service.get("DesiredCount") != nil {
					fail("%s sets DesiredCount: every deployment during a sale would take tasks away", service)
				}
			}
		}},
}

func (s *stack) text(section string) string {
	text, _ := s.template[section].(string)
	return text
}

// physicalName is the name that a template fixes, found by CloudFormation's habit of calling the property of type
// AWS::X::Thing ThingName, ThingIdentifier, or just Name.
func (r resource) physicalName() string {
	if r.kind == "AWS::IAM::Policy" {
		return "" // an inline policy's name lives within its role
	}
	parts := strings.Split(r.kind, "::")
	thing := parts[len(parts)-1]
	for _, property := range []string{thing + "Identifier", thing + "Id", thing + "Name", "Name", "DB" + strings.TrimPrefix(thing, "DB") + "Identifier"} {
		if name, ok := r.get(property).(string); ok && name != "" {
			return name
		}
	}
	return ""
}

func nameReason(kind, name string) string {
	for _, allowed := range physicalNames {
		if allowed.kind == kind && regexp.MustCompile(allowed.pattern).MatchString(name) {
			return allowed.reason
		}
	}
	return ""
}

// recorded tells whether a decision record mentions the custom resource.
func recorded(kind string) bool {
	folder, listed := customResources[kind]
	if !listed {
		return false
	}
	records, _ := filepath.Glob(filepath.Join(folder, "*.md"))
	for _, record := range records {
		if text, err := os.ReadFile(record); err == nil && strings.Contains(string(text), kind) {
			return true
		}
	}
	return false
}

func (a *assembly) imports(s *stack) []string {
	var names []string
	walk(s.template, "", func(_ string, value any) {
		if name, argument := function(value); name == "Fn::ImportValue" {
			names = append(names, a.resolve(s, argument))
		}
	})
	return names
}

func reaches(needs map[string][]string, from, to string, seen map[string]bool) bool {
	for _, next := range needs[from] {
		if next == to || !seen[next] && func() bool { seen[next] = true; return reaches(needs, next, to, seen) }() {
			return true
		}
	}
	return false
}

// namedWithin are the types whose names are told apart by the application or user pool that they belong to.
var namedWithin = []string{"AWS::CodeDeploy::DeploymentGroup", "AWS::AppConfig::ConfigurationProfile", "AWS::AppConfig::Environment", "AWS::Cognito::UserPoolResourceServer"}

// TestEnvironmentsShareAnAccount deploys, in thought, all environments of an account and region side by side.
func TestEnvironmentsShareAnAccount(t *testing.T) {
	owner := map[string]string{}
	for _, a := range synthesized(t).assemblies {
		if a.pipelines && !a.shipped {
			continue // an account has one stage of pipelines
		}
		for _, s := range a.stacks {
			for _, r := range s.resources() {
				name := r.physicalName()
				if name == "" || slices.Contains(namedWithin, r.kind) {
					continue
				}
				if r.kind == "AWS::Route53::RecordSet" {
					name += a.resolve(s, r.get("HostedZoneId")) + r.text("Type")
				}
				// Account numbers of the shipped files are placeholders: two environments may well share one account.
				key := fmt.Sprintf("%s %s in %s", r.kind, name, s.region)
				if other, taken := owner[key]; taken {
					t.Errorf("%s is in both %s and %s: the second deployment to the account would fail", key, other, r)
				}
				owner[key] = r.String()
			}
			if other, taken := owner["stack "+s.name]; taken {
				t.Errorf("stack %s is in two environments: %s", s.name, other)
			}
			owner["stack "+s.name] = a.environment.Name
		}
	}
}

// TestExceptionsAreStillNeeded keeps the tables of exceptions from outliving what they excuse.
func TestExceptionsAreStillNeeded(t *testing.T) {
	used := map[string]bool{}
	for _, a := range synthesized(t).assemblies {
		for _, s := range a.identityStatements() {
			for _, target := range s.resources() {
				resolved := a.resolve(s.stack, target)
				for _, action := range s.actions() {
					used[action] = used[action] || resolved == "*"
				}
				used[wildcardReason(resolved)] = true
			}
		}
		for _, s := range append(a.identityStatements(), a.resourceStatements()...) {
			for _, action := range s.actions() {
				if actionFamilies[action] != "" {
					used[action] = true
				}
			}
		}
		for _, r := range a.all() {
			used[r.kind] = true
			used[nameReason(r.kind, r.physicalName())] = true
		}
	}
	stale := func(table, entry string) {
		if !used[entry] {
			t.Errorf("%s: %q is needed by no template any more, remove it before it excuses something new", table, entry)
		}
	}
	for action := range withoutResource {
		stale("actions without a resource", action)
	}
	for _, allowed := range partialWildcards {
		stale("wildcards inside a resource", allowed.reason)
	}
	for action := range actionFamilies {
		stale("families of actions", action)
	}
	for _, allowed := range physicalNames {
		stale("physical names", allowed.reason)
	}
	for kind := range customResources {
		stale("custom resources", kind)
	}
	for _, kind := range untaggable {
		stale("types without tags", kind)
	}
}
