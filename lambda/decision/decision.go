// Package decision decides how many Aurora readers a cluster should have. It is pure: no clock, no input or output, no
// randomness, only the standard library, so that the Lambda function, the replay, the fuzzers and the property tests
// all run the same code.
//
// Decide reads from top to bottom as the rules apply: sanity, members, samples, demand, forecast, lag, need, creation,
// deletion. The number of readers comes from sizing.go (by the risk of growth within the lead, which growth.go learns),
// everything else from rules that can only hold back.
package decision

import (
	"math"
	"slices"
	"strings"
	"time"
)

// MaxReaders is Aurora's limit of readers in a cluster.
const MaxReaders = 15

// Decision is what should be true of the cluster, and why.
type Decision struct {
	Desired int      // readers the cluster should have, foreign ones counted; within the policy's bounds
	Creates []Create // readers to create now, in order
	Deletes []string // identifiers to delete now, in order; readers of the scaler's only
	State   State
	Reasons []Reason // every rule that had a say, sorted, no duplicates

	Need     int     // readers the load calls for, before floors and bounds; 0 when it is not known
	Demand   float64 // readers of the writer's class that are fully busy now
	Forecast float64 // the same, expected at the peak within the lead

	Serving   int           // readers in service
	Coming    int           // readers being created
	Shortfall int           // readers needed above the policy's maximum
	Lead      time.Duration // how long a creation is expected to take until it helps
	Lag       LagVerdict
	Skewed    bool  // load is spread unevenly
	Minute    int64 // newest sample used, minutes since the Unix epoch; 0: none
}

// Create is one reader to create.
type Create struct {
	ID    string
	Zone  string // empty: let AWS choose
	Class string
}

// Decide returns what to do about an observation. Any input is safe: what cannot be believed holds the readers.
// The caller carries out the actions, re-reading the cluster before each deletion, and not at all in dry-run.
func Decide(obs Observation, policy Policy, history History, now time.Time) Decision {
	t := tick{
		policy:  policy.sane(),
		history: &history,
		now:     now,
		minute:  now.Unix() / 60,
		reasons: reasonSet{},
	}
	t.d.Lead = leadTime(history.Creates)
	t.fleet = t.classify(&obs)
	t.decide(&obs)
	t.d.Reasons = t.reasons.sorted()
	return t.d
}

// tick is one decision in the making.
type tick struct {
	policy  Policy
	history *History
	now     time.Time
	minute  int64
	fleet   *fleet
	reasons reasonSet
	d       Decision
}

func (t *tick) decide(obs *Observation) {
	f, p := t.fleet, &t.policy
	t.d.Serving, t.d.Coming = len(f.serving), len(f.coming)
	t.d.Lag = LagNone
	t.d.Desired = t.bound(f.count() + len(f.late))
	t.describe(obs)
	if p.Mode == DryRun {
		t.reasons.add(ReasonDryRun)
	}
	if state, stop := t.sanity(obs); stop {
		t.d.State = state
		return
	}

	// What the samples say.
	cpuCap := p.CapPercent / 100
	l := measure(f, t.history, t.minute, t.lastEvent(EventFailover, EventSwitchover).Unix()/60, cpuCap)
	blind := t.blind()
	t.d.Minute = l.minute
	meanCPU := 0.0
	if f.servingVCPU() > 0 {
		meanCPU = l.now / f.servingVCPU() * 100
	}
	recovering := t.within(recoveryHold, EventFailover, EventSwitchover, EventRestart)
	lag := diagnose(f, p.LagObjectiveMs, meanCPU, busyCPU, recovering)
	t.d.Lag = lag.verdict
	t.reasons.addIf(lagReasons[lag.verdict] != "", lagReasons[lag.verdict])
	t.d.Skewed = lag.cool || skew(f, func(m *member) bool {
		age, known := since(m.AvailableAt, t.now)
		return !known || age >= poolsToSpread*p.PoolLifetime.Duration
	})
	t.reasons.addIf(t.d.Skewed, ReasonImbalance)

	// How many readers that means.
	load := 0
	if !blind {
		load = t.loadNeed(obs, &l, lag, meanCPU)
	} else {
		load = f.count()
	}
	wanted := load
	planned, plannedBy := floor(t.now, p, t.history, f, t.d.Lead)
	if planned > wanted {
		wanted = planned
		t.reasons.add(plannedBy)
	}
	if p.Min > wanted {
		t.reasons.add(ReasonMinimum)
	}
	if !blind && load > p.Max {
		t.d.Shortfall = load - p.Max
		t.reasons.add(ReasonSaturated)
	}
	// A late creation may still end well: what replaces it is beside it, within the maximum.
	t.d.Desired = t.bound(t.bound(wanted) + len(f.late))

	if f.count()+len(f.late) < t.d.Desired {
		t.grow(max(planned, p.Min))
	} else {
		t.shrink(&l, lag, blind, wanted)
	}
	t.d.State = t.state(blind)
}

