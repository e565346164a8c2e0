package decision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Mode says what the scaler may do. The zero value is Active.
type Mode string

const (
	// Active decides and acts.
	Active Mode = "active"
	// DryRun decides and reports, and makes no write call at all.
	DryRun Mode = "dry-run"
	// Paused holds the current readers.
	Paused Mode = "paused"
)

// Duration is a time.Duration that reads and writes as text, such as "15m" or "1h30m", in JSON and YAML.
type Duration struct{ time.Duration }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read duration: %q is none, want for example \"15m\" or \"1h30m\"", text)
	}
	d.Duration = parsed
	return nil
}

// Policy is everything an operator decides about the readers. ProductionPolicy is the shipped default; a policy file
// or parameter states only what differs from it.
type Policy struct {
	Mode Mode `json:"mode"`
	// Min and Max bound the readers of the cluster, foreign ones counted: 1 <= min <= max <= 15.
	Min int `json:"min"`
	Max int `json:"max"`
	// Prefix starts the identifiers of the scaler's readers; slots follow as "-r01" to "-r15".
	Prefix string `json:"prefix"`
	// CapPercent is the reader CPU that the forecast's upper bound may reach, 20 to 110: the knob between cost and service.
	// What it leaves is for surprises that no history shows; above 100 the bound itself is not served in full.
	CapPercent float64 `json:"capPercent"`
	// RiskPercent is the accepted chance, in percent, that demand outgrows the readers before more can help:
	// 0.01 to 50.
	RiskPercent float64 `json:"riskPercent"`
	// LagObjectiveMs is the replica lag above which readers count as lagging.
	LagObjectiveMs float64 `json:"lagObjectiveMs"`
	// PoolLifetime is how long clients keep a connection; a new reader gets its share of them only this fast.
	PoolLifetime Duration `json:"poolLifetime"`
	// Stabilisation is how long fewer readers must have sufficed before one goes.
	Stabilisation Duration `json:"stabilisation"`
	// ConnectionsPerReader is how many client connections one reader may have; 0 leaves connections out of the sizing.
	ConnectionsPerReader int `json:"connectionsPerReader,omitempty"`
	// Classes are the instance classes to fall back on, in order, when the writer's class is refused.
	Classes []string `json:"classes,omitempty"`
	// Zones are the zones to create in; empty means those in which the cluster has members.
	Zones []string `json:"zones,omitempty"`
	// Floors are the planned events, already resolved to instants.
	Floors []Floor `json:"floors,omitempty"`
	// Freezes are windows in which nothing is created or deleted.
	Freezes []Window `json:"freezes,omitempty"`
	// Override is the operator's brake; nil means none.
	Override *Override `json:"override,omitempty"`
}

// The highest CapPercent and RiskPercent that a policy may set.
const (
	MaxCapPercent  = 110.0
	MaxRiskPercent = 50.0
)

