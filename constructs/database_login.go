package constructs

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// DatabaseLoginProps describes a login to one schema of the cluster.
type DatabaseLoginProps struct {
	// Schema is what the login works in, and Access is what it may do there.
	Schema string
	Access contract.Access
	// Cluster is where the schema is, and MasterSecret is its master user's.
	Cluster      awssecretsmanager.ISecretAttachmentTarget
	MasterSecret awssecretsmanager.ISecret
	Key          awskms.IKey
	Disposable   bool
}

// NewDatabaseLogin makes the secret of a login. Its tags say which roles and which schema the rotation may make for it: unlike
// the secret's value, nobody who may only write that value can change them.
func NewDatabaseLogin(scope construct.Construct, id string, props DatabaseLoginProps) awssecretsmanager.ISecret {
	login := contract.LoginRole(props.Schema, props.Access)
	template, err := json.Marshal(map[string]*string{
		"username":               jsii.String(login),
		"dbname":                 jsii.String(contract.ServiceDatabase),
		contract.MasterSecretKey: props.MasterSecret.SecretArn(),
	})
	if err != nil {
		panic(err)
	}
	secret := awssecretsmanager.NewSecret(scope, jsii.String(id), &awssecretsmanager.SecretProps{
		Description:   jsii.String("Role " + login + ", which has schema " + props.Schema + " of the database " + contract.ServiceDatabase),
		EncryptionKey: props.Key,
		RemovalPolicy: removalPolicy(props.Disposable),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String(string(template)),
			GenerateStringKey:    jsii.String("password"),
			PasswordLength:       jsii.Number(contract.PasswordLength),
			ExcludePunctuation:   jsii.Bool(true), // nothing in a connection URL needs escaping
		},
	})
	awscdk.Tags_Of(secret).Add(jsii.String(contract.SchemaTagKey), jsii.String(props.Schema), nil)
	awscdk.Tags_Of(secret).Add(jsii.String(contract.AccessTagKey), jsii.String(string(props.Access)), nil)
	return secret.Attach(props.Cluster)
}
