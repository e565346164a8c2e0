package decision

import (
	"math"
	"time"
)

// The growth model answers the question that sizing asks: given what is seen now, how far may demand rise before a
// reader asked for now helps? It is a regression of the growth within the lead on the trend and on the growth at the
// same time on earlier days, and the distribution of what that regression misses, by level of load. Both are shrunk
// to priors that hold for a cluster nobody has watched yet.
const (
	// fitEvery is how old a fit may get before Learn repeats it.
	fitEvery = 30 * time.Minute
	// fitStride is the distance in minutes between the moments that the fit looks at.
	fitStride = 3
	// metricDelay is how old the newest sample is when it is acted on, in minutes.
	metricDelay = 2
	// maxGap is how many missing minutes are bridged with the value before them.
	maxGap = 10
	// maxGrowth bounds a growth that the fit believes, as a ratio.
	maxGrowth = 3.0
	// maxEffect is how much the trend, or the season, may raise the forecast: to twice the demand.
	maxEffect = 1.0

	// priorRows is the weight of the prior against observed moments: one day's worth.
	priorRows = 24 * 60 / fitStride
	// levelRows is the weight of all levels of load against one.
	levelRows = priorRows / 2
	// ridge is the weight of the prior coefficients, in moments with an effect of 1.
	ridge = 20.0

	tailBins = 64
	tailStep = 0.025 // logarithm of growth per bin
)

// priorTail is the chance that demand exceeds the forecast by more than a ratio, on a cluster without history: a
// Pareto tail, 1 % beyond 1.78.
func priorTail(ratio float64) float64 { return math.Pow(ratio, -8) }

// priorEffects are the regression's coefficients without history: go on as the trend says, ignore the season.
var priorEffects = effects{0, 0.5, 0.5, 0, 0}

// effects are what the growth is regressed on: a constant, the slow and the fast trend, the growth at this time on
// the last three days and a week ago. Also the coefficients of those.
type effects [5]float64

func (e effects) dot(o effects) float64 {
	sum := 0.0
	for i, v := range e {
		sum += v * o[i]
	}
	return sum
}

// levels are the lower bounds of the classes of load, as shares of the highest demand known.
var levels = [...]float64{0.7, 0.5, 0.35, 0.2, 0.1, 0}

func levelOf(demand, peak float64) int {
	for i, bound := range levels {
		if demand >= bound*peak {
			return i
		}
	}
	return len(levels) - 1
}

// growth is a fitted model. It is never changed once fitted.
type growth struct {
	at     time.Time
	peak   float64
	coef   effects
	first  int64     // minute of ratios[0]
	ratios []float32 // by minute: highest demand within the lead that followed, over the demand then; NaN unknown
	rows   float64
	tail   [tailBins]float64 // share of moments whose growth exceeded the forecast by more than the bin's ratio
	level  [len(levels)]struct {
		rows float64
		tail [tailBins]float64
	}
}

// Learn fits the growth model to the recorded demand, if the last fit is older than half an hour. Decide works
// without it, on priors. A fit takes about a millisecond.
func (h *History) Learn(now time.Time) {
	if h.newest == 0 {
		return
	}
	if h.growth != nil {
		if age := now.Sub(h.growth.at); age >= 0 && age < fitEvery {
			return
		}
	}
	h.growth = h.fit(now, int(leadTime(h.Creates)/time.Minute)+metricDelay)
	h.bursts = h.findBursts()
}

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
	g.ratios = growthRatios(demand, base, g.peak, horizon)
	g.regress(demand, base, horizon)
	g.distribute(demand, base, horizon)
	return g
}

// idleShare is the share of the highest demand below which growth is not looked at as a ratio: from next to nothing,
// everything is a multiple.
const idleShare = 0.02

// growthRatios is, for each minute, the highest demand within the horizon after it over the demand then.
func growthRatios(demand, base []float64, peak float64, horizon int) []float32 {
	ratios := make([]float32, len(demand))
	queue := make([]int, 0, horizon+1) // indices of falling demand: a sliding maximum
	for i := len(demand) - 1; i >= 0; i-- {
		if len(queue) > 0 && queue[0] > i+horizon {
			queue = queue[1:]
		}
		ratios[i] = float32(math.NaN())
		if len(queue) > 0 && i+horizon < len(demand) && !math.IsNaN(base[i]) {
			idle := idleShare * peak
			ratios[i] = float32(max(1, (demand[queue[0]]+idle)/(base[i]+idle)))
		}
		if math.IsNaN(demand[i]) {
			continue
		}
		for len(queue) > 0 && demand[queue[len(queue)-1]] <= demand[i] {
			queue = queue[:len(queue)-1]
		}
		queue = append(queue, i)
	}
	return ratios
}

// seasonAt is the growth that followed at the same time on the last three days and a week ago, above 1.
func (g *growth) seasonAt(minute int64) (days, week float64, known bool) {
	at := func(daysBack int64) (float64, bool) {
		i := minute - daysBack*24*60 - g.first
		if i < 0 || i >= int64(len(g.ratios)) || g.ratios[i] != g.ratios[i] {
			return 0, false
		}
		return min(maxEffect, float64(g.ratios[i])-1), true
	}
	n := 0.0
	for back := int64(1); back <= 3; back++ {
		if v, ok := at(back); ok {
			days += v
			n++
		}
	}
	week, ok := at(7)
	switch {
	case n == 0 && !ok:
		return 0, 0, false
	case n == 0:
		return week, week, true
	case !ok:
		return days / n, days / n, true
	}
	return days / n, week, true
}

