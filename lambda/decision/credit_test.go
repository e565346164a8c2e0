package decision

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// wavers is a load that is published every five minutes and drawn as a line between, up to a tenth above or below four busy
// vCPUs: each of its rises looks like the first minutes of a steep one.
func wavers(luck *rand.Rand, days int) []float64 {
	var demand []float64
	last := 4.0
	for range days * 24 * 12 {
		next := 4 * (0.9 + 0.2*luck.Float64())
		for minute := range 5 {
			demand = append(demand, last+(next-last)*float64(minute+1)/5)
		}
		last = next
	}
	return demand
}

func learnedFrom(demand []float64) *History {
	h, newest := &History{}, noon.Unix()/60-2
	for i, busy := range demand {
		h.AddDemand(newest-int64(len(demand)-1-i), busy)
	}
	h.Learn(noon, nil)
	return h
}

// risingTo is a load that was steady at four busy vCPUs and has grown by as much each minute for so many minutes.
func risingTo(perMinute float64, minutes int) *load {
	l := &load{minute: noon.Unix()/60 - 2}
	for back := range l.series {
		l.series[back] = 4 + perMinute*float64(max(0, minutes-back))
	}
	l.now = medianOf3(l.series[0], l.series[1], l.series[2])
	l.removing = l.now
	return l
}

func TestTrendsThatNeverCameTrueAreNotBelieved(t *testing.T) {
	policy := ProductionPolicy()
	h := learnedFrom(wavers(rand.New(rand.NewPCG(3, 4)), 10))
	rise := risingTo(0.12, 5)
	noise, trusted := size(rise, &policy, h, leadTime(nil)), size(rise, &policy, &History{}, leadTime(nil))
	if trusted.forecast < 6 {
		t.Fatalf("forecast %v without history: the rise should look steep", trusted.forecast)
	}
	if noise.forecast > 5.5 || noise.upper > 0.8*trusted.upper {
		t.Errorf("forecast %v, upper %v for a rise as noise makes them thirty times a day, never above 4.4; without history %v and %v",
			noise.forecast, noise.upper, trusted.forecast, trusted.upper)
	}
}

func TestASteeperTrendIsBelievedInSpiteOfNoise(t *testing.T) {
	policy := ProductionPolicy()
	h := learnedFrom(wavers(rand.New(rand.NewPCG(3, 4)), 10))
	if s := size(risingTo(0.3, 8), &policy, h, leadTime(nil)); s.forecast < 9 {
		t.Errorf("forecast %v for a load that grew from 4 to 6.4 in eight minutes: noise never did that", s.forecast)
	}
}

func TestTrendsThatComeTrueNowAndThenAreBelieved(t *testing.T) {
	policy := ProductionPolicy()
	demand := wavers(rand.New(rand.NewPCG(3, 4)), 10)
	// Once a day, one of some thirty rises goes on to twice the load and stays for an hour.
	for day := range 10 {
		start := day*24*60 + 13*60
		for minute := range 90 {
			demand[start+minute] += 4 * min(1, float64(minute)/30)
		}
	}
	credit := learnedFrom(demand).growth.credit
	if meant := 1.8; credit.believed(meant) < 1.5 {
		t.Errorf("a trend of %v is worth %v where such trends come true every day", meant, credit.believed(meant))
	}
	h := learnedFrom(demand)
	if s := size(risingTo(0.2, 8), &policy, h, leadTime(nil)); s.forecast < 7 {
		t.Errorf("forecast %v for a load that grew from 4 to 5.6 in eight minutes", s.forecast)
	}
}

// TestASteeperTrendIsNeverWorthLess: whatever came true, more demand must not lower the need.
func TestASteeperTrendIsNeverWorthLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratio := rapid.Float64Range(1, 1+maxTrend)
		var c credit
		for range rapid.IntRange(0, 300).Draw(t, "moments") {
			c.add(ratio.Draw(t, "meant"), ratio.Draw(t, "came"))
		}
		flat, steep := ratio.Draw(t, "flat"), ratio.Draw(t, "steep")
		if flat > steep {
			flat, steep = steep, flat
		}
		if less, more := c.believed(flat), c.believed(steep); less > more || more > steep || less < 1 {
			t.Fatalf("a trend of %v is worth %v, one of %v is worth %v", flat, less, steep, more)
		}
	})
}
