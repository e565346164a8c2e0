package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// refuseNamed finds a replacement that cannot be: CloudFormation creates the new one first, and its name is taken.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html
func (c *comparison) refuseNamed(o, n *meaning) {
	if name := c.taken(o, n); name != "" {
		c.add(n, RefusedByAWS, "it is replaced, but the name %s is taken by the old one: CloudFormation cannot replace a resource with a custom name", brief(name))
	}
	if seats[n.kind()] != nil && c.sameSeat(o, n) {
		c.add(n, RefusedByAWS, "it is replaced, but the old one has the same %s, and CloudFormation deletes it after the new one is made", strings.Join(seats[n.kind()], ", "))
	}
}

// refuseTaken finds a resource that is made in whose seat another one of the stack is, one that goes included: that is deleted last.
func (c *comparison) refuseTaken(n *meaning) {
	old := c.old.stacks[n.stack.name]
	if old == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(old.resources)) {
		o := old.resources[id]
		if o.kind() != n.kind() || id == n.id {
			continue
		}
		stays := c.counterpart(o)
		goes := stays == nil || c.replaced[stays.key()] != ""
		name, seat := c.taken(o, n), strings.Join(seats[n.kind()], ", ")
		switch {
		case name != "" && (goes || c.taken(o, stays) == name):
			c.add(n, RefusedByAWS, "the name %s is taken by %s, which CloudFormation deletes after this is made, if at all", brief(name), id)
		case seat != "" && c.sameSeat(o, n) && (goes || c.sameSeat(o, stays)):
			c.add(n, RefusedByAWS, "%s has the same %s, and CloudFormation deletes it after this is made, if at all", id, seat)
		}
	}
}

// sameSeat tells whether both have the properties of which AWS takes each combination once.
func (c *comparison) sameSeat(o, n *meaning) bool {
	return n.at(seats[n.kind()][0]) != nil && !slices.ContainsFunc(seats[n.kind()], func(property string) bool {
		return c.change(n, property, o.at(property), n.at(property)) != ""
	})
}

// seats are those properties, by type; the first one is always given.
// https://github.com/aws/aws-cdk/issues/28520, https://github.com/aws/aws-cdk/issues/18676, https://github.com/aws/copilot-cli/issues/4913,
// https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/365 (budgets), 1155 (Slack), 2515 (monitors)
var seats = map[string][]string{
	"AWS::Budgets::Budget":                      {"Budget.BudgetName"},
	"AWS::CE::AnomalyMonitor":                   {"MonitorDimension"},
	"AWS::Chatbot::SlackChannelConfiguration":   {"SlackChannelId", "SlackWorkspaceId"},
	"AWS::EC2::Route":                           {"RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"},
	"AWS::EFS::MountTarget":                     {"FileSystemId", "SubnetId"},
	"AWS::ElasticLoadBalancingV2::Listener":     {"LoadBalancerArn", "Port"},
	"AWS::ElasticLoadBalancingV2::ListenerRule": {"ListenerArn", "Priority"},
	"AWS::Events::EventBusPolicy":               {"StatementId", "EventBusName"},
	"AWS::Lambda::EventSourceMapping":           {"EventSourceArn", "FunctionName"},
	"AWS::S3::BucketPolicy":                     {"Bucket"},
}

// taken is the name that both have, where they cannot be side by side; empty when they can.
func (c *comparison) taken(o, n *meaning) string {
	if renewed[n.kind()] || shareNames[n.kind()] {
		return ""
	}
	for _, property := range slices.Concat(containers, scopes[n.kind()]) {
		if c.change(n, property, o.at(property), n.at(property)) != "" {
			return ""
		}
	}
	for _, property := range schemas()[n.kind()].Replaces {
		if name := n.text(property); name != "" && name == o.text(property) && itsName(n.kind(), property) {
			return name
		}
	}
	return ""
}

