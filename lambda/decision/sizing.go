package decision

import (
	"math"
	"slices"
	"time"
)

// sizing is what the load calls for, in busy vCPUs and vCPUs of readers.
type sizing struct {
	forecast float64 // expected peak of demand within the lead
	upper    float64 // demand that is exceeded within the lead with no more than the policy's risk
	required float64 // vCPUs of readers that keep the upper bound within the policy's CPU
	reason   Reason  // what weighed most
}

// outlook is what the growth model sees of a load: minute by minute backwards, the demand on its trend, and each sight.
type outlook struct {
	growth   *growth
	idle     float64
	expected []float64
	rise     float64 // the most that the trends of the last trendHeld minutes add to a demand
	seen     [][sights]float64
	swell    swell // growth of earlier days from now on
}

// survey looks at a load and so many minutes before it.
func survey(l *load, minutes int, history *History, lead time.Duration) outlook {
	g := history.growth
	highest := l.now
	if g != nil {
		highest = max(highest, g.peak)
	}
	o := outlook{growth: g, idle: max(idleShare*highest, tiny), swell: g.swellAt(l.minute)}
	past := max(minutes, trendHeld) + trendMinutes + noiseMinutes
	if g.fitted() {
		past = max(past, levelHours+minutes)
	}
	demand := make([]float64, past)
	for i := range demand {
		back := past - 1 - i
		if back < recentMinutes {
			demand[i] = l.series[back]
		} else if v, ok := history.DemandAt(l.minute - int64(back)); ok {
			demand[i] = v
		} else {
			demand[i] = math.NaN()
		}
	}
	t := newTimeline(demand)
	var recent [trendMinutes]float64
	for back := range max(minutes, trendHeld) {
		i := past - 1 - back
		if math.IsNaN(demand[i]) {
			continue
		}
		for k := range recent { // before what is known: no trend
			recent[k] = demand[i-k]
			if math.IsNaN(recent[k]) {
				recent[k] = recent[k-1]
			}
		}
		now := medianOf3(recent[0], recent[1], recent[2])
		if back == 0 {
			now = l.now
		}
		trend := g.believed(trend(recent[:], t.noise(i), now, o.idle, horizon(lead)))
		if back < trendHeld {
			o.rise = max(o.rise, now*(trend-1))
		}
		if back < minutes {
			o.expected = append(o.expected, now*trend)
			o.seen = append(o.seen, t.see(i, now, trend, g.swellAt(l.minute-int64(back)).highest(), o.idle))
		}
	}
	return o
}

// tiny keeps logarithms of no demand finite.
const tiny = 1e-6

// size answers how many vCPUs of readers the load needs so that the chance of outgrowing them before more can help
// stays within the policy's risk.
func size(l *load, policy *Policy, history *History, lead time.Duration) sizing {
	o := survey(l, 1, history, lead)
	risk, expected := policy.RiskPercent/100, l.now+o.rise
	k := o.growth.best(risk)
	upper := o.upper(risk, k, l.now, expected)
	forecast := max(expected, l.now*o.growth.again(likely, o.swell))
	if o.growth.fitted() {
		forecast = max(forecast, math.Exp(o.held(k)+max(0, o.growth.calm[k].margin(likely)))-o.idle)
	}
	s := sizing{forecast: min(forecast, upper), upper: upper, required: upper / (policy.CapPercent / 100), reason: ReasonRisk}
	again := l.now * o.growth.again(risk, o.swell)
	switch trend := expected / max(l.now, tiny); {
	case upper < 1.1*l.now:
		s.reason = ReasonDemand
	case again >= 0.999*upper || k >= sightSeason && l.now*o.swell.highest() > expected:
		s.reason = ReasonSeason
	case trend > upper/expected:
		s.reason = ReasonTrend
	}
	return s
}

// busyCPU is the mean CPU, in percent, from which readers have no room for more, whatever the policy plans them for.
const busyCPU = 85.0

// spareOver is by how much the forecast must exceed what the serving readers are planned for before spares are asked for.
const spareOver = 1.25

// spares is how many readers are asked for beyond the need. Where the forecast outgrows those that serve, these are as many again
// as are missing: creations take from four minutes to a quarter of an hour, some fail, of more of them the first come
// sooner, and more of them take over connections sooner.
func (s *sizing) spares(need int, f *fleet, policy *Policy) int {
	if s.forecast <= max(busyCPU, spareOver*policy.CapPercent)/100*f.servingVCPU() {
		return 0
	}
	return max(0, min(need-len(f.serving), policy.Max-need))
}

// trendHeld is for how many minutes a trend is believed that noise hides.
const trendHeld = 3

// likely is the chance that goes into the forecast; the margin covers what is rarer.
const likely = 0.1

// held is the highest that a sight showed.
func (o *outlook) held(k sight) float64 {
	highest := math.Inf(-1)
	for _, seen := range o.seen {
		highest = max(highest, seen[k])
	}
	return highest
}

// upper is the demand that is exceeded within the lead with no more than the given chance, of a demand of now that is expected
// to become another.
func (o *outlook) upper(risk float64, k sight, now, expected float64) float64 {
	return max(o.growth.upper(risk, k, o.held(k), expected, o.idle), now*o.growth.again(risk, o.swell))
}

// stayMargin is how much more than needed the readers must carry to stay, so that a load that wavers by that much does
// not make the readers waver.
const stayMargin = 1.08

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

// sizeToStay is the vCPUs of readers below which scale-in must not go: what the most that was expected or seen within
// the stabilisation window needs. A window that nobody watched may have needed any number.
func sizeToStay(l *load, policy *Policy, history *History, lead time.Duration) float64 {
	window := int(policy.Stabilisation.Duration / time.Minute)
	if !l.watched(int64(window), history) {
		return math.Inf(1)
	}
	o := survey(l, max(window, heldMinutes), history, lead)
	risk := policy.RiskPercent / 100
	upper := o.upper(risk, o.growth.best(risk), l.removing, max(slices.Max(o.expected), l.removing))
	return upper / (policy.CapPercent / 100) * stayMargin
}

// seasonToStay is the vCPUs of readers that earlier days say the next hour needs.
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
	return l.now * median(ratios[:n]) / (policy.CapPercent / 100)
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
