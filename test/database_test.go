package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"peakline/config"
)

var databaseRequirements = []requirement{
	{row: "D1", name: "one Aurora PostgreSQL cluster runs the configured version",
		where: aurora,
		check: func(a *assembly, fail failure) {
			cluster := a.cluster()
			if len(a.all("AWS::RDS::DBCluster")) != 1 || cluster.text("Engine") != "aurora-postgresql" {
				fail("want exactly one aurora-postgresql cluster, got %v", a.all("AWS::RDS::DBCluster"))
			}
			if got, want := cluster.text("EngineVersion"), a.environment.Database.EngineVersion; got != want {
				fail("%s runs version %q, want %q: deploying it would upgrade or refuse", cluster, got, want)
			}
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				if !a.target(instance, "DBClusterIdentifier").is(cluster) || instance.text("Engine") != "aurora-postgresql" {
					fail("%s is not a member of the cluster", instance)
				}
			}
		}},
	{row: "D1", name: "the writer and every configured reader exist, with the class and in the zone of the configuration",
		where: aurora,
		check: func(a *assembly, fail failure) {
			want := map[string]config.Instance{"Writer": a.environment.Database.Writer}
			for name, reader := range a.environment.Database.Readers {
				want["Reader"+strings.ToUpper(name[:1])+name[1:]] = reader
			}
			members := a.members()
			if len(members) != len(want) {
				fail("instances are %v, want %v", slices.Sorted(maps.Keys(members)), slices.Sorted(maps.Keys(want)))
			}
			for name, instance := range want {
				member, ok := members[name]
				if !ok {
					fail("there is no instance %s: its share of the load falls on the others", name)
					continue
				}
				if class := member.text("DBInstanceClass"); class != instance.InstanceClass {
					fail("%s is a %s, want %s", member, class, instance.InstanceClass)
				}
				if zone := member.text("AvailabilityZone"); zone != instance.Zone {
					fail("%s is in zone %q, want %s: another zone replaces it", member, zone, instance.Zone)
				}
			}
		}},
	{row: "D1", name: "readers are spread: none shares the writer's zone, and two of them are in different zones",
		where: aurora,
		check: func(a *assembly, fail failure) {
			members := a.members()
			zones := map[string]bool{}
			for name, member := range members {
				if name == "Writer" {
					continue
				}
				zones[member.text("AvailabilityZone")] = true
				if member.get("AvailabilityZone") == members["Writer"].get("AvailabilityZone") {
					fail("%s shares zone %s with the writer: both go when it does", member, member.text("AvailabilityZone"))
				}
			}
			if len(members) > 2 && len(zones) < 2 {
				fail("%d readers stand in one zone: losing it loses all of them", len(members)-1)
			}
		}},
	{row: "D1", name: "Serverless v2 instances scale within the configured capacity units",
		where: serverless,
		check: func(a *assembly, fail failure) {
			want := a.environment.Database.ServerlessCapacity
			cluster := a.cluster()
			if cluster.number("ServerlessV2ScalingConfiguration/MinCapacity") != want.Min ||
				cluster.number("ServerlessV2ScalingConfiguration/MaxCapacity") != want.Max {
				fail("%s scales within %v, want %v to %v capacity units: too low a ceiling throttles a sale, too high a one has no budget",
					cluster, cluster.get("ServerlessV2ScalingConfiguration"), want.Min, want.Max)
			}
		}},
	{row: "D1", name: "a cluster without Serverless v2 instances has no capacity range",
		where: func(e config.Environment) bool { return !serverless(e) },
		check: func(a *assembly, fail failure) {
			if cluster := a.cluster(); cluster.get("ServerlessV2ScalingConfiguration") != nil {
				fail("%s has a capacity range that bounds nothing and misleads whoever reads it", cluster)
			}
		}},
	{row: "D1", name: "the cluster's subnets span every zone, and no instance is public",
		check: func(a *assembly, fail failure) {
			group := a.target(a.cluster(), "DBSubnetGroupName")
			zones := map[string]bool{}
			for _, id := range group.list("SubnetIds") {
				zones[a.targetOf(group.stack, id).text("AvailabilityZone")] = true
			}
			if len(zones) != len(a.environment.Network.Zones) {
				fail("%s spans %d of %d zones: a failover has nowhere to go", group, len(zones), len(a.environment.Network.Zones))
			}
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				if instance.isSet("PubliclyAccessible") {
					fail("%s has a public address", instance)
				}
			}
			for _, id := range a.cluster().list("VpcSecurityGroupIds") {
				if !a.targetOf(a.cluster().stack, id).is(a.securityGroup("Database")) {
					fail("%s is in a security group outside the chain", a.cluster())
				}
			}
			if len(a.cluster().list("VpcSecurityGroupIds")) == 0 {
				fail("%s has no security group: it would get the VPC's default one", a.cluster())
			}
		}},
	{row: "D2", name: "a failover promotes in the configured order, and a reader outside the writer's zone comes first",
		where: aurora,
		check: func(a *assembly, fail failure) {
			members := a.members()
			tiers := map[string]int{"Writer": a.environment.Database.Writer.PromotionTier}
			best := 16
			for name, reader := range a.environment.Database.Readers {
				tiers["Reader"+strings.ToUpper(name[:1])+name[1:]] = reader.PromotionTier
			}
			for name, want := range tiers {
				tier := members[name].get("PromotionTier")
				if tier != float64(want) {
					fail("%s has promotion tier %v, want %d: the wrong instance would become the writer", name, tier, want)
				}
				if name != "Writer" && members[name].get("AvailabilityZone") != members["Writer"].get("AvailabilityZone") {
					best = min(best, want)
				}
			}
			if best > 1 {
				fail("no reader outside the writer's zone has tier 0 or 1: the replacement for a lost zone would not be a warm one")
			}
		}},
	{row: "D2", name: "failovers, failures and maintenance of the cluster are told to the critical topic",
		check: tells("db-cluster", "critical", []string{"failover", "failure", "maintenance"}, func(a *assembly) []resource { return []resource{a.cluster()} })},
	{row: "D2", name: "failures and recoveries of every instance are told to the warning topic",
		check: tells("db-instance", "warning", []string{"availability", "failure", "recovery"}, func(a *assembly) []resource {
			return slices.Collect(maps.Values(a.members()))
		})},
	{row: "D4", name: "connections without TLS are refused, and passwords are SCRAM",
		check: parameters(func(config.Database) map[string]string {
			return map[string]string{"rds.force_ssl": "1", "password_encryption": "scram-sha-256", "rds.accepted_password_auth_method": "scram"}
		}, "passwords and customer data would cross the network readable, or be stored weakly")},
	{row: "D4", name: "a confirmed commit is durable, unless the environment says otherwise",
		check: parameters(func(db config.Database) map[string]string {
			return map[string]string{"synchronous_commit": db.SynchronousCommit}
		}, "a confirmed order could be lost in a crash")},
	{row: "D4", name: "logical replication is on where a migration or a blue/green upgrade needs it, and only there",
		check: parameters(func(db config.Database) map[string]string {
			return map[string]string{"rds.logical_replication": map[bool]string{false: "0", true: "1"}[db.LogicalReplication]}
		}, "a migration could not start, or every write would cost more")},
	{row: "D4", name: "statements slower than the configured time are logged, and statistics are kept for all",
		check: parameters(func(db config.Database) map[string]string {
			return map[string]string{
				"log_min_duration_statement": strconv.Itoa(db.SlowQueryMilliseconds),
				"shared_preload_libraries":   "pg_stat_statements,pgaudit",
				"pg_stat_statements.track":   "all",
			}
		}, "nobody could tell which query was slow")},
	{row: "D4", name: "access to what is granted to the audit role can be traced",
		check: parameters(func(config.Database) map[string]string {
			return map[string]string{"pgaudit.role": "rds_pgaudit", "pgaudit.log": "role"}
		}, "nobody could tell who read a customer's data")},
	{row: "D4", name: "bind values of statements stay out of the log",
		check: parameters(func(config.Database) map[string]string {
			return map[string]string{"log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0"}
		}, "customers' data would be kept in the log")},
	{row: "D4", name: "parameter groups are of the engine's family and in use by the cluster and every instance",
		check: func(a *assembly, fail failure) {
			major, _, _ := strings.Cut(a.environment.Database.EngineVersion, ".")
			users := append(a.all("AWS::RDS::DBInstance"), a.cluster())
			for _, user := range users {
				property := map[string]string{"AWS::RDS::DBCluster": "DBClusterParameterGroupName", "AWS::RDS::DBInstance": "DBParameterGroupName"}[user.kind]
				group := a.target(user, property)
				want := map[config.Engine]string{config.EngineAurora: "aurora-postgresql", config.EngineRDS: "postgres"}[a.environment.Database.Engine] + major
				if family := group.text("Family"); family != want {
					fail("%s uses a parameter group of family %q, want %s: it would run with AWS's defaults", user, family, want)
				}
			}
		}},
	{row: "D5", name: "Database Insights has the configured mode and retention, encrypted, on the cluster and every instance",
		check: func(a *assembly, fail failure) {
			want := a.environment.Database.Insights
			cluster := a.cluster()
			if want.Mode == config.InsightsOff {
				if cluster.isSet("PerformanceInsightsEnabled") {
					fail("%s collects performance data, though insights are off", cluster)
				}
				return
			}
			if cluster.text("DatabaseInsightsMode") != string(want.Mode) || !cluster.isSet("PerformanceInsightsEnabled") ||
				cluster.number("PerformanceInsightsRetentionPeriod") != float64(want.RetentionDays) {
				fail("%s has insights %v for %v days, want %s for %d: the query behind yesterday's incident could not be found",
					cluster, cluster.get("DatabaseInsightsMode"), cluster.get("PerformanceInsightsRetentionPeriod"), want.Mode, want.RetentionDays)
			}
			if a.target(cluster, "PerformanceInsightsKmsKeyId").kind != "AWS::KMS::Key" {
				fail("%s keeps performance data, which holds statements, without a customer's key", cluster)
			}
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				if !instance.isSet("EnablePerformanceInsights") || instance.number("PerformanceInsightsRetentionPeriod") != float64(want.RetentionDays) ||
					a.target(instance, "PerformanceInsightsKMSKeyId").kind != "AWS::KMS::Key" {
					fail("%s does not collect encrypted performance data for %d days", instance, want.RetentionDays)
				}
			}
		}},
	{row: "D5", name: "enhanced monitoring samples every instance at the configured interval",
		where: func(e config.Environment) bool { return e.Database.MonitoringIntervalSeconds > 0 },
		check: func(a *assembly, fail failure) {
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				if instance.number("MonitoringInterval") != float64(a.environment.Database.MonitoringIntervalSeconds) {
					fail("%s is sampled every %v s, want %d: what the operating system does stays unseen", instance,
						instance.get("MonitoringInterval"), a.environment.Database.MonitoringIntervalSeconds)
				}
				role := a.target(instance, "MonitoringRoleArn")
				if !role.exists() || !slices.Contains(a.trusted(role), "monitoring.rds.amazonaws.com") {
					fail("%s has no role that RDS monitoring may assume: the deployment would fail", instance)
				}
			}
		}},
	{row: "D5", name: "the PostgreSQL log is exported to a log group that expires and is encrypted, made before the cluster",
		check: func(a *assembly, fail failure) {
			cluster := a.cluster()
			if !slices.Contains(texts(cluster.get("EnableCloudwatchLogsExports")), "postgresql") {
				fail("%s does not export its log: it goes with the instance", cluster)
			}
			groups := a.where("AWS::Logs::LogGroup", "LogGroupName", fmt.Sprintf("/aws/rds/cluster/%s/postgresql", cluster.text("DBClusterIdentifier")))
			if len(groups) != 1 {
				fail("no log group of ours has the name RDS writes to: RDS would make one that never expires and is not encrypted by us")
				return
			}
			if groups[0].number("RetentionInDays") != float64(a.environment.Database.LogRetentionDays) {
				fail("%s keeps the log for %v days, want %d", groups[0], groups[0].get("RetentionInDays"), a.environment.Database.LogRetentionDays)
			}
			if a.target(groups[0], "KmsKeyId").kind != "AWS::KMS::Key" {
				fail("%s is not encrypted with a customer's key", groups[0])
			}
			if !slices.Contains(texts(cluster.body["DependsOn"]), groups[0].id) {
				fail("%s does not wait for %s: whichever is first, RDS's own log group could win", cluster, groups[0])
			}
		}},
	{row: "D10", name: "no cluster-managed master secret rules out RDS Blue/Green upgrades",
		check: func(a *assembly, fail failure) {
			cluster := a.cluster()
			for _, property := range []string{"ManageMasterUserPassword", "MasterUserSecret"} {
				if cluster.get(property) != nil && cluster.get(property) != false {
					fail("%s sets %s: RDS refuses a blue/green deployment of such a cluster, and a major upgrade needs a window", cluster, property)
				}
			}
		}},
	{row: "D10", name: "the cluster and its instances have parameter groups of their own, which a green copy needs to differ in",
		check: func(a *assembly, fail failure) {
			if a.target(a.cluster(), "DBClusterParameterGroupName").kind != "AWS::RDS::DBClusterParameterGroup" {
				fail("%s uses a default parameter group: logical replication, which RDS Blue/Green needs, could not be switched on", a.cluster())
			}
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				if a.target(instance, "DBParameterGroupName").kind != "AWS::RDS::DBParameterGroup" {
					fail("%s uses a default parameter group", instance)
				}
			}
		}},
	{row: "D10", name: "the parameter groups of the version to upgrade to are there, with the promises of those in use",
		where: func(e config.Environment) bool { return e.Database.UpgradeTo != "" },
		check: func(a *assembly, fail failure) {
			major, _, _ := strings.Cut(a.environment.Database.UpgradeTo, ".")
			outputs := a.cluster().stack.section("Outputs")
			for output, kind := range map[string]string{"NextClusterParameters": "AWS::RDS::DBClusterParameterGroup", "NextInstanceParameters": "AWS::RDS::DBParameterGroup"} {
				group := a.targetOf(a.cluster().stack, dig(outputs, output+"/Value"))
				if group.kind != kind || group.text("Family") != "aurora-postgresql"+major {
					fail("the output %s is %s of family %q, want a group of aurora-postgresql%s: a green cluster would start with AWS's parameters", output, group, group.text("Family"), major)
				}
				if kind == "AWS::RDS::DBClusterParameterGroup" && !reflect.DeepEqual(group.get("Parameters"), a.target(a.cluster(), "DBClusterParameterGroupName").get("Parameters")) {
					fail("%s differs from the parameters in use: TLS, audit or the slow-query log would change with the upgrade", group)
				}
			}
		}},
	{row: "D10", name: "the functions that rotate secrets are named for whoever holds them during an upgrade, and a hold is told when a rotation falls due",
		check: func(a *assembly, fail failure) {
			for stack, subject := range map[string]string{"Database": "master", "DatabaseAccess": "logins"} {
				function := a.targetOf(a.stack(stack), dig(a.stack(stack).section("Outputs"), "RotationFunction/Value"))
				if function.kind != "AWS::Lambda::Function" || function.get("ReservedConcurrentExecutions") != nil {
					fail("%s does not say which function rotates, or sets its concurrency: a deployment would lift the hold", stack)
				}
				alarm := a.alarm("database-rotation-held-" + subject)
				if alarm.text("MetricName") != "Throttles" || !a.targetOf(alarm.stack, dig(alarm.list("Dimensions"), "0/Value")).is(function) {
					fail("database-rotation-held-%s does not watch %s: a forgotten hold would leave passwords as they are for ever", subject, function)
				}
			}
		}},
	{row: "D10", name: "a version whose support ends soon is told by every synthesis",
		check: func(a *assembly, fail failure) {
			text, err := os.ReadFile(filepath.Join(a.folder, "manifest.json"))
			if err != nil {
				fail("%v", err)
			}
			metadata, _ := filepath.Glob(filepath.Join(a.folder, "*.metadata.json"))
			for _, file := range metadata {
				more, err := os.ReadFile(file)
				if err != nil {
					fail("%v", err)
				}
				text = append(text, more...)
			}
			ends := a.environment.Database.EngineVersion == "14.22"
			if told := strings.Contains(string(text), "leaves standard support on 2027-02-28"); told != ends {
				fail("version %s is warned of: %v, want %v: AWS would upgrade it in a window of its choice", a.environment.Database.EngineVersion, told, ends)
			}
		}},
	{row: "D10", name: "minor versions arrive in the configured maintenance window, outside the backup window",
		check: func(a *assembly, fail failure) {
			cluster, settings := a.cluster(), a.environment.Database
			if cluster.text("PreferredMaintenanceWindow") != settings.MaintenanceWindow || cluster.text("PreferredBackupWindow") != settings.BackupWindow {
				fail("%s has windows %q and %q, want %q and %q: AWS would choose when to restart the database", cluster,
					cluster.text("PreferredMaintenanceWindow"), cluster.text("PreferredBackupWindow"), settings.MaintenanceWindow, settings.BackupWindow)
			}
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				if instance.text("PreferredMaintenanceWindow") != settings.MaintenanceWindow || !instance.isSet("AutoMinorVersionUpgrade") {
					fail("%s does not take minor versions in the window %s: it falls behind on security fixes, or restarts at any time", instance, settings.MaintenanceWindow)
				}
			}
		}},
}