// containers are the properties that say within what a name counts, and scopes those of single types; without any it is the
// account and the region.
var containers = []string{
	"ApiId", "ApplicationId", "ApplicationName", "Cluster", "ClusterName", "EventBusName", "FunctionName", "HostedZoneId", "HostedZoneName",
	"NamespaceId", "ResourceId", "RestApiId", "ScalingTargetId", "ServiceNamespace", "UserPoolId", "Vpc",
}

var scopes = map[string][]string{
	"AWS::EC2::SecurityGroup":       {"VpcId"},
	"AWS::Glue::Table":              {"DatabaseName"},
	"AWS::IAM::RolePolicy":          {"RoleName"},
	"AWS::IAM::GroupPolicy":         {"GroupName"},
	"AWS::IAM::UserPolicy":          {"UserName"},
	"AWS::Logs::LogStream":          {"LogGroupName"},
	"AWS::Logs::MetricFilter":       {"LogGroupName"},
	"AWS::Logs::SubscriptionFilter": {"LogGroupName"},
	"AWS::Route53::RecordSet":       {"Type", "SetIdentifier"},
	"AWS::Scheduler::Schedule":      {"GroupName"},
	"AWS::WAFv2::IPSet":             {"Scope"},
	"AWS::WAFv2::RegexPatternSet":   {"Scope"},
	"AWS::WAFv2::RuleGroup":         {"Scope"},
	"AWS::WAFv2::WebACL":            {"Scope"},
}

// shareNames are types of which several may have the same name.
var shareNames = map[string]bool{
	"AWS::ApiGateway::ApiKey": true, "AWS::AppConfig::DeploymentStrategy": true, "AWS::Route53::HostedZone": true,
}

// itsName tells whether a property is the resource's own name: BucketName of a bucket, Name, DBInstanceIdentifier.
func itsName(kind, property string) bool {
	noun := kind[strings.LastIndex(kind, ":")+1:]
	for _, ending := range []string{"Name", "Identifier", "Id"} {
		if stem, ok := strings.CutSuffix(property, ending); ok && strings.HasSuffix(noun, stem) && (stem != "" || ending == "Name") {
			return true
		}
	}
	return false
}

// keptByCodeDeploy are the properties of a service under CodeDeploy that may change outside a release.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
var keptByCodeDeploy = []string{
	"DesiredCount", "DeploymentConfiguration", "HealthCheckGracePeriodSeconds", "PlacementConstraints", "PlacementStrategies",
	"EnableECSManagedTags", "PropagateTags", "Tags", "AvailabilityZoneRebalancing", "DeploymentController",
}

// limit is something that AWS does not do to a resource of a type; refused says what, if the change asks for it.
type limit struct {
	kind    string
	refused func(o, n *meaning) string
}

