package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

var serviceRequirements = []requirement{
	{row: "S1", name: "each entry of the catalogue is a service with its size, variables and health check",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				service := a.service(name)
				task := a.task(service)
				if !service.exists() || task.kind != "AWS::ECS::TaskDefinition" {
					fail("%s runs nowhere", name)
					continue
				}
				if task.text("Cpu") != fmt.Sprint(settings.CPU) || task.text("Memory") != fmt.Sprint(settings.MemoryMiB) {
					fail("%s has %s CPU units and %s MiB, want %d and %d", task, task.text("Cpu"), task.text("Memory"), settings.CPU, settings.MemoryMiB)
				}
				want := map[string]string{"ENVIRONMENT": a.environment.Name, "SERVICE": name, "PORT": fmt.Sprint(settings.Port)}
				for key, value := range settings.Environment {
					want[key] = value
				}
				for key, value := range want {
					if got := variable(task, key); got != value {
						fail("%s has %s=%v, want %s: the service would not start", task, key, got, value)
					}
				}
				if command := task.get("ContainerDefinitions/0/HealthCheck/Command/Fn::If/2"); !slices.Equal(texts(command), settings.Health.Command) {
					fail("%s checks health by %v, want %v: a hanging task would stay", task, command, settings.Health.Command)
				}
			}
		}},
	{row: "S2", name: "tasks run on arm64 without root, without a writable file system, and write to a log of ours",
		check: func(a *assembly, fail failure) {
			for _, task := range a.all("AWS::ECS::TaskDefinition") {
				for path, want := range map[string]any{
					"RuntimePlatform/CpuArchitecture":                            "ARM64",
					"ContainerDefinitions/0/ReadonlyRootFilesystem":              true,
					"ContainerDefinitions/0/User":                                "65532:65532",
					"ContainerDefinitions/0/LinuxParameters/Capabilities/Drop/0": "ALL",
					"ContainerDefinitions/0/LogConfiguration/LogDriver":          "awslogs",
				} {
					if got := task.get(path); got != want {
						fail("%s has %s=%v, want %v: an intruder would find more than he should", task, path, got, want)
					}
				}
				if a.target(task, "ContainerDefinitions/0/LogConfiguration/Options/awslogs-group").kind != "AWS::Logs::LogGroup" {
					fail("%s does not log to a group of ours", task)
				}
			}
		}},
	{row: "S2", name: "each service has its paths on both listeners at its priority, first to blue, and its two target groups",
		check: func(a *assembly, fail failure) {
			for _, name := range blueGreen(a.environment) {
				settings := a.environment.Services[name]
				blue, green, rules := a.traffic(name)
				if blue.kind != "AWS::ElasticLoadBalancingV2::TargetGroup" || green.kind != blue.kind || blue.is(green) {
					fail("%s has target groups %s and %s, want two: a release would replace what runs", name, blue, green)
				}
				for _, port := range []float64{productionPort(a.environment), constructs.TestPort} {
					rule := rules[port]
					if got := texts(rule.get("Conditions/0/PathPatternConfig/Values")); !slices.Equal(got, settings.Paths) {
						fail("the rule of %s on port %v has the paths %v, want %v", name, port, got, settings.Paths)
					}
					if rule.number("Priority") != float64(settings.Priority) {
						fail("the rule of %s on port %v has priority %v, want %d", name, port, rule.number("Priority"), settings.Priority)
					}
				}
				for _, group := range []resource{blue, green} {
					if group.number("Port") != constructs.ServicePort {
						fail("%s has the service's own port: another one replaces the group, and its rules lead to one without a task", group)
					}
					if group.text("HealthCheckPath") != settings.Health.Path || group.text("TargetType") != "ip" {
						fail("%s checks %q, want %q: broken tasks would get visitors", group, group.text("HealthCheckPath"), settings.Health.Path)
					}
				}
			}
		}},
	{row: "S2", name: "a rule's weights follow the parameter of the live colour, blue at first, so that CloudFormation can be told where the traffic is",
		check: func(a *assembly, fail failure) {
			for _, name := range blueGreen(a.environment) {
				_, _, rules := a.traffic(name)
				for _, rule := range rules {
					var weights [2][]any
					for group := range weights {
						weights[group] = asList(rule.get(fmt.Sprintf("Actions/0/ForwardConfig/TargetGroups/%d/Weight/Fn::If", group)))
					}
					if len(weights[0]) != 3 || !slices.Equal(weights[0][1:], []any{0.0, 100.0}) || !slices.Equal(weights[1], []any{weights[0][0], 100.0, 0.0}) {
						fail("%s has the weights %v: a change of its paths would send the visitors of %s to a group without tasks", rule, weights, name)
						continue
					}
					equals := asList(dig(rule.stack.section("Conditions")[weights[0][0].(string)], "Fn::Equals"))
					parameter, _ := dig(equals[0], "Ref").(string)
					if declared := rule.stack.section("Parameters")[parameter]; equals[1] != "green" || dig(declared, "Default") != "blue" || dig(declared, "Type") != "String" {
						fail("%s follows the parameter %v: the first deployment would send visitors nowhere, or a failed one to where they were before", rule, declared)
					}
				}
			}
		}},
	each(config.ReleaseECS, "S2", "ECS releases a service beside what runs, takes a failed release back, and may move the traffic of this service only",
		func(a *assembly, name string, fail failure) {
			service := a.service(name)
			blue, green, rules := a.traffic(name)
			if !slices.Contains([]string{"BLUE_GREEN", "CANARY", "LINEAR"}, service.text("DeploymentConfiguration/Strategy")) || service.get("DeploymentConfiguration/DeploymentCircuitBreaker/Rollback") != true {
				fail("%s is released by %v: a faulty release would reach every visitor", name, service.get("DeploymentConfiguration"))
			}
			described := "LoadBalancers/0/AdvancedConfiguration/"
			for property, want := range map[string]resource{
				"AlternateTargetGroupArn": green, "ProductionListenerRule": rules[productionPort(a.environment)], "TestListenerRule": rules[constructs.TestPort]} {
				if !a.target(service, described+property).is(want) {
					fail("%s has %s %s, want %s", name, property, a.target(service, described+property), want)
				}
			}
			role := a.target(service, described+"RoleArn")
			allowed := map[string]bool{}
			for _, s := range a.statements(role) {
				for _, action := range s.actions() {
					for _, on := range s.resources() {
						target := a.targetOf(s.stack, on)
						ours := target.is(blue) || target.is(green) || target.is(rules[productionPort(a.environment)]) || target.is(rules[constructs.TestPort])
						if !ours && !strings.Contains(action, ":Describe") {
							fail("%s may %s on %s, not only move the traffic of %s", role, action, a.resolve(s.stack, on), name)
						}
						allowed[action+" "+target.id] = true
					}
				}
			}
			for _, want := range []string{"RegisterTargets " + blue.id, "RegisterTargets " + green.id, "DeregisterTargets " + blue.id, "DeregisterTargets " + green.id,
				"ModifyRule " + rules[productionPort(a.environment)].id, "ModifyRule " + rules[constructs.TestPort].id, "DescribeRules ", "DescribeTargetHealth "} {
				if !allowed["elasticloadbalancing:"+want] {
					fail("%s may not %s: every release of %s would fail", role, want, name)
				}
			}
			for _, needed := range a.policies(role) {
				if !slices.Contains(texts(service.body["DependsOn"]), needed.id) {
					fail("%s is made before %s: its first tasks would get no traffic", service, needed)
				}
			}
		}),
	each(config.ReleaseCodeDeploy, "S2", "a service under CodeDeploy starts in blue, and no deployment of the stack changes which revision runs",
		func(a *assembly, name string, fail failure) {
			service := a.service(name)
			if service.text("DeploymentController/Type") != "CODE_DEPLOY" {
				fail("%s is under %q: CodeDeploy could not release it", service, service.text("DeploymentController/Type"))
			}
			if service.text("TaskDefinition") == "" || service.text("TaskDefinition") != a.task(service).text("Family") {
				fail("%s names the revision %v: AWS refuses to change it, and with it the deployment", service, service.get("TaskDefinition"))
			}
			for _, refused := range []string{"ServiceConnectConfiguration", "DeploymentConfiguration/Strategy", "DeploymentConfiguration/DeploymentCircuitBreaker", "LoadBalancers/0/AdvancedConfiguration"} {
				if service.get(refused) != nil {
					fail("%s has %s, which AWS refuses under CodeDeploy", service, refused)
				}
			}
		}),
	each(config.ReleaseRolling, "S2", "a rolling service has one target group, its open paths and those that ask for a sign-in on the production listener alone, and a failed release is taken back",
		func(a *assembly, name string, fail failure) {
			service, settings, want := a.service(name), a.environment.Services[name], map[string]float64{}
			if service.text("DeploymentConfiguration/Strategy") != "ROLLING" || service.get("DeploymentConfiguration/DeploymentCircuitBreaker/Rollback") != true || service.number("DeploymentConfiguration/MinimumHealthyPercent") != 100 {
				fail("%s is released by %v, want task by task, back when it fails", service, service.get("DeploymentConfiguration"))
			}
			if len(service.list("LoadBalancers")) != 1 || service.get("LoadBalancers/0/AdvancedConfiguration") != nil || service.get("ServiceConnectConfiguration") != nil {
				fail("%s has %v and Service Connect %v: a release would rewrite the rule that asks for a sign-in, or others call past it", service, service.get("LoadBalancers"), service.get("ServiceConnectConfiguration"))
			}
			if group := a.target(service, "LoadBalancers/0/TargetGroupArn"); group.text("HealthCheckPath") != settings.Health.Path || group.text("TargetType") != "ip" {
				fail("%s checks %q, want %q: broken tasks would get visitors", group, group.text("HealthCheckPath"), settings.Health.Path)
			}
			if open := settings.OpenPaths(); len(open) > 0 {
				want[strings.Join(open, " ")] = float64(settings.Priority)
			}
			if settings.SignIn != nil {
				want[strings.Join(settings.SignIn.Paths, " ")] = float64(settings.SignIn.Priority)
			}
			got := map[string]float64{}
			for _, rule := range a.rulesTo(name) {
				got[strings.Join(texts(rule.get("Conditions/0/PathPatternConfig/Values")), " ")] = rule.number("Priority")
				if listener := a.target(rule, "ListenerArn"); !listener.is(a.listener(productionPort(a.environment))) || !slices.Contains(texts(service.body["DependsOn"]), rule.id) {
					fail("%s is on %s, or %s does not wait for it", rule, listener, service)
				}
			}
			if !maps.Equal(got, want) {
				fail("%s has the paths and priorities %v, want %v", name, got, want)
			}
		}),
	{row: "S2", name: "a service waits for what its tasks need to start: the rules that lead to them and the rights to fetch their image",
		check: func(a *assembly, fail failure) {
			for name := range a.environment.Services {
				service := a.service(name)
				_, _, rules := a.traffic(name)
				before := texts(service.body["DependsOn"])
				needed := a.policies(a.target(a.task(service), "ExecutionRoleArn"))
				for _, rule := range rules {
					needed = append(needed, rule)
				}
				for _, r := range needed {
					if !slices.Contains(before, r.id) {
						fail("%s is made before %s: its first tasks would fail, and with them the deployment", service, r)
					}
				}
			}
		}},
	{row: "S9", name: "the revision that ran before stays, for a release to go back to",
		check: func(a *assembly, fail failure) {
			for _, task := range a.all("AWS::ECS::TaskDefinition") {
				if task.body["UpdateReplacePolicy"] != "Retain" {
					fail("%s is retired when a new revision comes: a roll-back would find nothing to run", task)
				}
			}
		}},
	{row: "S2", name: "the inside reaches both listeners of the load balancer, without the internet and under a name of the certificate",
		check: func(a *assembly, fail failure) {
			inside := a.internalBalancer()
			if inside.text("Scheme") != "internal" || !a.target(inside, "SecurityGroups/0").is(a.securityGroup("InternalLoadBalancer")) {
				fail("%s is %q in %s: the way inside would lead through the internet, or be open", inside, inside.text("Scheme"), a.target(inside, "SecurityGroups/0"))
			}
			for _, subnet := range inside.list("Subnets") {
				if kind := a.targetOf(inside.stack, subnet).tag("aws-cdk:subnet-name"); kind != private {
					fail("%s stands in a subnet that is %s", inside, kind)
				}
			}
			for _, port := range []float64{productionPort(a.environment), constructs.TestPort} {
				passed := false
				for _, listener := range a.all("AWS::ElasticLoadBalancingV2::Listener") {
					group := a.target(listener, "DefaultActions/0/TargetGroupArn")
					passed = passed || a.target(listener, "LoadBalancerArn").is(inside) && listener.number("Port") == port &&
						group.text("TargetType") == "alb" && a.target(group, "Targets/0/Id").is(a.publicBalancer()) && group.number("Targets/0/Port") == port &&
						slices.Contains(texts(group.body["DependsOn"]), a.listener(port).id)
				}
				if !passed {
					fail("port %v of %s does not lead to the listener of the load balancer: services could not be called, nor a release be tried", port, inside)
				}
			}
			name := a.environment.LoadBalancer.HostName
			if name == "" {
				return
			}
			for _, record := range a.all("AWS::Route53::RecordSet") {
				zone := a.target(record, "HostedZoneId")
				if record.text("Name") == name+"." && zone.text("Name") == name+"." && a.mentions(record.stack, record.get("AliasTarget/DNSName"), inside) &&
					a.target(zone, "VPCs/0/VPCId").kind == "AWS::EC2::VPC" {
					return
				}
			}
			fail("%s does not lead to %s inside the VPC: services would call each other through the internet", name, inside)
		}},
	{row: "S2", name: "visitors are served over HTTPS with the configured certificate and led there from HTTP, or over HTTP where there is none",
		check: func(a *assembly, fail failure) {
			listeners := map[float64]resource{}
			for _, listener := range a.all("AWS::ElasticLoadBalancingV2::Listener") {
				if a.target(listener, "LoadBalancerArn").is(a.publicBalancer()) {
					listeners[listener.number("Port")] = listener
				}
			}
			certificate := a.environment.LoadBalancer.CertificateARN
			if certificate == "" {
				if production(a.environment) || listeners[80].text("DefaultActions/0/Type") != "fixed-response" {
					fail("there is no certificate: passwords would go in the clear")
				}
				return
			}
			for _, port := range []float64{443, 8443} {
				if listeners[port].text("Certificates/0/CertificateArn") != certificate || !strings.Contains(listeners[port].text("SslPolicy"), "TLS13") {
					fail("port %v has certificate %q and policy %q", port, listeners[port].text("Certificates/0/CertificateArn"), listeners[port].text("SslPolicy"))
				}
			}
			if listeners[80].text("DefaultActions/0/RedirectConfig/Protocol") != "HTTPS" {
				fail("port 80 does not redirect to HTTPS")
			}
			if !slices.Contains(texts(listeners[80].body["DependsOn"]), listeners[443].id) {
				fail("%s is made before %s gives up port 80: an environment could not get a certificate later", listeners[80], listeners[443])
			}
		}},
	{row: "S2", name: "the load balancer logs each request, drops invalid headers, and is protected from deletion in production",
		check: func(a *assembly, fail failure) {
			for key, want := range map[string]string{
				"access_logs.s3.enabled":                          "true",
				"routing.http.drop_invalid_header_fields.enabled": "true",
				"deletion_protection.enabled":                     fmt.Sprint(production(a.environment)),
			} {
				if got := a.balancerAttribute(key); got != want {
					fail("the load balancer has %s=%q, want %q", key, got, want)
				}
			}
			if got := attributeOf(a.internalBalancer(), "deletion_protection.enabled"); got != fmt.Sprint(production(a.environment)) {
				fail("the internal load balancer has deletion protection %q: with it every service loses the others", got)
			}
		}},
	{row: "S3", name: "scaling follows CPU and the requests of each target group, within the configured bounds",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				target := a.scalableTarget(name)
				if target.number("MinCapacity") != float64(settings.Scaling.Min) || target.number("MaxCapacity") != float64(settings.Scaling.Max) {
					fail("%s scales from %v to %v, want %d to %d", name, target.number("MinCapacity"), target.number("MaxCapacity"), settings.Scaling.Min, settings.Scaling.Max)
				}
				followed := map[string]bool{}
				for _, policy := range a.all("AWS::ApplicationAutoScaling::ScalingPolicy") {
					if !a.target(policy, "ScalingTargetId").is(target) {
						continue
					}
					path := "TargetTrackingScalingPolicyConfiguration/"
					if policy.text(path+"PredefinedMetricSpecification/PredefinedMetricType") == "ECSServiceAverageCPUUtilization" &&
						policy.number(path+"TargetValue") == float64(settings.Scaling.CPUPercent) {
						followed["CPU"] = true
					}
					metrics := policy.list(path + "CustomizedMetricSpecification/Metrics")
					groups := map[string]bool{}
					for _, metric := range metrics {
						if dig(metric, "MetricStat/Metric/MetricName") == "RequestCount" {
							groups[a.resolve(policy.stack, dig(metric, "MetricStat/Metric/Dimensions/1/Value"))] = true
						}
					}
					if len(groups) == len(a.groupsOf(name)) && policy.number(path+"TargetValue") == float64(settings.Scaling.RequestsPerMinute) {
						followed["requests"] = true
					}
				}
				if !followed["CPU"] || !followed["requests"] {
					fail("%s follows %v, want CPU and the requests of blue and green: after a release it would not scale", name, followed)
				}
			}
		}},
	{row: "S3", name: "the calendar's floors are set again while they hold, and taken back at their end",
		where: func(e config.Environment) bool { return len(e.Events) > 0 },
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				actions := a.scalableTarget(name).list("ScheduledActions")
				for _, floor := range a.environment.TaskFloors(name) {
					held := slices.ContainsFunc(actions, func(action any) bool {
						return dig(action, "ScalableTargetAction/MinCapacity") == float64(floor.Tasks) &&
							strings.HasPrefix(fmt.Sprint(dig(action, "Schedule")), "rate(") &&
							strings.HasPrefix(fmt.Sprint(dig(action, "StartTime")), floor.Start.Format("2006-01-02T15:04"))
					})
					if !held {
						fail("%s has no floor of %d tasks from %s: the sale would meet too few", name, floor.Tasks, floor.Start)
					}
					ended := slices.ContainsFunc(actions, func(action any) bool {
						return strings.Contains(fmt.Sprint(dig(action, "Schedule")), floor.End.Format("2006-01-02T15:04")) &&
							dig(action, "ScalableTargetAction/MinCapacity") == float64(settings.Scaling.Min)
					})
					if !ended {
						fail("the floor of %s is not taken back at %s: it would be paid for ever", name, floor.End)
					}
				}
			}
		}},
	each(config.ReleaseECS, "S4", "services under ECS are called by name",
		func(a *assembly, name string, fail failure) {
			service := a.service(name)
			if service.get("ServiceConnectConfiguration/Enabled") != true || service.text("ServiceConnectConfiguration/Services/0/ClientAliases/0/DnsName") != name {
				fail("%s cannot be called as http://%s", name, name)
			}
		}),
	{row: "S4", name: "a task finds the address of each service that it calls: the name where both ends have Service Connect, the internal load balancer elsewhere",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				expect := func(task resource, byName bool) {
					for _, callee := range settings.Calls {
						want := a.internalAddress()
						if byName && settings.Release == config.ReleaseECS && a.environment.Services[callee].Release == config.ReleaseECS {
							want = "http://" + callee
						}
						if got := a.resolve(task.stack, variable(task, config.CallVariable(callee))); got != want {
							fail("%s has %s=%s, want %s: it could not call %s", task, config.CallVariable(callee), got, want, callee)
						}
					}
				}
				expect(a.task(a.service(name)), true)
				for _, schedule := range a.all("AWS::Scheduler::Schedule") {
					if task := a.target(schedule, "Target/EcsParameters/TaskDefinitionArn"); variable(task, "SERVICE") == name {
						expect(task, false) // AWS has Service Connect for the tasks of services only
					}
				}
			}
		}},
	{row: "S5", name: "each schedule starts the released image as often as configured, tries again, and keeps what could not be started",
		check: func(a *assembly, fail failure) {
			for service, settings := range a.environment.Services {
				for name, want := range settings.Schedules {
					schedules := a.where("AWS::Scheduler::Schedule", "Description", fmt.Sprintf("Starts %s of %s", name, service))
					if len(schedules) != 1 {
						fail("%s of %s is scheduled %d times", name, service, len(schedules))
						continue
					}
					schedule := schedules[0]
					if !strings.HasPrefix(schedule.text("ScheduleExpression"), fmt.Sprintf("rate(%d minute", want.EveryMinutes)) {
						fail("%s runs at %s, want every %d minutes", schedule, schedule.text("ScheduleExpression"), want.EveryMinutes)
					}
					task := a.target(schedule, "Target/EcsParameters/TaskDefinitionArn")
					if !slices.Equal(texts(task.get("ContainerDefinitions/0/Command/Fn::If/2")), want.Command) ||
						task.get("ContainerDefinitions/0/Image") == nil ||
						a.runs(task) != a.image(service) {
						fail("%s does not run %v of the released image of %s", schedule, want.Command, service)
					}
					if schedule.number("Target/RetryPolicy/MaximumRetryAttempts") != float64(want.Retries) ||
						a.target(schedule, "Target/DeadLetterConfig/Arn").kind != "AWS::SQS::Queue" {
						fail("%s gives up without a trace", schedule)
					}
				}
			}
		}},
	{row: "S6", name: "a service gets the secrets that it names, and its roles may read no others",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				task := a.task(a.service(name))
				if got, want := len(task.list("ContainerDefinitions/0/Secrets")), len(settings.Secrets)+len(settings.Caches); got != want {
					fail("%s gets %d secrets, want %d", task, got, want)
				}
				for _, key := range a.keysOf(task) {
					if !a.mayDecrypt(a.target(task, "ExecutionRoleArn"), key) {
						fail("%s may not use %s, with which a secret of %s is encrypted: no task would start", a.target(task, "ExecutionRoleArn"), key, name)
					}
				}
				for _, role := range []string{"ExecutionRoleArn", "TaskRoleArn"} {
					for _, s := range a.statements(a.target(task, role)) {
						if !slices.Contains(s.actions(), "secretsmanager:GetSecretValue") {
							continue
						}
						for _, readable := range s.resources() {
							if !a.names(settings, s, readable) {
								fail("%s may read %s, which %s does not name", a.target(task, role), a.resolve(s.stack, readable), name)
							}
						}
					}
				}
			}
		}},
	{row: "S9", name: "every task runs the released image, read from its parameter at each deployment, and no other",
		check: func(a *assembly, fail failure) {
			for _, task := range a.all("AWS::ECS::TaskDefinition") {
				name, _ := variable(task, "SERVICE").(string)
				if got := a.runs(task); got != a.image(name) || got == "" {
					fail("%s runs %s, want %s: a deployment would bring the placeholder back", task, got, a.image(name))
				}
			}
		}},
	{row: "S10", name: "silent connections live as long as configured, and a task that stops may finish its own",
		check: func(a *assembly, fail failure) {
			if got := a.balancerAttribute("idle_timeout.timeout_seconds"); got != fmt.Sprint(a.environment.LoadBalancer.IdleTimeoutSeconds) {
				fail("silent connections end after %s s: WebSockets would break", got)
			}
			for name, settings := range a.environment.Services {
				service := a.service(name)
				blue := a.targetOf(service.stack, service.get("LoadBalancers/0/TargetGroupArn"))
				for _, attribute := range blue.list("TargetGroupAttributes") {
					if dig(attribute, "Key") == "deregistration_delay.timeout_seconds" && dig(attribute, "Value") != fmt.Sprint(settings.DrainSeconds) {
						fail("%s leaves connections %v s, want %d", blue, dig(attribute, "Value"), settings.DrainSeconds)
					}
				}
				if got := a.task(service).number("ContainerDefinitions/0/StopTimeout"); got != float64(settings.StopSeconds) {
					fail("%s is killed after %v s, want %d", name, got, settings.StopSeconds)
				}
			}
		}},
}

