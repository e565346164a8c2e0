package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"peakline/config"
	"peakline/lambda/canary"
)

func walked(e config.Environment) bool { return e.Canary.Enabled }

var canaryRequirements = []requirement{
	{row: "O4", name: "a canary walks from outside through the edge: the shop's own name, the steps of the file, no VPC",
		where: walked,
		check: func(a *assembly, fail failure) {
			canaries := a.all("AWS::Synthetics::Canary")
			if len(canaries) != 1 {
				fail("there are %d canaries, want one", len(canaries))
				return
			}
			it := canaries[0]
			var settings canary.Settings
			if err := json.Unmarshal([]byte(a.resolve(it.stack, it.get("RunConfig/EnvironmentVariables/"+canary.EnvWalk))), &settings); err != nil {
				fail("%s cannot read its walk: %v", it, err)
			}
			if settings.URL != a.environment.ShopURL() || !strings.HasPrefix(settings.URL, "https://") || settings.Environment != a.environment.Name {
				fail("%s walks through %q of %q, want %s", it, settings.URL, settings.Environment, a.environment.ShopURL())
			}
			var steps []canary.Step
			for _, step := range a.environment.Canary.Steps {
				steps = append(steps, canary.Step(step))
			}
			if !slices.EqualFunc(settings.Steps, steps, func(x, y canary.Step) bool { return fmt.Sprint(x) == fmt.Sprint(y) }) || len(steps) == 0 {
				fail("%s walks %v, want %v", it, settings.Steps, steps)
			}
			if it.get("VPCConfig") != nil || it.get("VpcConfig") != nil {
				fail("%s is inside a VPC: it would not meet what visitors meet", it)
			}
			if it.get("Code/Script") != canary.Walk || it.text("Code/Handler") != "index.handler" || it.text("RuntimeVersion") != "syn-nodejs-4.1" {
				fail("%s runs another script, by %q on %q", it, it.text("Code/Handler"), it.text("RuntimeVersion"))
			}
			minutes := a.environment.Canary.EveryMinutes
			if want := map[bool]string{true: "rate(1 minute)", false: fmt.Sprintf("rate(%d minutes)", minutes)}[minutes == 1]; it.text("Schedule/Expression") != want || it.get("StartCanaryAfterCreation") != true {
				fail("%s walks %q, want %q from the first deployment on", it, it.text("Schedule/Expression"), want)
			}
			if timeout := it.number("RunConfig/TimeoutInSeconds"); timeout < 30 || timeout > float64(60*minutes) {
				fail("%s may take %v s, which is too short to walk, or until the next walk", it, timeout)
			}
		}},
	{row: "O4", name: "there is no canary where none is wanted",
		where: func(e config.Environment) bool { return !walked(e) },
		check: func(a *assembly, fail failure) {
			for _, it := range a.all("AWS::Synthetics::Canary") {
				fail("%s walks, and costs", it)
			}
		}},
	{row: "O4", name: "the canary writes its record into a bucket of its own, which expires, and metrics of its namespace; it may do nothing else, not even keep a log for ever",
		where: walked,
		check: func(a *assembly, fail failure) {
			it := a.all("AWS::Synthetics::Canary")[0]
			if location := a.resolve(it.stack, it.get("ArtifactS3Location")); !strings.HasPrefix(location, "s3://"+it.stack.id+"/") {
				fail("%s writes to %s", it, location)
			}
			if it.text("ArtifactConfig/S3Encryption/EncryptionMode") != "SSE_S3" || it.text("ProvisionedResourceCleanup") != "AUTOMATIC" {
				fail("%s leaves its record in the clear, or its function behind", it)
			}
			for _, bucket := range a.all("AWS::S3::Bucket") {
				if strings.Contains(bucket.path(), "/Canary/Artefacts/") && bucket.number("LifecycleConfiguration/Rules/0/ExpirationInDays") != 30 {
					fail("%s keeps the record of walks for another time than 30 days", bucket)
				}
			}
			role := a.target(it, "ExecutionRoleArn")
			var allowed []string
			for _, policy := range a.all("AWS::IAM::Policy") {
				if !slices.ContainsFunc(policy.list("Roles"), func(r any) bool { return a.targetOf(policy.stack, r).is(role) }) {
					continue
				}
				for _, s := range statementsOf(policy, policy.get("PolicyDocument")) {
					allowed = append(allowed, s.actions()...)
					if slices.Contains(s.actions(), "cloudwatch:PutMetricData") && dig(s.condition(), "StringEquals/cloudwatch:namespace") != "CloudWatchSynthetics" {
						fail("%s may write any metric: alarms could be silenced", policy)
					}
				}
			}
			slices.Sort(allowed)
			if want := []string{"cloudwatch:PutMetricData", "s3:GetBucketLocation", "s3:ListAllMyBuckets", "s3:PutObject"}; !slices.Equal(allowed, want) {
				fail("%s may %v, want %v", role, allowed, want)
			}
		}},
	{row: "O4", name: "somebody is told when the walk fails twice, or when nobody walks",
		where: walked,
		check: func(a *assembly, fail failure) {
			alarm, it := a.alarm("canary-failed"), a.all("AWS::Synthetics::Canary")[0]
			m := metricsOf(alarm)[0]
			if m.namespace != "CloudWatchSynthetics" || m.name != "SuccessPercent" || m.dimensions["CanaryName"] != it.text("Name") || m.period != 60*a.environment.Canary.EveryMinutes {
				fail("%s reads %v, want each walk of %s", alarm, m, it)
			}
			if alarm.text("TreatMissingData") != "breaching" || alarm.number("Threshold") != 100 || alarm.text("ComparisonOperator") != "LessThanThreshold" || alarm.number("DatapointsToAlarm") != 2 {
				fail("%s does not tell of two failed walks, or of none at all", alarm)
			}
		}},
}

