package diff

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// typeSchema is what CloudFormation does with a resource type when a property changes, and what the type is. It comes from
// the CDK's database of resource types (npm package @aws-cdk/aws-service-spec), which schema.mjs reads.
type typeSchema struct {
	Replaces    []string          `json:"replaces"`    // properties that cannot change in place
	MayReplace  []string          `json:"mayReplace"`  // properties of which AWS says that they may replace
	Within      []string          `json:"within"`      // paths of what cannot change in place inside a property that can
	Stateful    bool              `json:"stateful"`    // it holds data
	Is          string            `json:"is"`          // the kind of policy or rule that the resource is
	Scrutinized map[string]string `json:"scrutinized"` // properties that hold a policy or rules, with their kind
}

//go:embed schema.json
var schemaText []byte

var schemas = sync.OnceValue(func() map[string]typeSchema {
	types := map[string]typeSchema{}
	if err := json.Unmarshal(schemaText, &types); err != nil {
		panic("schema.json: " + err.Error())
	}
	return types
})

// alsoStateful are types that hold data, or a name that others rely on, beyond those of the CDK's database.
var alsoStateful = map[string]bool{
	"AWS::APS::Workspace":                        true,
	"AWS::AmazonMQ::Broker":                      true,
	"AWS::Backup::LogicallyAirGappedBackupVault": true,
	"AWS::Cassandra::Keyspace":                   true,
	"AWS::Cassandra::Table":                      true,
	"AWS::CloudFront::KeyValueStore":             true, // weights that operators set
	"AWS::CloudTrail::EventDataStore":            true,
	"AWS::CodeArtifact::Domain":                  true,
	"AWS::CodeArtifact::Repository":              true,
	"AWS::CodeCommit::Repository":                true,
	"AWS::Cognito::IdentityPool":                 true,
	"AWS::Cognito::UserPoolDomain":               true,
	"AWS::DSQL::Cluster":                         true,
	"AWS::DirectoryService::MicrosoftAD":         true,
	"AWS::DirectoryService::SimpleAD":            true,
	"AWS::DocDBElastic::Cluster":                 true,
	"AWS::EC2::EIP":                              true, // others admit this address
	"AWS::ECR::PublicRepository":                 true,
	"AWS::ECR::Repository":                       true, // images that a rollback needs
	"AWS::ElastiCache::ServerlessCache":          true,
	"AWS::Events::Archive":                       true,
	"AWS::FSx::StorageVirtualMachine":            true,
	"AWS::FSx::Volume":                           true,
	"AWS::HealthLake::FHIRDatastore":             true,
	"AWS::IoT::Thing":                            true,
	"AWS::KMS::ReplicaKey":                       true,
	"AWS::KinesisFirehose::DeliveryStream":       true, // what it has not delivered yet
	"AWS::KinesisVideo::Stream":                  true,
	"AWS::Lightsail::Bucket":                     true,
	"AWS::Lightsail::Database":                   true,
	"AWS::Lightsail::Disk":                       true,
	"AWS::MSK::Cluster":                          true,
	"AWS::MSK::ServerlessCluster":                true,
	"AWS::MemoryDB::Cluster":                     true,
	"AWS::NeptuneGraph::Graph":                   true,
	"AWS::OpenSearchServerless::Collection":      true,
	"AWS::RDS::DBShardGroup":                     true,
	"AWS::RDS::GlobalCluster":                    true,
	"AWS::RedshiftServerless::Namespace":         true,
	"AWS::Route53::HostedZone":                   true, // the registrar names its servers
	"AWS::S3Express::DirectoryBucket":            true,
	"AWS::S3Tables::Table":                       true,
	"AWS::S3Tables::TableBucket":                 true,
	"AWS::S3Vectors::Index":                      true,
	"AWS::S3Vectors::VectorBucket":               true,
	"AWS::SSM::Parameter":                        true, // a release or an operator may have written it
	"AWS::Timestream::Database":                  true,
	"AWS::Timestream::Table":                     true,
	"AWS::WorkSpaces::Workspace":                 true,
}

func stateful(kind string) bool { return schemas()[kind].Stateful || alsoStateful[kind] }

