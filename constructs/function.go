package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// FunctionProps describes a Lambda function written in Go: a binary called bootstrap, built for arm64.
type FunctionProps struct {
	// Name is for a function that something outside the template calls by it; empty for one that CloudFormation chooses.
	Name        string
	Description string
	// Job is what it does, in kebab-case ("smoke-test"), where its alarms name it.
	Job  string
	Code awslambda.Code
	// Environment holds names and identifiers, never secrets.
	Environment map[string]*string
	Timeout     time.Duration
	// MemoryMB also buys CPU in proportion. Default 128, Lambda's minimum and enough for a Go binary that waits for APIs.
	MemoryMB int
	// OneAtATime reserves a concurrency of one, which takes one from the account's quota.
	OneAtATime bool
	// Vpc, Subnets and SecurityGroup are for functions that must reach something in the VPC.
	Vpc           awsec2.IVpc
	Subnets       *awsec2.SubnetSelection
	SecurityGroup awsec2.ISecurityGroup
	// Key encrypts the environment variables and the log, which is kept for LogRetentionDays.
	Key              awskms.IKey
	LogRetentionDays int
	Notifications    *Notifications
	// Failing and Throttled describe the alarms of a function whose failures need a page of their own: name, subject, severity,
	// summary, and how many minutes of how many. By default they are warnings by the name of the job.
	Failing, Throttled AlarmProps
	Disposable         bool
}

// NewFunction makes the function with a log group, a role and alarms of its own; the role may write that log and nothing else
// until something is granted to it.
func NewFunction(scope construct.Construct, id string, props FunctionProps) awslambda.Function {
	parent := scope
	scope = construct.NewConstruct(scope, jsii.String(id))
	logs := NewLogGroup(scope, "Log", LogGroupProps{
		RetentionDays: props.LogRetentionDays, Key: props.Key, Disposable: props.Disposable,
	})
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Runs the function: " + props.Description),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	logs.GrantWrite(role)
	if props.Vpc != nil {
		allowNetworkInterfaces(role)
	}
	var name *string
	if props.Name != "" {
		name = jsii.String(props.Name)
	}
	function := awslambda.NewFunction(scope, jsii.String("Function"), &awslambda.FunctionProps{
		FunctionName:                 name,
		Description:                  jsii.String(props.Description),
		Runtime:                      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture:                 awslambda.Architecture_ARM_64(),
		Handler:                      jsii.String("bootstrap"),
		Code:                         props.Code,
		Environment:                  &props.Environment,
		EnvironmentEncryption:        props.Key,
		Timeout:                      awscdk.Duration_Seconds(jsii.Number(props.Timeout.Seconds())),
		MemorySize:                   jsii.Number(max(props.MemoryMB, 128)),
		ReservedConcurrentExecutions: reservedConcurrency(props.OneAtATime),
		Role:                         role,
		LogGroup:                     logs,
		LoggingFormat:                awslambda.LoggingFormat_JSON,
		Tracing:                      awslambda.Tracing_ACTIVE,
		Vpc:                          props.Vpc,
		VpcSubnets:                   props.Subnets,
		SecurityGroups:               securityGroups(props.SecurityGroup),
	})
	acknowledge(role, "X-Ray segments have no resource, and network interfaces no names before Lambda makes them", "AwsSolutions-IAM5[Resource::*]")
	props.watch(parent, scope, function)
	return function
}

// watch makes the two alarms that every function has. Those that its maker describes stand beside the function, the others inside.
func (p FunctionProps) watch(parent, inside construct.Construct, function awslambda.Function) {
	for _, alarm := range []struct {
		metric             string
		described, general AlarmProps
	}{
		{"Errors", p.Failing, AlarmProps{Name: "function-failing", Summary: "The function of the " + p.Job + " fails.", Breaching: 1, Periods: 5}},
		{"Throttles", p.Throttled, AlarmProps{Name: "function-throttled", Summary: "Lambda does not let the function of the " + p.Job + " run.", Breaching: 1, Periods: 5}},
	} {
		scope, props := parent, alarm.described
		if props.Name == "" {
			scope, props = inside, alarm.general
			props.Subject, props.Severity = p.Job, Warning
		}
		props.Metric = minutely("AWS/Lambda", alarm.metric, "Sum", map[string]*string{"FunctionName": function.FunctionName()})
		props.Comparison, props.Threshold, props.MissingData = Above, 0, MissingIsFine
		NewAlarm(scope, p.Notifications, props)
	}
}

// allowNetworkInterfaces is what a function in a VPC needs to be placed there.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
func allowNetworkInterfaces(role awsiam.Role) {
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
			"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
		Resources: jsii.Strings("*"),
	}))
}

func reservedConcurrency(oneAtATime bool) *float64 {
	if !oneAtATime {
		return nil
	}
	return jsii.Number(1)
}

func securityGroups(group awsec2.ISecurityGroup) *[]awsec2.ISecurityGroup {
	if group == nil {
		return nil
	}
	return &[]awsec2.ISecurityGroup{group}
}
