package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// multiAZReaders is how many readable standbys a Multi-AZ DB cluster has, each in a zone of its own.
const multiAZReaders = 2

// Volume is what each member of a Multi-AZ DB cluster keeps its copy of the data on. AWS enlarges it, and never makes it smaller.
type Volume struct {
	// Type is one of `gp3`, `io1` and `io2`. Default: `gp3`.
	Type string `json:"type,omitempty" jsonschema:"enum=gp3,enum=io1,enum=io2"`
	// Gibibytes is its size. Default: 400 in production, 100 in development.
	Gibibytes int `json:"gibibytes,omitempty" jsonschema:"minimum=20,maximum=65536"`
	// Iops is how many reads and writes it does in a second. Default: 12000 in production, 3000 in development.
	Iops int `json:"iops,omitempty" jsonschema:"minimum=1000,maximum=256000"`
}

func volumeDefaults(profile Profile) Volume {
	return Volume{Type: "gp3", Gibibytes: byProfile(profile, 100, 400), Iops: byProfile(profile, 3000, 12000)}
}

// stripedFrom is the size from which RDS spreads a gp3 volume over four, each with 3000 operations a second at least.
const stripedFrom = 400

// auroraOnly are settings that a Multi-AZ DB cluster has not, and why.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.Limitations.html
var auroraOnly = []struct{ path, because string }{
	{"database.writer.zone", "RDS puts a member into each of three zones"},
	{"database.writer.promotionTier", "RDS promotes the standby that is least behind"},
	{"database.readers", "a Multi-AZ DB cluster has two readers of the writer's class, always"},
	{"database.serverlessCapacity", "only Aurora is serverless"},
	{"database.backup.copyRegion", "AWS copies no snapshot of a Multi-AZ DB cluster"},
	{"database.backup.copyVaultArn", "AWS copies no snapshot of a Multi-AZ DB cluster"},
}

// scalerWithoutReaders are the settings of the scaler that mean something where the number of readers is fixed by AWS.
var scalerWithoutReaders = []string{"scaler.control", "scaler.lagObjectiveMilliseconds", "scaler.poolLifetimeMinutes"}

var multiAZRules = []rule{
	{"a Multi-AZ DB cluster has nothing that only Aurora has", []string{"database.engine"}, func(i inspection) {
		if i.Database.Engine != EngineRDS {
			return
		}
		for _, setting := range auroraOnly {
			if i.has(setting.path) {
				i.refuse(setting.path, "has no effect with engine: %s, %s; remove it", EngineRDS, setting.because)
			}
		}
		for path := range i.keys {
			if parent(path) == "scaler" && !slices.Contains(scalerWithoutReaders, path) {
				i.refuse(path, "has no effect with engine: %s, which has %d readers, always; remove it", EngineRDS, multiAZReaders)
			}
		}
	}},
	{"nothing scales the readers of a Multi-AZ DB cluster", []string{"database.engine", "scaler.control"}, func(i inspection) {
		if i.Database.Engine == EngineRDS && i.Scaler.Control != ControlFixed {
			i.refuse("scaler.control", "%s, but a Multi-AZ DB cluster has %d readers and takes no more; want %s, or engine: %s, whose readers come and go",
				i.Scaler.Control, multiAZReaders, ControlFixed, EngineAurora)
		}
	}},
	{"a Multi-AZ DB cluster has three zones", []string{"database.engine", "network.zones"}, func(i inspection) {
		if n := len(i.Network.Zones); i.Database.Engine == EngineRDS && n <= multiAZReaders {
			i.refuse("network.zones", "%s, want 3 with engine: %s, one for each member", count(n, "entry", "entries"), EngineRDS)
		}
	}},
	{"the certificate authority of a Multi-AZ DB cluster is the account's", []string{"database.engine", "database.caCertificate"}, func(i inspection) {
		if i.Database.Engine == EngineRDS && i.has("database.caCertificate") {
			i.refuse("database.caCertificate", "has no effect with engine: %s, CloudFormation cannot set it; remove it, and choose with aws rds modify-certificates", EngineRDS)
		}
	}},
	{"storage is sized where it does not grow by itself", []string{"database.engine", "database.storage"}, func(i inspection) {
		if i.Database.Engine == EngineAurora && i.has("database.storage") {
			i.refuse("database.storage", "has no effect with engine: %s, whose storage grows by itself; remove it", EngineAurora)
		}
	}},
	{"storage has a size and speed that RDS offers", []string{"database.engine", "database.storage"}, func(i inspection) {
		storage := i.Database.Storage
		fewest, most := storage.speeds()
		want := fmt.Sprintf("%d to %d", fewest, most)
		if fewest == most {
			want = strconv.Itoa(fewest)
		}
		switch {
		case i.Database.Engine != EngineRDS:
		case strings.HasPrefix(storage.Type, "io") && storage.Gibibytes < 100:
			i.refuse("database.storage.gibibytes", "%d, want at least 100 with type: %s", storage.Gibibytes, storage.Type)
		case storage.Iops < fewest || storage.Iops > most:
			i.refuse("database.storage.iops", "%d, want %s with type: %s and %d GiB", storage.Iops, want, storage.Type, storage.Gibibytes)
		}
	}},
}

// speeds are the fewest and the most operations a second that a volume may be asked for: of gp3 what its size comes with or
// more, of the others half to fifty times its gibibytes.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
func (v Volume) speeds() (fewest, most int) {
	switch {
	case v.Type != "gp3":
		return max(1000, v.Gibibytes/2), min(256000, 50*v.Gibibytes)
	case v.Gibibytes < stripedFrom:
		return 3000, 3000
	default:
		return 12000, min(64000, 50*v.Gibibytes)
	}
}
