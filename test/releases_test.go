package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

var releaseRequirements = []requirement{
	{row: "P4", name: "a release under ECS is tried with the service's requests once it has the test traffic, and before it gets a visitor",
		where: func(e config.Environment) bool { return len(releasedBy(e, config.ReleaseECS)) > 0 },
		check: func(a *assembly, fail failure) {
			for _, name := range releasedBy(a.environment, config.ReleaseECS) {
				service := a.service(name)
				hooks := service.list("DeploymentConfiguration/LifecycleHooks")
				if len(hooks) != 1 || !slices.Equal(texts(dig(hooks[0], "LifecycleStages")), []string{"POST_TEST_TRAFFIC_SHIFT"}) {
					fail("%s has the hooks %v, want one after the test traffic has shifted: visitors would be the first to try a release", name, hooks)
					continue
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
			}
		}},
	{row: "P4", name: "the function that tries releases is inside, calls the test listener and nothing else",
		check: func(a *assembly, fail failure) {
			function := a.smokeTest()
			if got, want := a.resolve(function.stack, function.get("Environment/Variables/"+contract.EnvTestURL)), fmt.Sprintf("%s:%d", a.internalAddress(), constructs.TestPort); got != want {
				fail("%s tries %s, want %s: it would try what visitors have already", function, got, want)
			}
			if groups := function.list("VpcConfig/SecurityGroupIds"); len(groups) != 1 || !a.targetOf(function.stack, groups[0]).is(a.securityGroup("ReleaseTest")) {
				fail("%s is in the security groups %v, want ReleaseTest: it would not reach the test listener", function, groups)
			}
		}},
	{row: "P4", name: "a release under ECS takes visitors over as configured, and the version before stays for the bake time",
		where: func(e config.Environment) bool { return len(releasedBy(e, config.ReleaseECS)) > 0 },
		check: func(a *assembly, fail failure) {
			for _, name := range releasedBy(a.environment, config.ReleaseECS) {
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
			}
		}},
	{row: "P5", name: "a release under ECS is taken back when an alarm on errors, latency or unhealthy tasks fires",
		where: func(e config.Environment) bool { return len(releasedBy(e, config.ReleaseECS)) > 0 },
		check: func(a *assembly, fail failure) {
			for _, name := range releasedBy(a.environment, config.ReleaseECS) {
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
				blue, green, _ := a.traffic(name)
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
					if !watched[blue.key()] || !watched[green.key()] {
						fail("%s does not watch %s of both colours of %s: every other release would go unwatched", alarm, releaseMetrics[kind], name)
					}
					if !strings.HasPrefix(expression, "MAX([") {
						fail("%s takes the colours together (%s): the few visitors of a canary would be lost among the rest", alarm, expression)
					}
					if kind != "release-unhealthy" && strings.Count(expression, "20") != 2 {
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
		if function.get("Environment/Variables/"+contract.EnvTestURL) != nil {
			return function
		}
	}
	return resource{}
}
