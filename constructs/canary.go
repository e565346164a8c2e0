package constructs

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssynthetics"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/canary"
)

const (
	// canaryRuntime is the newest of Synthetics' runtimes without a browser, Node.js 22. The CDK's table ends before it.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Library_Nodejs.html
	canaryRuntime = "syn-nodejs-4.1"
	// canaryStepSeconds is when a step is given up: a visitor is gone by then.
	canaryStepSeconds = 10
	// canaryDays is how long the record of a walk is kept.
	canaryDays = 30
)

// CanaryProps describes a walk through the shop.
type CanaryProps struct {
	EnvironmentName string
	// Name is the canary's physical one, which its metrics have as dimension.
	Name string
	// URL is where visitors find the shop.
	URL           string
	Steps         []canary.Step
	Every         time.Duration
	Notifications *Notifications
	Disposable    bool
}

// NewCanary lets CloudWatch Synthetics walk through the shop from outside any VPC, and tells when it fails or stops. Synthetics' log
// group could neither be encrypted by a key of ours nor expire: its name is made up when the canary is. So the canary may not write
// one, and what it says is in its artefacts.
func NewCanary(scope construct.Construct, id string, props CanaryProps) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	artefacts := newCanaryArtefacts(scope, props)
	role := newCanaryRole(scope, artefacts)
	settings, err := json.Marshal(canary.Settings{URL: props.URL, Environment: props.EnvironmentName, StepSeconds: canaryStepSeconds, Steps: props.Steps})
	if err != nil {
		panic(fmt.Sprintf("write the walk of canary %s: %v", props.Name, err))
	}
	made := awssynthetics.NewCfnCanary(scope, jsii.String("Canary"), &awssynthetics.CfnCanaryProps{
		Name:               jsii.String(props.Name),
		RuntimeVersion:     jsii.String(canaryRuntime),
		Code:               &awssynthetics.CfnCanary_CodeProperty{Handler: jsii.String("index.handler"), Script: jsii.String(canary.Walk)},
		ExecutionRoleArn:   role.RoleArn(),
		ArtifactS3Location: artefacts.S3UrlForObject(nil),
		ArtifactConfig: &awssynthetics.CfnCanary_ArtifactConfigProperty{
			S3Encryption: &awssynthetics.CfnCanary_S3EncryptionProperty{EncryptionMode: jsii.String("SSE_S3")},
		},
		Schedule: &awssynthetics.CfnCanary_ScheduleProperty{Expression: jsii.String(rate(int(props.Every.Minutes())))},
		RunConfig: &awssynthetics.CfnCanary_RunConfigProperty{
			TimeoutInSeconds:     jsii.Number(min(props.Every.Seconds(), float64(canaryStepSeconds*(len(props.Steps)+1)))),
			EnvironmentVariables: map[string]*string{canary.EnvWalk: jsii.String(string(settings))},
		},
		FailureRetentionPeriod:     jsii.Number(canaryDays),
		SuccessRetentionPeriod:     jsii.Number(canaryDays),
		StartCanaryAfterCreation:   jsii.Bool(true),
		ProvisionedResourceCleanup: jsii.String("AUTOMATIC"),
	})
	made.Node().AddDependency(role) // its policy too: the first walk begins at once
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "canary-failed", Severity: Critical,
		Summary: "The walk from browsing to the checkout fails, seen from outside, or nobody walks.",
		Metric: metricEvery(props.Every, "CloudWatchSynthetics", "SuccessPercent", "Average",
			map[string]*string{"CanaryName": jsii.String(props.Name)}),
		Comparison: Below, Threshold: 100, Breaching: 2, Periods: 3, MissingData: MissingIsBreaching,
	})
}

// newCanaryArtefacts is where the record of each walk goes.
func newCanaryArtefacts(scope construct.Construct, props CanaryProps) awss3.Bucket {
	bucket := awss3.NewBucket(scope, jsii.String("Artefacts"), &awss3.BucketProps{
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		EnforceSSL:        jsii.Bool(true),
		Versioned:         jsii.Bool(true),
		LifecycleRules:    recordLifecycle(canaryDays),
		RemovalPolicy:     removalPolicy(props.Disposable),
	})
	acknowledge(bucket, "It holds the answers of a shop to a stranger; who read them is of no interest", "AwsSolutions-S1")
	return bucket
}

// newCanaryRole may write the record of a walk and its metrics, and nothing else.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_CanaryPermissions.html
func newCanaryRole(scope construct.Construct, artefacts awss3.Bucket) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Walks through the shop from outside and records how it went"),
	})
	for _, statement := range []*awsiam.PolicyStatementProps{
		{Actions: jsii.Strings("s3:PutObject"), Resources: &[]*string{artefacts.ArnForObjects(jsii.String("*"))}},
		{Actions: jsii.Strings("s3:GetBucketLocation"), Resources: &[]*string{artefacts.BucketArn()}},
		{Actions: jsii.Strings("s3:ListAllMyBuckets"), Resources: jsii.Strings("*")},
		{Actions: jsii.Strings("cloudwatch:PutMetricData"), Resources: jsii.Strings("*"),
			Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{"cloudwatch:namespace": "CloudWatchSynthetics"}}},
	} {
		role.AddToPolicy(awsiam.NewPolicyStatement(statement))
	}
	acknowledge(role, "Synthetics asks which buckets there are, metrics have no resource, and each walk writes a record under a name of its own", "AwsSolutions-IAM5")
	return role
}
