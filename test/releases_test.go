package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

var releaseRequirements = []requirement{
	{row: "P3", name: "a migration is a task of its own: the image that is being released, as the schema's owner, with limits to what it may wait for and run",
		where: migrates,
		check: func(a *assembly, fail failure) {
			for _, name := range migrating(a.environment) {
				settings, task := a.environment.Services[name].Migration, a.migration(name)
				if !task.exists() {
					fail("%s has no migration: its release would meet an old schema", name)
					continue
				}
				if a.runs(task) != a.image(name) || !slices.Equal(texts(task.get("ContainerDefinitions/0/Command/Fn::If/2")), settings.Command) {
					fail("%s runs %v of %s, want %v of the image of %s", task, task.get("ContainerDefinitions/0/Command"), a.runs(task), settings.Command, name)
				}
				want := fmt.Sprintf("-c lock_timeout=%d -c statement_timeout=%d", settings.LockSeconds*1000, settings.StatementSeconds*1000)
				if got := variable(task, "PGOPTIONS"); got != want {
					fail("%s has PGOPTIONS=%v, want %s: one statement could stop the shop", task, got, want)
				}
				if got := variable(task, "PGSSLMODE"); got != "verify-full" {
					fail("%s has PGSSLMODE=%v: it would tell its password to anyone", task, got)
				}
				login := a.login(a.environment.Services[name].Database.Schema, contract.MigrationAccess)
				secrets := task.list("ContainerDefinitions/0/Secrets")
				for _, secret := range secrets {
					if !a.mentionsSecret(task.stack, dig(secret, "ValueFrom"), login) {
						fail("%s gets %v, want the login of the schema's owner, %s", task, dig(secret, "Name"), login)
					}
				}
				if len(secrets) != 2 {
					fail("%s gets %d secrets, want user and password", task, len(secrets))
				}
			}
		}},
	{row: "P3", name: "the migration runs before the first task of a release, inside, and a release that it fails does not start",
		where: migrates,
		check: func(a *assembly, fail failure) {
			for _, name := range migrating(a.environment) {
				function := a.migrationFunction(name)
				told := a.resolve(function.stack, function.get("Environment/Variables/"+contract.EnvMigration))
				if !a.mentions(function.stack, function.get("Environment/Variables/"+contract.EnvMigration), a.migration(name)) ||
					!a.mentions(function.stack, function.get("Environment/Variables/"+contract.EnvMigration), a.target(a.service(name), "Cluster")) {
					fail("%s runs %s, want %s", function, told, a.migration(name))
				}
				if want := fmt.Sprintf(`"minutes":%d`, a.environment.Services[name].Migration.Minutes); !strings.Contains(told, want) {
					fail("%s is told %s, want %s: a migration that hangs would hold the release", function, told, want)
				}
				if !strings.Contains(told, a.resolve(function.stack, a.securityGroup("Administration").id)) && !strings.Contains(told, "AdministrationGroup") && !strings.Contains(told, "Administration") {
					fail("%s runs it in %s, want the security group of administration: it would not reach the database", function, told)
				}
				if a.environment.Services[name].Release == config.ReleaseCodeDeploy {
					continue // the appspec names the hook
				}
				service, hooked := a.service(name), false
				for _, hook := range service.list("DeploymentConfiguration/LifecycleHooks") {
					if a.targetOf(service.stack, dig(hook, "HookTargetArn")).is(function) {
						hooked = slices.Equal(texts(dig(hook, "LifecycleStages")), []string{"PRE_SCALE_UP"})
					}
				}
				if !hooked || !slices.Contains(texts(service.body["DependsOn"]), function.id) {
					fail("%s does not wait for %s: its new tasks would meet an old schema", service, function)
				}
			}
		}},
	{row: "P3", name: "the function may run the migration of its service and nothing else",
		where: migrates,
		check: func(a *assembly, fail failure) {
			for _, name := range migrating(a.environment) {
				task, run := a.migration(name), false
				for _, s := range a.statements(a.target(a.migrationFunction(name), "Role")) {
					for _, on := range s.resources() {
						resolved := a.resolve(s.stack, on)
						switch {
						case slices.Contains(s.actions(), "ecs:RunTask"):
							run = strings.HasSuffix(resolved, ":task-definition/"+task.text("Family")+":*") && s.body["Condition"] != nil
							if !run {
								fail("%s may run %s, want %s", a.migrationFunction(name), resolved, task.text("Family"))
							}
						case slices.Contains(s.actions(), "iam:PassRole"):
							if target := a.targetOf(s.stack, on); !target.is(a.target(task, "TaskRoleArn")) && !target.is(a.target(task, "ExecutionRoleArn")) {
								fail("%s may hand out %s", a.migrationFunction(name), target)
							}
						}
					}
				}
				if !run {
					fail("%s may not run %s: no release of %s would start", a.migrationFunction(name), task, name)
				}
			}
		}},
	each(config.ReleaseCodeDeploy, "P4", "CodeDeploy moves the traffic of its service between blue and green, tried on the test listener, and keeps the version before for the bake time",
		func(a *assembly, name string, fail failure) {
			group, service := a.deploymentGroup(name), a.service(name)
			if !group.exists() || group.text("DeploymentGroupName") != contract.DeploymentGroup {
				fail("%s has the deployment group %s: nothing could release it", name, group)
				return
			}
			if a.target(group, "ApplicationName").text("ComputePlatform") != "ECS" {
				fail("%s is of the platform %s", a.target(group, "ApplicationName"), a.target(group, "ApplicationName").text("ComputePlatform"))
			}
			if !a.target(group, "ECSServices/0/ServiceName").is(service) || !a.target(group, "ECSServices/0/ClusterName").is(a.target(service, "Cluster")) {
				fail("%s releases %s, want %s", group, a.target(group, "ECSServices/0/ServiceName"), service)
			}
			blue, green, _ := a.traffic(name)
			pair := "LoadBalancerInfo/TargetGroupPairInfoList/0/"
			for path, want := range map[string]resource{
				"TargetGroups/0/Name": blue, "TargetGroups/1/Name": green,
				"ProdTrafficRoute/ListenerArns/0": a.listener(productionPort(a.environment)), "TestTrafficRoute/ListenerArns/0": a.listener(constructs.TestPort),
			} {
				if !a.target(group, pair+path).is(want) {
					fail("%s has %s %s, want %s: visitors would not reach the release, or would be the first to", group, path, a.target(group, pair+path), want)
				}
			}
			if group.text("DeploymentStyle/DeploymentType") != "BLUE_GREEN" || group.text("DeploymentStyle/DeploymentOption") != "WITH_TRAFFIC_CONTROL" {
				fail("%s has the style %v", group, group.get("DeploymentStyle"))
			}
			ending := "BlueGreenDeploymentConfiguration/TerminateBlueInstancesOnDeploymentSuccess/"
			if got := group.number(ending + "TerminationWaitTimeInMinutes"); got != float64(a.environment.Services[name].Shift.BakeMinutes) || group.text(ending+"Action") != "TERMINATE" {
				fail("%s ends the version before after %v minutes, want %d: it could not be gone back to", group, got, a.environment.Services[name].Shift.BakeMinutes)
			}
			checkShift(a, name, group, fail)
		}),
	each(config.ReleaseCodeDeploy, "P4", "CodeDeploy may release its service and no other, and is told by a function that tries the service's requests",
		func(a *assembly, name string, fail failure) {
			functions := a.where("AWS::Lambda::Function", "FunctionName", contract.SmokeTestFunction(a.environment.Name, name))
			if len(functions) != 1 {
				fail("releases of %s are tried by %d functions", name, len(functions))
				return
			}
			var tests contract.SmokeTests
			if err := json.Unmarshal([]byte(functions[0].text("Environment/Variables/"+contract.EnvSmokeTests)), &tests); err != nil {
				fail("%s has no requests: %v", functions[0], err)
			}
			var got []config.SmokeTest
			for _, request := range tests.Requests {
				got = append(got, config.SmokeTest(request))
			}
			if want := a.environment.Services[name].SmokeTest; !slices.Equal(got, want) {
				fail("%s tries %v, want %v", functions[0], got, want)
			}
			role := a.target(a.deploymentGroup(name), "ServiceRoleArn")
			_, _, rules := a.traffic(name)
			service, task := a.service(name), a.task(a.service(name))
			ours := []resource{service, functions[0], a.migrationFunction(name), a.target(task, "TaskRoleArn"), a.target(task, "ExecutionRoleArn"), rules[productionPort(a.environment)], rules[constructs.TestPort]}
			allowed := map[string]bool{}
			for _, s := range a.statements(role) {
				for _, action := range s.actions() {
					for _, on := range s.resources() {
						target := a.targetOf(s.stack, on)
						known := slices.ContainsFunc(ours, target.is) || strings.Contains(action, ":Describe") || a.mentions(s.stack, on, service)
						if !known {
							fail("%s may %s on %s, not only release %s", role, action, a.resolve(s.stack, on), name)
						}
						allowed[action+" "+target.id] = true
					}
				}
			}
			for _, want := range []string{"ecs:CreateTaskSet " + service.id, "ecs:UpdateServicePrimaryTaskSet " + service.id, "lambda:InvokeFunction " + functions[0].id,
				"elasticloadbalancing:ModifyRule " + rules[productionPort(a.environment)].id, "elasticloadbalancing:ModifyRule " + rules[constructs.TestPort].id,
				"iam:PassRole " + ours[3].id, "iam:PassRole " + ours[4].id, "cloudwatch:DescribeAlarms "} {
				if !allowed[want] {
					fail("%s may not %s: every release of %s would fail", role, want, name)
				}
			}
			told := false
			for _, s := range a.statements(a.target(functions[0], "Role")) {
				for _, on := range s.resources() {
					told = told || slices.Contains(s.actions(), "codedeploy:PutLifecycleEventHookExecutionStatus") && s.body["Effect"] == "Allow" &&
						strings.HasSuffix(a.resolve(s.stack, on), contract.DeploymentApplication(a.environment.Name, name)+"/"+contract.DeploymentGroup)
				}
			}
			if !told {
				fail("%s may not tell CodeDeploy how the smoke test went: every release of %s would wait for an hour and be taken back", functions[0], name)
			}
		}),
	each(config.ReleaseCodeDeploy, "P5", "CodeDeploy takes a release back when it fails, is stopped, or an alarm on errors, latency or unhealthy tasks fires",
		func(a *assembly, name string, fail failure) {
			group, watched := a.deploymentGroup(name), map[string]bool{}
			for _, alarm := range group.list("AlarmConfiguration/Alarms") {
				watched[a.targetOf(group.stack, dig(alarm, "Name")).key()] = true
			}
			for _, alarm := range releaseAlarms {
				if !watched[a.alarm(alarm+"-"+name).key()] || group.get("AlarmConfiguration/Enabled") != true {
					fail("%s goes on while %s fires: a faulty release would stay", group, alarm)
				}
			}
			for _, event := range []string{"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"} {
				if group.get("AutoRollbackConfiguration/Enabled") != true || !slices.Contains(texts(group.get("AutoRollbackConfiguration/Events")), event) {
					fail("%s does not go back on %s", group, event)
				}
			}
		}),
	each(config.ReleaseECS, "P4", "a release under ECS is tried with the service's requests once it has the test traffic, and before it gets a visitor",
		func(a *assembly, name string, fail failure) {
			service := a.service(name)
			hooks := slices.DeleteFunc(slices.Clone(service.list("DeploymentConfiguration/LifecycleHooks")), func(hook any) bool {
				return slices.Equal(texts(dig(hook, "LifecycleStages")), []string{"PRE_SCALE_UP"})
			})
			if len(hooks) != 1 || !slices.Equal(texts(dig(hooks[0], "LifecycleStages")), []string{"POST_TEST_TRAFFIC_SHIFT"}) {
				fail("%s has the hooks %v, want one after the test traffic has shifted: visitors would be the first to try a release", name, hooks)
				return
			}
			if function := a.targetOf(service.stack, dig(hooks[0], "HookTargetArn")); !function.is(a.smokeTest()) {
				fail("%s is tried by %s, want %s", name, function, a.smokeTest())
			}
			var got []config.SmokeTest
			for _, request := range asList(dig(hooks[0], "HookDetails/requests")) {
				status, _ := dig(request, "status").(float64)
				got = append(got, config.SmokeTest{Path: dig(request, "path").(string), Status: int(status)})
			}
			if want := a.environment.Services[name].SmokeTest; len(got) == 0 || !slices.Equal(got, want) {
				fail("%s is tried with %v, want %v", name, got, want)
			}
			role := a.targetOf(service.stack, dig(hooks[0], "RoleArn"))
			if !slices.Equal(a.trusted(role), []string{"ecs.amazonaws.com"}) {
				fail("%s trusts %v, want ECS", role, a.trusted(role))
			}
			called := false
			for _, s := range a.statements(role) {
				for _, on := range s.resources() {
					if !a.targetOf(s.stack, on).is(a.smokeTest()) {
						fail("%s may %v on %s, not only call %s", role, s.actions(), a.resolve(s.stack, on), a.smokeTest())
					}
					called = called || slices.Equal(s.actions(), []string{"lambda:InvokeFunction"}) && s.body["Effect"] == "Allow"
				}
			}
			if !called {
				fail("%s may not call %s: every release of %s would be taken back", role, a.smokeTest(), name)
			}
			for _, needed := range a.policies(role) {
				if !slices.Contains(texts(service.body["DependsOn"]), needed.id) {
					fail("%s is made before %s: its first release would be taken back", service, needed)
				}
			}
		}),
	{row: "P4", name: "every function that tries releases is inside, calls the test listener and nothing else",
		check: func(a *assembly, fail failure) {
			tries := slices.DeleteFunc(a.all("AWS::Lambda::Function"), func(r resource) bool { return r.get("Environment/Variables/"+contract.EnvTestURL) == nil })
			if want := 1 + len(releasedBy(a.environment, config.ReleaseCodeDeploy)); len(tries) != want {
				fail("%d functions try releases, want %d: one for all services under ECS, and one for each under CodeDeploy", len(tries), want)
			}
			for _, function := range tries {
				if got, want := a.resolve(function.stack, function.get("Environment/Variables/"+contract.EnvTestURL)), fmt.Sprintf("%s:%d", a.internalAddress(), constructs.TestPort); got != want {
					fail("%s tries %s, want %s: it would try what visitors have already", function, got, want)
				}
				if groups := function.list("VpcConfig/SecurityGroupIds"); len(groups) != 1 || !a.targetOf(function.stack, groups[0]).is(a.securityGroup("ReleaseTest")) {
					fail("%s is in the security groups %v, want ReleaseTest: it would not reach the test listener", function, groups)
				}
			}
		}},
	each(config.ReleaseECS, "P4", "a release under ECS takes visitors over as configured, and the version before stays for the bake time",
		func(a *assembly, name string, fail failure) {
			shift, path := a.environment.Services[name].Shift, "DeploymentConfiguration/"
			want := map[string]any{
				"Strategy":          map[config.ShiftKind]string{config.ShiftAllAtOnce: "BLUE_GREEN", config.ShiftCanary: "CANARY", config.ShiftLinear: "LINEAR"}[shift.Kind],
				"BakeTimeInMinutes": float64(shift.BakeMinutes),
			}
			switch shift.Kind {
			case config.ShiftCanary:
				want["CanaryConfiguration/CanaryPercent"], want["CanaryConfiguration/CanaryBakeTimeInMinutes"] = float64(shift.Percent), float64(shift.StepMinutes)
			case config.ShiftLinear:
				want["LinearConfiguration/StepPercent"], want["LinearConfiguration/StepBakeTimeInMinutes"] = float64(shift.Percent), float64(shift.StepMinutes)
			}
			for property, value := range want {
				if got := a.service(name).get(path + property); got != value {
					fail("%s is released with %s %v, want %v: a fault would reach more visitors than was meant", name, property, got, value)
				}
			}
		}),
	{row: "P5", name: "a release under ECS, rolling or not, is taken back when an alarm on errors, latency or unhealthy tasks fires",
		check: func(a *assembly, fail failure) {
			for _, name := range append(releasedBy(a.environment, config.ReleaseECS), releasedBy(a.environment, config.ReleaseRolling)...) {
				service, path := a.service(name), "DeploymentConfiguration/Alarms/"
				watched := map[string]bool{}
				for _, alarm := range service.list(path + "AlarmNames") {
					watched[a.targetOf(service.stack, alarm).key()] = true
				}
				for _, alarm := range releaseAlarms {
					if !watched[a.alarm(alarm+"-"+name).key()] {
						fail("%s is released without regard to %s: a faulty release would stay", name, alarm)
					}
				}
				if service.get(path+"Enable") != true || service.get(path+"Rollback") != true {
					fail("%s is not taken back by alarms: %v", name, service.get("DeploymentConfiguration/Alarms"))
				}
			}
		}},
	{row: "P5", name: "the alarms of a release judge each colour by itself, by enough requests, and within the bake time",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				groups := a.groupsOf(name)
				for _, kind := range releaseAlarms {
					alarm := a.alarm(kind + "-" + name)
					watched, expression := map[string]bool{}, ""
					for _, metric := range alarm.list("Metrics") {
						if text, _ := dig(metric, "Expression").(string); text != "" {
							expression = text
						}
						if dig(metric, "MetricStat/Metric/MetricName") == releaseMetrics[kind] {
							for _, dimension := range asList(dig(metric, "MetricStat/Metric/Dimensions")) {
								watched[a.targetOf(alarm.stack, dig(dimension, "Value")).key()] = true
							}
						}
					}
					if slices.ContainsFunc(groups, func(group resource) bool { return !watched[group.key()] }) {
						fail("%s does not watch %s of each colour of %s: every other release would go unwatched", alarm, releaseMetrics[kind], name)
					}
					if !strings.HasPrefix(expression, "MAX([") {
						fail("%s takes the colours together (%s): the few visitors of a canary would be lost among the rest", alarm, expression)
					}
					if kind != "release-unhealthy" && strings.Count(expression, " 20") < len(groups) {
						fail("%s judges by fewer than twenty requests (%s): a single failure would take a release back", alarm, expression)
					}
					if minutes := alarm.number("EvaluationPeriods"); minutes > float64(settings.Shift.BakeMinutes) {
						fail("%s looks back %v minutes, the version before stays for %d: it could not be gone back to in seconds", alarm, minutes, settings.Shift.BakeMinutes)
					}
					if alarm.text("TreatMissingData") != "notBreaching" {
						fail("%s takes missing data as %s: the colour that rests would take every release back", alarm, alarm.text("TreatMissingData"))
					}
				}
			}
		}},
}

