package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// masterUser is the role that owns the cluster; services never get its secret.
const masterUser = "peakline"

// InsightsMode is how much CloudWatch Database Insights keeps and analyses.
type InsightsMode string

// The standard mode keeps a week for free; the advanced one analyses and keeps 15 months.
const (
	InsightsOff      InsightsMode = "OFF"
	InsightsStandard              = InsightsMode(awsrds.DatabaseInsightsMode_STANDARD)
	InsightsAdvanced              = InsightsMode(awsrds.DatabaseInsightsMode_ADVANCED)
)

// ClusterProps describes what a database cluster is, whatever its engine.
type ClusterProps struct {
	// Identifier is the cluster's physical name. It is fixed so that its log group can exist, encrypted and with an end
	// of retention, before the cluster writes to it; and so that CloudFormation refuses to replace the cluster.
	Identifier string
	// EngineVersion is PostgreSQL's full version, "17.5".
	EngineVersion string
	Parameters    DatabaseParameters

	Vpc           awsec2.IVpc
	Subnets       *awsec2.SubnetSelection
	SecurityGroup awsec2.ISecurityGroup

	// BackupRetentionDays is how far back point-in-time recovery reaches, 1 to 35 days.
	BackupRetentionDays int
	// BackupWindow ("02:00-03:00") and MaintenanceWindow ("sun:03:30-sun:04:30") are in UTC and must not overlap.
	BackupWindow, MaintenanceWindow string
	// Insights is the mode of CloudWatch Database Insights; InsightsRetentionDays of performance data is 7, a multiple of
	// 31, or 731, and 465 in the advanced mode.
	Insights              InsightsMode
	InsightsRetentionDays int
	// MonitoringInterval of the operating-system metrics: 1, 5, 10, 15, 30 or 60 seconds, or 0 for none.
	MonitoringInterval time.Duration
	// LogRetentionDays of the exported PostgreSQL log.
	LogRetentionDays int
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

// DatabaseCluster is a cluster, whatever its engine, and what others need to work with it.
type DatabaseCluster struct {
	Cluster awsrds.IDatabaseCluster
	// Ready is there once the cluster takes connections.
	Ready construct.IDependable
	// MasterSecret holds the master user's credentials, as JSON in the form RDS uses.
	MasterSecret awssecretsmanager.ISecret
	// Key encrypts storage, snapshots and performance data, and is shared with the accounts that receive backups.
	Key awskms.Key
	// SecretKey encrypts the master secret and the logs; nobody outside this account can use it.
	SecretKey awskms.Key
	// MonitoringRole lets RDS publish operating-system metrics.
	MonitoringRole awsiam.Role
}

// clusterGround is what a cluster stands on.
type clusterGround struct {
	key, secretKey awskms.Key
	logs           awslogs.LogGroup
	monitoringRole awsiam.Role
	secret         awssecretsmanager.Secret
}

// newClusterGround makes the keys, the log group, the monitoring role and the master's secret of a cluster that is called
// what, "Aurora cluster" for example.
func newClusterGround(scope construct.Construct, what string, props ClusterProps) clusterGround {
	key := NewEncryptionKey(scope, "Key", EncryptionKeyProps{
		Description: "Data of the " + what + " " + props.Identifier,
		Accounts:    props.BackupAccounts,
		Disposable:  props.Disposable,
	})
	secretKey := NewEncryptionKey(scope, "SecretKey", EncryptionKeyProps{
		Description: "Secrets and logs of the " + what + " " + props.Identifier,
		LogGroups:   true,
		Disposable:  props.Disposable,
	})
	logs := NewLogGroup(scope, "PostgresqlLog", LogGroupProps{
		Name:          "/aws/rds/cluster/" + props.Identifier + "/postgresql",
		RetentionDays: props.LogRetentionDays,
		Key:           secretKey,
		Disposable:    props.Disposable,
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
		Description:   jsii.String("Master user of the " + what + " " + props.Identifier),
		EncryptionKey: secretKey,
		RemovalPolicy: removalPolicy(props.Disposable),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String(fmt.Sprintf(`{"username":%q}`, masterUser)),
			GenerateStringKey:    jsii.String("password"),
			PasswordLength:       jsii.Number(contract.PasswordLength),
			ExcludePunctuation:   jsii.Bool(true), // nothing in a connection URL needs escaping
		},
	})
	return clusterGround{key: key, secretKey: secretKey, logs: logs, monitoringRole: monitoringRole, secret: secret}
}

// clusterEvents and instanceEvents are what operators hear of without asking.
// Categories: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
var (
	clusterEvents  = []string{"failover", "failure", "maintenance", "notification", "deletion"}
	instanceEvents = []string{"availability", "configuration change", "deletion", "failure", "low storage", "maintenance", "recovery"}
)

// addEventSubscriptions tells operators of the cluster's events, and of those of its instances that are there always.
func addEventSubscriptions(scope construct.Construct, cluster awsrds.IDatabaseCluster, notifications *Notifications) {
	awsrds.NewCfnEventSubscription(scope, jsii.String("ClusterEvents"), &awsrds.CfnEventSubscriptionProps{
		SnsTopicArn:     notifications.Topic(Critical).TopicArn(),
		SourceType:      jsii.String("db-cluster"),
		SourceIds:       &[]interface{}{cluster.ClusterIdentifier()},
		EventCategories: jsii.Strings(clusterEvents...),
		Enabled:         jsii.Bool(true),
	})
	var instances []interface{}
	for _, identifier := range *cluster.InstanceIdentifiers() {
		instances = append(instances, identifier)
	}
	awsrds.NewCfnEventSubscription(scope, jsii.String("InstanceEvents"), &awsrds.CfnEventSubscriptionProps{
		SnsTopicArn:     notifications.Topic(Warning).TopicArn(),
		SourceType:      jsii.String("db-instance"),
		SourceIds:       &instances,
		EventCategories: jsii.Strings(instanceEvents...),
		Enabled:         jsii.Bool(true),
	})
}

// insightsMode is the standard one, which is free, where performance data is switched off.
func insightsMode(mode InsightsMode) awsrds.DatabaseInsightsMode {
	if mode == InsightsOff {
		mode = InsightsStandard
	}
	return awsrds.DatabaseInsightsMode(mode)
}

func lifecycleSupport(extended bool) awsrds.EngineLifecycleSupport {
	if extended {
		return awsrds.EngineLifecycleSupport_OPEN_SOURCE_RDS_EXTENDED_SUPPORT
	}
	return awsrds.EngineLifecycleSupport_OPEN_SOURCE_RDS_EXTENDED_SUPPORT_DISABLED
}

// majorVersion of "17.5" is "17".
func majorVersion(engineVersion string) string {
	major, _, _ := strings.Cut(engineVersion, ".")
	return major
}
