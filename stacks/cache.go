package stacks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
)

// CacheProps is what the caches need of the other stacks.
type CacheProps struct {
	Environment   config.Environment
	Network       *Network
	Notifications *constructs.Notifications
	RotationCode  string
}

// Cache is the stack of the ElastiCache replication groups and their users.
type Cache struct {
	Stack awscdk.Stack
	// Users are those of the caches, by purpose.
	Users map[config.CachePurpose]*constructs.CacheUser

	environment config.Environment
	key         awskms.IKey
	// secrets are those of Users as the stack sees them in which the cache is used.
	secrets map[config.CachePurpose]awssecretsmanager.ISecret
}

var cachePurposes = map[config.CachePurpose]constructs.CachePurpose{
	config.CacheSessions:   constructs.CacheSessions,
	config.CacheProducts:   constructs.CacheProducts,
	config.CacheRateLimits: constructs.CacheRateLimits,
}

// sharedCache is the name of the one group of the shared layout.
const sharedCache constructs.CachePurpose = "shared"

// NewCache makes a user for each purpose, and a replication group for each or one for all of them.
func NewCache(stage awscdk.Stage, props CacheProps) *Cache {
	environment, settings := props.Environment, props.Environment.Cache
	stack := newStack(stage, "Cache", "ElastiCache for Valkey, its users and their passwords", environment)
	key := constructs.NewEncryptionKey(stack, "Key", constructs.EncryptionKeyProps{
		Description: "Caches, their snapshots, logs and passwords",
		LogGroups:   true,
		Disposable:  disposable(environment),
	})
	cache := &Cache{Stack: stack, environment: environment, key: key, Users: map[config.CachePurpose]*constructs.CacheUser{}}
	var users []*constructs.CacheUser
	for _, purpose := range config.CachePurposes {
		user := constructs.NewCacheUser(stack, constructs.ID(string(cachePurposes[purpose]), "User"), constructs.CacheUserProps{
			EnvironmentName: environment.Name, Purpose: cachePurposes[purpose], Key: key, Disposable: disposable(environment),
		})
		users, cache.Users[purpose] = append(users, user), user
		keepExported(stack, user.Secret.SecretArn())
	}
	keepExported(stack, key.KeyArn())
	cache.addGroups(props)
	constructs.NewCacheRotation(stack, "PasswordRotation", constructs.CacheRotationProps{
		Users:            users,
		Code:             awslambda.Code_FromAsset(jsii.String(props.RotationCode), nil),
		EveryDays:        settings.PasswordRotationDays,
		Key:              key,
		LogRetentionDays: settings.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       disposable(environment),
	})
	return cache
}

func (c *Cache) addGroups(props CacheProps) {
	settings := c.environment.Cache
	subnets := constructs.NewCacheSubnets(c.Stack, "Subnets", props.Network.Network)
	nobody := constructs.NewDisabledDefaultUser(c.Stack, "DefaultUser", constructs.CacheUserProps{
		EnvironmentName: c.environment.Name, Key: c.key, Disposable: disposable(c.environment),
	})
	groups := settings.Groups()
	var rows [][]constructs.Panel
	for _, purpose := range slices.Sorted(maps.Keys(groups)) {
		name, purposes := cachePurposes[purpose], []config.CachePurpose{purpose}
		if purpose == "" {
			name, purposes = sharedCache, config.CachePurposes
		}
		var users []*constructs.CacheUser
		for _, served := range purposes {
			users = append(users, c.Users[served])
		}
		group := constructs.NewCache(c.Stack, constructs.ID(string(name), ""), constructs.CacheProps{
			EnvironmentName:       c.environment.Name,
			Name:                  name,
			Users:                 users,
			DefaultUser:           nobody,
			EngineVersion:         settings.EngineVersion,
			Family:                settings.Family(),
			NodeType:              groups[purpose].NodeType,
			Replicas:              groups[purpose].Replicas,
			SubnetGroupName:       subnets.Ref(),
			SecurityGroup:         props.Network.SecurityGroups.Cache,
			Key:                   c.key,
			SnapshotRetentionDays: settings.SnapshotRetentionDays,
			SnapshotWindow:        settings.SnapshotWindow,
			MaintenanceWindow:     settings.MaintenanceWindow,
			LogRetentionDays:      settings.LogRetentionDays,
			Notifications:         props.Notifications,
			Disposable:            disposable(c.environment),
		})
		rows = append(rows, group.Panels...)
		for _, served := range purposes {
			c.publish(served, "Url", "url", group.Group.AttrPrimaryEndPointAddress())
			c.publish(served, "ReaderUrl", "reader-url", group.Group.AttrReaderEndPointAddress())
		}
	}
	newDashboard(c.Stack, "Dashboard", cacheDashboard, c.environment, rows)
}

// publish writes an address of a purpose where the services' stack reads it at each deployment. An export would do for as
// long as it never changed: with a change of the layout it has to, and CloudFormation refuses that while it is in use.
func (c *Cache) publish(purpose config.CachePurpose, id, name string, address *string) {
	awsssm.NewStringParameter(c.Stack, jsii.String(constructs.ID(string(cachePurposes[purpose]), id)), &awsssm.StringParameterProps{
		ParameterName: jsii.String(c.parameter(purpose, name)),
		Description:   jsii.String("Where services reach the cache for " + string(purpose)),
		StringValue:   awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("rediss://"), address, jsii.String(fmt.Sprintf(":%d", constructs.CachePort))}),
	})
}

func (c *Cache) parameter(purpose config.CachePurpose, name string) string {
	return "/peakline/" + c.environment.Name + "/caches/" + string(purpose) + "/" + name
}

// as is the cache seen from another stack, as with the registry: who reads a password has its rights on its own side only.
func (c *Cache) as(stack awscdk.Stack) *Cache {
	seen := *c
	seen.key = awskms.Key_FromKeyArn(stack, jsii.String("CacheKey"), c.key.KeyArn())
	seen.secrets = map[config.CachePurpose]awssecretsmanager.ISecret{}
	for _, purpose := range config.CachePurposes {
		id := constructs.ID(string(cachePurposes[purpose]), "CacheSecret")
		seen.secrets[purpose] = awssecretsmanager.Secret_FromSecretAttributes(stack, jsii.String(id), &awssecretsmanager.SecretAttributes{
			SecretCompleteArn: c.Users[purpose].Secret.SecretArn(), EncryptionKey: seen.key,
		})
	}
	return &seen
}

// connect gives a container what it needs to use the cache: docs/service-contract.md lists the variables.
func (c *Cache) connect(stack awscdk.Stack, purpose config.CachePurpose, variables map[string]*string, secrets map[string]awsecs.Secret) {
	prefix := purpose.Variables()
	variables[prefix+"URL"] = awsssm.StringParameter_ValueForStringParameter(stack, jsii.String(c.parameter(purpose, "url")), nil)
	variables[prefix+"READER_URL"] = awsssm.StringParameter_ValueForStringParameter(stack, jsii.String(c.parameter(purpose, "reader-url")), nil)
	variables[prefix+"USER"] = jsii.String(c.Users[purpose].Name)
	secrets[prefix+"PASSWORD"] = awsecs.Secret_FromSecretsManager(c.secrets[purpose], jsii.String("password"))
}
