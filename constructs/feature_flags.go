package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsappconfig"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// FeatureFlagsProps describes how flags reach the services of an environment.
type FeatureFlagsProps struct {
	EnvironmentName string
	// RolloutMinutes and BakeMinutes are those of a change that is in no hurry.
	RolloutMinutes, BakeMinutes int
	// Alarms, at most five, take a change back while it spreads. They live in a later stack and are known by name.
	Alarms     []string
	Disposable bool
}

// FeatureFlags is an AppConfig application with one profile of flags.
//
// It holds no flag. CloudFormation makes a version and a deployment anew when any of their properties changes, tags among
// them, and would put every flag back to what the template says. So operators write both, with `peakline flags`.
type FeatureFlags struct {
	// ConfigurationARN is what a task reads, made of the IDs.
	ConfigurationARN *string
	IDs              []*string
}

// NewFeatureFlags makes the application, its environment and profile, and the two ways in which a change spreads.
func NewFeatureFlags(scope construct.Construct, id string, props FeatureFlagsProps) *FeatureFlags {
	scope = construct.NewConstruct(scope, jsii.String(id))
	stack := awscdk.Stack_Of(scope)
	names := contract.FlagsOf(props.EnvironmentName)
	protection := "APPLY"
	if props.Disposable {
		protection = "BYPASS"
	}
	application := awsappconfig.NewCfnApplication(scope, jsii.String("Application"), &awsappconfig.CfnApplicationProps{
		Name: jsii.String(names.Application), Description: jsii.String("Flags of the services; moved with peakline flags"),
	})
	role := newFlagAlarmRole(scope)
	var monitors []interface{}
	for _, alarm := range props.Alarms {
		monitors = append(monitors, &awsappconfig.CfnEnvironment_MonitorsProperty{
			AlarmArn: jsii.String(fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:%s-%s",
				*stack.Partition(), *stack.Region(), *stack.Account(), props.EnvironmentName, alarm)),
			AlarmRoleArn: role.RoleArn(),
		})
	}
	environment := awsappconfig.NewCfnEnvironment(scope, jsii.String("Environment"), &awsappconfig.CfnEnvironmentProps{
		ApplicationId:           application.Ref(),
		Name:                    jsii.String(names.Environment),
		Monitors:                monitors,
		DeletionProtectionCheck: jsii.String(protection),
	})
	environment.Node().AddDependency(role)
	profile := awsappconfig.NewCfnConfigurationProfile(scope, jsii.String("Profile"), &awsappconfig.CfnConfigurationProfileProps{
		ApplicationId:           application.Ref(),
		Name:                    jsii.String(names.Profile),
		LocationUri:             jsii.String("hosted"),
		Type:                    jsii.String("AWS.AppConfig.FeatureFlags"), // AppConfig checks each value against the flag's own bounds
		DeletionProtectionCheck: jsii.String(protection),
	})
	for _, resource := range []awscdk.CfnResource{application, environment, profile} {
		resource.ApplyRemovalPolicy(namedRemovalPolicy(props.Disposable), nil)
	}
	newFlagStrategy(scope, "Gradual", names.Gradual, props.RolloutMinutes, 20, props.BakeMinutes)
	newFlagStrategy(scope, "AtOnce", names.AtOnce, 0, 100, props.BakeMinutes)
	ids := []*string{application.Ref(), environment.AttrEnvironmentId(), profile.AttrConfigurationProfileId()}
	return &FeatureFlags{IDs: ids, ConfigurationARN: awscdk.Fn_Join(jsii.String(""), &[]*string{
		jsii.String("arn:" + *stack.Partition() + ":appconfig:" + *stack.Region() + ":" + *stack.Account() + ":application/"),
		ids[0], jsii.String("/environment/"), ids[1], jsii.String("/configuration/"), ids[2],
	})}
}

func newFlagStrategy(scope construct.Construct, id, name string, minutes, percent, bakeMinutes int) {
	awsappconfig.NewCfnDeploymentStrategy(scope, jsii.String(id), &awsappconfig.CfnDeploymentStrategyProps{
		Name:                        jsii.String(name),
		GrowthType:                  jsii.String("LINEAR"),
		GrowthFactor:                jsii.Number(percent),
		DeploymentDurationInMinutes: jsii.Number(minutes),
		FinalBakeTimeInMinutes:      jsii.Number(bakeMinutes),
		ReplicateTo:                 jsii.String("NONE"),
	})
}

// newFlagAlarmRole lets AppConfig look at alarms while a change spreads. It asks for all of them.
// https://docs.aws.amazon.com/appconfig/latest/userguide/setting-up-appconfig.html
func newFlagAlarmRole(scope construct.Construct) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("AlarmRole"), &awsiam.RoleProps{
		Description: jsii.String("Lets AppConfig take a change of flags back when an alarm fires"),
		AssumedBy:   serviceOfAccount(scope, "appconfig.amazonaws.com"),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("cloudwatch:DescribeAlarms"), Resources: jsii.Strings("*"),
	}))
	acknowledge(role, "AppConfig asks for all alarms of the account", "AwsSolutions-IAM5[Resource::*]")
	return role
}
