package constructs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// masterUser is the role that owns the cluster; services never get its secret.
const masterUser = "peakline"

// ServerlessClass is the instance class of Aurora Serverless v2.
const ServerlessClass = "db.serverless"

// InsightsMode is how much CloudWatch Database Insights keeps and analyses.
type InsightsMode string

// The standard mode keeps a week for free; the advanced one analyses and keeps 15 months.
const (
	InsightsOff      InsightsMode = ""
	InsightsStandard              = InsightsMode(awsrds.DatabaseInsightsMode_STANDARD)
	InsightsAdvanced              = InsightsMode(awsrds.DatabaseInsightsMode_ADVANCED)
)

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
	// Identifier is the cluster's physical name. It is fixed so that its log group can exist, encrypted and with an end
	// of retention, before the cluster writes to it; and so that CloudFormation refuses to replace the cluster.
	Identifier string
	// EngineVersion is Aurora PostgreSQL's full version, "17.5".
	EngineVersion string
	Writer        AuroraInstance
	// Readers are keyed by names that never change meaning: removing one removes that instance and no other.
	Readers map[string]AuroraInstance
	// MinCapacity and MaxCapacity bound Serverless v2 instances, in Aurora capacity units; needed if there are any.
	MinCapacity, MaxCapacity float64
	Parameters               AuroraParameters

	Vpc           awsec2.IVpc
	Subnets       *awsec2.SubnetSelection
	SecurityGroup awsec2.ISecurityGroup

	// BackupRetentionDays is how far back point-in-time recovery reaches, 1 to 35 days.
	BackupRetentionDays int
	// BackupWindow ("02:00-03:00") and MaintenanceWindow ("sun:03:30-sun:04:30") are in UTC and must not overlap.
	BackupWindow, MaintenanceWindow string
	// Insights is the mode of CloudWatch Database Insights; InsightsRetentionDays of performance data is 7, a multiple of
	// 31, or 731, and at least 465 in the advanced mode.
	Insights              InsightsMode
	InsightsRetentionDays int
	// MonitoringInterval of the operating-system metrics: 1, 5, 10, 15, 30 or 60 seconds.
	MonitoringInterval time.Duration
	// LogRetentionDays of the exported PostgreSQL log.
	LogRetentionDays int
	// CACertificate is the certificate authority of the server certificates, "rds-ca-rsa2048-g1" for example.
	CACertificate string
	// MaxConnections and MemoryBytes are what the smallest instance has, at its smallest capacity for Serverless v2.
	MaxConnections int
	MemoryBytes    float64
	// LagObjective is the replica lag that still counts as good.
	LagObjective time.Duration
	// BackupAccounts are other accounts whose vaults receive copies of the backups.
	BackupAccounts []string
	// Unprotected switches deletion protection off.
	Unprotected bool
	// Disposable deletes the cluster, its backups, logs and key with the stack. By default all of them are retained.
	Disposable bool

	Notifications *Notifications
}

// AuroraCluster is the cluster and what others need to work with it.
type AuroraCluster struct {
	Cluster awsrds.DatabaseCluster
	// MasterSecret holds the master user's credentials, as JSON in the form RDS uses.
	MasterSecret awssecretsmanager.ISecret
	// Key encrypts storage, snapshots, performance data, logs and the master secret.
	Key awskms.Key
	// InstanceParametersARN, SubnetGroupARN and MonitoringRole are what a reader added later is created with.
	InstanceParametersARN, SubnetGroupARN *string
	MonitoringRole                        awsiam.Role
}

