package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// releaseByCodeDeploy makes what `peakline release` hands a revision to: application, deployment group, and the function that
// tries the release. Their names are in lambda/contract.
func (s *Service) releaseByCodeDeploy(scope construct.Construct, props ServiceProps, alarms []awscloudwatch.Alarm) {
	environment, service := props.Task.EnvironmentName, props.Task.Service
	trial := props.SmokeTest.ofOneService(scope, environment, service, props.SmokeTests, props.Notifications)
	application := awscodedeploy.NewCfnApplication(scope, jsii.String("Application"), &awscodedeploy.CfnApplicationProps{
		ApplicationName: jsii.String(contract.DeploymentApplication(environment, service)),
		ComputePlatform: jsii.String("ECS"),
	})
	hooks := []*string{trial.FunctionArn()}
	if s.migration != nil {
		hooks = append(hooks, s.migration.Function.FunctionArn())
	}
	role := s.newCodeDeployRole(scope, props, hooks)
	var watched []interface{}
	for _, alarm := range alarms {
		watched = append(watched, &awscodedeploy.CfnDeploymentGroup_AlarmProperty{Name: alarm.AlarmName()})
	}
	route := func(listener *string) *awscodedeploy.CfnDeploymentGroup_TrafficRouteProperty {
		return &awscodedeploy.CfnDeploymentGroup_TrafficRouteProperty{ListenerArns: &[]*string{listener}}
	}
	group := awscodedeploy.NewCfnDeploymentGroup(scope, jsii.String("DeploymentGroup"), &awscodedeploy.CfnDeploymentGroupProps{
		ApplicationName:      application.Ref(),
		DeploymentGroupName:  jsii.String(contract.DeploymentGroup),
		DeploymentConfigName: props.Shift.deploymentConfiguration(scope),
		ServiceRoleArn:       role.RoleArn(),
		DeploymentStyle: &awscodedeploy.CfnDeploymentGroup_DeploymentStyleProperty{
			DeploymentType: jsii.String("BLUE_GREEN"), DeploymentOption: jsii.String("WITH_TRAFFIC_CONTROL"),
		},
		EcsServices: &[]interface{}{&awscodedeploy.CfnDeploymentGroup_ECSServiceProperty{
			ClusterName: props.Cluster.Cluster.ClusterName(), ServiceName: s.Service.ServiceName(),
		}},
		LoadBalancerInfo: &awscodedeploy.CfnDeploymentGroup_LoadBalancerInfoProperty{
			TargetGroupPairInfoList: &[]interface{}{&awscodedeploy.CfnDeploymentGroup_TargetGroupPairInfoProperty{
				TargetGroups: &[]interface{}{
					&awscodedeploy.CfnDeploymentGroup_TargetGroupInfoProperty{Name: s.Blue.TargetGroupName()},
					&awscodedeploy.CfnDeploymentGroup_TargetGroupInfoProperty{Name: s.Green.TargetGroupName()},
				},
				ProdTrafficRoute: route(props.LoadBalancer.Production.ListenerArn()),
				TestTrafficRoute: route(props.LoadBalancer.Test.ListenerArn()),
			}},
		},
		BlueGreenDeploymentConfiguration: &awscodedeploy.CfnDeploymentGroup_BlueGreenDeploymentConfigurationProperty{
			DeploymentReadyOption: &awscodedeploy.CfnDeploymentGroup_DeploymentReadyOptionProperty{ActionOnTimeout: jsii.String("CONTINUE_DEPLOYMENT")},
			TerminateBlueInstancesOnDeploymentSuccess: &awscodedeploy.CfnDeploymentGroup_BlueInstanceTerminationOptionProperty{
				Action: jsii.String("TERMINATE"), TerminationWaitTimeInMinutes: jsii.Number(props.Shift.Bake.Minutes()),
			},
		},
		AlarmConfiguration: &awscodedeploy.CfnDeploymentGroup_AlarmConfigurationProperty{Enabled: jsii.Bool(true), Alarms: &watched},
		AutoRollbackConfiguration: &awscodedeploy.CfnDeploymentGroup_AutoRollbackConfigurationProperty{
			Enabled: jsii.Bool(true),
			Events:  jsii.Strings("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"),
		},
	})
	group.Node().AddDependency(role, s.Production, s.Test)
	stack := awscdk.Stack_Of(scope)
	awscdk.NewCfnOutput(stack, jsii.String(ID(service, contract.RevisionOutput)), &awscdk.CfnOutputProps{Value: s.Task.TaskDefinitionArn()})
}