// service is the ECS service of an entry of the catalogue.
func (a *assembly) service(name string) resource {
	for _, service := range a.all("AWS::ECS::Service") {
		if variable(a.task(service), "SERVICE") == name {
			return service
		}
	}
	return resource{}
}

// variable is an environment variable of a task's container.
func variable(task resource, name string) any {
	for _, entry := range task.list("ContainerDefinitions/0/Environment") {
		if dig(entry, "Name") == name {
			return dig(entry, "Value")
		}
	}
	return nil
}

// image is the template parameter that reads the released image of a service, resolved.
func (a *assembly) image(service string) string {
	s := a.stack("Services")
	for id, parameter := range s.section("Parameters") {
		if dig(parameter, "Type") == "AWS::SSM::Parameter::Value<String>" &&
			dig(parameter, "Default") == fmt.Sprintf("/peakline/%s/services/%s/image", a.environment.Name, service) {
			return a.resolve(s, map[string]any{"Ref": id})
		}
	}
	return ""
}

// runs is the image of a task's container, unless a release is under way and brings another by the stack's parameter.
func (a *assembly) runs(task resource) string {
	choice := asList(task.get("ContainerDefinitions/0/Image/Fn::If"))
	if len(choice) != 3 {
		return ""
	}
	parameter, _ := dig(choice[1], "Ref").(string)
	declared := task.stack.section("Parameters")[parameter]
	empty := dig(task.stack.section("Conditions")[fmt.Sprint(choice[0])], "Fn::Not/0/Fn::Equals")
	if dig(declared, "Default") != "" || dig(declared, "Type") != "String" || !reflect.DeepEqual(empty, []any{map[string]any{"Ref": parameter}, ""}) {
		return ""
	}
	return a.resolve(task.stack, choice[2])
}