var limits = []limit{
	// An engine's version only goes up, and to the next major version only when told so.
	{"AWS::RDS::DBCluster", engineVersion}, {"AWS::RDS::DBInstance", engineVersion},
	{"AWS::DocDB::DBCluster", engineVersion}, {"AWS::Neptune::DBCluster", engineVersion},
	{"AWS::OpenSearchService::Domain", func(o, n *meaning) string {
		return when(versionBelow(version(n), version(o)), "EngineVersion goes down, which AWS does not do")
	}},
	{"AWS::EKS::Cluster", func(o, n *meaning) string {
		return when(versionBelow(n.text("Version"), o.text("Version")), "Version goes down, which AWS does not do")
	}},
	{"AWS::ElastiCache::ReplicationGroup", engineVersion}, {"AWS::ElastiCache::CacheCluster", engineVersion},
	// Storage only grows.
	{"AWS::RDS::DBInstance", shrinks("AllocatedStorage")}, {"AWS::RDS::DBCluster", shrinks("AllocatedStorage")},
	{"AWS::EC2::Volume", shrinks("Size")}, {"AWS::FSx::FileSystem", shrinks("StorageCapacity")},
	// https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
	{"AWS::Cognito::UserPool", func(o, n *meaning) string {
		after := byName(n.at("Schema"), "Name")
		for _, attribute := range list(o.at("Schema")) {
			name := scalar(dig(attribute, "Name"))
			if !reflect.DeepEqual(attribute, after[name]) {
				return fmt.Sprintf("the attribute %s of Schema cannot be changed or removed", name)
			}
		}
		for _, property := range []string{"UsernameAttributes", "AliasAttributes", "UsernameConfiguration"} {
			if !reflect.DeepEqual(o.at(property), n.at(property)) {
				return property + " cannot be changed after the pool is made"
			}
		}
		return ""
	}},
	// A pool has one domain of each kind, and CloudFormation makes the new one first. https://github.com/aws/aws-cdk/issues/10062
	{"AWS::Cognito::UserPoolDomain", func(o, n *meaning) string {
		sameKind := (o.at("CustomDomainConfig") == nil) == (n.at("CustomDomainConfig") == nil)
		return when(o.text("Domain") != n.text("Domain") && o.text("UserPoolId") == n.text("UserPoolId") && sameKind,
			"the pool has a domain of this kind already: go from one name to another by way of a prefix, and from one prefix to another by way of a name")
	}},
	// https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html has no call for these
	{"AWS::KMS::Key", func(o, n *meaning) string {
		for _, property := range []string{"KeySpec", "KeyUsage", "MultiRegion", "Origin"} {
			if cmp.Or(o.text(property), keyDefaults[property]) != cmp.Or(n.text(property), keyDefaults[property]) {
				return property + " cannot be changed after the key is made"
			}
		}
		return ""
	}},
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html
	{"AWS::DynamoDB::Table", func(o, n *meaning) string {
		before, after := byName(o.at("GlobalSecondaryIndexes"), "IndexName"), byName(n.at("GlobalSecondaryIndexes"), "IndexName")
		changed := 0
		for name := range union(before, after) {
			switch {
			case before[name] == nil || after[name] == nil:
				changed++
			case !reflect.DeepEqual(dig(before[name], "KeySchema"), dig(after[name], "KeySchema")) || !reflect.DeepEqual(dig(before[name], "Projection"), dig(after[name], "Projection")):
				changed += 2 // the old one goes, and a new one comes
			}
		}
		return when(changed > 1, fmt.Sprintf("%d global secondary indexes are made or deleted, and AWS does one at a time", changed))
	}},
	// https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html
	{"AWS::Backup::BackupVault", func(o, n *meaning) string {
		locked := o.text("LockConfiguration.ChangeableForDays") != ""
		return when(locked && !reflect.DeepEqual(o.at("LockConfiguration"), n.at("LockConfiguration")), "the vault is locked in compliance mode, which cannot be changed once its days of grace are over")
	}},
	// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/in-transit-encryption-enable.html
	{"AWS::ElastiCache::ReplicationGroup", func(o, n *meaning) string {
		return when(o.text("TransitEncryptionEnabled") != "true" && n.text("TransitEncryptionEnabled") == "true" && n.text("TransitEncryptionMode") != "preferred",
			"TLS is switched on in two steps, with TransitEncryptionMode preferred first")
	}},
	{"AWS::ECS::Service", func(o, n *meaning) string {
		if o.text("DeploymentController.Type") != "CODE_DEPLOY" || n.text("DeploymentController.Type") != "CODE_DEPLOY" {
			return ""
		}
		for _, property := range slices.Sorted(maps.Keys(union(o.properties, n.properties))) {
			replaces, _ := replacement(o, n, property)
			if !replaces && !slices.Contains(keptByCodeDeploy, property) && !reflect.DeepEqual(o.properties[property], n.properties[property]) {
				return property + " of a service under CodeDeploy changes with a release only, not with a deployment of the stack"
			}
		}
		return ""
	}},
}

