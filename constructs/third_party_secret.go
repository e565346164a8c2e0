package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewThirdPartySecret makes a secret with a random value, so that the service that needs it can start, until the real one
// is put in by hand.
func NewThirdPartySecret(scope construct.Construct, id, description string, key awskms.IKey, disposable bool) awssecretsmanager.Secret {
	secret := awssecretsmanager.NewSecret(scope, jsii.String(id), &awssecretsmanager.SecretProps{
		Description:   jsii.String(description),
		EncryptionKey: key,
		RemovalPolicy: removalPolicy(disposable),
	})
	acknowledge(secret, "Only the third party can issue another key, so nothing of ours could rotate it", "AwsSolutions-SMG4")
	return secret
}
