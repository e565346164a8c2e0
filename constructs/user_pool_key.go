package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewUserPoolKey makes the key for the user pool of its stack, and for the record of sign-ins. The policy is the one that AWS
// documents. A pool cannot be made before its key, so that the policy names the pools of the account.
// https://docs.aws.amazon.com/cognito/latest/developerguide/data-protection.html
func NewUserPoolKey(scope construct.Construct, id string, disposable bool) awskms.Key {
	key := NewEncryptionKey(scope, id, EncryptionKeyProps{
		Description: "What the user pool knows of people, and the record of sign-ins",
		Services:    []string{"delivery.logs.amazonaws.com"},
		Disposable:  disposable,
	})
	stack := awscdk.Stack_Of(scope)
	pools := fmt.Sprintf("arn:%s:cognito-idp:%s:%s:userpool/*", *stack.Partition(), *stack.Region(), *stack.Account())
	ofPools := map[string]interface{}{"kms:EncryptionContext:aws:cognito-idp:userpool-arn": pools}
	use := jsii.Strings("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKeyWithoutPlaintext")
	allow := func(principal awsiam.IPrincipal, actions *[]*string, conditions map[string]interface{}) {
		key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{principal}, Actions: actions, Resources: jsii.Strings("*"), Conditions: &conditions,
		}), jsii.Bool(false))
	}
	for _, service := range []string{"cognito-idp.amazonaws.com", "identitystore.amazonaws.com"} {
		principal := awsiam.NewServicePrincipal(jsii.String(service), nil)
		ofAccount := map[string]interface{}{"aws:SourceAccount": *stack.Account()}
		allow(principal, use, map[string]interface{}{
			"StringEquals": ofAccount, "ArnLike": map[string]interface{}{"aws:SourceArn": pools}, "StringLike": ofPools,
		})
		allow(principal, jsii.Strings("kms:DescribeKey"), map[string]interface{}{
			"StringEquals": ofAccount, "ArnLike": map[string]interface{}{"aws:SourceArn": pools},
		})
	}
	allow(awsiam.NewServicePrincipal(jsii.String("cognito-idp.amazonaws.com"), nil), jsii.Strings("kms:Encrypt", "kms:GenerateDataKey"), map[string]interface{}{
		"StringEquals": map[string]interface{}{"aws:SourceAccount": *stack.Account()},
		"StringLike": map[string]interface{}{
			"kms:EncryptionContext:SourceArn": fmt.Sprintf("arn:%s:logs:%s:%s:*", *stack.Partition(), *stack.Region(), *stack.Account()),
		},
	})
	// Whoever may administer the pool does so through Cognito, which then acts in the administrator's name.
	through := map[string]interface{}{
		"kms:ViaService":    fmt.Sprintf("cognito-idp.%s.amazonaws.com", *stack.Region()),
		"kms:CallerAccount": *stack.Account(),
	}
	anyone := awsiam.NewAnyPrincipal()
	allow(anyone, use, map[string]interface{}{"StringEquals": through, "StringLike": ofPools})
	allow(anyone, jsii.Strings("kms:DescribeKey"), map[string]interface{}{"StringEquals": through})
	return key
}
