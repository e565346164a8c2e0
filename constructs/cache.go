package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticache"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// CacheProps describes a replication group of ElastiCache for Valkey.
type CacheProps struct {
	EnvironmentName string
	// Name tells groups apart: the purpose, or "shared".
	Name CachePurpose
	// Users are those of the purposes that the group serves, DefaultUser the one whom nobody can be.
	Users       []*CacheUser
	DefaultUser awselasticache.CfnUser
	// EngineVersion is Valkey's, "8.2", and Family the one of its parameter groups, "valkey8".
	EngineVersion, Family string
	// NodeType is "cache.m7g.large", say.
	NodeType string
	// Replicas beside the primary. With at least one the group is multi-AZ and fails over by itself.
	Replicas int
	// SubnetGroupName is where its nodes are; AWS spreads them over the zones.
	SubnetGroupName *string
	SecurityGroup   awsec2.ISecurityGroup
	// Key encrypts what is written to disk, snapshots and logs.
	Key awskms.IKey
	// SnapshotRetentionDays is for groups with what cannot be computed again; the others have no snapshot.
	SnapshotRetentionDays int
	// SnapshotWindow ("02:00-03:00") and MaintenanceWindow ("wed:04:30-wed:05:30") are in UTC and must not overlap.
	SnapshotWindow, MaintenanceWindow string
	LogRetentionDays                  int
	Notifications                     *Notifications
	// Disposable deletes the group without a last snapshot.
	Disposable bool
}

// Cache is a replication group with one shard ("cluster mode disabled"), which every client library can use.
type Cache struct {
	Group awselasticache.CfnReplicationGroup
	// Panels are its rows of a dashboard.
	Panels [][]Panel
}

// NewCache makes the group, its parameters, its users' group, its logs and its alarms.
func NewCache(scope construct.Construct, id string, props CacheProps) *Cache {
	if len(props.Users) == 0 {
		panic(fmt.Sprintf("cache %s: no users, so nobody could connect", id))
	}
	scope = construct.NewConstruct(scope, jsii.String(id))
	var purposes []CachePurpose
	userIDs := []*string{props.DefaultUser.Ref()}
	for _, user := range props.Users {
		purposes = append(purposes, user.Purpose)
		userIDs = append(userIDs, user.User.Ref())
	}
	users := awselasticache.NewCfnUserGroup(scope, jsii.String("Users"), &awselasticache.CfnUserGroupProps{
		UserGroupId: jsii.String(cacheName(props.EnvironmentName, props.Name)),
		Engine:      jsii.String(cacheEngine),
		UserIds:     &userIDs,
	})
	parameters := awselasticache.NewCfnParameterGroup(scope, jsii.String("Parameters"), &awselasticache.CfnParameterGroupProps{
		CacheParameterGroupFamily: jsii.String(props.Family),
		Description:               jsii.String("Peakline: what goes when the memory is full"),
		Properties:                map[string]*string{"maxmemory-policy": jsii.String(evictionOf(purposes))},
	})
	redundant := jsii.Bool(props.Replicas > 0)
	group := awselasticache.NewCfnReplicationGroup(scope, jsii.String("Group"), &awselasticache.CfnReplicationGroupProps{
		ReplicationGroupDescription: jsii.String(fmt.Sprintf("Peakline %s: %s", props.EnvironmentName, props.Name)),
		Engine:                      jsii.String(cacheEngine),
		EngineVersion:               jsii.String(props.EngineVersion),
		AutoMinorVersionUpgrade:     jsii.Bool(true),
		CacheNodeType:               jsii.String(props.NodeType),
		CacheParameterGroupName:     parameters.Ref(),
		// The number can change in place. Zones are not named, for with them a change would replace the group: AWS puts the
		// nodes of a multi-AZ group into different zones by itself.
		NumCacheClusters:           jsii.Number(props.Replicas + 1),
		MultiAzEnabled:             redundant,
		AutomaticFailoverEnabled:   redundant,
		Port:                       jsii.Number(CachePort),
		CacheSubnetGroupName:       props.SubnetGroupName,
		SecurityGroupIds:           &[]*string{props.SecurityGroup.SecurityGroupId()},
		TransitEncryptionEnabled:   jsii.Bool(true),
		TransitEncryptionMode:      jsii.String("required"),
		UserGroupIds:               &[]*string{users.Ref()},
		AtRestEncryptionEnabled:    jsii.Bool(true),
		KmsKeyId:                   props.Key.KeyArn(),
		PreferredMaintenanceWindow: jsii.String(props.MaintenanceWindow),
		LogDeliveryConfigurations: []interface{}{
			logDelivery(scope, "SlowLog", "slow-log", props), logDelivery(scope, "EngineLog", "engine-log", props),
		},
	})
	group.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
	if keeps(purposes) && props.SnapshotRetentionDays > 0 {
		group.SetSnapshotRetentionLimit(jsii.Number(props.SnapshotRetentionDays))
		group.SetSnapshotWindow(jsii.String(props.SnapshotWindow))
	}
	if keeps(purposes) && !props.Disposable {
		group.ApplyRemovalPolicy(awscdk.RemovalPolicy_SNAPSHOT, nil)
	}
	acknowledge(group, "Users with passwords and rights of their own have taken the place of the one token", "AwsSolutions-AEC6")
	acknowledge(group, "The port is reached from the services only; another number would hide nothing from them", "AwsSolutions-AEC5")
	if props.Replicas == 0 {
		acknowledge(group, "No replica by configuration, which in production costs a written reason", "AwsSolutions-AEC4")
	}
	cache := &Cache{Group: group}
	cache.addAlarms(scope, purposes, props)
	cache.Panels = cache.panels(purposes, props)
	return cache
}

// NewCacheSubnets is where the nodes of the caches may be: an isolated subnet in each zone.
func NewCacheSubnets(scope construct.Construct, id string, network *Network) awselasticache.CfnSubnetGroup {
	var subnets []interface{}
	for _, subnet := range *network.Vpc.SelectSubnets(network.Isolated).SubnetIds {
		subnets = append(subnets, subnet)
	}
	return awselasticache.NewCfnSubnetGroup(scope, jsii.String(id), &awselasticache.CfnSubnetGroupProps{
		Description: jsii.String("Isolated subnets in every zone"), SubnetIds: &subnets,
	})
}

// logDelivery sends one of the group's logs to a log group of ours. ElastiCache leaves keys and values out of the slow log:
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Log_Delivery.html
func logDelivery(scope construct.Construct, id, kind string, props CacheProps) *awselasticache.CfnReplicationGroup_LogDeliveryConfigurationRequestProperty {
	logs := NewLogGroup(scope, id, LogGroupProps{RetentionDays: props.LogRetentionDays, Key: props.Key, Disposable: props.Disposable})
	return &awselasticache.CfnReplicationGroup_LogDeliveryConfigurationRequestProperty{
		LogType:         jsii.String(kind),
		LogFormat:       jsii.String("json"),
		DestinationType: jsii.String("cloudwatch-logs"),
		DestinationDetails: &awselasticache.CfnReplicationGroup_DestinationDetailsProperty{
			CloudWatchLogsDetails: &awselasticache.CfnReplicationGroup_CloudWatchLogsDestinationDetailsProperty{LogGroup: logs.LogGroupName()},
		},
	}
}
