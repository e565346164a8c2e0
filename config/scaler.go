package config

import (
	"cmp"

	"peakline/lambda/decision"
)

// Control names what changes the number of readers. There is only ever one.
type Control string

// Peakline's own scaler, AWS's target tracking, or nothing: the readers of the file and no more.
const (
	ControlPeakline       Control = "peakline"
	ControlTargetTracking Control = "target-tracking"
	ControlFixed          Control = "fixed"
)

// ScalerMode says how far Peakline's scaler goes.
type ScalerMode string

// Active acts, dry-run decides and explains without acting, paused only observes.
const (
	ScalerActive ScalerMode = "active"
	ScalerDryRun ScalerMode = "dry-run"
	ScalerPaused ScalerMode = "paused"
)

// Scaler is the policy of the replica scaler. Its numbers count all readers of the cluster, those of the file included.
type Scaler struct {
	// Control is one of `peakline`, `target-tracking` and `fixed`. Default: `peakline`, and `fixed` with `rds-postgres`.
	Control Control `json:"control,omitempty" jsonschema:"enum=peakline,enum=target-tracking,enum=fixed"`
	// Mode is one of `active`, `dry-run` and `paused`, for `peakline`. Default: `active`.
	Mode ScalerMode `json:"mode,omitempty" jsonschema:"enum=active,enum=dry-run,enum=paused"`
	// Min is the fewest readers. Default: as many as `database.readers` has.
	Min int `json:"min,omitempty" jsonschema:"minimum=1,maximum=15"`
	// Max is the most readers. Default: 15 in production, 4 in development.
	Max int `json:"max,omitempty" jsonschema:"minimum=1,maximum=15"`
	// CapPercent is the reader CPU that Peakline's forecast may reach at its upper bound: the knob between cost and service, and what is left for surprises. Above 100 the bound itself is not served in full. Default: 67.
	CapPercent float64 `json:"capPercent,omitempty" jsonschema:"minimum=20,maximum=110"`
	// RiskPercent is the accepted chance that demand outgrows the readers before more can help. Default: 1.
	RiskPercent float64 `json:"riskPercent,omitempty" jsonschema:"minimum=0.01,maximum=50"`
	// TargetTracking is for `control: target-tracking`.
	TargetTracking TargetTracking `json:"targetTracking,omitempty"`
	// PoolLifetimeMinutes is the longest that a client keeps a database connection, and with it how soon a new reader carries its share. Behind the shipped PgBouncer, which renews connections every two minutes, ten leaves room for clients with pools of their own. Default: 10.
	PoolLifetimeMinutes int `json:"poolLifetimeMinutes,omitempty" jsonschema:"minimum=1,maximum=240"`
	// StabilisationMinutes is how long fewer readers must have sufficed before one is removed. Default: 10.
	StabilisationMinutes int `json:"stabilisationMinutes,omitempty" jsonschema:"minimum=1,maximum=240"`
	// LagObjectiveMilliseconds is the replica lag that counts as good. Default: 100.
	LagObjectiveMilliseconds int `json:"lagObjectiveMilliseconds,omitempty" jsonschema:"minimum=10,maximum=60000"`
	// FreezeWindows are times in which no reader is added or removed, whatever the load.
	FreezeWindows []FreezeWindow `json:"freezeWindows,omitempty" jsonschema:"maxItems=100"`
	// FallbackClasses are tried in this order when AWS has no capacity for the writer's class.
	FallbackClasses []string `json:"fallbackClasses,omitempty" jsonschema:"uniqueItems=true,maxItems=5"`
	// CapacityReservation is the name or the id (`dbcr-…`) of a DB capacity reservation that new readers use. Readers beyond it, or of a class or zone that it does not cover, come without it.
	CapacityReservation string `json:"capacityReservation,omitempty" jsonschema:"pattern=^[a-z][a-z0-9-]*$,maxLength=63,example=black-friday"`
	// MonthlyReaderHours is a budget for added readers. Passing it raises an alarm and never removes a reader; 0 is no budget.
	MonthlyReaderHours int `json:"monthlyReaderHours,omitempty" jsonschema:"minimum=0,maximum=11160"`
	// ReservedConcurrency reserves one concurrent execution for the scaler. Switch it off where the account's quota is too small.
	ReservedConcurrency bool `json:"reservedConcurrency,omitempty"`
}

