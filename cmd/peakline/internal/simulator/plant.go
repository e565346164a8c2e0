package simulator

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/goccy/go-yaml"
)

// Plant holds the physics of the simulated Aurora cluster: what a reader can carry, how long it takes to come, how its
// connections and its cache fill, and what CloudWatch shows of it and when. Every policy runs on the same Plant.
type Plant struct {
	// Step is the resolution of the physics. It divides a minute; policies always act once a minute.
	Step time.Duration `yaml:"step"`
	// ReaderCapacity is what one warm reader serves at 100 % CPU, in requests per second.
	ReaderCapacity float64 `yaml:"readerCapacity"`
	// BadAbove is the utilisation (1 = 100 % of capacity) above which every request of a reader counts as bad.
	BadAbove float64 `yaml:"badAbove"`
	// VCPU is the size of every instance; DBLoad is counted in it.
	VCPU float64 `yaml:"vcpu"`
	// ConnectionLife is the pool's maximum connection lifetime; 0 means connections are never recycled.
	ConnectionLife time.Duration `yaml:"connectionLife"`

	Readers   Readers   `yaml:"readers"`
	Cache     Cache     `yaml:"cache"`
	Create    Create    `yaml:"create"`
	Metrics   Metrics   `yaml:"metrics"`
	Lag       Lag       `yaml:"lag"`
	Writer    Writer    `yaml:"writer"`
	Failovers Failovers `yaml:"failovers"`
	Billing   Billing   `yaml:"billing"`
}

// Readers bounds the reader count of every policy. Min readers belong to the cluster itself, the rest to the scaler.
type Readers struct {
	Min int `yaml:"min"`
	Max int `yaml:"max"`
}

// Cache describes the cold start: a reader of age a has the share 1 - Loss*exp(-a/Recovery) of its capacity.
type Cache struct {
	Loss     float64       `yaml:"loss"`
	Recovery time.Duration `yaml:"recovery"`
}

// Create describes CreateDBInstance: a lognormal delay, clipped, and the shares that never arrive or are refused.
type Create struct {
	Median time.Duration `yaml:"median"`
	// Spread is the standard deviation of the delay's logarithm.
	Spread         float64       `yaml:"spread"`
	Min            time.Duration `yaml:"min"`
	Max            time.Duration `yaml:"max"`
	NeverPercent   float64       `yaml:"neverPercent"`
	RefusedPercent float64       `yaml:"refusedPercent"`
	// FailsAfter is when RDS reports an instance that never arrives as failed.
	FailsAfter time.Duration `yaml:"failsAfter"`
}

// Metrics describes CloudWatch: a minute's point becomes visible between DelayMin and DelayMax after the minute ended.
type Metrics struct {
	DelayMin       time.Duration `yaml:"delayMin"`
	DelayMax       time.Duration `yaml:"delayMax"`
	NoisePercent   float64       `yaml:"noisePercent"`
	MissingPercent float64       `yaml:"missingPercent"`
}

// Lag describes AuroraReplicaLag as a sum of causes, in milliseconds.
type Lag struct {
	BaseMs float64 `yaml:"baseMs"`
	// QueriesMs is reached at 100 % utilisation and grows from QueriesAbove (a share of capacity) on.
	QueriesMs    float64 `yaml:"queriesMs"`
	QueriesAbove float64 `yaml:"queriesAbove"`
	// WritesMs is added for each multiple of normal writes beyond WritesAbove.
	WritesMs    float64 `yaml:"writesMs"`
	WritesAbove float64 `yaml:"writesAbove"`
	// RecoveryMs applies to every reader for RecoveryFor after a failover.
	RecoveryMs  float64       `yaml:"recoveryMs"`
	RecoveryFor time.Duration `yaml:"recoveryFor"`
	// CatchUpMs applies to a new reader for CatchUpFor.
	CatchUpMs  float64       `yaml:"catchUpMs"`
	CatchUpFor time.Duration `yaml:"catchUpFor"`
}

// Writer describes the writer under normal writes.
type Writer struct {
	CPUPercent float64 `yaml:"cpuPercent"`
}

// Failovers happen at random, on top of those a scenario plans.
type Failovers struct {
	PerMonth float64 `yaml:"perMonth"`
	// Duration is how long the old writer needs to return as a reader; the cluster is not available meanwhile.
	Duration time.Duration `yaml:"duration"`
}

// Billing starts when a reader becomes available and covers at least Minimum.
type Billing struct {
	Minimum time.Duration `yaml:"minimum"`
}

// DefaultPlant is the plant all published figures are measured on: a peak of 12,400 requests/s needs ten readers at
// 65 % CPU, and readers take six minutes (median) to come.
func DefaultPlant() Plant {
	return Plant{
		Step:           time.Minute,
		ReaderCapacity: 1908,
		BadAbove:       0.9,
		VCPU:           2,
		ConnectionLife: 10 * time.Minute,
		Readers:        Readers{Min: 2, Max: 15},
		Cache:          Cache{Loss: 0.35, Recovery: 5 * time.Minute},
		Create: Create{
			Median: 6 * time.Minute, Spread: 0.35, Min: 4 * time.Minute, Max: 15 * time.Minute,
			NeverPercent: 2, RefusedPercent: 1, FailsAfter: 30 * time.Minute,
		},
		Metrics: Metrics{DelayMin: time.Minute, DelayMax: 2 * time.Minute, NoisePercent: 2, MissingPercent: 1},
		Lag: Lag{
			BaseMs: 20, QueriesMs: 400, QueriesAbove: 0.8, WritesMs: 300, WritesAbove: 2,
			RecoveryMs: 800, RecoveryFor: 5 * time.Minute, CatchUpMs: 300, CatchUpFor: 3 * time.Minute,
		},
		Writer:    Writer{CPUPercent: 25},
		Failovers: Failovers{PerMonth: 0.2, Duration: time.Minute},
		Billing:   Billing{Minimum: 10 * time.Minute},
	}
}

