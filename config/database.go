package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"peakline/lambda/contract"
)

// Database is the PostgreSQL cluster: one writer, readers that are always there, and on Aurora the readers that the scaler
// adds and removes beside them.
type Database struct {
	// Engine is what runs PostgreSQL: `aurora-postgres`, or `rds-postgres` for an RDS Multi-AZ DB cluster of one writer and two readable standbys. Choose once: another engine is another database. Default: `aurora-postgres`.
	Engine Engine `json:"engine,omitempty" jsonschema:"enum=aurora-postgres,enum=rds-postgres"`
	// EngineVersion is the engine's PostgreSQL version, `"17.9"` say, in quotes. Default: `17.9`.
	EngineVersion string `json:"engineVersion,omitempty" jsonschema:"pattern=^[0-9]+[.][0-9]+$,example=17.9"`
	// UpgradeTo prepares a blue/green upgrade of Aurora to a later major version, `"17.9"` say: its parameter groups are made beside those in use. Remove it when `engineVersion` says the same.
	UpgradeTo string `json:"upgradeTo,omitempty" jsonschema:"pattern=^[0-9]+[.][0-9]+$,example=17.9"`
	// Writer is the instance that takes writes until a failover. With `rds-postgres` its class is that of all three members.
	Writer Instance `json:"writer" jsonschema:"required"`
	// Readers are the readers that are always there, by a name that stays theirs. Renaming one replaces it. Required with `aurora-postgres`; `rds-postgres` has two of its own.
	Readers map[string]Instance `json:"readers,omitempty"`
	// Pooler is what is between the services and the database: `pgbouncer` in each of their tasks, or `rds-proxy`, one that AWS runs. Default: `pgbouncer`.
	Pooler Pooler `json:"pooler,omitempty" jsonschema:"enum=pgbouncer,enum=rds-proxy"`
	// Storage is the volume of each member with `rds-postgres`; Aurora's grows by itself.
	Storage Volume `json:"storage,omitempty"`
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
	BackupWindow string `json:"backupWindow,omitempty" jsonschema:"pattern=^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$,example=03:00-04:00"`
	// MaintenanceWindow is the weekly window in UTC, such as `tue:04:30-tue:05:30`; at least 30 minutes, outside the backup window.
	MaintenanceWindow string `json:"maintenanceWindow,omitempty" jsonschema:"pattern=^[a-z]{3}:[0-9]{2}:[0-9]{2}-[a-z]{3}:[0-9]{2}:[0-9]{2}$,example=tue:04:30-tue:05:30"`

	// CredentialRotationDays is how often each database password is changed. A task of a service lives for at most a day less. Default: 30.
	CredentialRotationDays int `json:"credentialRotationDays,omitempty" jsonschema:"minimum=2,maximum=365"`
	// CACertificate is the certificate authority of the instances' TLS certificates. Default: `rds-ca-rsa2048-g1`.
	CACertificate string `json:"caCertificate,omitempty" jsonschema:"enum=rds-ca-rsa2048-g1,enum=rds-ca-rsa4096-g1,enum=rds-ca-ecc384-g1"`
}

// Instance is one DB instance of the cluster.
type Instance struct {
	// InstanceClass is a provisioned class such as `db.r8g.large`, or `db.serverless`. A reader's default is the writer's.
	InstanceClass string `json:"instanceClass,omitempty" jsonschema:"pattern=^db[.][a-z0-9.]+$,example=db.r8g.large"`
	// Zone is one of the network's zones. Required with `aurora-postgres`; `rds-postgres` has a member in each of three.
	Zone string `json:"zone,omitempty" jsonschema:"example=eu-west-1a"`
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
	// Mode is one of `off`, `standard` and `advanced`. To switch to `off` makes each instance anew, the writer with a failover. Default: `advanced` in production, `standard` in development.
	Mode InsightsMode `json:"mode,omitempty" jsonschema:"enum=off,enum=standard,enum=advanced"`
	// RetentionDays is how long performance data is kept: 7, a multiple of 31 up to 713, or 731; with `advanced` always 465.
	RetentionDays int `json:"retentionDays,omitempty" jsonschema:"minimum=7,maximum=731"`
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
	return Database{ //nolint:gosec // a rotation period is no credential
		Engine:                    EngineAurora,
		Pooler:                    PoolerPgBouncer,
		Storage:                   volumeDefaults(profile),
		EngineVersion:             defaultEngineVersion,
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
	if db.Engine == EngineRDS {
		db.Readers = nil // a rule refuses those of the file
	}
	for name, reader := range db.Readers {
		path := readerPath(name)
		if reader.InstanceClass == "" {
			reader.InstanceClass = db.Writer.InstanceClass
		}
		if !d.has(path + ".promotionTier") {
			reader.PromotionTier = 1
		}
		db.Readers[name] = reader
	}
	if db.Backup.CopyRegion == "" {
		db.Objectives.withoutCopy(d)
	}
	if db.Insights.RetentionDays == 0 {
		db.Insights.RetentionDays = map[InsightsMode]int{InsightsStandard: 7, InsightsAdvanced: advancedInsightsDays}[db.Insights.Mode]
	}
}

func readerPath(name string) string { return join("database.readers", name) }

// readersStated counts the readers of the file, whether they are refused or not.
func (d *document) readersStated() int {
	n := 0
	for key := range d.keys {
		if parent(key) == "database.readers" {
			n++
		}
	}
	return n
}

// readersAlways is how many readers are there whatever the scaler does.
func (i inspection) readersAlways() int {
	if i.Database.Engine == EngineRDS {
		return multiAZReaders
	}
	return i.readersStated()
}

// instances are the writer and the readers by their path.
func (db Database) instances() map[string]Instance {
	all := map[string]Instance{"database.writer": db.Writer}
	for name, reader := range db.Readers {
		all[readerPath(name)] = reader
	}
	return all
}

// HasServerless tells whether any instance is Aurora Serverless v2, so that the cluster needs a capacity range.
func (db Database) HasServerless() bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(db.instances())), Instance.Serverless)
}