var budgetRequirements = []requirement{
	{row: "O5", name: "a month's budget holds the costs of this environment's tag, and tells when they come near it, reach it, or are expected to",
		where: func(e config.Environment) bool { return e.Budget.MonthlyUSD > 0 },
		check: func(a *assembly, fail failure) {
			budgets := a.all("AWS::Budgets::Budget")
			if len(budgets) != 1 {
				fail("there are %d budgets, want one", len(budgets))
				return
			}
			budget, name := budgets[0], a.environment.Name
			for path, want := range map[string]any{
				"Budget/BudgetType": "COST", "Budget/TimeUnit": "MONTHLY", "Budget/BudgetLimit/Unit": "USD",
				"Budget/BudgetLimit/Amount":        float64(a.environment.Budget.MonthlyUSD),
				"Budget/CostFilters/TagKeyValue/0": "user:peakline:environment$" + name, "Budget/CostFilters/TagKeyValue/1": nil,
			} {
				if budget.get(path) != want {
					fail("%s has %s=%v, want %v: it would count another environment's costs, or none", budget, path, budget.get(path), want)
				}
			}
			if name := budget.text("Budget/BudgetName"); name != "" {
				fail("%s is called %s: another topic replaces it, and the deployment would fail because the name is taken", budget, name)
			}
			told := map[string]bool{}
			for _, each := range budget.list("NotificationsWithSubscribers") {
				told[fmt.Sprint(dig(each, "Notification/NotificationType"), dig(each, "Notification/Threshold"), dig(each, "Notification/ThresholdType"))] =
					a.topicOf(budget.stack, dig(each, "Subscribers/0/Address")) == "warning" && dig(each, "Subscribers/0/SubscriptionType") == "SNS" && dig(each, "Notification/ComparisonOperator") == "GREATER_THAN"
			}
			for _, want := range []string{"ACTUAL80PERCENTAGE", "ACTUAL100PERCENTAGE", "FORECASTED100PERCENTAGE"} {
				if !told[want] {
					fail("%s does not tell operators of %s", budget, want)
				}
			}
		}},
	{row: "O5", name: "unusual costs of AWS services are told from the amount that the file says, by the one monitor that the account has",
		where: func(e config.Environment) bool { return e.Budget.AnomalyUSD > 0 },
		check: func(a *assembly, fail failure) {
			subscriptions, monitors := a.all("AWS::CE::AnomalySubscription"), a.all("AWS::CE::AnomalyMonitor")
			if len(subscriptions) != 1 {
				fail("there are %d subscriptions to unusual costs, want one", len(subscriptions))
				return
			}
			subscription := subscriptions[0]
			if arn := a.environment.Budget.AnomalyMonitorARN; arn != "" {
				if len(monitors) > 0 || subscription.get("MonitorArnList/0") != arn {
					fail("%s asks %v, want the account's %s", subscription, subscription.get("MonitorArnList"), arn)
				}
			} else if len(monitors) != 1 || !a.target(subscription, "MonitorArnList/0").is(monitors[0]) || monitors[0].text("MonitorType") != "DIMENSIONAL" || monitors[0].text("MonitorDimension") != "SERVICE" {
				fail("%s asks no monitor of AWS services: %v", subscription, monitors)
			}
			for _, r := range append(monitors, subscription) {
				if r.isSet("ResourceTags") {
					fail("%s has tags: CloudFormation replaces it when one changes, and AWS refuses a second monitor", r)
				}
			}
			if a.topicOf(subscription.stack, subscription.get("Subscribers/0/Address")) != "warning" || subscription.text("Subscribers/0/Type") != "SNS" || subscription.text("Frequency") != "IMMEDIATE" {
				fail("%s tells nobody", subscription)
			}
			if want := fmt.Sprintf(`"Key":"ANOMALY_TOTAL_IMPACT_ABSOLUTE","MatchOptions":["GREATER_THAN_OR_EQUAL"],"Values":["%d"]`, a.environment.Budget.AnomalyUSD); !strings.Contains(subscription.text("ThresholdExpression"), want) {
				fail("%s tells from %s on, want %s", subscription, subscription.text("ThresholdExpression"), want)
			}
		}},
	{row: "O5", name: "AWS may tell of costs by the topics of the operators",
		check: func(a *assembly, fail failure) {
			for _, topic := range a.all("AWS::SNS::Topic") {
				for _, service := range []string{"budgets.amazonaws.com", "costalerts.amazonaws.com"} {
					if !a.admits(topic, "sns:Publish", service) || !strings.Contains(a.resolve(a.target(topic, "KmsMasterKeyId").stack, a.target(topic, "KmsMasterKeyId").get("KeyPolicy")), service) {
						fail("%s or its key does not admit %s: a budget is exceeded in silence", topic, service)
					}
				}
			}
		}},
	{row: "O5", name: "nothing holds costs that the file says nothing of",
		where: func(e config.Environment) bool { return e.Budget == config.Budget{} },
		check: func(a *assembly, fail failure) {
			for _, r := range a.all("AWS::Budgets::Budget", "AWS::CE::AnomalyMonitor", "AWS::CE::AnomalySubscription") {
				fail("%s is there, and no budget is", r)
			}
		}},
}
