package decision

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// quiet is an idle cluster with one reader more than its minimum; two are the scaler's.
func quiet() *scenario {
	s := cluster(4, 8)
	s.policy.Min = 3
	return s
}

// expectation is what a sentence promises of a decision.
type expectation struct {
	creates int // exactly so many; -1: at least one
	deletes []string
	reasons []Reason // all of these
	not     []Reason // none of these
	state   State    // when not empty
	maxNeed int      // when not zero
	desired int      // when not zero
	zones   string   // of the creations, joined by spaces; when not empty
	classes string   // of the creations; when not empty
}

func TestEdgeCases(t *testing.T) {
	owned1, owned2 := SlotID(prefix, 1), SlotID(prefix, 2)
	cases := map[string]struct {
		given func() *scenario
		want  expectation
	}{
		"a quiet cluster gives back a superfluous reader": {quiet,
			expectation{deletes: []string{owned2}, reasons: []Reason{ReasonScaleIn}, state: ScalingIn, desired: 3}},
		"a busy cluster gets readers": {func() *scenario { return cluster(3, 75) },
			expectation{creates: -1, reasons: []Reason{ReasonRisk}, state: ScalingOut}},

		"no data at all keeps the readers": {func() *scenario {
			s := quiet()
			s.watch(30, 20)
			s.readers(func(_ int, m *Member) { m.CPU = nil })
			return s
		}, expectation{reasons: []Reason{ReasonBlind, ReasonBlindLong}, state: Blind, desired: 4}},
		"a demand beyond the readers gets spares, for some come late": {func() *scenario {
			return cluster(3, 90)
		}, expectation{creates: -1, reasons: []Reason{ReasonSpares}}},
		"a risk beyond the readers gets none": {func() *scenario {
			return cluster(3, 70)
		}, expectation{creates: -1, not: []Reason{ReasonSpares}}},
		"spares stay within the maximum": {func() *scenario {
			s := cluster(3, 98)
			s.policy.Max = 7
			return s
		}, expectation{creates: 4, not: []Reason{ReasonSpares}, state: Saturated}},
		"readers that have just come do not hide what the others report": {func() *scenario {
			s := cluster(7, 90)
			s.policy.RiskPercent = 0.01
			s.readers(func(i int, m *Member) {
				if i > 2 {
					m.AvailableAt, m.CPU, m.LagMs = noon.Add(-time.Minute), nil, nil
				}
			})
			return s
		}, expectation{creates: -1, reasons: []Reason{ReasonRisk}, not: []Reason{ReasonBlind}}},
		"no data in the first minute is not ten minutes without": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.CPU = nil })
			s.watch(0, 0)
			return s
		}, expectation{reasons: []Reason{ReasonBlind}, not: []Reason{ReasonBlindLong}, state: Blind}},
		"one reader of four that reports does not hide a long blindness": {func() *scenario {
			s := quiet()
			s.readers(func(i int, m *Member) {
				if i > 0 {
					m.CPU = m.CPU[:1]
				}
			})
			return s
		}, expectation{reasons: []Reason{ReasonBlind, ReasonBlindLong}}},
		"the first samples after blindness delete nothing": {func() *scenario {
			s := quiet()
			s.policy.Stabilisation = Duration{15 * time.Minute}
			s.readers(func(_ int, m *Member) { m.CPU = m.CPU[len(m.CPU)-9:] })
			return s
		}, expectation{reasons: []Reason{ReasonHoldStabilisation}, desired: 4}},
		"a few lost minutes do not stop scale-in": {func() *scenario {
			s := quiet()
			s.policy.Stabilisation = Duration{15 * time.Minute}
			s.readers(func(_ int, m *Member) { m.CPU = append(m.CPU[:2:2], m.CPU[5:]...) })
			return s
		}, expectation{deletes: []string{owned2}}},
		"no data at all still honours a floor": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.CPU = nil })
			s.policy.Floors = []Floor{{Window: Window{Name: "sale", From: noon, Until: noon.Add(time.Hour)}, Readers: 6}}
			return s
		}, expectation{creates: 2, reasons: []Reason{ReasonBlind, ReasonFloor}, not: []Reason{ReasonBlindLong}, state: Blind}},
		"one stale reader stops scale-in": {func() *scenario {
			s := quiet()
			s.at("baseline-1").CPU = s.at("baseline-1").CPU[:5]
			return s
		}, expectation{reasons: []Reason{ReasonStaleReader}, not: []Reason{ReasonBlind}}},
		"one stale reader does not hide a load": {func() *scenario {
			s := cluster(4, 85)
			s.at("baseline-1").CPU = s.at("baseline-1").CPU[:5]
			return s
		}, expectation{creates: -1}},
		"only stale samples make the scaler blind": {func() *scenario {
			s := quiet()
			s.now = s.now.Add(5 * time.Minute)
			return s
		}, expectation{reasons: []Reason{ReasonBlind}, not: []Reason{ReasonBlindLong}, state: Blind}},
		"points in the future do not count": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.CPU = append(m.CPU, Sample{noon.Unix()/60 + 5, 100}) })
			return s
		}, expectation{deletes: []string{owned2}}},
		"values that are no percentage do not count": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) {
				for i, odd := range []float64{math.NaN(), math.Inf(1), -50, math.Inf(-1)} {
					m.CPU[i].Value = odd
				}
			})
			return s
		}, expectation{deletes: []string{owned2}}},
		"a CPU of next to nothing is none": {func() *scenario {
			s := cluster(2, 0)
			s.readers(func(_ int, m *Member) { m.CPU[len(m.CPU)-1].Value = 1e-200 })
			return s
		}, expectation{desired: 2}},
		"CPU over 100 is taken for 100": {func() *scenario { return cluster(2, 1e9) },
			expectation{creates: -1, reasons: []Reason{ReasonCPUCensored}, maxNeed: cluster(2, 100).decide().Need}},
		"unsorted and repeated samples are read as sorted ones": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) {
				slices.Reverse(m.CPU)
				m.CPU = append(m.CPU, m.CPU...)
			})
			return s
		}, expectation{deletes: []string{owned2}}},

		"a slot that is still deleting is not used again": {func() *scenario {
			s := cluster(3, 75)
			s.at(owned1).Status = "deleting"
			return s
		}, expectation{creates: -1, reasons: []Reason{}}},
		"a foreign member in a slot's name keeps the slot": {func() *scenario {
			s := cluster(3, 75)
			s.at(owned1).Owned = false
			return s
		}, expectation{creates: -1}},
		"an exceeded quota waits instead of knocking on every zone": {func() *scenario {
			s := cluster(3, 75)
			s.history.Failures = []Failure{{At: noon.Add(-time.Minute), Code: "InstanceQuotaExceeded"}}
			return s
		}, expectation{reasons: []Reason{ReasonQuota}, state: Degraded}},
		"a denied call waits and says that waiting does not mend it": {func() *scenario {
			s := cluster(3, 75)
			s.history.Failures = []Failure{{At: noon.Add(-time.Minute), Code: "AccessDeniedException"}}
			return s
		}, expectation{reasons: []Reason{ReasonCreateForbidden}, state: Degraded}},
		"a missing parameter group waits": {func() *scenario {
			s := cluster(3, 75)
			s.history.Failures = []Failure{{At: noon.Add(-time.Minute), Code: "DBParameterGroupNotFoundFault"}}
			return s
		}, expectation{reasons: []Reason{ReasonCreateForbidden}, state: Degraded}},
		"a disabled key waits": {func() *scenario {
			s := cluster(3, 75)
			s.history.Failures = []Failure{{At: noon.Add(-time.Minute), Code: "KMSKeyNotAccessibleFault"}}
			return s
		}, expectation{reasons: []Reason{ReasonCreateForbidden}, state: Degraded}},
		"throttling is no reason to wait": {func() *scenario {
			s := cluster(3, 75)
			s.history.Failures = []Failure{{At: noon.Add(-time.Minute), Code: "Throttling"}}
			return s
		}, expectation{creates: -1, not: []Reason{ReasonCapacityRefused}}},
		"a fault on AWS's side rules no zone out": {func() *scenario {
			s := cluster(3, 75)
			for _, zone := range []string{"us-east-1a", "us-east-1b", "us-east-1c", ""} {
				s.history.Failures = append(s.history.Failures, Failure{At: noon.Add(-time.Minute), Code: "InternalServerError", Zone: zone, Class: "db.r8g.large"})
			}
			return s
		}, expectation{creates: -1, not: []Reason{ReasonCapacityRefused, ReasonZoneFallback, ReasonClassFallback}}},
		"a zone short of the class is avoided": {func() *scenario {
			s := cluster(2, 60)
			s.history.Failures = []Failure{{At: noon.Add(-time.Hour), Code: "InsufficientDBInstanceCapacity", Zone: "us-east-1b", Class: "db.r8g.large"}}
			s.at("baseline-1").Zone = "us-east-1a"
			s.policy.Zones = []string{"us-east-1b", "us-east-1a", "us-east-1c"}
			s.policy.Max = 3
			return s
		}, expectation{creates: 1, zones: "us-east-1c", reasons: []Reason{ReasonZoneFallback}}},
		"a refusal is forgotten after two hours": {func() *scenario {
			s := cluster(2, 60)
			s.history.Failures = []Failure{{At: noon.Add(-2 * time.Hour), Code: "InsufficientDBInstanceCapacity", Zone: "us-east-1b", Class: "db.r8g.large"}}
			s.policy.Zones = []string{"us-east-1a", "us-east-1b"}
			s.at("baseline-1").Zone, s.at("baseline-2").Zone, s.policy.Max = "us-east-1a", "us-east-1a", 3
			return s
		}, expectation{creates: 1, zones: "us-east-1b", not: []Reason{ReasonZoneFallback}}},
		"a full subnet rules its zone out for every class": {func() *scenario {
			s := cluster(2, 60)
			s.history.Failures = []Failure{{At: noon.Add(-time.Hour), Code: "InsufficientFreeAddressesInSubnet", Zone: "us-east-1b", Class: "db.r8g.large"}}
			s.policy.Zones = []string{"us-east-1b"}
			s.policy.Max = 3
			return s
		}, expectation{creates: 1, reasons: []Reason{ReasonZoneFallback}}},
		"a class that every zone refused falls back to the next": {func() *scenario {
			s := cluster(2, 60)
			for _, zone := range []string{"us-east-1a", "us-east-1b", "us-east-1c", ""} {
				s.history.Failures = append(s.history.Failures, Failure{noon.Add(-time.Minute), "InsufficientDBInstanceCapacity", zone, "db.r8g.large"})
			}
			s.policy.Classes, s.policy.Max = []string{"db.r7g.large"}, 3
			return s
		}, expectation{creates: 1, classes: "db.r7g.large", reasons: []Reason{ReasonClassFallback}}},
		"when everything was refused the scaler is degraded": {func() *scenario {
			s := cluster(2, 60)
			for _, zone := range []string{"us-east-1a", "us-east-1b", "us-east-1c", ""} {
				s.history.Failures = append(s.history.Failures, Failure{noon.Add(-time.Minute), "InsufficientDBInstanceCapacity", zone, "db.r8g.large"})
			}
			return s
		}, expectation{reasons: []Reason{ReasonCapacityRefused}, state: Degraded}},
		"when everything was refused a while ago the oldest refusal is tried again": {func() *scenario {
			s := cluster(2, 60)
			for i, zone := range []string{"us-east-1a", "us-east-1b", "us-east-1c", ""} {
				s.history.Failures = append(s.history.Failures, Failure{noon.Add(-time.Duration(20-i) * time.Minute), "InsufficientDBInstanceCapacity", zone, "db.r8g.large"})
			}
			s.policy.Max = 3
			return s
		}, expectation{creates: 1, zones: "us-east-1a"}},
		"a reader that AWS had no capacity for after all is deleted": {func() *scenario {
			s := cluster(4, 15)
			s.at(owned1).Status, s.at(owned1).CPU = "insufficient-capacity", nil
			return s
		}, expectation{deletes: []string{owned1}, reasons: []Reason{ReasonBrokenReader, ReasonDeleteBroken}}},
		"a later shortage sends the replacement elsewhere": {func() *scenario {
			s := cluster(4, 75)
			m := s.at(owned1)
			m.Status, m.CPU, m.Zone = "insufficient-capacity", nil, "us-east-1c"
			s.policy.Zones, s.policy.Max = []string{"us-east-1b", "us-east-1c"}, 4
			return s
		}, expectation{creates: 1, zones: "us-east-1b"}},
		"a creation stuck for half an hour is no longer counted on": {func() *scenario {
			s := cluster(3, 75)
			m := s.at(owned1)
			m.Status, m.CPU, m.CreatedAt, m.AvailableAt = "creating", nil, noon.Add(-31*time.Minute), time.Time{}
			return s
		}, expectation{creates: -1, reasons: []Reason{ReasonStuckCreate}}},
		"a stuck creation that nobody needs is removed": {func() *scenario {
			s := cluster(4, 15)
			m := s.at(owned1)
			m.Status, m.CPU, m.CreatedAt, m.AvailableAt = "creating", nil, noon.Add(-31*time.Minute), time.Time{}
			return s
		}, expectation{deletes: []string{owned1}, reasons: []Reason{ReasonStuckCreate, ReasonDeleteBroken}}},
		"a creation far beyond its time is no longer counted on": {func() *scenario { return late(6, 40) },
			expectation{creates: 1, reasons: []Reason{ReasonLateCreate}, desired: 6}},
		"a creation within its time is counted on": {func() *scenario {
			s := late(6, 40)
			s.at(owned1).CreatedAt = noon.Add(-15 * time.Minute)
			return s
		}, expectation{not: []Reason{ReasonLateCreate}, desired: 5}},
		"where creations take long, a long one is counted on": {func() *scenario {
			s := late(6, 40)
			for i := range 50 {
				s.history.Creates = append(s.history.Creates, CreateTime{noon.Add(-time.Duration(i) * time.Hour), 15 * time.Minute})
			}
			return s
		}, expectation{not: []Reason{ReasonLateCreate}}},
		"a late creation keeps its place within the maximum": {func() *scenario { return late(5, 40) },
			expectation{reasons: []Reason{ReasonLateCreate}, desired: 5}},
		"a late creation stops scale-in": {func() *scenario { return late(6, 5) },
			expectation{reasons: []Reason{ReasonLateCreate, ReasonHoldComing}, desired: 5}},
		"a broken reader that goes leaves the desired number alone": {func() *scenario {
			s := quiet()
			s.policy.Min = 2
			s.at("writer").CPU = steady(95)
			s.at(owned1).Status, s.at(owned1).CPU = "failed", nil
			return s
		}, expectation{deletes: []string{owned1}, desired: 3}},
		"a failed reader is replaced before it goes": {func() *scenario {
			s := cluster(4, 75)
			s.at(owned1).Status, s.at(owned1).CPU = "failed", nil
			return s
		}, expectation{creates: -1, reasons: []Reason{ReasonBrokenReader}}},
		"a broken reader that is not the scaler's is left alone": {func() *scenario {
			s := cluster(3, 15)
			s.at("baseline-1").Status, s.at("baseline-1").CPU = "incompatible-parameters", nil
			return s
		}, expectation{reasons: []Reason{ReasonBrokenReader}}},
		"two of four creations that came are counted, the rest is asked for again": {func() *scenario {
			s := cluster(4, 75)
			for _, id := range []string{owned1, owned2} {
				m := s.at(id)
				m.Status, m.CPU, m.CreatedAt, m.AvailableAt = "creating", nil, noon.Add(-time.Minute), time.Time{}
			}
			s.readers(func(_ int, m *Member) { m.CPU, m.DBLoad = steady(100), steady(6) })
			s.policy.Max = 6
			return s
		}, expectation{creates: 2}},

		"a cluster being modified is left alone":  {inStatus("modifying"), expectation{state: MaintenanceHold, reasons: []Reason{ReasonClusterNotAvailable}}},
		"a cluster being upgraded is left alone":  {inStatus("upgrading"), expectation{state: MaintenanceHold, reasons: []Reason{ReasonClusterNotAvailable}}},
		"a stopped cluster is left alone":         {inStatus("stopped"), expectation{state: MaintenanceHold}},
		"a cluster failing over is left alone":    {inStatus("failing-over"), expectation{state: FailoverHold}},
		"an unknown cluster status is left alone": {inStatus("pondering"), expectation{state: MaintenanceHold}},
		"a missing cluster is left alone":         {inStatus(""), expectation{state: MaintenanceHold, reasons: []Reason{ReasonClusterMissing}}},
		"a promoted reader of the scaler's is not deleted": {func() *scenario {
			s := quiet()
			s.at("writer").Role, s.at("writer").Tier = Reader, 1
			s.at(owned2).Role = Writer
			s.obs.Members = append(s.obs.Members, instance("baseline-3", 1, 8))
			return s
		}, expectation{deletes: []string{owned1}}},
		"after a failover nothing is deleted": {func() *scenario {
			s := quiet()
			s.history.Events = []Event{{noon.Add(-10 * time.Minute), EventFailover}}
			return s
		}, expectation{reasons: []Reason{ReasonHoldFailover}, state: FailoverHold}},
		"a failover does not stop scale-out": {func() *scenario {
			s := cluster(3, 75)
			s.history.Events = []Event{{noon.Add(-20 * time.Minute), EventFailover}}
			return s
		}, expectation{creates: -1}},
		"an old failover holds nothing": {func() *scenario {
			s := quiet()
			s.history.Events = []Event{{noon.Add(-16 * time.Minute), EventFailover}}
			return s
		}, expectation{deletes: []string{owned2}}},
		"a blue/green switchover holds like a failover": {func() *scenario {
			s := quiet()
			s.history.Events = []Event{{noon.Add(-5 * time.Minute), EventSwitchover}}
			return s
		}, expectation{reasons: []Reason{ReasonHoldFailover}}},
		"rolling restarts stop scale-in": {func() *scenario {
			s := quiet()
			s.history.Events = []Event{{noon.Add(-12 * time.Minute), EventRestart}, {noon.Add(-5 * time.Minute), EventRestart}}
			return s
		}, expectation{reasons: []Reason{ReasonHoldFailover}}},
		"maintenance within the lead stops scale-in": {func() *scenario {
			s := quiet()
			s.history.Events = []Event{{noon.Add(8 * time.Minute), EventMaintenance}}
			return s
		}, expectation{reasons: []Reason{ReasonHoldMaintenance}}},
		"maintenance tomorrow stops nothing": {func() *scenario {
			s := quiet()
			s.history.Events = []Event{{noon.Add(24 * time.Hour), EventMaintenance}}
			return s
		}, expectation{deletes: []string{owned2}}},
		"two writers stop everything": {func() *scenario {
			s := cluster(3, 75)
			s.at("baseline-1").Role = Writer
			return s
		}, expectation{state: MaintenanceHold, reasons: []Reason{ReasonTwoWriters}}},
		"without a writer nothing is deleted": {func() *scenario {
			s := quiet()
			s.at("writer").Role = Reader
			return s
		}, expectation{reasons: []Reason{ReasonNoWriter}}},
		"without a writer a load still gets readers of the readers' class": {func() *scenario {
			s := cluster(3, 75)
			s.obs.Members = s.obs.Members[1:]
			return s
		}, expectation{creates: -1, classes: "db.r8g.large"}},
		"the secondary of a global database has no writer and scales in": {func() *scenario {
			s := quiet()
			s.obs.Members, s.obs.Cluster.GlobalSecondary = s.obs.Members[1:], true
			return s
		}, expectation{deletes: []string{owned2}, reasons: []Reason{ReasonGlobalSecondary}}},
		"a reader added by hand is counted and never deleted": {func() *scenario {
			s := cluster(3, 8)
			s.at(owned1).ID, s.at(owned1).Owned = "by-hand", false
			return s
		}, expectation{reasons: []Reason{ReasonHoldForeign}}},
		"a reader without its owner tag is never deleted, whatever its name": {func() *scenario {
			s := cluster(3, 8)
			s.at(owned1).Owned = false
			return s
		}, expectation{reasons: []Reason{ReasonHoldForeign}}},
		"a reader of a low promotion tier is never deleted": {func() *scenario {
			s := cluster(3, 8)
			s.at(owned1).Tier = 1
			return s
		}, expectation{reasons: []Reason{ReasonHoldForeign}}},
		"more foreign readers than the maximum are reported, not cut": {func() *scenario {
			s := cluster(4, 8)
			s.readers(func(_ int, m *Member) { m.Owned = false })
			s.policy.Max = 3
			return s
		}, expectation{reasons: []Reason{ReasonAboveMax, ReasonHoldForeign}, desired: 3}},
		"no floor ahead is named where there is none": {func() *scenario {
			s := cluster(16, 95)
			s.policy.Max = 15
			return s
		}, expectation{reasons: []Reason{ReasonSaturated}, not: []Reason{ReasonHoldFloorAhead}}},
		"a maximum lowered during a sale cuts nothing that is needed": {func() *scenario {
			s := cluster(8, 60)
			s.policy.Max = 5
			return s
		}, expectation{state: Saturated, reasons: []Reason{ReasonAboveMax, ReasonSaturated}, desired: 5}},
		"a load beyond the maximum is reported as a shortfall": {func() *scenario {
			s := cluster(5, 85)
			s.policy.Max = 5
			return s
		}, expectation{state: Saturated, reasons: []Reason{ReasonSaturated}}},

		"a floor that starts within the lead is built now": {func() *scenario {
			s := quiet()
			s.policy.Floors = []Floor{{Window: Window{From: noon.Add(20 * time.Minute), Until: noon.Add(2 * time.Hour)}, Readers: 6}}
			return s
		}, expectation{creates: 2, reasons: []Reason{ReasonFloor}}},
		"a floor far ahead waits": {func() *scenario {
			s := quiet()
			s.policy.Floors = []Floor{{Window: Window{From: noon.Add(5 * time.Hour), Until: noon.Add(6 * time.Hour)}, Readers: 6}}
			return s
		}, expectation{deletes: []string{owned2}, not: []Reason{ReasonFloor}}},
		"a floor soon ahead keeps the readers it will need": {func() *scenario {
			s := quiet()
			s.policy.Floors = []Floor{{Window: Window{From: noon.Add(100 * time.Minute), Until: noon.Add(6 * time.Hour)}, Readers: 6}}
			return s
		}, expectation{reasons: []Reason{ReasonHoldFloorAhead}}},
		"overlapping floors take the larger": {func() *scenario {
			s := quiet()
			s.policy.Floors = []Floor{
				{Window: Window{From: noon, Until: noon.Add(time.Hour)}, Readers: 7},
				{Window: Window{From: noon, Until: noon.Add(time.Hour)}, Readers: 5},
			}
			return s
		}, expectation{creates: 3, desired: 7}},
		"a floor that ends under load takes nothing away": {func() *scenario {
			s := cluster(6, 60)
			s.policy.Floors = []Floor{{Window: Window{From: noon.Add(-time.Hour), Until: noon}, Readers: 6}}
			return s
		}, expectation{creates: -1, not: []Reason{ReasonFloor}}},
		"a floor as a multiple of normal load looks at the earlier days": {func() *scenario {
			s := cluster(4, 25)
			s.days(7, 1)
			s.policy.Floors = []Floor{{Window: Window{From: noon.Add(10 * time.Minute), Until: noon.Add(time.Hour)}, LoadMultiple: 5}}
			return s
		}, expectation{creates: 4, desired: 8, reasons: []Reason{ReasonFloor}}},
		"an expired floor counts for nothing": {func() *scenario {
			s := quiet()
			s.policy.Floors = []Floor{{Window: Window{From: noon.Add(-2 * time.Hour), Until: noon.Add(-time.Hour)}, Readers: 9}}
			return s
		}, expectation{deletes: []string{owned2}}},
		"a floor above the maximum is held to the maximum": {func() *scenario {
			s := quiet()
			s.policy.Max = 5
			s.policy.Floors = []Floor{{Window: Window{From: noon, Until: noon.Add(time.Hour)}, Readers: 9}}
			return s
		}, expectation{creates: 1, desired: 5}},
		"a floor far above the readers is reached in steps": {func() *scenario {
			s := quiet()
			s.policy.Floors = []Floor{{Window: Window{From: noon, Until: noon.Add(time.Hour)}, Readers: 15}}
			return s
		}, expectation{creates: 4, reasons: []Reason{ReasonFloor, ReasonStepCap}, desired: 15}},
		"an operator's floor adds readers": {func() *scenario {
			s := quiet()
			s.policy.Override = &Override{Floor: 6, Until: noon.Add(time.Hour)}
			return s
		}, expectation{creates: 2, reasons: []Reason{ReasonOverrideFloor}}},
		"an expired override is void": {func() *scenario {
			s := quiet()
			s.policy.Override = &Override{Floor: 6, Paused: true, Until: noon}
			return s
		}, expectation{deletes: []string{owned2}}},
		"an operator's pause stops everything": {func() *scenario {
			s := cluster(3, 90)
			s.policy.Override = &Override{Paused: true, Until: noon.Add(time.Hour)}
			return s
		}, expectation{state: Frozen, reasons: []Reason{ReasonOverridePaused}}},
		"a freeze window stops everything": {func() *scenario {
			s := cluster(3, 90)
			s.policy.Freezes = []Window{{From: noon.Add(-time.Minute), Until: noon.Add(time.Minute)}}
			return s
		}, expectation{state: Frozen, reasons: []Reason{ReasonFreezeWindow}}},
		"Application Auto Scaling on the same cluster stops everything": {func() *scenario {
			s := cluster(3, 90)
			s.obs.Cluster.AutoScalingRegistered = true
			return s
		}, expectation{state: Frozen, reasons: []Reason{ReasonAutoScalingPresent}}},
		"dry-run says so": {func() *scenario {
			s := cluster(3, 90)
			s.policy.Mode = DryRun
			return s
		}, expectation{creates: -1, reasons: []Reason{ReasonDryRun}}},

		"the last reader stays, for RDS Proxy's read-only endpoint needs one": {func() *scenario {
			s := cluster(3, 1)
			s.obs.Members = []Member{*s.at("writer"), *s.at(owned1)}
			s.policy.Min = 1
			return s
		}, expectation{}},
		"the last zone but one stays": {func() *scenario {
			s := cluster(4, 4)
			s.readers(func(i int, m *Member) {
				m.Zone = "us-east-1a"
				if m.ID == owned2 {
					m.Zone, m.Owned = "us-east-1b", true
				} else {
					m.Owned = false
				}
			})
			return s
		}, expectation{reasons: []Reason{ReasonHoldZone}}},
		"a minimum of one is reached although the last reader is alone in its zone": {func() *scenario {
			s := cluster(2, 4)
			s.at("baseline-2").Owned, s.at("baseline-2").Tier = true, 15
			s.policy.Min = 1
			return s
		}, expectation{deletes: []string{"baseline-2"}, not: []Reason{ReasonHoldZone}}},
		"a hot writer stops scale-in": {func() *scenario {
			s := quiet()
			s.at("writer").CPU = steady(95)
			return s
		}, expectation{reasons: []Reason{ReasonHoldWriterHot}}},
		"a reader in its billed minimum stays": {func() *scenario {
			s := cluster(3, 8)
			s.at(owned1).AvailableAt = noon.Add(-9 * time.Minute)
			return s
		}, expectation{reasons: []Reason{ReasonHoldBillingMinimum}}},
		"of readers that are warm the superfluous one goes": {func() *scenario {
			return cluster(6, 32)
		}, expectation{deletes: []string{owned1}}},
		"of readers that are not warm yet none goes that the others could not spare": {func() *scenario {
			s := cluster(6, 32)
			s.at("baseline-1").AvailableAt = noon.Add(-5 * time.Minute)
			s.at("baseline-2").AvailableAt = noon.Add(-5 * time.Minute)
			return s
		}, expectation{reasons: []Reason{ReasonHoldWarming}}},
		"a reader being created stops scale-in": {func() *scenario {
			s := cluster(5, 8)
			m := s.at(owned1)
			m.Status, m.CPU, m.CreatedAt = "creating", nil, noon.Add(-time.Minute)
			return s
		}, expectation{reasons: []Reason{ReasonHoldComing}}},
		"a reader leaving stops scale-in": {func() *scenario {
			s := cluster(5, 8)
			s.at(owned1).Status = "deleting"
			return s
		}, expectation{reasons: []Reason{ReasonHoldLeaving}, state: Draining}},

		"lag on readers busy with queries adds one": {func() *scenario {
			s := cluster(4, 40)
			s.readers(func(i int, m *Member) {
				m.CPU = steady(82)
				m.LagMs = steady(500)
			})
			s.policy.CapPercent, s.policy.RiskPercent = 90, 20
			return s
		}, expectation{creates: -1}},
		"lag on readers busy with queries adds none while one is coming": {func() *scenario {
			s := cluster(5, 82)
			s.readers(func(_ int, m *Member) { m.LagMs = steady(500) })
			m := s.at(SlotID(prefix, 3))
			m.Status, m.CPU, m.LagMs, m.CreatedAt, m.AvailableAt = "creating", nil, nil, noon.Add(-time.Minute), time.Time{}
			s.policy.CapPercent, s.policy.RiskPercent = 90, 20
			return s
		}, expectation{not: []Reason{ReasonLagStarved}, desired: 5}},
		"lag that writes cause adds none": {func() *scenario {
			s := cluster(4, 30)
			s.at("writer").CPU = steady(90)
			s.readers(func(_ int, m *Member) { m.LagMs = steady(900) })
			return s
		}, expectation{reasons: []Reason{ReasonLagWriteBound}, state: Steady}},
		"lag that writes cause stops scale-in": {func() *scenario {
			s := quiet()
			s.at("writer").CPU = steady(90)
			s.readers(func(_ int, m *Member) { m.LagMs = steady(900) })
			return s
		}, expectation{reasons: []Reason{ReasonLagWriteBound, ReasonHoldLag}}},
		"lag on one idle reader of the scaler's gets it replaced": {func() *scenario {
			s := cluster(3, 20)
			s.at(owned1).LagMs = steady(5000)
			return s
		}, expectation{creates: 1, reasons: []Reason{ReasonLagOne, ReasonReplaceSick}, desired: 4}},
		"a replacement on its way keeps the desired number": {func() *scenario {
			s := cluster(4, 15)
			s.at(owned1).LagMs = steady(5000)
			m := s.at(owned2)
			m.Status, m.CPU, m.LagMs, m.CreatedAt, m.AvailableAt = "creating", nil, nil, noon.Add(-time.Minute), time.Time{}
			return s
		}, expectation{reasons: []Reason{ReasonHoldLag}, desired: 4}},
		"a replaced reader goes once its successor is warm": {func() *scenario {
			s := cluster(4, 15)
			s.at(owned1).LagMs = steady(5000)
			s.at(owned2).AvailableAt = noon.Add(-15 * time.Minute)
			return s
		}, expectation{deletes: []string{owned1}, reasons: []Reason{ReasonReplaceSick}}},
		"of two readers, a replaced one goes although its zone goes with it": {func() *scenario {
			s := cluster(4, 4)
			s.policy.Min = 1
			s.obs.Members = []Member{*s.at("writer"), *s.at(owned1), *s.at(owned2)}
			s.at(owned1).LagMs = steady(5000)
			s.at(owned2).AvailableAt = noon.Add(-15 * time.Minute)
			return s
		}, expectation{deletes: []string{owned1}, reasons: []Reason{ReasonReplaceSick}}},
		"lag on one baseline reader is reported only": {func() *scenario {
			s := cluster(3, 20)
			s.at("baseline-1").LagMs = steady(5000)
			return s
		}, expectation{reasons: []Reason{ReasonLagOne, ReasonHoldLag}}},
		"lag of a small reader gets one of the writer's class": {func() *scenario {
			s := cluster(3, 20)
			m := s.at(owned1)
			m.Class, m.VCPU, m.LagMs = "db.r8g.medium", 1, steady(5000)
			return s
		}, expectation{creates: 1, classes: "db.r8g.large", reasons: []Reason{ReasonLagUndersized, ReasonReplaceSmall}}},
		"lag of a new reader is a catch-up": {func() *scenario {
			s := cluster(3, 20)
			s.at(owned1).AvailableAt, s.at(owned1).LagMs = noon.Add(-4*time.Minute), steady(5000)
			return s
		}, expectation{reasons: []Reason{ReasonLagCatchUp}}},
		"lag after a failover is a recovery": {func() *scenario {
			s := cluster(3, 20)
			s.at(owned1).LagMs = steady(5000)
			s.history.Events = []Event{{noon.Add(-5 * time.Minute), EventFailover}}
			return s
		}, expectation{reasons: []Reason{ReasonLagRecovery}}},
		"lag that writes cause adds none although growth would": {func() *scenario {
			s := cluster(4, 70)
			s.at("writer").CPU = steady(90)
			s.readers(func(_ int, m *Member) { m.LagMs = steady(900) })
			return s
		}, expectation{reasons: []Reason{ReasonLagWriteBound}}},
		"one replacement an hour is enough": {func() *scenario {
			s := cluster(4, 60)
			s.at(owned1).LagMs = steady(5000)
			s.at(owned2).AvailableAt = noon.Add(-40 * time.Minute)
			s.policy.Min = 4
			s.policy.CapPercent, s.policy.RiskPercent = 90, 20
			return s
		}, expectation{reasons: []Reason{ReasonReplaceSick, ReasonHoldLag}}},
		"a sick reader is not replaced while blind": {func() *scenario {
			s := cluster(4, 20)
			s.readers(func(_ int, m *Member) { m.CPU = nil })
			s.at(owned1).LagMs = steady(5000)
			return s
		}, expectation{state: Blind, not: []Reason{ReasonReplaceSick}}},
		"missing lag stops scale-in": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.LagMs = nil })
			return s
		}, expectation{reasons: []Reason{ReasonLagMissing, ReasonHoldLag}}},
		"lag that is missing for an hour after it was measured stops scale-in": {func() *scenario {
			s := quiet()
			s.watch(90, 75)
			s.readers(func(_ int, m *Member) { m.LagMs = nil })
			s.watch(74, 0)
			return s
		}, expectation{reasons: []Reason{ReasonLagMissing, ReasonHoldLag}}},
		"lag that nobody measures stops nothing": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.LagMs = nil })
			s.watch(60, 0)
			return s
		}, expectation{deletes: []string{owned2}, reasons: []Reason{ReasonLagMissing}}},
		"lag that nobody has measured yet stops scale-in": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.LagMs = nil })
			s.watch(50, 0)
			return s
		}, expectation{reasons: []Reason{ReasonHoldLag}}},
		"lag that only one reader measures stops nothing": {func() *scenario {
			s := quiet()
			s.readers(func(i int, m *Member) {
				if i > 0 {
					m.LagMs = nil
				}
			})
			return s
		}, expectation{deletes: []string{owned2}}},
		"lag that only a reader measured that is gone stops nothing": {func() *scenario {
			s := cluster(5, 8)
			s.policy.Min = 3
			s.readers(func(i int, m *Member) {
				if i > 0 {
					m.LagMs = nil
				}
			})
			s.watch(90, 75)
			s.obs.Members = slices.DeleteFunc(s.obs.Members, func(m Member) bool { return m.ID == "baseline-1" })
			s.watch(74, 0)
			return s
		}, expectation{deletes: []string{SlotID(prefix, 3)}}},
		"missing lag does not stop scale-out": {func() *scenario {
			s := cluster(3, 75)
			s.readers(func(_ int, m *Member) { m.LagMs = nil })
			return s
		}, expectation{creates: -1}},

		"skewed connections are reported and get one reader at most": {func() *scenario {
			s := cluster(3, 65)
			s.at("baseline-1").CPU, s.at("baseline-1").Connections = steady(95), steady(900)
			return s
		}, expectation{creates: 1, reasons: []Reason{ReasonImbalance, ReasonImbalanceLimit}}},
		"a new reader without its share of connections is no imbalance": {func() *scenario {
			s := cluster(3, 85)
			m := s.at(owned1)
			m.AvailableAt, m.CPU, m.Connections = noon.Add(-8*time.Minute), steady(5), steady(5)
			return s
		}, expectation{creates: -1, not: []Reason{ReasonImbalance}}},
		"CPU at 100 is uncensored by the database load": {func() *scenario {
			s := cluster(2, 100)
			s.readers(func(_ int, m *Member) { m.DBLoad = steady(6) })
			return s
		}, expectation{creates: -1, reasons: []Reason{ReasonUncensored}, not: []Reason{ReasonCPUCensored}}},
		"CPU at 100 without a database load is taken for more": {func() *scenario { return cluster(2, 100) },
			expectation{creates: -1, reasons: []Reason{ReasonCPUCensored}}},
		"a missing database load on an idle reader is no alarm": {quiet,
			expectation{deletes: []string{owned2}, not: []Reason{ReasonCPUCensored}}},

		"Serverless v2 readers with room to grow get no company": {func() *scenario { return serverless(85) },
			expectation{reasons: []Reason{ReasonServerlessGrows}}},
		"Serverless v2 readers at their maximum get one": {func() *scenario { return serverless(96) },
			expectation{creates: -1, classes: "db.serverless", reasons: []Reason{ReasonServerlessAtMax}}},
		"idle Serverless v2 readers are given back": {func() *scenario { return serverless(8) },
			expectation{deletes: []string{owned1}}},
		"readers of mixed classes are weighed by vCPU": {func() *scenario {
			s := cluster(3, 40)
			m := s.at(owned1)
			m.Class, m.VCPU = "db.r8g.4xlarge", 16
			m.CPU = steady(5)
			return s
		}, expectation{reasons: []Reason{ReasonMixedClasses}, not: []Reason{ReasonRisk}}},
		"a reader of a fallback class goes first": {func() *scenario {
			s := quiet()
			s.at(owned1).Class = "db.r7g.large"
			return s
		}, expectation{deletes: []string{owned1}}},
		"of readers in one zone the one with the fewest connections goes": {func() *scenario {
			s := quiet()
			s.at(owned1).Zone = s.at(owned2).Zone
			s.at(owned2).Connections = steady(50)
			return s
		}, expectation{deletes: []string{owned2}}},
		"of readers with as many connections the youngest goes": {func() *scenario {
			s := quiet()
			s.at(owned1).Zone = s.at(owned2).Zone
			s.at(owned2).AvailableAt = noon.Add(-time.Hour)
			return s
		}, expectation{deletes: []string{owned2}}},
		"burstable readers are noted": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) { m.Class = "db.t4g.medium" })
			return s
		}, expectation{deletes: []string{owned2}, reasons: []Reason{ReasonBurstable}}},
		"a member of an unknown status is neither counted nor deleted": {func() *scenario {
			s := quiet()
			s.at(owned2).Status, s.policy.Min = "meditating", 2
			return s
		}, expectation{deletes: []string{owned1}, reasons: []Reason{ReasonUnknownStatus}}},
		"connections beyond what a reader may have ask for readers": {func() *scenario {
			s := cluster(3, 20)
			s.policy.ConnectionsPerReader = 60
			return s
		}, expectation{creates: 2, reasons: []Reason{ReasonConnections}}},
		"the same time on earlier days raises the forecast": {func() *scenario {
			s := cluster(3, 30)
			newest := noon.Unix()/60 - 2
			for minute := newest - 10*24*60; minute <= newest; minute++ {
				busy := 1.8
				if (minute-newest+24*60*20)%(24*60) > 5 && (minute-newest+24*60*20)%(24*60) < 60 {
					busy = 5.4 // triples a few minutes from now, every day
				}
				s.history.AddDemand(minute, busy)
			}
			s.history.Learn(noon, nil)
			return s
		}, expectation{creates: -1, reasons: []Reason{ReasonSeason}}},
		"earlier days stop scale-in before their rise": {func() *scenario {
			s := cluster(5, 20)
			newest := noon.Unix()/60 - 2
			for minute := newest - 10*24*60; minute <= newest; minute++ {
				busy := 2.0
				if phase := (minute - newest + 24*60*20) % (24 * 60); phase > 30 && phase < 90 {
					busy = 20
				}
				s.history.AddDemand(minute, busy)
			}
			s.history.Learn(noon, nil)
			return s
		}, expectation{reasons: []Reason{ReasonHoldSeason}}},
		"a creation that AWS does not show yet counts as coming": {func() *scenario {
			s := cluster(3, 80)
			s.policy.Max = 4
			s.history.Asked = []Ask{{At: noon.Add(-time.Minute), ID: owned2, Class: "db.r8g.large", Minute: noon.Unix()/60 - 3}}
			return s
		}, expectation{state: Saturated, desired: 4}},
		"a creation that AWS still does not show after two minutes is repeated": {func() *scenario {
			s := cluster(3, 80)
			s.policy.Max = 4
			s.history.Asked = []Ask{{At: noon.Add(-3 * time.Minute), ID: owned2, Class: "db.r8g.large", Minute: noon.Unix()/60 - 5}}
			return s
		}, expectation{creates: 1}},
		"a refused creation is repeated at once, elsewhere": {func() *scenario {
			s := cluster(3, 80)
			s.policy.Max, s.policy.Zones = 4, []string{"us-east-1a", "us-east-1b", "us-east-1c"}
			s.history.Asked = []Ask{{At: noon.Add(-time.Minute), ID: owned2, Class: "db.r8g.large", Zone: "us-east-1b", Minute: noon.Unix()/60 - 3}}
			s.history.Failures = []Failure{{noon.Add(-time.Minute), "InsufficientDBInstanceCapacity", "us-east-1b", "db.r8g.large"}}
			return s
		}, expectation{creates: 1, zones: "us-east-1c"}},
		"a deletion that AWS does not show yet counts as leaving": {func() *scenario {
			s := cluster(5, 8)
			s.history.Asked = []Ask{{At: noon.Add(-time.Minute), ID: owned1, Delete: true, Minute: noon.Unix()/60 - 3}}
			return s
		}, expectation{reasons: []Reason{ReasonHoldLeaving}}},
		"a deposed writer's load before the failover is not the readers'": {func() *scenario {
			s := cluster(4, 25)
			for minute := noon.Unix()/60 - 60; minute <= noon.Unix()/60-2; minute++ {
				s.history.AddDemand(minute, 1.5) // three readers, before one of them was promoted
			}
			s.at("writer").Role, s.at("baseline-1").Role = Reader, Writer
			s.at("writer").CPU = steady(95)
			s.history.Events = []Event{{noon.Add(-time.Minute), EventFailover}}
			s.policy.RiskPercent = 20
			return s
		}, expectation{maxNeed: 3}},
		"a load that fell longer ago than the samples reach keeps its readers": {func() *scenario {
			s := quiet()
			s.policy.Stabilisation = Duration{time.Hour}
			for minute := noon.Unix()/60 - 60; minute < noon.Unix()/60-30; minute++ {
				s.history.AddDemand(minute, 5)
			}
			return s
		}, expectation{reasons: []Reason{ReasonHoldStabilisation}}},
		"a load that fell moments ago keeps its readers": {func() *scenario {
			s := quiet()
			s.readers(func(_ int, m *Member) {
				for i := range 6 {
					m.CPU[i].Value = 60
				}
			})
			return s
		}, expectation{reasons: []Reason{ReasonHoldStabilisation}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := c.given()
			d := s.decide()
			c.want.check(t, d)
			if err := unsafeActions(s.obs, s.policy, d, s.now); err != nil {
				t.Errorf("unsafe: %v", err)
			}
		})
	}
}

