package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// OriginSecretName is that of a secret by which the load balancer knows CloudFront. The number tells one from the next:
// CloudFormation reads a secret again only when its name changes.
func OriginSecretName(environment string, number int) string {
	return fmt.Sprintf("peakline-%s/origin-%d", environment, number)
}

// OriginSecretValue is a reference that CloudFormation resolves while it deploys: the value stands in no template.
func OriginSecretValue(name string) *string {
	return jsii.String("{{resolve:secretsmanager:" + name + ":SecretString}}")
}

// NewOriginSecret makes a secret of random letters and digits, and a replica of it where CloudFront's stack is, if that is another
// region. It goes with its stack: one that nothing accepts any more is worth nothing.
func NewOriginSecret(scope construct.Construct, id, name string, key awskms.IKey, replicaRegion string) awssecretsmanager.Secret {
	props := &awssecretsmanager.SecretProps{
		SecretName:    jsii.String(name),
		Description:   jsii.String("By which the load balancer knows CloudFront"),
		EncryptionKey: key,
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(40), ExcludePunctuation: jsii.Bool(true), // it travels in a header
		},
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	}
	if replicaRegion != "" {
		props.ReplicaRegions = &[]*awssecretsmanager.ReplicaRegion{{Region: jsii.String(replicaRegion)}}
	}
	secret := awssecretsmanager.NewSecret(scope, jsii.String(id), props)
	acknowledge(secret, "Rotated by its number in the configuration: both sides have to know two at a time", "AwsSolutions-SMG4")
	return secret
}
