package decision

import (
	"math"
	"math/rand/v2"
	"testing"
)

// learned is a history of so many days of a load by minute of the day, in busy vCPUs, with its model.
func learned(days int, load func(minute int) float64) *History {
	h := &History{}
	newest := noon.Unix()/60 - 2
	for back := days * 24 * 60; back >= 0; back-- {
		minute := newest - int64(back)
		h.AddDemand(minute, load(int(minute%(24*60))))
	}
	h.Learn(noon)
	return h
}

// steadyAt is a load that has not changed for a quarter of an hour.
func steadyAt(demand float64) *load {
	l := &load{minute: noon.Unix()/60 - 2, now: demand, removing: demand}
	for i := range l.series {
		l.series[i] = demand
	}
	return l
}

// marginAt is how much more than a steady demand is prepared for, as a ratio.
func marginAt(h *History, demand, riskPercent float64) float64 {
	policy := ProductionPolicy()
	policy.RiskPercent = riskPercent
	return size(steadyAt(demand), &policy, h, leadTime(nil)).upper / demand
}

func TestAQuietHistoryEarnsASmallerMargin(t *testing.T) {
	quiet := func(int) float64 { return 4 }
	prior := marginAt(&History{}, 4, 0.1)
	one, ten := marginAt(learned(1, quiet), 4, 0.1), marginAt(learned(10, quiet), 4, 0.1)
	if !(ten < one && one < prior) {
		t.Errorf("margins %v without history, %v after a day, %v after ten: confidence should grow with what was seen", prior, one, ten)
	}
	if ten < 1.02 {
		t.Errorf("margin %v after ten days of constant load: what was never seen may still come", ten)
	}
}

func TestABurstyHistoryKeepsALargerMargin(t *testing.T) {
	calm := learned(10, func(int) float64 { return 4 })
	bursty := learned(10, func(m int) float64 {
		if m*7919%97 < 3 {
			return 10
		}
		return 4
	})
	if calm, bursty := marginAt(calm, 4, 0.1), marginAt(bursty, 4, 0.1); bursty <= calm {
		t.Errorf("margin %v for a bursty load, %v for a calm one: bursts would find too few readers", bursty, calm)
	}
}

func TestNoiseDoesNotMoveWhatIsPreparedFor(t *testing.T) {
	// Every five minutes another load between 1 and 7, without any pattern.
	noise := rand.New(rand.NewPCG(1, 2))
	levels := make([]float64, 14*24*60/5)
	for i := range levels {
		levels[i] = 1 + 6*noise.Float64()
	}
	h := &History{}
	newest := noon.Unix()/60 - 2
	for back := range int64(len(levels) * 5) {
		h.AddDemand(newest-back, levels[back/5])
	}
	h.Learn(noon)
	policy := ProductionPolicy()
	upper := func(demand float64) float64 { return size(steadyAt(demand), &policy, h, leadTime(nil)).upper }
	if low, high := upper(2), upper(6); high > 1.3*low || low < 6 {
		t.Errorf("prepared for %v in a low moment and for %v in a high one, want about 7 in both: every moment would create or delete readers", low, high)
	}
}

func TestADailyRiseIsForeseen(t *testing.T) {
	// The load doubles at 12:05 every day, without any trend before.
	h := learned(5, func(m int) float64 {
		if m >= 12*60+5 && m < 18*60 {
			return 8
		}
		return 4
	})
	policy := ProductionPolicy()
	if s := size(steadyAt(4), &policy, h, leadTime(nil)); s.forecast < 6 {
		t.Errorf("forecast %v minutes before the daily rise from 4 to 8, want most of it", s.forecast)
	}
}

func TestATrendIsContinued(t *testing.T) {
	rising := load{minute: noon.Unix()/60 - 2, now: 4}
	for i := range rising.series {
		rising.series[i] = 4 - 0.1*float64(i)
	}
	policy := ProductionPolicy()
	s := size(&rising, &policy, &History{}, leadTime(nil))
	if s.forecast < 6.2 || s.forecast > 6.5 {
		t.Errorf("forecast %v for a load of 4 that rises by 0.1 a minute, want about 6.4 by when a new reader has its connections", s.forecast)
	}
}

func TestAForecastMayOnlyAdd(t *testing.T) {
	falling := load{minute: noon.Unix()/60 - 2, now: 4}
	for i := range falling.series {
		falling.series[i] = 4 + 0.3*float64(i)
	}
	policy := ProductionPolicy()
	if s := size(&falling, &policy, &History{}, leadTime(nil)); s.forecast < 4 {
		t.Errorf("forecast %v below the present 4: a falling trend would take readers from a present load", s.forecast)
	}
}

func TestTheMarginFallsWithTheAcceptedRisk(t *testing.T) {
	h := learned(10, func(m int) float64 { return 4 + 3*math.Sin(float64(m)/100) + math.Mod(float64(m)*0.37, 1) })
	last := math.Inf(1)
	for _, risk := range []float64{0.01, 0.1, 1, 5, 20} {
		margin := marginAt(h, 4, risk)
		if margin > last {
			t.Errorf("margin %v at a risk of %v %%, above that of a smaller risk: the knob would turn both ways", margin, risk)
		}
		last = margin
	}
}

func TestLearningHappensEveryHour(t *testing.T) {
	h := learned(2, func(int) float64 { return 4 })
	fitted := h.growth
	h.Learn(noon.Add(fitEvery / 2))
	if h.growth != fitted {
		t.Error("a fit of half an hour ago was repeated: ticks would cost a hundred times as much")
	}
	h.Learn(noon.Add(fitEvery))
	if h.growth == fitted {
		t.Error("a fit of an hour ago was kept: the scaler would stop learning")
	}
}
