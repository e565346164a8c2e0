package decision

import (
	"math"
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

func TestAQuietHistoryEarnsASmallerMargin(t *testing.T) {
	var unknown *growth
	prior := unknown.margin(0.01, 0.5, false)
	one := learned(1, func(int) float64 { return 4 }).growth.margin(0.01, 0.5, false)
	ten := learned(10, func(int) float64 { return 4 }).growth.margin(0.01, 0.5, false)
	if !(ten < one && one < prior) {
		t.Errorf("margins %v without history, %v after a day, %v after ten: confidence should grow with what was seen", prior, one, ten)
	}
	if ten < 1.02 {
		t.Errorf("margin %v after ten days of constant load: what was never seen may still come", ten)
	}
}

func TestABurstyHistoryKeepsALargerMargin(t *testing.T) {
	calm := learned(10, func(int) float64 { return 4 }).growth
	bursty := learned(10, func(m int) float64 {
		if m*7919%97 < 3 {
			return 10
		}
		return 4
	}).growth
	of := func(g *growth) float64 { return g.margin(0.01, 4/g.peak, false) }
	if of(bursty) <= of(calm) {
		t.Errorf("margin %v for a bursty load, %v for a calm one: bursts would find too few readers", of(bursty), of(calm))
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
	flat := load{minute: noon.Unix()/60 - 2, now: 4}
	for i := range flat.series {
		flat.series[i] = 4
	}
	policy := ProductionPolicy()
	if s := size(&flat, &policy, h, leadTime(nil)); s.forecast < 6 {
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
	if s.forecast < 5.2 || s.forecast > 5.5 {
		t.Errorf("forecast %v for a load of 4 that rises by 0.1 a minute, want about 5.4 within the lead", s.forecast)
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
	g := learned(10, func(m int) float64 { return 4 + 3*math.Sin(float64(m)/100) + math.Mod(float64(m)*0.37, 1) }).growth
	last := math.Inf(1)
	for _, risk := range []float64{0.0001, 0.001, 0.01, 0.05, 0.2} {
		margin := g.margin(risk, 0.5, false)
		if margin > last {
			t.Errorf("margin %v at a risk of %v, above that of a smaller risk: the knob would turn both ways", margin, risk)
		}
		last = margin
	}
}

func TestLearningHappensEveryHalfAnHour(t *testing.T) {
	h := learned(2, func(int) float64 { return 4 })
	fitted := h.growth
	h.Learn(noon.Add(fitEvery / 2))
	if h.growth != fitted {
		t.Error("a fit of a quarter of an hour ago was repeated: ticks would cost a hundred times as much")
	}
	h.Learn(noon.Add(fitEvery))
	if h.growth == fitted {
		t.Error("a fit of half an hour ago was kept: the scaler would stop learning")
	}
}
