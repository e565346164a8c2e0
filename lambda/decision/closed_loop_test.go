package decision

import (
	"math"
	"slices"
	"testing"
	"time"
)

// loop lets the scaler run against a cluster that does what it is told: creations take six minutes, load is spread
// evenly, metrics come a minute late. It returns the readers in service, minute by minute, and the decisions.
func loop(t *testing.T, minutes int, load func(minute int) float64) (readers []int, decisions []Decision) {
	t.Helper()
	s := cluster(2, 0)
	s.readers(func(_ int, m *Member) { m.CPU, m.LagMs, m.Connections = nil, nil, nil })
	for minute := range minutes {
		s.now = noon.Add(time.Duration(minute) * time.Minute)
		n := 0
		s.readers(func(_ int, m *Member) {
			if m.Status == "creating" && s.now.Sub(m.CreatedAt) >= 6*time.Minute {
				m.Status, m.AvailableAt = "available", s.now
			}
			if m.Status == "available" {
				n++
			}
		})
		s.readers(func(_ int, m *Member) {
			if m.Status != "available" {
				return
			}
			at, use := s.now.Unix()/60-2, load(minute)/float64(n)*100
			for series, v := range map[*Series]float64{&m.CPU: min(100, use), &m.DBLoad: use / 50, &m.LagMs: 20, &m.Connections: 50} {
				*series = append(*series, Sample{at, v})
				cut(series, 0)
			}
		})
		s.history.Observe(s.obs, s.now)
		s.history.Learn(s.now, s.policy.Floors)
		d := s.decide()
		s.history.Remember(d, s.now)
		if err := unsafeActions(s.obs, s.policy, d, s.now); err != nil {
			t.Fatalf("minute %d: unsafe: %v", minute, err)
		}
		for i, c := range d.Creates {
			m := instance(c.ID, i, 0)
			m.Status, m.Owned, m.Tier, m.Zone = "creating", true, 15, c.Zone
			m.CreatedAt, m.AvailableAt, m.CPU, m.LagMs, m.Connections = s.now, time.Time{}, nil, nil, nil
			s.obs.Members = append(s.obs.Members, m)
		}
		s.obs.Members = slices.DeleteFunc(s.obs.Members, func(m Member) bool { return slices.Contains(d.Deletes, m.ID) })
		readers, decisions = append(readers, n), append(decisions, d)
	}
	return readers, decisions
}

// turns counts how often the actions change between creating and deleting.
func turns(decisions []Decision) (turns, actions int) {
	last := 0
	for _, d := range decisions {
		direction := len(d.Creates) - len(d.Deletes)
		if direction == 0 {
			continue
		}
		actions++
		if last != 0 && (direction > 0) != (last > 0) {
			turns++
		}
		last = direction
	}
	return turns, actions
}

func TestAConstantLoadTurnsAtMostOnce(t *testing.T) {
	for _, busy := range []float64{0.3, 1, 2.03, 3.3, 5, 6.5} {
		readers, decisions := loop(t, 2*24*60, func(int) float64 { return busy })
		if n, actions := turns(decisions); n > 1 || actions > 12 {
			t.Errorf("a constant load of %v readers led to %d actions with %d changes of direction, from %d to %d readers: "+
				"every one is paid for and cools a cache", busy, actions, n, readers[0], readers[len(readers)-1])
		}
	}
}

func TestAWaveringLoadDoesNotMakeTheReadersWaver(t *testing.T) {
	for busy := 1.0; busy < 6; busy += 0.37 {
		_, decisions := loop(t, 24*60, func(minute int) float64 {
			return busy * (1 + 0.03*math.Sin(float64(minute)/23) + 0.02*math.Sin(float64(minute)*1.7))
		})
		if n, actions := turns(decisions[2*60:]); n > 2 {
			t.Errorf("a load of %.2f readers that wavers by 5 %% led to %d changes of direction in %d actions within a day", busy, n, actions)
		}
	}
}

func TestABurstShorterThanTheLeadIsGivenBackSoon(t *testing.T) {
	readers, decisions := loop(t, 12*60, func(minute int) float64 {
		if minute >= 300 && minute < 303 {
			return 3
		}
		return 0.8
	})
	if _, actions := turns(decisions[200:]); actions > 10 {
		t.Errorf("a burst of three minutes led to %d actions: it is over before any reader arrives", actions)
	}
	if before, after := readers[299], readers[345]; after > before+2 {
		t.Errorf("%d readers 45 minutes after a burst of three, of %d before: the bill would keep it", after, before)
	}
}