// deploymentConfiguration is AWS's own for all visitors at once, and one of ours for steps.
func (p ShiftProps) deploymentConfiguration(scope construct.Construct) *string {
	routing := &awscodedeploy.CfnDeploymentConfig_TrafficRoutingConfigProperty{}
	switch p.Kind {
	case ShiftAllAtOnce:
		return jsii.String("CodeDeployDefault.ECSAllAtOnce")
	case ShiftCanary:
		routing.Type = jsii.String("TimeBasedCanary")
		routing.TimeBasedCanary = &awscodedeploy.CfnDeploymentConfig_TimeBasedCanaryProperty{
			CanaryPercentage: jsii.Number(p.Percent), CanaryInterval: jsii.Number(p.Pause.Minutes())}
	case ShiftLinear:
		routing.Type = jsii.String("TimeBasedLinear")
		routing.TimeBasedLinear = &awscodedeploy.CfnDeploymentConfig_TimeBasedLinearProperty{
			LinearPercentage: jsii.Number(p.Percent), LinearInterval: jsii.Number(p.Pause.Minutes())}
	default:
		panic(fmt.Sprintf("shift %q of a release: want canary, linear or none", p.Kind))
	}
	return awscodedeploy.NewCfnDeploymentConfig(scope, jsii.String("Shift"), &awscodedeploy.CfnDeploymentConfigProps{
		ComputePlatform: jsii.String("ECS"), TrafficRoutingConfig: routing,
	}).Ref()
}

// newCodeDeployRole lets CodeDeploy release this service and nothing else. Its actions are those of AWS's own policy, without
// what is for whole listeners, for topics and for revisions in S3.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForECSLimited.html
func (s *Service) newCodeDeployRole(scope construct.Construct, props ServiceProps, hooks []*string) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("ReleaseRole"), &awsiam.RoleProps{
		Description: jsii.String("Releases " + props.Task.Service + " by CodeDeploy"),
		AssumedBy:   serviceOfAccount(scope, "codedeploy.amazonaws.com"),
	})
	allow := func(conditions *map[string]interface{}, resources []*string, actions ...string) {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions}))
	}
	stack := awscdk.Stack_Of(scope)
	taskSets := jsii.String(fmt.Sprintf("arn:%s:ecs:%s:%s:task-set/%s/%s/*",
		*stack.Partition(), *stack.Region(), *stack.Account(), *props.Cluster.Cluster.ClusterName(), *s.Service.ServiceName()))
	allow(nil, []*string{s.Service.ServiceArn(), taskSets}, "ecs:CreateTaskSet", "ecs:DeleteTaskSet", "ecs:DescribeServices",
		"ecs:UpdateServicePrimaryTaskSet")
	allow(nil, []*string{jsii.String("*")}, "cloudwatch:DescribeAlarms", "elasticloadbalancing:DescribeListeners",
		"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTargetGroups")
	allow(nil, []*string{s.Production.ListenerRuleArn(), s.Test.ListenerRuleArn()}, "elasticloadbalancing:ModifyRule")
	allow(nil, hooks, "lambda:InvokeFunction")
	allow(&map[string]interface{}{"StringEquals": map[string]interface{}{handedTo: "ecs-tasks.amazonaws.com"}},
		[]*string{s.Task.TaskRole().RoleArn(), s.Task.ExecutionRole().RoleArn()}, "iam:PassRole")
	acknowledge(role, "Describe actions have no resource, and the task sets of the service are CodeDeploy's to name", "AwsSolutions-IAM5")
	return role
}
