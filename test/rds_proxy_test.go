package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

var rdsProxyRequirements = []requirement{
	{row: "D7", name: "one RDS Proxy leads to the cluster, demands TLS, writes no statement into its log, and ends clients that are idle for long",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			proxy, targets := a.proxy(), a.one("AWS::RDS::DBProxyTargetGroup", "TargetGroupName", "default")
			if !proxy.exists() || proxy.text("EngineFamily") != "POSTGRESQL" {
				fail("want exactly one proxy of PostgreSQL, got %v", a.all("AWS::RDS::DBProxy"))
			}
			if !proxy.isSet("RequireTLS") {
				fail("%s lets clients in without TLS: their tokens could be read", proxy)
			}
			if proxy.get("DebugLogging") != false {
				fail("%s logs statements, with what customers typed", proxy)
			}
			if idle := proxy.number("IdleClientTimeout"); idle <= 300 || idle > 1800 {
				fail("%s ends clients that are idle for %v s, want more than the 300 s that services keep a connection, and at most 1800", proxy, idle)
			}
			if ids := targets.list("DBClusterIdentifiers"); len(ids) != 1 || !a.targetOf(targets.stack, ids[0]).is(a.cluster()) || !a.target(targets, "DBProxyName").is(proxy) {
				fail("%s does not lead %s to the cluster alone", targets, proxy)
			}
			if wait := targets.number("ConnectionPoolConfigurationInfo/ConnectionBorrowTimeout"); wait != 10 {
				fail("%s lets clients wait for %v s, want 10 as behind PgBouncer", targets, wait)
			}
		}},
	{row: "D7", name: "its second endpoint is for reading alone, and is made once there is something to lead to",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			reader := a.proxyReader()
			if !a.target(reader, "DBProxyName").is(a.proxy()) {
				fail("there is no endpoint for reading: every read would come to the writer")
			}
			if !slices.Contains(texts(reader.body["DependsOn"]), a.one("AWS::RDS::DBProxyTargetGroup", "TargetGroupName", "default").id) {
				fail("%s does not wait for the target group: AWS refuses it without a reader", reader)
			}
		}},
	{row: "D7", name: "it knows one login for each service, by IAM only, and may read those secrets and no others",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			proxy := a.proxy()
			auth := proxy.list("Auth")
			if len(auth) != len(a.environment.DatabaseServices()) {
				fail("%s has %d logins, want one for each of %v", proxy, len(auth), a.environment.DatabaseServices())
			}
			role := a.target(proxy, "RoleArn")
			if trusted := a.trusted(role); !slices.Equal(trusted, []string{"rds.amazonaws.com"}) {
				fail("%s trusts %v, want RDS alone", role, trusted)
			}
			var readable []any
			for _, s := range a.statements(role) {
				for _, action := range s.actions() {
					switch {
					case action == "secretsmanager:GetSecretValue":
						readable = append(readable, s.resources()...)
					case action != "kms:Decrypt" || dig(s.condition(), "StringEquals/kms:ViaService") == nil:
						fail("%s allows %s, want the reading of secrets alone", s.where, action)
					}
				}
			}
			if len(readable) != len(auth) {
				fail("%s may read %d secrets, want the %d logins", role, len(readable), len(auth))
			}
			for _, name := range a.environment.DatabaseServices() {
				login := a.login(a.environment.Services[name].Database.Schema, contract.ProxyAccess)
				known := slices.ContainsFunc(auth, func(entry any) bool {
					return a.isSecret(login, a.targetOf(proxy.stack, dig(entry, "SecretArn"))) && dig(entry, "AuthScheme") == "SECRETS" && dig(entry, "IAMAuth") == "REQUIRED"
				})
				if !login.exists() || !known {
					fail("%s does not know the login of %s, by IAM: the service would be let in by a password, or not at all", proxy, name)
				}
				if !slices.ContainsFunc(readable, func(target any) bool { return a.isSecret(login, a.targetOf(role.stack, target)) }) {
					fail("%s may not read the login of %s: the proxy could not log in to the database", role, name)
				}
				if !a.mayDecrypt(role, a.target(login, "KmsKeyId")) {
					fail("%s may not decrypt %s", role, login)
				}
			}
		}},
	{row: "D7", name: "a service may ask for its own role and no other's, has neither pooler nor password, and is told to sign in by IAM",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			a.forEachTask(func(service string, task resource) {
				settings := a.environment.Services[service].Database
				if a.container(task, "pooler") != nil {
					fail("%s has a pooler beside the proxy", task)
				}
				var connects []string
				for _, s := range a.statements(a.target(task, "TaskRoleArn")) {
					if slices.Contains(s.actions(), "rds-db:connect") {
						for _, target := range s.resources() {
							connects = append(connects, a.resolve(s.stack, target))
						}
					}
				}
				if settings == nil {
					if len(connects) > 0 {
						fail("%s has no database and may log in to %v", task, connects)
					}
					return
				}
				if len(connects) != 1 || !strings.HasSuffix(connects[0], "/"+contract.LoginRole(settings.Schema, contract.ProxyAccess)) ||
					!strings.Contains(connects[0], ":rds-db:"+task.stack.region+":"+task.stack.account+":dbuser:") || strings.Contains(connects[0], "*") {
					fail("%s may log in as %v, want its own role alone", task, connects)
				}
				if got := variable(task, "DATABASE_AUTHENTICATION"); got != "iam" {
					fail("%s is told to authenticate by %v: it would send no token", task, got)
				}
				for _, entry := range task.list("ContainerDefinitions/0/Secrets") {
					for _, login := range a.logins() {
						if a.mentions(task.stack, dig(entry, "ValueFrom"), login) || a.mentions(task.stack, dig(entry, "ValueFrom"), a.attachment(login)) {
							fail("%s holds the password of %s", task, login)
						}
					}
				}
			})
		}},
	{row: "D8", name: "behind an RDS Proxy, the writer URL leads to the writer, the reader URL to the readers, and to the writer for a service that bears less than the lag objective",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			a.forEachTask(func(service string, task resource) {
				settings := a.environment.Services[service].Database
				if settings == nil {
					return
				}
				writer, reader := a.proxy().key()+".Endpoint", a.proxyReader().key()+".Endpoint"
				if settings.StalenessMilliseconds < a.environment.Scaler.LagObjectiveMilliseconds {
					reader = writer
				}
				for name, host := range map[string]string{"DATABASE_WRITER_URL": writer, "DATABASE_READER_URL": reader} {
					want := fmt.Sprintf("postgres://%s_proxy@%s:5432/peakline?sslmode=verify-full", settings.Schema, host)
					if got := a.resolve(task.stack, variable(task, name)); got != want {
						fail("%s has %s=%s, want %s, as docs/connect-to-the-database.md says", task, name, got, want)
					}
				}
			})
		}},
	{row: "D7", name: "a proxy that reaches no database, refuses, is pinned, fills up or lets wait is told",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			for name, want := range map[string]struct {
				severity, comparison string
				low, high            float64
				metrics              []string
			}{
				"proxy-unavailable-writer":  {"critical", "LessThanThreshold", 1, 99, []string{"AvailabilityPercentage TargetRole=READ_WRITE"}},
				"proxy-unavailable-readers": {"critical", "LessThanThreshold", 1, 99, []string{"AvailabilityPercentage TargetRole=READ_ONLY"}},
				"proxy-refused":             {"critical", "GreaterThanThreshold", 0, 0, []string{"ClientConnectionsSetupFailedAuth", "DatabaseConnectionsSetupFailed"}},
				"proxy-pinned":              {"warning", "GreaterThanThreshold", 5, 50, []string{"DatabaseConnectionsCurrentlySessionPinned", "DatabaseConnections"}},
				"proxy-connections":         {"warning", "GreaterThanThreshold", 50, 90, []string{"DatabaseConnections", "MaxDatabaseConnectionsAllowed"}},
				"proxy-waiting":             {"warning", "GreaterThanThreshold", 1_000, 1_000_000, []string{"DatabaseConnectionsBorrowLatency"}},
			} {
				alarm := a.alarm(name)
				if !alarm.exists() || a.topicOf(alarm.stack, alarm.list("AlarmActions")[0]) != want.severity {
					fail("there is no alarm %s of severity %s: customers notice first", name, want.severity)
					continue
				}
				if threshold := alarm.number("Threshold"); alarm.text("ComparisonOperator") != want.comparison || threshold < want.low || threshold > want.high {
					fail("%s fires at %s %v, want %s %v to %v", alarm, alarm.text("ComparisonOperator"), threshold, want.comparison, want.low, want.high)
				}
				var watched []string
				for _, m := range metricsOf(alarm) {
					text := m.name
					if role := m.dimensions["TargetRole"]; role != nil {
						text += fmt.Sprint(" TargetRole=", role)
					}
					if m.namespace == "AWS/RDS" && a.targetOf(alarm.stack, m.dimensions["ProxyName"]).is(a.proxy()) {
						watched = append(watched, text)
					}
				}
				slices.Sort(watched)
				slices.Sort(want.metrics)
				if !slices.Equal(watched, want.metrics) {
					fail("%s watches %v of the proxy, want %v", alarm, watched, want.metrics)
				}
			}
		}},
	{row: "N4", name: "the proxy is a link between services and database, in subnets without a way in",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			for _, endpoint := range []resource{a.proxy(), a.proxyReader()} {
				groups := endpoint.list("VpcSecurityGroupIds")
				if len(groups) != 1 {
					fail("%s has %d security groups, want its own", endpoint, len(groups))
					continue
				}
				group := a.targetOf(endpoint.stack, groups[0])
				if in, want := a.rulesOf(a.ingress(group)), []string{link("Services", constructs.DatabasePort)}; !slices.Equal(in, want) {
					fail("%s admits %v, want %v", endpoint, in, want)
				}
				if out, want := a.rulesOf(a.egress(group)), []string{link("Database", constructs.DatabasePort)}; !slices.Equal(out, want) {
					fail("%s reaches %v, want %v", endpoint, out, want)
				}
				for _, id := range endpoint.list("VpcSubnetIds") {
					if subnet := a.targetOf(endpoint.stack, id); subnet.tag("aws-cdk:subnet-name") != isolated {
						fail("%s is in %s, want isolated subnets only", endpoint, subnet)
					}
				}
			}
		}},
	{row: "D7", name: "the log of the proxy is there before it writes, encrypted and with an end",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			log := a.one("AWS::Logs::LogGroup", "LogGroupName", "/aws/rds/proxy/"+a.proxy().text("DBProxyName"))
			if !log.exists() || !slices.Contains(texts(a.proxy().body["DependsOn"]), log.id) || log.number("RetentionInDays") != float64(a.environment.Database.LogRetentionDays) {
				fail("RDS would make the log of %s itself, in the clear and for ever", a.proxy())
			}
		}},
	{row: "U4", name: "the proxy leaves each instance the connections that do not come through it",
		where: config.Environment.UsesProxy,
		check: func(a *assembly, fail failure) {
			pool := a.one("AWS::RDS::DBProxyTargetGroup", "TargetGroupName", "default")
			most, idle := pool.number("ConnectionPoolConfigurationInfo/MaxConnectionsPercent"), pool.number("ConnectionPoolConfigurationInfo/MaxIdleConnectionsPercent")
			if want := float64(a.environment.ProxyConnectionsPercent()); most != want || idle > most || most < 1 {
				fail("%s may take %v %% of an instance's connections and keep %v %% idle, want %v %%: migrations and people would find none", pool, most, idle, want)
			}
		}},
}

// proxy is the only one.
func (a *assembly) proxy() resource {
	if all := a.all("AWS::RDS::DBProxy"); len(all) == 1 {
		return all[0]
	}
	return resource{}
}

func (a *assembly) proxyReader() resource {
	return a.one("AWS::RDS::DBProxyEndpoint", "TargetRole", "READ_ONLY")
}

func behindProxy(a *assembly, _ resource) bool { return a.environment.UsesProxy() }

func withPoolers(a *assembly, _ resource) bool { return hasPoolers(a.environment) }

func hasPoolers(e config.Environment) bool { return !e.UsesProxy() }

// serviceVariable replaces one of the service's environment variables.
func serviceVariable(name string, value any) edit {
	return func(_ *assembly, task resource) {
		for _, entry := range task.list("ContainerDefinitions/0/Environment") {
			if dig(entry, "Name") == name {
				entry.(map[string]any)["Value"] = value
			}
		}
	}
}
