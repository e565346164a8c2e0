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
	g, horizon := history.growth, int(lead/time.Minute)+metricDelay
	e, coef, peak := effects{1}, priorEffects, l.now
	if g != nil {
		coef, peak = g.coef, max(g.peak, l.now)
		e[3], e[4], _ = g.seasonAt(l.minute)
	}
	e[1], e[2] = trends(&l.series, l.now, idleShare*peak, horizon)
	ratio := e.forecast(coef)
	margin := g.margin(policy.RiskPercent/100, levelOf(l.now, peak))
	s := sizing{forecast: l.now * ratio, upper: l.now * ratio * margin, reason: ReasonRisk}
	s.required = s.upper / (policy.CapPercent / 100)
	trend, season := coef[1]*e[1]+coef[2]*e[2], coef[3]*e[3]+coef[4]*e[4]
	switch {
	case trend >= season && trend > margin-1:
		s.reason = ReasonTrend
	case season > trend && season > margin-1:
		s.reason = ReasonSeason
	case margin < 1.1:
		s.reason = ReasonDemand
	}
	return s
}

// stayRisk is the share of the policy's risk that scale-in may take: a reader that goes costs a lead to get back.
const stayRisk = 0.25

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

// sizeToStay is the vCPUs of readers below which scale-in must not go: sized like growth, but at a quarter of the
// risk, and for the highest demand of the stabilisation window. A window that nobody watched may have needed any number.
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
	stay := *l
	stay.now = peak
	careful := *policy
	careful.RiskPercent *= stayRisk
	return size(&stay, &careful, history, lead).required
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
