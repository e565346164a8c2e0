package test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const coverageFile = "../docs/coverage.md"

// coverageRow is one requirement of the two systems that Peakline reproduces.
type coverageRow struct {
	id, what string
	// by are the files that provide it; empty for what is not built yet.
	by []string
	// tests are the tests beside those on templates, by package.
	tests map[string][]string
	// missing says what is not there yet of a row that is partly built.
	missing string
}

// built tells whether there is anything to prove.
func (r coverageRow) built() bool { return len(r.by) > 0 }

func (r coverageRow) state() string {
	switch {
	case !r.built():
		return "not yet"
	case r.missing != "":
		return "partly"
	default:
		return "yes"
	}
}

var coverageRows = []coverageRow{
	{id: "N1", what: "VPC over three zones: public, private and isolated subnets, NAT by configuration", by: []string{"constructs/network.go"}},
	{id: "N2", what: "VPC endpoints by configuration", by: []string{"constructs/network.go"}},
	{id: "N3", what: "Flow logs", by: []string{"constructs/network.go", "constructs/log_group.go"}},
	{id: "N4", what: "Security groups in a chain, nothing open but the load balancer", by: []string{"constructs/security_groups.go"}},
	{id: "D1", what: "Aurora PostgreSQL: a writer and readers in different zones, provisioned or Serverless v2 by role", by: []string{"constructs/aurora_cluster.go"}},
	{id: "D2", what: "Automatic failover in a chosen order, told to operators", by: []string{"constructs/aurora_cluster.go"}},
	{id: "D3", what: "Point-in-time recovery, backups in a locked vault, copies elsewhere, deletion protection", by: []string{"constructs/backup_plan.go", "constructs/backup_vault.go", "stacks/backup_copy.go"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestASafetyIsSwitchedOffOnlyForAReason"}}},
	{id: "D4", what: "Parameters: TLS, durable commits, logical replication, slow-query log, statement statistics", by: []string{"constructs/database_parameters.go"}},
	{id: "D5", what: "Database Insights, enhanced monitoring, exported logs", by: []string{"constructs/aurora_cluster.go"}},
	{id: "D6", what: "Credentials in Secrets Manager, rotated without a failed connection; IAM authentication", by: []string{"constructs/secret_rotation.go", "constructs/database_login.go", "lambda/internal/rotation/rotation.go", "lambda/internal/rotation/schema.go"},
		tests: map[string][]string{"lambda/internal/rotation": {"TestRotationOfARealDatabase", "TestLoginsToSchemasOfARealDatabase", "TestTagsDecideWhatASecretMayAskFor",
			"TestAValueThatGoesBeyondItsTagsIsRefused", "TestRolesAlternateOnlyWithAMaster", "TestASecretThatCannotBeRotatedSaysWhyAndKeepsItsPassword"},
			"test/e2e": {"TestLocal"}}},
	{id: "D7", what: "Connection pooling: PgBouncer in each task, or RDS Proxy", by: []string{"constructs/pooler.go", "lambda/pooler/configuration.go", "lambda/pooler/start.sh", "constructs/rds_proxy.go", "constructs/rds_proxy_alarms.go", "config/pooler.go", "docs/connect-to-the-database.md"},
		tests: map[string][]string{
			"config":                   {"TestRulesBetweenValues", "TestAProxyLeavesEachInstanceWhatDoesNotComeThroughIt"},
			"lambda/internal/rotation": {"TestRotationOfARealDatabase", "TestLoginsToSchemasOfARealDatabase", "TestALoginOfAProxyKeepsItsRole"},
			"lambda/pooler":            {"TestNobodyButTheTaskReachesThePooler", "TestATaskIsReplacedWhileItsLoginWorks"},
			"test":                     {"TestTheImageOfThePoolerIsOneThatItsSettingsAreFor"},
			"test/e2e":                 {"TestServices", "TestRDSProxy"},
			"test/pgbouncer":           {"TestAPoolInFrontOfACluster"},
		}},
	{id: "D8", what: "Read/write routing with a staleness bound", by: []string{"constructs/pooler.go", "constructs/rds_proxy.go", "config/service_database.go", "docs/connect-to-the-database.md", "docs/service-contract.md"},
		tests:   map[string][]string{"test/pgbouncer": {"TestAPoolInFrontOfACluster"}, "test/e2e": {"TestServices"}},
		missing: "no transparent query router, see docs/adr/0013-no-transparent-router.md"},
	{id: "D9", what: "Multi-AZ RDS for PostgreSQL as the alternative to Aurora", by: []string{"constructs/multi_az_cluster.go", "constructs/multi_az_alarms.go", "config/multi_az.go", "docs/database-engines.md"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestFamiliesOfTwoEnginesAgree"}, "test/e2e": {"TestMultiAZ"}}},
	{id: "D10", what: "Engine upgrades without a maintenance window", by: []string{"docs/engine-upgrades.md", "config/engine_upgrade.go", "constructs/aurora_cluster.go", "constructs/secret_rotation.go", "docs/adr/0004-master-credentials.md"},
		tests: map[string][]string{"config": {"TestAVersionIsWarnedOfHalfAYearBeforeItsEnd", "TestSupportEndsWithItsLastDay", "TestRulesBetweenValues"}}},
	{id: "L1", what: "The number of Aurora readers follows CPU and lag", by: []string{"constructs/replica_scaler.go", "lambda/decision/decision.go", "constructs/target_tracking.go"},
		tests: map[string][]string{"lambda/decision": {"TestEdgeCases", "TestAFivefoldStepIsAnsweredAndGivenBack"}, "lambda/internal/handler": {"TestLoadBringsReadersAndItsEndTakesThemAway", "TestAQuietTickMakesAtMostSixCalls"}}},
	{id: "L2", what: "Scheduled floors for planned events", by: []string{"config/events.go", "lambda/decision/policy.go"},
		tests: map[string][]string{"config": {"TestTheCalendarReachesThePolicyAsInstants"}, "lambda/decision": {"TestEdgeCases"}}},
	{id: "L3", what: "The scaler never harms: owns only what it created, safe under duplicates, failures, failover", by: []string{"constructs/replica_scaler_permissions.go", "constructs/replica_scaler.go"},
		tests: map[string][]string{"lambda/decision": {"TestNoDecisionIsUnsafe", "TestSoak"}, "lambda/internal/handler": {"TestDeletingTheStackRemovesTheScalersReadersAndNoOther", "TestADrainNeverDeletesAReaderThatBecameTheWriter"}}},
	{id: "L4", what: "It explains each decision; dry run; pause, resume and floor without a deployment", by: []string{"cmd/peakline/internal/scaler/command.go", "lambda/decision/reasons.go"},
		tests: map[string][]string{"lambda/internal/handler": {"TestDryRunWritesNothing", "TestEveryRunWritesOneLineWithItsMetrics"}, "lambda/decision": {"TestEveryReasonIsExplainedAndDocumented"}}},
	{id: "L5", what: "Traces are replayed offline through the same code, against AWS's target tracking", by: []string{"cmd/peakline/internal/replay/command.go", "cmd/peakline/internal/simulator/plant.go"},
		tests: map[string][]string{"cmd/peakline/internal/replay": {"TestTableNamesEveryPolicy", "TestJSONKeepsItsContract"}, "cmd/peakline/internal/simulator": {"TestTargetTrackingStepByStep", "TestTheOracleAsksALeadAheadOfTheLoad", "TestTheSameSeedMeetsTheSameLuck"}}},
	{id: "C1", what: "ElastiCache replication groups for sessions, products and rate limits", by: []string{"constructs/cache.go", "constructs/cache_purposes.go", "constructs/cache_user.go", "constructs/cache_rotation.go", "config/cache.go"},
		tests: map[string][]string{
			"config":                        {"TestRulesBetweenValues", "TestASafetyIsSwitchedOffOnlyForAReason"},
			"lambda/internal/cachepassword": {"TestARotationLeavesTheLastPasswordGood"},
			"test":                          {"TestALiveSessionIsNeverEvicted", "TestAFullProductCacheKeepsWhatIsReadOften", "TestCountersThatEndSoonestGoFirst", "TestAServiceMayUseItsOwnKeysOnly", "TestNobodyIsTheDefaultUser"},
		}},
	{id: "C2", what: "Cache alarms", by: []string{"constructs/cache_alarms.go", "docs/runbooks"}},
	{id: "S1", what: "A catalogue of services in configuration", by: []string{"config/services.go", "config/services.yaml", "stacks/services.go"},
		tests: map[string][]string{"test/e2e": {"TestServices"}}},
	{id: "S2", what: "ECS on Fargate behind an ALB, routed by path", by: []string{"constructs/service.go", "constructs/service_traffic.go", "constructs/service_task.go", "constructs/load_balancer.go", "constructs/internal_load_balancer.go", "constructs/service_cluster.go"},
		tests: map[string][]string{"test/e2e": {"TestServices"}}},
	{id: "S3", what: "Autoscaling of services that deployments never reset", by: []string{"constructs/service_scaling.go", "config/task_floors.go"},
		tests: map[string][]string{"test/e2e": {"TestServices"}}},
	{id: "S4", what: "Calls between services and domain events", by: []string{"config/service_calls.go", "constructs/internal_load_balancer.go", "constructs/event_bus.go", "stacks/messaging.go"},
		tests: map[string][]string{"test/e2e": {"TestServices"}}},
	{id: "S5", what: "Scheduled jobs", by: []string{"constructs/task_schedule.go"},
		tests: map[string][]string{"test/e2e": {"TestServices"}}},
	{id: "S6", what: "Third parties' secrets reach only the service that names them", by: []string{"constructs/third_party_secret.go", "stacks/registry.go"}},
	{id: "S7", what: "Tracing to X-Ray", by: []string{"constructs/collector.go", "constructs/collector.yaml", "constructs/sidecar.go", "constructs/trace_rules.go", "constructs/transaction_search.go", "config/tracing.go", "config/sidecars.go"},
		tests: map[string][]string{
			"config":         {"TestRulesBetweenValues", "TestOneEnvironmentOfAnAccountSwitchesTransactionSearchOn"},
			"test/collector": {"TestASpanReachesXRay", "TestTheLastSpansAreSentBeforeTheEnd", "TestSpansThatAreLostAreLogged", "TestNobodyOutsideTheTaskReachesTheCollector"},
			"test/e2e":       {"TestServices"},
		}},
	{id: "S8", what: "Feature flags", by: []string{"constructs/feature_flags.go", "constructs/flag_agent.go", "config/feature_flags.go", "config/services.yaml", "cmd/peakline/internal/flags/command.go"},
		tests: map[string][]string{
			"config":                      {"TestRulesBetweenValues"},
			"cmd/peakline/internal/flags": {"TestAValueThatAnOperatorMovedIsNeverWrittenBack", "TestAnIncidentsSwitchOutlivesTheNextSync", "TestAVersionThatWasTakenBackIsNotTheOneToBeginWith", "TestAFlagIsMovedWithinItsBounds"},
			"test/e2e":                    {"TestServices"},
		}},
	{id: "S9", what: "Image repositories and the released image of each service", by: []string{"constructs/image_repository.go", "constructs/released_image.go", "constructs/third_party_images.go", "constructs/release_access.go"}},
	{id: "S10", what: "WebSocket-safe time-outs and draining", by: []string{"constructs/service.go", "constructs/load_balancer.go"}},
	{id: "E1", what: "Asset bucket: versioned, private, logged, TLS only; replaced files archived, current ones never", by: []string{"constructs/asset_bucket.go", "constructs/log_bucket.go", "stacks/storage.go"},
		tests: map[string][]string{"test/e2e": {"TestLocal"}}},
	{id: "E2", what: "CloudFront: pages and assets from S3, the API from the load balancer, which answers nobody else; sorry page, headers, logs", by: []string{"constructs/edge.go", "constructs/edge_policies.go", "constructs/edge_log.go", "constructs/sorry_page.go", "constructs/origin_guard.go", "constructs/origin_secret.go", "constructs/edge_alarms.go", "stacks/edge.go", "config/edge.go"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues"}, "test/e2e": {"TestEdge"}, "test/browser": {"TestWhatVisitorsSee"}}},
	{id: "E3", what: "Edge function with A/B weights that change without a deployment", by: []string{"lambda/edge/viewer.js", "constructs/edge_function.go", "cmd/peakline/internal/edge/command.go"},
		tests: map[string][]string{"lambda/edge": {"TestTheShippedFunctions", "TestTheFunctionsFitIntoCloudFront"}, "cmd/peakline/internal/edge": {"TestWeightsAreSetShownAndRemoved", "TestAWriteOfSomebodyElseIsNotOverwritten"}}},
	{id: "E4", what: "Web application firewall at the edge, or at a public load balancer: managed rules, rate limits, lists, count then block", by: []string{"constructs/web_acl.go", "constructs/web_acl_record.go", "constructs/firewall_alarms.go", "stacks/firewall.go", "config/firewall.go"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestASafetyIsSwitchedOffOnlyForAReason"}, "test/e2e": {"TestEdge"}}},
	{id: "E5", what: "Records of the shop's names, HTTP to HTTPS, certificates watched", by: []string{"constructs/alias_records.go", "constructs/certificate_alarm.go", "stacks/edge.go"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues"}, "test/e2e": {"TestEdge"}}},
	{id: "I1", what: "Cognito user pool: sign-in pages, clients for the web and the app, social providers, second factor, threat protection; a sign-in at the load balancer per path, by a third client with a secret",
		by:    []string{"constructs/user_pool.go", "constructs/user_pool_client.go", "constructs/user_pool_key.go", "constructs/social_provider.go", "constructs/sign_in_record.go", "constructs/user_pool_alarms.go", "config/identity.go", "stacks/identity.go", "lambda/contract/identity.go", "constructs/service_sign_in.go", "config/service_sign_in.go", "docs/service-contract.md"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestASafetyIsSwitchedOffOnlyForAReason"}, "test/e2e": {"TestLocal", "TestEdge"}}},
	{id: "P1", what: "Pipelines from GitHub: of the platform, and of each service with its tests, an image for arm64, its weight, its scan and its list of parts", by: []string{"stacks/delivery.go", "stacks/service_pipelines.go", "constructs/pipeline.go", "constructs/build_project.go", "constructs/artifact_bucket.go", "constructs/buildspecs", "cmd/peakline/internal/image/command.go", "config/delivery.go"},
		tests: map[string][]string{
			"config":                      {"TestTheShippedPipelinesAreValid", "TestWhatThePipelinesFileLeavesOut", "TestMistakesOfThePipelinesFile", "FuzzDelivery"},
			"cmd/peakline/internal/image": {"TestAnImageIsCheckedBeforeItIsReleased", "TestTheGateWaitsForTheScan", "TestAFindingStopsAnImageUnlessAWaiverLetsItPass", "TestAnAccountAnswers"},
			"test":                        {"TestAServiceIsTestedBuiltAndPushed", "TestTheGateStopsAnImage"},
			"test/e2e":                    {"TestDelivery"},
		}},
	{id: "P2", what: "Reviewed deployment per environment, with a guard over stateful resources", by: []string{"stacks/delivery.go", "stacks/service_pipelines.go", "constructs/buildspecs/guard.yml", "constructs/buildspecs/deploy.yml", "cmd/peakline/internal/diff/deployed.go"},
		tests: map[string][]string{"cmd/peakline/internal/diff": {"TestAnAssemblyIsComparedWithWhatIsDeployed"}, "test": {"TestTheGuardEndsAnExecution"}}},
	{id: "P3", what: "Database migrations before traffic shifts", by: []string{"constructs/migration.go", "lambda/internal/migration/migration.go", "lambda/internal/migration/hook.go", "config/release.go", "cmd/peakline/internal/migrations/rules.go", "docs/releases.md", "docs/migrations.md"},
		tests: map[string][]string{
			"config":                           {"TestRulesBetweenValues"},
			"lambda/internal/migration":        {"TestAReleaseUnderECSWaitsForItsMigration", "TestAReleaseUnderCodeDeployWaitsForItsMigration", "TestACallThatIsRepeatedStartsNoSecondMigration"},
			"cmd/peakline/internal/release":    {"TestCodeDeployIsToldTheRevisionAndWhatTriesIt"},
			"cmd/peakline/internal/migrations": {"TestLint", "TestTheRulesHoldInPostgreSQL", "TestPostgreSQLRefusesConcurrentlyInATransaction", "TestAnIndexThatCouldNotBeBuiltStaysInvalid", "TestAFirstLockIsHeldForTheTimeOfAllStatements", "FuzzLint"},
			"lambda/internal/rotation":         {"TestLoginsToSchemasOfARealDatabase"},
			"test/e2e":                         {"TestServices", "TestReleases"},
		}},
	{id: "P4", what: "Blue/green per service: a smoke test before the shift, at once, canary or linear, bake time", by: []string{"constructs/service.go", "constructs/service_traffic.go", "constructs/codedeploy.go", "constructs/smoketest.go", "lambda/internal/smoketest/hook.go", "lambda/internal/smoketest/codedeploy.go", "config/release.go", "docs/releases.md"},
		tests: map[string][]string{
			"config":                    {"TestRulesBetweenValues", "TestTheFirstPathIsTriedWhereNoneIsNamed"},
			"lambda/internal/smoketest": {"TestAReleaseIsTried", "TestEveryRequestIsMade", "TestALoadBalancerMayTakeItsTime", "TestAReleaseThatHangsIsToldOfBeforeTheFunctionEnds", "TestCodeDeployIsToldHowAReleaseDid"},
			"test/e2e":                  {"TestServices", "TestReleases"},
		}},
	{id: "P5", what: "Automatic rollback on alarms", by: []string{"constructs/release_alarms.go", "constructs/service.go", "constructs/codedeploy.go", "cmd/peakline/internal/release/release.go", "constructs/buildspecs/alarms.yml", "docs/releases.md"},
		tests: map[string][]string{
			"cmd/peakline/internal/release": {"TestAReleaseIsRecordedOnlyAfterItSucceeded", "TestAReleaseIsTakenBack", "TestCodeDeployIsToldTheRevisionAndWhatTriesIt", "TestADeploymentDoesNotStartWhileAReleaseAlarmFires"},
			"test/e2e":                      {"TestServices", "TestReleases"},
		}},
	{id: "P6", what: "Promotion across accounts, of the platform and of images", by: []string{"stacks/delivery.go", "stacks/service_pipelines.go", "constructs/release_access.go", "constructs/buildspecs/release.yml", "config/delivery.yaml", "config/places.go"},
		tests: map[string][]string{
			"cmd/peakline/internal/image": {"TestACopyIsTheVeryImage"},
			"test":                        {"TestEveryStackStandsWhereThePipelineMayDeployIt", "TestAReleaseBringsItsImageFirst"},
		}},
	{id: "O1", what: "Dashboards: an overview, sale days, and a page for each capability", by: []string{"constructs/dashboard.go", "constructs/overview.go", "constructs/database_dashboard.go", "constructs/service_dashboard.go", "constructs/cache_dashboard.go", "constructs/edge_dashboard.go", "constructs/event_bus.go", "stacks/observability.go", "docs/observability.md"},
		tests: map[string][]string{"test": {"TestThePictureOfTheOverview"}, "test/e2e": {"TestLocal"}}},
	{id: "O2", what: "Alarms with severity, owner, action and runbook", by: []string{"constructs/alarm.go", "constructs/storm.go", "constructs/notifications.go", "constructs/chat.go", "config/owners.go", "test/cloudwatch/catalogue.go", "test/samples_test.go", "docs/runbooks", "docs/automated-responses.md"},
		tests: map[string][]string{"test": {"TestRunbooksAreThoseOfTheAlarms", "TestLinksOfDocumentsResolve"}, "test/cloudwatch": {"TestAWSsOwnExamples", "TestExpressions", "TestWhatIsPublishedIsFound"}, "test/e2e": {"TestLocal"}}},
	{id: "O3", what: "Objectives with alarms of how fast their budget goes; a latency budget for each service", by: []string{"constructs/objectives.go", "constructs/burn_rate_alarms.go", "constructs/service_latency_alarm.go", "config/slos.go", "docs/observability.md"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues"}, "test": {"TestTheBudgetOfAShopThatIsDown"}}},
	{id: "O4", what: "Synthetic canary, service map, metric filters, saved queries", by: []string{"constructs/canary.go", "lambda/canary/walk.js", "config/canary.go", "constructs/service_events.go", "constructs/trace_rules.go", "lambda/contract/shop.go", "docs/service-contract.md"},
		tests: map[string][]string{"lambda/canary": {"TestTheWalk"}, "test": {"TestLinesOfTheContractAreCounted"}, "test/logfilter": {"TestPatterns"}}},
	{id: "O5", what: "Budgets and unusual costs", by: []string{"constructs/budget.go", "config/budget.go", "stacks/observability.go", "docs/configuration.md"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestOneEnvironmentOfAnAccountMakesTheMonitorOfUnusualCosts"}}},
	{id: "Z1", what: "Failover drill"},
	{id: "Z2", what: "Restore rehearsal"},
	{id: "Z3", what: "Event calendar that raises every floor", by: []string{"config/events.go", "config/task_floors.go", "constructs/service_scaling.go", "docs/configuration.md"},
		tests: map[string][]string{
			"config":   {"TestTheCalendarReachesThePolicyAsInstants", "TestTheCalendarReachesServicesAsFloors"},
			"test/e2e": {"TestServices"},
		},
		missing: "capacity units and caches. At a set time only a schedule that calls ModifyDBCluster would move the minimum of capacity units, and AWS refuses to make one whose time is past, so that a deployment during the event could fail; AWS schedules replicas of caches in cluster mode only, which not every client library can use"},
	{id: "Z4", what: "Load test at 10x"},
	{id: "M1", what: "DMS full load and change data capture"},
	{id: "M2", what: "Dual writes and reverse replication"},
	{id: "M3", what: "Progressive shift of traffic"},
	{id: "M4", what: "Migration runbook with every step back"},
	{id: "U1", what: "One validated file per environment, every mistake at once", by: []string{"config/load.go", "config/environment.schema.json", "docs/configuration.md"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestEveryRuleHasACase", "TestLoadAllReportsEveryFileAndLoadOnlyItsOwn", "FuzzLoad"}}},
	{id: "U2", what: "Semantic diff", by: []string{"cmd/peakline/internal/diff/compare.go", "config/waivers.go"},
		tests: map[string][]string{"cmd/peakline/internal/diff": {"TestPairsOfTemplates", "TestDangerousChangesExitWithThree", "TestAWaiverLetsOneChangePassUntilItsDay", "TestTheTableOfTypesIsThatOfThePackage"}}},
	{id: "U3", what: "Monthly cost"},
	{id: "U4", what: "Connection budget", by: []string{"config/connection_budget.go", "config/connections.go"},
		tests: map[string][]string{"config": {"TestRulesBetweenValues", "TestTheBudgetCountsTheWorstHour", "TestAServerlessInstanceIsJudgedAtItsSmallest"}}},
	{id: "U5", what: "Inventory and diagram"},
	{id: "U6", what: "Preflight and teardown"},
}

// TestCoverageIsTrue fails when docs/coverage.md claims what nothing provides or proves. The assertions it lists run in
// TestRequirements, and TestMutate puts them to the test.
func TestCoverageIsTrue(t *testing.T) {
	known := map[string]bool{"": true}
	for _, row := range coverageRows {
		known[row.id] = true
		for _, file := range row.by {
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s is said to be provided by %s, which does not exist", row.id, file)
			}
		}
		assertions := assertionsOf(row.id)
		if row.built() && len(assertions) == 0 && len(row.tests) == 0 {
			t.Errorf("%s is said to be there, and no test proves it", row.id)
		}
		if !row.built() && len(assertions)+len(row.tests)+len(row.missing) > 0 {
			t.Errorf("%s is said not to be there yet, but has tests: say what provides it", row.id)
		}
		for folder, names := range row.tests {
			written := testsIn(t, folder)
			for _, name := range names {
				if !slices.Contains(written, name) {
					t.Errorf("%s is said to be proven by %s in %s, which does not exist", row.id, name, folder)
				}
			}
		}
	}
	for _, r := range requirements() {
		if !known[r.row] {
			t.Errorf("%s: there is no row %s", r.name, r.row)
		}
	}
	if *update {
		if err := os.WriteFile(coverageFile, coverage(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if written, err := os.ReadFile(coverageFile); err != nil || !bytes.Equal(written, coverage()) {
		t.Errorf("docs/coverage.md is not what the tests say (%v): `make golden` writes it", err)
	}
}

// coverage writes the page.
func coverage() []byte {
	var page bytes.Buffer
	count := map[string]int{}
	for _, row := range coverageRows {
		count[row.state()]++
	}
	fmt.Fprintf(&page, `# What is there, and what proves it

Generated by `+"`make golden`"+` from the tests' own tables; a test fails when this page is stale or claims too much.
Of %d requirements %d are met, %d in part, and %d are not built yet.

An assertion on templates runs against every shipped environment and the variants in `+"`test/variants`"+`. `+"`make mutate`"+`
breaks the templates, one property at a time, and fails when no assertion of the row notices.

| row | what | there | provided by |
|---|---|---|---|
`, len(coverageRows), count["yes"], count["partly"], count["not yet"])
	for _, row := range coverageRows {
		fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", linked(row), row.what, row.state(), providers(row))
	}
	for _, row := range coverageRows {
		if row.built() {
			writeProof(&page, row)
		}
	}
	fmt.Fprintf(&page, "\n## Every template\n\nWhat holds of every resource of every stack, those to come included:\n\n")
	for _, name := range assertionsOf("") {
		fmt.Fprintf(&page, "- %s\n", name)
	}
	fmt.Fprintf(&page, "\n%d mutations put these to the test. cdk-nag's AwsSolutions pack, the CDK's own validation and cfn-lint have no finding.\n", mutationsOf(""))
	return page.Bytes()
}

func writeProof(page *bytes.Buffer, row coverageRow) {
	fmt.Fprintf(page, "\n## %s\n\n%s.\n\n", row.id, row.what)
	if row.missing != "" {
		fmt.Fprintf(page, "Not yet: %s.\n\n", row.missing)
	}
	for _, name := range assertionsOf(row.id) {
		fmt.Fprintf(page, "- %s\n", name)
	}
	for _, folder := range slices.Sorted(maps.Keys(row.tests)) {
		fmt.Fprintf(page, "- %s: `%s`\n", folder, strings.Join(row.tests[folder], "`, `"))
	}
	if count := mutationsOf(row.id); count > 0 {
		fmt.Fprintf(page, "\n%d mutations put these to the test, of %s.\n", count, strings.Join(typesOf(row.id), ", "))
	}
}

func linked(row coverageRow) string {
	if !row.built() {
		return row.id
	}
	return fmt.Sprintf("[%s](#%s)", row.id, strings.ToLower(row.id))
}

func providers(row coverageRow) string {
	links := make([]string, len(row.by))
	for i, file := range row.by {
		links[i] = fmt.Sprintf("[%s](../%s)", file, file)
	}
	return strings.Join(links, ", ")
}

func assertionsOf(row string) []string {
	var names []string
	for _, r := range requirements() {
		if r.row == row {
			names = append(names, r.name)
		}
	}
	return names
}

func mutationsOf(row string) int {
	count := 0
	for _, m := range mutations {
		if m.row == row {
			count++
		}
	}
	return count
}

// typesOf are the resource types that a row rests on: those that its mutations break.
func typesOf(row string) []string {
	var types []string
	for _, m := range mutations {
		if m.row == row && !slices.Contains(types, m.of) {
			types = append(types, m.of)
		}
	}
	slices.Sort(types)
	return types
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// testsIn lists the tests of a package by reading its source.
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range testFunction.FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}
