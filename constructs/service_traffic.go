package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newLiveColour makes the parameter that says which target group has the tasks, and returns the condition that it is green.
//
// A release moves the traffic behind CloudFormation's back, and every other one leaves it on green. CloudFormation does not
// see that, and does no harm as long as it leaves the rules alone. But when a template changes a rule, its paths say, it
// writes the actions too. So whoever changes a rule first tells CloudFormation where the traffic is, by a deployment that
// changes this parameter alone. It is no parameter of Systems Manager: CloudFormation would read that at every deployment,
// and a deployment that fails would put the rule back to where the traffic was before. docs/adr/0010-traffic-of-a-release.md
func newLiveColour(scope construct.Construct, props ServiceProps) awscdk.CfnCondition {
	stack, service := awscdk.Stack_Of(scope), ID(props.Task.Service, "")
	if props.Release == ReleaseByCodeDeploy {
		service += "CodeDeploy" // other target groups, of which blue is live first
	}
	live := awscdk.NewCfnParameter(stack, jsii.String(service+"Live"), &awscdk.CfnParameterProps{
		Type:          jsii.String("String"),
		AllowedValues: jsii.Strings("blue", "green"),
		Default:       jsii.String("blue"),
		Description:   jsii.String("The target group of " + props.Task.Service + " that has the traffic; set it before its paths or priority change"),
	})
	return awscdk.NewCfnCondition(stack, jsii.String(service+"IsGreen"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionEquals(live.ValueAsString(), jsii.String("green")),
	})
}

// route sends the service's paths to the target group that is live. From the first release on the weights are the release's.
func (s *Service) route(scope construct.Construct, id string, listener awselasticloadbalancingv2.ApplicationListener, green awscdk.CfnCondition, props ServiceProps) awselasticloadbalancingv2.ApplicationListenerRule {
	rule := untagged(awselasticloadbalancingv2.NewApplicationListenerRule(scope, jsii.String(id), &awselasticloadbalancingv2.ApplicationListenerRuleProps{
		Listener:   listener,
		Priority:   jsii.Number(props.Priority),
		Conditions: &[]awselasticloadbalancingv2.ListenerCondition{awselasticloadbalancingv2.ListenerCondition_PathPatterns(jsii.Strings(props.Paths...))},
		Action: awselasticloadbalancingv2.ListenerAction_WeightedForward(&[]*awselasticloadbalancingv2.WeightedTargetGroup{
			{TargetGroup: s.Blue, Weight: jsii.Number(100)},
			{TargetGroup: s.Green, Weight: jsii.Number(0)},
		}, nil),
	}))
	resource := rule.Node().DefaultChild().(awscdk.CfnResource)
	for group, weights := range []map[string]interface{}{whether(green, 0, 100), whether(green, 100, 0)} {
		resource.AddPropertyOverride(jsii.String(fmt.Sprintf("Actions.0.ForwardConfig.TargetGroups.%d.Weight", group)), weights)
	}
	return rule
}

// whether is one value where a condition holds, and another elsewhere.
func whether(condition awscdk.CfnCondition, then, otherwise interface{}) map[string]interface{} {
	return map[string]interface{}{"Fn::If": []interface{}{condition.Node().Id(), then, otherwise}}
}

// newReleaseRole lets ECS move this service's traffic and nothing else's. Its actions are those of AWS's own policy without
// ModifyListener, which ECS needs where it is given whole listeners, not rules; AWS's policy names every resource.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
//
// It trusts ECS as AWS documents it, without a condition on the account: whether ECS states it is documented nowhere.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
func (s *Service) newReleaseRole(scope construct.Construct) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("ReleaseRole"), &awsiam.RoleProps{
		Description: jsii.String("Moves traffic from one target group to the other during a release"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs.amazonaws.com"), nil),
	})
	allow := func(resources []*string, actions ...string) {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources}))
	}
	allow([]*string{jsii.String("*")}, "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
		"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth")
	allow([]*string{s.Production.ListenerRuleArn(), s.Test.ListenerRuleArn()}, "elasticloadbalancing:ModifyRule")
	allow([]*string{s.Blue.TargetGroupArn(), s.Green.TargetGroupArn()}, "elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets")
	acknowledge(role, "A Describe action of the load balancer has no resource", "AwsSolutions-IAM5[Resource::*]")
	return role
}
