package config

// Database is the Aurora PostgreSQL cluster: one writer, readers that are always there, and the readers that the scaler
// adds and removes beside them.
type Database struct {
	// EngineVersion is the Aurora PostgreSQL version, `"17.6"` say, in quotes.
	EngineVersion string `json:"engineVersion,omitempty" jsonschema:"pattern=^[0-9]{2}\\.[0-9]{1,2}$"`
	// Writer is the instance that takes writes until a failover.
	Writer Instance `json:"writer" jsonschema:"required"`
	// Readers are the readers that are always there, by a name that stays theirs. Renaming one replaces it.
	Readers map[string]Instance `json:"readers" jsonschema:"required,minProperties=1"`
	// ServerlessCapacity bounds every instance whose class is `db.serverless`.
	ServerlessCapacity Capacity `json:"serverlessCapacity,omitempty"`

	// Backup covers point-in-time recovery, AWS Backup, and the copies elsewhere.
	Backup Backup `json:"backup,omitempty"`
	// Objectives are what recovery is measured against.
	Objectives Objectives `json:"objectives,omitempty"`
	// DeletionProtection refuses to delete the cluster. Default: true in production.
	DeletionProtection bool `json:"deletionProtection,omitempty"`

	// Insights is CloudWatch Database Insights.
	Insights Insights `json:"insights,omitempty"`
	// MonitoringIntervalSeconds is the period of enhanced monitoring; 0 switches it off. Default: 15 in production, 60 in development.
	MonitoringIntervalSeconds int `json:"monitoringIntervalSeconds,omitempty" jsonschema:"enum=0,enum=1,enum=5,enum=10,enum=15,enum=30,enum=60"`
	// SlowQueryMilliseconds is the run time from which a statement is logged. Default: 250.
	SlowQueryMilliseconds int `json:"slowQueryMilliseconds,omitempty" jsonschema:"minimum=1,maximum=3600000"`
	// LogRetentionDays is how long exported PostgreSQL logs are kept. Default: 365 in production, 14 in development.
	LogRetentionDays int `json:"logRetentionDays,omitempty"`

	// SynchronousCommit is the durability of a commit. `off` loses the last commits in a crash. Default: `on`.
	SynchronousCommit string `json:"synchronousCommit,omitempty" jsonschema:"enum=on,enum=off"`
	// LogicalReplication switches on the logical WAL that migrations and blue/green upgrades need. It costs write throughput and a restart.
	LogicalReplication bool `json:"logicalReplication,omitempty"`

	// BackupWindow is the daily window of the automated backup in UTC, such as `03:00-04:00`; at least 30 minutes.
	BackupWindow string `json:"backupWindow,omitempty" jsonschema:"pattern=^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$"`
	// MaintenanceWindow is the weekly window in UTC, such as `tue:04:30-tue:05:30`; at least 30 minutes, outside the backup window.
	MaintenanceWindow string `json:"maintenanceWindow,omitempty" jsonschema:"pattern=^[a-z]{3}:[0-9]{2}:[0-9]{2}-[a-z]{3}:[0-9]{2}:[0-9]{2}$"`

	// CredentialRotationDays is how often each database password is changed. Default: 30.
	CredentialRotationDays int `json:"credentialRotationDays,omitempty" jsonschema:"minimum=1,maximum=365"`
	// CACertificate is the certificate authority of the instances' TLS certificates. Default: `rds-ca-rsa2048-g1`.
	CACertificate string `json:"caCertificate,omitempty" jsonschema:"enum=rds-ca-rsa2048-g1,enum=rds-ca-rsa4096-g1,enum=rds-ca-ecc384-g1"`
}

// Instance is one DB instance of the cluster.
type Instance struct {
	// InstanceClass is a provisioned class such as `db.r8g.large`, or `db.serverless`. A reader's default is the writer's.
	InstanceClass string `json:"instanceClass,omitempty"`
	// Zone is one of the network's zones.
	Zone string `json:"zone" jsonschema:"required"`
	// PromotionTier orders the candidates of a failover, 0 first. Default: 0 for the writer, 1 for a reader.
	PromotionTier int `json:"promotionTier,omitempty" jsonschema:"minimum=0,maximum=15"`
}

// Serverless tells whether the instance is Aurora Serverless v2.
func (i Instance) Serverless() bool { return i.InstanceClass == ServerlessClass }

// ServerlessClass is the instance class of Aurora Serverless v2.
const ServerlessClass = "db.serverless"

// Capacity is in Aurora capacity units (ACU) of about 2 GiB of memory each, in steps of 0.5.
type Capacity struct {
	// Min is the lower bound; 0 lets an idle instance pause.
	Min float64 `json:"min,omitempty" jsonschema:"minimum=0,maximum=256,multipleOf=0.5"`
	// Max is the upper bound.
	Max float64 `json:"max,omitempty" jsonschema:"minimum=1,maximum=256,multipleOf=0.5"`
}

// Insights is CloudWatch Database Insights, with the performance data it rests on.
type Insights struct {
	// Mode is one of `off`, `standard` and `advanced`. Default: `advanced` in production, `standard` in development.
	Mode InsightsMode `json:"mode,omitempty" jsonschema:"enum=off,enum=standard,enum=advanced"`
	// RetentionDays is how long performance data is kept: 7, a multiple of 31 up to 713, or 731; `advanced` needs at least 465.
	RetentionDays int `json:"retentionDays,omitempty"`
}

// InsightsMode is the scope of Database Insights.
type InsightsMode string

// Standard keeps a week for free; advanced adds on-demand analysis, lock trees and slow SQL, and keeps 15 months.
const (
	InsightsOff      InsightsMode = "off"
	InsightsStandard InsightsMode = "standard"
	InsightsAdvanced InsightsMode = "advanced"
)

func databaseDefaults(profile Profile) Database {
	return Database{
		EngineVersion:             "17.6",
		ServerlessCapacity:        Capacity{Min: byProfile(profile, 0.5, 2), Max: byProfile[float64](profile, 8, 64)},
		Backup:                    backupDefaults(profile),
		Objectives:                objectiveDefaults(profile),
		DeletionProtection:        byProfile(profile, false, true),
		Insights:                  Insights{Mode: byProfile(profile, InsightsStandard, InsightsAdvanced)},
		MonitoringIntervalSeconds: byProfile(profile, 60, 15),
		SlowQueryMilliseconds:     250,
		LogRetentionDays:          byProfile(profile, 14, 365),
		SynchronousCommit:         "on",
		BackupWindow:              "03:00-04:00",
		MaintenanceWindow:         "tue:04:30-tue:05:30",
		CredentialRotationDays:    30,
		CACertificate:             "rds-ca-rsa2048-g1",
	}
}

func (db *Database) complete(d *document) {
	for name, reader := range db.Readers {
		if reader.InstanceClass == "" {
			reader.InstanceClass = db.Writer.InstanceClass
		}
		if !d.has("database.readers." + name + ".promotionTier") {
			reader.PromotionTier = 1
		}
		db.Readers[name] = reader
	}
	if db.Insights.RetentionDays == 0 {
		db.Insights.RetentionDays = map[InsightsMode]int{InsightsStandard: 7, InsightsAdvanced: 465}[db.Insights.Mode]
	}
}
