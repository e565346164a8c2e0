package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"peakline/config"
	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

func scaled(by config.Control) func(config.Environment) bool {
	return func(e config.Environment) bool { return e.Scaler.Control == by }
}

var ourScaler = scaled(config.ControlPeakline)

var scalerRequirements = []requirement{
	{row: "L1", name: "exactly the one scaler that the environment chose changes the number of readers",
		check: func(a *assembly, fail failure) {
			targets, scaler := a.where("AWS::ApplicationAutoScaling::ScalableTarget", "ServiceNamespace", "rds"), a.scalerFunction("Scaler")
			control := a.environment.Scaler.Control
			if scaler.exists() != (control == config.ControlPeakline) || (len(targets) > 0) != (control == config.ControlTargetTracking) {
				fail("control is %s, but there are the function %s and %d scalable targets: two scalers fight, none sleeps through the sale", control, scaler, len(targets))
			}
		}},
	{row: "L1", name: "the scaler runs every minute, and at once when the database is under pressure or fails over",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			woken := map[string]bool{}
			for _, rule := range a.wakeUps() {
				switch {
				case rule.text("ScheduleExpression") == "rate(1 minute)":
					woken["schedule"] = true
				case slices.Contains(texts(rule.get("EventPattern/source")), "aws.rds"):
					sources := rule.list("EventPattern/detail/SourceIdentifier")
					woken["events of the cluster"] = slices.Contains(sources, a.cluster().get("DBClusterIdentifier"))
					woken["events of its readers"] = slices.ContainsFunc(sources, func(source any) bool {
						return dig(source, "prefix") == contract.ReaderPrefix(a.environment.Name)+"-"
					})
				case slices.Contains(texts(rule.get("EventPattern/source")), "aws.cloudwatch"):
					for _, alarm := range texts(rule.get("EventPattern/detail/alarmName")) {
						name := strings.TrimPrefix(alarm, a.environment.Name+"-")
						woken[name] = a.alarm(name).exists() || name == "database-reader-load" && a.environment.Database.Insights.Mode == config.InsightsOff
						if !woken[name] {
							fail("%s waits for the alarm %s, which does not exist", rule, alarm)
						}
					}
				}
			}
			for _, want := range []string{"schedule", "events of the cluster", "events of its readers", "database-reader-cpu", "database-reader-load", "database-replica-lag"} {
				if !woken[want] {
					fail("nothing wakes the scaler on %s: readers come a minute late, or never", want)
				}
			}
		}},
	{row: "L1", name: "every trigger of the scaler is on, calls the scaler and may do so",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			scaler := a.scalerFunction("Scaler")
			for _, rule := range a.wakeUps() {
				if rule.text("State") != "ENABLED" {
					fail("%s is off", rule)
				}
				for _, target := range rule.list("Targets") {
					if !a.targetOf(rule.stack, dig(target, "Arn")).is(scaler) {
						fail("%s calls %s, not the scaler", rule, a.resolve(rule.stack, dig(target, "Arn")))
					}
				}
				if !slices.ContainsFunc(a.all("AWS::Lambda::Permission"), func(permission resource) bool {
					return a.target(permission, "FunctionName").is(scaler) && a.target(permission, "SourceArn").is(rule) && permission.text("Principal") == "events.amazonaws.com"
				}) {
					fail("%s may not call the scaler", rule)
				}
			}
		}},
	{row: "L1", name: "the deployed policy is the environment's, under the name that the function and the operator read",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			policies := a.where("AWS::SSM::Parameter", "Name", contract.PolicyParameter(a.environment.Name))
			if len(policies) != 1 {
				fail("%d parameters %s, want one: the scaler would have no policy", len(policies), contract.PolicyParameter(a.environment.Name))
				return
			}
			var deployed decision.Policy
			if err := json.Unmarshal([]byte(policies[0].text("Value")), &deployed); err != nil {
				fail("%s is not a policy: %v", policies[0], err)
				return
			}
			if want := a.environment.ReplicaPolicy(); deployed.Mode != want.Mode || deployed.Min != want.Min || deployed.Max != want.Max ||
				deployed.Prefix != want.Prefix || deployed.CapPercent != want.CapPercent || deployed.RiskPercent != want.RiskPercent ||
				deployed.LagObjectiveMs != want.LagObjectiveMs || !slices.Equal(deployed.Zones, want.Zones) || !slices.Equal(deployed.Classes, want.Classes) {
				fail("%s says %s, want %+v", policies[0], policies[0].text("Value"), want)
			}
			for _, function := range []string{"Scaler", "Drain"} {
				variables := a.scalerFunction(function).get("Environment/Variables")
				if dig(variables, contract.EnvEnvironment) != a.environment.Name || dig(variables, contract.EnvCluster) != a.cluster().get("DBClusterIdentifier") {
					fail("%s is told %v: it would look at another environment's readers", a.scalerFunction(function), variables)
				}
			}
			if got, _ := a.scalerFunction("Scaler").get("Environment/Variables/" + contract.EnvCapacityReservation).(string); got != a.environment.Scaler.CapacityReservation {
				fail("new readers use the capacity reservation %q, want %q", got, a.environment.Scaler.CapacityReservation)
			}
		}},
	{row: "L1", name: "the scaler's function, its silence and its limits are watched",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			for name, want := range map[string]struct{ metric, missing string }{
				"scaler-heartbeat":        {contract.MetricHeartbeat, "breaching"},
				"scaler-failures":         {"Errors", "notBreaching"},
				"scaler-blind":            {contract.MetricBlindMinutes, "notBreaching"},
				"scaler-saturated":        {contract.MetricShortfall, "notBreaching"},
				"scaler-errors":           {contract.MetricErrors, "notBreaching"},
				"scaler-capacity-refused": {contract.MetricRefused, "notBreaching"},
				"scaler-write-bound-lag":  {contract.MetricLagVerdict, "notBreaching"},
				"scaler-imbalance":        {contract.MetricImbalance, "notBreaching"},
				"scaler-slow-create":      {contract.MetricCreateSeconds, "notBreaching"},
				"scaler-failed-events":    {"ApproximateNumberOfMessagesVisible", "notBreaching"},
			} {
				alarm := a.alarm(name)
				if !alarm.exists() {
					fail("there is no alarm %s", name)
					continue
				}
				if alarm.text("TreatMissingData") != want.missing {
					fail("%s takes missing data as %s, want %s", name, alarm.text("TreatMissingData"), want.missing)
				}
				for _, m := range metricsOf(alarm) {
					own := m.namespace == contract.MetricNamespace && m.dimensions[contract.MetricDimension] == a.environment.Name
					ofFunction := m.namespace == "AWS/Lambda" && a.targetOf(alarm.stack, m.dimensions["FunctionName"]).is(a.scalerFunction("Scaler"))
					ofQueue := m.namespace == "AWS/SQS" && a.targetOf(alarm.stack, m.dimensions["QueueName"]).kind == "AWS::SQS::Queue"
					if m.name != want.metric || !own && !ofFunction && !ofQueue {
						fail("%s watches %s %s %v, want %s of this scaler: it would never fire", name, m.namespace, m.name, m.dimensions, want.metric)
					}
				}
			}
		}},
	{row: "L1", name: "a budget of reader-hours is watched where there is one",
		where: func(e config.Environment) bool { return ourScaler(e) && e.Scaler.MonthlyReaderHours > 0 },
		check: func(a *assembly, fail failure) {
			alarm := a.alarm("scaler-budget")
			read := metricsOf(alarm)[0]
			if alarm.number("Threshold") != float64(a.environment.Scaler.MonthlyReaderHours) || read.name != contract.MetricReaderHours ||
				read.namespace != contract.MetricNamespace || read.dimensions[contract.MetricDimension] != a.environment.Name {
				fail("%s does not watch the budget of %d reader-hours", alarm, a.environment.Scaler.MonthlyReaderHours)
			}
		}},
	{row: "L1", name: "AWS's target tracking, where chosen, is tuned as configured and keeps the configured readers",
		where: scaled(config.ControlTargetTracking),
		check: func(a *assembly, fail failure) {
			settings := a.environment.Scaler
			for _, target := range a.where("AWS::ApplicationAutoScaling::ScalableTarget", "ServiceNamespace", "rds") {
				if target.number("MinCapacity") != float64(settings.Min) || target.number("MaxCapacity") != float64(settings.Max) ||
					target.text("ScalableDimension") != "rds:cluster:ReadReplicaCount" ||
					a.resolve(target.stack, target.get("ResourceId")) != "cluster:"+a.cluster().text("DBClusterIdentifier") {
					fail("%s scales %v between %v and %v, want %d to %d readers of the cluster", target, target.get("ResourceId"), target.get("MinCapacity"), target.get("MaxCapacity"), settings.Min, settings.Max)
				}
			}
			for _, policy := range a.all("AWS::ApplicationAutoScaling::ScalingPolicy") {
				if inServices(a, policy) {
					continue
				}
				configuration := "TargetTrackingScalingPolicyConfiguration/"
				if policy.number(configuration+"TargetValue") != float64(settings.TargetTracking.TargetPercent) ||
					policy.number(configuration+"ScaleInCooldown") != float64(settings.TargetTracking.ScaleInCooldownSeconds) ||
					policy.number(configuration+"ScaleOutCooldown") != float64(settings.TargetTracking.ScaleOutCooldownSeconds) ||
					policy.text(configuration+"PredefinedMetricSpecification/PredefinedMetricType") != "RDSReaderAverageCPUUtilization" {
					fail("%s aims at %v, want %+v of the readers' CPU", policy, policy.get("TargetTrackingScalingPolicyConfiguration"), settings.TargetTracking)
				}
			}
		}},
	{row: "L2", name: "the floors of the event calendar are in the deployed policy, in absolute time and with their lead",
		where: func(e config.Environment) bool { return ourScaler(e) && len(e.Events) > 0 },
		check: func(a *assembly, fail failure) {
			var deployed decision.Policy
			for _, parameter := range a.where("AWS::SSM::Parameter", "Name", contract.PolicyParameter(a.environment.Name)) {
				if err := json.Unmarshal([]byte(parameter.text("Value")), &deployed); err != nil {
					fail("%s is not a policy: %v", parameter, err)
				}
			}
			if want := a.environment.ReplicaPolicy().Floors; len(want) == 0 || !sameJSON(deployed.Floors, want) {
				fail("the deployed floors are %+v, want %+v: the sale would start with everyday's readers", deployed.Floors, want)
			}
			for i, event := range a.environment.Events {
				span := event.Span()
				if i >= len(deployed.Floors) || !deployed.Floors[i].From.Equal(span.Start) || deployed.Floors[i].Readers != event.Floors.Readers {
					fail("%s does not have its floor of %d readers from %s", event.Name, event.Floors.Readers, span.Start)
				}
			}
		}},
	{row: "L3", name: "the scaler may create and delete only readers with its prefix and its tag",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			owned := fmt.Sprintf("arn:aws:rds:%s:%s:db:%s-*", a.environment.Region, a.environment.Account, contract.ReaderPrefix(a.environment.Name))
			tagged := map[string]string{"rds:CreateDBInstance": "aws:RequestTag/", "rds:AddTagsToResource": "", "rds:DeleteDBInstance": "aws:ResourceTag/"}
			granted := map[string]bool{}
			for _, function := range []string{"Scaler", "Drain"} {
				for _, s := range a.statements(a.target(a.scalerFunction(function), "Role")) {
					for _, action := range s.actions() {
						granted[function+" "+action] = true
						tag, writes := tagged[action]
						if !writes {
							continue
						}
						equals, _ := dig(s.condition(), "StringEquals").(map[string]any)
						if tag != "" && equals[tag+contract.OwnerTagKey] != a.environment.Name {
							fail("%s allows %s without the tag %s=%s: it could touch the writer or the operator's readers", s.where, action, contract.OwnerTagKey, a.environment.Name)
						}
						for _, target := range s.resources() {
							resolved := a.resolve(s.stack, target)
							if strings.Contains(resolved, ":db:") && resolved != owned || action != "rds:CreateDBInstance" && resolved != owned {
								fail("%s allows %s on %s, want %s only", s.where, action, resolved, owned)
							}
						}
					}
				}
			}
			for _, need := range []string{"Scaler rds:CreateDBInstance", "Scaler rds:AddTagsToResource", "Scaler rds:DeleteDBInstance", "Drain rds:DeleteDBInstance"} {
				if !granted[need] {
					fail("%s is not allowed: readers would not come, or not go", need)
				}
			}
		}},
	{row: "L3", name: "the scaler and its drain may do nothing else that changes anything",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			for function, allowed := range scalerActions {
				var granted []string
				for _, s := range a.statements(a.target(a.scalerFunction(function), "Role")) {
					granted = append(granted, s.actions()...)
				}
				for _, action := range granted {
					if !slices.Contains(allowed, action) {
						fail("%s may %s, which it has no use for: a flaw in it could do harm", function, action)
					}
				}
				for _, action := range allowed {
					if !slices.Contains(granted, action) {
						fail("%s may not %s, which it needs", function, action)
					}
				}
			}
		}},
	{row: "L3", name: "the scaler hands only the monitoring role, and only to RDS monitoring",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			for _, s := range a.statements(a.target(a.scalerFunction("Scaler"), "Role")) {
				if !slices.Contains(s.actions(), "iam:PassRole") {
					continue
				}
				role := a.target(a.members()["Writer"], "MonitoringRoleArn")
				if len(s.resources()) != 1 || !role.exists() || !a.targetOf(s.stack, s.resources()[0]).is(role) ||
					dig(s.condition(), "StringEquals/iam:PassedToService") != "monitoring.rds.amazonaws.com" {
					fail("%s passes %s to %v: whoever gets hold of the function could become that role", s.where, a.resolve(s.stack, s.body["Resource"]), s.condition())
				}
			}
		}},
	{row: "L3", name: "a run that fails is not repeated, but kept; two at once are held off where the quota allows it",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			scaler := a.scalerFunction("Scaler")
			kept := false
			for _, invoke := range a.all("AWS::Lambda::EventInvokeConfig") {
				if !a.target(invoke, "FunctionName").is(scaler) {
					continue
				}
				kept = a.target(invoke, "DestinationConfig/OnFailure/Destination").kind == "AWS::SQS::Queue"
				if invoke.get("MaximumRetryAttempts") != 0.0 || invoke.number("MaximumEventAgeInSeconds") > 60 {
					fail("%s repeats a failed run: an old observation would be acted on", invoke)
				}
			}
			if !kept {
				fail("events that %s could not handle are lost", scaler)
			}
			if reserved := scaler.get("ReservedConcurrentExecutions"); (reserved == 1.0) != a.environment.Scaler.ReservedConcurrency {
				fail("%s has a reserved concurrency of %v, want 1 only where configured (%v)", scaler, reserved, a.environment.Scaler.ReservedConcurrency)
			}
			if timeout := scaler.number("Timeout"); timeout >= 60 {
				fail("%s may run for %v s, want less than the minute until the next run", scaler, timeout)
			}
		}},
	{row: "L3", name: "a trigger that cannot call the scaler tries again within the minute, and then leaves the reason where a failed run does",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			for _, rule := range a.wakeUps() {
				for _, target := range rule.list("Targets") {
					age, attempts := dig(target, "RetryPolicy/MaximumEventAgeInSeconds"), dig(target, "RetryPolicy/MaximumRetryAttempts")
					if age != 60.0 || attempts == nil || attempts == 0.0 {
						fail("%s tries %v times for %v s, want more than once for a minute: one slip of EventBridge would cost a page, and an old event is worth nothing", rule, attempts, age)
					}
					queue := a.targetOf(rule.stack, dig(target, "DeadLetterConfig/Arn"))
					if queue.kind != "AWS::SQS::Queue" || !queue.is(a.failures()) {
						fail("%s keeps what it could not deliver in %s, want %s: nobody would learn why", rule, queue, a.failures())
						continue
					}
					if !a.letsIn(queue, "events.amazonaws.com", rule) {
						fail("%s does not take messages of %s: they would be lost all the same", queue, rule)
					}
					if key := a.target(queue, "KmsMasterKeyId"); !a.serves(key, "events.amazonaws.com") {
						fail("%s does not work for EventBridge: what it sends to %s would be refused", key, queue)
					}
				}
			}
		}},
	{row: "L3", name: "when the stack goes, the triggers go first, then the scaler's readers, then the cluster",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			drains := a.all(contract.DrainResource)
			if len(drains) != 1 || !a.target(drains[0], "ServiceToken").is(a.scalerFunction("Drain")) {
				fail("%d drains of readers, want one: the cluster could not be deleted while it has readers that no stack knows", len(drains))
				return
			}
			if !slices.Contains(drains[0].stack.after, a.cluster().stack.id) {
				fail("stack %s does not depend on %s: the cluster would be deleted before its readers", drains[0].stack.name, a.cluster().stack.name)
			}
			for _, rule := range a.wakeUps() {
				if !slices.Contains(texts(rule.body["DependsOn"]), drains[0].id) {
					fail("%s outlives the drain: the scaler would add readers again while they are drained", rule)
				}
			}
			for _, policy := range a.where("AWS::SSM::Parameter", "Name", contract.PolicyParameter(a.environment.Name)) {
				if !slices.Contains(texts(policy.body["DependsOn"]), drains[0].id) {
					fail("%s outlives the drain, which takes that for a replacement and leaves the readers", policy)
				}
			}
			for _, grant := range a.all("AWS::IAM::Policy") {
				for _, role := range grant.list("Roles") {
					if a.targetOf(grant.stack, role).is(a.target(a.scalerFunction("Drain"), "Role")) && !slices.Contains(texts(drains[0].body["DependsOn"]), grant.id) {
						fail("%s may go before the drain, which then may delete nothing", grant)
					}
				}
			}
		}},
	{row: "L4", name: "the operator's brake is read at every run, and no deployment writes it",
		where: ourScaler,
		check: func(a *assembly, fail failure) {
			override := contract.OverrideParameter(a.environment.Name)
			if len(a.where("AWS::SSM::Parameter", "Name", override)) > 0 {
				fail("a template writes %s: a deployment during an incident would lift the brake", override)
			}
			arn := fmt.Sprintf("arn:aws:ssm:%s:%s:parameter%s", a.environment.Region, a.environment.Account, override)
			for _, s := range a.statements(a.target(a.scalerFunction("Scaler"), "Role")) {
				if slices.Contains(s.actions(), "ssm:GetParameters") && slices.ContainsFunc(s.resources(), func(r any) bool { return a.resolve(s.stack, r) == arn }) {
					return
				}
			}
			fail("the scaler may not read %s: pausing it would need a deployment", override)
		}},
}

