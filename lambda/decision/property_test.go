package decision

import (
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var anyStatus = rapid.SampledFrom([]string{
	"available", "available", "available", "available", "creating", "deleting", "failed", "incompatible-network",
	"insufficient-capacity", "backing-up", "modifying", "rebooting", "storage-full", "no-such-status", "",
})

var anyClass = rapid.SampledFrom([]string{"db.r8g.large", "db.r8g.large", "db.r8g.2xlarge", "db.t4g.medium", "db.serverless", "", "nonsense"})

// anyTime is mostly near now, at times absurd.
func anyTime(now time.Time) *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			return time.Time{}
		case 1:
			return time.Unix(rapid.Int64().Draw(t, "seconds")>>8, 0)
		}
		return now.Add(time.Duration(rapid.IntRange(-300, 60).Draw(t, "minutes")) * time.Minute)
	})
}

// anySeries is samples as a broken monitoring system might deliver them.
func anySeries(now time.Time, high float64) *rapid.Generator[Series] {
	return rapid.Custom(func(t *rapid.T) Series {
		var s Series
		for range rapid.IntRange(0, 20).Draw(t, "points") {
			p := Sample{Minute: now.Unix()/60 - int64(rapid.IntRange(-3, 18).Draw(t, "back")), Value: rapid.Float64Range(0, high).Draw(t, "value")}
			switch rapid.IntRange(0, 20).Draw(t, "kind") {
			case 0:
				p.Value = rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300}).Draw(t, "odd")
			case 1:
				p.Minute = rapid.Int64().Draw(t, "minute")
			}
			s = append(s, p)
		}
		return s
	})
}

func anyScenario(t *rapid.T) *scenario {
	s := &scenario{now: noon.Add(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "now")) * time.Minute), policy: ProductionPolicy()}
	s.policy.Prefix = prefix
	s.policy.Min = rapid.IntRange(1, MaxReaders).Draw(t, "min")
	s.policy.Max = rapid.IntRange(s.policy.Min, MaxReaders).Draw(t, "max")
	s.policy.RiskPercent = rapid.Float64Range(0.01, MaxRiskPercent).Draw(t, "risk")
	s.policy.CapPercent = rapid.Float64Range(20, MaxCapPercent).Draw(t, "cap")
	s.policy.Mode = rapid.SampledFrom([]Mode{Active, Active, Active, DryRun, Paused, ""}).Draw(t, "mode")
	if rapid.Bool().Draw(t, "floor") {
		from := anyTime(s.now).Draw(t, "from")
		s.policy.Floors = []Floor{{Window: Window{From: from, Until: from.Add(time.Hour)}, Readers: rapid.IntRange(0, 20).Draw(t, "floor readers"), LoadMultiple: rapid.Float64Range(0, 10).Draw(t, "multiple")}}
	}
	if rapid.IntRange(0, 9).Draw(t, "freeze") == 0 {
		s.policy.Freezes = []Window{{From: s.now.Add(-time.Hour), Until: anyTime(s.now).Draw(t, "until")}}
	}
	s.obs.Cluster = Cluster{
		Status:                rapid.SampledFrom([]string{"available", "available", "available", "available", "modifying", "failing-over", ""}).Draw(t, "cluster"),
		Serverless:            rapid.IntRange(0, 4).Draw(t, "serverless") == 0,
		GlobalSecondary:       rapid.IntRange(0, 9).Draw(t, "secondary") == 0,
		AutoScalingRegistered: rapid.IntRange(0, 19).Draw(t, "aas") == 0,
	}
	members := rapid.IntRange(0, 18).Draw(t, "members")
	for i := range members {
		m := Member{
			ID:     rapid.SampledFrom([]string{SlotID(prefix, i%MaxReaders+1), SlotID(prefix, i%MaxReaders+1), "foreign-" + string(rune('a'+i)), "twice"}).Draw(t, "id"),
			Status: anyStatus.Draw(t, "status"), Class: anyClass.Draw(t, "class"),
			VCPU:      rapid.SampledFrom([]float64{2, 2, 2, 0, 8, -1, math.NaN()}).Draw(t, "vcpu"),
			Zone:      rapid.SampledFrom([]string{"a", "b", "c", ""}).Draw(t, "zone"),
			Tier:      rapid.SampledFrom([]int{15, 15, 15, 15, 2, 1, 0, -1}).Draw(t, "tier"),
			Owned:     rapid.IntRange(0, 3).Draw(t, "owned") > 0,
			CreatedAt: anyTime(s.now).Draw(t, "created"), AvailableAt: anyTime(s.now).Draw(t, "availableAt"),
			CPU: anySeries(s.now, 100).Draw(t, "cpu"), DBLoad: anySeries(s.now, 8).Draw(t, "dbLoad"),
			LagMs: anySeries(s.now, 200).Draw(t, "lag"), Connections: anySeries(s.now, 500).Draw(t, "connections"),
			ACUUtilization: anySeries(s.now, 100).Draw(t, "acu"),
		}
		if i == 0 && rapid.IntRange(0, 9).Draw(t, "writer") > 0 || rapid.IntRange(0, 40).Draw(t, "second writer") == 0 {
			m.Role = Writer
		}
		s.obs.Members = append(s.obs.Members, m)
	}
	for range rapid.IntRange(0, 4).Draw(t, "failures") {
		s.history.Failures = append(s.history.Failures, Failure{
			At:   anyTime(s.now).Draw(t, "failed"),
			Code: rapid.SampledFrom([]string{"InsufficientDBInstanceCapacity", "InstanceQuotaExceededFault", "AccessDenied", "Throttling", "", "what"}).Draw(t, "code"),
			Zone: rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "failed zone"), Class: anyClass.Draw(t, "failed class"),
		})
	}
	for range rapid.IntRange(0, 3).Draw(t, "events") {
		s.history.Events = append(s.history.Events, Event{
			At:   anyTime(s.now).Draw(t, "event"),
			Kind: rapid.SampledFrom([]string{EventFailover, EventMaintenance, EventRestart, EventAlarm, "what"}).Draw(t, "kind"),
		})
	}
	if rapid.Bool().Draw(t, "history") {
		busy := rapid.Float64Range(0, 10).Draw(t, "busy")
		newest := s.now.Unix()/60 - 2
		for back := range int64(rapid.IntRange(0, 2000).Draw(t, "history minutes")) {
			s.history.AddDemand(newest-back, busy*(1+0.5*math.Sin(float64(back)/100)))
		}
		s.history.Learn(s.now, s.policy.Floors)
	}
	return s
}

