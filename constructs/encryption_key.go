package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// EncryptionKeyProps describes a customer-managed KMS key.
type EncryptionKeyProps struct {
	// Description says what the key protects.
	Description string
	// Services are the AWS services that use the key on their own behalf rather than through a principal of this
	// account, for example "backup.amazonaws.com": each may use it for resources of this account only.
	Services []string
	// Accounts may use the key for what is shared with them: another account's vault copies recovery points with it.
	Accounts []string
	// LogGroups lets CloudWatch Logs use the key, for the log groups of this account and region.
	LogGroups bool
	// Disposable lets the key be deleted with its stack. By default it is retained: what it encrypted (snapshots,
	// recovery points) outlives the stack and cannot be read without it.
	Disposable bool
}

// NewEncryptionKey makes a symmetric key that KMS rotates every year.
func NewEncryptionKey(scope construct.Construct, id string, props EncryptionKeyProps) awskms.Key {
	key := awskms.NewKey(scope, jsii.String(id), &awskms.KeyProps{
		Description:       jsii.String(props.Description),
		EnableKeyRotation: jsii.Bool(true),
		PendingWindow:     awscdk.Duration_Days(jsii.Number(pendingWindowDays(props.Disposable))),
		RemovalPolicy:     removalPolicy(props.Disposable),
	})
	stack := awscdk.Stack_Of(scope)
	for _, service := range props.Services {
		key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{serviceOfAccount(scope, service)},
			Actions:    jsii.Strings("kms:Decrypt", "kms:GenerateDataKey*"),
			Resources:  jsii.Strings("*"), // in a key policy, the key itself
		}), jsii.Bool(false))
	}
	for _, account := range props.Accounts {
		shareKey(key, account)
	}
	if props.LogGroups {
		key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{
				awsiam.NewServicePrincipal(jsii.String(fmt.Sprintf("logs.%s.amazonaws.com", *stack.Region())), nil),
			},
			Actions:   jsii.Strings("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
			Resources: jsii.Strings("*"),
			Conditions: &map[string]interface{}{
				"ArnLike": map[string]interface{}{
					"kms:EncryptionContext:aws:logs:arn": fmt.Sprintf("arn:%s:logs:%s:%s:log-group:*",
						*stack.Partition(), *stack.Region(), *stack.Account()),
				},
			},
		}), jsii.Bool(false))
	}
	return key
}

// shareKey lets another account read what the key encrypts and pass that on to an AWS service such as RDS.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html
func shareKey(key awskms.Key, account string) {
	principal := &[]awsiam.IPrincipal{awsiam.NewAccountPrincipal(jsii.String(account))}
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: principal,
		Actions:    jsii.Strings("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
		Resources:  jsii.Strings("*"),
	}), jsii.Bool(false))
	key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: principal,
		Actions:    jsii.Strings("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]interface{}{"Bool": map[string]interface{}{"kms:GrantIsForAWSResource": "true"}},
	}), jsii.Bool(false))
}
