package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// CacheRotationProps describes how the passwords of cache users change.
type CacheRotationProps struct {
	Users []*CacheUser
	// Code is the function lambda/cacherotation.
	Code awslambda.Code
	// EveryDays is the interval of rotation.
	EveryDays        int
	Key              awskms.IKey
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// NewCacheRotation changes the passwords on a schedule. The function is outside the VPC: it talks to AWS's APIs only, which
// an environment without NAT does not reach from inside.
func NewCacheRotation(scope construct.Construct, id string, props CacheRotationProps) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	function := NewFunction(scope, "Rotation", FunctionProps{
		Description:      "Rotates the passwords of cache users",
		Code:             props.Code,
		Timeout:          5 * time.Minute, // ElastiCache takes its time to change a user
		Key:              props.Key,
		Job:              "cache-password-rotation",
		LogRetentionDays: props.LogRetentionDays,
		Notifications:    props.Notifications,
		Failing: AlarmProps{
			Name: "cache-password-rotation", Severity: Warning,
			Summary:   "The rotation of a cache password failed; the current password stays valid.",
			Breaching: 1, Periods: 5,
		},
		Disposable: props.Disposable,
	})
	var secrets, users []*string
	for _, user := range props.Users {
		secrets, users = append(secrets, user.Secret.SecretArn()), append(users, user.User.AttrArn())
	}
	allow := func(resources []*string, actions ...string) {
		function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources}))
	}
	allow(secrets, "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
	allow([]*string{jsii.String("*")}, "secretsmanager:GetRandomPassword") // it has no resource
	allow(users, "elasticache:DescribeUsers", "elasticache:ModifyUser")
	allow([]*string{props.Key.KeyArn()}, "kms:Decrypt", "kms:GenerateDataKey")
	function.AddPermission(jsii.String("SecretsManager"), &awslambda.Permission{
		Principal:     awsiam.NewServicePrincipal(jsii.String("secretsmanager.amazonaws.com"), nil),
		SourceAccount: awscdk.Stack_Of(function).Account(),
	})
	for _, user := range props.Users {
		schedule := awssecretsmanager.NewCfnRotationSchedule(scope, jsii.String(pascalCase(string(user.Purpose))+"Schedule"), &awssecretsmanager.CfnRotationScheduleProps{
			SecretId:          user.Secret.SecretArn(),
			RotationLambdaArn: function.FunctionArn(),
			RotationRules: &awssecretsmanager.CfnRotationSchedule_RotationRulesProperty{
				ScheduleExpression: jsii.String(fmt.Sprintf("rate(%d days)", props.EveryDays)),
			},
			RotateImmediatelyOnUpdate: jsii.Bool(false),
		})
		schedule.Node().AddDependency(user.User, function, function.Role())
	}
}
