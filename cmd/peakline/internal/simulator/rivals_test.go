package simulator

import (
	"slices"
	"testing"
	"time"
)

// script runs a policy on exact metrics and returns how many readers serve or come after each minute's tick.
func script(plant Plant, busyReaders []float64, readers int, control controller) (counts []int) {
	trace := steady(plant, len(busyReaders), 0)
	for minute, busy := range busyReaders {
		trace.Load[minute] = busy * plant.ReaderCapacity
	}
	c := newCluster(plant, trace, readers, 1)
	for range busyReaders {
		control.act(c)
		serving, coming := c.counts()
		counts = append(counts, serving+coming)
		c.advance()
	}
	return counts
}

func repeat(value float64, times int) []float64 { return slices.Repeat([]float64{value}, times) }

// changes lists the minutes at which a count changes, and what to.
func changes(counts []int) (list [][2]int) {
	for minute := 1; minute < len(counts); minute++ {
		if counts[minute] != counts[minute-1] {
			list = append(list, [2]int{minute, counts[minute]})
		}
	}
	return list
}

func TestTargetTrackingStepByStep(t *testing.T) {
	quick := calm()
	quick.ConnectionLife = time.Second // connections spread at once, so that CPU is load over readers
	quick.Cache.Loss = 0
	quick.Readers = Readers{Min: 1, Max: 15}
	// Points are one minute late: the point of minute m is visible at the tick of minute m+2.
	for name, test := range map[string]struct {
		busy    []float64
		readers int
		inByOne bool
		waits   bool
		want    [][2]int
	}{
		"three points above the target, then the proportional count": {
			// Minutes 5, 6 and 7 are above; ceil(4 * 90 / 60) = 6.
			busy: append(repeat(2, 5), repeat(3.6, 10)...), readers: 4, want: [][2]int{{9, 6}},
		},
		"two points above the target are not enough": {
			busy: slices.Concat(repeat(2.2, 5), repeat(3.6, 2), repeat(2.2, 8)), readers: 4, want: nil,
		},
		"CPU is censored, so one step is at most 100/60 of the readers": {
			// 4 readers carry the load of 12: ceil(4 * 100 / 60) = 7, which serve from minute 15 on. At the tick of
			// minute 16 the points are still full, and ceil(7 * 100 / 60) = 12.
			busy: append(repeat(2, 5), repeat(12, 15)...), readers: 4, waits: true, want: [][2]int{{9, 7}, {16, 12}},
		},
		"a larger count is let through while creating": {
			busy: slices.Concat(repeat(2, 5), repeat(2.8, 5), repeat(4, 5)), readers: 4, want: [][2]int{{9, 5}, {12, 7}},
		},
		"unless the variant waits": {
			busy: slices.Concat(repeat(2, 5), repeat(2.8, 5), repeat(4, 5)), readers: 4, waits: true, want: [][2]int{{9, 5}},
		},
		"in by one after 15 of 15 points below nine tenths, then every five minutes": {
			busy: append(repeat(3.3, 5), repeat(0.9, 40)...), readers: 6, inByOne: true,
			want: [][2]int{{21, 5}, {26, 4}, {31, 3}, {36, 2}}, // ceil(2 * 45 / 60) = 2: no further
		},
		"in by proportion at once": {
			busy: append(repeat(3.3, 5), repeat(0.9, 40)...), readers: 6, want: [][2]int{{21, 2}},
		},
		"between nine tenths and the target nothing happens": {
			busy: repeat(2.3, 60), readers: 4, inByOne: true, want: nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := changes(script(quick, test.busy, test.readers, newTargetTracking(0.6, test.inByOne, test.waits)))
			if !slices.Equal(got, test.want) {
				t.Errorf("[minute readers] %v, want %v: Peakline would be compared with something AWS does not do", got, test.want)
			}
		})
	}
}

