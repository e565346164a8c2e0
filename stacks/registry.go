package stacks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// Registry is the stack of what the services start from: their image repositories, the image of each that is released,
// the secrets of third parties, and those by which the load balancer knows CloudFront.
type Registry struct {
	Stack awscdk.Stack
	// Secrets are those of third parties, by name.
	Secrets map[string]awssecretsmanager.ISecret
	key     awskms.IKey
}

// NewRegistry makes them, and lets the pipelines bring images and releases. All of it outlives the services' tasks, so that it
// lives apart from them.
func NewRegistry(stage awscdk.Stage, environment config.Environment, delivery config.Delivery) *Registry {
	stack := newStack(stage, "Registry", "image repositories, released images, third parties' secrets", environment)
	key := constructs.NewEncryptionKey(stack, "Key", constructs.EncryptionKeyProps{
		Description: "Images of the services and secrets of third parties",
		Disposable:  disposable(environment),
	})
	repositories := map[string]awsecr.IRepository{}
	for _, name := range environment.ServiceNames() {
		repository := constructs.NewImageRepository(stack, constructs.ID(name, "Repository"), constructs.ImageRepositoryProps{
			Name:       contract.ImageRepository(environment.Name, name),
			Key:        key,
			Disposable: disposable(environment),
		})
		repositories[name] = repository
		constructs.NewReleasedImage(stack, constructs.ID(name, "Image"), environment.Name, name, disposable(environment))
		awscdk.NewCfnOutput(stack, jsii.String(constructs.ID(name, "RepositoryUri")), &awscdk.CfnOutputProps{Value: repository.RepositoryUri()})
	}
	if into, first := delivery.Releases(environment.Name); into {
		access := constructs.ReleaseAccessProps{Environment: environment.Name, Account: delivery.Account, Services: map[string]constructs.ReleasedService{}}
		for _, name := range delivery.ServiceNames() {
			access.Services[name] = constructs.ReleasedService{Repository: repositories[name], ByCodeDeploy: environment.Services[name].Release == config.ReleaseCodeDeploy}
		}
		if first {
			for _, promotion := range delivery.Environments {
				access.BuildsFor = append(access.BuildsFor, promotion.Name)
			}
		}
		constructs.NewReleaseAccess(stack, "ReleaseAccess", access)
	}
	registry := &Registry{Stack: stack, key: key, Secrets: map[string]awssecretsmanager.ISecret{}}
	for _, name := range slices.Sorted(maps.Keys(environment.Secrets)) {
		secret := constructs.NewThirdPartySecret(stack, constructs.ID(name, "Secret"), environment.Secrets[name].Description, key, disposable(environment))
		registry.Secrets[name] = secret
		awscdk.NewCfnOutput(stack, jsii.String(constructs.ID(name, "SecretArn")), &awscdk.CfnOutputProps{Value: secret.SecretArn()})
	}
	if environment.HasEdge() {
		for _, number := range environment.StoredOriginSecrets() {
			name := constructs.OriginSecretName(environment.Name, number)
			constructs.NewOriginSecret(stack, fmt.Sprintf("OriginSecret%d", number), name, key, replicaRegion(environment))
		}
	}
	return registry
}

// replicaRegion is where the edge needs what is in the region of the environment; empty if it is there itself.
func replicaRegion(environment config.Environment) string {
	if environment.Region == config.EdgeRegion {
		return ""
	}
	return config.EdgeRegion
}

// as is the registry seen from another stack. What reads a secret there gets its rights on its own side only: a key whose
// policy named the reader would tie the two stacks into a circle.
func (r *Registry) as(stack awscdk.Stack) *Registry {
	key := awskms.Key_FromKeyArn(stack, jsii.String("RegistryKey"), r.key.KeyArn())
	seen := &Registry{Stack: r.Stack, key: key, Secrets: map[string]awssecretsmanager.ISecret{}}
	for _, name := range slices.Sorted(maps.Keys(r.Secrets)) {
		seen.Secrets[name] = awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String(constructs.ID(name, "Secret")), &awssecretsmanager.SecretAttributes{
			SecretCompleteArn: r.Secrets[name].SecretArn(), EncryptionKey: key,
		})
	}
	return seen
}
