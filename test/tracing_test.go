package test

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"peakline/config"
)

func traced(e config.Environment) bool { return e.Tracing.Enabled }

// collectorFile is the configuration that test/collector runs.
const collectorFile = "../constructs/collector.yaml"

// sidecarIn is the place of a container in a task definition; empty if it has none of the name.
func sidecarIn(task resource, name string) string {
	for n, container := range task.list("ContainerDefinitions") {
		if dig(container, "Name") == name {
			return fmt.Sprintf("ContainerDefinitions/%d/", n)
		}
	}
	return ""
}

var tracingRequirements = []requirement{
	{row: "S7", name: "each task has a collector with the tried configuration, which starts before the service, ends after it and never ends it",
		where: traced,
		check: func(a *assembly, fail failure) {
			want, err := os.ReadFile(collectorFile)
			if err != nil {
				fail("%v", err)
			}
			for _, task := range a.servingTasks() {
				at := sidecarIn(task, "collector")
				if at == "" {
					fail("%s has no collector: its spans are lost", task)
					continue
				}
				given := ""
				for _, entry := range task.list(at + "Environment") {
					if dig(entry, "Name") == "AOT_CONFIG_CONTENT" {
						given, _ = dig(entry, "Value").(string)
					}
				}
				if given != strings.ReplaceAll(string(want), "${env:AWS_REGION}", a.environment.Region) {
					fail("the collector of %s has another configuration than the one that test/collector runs", task)
				}
			}
		}},
	{row: "S7", name: "the service's SDK is led to the collector and samples by X-Ray's rules, under a name of its environment's own",
		where: traced,
		check: func(a *assembly, fail failure) {
			for name := range a.environment.Services {
				for variableName, want := range map[string]string{
					"OTEL_SERVICE_NAME":           a.environment.Name + "-" + name,
					"OTEL_RESOURCE_ATTRIBUTES":    "deployment.environment.name=" + a.environment.Name + ",service.namespace=peakline",
					"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
					"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
					"OTEL_PROPAGATORS":            "tracecontext,baggage,xray",
					"OTEL_TRACES_SAMPLER":         "xray",
					"OTEL_TRACES_SAMPLER_ARG":     "endpoint=http://127.0.0.1:2000",
					"OTEL_METRICS_EXPORTER":       "none",
					"OTEL_LOGS_EXPORTER":          "none",
				} {
					if got := variable(a.task(a.service(name)), variableName); got != want {
						fail("%s has %s=%v, want %s: its spans would be lost, or too many", name, variableName, got, want)
					}
				}
			}
		}},
	{row: "S7", name: "where nothing is traced there is no collector, and SDKs are told",
		where: func(e config.Environment) bool { return !e.Tracing.Enabled },
		check: func(a *assembly, fail failure) {
			for _, task := range a.servingTasks() {
				if sidecarIn(task, "collector") != "" || variable(task, "OTEL_SDK_DISABLED") != "true" {
					fail("%s sends spans to a collector that is not there", task)
				}
			}
			if rules := a.all("AWS::XRay::SamplingRule"); len(rules) > 0 {
				fail("%v match requests that nobody traces", rules)
			}
		}},
	{row: "S7", name: "a task may send spans and read the sampling rules, and nothing else of X-Ray",
		where: traced,
		check: func(a *assembly, fail failure) {
			want := []string{"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutSpans", "xray:PutSpansForIndexing", "xray:PutTraceSegments"}
			for _, task := range a.servingTasks() {
				var got []string
				for _, s := range a.statements(a.target(task, "TaskRoleArn")) {
					for _, action := range s.actions() {
						if strings.HasPrefix(action, "xray:") {
							got = append(got, action)
						}
					}
				}
				if slices.Sort(got); !slices.Equal(got, want) {
					fail("%s may %v, want %v", task, got, want)
				}
			}
		}},
	{row: "S7", name: "X-Ray traces the configured share of this environment's requests, more where it is asked and when they fail, and no health check",
		where: traced,
		check: func(a *assembly, fail failure) {
			rules := map[string]resource{}
			for _, rule := range a.all("AWS::XRay::SamplingRule") {
				rules[rule.text("SamplingRule/ServiceName")+rule.text("SamplingRule/URLPath")] = rule
			}
			settings := a.environment.Tracing
			everything := rules[a.environment.Name+"-**"]
			expect := func(what string, rule resource, percent, boosted int, before resource) {
				if got := rule.number("SamplingRule/FixedRate"); !rule.exists() || got != float64(percent)/100 {
					fail("%s is traced at %v, want %d %%", what, rule.get("SamplingRule/FixedRate"), percent)
				}
				if got := rule.number("SamplingRule/SamplingRateBoost/MaxRate"); got != float64(boosted)/100 {
					fail("%s is traced at %v when it fails, want %d %%", what, got, boosted)
				}
				if before.exists() && rule.number("SamplingRule/Priority") >= before.number("SamplingRule/Priority") {
					fail("the rule of %s comes after that of everything, and never counts", what)
				}
			}
			expect("everything", everything, settings.SamplePercent, settings.AnomalyPercent, resource{})
			for name, service := range a.environment.Services {
				if service.SamplePercent > settings.SamplePercent {
					expect(name, rules[a.environment.Name+"-"+name+"*"], service.SamplePercent, max(service.SamplePercent, settings.AnomalyPercent), everything)
				}
				expect("the health check of "+name, rules[a.environment.Name+"-*"+service.Health.Path], 0, 0, everything)
			}
			for _, rule := range rules {
				if !strings.HasPrefix(rule.text("SamplingRule/ServiceName"), a.environment.Name+"-") {
					fail("%s samples the requests of other environments of the account", rule)
				}
			}
		}},
	{row: "S7", name: "traces with errors and slow ones are found in groups of this environment",
		where: traced,
		check: func(a *assembly, fail failure) {
			for _, name := range []string{"errors", "slow"} {
				groups := a.where("AWS::XRay::Group", "GroupName", "peakline-"+a.environment.Name+"-"+name)
				if len(groups) != 1 {
					fail("there are %d groups of %s", len(groups), name)
					continue
				}
				for service := range a.environment.Services {
					if !strings.Contains(groups[0].text("FilterExpression"), fmt.Sprintf("service(%q)", a.environment.Name+"-"+service)) {
						fail("%s leaves %s out", groups[0], service)
					}
				}
			}
		}},
	{row: "S7", name: "X-Ray may keep spans in CloudWatch Logs before Transaction Search is switched on, once in an account",
		where: func(e config.Environment) bool {
			return traced(e) && e.Tracing.TransactionSearch == config.TransactionSearchCreate
		},
		check: func(a *assembly, fail failure) {
			searches := a.all("AWS::XRay::TransactionSearchConfig")
			if len(searches) != 1 || searches[0].number("IndexingPercentage") != float64(a.environment.Tracing.IndexPercent) {
				fail("Transaction Search is %v, want one that indexes %d %%: X-Ray's OTLP endpoint refuses spans", searches, a.environment.Tracing.IndexPercent)
				return
			}
			policies := a.all("AWS::Logs::ResourcePolicy")
			if len(policies) != 1 {
				fail("X-Ray may write to CloudWatch Logs by %d policies, want one", len(policies))
				return
			}
			policy := policies[0]
			document := a.resolve(policy.stack, policy.get("PolicyDocument"))
			for _, part := range []string{`"xray.amazonaws.com"`, `"logs:PutLogEvents"`, ":log-group:aws/spans:*", `"aws:SourceAccount":"` + policy.stack.account + `"`, `"aws:SourceArn":"arn:aws:xray:`} {
				if !strings.Contains(document, part) {
					fail("%s lacks %s: X-Ray could not write spans, or others could", policy, part)
				}
			}
			if !slices.Contains(texts(searches[0].body["DependsOn"]), policy.id) {
				fail("%s is switched on before %s", searches[0], policy)
			}
		}},
	{row: "S7", name: "Transaction Search is left alone where another environment has it",
		where: func(e config.Environment) bool {
			return e.Tracing.TransactionSearch == config.TransactionSearchExisting
		},
		check: func(a *assembly, fail failure) {
			if searches := a.all("AWS::XRay::TransactionSearchConfig"); len(searches) > 0 {
				fail("%v is there twice in the account: the deployment fails", searches)
			}
		}},
	{row: "S7", name: "spans that are lost are counted in the log of each task and told",
		where: traced,
		check: func(a *assembly, fail failure) {
			alarm := a.alarm("tracing-dropped-spans")
			filters := a.where("AWS::Logs::MetricFilter", "FilterPattern", `{ $.msg = "Exporting failed. Dropping data.*" }`)
			for _, task := range a.servingTasks() {
				group := a.target(task, "ContainerDefinitions/0/LogConfiguration/Options/awslogs-group")
				counted := slices.ContainsFunc(filters, func(filter resource) bool {
					return a.target(filter, "LogGroupName").is(group) &&
						filter.text("MetricTransformations/0/MetricNamespace") == alarm.text("Namespace") &&
						filter.text("MetricTransformations/0/MetricName") == alarm.text("MetricName") &&
						filter.text("MetricTransformations/0/MetricValue") == "$.dropped_items"
				})
				if !alarm.exists() || !counted {
					fail("nobody hears when %s loses spans", task)
				}
			}
		}},
	{row: "S7", name: "the region has a way to X-Ray where tasks have no NAT gateway",
		where: func(e config.Environment) bool { return slices.Contains(e.Network.Endpoints, config.EndpointXRay) },
		check: func(a *assembly, fail failure) {
			for _, endpoint := range a.all("AWS::EC2::VPCEndpoint") {
				if strings.HasSuffix(a.resolve(endpoint.stack, endpoint.get("ServiceName")), ".xray") && endpoint.get("PrivateDnsEnabled") == true {
					return
				}
			}
			fail("X-Ray is not reached inside the VPC, though an endpoint is asked for")
		}},
}