// NewAuroraCluster makes the cluster, its key, credentials, parameter groups, log group, event subscriptions and alarms.
func NewAuroraCluster(scope construct.Construct, id string, props AuroraClusterProps) *AuroraCluster {
	scope = construct.NewConstruct(scope, jsii.String(id))
	key := NewEncryptionKey(scope, "Key", EncryptionKeyProps{
		Description: "Data of the Aurora cluster " + props.Identifier,
		Accounts:    props.BackupAccounts,
		LogGroups:   true,
		Disposable:  props.Disposable,
	})
	logs := NewLogGroup(scope, "PostgresqlLog", LogGroupProps{
		Name:          "/aws/rds/cluster/" + props.Identifier + "/postgresql",
		RetentionDays: props.LogRetentionDays,
		Key:           key,
		Disposable:    props.Disposable,
	})
	engine := awsrds.DatabaseClusterEngine_AuroraPostgres(&awsrds.AuroraPostgresClusterEngineProps{
		Version: awsrds.AuroraPostgresEngineVersion_Of(jsii.String(props.EngineVersion), jsii.String(majorVersion(props.EngineVersion)), nil),
	})
	monitoringRole := awsiam.NewRole(scope, jsii.String("MonitoringRole"), &awsiam.RoleProps{
		Description: jsii.String("Lets RDS publish operating-system metrics of the cluster's instances"),
		AssumedBy:   serviceOfAccount(scope, "monitoring.rds.amazonaws.com"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AmazonRDSEnhancedMonitoringRole")),
		},
	})
	acknowledge(monitoringRole, "AWS's own policy for this purpose names the one log group that RDS writes to",
		"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole]")
	secret := awssecretsmanager.NewSecret(scope, jsii.String("MasterSecret"), &awssecretsmanager.SecretProps{
		Description:   jsii.String("Master user of the Aurora cluster " + props.Identifier),
		EncryptionKey: key,
		RemovalPolicy: removalPolicy(props.Disposable),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String(fmt.Sprintf(`{"username":%q}`, masterUser)),
			GenerateStringKey:    jsii.String("password"),
			PasswordLength:       jsii.Number(contract.PasswordLength),
			ExcludePunctuation:   jsii.Bool(true), // nothing in a connection URL needs escaping
		},
	})
	instanceParametersName := fmt.Sprintf("%s-postgresql%s", props.Identifier, majorVersion(props.EngineVersion))
	instances := instanceSettings{
		AuroraClusterProps: props,
		parameters:         newInstanceParameterGroup(scope, instanceParametersName, engine, props.Disposable),
		key:                key,
	}

	cluster := awsrds.NewDatabaseCluster(scope, jsii.String("Cluster"), &awsrds.DatabaseClusterProps{
		ClusterIdentifier:               jsii.String(props.Identifier),
		Engine:                          engine,
		Writer:                          instances.member("Writer", props.Writer),
		Readers:                         instances.readers(),
		Credentials:                     awsrds.Credentials_FromSecret(secret, jsii.String(masterUser)),
		IamAuthentication:               jsii.Bool(true),
		ParameterGroup:                  newClusterParameterGroup(scope, engine, props.Parameters, props.Disposable),
		Port:                            jsii.Number(DatabasePort),
		Vpc:                             props.Vpc,
		VpcSubnets:                      props.Subnets,
		SecurityGroups:                  &[]awsec2.ISecurityGroup{props.SecurityGroup},
		StorageEncrypted:                jsii.Bool(true),
		StorageEncryptionKey:            key,
		Backup:                          &awsrds.BackupProps{Retention: awscdk.Duration_Days(jsii.Number(props.BackupRetentionDays)), PreferredWindow: jsii.String(props.BackupWindow)},
		DeleteAutomatedBackups:          jsii.Bool(props.Disposable),
		CopyTagsToSnapshot:              jsii.Bool(true),
		PreferredMaintenanceWindow:      jsii.String(props.MaintenanceWindow),
		DeletionProtection:              jsii.Bool(!props.Unprotected),
		RemovalPolicy:                   removalPolicy(props.Disposable),
		CloudwatchLogsExports:           jsii.Strings("postgresql"),
		MonitoringInterval:              awscdk.Duration_Seconds(jsii.Number(props.MonitoringInterval.Seconds())),
		MonitoringRole:                  monitoringRole,
		DatabaseInsightsMode:            awsrds.DatabaseInsightsMode(props.Insights),
		EnablePerformanceInsights:       jsii.Bool(props.Insights != InsightsOff),
		PerformanceInsightRetention:     insightsRetention(props),
		PerformanceInsightEncryptionKey: insightsKey(props, key),
		// Extended support costs per vCPU-hour and hides that a version is past its end; configuration warns before.
		EngineLifecycleSupport: awsrds.EngineLifecycleSupport_OPEN_SOURCE_RDS_EXTENDED_SUPPORT_DISABLED,
	})
	cluster.Node().AddDependency(logs)
	awscdk.Annotations_Of(cluster).AcknowledgeWarning(jsii.String("@aws-cdk/aws-rds:provisionedReadersDontMatchWriter"),
		jsii.String("Classes and promotion tiers of the members are the operator's choice"))
	if props.Unprotected {
		acknowledge(cluster, "Deletion protection is off by configuration, which in production costs a written reason", "AwsSolutions-RDS10")
	}
	for name := range props.Readers {
		// The data is the cluster's: a reader taken out of configuration must not live on, unmanaged and billed.
		cluster.Node().FindChild(jsii.String(readerID(name))).(awscdk.Resource).ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY)
	}
	if props.hasServerless() {
		cluster.Node().DefaultChild().(awsrds.CfnDBCluster).SetServerlessV2ScalingConfiguration(
			&awsrds.CfnDBCluster_ServerlessV2ScalingConfigurationProperty{
				MinCapacity: jsii.Number(props.MinCapacity),
				MaxCapacity: jsii.Number(props.MaxCapacity),
			})
	}

	subnets := cluster.Node().FindChild(jsii.String("Subnets")).(awsrds.SubnetGroup)
	aurora := &AuroraCluster{
		Cluster: cluster, MasterSecret: cluster.Secret(), Key: key, MonitoringRole: monitoringRole,
		InstanceParametersARN: rdsARN(scope, "pg", jsii.String(instanceParametersName)),
		SubnetGroupARN:        rdsARN(scope, "subgrp", subnets.SubnetGroupName()),
	}
	aurora.addEventSubscriptions(scope, props)
	aurora.addAlarms(scope, props)
	return aurora
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
		PerformanceInsightRetention:     insightsRetention(s.AuroraClusterProps),
		PerformanceInsightEncryptionKey: insightsKey(s.AuroraClusterProps, s.key),
	})
}