// scalableTarget is what scales a service.
func (a *assembly) scalableTarget(name string) resource {
	service := a.service(name)
	for _, target := range a.all("AWS::ApplicationAutoScaling::ScalableTarget") {
		if a.mentions(target.stack, target.get("ResourceId"), service) {
			return target
		}
	}
	return resource{}
}

// task is the task definition of a service: by reference, or under CodeDeploy by the family alone.
func (a *assembly) task(service resource) resource {
	if task := a.target(service, "TaskDefinition"); task.exists() {
		return task
	}
	for _, task := range a.where("AWS::ECS::TaskDefinition", "Family", service.get("TaskDefinition")) {
		if task.stack == service.stack {
			return task
		}
	}
	return resource{}
}

// each is a requirement of every service of one kind of release, where there is one.
func each(release config.Release, row, name string, check func(a *assembly, service string, fail failure)) requirement {
	return requirement{row: row, name: name,
		where: func(e config.Environment) bool { return len(releasedBy(e, release)) > 0 },
		check: func(a *assembly, fail failure) {
			for _, service := range releasedBy(a.environment, release) {
				check(a, service, fail)
			}
		}}
}

// releasedBy lists the services of one kind of release, sorted.
func releasedBy(environment config.Environment, release config.Release) []string {
	return slices.DeleteFunc(environment.ServiceNames(), func(name string) bool { return environment.Services[name].Release != release })
}

