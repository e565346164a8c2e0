package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
)

var multiAZRequirements = []requirement{
	{row: "D9", name: "one RDS for PostgreSQL Multi-AZ DB cluster has the configured version, class and storage, and nothing of Aurora's",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			settings, cluster := a.environment.Database, a.cluster()
			if len(a.all("AWS::RDS::DBCluster")) != 1 || cluster.text("Engine") != "postgres" || cluster.text("EngineVersion") != settings.EngineVersion {
				fail("want exactly one cluster of postgres %s, got %v", settings.EngineVersion, a.all("AWS::RDS::DBCluster"))
			}
			if class := cluster.text("DBClusterInstanceClass"); class != settings.Writer.InstanceClass {
				fail("%s has members of class %q, want %s: without a class it is no Multi-AZ DB cluster", cluster, class, settings.Writer.InstanceClass)
			}
			if cluster.text("StorageType") != settings.Storage.Type || cluster.number("AllocatedStorage") != float64(settings.Storage.Gibibytes) ||
				cluster.number("Iops") != float64(settings.Storage.Iops) {
				fail("%s has %v GiB of %q with %v operations a second, want %+v: the storage would fill up or be slow", cluster,
					cluster.get("AllocatedStorage"), cluster.text("StorageType"), cluster.get("Iops"), settings.Storage)
			}
			for _, instance := range a.all("AWS::RDS::DBInstance") {
				fail("%s is an instance of its own: RDS makes the members itself and would refuse it", instance)
			}
			for _, property := range []string{"ServerlessV2ScalingConfiguration", "AvailabilityZones", "DeleteAutomatedBackups", "EngineMode"} {
				if cluster.get(property) != nil {
					fail("%s sets %s, which only Aurora has: the deployment would fail", cluster, property)
				}
			}
		}},
	{row: "D9", name: "no member is public, minor versions come in the window, and the operating system is sampled",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			cluster, settings := a.cluster(), a.environment.Database
			if cluster.get("PubliclyAccessible") != false {
				fail("%s could have public addresses", cluster)
			}
			if !cluster.isSet("AutoMinorVersionUpgrade") {
				fail("%s falls behind on security fixes", cluster)
			}
			role := a.target(cluster, "MonitoringRoleArn")
			if cluster.number("MonitoringInterval") != float64(settings.MonitoringIntervalSeconds) || !slices.Contains(a.trusted(role), "monitoring.rds.amazonaws.com") {
				fail("%s is sampled every %v s by %s, want %d s by a role that RDS monitoring may assume", cluster, cluster.get("MonitoringInterval"), role, settings.MonitoringIntervalSeconds)
			}
		}},
	{row: "D9", name: "failures and recoveries of each member are told to the warning topic",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			var told []string
			for _, subscription := range a.where("AWS::RDS::EventSubscription", "SourceType", "db-instance") {
				if subscription.get("Enabled") != false && a.topicOf(subscription.stack, subscription.get("SnsTopicArn")) == "warning" && slices.Contains(texts(subscription.get("EventCategories")), "recovery") {
					told = append(told, texts(subscription.get("SourceIds"))...)
				}
			}
			for _, member := range membersByName(a) {
				if !slices.Contains(told, member) {
					fail("nobody is told of events of %s", member)
				}
			}
		}},
	{row: "D9", name: "each member is watched: CPU, presence, lag, connections, memory, storage, its speed and latency, transaction ids, load",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			for name, want := range map[string][]string{
				"database-member-cpu":           {"CPUUtilization"},
				"database-member-absent":        {"CPUUtilization"},
				"database-replica-lag":          {"ReplicaLag"},
				"database-connections":          {"DatabaseConnections"},
				"database-memory":               {"FreeableMemory"},
				"database-storage":              {"FreeStorageSpace"},
				"database-storage-speed":        {"ReadIOPS", "WriteIOPS"},
				"database-write-latency":        {"WriteLatency"},
				"database-transaction-ids":      {"MaximumUsedTransactionIDs"},
				"database-member-load":          {"DBLoadRelativeToNumVCPUs"},
				"database-replication-slot-lag": {"ReplicationSlotDiskUsage"},
			} {
				alarm := a.alarm(name)
				if !alarm.exists() {
					fail("there is no alarm %s: customers notice first", name)
					continue
				}
				var watched []string
				for _, m := range metricsOf(alarm) {
					watched = append(watched, fmt.Sprint(m.namespace, " ", m.name, " ", m.dimensions["DBInstanceIdentifier"]))
				}
				for _, member := range membersByName(a) {
					for _, metric := range want {
						if !slices.Contains(watched, "AWS/RDS "+metric+" "+member) {
							fail("%s does not watch %s of %s: if that is the writer, nobody is told", alarm, metric, member)
						}
					}
				}
			}
		}},
	{row: "D9", name: "alarms fire before it is too late: lag at its objective in seconds, storage with a fifth left, speed at nine tenths, a missing member",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			storage := a.environment.Database.Storage
			for name, want := range map[string]struct {
				comparison string
				threshold  float64
				missing    string
			}{
				"database-replica-lag":   {"GreaterThanThreshold", float64(a.environment.Scaler.LagObjectiveMilliseconds) / 1000, "ignore"},
				"database-storage":       {"LessThanThreshold", float64(storage.Gibibytes) * (1 << 30) / 5, "ignore"},
				"database-storage-speed": {"GreaterThanThreshold", 0.9 * float64(storage.Iops), "ignore"},
				"database-member-absent": {"LessThanThreshold", 3, "breaching"},
			} {
				alarm := a.alarm(name)
				if alarm.text("ComparisonOperator") != want.comparison || alarm.number("Threshold") < 0.99*want.threshold ||
					alarm.number("Threshold") > 1.01*want.threshold || alarm.text("TreatMissingData") != want.missing {
					fail("%s fires at %s %v and takes missing data as %q, want %s %v and %q", name, alarm.text("ComparisonOperator"),
						alarm.number("Threshold"), alarm.text("TreatMissingData"), want.comparison, want.threshold, want.missing)
				}
			}
		}},
	{row: "D9", name: "nothing scales its readers, and nobody may make or delete one",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			for _, target := range a.where("AWS::ApplicationAutoScaling::ScalableTarget", "ServiceNamespace", "rds") {
				fail("%s scales readers that cannot be scaled: the deployment would fail", target)
			}
			for _, policy := range a.all("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role") {
				for _, document := range []string{"PolicyDocument", "Policies/0/PolicyDocument"} {
					for _, s := range statementsOf(policy, policy.get(document)) {
						for _, action := range s.actions() {
							if strings.HasPrefix(action, "rds:CreateDBInstance") || strings.HasPrefix(action, "rds:DeleteDBInstance") {
								fail("%s allows %s, though RDS makes the members itself", policy, action)
							}
						}
					}
				}
			}
		}},
	{row: "D9", name: "services, rotation and operators find it where they find Aurora: an attached secret, writer and reader endpoints",
		where: multiAZ,
		check: func(a *assembly, fail failure) {
			outputs := fmt.Sprint(a.cluster().stack.section("Outputs"))
			for _, attribute := range []string{"Endpoint.Address", "ReadEndpoint.Address"} {
				if !strings.Contains(outputs, attribute) {
					fail("the stack does not say its %s", attribute)
				}
			}
			for _, schedule := range a.rotations(a.masterSecret()) {
				if !slices.Contains(texts(schedule.body["DependsOn"]), a.cluster().id) {
					fail("%s does not wait for %s: the first rotation would find no database", schedule, a.cluster())
				}
			}
		}},
}

func multiAZ(environment config.Environment) bool {
	return environment.Database.Engine == config.EngineRDS
}

// membersByName are the identifiers that RDS gives to the members of a Multi-AZ DB cluster.
func membersByName(a *assembly) []string {
	identifier := a.cluster().text("DBClusterIdentifier")
	return []string{identifier + "-instance-1", identifier + "-instance-2", identifier + "-instance-3"}
}
