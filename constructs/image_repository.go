package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ImageRepositoryProps describes the registry of one service's images.
type ImageRepositoryProps struct {
	// Name is the repository's physical name, which the service's build pushes to.
	Name string
	Key  awskms.IKey
	// Disposable deletes the images with the stack.
	Disposable bool
}

// What a repository keeps: enough to go back a year of weekly releases.
const (
	imagesKept       = 100
	untaggedKeptDays = 14
)

// NewImageRepository makes a repository in which a tag, once pushed, always means the same image.
func NewImageRepository(scope construct.Construct, id string, props ImageRepositoryProps) awsecr.Repository {
	return awsecr.NewRepository(scope, jsii.String(id), &awsecr.RepositoryProps{
		RepositoryName:     jsii.String(props.Name),
		ImageTagMutability: awsecr.TagMutability_IMMUTABLE,
		ImageScanOnPush:    jsii.Bool(true),
		Encryption:         awsecr.RepositoryEncryption_KMS(),
		EncryptionKey:      props.Key,
		EmptyOnDelete:      jsii.Bool(props.Disposable),
		RemovalPolicy:      namedRemovalPolicy(props.Disposable),
		LifecycleRules: &[]*awsecr.LifecycleRule{{
			Description:  jsii.String("What no tag names any more"),
			TagStatus:    awsecr.TagStatus_UNTAGGED,
			MaxImageAge:  awscdk.Duration_Days(jsii.Number(untaggedKeptDays)),
			RulePriority: jsii.Number(1),
		}, {
			Description:   jsii.String("Releases that nobody goes back to"),
			TagStatus:     awsecr.TagStatus_ANY,
			MaxImageCount: jsii.Number(imagesKept),
			RulePriority:  jsii.Number(2),
		}},
	})
}
