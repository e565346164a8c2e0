package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticache"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

const cacheEngine = "valkey"

// CacheUserProps describes who may use the keys of a purpose.
type CacheUserProps struct {
	EnvironmentName string
	Purpose         CachePurpose
	Key             awskms.IKey
	Disposable      bool
}

// CacheUser is a user of the caches and the secret with its password.
type CacheUser struct {
	Purpose CachePurpose
	// Name is what the user is called, and its id.
	Name string
	User awselasticache.CfnUser
	// Secret holds username and password as JSON.
	Secret awssecretsmanager.Secret
}

// NewCacheUser makes the user of a purpose. Its id and name are the same, so that the secret's username is what rotation
// asks ElastiCache for.
func NewCacheUser(scope construct.Construct, id string, props CacheUserProps) *CacheUser {
	scope = construct.NewConstruct(scope, jsii.String(id))
	name := cacheName(props.EnvironmentName, props.Purpose)
	secret := newCacheSecret(scope, name, "Password for "+string(props.Purpose)+" in the cache", props.Key, props.Disposable)
	return &CacheUser{
		Purpose: props.Purpose,
		Name:    name,
		User:    newCacheUser(scope, name, name, accessString(props.Purpose), secret),
		Secret:  secret,
	}
}

// NewDisabledDefaultUser makes the user "default", as whom every connection begins that does not say who it is, and
// switches it off. A user group of Valkey takes no user without a password, so that it has one that nobody is told.
func NewDisabledDefaultUser(scope construct.Construct, id string, props CacheUserProps) awselasticache.CfnUser {
	scope = construct.NewConstruct(scope, jsii.String(id))
	secret := newCacheSecret(scope, "default", "Password of the user who is switched off in the caches", props.Key, props.Disposable)
	acknowledge(secret, "The user is switched off: its password opens nothing", "AwsSolutions-SMG4")
	return newCacheUser(scope, cacheName(props.EnvironmentName, "default"), "default", "off -@all", secret)
}

func newCacheSecret(scope construct.Construct, user, description string, key awskms.IKey, disposable bool) awssecretsmanager.Secret {
	return awssecretsmanager.NewSecret(scope, jsii.String("Secret"), &awssecretsmanager.SecretProps{
		Description:   jsii.String(description),
		EncryptionKey: key,
		RemovalPolicy: removalPolicy(disposable),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String(fmt.Sprintf(`{"username":%q}`, user)),
			GenerateStringKey:    jsii.String("password"),
			PasswordLength:       jsii.Number(contract.PasswordLength),
			ExcludePunctuation:   jsii.Bool(true), // nothing in a connection URL needs escaping
		},
	})
}

// newCacheUser has its first password from the secret, by a reference that CloudFormation resolves. A later change of the
// user sets the current one alone, so that tasks from before the last rotation cannot connect anew (docs/adr/0011-cache-passwords.md).
func newCacheUser(scope construct.Construct, id, name, access string, secret awssecretsmanager.Secret) awselasticache.CfnUser {
	return awselasticache.NewCfnUser(scope, jsii.String("User"), &awselasticache.CfnUserProps{
		UserId:       jsii.String(id),
		UserName:     jsii.String(name),
		Engine:       jsii.String(cacheEngine),
		AccessString: jsii.String(access),
		Passwords:    &[]*string{secret.SecretValueFromJson(jsii.String("password")).UnsafeUnwrap()},
	})
}
