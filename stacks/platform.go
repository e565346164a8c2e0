// Package stacks composes the constructs into CloudFormation stacks by life cycle: what holds data apart from what does
// not, and each stack depending only on what it truly needs, so that the others deploy beside it.
//
// NewPlatform is the whole platform of one environment; app.go and the tests share it.
package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
)

// FunctionCode names, for each Lambda function, the folder with its compiled code.
type FunctionCode struct {
	SecretRotation string
	ReplicaScaler  string
	CacheRotation  string
	SmokeTest      string
	Migration      string
}

// PlatformProps is an environment, the code that runs in it, and the pipelines that may release into it.
type PlatformProps struct {
	Environment config.Environment
	Functions   FunctionCode
	Delivery    config.Delivery
}

// Platform is one environment: a CDK Stage named after it, with its stacks.
type Platform struct {
	Stage         awscdk.Stage
	Notifications *Notifications
	Network       *Network
	// BackupCopy is nil where backups are not copied to a second region.
	BackupCopy     *BackupCopy
	Database       *Database
	DatabaseAccess *DatabaseAccess
	// DatabaseProxy is nil where each service has a pooler of its own.
	DatabaseProxy *DatabaseProxy
	Cache         *Cache
	Identity      *Identity
	ReplicaScaler *ReplicaScaler
	Messaging     *Messaging
	Registry      *Registry
	Storage       *Storage
	Services      *Services
	// FeatureFlags is nil where nothing hands flags out.
	FeatureFlags *FeatureFlags
	// Edge is nil where the shop has no domains.
	Edge *Edge
}

// NewPlatform makes the stacks of one environment.
func NewPlatform(scope construct.Construct, props PlatformProps) *Platform {
	environment := props.Environment
	stage := awscdk.NewStage(scope, jsii.String(environment.Name), &awscdk.StageProps{
		Env: &awscdk.Environment{Account: jsii.String(environment.Account), Region: jsii.String(environment.Region)},
	})
	setZones(stage, environment)
	tag(stage, environment)

	platform := &Platform{Stage: stage}
	platform.Notifications = NewNotifications(stage, environment)
	owners, notify := environment.Owners, platform.Notifications.Notifications.OwnedBy
	platform.Network = NewNetwork(stage, environment, notify(owners.Network))
	if environment.Database.Backup.CopyRegion != "" {
		platform.BackupCopy = NewBackupCopy(stage, environment)
	}
	platform.Database = NewDatabase(stage, DatabaseProps{
		Environment:   environment,
		Notifications: notify(owners.Database),
		Network:       platform.Network,
		BackupCopy:    platform.BackupCopy,
		RotationCode:  props.Functions.SecretRotation,
	})
	platform.DatabaseAccess = NewDatabaseAccess(stage, DatabaseAccessProps{
		Environment:   environment,
		Notifications: notify(owners.Database),
		Network:       platform.Network,
		Database:      platform.Database,
		RotationCode:  props.Functions.SecretRotation,
	})
	if environment.UsesProxy() {
		platform.DatabaseProxy = NewDatabaseProxy(stage, DatabaseProxyProps{
			Environment:    environment,
			Notifications:  notify(owners.Database),
			Network:        platform.Network,
			Database:       platform.Database,
			DatabaseAccess: platform.DatabaseAccess,
		})
	}
	platform.Cache = NewCache(stage, CacheProps{
		Environment:   environment,
		Network:       platform.Network,
		Notifications: notify(owners.Cache),
		RotationCode:  props.Functions.CacheRotation,
	})
	platform.Identity = NewIdentity(stage, environment, notify(owners.Identity))
	platform.ReplicaScaler = NewReplicaScaler(stage, ReplicaScalerProps{
		Environment:   environment,
		Database:      platform.Database,
		Code:          props.Functions.ReplicaScaler,
		Notifications: notify(owners.Scaler),
	})
	platform.Messaging = NewMessaging(stage, environment, notify(owners.Services))
	platform.Registry = NewRegistry(stage, environment, props.Delivery)
	platform.Storage = NewStorage(stage, environment)
	if environment.Tracing.Enabled {
		NewTracing(stage, environment)
	}
	if environment.FeatureFlags.Enabled {
		platform.FeatureFlags = NewFeatureFlags(stage, environment)
	}
	platform.Services = NewServices(stage, ServicesProps{
		Environment:    environment,
		Network:        platform.Network,
		Database:       platform.Database,
		DatabaseAccess: platform.DatabaseAccess,
		DatabaseProxy:  platform.DatabaseProxy,
		Registry:       platform.Registry,
		Messaging:      platform.Messaging,
		Cache:          platform.Cache,
		Identity:       platform.Identity,
		FeatureFlags:   platform.FeatureFlags,
		Notifications:  notify(owners.Services),
		SmokeTestCode:  props.Functions.SmokeTest,
		MigrationCode:  props.Functions.Migration,
	})
	if environment.HasEdge() {
		platform.Edge = NewEdge(stage, EdgeProps{
			Environment:   environment,
			Services:      platform.Services,
			Notifications: notify(owners.Edge),
		})
	}
	NewObservability(stage, ObservabilityProps{Environment: environment, Services: platform.Services, Notifications: platform.Notifications.Notifications})
	return platform
}

// setZones answers the CDK's question for the region's zones from configuration: it asks even when a VPC is given its
// zones, and would otherwise look them up in the account.
func setZones(stage awscdk.Stage, environment config.Environment) {
	key := fmt.Sprintf("availability-zones:account=%s:region=%s", environment.Account, environment.Region)
	stage.Node().SetContext(jsii.String(key), environment.Network.Zones)
}

// environmentTag is the tag by which costs are told apart.
const environmentTag = "peakline:environment"

func tag(stage awscdk.Stage, environment config.Environment) {
	tags := awscdk.Tags_Of(stage)
	for key, value := range environment.Tags {
		tags.Add(jsii.String(key), jsii.String(value), nil)
	}
	for key, value := range map[string]string{
		environmentTag:     environment.Name,
		"peakline:profile": string(environment.Profile),
		"peakline:owner":   environment.Owner,
	} {
		tags.Add(jsii.String(key), jsii.String(value), nil)
	}
}

// disposable tells whether an environment's data may go with its stacks.
func disposable(environment config.Environment) bool {
	return environment.Profile == config.Development
}

// keepExported exports values whether or not another stack of this synthesis uses them. Otherwise a consumer that stops using
// one (another kind of scaler, another topic) would take the export away from the producer, which is deployed first: and
// CloudFormation refuses to remove an export that the deployed consumer still imports.
func keepExported(stack awscdk.Stack, values ...*string) {
	for _, value := range values {
		stack.ExportValue(value, nil)
	}
}

// newStack makes a stack with what all of them share.
func newStack(stage awscdk.Stage, id, description string, environment config.Environment) awscdk.Stack {
	return newStackIn(stage, id, environment.Region, description, environment)
}

// newStackIn makes a stack in a region of its own. CloudFormation has no references between regions: what such a stack needs of
// the others it is told by name.
func newStackIn(stage awscdk.Stage, id, region, description string, environment config.Environment) awscdk.Stack {
	return awscdk.NewStack(stage, jsii.String(id), &awscdk.StackProps{
		Description:           jsii.String(fmt.Sprintf("Peakline %s: %s", environment.Name, description)),
		Env:                   &awscdk.Environment{Account: jsii.String(environment.Account), Region: jsii.String(region)},
		TerminationProtection: jsii.Bool(!disposable(environment)),
	})
}