// cluster is the environment's database cluster.
func (a *assembly) cluster() resource {
	for _, cluster := range a.all("AWS::RDS::DBCluster") {
		return cluster
	}
	return resource{stack: &stack{}, body: map[string]any{}}
}

// members of the cluster by construct id: "Writer", "ReaderOne".
func (a *assembly) members() map[string]resource {
	members := map[string]resource{}
	for _, instance := range a.all("AWS::RDS::DBInstance") {
		parts := strings.Split(instance.path(), "/")
		if len(parts) > 1 {
			members[parts[len(parts)-2]] = instance
		}
	}
	return members
}

func aurora(environment config.Environment) bool {
	return environment.Database.Engine == config.EngineAurora
}

func serverless(environment config.Environment) bool {
	for _, reader := range environment.Database.Readers {
		if reader.Serverless() {
			return true
		}
	}
	return environment.Database.Writer.Serverless()
}

// parameters checks what PostgreSQL is told.
func parameters(want func(config.Database) map[string]string, consequence string) func(*assembly, failure) {
	return func(a *assembly, fail failure) {
		group := a.target(a.cluster(), "DBClusterParameterGroupName")
		for name, value := range want(a.environment.Database) {
			if got := group.text("Parameters/" + name); got != value {
				fail("%s is %q, want %q: %s", name, got, value, consequence)
			}
		}
	}
}

// tells checks that the events of a kind of source reach the topic of a severity.
func tells(sourceType, severity string, categories []string, sources func(*assembly) []resource) func(*assembly, failure) {
	return func(a *assembly, fail failure) {
		subscriptions := a.where("AWS::RDS::EventSubscription", "SourceType", sourceType)
		for _, source := range sources(a) {
			told := false
			for _, subscription := range subscriptions {
				covers := slices.ContainsFunc(subscription.list("SourceIds"), func(id any) bool { return a.targetOf(subscription.stack, id).is(source) })
				if !covers || subscription.get("Enabled") == false {
					continue
				}
				told = true
				for _, category := range categories {
					if !slices.Contains(texts(subscription.get("EventCategories")), category) {
						fail("%s leaves out %q events: operators would hear of it from customers", subscription, category)
					}
				}
				if a.topicOf(subscription.stack, subscription.get("SnsTopicArn")) != severity {
					fail("%s goes to %s, want the %s topic", subscription, a.resolve(subscription.stack, subscription.get("SnsTopicArn")), severity)
				}
			}
			if !told {
				fail("nobody is told of events of %s", source)
			}
		}
	}
}
