package config

import (
	"regexp"
	"slices"
	"time"
)

// Backup has three layers: continuous point-in-time recovery by Aurora, snapshots kept by AWS Backup in a vault, and
// copies of those in another region and another account.
type Backup struct {
	// RetentionDays is how far back point-in-time recovery reaches. Default: 35 in production, 1 in development.
	RetentionDays int `json:"retentionDays,omitempty" jsonschema:"minimum=1,maximum=35"`
	// Plan is the AWS Backup plan.
	Plan BackupPlan `json:"plan,omitempty"`
	// VaultLock keeps recovery points from being deleted early, by anyone.
	VaultLock VaultLock `json:"vaultLock,omitempty"`
	// CopyRegion is a second region that receives a copy of every recovery point. Required in production.
	CopyRegion string `json:"copyRegion,omitempty"`
	// CopyVaultARN is a vault in another account that receives a copy of every recovery point.
	CopyVaultARN string `json:"copyVaultArn,omitempty"`
}

// BackupPlan says how long the snapshots of each rhythm are kept; 0 means that there is no such rhythm.
type BackupPlan struct {
	// DailyDays is for a snapshot each day. Default: 35 in production, none in development.
	DailyDays int `json:"dailyDays,omitempty" jsonschema:"minimum=0,maximum=36500"`
	// WeeklyDays is for a snapshot each Sunday. Default: 90 in production, none in development.
	WeeklyDays int `json:"weeklyDays,omitempty" jsonschema:"minimum=0,maximum=36500"`
	// MonthlyDays is for a snapshot on the first of each month. Default: 365 in production, none in development.
	MonthlyDays int `json:"monthlyDays,omitempty" jsonschema:"minimum=0,maximum=36500"`
	// StartUTC is the time of day at which a snapshot is started. Default: `05:00`.
	StartUTC string `json:"startUtc,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$,example=05:00"`
}

// LockMode says who can still loosen a vault lock.
type LockMode string

// Governance can be lifted with the right permission. Compliance can be lifted by nobody, AWS included, once its grace
// period is over.
const (
	LockNone       LockMode = "none"
	LockGovernance LockMode = "governance"
	LockCompliance LockMode = "compliance"
)

// VaultLock is AWS Backup Vault Lock.
type VaultLock struct {
	// Mode is one of `none`, `governance` and `compliance`. Default: `governance` in production, `none` in development.
	Mode LockMode `json:"mode,omitempty" jsonschema:"enum=none,enum=governance,enum=compliance"`
	// MinDays is the shortest retention the vault accepts. Default: 7.
	MinDays int `json:"minDays,omitempty" jsonschema:"minimum=1,maximum=36500"`
	// MaxDays is the longest retention the vault accepts. Default: 400.
	MaxDays int `json:"maxDays,omitempty" jsonschema:"minimum=1,maximum=36500"`
	// Compliance is the confirmation that compliance mode costs.
	Compliance ComplianceConfirmation `json:"compliance,omitempty"`
}

// ComplianceConfirmation says in writing that the lock is meant to be irrevocable.
type ComplianceConfirmation struct {
	// GraceDays is how long after its first deployment the lock can still be removed; AWS wants 3 or more.
	GraceDays int `json:"graceDays,omitempty" jsonschema:"minimum=3,maximum=36500"`
	// ImmutableFrom is the date from which nobody can remove the lock: the first deployment plus the grace period.
	ImmutableFrom string `json:"immutableFrom,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$,example=2027-01-15"`
	// Reason is why governance mode is not enough.
	Reason string `json:"reason,omitempty" jsonschema:"minLength=10,maxLength=500"`
}

// Objectives are the recovery objectives: how much data and how much time an incident may cost.
type Objectives struct {
	// RecoveryPointMinutes bounds the data lost when the database is restored in its region. Default: 5.
	RecoveryPointMinutes int `json:"recoveryPointMinutes,omitempty" jsonschema:"minimum=5,maximum=10080"`
	// RecoveryTimeMinutes bounds the time until the database serves again in its region. Default: 15 in production, 240 in development.
	RecoveryTimeMinutes int `json:"recoveryTimeMinutes,omitempty" jsonschema:"minimum=1,maximum=10080"`
	// RegionLossPointHours bounds the data lost with the whole region. Default: 25 with a copy elsewhere.
	RegionLossPointHours int `json:"regionLossPointHours,omitempty" jsonschema:"minimum=1,maximum=8760"`
	// RegionLossTimeHours bounds the time until the database serves again from the second region. Default: 8 with a copy elsewhere.
	RegionLossTimeHours int `json:"regionLossTimeHours,omitempty" jsonschema:"minimum=1,maximum=8760"`
}

func backupDefaults(profile Profile) Backup {
	return Backup{
		RetentionDays: byProfile(profile, 1, 35),
		Plan:          byProfile(profile, BackupPlan{StartUTC: "05:00"}, BackupPlan{35, 90, 365, "05:00"}),
		VaultLock:     VaultLock{Mode: byProfile(profile, LockNone, LockGovernance), MinDays: 7, MaxDays: 400},
	}
}

func objectiveDefaults(profile Profile) Objectives {
	return Objectives{
		RecoveryPointMinutes: 5,
		RecoveryTimeMinutes:  byProfile(profile, 240, 15),
		RegionLossPointHours: byProfile(profile, 0, 25),
		RegionLossTimeHours:  byProfile(profile, 0, 8),
	}
}

// withoutCopy drops the defaults of objectives that only a copy in a second region can meet.
func (o *Objectives) withoutCopy(d *document) {
	if !d.has("database.objectives.regionLossPointHours") {
		o.RegionLossPointHours = 0
	}
	if !d.has("database.objectives.regionLossTimeHours") {
		o.RegionLossTimeHours = 0
	}
}