// readerName is what is left for a reader in `peakline-<environment>-<name>`. The scaler's own readers start with auto.
var readerName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// serverlessSince holds the minor versions from which all of 0 to 256 capacity units can be had, where not every
// accepted version will do: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html
var serverlessSince = map[int]int{14: 12}

var databaseRules = []rule{
	{"the engine version is one that AWS creates", []string{"database.engineVersion", "database.engine"}, func(i inspection) {
		engine, version := engines[i.Database.Engine], i.Database.EngineVersion
		major, minor, known := engine.findMajor(version)
		switch {
		case known && slices.Contains(major.minors, minor):
		case known && slices.Contains(major.retired, minor):
			i.refuse("database.engineVersion", "%s is retired, AWS creates no cluster with it; want %s", version, engine.currentVersions(i.now))
		case known:
			i.refuse("database.engineVersion", "%s is no version of %s that Peakline knows; want %s", version, engine.title, engine.currentVersions(i.now))
		default:
			i.refuse("database.engineVersion", "major version of %s is unknown or long retired; want %s", version, engine.currentVersions(i.now))
		}
	}},
	{"the writer has a class", []string{"database.writer.instanceClass", "database.engine"}, func(i inspection) {
		if i.Database.Writer.InstanceClass == "" {
			i.refuse("database.writer.instanceClass", "missing, and it has no default; want for example %s", engines[i.Database.Engine].example)
		}
	}},
	{"instance classes exist for the engine and its version", []string{"database.engine"}, func(i inspection) {
		for path, instance := range i.Database.instances() {
			if at := path + ".instanceClass"; i.has(at) {
				i.refuseClass(at, instance.InstanceClass)
			}
		}
	}},
	{"there are 1 to 15 readers", []string{"database.engine"}, func(i inspection) {
		if n := i.readersAlways(); n < 1 || n > contract.MaxReaders {
			i.refuse("database.readers", "%d entries, want 1 to %d, the scaler's maximum included", n, contract.MaxReaders)
		}
	}},
	{"readers have names that fit into identifiers", nil, func(i inspection) {
		i.refuseSharedIDs("database.readers", slices.Sorted(maps.Keys(i.Database.Readers)))
		for name := range i.Database.Readers {
			path := readerPath(name)
			switch {
			case len(name) > 20 || !readerName.MatchString(name):
				i.note(i.keys[path], path, "the name %q does not fit into an instance identifier, want 1 to 20 lower-case letters, digits and single hyphens, a letter first", shorten(name))
			case name == "auto" || strings.HasPrefix(name, "auto-") || name == "writer":
				i.note(i.keys[path], path, "the name %q is taken, want another: auto is the scaler's own readers, writer is the writer", name)
			}
		}
	}},
	{"instances are in zones of the network", []string{"network.zones", "database.engine"}, func(i inspection) {
		for path, instance := range i.Database.instances() {
			switch {
			case i.Database.Engine == EngineRDS: // places its members itself
			case instance.Zone == "" && !i.refused(path+".zone"):
				i.refuse(path+".zone", "missing, and it has no default; want one of %s", strings.Join(i.Network.Zones, ", "))
			case !slices.Contains(i.Network.Zones, instance.Zone):
				i.refuse(path+".zone", "%q is not one of the network's zones, want one of %s", shorten(instance.Zone), strings.Join(i.Network.Zones, ", "))
			}
		}
	}},
	{"a reader is outside the writer's zone", []string{"database.writer.zone"}, func(i inspection) {
		zones, certain := i.readerZones()
		if certain && slices.Equal(zones, []string{i.Database.Writer.Zone}) && !i.refused("database.readers") {
			i.note(i.at("database.readers"), "database.readers", "all in the writer's zone %s, want at least one in another: with that zone the whole database would be gone", i.Database.Writer.Zone)
		}
	}},
	{"the capacity range is a range and is for serverless instances", []string{"database.serverlessCapacity"}, func(i inspection) {
		capacity := i.Database.ServerlessCapacity
		switch has, certain := i.serverless(); {
		case i.has("database.serverlessCapacity") && !has && certain:
			i.refuse("database.serverlessCapacity", "has no effect, no instance has the class %s; remove it", ServerlessClass)
		case capacity.Min > capacity.Max:
			i.refuse("database.serverlessCapacity", "min %v is above max %v, want min at most max", capacity.Min, capacity.Max)
		}
	}},
	{"the engine version has the capacity range", []string{"database.serverlessCapacity", "database.engineVersion"}, func(i inspection) {
		has, _ := i.serverless()
		capacity := i.Database.ServerlessCapacity
		major, minor, _ := engines[EngineAurora].findMajor(i.Database.EngineVersion)
		if since := serverlessSince[major.number]; has && minor < since && (capacity.Min == 0 || capacity.Max > 128) {
			i.refuse("database.serverlessCapacity", "%v to %v capacity units need version %d.%d or later, want 0.5 to 128 with %s",
				capacity.Min, capacity.Max, major.number, since, i.Database.EngineVersion)
		}
	}},
	{"logical replication keeps instances awake", []string{"database.serverlessCapacity", "database.logicalReplication"}, func(i inspection) {
		if has, _ := i.serverless(); has && i.Database.LogicalReplication && i.Database.ServerlessCapacity.Min == 0 {
			i.refuse("database.serverlessCapacity.min", "0 lets an idle instance pause, which logicalReplication prevents; want at least 0.5")
		}
	}},
	{"insights are kept for a time that AWS offers and the mode needs", []string{"database.insights"}, func(i inspection) {
		insights := i.Database.Insights
		days := insights.RetentionDays
		offered := days == 7 || days == 731 || days%31 == 0 && days >= 31 && days <= 23*31
		switch {
		case insights.Mode == InsightsOff && i.has("database.insights.retentionDays"):
			i.refuse("database.insights.retentionDays", "has no effect with mode: off; remove it")
		case insights.Mode == InsightsOff:
		case !offered:
			i.refuse("database.insights.retentionDays", "%d, want 7, a multiple of 31 up to 713, or 731", days)
		case insights.Mode == InsightsAdvanced && days != advancedInsightsDays: // the CDK takes no other
			i.refuse("database.insights.retentionDays", "%d, want %d with mode: advanced", days, advancedInsightsDays)
		}
	}},
	{"windows are windows", nil, func(i inspection) {
		if _, complaint := parseDaily(i.Database.BackupWindow); complaint != "" {
			i.refuse("database.backupWindow", "%q: %s", shorten(i.Database.BackupWindow), complaint)
		}
		if _, complaint := parseWeekly(i.Database.MaintenanceWindow); complaint != "" {
			i.refuse("database.maintenanceWindow", "%q: %s", shorten(i.Database.MaintenanceWindow), complaint)
		}
	}},
	{"the maintenance window is outside the backup window", []string{"database.backupWindow", "database.maintenanceWindow"}, func(i inspection) {
		daily, _ := parseDaily(i.Database.BackupWindow)
		weekly, _ := parseWeekly(i.Database.MaintenanceWindow)
		for day := range 7 {
			if weekly.overlaps(daily.on(day)) {
				path := "database.maintenanceWindow"
				if !i.has(path) {
					path = "database.backupWindow"
				}
				i.refuse(path, "backup %s and maintenance %s overlap, want them apart", i.Database.BackupWindow, i.Database.MaintenanceWindow)
				return
			}
		}
	}},
}

