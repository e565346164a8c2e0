package decision

import (
	"slices"
	"testing"
)

// bursty is a load of 0.8 readers with bursts to three readers, of a length in minutes, every three hours.
func bursty(length int) func(minute int) float64 {
	return func(minute int) float64 {
		if minute%180 >= 180-length {
			return 3
		}
		return 0.8
	}
}

func TestBurstsThatAreAHabitAreNotChased(t *testing.T) {
	const learned = 4*180 + 30
	_, decisions := loop(t, 8*180, bursty(3))
	creates := func(decisions []Decision) (n int) {
		for _, d := range decisions {
			n += len(d.Creates)
		}
		return n
	}
	first, later := creates(decisions[:learned]), creates(decisions[learned:])
	if later > 2 {
		t.Errorf("four bursts of three minutes, after four others, led to %d creations (before: %d): every one comes when its burst is over", later, first)
	}
	if !slices.ContainsFunc(decisions[learned:], func(d Decision) bool { return d.has(ReasonBurst) }) {
		t.Errorf("no decision says %q: an operator could not tell why a rise got no reader", ReasonBurst)
	}
}

func TestARiseThatLastsIsBuiltForWhereBurstsAreAHabit(t *testing.T) {
	const rise = 5 * 180 // the fifth burst, three minutes old, does not end
	_, decisions := loop(t, rise+60, func(minute int) float64 {
		if minute >= rise {
			return 6
		}
		return bursty(3)(minute)
	})
	first := slices.IndexFunc(decisions[rise:], func(d Decision) bool { return len(d.Creates) > 0 })
	if first < 0 || first > burstYoung {
		t.Errorf("a rise that lasts was answered %d minutes after a burst's end would have shown, want within %d", first, burstYoung)
	}
}

func TestSuddenRisesAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		load  func(minute int) float64
		want  bursts // without the peak
		habit bool
	}{
		"a steady load has none":       {func(int) float64 { return 2 }, bursts{}, false},
		"bursts of three minutes":      {bursty(3), bursts{rises: 7, over: 7}, true},
		"rises that last an hour":      {bursty(60), bursts{rises: 7}, false},
		"a slow rise is no sudden one": {func(minute int) float64 { return 1 + float64(minute)/200 }, bursts{}, false},
		"a rise from next to nothing to next to nothing is none": {func(minute int) float64 {
			if minute < 60 {
				return 60 // the highest demand, which says what is next to nothing
			}
			return bursty(3)(minute) / 10
		}, bursts{}, false},
		"two bursts are no habit": {func(minute int) float64 {
			if minute >= 400 {
				return 0.8
			}
			return bursty(3)(minute)
		}, bursts{rises: 2, over: 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var h History
			for minute := range 8*180 - 60 {
				h.AddDemand(noon.Unix()/60+int64(minute), 2*c.load(minute))
			}
			got := h.findBursts()
			if got.rises != c.want.rises || got.over != c.want.over || got.habit() != c.habit {
				t.Errorf("found %d sudden rises of which %d were bursts (a habit: %v), want %d and %d (%v)",
					got.rises, got.over, got.habit(), c.want.rises, c.want.over, c.habit)
			}
		})
	}
}

func TestMoreDemandInTheNewestMinutesNeverLowersTheNeedAmongBursts(t *testing.T) {
	const days = 6
	newest, last := noon.Unix()/60-2, 0
	s := cluster(6, 30)
	s.policy.RiskPercent = 5
	for back := int64(days * 24 * 60); back > 0; back-- {
		demand := 2 * 6 * 0.3
		if back%(24*60) > 0 && back%(24*60) <= 3 {
			demand *= 3
		}
		s.history.AddDemand(newest-back-60, demand)
	}
	s.history.Learn(s.now, nil)
	if !s.history.bursts.habit() {
		t.Fatal("the history holds no habit of bursts")
	}
	for cpu := 30.0; cpu <= 100; cpu++ {
		s.readers(func(_ int, m *Member) {
			for k := len(m.CPU) - 2; k < len(m.CPU); k++ {
				m.CPU[k].Value = cpu
			}
		})
		d := s.decide()
		if d.Need < last {
			t.Errorf("need %d with the newest two minutes at %v %% CPU, %d with a point less", d.Need, cpu, last)
		}
		last = d.Need
	}
}