// scalerActions is all that the two functions need.
var scalerActions = map[string][]string{
	"Scaler": {
		"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
		"sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*",
		"application-autoscaling:DescribeScalableTargets", "cloudwatch:GetMetricData", "rds:DescribeEvents", "ssm:GetParameters",
		"rds:DescribeDBClusters", "rds:DescribeDBInstances", "rds:CreateDBInstance", "rds:AddTagsToResource", "rds:DeleteDBInstance",
		"iam:PassRole", "kms:DescribeKey", "kms:CreateGrant",
	},
	"Drain": {
		"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
		"rds:DescribeDBClusters", "rds:DescribeDBInstances", "ssm:GetParameters", "ssm:DeleteParameter", "rds:DeleteDBInstance",
	},
}

// scalerFunction is "Scaler" or "Drain".
func (a *assembly) scalerFunction(name string) resource {
	for _, function := range a.all("AWS::Lambda::Function") {
		if strings.Contains(function.path(), "/ReplicaScaler/ReplicaScaler/"+name+"/") {
			return function
		}
	}
	return resource{}
}

// wakeUps are the rules of the scaler's stack.
func (a *assembly) wakeUps() []resource {
	return slices.DeleteFunc(a.all("AWS::Events::Rule"), func(rule resource) bool { return rule.stack.id != "ReplicaScaler" })
}

