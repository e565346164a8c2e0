package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
)

// evictions are what becomes of keys when the memory of a group with one purpose is full; a shared one evicts nothing.
var evictions = map[config.CachePurpose]string{"": "noeviction", config.CacheSessions: "noeviction", config.CacheProducts: "allkeys-lfu", config.CacheRateLimits: "volatile-ttl"}

var cacheRequirements = []requirement{
	{row: "C1", name: "there is a replication group for each purpose, or one for all, of the configured nodes, which fails over if it has a replica",
		check: func(a *assembly, fail failure) {
			groups := a.environment.Cache.Groups()
			if got := len(a.all("AWS::ElastiCache::ReplicationGroup")); got != len(groups) {
				fail("there are %d replication groups, want %d", got, len(groups))
			}
			for purpose, want := range groups {
				group := a.cacheGroup(purpose)
				if group.number("NumCacheClusters") != float64(want.Replicas+1) || group.text("CacheNodeType") != want.NodeType {
					fail("%s has %v nodes of %s, want %d of %s", group, group.number("NumCacheClusters"), group.text("CacheNodeType"), want.Replicas+1, want.NodeType)
				}
				for _, property := range []string{"MultiAZEnabled", "AutomaticFailoverEnabled"} {
					if group.get(property) != (want.Replicas > 0) {
						fail("%s has %s=%v with %d replicas: a lost node would not be replaced by a replica", group, property, group.get(property), want.Replicas)
					}
				}
				for _, property := range []string{"PreferredCacheClusterAZs", "ReplicasPerNodeGroup"} {
					if group.get(property) != nil {
						fail("%s states %s: one replica more or less would replace the cache, and empty it", group, property)
					}
				}
				if group.text("Engine") != "valkey" || group.text("EngineVersion") != a.environment.Cache.EngineVersion {
					fail("%s runs %s %s, want valkey %s", group, group.text("Engine"), group.text("EngineVersion"), a.environment.Cache.EngineVersion)
				}
				zones := map[string]bool{}
				for _, id := range a.target(group, "CacheSubnetGroupName").list("SubnetIds") {
					zones[a.resolve(group.stack, a.targetOf(group.stack, id).get("AvailabilityZone"))] = true
				}
				if len(zones) != len(a.environment.Network.Zones) {
					fail("%s may be in %d zones, want all %d", group, len(zones), len(a.environment.Network.Zones))
				}
			}
		}},
	{row: "C1", name: "each group evicts what its purpose can spare: sessions nothing, products what is used least, rate limits what ends soonest",
		check: func(a *assembly, fail failure) {
			for purpose := range a.environment.Cache.Groups() {
				parameters := a.target(a.cacheGroup(purpose), "CacheParameterGroupName")
				if got := parameters.get("Properties/maxmemory-policy"); got != evictions[purpose] {
					fail("%s has maxmemory-policy %v, want %s: a full memory would sign visitors out, or stop the shop", parameters, got, evictions[purpose])
				}
				if want := "valkey" + strings.Split(a.environment.Cache.EngineVersion, ".")[0]; parameters.text("CacheParameterGroupFamily") != want {
					fail("%s is of family %s, want %s", parameters, parameters.text("CacheParameterGroupFamily"), want)
				}
			}
		}},
	{row: "C1", name: "connections use TLS, what is written to disk is encrypted with a key of ours, and only services reach the port",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::ElastiCache::ReplicationGroup") {
				if group.get("TransitEncryptionEnabled") != true || group.text("TransitEncryptionMode") != "required" {
					fail("%s takes connections without TLS (%v, %q)", group, group.get("TransitEncryptionEnabled"), group.text("TransitEncryptionMode"))
				}
				if group.get("AtRestEncryptionEnabled") != true || a.target(group, "KmsKeyId").kind != "AWS::KMS::Key" {
					fail("%s writes sessions, which are personal data, to disk without a key of ours", group)
				}
				for _, id := range group.list("SecurityGroupIds") {
					if !a.targetOf(group.stack, id).is(a.securityGroup("Cache")) {
						fail("%s is in %v, want the group that admits services only", group, id)
					}
				}
			}
		}},
	{row: "C1", name: "each purpose has a user who reaches its keys only and may administer nothing; nobody is the default user",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::ElastiCache::ReplicationGroup") {
				users := a.targetOf(group.stack, group.list("UserGroupIds")[0])
				nobody := false
				for _, id := range users.list("UserIds") {
					user := a.targetOf(users.stack, id)
					access := strings.Fields(user.text("AccessString"))
					if user.text("UserName") == "default" {
						nobody = slices.Equal(access, []string{"off", "-@all"})
						continue
					}
					if len(access) == 0 || access[0] != "on" || !slices.Contains(access, "-@all") || !slices.Contains(access, "-@dangerous") ||
						slices.Contains(access, "+@all") || slices.Contains(access, "allkeys") || slices.Contains(access, "~*") || slices.Contains(access, "nopass") {
						fail("%s has the rights %q: one service could read or delete what another keeps", user, user.text("AccessString"))
					}
				}
				if !nobody {
					fail("%s does not switch the default user off: whoever reaches the port needs no name", users)
				}
				for _, purpose := range config.CachePurposes {
					served := a.environment.Cache.Layout == config.CacheShared || group.is(a.cacheGroup(purpose))
					if has := slices.ContainsFunc(users.list("UserIds"), func(id any) bool { return a.targetOf(users.stack, id).is(a.cacheUser(purpose)) }); has != served {
						fail("%s has the user for %s: %v, want %v", users, purpose, has, served)
					}
				}
			}
			for _, purpose := range config.CachePurposes {
				if access := a.cacheUser(purpose).text("AccessString"); !strings.Contains(access, " ~"+string(purpose)+":* ") || strings.Count(access, "~") != 1 {
					fail("the user for %s reaches the keys %q, want those that begin with its name", purpose, access)
				}
			}
		}},
	{row: "C1", name: "passwords are generated in Secrets Manager, and reach ElastiCache by reference",
		check: func(a *assembly, fail failure) {
			for _, user := range a.all("AWS::ElastiCache::User") {
				reference := a.resolve(user.stack, user.get("Passwords/0"))
				if !strings.HasPrefix(reference, "{{resolve:secretsmanager:") || len(user.list("Passwords")) != 1 || user.get("NoPasswordRequired") == true {
					fail("%s has its password from %q, want a reference that CloudFormation resolves", user, reference)
				}
			}
			for _, purpose := range config.CachePurposes {
				secret := a.cacheSecret(purpose)
				if secret.number("GenerateSecretString/PasswordLength") < 30 || secret.get("SecretString") != nil || a.target(secret, "KmsKeyId").kind != "AWS::KMS::Key" {
					fail("the password for %s (%s) is not generated, long and encrypted with a key of ours", purpose, secret)
				}
			}
		}},
	{row: "C1", name: "passwords rotate as often as configured, by a function that may change these users and secrets only, and failures are told",
		check: func(a *assembly, fail failure) {
			for _, purpose := range config.CachePurposes {
				secret, user := a.cacheSecret(purpose), a.cacheUser(purpose)
				schedules := a.rotations(secret)
				if len(schedules) != 1 {
					fail("%s has %d rotation schedules, want one: a password that leaked stays good for ever", secret, len(schedules))
					continue
				}
				schedule := schedules[0]
				if want := fmt.Sprintf("rate(%d days)", a.environment.Cache.PasswordRotationDays); schedule.text("RotationRules/ScheduleExpression") != want || schedule.get("RotateImmediatelyOnUpdate") != false {
					fail("%s rotates at %v, at once %v, want %s and not at once", secret, schedule.get("RotationRules"), schedule.get("RotateImmediatelyOnUpdate"), want)
				}
				if !slices.Contains(texts(schedule.body["DependsOn"]), user.id) {
					fail("%s does not wait for its user", schedule)
				}
				function := a.target(schedule, "RotationLambdaARN")
				if metrics := metricsOf(a.alarm("cache-password-rotation")); metrics[0].name != "Errors" ||
					!a.targetOf(schedule.stack, metrics[0].dimensions["FunctionName"]).is(function) {
					fail("no alarm watches the rotation by %s", function)
				}
				callers := 0
				for _, permission := range a.all("AWS::Lambda::Permission") {
					if a.target(permission, "FunctionName").is(function) && permission.text("Principal") == "secretsmanager.amazonaws.com" &&
						a.resolve(permission.stack, permission.get("SourceAccount")) == permission.stack.account {
						callers++
					}
				}
				if callers != 1 {
					fail("Secrets Manager of this account may not call %s, or that of others may", function)
				}
				may := map[string]bool{}
				for _, s := range a.statements(a.target(function, "Role")) {
					for _, action := range s.actions() {
						for _, target := range s.resources() {
							on := a.targetOf(s.stack, target)
							may[action] = may[action] || on.is(secret) || on.is(user)
							if strings.HasPrefix(action, "elasticache:") && on.kind != "AWS::ElastiCache::User" ||
								strings.HasPrefix(action, "secretsmanager:") && action != "secretsmanager:GetRandomPassword" && !inCache(a, on) {
								fail("%s allows %s on %s", s.where, action, a.resolve(s.stack, target))
							}
						}
					}
				}
				for _, action := range []string{"elasticache:ModifyUser", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"} {
					if !may[action] {
						fail("%s may not %s for %s: its password would never change", function, action, purpose)
					}
				}
			}
		}},
	{row: "C1", name: "sessions are in daily snapshots as configured, and in a last one in production; copies and counters are not",
		check: func(a *assembly, fail failure) {
			for purpose := range a.environment.Cache.Groups() {
				group, kept := a.cacheGroup(purpose), purpose == "" || purpose == config.CacheSessions
				days, policy := 0, "Delete"
				if kept {
					days = a.environment.Cache.SnapshotRetentionDays
				}
				if kept && production(a.environment) {
					policy = "Snapshot"
				}
				if group.number("SnapshotRetentionLimit") != float64(days) || days > 0 && group.text("SnapshotWindow") != a.environment.Cache.SnapshotWindow {
					fail("%s keeps snapshots for %v days from %s, want %d from %s", group, group.number("SnapshotRetentionLimit"), group.text("SnapshotWindow"), days, a.environment.Cache.SnapshotWindow)
				}
				if group.body["DeletionPolicy"] != policy || group.body["UpdateReplacePolicy"] != policy {
					fail("%s has DeletionPolicy %v and UpdateReplacePolicy %v, want %s", group, group.body["DeletionPolicy"], group.body["UpdateReplacePolicy"], policy)
				}
				if group.text("PreferredMaintenanceWindow") != a.environment.Cache.MaintenanceWindow {
					fail("%s is maintained at %q, want %q", group, group.text("PreferredMaintenanceWindow"), a.environment.Cache.MaintenanceWindow)
				}
			}
		}},
	{row: "C1", name: "slow and engine logs go to log groups of ours",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::ElastiCache::ReplicationGroup") {
				delivered := map[string]bool{}
				for _, log := range group.list("LogDeliveryConfigurations") {
					to := a.targetOf(group.stack, dig(log, "DestinationDetails/CloudWatchLogsDetails/LogGroup"))
					delivered[fmt.Sprint(dig(log, "LogType"))] = to.kind == "AWS::Logs::LogGroup" && dig(log, "DestinationType") == "cloudwatch-logs"
				}
				if !delivered["slow-log"] || !delivered["engine-log"] {
					fail("%s delivers %v, want slow-log and engine-log", group, delivered)
				}
			}
		}},
	{row: "C1", name: "a service gets address, user and password of the caches that it names",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				task := a.task(a.service(name))
				for _, purpose := range config.CachePurposes {
					prefix := "CACHE_" + map[config.CachePurpose]string{config.CacheSessions: "SESSIONS", config.CacheProducts: "PRODUCTS", config.CacheRateLimits: "RATE_LIMITS"}[purpose] + "_"
					named := slices.Contains(settings.Caches, purpose)
					group := a.cacheGroup(purpose)
					if a.environment.Cache.Layout == config.CacheShared {
						group = a.cacheGroup("")
					}
					for variableName, attribute := range map[string]string{"URL": "PrimaryEndPoint.Address", "READER_URL": "ReaderEndPoint.Address"} {
						address := a.cacheAddress(task, prefix+variableName)
						want := ""
						if named {
							want = "rediss://" + a.resolve(group.stack, map[string]any{"Fn::GetAtt": []any{group.id, attribute}}) + ":6379"
						}
						if address != want {
							fail("%s has %s%s=%s, want %q", task, prefix, variableName, address, want)
						}
					}
					if user := variable(task, prefix+"USER"); named && user != a.cacheUser(purpose).text("UserName") || !named && user != nil {
						fail("%s has %sUSER=%v", task, prefix, user)
					}
					gets := slices.ContainsFunc(task.list("ContainerDefinitions/0/Secrets"), func(secret any) bool {
						return dig(secret, "Name") == prefix+"PASSWORD" && a.mentions(task.stack, dig(secret, "ValueFrom"), a.cacheSecret(purpose)) &&
							strings.HasSuffix(a.resolve(task.stack, dig(secret, "ValueFrom")), ":password::")
					})
					if gets != named {
						fail("%s gets the password for %s: %v, want %v", task, purpose, gets, named)
					}
				}
			}
		}},
	{row: "C2", name: "each group is watched on every node: engine CPU, connections, refused passwords, and lag where there are replicas",
		check: func(a *assembly, fail failure) {
			for purpose, settings := range a.environment.Cache.Groups() {
				want := map[string]string{"cache-engine-cpu": "EngineCPUUtilization", "cache-connections": "CurrConnections", "cache-authentication-failures": "AuthenticationFailures"}
				if settings.Replicas > 0 {
					want["cache-replication-lag"] = "ReplicationLag"
				}
				for name, metricName := range want {
					a.watchesNodes(fail, name, purpose, metricName)
				}
			}
		}},
	{row: "C2", name: "memory and evictions alarm where a full memory costs something: before sessions are refused, and when counters are dropped",
		check: func(a *assembly, fail failure) {
			for purpose := range a.environment.Cache.Groups() {
				if purpose == config.CacheProducts {
					continue // is full by intent; its hit ratio tells whether it is large enough
				}
				a.watchesNodes(fail, "cache-evictions", purpose, "Evictions")
				if evictions[purpose] != "noeviction" {
					continue
				}
				alarm := a.watchesNodes(fail, "cache-memory", purpose, "DatabaseMemoryUsagePercentage")
				if threshold := alarm.number("Threshold"); threshold < 60 || threshold > 90 || alarm.text("ComparisonOperator") != "GreaterThanThreshold" {
					fail("%s fires at %v %%: too late to act, or always", alarm, threshold)
				}
			}
		}},
	{row: "C2", name: "a hit ratio of the product cache below 92 % is told, over all its nodes and unless hardly anybody looks",
		where: func(e config.Environment) bool { return e.Cache.Layout == config.CacheSeparate },
		check: func(a *assembly, fail failure) {
			alarm := a.alarm("cache-hit-ratio-products")
			if alarm.number("Threshold") != 92 || alarm.text("ComparisonOperator") != "LessThanThreshold" {
				fail("%s fires %s %v, want below 92", alarm, alarm.text("ComparisonOperator"), alarm.number("Threshold"))
			}
			watched := map[string]bool{}
			for _, m := range metricsOf(alarm) {
				watched[m.namespace+" "+m.name+" "+a.resolve(alarm.stack, m.dimensions["CacheClusterId"])] = true
			}
			for _, node := range a.nodesOf(config.CacheProducts) {
				if !watched["AWS/ElastiCache CacheHits "+node] || !watched["AWS/ElastiCache CacheMisses "+node] {
					fail("%s does not count hits and misses on %s", alarm, node)
				}
			}
			expression := ""
			for _, query := range alarm.list("Metrics") {
				if dig(query, "ReturnData") != false {
					expression, _ = dig(query, "Expression").(string)
				}
			}
			if !strings.Contains(expression, "100 *") || !strings.HasPrefix(expression, "IF(") {
				fail("%s computes %q, want a percentage, and none of a handful of look-ups", alarm, expression)
			}
		}},
}

