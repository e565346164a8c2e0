package test

import (
	"slices"
)

var messagingRequirements = []requirement{
	{row: "S4", name: "domain events go over a bus of their own, encrypted with a customer's key that EventBridge may use",
		check: func(a *assembly, fail failure) {
			bus := a.bus()
			if bus.text("Name") != "peakline-"+a.environment.Name {
				fail("the bus is called %q: services publish to peakline-%s", bus.text("Name"), a.environment.Name)
			}
			key := a.target(bus, "KmsKeyIdentifier")
			if key.kind != "AWS::KMS::Key" {
				fail("%s is not encrypted with a customer's key", bus)
			}
			for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"} {
				allowed := slices.ContainsFunc(statementsOf(key, key.get("KeyPolicy")), func(s statement) bool {
					return s.allows() && slices.Contains(s.principals(), "events.amazonaws.com") && slices.Contains(s.actions(), action) && s.conditioned()
				})
				if !allowed {
					fail("%s does not let EventBridge use %s for this account: every event would be lost", key, action)
				}
			}
		}},
	{row: "S4", name: "what was published is archived, encrypted, for as long as configured",
		check: func(a *assembly, fail failure) {
			for _, archive := range a.all("AWS::Events::Archive") {
				if a.target(archive, "SourceArn").is(a.bus()) && archive.number("RetentionDays") == float64(a.environment.Bus.ArchiveDays) &&
					a.target(archive, "KmsKeyIdentifier").kind == "AWS::KMS::Key" {
					return
				}
			}
			fail("no archive of the bus keeps events for %d days: what a faulty release dropped could not be replayed", a.environment.Bus.ArchiveDays)
		}},
	{row: "S4", name: "each subscriber has a queue with the events that it names and no others, and a dead-letter queue",
		check: func(a *assembly, fail failure) {
			for _, name := range a.environment.ServiceNames() {
				rule, want := a.rule(name), a.environment.Services[name].Subscribes
				if !rule.exists() {
					if len(want) > 0 {
						fail("%s subscribes to %v but no rule feeds it", name, want)
					}
					continue
				}
				if got := texts(rule.get("EventPattern/detail-type")); !slices.Equal(got, want) || !a.target(rule, "EventBusName").is(a.bus()) {
					fail("%s passes on %v of %s, want %v of the bus", rule, got, a.target(rule, "EventBusName"), want)
				}
				queue, deadLetters := a.target(rule, "Targets/0/Arn"), a.target(rule, "Targets/0/DeadLetterConfig/Arn")
				if queue.kind != "AWS::SQS::Queue" || deadLetters.kind != "AWS::SQS::Queue" || queue.is(deadLetters) {
					fail("%s delivers to %s and sets aside in %s, want a queue each: undelivered events would be lost", rule, queue, deadLetters)
					continue
				}
				if !a.target(queue, "RedrivePolicy/deadLetterTargetArn").is(deadLetters) || queue.number("RedrivePolicy/maxReceiveCount") < 2 {
					fail("%s does not set messages aside after some attempts: one poisonous event would block the others for two weeks", queue)
				}
				if deadLetters.number("MessageRetentionPeriod") < 14*24*3600 {
					fail("%s keeps dead letters for %v s, want two weeks: they would be gone before anyone looks", deadLetters, deadLetters.number("MessageRetentionPeriod"))
				}
				a.checkQueuePolicy(rule, queue, fail)
				a.checkQueuePolicy(rule, deadLetters, fail)
			}
		}},
	{row: "S4", name: "dead letters and events that wait are told, for each subscriber",
		check: func(a *assembly, fail failure) {
			for _, name := range a.environment.ServiceNames() {
				rule := a.rule(name)
				if !rule.exists() {
					continue
				}
				for alarmName, want := range map[string]struct{ metric, of string }{
					"messaging-dead-letters-" + name: {"ApproximateNumberOfMessagesVisible", "Targets/0/DeadLetterConfig/Arn"},
					"messaging-queue-age-" + name:    {"ApproximateAgeOfOldestMessage", "Targets/0/Arn"},
				} {
					alarm := a.alarm(alarmName)
					watched := metricsOf(alarm)[0]
					if watched.name != want.metric || !a.targetOf(alarm.stack, watched.dimensions["QueueName"]).is(a.target(rule, want.of)) {
						fail("%s does not watch %s of the queue of %s: orders would be lost in silence", alarmName, want.metric, name)
					}
				}
			}
		}},
}

// bus is the environment's event bus.
func (a *assembly) bus() resource {
	for _, bus := range a.all("AWS::Events::EventBus") {
		return bus
	}
	return resource{}
}

// rule is the subscription of a service, by the queue's alarm's construct path; the zero resource if it has none.
func (a *assembly) rule(service string) resource {
	for _, rule := range a.all("AWS::Events::Rule") {
		if rule.text("Description") == "Domain events that "+service+" receives" {
			return rule
		}
	}
	return resource{}
}

// checkQueuePolicy checks that EventBridge may put events of this account into the queue.
func (a *assembly) checkQueuePolicy(rule, queue resource, fail failure) {
	for _, policy := range a.all("AWS::SQS::QueuePolicy") {
		if !slices.ContainsFunc(policy.list("Queues"), func(id any) bool { return a.targetOf(policy.stack, id).is(queue) }) {
			continue
		}
		for _, s := range statementsOf(policy, policy.get("PolicyDocument")) {
			if s.allows() && slices.Contains(s.principals(), "events.amazonaws.com") && slices.Contains(s.actions(), "sqs:SendMessage") && s.conditioned() {
				return
			}
		}
	}
	fail("%s may not put events into %s: none would arrive", rule, queue)
}
