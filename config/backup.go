package config

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
	StartUTC string `json:"startUtc,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$"`
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
	ImmutableFrom string `json:"immutableFrom,omitempty" jsonschema:"pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
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
	// RegionLossTimeHours bounds the time until the database serves again from the second region. Default: 8.
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