// bound keeps a number of readers within the policy.
func (t *tick) bound(readers int) int { return min(max(readers, t.policy.Min), t.policy.Max) }

// describe notes what is remarkable about the members.
func (t *tick) describe(obs *Observation) {
	f := t.fleet
	t.reasons.addIf(f.writers == 0 && !obs.Cluster.GlobalSecondary, ReasonNoWriter)
	t.reasons.addIf(obs.Cluster.GlobalSecondary, ReasonGlobalSecondary)
	t.reasons.addIf(len(f.serving) == 0, ReasonNoServing)
	t.reasons.addIf(len(f.broken) > 0, ReasonBrokenReader)
	t.reasons.addIf(f.count() > t.policy.Max, ReasonAboveMax)
	for _, m := range f.readers {
		t.reasons.addIf(m.phase == unknown, ReasonUnknownStatus)
		t.reasons.addIf(m.stuck, ReasonStuckCreate)
		t.reasons.addIf(m.late, ReasonLateCreate)
		t.reasons.addIf(strings.HasPrefix(m.Class, "db.t"), ReasonBurstable)
	}
	for _, m := range f.serving {
		t.reasons.addIf(m.vcpu != f.serving[0].vcpu, ReasonMixedClasses)
		t.reasons.addIf(m.capped > 0, ReasonCPUCensored)
		t.reasons.addIf(m.load, ReasonUncensored)
	}
}

// sanity says whether anything forbids to act at all.
func (t *tick) sanity(obs *Observation) (State, bool) {
	p := &t.policy
	o := p.Override
	stops := []struct {
		applies bool
		state   State
		reason  Reason
	}{
		{p.Mode == Paused, Frozen, ReasonPaused},
		{o != nil && o.Paused && t.now.Before(o.Until), Frozen, ReasonOverridePaused},
		{obs.Cluster.AutoScalingRegistered, Frozen, ReasonAutoScalingPresent},
		{frozen(p.Freezes, t.now), Frozen, ReasonFreezeWindow},
		{obs.Cluster.Status == "", MaintenanceHold, ReasonClusterMissing},
		{obs.Cluster.Status == "failing-over", FailoverHold, ReasonClusterNotAvailable},
		{obs.Cluster.Status != "available", MaintenanceHold, ReasonClusterNotAvailable},
		{t.fleet.writers > 1, MaintenanceHold, ReasonTwoWriters},
	}
	for _, stop := range stops {
		if stop.applies {
			t.reasons.add(stop.reason)
			return stop.state, true
		}
	}
	return "", false
}

// blind says whether fewer than half of the serving readers report. A reader that has just come cannot report yet.
func (t *tick) blind() bool {
	fresh := 0
	var silent []int // minutes since the newest point of each reader that should report
	for _, m := range t.fleet.serving {
		if m.fresh {
			fresh++
			silent = append(silent, m.use.newest())
			continue
		}
		if !m.arrived {
			silent = append(silent, t.silence(m))
			t.reasons.add(ReasonStaleReader)
		}
	}
	if fresh > 0 && 2*fresh >= len(silent) {
		return false
	}
	t.reasons.add(ReasonBlind)
	slices.Sort(silent)
	t.reasons.addIf(len(silent) > 0 && silent[(len(silent)-1)/2] > blindLong, ReasonBlindLong)
	return true
}