// inPlace are properties that may replace by the schema, and for which AWS documents an update in place, with an
// interruption at most.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
var inPlace = map[string][]string{
	"AWS::RDS::DBInstance": {
		"AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ", "PreferredMaintenanceWindow", "StorageType",
	},
	"AWS::EC2::Instance": {"InstanceType", "EbsOptimized", "UserData", "SecurityGroupIds", "KernelId", "RamdiskId", "PrivateDnsNameOptions", "Tenancy", "Affinity", "HostId"},
}

// replacesWhen are properties of which more than their change decides whether they replace, as the text of AWS's reference says.
var replacesWhen = map[string]map[string]func(o, n *meaning) bool{
	"AWS::DynamoDB::Table": {"AttributeDefinitions": edited("AttributeDefinitions", "AttributeName"), "LocalSecondaryIndexes": always},
	"AWS::ElastiCache::ReplicationGroup": {
		"AuthToken": comes("AuthToken"), "NodeGroupConfiguration": unless("UseOnlineResharding"), "NumNodeGroups": unless("UseOnlineResharding"),
	},
	"AWS::Elasticsearch::Domain":     {"ElasticsearchVersion": unless("EnableVersionUpgrade")},
	"AWS::OpenSearchService::Domain": {"EncryptionAtRestOptions": stood("EncryptionAtRestOptions"), "EngineVersion": unless("EnableVersionUpgrade")},
}

func always(_, _ *meaning) bool { return true }

// comes and stood tell whether a property was there before.
func comes(property string) func(o, n *meaning) bool {
	return func(o, _ *meaning) bool { return o.at(property) == nil }
}
func stood(property string) func(o, n *meaning) bool {
	return func(o, _ *meaning) bool { return o.at(property) != nil }
}

// unless tells whether the resource's UpdatePolicy lacks what allows an update in place.
func unless(policy string) func(o, n *meaning) bool {
	return func(_, n *meaning) bool { return n.stack.show(asMap(n.written.UpdatePolicy)[policy]) != "true" }
}

// edited tells whether an entry of a list is kept under its name with other values.
func edited(property, name string) func(o, n *meaning) bool {
	return func(o, n *meaning) bool {
		after := byName(n.at(property), name)
		for key, entry := range byName(o.at(property), name) {
			if kept, ok := after[key]; ok && !reflect.DeepEqual(entry, kept) {
				return true
			}
		}
		return false
	}
}

// byName are the entries of a list by what names them.
func byName(entries any, name string) map[string]any {
	all := map[string]any{}
	for _, entry := range list(entries) {
		all[scalar(dig(entry, name))] = entry
	}
	return all
}

// replacement tells whether a change of this property replaces the resource: for certain, perhaps, or not.
func replacement(o, n *meaning, property string) (replaces, certain bool) {
	kind := n.kind()
	row := schemas()[kind]
	if condition := replacesWhen[kind][property]; condition != nil {
		return condition(o, n), true
	}
	switch {
	case slices.Contains(row.Replaces, property):
		return true, true
	case slices.Contains(row.MayReplace, property) && !slices.Contains(inPlace[kind], property):
		return true, false
	}
	// A custom resource decides by itself; only its type and provider are known to make another one.
	return custom(kind) && property == "ServiceToken", true
}

func custom(kind string) bool {
	return strings.HasPrefix(kind, "Custom::") || kind == "AWS::CloudFormation::CustomResource"
}

// renewed are types that are made anew by design: what runs moves from one to the next.
var renewed = map[string]bool{
	"AWS::ApiGateway::Deployment":                true,
	"AWS::ApiGatewayV2::Deployment":              true,
	"AWS::AppConfig::Deployment":                 true,
	"AWS::AppConfig::HostedConfigurationVersion": true,
	"AWS::AutoScaling::LaunchConfiguration":      true,
	"AWS::Batch::JobDefinition":                  true,
	"AWS::CDK::Metadata":                         true,
	"AWS::ECS::TaskDefinition":                   true,
	"AWS::Lambda::LayerVersion":                  true,
	"AWS::Lambda::Version":                       true,
}
