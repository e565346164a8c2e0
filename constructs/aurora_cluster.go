package constructs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ServerlessClass is the instance class of Aurora Serverless v2.
const ServerlessClass = "db.serverless"

// AuroraInstance is one member of the cluster.
type AuroraInstance struct {
	// Class is the instance class, "db.r8g.large" or, for Serverless v2, "db.serverless".
	Class string
	// Zone is the availability zone; changing it replaces the instance.
	Zone string
	// PromotionTier says who becomes writer in a failover, 0 first, 15 last.
	PromotionTier int
}

// AuroraClusterProps describes an Aurora PostgreSQL cluster.
type AuroraClusterProps struct {
	ClusterProps
	Writer AuroraInstance
	// Readers are keyed by names that never change meaning: removing one removes that instance and no other.
	Readers map[string]AuroraInstance
	// MinCapacity and MaxCapacity bound Serverless v2 instances, in Aurora capacity units; needed if there are any.
	MinCapacity, MaxCapacity float64
	// CACertificate is the certificate authority of the server certificates, "rds-ca-rsa2048-g1" for example.
	CACertificate string
	// UpgradeTo is the full version of a later major version that a green cluster is about to run; empty otherwise.
	UpgradeTo string
}

// AuroraCluster is the cluster and what a reader added later is created with.
type AuroraCluster struct {
	DatabaseCluster
	// InstanceParametersName, SubnetGroupName and OptionGroupName (the engine's default) are names.
	InstanceParametersName, SubnetGroupName, OptionGroupName *string
	// Next are the parameter groups of UpgradeTo; nil without it.
	Next *NextParameters
}

// NextParameters are the names of the parameter groups that a green cluster of a later major version starts with.
type NextParameters struct{ Cluster, Instance *string }