// neverUnsafe: whatever is observed, no decision is unsafe, and the same input gives the same output.
func neverUnsafe(t *rapid.T) {
	s := anyScenario(t)
	d := s.decide()
	if err := unsafeActions(s.obs, s.policy, d, s.now); err != nil {
		t.Fatalf("unsafe action: %v\ndecision %+v", err, d)
	}
	if again := s.decide(); !reflect.DeepEqual(d, again) {
		t.Fatalf("the same input gave %+v and then %+v: replays would not tell what the function did", d, again)
	}
}

func TestNoDecisionIsUnsafe(t *testing.T) { rapid.Check(t, neverUnsafe) }

func FuzzDecide(f *testing.F) { f.Fuzz(rapid.MakeFuzz(neverUnsafe)) }

func TestInvalidPoliciesStillBoundTheReaders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := cluster(rapid.IntRange(0, 15).Draw(t, "readers"), rapid.Float64Range(0, 100).Draw(t, "cpu"))
		s.policy = Policy{
			Min: rapid.IntRange(-100, 100).Draw(t, "min"), Max: rapid.IntRange(-100, 100).Draw(t, "max"),
			CapPercent: rapid.Float64().Draw(t, "cap"), RiskPercent: rapid.Float64().Draw(t, "risk"),
			PoolLifetime:  Duration{time.Duration(rapid.Int64().Draw(t, "pool"))},
			Stabilisation: Duration{time.Duration(rapid.Int64().Draw(t, "stabilisation"))},
		}
		if d := s.decide(); d.Desired < 1 || d.Desired > MaxReaders || len(d.Creates) > MaxReaders {
			t.Fatalf("policy %+v led to %d readers, want 1 to %d", s.policy, d.Desired, MaxReaders)
		}
	})
}

func TestMoreWorkNeverLowersTheNeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 15).Draw(t, "readers")
		base := rapid.SliceOfN(rapid.Float64Range(0, 90), n, n).Draw(t, "cpu")
		slope := rapid.Float64Range(-1, 1).Draw(t, "slope")
		scale := rapid.Float64Range(1, 3).Draw(t, "scale")
		shift := rapid.Float64Range(0, 40).Draw(t, "shift")
		withLoad := func(scale, shift float64) *scenario {
			s := cluster(n, 0)
			s.readers(func(i int, m *Member) {
				for k := range m.CPU {
					m.CPU[k].Value = max(0, base[i]+slope*float64(k))*scale + shift
				}
			})
			return s
		}
		less, more := withLoad(1, 0).decide(), withLoad(scale, shift).decide()
		if more.Need < less.Need {
			t.Fatalf("load times %v plus %v points lowered the need from %d to %d readers", scale, shift, less.Need, more.Need)
		}
	})
}

func TestWithoutNewSamplesTheLoadActsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := cluster(rapid.IntRange(3, 12).Draw(t, "readers"), rapid.Float64Range(0, 100).Draw(t, "cpu"))
		first := s.decide()
		s.history.Remember(first, s.now)
		for _, c := range first.Creates {
			m := instance(c.ID, 0, 0)
			m.Status, m.Owned, m.Tier, m.CreatedAt, m.AvailableAt = "creating", true, 15, s.now, time.Time{}
			m.CPU, m.LagMs, m.Connections = nil, nil, nil
			if rapid.Bool().Draw(t, "visible") {
				s.obs.Members = append(s.obs.Members, m)
			}
		}
		for _, id := range first.Deletes {
			if rapid.Bool().Draw(t, "visibly leaving") {
				s.at(id).Status = "deleting"
			}
		}
		s.now = s.now.Add(time.Minute)
		if second := s.decide(); len(second.Creates)+len(second.Deletes) > 0 {
			t.Fatalf("after %+v the same samples led to %+v: the scaler would act twice on one cause", first, second)
		}
	})
}

func TestAStepIsAnsweredInTheTickThatSeesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(t, "readers")
		s := cluster(n, 92) // three minutes over any cap
		if d := s.decide(); len(d.Creates) == 0 {
			t.Fatalf("%d readers at 92 %% got none added: %+v", n, d)
		}
	})
}