// ReadersFor is the fewest readers within the bounds that serve a load without bad requests, warm and balanced.
func (p Plant) ReadersFor(load float64) int { return readersFor(p, load, p.BadAbove) }

// readersFor is how many warm, balanced readers carry a load at a utilisation, within the plant's bounds.
func readersFor(plant Plant, load, utilisation float64) int {
	// The tolerance keeps a load that fills n readers exactly from asking for n+1.
	readers := int(math.Ceil(load/(plant.ReaderCapacity*utilisation) - 1e-9))
	return min(max(readers, plant.Readers.Min), plant.Readers.Max)
}

// LoadPlant reads a plant file: YAML that names only the parameters differing from DefaultPlant. An unknown key, a
// wrong type or an impossible value is refused with its place, the value and what is allowed.
func LoadPlant(path string) (Plant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Plant{}, fmt.Errorf("read plant: %w", err)
	}
	plant, err := parsePlant(text)
	if err != nil {
		return Plant{}, fmt.Errorf("plant %s: %w", path, err)
	}
	return plant, nil
}

func parsePlant(text []byte) (Plant, error) {
	plant := DefaultPlant()
	if err := yaml.UnmarshalWithOptions(text, &plant, yaml.Strict()); err != nil {
		return Plant{}, errors.New(yaml.FormatError(err, false, true))
	}
	return plant, plant.Validate()
}

// Validate lists every parameter that has no physical meaning, each with its value and the allowed range.
func (p Plant) Validate() error {
	var mistakes []error
	number := func(key string, value, low, high float64) {
		if !(value >= low && value <= high) {
			mistakes = append(mistakes, fmt.Errorf("%s: %g, want %g to %g", key, value, low, high))
		}
	}
	duration := func(key string, value, low, high time.Duration) {
		if value < low || value > high {
			mistakes = append(mistakes, fmt.Errorf("%s: %v, want %v to %v", key, value, low, high))
		}
	}
	duration("step", p.Step, time.Second, time.Minute)
	if p.Step > 0 && time.Minute%p.Step != 0 {
		mistakes = append(mistakes, fmt.Errorf("step: %v, want a duration that divides a minute, such as 15s", p.Step))
	}
	number("readerCapacity", p.ReaderCapacity, 0.001, 1e9)
	number("badAbove", p.BadAbove, 0.1, 2)
	number("vcpu", p.VCPU, 1, 192)
	duration("connectionLife", p.ConnectionLife, 0, 24*time.Hour)
	number("readers.max", float64(p.Readers.Max), 1, 15)
	number("readers.min", float64(p.Readers.Min), 1, float64(max(1, p.Readers.Max)))
	number("cache.loss", p.Cache.Loss, 0, 0.95)
	duration("cache.recovery", p.Cache.Recovery, time.Second, 24*time.Hour)
	duration("create.min", p.Create.Min, 0, 12*time.Hour)
	duration("create.max", p.Create.Max, p.Create.Min, 12*time.Hour)
	duration("create.median", p.Create.Median, time.Second, 12*time.Hour)
	number("create.spread", p.Create.Spread, 0, 3)
	number("create.neverPercent", p.Create.NeverPercent, 0, 50)
	number("create.refusedPercent", p.Create.RefusedPercent, 0, 50)
	duration("create.failsAfter", p.Create.FailsAfter, time.Minute, 24*time.Hour)
	duration("metrics.delayMin", p.Metrics.DelayMin, 0, time.Hour)
	duration("metrics.delayMax", p.Metrics.DelayMax, p.Metrics.DelayMin, time.Hour)
	number("metrics.noisePercent", p.Metrics.NoisePercent, 0, 50)
	number("metrics.missingPercent", p.Metrics.MissingPercent, 0, 100)
	number("lag.baseMs", p.Lag.BaseMs, 0, 1e6)
	number("lag.queriesMs", p.Lag.QueriesMs, 0, 1e6)
	number("lag.queriesAbove", p.Lag.QueriesAbove, 0, 0.99)
	number("lag.writesMs", p.Lag.WritesMs, 0, 1e6)
	number("lag.writesAbove", p.Lag.WritesAbove, 0, 1e6)
	number("lag.recoveryMs", p.Lag.RecoveryMs, 0, 1e6)
	duration("lag.recoveryFor", p.Lag.RecoveryFor, 0, 24*time.Hour)
	number("lag.catchUpMs", p.Lag.CatchUpMs, 0, 1e6)
	duration("lag.catchUpFor", p.Lag.CatchUpFor, 0, 24*time.Hour)
	number("writer.cpuPercent", p.Writer.CPUPercent, 0, 100)
	number("failovers.perMonth", p.Failovers.PerMonth, 0, 1000)
	duration("failovers.duration", p.Failovers.Duration, 0, time.Hour)
	duration("billing.minimum", p.Billing.Minimum, 0, 24*time.Hour)
	return errors.Join(mistakes...)
}