// NewAuroraCluster makes the cluster, its key, credentials, parameter groups, log group, event subscriptions and alarms.
func NewAuroraCluster(scope construct.Construct, id string, props AuroraClusterProps) *AuroraCluster {
	scope = construct.NewConstruct(scope, jsii.String(id))
	ground := newClusterGround(scope, "Aurora cluster", props.ClusterProps)
	engine := auroraEngine(props.EngineVersion)
	instanceParametersName := fmt.Sprintf("%s-postgresql%s", props.Identifier, majorVersion(props.EngineVersion))
	instances := instanceSettings{
		AuroraClusterProps: props,
		parameters:         newInstanceParameterGroup(scope, "InstanceParameters", instanceParametersName, engine, props.Disposable),
		key:                ground.key,
	}

	cluster := awsrds.NewDatabaseCluster(scope, jsii.String("Cluster"), &awsrds.DatabaseClusterProps{
		ClusterIdentifier:               jsii.String(props.Identifier),
		Engine:                          engine,
		Writer:                          instances.member("Writer", props.Writer),
		Readers:                         instances.readers(),
		Credentials:                     awsrds.Credentials_FromSecret(ground.secret, jsii.String(masterUser)),
		IamAuthentication:               jsii.Bool(true),
		ParameterGroup:                  newClusterParameterGroup(scope, "ClusterParameters", engine, props.Parameters, props.Disposable),
		Port:                            jsii.Number(DatabasePort),
		Vpc:                             props.Vpc,
		VpcSubnets:                      props.Subnets,
		SecurityGroups:                  &[]awsec2.ISecurityGroup{props.SecurityGroup},
		StorageEncrypted:                jsii.Bool(true),
		StorageEncryptionKey:            ground.key,
		Backup:                          &awsrds.BackupProps{Retention: awscdk.Duration_Days(jsii.Number(props.BackupRetentionDays)), PreferredWindow: jsii.String(props.BackupWindow)},
		DeleteAutomatedBackups:          jsii.Bool(props.Disposable),
		CopyTagsToSnapshot:              jsii.Bool(true),
		PreferredMaintenanceWindow:      jsii.String(props.MaintenanceWindow),
		DeletionProtection:              jsii.Bool(!props.Unprotected),
		RemovalPolicy:                   removalPolicy(props.Disposable),
		CloudwatchLogsExports:           jsii.Strings("postgresql"),
		MonitoringInterval:              awscdk.Duration_Seconds(jsii.Number(props.MonitoringInterval.Seconds())),
		MonitoringRole:                  roleIfMonitored(ground.monitoringRole, props.ClusterProps),
		DatabaseInsightsMode:            insightsMode(props.Insights),
		EnablePerformanceInsights:       jsii.Bool(props.Insights != InsightsOff),
		PerformanceInsightRetention:     insightsRetention(props.ClusterProps),
		PerformanceInsightEncryptionKey: insightsKey(props.ClusterProps, ground.key),
		EngineLifecycleSupport:          lifecycleSupport(props.ExtendedSupport),
	})
	cluster.Node().AddDependency(ground.logs)
	awscdk.Annotations_Of(cluster).AcknowledgeWarning(jsii.String("@aws-cdk/aws-rds:provisionedReadersDontMatchWriter"),
		jsii.String("Classes and promotion tiers of the members are the operator's choice"))
	if props.Unprotected {
		acknowledge(cluster, "Deletion protection is off by configuration, which in production costs a written reason", "AwsSolutions-RDS10")
	}
	settleReaders(cluster, props)
	// A writer that is replaced, because of another zone say, goes: retained it would still be the one that takes writes.
	cluster.Node().FindChild(jsii.String("Writer")).Node().DefaultChild().(awsrds.CfnDBInstance).CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_DELETE)
	resource := cluster.Node().DefaultChild().(awsrds.CfnDBCluster)
	// A major upgrade moves the instances with the cluster, and wants to be told to which group.
	resource.SetDbInstanceParameterGroupName(jsii.String(instanceParametersName))
	if props.hasServerless() {
		resource.SetServerlessV2ScalingConfiguration(
			&awsrds.CfnDBCluster_ServerlessV2ScalingConfigurationProperty{
				MinCapacity: jsii.Number(props.MinCapacity),
				MaxCapacity: jsii.Number(props.MaxCapacity),
			})
	}

	subnets := cluster.Node().FindChild(jsii.String("Subnets")).(awsrds.SubnetGroup)
	aurora := &AuroraCluster{
		DatabaseCluster: DatabaseCluster{
			Cluster: cluster, Ready: cluster, MasterSecret: cluster.Secret(),
			Key: ground.key, SecretKey: ground.secretKey, MonitoringRole: ground.monitoringRole,
		},
		InstanceParametersName: jsii.String(instanceParametersName),
		SubnetGroupName:        subnets.SubnetGroupName(),
		OptionGroupName:        jsii.String("default:aurora-postgresql-" + majorVersion(props.EngineVersion)),
	}
	if props.UpgradeTo != "" {
		aurora.Next = newNextParameters(scope, props)
	}
	addEventSubscriptions(scope, cluster, props.Notifications)
	aurora.addAlarms(scope, props)
	return aurora
}

// newNextParameters makes the groups that a green cluster starts with, so that it keeps every promise from its first second: a
// parameter group is of one major version. The upgrade over, they go, and those of the cluster itself are of that version.
func newNextParameters(scope construct.Construct, props AuroraClusterProps) *NextParameters {
	engine := auroraEngine(props.UpgradeTo)
	cluster := newClusterParameterGroup(scope, "NextClusterParameters", engine, props.Parameters, props.Disposable)
	instance := newInstanceParameterGroup(scope, "NextInstanceParameters", "", engine, props.Disposable)
	return &NextParameters{
		Cluster:  cluster.BindToCluster(&awsrds.ParameterGroupClusterBindOptions{}).ParameterGroupName,
		Instance: instance.BindToInstance(&awsrds.ParameterGroupInstanceBindOptions{}).ParameterGroupName,
	}
}

