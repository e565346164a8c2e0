package diff

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
)

// typeSchema is what CloudFormation does with a resource type when a property changes, and what the type is. It comes from
// the CDK's database of resource types (npm package @aws-cdk/aws-service-spec), which schema.mjs reads.
type typeSchema struct {
	Replaces    []string          `json:"replaces"`    // properties that cannot change in place
	MayReplace  []string          `json:"mayReplace"`  // properties of which AWS says that they may replace
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
	"AWS::AmazonMQ::Broker":                 true,
	"AWS::CloudFront::KeyValueStore":        true, // weights that operators set
	"AWS::CodeCommit::Repository":           true,
	"AWS::Cognito::IdentityPool":            true,
	"AWS::Cognito::UserPoolDomain":          true,
	"AWS::DocDBElastic::Cluster":            true,
	"AWS::ECR::Repository":                  true, // images that a rollback needs
	"AWS::EC2::EIP":                         true, // others admit this address
	"AWS::ElastiCache::ServerlessCache":     true,
	"AWS::Events::Archive":                  true,
	"AWS::IoT::Thing":                       true,
	"AWS::KMS::ReplicaKey":                  true,
	"AWS::KinesisFirehose::DeliveryStream":  true, // what it has not delivered yet
	"AWS::MSK::Cluster":                     true,
	"AWS::MSK::ServerlessCluster":           true,
	"AWS::MemoryDB::Cluster":                true,
	"AWS::NeptuneGraph::Graph":              true,
	"AWS::OpenSearchServerless::Collection": true,
	"AWS::RDS::GlobalCluster":               true,
	"AWS::RedshiftServerless::Namespace":    true,
	"AWS::Route53::HostedZone":              true, // the registrar names its servers
	"AWS::S3Express::DirectoryBucket":       true,
	"AWS::S3Tables::TableBucket":            true,
	"AWS::SSM::Parameter":                   true, // a release or an operator may have written it
	"AWS::Timestream::Database":             true,
	"AWS::Timestream::Table":                true,
}

func stateful(kind string) bool { return schemas()[kind].Stateful || alsoStateful[kind] }

// inPlace are properties that may replace by the schema, and for which AWS documents an update in place, with an
// interruption at most.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
var inPlace = map[string][]string{
	"AWS::RDS::DBInstance": {
		"AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ", "PreferredMaintenanceWindow", "StorageType",
	},
	"AWS::EC2::Instance":                 {"InstanceType", "EbsOptimized", "UserData", "SecurityGroupIds", "KernelId", "RamdiskId", "PrivateDnsNameOptions", "Tenancy", "Affinity", "HostId"},
	"AWS::ElastiCache::ReplicationGroup": {"AuthToken", "NumNodeGroups"},
}

// replacement tells whether a change of this property replaces the resource: for certain, perhaps, or not.
func replacement(kind, property string) (replaces, certain bool) {
	row := schemas()[kind]
	switch {
	case slices.Contains(row.Replaces, property):
		return true, true
	case slices.Contains(row.MayReplace, property) && !slices.Contains(inPlace[kind], property):
		return true, false
	}
	// A custom resource decides by itself; only its type and provider are known to make another one.
	if strings.HasPrefix(kind, "Custom::") || kind == "AWS::CloudFormation::CustomResource" {
		return property == "ServiceToken", true
	}
	return false, false
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