// blueGreen are the services whose releases stand beside what runs.
func blueGreen(environment config.Environment) []string {
	return slices.DeleteFunc(environment.ServiceNames(), func(name string) bool { return environment.Services[name].Release == config.ReleaseRolling })
}

// groupsOf are the target groups of a service.
func (a *assembly) groupsOf(name string) []resource {
	blue, green, _ := a.traffic(name)
	if a.environment.Services[name].Release == config.ReleaseRolling {
		return []resource{blue}
	}
	return []resource{blue, green}
}

// rulesTo are the rules that lead to a rolling service.
func (a *assembly) rulesTo(name string) []resource {
	return slices.DeleteFunc(a.all("AWS::ElasticLoadBalancingV2::ListenerRule"), func(rule resource) bool {
		last := fmt.Sprintf("Actions/%d/TargetGroupArn", len(rule.list("Actions"))-1)
		return !a.target(rule, last).is(a.groupsOf(name)[0])
	})
}

// traffic is the pair of target groups of a service, and the rules that lead to them by the port of their listener.
func (a *assembly) traffic(name string) (blue, green resource, rules map[float64]resource) {
	blue = a.target(a.service(name), "LoadBalancers/0/TargetGroupArn")
	rules = map[float64]resource{}
	for _, rule := range a.all("AWS::ElasticLoadBalancingV2::ListenerRule") {
		if a.target(rule, "Actions/0/ForwardConfig/TargetGroups/0/TargetGroupArn").is(blue) {
			green = a.target(rule, "Actions/0/ForwardConfig/TargetGroups/1/TargetGroupArn")
			rules[a.target(rule, "ListenerArn").number("Port")] = rule
		}
	}
	return blue, green, rules
}

