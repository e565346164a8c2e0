package test

import (
	"regexp"
	"slices"
	"strings"
)

// encrypted says which property encrypts each type that holds something; all of them must be set.
var encrypted = map[string][]string{
	"AWS::Backup::BackupVault":             {"EncryptionKeyArn"},
	"AWS::CloudTrail::Trail":               {"KMSKeyId"},
	"AWS::CodeBuild::Project":              {"EncryptionKey"},
	"AWS::CodePipeline::Pipeline":          {"ArtifactStore/EncryptionKey"},
	"AWS::DMS::ReplicationInstance":        {"KmsKeyId"},
	"AWS::DynamoDB::Table":                 {"SSESpecification/SSEEnabled"},
	"AWS::ECR::Repository":                 {"EncryptionConfiguration/EncryptionType"},
	"AWS::EFS::FileSystem":                 {"Encrypted", "KmsKeyId"},
	"AWS::ElastiCache::ReplicationGroup":   {"AtRestEncryptionEnabled", "TransitEncryptionEnabled", "KmsKeyId"},
	"AWS::Kinesis::Stream":                 {"StreamEncryption/KeyId"},
	"AWS::KinesisFirehose::DeliveryStream": {"DeliveryStreamEncryptionConfigurationInput/KeyType"},
	"AWS::Logs::LogGroup":                  {"KmsKeyId"},
	"AWS::RDS::DBCluster":                  {"StorageEncrypted", "KmsKeyId"},
	"AWS::S3::Bucket":                      {"BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/SSEAlgorithm"},
	"AWS::SNS::Topic":                      {"KmsMasterKeyId"},
	"AWS::SQS::Queue":                      {"KmsMasterKeyId"},
	"AWS::SecretsManager::Secret":          {"KmsKeyId"},
	"AWS::Lambda::Function":                {"KmsKeyArn"},
	"AWS::RDS::DBInstance":                 nil, // a member's storage is the cluster's
	"AWS::SSM::Parameter":                  nil, // configuration in the clear; secrets are in Secrets Manager
	"AWS::EC2::FlowLog":                    nil, // its log group is encrypted
	"AWS::CodeDeploy::Application":         nil,
	"AWS::CodeDeploy::DeploymentConfig":    nil,
	"AWS::CodeDeploy::DeploymentGroup":     nil,
	"AWS::ECS::Cluster":                    nil, // holds tasks, whose disks AWS encrypts
	"AWS::Events::Archive":                 {"KmsKeyIdentifier"},
	"AWS::Events::EventBus":                {"KmsKeyIdentifier"},
	"AWS::Scheduler::Schedule":             {"KmsKeyArn"},
	"AWS::StepFunctions::StateMachine":     {"EncryptionConfiguration/KmsKeyId"},
	"AWS::Cognito::UserPool":               {"KeyConfiguration/KmsKeyArn"},
	"AWS::Synthetics::Canary":              {"ArtifactConfig/S3Encryption/EncryptionMode"},
	"AWS::ElastiCache::ServerlessCache":    {"KmsKeyId"},
	"AWS::OpenSearchService::Domain":       {"EncryptionAtRestOptions/Enabled", "NodeToNodeEncryptionOptions/Enabled"},
	"AWS::CloudWatch::InsightRule":         nil, // a rule over logs
}

// holdsNothing are the types, or the beginnings of types, that hold no data of their own.
var holdsNothing = []string{
	"AWS::AppConfig::", // a flag is neither personal nor secret, and AppConfig encrypts it with a key of its own
	"AWS::Logs::ResourcePolicy", "AWS::Logs::QueryDefinition", "AWS::Budgets::Budget", "AWS::CE::", "AWS::Logs::Delivery", "AWS::XRay::", "AWS::WAFv2::",
	"AWS::CloudFront::", // caches what everybody may see, and weights of experiments
	"AWS::ApplicationAutoScaling::", "AWS::ECS::ClusterCapacityProviderAssociations", "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::ElasticLoadBalancingV2::", "AWS::Route53::", "AWS::S3::BucketPolicy", "AWS::ServiceDiscovery::", "AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection", "AWS::CloudWatch::Alarm",
	"AWS::CloudFormation::WaitConditionHandle", "AWS::Logs::MetricFilter", "AWS::Cognito::", "AWS::ElastiCache::ParameterGroup", "AWS::ElastiCache::SubnetGroup", "AWS::ElastiCache::User", "AWS::Chatbot::", "AWS::CloudWatch::Dashboard", "AWS::CloudWatch::CompositeAlarm", "AWS::EC2::", "AWS::Events::Rule", "AWS::IAM::", "AWS::KMS::", "AWS::Lambda::EventInvokeConfig",
	"AWS::Lambda::Permission", "AWS::RDS::DBProxy", "AWS::RDS::DBClusterParameterGroup", "AWS::RDS::DBParameterGroup", "AWS::RDS::DBSubnetGroup",
	"AWS::RDS::EventSubscription", "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::SecretTargetAttachment",
	"AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "Custom::",
}

// data are the types whose removal loses something, or which AWS leaves behind in a way of its own: each says itself
// what becomes of it.
var data = []string{
	"AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::Backup::BackupVault",
	"AWS::Logs::LogGroup", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable",
	"AWS::EFS::FileSystem", "AWS::ECR::Repository", "AWS::Cognito::UserPool", "AWS::ElastiCache::ReplicationGroup",
	"AWS::ElastiCache::ServerlessCache", "AWS::CloudFront::KeyValueStore",
}

