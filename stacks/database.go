package stacks

import (
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
)

// DatabaseProps is what the database needs of the other stacks.
type DatabaseProps struct {
	Environment   config.Environment
	Notifications *constructs.Notifications
	Network       *Network
	BackupCopy    *BackupCopy
	RotationCode  string
}

// Database is the stack of the database cluster, its master secret and its backups.
type Database struct {
	Stack   awscdk.Stack
	Cluster *constructs.DatabaseCluster
	// Aurora is the cluster where it is Aurora's, whose readers come and go; nil otherwise.
	Aurora *constructs.AuroraCluster
}

// NewDatabase makes the database.
func NewDatabase(stage awscdk.Stage, props DatabaseProps) *Database {
	environment, settings := props.Environment, props.Environment.Database
	database := &Database{}
	switch settings.Engine {
	case config.EngineRDS:
		database.Stack = newStack(stage, "Database", "RDS for PostgreSQL, its master secret and its backups", environment)
		database.Cluster = newMultiAZ(database.Stack, props)
	default:
		database.Stack = newStack(stage, "Database", "Aurora PostgreSQL, its master secret and its backups", environment)
		database.Aurora = newAurora(database.Stack, props)
		database.Cluster = &database.Aurora.DatabaseCluster
	}
	stack, cluster := database.Stack, database.Cluster
	rotation := constructs.NewSecretRotation(stack, "MasterSecretRotation", constructs.SecretRotationProps{
		Code:             awslambda.Code_FromAsset(jsii.String(props.RotationCode), nil),
		Alarm:            "database-secret-rotation",
		Subject:          "master",
		Summary:          "The rotation of the master's secret failed; the current password stays valid.",
		Vpc:              props.Network.Network.Vpc,
		Subnets:          props.Network.Network.Private,
		SecurityGroup:    props.Network.SecurityGroups.Administration,
		Key:              cluster.SecretKey,
		LogRetentionDays: settings.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       disposable(environment),
	})
	rotation.Rotate("Schedule", constructs.RotatedSecretProps{
		Secret:    cluster.MasterSecret,
		EveryDays: settings.CredentialRotationDays,
		After:     cluster.Ready,
	})
	addBackups(stack, props, cluster)
	if aurora := database.Aurora; aurora != nil {
		if aurora.Next != nil {
			awscdk.NewCfnOutput(stack, jsii.String("NextClusterParameters"), &awscdk.CfnOutputProps{Value: aurora.Next.Cluster})
			awscdk.NewCfnOutput(stack, jsii.String("NextInstanceParameters"), &awscdk.CfnOutputProps{Value: aurora.Next.Instance})
		}
		keepExported(stack, awscdk.Token_AsString(aurora.Cluster.ClusterEndpoint().Port(), nil))
		keepExported(stack, aurora.Cluster.ClusterIdentifier(), aurora.SubnetGroupName, aurora.MonitoringRole.RoleArn(), aurora.Key.KeyArn())
	}
	// Tasks with a PgBouncer use them until the last is replaced by one that knows an RDS Proxy.
	keepExported(stack, cluster.Cluster.ClusterEndpoint().Hostname(), cluster.Cluster.ClusterReadEndpoint().Hostname())
	for _, warning := range environment.Warnings {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("peakline:engine-support"), jsii.String(warning))
	}
	awscdk.NewCfnOutput(stack, jsii.String("RotationFunction"), &awscdk.CfnOutputProps{Value: rotation.Function.FunctionName()})
	awscdk.NewCfnOutput(stack, jsii.String("WriterEndpoint"), &awscdk.CfnOutputProps{Value: cluster.Cluster.ClusterEndpoint().Hostname()})
	awscdk.NewCfnOutput(stack, jsii.String("ReaderEndpoint"), &awscdk.CfnOutputProps{Value: cluster.Cluster.ClusterReadEndpoint().Hostname()})
	return database
}

func newAurora(stack awscdk.Stack, props DatabaseProps) *constructs.AuroraCluster {
	settings := props.Environment.Database
	return constructs.NewAuroraCluster(stack, "Aurora", constructs.AuroraClusterProps{
		ClusterProps:  clusterProps(props),
		Writer:        auroraInstance(settings.Writer),
		Readers:       auroraReaders(settings.Readers),
		MinCapacity:   settings.ServerlessCapacity.Min,
		MaxCapacity:   settings.ServerlessCapacity.Max,
		CACertificate: settings.CACertificate,
		UpgradeTo:     settings.UpgradeTo,
	})
}