// releaseAlarms take a release back, and releaseMetrics are what they watch beside requests.
var (
	releaseAlarms  = []string{"release-errors", "release-latency", "release-unhealthy"}
	releaseMetrics = map[string]string{
		"release-errors": "HTTPCode_Target_5XX_Count", "release-latency": "TargetResponseTime", "release-unhealthy": "UnHealthyHostCount"}
)

func isReleaseAlarm(a *assembly, r resource) bool {
	return strings.HasPrefix(r.text("AlarmName"), a.environment.Name+"-release-")
}

// smokeTest is the function that tries releases.
func (a *assembly) smokeTest() resource {
	for _, function := range a.all("AWS::Lambda::Function") {
		if function.get("Environment/Variables/"+contract.EnvTestURL) != nil && function.get("Environment/Variables/"+contract.EnvSmokeTests) == nil {
			return function
		}
	}
	return resource{}
}

// deploymentGroup is what CodeDeploy releases a service by.
func (a *assembly) deploymentGroup(name string) resource {
	for _, group := range a.all("AWS::CodeDeploy::DeploymentGroup") {
		if a.target(group, "ApplicationName").text("ApplicationName") == contract.DeploymentApplication(a.environment.Name, name) {
			return group
		}
	}
	return resource{}
}

func checkShift(a *assembly, name string, group resource, fail failure) {
	shift, routing := a.environment.Services[name].Shift, a.target(group, "DeploymentConfigName")
	want := map[string]any{}
	switch shift.Kind {
	case config.ShiftAllAtOnce:
		if got := group.text("DeploymentConfigName"); got != "CodeDeployDefault.ECSAllAtOnce" {
			fail("%s shifts by %q, want all visitors at once", group, got)
		}
	case config.ShiftCanary:
		want["TimeBasedCanary/CanaryPercentage"], want["TimeBasedCanary/CanaryInterval"] = float64(shift.Percent), float64(shift.StepMinutes)
	case config.ShiftLinear:
		want["TimeBasedLinear/LinearPercentage"], want["TimeBasedLinear/LinearInterval"] = float64(shift.Percent), float64(shift.StepMinutes)
	}
	for property, value := range want {
		if got := routing.get("TrafficRoutingConfig/" + property); got != value || routing.text("ComputePlatform") != "ECS" {
			fail("%s shifts with %s %v, want %v: a fault would reach more visitors than was meant", group, property, got, value)
		}
	}
}