// sidecarRequirements hold of every container beside a service.
var sidecarRequirements = []requirement{
	{row: "S2", name: "a container that a service can do without is as confined as that is, is bounded in memory, and starts first",
		check: func(a *assembly, fail failure) {
			for _, task := range a.servingTasks() {
				for n, container := range task.list("ContainerDefinitions")[1:] {
					if dig(container, "Name") == "pooler" {
						continue // the service does not go on without it
					}
					at := fmt.Sprintf("ContainerDefinitions/%d/", n+1)
					for path, want := range map[string]any{
						"ReadonlyRootFilesystem":              true,
						"User":                                "65532:65532",
						"LinuxParameters/Capabilities/Drop/0": "ALL",
						"LogConfiguration/LogDriver":          "awslogs",
						"Essential":                           false,
						"RestartPolicy/Enabled":               true,
					} {
						if got := task.get(at + path); got != want {
							fail("%v of %s has %s=%v, want %v", dig(container, "Name"), task, path, got, want)
						}
					}
					if task.number(at+"Memory") == 0 || task.get(at+"HealthCheck/Command") == nil && dig(container, "Name") != "flags" || task.get(at+"StopTimeout") == nil {
						fail("%v of %s could take the service's memory, or its health and its end are not looked after", dig(container, "Name"), task)
					}
					waits := slices.ContainsFunc(task.list("ContainerDefinitions/0/DependsOn"), func(d any) bool {
						return dig(d, "ContainerName") == dig(container, "Name") && dig(d, "Condition") == "START"
					})
					if !waits {
						fail("%v of %s ends with the service: what that does last is lost", dig(container, "Name"), task)
					}
				}
			}
		}},
}
