package decision

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestDemandIsKeptForFourteenDays(t *testing.T) {
	var h History
	first := noon.Unix() / 60
	for minute := first; minute < first+historyMinutes+100; minute++ {
		h.AddDemand(minute, float64(minute-first))
	}
	if _, ok := h.DemandAt(first + 50); ok {
		t.Error("demand of 14 days and 50 minutes ago is still known: the ring would mix days")
	}
	if v, ok := h.DemandAt(first + 150); !ok || v != 150 {
		t.Errorf("demand of minute 150 is %v (known: %v), want 150", v, ok)
	}
}

func TestDemandHasGapsWhereNothingWasSaid(t *testing.T) {
	var h History
	first := noon.Unix() / 60
	h.AddDemand(first, 1)
	h.AddDemand(first+5, 2)
	h.AddDemand(first+3, 3) // late
	for at, want := range map[int64]float64{0: 1, 3: 3, 5: 2} {
		if v, ok := h.DemandAt(first + at); !ok || v != want {
			t.Errorf("demand of minute %d is %v (known: %v), want %v", at, v, ok, want)
		}
	}
	if v, ok := h.DemandAt(first + 4); ok {
		t.Errorf("demand of a minute nobody reported is %v, want unknown", v)
	}
}

func TestImpossibleDemandIsNotRecorded(t *testing.T) {
	var h History
	first := noon.Unix() / 60
	for i, v := range []float64{math.NaN(), math.Inf(1), -1, 1e12} {
		h.AddDemand(first+int64(i), v)
	}
	h.AddDemand(math.MaxInt64, 1)
	h.AddDemand(-5, 1)
	if h.newest != 0 {
		t.Errorf("minute %d was recorded of values that are no load", h.newest)
	}
}

func TestObservedDemandOutlivesTheReaders(t *testing.T) {
	var h History
	s := cluster(4, 50)
	h.Observe(s.obs, s.now)
	s.obs.Members = s.obs.Members[:3] // two readers are gone
	h.Observe(s.obs, s.now)
	if v, ok := h.DemandAt(noon.Unix()/60 - 3); !ok || math.Abs(v-4) > 0.01 {
		t.Errorf("demand is %v busy vCPUs (known: %v), want the 4 that four readers carried: a deletion would look like falling load", v, ok)
	}
}

func TestAWritersLoadIsNotTheReaders(t *testing.T) {
	var h History
	s := cluster(2, 50)
	h.Observe(s.obs, s.now)
	s.at("writer").Role, s.at("baseline-1").Role = Reader, Writer
	h.Observe(s.obs, s.now)
	if v, _ := h.DemandAt(noon.Unix()/60 - 3); math.Abs(v-2) > 0.01 {
		t.Errorf("after a failover the demand before it became %v busy vCPUs, want the 2 of the readers then", v)
	}
	if n := len(h.Events); n != 1 || h.Events[0].Kind != EventFailover {
		t.Errorf("events %v, want the failover that a new writer means", h.Events)
	}
}

func TestTheLeadIsLearnedFromCreations(t *testing.T) {
	var h History
	if got, want := leadTime(h.Creates), 14*time.Minute; got != want {
		t.Errorf("lead %v without experience, want %v", got, want)
	}
	s := cluster(2, 50)
	for i := range 20 {
		m := instance(SlotID(prefix, i%MaxReaders+1), i, 50)
		m.Owned, m.Tier, m.Status = true, 15, "creating"
		at := noon.Add(time.Duration(i) * time.Hour)
		m.CreatedAt, m.AvailableAt = at, time.Time{}
		s.obs.Members = append(s.obs.Members[:3], m)
		h.Observe(s.obs, at)
		s.obs.Members[3].Status, s.obs.Members[3].AvailableAt = "available", at.Add(4*time.Minute)
		h.Observe(s.obs, at.Add(4*time.Minute))
		h.Observe(s.obs, at.Add(5*time.Minute))
	}
	if n := len(h.Creates); n != 20 {
		t.Errorf("%d creations were learned of 20", n)
	}
	if got := leadTime(h.Creates); got < 8*time.Minute || got > 12*time.Minute {
		t.Errorf("lead %v after twenty creations of 4 minutes, want nearer to 8 minutes than the prior 14", got)
	}
}

func TestAShortageThatComesLaterIsRemembered(t *testing.T) {
	var h History
	s := cluster(3, 50)
	s.at(SlotID(prefix, 1)).Status = "insufficient-capacity"
	h.Observe(s.obs, s.now)
	h.Observe(s.obs, s.now.Add(time.Minute))
	if n := len(h.Failures); n != 1 || h.Failures[0].Zone != s.at(SlotID(prefix, 1)).Zone {
		t.Errorf("failures %v, want one for the reader's zone: the next creation would run into the same shortage", h.Failures)
	}
}

func TestAReadersShortGapIsNoFallOfDemand(t *testing.T) {
	for name, c := range map[string]struct {
		lost  []int // points of one of two readers, the oldest is 0; each reader carries 1 busy vCPU
		alive time.Duration
		want  float64 // at the first lost point
	}{
		"one minute":              {[]int{4}, time.Hour, 2},
		"four minutes":            {[]int{4, 5, 6, 7}, time.Hour, 2},
		"five minutes are no gap": {[]int{4, 5, 6, 7, 8}, time.Hour, 1},
		"the first minutes of a reader there was": {[]int{0, 1, 2}, time.Hour, 2},
		"a reader that came later":                {[]int{0, 1, 2}, 11 * time.Minute, 1},
		"the newest minutes, still to come":       {[]int{13}, time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := cluster(2, 50)
			m := s.at("baseline-2")
			m.AvailableAt = noon.Add(-c.alive)
			m.CPU = nil
			for i, p := range steady(50) {
				if !slices.Contains(c.lost, i) {
					m.CPU = append(m.CPU, p)
				}
			}
			at := noon.Unix()/60 - int64(RecentWindow/time.Minute) + int64(c.lost[0])
			var atOnce, byMinute History
			atOnce.Observe(s.obs, s.now)
			for minute := at - 20; minute <= noon.Unix()/60; minute++ {
				obs := Observation{Cluster: s.obs.Cluster}
				for _, m := range s.obs.Members {
					m.CPU = slices.DeleteFunc(slices.Clone(m.CPU), func(p Sample) bool { return p.Minute > minute-2 })
					obs.Members = append(obs.Members, m)
				}
				byMinute.Observe(obs, time.Unix(minute*60, 0))
			}
			for way, h := range map[string]*History{"at once": &atOnce, "minute by minute": &byMinute} {
				if v, ok := h.DemandAt(at); !ok || math.Abs(v-c.want) > 0.01 {
					t.Errorf("told %s, demand in the gap is %v busy vCPUs (known: %v), want %v: a lost point would look like load that doubles", way, v, ok, c.want)
				}
			}
		})
	}
}