// blindLong is after how many minutes blindness is more than points that are late.
const blindLong = 10

// silence is how many minutes a reader has had no point, as far as that was watched: a process that has just begun
// knows nothing of the minutes before.
func (t *tick) silence(m *member) int {
	if back := m.use.newest(); back >= 0 {
		return back
	}
	began := t.history.began.Unix() / 60
	if t.history.began.IsZero() {
		began = t.minute
	}
	if t.history.newest > 0 {
		began = min(began, t.history.newest)
	}
	if age, known := since(m.AvailableAt, t.now); known {
		began = max(began, t.minute-int64(age/time.Minute))
	}
	return int(min(t.minute-began, int64(recentMinutes)))
}

// loadNeed is the number of readers that demand, forecast, connections and lag call for.
func (t *tick) loadNeed(obs *Observation, l *load, lag lagFinding, meanCPU float64) int {
	f, p := t.fleet, &t.policy
	build := l.expected(&t.history.bursts)
	t.reasons.addIf(build != l, ReasonBurst)
	s := size(build, p, t.history, t.d.Lead)
	t.d.Demand, t.d.Forecast = l.now/f.refVCPU, s.forecast/f.refVCPU
	need := readersFor(s.required, f)
	if spares := s.spares(need, f, p); spares > 0 {
		need += spares
		t.reasons.add(ReasonSpares)
	}
	if p.ConnectionsPerReader > 0 {
		total := 0.0
		for _, m := range f.serving {
			total += max(0, m.conns)
		}
		if byConnections := bounded(math.Ceil(total / float64(p.ConnectionsPerReader))); byConnections > need {
			need = byConnections
			s.reason = ReasonConnections
		}
	}
	count := f.count()
	if lag.verdict == LagApplyStarved && !lag.cool && need <= count && len(f.coming) == 0 {
		need = count + 1
		s.reason = ReasonLagStarved
	}
	if need > count {
		// Growth that more readers would not help, or not yet.
		unhelped := func(limit int, why Reason) {
			if need > limit {
				need = limit
				t.reasons.add(why)
			}
		}
		switch {
		case obs.Cluster.Serverless && !t.serverlessFull():
			unhelped(count, ReasonServerlessGrows)
		case obs.Cluster.Serverless:
			s.reason = ReasonServerlessAtMax
		case lag.verdict == LagWriteBound:
			unhelped(max(count, readersFor(l.now/(busyCPU/100), f)), ReasonLagWriteBound)
		case t.d.Skewed && meanCPU < busyCPU:
			unhelped(count+1, ReasonImbalanceLimit)
		}
	} else if obs.Cluster.Serverless && t.serverlessFull() {
		need = count + 1
		s.reason = ReasonServerlessAtMax
	}
	t.reasons.addIf(need > p.Min, s.reason)
	t.d.Need = need
	return need
}

// serverlessFull says whether every serving reader uses more than 90 % of the capacity it may grow to.
func (t *tick) serverlessFull() bool {
	for _, m := range t.fleet.serving {
		if use, ok := m.use.median3(); !ok || use <= 90 {
			return false
		}
	}
	return len(t.fleet.serving) > 0
}

// grow creates what is missing, in steps. What the load asks for waits for samples newer than those already acted on;
// floors and the minimum do not.
func (t *tick) grow(planned int) {
	f := t.fleet
	wanted := t.d.Desired
	if t.actedOn() {
		t.reasons.add(ReasonNoNewData)
		wanted = min(wanted, max(planned, f.count())+len(f.late))
	}
	missing := wanted - f.count() - len(f.late)
	if step := max(minStep, f.count()); missing > step {
		missing = step
		t.reasons.add(ReasonStepCap)
	}
	t.d.Creates = createReaders(missing, f, &t.policy, t.history, t.now, t.reasons)
	// A reader that will never serve makes room only when nothing can be created.
	if len(t.d.Creates) == 0 {
		t.removeBroken()
	}
}

// removeBroken deletes what will never serve, as long as another reader does.
func (t *tick) removeBroken() {
	if t.reasons[ReasonBlind] || len(t.fleet.serving) == 0 {
		return
	}
	if ids := brokenVictims(t.fleet); len(ids) > 0 {
		t.d.Deletes = ids
		t.reasons.add(ReasonDeleteBroken)
	}
}