// TargetTracking is AWS's own policy, Application Auto Scaling on the readers' average CPU.
type TargetTracking struct {
	// TargetPercent is the reader CPU it aims at. Default: 50.
	TargetPercent int `json:"targetPercent,omitempty" jsonschema:"minimum=20,maximum=80"`
	// ScaleInCooldownSeconds is the pause after a removal. Default: 300.
	ScaleInCooldownSeconds int `json:"scaleInCooldownSeconds,omitempty" jsonschema:"minimum=0,maximum=3600"`
	// ScaleOutCooldownSeconds is the pause after an addition. Default: 300.
	ScaleOutCooldownSeconds int `json:"scaleOutCooldownSeconds,omitempty" jsonschema:"minimum=0,maximum=3600"`
}

// FreezeWindow is one span of time, written like that of an event.
type FreezeWindow struct {
	// Name says what the window is for.
	Name string `json:"name" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9 ._-]*$,maxLength=64,example=stock-taking"`
	// Start is local wall-clock time, `2026-11-27T00:00`.
	Start string `json:"start" jsonschema:"required,pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$,example=2026-11-27T00:00"`
	// End is local wall-clock time, after the start.
	End string `json:"end" jsonschema:"required,pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$,example=2026-11-28T00:00"`
	// TimeZone is an IANA name. Default: `UTC`.
	TimeZone string `json:"timeZone,omitempty" jsonschema:"pattern=^(UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+)$,example=Europe/Berlin"`
}

// scalerDefaults takes the numbers of the decision from the decision: there is one shipped policy.
func scalerDefaults(profile Profile) Scaler {
	policy := decision.ProductionPolicy()
	return Scaler{
		Control:                  ControlPeakline,
		Mode:                     ScalerMode(policy.Mode),
		Max:                      byProfile(profile, 4, policy.Max),
		CapPercent:               policy.CapPercent,
		RiskPercent:              policy.RiskPercent,
		LagObjectiveMilliseconds: int(policy.LagObjectiveMs),
		PoolLifetimeMinutes:      int(policy.PoolLifetime.Minutes()),
		StabilisationMinutes:     int(policy.Stabilisation.Minutes()),
		TargetTracking:           TargetTracking{TargetPercent: 50, ScaleInCooldownSeconds: 300, ScaleOutCooldownSeconds: 300},
		ReservedConcurrency:      byProfile(profile, false, true),
	}
}

func (s *Scaler) complete(d *document, engine Engine) {
	if engine == EngineRDS {
		s.Min, s.Max = multiAZReaders, multiAZReaders
		if !d.has("scaler.control") {
			s.Control = ControlFixed
		}
	}
	s.Min = cmp.Or(s.Min, d.readersStated())
	for i := range s.FreezeWindows {
		s.FreezeWindows[i].TimeZone = cmp.Or(s.FreezeWindows[i].TimeZone, "UTC")
	}
}

// Span is the window in absolute time.
func (f FreezeWindow) Span() Span { return spanOf(f.Start, f.End, f.TimeZone) }

// hoursOfAMonth are those of February.
const hoursOfAMonth = 28 * 24