// clusterEvents and instanceEvents are what operators hear of without asking.
// Categories: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
var (
	clusterEvents  = []string{"failover", "failure", "maintenance", "notification", "deletion"}
	instanceEvents = []string{"availability", "failure", "low storage", "recovery", "deletion"}
)

func (a *AuroraCluster) addEventSubscriptions(scope construct.Construct, props AuroraClusterProps) {
	awsrds.NewCfnEventSubscription(scope, jsii.String("ClusterEvents"), &awsrds.CfnEventSubscriptionProps{
		SnsTopicArn:     props.Notifications.Topic(Critical).TopicArn(),
		SourceType:      jsii.String("db-cluster"),
		SourceIds:       &[]interface{}{a.Cluster.ClusterIdentifier()},
		EventCategories: jsii.Strings(clusterEvents...),
	})
	var instances []interface{}
	for _, identifier := range *a.Cluster.InstanceIdentifiers() {
		instances = append(instances, identifier)
	}
	awsrds.NewCfnEventSubscription(scope, jsii.String("InstanceEvents"), &awsrds.CfnEventSubscriptionProps{
		SnsTopicArn:     props.Notifications.Topic(Warning).TopicArn(),
		SourceType:      jsii.String("db-instance"),
		SourceIds:       &instances,
		EventCategories: jsii.Strings(instanceEvents...),
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

func rdsARN(scope construct.Construct, resource string, name *string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("rds"), Resource: jsii.String(resource), ResourceName: name,
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// insightsRetention names a number of days the way the L2 wants it, in months of 31 days.
func insightsRetention(props AuroraClusterProps) awsrds.PerformanceInsightRetention {
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

func insightsKey(props AuroraClusterProps, key awskms.IKey) awskms.IKey {
	if props.Insights == InsightsOff {
		return nil
	}
	return key
}

// majorVersion of "17.5" is "17".
func majorVersion(engineVersion string) string {
	major, _, _ := strings.Cut(engineVersion, ".")
	return major
}