// secretKey is the name of a property that would hold a secret.
var secretKey = regexp.MustCompile(`(?i)(password|passwd|secret|secretstring|token|apikey|privatekey|credential)s?$`)

// secretValue is what a secret looks like wherever it stands: an AWS access key, a private key, a token of a well-known service.
var secretValue = regexp.MustCompile(`AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|gh[pousr]_[A-Za-z0-9]{36}|sk_live_[A-Za-z0-9]{20}|xox[baprs]-`)

var dataSweeps = []requirement{
	{name: "everything that holds data is encrypted",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				properties, known := encrypted[r.kind]
				if r.kind == "AWS::Lambda::Function" && r.get("Environment") == nil {
					continue // without variables there is nothing to encrypt
				}
				for _, property := range properties {
					if !r.isSet(property) {
						fail("%s (%s) has no %s: what it holds is stored in the clear, or with a key nobody here controls", r, r.kind, property)
					}
				}
				if !known && !slices.ContainsFunc(holdsNothing, func(prefix string) bool { return strings.HasPrefix(r.kind, prefix) }) {
					fail("%s is of type %s, which neither table knows: say how it is encrypted, or that it holds nothing", r, r.kind)
				}
			}
		}},
	{name: "keys rotate, and belong to this account",
		check: func(a *assembly, fail failure) {
			for _, key := range a.all("AWS::KMS::Key") {
				if !key.isSet("EnableKeyRotation") {
					fail("%s does not rotate: a key that leaks today opens what is written in ten years", key)
				}
				if days := key.number("PendingWindowInDays"); days < 7 || production(a.environment) && days < 30 {
					fail("%s is destroyed %v days after its deletion, want 30 in production: until then a mistake can be undone", key, days)
				}
			}
		}},
	{name: "buckets are closed, take no access lists, keep for a while what is deleted or replaced, and drop what is never finished",
		check: func(a *assembly, fail failure) {
			for _, bucket := range a.all("AWS::S3::Bucket") {
				for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
					if bucket.get("PublicAccessBlockConfiguration/"+block) != true {
						fail("%s does not have %s: one careless policy would publish it", bucket, block)
					}
				}
				if got := bucket.text("OwnershipControls/Rules/0/ObjectOwnership"); got != "BucketOwnerEnforced" {
					fail("%s has ownership %q: an object could carry an access list of its own", bucket, got)
				}
				if bucket.text("VersioningConfiguration/Status") != "Enabled" {
					fail("%s keeps no versions: whoever breaks in deletes the record of it", bucket)
				}
				forgotten, abandoned := false, false
				for _, rule := range bucket.list("LifecycleConfiguration/Rules") {
					everything := dig(rule, "Status") == "Enabled" && dig(rule, "Prefix") == nil && dig(rule, "TagFilters") == nil
					forgotten = forgotten || everything && dig(rule, "NoncurrentVersionExpiration/NoncurrentDays") != nil
					abandoned = abandoned || everything && dig(rule, "AbortIncompleteMultipartUpload/DaysAfterInitiation") != nil
				}
				if !forgotten || !abandoned {
					fail("%s keeps deleted versions (%v) or parts of uploads (%v) for ever, unseen and billed", bucket, !forgotten, !abandoned)
				}
			}
		}},
	{name: "log groups expire",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::Logs::LogGroup") {
				if group.number("RetentionInDays") < 1 {
					fail("%s keeps its events for ever, and the bill grows for ever", group)
				}
			}
		}},
	{name: "functions write to log groups of ours, run on arm64 and on a runtime that AWS supports",
		check: func(a *assembly, fail failure) {
			for _, f := range a.all("AWS::Lambda::Function") {
				if a.target(f, "LoggingConfig/LogGroup").kind != "AWS::Logs::LogGroup" {
					fail("%s makes a log group of its own, which never expires", f)
				}
				if f.text("Runtime") != "provided.al2023" || !slices.Equal(texts(f.get("Architectures")), []string{"arm64"}) {
					fail("%s runs on %s %v, want provided.al2023 on arm64: the binary would not start", f, f.text("Runtime"), f.get("Architectures"))
				}
				if f.number("Timeout") < 1 {
					fail("%s has no timeout of its own: three seconds is not enough for anything", f)
				}
			}
		}},
	{name: "what holds data says what becomes of it when it is deleted or replaced",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all(data...) {
				for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
					value, _ := r.body[policy].(string)
					if !slices.Contains([]string{"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}, value) {
						fail("%s (%s) has no %s: AWS's default for the type would decide", r, r.kind, policy)
					}
				}
			}
		}},
	{name: "no secret stands in a template",
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				walk(r.body["Properties"], "", func(path string, value any) {
					text, ok := value.(string)
					if !ok {
						return
					}
					key := path[strings.LastIndex(path, "/")+1:]
					named := secretKey.MatchString(key) && !strings.Contains(path, "/TokenValidityUnits/") // minutes and days
					if named && !strings.HasPrefix(text, "{{resolve:") || secretValue.MatchString(text) {
						fail("%s has a literal at %s: it would be readable by everyone who may read the stack", r, path)
					}
				})
			}
		}},
}

// walk visits every value with its path.
func walk(value any, path string, visit func(path string, value any)) {
	visit(path, value)
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			walk(inner, path+"/"+key, visit)
		}
	case []any:
		for _, inner := range value {
			walk(inner, path, visit) // a list's items have the list's name
		}
	}
}
