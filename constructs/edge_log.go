package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// loggedFields leave out cookies, queries and referrers: they hold tokens and what people look for.
var loggedFields = []string{
	"date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status", "cs(User-Agent)",
	"x-edge-result-type", "x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken", "ssl-protocol", "ssl-cipher",
	"x-edge-response-result-type", "cs-protocol-version", "time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type",
}

// edgeLog is where CloudFront's access logs go: standard logging of the second version, which needs no bucket with access lists.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html
type edgeLog struct {
	bucket      awss3.Bucket
	destination awslogs.CfnDeliveryDestination
}

func newEdgeLog(scope construct.Construct, name string, retentionDays int, disposable bool) *edgeLog {
	bucket := NewLogBucket(scope, "AccessLogs", LogBucketProps{RetentionDays: retentionDays, Disposable: disposable})
	stack := awscdk.Stack_Of(scope)
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("delivery.logs.amazonaws.com"), nil)},
		Actions:    jsii.Strings("s3:PutObject"),
		Resources:  &[]*string{bucket.ArnForObjects(jsii.String("AWSLogs/" + *stack.Account() + "/*"))},
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": *stack.Account(), "s3:x-amz-acl": "bucket-owner-full-control"},
			"ArnLike": map[string]interface{}{
				"aws:SourceArn": fmt.Sprintf("arn:%s:logs:%s:%s:delivery-source:*", *stack.Partition(), *stack.Region(), *stack.Account()),
			},
		},
	}))
	destination := awslogs.NewCfnDeliveryDestination(scope, jsii.String("LogDestination"), &awslogs.CfnDeliveryDestinationProps{
		Name: jsii.String(name), DestinationResourceArn: bucket.BucketArn(), OutputFormat: jsii.String("json"),
	})
	destination.Node().AddDependency(bucket.Policy()) // CloudWatch Logs would write one itself
	return &edgeLog{bucket, destination}
}

// record logs who asks a distribution for what.
func (l *edgeLog) record(scope construct.Construct, id, name string, distribution awscloudfront.CfnDistribution) {
	source := awslogs.NewCfnDeliverySource(scope, jsii.String(id+"LogSource"), &awslogs.CfnDeliverySourceProps{
		Name: jsii.String(name), LogType: jsii.String("ACCESS_LOGS"), ResourceArn: distributionARN(distribution),
	})
	awslogs.NewCfnDelivery(scope, jsii.String(id+"Log"), &awslogs.CfnDeliveryProps{
		DeliverySourceName: source.Ref(), DeliveryDestinationArn: l.destination.AttrArn(), RecordFields: jsii.Strings(loggedFields...),
	})
}

func distributionARN(distribution awscloudfront.CfnDistribution) *string {
	stack := awscdk.Stack_Of(distribution)
	return jsii.String(fmt.Sprintf("arn:%s:cloudfront::%s:distribution/%s", *stack.Partition(), *stack.Account(), *distribution.Ref()))
}
