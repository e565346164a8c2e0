package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
)

func planned(e config.Environment) bool {
	plan := e.Database.Backup.Plan
	return plan.DailyDays+plan.WeeklyDays+plan.MonthlyDays > 0
}

func locked(e config.Environment) bool { return e.Database.Backup.VaultLock.Mode != config.LockNone }

var backupRequirements = []requirement{
	{row: "D3", name: "point-in-time recovery reaches back as far as configured, a week at least in production",
		check: func(a *assembly, fail failure) {
			got, want := a.cluster().number("BackupRetentionPeriod"), a.environment.Database.Backup.RetentionDays
			if got != float64(want) || production(a.environment) && got < 7 {
				fail("%s can be restored %v days back, want %d (and 7 or more in production): last week's mistake could not be undone", a.cluster(), got, want)
			}
		}},
	{row: "D3", name: "the cluster is encrypted with a customer's key that rotates",
		check: func(a *assembly, fail failure) {
			cluster := a.cluster()
			key := a.target(cluster, "KmsKeyId")
			if !cluster.isSet("StorageEncrypted") || key.kind != "AWS::KMS::Key" {
				fail("%s is not encrypted with a customer's key; switching it on later replaces the database", cluster)
			}
			if !key.isSet("EnableKeyRotation") {
				fail("%s does not rotate", key)
			}
		}},
	{row: "D3", name: "the database cannot be deleted by accident",
		check: func(a *assembly, fail failure) {
			if got, want := a.cluster().isSet("DeletionProtection"), a.environment.Database.DeletionProtection; got != want {
				fail("%s has deletion protection %v, want %v", a.cluster(), got, want)
			}
		}},
	{row: "D3", name: "in production the cluster, its backups, keys, secret and logs outlive their stacks, which are protected themselves",
		where: production,
		check: func(a *assembly, fail failure) {
			if aurora(a.environment) && a.cluster().get("DeleteAutomatedBackups") != false { // a Multi-AZ DB cluster's always go
				fail("%s takes its automated backups with it when it is deleted", a.cluster())
			}
			for _, s := range a.stacks {
				if !s.terminationProtection {
					fail("stack %s can be deleted with one command", s.name)
				}
			}
			for _, r := range a.all("AWS::RDS::DBCluster", "AWS::KMS::Key", "AWS::Backup::BackupVault", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup") {
				if isOriginSecret(r) {
					continue // one that nothing accepts any more is worth nothing
				}
				if !slices.Contains([]any{"Retain", "RetainExceptOnCreate"}, r.body["DeletionPolicy"]) || r.body["UpdateReplacePolicy"] != "Retain" {
					fail("%s (%s) is deleted with its stack or its replacement, want Retain for both", r, r.kind)
				}
			}
		}},
	{row: "D3", name: "an instance does not outlive its replacement: the data is the cluster's",
		where: aurora,
		check: func(a *assembly, fail failure) {
			for _, r := range a.all("AWS::RDS::DBInstance") {
				if r.body["UpdateReplacePolicy"] != "Delete" {
					fail("%s stays when it moves to another zone: billed, managed by nobody, and the writer goes on taking the writes", r)
				}
			}
		}},
	{row: "D3", name: "a development environment leaves nothing behind",
		where: func(e config.Environment) bool { return !production(e) },
		check: func(a *assembly, fail failure) {
			for _, r := range a.all() {
				if r.body["DeletionPolicy"] == "Retain" || r.body["DeletionPolicy"] == "Snapshot" {
					fail("%s stays, and is billed, after its stack is deleted", r)
				}
			}
			if aurora(a.environment) && a.cluster().get("DeleteAutomatedBackups") != true {
				fail("%s leaves its automated backups behind", a.cluster())
			}
		}},
	{row: "D3", name: "AWS Backup takes a recovery point in every configured rhythm and keeps it as long as configured",
		where: planned,
		check: func(a *assembly, fail failure) {
			plan := a.environment.Database.Backup.Plan
			for name, days := range map[string]int{"daily": plan.DailyDays, "weekly": plan.WeeklyDays, "monthly": plan.MonthlyDays} {
				rules := a.backupRules(name)
				if days == 0 {
					if len(rules) > 0 {
						fail("there is a %s backup that the environment does not want", name)
					}
					continue
				}
				if len(rules) != 1 || rules[0].number("Lifecycle/DeleteAfterDays") != float64(days) {
					fail("the %s backup is not kept for %d days", name, days)
					continue
				}
				hour, minute, _ := strings.Cut(plan.StartUTC, ":")
				if cron := rules[0].text("ScheduleExpression"); !strings.HasPrefix(cron, fmt.Sprintf("cron(%s %s ", minute, hour)) {
					fail("the %s backup starts at %q, want %s UTC", name, cron, plan.StartUTC)
				}
			}
		}},
	{row: "D3", name: "recovery points go to a vault with a key of its own, apart from the database's",
		where: planned,
		check: func(a *assembly, fail failure) {
			for _, vault := range a.all("AWS::Backup::BackupVault") {
				key := a.target(vault, "EncryptionKeyArn")
				if key.kind != "AWS::KMS::Key" {
					fail("%s is not encrypted with a customer's key", vault)
				}
				if key.is(a.target(a.cluster(), "KmsKeyId")) {
					fail("%s has the database's key: losing that key would lose the backups with the data", vault)
				}
			}
			for _, rule := range a.backupRules("") {
				if a.targetOf(rule.stack, rule.body["Properties"].(map[string]any)["TargetBackupVault"]).kind != "AWS::Backup::BackupVault" {
					fail("backup rule %s does not go to a vault of ours", rule.text("RuleName"))
				}
			}
		}},
	{row: "D3", name: "the backup plan covers the cluster, with a role that may only back up",
		where: planned,
		check: func(a *assembly, fail failure) {
			covered := false
			for _, selection := range a.all("AWS::Backup::BackupSelection") {
				covered = covered || a.mentions(selection.stack, selection.get("BackupSelection/Resources"), a.cluster())
				role := a.target(selection, "BackupSelection/IamRoleArn")
				if trusted := a.trusted(role); !slices.Equal(trusted, []string{"backup.amazonaws.com"}) {
					fail("%s may be assumed by %v, want AWS Backup only", role, trusted)
				}
				if policies := a.resolve(role.stack, role.get("ManagedPolicyArns")); !strings.Contains(policies, "AWSBackupServiceRolePolicyForBackup") {
					fail("%s may not back up: every job would fail", role)
				}
			}
			if !covered {
				fail("no backup selection names the cluster: there are no backups")
			}
		}},
	{row: "D3", name: "every vault is locked as configured, so that nobody shortens the life of a backup",
		where: locked,
		check: func(a *assembly, fail failure) {
			lock := a.environment.Database.Backup.VaultLock
			for _, vault := range a.all("AWS::Backup::BackupVault") {
				if vault.number("LockConfiguration/MinRetentionDays") != float64(lock.MinDays) ||
					vault.number("LockConfiguration/MaxRetentionDays") != float64(lock.MaxDays) {
					fail("%s is locked to %v, want %d to %d days: an intruder with administrator's rights could delete the backups",
						vault, vault.get("LockConfiguration"), lock.MinDays, lock.MaxDays)
				}
			}
			if len(a.all("AWS::Backup::BackupVault")) == 0 {
				fail("there is no vault to lock")
			}
		}},
	{row: "D3", name: "a lock becomes irrevocable only where compliance mode was confirmed, after the grace period",
		where: planned,
		check: func(a *assembly, fail failure) {
			lock := a.environment.Database.Backup.VaultLock
			for _, vault := range a.all("AWS::Backup::BackupVault") {
				got := vault.get("LockConfiguration/ChangeableForDays")
				if lock.Mode == config.LockCompliance && got != float64(lock.Compliance.GraceDays) {
					fail("%s has a grace period of %v days, want %d", vault, got, lock.Compliance.GraceDays)
				}
				if lock.Mode != config.LockCompliance && got != nil {
					fail("%s would become immutable for ever, and nobody confirmed that", vault)
				}
			}
		}},
	{row: "D3", name: "every recovery point is copied to the second region, into a vault that exists there",
		where: func(e config.Environment) bool { return e.Database.Backup.CopyRegion != "" },
		check: func(a *assembly, fail failure) {
			backup := a.environment.Database.Backup
			var vault resource
			for _, candidate := range a.all("AWS::Backup::BackupVault") {
				if candidate.stack.region == backup.CopyRegion {
					vault = candidate
				}
			}
			if !vault.exists() || backup.CopyRegion == a.environment.Region {
				fail("no vault in %s: the loss of %s would lose the backups too", backup.CopyRegion, a.environment.Region)
				return
			}
			arn := fmt.Sprintf("arn:aws:backup:%s:%s:backup-vault:%s", backup.CopyRegion, a.environment.Account, vault.text("BackupVaultName"))
			a.checkCopies(arn, fail)
		}},
	{row: "D3", name: "every recovery point is copied to the second account, where one is given",
		where: func(e config.Environment) bool { return e.Database.Backup.CopyVaultARN != "" },
		check: func(a *assembly, fail failure) { a.checkCopies(a.environment.Database.Backup.CopyVaultARN, fail) }},
	{row: "D3", name: "recovery objectives are stated, and the backups can meet them",
		check: func(a *assembly, fail failure) {
			objectives := a.environment.Database.Objectives
			if objectives.RecoveryPointMinutes == 0 || objectives.RecoveryTimeMinutes == 0 {
				fail("no objective says how much data or time an incident may cost")
			}
			if production(a.environment) && a.environment.Database.Backup.CopyRegion != "" {
				if len(a.backupRules("daily")) == 0 || objectives.RegionLossPointHours < 24 {
					fail("a daily copy cannot meet the objective of %d h for the loss of the region", objectives.RegionLossPointHours)
				}
			}
		}},
	{row: "D3", name: "tags survive into snapshots, so that a restored copy is known for what it is",
		check: func(a *assembly, fail failure) {
			if !a.cluster().isSet("CopyTagsToSnapshot") {
				fail("%s leaves its snapshots without tags: nobody knows whose they are and what may be deleted", a.cluster())
			}
		}},
}

// backupRules of the plans, by name or all, each as if it were a resource.
func (a *assembly) backupRules(name string) []resource {
	var rules []resource
	for _, plan := range a.all("AWS::Backup::BackupPlan") {
		for _, rule := range plan.list("BackupPlan/BackupPlanRule") {
			if name == "" || dig(rule, "RuleName") == name {
				rules = append(rules, resource{stack: plan.stack, id: plan.id, kind: plan.kind, body: map[string]any{"Properties": rule}})
			}
		}
	}
	return rules
}

func (a *assembly) checkCopies(arn string, fail failure) {
	for _, rule := range a.backupRules("") {
		kept := rule.get("Lifecycle/DeleteAfterDays")
		copied := false
		for _, action := range rule.list("CopyActions") {
			if a.resolve(rule.stack, dig(action, "DestinationBackupVaultArn")) == arn {
				copied = true
				if dig(action, "Lifecycle/DeleteAfterDays") != kept {
					fail("the copy of the %s backup in %s is not kept as long as the backup", rule.text("RuleName"), arn)
				}
			}
		}
		if !copied {
			fail("the %s backup is not copied to %s", rule.text("RuleName"), arn)
		}
	}
}