// serverless tells whether any instance is Aurora Serverless v2. It is not certain that none is while a class is refused.
func (i inspection) serverless() (has, certain bool) {
	certain = true
	for path := range i.Database.instances() {
		certain = certain && !i.refused(path+".instanceClass")
	}
	return i.Database.HasServerless(), certain
}

// readerZones lists the zones that have readers, sorted. It is not certain that these are all while one is refused.
func (i inspection) readerZones() (zones []string, certain bool) {
	certain = true
	for name, reader := range i.Database.Readers {
		certain = certain && i.sound(readerPath(name)+".zone")
		zones = append(zones, reader.Zone)
	}
	slices.Sort(zones)
	return slices.Compact(zones), certain && len(i.Database.Readers) == i.readersStated()
}

// advancedInsightsDays is the retention that the advanced mode requires: 15 months.
const advancedInsightsDays = 465

// refuseClass checks an instance class against the table and the engine version.
func (i inspection) refuseClass(path, class string) {
	engine := engines[i.Database.Engine]
	if class == "" {
		return
	}
	f, _, err := engine.findClass(class)
	if err != nil {
		i.refuse(path, "%v", err)
		return
	}
	major, minor, known := engine.findMajor(i.Database.EngineVersion)
	if since := f.since[major.number]; known && i.sound("database.engineVersion") && minor < since {
		i.refuse(path, "%s needs version %s or later, the cluster has %s", class, fmt.Sprintf("%d.%d", major.number, since), i.Database.EngineVersion)
	}
}