// shrink deletes what is superfluous, or replaces what is sick, unless something forbids it.
func (t *tick) shrink(l *load, lag lagFinding, blind bool, wanted int) {
	f, p := t.fleet, &t.policy
	// What is there is desired until it is deleted: the number follows the readers, not the wish.
	t.d.Desired = t.bound(f.count() + len(f.late))
	if t.removeBroken(); len(t.d.Deletes) > 0 || blind {
		return
	}
	if lag.sick != nil {
		t.replace(lag, wanted)
		return
	}
	// Above the policy's maximum a reader stays for a surge of the present demand only, not for all that may come.
	present := surge * l.now / (p.CapPercent / 100)
	limit := max(p.Max, readersFor(present, f))
	keep := min(max(wanted, p.Min), limit)
	if f.count() <= keep || t.held(lag) {
		return
	}
	ahead, _ := floor(t.now.Add(floorAhead), p, t.history, f, t.d.Lead)
	if keep = min(max(keep, ahead), limit); f.count() <= keep {
		t.reasons.add(ReasonHoldFloorAhead)
		return
	}
	stay := sizeToStay(l, p, t.history, t.d.Lead)
	season := max(stay, seasonToStay(l, p, t.history))
	capacity := season + f.coldVCPU()
	for _, must := range []struct {
		stay   float64 // vCPUs
		reason Reason
	}{{stay, ReasonHoldStabilisation}, {season, ReasonHoldSeason}, {capacity, ReasonHoldWarming}} {
		if keep = min(max(keep, readersFor(must.stay, f)), limit); f.count() <= keep {
			t.reasons.add(must.reason)
			return
		}
	}
	if keep == limit {
		capacity = min(capacity, present)
	}
	t.d.Deletes = deleteReaders(keep, capacity, f, t.now, t.reasons)
	t.reasons.addIf(len(t.d.Deletes) > 0, ReasonScaleIn)
	t.d.Desired = t.bound(f.count() - len(t.d.Deletes))
}

// held says whether anything forbids scale-in, and notes all that does.
func (t *tick) held(lag lagFinding) bool {
	f := t.fleet
	stale := slices.ContainsFunc(f.serving, func(m *member) bool { return !m.fresh })
	writerHot := false
	if f.writer != nil {
		cpu, ok := f.writer.use.median3()
		writerHot = ok && cpu > writerHotCPU
	}
	held := false
	for _, hold := range []struct {
		applies bool
		reason  Reason
	}{
		{len(f.coming)+len(f.late) > 0, ReasonHoldComing},
		{len(f.leaving) > 0, ReasonHoldLeaving},
		{len(f.serving) <= 1, ReasonHoldLastReader},
		{t.lagHolds(lag.verdict), ReasonHoldLag},
		{writerHot, ReasonHoldWriterHot},
		{f.writers == 0 && !t.reasons[ReasonGlobalSecondary], ReasonNoWriter},
		{t.within(failoverHold, EventFailover, EventSwitchover, EventRestart), ReasonHoldFailover},
		{t.maintenance(), ReasonHoldMaintenance},
		{stale, ReasonHoldStale},
		{t.d.Skewed, ReasonHoldImbalance},
		{t.actedOn(), ReasonNoNewData},
	} {
		if hold.applies {
			t.reasons.add(hold.reason)
			held = true
		}
	}
	return held
}

// lagHolds says whether the lag, or not knowing it, forbids to delete. Where nobody measures it, that tells nothing.
func (t *tick) lagHolds(verdict LagVerdict) bool {
	switch verdict {
	case LagNone, LagCatchUp:
		return false
	case LagMissing:
		return !t.history.lagUnmeasured(t.fleet.serving)
	}
	return true
}