// sameJSON compares values by how they are written.
func sameJSON(x, y any) bool {
	written, errX := json.Marshal(x)
	wanted, errY := json.Marshal(y)
	return errX == nil && errY == nil && string(written) == string(wanted)
}

// failures is the queue of the runs that failed.
func (a *assembly) failures() resource {
	for _, invoke := range a.all("AWS::Lambda::EventInvokeConfig") {
		if a.target(invoke, "FunctionName").is(a.scalerFunction("Scaler")) {
			return a.target(invoke, "DestinationConfig/OnFailure/Destination")
		}
	}
	return resource{}
}

// letsIn tells whether a queue takes messages of a service that sends them for the given resource.
func (a *assembly) letsIn(queue resource, service string, sender resource) bool {
	for _, policy := range a.all("AWS::SQS::QueuePolicy") {
		if !slices.ContainsFunc(policy.list("Queues"), func(id any) bool { return a.targetOf(policy.stack, id).is(queue) }) {
			continue
		}
		for _, s := range statementsOf(policy, policy.get("PolicyDocument")) {
			if s.allows() && slices.Contains(s.principals(), service) && slices.Contains(s.actions(), "sqs:SendMessage") && a.mentions(s.stack, s.condition(), sender) {
				return true
			}
		}
	}
	return false
}

// serves tells whether a key may be used by a service on its own behalf.
func (a *assembly) serves(key resource, service string) bool {
	return slices.ContainsFunc(statementsOf(key, key.get("KeyPolicy")), func(s statement) bool {
		return s.allows() && slices.Contains(s.principals(), service) && slices.Contains(s.actions(), "kms:Decrypt") &&
			slices.Contains(s.actions(), "kms:GenerateDataKey*")
	})
}
