package test

import (
	"maps"
	"slices"
	"testing"
)

// addressed are the types that hold no data, but addresses that partners have on their lists, or everything else.
var addressed = []string{"AWS::EC2::VPC", "AWS::EC2::EIP"}

// pinned are the logical ids of stateful resources, as they have been deployed. CloudFormation knows a resource by its
// logical id alone: another one deletes it and makes an empty one in its place. Reader names are those of the files.
var pinned = map[string]string{
	"BackupCopy/CopyKeyBC7A318D":                           "AWS::KMS::Key",
	"BackupCopy/CopyVaultA598B48E":                         "AWS::Backup::BackupVault",
	"Cache/DefaultUserSecret9ED9F741":                      "AWS::SecretsManager::Secret",
	"Cache/Key961B73FD":                                    "AWS::KMS::Key",
	"Cache/PasswordRotationLog6ADF83C6":                    "AWS::Logs::LogGroup",
	"Cache/ProductsEngineLog1F18D59A":                      "AWS::Logs::LogGroup",
	"Cache/ProductsGroup600DCE65":                          "AWS::ElastiCache::ReplicationGroup",
	"Cache/ProductsSlowLog2652694A":                        "AWS::Logs::LogGroup",
	"Cache/ProductsUserSecretAB6CEA87":                     "AWS::SecretsManager::Secret",
	"Cache/RateLimitsEngineLogC3BD9952":                    "AWS::Logs::LogGroup",
	"Cache/RateLimitsGroupE67D04D3":                        "AWS::ElastiCache::ReplicationGroup",
	"Cache/RateLimitsSlowLog65B2C884":                      "AWS::Logs::LogGroup",
	"Cache/RateLimitsUserSecret4B6DF33E":                   "AWS::SecretsManager::Secret",
	"Cache/SessionsEngineLog791B39B2":                      "AWS::Logs::LogGroup",
	"Cache/SessionsGroup36F2156F":                          "AWS::ElastiCache::ReplicationGroup",
	"Cache/SessionsSlowLog71C24391":                        "AWS::Logs::LogGroup",
	"Cache/SessionsUserSecretF7FD6BC3":                     "AWS::SecretsManager::Secret",
	"Cache/SharedEngineLog18827138":                        "AWS::Logs::LogGroup",
	"Cache/SharedGroupD4755D63":                            "AWS::ElastiCache::ReplicationGroup",
	"Cache/SharedSlowLogF3B5C4CC":                          "AWS::Logs::LogGroup",
	"Database/AuroraClusterD4EFE71C":                       "AWS::RDS::DBCluster",
	"Database/AuroraClusterReaderOne4BB70E49":              "AWS::RDS::DBInstance",
	"Database/AuroraClusterReaderTwo834E8CEE":              "AWS::RDS::DBInstance",
	"Database/AuroraClusterWriter398336D3":                 "AWS::RDS::DBInstance",
	"Database/AuroraKey76CE1F13":                           "AWS::KMS::Key",
	"Database/AuroraMasterSecret5A1F091C":                  "AWS::SecretsManager::Secret",
	"Database/AuroraPostgresqlLog770A74B5":                 "AWS::Logs::LogGroup",
	"Database/AuroraSecretKeyBCB08027":                     "AWS::KMS::Key",
	"Database/BackupsKeyC696F888":                          "AWS::KMS::Key",
	"Database/BackupsVault1F11AFCC":                        "AWS::Backup::BackupVault",
	"Database/MasterSecretRotationLogB4FB12F0":             "AWS::Logs::LogGroup",
	"DatabaseAccess/CatalogMigrationLogin57DD5FCF":         "AWS::SecretsManager::Secret",
	"DatabaseAccess/CatalogServiceLogin32203487":           "AWS::SecretsManager::Secret",
	"DatabaseAccess/InventoryMigrationLogin307A0652":       "AWS::SecretsManager::Secret",
	"DatabaseAccess/InventoryServiceLogin6B412112":         "AWS::SecretsManager::Secret",
	"DatabaseAccess/Key961B73FD":                           "AWS::KMS::Key",
	"DatabaseAccess/LoginRotationLogBB139ABD":              "AWS::Logs::LogGroup",
	"DatabaseAccess/OrdersMigrationLogin23EA6E93":          "AWS::SecretsManager::Secret",
	"DatabaseAccess/OrdersServiceLogin17AC9AC1":            "AWS::SecretsManager::Secret",
	"DatabaseAccess/PaymentsMigrationLogin3A3F39D0":        "AWS::SecretsManager::Secret",
	"DatabaseAccess/PaymentsServiceLoginAEA93872":          "AWS::SecretsManager::Secret",
	"DatabaseAccess/UsersMigrationLogin681443DE":           "AWS::SecretsManager::Secret",
	"DatabaseAccess/UsersServiceLogin7489CF8A":             "AWS::SecretsManager::Secret",
	"Edge/CloudFrontAccessLogs75CD4591":                    "AWS::S3::Bucket",
	"Edge/CloudFrontExperiments726FF182":                   "AWS::CloudFront::KeyValueStore",
	"Edge/FirewallRecordA68A4AD7":                          "AWS::Logs::LogGroup",
	"Edge/Key961B73FD":                                     "AWS::KMS::Key",
	"Edge/OperatorsKeyE687A59E":                            "AWS::KMS::Key",
	"Identity/Key961B73FD":                                 "AWS::KMS::Key",
	"Identity/PeoplePool74375F38":                          "AWS::Cognito::UserPool",
	"Identity/PeopleSignInRecord00359E0E":                  "AWS::S3::Bucket",
	"Infrastructure/AccessLogs8B620ECA":                    "AWS::S3::Bucket",
	"Infrastructure/Artifacts82DD59A1":                     "AWS::S3::Bucket",
	"Infrastructure/CheckLog858EEBAC":                      "AWS::Logs::LogGroup",
	"Infrastructure/CodedeployAlarmsLog2AA71B8D":           "AWS::Logs::LogGroup",
	"Infrastructure/CodedeployDeployLog65F26AA0":           "AWS::Logs::LogGroup",
	"Infrastructure/CodedeployGuardLog7E47B3A9":            "AWS::Logs::LogGroup",
	"Infrastructure/FrugalAlarmsLogBDC8E573":               "AWS::Logs::LogGroup",
	"Infrastructure/FrugalDeployLog91D66BD6":               "AWS::Logs::LogGroup",
	"Infrastructure/FrugalGuardLog74DC2B0C":                "AWS::Logs::LogGroup",
	"Infrastructure/Key961B73FD":                           "AWS::KMS::Key",
	"Infrastructure/ProxyAlarmsLog6B37C8B1":                "AWS::Logs::LogGroup",
	"Infrastructure/ProxyDeployLogE85FFB45":                "AWS::Logs::LogGroup",
	"Infrastructure/ProxyGuardLog411DEC0F":                 "AWS::Logs::LogGroup",
	"Infrastructure/UpdateLog9481D1D2":                     "AWS::Logs::LogGroup",
	"Messaging/CatalogSubscriptionDeadLetters54762873":     "AWS::SQS::Queue",
	"Messaging/CatalogSubscriptionQueue1BE97467":           "AWS::SQS::Queue",
	"Messaging/EventsKey1BC2C457":                          "AWS::KMS::Key",
	"Messaging/InventorySubscriptionDeadLettersB53FEC8F":   "AWS::SQS::Queue",
	"Messaging/InventorySubscriptionQueue9E0120F9":         "AWS::SQS::Queue",
	"Messaging/OrderSubscriptionDeadLettersF36BC7E2":       "AWS::SQS::Queue",
	"Messaging/OrderSubscriptionQueueEED98BB1":             "AWS::SQS::Queue",
	"Messaging/PaymentSubscriptionDeadLetters7BB1E7B1":     "AWS::SQS::Queue",
	"Messaging/PaymentSubscriptionQueue4488D6B6":           "AWS::SQS::Queue",
	"Network/NetworkFlowLogGroup4F8CEEEF":                  "AWS::Logs::LogGroup",
	"Network/NetworkFlowLogKeyF785E5F9":                    "AWS::KMS::Key",
	"Network/NetworkVpc7FB7348F":                           "AWS::EC2::VPC",
	"Network/NetworkVpcPublicSubnet1EIPE0D52090":           "AWS::EC2::EIP",
	"Network/NetworkVpcPublicSubnet2EIP24F41572":           "AWS::EC2::EIP",
	"Network/NetworkVpcPublicSubnet3EIP22F0C93C":           "AWS::EC2::EIP",
	"Notifications/OperatorsKeyE687A59E":                   "AWS::KMS::Key",
	"Observability/CanaryArtefacts32A356B2":                "AWS::S3::Bucket",
	"Registry/CatalogRepositoryB6B9933B":                   "AWS::ECR::Repository",
	"Registry/InventoryRepositoryC87931AA":                 "AWS::ECR::Repository",
	"Registry/Key961B73FD":                                 "AWS::KMS::Key",
	"Registry/OrderRepository0F5BB6F8":                     "AWS::ECR::Repository",
	"Registry/OriginSecret130210CAD":                       "AWS::SecretsManager::Secret",
	"Registry/PaymentProviderSecret1CD70467":               "AWS::SecretsManager::Secret",
	"Registry/PaymentRepository5C3BFF58":                   "AWS::ECR::Repository",
	"Registry/SmsGatewaySecret75297CF9":                    "AWS::SecretsManager::Secret",
	"Registry/UserRepositoryC51F37CB":                      "AWS::ECR::Repository",
	"ReplicaScaler/ReplicaScalerDrainLog9A2920AF":          "AWS::Logs::LogGroup",
	"ReplicaScaler/ReplicaScalerFailures1BC95990":          "AWS::SQS::Queue",
	"ReplicaScaler/ReplicaScalerKey44374188":               "AWS::KMS::Key",
	"ReplicaScaler/ReplicaScalerLogA155ED68":               "AWS::Logs::LogGroup",
	"ServicePipelines/AccessLogs8B620ECA":                  "AWS::S3::Bucket",
	"ServicePipelines/Artifacts82DD59A1":                   "AWS::S3::Bucket",
	"ServicePipelines/CodedeployReleaseLog4188A21A":        "AWS::Logs::LogGroup",
	"ServicePipelines/FrugalReleaseLogB8F1C11E":            "AWS::Logs::LogGroup",
	"ServicePipelines/GateLog14960260":                     "AWS::Logs::LogGroup",
	"ServicePipelines/Key961B73FD":                         "AWS::KMS::Key",
	"ServicePipelines/OrderBuildLog30901864":               "AWS::Logs::LogGroup",
	"ServicePipelines/ProxyReleaseLog935CA57C":             "AWS::Logs::LogGroup",
	"ServicePipelines/UserBuildLog7FDB6042":                "AWS::Logs::LogGroup",
	"Services/CatalogLog18D573FC":                          "AWS::Logs::LogGroup",
	"Services/ClusterKeyB247D7DD":                          "AWS::KMS::Key",
	"Services/FrontAccessLogs3CB9388F":                     "AWS::S3::Bucket",
	"Services/InventoryErpSyncScheduleDeadLetters23D0C125": "AWS::SQS::Queue",
	"Services/InventoryErpSyncScheduleLog21B0FAB9":         "AWS::Logs::LogGroup",
	"Services/InventoryLog3279BE9F":                        "AWS::Logs::LogGroup",
	"Services/OrderLog0330BB01":                            "AWS::Logs::LogGroup",
	"Services/OriginGuardRecord8DAE1140":                   "AWS::Logs::LogGroup",
	"Services/PaymentLog83824B49":                          "AWS::Logs::LogGroup",
	"Services/SmokeTestTryLogD480FAD7":                     "AWS::Logs::LogGroup",
	"Services/UserLogEB328A5C":                             "AWS::Logs::LogGroup",
	"Storage/AccessLogs8B620ECA":                           "AWS::S3::Bucket",
	"Storage/Assets9A31D427":                               "AWS::S3::Bucket",
}

func TestStatefulResourcesKeepTheirLogicalIds(t *testing.T) {
	unseen := map[string]bool{}
	for id := range pinned {
		unseen[id] = true
	}
	for _, a := range synthesized(t).assemblies {
		// Pipelines are those of the tests: an adopter's services and environments have other names.
		if a.shipped == a.pipelines {
			continue
		}
		for _, r := range a.all(append(addressed, data...)...) {
			delete(unseen, r.key())
			if pinned[r.key()] == r.kind {
				continue
			}
			t.Errorf("%s: %s (%s) is not pinned. If it is new, pin it. If it was called something else before, this would "+
				"replace it: what it holds would be gone, or kept where nobody looks", a.environment.Name, r.key(), r.kind)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(unseen)) {
		t.Errorf("%s (%s) is in no template any more: this would delete it, or replace it under another id", id, pinned[id])
	}
}