func TestAFivefoldStepIsAnsweredAndGivenBack(t *testing.T) {
	readers, decisions := loop(t, 2*24*60, func(minute int) float64 {
		if minute >= 300 && minute < 500 {
			return 5
		}
		return 1
	})
	first := slices.IndexFunc(decisions[300:], func(d Decision) bool { return len(d.Creates) > 0 })
	if first < 0 || first > 4 {
		t.Errorf("the step was answered after %d minutes, want within the three that the median needs and the metric's delay", first)
	}
	if n := readers[330]; n < 7 {
		t.Errorf("%d readers half an hour into five readers' worth of load", n)
	}
	if before, after := readers[299], readers[len(readers)-1]; after > before+3 {
		t.Errorf("%d readers are left a day and a half after the step, of %d before: the bill would keep it", after, before)
	}
}

// An afternoon that triples, a sale that doubles that and an evening that fades, on the first day of a cluster: an hour and
// three quarters after the sale began, an eighth of the load is left.
func TestASaleOnTheFirstDayIsGivenBackTheSameEvening(t *testing.T) {
	readers, _ := loop(t, 6*60, func(minute int) float64 {
		hours := float64(minute) / 60
		rise, ebb, sale := 0.9+1.8/(1+math.Exp(-2.2*(hours-1.6))), 1/(1+math.Exp(3*(hours-4.8))), 0.0
		if after := hours - 3.5; after >= 0 {
			sale = 3.6 * min(1, 20*after) * math.Exp(-2*max(0, after-0.4))
		}
		return 0.4 + rise*ebb + sale
	})
	if peak, evening := slices.Max(readers), readers[330]; peak < 8 || evening > peak/2 {
		t.Errorf("%d readers at the peak and %d when an eighth of the load is left: the bill would keep the sale", peak, evening)
	}
}

func TestSlowGrowthIsFollowedToTheMaximum(t *testing.T) {
	readers, decisions := loop(t, 3*24*60, func(minute int) float64 { return 0.5 + 12.5*float64(minute)/(3*24*60) })
	for minute, d := range decisions[60:] {
		if d.Demand > 0.9*float64(readers[minute+60]) {
			t.Fatalf("minute %d: demand of %v on %d readers: slow growth overtook the scaler", minute+60, d.Demand, readers[minute+60])
		}
	}
	if last := decisions[len(decisions)-1]; last.Serving != MaxReaders || last.State != Saturated {
		t.Errorf("at the end %d readers serve and the state is %q, want all %d and %q", last.Serving, last.State, MaxReaders, Saturated)
	}
}

func TestVanishedTrafficGivesTheReadersBackAndRecoveryGetsThem(t *testing.T) {
	readers, _ := loop(t, 24*60, func(minute int) float64 {
		if minute >= 400 && minute < 800 { // an outage in front of the database
			return 0.05
		}
		return 4
	})
	if early := readers[405]; 0.8*float64(early) < 4 {
		t.Errorf("%d readers five minutes into the outage, of %d before: after a blip they could not carry the load", early, readers[399])
	}
	if late := readers[799]; late > 3 {
		t.Errorf("%d readers after hours without traffic, want next to the minimum", late)
	}
	if back := readers[840]; float64(back)*0.9 < 4 {
		t.Errorf("%d readers 40 minutes after the traffic returned, want enough for 4 readers' worth", back)
	}
}

func TestADailyRhythmGetsCheaperAsItIsLearned(t *testing.T) {
	readers, _ := loop(t, 10*24*60, func(minute int) float64 {
		return 1 + 2.5*(1-math.Cos(2*math.Pi*float64(minute)/(24*60)))
	})
	day := func(n int) (hours float64) {
		for _, r := range readers[n*24*60 : (n+1)*24*60] {
			hours += float64(r) / 60
		}
		return hours
	}
	if first, last := day(0), day(9); last > 0.92*first {
		t.Errorf("%.0f reader-hours on the tenth of ten equal days, %.0f on the first: the scaler learned nothing", last, first)
	}
}
