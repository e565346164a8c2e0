package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// SecretRotationProps describes how a database secret changes.
type SecretRotationProps struct {
	// Secret is attached to its database, so that it says where to connect.
	Secret awssecretsmanager.ISecret
	// Code is the function lambda/secretrotation.
	Code awslambda.Code
	// EveryDays is the interval of rotation.
	EveryDays int
	// After is what must be there before the first rotation: the database's instances.
	After construct.IDependable

	Vpc              awsec2.IVpc
	Subnets          *awsec2.SubnetSelection
	SecurityGroup    awsec2.ISecurityGroup
	Key              awskms.IKey
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// NewSecretRotation changes a database password on a schedule, with a function of ours rather than a hosted one, which
// would need a deploy-time transform, and rather than RDS's own rotation, which would rule out blue/green upgrades.
func NewSecretRotation(scope construct.Construct, id string, props SecretRotationProps) awslambda.Function {
	scope = construct.NewConstruct(scope, jsii.String(id))
	function := NewFunction(scope, "Rotation", FunctionProps{
		Description:      "Rotates database secrets",
		Code:             props.Code,
		Timeout:          time.Minute,
		Vpc:              props.Vpc,
		Subnets:          props.Subnets,
		SecurityGroup:    props.SecurityGroup,
		Key:              props.Key,
		LogRetentionDays: props.LogRetentionDays,
		Disposable:       props.Disposable,
	})
	allowRotation(function, props)
	schedule := awssecretsmanager.NewCfnRotationSchedule(scope, jsii.String("Schedule"), &awssecretsmanager.CfnRotationScheduleProps{
		SecretId:          props.Secret.SecretArn(),
		RotationLambdaArn: function.FunctionArn(),
		RotationRules: &awssecretsmanager.CfnRotationSchedule_RotationRulesProperty{
			ScheduleExpression: jsii.String(fmt.Sprintf("rate(%d days)", props.EveryDays)),
		},
		RotateImmediatelyOnUpdate: jsii.Bool(false),
	})
	schedule.Node().AddDependency(props.After, function, function.Role())
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "database-secret-rotation", Severity: Warning,
		Summary:    "The rotation of a database secret failed; the current password stays valid.",
		Metric:     minutely("AWS/Lambda", "Errors", "Sum", map[string]*string{"FunctionName": function.FunctionName()}),
		Comparison: Above, Threshold: 0, Breaching: 1, Periods: 5, MissingData: MissingIsFine,
	})
	return function
}

// allowRotation lets Secrets Manager call the function for secrets of this account, and the function change this secret.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html
func allowRotation(function awslambda.Function, props SecretRotationProps) {
	function.AddPermission(jsii.String("SecretsManager"), &awslambda.Permission{
		Principal:     awsiam.NewServicePrincipal(jsii.String("secretsmanager.amazonaws.com"), nil),
		SourceAccount: awscdk.Stack_Of(function).Account(),
	})
	function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"),
		Resources: &[]*string{props.Secret.SecretArn()},
	}))
	function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("secretsmanager:GetRandomPassword"),
		Resources: jsii.Strings("*"), // it has no resource
	}))
	props.Key.GrantEncryptDecrypt(function)
	acknowledge(function.Role(), "Families of one permission each, on the secret's key alone",
		"AwsSolutions-IAM5[Action::kms:GenerateDataKey*]", "AwsSolutions-IAM5[Action::kms:ReEncrypt*]")
}
