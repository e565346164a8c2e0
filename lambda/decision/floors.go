package decision

import (
	"math"
	"time"
)

// poolsToSpread is how many connection lifetimes pass until new readers have their share of the connections: after
// three, all but 5 %.
const poolsToSpread = 3

// normalDays are the days back on which the normal load of a time of day is looked up.
var normalDays = [...]int64{1, 2, 3, 7}

// floor is the most readers that planned events and the operator ask for at an instant, 0 for none.
func floor(at time.Time, policy *Policy, history *History, f *fleet, lead time.Duration) (readers int, reason Reason) {
	for i := range policy.Floors {
		entry := &policy.Floors[i]
		ahead := entry.Lead.Duration
		if ahead <= 0 {
			ahead = lead + poolsToSpread*policy.PoolLifetime.Duration
		}
		if at.Before(entry.From.Add(-ahead)) || !at.Before(entry.Until) {
			continue
		}
		asked := entry.Readers
		if entry.LoadMultiple > 0 {
			asked = max(asked, multipleOfNormal(entry, at, policy, history, f))
		}
		if asked > readers {
			readers, reason = asked, ReasonFloor
		}
	}
	if o := policy.Override; o != nil && at.Before(o.Until) && o.Floor > readers {
		readers, reason = o.Floor, ReasonOverrideFloor
	}
	return readers, reason
}

// multipleOfNormal is the readers for a multiple of the load that is normal from an instant to the event's start, or
// for the next two hours once it runs. Normal is the median over earlier days of the highest demand in that time;
// without such days the policy's minimum counts as what normal load needs.
func multipleOfNormal(entry *Floor, at time.Time, policy *Policy, history *History, f *fleet) int {
	from, until := at, at.Add(2*time.Hour)
	if from.Before(entry.From) {
		from = entry.From
		until = from.Add(2 * time.Hour)
	}
	if until.After(entry.Until) {
		until = entry.Until
	}
	first, last := from.Unix()/60, until.Unix()/60
	// The days before the event itself: the event's own load is not normal.
	daysIn := int64(0)
	if from.After(entry.From) {
		daysIn = int64(from.Sub(entry.From) / (24 * time.Hour))
	}
	var peaks [len(normalDays)]float64
	n := 0
	for _, day := range normalDays {
		top := 0.0
		for minute := first; minute <= last; minute += 5 {
			if v, ok := history.DemandAt(minute - (day+daysIn)*24*60); ok {
				top = max(top, v)
			}
		}
		if top > 0 {
			peaks[n] = top
			n++
		}
	}
	if n == 0 {
		return bounded(math.Ceil(float64(policy.Min) * entry.LoadMultiple))
	}
	required := median(peaks[:n]) * entry.LoadMultiple / (policy.CapPercent / 100)
	return bounded(math.Ceil(required/f.refVCPU - 1e-9))
}

// bounded turns a number of readers into one that Aurora could have.
func bounded(readers float64) int {
	if math.IsNaN(readers) {
		return 0
	}
	return int(max(0, min(readers, MaxReaders)))
}

// frozen says whether a freeze window is open.
func frozen(windows []Window, now time.Time) bool {
	for _, w := range windows {
		if !now.Before(w.From) && now.Before(w.Until) {
			return true
		}
	}
	return false
}