var scalerRules = []rule{
	{"min is at most max, with the readers of the file between them", []string{"scaler.min", "scaler.max", "scaler.control"}, func(i inspection) {
		switch always := i.readersAlways(); {
		case i.refused("database.readers"):
		case i.Scaler.Max < always:
			i.refuse("scaler.max", "%d, want at least the %d readers that are always there", i.Scaler.Max, always)
		case i.Scaler.Min < always:
			i.refuse("scaler.min", "%d, want at least the %d readers that are always there", i.Scaler.Min, always)
		case i.Scaler.Control == ControlFixed && i.Scaler.Min > always:
			i.refuse("scaler.min", "%d, but control: fixed adds no reader to the %d that are always there", i.Scaler.Min, always)
		case i.Scaler.Min > i.Scaler.Max:
			i.refuse("scaler.min", "%d, want at most scaler.max, %d", i.Scaler.Min, i.Scaler.Max)
		}
	}},
	{"modes are for Peakline's own control", []string{"scaler.control"}, func(i inspection) {
		if i.Scaler.Control != ControlPeakline && i.Scaler.Mode != ScalerActive {
			i.refuse("scaler.mode", "%s has no effect with control: %s; remove it", i.Scaler.Mode, i.Scaler.Control)
		}
	}},
	{"target tracking has no freeze windows", []string{"scaler.control"}, func(i inspection) {
		if i.Scaler.Control == ControlTargetTracking && len(i.Scaler.FreezeWindows) > 0 {
			i.refuse("scaler.freezeWindows", "target-tracking adds and removes readers whatever they say; remove them, or want control: peakline")
		}
	}},
	{"the readers that the minimum adds are within the budget", []string{"scaler.min", "scaler.monthlyReaderHours", "database.readers"}, func(i inspection) {
		hours := (i.Scaler.Min - i.readersAlways()) * hoursOfAMonth
		if budget := i.Scaler.MonthlyReaderHours; budget > 0 && hours > budget {
			i.refuse("scaler.monthlyReaderHours", "%d, but scaler.min alone adds %d in the shortest month; want more than that", budget, hours)
		}
	}},
	{"target tracking has provisioned instances", []string{"scaler.control"}, func(i inspection) {
		if has, _ := i.serverless(); has && i.Scaler.Control == ControlTargetTracking {
			i.refuse("scaler.control", "target-tracking, but AWS's does not support %s readers; want peakline or fixed", ServerlessClass)
		}
	}},
	{"a capacity reservation is for provisioned instances", []string{"database.writer.instanceClass"}, func(i inspection) {
		if i.Scaler.CapacityReservation != "" && i.Database.Writer.Serverless() {
			i.refuse("scaler.capacityReservation", "has no effect, new readers have the writer's class, %s; remove it", ServerlessClass)
		}
	}},
	{"fallback classes exist and differ from the writer's", nil, func(i inspection) {
		for n, class := range i.Scaler.FallbackClasses {
			path := index("scaler.fallbackClasses", n)
			switch class {
			case ServerlessClass:
				i.refuse(path, "%s, want a provisioned class", class)
			case i.Database.Writer.InstanceClass:
				i.refuse(path, "%s is the writer's class, which is tried first; want another", class)
			case "":
				i.refuse(path, "empty, want an instance class such as db.r7g.large")
			default:
				i.refuseClass(path, class)
			}
		}
	}},
	{"freeze windows are spans ahead of us", nil, func(i inspection) {
		for n, freeze := range i.Scaler.FreezeWindows {
			i.refuseSpan(index("scaler.freezeWindows", n), freeze.Start, freeze.End, freeze.TimeZone)
		}
	}},
	{"freeze windows leave an event's readers time to come up", []string{"scaler.freezeWindows", "events"}, func(i inspection) {
		for n, freeze := range i.Scaler.FreezeWindows {
			for _, event := range i.Events {
				lead := cmp.Or(event.LeadMinutes, usualLeadMinutes)
				begin := event.Span().Start
				if freeze.Span().Start.Before(begin) && freeze.Span().End.After(begin.Add(-minutes(lead))) {
					i.refuse(index("scaler.freezeWindows", n), "%q lies over the %d minutes before the event %q, in which its readers come up; want it to start with the event or to end before",
						freeze.Name, lead, event.Name)
				}
			}
		}
	}},
}