func productionPort(environment config.Environment) float64 {
	if environment.LoadBalancer.CertificateARN == "" {
		return 80
	}
	return 443
}

// policies are those attached to a role.
func (a *assembly) policies(role resource) []resource {
	return slices.DeleteFunc(a.all("AWS::IAM::Policy"), func(policy resource) bool {
		return !slices.ContainsFunc(policy.list("Roles"), func(of any) bool { return a.targetOf(policy.stack, of).is(role) })
	})
}

// publicBalancer is in front of the services, and internalBalancer leads there from inside.
func (a *assembly) publicBalancer() resource { return a.balancer("application") }

func (a *assembly) internalBalancer() resource { return a.balancer("network") }

func (a *assembly) balancer(kind string) resource {
	for _, balancer := range a.where("AWS::ElasticLoadBalancingV2::LoadBalancer", "Type", kind) {
		return balancer
	}
	return resource{}
}

// listener of the public balancer, by its port.
func (a *assembly) listener(port float64) resource {
	for _, listener := range a.all("AWS::ElasticLoadBalancingV2::Listener") {
		if a.target(listener, "LoadBalancerArn").is(a.publicBalancer()) && listener.number("Port") == port {
			return listener
		}
	}
	return resource{}
}

// internalAddress is where services are called from inside.
func (a *assembly) internalAddress() string {
	if name := a.environment.LoadBalancer.HostName; name != "" {
		return "https://" + name
	}
	return "http://" + a.internalBalancer().key() + ".DNSName"
}

