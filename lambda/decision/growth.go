package decision

import (
	"math"
	"slices"
	"sort"
	"time"
)

// The growth model answers the question that sizing asks: given what is seen now, how far may demand rise before a
// reader asked for now helps? There are several ways to see: the demand of the moment on its trend, the level of the
// last hour or hours where the moment is noise, what earlier days saw at this time. Each is tried on the two weeks that
// CloudWatch keeps: how often demand outgrew it, and by how much, and what it costs to be above it as often as the
// policy wants. The cheapest is used. A prior that expects surprises weighs as much as a day, so that a cluster nobody
// has watched runs with generous readers and every quiet day makes it leaner.
const (
	// fitEvery is how old a fit may get before Learn repeats it.
	fitEvery = time.Hour
	// fitStride is the distance in minutes between the moments that the fit looks at.
	fitStride = 3
	// heldMinutes is for how long a sight is held: readers do not go within it, so the fit takes its highest.
	heldMinutes = 10
	// metricDelay is how old the newest sample is when it is acted on, in minutes.
	metricDelay = 2
	// maxGap is how many missing minutes are bridged with the value before them.
	maxGap = 10
	// maxGrowth bounds a growth that is prepared for, as a ratio.
	maxGrowth = 4.0
	// idleShare is the share of the highest demand below which growth is not looked at as a ratio: from next to
	// nothing, everything is a multiple.
	idleShare = 0.02

	// priorRows is the weight of the prior against observed moments: one day's worth.
	priorRows = 24 * 60 / fitStride
	// surgeRows is the weight of all moments against those at which earlier days surged.
	surgeRows = priorRows / 10
	// surge is the growth from which a moment of an earlier day makes the same time of later days one to expect it.
	surge = 1.5
	// rareSurges is the share of moments up to which surges of earlier days are no noise.
	rareSurges = 0.2
	// seasonSpread is how many minutes earlier or later than the day before a surge may come.
	seasonSpread = 10
)

// seasons are the earlier days, day by day and week by week, whose growth at the same time is looked at. Each is counted by
// itself: that the days after a surge had none says nothing of the week after.
var seasons = [...][]int64{{1, 2, 3}, {7, 14}}

// priorAgain is the chance that a surge comes again in a season as long as nothing is known: promotions repeat.
const priorAgain = 0.05

// swell is the highest growth that followed at a time on earlier days, at least 1, by season.
type swell [len(seasons)]float64

// highest is the highest of any season.
func (s swell) highest() float64 { return slices.Max(s[:]) }

// priorTail is the chance that demand outgrows its trend by more than a ratio within the lead, as long as nothing is
// known. The tail is that heavy because surges of shops have no typical size; but what grows by more than priorKnee within
// a lead belongs into the calendar, and its chance falls with the sixth power.
func priorTail(ratio float64) float64 {
	tail := priorScale / (priorScale + max(0, ratio-1))
	if beyond := priorKnee / ratio; beyond < 1 {
		tail *= beyond * beyond * beyond * beyond * beyond * beyond
	}
	return tail
}

const (
	// priorScale is the growth that a surprise exceeds with even odds.
	priorScale = 0.008
	priorKnee  = 1.75
)

// priorRecord is how much less likely it is that demand sets a record: the chance of exceeding the highest demand
// known by a ratio falls with its square.
func priorRecord(ratio float64) float64 { return min(1, 1/(ratio*ratio)) }

// growth is a fitted model. It is never changed once fitted.
type growth struct {
	at     time.Time
	peak   float64   // highest demand
	first  int64     // minute of swells[0]
	swells []float32 // by minute: highest growth within the lead of any moment up to seasonSpread away
	// seasonal says that surges of earlier days tell times of day apart.
	seasonal bool
	credit   credit
	calm     [sights]tally       // of ordinary moments
	surged   [len(seasons)]tally // of moments at which an earlier day of the season surged, over sightNow
}

// Learn fits the growth model to the recorded demand, if the last fit is older than an hour. Decide works
// without it, on priors. It takes a few milliseconds. What grows under one of the planned floors surprises nobody, and
// tells nothing of other days: it is left out.
func (h *History) Learn(now time.Time, planned []Floor) {
	if h.newest == 0 {
		return
	}
	if h.growth != nil {
		if age := now.Sub(h.growth.at); age >= 0 && age < fitEvery {
			return
		}
	}
	h.growth = h.fit(now, horizon(leadTime(h.Creates)), planned)
	h.bursts = h.findBursts()
}

// horizon is how many minutes ahead of the newest sample a reader asked for now serves.
func horizon(lead time.Duration) int { return int((lead-leadMargin)/time.Minute) + metricDelay }

