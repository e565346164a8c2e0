package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newSignInRecord makes the bucket that receives who signed in when, from where and with what risk. It is a bucket, because
// Cognito cannot write to a log group that is encrypted with a key of ours, and these are personal data.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-cognito-logdeliveryconfiguration-cloudwatchlogsconfiguration.html
func newSignInRecord(scope construct.Construct, props UserPoolProps) awss3.Bucket {
	bucket := awss3.NewBucket(scope, jsii.String("SignInRecord"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:        awss3.BucketEncryption_KMS,
		EncryptionKey:     props.Key,
		BucketKeyEnabled:  jsii.Bool(true),
		EnforceSSL:        jsii.Bool(true),
		Versioned:         jsii.Bool(true),
		LifecycleRules:    recordLifecycle(props.LogRetentionDays),
		RemovalPolicy:     removalPolicy(props.Disposable),
	})
	acknowledge(bucket, "The bucket holds a record itself, and a log of who reads logs has no end", "AwsSolutions-S1")
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-S3.html
	stack := awscdk.Stack_Of(scope)
	deliver := func(action string, resource *string, more map[string]interface{}) {
		equal := map[string]interface{}{"aws:SourceAccount": *stack.Account()}
		for key, value := range more {
			equal[key] = value
		}
		bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("delivery.logs.amazonaws.com"), nil)},
			Actions:    jsii.Strings(action),
			Resources:  &[]*string{resource},
			Conditions: &map[string]interface{}{
				"StringEquals": equal,
				"ArnLike": map[string]interface{}{
					"aws:SourceArn": fmt.Sprintf("arn:%s:logs:%s:%s:*", *stack.Partition(), *stack.Region(), *stack.Account()),
				},
			},
		}))
	}
	deliver("s3:GetBucketAcl", bucket.BucketArn(), nil)
	deliver("s3:PutObject", bucket.ArnForObjects(jsii.String("AWSLogs/"+*stack.Account()+"/*")),
		map[string]interface{}{"s3:x-amz-acl": "bucket-owner-full-control"})
	return bucket
}
