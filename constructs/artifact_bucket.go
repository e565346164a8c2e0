package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// artifactDays is how long what pipelines pass on is kept: a waiting approval ends after a week, and a stage is retried or
// rolled back to an execution of the last weeks.
const artifactDays = 30

// ArtifactBucket is where the stages of pipelines hand things to each other.
type ArtifactBucket struct {
	Bucket awss3.Bucket
	Key    awskms.IKey
}

// NewArtifactBucket makes the bucket, with the record of who read it in accessLogs.
func NewArtifactBucket(scope construct.Construct, id string, key awskms.IKey, accessLogs awss3.IBucket) *ArtifactBucket {
	return &ArtifactBucket{Key: key, Bucket: awss3.NewBucket(scope, jsii.String(id), &awss3.BucketProps{
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:        awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		Encryption:             awss3.BucketEncryption_KMS,
		EncryptionKey:          key,
		BucketKeyEnabled:       jsii.Bool(true),
		EnforceSSL:             jsii.Bool(true),
		MinimumTLSVersion:      jsii.Number(1.2),
		Versioned:              jsii.Bool(true), // CodePipeline asks for it
		ServerAccessLogsBucket: accessLogs,
		ServerAccessLogsPrefix: jsii.String("artifacts/"),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Expiration:                          awscdk.Duration_Days(jsii.Number(artifactDays)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(1)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(abandonedUploadDays)),
		}},
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN,
	})}
}

// ArtifactsOf is the pattern of the keys under which a pipeline keeps one of its artifacts, whose name has ten letters at most.
// CodePipeline shortens the name of the pipeline to twenty.
func ArtifactsOf(pipeline, artifact string) string {
	return pipeline[:min(len(pipeline), 20)] + "*/" + artifact + "/*"
}
