package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	// archiveDays is when a version that is no longer current goes to Glacier: by then it is kept for the record.
	archiveDays = 90
	// abandonedUploadDays is when the parts of an upload that never ended are thrown away; they are billed and seen by nobody.
	abandonedUploadDays = 7
)

// AssetBucketProps describes the bucket of the shop's pages and assets.
type AssetBucketProps struct {
	// Name is the physical name: CloudFront's stack, which may be in another region, names it as its origin.
	Name string
	// NoncurrentDays is how long a version that was replaced or deleted is kept, the time in Glacier included.
	NoncurrentDays int
	// AccessLogs is where S3 writes who read what.
	AccessLogs awss3.IBucket
	// Served lets CloudFront read.
	Served bool
	// Disposable lets the bucket go with the stack once it is empty.
	Disposable bool
}

// NewAssetBucket makes the bucket. Nobody reads it but CloudFront. Current versions stay in a class that is served at once:
// one in Glacier would have to be restored for hours before a visitor sees it.
func NewAssetBucket(scope construct.Construct, id string, props AssetBucketProps) awss3.Bucket {
	bucket := awss3.NewBucket(scope, jsii.String(id), &awss3.BucketProps{
		BucketName:             jsii.String(props.Name),
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:        awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:             awss3.BucketEncryption_S3_MANAGED, // what everybody may see needs no key of ours
		EnforceSSL:             jsii.Bool(true),
		MinimumTLSVersion:      jsii.Number(1.2),
		Versioned:              jsii.Bool(true),
		ServerAccessLogsBucket: props.AccessLogs,
		ServerAccessLogsPrefix: jsii.String("assets/"),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			NoncurrentVersionTransitions: &[]*awss3.NoncurrentVersionTransition{{
				StorageClass:    awss3.StorageClass_GLACIER(),
				TransitionAfter: awscdk.Duration_Days(jsii.Number(archiveDays)),
			}},
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(props.NoncurrentDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(abandonedUploadDays)),
			ExpiredObjectDeleteMarker:           jsii.Bool(true),
		}},
		RemovalPolicy: namedRemovalPolicy(props.Disposable),
	})
	if props.Served {
		serve(bucket)
	}
	return bucket
}

// serve lets CloudFront read single files for the distributions of this account, and list nothing. Which distribution it is cannot
// be said: that is made in another region, after the bucket. Only this account can make one, so that no stranger's gets in.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
func serve(bucket awss3.Bucket) {
	stack := awscdk.Stack_Of(bucket)
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudfront.amazonaws.com"), nil)},
		Actions:    jsii.Strings("s3:GetObject"),
		Resources:  &[]*string{bucket.ArnForObjects(jsii.String("*"))},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": *stack.Account()},
			"ArnLike": map[string]interface{}{
				"aws:SourceArn": fmt.Sprintf("arn:%s:cloudfront::%s:distribution/*", *stack.Partition(), *stack.Account()),
			},
		},
	}))
}