func (h *History) fit(now time.Time, horizon int, planned []Floor) *growth {
	first := max(1, h.newest-historyMinutes+1)
	demand := make([]float64, 0, h.newest-first+1)
	last, gap, began := math.NaN(), maxGap, false
	for minute := first; minute <= h.newest; minute++ {
		v, ok := h.DemandAt(minute)
		switch {
		case ok:
			last, gap = v, 0
		case gap < maxGap:
			gap++
		default:
			last = math.NaN()
		}
		if !began && !ok {
			first++
			continue
		}
		began = true
		demand = append(demand, last)
	}
	for i := range planned {
		leaveOut(demand, first, &planned[i])
	}
	g := &growth{at: now, first: first}
	base := make([]float64, len(demand))
	for i := range demand {
		base[i] = math.NaN()
		if i >= 2 {
			base[i] = medianOf3(demand[i], demand[i-1], demand[i-2])
		}
		if base[i] > g.peak {
			g.peak = base[i]
		}
	}
	idle := max(idleShare*g.peak, tiny)
	ratios := growthRatios(demand, base, idle, horizon)
	g.swells = swells(ratios)
	g.seasonal = g.tellsTimesApart()
	t := newTimeline(demand)
	trends := t.trends(base, idle, horizon)
	g.trust(trends, growthRatios(demand, base, idle, trendReach(horizon)))
	g.count(&t, base, trends, ratios, idle)
	return g
}

// plannedDay is how much of a floor is left out of what is learned. The later days of a longer one are ordinary days of
// its season.
const plannedDay = 24 * time.Hour

// leaveOut makes the demand of a planned floor unknown.
func leaveOut(demand []float64, first int64, f *Floor) {
	until := f.From.Add(min(plannedDay, f.Until.Sub(f.From)))
	for minute := max(first, f.From.Unix()/60); minute < min(until.Unix()/60, first+int64(len(demand))); minute++ {
		demand[minute-first] = math.NaN()
	}
}

// slidingMax visits each index, from the last to the first, with the highest of the values up to so many after it; NaN
// without any.
func slidingMax(values []float64, ahead int, visit func(i int, highest float64)) {
	queue := make([]int, 0, ahead+1) // indices of falling values
	for i := len(values) - 1; i >= 0; i-- {
		if len(queue) > 0 && queue[0] > i+ahead {
			queue = queue[1:]
		}
		highest := math.NaN()
		if len(queue) > 0 {
			highest = values[queue[0]]
		}
		visit(i, highest)
		if math.IsNaN(values[i]) {
			continue
		}
		for len(queue) > 0 && values[queue[len(queue)-1]] <= values[i] {
			queue = queue[:len(queue)-1]
		}
		queue = append(queue, i)
	}
}

// growthRatios is, for each minute, the highest demand within the horizon after it over the demand then; NaN where
// either is unknown.
func growthRatios(demand, base []float64, idle float64, horizon int) []float64 {
	ratios := make([]float64, len(demand))
	slidingMax(demand, horizon, func(i int, highest float64) {
		ratios[i] = math.NaN()
		if i+horizon < len(demand) {
			ratios[i] = max(1, (highest+idle)/(base[i]+idle))
		}
	})
	return ratios
}

// swells is, for each minute, the highest growth of the minutes up to seasonSpread before and after; 1 if unknown.
func swells(ratios []float64) []float32 {
	swells := make([]float32, len(ratios))
	slidingMax(ratios, 2*seasonSpread, func(i int, highest float64) {
		centre := i + seasonSpread
		if centre >= len(swells) {
			return
		}
		if !math.IsNaN(ratios[i]) && !(highest > ratios[i]) {
			highest = ratios[i]
		}
		swells[centre] = 1
		if highest > 1 {
			swells[centre] = float32(min(highest, maxGrowth))
		}
	})
	return swells
}

// swellAt is the growth that followed at this time on earlier days.
func (g *growth) swellAt(minute int64) (s swell) {
	for k := range s {
		s[k] = 1
		if g == nil {
			continue
		}
		for _, day := range seasons[k] {
			if i := minute - day*24*60 - g.first; i >= 0 && i < int64(len(g.swells)) {
				s[k] = max(s[k], float64(g.swells[i]))
			}
		}
	}
	return s
}

// tellsTimesApart says whether surges of earlier days are so few that they say something about a time of day. Where they
// are everywhere, they are noise.
func (g *growth) tellsTimesApart() bool {
	surges, moments := 0, 0
	for i := 24 * 60; i < len(g.swells); i += fitStride {
		moments++
		if g.swellAt(g.first+int64(i)).highest() >= surge {
			surges++
		}
	}
	return float64(surges) <= rareSurges*float64(moments)
}

