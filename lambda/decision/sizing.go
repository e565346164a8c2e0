package decision

import (
	"math"
	"time"
)

// sizing is what the load calls for, in busy vCPUs and vCPUs of readers.
type sizing struct {
	forecast float64 // expected peak of demand within the lead
	upper    float64 // demand that is exceeded within the lead with no more than the policy's risk
	required float64 // vCPUs of readers that keep the upper bound within the policy's CPU
	reason   Reason  // what weighed most
}

// size answers how many vCPUs of readers the load needs so that the chance of outgrowing them before more can help
// stays within the policy's risk.
func size(l *load, policy *Policy, history *History, lead time.Duration) sizing {
	return sizeAt(l, 0, l.now, policy.RiskPercent/100, policy, history, lead)
}

// likely is the chance from which a surge of earlier days is part of the forecast; the margin covers rarer ones.
const likely = 0.1

// sizeAt is size some minutes back, for a demand and a risk.
func sizeAt(l *load, back int, demand, risk float64, policy *Policy, history *History, lead time.Duration) sizing {
	g := history.growth
	highest := demand
	if g != nil {
		highest = max(highest, g.peak)
	}
	idle := idleShare * highest
	level := (demand + idle) / (highest + idle)
	trend := trend(l.series[back:], demand, idle, horizon(lead))
	margin, reason := g.margin(risk, level, false), ReasonRisk
	expected := trend
	if season := g.seasonAt(l.minute - int64(back)); season >= surge {
		// What an earlier day saw at this time is prepared for if it is likely enough to come again.
		if again := min(season, g.margin(risk, level, true)); again > margin {
			margin, reason = again, ReasonSeason
		}
		expected = max(expected, min(season, g.margin(likely, level, true)))
	}
	growth := min(maxGrowth, trend*margin)
	switch {
	case trend > margin:
		reason = ReasonTrend
	case growth < 1.1:
		reason = ReasonDemand
	}
	upper := demand * growth
	return sizing{
		forecast: demand * expected, upper: upper, required: upper / (policy.CapPercent / 100), reason: reason,
	}
}

const (
	// stayRisk is how many times the policy's risk the highest demand of the stabilisation window is sized at: it is
	// over, and may only be on its way back.
	stayRisk = 4
	// stayMargin is how much more than needed the readers must carry to stay, so that a load that wavers by that much
	// does not make the readers waver.
	stayMargin = 1.08
	// stayMinutes is how many minutes what was needed then is still needed: trends are noisy.
	stayMinutes = recentMinutes - trendMinutes
)

// seasonAhead is how far scale-in looks into the earlier days' future.
const seasonAhead = 60

// watched says whether enough of the stabilisation window is known to tell that fewer readers sufficed in it: two
// thirds, for CloudWatch loses points and the newest come late.
func (l *load) watched(window int64, history *History) bool {
	known := int64(0)
	for back := range window {
		_, ok := history.DemandAt(l.minute - back)
		if ok || back < int64(recentMinutes) && l.known[back] {
			known++
		}
	}
	return 3*known >= 2*window
}

// sizeToStay is the vCPUs of readers below which scale-in must not go: what was needed in the last minutes, and what
// the highest demand of the stabilisation window would need. A window that nobody watched may have needed any number.
func sizeToStay(l *load, policy *Policy, history *History, lead time.Duration) float64 {
	peak := l.removing
	window := int64(policy.Stabilisation.Duration / time.Minute)
	if !l.watched(window, history) {
		return math.Inf(1)
	}
	for back := range window {
		sum, n := 0.0, 0.0
		for k := range int64(3) {
			if v, ok := history.DemandAt(l.minute - back - k); ok {
				sum, n = sum+v, n+1
			}
		}
		if n > 0 {
			peak = max(peak, sum/n)
		}
	}
	for back := range min(int(window), recentMinutes-2) {
		peak = max(peak, medianOf3(l.series[back], l.series[back+1], l.series[back+2]))
	}
	risk, required := policy.RiskPercent/100, 0.0
	for back := range stayMinutes {
		then := medianOf3(l.series[back], l.series[back+1], l.series[back+2])
		required = max(required,
			sizeAt(l, back, then, risk, policy, history, lead).required,
			sizeAt(l, back, peak, min(0.5, stayRisk*risk), policy, history, lead).required)
	}
	return required * stayMargin
}

// seasonToStay is the vCPUs of readers that earlier days say the next hour needs, at 90 % of the policy's CPU.
func seasonToStay(l *load, policy *Policy, history *History) float64 {
	var ratios [4]float64
	n := 0
	for _, day := range [...]int64{1, 2, 3, 7} {
		then := l.minute - day*24*60
		base, ok := history.DemandAt(then)
		if !ok || base <= 0 {
			continue
		}
		top := base
		for ahead := int64(1); ahead <= seasonAhead; ahead++ {
			if v, ok := history.DemandAt(then + ahead); ok {
				top = max(top, v)
			}
		}
		ratios[n] = min(maxGrowth, top/base)
		n++
	}
	if n == 0 {
		return 0
	}
	return l.now * median(ratios[:n]) / (0.9 * policy.CapPercent / 100)
}

// readersFor turns required vCPUs into a number of readers: those that are there, and readers of the class that is
// created now for the rest, or fewer by as many of those as are not needed.
func readersFor(required float64, f *fleet) int {
	if math.IsNaN(required) || required <= 0 {
		return 0
	}
	// Sums of vCPUs are exact; the tolerance keeps a full reader from being asked for a rounding error.
	difference := (required - f.capacity) / f.refVCPU
	need := float64(f.count()) + math.Ceil(difference-1e-9)
	return int(max(1, min(need, 1000)))
}
