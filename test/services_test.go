package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"peakline/config"
)

var serviceRequirements = []requirement{
	{row: "S1", name: "each entry of the catalogue is a service with its size, variables and health check",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				service := a.service(name)
				task := a.target(service, "TaskDefinition")
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
			for name, settings := range a.environment.Services {
				balanced := a.service(name).get("LoadBalancers/0")
				blue := a.targetOf(a.stack("Services"), dig(balanced, "TargetGroupArn"))
				green := a.targetOf(a.stack("Services"), dig(balanced, "AdvancedConfiguration/AlternateTargetGroupArn"))
				if blue.kind != "AWS::ElasticLoadBalancingV2::TargetGroup" || green.kind != blue.kind || blue.is(green) {
					fail("%s has target groups %s and %s, want two: a release would replace what runs", name, blue, green)
				}
				for _, which := range []string{"ProductionListenerRule", "TestListenerRule"} {
					rule := a.targetOf(a.stack("Services"), dig(balanced, "AdvancedConfiguration/"+which))
					if got := texts(rule.get("Conditions/0/PathPatternConfig/Values")); !slices.Equal(got, settings.Paths) {
						fail("%s of %s has the paths %v, want %v", which, name, got, settings.Paths)
					}
					if rule.number("Priority") != float64(settings.Priority) {
						fail("%s of %s has priority %v, want %d", which, name, rule.number("Priority"), settings.Priority)
					}
					if !a.targetOf(rule.stack, rule.get("Actions/0/ForwardConfig/TargetGroups/0/TargetGroupArn")).is(blue) ||
						!a.targetOf(rule.stack, rule.get("Actions/0/ForwardConfig/TargetGroups/1/TargetGroupArn")).is(green) {
						fail("%s of %s does not know both of its target groups", which, name)
					}
				}
				for _, group := range []resource{blue, green} {
					if group.text("HealthCheckPath") != settings.Health.Path || group.text("TargetType") != "ip" {
						fail("%s checks %q, want %q: broken tasks would get visitors", group, group.text("HealthCheckPath"), settings.Health.Path)
					}
				}
				if strategy := a.service(name).text("DeploymentConfiguration/Strategy"); strategy != "BLUE_GREEN" {
					fail("%s is released by %q, want BLUE_GREEN", name, strategy)
				}
				if a.service(name).get("DeploymentConfiguration/DeploymentCircuitBreaker/Rollback") != true {
					fail("a release of %s that fails is not taken back", name)
				}
			}
		}},
	{row: "S2", name: "visitors are served over HTTPS with the configured certificate and led there from HTTP, or over HTTP where there is none",
		check: func(a *assembly, fail failure) {
			listeners := map[float64]resource{}
			for _, listener := range a.all("AWS::ElasticLoadBalancingV2::Listener") {
				listeners[listener.number("Port")] = listener
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
		}},
	{row: "S3", name: "scaling follows CPU and the requests of both target groups, within the configured bounds",
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
					if len(groups) == 2 && policy.number(path+"TargetValue") == float64(settings.Scaling.RequestsPerMinute) {
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
	{row: "S4", name: "services call each other by name",
		check: func(a *assembly, fail failure) {
			for name := range a.environment.Services {
				service := a.service(name)
				if service.get("ServiceConnectConfiguration/Enabled") != true || service.text("ServiceConnectConfiguration/Services/0/ClientAliases/0/DnsName") != name {
					fail("%s cannot be called as http://%s", name, name)
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
						a.resolve(task.stack, task.get("ContainerDefinitions/0/Image")) != a.image(service) {
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
				task := a.target(a.service(name), "TaskDefinition")
				if got := len(task.list("ContainerDefinitions/0/Secrets")); got != len(settings.Secrets) {
					fail("%s gets %d secrets, want %d", task, got, len(settings.Secrets))
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
			for name := range a.environment.Services {
				task := a.target(a.service(name), "TaskDefinition")
				if got := a.resolve(task.stack, task.get("ContainerDefinitions/0/Image")); got != a.image(name) || got == "" {
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
				if got := a.target(service, "TaskDefinition").number("ContainerDefinitions/0/StopTimeout"); got != float64(settings.StopSeconds) {
					fail("%s is killed after %v s, want %d", name, got, settings.StopSeconds)
				}
			}
		}},
}

// service is the ECS service of an entry of the catalogue.
func (a *assembly) service(name string) resource {
	for _, service := range a.all("AWS::ECS::Service") {
		if variable(a.target(service, "TaskDefinition"), "SERVICE") == name {
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

// balancerAttribute is an attribute of the load balancer.
func (a *assembly) balancerAttribute(key string) string {
	for _, balancer := range a.all("AWS::ElasticLoadBalancingV2::LoadBalancer") {
		for _, attribute := range balancer.list("LoadBalancerAttributes") {
			if dig(attribute, "Key") == key {
				return fmt.Sprint(dig(attribute, "Value"))
			}
		}
	}
	return ""
}

// names tells whether a resource of a policy is one of the secrets that a service names.
func (a *assembly) names(settings config.Service, s statement, readable any) bool {
	text, _ := json.Marshal(readable)
	for _, secret := range settings.Secrets {
		for _, known := range a.where("AWS::SecretsManager::Secret", "Description", a.environment.Secrets[secret].Description) {
			if a.targetOf(s.stack, readable).is(known) || strings.Contains(string(text), known.id) {
				return true
			}
		}
	}
	return false
}