func auroraEngine(version string) awsrds.IClusterEngine {
	return awsrds.DatabaseClusterEngine_AuroraPostgres(&awsrds.AuroraPostgresClusterEngineProps{
		Version: awsrds.AuroraPostgresEngineVersion_Of(jsii.String(version), jsii.String(majorVersion(version)), nil),
	})
}

// instanceSettings is what all members of the cluster have in common.
type instanceSettings struct {
	AuroraClusterProps
	parameters awsrds.ParameterGroup
	key        awskms.Key
}

// readers come in the order of their names, so that the template does not depend on the order of a map.
func (s instanceSettings) readers() *[]awsrds.IClusterInstance {
	var readers []awsrds.IClusterInstance
	for _, name := range slices.Sorted(maps.Keys(s.Readers)) {
		readers = append(readers, s.member(readerID(name), s.Readers[name]))
	}
	return &readers
}

// settleReaders lets readers go with their entry in configuration, for the data is the cluster's and a reader must not live on
// unmanaged and billed; and it has CloudFormation change them one after the other, so that never all of them restart at once.
func settleReaders(cluster awsrds.DatabaseCluster, props AuroraClusterProps) {
	var previous construct.IConstruct
	for _, name := range slices.Sorted(maps.Keys(props.Readers)) {
		reader := cluster.Node().FindChild(jsii.String(readerID(name)))
		reader.(awscdk.Resource).ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY)
		if previous != nil {
			reader.Node().AddDependency(previous)
		}
		previous = reader
	}
}

func readerID(name string) string { return "Reader" + pascalCase(name) }

// member serves Serverless v2 too: to CloudFormation "db.serverless" is an instance class like any other, and unlike the
// L2's own serverless instance this one takes any promotion tier.
func (s instanceSettings) member(id string, instance AuroraInstance) awsrds.IClusterInstance {
	return awsrds.ClusterInstance_Provisioned(jsii.String(id), &awsrds.ProvisionedClusterInstanceProps{
		InstanceType:                    awsec2.NewInstanceType(jsii.String(strings.TrimPrefix(instance.Class, "db."))),
		AvailabilityZone:                jsii.String(instance.Zone),
		PromotionTier:                   jsii.Number(instance.PromotionTier),
		ParameterGroup:                  s.parameters,
		CaCertificate:                   awsrds.CaCertificate_Of(jsii.String(s.CACertificate)),
		PreferredMaintenanceWindow:      jsii.String(s.MaintenanceWindow),
		AutoMinorVersionUpgrade:         jsii.Bool(true),
		PubliclyAccessible:              jsii.Bool(false),
		EnablePerformanceInsights:       jsii.Bool(s.Insights != InsightsOff),
		PerformanceInsightRetention:     insightsRetention(s.ClusterProps),
		PerformanceInsightEncryptionKey: insightsKey(s.ClusterProps, s.key),
	})
}

func (props AuroraClusterProps) hasServerless() bool {
	for _, reader := range props.Readers {
		if reader.Class == ServerlessClass {
			return true
		}
	}
	return props.Writer.Class == ServerlessClass
}

// roleIfMonitored leaves out the role that RDS refuses together with an interval of zero.
func roleIfMonitored(role awsiam.Role, props ClusterProps) awsiam.IRole {
	if props.MonitoringInterval == 0 {
		return nil
	}
	return role
}

// insightsRetention names a number of days the way the L2 wants it, in months of 31 days.
func insightsRetention(props ClusterProps) awsrds.PerformanceInsightRetention {
	switch {
	case props.Insights == InsightsOff:
		return ""
	case props.InsightsRetentionDays == 7:
		return awsrds.PerformanceInsightRetention_DEFAULT
	case props.InsightsRetentionDays == 731:
		return awsrds.PerformanceInsightRetention_LONG_TERM
	default:
		return awsrds.PerformanceInsightRetention(fmt.Sprintf("MONTHS_%d", props.InsightsRetentionDays/31))
	}
}

func insightsKey(props ClusterProps, key awskms.IKey) awskms.IKey {
	if props.Insights == InsightsOff {
		return nil
	}
	return key
}
