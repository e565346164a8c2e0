package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
)

func flagged(e config.Environment) bool { return e.FeatureFlags.Enabled }

var featureFlagRequirements = []requirement{
	{row: "S8", name: "no template holds a flag or its value: a deployment would move back what an operator moved",
		check: func(a *assembly, fail failure) {
			for _, kind := range []string{"AWS::AppConfig::HostedConfigurationVersion", "AWS::AppConfig::Deployment"} {
				for _, r := range a.all(kind) {
					fail("%s is made again when any property of it changes, a tag say, and puts every flag back", r)
				}
			}
		}},
	{row: "S8", name: "there is an application with an environment and a profile of feature flags, under the names that peakline flags looks for",
		where: flagged,
		check: func(a *assembly, fail failure) {
			application := a.one("AWS::AppConfig::Application", "Name", "peakline-"+a.environment.Name)
			environment := a.one("AWS::AppConfig::Environment", "Name", a.environment.Name)
			profile := a.one("AWS::AppConfig::ConfigurationProfile", "Name", "flags")
			for _, part := range []resource{environment, profile} {
				if !application.exists() || !a.target(part, "ApplicationId").is(application) {
					fail("%s does not belong to %s: peakline flags finds nothing", part, application)
				}
				if want := map[bool]string{true: "APPLY", false: "BYPASS"}[production(a.environment)]; part.text("DeletionProtectionCheck") != want {
					fail("%s has the deletion check %q, want %q", part, part.text("DeletionProtectionCheck"), want)
				}
			}
			if profile.text("Type") != "AWS.AppConfig.FeatureFlags" || profile.text("LocationUri") != "hosted" {
				fail("%s is %s at %s: AppConfig would check no value against its bounds", profile, profile.text("Type"), profile.text("LocationUri"))
			}
		}},
	{row: "S8", name: "a change spreads step by step or at once, and is watched after either",
		where: flagged,
		check: func(a *assembly, fail failure) {
			settings := a.environment.FeatureFlags
			for name, want := range map[string][2]int{"gradual": {settings.RolloutMinutes, 20}, "at-once": {0, 100}} {
				strategy := a.one("AWS::AppConfig::DeploymentStrategy", "Name", "peakline-"+a.environment.Name+"-"+name)
				if strategy.text("GrowthType") != "LINEAR" || strategy.number("DeploymentDurationInMinutes") != float64(want[0]) ||
					strategy.number("GrowthFactor") != float64(want[1]) || strategy.number("FinalBakeTimeInMinutes") != float64(settings.BakeMinutes) {
					fail("%s is %v, want %d minutes in steps of %d %% and %d minutes more", strategy, strategy.properties(), want[0], want[1], settings.BakeMinutes)
				}
			}
		}},
	{row: "S8", name: "an alarm of the shop takes a change back: AppConfig may look at alarms that there are",
		where: flagged,
		check: func(a *assembly, fail failure) {
			environment := a.one("AWS::AppConfig::Environment", "Name", a.environment.Name)
			var watched []string
			for n := range environment.list("Monitors") {
				arn := a.resolve(environment.stack, environment.get(fmt.Sprintf("Monitors/%d/AlarmArn", n)))
				name := strings.TrimPrefix(arn[strings.LastIndex(arn, ":")+1:], a.environment.Name+"-")
				watched = append(watched, name)
				alarm := a.alarm(name)
				if !alarm.exists() {
					fail("%s is watched and not there: AppConfig takes every change back", name)
				} else if alarm.text("TreatMissingData") != "notBreaching" {
					fail("%s has no data at night, and AppConfig takes that for a failure", alarm)
				}
				role := a.target(environment, fmt.Sprintf("Monitors/%d/AlarmRoleArn", n))
				if !slices.ContainsFunc(a.statements(role), func(s statement) bool { return slices.Contains(s.actions(), "cloudwatch:DescribeAlarms") }) {
					fail("%s does not let AppConfig see %s", role, name)
				}
			}
			if slices.Sort(watched); !slices.Equal(watched, []string{"load-balancer-errors", "shop-errors"}) {
				fail("a change is watched by %v", watched)
			}
		}},
	{row: "S8", name: "a service that reads flags has the agent beside it, its address, and the right to read these flags and no others",
		where: flagged,
		check: func(a *assembly, fail failure) {
			ids := map[string]resource{
				"application": a.one("AWS::AppConfig::Application", "Name", "peakline-"+a.environment.Name),
				"environment": a.one("AWS::AppConfig::Environment", "Name", a.environment.Name),
				"profile":     a.one("AWS::AppConfig::ConfigurationProfile", "Name", "flags"),
			}
			for name, service := range a.environment.Services {
				task := a.task(a.service(name))
				at := sidecarIn(task, "flags")
				if reads := len(service.Flags) > 0; (at != "") != reads || (variable(task, "FLAGS_URL") != nil) != reads {
					fail("%s reads %v, and has agent %q and FLAGS_URL %v", name, service.Flags, at, variable(task, "FLAGS_URL"))
				}
				if len(service.Flags) == 0 {
					continue
				}
				path := fmt.Sprintf("applications/peakline-%[1]s/environments/%[1]s/configurations/flags", a.environment.Name)
				if got := variable(task, "FLAGS_URL"); got != "http://127.0.0.1:2772/"+path {
					fail("%s asks %v for its flags, where nobody answers", name, got)
				}
				if got := fmt.Sprint(task.get(at + "Environment")); !strings.Contains(got, fmt.Sprintf("peakline-%[1]s:%[1]s:flags", a.environment.Name)) {
					fail("the agent of %s fetches no flags before it is asked: %s", name, got)
				}
				allowed := false
				for _, s := range a.statements(a.target(task, "TaskRoleArn")) {
					for _, action := range s.actions() {
						if !strings.HasPrefix(action, "appconfig:") {
							continue
						}
						allowed = true
						for _, on := range s.resources() {
							text := a.resolve(s.stack, on)
							for what, id := range ids {
								if !strings.Contains(text, id.id) && !strings.Contains(text, id.key()) {
									fail("%s may %s on %s, which is not limited to the %s of the flags", name, action, text, what)
								}
							}
						}
					}
				}
				if !allowed {
					fail("%s may not read its flags", name)
				}
			}
		}},
	{row: "S8", name: "where nobody hands flags out there is no agent",
		where: func(e config.Environment) bool { return !flagged(e) },
		check: func(a *assembly, fail failure) {
			for _, task := range a.all("AWS::ECS::TaskDefinition") {
				if sidecarIn(task, "flags") != "" || variable(task, "FLAGS_URL") != nil {
					fail("%s waits for flags that nobody hands out", task)
				}
			}
		}},
	{row: "O2", name: "errors of the whole shop are told, whichever service they come from",
		check: func(a *assembly, fail failure) {
			alarm := a.alarm("shop-errors")
			names := map[string]bool{}
			for _, metric := range metricsOf(alarm) {
				names[metric.name] = metric.namespace == "AWS/ApplicationELB" && metric.dimensions["LoadBalancer"] != nil && metric.dimensions["TargetGroup"] == nil
			}
			if !names["HTTPCode_Target_5XX_Count"] || !names["RequestCount"] {
				fail("shop-errors watches %v", names)
			}
		}},
}

// one is the resource of a kind with a value; the zero resource unless there is exactly one.
func (a *assembly) one(kind, property string, value any) resource {
	if found := a.where(kind, property, value); len(found) == 1 {
		return found[0]
	}
	return resource{}
}
