package constructs

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// multiAZMembers is how many instances RDS makes, each in a zone of its own.
const multiAZMembers = 3

// MultiAZClusterProps describes an RDS for PostgreSQL Multi-AZ DB cluster.
type MultiAZClusterProps struct {
	ClusterProps
	// Class is the instance class of all members, "db.r6gd.large".
	Class string
	// StorageType ("gp3"), Gibibytes and IOPS are those of each member's volume.
	StorageType     string
	Gibibytes, IOPS int
}

// NewMultiAZCluster makes a writer and two readable standbys, with the same keys, credentials, parameters, log group, event
// subscriptions and alarms as an Aurora cluster has. The CDK has no higher-level construct for it.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.html
func NewMultiAZCluster(scope construct.Construct, id string, props MultiAZClusterProps) *DatabaseCluster {
	scope = construct.NewConstruct(scope, jsii.String(id))
	ground := newClusterGround(scope, "Multi-AZ DB cluster", props.ClusterProps)
	engine := awsrds.DatabaseInstanceEngine_Postgres(&awsrds.PostgresInstanceEngineProps{
		Version: awsrds.PostgresEngineVersion_Of(jsii.String(props.EngineVersion), jsii.String(majorVersion(props.EngineVersion)), nil),
	})
	parameters := newClusterParameterGroup(scope, "ClusterParameters", engine, props.Parameters, props.Disposable)
	subnets := awsrds.NewSubnetGroup(scope, jsii.String("Subnets"), &awsrds.SubnetGroupProps{
		Description:   jsii.String("Subnets of the Multi-AZ DB cluster " + props.Identifier),
		Vpc:           props.Vpc,
		VpcSubnets:    props.Subnets,
		RemovalPolicy: removalPolicy(props.Disposable),
	})
	resource := awsrds.NewCfnDBCluster(scope, jsii.String("Cluster"), &awsrds.CfnDBClusterProps{
		DbClusterIdentifier:         jsii.String(props.Identifier),
		Engine:                      jsii.String("postgres"),
		EngineVersion:               jsii.String(props.EngineVersion),
		EngineLifecycleSupport:      jsii.String(kebab(lifecycleSupport(props.ExtendedSupport))),
		DbClusterInstanceClass:      jsii.String(props.Class),
		StorageType:                 jsii.String(props.StorageType),
		AllocatedStorage:            jsii.Number(props.Gibibytes),
		Iops:                        jsii.Number(props.IOPS),
		MasterUsername:              jsii.String(masterUser),
		MasterUserPassword:          ground.secret.SecretValueFromJson(jsii.String("password")).UnsafeUnwrap(), // a reference
		DbClusterParameterGroupName: parameters.BindToCluster(&awsrds.ParameterGroupClusterBindOptions{}).ParameterGroupName,
		Port:                        jsii.Number(DatabasePort),
		DbSubnetGroupName:           subnets.SubnetGroupName(),
		VpcSecurityGroupIds:         &[]interface{}{props.SecurityGroup.SecurityGroupId()},
		PubliclyAccessible:          jsii.Bool(false),
		StorageEncrypted:            jsii.Bool(true),
		KmsKeyId:                    ground.key.KeyArn(),
		BackupRetentionPeriod:       jsii.Number(props.BackupRetentionDays),
		PreferredBackupWindow:       jsii.String(props.BackupWindow),
		PreferredMaintenanceWindow:  jsii.String(props.MaintenanceWindow),
		AutoMinorVersionUpgrade:     jsii.Bool(true),
		CopyTagsToSnapshot:          jsii.Bool(true),
		DeletionProtection:          jsii.Bool(!props.Unprotected),
		EnableCloudwatchLogsExports: jsii.Strings("postgresql"),
		// CloudFormation's page and cfn-lint leave it to Aurora, the call behind them does not:
		// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
		EnableIamDatabaseAuthentication: jsii.Bool(true),
		DatabaseInsightsMode:            jsii.String(kebab(insightsMode(props.Insights))),
		PerformanceInsightsEnabled:      jsii.Bool(props.Insights != InsightsOff),
	})
	resource.AddMetadata(jsii.String("cfn-lint"), map[string]any{"config": map[string]any{"ignore_checks": []string{"E3692"}}})
	resource.ApplyRemovalPolicy(removalPolicy(props.Disposable), nil)
	resource.Node().AddDependency(ground.logs)
	if props.Insights != InsightsOff {
		resource.SetPerformanceInsightsRetentionPeriod(jsii.Number(props.InsightsRetentionDays))
		resource.SetPerformanceInsightsKmsKeyId(ground.key.KeyArn())
	}
	if props.MonitoringInterval > 0 {
		resource.SetMonitoringInterval(jsii.Number(props.MonitoringInterval.Seconds()))
		resource.SetMonitoringRoleArn(ground.monitoringRole.RoleArn())
	}
	if props.Unprotected {
		acknowledge(resource, "Deletion protection is off by configuration, which in production costs a written reason", "AwsSolutions-RDS10")
	}

	members := multiAZIdentifiers(props.Identifier)
	cluster := awsrds.DatabaseCluster_FromDatabaseClusterAttributes(scope, jsii.String("Imported"), &awsrds.DatabaseClusterAttributes{
		ClusterIdentifier:         resource.Ref(),
		ClusterResourceIdentifier: resource.AttrDbClusterResourceId(),
		ClusterEndpointAddress:    resource.AttrEndpointAddress(),
		ReaderEndpointAddress:     resource.AttrReadEndpointAddress(),
		Port:                      jsii.Number(DatabasePort),
		SecurityGroups:            &[]awsec2.ISecurityGroup{props.SecurityGroup},
		InstanceIdentifiers:       &members,
	})
	addEventSubscriptions(scope, cluster, props.Notifications)
	addMultiAZAlarms(scope, cluster, props)
	return &DatabaseCluster{
		Cluster: cluster, Ready: resource, MasterSecret: ground.secret.Attach(cluster),
		Key: ground.key, SecretKey: ground.secretKey, MonitoringRole: ground.monitoringRole,
	}
}

// kebab spells a constant of the CDK as CloudFormation does.
func kebab[T ~string](constant T) string {
	return strings.ToLower(strings.ReplaceAll(string(constant), "_", "-"))
}
