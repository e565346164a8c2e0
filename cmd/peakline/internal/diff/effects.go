package diff

// An effect is what a change of some properties does to what runs, where it is more than a change in place.
type effect struct {
	class      Class
	why        string
	properties []string
}

// effects lists what AWS documents as more than "No interruption" or what exchanges what runs, by type. Whatever is not
// listed is a configuration.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
var effects = map[string][]effect{
	"AWS::ECS::Service": {{Rolling, "ECS starts new tasks beside the old ones", []string{
		"TaskDefinition", "NetworkConfiguration", "CapacityProviderStrategy", "LaunchType", "LoadBalancers", "PlatformVersion",
		"ServiceConnectConfiguration", "ServiceRegistries", "VolumeConfigurations", "VpcLatticeConfigurations", "ForceNewDeployment",
		"EnableExecuteCommand", "PropagateTags", "EnableECSManagedTags",
	}}},
	"AWS::Lambda::Function": {{Rolling, "the next invocations run the new version", []string{
		"Architectures", "Code", "Environment", "Handler", "ImageConfig", "Layers", "Runtime", "VpcConfig", "MemorySize", "EphemeralStorage", "SnapStart",
	}}},
	"AWS::Lambda::Alias": {{Rolling, "invocations move to another version", []string{"FunctionVersion", "RoutingConfig"}}},
	"AWS::AutoScaling::AutoScalingGroup": {{Rolling, "instances are exchanged", []string{
		"LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy", "VPCZoneIdentifier",
	}}},
	"AWS::EKS::Nodegroup": {{Rolling, "nodes are exchanged", []string{"Version", "ReleaseVersion", "LaunchTemplate"}}},
	"AWS::RDS::DBInstance": {{Interrupting, "the instance restarts", []string{
		"AllocatedStorage", "CACertificateIdentifier", "DBInstanceClass", "DBParameterGroupName", "EngineVersion", "Iops", "MultiAZ", "OptionGroupName",
		"ProcessorFeatures", "StorageThroughput", "StorageType", "BackupRetentionPeriod", "PreferredMaintenanceWindow", "AutoMinorVersionUpgrade",
		"NetworkType", "DBSecurityGroups", "Domain",
	}}},
	"AWS::RDS::DBCluster": {{Interrupting, "the instances restart or fail over", []string{
		"AllocatedStorage", "DBClusterInstanceClass", "DBClusterParameterGroupName", "DBInstanceParameterGroupName", "EngineVersion", "Iops",
		"NetworkType", "Port", "StorageType", "PreferredMaintenanceWindow",
	}}},
	"AWS::RDS::DBParameterGroup":        {{Interrupting, "static parameters wait for a restart of the instances", []string{"Parameters"}}},
	"AWS::RDS::DBClusterParameterGroup": {{Interrupting, "static parameters wait for a restart of the instances", []string{"Parameters"}}},
	"AWS::DocDB::DBCluster":             {{Interrupting, "the instances restart", []string{"EngineVersion", "DBClusterParameterGroupName", "Port"}}},
	"AWS::DocDB::DBInstance":            {{Interrupting, "the instance restarts", []string{"DBInstanceClass"}}},
	"AWS::Neptune::DBCluster":           {{Interrupting, "the instances restart", []string{"EngineVersion", "DBClusterParameterGroupName"}}},
	"AWS::Neptune::DBInstance":          {{Interrupting, "the instance restarts", []string{"DBInstanceClass", "DBParameterGroupName"}}},
	"AWS::ElastiCache::ReplicationGroup": {{Interrupting, "the nodes restart or fail over", []string{
		"AuthToken", "CacheNodeType", "CacheParameterGroupName", "ClusterMode", "EngineVersion", "NodeGroupConfiguration", "NumNodeGroups", "TransitEncryptionEnabled", "TransitEncryptionMode",
	}}},
	"AWS::ElastiCache::CacheCluster": {{Interrupting, "the nodes restart", []string{"CacheNodeType", "EngineVersion", "NumCacheNodes"}}},
	"AWS::MemoryDB::Cluster":         {{Interrupting, "the nodes restart or fail over", []string{"NodeType", "EngineVersion"}}},
	"AWS::OpenSearchService::Domain": {{Interrupting, "the domain moves to new nodes", []string{"ClusterConfig", "EBSOptions", "EngineVersion"}}},
	"AWS::Elasticsearch::Domain":     {{Interrupting, "the domain moves to new nodes", []string{"ElasticsearchClusterConfig", "EBSOptions", "ElasticsearchVersion"}}},
	"AWS::Redshift::Cluster":         {{Interrupting, "the cluster resizes or restarts", []string{"NodeType", "NumberOfNodes", "ClusterVersion", "ClusterParameterGroupName", "Encrypted"}}},
	"AWS::MSK::Cluster":              {{Interrupting, "the brokers restart one after the other", []string{"KafkaVersion", "BrokerNodeGroupInfo", "ConfigurationInfo"}}},
	"AWS::AmazonMQ::Broker":          {{Interrupting, "the broker restarts", []string{"EngineVersion", "HostInstanceType", "Configuration", "SecurityGroups"}}},
	"AWS::EC2::Instance":             {{Interrupting, "the instance stops and starts", []string{"InstanceType", "EbsOptimized", "UserData", "KernelId", "RamdiskId", "Tenancy", "Affinity", "HostId"}}},
	"AWS::EKS::Cluster":              {{Interrupting, "the control plane is upgraded and cannot go back", []string{"Version"}}},
	"AWS::CloudFront::Distribution":  {{Rolling, "edge locations take it over one after the other", []string{"DistributionConfig"}}},
	"AWS::CloudFront::Function":      {{Rolling, "edge locations take it over one after the other", []string{"FunctionCode", "FunctionConfig"}}},
}

// wordsOnly are properties that people read and nothing else does.
var wordsOnly = map[string]bool{
	"Description": true, "AlarmDescription": true, "Comment": true, "Tags": true, "FileSystemTags": true, "HostedZoneTags": true,
	"UserPoolTags": true, "CacheSubnetGroupDescription": true, "ReplicationGroupDescription": true, "DBSubnetGroupDescription": true,
	"TagsList": true, "BackupPlanTags": true, "BackupVaultTags": true, "KeyTags": true,
}

// effectOf is what a change of a top-level property in place means.
func effectOf(kind, property string) (Class, string) {
	if wordsOnly[property] {
		return Cosmetic, ""
	}
	for _, e := range effects[kind] {
		for _, name := range e.properties {
			if name == property {
				return e.class, e.why
			}
		}
	}
	return Configuration, ""
}