// count counts by how much demand outgrew each sight.
func (g *growth) count(t *timeline, base, trends, ratios []float64, idle float64) {
	var held [(heldMinutes + fitStride - 1) / fitStride][sights]float64
	for i := range held {
		for k := range held[i] {
			held[i][k] = math.Inf(-1)
		}
	}
	for n, i := 0, trendMinutes; i < len(trends); n, i = n+1, i+fitStride {
		if math.IsNaN(ratios[i]) || math.IsNaN(trends[i]) {
			continue
		}
		trend := g.believed(trends[i])
		swell := g.swellAt(g.first + int64(i))
		surged := g.seasonal && swell.highest() >= surge
		seen := t.see(i, base[i], trend, swell.highest(), idle)
		held[n%len(held)] = seen
		outcome := math.Log(ratios[i] * (base[i] + idle))
		if surged {
			for k := range swell {
				if swell[k] >= surge {
					g.surged[k].add(outcome - seen[sightNow])
				}
			}
			continue
		}
		for k := range seen {
			for j := range held {
				seen[k] = max(seen[k], held[j][k])
			}
			g.calm[k].add(outcome - seen[k])
			g.calm[k].cost += math.Exp(seen[k])
		}
	}
	for k := range g.calm {
		g.calm[k].sum()
	}
	for k := range g.surged {
		g.surged[k].sum()
	}
}

// preferNow is how much cheaper another sight must be than the demand of the moment.
const preferNow = 0.97

// best is the cheapest sight at a risk. Less than a day does not tell which one that is.
func (g *growth) best(risk float64) sight {
	if !g.fitted() || g.calm[sightNow].rows < priorRows {
		return sightNow
	}
	best, least := sightNow, math.Inf(1)
	for k := range g.calm {
		cost := g.calm[k].cost * math.Exp(g.calm[k].margin(risk))
		if sight(k) == sightNow {
			cost *= preferNow
		}
		if cost < least {
			best, least = sight(k), cost
		}
	}
	return best
}

// fitted says whether there is anything but the prior.
func (g *growth) fitted() bool { return g != nil && g.calm[sightNow].rows > 0 }

// again is the growth of earlier days at this time, as far as it exceeds the demand expected with more than the given
// chance.
func (g *growth) again(risk float64, s swell) float64 {
	highest := 1.0
	if g == nil || !g.seasonal {
		return highest
	}
	for k := range s {
		if s[k] < surge {
			continue
		}
		surged := &g.surged[k]
		exceeds := func(growth float64) float64 {
			all := (g.calm[sightNow].beyond(growth) + surged.beyond(growth) + priorRows*priorTail(math.Exp(growth))) /
				(g.calm[sightNow].rows + surged.rows + priorRows)
			return (surged.beyond(growth) + surgeRows*max(all, priorAgain)) / (surged.rows + surgeRows)
		}
		bins := int(math.Log(s[k]) / tailStep)
		bin := sort.Search(bins, func(bin int) bool { return exceeds(float64(bin)*tailStep) <= risk })
		highest = max(highest, math.Exp(float64(bin)*tailStep))
	}
	return highest
}

// unusual is how seldom a demand is from which it is no noise.
const unusual = 0.05

// upper is the demand that is exceeded within the lead with no more than the given chance: as far as the past tells,
// over what a sight shows (a logarithm), and as far as surprises go, over the demand expected.
func (g *growth) upper(risk float64, k sight, seen, expected, idle float64) float64 {
	var t tally
	highest := expected + idle
	expected += idle
	if g.fitted() {
		t, highest = g.calm[k], max(highest, g.peak+idle)
		// Surprises start from what is usual after such a sight, or from the moment as far as it is unusual.
		usual := t.margin(0.5)
		expected = max(math.Exp(seen+usual), expected*math.Exp(usual-t.margin(unusual)))
	}
	// The levels are the same whatever is expected, so that more demand never means a lower bound.
	first := int(math.Ceil(math.Log(expected) / tailStep))
	level := func(bin int) float64 { return math.Exp(float64(first+bin) * tailStep) }
	exceeds := func(bin int) float64 {
		level := level(bin)
		prior := priorRows * priorTail(level/expected) * priorRecord(level/highest)
		return (t.beyond(math.Log(level)-seen) + prior) / (t.rows + priorRows)
	}
	bins := int(math.Log(maxGrowth) / tailStep)
	if t.rows > 0 {
		bins = max(bins, int((seen-math.Log(expected)+math.Log(maxGrowth))/tailStep))
	}
	return level(sort.Search(bins, func(bin int) bool { return exceeds(bin) <= risk })) - idle
}
