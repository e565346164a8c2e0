package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// DatabaseAccess is the stack of the services' logins to the database. A service comes and goes here, and the database's own
// stack is not touched.
type DatabaseAccess struct {
	Stack awscdk.Stack
	// Logins are the secrets of the services that have a database, by what the login may do and by the service's name.
	Logins map[contract.Access]map[string]awssecretsmanager.ISecret
	// Key encrypts them.
	Key awskms.IKey
}

// DatabaseAccessProps is what the logins need of the other stacks.
type DatabaseAccessProps struct {
	Environment   config.Environment
	Notifications *constructs.Notifications
	Network       *Network
	Database      *Database
	RotationCode  string
}

// NewDatabaseAccess makes the secrets and what rotates them. Their first rotation, at deployment, makes the roles and the schema.
func NewDatabaseAccess(stage awscdk.Stage, props DatabaseAccessProps) *DatabaseAccess {
	environment, cluster := props.Environment, props.Database.Cluster
	stack := newStack(stage, "DatabaseAccess", "logins of the services to the database", environment)
	key := constructs.NewEncryptionKey(stack, "Key", constructs.EncryptionKeyProps{
		Description: "Secrets of the services' logins to the database",
		LogGroups:   true,
		Disposable:  disposable(environment),
	})
	rotation := constructs.NewSecretRotation(stack, "LoginRotation", constructs.SecretRotationProps{
		Code:             awslambda.Code_FromAsset(jsii.String(props.RotationCode), nil),
		Alarm:            "database-access",
		Subject:          "logins",
		Summary:          "The login of a service could not be made or changed; the login in force stays valid.",
		Vpc:              props.Network.Network.Vpc,
		Subnets:          props.Network.Network.Private,
		SecurityGroup:    props.Network.SecurityGroups.Administration,
		Key:              key,
		LogRetentionDays: environment.Database.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       disposable(environment),
	})
	awscdk.NewCfnOutput(stack, jsii.String("RotationFunction"), &awscdk.CfnOutputProps{Value: rotation.Function.FunctionName()})
	rotation.AllowMaster(cluster.MasterSecret, cluster.SecretKey)
	access := &DatabaseAccess{Stack: stack, Key: key, Logins: map[contract.Access]map[string]awssecretsmanager.ISecret{}}
	kinds := []contract.Access{contract.ServiceAccess, contract.MigrationAccess}
	if environment.UsesProxy() {
		// The services' own logins stay: without them there would be no way back.
		kinds = append(kinds, contract.ProxyAccess)
	}
	for _, kind := range kinds {
		access.Logins[kind] = map[string]awssecretsmanager.ISecret{}
	}
	for _, name := range environment.DatabaseServices() {
		schema := environment.Services[name].Database.Schema
		for _, kind := range kinds {
			// Named by the schema, which is the login's identity in the database: a service may be called something else.
			id := constructs.ID(schema, constructs.ID(string(kind), "Login"))
			secret := constructs.NewDatabaseLogin(stack, id, constructs.DatabaseLoginProps{
				Schema:       schema,
				Access:       kind,
				Cluster:      cluster.Cluster,
				MasterSecret: cluster.MasterSecret,
				Key:          key,
				Disposable:   disposable(environment),
			})
			rotation.Rotate(id, constructs.RotatedSecretProps{
				Secret:    secret,
				EveryDays: environment.Database.CredentialRotationDays,
				AtOnce:    true,
			})
			awscdk.NewCfnOutput(stack, jsii.String(id+"SecretArn"), &awscdk.CfnOutputProps{Value: secret.SecretArn()})
			access.Logins[kind][name] = secret
			if kind != contract.ProxyAccess {
				keepExported(stack, secret.SecretArn()) // as with the addresses of the database; a service may stop having migrations too
			}
		}
	}
	return access
}

// as is the logins of some kinds seen from another stack, as with the registry: who reads one has its rights on its own side only.
func (a *DatabaseAccess) as(stack awscdk.Stack, kinds ...contract.Access) *DatabaseAccess {
	seen := *a
	seen.Key = awskms.Key_FromKeyArn(stack, jsii.String("DatabaseAccessKey"), a.Key.KeyArn())
	seen.Logins = map[contract.Access]map[string]awssecretsmanager.ISecret{}
	for _, kind := range kinds {
		seen.Logins[kind] = map[string]awssecretsmanager.ISecret{}
		for _, name := range slices.Sorted(maps.Keys(a.Logins[kind])) {
			id := constructs.ID(name, constructs.ID(string(kind), "Login"))
			seen.Logins[kind][name] = awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String(id), &awssecretsmanager.SecretAttributes{
				SecretCompleteArn: a.Logins[kind][name].SecretArn(), EncryptionKey: seen.Key,
			})
		}
	}
	return &seen
}
