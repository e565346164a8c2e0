package decision

import "slices"

// A burst is a sudden rise of demand that is over before a reader asked for could help: readers that chase it come too
// late, are paid for and go again. Whether a rise is a burst shows only afterwards, but clusters have habits: where
// nearly all sudden rises were bursts, a rise that has just begun is hardly built for until it has lasted.
const (
	burstRise  = 1.3  // demand over the level before it from which a rise is sudden
	burstOver  = 1.15 // demand over the level before it at which a rise has not begun, or is over
	burstYoung = 5    // minutes within which a rise has just begun
	burstLong  = 8    // minutes within which a burst is over
	habitRises = 3    // sudden rises that make a habit
	habitShare = 0.8  // of them that were bursts
)

// bursts are the sudden rises that the history knows.
type bursts struct {
	rises int
	over  int     // those that were bursts
	peak  float64 // the highest demand known
}

// habit says whether sudden rises are bursts as a rule.
func (b *bursts) habit() bool {
	return b.rises >= habitRises && float64(b.over) >= habitShare*float64(b.rises)
}

// recent is demand by minute, backwards.
type recent [recentMinutes]float64

// ago is the median of three minutes, the newest of them so many minutes ago.
func (r *recent) ago(minutes int) float64 {
	return medianOf3(r[minutes], r[minutes+1], r[minutes+2])
}

// begun says whether demand rose suddenly within the last minutes, and from which level. One minute tells, as it does
// the trend.
func (b *bursts) begun(r *recent) (level float64, young bool) {
	level, young = b.before(r)
	return level, young && max(r[0], r[1], r[2]) > burstRise*level+idleShare*b.peak
}

// before is the level before the last minutes, and whether demand had not left it until then.
func (b *bursts) before(r *recent) (level float64, calm bool) {
	level = r.ago(burstYoung + 3)
	return level, r.ago(burstYoung) <= burstOver*level+idleShare*b.peak
}

// ended says whether demand is back at about the level before a rise.
func (b *bursts) ended(r *recent, level float64) bool {
	return r.ago(0) <= burstOver*level+idleShare*b.peak
}

// recentAt is the demand up to a minute, and whether all of it is known.
func (h *History) recentAt(minute int64) (r recent, known bool) {
	for back := range r {
		if r[back], known = h.DemandAt(minute - int64(back)); !known {
			return r, false
		}
	}
	return r, true
}

// findBursts looks through the recorded demand. Minutes next to unknown ones tell nothing.
func (h *History) findBursts() bursts {
	var b bursts
	first := max(1, h.newest-historyMinutes+1)
	for minute := first; minute <= h.newest; minute++ {
		if v, ok := h.DemandAt(minute); ok {
			b.peak = max(b.peak, v)
		}
	}
	for minute := first; minute+burstLong <= h.newest; minute++ {
		r, known := h.recentAt(minute)
		if !known {
			continue
		}
		level, young := b.begun(&r)
		if !young {
			continue
		}
		b.rises++
		for later := minute + 1; later <= minute+burstLong; later++ {
			if r, known := h.recentAt(later); known && b.ended(&r, level) {
				b.over++
				break
			}
		}
		minute += burstLong
	}
	return b
}

// expected is the load to build for: where sudden rises are bursts as a rule, the last minutes count only up to the level
// before them, so that more demand there never means fewer readers. What is there already is kept for all of it.
func (l *load) expected(b *bursts) *load {
	if !b.habit() {
		return l
	}
	level, calm := b.before((*recent)(&l.series))
	most := level + idleShare*b.peak
	if !calm || slices.Max(l.series[:burstYoung]) <= most {
		return l
	}
	until := *l
	until.now = min(l.now, most)
	for back, demand := range l.series {
		until.series[back] = min(demand, most)
	}
	return &until
}