// retentions are the retentions of the rhythms that the plan has, in days.
func (p BackupPlan) retentions() []int {
	return slices.DeleteFunc([]int{p.DailyDays, p.WeeklyDays, p.MonthlyDays}, func(days int) bool { return days == 0 })
}

// everyHours is the longest time between two snapshots: an hour more than the rhythm, for the snapshot itself.
func (p BackupPlan) everyHours() int {
	switch {
	case p.DailyDays > 0:
		return 24 + 1
	case p.WeeklyDays > 0:
		return 7*24 + 1
	}
	return 31*24 + 1
}

var vaultARN = regexp.MustCompile(`^arn:aws:backup:([a-z0-9-]+):([0-9]{12}):backup-vault:[A-Za-z0-9_-]{2,50}$`)

var backupRules = []rule{
	{"the vault lock is a range that the plan's retentions fit into", []string{"database.backup.vaultLock", "database.backup.plan"}, func(i inspection) {
		lock, retentions := i.Database.Backup.VaultLock, i.Database.Backup.Plan.retentions()
		switch {
		case lock.Mode == LockNone:
		case lock.MinDays > lock.MaxDays:
			i.refuse("database.backup.vaultLock", "minDays %d is above maxDays %d, want minDays at most maxDays", lock.MinDays, lock.MaxDays)
		case len(retentions) > 0 && (slices.Min(retentions) < lock.MinDays || slices.Max(retentions) > lock.MaxDays):
			i.refuse("database.backup.plan", "retentions of %d to %d days, but the locked vault takes %d to %d: AWS Backup would fail every other job",
				slices.Min(retentions), slices.Max(retentions), lock.MinDays, lock.MaxDays)
		}
	}},
	{"a lock and copies have a plan", []string{"database.backup.plan"}, func(i inspection) {
		backup := i.Database.Backup
		if len(backup.Plan.retentions()) > 0 {
			return
		}
		for _, need := range []struct {
			path   string
			wanted bool
		}{
			{"database.backup.vaultLock.mode", backup.VaultLock.Mode != LockNone},
			{"database.backup.copyRegion", backup.CopyRegion != ""},
			{"database.backup.copyVaultArn", backup.CopyVaultARN != ""},
		} {
			if need.wanted && i.has(need.path) {
				i.refuse(need.path, "has no effect, database.backup.plan has no rhythm; give it dailyDays, weeklyDays or monthlyDays")
			}
		}
	}},
	{"compliance mode is confirmed", []string{"database.backup.vaultLock"}, func(i inspection) {
		const path = "database.backup.vaultLock.compliance"
		mode, confirmation := i.Database.Backup.VaultLock.Mode, i.Database.Backup.VaultLock.Compliance
		if mode != LockCompliance {
			if i.has(path) {
				i.refuse(path, "has no effect with mode: %s; remove it", mode)
			}
			return
		}
		from, err := time.Parse(time.DateOnly, confirmation.ImmutableFrom)
		latest := i.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, confirmation.GraceDays)
		switch {
		case confirmation.GraceDays == 0 || confirmation.ImmutableFrom == "" || confirmation.Reason == "":
			i.refuse(path, "incomplete, but compliance mode can never be undone; want graceDays, immutableFrom and a reason")
		case err != nil:
			i.refuse(path+".immutableFrom", "%q is no date, want for example %s", confirmation.ImmutableFrom, latest.Format(time.DateOnly))
		case from.After(latest):
			i.refuse(path+".immutableFrom", "%s, but with %d grace days a deployment today is immutable from %s; want that date",
				confirmation.ImmutableFrom, confirmation.GraceDays, latest.Format(time.DateOnly))
		}
	}},
	{"the copy is in another region", []string{"region"}, func(i inspection) {
		if i.Database.Backup.CopyRegion == i.Region {
			i.refuse("database.backup.copyRegion", "%s is the environment's own region, want another", i.Region)
		}
	}},
	{"the copy's vault is a vault of another account", []string{"account"}, func(i inspection) {
		text := i.Database.Backup.CopyVaultARN
		arn := vaultARN.FindStringSubmatch(text)
		switch {
		case text == "":
		case arn == nil || regions[arn[1]].zones == "":
			i.refuse("database.backup.copyVaultArn", "%q is no ARN of a backup vault, want for example arn:aws:backup:%s:123456789012:backup-vault:peakline", shorten(text), i.Region)
		case arn[2] == i.Account:
			i.refuse("database.backup.copyVaultArn", "a vault of the environment's own account %s, want another account's", i.Account)
		}
	}},
	{"objectives for the loss of the region have a copy that can meet them", []string{"database.objectives", "database.backup.plan", "database.backup.copyRegion"}, func(i inspection) {
		objectives, backup := i.Database.Objectives, i.Database.Backup
		stated := "database.objectives.regionLossPointHours"
		if !i.has(stated) && i.has("database.objectives.regionLossTimeHours") {
			stated = "database.objectives.regionLossTimeHours"
		}
		switch {
		case backup.CopyRegion == "":
			if i.has(stated) {
				i.refuse(stated, "cannot be met without database.backup.copyRegion; add the region or remove the objective")
			}
		case len(backup.Plan.retentions()) > 0 && objectives.RegionLossPointHours < backup.Plan.everyHours():
			i.refuse("database.objectives.regionLossPointHours", "%d, want at least %d with this backup plan, or a more frequent one",
				objectives.RegionLossPointHours, backup.Plan.everyHours())
		}
	}},
}
