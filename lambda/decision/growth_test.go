package decision

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// learned is a history of so many days of a load by minute of the day, in busy vCPUs, with its model.
func learned(days int, load func(minute int) float64) *History {
	h := &History{}
	newest := noon.Unix()/60 - 2
	for back := days * 24 * 60; back >= 0; back-- {
		minute := newest - int64(back)
		h.AddDemand(minute, load(int(minute%(24*60))))
	}
	h.Learn(noon, nil)
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
	h.Learn(noon, nil)
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
	if s.forecast < 6 || s.forecast > 6.5 {
		t.Errorf("forecast %v for a load of 4 that rises by 0.1 a minute, want most of the 6.4 by when a new reader has its connections", s.forecast)
	}
}

// TestASurgeIsExpectedAgainAfterADayAndAWeek: once is enough, and days without it say nothing of the week.
func TestASurgeIsExpectedAgainAfterADayAndAWeek(t *testing.T) {
	policy := ProductionPolicy()
	upper := func(daysAgo int64) float64 {
		h, newest := &History{}, noon.Unix()/60-2
		for back := int64(13 * 24 * 60); back >= 0; back-- {
			demand := 4.0
			if into := daysAgo*24*60 - back; into >= 5 && into < 65 {
				demand = 10
			}
			h.AddDemand(newest-back, demand)
		}
		h.Learn(noon, nil)
		return size(steadyAt(4), &policy, h, leadTime(nil)).upper
	}
	quiet := upper(5)
	for _, days := range []int64{1, 7} {
		if again := upper(days); again < 9 || quiet > 6 {
			t.Errorf("prepared for %v minutes before the time of a surge from 4 to 10 %d days ago, and for %v at another", again, days, quiet)
		}
	}
}

// TestARiseIsSeenWhenItBegins holds two minutes of a steep rise against a jump, a spike and noise of its size.
func TestARiseIsSeenWhenItBegins(t *testing.T) {
	policy := ProductionPolicy()
	forecast := func(newest ...float64) float64 {
		l := steadyAt(4)
		for i := range l.series {
			l.series[i] += 0.02 * float64(i*7%5-2) // noise
		}
		copy(l.series[:], newest)
		l.now = medianOf3(l.series[0], l.series[1], l.series[2])
		return size(l, &policy, &History{}, leadTime(nil)).forecast
	}
	if begun := forecast(4.7, 4.35); begun < 1.5*4.35 {
		t.Errorf("forecast %v two minutes into a rise by 0.35 a minute, want half as much again at least: readers would be asked for minutes later", begun)
	}
	for what, newest := range map[string][]float64{"a jump": {4.7, 4.7}, "a spike": {4.7}, "noise": {4.08, 4.04}} {
		if taken := forecast(newest...); taken > 1.2*4.7 {
			t.Errorf("forecast %v after %s: readers would be asked for that nothing needs", taken, what)
		}
	}
}

// TestARiseIsSeenForAsLongAsItLasts: its own steps are no noise that it would have to stand out from.
func TestARiseIsSeenForAsLongAsItLasts(t *testing.T) {
	policy := ProductionPolicy()
	for minutes := 2; minutes <= 12; minutes++ {
		h := &History{}
		l := load{minute: noon.Unix()/60 - 2}
		at := func(back int) float64 {
			return 4 + 0.02*float64(back*7%5-2) + 0.35*float64(max(0, minutes-back))
		}
		for back := 120; back >= 0; back-- {
			h.AddDemand(l.minute-int64(back), at(back))
		}
		for back := range l.series {
			l.series[back] = at(back)
		}
		l.now = medianOf3(l.series[0], l.series[1], l.series[2])
		if s := size(&l, &policy, h, leadTime(nil)); s.forecast < 1.5*l.now {
			t.Errorf("forecast %v for %v, %d minutes into a rise by 0.35 a minute, want half as much again at least", s.forecast, l.now, minutes)
		}
	}
}

func TestARiseIsNotForgottenForAMinuteOfNoise(t *testing.T) {
	policy := ProductionPolicy()
	rising := load{minute: noon.Unix()/60 - 2}
	for i := range rising.series {
		rising.series[i] = max(4, 5.4-0.35*float64(i))
	}
	rising.now = medianOf3(rising.series[0], rising.series[1], rising.series[2])
	before := size(&rising, &policy, &History{}, leadTime(nil)).forecast
	copy(rising.series[1:], rising.series[:]) // the next minute repeats the last one
	rising.now = medianOf3(rising.series[0], rising.series[1], rising.series[2])
	if after := size(&rising, &policy, &History{}, leadTime(nil)).forecast; after < 0.9*before {
		t.Errorf("forecast %v, %v a minute before: a rise under way would be built for in fits and starts", after, before)
	}
}

func TestAPlannedSaleSurprisesNobody(t *testing.T) {
	sale := Floor{Window: Window{Name: "sale", From: noon.Add(-18 * time.Hour), Until: noon.Add(-16 * time.Hour)}, Readers: 10}
	inSale := func(minute int64) bool { return minute >= sale.From.Unix()/60 && minute < sale.Until.Unix()/60 }
	margin := func(planned []Floor) float64 {
		h := &History{}
		newest := noon.Unix()/60 - 2
		for minute := newest - 10*24*60; minute <= newest; minute++ {
			demand := 4.0
			if inSale(minute) {
				demand = 20
			}
			h.AddDemand(minute, demand)
		}
		h.Learn(noon, planned)
		return marginAt(h, 4, 0.1)
	}
	none := marginAt(learned(10, func(int) float64 { return 4 }), 4, 0.1)
	if known, unknown := margin([]Floor{sale}), margin(nil); known > 1.05*none || unknown < 1.5*none {
		t.Errorf("margin %v after a sale that was planned and %v after one that was not, want about %v as without any, and far more", known, unknown, none)
	}
}

func TestOnlyTheFirstDayOfALongFloorIsLeftOut(t *testing.T) {
	season := Floor{Window: Window{Name: "season", From: noon.Add(-10 * 24 * time.Hour), Until: noon.Add(10 * 24 * time.Hour)}, Readers: 5}
	h := learned(10, func(int) float64 { return 4 })
	h.growth = nil
	h.Learn(noon, []Floor{season})
	if learned, prior := marginAt(h, 4, 0.1), marginAt(&History{}, 4, 0.1); learned > 0.8*prior {
		t.Errorf("margin %v on the tenth day of a season with a floor, %v without any history: a month of floors would learn nothing", learned, prior)
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
	h.Learn(noon.Add(fitEvery/2), nil)
	if h.growth != fitted {
		t.Error("a fit of half an hour ago was repeated: ticks would cost a hundred times as much")
	}
	h.Learn(noon.Add(fitEvery), nil)
	if h.growth == fitted {
		t.Error("a fit of an hour ago was kept: the scaler would stop learning")
	}
}
