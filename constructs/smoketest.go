package constructs

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// SmokeTestProps describes the function that tries releases.
type SmokeTestProps struct {
	// Code is the function lambda/smoketest.
	Code awslambda.Code
	// Inside leads to the test listener.
	Inside           *InternalLoadBalancer
	Vpc              awsec2.IVpc
	Subnets          *awsec2.SubnetSelection
	SecurityGroup    awsec2.ISecurityGroup
	Key              awskms.IKey
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// SmokeTest is one function for all services under ECS, where a release names the requests that it has to answer.
type SmokeTest struct {
	Function awslambda.Function
	// role is ECS's, and may call the function.
	role  awsiam.Role
	props SmokeTestProps
}

// NewSmokeTest makes the function, and the role by which ECS calls it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-permissions.html
func NewSmokeTest(scope construct.Construct, id string, props SmokeTestProps) *SmokeTest {
	scope = construct.NewConstruct(scope, jsii.String(id))
	function := props.function(scope, "smoke-test", "", nil)
	role := newHookRole(scope, "CallRole", "Calls the function that tries releases", function)
	return &SmokeTest{Function: function, role: role, props: props}
}

// newHookRole lets ECS call one function.
func newHookRole(scope construct.Construct, id, description string, function awslambda.Function) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		Description: jsii.String(description),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs.amazonaws.com"), nil),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &[]*string{function.FunctionArn()},
	}))
	return role
}

func (p SmokeTestProps) function(scope construct.Construct, job, name string, variables map[string]*string) awslambda.Function {
	environment := map[string]*string{contract.EnvTestURL: p.Inside.TestURL}
	maps.Copy(environment, variables)
	function := NewFunction(scope, "Try", FunctionProps{
		Name:             name,
		Description:      "Tries a release through the test listener before it gets visitors",
		Job:              job,
		Code:             p.Code,
		Environment:      environment,
		Timeout:          10 * time.Minute,
		Vpc:              p.Vpc,
		Subnets:          p.Subnets,
		SecurityGroup:    p.SecurityGroup,
		Key:              p.Key,
		LogRetentionDays: p.LogRetentionDays,
		Notifications:    p.Notifications,
		Disposable:       p.Disposable,
	})
	function.Node().AddDependency(p.Inside.Ready)
	return function
}

// ofOneService makes the function once more for a service under CodeDeploy, which hands its hooks nothing but the number of a
// deployment. https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
func (s *SmokeTest) ofOneService(scope construct.Construct, environment, service string, tests contract.SmokeTests, notifications *Notifications) awslambda.Function {
	text, err := json.Marshal(tests)
	if err != nil {
		panic(err)
	}
	scope = construct.NewConstruct(scope, jsii.String("SmokeTest"))
	props := s.props
	props.Notifications = notifications
	function := props.function(scope, service+"-smoke-test", contract.SmokeTestFunction(environment, service), map[string]*string{contract.EnvSmokeTests: jsii.String(string(text))})
	stack := awscdk.Stack_Of(scope)
	function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codedeploy:PutLifecycleEventHookExecutionStatus"),
		Resources: jsii.Strings(fmt.Sprintf("arn:%s:codedeploy:%s:%s:deploymentgroup:%s/%s", *stack.Partition(), *stack.Region(), *stack.Account(),
			contract.DeploymentApplication(environment, service), contract.DeploymentGroup)),
	}))
	return function
}

// hook calls the function once a release has all of the test traffic and none of the visitors'.
func (s *SmokeTest) hook(tests contract.SmokeTests) map[string]interface{} {
	requests := make([]map[string]interface{}, len(tests.Requests))
	for i, request := range tests.Requests {
		requests[i] = map[string]interface{}{"path": request.Path}
		if request.Status > 0 {
			requests[i]["status"] = request.Status
		}
	}
	return map[string]interface{}{
		"HookTargetArn":   s.Function.FunctionArn(),
		"RoleArn":         s.role.RoleArn(),
		"LifecycleStages": []string{"POST_TEST_TRAFFIC_SHIFT"},
		"HookDetails":     map[string]interface{}{"requests": requests},
	}
}