// late is five readers at a CPU percentage, one of which has been created for longer than creations take.
func late(maximum int, cpu float64) *scenario {
	s := cluster(5, cpu)
	s.policy.Max = maximum
	s.policy.Floors = []Floor{{Window: Window{Name: "sale", From: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}, Readers: 5}}
	if cpu < 20 {
		s.policy.Floors = nil
	}
	m := s.at(SlotID(prefix, 1))
	m.Status, m.CPU, m.CreatedAt, m.AvailableAt = "creating", nil, noon.Add(-17*time.Minute), time.Time{}
	return s
}

func inStatus(status string) func() *scenario {
	return func() *scenario {
		s := cluster(3, 90)
		s.obs.Cluster.Status = status
		return s
	}
}

// serverless is three Serverless v2 readers at a share of their capacity; their CPU tells nothing.
func serverless(acu float64) *scenario {
	s := cluster(3, 10)
	s.obs.Cluster.Serverless = true
	for i := range s.obs.Members {
		m := &s.obs.Members[i]
		m.Class, m.VCPU, m.ACUUtilization = "db.serverless", 0, steady(acu)
	}
	return s
}

func (want expectation) check(t *testing.T, d Decision) {
	t.Helper()
	switch {
	case want.creates == -1 && len(d.Creates) == 0, want.creates >= 0 && len(d.Creates) != want.creates:
		t.Errorf("creates %v, want %d (-1: some); decision %+v", d.Creates, want.creates, d)
	}
	if !slices.Equal(d.Deletes, want.deletes) {
		t.Errorf("deletes %v, want %v; decision %+v", d.Deletes, want.deletes, d)
	}
	for _, r := range want.reasons {
		if !d.has(r) {
			t.Errorf("reasons %v lack %q: an operator could not tell why", d.Reasons, r)
		}
	}
	for _, r := range want.not {
		if d.has(r) {
			t.Errorf("reasons %v have %q, which is untrue here", d.Reasons, r)
		}
	}
	if want.state != "" && d.State != want.state {
		t.Errorf("state %q, want %q; reasons %v", d.State, want.state, d.Reasons)
	}
	if want.maxNeed != 0 && d.Need > want.maxNeed {
		t.Errorf("need %d, want at most %d", d.Need, want.maxNeed)
	}
	if want.desired != 0 && d.Desired != want.desired {
		t.Errorf("desired %d, want %d", d.Desired, want.desired)
	}
	var zones, classes []string
	for _, c := range d.Creates {
		zones, classes = append(zones, c.Zone), append(classes, c.Class)
	}
	if want.zones != "" && strings.Join(zones, " ") != want.zones {
		t.Errorf("creates in %v, want %q", zones, want.zones)
	}
	if want.classes != "" && !slices.Contains(classes, want.classes) {
		t.Errorf("creates %v, want %q", classes, want.classes)
	}
}

func TestAReaderInItsBilledMinimumIsNoVictim(t *testing.T) {
	s := cluster(4, 8)
	s.at(SlotID(prefix, 1)).AvailableAt = noon.Add(-billingMinimum + time.Second)
	tick := tick{policy: s.policy, history: &s.history, now: s.now, minute: s.now.Unix() / 60, reasons: reasonSet{}}
	candidates := victims(tick.classify(&s.obs), s.now, tick.reasons)
	if len(candidates) != 1 || candidates[0].ID != SlotID(prefix, 2) {
		t.Errorf("%d candidates, want only the reader past its billed minimum: deleting the other saves nothing", len(candidates))
	}
}

func TestACPUAtItsLimitNeverMeansLessThanOneBelow(t *testing.T) {
	below, at := cluster(3, 94).decide(), cluster(3, 100).decide()
	if at.Need <= below.Need {
		t.Errorf("three readers at 100 %% need %d, at 94 %% %d: what is hidden behind the limit is not nothing", at.Need, below.Need)
	}
}
