package decision

import "math"

// sight is one way to see what demand may become. Shares are shares of logarithms.
type sight int

const (
	sightNow         sight = iota // the demand of the moment on its trend
	sightMostlyNow                // half of it, the rest the last hour
	sightMostlyHour               // a quarter of it
	sightHour                     // the level of the last hour alone
	sightMostlyHours              // a quarter of the moment, the rest the last four hours
	sightHours                    // the level of the last four hours alone
	sightSeason                   // the moment, or what earlier days saw from this time on
	sightSeasonHour               // half of that, the rest the last hour
	sights
)

// The longer levels, in minutes.
const (
	levelHour  = 60
	levelHours = 240
)

// timeline is demand by minute, oldest first, with running sums for the levels and the noise. NaN is unknown.
type timeline struct {
	demand      []float64
	sum, known  []float64 // of the minutes before an index
	roots, both []float64 // of the steps that end before an index: square roots of their sizes, and how many are known
}

func newTimeline(demand []float64) timeline {
	sums := func() []float64 { return make([]float64, len(demand)+1) }
	t := timeline{demand: demand, sum: sums(), known: sums(), roots: sums(), both: sums()}
	last := math.NaN()
	for i, v := range demand {
		t.sum[i+1], t.known[i+1], t.roots[i+1], t.both[i+1] = t.sum[i], t.known[i], t.roots[i], t.both[i]
		if !math.IsNaN(v) {
			t.sum[i+1] += v
			t.known[i+1]++
		}
		if step := math.Abs(v - last); !math.IsNaN(step) {
			t.roots[i+1] += math.Sqrt(step)
			t.both[i+1]++
		}
		last = v
	}
	return t
}

// noise is the standard deviation of a step from minute to minute in the hour before the last two steps at an index;
// infinite while too few are known. The mean of square roots, squared, is moved little by the few large steps of a surge.
func (t *timeline) noise(i int) float64 {
	until := max(0, i-1)
	from := max(0, until-noiseMinutes)
	n := t.both[until] - t.both[from]
	if n < noiseSteps {
		return math.Inf(1)
	}
	root := (t.roots[until] - t.roots[from]) / n / meanRoot
	return root * root
}

const (
	noiseMinutes = 60
	noiseSteps   = 8 // that tell what is usual
	// meanRoot is the mean square root of a normal variable's size, of standard deviation 1.
	meanRoot = 0.822
)

// level is the mean of so many minutes up to an index.
func (t *timeline) level(i, minutes int) float64 {
	from := max(0, i+1-minutes)
	if n := t.known[i+1] - t.known[from]; n > 0 {
		return (t.sum[i+1] - t.sum[from]) / n
	}
	return 0
}

// see is the logarithm of what each sight shows at an index: of the demand then, on its trend, and what earlier days
// say of it as a ratio.
func (t *timeline) see(i int, demand, trend, season, idle float64) (seen [sights]float64) {
	now := math.Log(demand*trend + idle)
	hour, hours := math.Log(t.level(i, levelHour)+idle), math.Log(t.level(i, levelHours)+idle)
	ahead := now
	if season > trend {
		ahead = math.Log(demand*season + idle)
	}
	return [sights]float64{
		sightNow: now, sightMostlyNow: (now + hour) / 2, sightMostlyHour: (now + 3*hour) / 4, sightHour: hour,
		sightMostlyHours: (now + 3*hours) / 4, sightHours: hours,
		sightSeason: ahead, sightSeasonHour: (ahead + hour) / 2,
	}
}

// trends is the ratio that the trend means at each moment that the fit looks at; NaN elsewhere, and where a minute before is
// unknown.
func (t *timeline) trends(base []float64, idle float64, horizon int) []float64 {
	trends := make([]float64, len(t.demand))
	for i := range trends {
		trends[i] = math.NaN()
	}
	var s [trendMinutes]float64
	for i := trendMinutes; i < len(trends); i += fitStride {
		known := true
		for k := range s {
			s[k] = t.demand[i-k]
			known = known && !math.IsNaN(s[k])
		}
		if known {
			trends[i] = trend(s[:], t.noise(i), base[i], idle, horizon)
		}
	}
	return trends
}

// trendReach is over how many minutes a slope is continued for a horizon.
func trendReach(horizon int) int { return horizon + trendDelay + trendSpread }

// trend is the growth within the horizon that the slope of the last minutes means, as a ratio of at least 1, since a
// forecast may only add. Of a least-squares slope, as much is continued as stands out from the noise around it, or that
// of the hour if that is more, since six minutes happen to lie on a line now and then: less the variance that the noise
// gives it, times sixteen, so that a slope below four standard errors counts for nothing and a step is not taken for a
// slope (a James-Stein estimate). Six minutes tell a sudden rise soon, twelve a slow one surely; before them, the onset
// of a rise tells. The series runs backwards from the newest minute.
func trend(s []float64, noise, base, idle float64, horizon int) float64 {
	if base+idle <= 0 {
		return 1
	}
	usual := noise * noise / 2 // the variance of a minute; a step has twice that
	if math.IsInf(usual, 1) {
		usual = 0
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
		around = max(usual, (around-slope*slope/spread)/float64(n-2))
		if slope /= spread; slope < leastSlope {
			continue
		}
		certain := max(0, 1-16*around/spread/(slope*slope))
		growth = max(growth, certain*slope*float64(trendReach(horizon))/(base+idle))
	}
	growth = max(growth, onset(s, noise)*float64(trendReach(horizon))/(base+idle))
	return 1 + min(growth, maxTrend)
}

// onset is the rise a minute that has just begun: the smaller of the last two steps, as much of it as their sum stands out
// from the noise (a sum below five standard deviations of a step counts for nothing). A jump has one large step, and so
// does a spike: of the steps of a rise, the smaller is at least a third of the other.
func onset(s []float64, noise float64) float64 {
	step, rise := min(s[0]-s[1], s[1]-s[2]), s[0]-s[2]
	if step <= 0 || step < rise/4 {
		return 0
	}
	usual := 5 * noise / rise
	return step * max(0, 1-usual*usual)
}

const (
	// trendMinutes is how many minutes a trend is read from.
	trendMinutes = 12
	// trendDelay is how many minutes the median of three and the slope are behind a rise that has just begun.
	trendDelay = 2
	// trendSpread is how many minutes longer than the horizon a slope is continued: new readers get their connections
	// only as pools renew them, and what the old ones keep goes on rising meanwhile.
	trendSpread = 10
	// leastSlope, in busy vCPUs a minute, is no slope: the square of less may be 0, by which nothing can be divided.
	leastSlope = 1e-12
	// maxTrend is how much the trend may raise the forecast: to three times the demand.
	maxTrend = 2.0
)
