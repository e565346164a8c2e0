package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"

	"peakline/config"
	"peakline/constructs"
)

// FeatureFlags is the stack of the switches that operators move while the services run.
type FeatureFlags struct {
	Stack awscdk.Stack
	Flags *constructs.FeatureFlags
}

// rollbackAlarms take a change of flags back: visitors get errors, from the services or from the load balancer itself.
var rollbackAlarms = []string{"shop-errors", "load-balancer-errors"}

// NewFeatureFlags makes what hands the flags out.
func NewFeatureFlags(stage awscdk.Stage, environment config.Environment) *FeatureFlags {
	stack := newStack(stage, "FeatureFlags", "switches that operators move while the services run", environment)
	flags := constructs.NewFeatureFlags(stack, "Flags", constructs.FeatureFlagsProps{
		EnvironmentName: environment.Name,
		RolloutMinutes:  environment.FeatureFlags.RolloutMinutes,
		BakeMinutes:     environment.FeatureFlags.BakeMinutes,
		Alarms:          rollbackAlarms,
		Disposable:      disposable(environment),
	})
	keepExported(stack, flags.IDs...)
	return &FeatureFlags{Stack: stack, Flags: flags}
}
