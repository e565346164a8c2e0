package constructs

import (
	_ "embed"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// collectorConfiguration is the file of the OpenTelemetry collector. The region stands in it as a variable.
//
//go:embed collector.yaml
var collectorConfiguration string

const regionVariable = "${env:AWS_REGION}"

// Collector is the OpenTelemetry collector beside a service: AWS's distribution, which has what X-Ray needs. Its
// configuration is a variable, so that it is released and taken back with the task.
func Collector(environmentName, region string, memoryMiB int) Sidecar {
	return Sidecar{
		Name:  "collector",
		Image: collector,
		Environment: map[string]*string{
			"AOT_CONFIG_CONTENT": jsii.String(strings.ReplaceAll(collectorConfiguration, regionVariable, region)),
			"GOMEMLIMIT":         jsii.String("200MiB"), // collects garbage before the limiter refuses spans
		},
		MemoryMiB:   memoryMiB,
		Health:      []string{"CMD", "/healthcheck"},
		StopSeconds: 20,
		Grant:       grantTracing,
		Watch: func(scope construct.Construct, logs awslogs.ILogGroup) {
			awslogs.NewMetricFilter(scope, jsii.String("DroppedSpans"), &awslogs.MetricFilterProps{
				LogGroup:        logs,
				FilterPattern:   awslogs.FilterPattern_Literal(jsii.String(`{ $.msg = "Exporting failed. Dropping data.*" }`)),
				MetricNamespace: jsii.String(tracingNamespace(environmentName)),
				MetricName:      jsii.String(droppedSpans),
				MetricValue:     jsii.String("$.dropped_items"),
			})
		},
	}
}

const droppedSpans = "DroppedSpans"

func tracingNamespace(environmentName string) string { return "Peakline/Tracing/" + environmentName }

// NewCollectorAlarm tells when the collectors of an environment lose spans.
func NewCollectorAlarm(scope construct.Construct, notifications *Notifications) {
	NewAlarm(scope, notifications, AlarmProps{
		Name: "tracing-dropped-spans", Severity: Warning,
		Summary:    "Collectors could not hand spans to X-Ray and dropped them.",
		Metric:     minutely(tracingNamespace(notifications.EnvironmentName), droppedSpans, "Sum", map[string]*string{}),
		Comparison: Above, Threshold: 0, Breaching: 5, Periods: 15, MissingData: MissingIsFine,
	})
}

// grantTracing lets a task send spans and read the sampling rules. X-Ray knows no resource for any of it.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
func grantTracing(task awsecs.FargateTaskDefinition) {
	task.AddToTaskRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("xray:GetSamplingRules", "xray:GetSamplingTargets",
			"xray:PutSpans", "xray:PutSpansForIndexing", "xray:PutTraceSegments"),
		Resources: jsii.Strings("*"),
	}))
	acknowledge(task, "X-Ray has no resource for spans and for reading the sampling rules", "AwsSolutions-IAM5[Resource::*]")
}

// TraceEnvironment is what leads an OpenTelemetry SDK to the collector. Sampling is X-Ray's, so that its rules hold for
// running tasks. The collector takes spans only.
// https://aws-otel.github.io/docs/getting-started/remote-sampling/
func TraceEnvironment(name, resourceAttributes string) map[string]*string {
	return map[string]*string{
		"OTEL_SERVICE_NAME":           jsii.String(name),
		"OTEL_RESOURCE_ATTRIBUTES":    jsii.String(resourceAttributes),
		"OTEL_EXPORTER_OTLP_ENDPOINT": jsii.String("http://127.0.0.1:4318"),
		"OTEL_EXPORTER_OTLP_PROTOCOL": jsii.String("http/protobuf"),
		"OTEL_PROPAGATORS":            jsii.String("tracecontext,baggage,xray"),
		"OTEL_TRACES_SAMPLER":         jsii.String("xray"),
		"OTEL_TRACES_SAMPLER_ARG":     jsii.String("endpoint=http://127.0.0.1:2000"),
		"OTEL_METRICS_EXPORTER":       jsii.String("none"),
		"OTEL_LOGS_EXPORTER":          jsii.String("none"),
	}
}