// trends are the growth within the horizon that ten minutes' and the last minutes' slope mean, relative to the demand.
// The slow one is the Theil-Sen estimate (the median of all pairwise slopes) over four means of three minutes, which a
// single burst does not move.
func trends(s *[recentMinutes]float64, base, idle float64, horizon int) (slow, fast float64) {
	if base+idle <= 0 {
		return 0, 0
	}
	a, b := (s[0]+s[1]+s[2])/3, (s[3]+s[4]+s[5])/3
	c, d := (s[6]+s[7]+s[8])/3, (s[9]+s[10]+s[11])/3
	slopes := [6]float64{(a - b) / 3, (b - c) / 3, (c - d) / 3, (a - c) / 6, (b - d) / 6, (a - d) / 9}
	for i := 1; i < len(slopes); i++ {
		for j := i; j > 0 && slopes[j] < slopes[j-1]; j-- {
			slopes[j], slopes[j-1] = slopes[j-1], slopes[j]
		}
	}
	scale := float64(horizon) / (base + idle)
	bound := func(v float64) float64 { return max(-maxEffect, min(maxEffect, v)) }
	return bound((slopes[2] + slopes[3]) / 2 * scale), bound((a - b) / 3 * scale)
}

// moments calls visit with the effects and the growth of every moment that the fit looks at.
func (g *growth) moments(demand, base []float64, horizon int, visit func(i int, e effects, season bool, ratio float64)) {
	var s [recentMinutes]float64
	idle := idleShare * g.peak
	for i := recentMinutes; i < len(demand); i += fitStride {
		if g.ratios[i] != g.ratios[i] {
			continue
		}
		known := true
		for k := range s {
			s[k] = demand[i-k]
			known = known && s[k] == s[k]
		}
		if !known {
			continue
		}
		slow, fast := trends(&s, base[i], idle, horizon)
		days, week, season := g.seasonAt(g.first + int64(i))
		visit(i, effects{1, slow, fast, days, week}, season, min(maxGrowth, float64(g.ratios[i])))
	}
}

// regress fits the coefficients by least squares, held to the prior. Moments without a season say nothing about it:
// they count only as long as there are no others.
func (g *growth) regress(demand, base []float64, horizon int) {
	var with, without normalEquations
	g.moments(demand, base, horizon, func(_ int, e effects, season bool, ratio float64) {
		if season {
			with.add(e, ratio-1)
		} else {
			without.add(e, ratio-1)
		}
	})
	if with.rows >= priorRows/2 {
		g.coef = with.solve()
	} else {
		g.coef = without.solve()
	}
}

// distribute counts by how much growth exceeded the forecast.
func (g *growth) distribute(demand, base []float64, horizon int) {
	g.moments(demand, base, horizon, func(i int, e effects, _ bool, ratio float64) {
		bin := int(math.Log(ratio/e.forecast(g.coef)) / tailStep)
		l := &g.level[levelOf(base[i], g.peak)]
		g.rows++
		l.rows++
		for b := 0; b < min(bin, tailBins); b++ {
			g.tail[b]++
			l.tail[b]++
		}
	})
}

// forecast is the expected growth within the lead, given the coefficients: a ratio of at least 1, since a forecast may
// only add.
func (e effects) forecast(coef effects) float64 {
	return max(1, min(maxGrowth, 1+e.dot(coef)))
}

// exceeds is the chance that growth exceeds the forecast by more than a bin's ratio, at a level of load.
func (g *growth) exceeds(bin, level int) float64 {
	prior := priorTail(math.Exp(float64(bin+1) * tailStep))
	if g == nil {
		return prior
	}
	all := (g.tail[bin] + priorRows*prior) / (g.rows + priorRows)
	l := &g.level[level]
	return (l.tail[bin] + levelRows*all) / (l.rows + levelRows)
}

// margin is the ratio over the forecast that demand exceeds with no more than the given chance.
func (g *growth) margin(risk float64, level int) float64 {
	for bin := range tailBins {
		if g.exceeds(bin, level) <= risk {
			return math.Exp(float64(bin+1) * tailStep)
		}
	}
	return math.Exp(tailBins * tailStep)
}

// normalEquations accumulate a least-squares fit.
type normalEquations struct {
	rows  int
	left  [len(effects{})][len(effects{})]float64
	right effects
}

func (n *normalEquations) add(e effects, y float64) {
	n.rows++
	for i, a := range e {
		for j := i; j < len(e); j++ {
			n.left[i][j] += a * e[j]
		}
		n.right[i] += a * y
	}
}

// solve returns the coefficients, each held to its prior with the weight ridge. The ridge makes the matrix positive
// definite, so elimination needs no pivoting.
func (n *normalEquations) solve() effects {
	left, right := n.left, n.right
	for i := range right {
		for j := range i {
			left[i][j] = left[j][i]
		}
		left[i][i] += ridge
		right[i] += ridge * priorEffects[i]
	}
	for i := range right {
		for k := i + 1; k < len(right); k++ {
			f := left[k][i] / left[i][i]
			for j := i; j < len(right); j++ {
				left[k][j] -= f * left[i][j]
			}
			right[k] -= f * right[i]
		}
	}
	var coef effects
	for i := len(right) - 1; i >= 0; i-- {
		sum := right[i]
		for j := i + 1; j < len(right); j++ {
			sum -= left[i][j] * coef[j]
		}
		coef[i] = sum / left[i][i]
		// A trend or season that would lower the forecast is noise.
		if i > 0 {
			coef[i] = max(0, min(2, coef[i]))
		}
	}
	return coef
}
