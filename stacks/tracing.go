package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"peakline/config"
	"peakline/constructs"
)

// NewTracing makes the stack of what X-Ray traces and how it finds it again. No other stack needs it.
func NewTracing(stage awscdk.Stage, environment config.Environment) {
	stack := newStack(stage, "Tracing", "sampling rules and groups of X-Ray", environment)
	settings := environment.Tracing
	if settings.TransactionSearch == config.TransactionSearchCreate {
		constructs.NewTransactionSearch(stack, "TransactionSearch", settings.IndexPercent)
	}
	props := constructs.TraceRulesProps{
		EnvironmentName: environment.Name, SamplePercent: settings.SamplePercent, AnomalyPercent: settings.AnomalyPercent, Watched: map[string]int{}}
	for _, name := range environment.ServiceNames() {
		props.Services = append(props.Services, environment.TraceName(name))
		if path := environment.Services[name].Health.Path; !slices.Contains(props.HealthPaths, path) {
			props.HealthPaths = append(props.HealthPaths, path)
		}
		if percent := environment.SamplePercent(name); percent > settings.SamplePercent {
			props.Watched[environment.TraceName(name)] = percent
		}
	}
	constructs.NewTraceRules(stack, "Traces", props)
}
