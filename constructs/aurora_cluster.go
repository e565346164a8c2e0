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
	InsightsOff      InsightsMode = "OFF"
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
	// MonitoringInterval of the operating-system metrics: 1, 5, 10, 15, 30 or 60 seconds, or 0 for none.
	MonitoringInterval time.Duration
	// LogRetentionDays of the exported PostgreSQL log.
	LogRetentionDays int
	// CACertificate is the certificate authority of the server certificates, "rds-ca-rsa2048-g1" for example.
	CACertificate string
	// MaxConnections and MemoryBytes are what the smallest instance has, at its smallest capacity for Serverless v2.
	MaxConnections int
	MemoryBytes    float64
	// ExtendedSupport buys support for an engine version past its end, by the vCPU-hour. Without it AWS creates no cluster
	// of such a version.
	ExtendedSupport bool
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
	// Key encrypts storage, snapshots and performance data, and is shared with the accounts that receive backups.
	Key awskms.Key
	// SecretKey encrypts the master secret and the logs; nobody outside this account can use it.
	SecretKey awskms.Key
	// InstanceParametersName, SubnetGroupName, OptionGroupName (the engine's default) and MonitoringRole are what a reader
	// added later is created with.
	InstanceParametersName, SubnetGroupName, OptionGroupName *string
	MonitoringRole                                           awsiam.Role
}

// NewAuroraCluster makes the cluster, its key, credentials, parameter groups, log group, event subscriptions and alarms.
func NewAuroraCluster(scope construct.Construct, id string, props AuroraClusterProps) *AuroraCluster {
	scope = construct.NewConstruct(scope, jsii.String(id))
	key := NewEncryptionKey(scope, "Key", EncryptionKeyProps{
		Description: "Data of the Aurora cluster " + props.Identifier,
		Accounts:    props.BackupAccounts,
		Disposable:  props.Disposable,
	})
	secretKey := NewEncryptionKey(scope, "SecretKey", EncryptionKeyProps{
		Description: "Secrets and logs of the Aurora cluster " + props.Identifier,
		LogGroups:   true,
		Disposable:  props.Disposable,
	})
	logs := NewLogGroup(scope, "PostgresqlLog", LogGroupProps{
		Name:          "/aws/rds/cluster/" + props.Identifier + "/postgresql",
		RetentionDays: props.LogRetentionDays,
		Key:           secretKey,
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
		EncryptionKey: secretKey,
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
		MonitoringRole:                  roleIfMonitored(monitoringRole, props),
		DatabaseInsightsMode:            insightsMode(props.Insights),
		EnablePerformanceInsights:       jsii.Bool(props.Insights != InsightsOff),
		PerformanceInsightRetention:     insightsRetention(props),
		PerformanceInsightEncryptionKey: insightsKey(props, key),
		EngineLifecycleSupport:          lifecycleSupport(props.ExtendedSupport),
	})
	cluster.Node().AddDependency(logs)
	awscdk.Annotations_Of(cluster).AcknowledgeWarning(jsii.String("@aws-cdk/aws-rds:provisionedReadersDontMatchWriter"),
		jsii.String("Classes and promotion tiers of the members are the operator's choice"))
	if props.Unprotected {
		acknowledge(cluster, "Deletion protection is off by configuration, which in production costs a written reason", "AwsSolutions-RDS10")
	}
	settleReaders(cluster, props)
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
		Cluster: cluster, MasterSecret: cluster.Secret(), Key: key, SecretKey: secretKey, MonitoringRole: monitoringRole,
		InstanceParametersName: jsii.String(instanceParametersName),
		SubnetGroupName:        subnets.SubnetGroupName(),
		OptionGroupName:        jsii.String("default:aurora-postgresql-" + majorVersion(props.EngineVersion)),
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
		PerformanceInsightRetention:     insightsRetention(s.AuroraClusterProps),
		PerformanceInsightEncryptionKey: insightsKey(s.AuroraClusterProps, s.key),
	})
}

// clusterEvents and instanceEvents are what operators hear of without asking.
// Categories: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
var (
	clusterEvents  = []string{"failover", "failure", "maintenance", "notification", "deletion"}
	instanceEvents = []string{"availability", "configuration change", "deletion", "failure", "low storage", "maintenance", "recovery"}
)

func (a *AuroraCluster) addEventSubscriptions(scope construct.Construct, props AuroraClusterProps) {
	awsrds.NewCfnEventSubscription(scope, jsii.String("ClusterEvents"), &awsrds.CfnEventSubscriptionProps{
		SnsTopicArn:     props.Notifications.Topic(Critical).TopicArn(),
		SourceType:      jsii.String("db-cluster"),
		SourceIds:       &[]interface{}{a.Cluster.ClusterIdentifier()},
		EventCategories: jsii.Strings(clusterEvents...),
		Enabled:         jsii.Bool(true),
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
		Enabled:         jsii.Bool(true),
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

// insightsMode is the standard one, which is free, where performance data is switched off.
func insightsMode(mode InsightsMode) awsrds.DatabaseInsightsMode {
	if mode == InsightsOff {
		mode = InsightsStandard
	}
	return awsrds.DatabaseInsightsMode(mode)
}

// roleIfMonitored leaves out the role that RDS refuses together with an interval of zero.
func roleIfMonitored(role awsiam.Role, props AuroraClusterProps) awsiam.IRole {
	if props.MonitoringInterval == 0 {
		return nil
	}
	return role
}

func lifecycleSupport(extended bool) awsrds.EngineLifecycleSupport {
	if extended {
		return awsrds.EngineLifecycleSupport_OPEN_SOURCE_RDS_EXTENDED_SUPPORT
	}
	return awsrds.EngineLifecycleSupport_OPEN_SOURCE_RDS_EXTENDED_SUPPORT_DISABLED
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