// migrating lists the services that have migrations, sorted.
func migrating(environment config.Environment) []string {
	return slices.DeleteFunc(environment.ServiceNames(), func(name string) bool { return environment.Services[name].Migration == nil })
}

func migrates(environment config.Environment) bool { return len(migrating(environment)) > 0 }

// isMigration tells the task that changes a schema from those that serve.
func isMigration(task resource) bool { return variable(task, "PGOPTIONS") != nil }

// servingTasks are all tasks but those that change a schema.
func (a *assembly) servingTasks() []resource {
	return slices.DeleteFunc(a.all("AWS::ECS::TaskDefinition"), isMigration)
}

// migration is the task that changes the schema of a service.
func (a *assembly) migration(name string) resource {
	for _, task := range a.all("AWS::ECS::TaskDefinition") {
		if isMigration(task) && variable(task, "SERVICE") == name {
			return task
		}
	}
	return resource{}
}

// migrationFunction runs it.
func (a *assembly) migrationFunction(name string) resource {
	for _, function := range a.all("AWS::Lambda::Function") {
		if told := function.get("Environment/Variables/" + contract.EnvMigration); told != nil && a.mentions(function.stack, told, a.migration(name)) {
			return function
		}
	}
	return resource{}
}

// mentionsSecret tells whether a container's value is a part of a secret, or of its attachment.
func (a *assembly) mentionsSecret(s *stack, value any, secret resource) bool {
	return a.mentions(s, value, secret) || a.mentions(s, value, a.attachment(secret))
}
