package decision

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// unsafeActions judges a decision by the observation alone, in its own words: it must not share code with what it
// judges. It returns nil for a harmless decision.
func unsafeActions(obs Observation, policy Policy, d Decision, now time.Time) error {
	var found []error
	unsafe := func(bad bool, format string, args ...any) {
		if bad {
			found = append(found, fmt.Errorf(format, args...))
		}
	}
	byID := map[string]Member{}
	readers, writers, serving, creating := 0, 0, 0, 0
	for _, m := range obs.Members {
		if _, twice := byID[m.ID]; twice {
			continue
		}
		byID[m.ID] = m
		if m.Role == Writer {
			writers++
			continue
		}
		readers++
		switch m.Status {
		case "available", "backing-up", "modifying":
			serving++
		case "creating":
			// One that is stuck must not hold the fleet for ever.
			if age := now.Sub(m.CreatedAt); age <= 30*time.Minute {
				creating++
			}
		}
	}
	unsafe(d.Desired < policy.Min || d.Desired > policy.Max, "desired %d is outside %d to %d: the operator's bounds would not hold", d.Desired, policy.Min, policy.Max)
	unsafe(len(d.Creates) > 0 && len(d.Deletes) > 0, "creates %v and deletes %v at once", d.Creates, d.Deletes)
	acts := len(d.Creates)+len(d.Deletes) > 0
	unsafe(acts && obs.Cluster.Status != "available", "acts on a cluster that is %q", obs.Cluster.Status)
	unsafe(acts && writers > 1, "acts while %d members claim to be the writer", writers)
	unsafe(acts && policy.Mode == Paused, "acts although paused")
	unsafe(acts && obs.Cluster.AutoScalingRegistered, "acts beside Application Auto Scaling")
	for _, w := range policy.Freezes {
		unsafe(acts && !now.Before(w.From) && now.Before(w.Until), "acts in freeze window %q", w.Name)
	}
	unsafe(len(d.Deletes) > 0 && d.State == Blind, "deletes %v while blind", d.Deletes)

	left, healthy := serving, 0
	for i, id := range d.Deletes {
		m, ok := byID[id]
		unsafe(!ok, "deletes %q, which is no member", id)
		unsafe(m.Role == Writer, "deletes the writer %q", id)
		unsafe(ok && !m.Owned, "deletes %q, which is not the scaler's", id)
		unsafe(ok && m.Tier < 2, "deletes %q of promotion tier %d", id, m.Tier)
		unsafe(m.Status == "deleting", "deletes %q again", id)
		unsafe(slices.Contains(d.Deletes[:i], id), "deletes %q twice", id)
		if m.Status == "available" || m.Status == "backing-up" || m.Status == "modifying" {
			left--
			healthy++
		}
	}
	unsafe(len(d.Deletes) > 0 && left < 1, "deletes the last serving reader with %v", d.Deletes)
	unsafe(healthy > 0 && left < policy.Min, "leaves %d serving readers, below the minimum %d", left, policy.Min)
	unsafe(healthy > 0 && creating > 0, "scales in while %d readers are being created", creating)

	for i, c := range d.Creates {
		_, taken := byID[c.ID]
		unsafe(taken, "creates %q, which exists", c.ID)
		unsafe(c.Class == "", "creates %q without a class", c.ID)
		unsafe(slices.ContainsFunc(d.Creates[:i], func(o Create) bool { return o.ID == c.ID }), "creates %q twice", c.ID)
	}
	unsafe(len(d.Creates) > 0 && readers+len(d.Creates) > MaxReaders, "creates %d readers beside %d: Aurora allows %d", len(d.Creates), readers, MaxReaders)
	unsafe(len(d.Creates) > 0 && serving+creating+len(d.Creates) > policy.Max, "creates %d readers beside %d that serve and %d that come: the maximum is %d", len(d.Creates), serving, creating, policy.Max)
	unsafe(math.IsNaN(d.Demand) || math.IsInf(d.Demand, 0) || d.Demand < 0, "demand %v is no load", d.Demand)
	unsafe(math.IsNaN(d.Forecast) || math.IsInf(d.Forecast, 0) || d.Forecast < 0, "forecast %v is no load", d.Forecast)
	unsafe(d.State == "", "no state")
	for _, r := range d.Reasons {
		unsafe(Reasons[r] == "", "reason %q is not in the table", r)
	}
	return errors.Join(found...)
}