// inCache tells what belongs to the caches.
func inCache(_ *assembly, r resource) bool { return r.exists() && r.stack.id == "Cache" }

// cacheGroup is the replication group of a purpose, or with none the shared one.
func (a *assembly) cacheGroup(purpose config.CachePurpose) resource {
	name := map[config.CachePurpose]string{"": "shared", config.CacheRateLimits: "rate-limits"}[purpose]
	if name == "" {
		name = string(purpose)
	}
	for _, group := range a.where("AWS::ElastiCache::ReplicationGroup", "ReplicationGroupDescription", "Peakline "+a.environment.Name+": "+name) {
		return group
	}
	return resource{}
}

// cacheUser is the user of a purpose.
func (a *assembly) cacheUser(purpose config.CachePurpose) resource {
	for _, user := range a.where("AWS::ElastiCache::User", "UserId", "peakline-"+a.environment.Name+"-"+strings.ToLower(string(purpose))) {
		return user
	}
	return resource{}
}

// cacheSecret is what the password of a purpose's user is resolved from.
func (a *assembly) cacheSecret(purpose config.CachePurpose) resource {
	user := a.cacheUser(purpose)
	for _, secret := range a.all("AWS::SecretsManager::Secret") {
		if user.exists() && a.mentions(user.stack, user.get("Passwords"), secret) {
			return secret
		}
	}
	return resource{}
}

