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

// SecretRotationProps describes the function that changes database secrets.
type SecretRotationProps struct {
	// Code is the function lambda/secretrotation.
	Code awslambda.Code
	// Alarm is the name of the alarm that tells of a rotation that failed, and Summary says what that means.
	Alarm, Summary string
	// Subject tells the functions apart in the alarm that they are held ("master").
	Subject string

	Vpc              awsec2.IVpc
	Subnets          *awsec2.SubnetSelection
	SecurityGroup    awsec2.ISecurityGroup
	Key              awskms.IKey
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// SecretRotation is a function that changes the secrets it is told of, and no others.
type SecretRotation struct {
	Function awslambda.Function
	scope    construct.Construct
}

// NewSecretRotation makes the function: one of ours rather than a hosted one, which would need a deploy-time transform, and
// rather than RDS's own rotation, which would rule out blue/green upgrades.
func NewSecretRotation(scope construct.Construct, id string, props SecretRotationProps) *SecretRotation {
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
		Notifications:    props.Notifications,
		Failing:          AlarmProps{Name: props.Alarm, Severity: Warning, Summary: props.Summary, Breaching: 1, Periods: 5},
		// The hold of an engine upgrade is a concurrency of zero, which no deployment sets or lifts: what is held is told when a
		// rotation falls due.
		Throttled: AlarmProps{
			Name: "database-rotation-held", Subject: props.Subject, Severity: Warning,
			Summary:   "A rotation of database secrets was due and did not run: the function is held, or the account is short of concurrency.",
			Breaching: 1, Periods: 5,
		},
		Disposable: props.Disposable,
	})
	// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html
	function.AddPermission(jsii.String("SecretsManager"), &awslambda.Permission{
		Principal:     awsiam.NewServicePrincipal(jsii.String("secretsmanager.amazonaws.com"), nil),
		SourceAccount: awscdk.Stack_Of(function).Account(),
	})
	function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("secretsmanager:GetRandomPassword"),
		Resources: jsii.Strings("*"), // it has no resource
	}))
	function.AddToRolePolicy(viaSecretsManager(function, props.Key, "kms:Decrypt", "kms:GenerateDataKey"))
	return &SecretRotation{Function: function, scope: scope}
}

// RotatedSecretProps describes how one secret changes.
type RotatedSecretProps struct {
	// Secret is attached to its database, so that it says where to connect, and encrypted with the rotation's key.
	Secret awssecretsmanager.ISecret
	// EveryDays is the interval of rotation.
	EveryDays int
	// AtOnce rotates the secret as soon as it is deployed, and whenever its schedule changes.
	AtOnce bool
	// After is what must be there before the first rotation: the database's instances, if they are in this stack.
	After construct.IDependable
}

// Rotate changes a secret on a schedule.
func (r *SecretRotation) Rotate(id string, props RotatedSecretProps) {
	r.Function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue",
			"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"),
		Resources: &[]*string{props.Secret.SecretArn()},
	}))
	schedule := awssecretsmanager.NewCfnRotationSchedule(r.scope, jsii.String(id), &awssecretsmanager.CfnRotationScheduleProps{
		SecretId:          props.Secret.SecretArn(),
		RotationLambdaArn: r.Function.FunctionArn(),
		RotationRules: &awssecretsmanager.CfnRotationSchedule_RotationRulesProperty{
			ScheduleExpression: jsii.String(fmt.Sprintf("rate(%d days)", props.EveryDays)),
		},
		RotateImmediatelyOnUpdate: jsii.Bool(props.AtOnce),
	})
	schedule.Node().AddDependency(r.Function, r.Function.Role())
	if props.After != nil {
		schedule.Node().AddDependency(props.After)
	}
}

// AllowMaster lets the function read, and not change, the secret of the cluster's master user.
func (r *SecretRotation) AllowMaster(secret awssecretsmanager.ISecret, key awskms.IKey) {
	r.Function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("secretsmanager:GetSecretValue"),
		Resources: &[]*string{secret.SecretArn()},
	}))
	r.Function.AddToRolePolicy(viaSecretsManager(r.Function, key, "kms:Decrypt"))
}

// viaSecretsManager allows the use of a key for what Secrets Manager asks, which is the secrets that one may use.
func viaSecretsManager(scope construct.Construct, key awskms.IKey, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(actions...),
		Resources: &[]*string{key.KeyArn()},
		Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{
			"kms:ViaService": fmt.Sprintf("secretsmanager.%s.amazonaws.com", *awscdk.Stack_Of(scope).Region())}},
	})
}