func TestTheNaiveAlarmAddsOneReaderPerStateChange(t *testing.T) {
	plant := calm()
	got := changes(script(plant, append(repeat(2, 5), repeat(8, 30)...), 4, &alarmLambda{target: 0.6}))
	if want := [][2]int{{9, 5}}; !slices.Equal(got, want) {
		t.Errorf("[minute readers] %v, want %v: an alarm that stays in ALARM invokes nothing", got, want)
	}
}

func TestTheHorizontalPodAutoscalerFollowsItsDefaults(t *testing.T) {
	plant := calm()
	plant.ConnectionLife, plant.Cache.Loss = time.Second, 0
	for name, test := range map[string]struct {
		busy []float64
		want [][2]int
	}{
		"at once, in proportion":            {append(repeat(2.4, 5), repeat(3.6, 5)...), [][2]int{{7, 6}}},
		"not within the tolerance of 10 %":  {append(repeat(2.4, 5), repeat(2.6, 15)...), nil},
		"in to the highest of five minutes": {append(repeat(2.4, 5), repeat(1.2, 15)...), [][2]int{{11, 2}}},
		"coming readers count as idle":      {append(repeat(2.4, 5), repeat(3.6, 6)...), [][2]int{{7, 6}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := changes(script(plant, test.busy, 4, &horizontalPodAutoscaler{target: 0.6}))
			if !slices.Equal(got, test.want) {
				t.Errorf("[minute readers] %v, want %v", got, test.want)
			}
		})
	}
}

func TestTheOracleAsksALeadAheadOfTheLoad(t *testing.T) {
	plant := calm()
	load := append(repeat(1*plant.ReaderCapacity, 30), repeat(4*plant.ReaderCapacity, 30)...)
	plan := newOracle(plant, load, 0.8, 12*time.Minute).plan
	if plan[17] != 2 || plan[18] != 5 || plan[59] != 5 {
		t.Errorf("plan asks %d, %d and %d readers at 17, 18 and 59 minutes, want 2, 5 and 5", plan[17], plan[18], plan[59])
	}
}

func TestTheDailyScheduleKnowsOnlyDaysBefore(t *testing.T) {
	plant := calm()
	trace := steady(plant, 3*24*60, 1)
	for minute := at(1, 12, 0); minute < at(1, 13, 0); minute++ {
		trace.Load[minute] = 6 * plant.ReaderCapacity
	}
	schedule := dailySchedule(plant, trace, 0.6)
	minute := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	if got := schedule(minute(at(0, 12, 0))); got != 0 {
		t.Errorf("first day: a minimum of %d, want none: nothing is known yet", got)
	}
	if got := schedule(minute(at(1, 12, 30))); got != 2 {
		t.Errorf("the surge's own day: a minimum of %d, want 2: a schedule cannot know it", got)
	}
	if got := schedule(minute(at(2, 11, 45))); got != 10 {
		t.Errorf("a day later, a quarter of an hour early: a minimum of %d, want 10", got)
	}
}

func TestAFloorHoldsForEveryPolicy(t *testing.T) {
	scenario := Scenarios()[1]
	trace, floors, err := scenario.Build(calm(), 12400)
	if err != nil || len(floors) != 1 {
		t.Fatalf("floors %v, error %v", floors, err)
	}
	e := Experiment{Plant: calm(), Trace: trace, Floors: floors, Seeds: []uint64{1}}
	start := int(floors[0].From.Sub(trace.Start) / time.Minute)
	for _, policy := range Policies() {
		if policy.Name == Peakline || policy.Name == StaticPeak || policy.Name == "static-mean" {
			continue // its own tests, and what does not scale
		}
		run := e.RunOne(policy, 0, policy.Settings[policy.Default], 1, true)
		if got := run.Timeline[start].Serving; got < floors[0].Readers {
			t.Errorf("%s: %d readers when the sale starts, want the floor of %d", policy.Name, got, floors[0].Readers)
		}
	}
}