// cacheAddress is what the parameter holds that a variable is read from, resolved; empty without the variable.
func (a *assembly) cacheAddress(task resource, name string) string {
	reference := dig(variable(task, name), "Ref")
	for id, parameter := range task.stack.section("Parameters") {
		if id != reference || dig(parameter, "Type") != "AWS::SSM::Parameter::Value<String>" {
			continue
		}
		for _, stored := range a.where("AWS::SSM::Parameter", "Name", fmt.Sprint(dig(parameter, "Default"))) {
			return a.resolve(stored.stack, stored.get("Value"))
		}
	}
	if literal := variable(task, name); literal != nil {
		return fmt.Sprintf("%v, not read from a parameter", literal)
	}
	return ""
}

func (a *assembly) nodesOf(purpose config.CachePurpose) []string {
	group := a.cacheGroup(purpose)
	var nodes []string
	for n := range int(group.number("NumCacheClusters")) {
		nodes = append(nodes, fmt.Sprintf("%s-%03d", a.resolve(group.stack, map[string]any{"Ref": group.id}), n+1))
	}
	return nodes
}

// watchesNodes checks that the alarm of a group reads one metric of each of its nodes, and returns it.
func (a *assembly) watchesNodes(fail failure, name string, purpose config.CachePurpose, metricName string) resource {
	subject := strings.TrimPrefix(a.cacheGroup(purpose).text("ReplicationGroupDescription"), "Peakline "+a.environment.Name+": ")
	alarm := a.alarm(name + "-" + subject)
	watched := map[string]bool{}
	for _, m := range metricsOf(alarm) {
		watched[m.namespace+" "+m.name+" "+a.resolve(alarm.stack, m.dimensions["CacheClusterId"])] = true
	}
	for _, node := range a.nodesOf(purpose) {
		if !watched["AWS/ElastiCache "+metricName+" "+node] {
			fail("no alarm %s watches %s of %s: customers notice first", name, metricName, node)
		}
	}
	return alarm
}