var keyDefaults = map[string]string{"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": "false", "Origin": "AWS_KMS"}

func version(m *meaning) string {
	text := m.text("EngineVersion")
	return text[strings.LastIndex(text, "_")+1:]
}

func engineVersion(o, n *meaning) string {
	before, after := o.text("EngineVersion"), n.text("EngineVersion")
	switch {
	case o.text("Engine") != n.text("Engine"):
		return ""
	case versionBelow(after, before):
		return fmt.Sprintf("EngineVersion goes down from %s to %s, which AWS does not do", before, after)
	case majorOf(after) != majorOf(before) && before != "" && after != "" && n.kind() == "AWS::RDS::DBInstance" && n.text("AllowMajorVersionUpgrade") != "true" && n.text("DBClusterIdentifier") == "":
		return fmt.Sprintf("EngineVersion goes from %s to %s without AllowMajorVersionUpgrade", before, after)
	}
	return ""
}

func majorOf(version string) string { major, _, _ := strings.Cut(version, "."); return major }

// versionBelow compares versions number by number; what is no version is not below anything.
func versionBelow(a, b string) bool {
	for i, parts := 0, strings.Split(b, "."); i < len(parts); i++ {
		other := strings.Split(a, ".")
		if i >= len(other) {
			return false
		}
		x, errX := strconv.Atoi(other[i])
		y, errY := strconv.Atoi(parts[i])
		if errX != nil || errY != nil || x > y {
			return false
		}
		if x < y {
			return true
		}
	}
	return false
}

func shrinks(property string) func(o, n *meaning) string {
	return func(o, n *meaning) string {
		before, errBefore := strconv.ParseFloat(o.text(property), 64)
		after, errAfter := strconv.ParseFloat(n.text(property), 64)
		return when(errBefore == nil && errAfter == nil && after < before, property+" shrinks, which AWS does not do")
	}
}

// compareLimits finds what AWS would refuse.
func (c *comparison) compareLimits() {
	for _, n := range c.new.all() {
		o := c.before(n)
		if o == nil || o.kind() != n.kind() {
			continue
		}
		for _, l := range limits {
			if l.kind == n.kind() {
				if why := l.refused(o, n); why != "" {
					c.add(n, RefusedByAWS, "%s", why)
				}
			}
		}
	}
	c.compareExports()
}

// compareExports finds an export that goes or changes while the deployed stacks import it: CloudFormation refuses that,
// even when the same deployment would free it, since the producer is deployed first.
func (c *comparison) compareExports() {
	importers := map[string]string{}
	note := func(stack *stack, value any) {
		for _, name := range references(value) {
			if exported, imported := strings.CutPrefix(name, "import:"); imported {
				importers[exported] = stack.name
			}
		}
	}
	for _, m := range c.old.all() {
		note(m.stack, m.properties)
	}
	for _, one := range c.old.stacks {
		for id := range one.template.Outputs {
			if out, there := one.output(id); there {
				note(one, one.show(out.Value))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(importers)) {
		producer := c.old.exporters[name]
		if producer == nil {
			continue
		}
		f := finding{producer.name, name, "Export", RefusedByAWS}
		now := c.new.exporters[name]
		switch {
		case now == nil || now.name != producer.name:
			c.addTo(f, fmt.Sprintf("the export goes while the stack %s imports it: deploy that stack without it first", importers[name]))
		case now.exports[name] != producer.exports[name]:
			c.addTo(f, fmt.Sprintf("the export changes from %s to %s while the stack %s imports it", brief(producer.exports[name]), brief(now.exports[name]), importers[name]))
		default:
			if t := c.new.target(now, now.exports[name]); t != nil && c.replaced[t.key()] != "" {
				c.addTo(f, fmt.Sprintf("%s is replaced, and the stack %s imports it by this export", t.id, importers[name]))
			}
		}
	}
}
