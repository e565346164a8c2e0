package diff

import "reflect"

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
	"AWS::DynamoDB::Table":           {{Interrupting, "the table is busy for a while", []string{"AttributeDefinitions", "SSESpecification"}}},
	"AWS::SecretsManager::Secret":    {{Interrupting, "the value is made anew, and who still has the old one is refused", []string{"GenerateSecretString", "SecretString"}}},
	"AWS::CloudFront::Distribution":  {{Rolling, "edge locations take it over one after the other", []string{"DistributionConfig"}}},
	"AWS::CloudFront::Function":      {{Rolling, "edge locations take it over one after the other", []string{"FunctionCode", "FunctionConfig"}}},
}

// wordsOnly are properties that people read and nothing else does.
var wordsOnly = map[string]bool{
	"Description": true, "AlarmDescription": true, "Comment": true, "Tags": true, "FileSystemTags": true, "HostedZoneTags": true,
	"UserPoolTags": true, "CacheSubnetGroupDescription": true, "ReplicationGroupDescription": true, "DBSubnetGroupDescription": true,
	"TagsList": true, "BackupPlanTags": true, "BackupVaultTags": true, "KeyTags": true,
}

// wordsWithin are the parts of a property that people read and nothing else does.
var wordsWithin = map[string]string{
	"SecurityGroupIngress": "Description", "SecurityGroupEgress": "Description", "DistributionConfig": "Comment",
	"PolicyDocument": "Sid", "AssumeRolePolicyDocument": "Sid", "KeyPolicy": "Sid", "Policies": "Sid",
}

// without is a value less one name, however deep it stands.
func without(name string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		rest := make(map[string]any, len(v))
		for key, element := range v {
			if key != name {
				rest[key] = without(name, element)
			}
		}
		return rest
	case []any:
		rest := make([]any, len(v))
		for i, element := range v {
			rest[i] = without(name, element)
		}
		return rest
	}
	return value
}

// effectOf is what a change of a top-level property in place means. A custom resource may do anything with any of them.
func effectOf(o, n *meaning, property string) (Class, string) {
	before, after := o.properties[property], n.properties[property]
	words := wordsWithin[property]
	switch {
	case custom(n.kind()):
		return Configuration, ""
	case wordsOnly[property]:
		return Cosmetic, ""
	case words != "" && !reflect.DeepEqual(before, after) && reflect.DeepEqual(without(words, before), without(words, after)):
		return Cosmetic, ""
	}
	for _, e := range effects[n.kind()] {
		for _, name := range e.properties {
			if name == property {
				return e.class, e.why
			}
		}
	}
	return Configuration, ""
}