// balancerAttribute is an attribute of the load balancer.
func (a *assembly) balancerAttribute(key string) string { return attributeOf(a.publicBalancer(), key) }

func attributeOf(balancer resource, key string) string {
	for _, attribute := range balancer.list("LoadBalancerAttributes") {
		if dig(attribute, "Key") == key {
			return fmt.Sprint(dig(attribute, "Value"))
		}
	}
	return ""
}

// names tells whether a resource of a policy is one of the secrets that a service names, or its login.
func (a *assembly) names(settings config.Service, s statement, readable any) bool {
	text, _ := json.Marshal(readable)
	if settings.Database != nil && a.isSecret(a.login(settings.Database.Schema, contract.ServiceAccess), a.targetOf(s.stack, readable)) {
		return true
	}
	for _, purpose := range settings.Caches {
		if a.targetOf(s.stack, readable).is(a.cacheSecret(purpose)) {
			return true
		}
	}
	for _, secret := range settings.Secrets {
		for _, known := range a.where("AWS::SecretsManager::Secret", "Description", a.environment.Secrets[secret].Description) {
			if a.targetOf(s.stack, readable).is(known) || strings.Contains(string(text), known.id) {
				return true
			}
		}
	}
	return false
}

// keysOf are the keys of the secrets that a task's container gets.
func (a *assembly) keysOf(task resource) []resource {
	var keys []resource
	for _, entry := range task.list("ContainerDefinitions/0/Secrets") {
		for _, secret := range a.all("AWS::SecretsManager::Secret") {
			if a.mentions(task.stack, dig(entry, "ValueFrom"), secret) {
				keys = append(keys, a.target(secret, "KmsKeyId"))
			}
		}
	}
	return keys
}

// mayDecrypt tells whether a role's policies let it use a key through Secrets Manager.
func (a *assembly) mayDecrypt(role, key resource) bool {
	for _, s := range a.statements(role) {
		if s.allows() && slices.Contains(s.actions(), "kms:Decrypt") &&
			slices.ContainsFunc(s.resources(), func(target any) bool { return a.targetOf(s.stack, target).is(key) }) {
			return true
		}
	}
	return false
}
