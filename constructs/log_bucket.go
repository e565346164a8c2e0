package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// deletedRecordDays is how long a record that somebody deletes or replaces can still be brought back: whoever breaks in tidies up.
const deletedRecordDays = 30

// LogBucketProps describes a bucket to which AWS delivers access logs.
type LogBucketProps struct {
	RetentionDays int
	// Disposable lets the bucket go with the stack once it is empty.
	Disposable bool
}

// NewLogBucket makes a bucket for access logs: S3's own, a load balancer's, CloudFront's.
func NewLogBucket(scope construct.Construct, id string, props LogBucketProps) awss3.Bucket {
	bucket := awss3.NewBucket(scope, jsii.String(id), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:        awss3.BucketEncryption_S3_MANAGED, // the only one that load balancers and S3 itself can write to
		EnforceSSL:        jsii.Bool(true),
		Versioned:         jsii.Bool(true),
		LifecycleRules:    recordLifecycle(props.RetentionDays),
		RemovalPolicy:     removalPolicy(props.Disposable),
	})
	acknowledge(bucket, "The bucket holds access logs itself, and a log of who reads logs has no end", "AwsSolutions-S1")
	return bucket
}

// recordLifecycle ends what is written once and never changed.
func recordLifecycle(retentionDays int) *[]*awss3.LifecycleRule {
	return &[]*awss3.LifecycleRule{{
		Expiration:                          awscdk.Duration_Days(jsii.Number(retentionDays)),
		NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(deletedRecordDays)),
		AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(abandonedUploadDays)),
	}}
}
