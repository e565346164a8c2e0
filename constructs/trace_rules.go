package constructs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsxray"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// TraceRulesProps describes which requests of an environment are traced.
type TraceRulesProps struct {
	EnvironmentName string
	// HealthPaths are asked every few seconds and never traced.
	HealthPaths []string
	// SamplePercent is the share of the requests, AnomalyPercent what X-Ray may raise it to.
	SamplePercent, AnomalyPercent int
	// Watched are the services of which more is traced, by their name in traces.
	Watched map[string]int
	// Services are the names of all services in traces.
	Services []string
}

// NewTraceRules makes the sampling rules and the groups of an environment. X-Ray has one list of each for an account and
// region; the rules here match the names of this environment's services only.
//
// Whether a request will fail is unknown when it is sampled. Errors are traced more because X-Ray raises the share for a
// minute when it sees them, with SDKs that report them.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-adaptive-sampling.html
func NewTraceRules(scope construct.Construct, id string, props TraceRulesProps) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	for n, path := range props.HealthPaths {
		rule := samplingRule(fmt.Sprintf("%s-health-%d", props.EnvironmentName, n+1), props.EnvironmentName+"-*", 10, 0)
		rule.UrlPath, rule.ReservoirSize = jsii.String(path), jsii.Number(0)
		newSamplingRule(scope, fmt.Sprintf("Health%d", n+1), rule)
	}
	for _, service := range slices.Sorted(maps.Keys(props.Watched)) {
		rule := samplingRule(service, service, 100, props.Watched[service])
		rule.SamplingRateBoost = boost(max(props.AnomalyPercent, props.Watched[service]))
		newSamplingRule(scope, pascalCase(service), rule)
	}
	rule := samplingRule(props.EnvironmentName+"-default", props.EnvironmentName+"-*", 1000, props.SamplePercent)
	rule.SamplingRateBoost = boost(props.AnomalyPercent)
	newSamplingRule(scope, "Default", rule)

	for name, filter := range map[string]string{"errors": "{ fault = true }", "slow": "{ responsetime > 2 }"} {
		var parts []string
		for _, service := range props.Services {
			parts = append(parts, fmt.Sprintf("service(%q) %s", service, filter))
		}
		awsxray.NewCfnGroup(scope, jsii.String(pascalCase(name)), &awsxray.CfnGroupProps{
			GroupName:        jsii.String("peakline-" + props.EnvironmentName + "-" + name),
			FilterExpression: jsii.String(strings.Join(parts, " OR ")),
		})
	}
}

// longestSamplingRule is what X-Ray takes for the name of a rule.
// https://docs.aws.amazon.com/xray/latest/api/API_SamplingRule.html
const longestSamplingRule = 32

func samplingRule(name, service string, priority, percent int) *awsxray.CfnSamplingRule_SamplingRuleProperty {
	return &awsxray.CfnSamplingRule_SamplingRuleProperty{
		RuleName:      jsii.String(atMost(longestSamplingRule, name)),
		Priority:      jsii.Number(priority),
		ServiceName:   jsii.String(service),
		FixedRate:     jsii.Number(float64(percent) / 100),
		ReservoirSize: jsii.Number(1), // the first of each second, however few there are
		Host:          jsii.String("*"),
		HttpMethod:    jsii.String("*"),
		ResourceArn:   jsii.String("*"),
		ServiceType:   jsii.String("*"),
		UrlPath:       jsii.String("*"),
		Version:       jsii.Number(1),
	}
}

func boost(percent int) *awsxray.CfnSamplingRule_SamplingRateBoostProperty {
	return &awsxray.CfnSamplingRule_SamplingRateBoostProperty{
		MaxRate: jsii.Number(float64(percent) / 100), CooldownWindowMinutes: jsii.Number(10),
	}
}

func newSamplingRule(scope construct.Construct, id string, rule *awsxray.CfnSamplingRule_SamplingRuleProperty) {
	awsxray.NewCfnSamplingRule(scope, jsii.String(id+"Rule"), &awsxray.CfnSamplingRuleProps{SamplingRule: rule})
}