// replace makes room for a sick reader's successor, and deletes the sick one once the successor serves.
func (t *tick) replace(lag lagFinding, wanted int) {
	f, p := t.fleet, &t.policy
	reason := ReasonReplaceSick
	if lag.verdict == LagUndersized {
		reason = ReasonReplaceSmall
	}
	if !lag.sick.deletable() || len(f.coming)+len(f.late) > 0 || len(f.leaving) > 0 || t.actedOn() {
		t.reasons.add(ReasonHoldLag)
		return
	}
	youngest := time.Duration(math.MaxInt64)
	for _, m := range f.serving {
		if age, known := since(m.AvailableAt, t.now); known && m.Owned && m != lag.sick {
			youngest = min(youngest, age)
		}
	}
	t.reasons.add(reason)
	switch {
	case youngest < warmWindow:
		t.reasons.add(ReasonHoldWarming)
	case youngest < replaceEvery && f.count() > max(wanted, p.Min, 1) && !t.held(lagFinding{verdict: LagNone}) && t.keepsZonesWithout(lag.sick):
		t.d.Deletes = []string{lag.sick.ID}
		t.d.Desired = t.bound(f.count() - 1)
	case youngest < replaceEvery:
		t.reasons.add(ReasonHoldLag)
	case f.count() < p.Max:
		t.d.Desired = t.bound(f.count() + 1)
		t.d.Creates = createReaders(1, f, p, t.history, t.now, t.reasons)
	}
}

// keepsZonesWithout says whether the other serving readers are still in two zones, if all are now and two are left.
func (t *tick) keepsZonesWithout(gone *member) bool {
	before, after := map[string]bool{}, map[string]bool{}
	for _, m := range t.fleet.serving {
		before[m.Zone] = true
		if m != gone {
			after[m.Zone] = true
		}
	}
	return len(after) >= min(2, len(before), len(t.fleet.serving)-1)
}

// actedOn says whether the scaler already acted on samples as new as the newest.
func (t *tick) actedOn() bool {
	return slices.ContainsFunc(t.history.Asked, func(a Ask) bool {
		age, ok := since(a.At, t.now.Add(time.Second))
		return ok && age < memory && a.Minute > 0 && a.Minute >= t.d.Minute
	})
}

// lastEvent is when the newest past event of the given kinds was; the zero time for none.
func (t *tick) lastEvent(kinds ...string) time.Time {
	var last time.Time
	for _, e := range t.history.Events {
		if slices.Contains(kinds, e.Kind) && !e.At.After(t.now) && e.At.After(last) {
			last = e.At
		}
	}
	return last
}

// within says whether an event of the given kinds is at most so old.
func (t *tick) within(window time.Duration, kinds ...string) bool {
	last := t.lastEvent(kinds...)
	return !last.IsZero() && t.now.Sub(last) < window
}

// maintenance says whether maintenance was within the failover hold or starts within the lead.
func (t *tick) maintenance() bool {
	return slices.ContainsFunc(t.history.Events, func(e Event) bool {
		return e.Kind == EventMaintenance && t.now.Sub(e.At) < failoverHold && e.At.Sub(t.now) < t.d.Lead
	})
}

// state sums the decision up; the first that applies wins.
func (t *tick) state(blind bool) State {
	f := t.fleet
	warming := slices.ContainsFunc(f.serving, func(m *member) bool { return m.warming })
	refused := t.reasons[ReasonCapacityRefused] || t.reasons[ReasonQuota] || t.reasons[ReasonCreateForbidden] || t.reasons[ReasonNoFreeSlot]
	for _, s := range []struct {
		applies bool
		state   State
	}{
		{blind, Blind},
		{t.d.Shortfall > 0, Saturated},
		{refused, Degraded},
		{len(t.d.Creates)+len(f.coming)+len(f.late) > 0, ScalingOut},
		{len(t.d.Deletes) > 0, ScalingIn},
		{len(f.leaving) > 0, Draining},
		{t.within(failoverHold, EventFailover, EventSwitchover), FailoverHold},
		{t.d.Skewed, Imbalanced},
		{warming, Warming},
	} {
		if s.applies {
			return s.state
		}
	}
	return Steady
}

// SlotID is the identifier of a numbered slot, 1 to MaxReaders: "<prefix>-r01". Two runs that race for the same slot
// collide in AWS instead of creating two readers.
func SlotID(prefix string, slot int) string {
	return prefix + "-r" + string([]byte{'0' + byte(slot/10), '0' + byte(slot%10)})
}