// Window is a named span of time, From included, Until not.
type Window struct {
	Name  string    `json:"name"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Floor is the least number of readers during a planned event: Readers, or LoadMultiple times the load that is normal
// at that time, whichever is more. The readers serve when the window opens: their creation starts Lead earlier.
type Floor struct {
	Window       `json:",inline"`
	Readers      int     `json:"readers,omitempty"`
	LoadMultiple float64 `json:"loadMultiple,omitempty"`
	// Lead is how long before From the readers are asked for; zero means the learned create time plus the spread of
	// connections.
	Lead Duration `json:"lead,omitzero"`
}

// Override is the operator's hand on the policy, effective until it expires. It stays within the policy's bounds.
type Override struct {
	Paused bool      `json:"paused,omitempty"`
	Floor  int       `json:"floor,omitempty"` // least readers; 0: none
	Until  time.Time `json:"until"`           // the override is void from here on
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}

// ProductionPolicy is the shipped default.
func ProductionPolicy() Policy {
	return Policy{
		Mode:           Active,
		Min:            2,
		Max:            15,
		Prefix:         "peakline-prod-auto",
		CapPercent:     67,
		RiskPercent:    1,
		LagObjectiveMs: 100,
		PoolLifetime:   Duration{10 * time.Minute},
		Stabilisation:  Duration{10 * time.Minute},
	}
}

// ParsePolicy reads a policy as JSON over ProductionPolicy: what the text leaves out keeps the shipped value. Unknown
// fields and everything Validate refuses are errors.
func ParsePolicy(text []byte) (Policy, error) {
	policy := ProductionPolicy()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil {
		return Policy{}, fmt.Errorf("read replica policy: %w", err)
	}
	if decoder.More() {
		return Policy{}, errors.New("read replica policy: text after the policy's closing brace")
	}
	return policy, policy.Validate()
}

// Validate returns every mistake in the policy, joined, or nil.
func (p Policy) Validate() error {
	var mistakes []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			mistakes = append(mistakes, fmt.Errorf(format, args...))
		}
	}
	outside := func(v, low, high float64) bool { return math.IsNaN(v) || v < low || v > high }
	refuse(p.Mode != "" && p.Mode != Active && p.Mode != DryRun && p.Mode != Paused,
		"mode: %q, want %q, %q or %q", p.Mode, Active, DryRun, Paused)
	refuse(p.Min < 1 || p.Min > MaxReaders, "min: %d readers, want 1 to %d", p.Min, MaxReaders)
	refuse(p.Max < 1 || p.Max > MaxReaders, "max: %d readers, want 1 to %d", p.Max, MaxReaders)
	refuse(p.Min > p.Max, "min: %d is above max %d", p.Min, p.Max)
	refuse(p.Prefix == "", "prefix: empty, want the start of the readers' identifiers such as %q", "peakline-prod-auto")
	refuse(outside(p.CapPercent, 20, MaxCapPercent), "capPercent: %v, want 20 to %v", p.CapPercent, MaxCapPercent)
	refuse(outside(p.RiskPercent, 0.01, MaxRiskPercent), "riskPercent: %v, want 0.01 to %v", p.RiskPercent, MaxRiskPercent)
	refuse(outside(p.LagObjectiveMs, 1, 60_000), "lagObjectiveMs: %v, want 1 to 60000", p.LagObjectiveMs)
	refuse(p.PoolLifetime.Duration < time.Minute || p.PoolLifetime.Duration > 4*time.Hour,
		"poolLifetime: %v, want 1m to 4h", p.PoolLifetime)
	refuse(p.Stabilisation.Duration < time.Minute || p.Stabilisation.Duration > 4*time.Hour,
		"stabilisation: %v, want 1m to 4h", p.Stabilisation)
	refuse(p.ConnectionsPerReader < 0 || p.ConnectionsPerReader > 16_000,
		"connectionsPerReader: %d, want 0 to 16000", p.ConnectionsPerReader)
	for i, f := range p.Floors {
		refuse(!f.From.Before(f.Until), "floors[%d] %q: ends %v, not after its start %v", i, f.Name, f.Until, f.From)
		refuse(f.Readers < 0 || f.Readers > p.Max, "floors[%d] %q: %d readers, want 0 to max %d", i, f.Name, f.Readers, p.Max)
		refuse(f.LoadMultiple != 0 && outside(f.LoadMultiple, 1, 100), "floors[%d] %q: loadMultiple %v, want 1 to 100", i, f.Name, f.LoadMultiple)
		refuse(f.Readers == 0 && f.LoadMultiple == 0, "floors[%d] %q: neither readers nor loadMultiple, want one", i, f.Name)
		refuse(f.Lead.Duration < 0 || f.Lead.Duration > 24*time.Hour, "floors[%d] %q: lead %v, want 0 to 24h", i, f.Name, f.Lead)
	}
	for i, w := range p.Freezes {
		refuse(!w.From.Before(w.Until), "freezes[%d] %q: ends %v, not after its start %v", i, w.Name, w.Until, w.From)
	}
	if o := p.Override; o != nil {
		refuse(o.Floor < 0 || o.Floor > p.Max, "override: floor of %d readers, want 0 to max %d", o.Floor, p.Max)
		refuse(o.Until.IsZero(), "override: no expiry, want until as an instant")
	}
	return errors.Join(mistakes...)
}

// sane is the policy within bounds that no input may break, whatever Validate would say.
func (p Policy) sane() Policy {
	shipped := ProductionPolicy()
	within := func(v, low, high, otherwise float64) float64 {
		if math.IsNaN(v) || v <= 0 {
			return otherwise
		}
		return min(max(v, low), high)
	}
	p.Max = min(max(p.Max, 1), MaxReaders)
	p.Min = min(max(p.Min, 1), p.Max)
	if p.Prefix == "" {
		p.Prefix = shipped.Prefix
	}
	p.CapPercent = within(p.CapPercent, 20, MaxCapPercent, shipped.CapPercent)
	p.RiskPercent = within(p.RiskPercent, 0.01, MaxRiskPercent, shipped.RiskPercent)
	p.LagObjectiveMs = within(p.LagObjectiveMs, 1, 60_000, shipped.LagObjectiveMs)
	duration := func(d Duration, otherwise Duration) Duration {
		if d.Duration <= 0 {
			return otherwise
		}
		return Duration{min(max(d.Duration, time.Minute), 4*time.Hour)}
	}
	p.PoolLifetime = duration(p.PoolLifetime, shipped.PoolLifetime)
	p.Stabilisation = duration(p.Stabilisation, shipped.Stabilisation)
	return p
}
