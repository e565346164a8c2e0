package decision

import (
	"math"
	"sort"
	"time"
)

// The growth model answers the question that sizing asks: given what is seen now, how far may demand rise before a
// reader asked for now helps? It continues the trend, and it counts how much further than the trend demand has grown:
// once for ordinary moments and once for those at which an earlier day saw a surge. Both counts start from a prior
// that expects surprises, so that a cluster nobody has watched runs with generous readers and every quiet day makes
// it leaner.
const (
	// fitEvery is how old a fit may get before Learn repeats it.
	fitEvery = 30 * time.Minute
	// fitStride is the distance in minutes between the moments that the fit looks at.
	fitStride = 3
	// metricDelay is how old the newest sample is when it is acted on, in minutes.
	metricDelay = 2
	// maxGap is how many missing minutes are bridged with the value before them.
	maxGap = 10
	// maxGrowth bounds a growth that is prepared for, as a ratio.
	maxGrowth = 4.0
	// maxTrend is how much the trend may raise the forecast: to twice the demand.
	maxTrend = 1.0
	// trendDelay is how many minutes the median of three and the slope are behind a rise that has just begun.
	trendDelay = 2
	// idleShare is the share of the highest demand below which growth is not looked at as a ratio: from next to
	// nothing, everything is a multiple.
	idleShare = 0.02

	// priorRows is the weight of the prior against observed moments: one day's worth.
	priorRows = 24 * 60 / fitStride
	// surgeRows is the weight of all moments against those at which earlier days surged.
	surgeRows = priorRows / 10
	// surge is the growth from which a moment of an earlier day makes the same time of later days one to expect it.
	surge = 1.5
	// seasonSpread is how many minutes earlier or later than the day before a surge may come.
	seasonSpread = 10

	tailBins = 96
	tailStep = 0.025 // logarithm of growth per bin
)

// seasonDays are the earlier days whose growth at the same time is looked at.
var seasonDays = [...]int64{1, 2, 3, 7, 14}

// priorTail is the chance that demand outgrows its trend by more than a ratio within the lead, as long as nothing is
// known: 2 % over the growth, so 2 % for twice and 1 % for three times the demand. The tail is that heavy because
// surges of shops have no typical size.
func priorTail(ratio float64) float64 { return 0.02 / (0.02 + ratio - 1) }

// priorRecord is how much less likely it is that demand sets a record: the chance of exceeding the highest demand
// known by a ratio falls with its square.
func priorRecord(ratio float64) float64 { return min(1, 1/(ratio*ratio)) }

// ratioOf is the growth at the end of a bin.
func ratioOf(bin int) float64 { return math.Exp(float64(bin+1) * tailStep) }

// tally counts moments by how far demand outgrew its trend.
type tally struct {
	rows float64
	tail [tailBins]float64 // moments that exceeded the bin's ratio
}

func (t *tally) add(ratio float64) {
	t.rows++
	for bin := range min(int(math.Log(ratio)/tailStep), tailBins) {
		t.tail[bin]++
	}
}

// growth is a fitted model. It is never changed once fitted.
type growth struct {
	at     time.Time
	peak   float64   // highest demand
	first  int64     // minute of swells[0]
	swells []float32 // by minute: highest growth within the lead of any moment up to seasonSpread away
	calm   tally     // moments without a surge at the same time of an earlier day
	surged tally     // the others
}

// Learn fits the growth model to the recorded demand, if the last fit is older than half an hour. Decide works
// without it, on priors. It takes a few milliseconds.
func (h *History) Learn(now time.Time) {
	if h.newest == 0 {
		return
	}
	if h.growth != nil {
		if age := now.Sub(h.growth.at); age >= 0 && age < fitEvery {
			return
		}
	}
	h.growth = h.fit(now, horizon(leadTime(h.Creates)))
	h.bursts = h.findBursts()
}

// horizon is how many minutes ahead of the newest sample a reader asked for now serves.
func horizon(lead time.Duration) int { return int((lead-leadMargin)/time.Minute) + metricDelay }

func (h *History) fit(now time.Time, horizon int) *growth {
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
	ratios := growthRatios(demand, base, idleShare*g.peak, horizon)
	g.swells = swells(ratios)
	g.count(demand, base, ratios, horizon)
	return g
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

// seasonAt is the highest growth that followed at this time on earlier days, at least 1.
func (g *growth) seasonAt(minute int64) float64 {
	highest := float32(1)
	if g == nil {
		return 1
	}
	for _, day := range seasonDays {
		if i := minute - day*24*60 - g.first; i >= 0 && i < int64(len(g.swells)) {
			highest = max(highest, g.swells[i])
		}
	}
	return float64(highest)
}

// trend is the growth within the horizon that the slope of the last minutes means, as a ratio of at least 1, since a
// forecast may only add. Of a least-squares slope, as much is continued as stands out from the noise around it: less
// the variance that the noise gives it, times sixteen, so that a slope below four standard errors counts for nothing
// and a step is not taken for a slope (a James-Stein estimate). Six minutes tell a sudden rise soon, twelve a slow one
// surely. The series runs backwards from the newest minute.
func trend(s []float64, base, idle float64, horizon int) float64 {
	if base+idle <= 0 {
		return 1
	}
	growth := 0.0
	for _, n := range [...]int{trendMinutes / 2, trendMinutes} {
		mean, slope, spread, around := 0.0, 0.0, 0.0, 0.0
		for _, v := range s[:n] {
			mean += v / float64(n)
		}
		for back, v := range s[:n] {
			x, y := float64(n-1)/2-float64(back), v-mean
			slope += x * y
			spread += x * x
			around += y * y
		}
		around = max(0, around-slope*slope/spread) / float64(n-2)
		if slope /= spread; slope <= 0 {
			continue
		}
		certain := max(0, 1-16*around/spread/(slope*slope))
		growth = max(growth, certain*slope*float64(horizon+trendDelay)/(base+idle))
	}
	return 1 + min(growth, maxTrend)
}

// trendMinutes is how many minutes a trend is read from.
const trendMinutes = 12

// count counts by how much growth exceeded the trend.
func (g *growth) count(demand, base, ratios []float64, horizon int) {
	var s [trendMinutes]float64
	for i := trendMinutes; i < len(demand); i += fitStride {
		if math.IsNaN(ratios[i]) {
			continue
		}
		known := true
		for k := range s {
			s[k] = demand[i-k]
			known = known && !math.IsNaN(s[k])
		}
		if !known {
			continue
		}
		excess := ratios[i] / trend(s[:], base[i], idleShare*g.peak, horizon)
		if g.seasonAt(g.first+int64(i)) >= surge {
			g.surged.add(excess)
		} else {
			g.calm.add(excess)
		}
	}
}

// margin is the ratio over the trend that demand exceeds within the lead with no more than the given chance, in a
// moment without a surge on an earlier day, or with one. The level is the demand now over the highest known.
func (g *growth) margin(risk, level float64, surged bool) float64 {
	var none growth
	if g == nil {
		g = &none
	}
	exceeds := func(bin int) float64 {
		ratio := ratioOf(bin)
		prior := priorRows * priorTail(ratio) * priorRecord(level*ratio)
		if !surged {
			return (g.calm.tail[bin] + prior) / (g.calm.rows + priorRows)
		}
		all := (g.calm.tail[bin] + g.surged.tail[bin] + prior) / (g.calm.rows + g.surged.rows + priorRows)
		return (g.surged.tail[bin] + surgeRows*all) / (g.surged.rows + surgeRows)
	}
	return ratioOf(sort.Search(tailBins-1, func(bin int) bool { return exceeds(bin) <= risk }))
}
