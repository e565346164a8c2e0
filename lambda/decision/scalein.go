package decision

import (
	"cmp"
	"slices"
	"time"
)

const (
	// failoverHold is how long after a failover nothing is deleted.
	failoverHold = 15 * time.Minute
	// recoveryHold is how long lag after a failover or restart is taken for recovery.
	recoveryHold = 10 * time.Minute
	// replaceEvery is the least time between two replacements of lagging readers.
	replaceEvery = time.Hour
	// floorAhead is how long before a planned floor takes effect scale-in leaves its readers alone.
	floorAhead = time.Hour
	// lowestTier is the first promotion tier that may be deleted: 0 and 1 fail over first and follow the writer's size.
	lowestTier = 2
)

// deletable says whether the scaler may ever delete a member.
func (m *member) deletable() bool {
	return m.Owned && m.Role == Reader && m.Tier >= lowestTier
}

// brokenVictims are the readers of the scaler's that will not serve any more.
func brokenVictims(f *fleet) []string {
	var ids []string
	for _, m := range f.readers {
		if m.deletable() && (m.phase == broken || m.phase == coming && m.stuck) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// victims are the serving readers that may go.
func victims(f *fleet, now time.Time, reasons reasonSet) []*member {
	owned := 0
	var candidates []*member
	for _, m := range f.serving {
		if !m.deletable() {
			continue
		}
		owned++
		if age, known := since(m.AvailableAt, now); known && age < billingMinimum {
			continue
		}
		candidates = append(candidates, m)
	}
	switch {
	case owned == 0:
		reasons.add(ReasonHoldForeign)
	case len(candidates) == 0:
		reasons.add(ReasonHoldBillingMinimum)
	}
	return candidates
}

// firstToGo orders victims, the best to lose first: of a fallback class, in the most crowded zone, with the fewest
// connections, the youngest.
func firstToGo(class string, perZone map[string]int) func(a, b *member) int {
	fallback := func(m *member) int {
		if m.Class == class {
			return 1
		}
		return 0
	}
	return func(a, b *member) int {
		return cmp.Or(
			cmp.Compare(fallback(a), fallback(b)),
			cmp.Compare(perZone[b.Zone], perZone[a.Zone]),
			cmp.Compare(a.conns, b.conns),
			b.AvailableAt.Compare(a.AvailableAt),
			cmp.Compare(a.ID, b.ID),
		)
	}
}

// deleteReaders picks the readers that may go: at most half of those that serve, never below the number to keep nor
// the vCPUs to keep, never the last, and never the last but one zone while two readers stay.
func deleteReaders(keep int, keepVCPU float64, f *fleet, now time.Time, reasons reasonSet) []string {
	perZone := map[string]int{}
	for _, m := range f.serving {
		perZone[m.Zone]++
	}
	zones := min(2, len(perZone))
	left, capacity := len(f.serving), f.capacity
	step := max(1, len(f.serving)/2)
	candidates := victims(f, now, reasons)
	var ids []string
	for left > max(1, keep) && len(ids) < step && len(candidates) > 0 {
		m := slices.MinFunc(candidates, firstToGo(f.class, perZone))
		candidates = slices.DeleteFunc(candidates, func(other *member) bool { return other == m })
		if capacity-m.vcpu < keepVCPU {
			continue
		}
		if left > 2 && perZone[m.Zone] == 1 && len(perZone) <= zones {
			reasons.add(ReasonHoldZone)
			continue
		}
		if perZone[m.Zone]--; perZone[m.Zone] == 0 {
			delete(perZone, m.Zone)
		}
		ids = append(ids, m.ID)
		left--
		capacity -= m.vcpu
	}
	return ids
}