// newMultiAZ has another construct id than Aurora: a switch of the engine is another database, never a changed one.
func newMultiAZ(stack awscdk.Stack, props DatabaseProps) *constructs.DatabaseCluster {
	settings := props.Environment.Database
	return constructs.NewMultiAZCluster(stack, "MultiAz", constructs.MultiAZClusterProps{
		ClusterProps: clusterProps(props),
		Class:        settings.Writer.InstanceClass,
		StorageType:  settings.Storage.Type,
		Gibibytes:    settings.Storage.Gibibytes,
		IOPS:         settings.Storage.Iops,
	})
}

func clusterProps(props DatabaseProps) constructs.ClusterProps {
	environment, settings := props.Environment, props.Environment.Database
	smallest := settings.SmallestInstance()
	return constructs.ClusterProps{
		Identifier:    clusterIdentifier(environment),
		EngineVersion: settings.EngineVersion,
		Parameters: constructs.DatabaseParameters{
			SlowQuery:          time.Duration(settings.SlowQueryMilliseconds) * time.Millisecond,
			SynchronousCommit:  settings.SynchronousCommit,
			LogicalReplication: settings.LogicalReplication,
		},
		Vpc:                   props.Network.Network.Vpc,
		Subnets:               props.Network.Network.Isolated,
		SecurityGroup:         props.Network.SecurityGroups.Database,
		BackupRetentionDays:   settings.Backup.RetentionDays,
		BackupWindow:          settings.BackupWindow,
		MaintenanceWindow:     settings.MaintenanceWindow,
		Insights:              insightsModes[settings.Insights.Mode],
		InsightsRetentionDays: settings.Insights.RetentionDays,
		MonitoringInterval:    time.Duration(settings.MonitoringIntervalSeconds) * time.Second,
		LogRetentionDays:      settings.LogRetentionDays,
		MaxConnections:        smallest.MaxConnections,
		MemoryBytes:           smallest.MemoryBytes,
		LagObjective:          time.Duration(environment.Scaler.LagObjectiveMilliseconds) * time.Millisecond,
		ExtendedSupport:       environment.Excepted(config.EngineSupport),
		BackupAccounts:        backupAccounts(environment),
		Unprotected:           !settings.DeletionProtection,
		Disposable:            disposable(environment),
		Notifications:         props.Notifications,
	}
}

// clusterIdentifier is the cluster's physical name, which the scaler's stack knows too.
func clusterIdentifier(environment config.Environment) string { return "peakline-" + environment.Name }

var insightsModes = map[config.InsightsMode]constructs.InsightsMode{
	config.InsightsOff:      constructs.InsightsOff,
	config.InsightsStandard: constructs.InsightsStandard,
	config.InsightsAdvanced: constructs.InsightsAdvanced,
}

func auroraInstance(instance config.Instance) constructs.AuroraInstance {
	return constructs.AuroraInstance{Class: instance.InstanceClass, Zone: instance.Zone, PromotionTier: instance.PromotionTier}
}

func auroraReaders(readers map[string]config.Instance) map[string]constructs.AuroraInstance {
	instances := map[string]constructs.AuroraInstance{}
	for name, reader := range readers {
		instances[name] = auroraInstance(reader)
	}
	return instances
}

// backupAccounts is the account of the vault elsewhere, if there is one: the fifth part of its ARN.
func backupAccounts(environment config.Environment) []string {
	if arn := strings.Split(environment.Database.Backup.CopyVaultARN, ":"); len(arn) > 4 {
		return []string{arn[4]}
	}
	return nil
}

// addBackups puts the cluster's snapshots in a vault of their own, beside point-in-time recovery.
func addBackups(stack awscdk.Stack, props DatabaseProps, cluster *constructs.DatabaseCluster) {
	backup := props.Environment.Database.Backup
	if backup.Plan.DailyDays+backup.Plan.WeeklyDays+backup.Plan.MonthlyDays == 0 {
		return
	}
	vault := constructs.NewBackupVault(stack, "Backups", constructs.BackupVaultProps{
		Name:       "peakline-" + props.Environment.Name,
		Lock:       vaultLock(props.Environment),
		Disposable: disposable(props.Environment),
	})
	var copies []string
	if props.BackupCopy != nil {
		stack.AddStackDependency(props.BackupCopy.Stack, nil)
		copies = append(copies, props.BackupCopy.VaultARN)
	}
	if backup.CopyVaultARN != "" {
		copies = append(copies, backup.CopyVaultARN)
	}
	constructs.NewBackupPlan(stack, "BackupPlan", constructs.BackupPlanProps{
		Vault:         vault,
		CopyVaultARNs: copies,
		DailyDays:     backup.Plan.DailyDays,
		WeeklyDays:    backup.Plan.WeeklyDays,
		MonthlyDays:   backup.Plan.MonthlyDays,
		StartUTC:      backup.Plan.StartUTC,
		ResourceARNs:  []*string{cluster.Cluster.ClusterArn()},
		Notifications: props.Notifications,
	})
}
