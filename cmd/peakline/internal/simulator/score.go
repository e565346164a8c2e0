package simulator

import (
	"math"
	"time"
)

// busyPercent is the mean reader CPU the platform promises not to exceed, and lateMs the replica lag.
const (
	busyPercent = 65
	lateMs      = 100
)

// Outcome is what one policy at one setting did with one trace under one seed.
type Outcome struct {
	// BadPercent is the share of requests served by a reader above the plant's BadAbove, in percent.
	BadPercent float64 `json:"badPercent"`
	// ReaderHours is what AWS bills; MinimumHours is the part no policy can avoid, the minimum count all the time.
	ReaderHours  float64 `json:"readerHours"`
	MinimumHours float64 `json:"minimumHours"`
	// ActionsPerDay counts creations and deletions of readers.
	ActionsPerDay float64 `json:"actionsPerDay"`
	// CPUOverMinutes counts minutes in which the mean CPU of all readers was above 65 %.
	CPUOverMinutes int `json:"cpuOverMinutes"`
	// LagMinutes counts minutes in which a reader lagged by more than 100 ms, by the cause that contributed most.
	LagMinutes map[string]int `json:"lagMinutes"`
	// Creations counts requests to create a reader; WastedCreations those refused, failed or deleted within the
	// billing minimum.
	Creations       int `json:"creations"`
	WastedCreations int `json:"wastedCreations"`
	// UnsafeActions counts attempts to delete the writer, the last serving reader or a reader not owned.
	UnsafeActions int        `json:"unsafeActions"`
	Elasticity    Elasticity `json:"elasticity"`
	// Timeline is kept only when asked for.
	Timeline []Moment `json:"-"`
}

// HoursAboveMinimum is the part of ReaderHours that a policy controls.
func (o Outcome) HoursAboveMinimum() float64 { return o.ReaderHours - o.MinimumHours }

// Elasticity compares supplied readers with the fewest that would have carried the load, with the metrics of
// Herbst et al., "Ready for Rain? A View from SPEC Research on the Future of Cloud Metrics" (SPEC-RG-2016-01):
// accuracy is the mean shortage or surplus in percent of the demand, timeshare the percentage of time spent in either,
// and instability the percentage of minutes in which supply and demand changed in different directions.
type Elasticity struct {
	UnderAccuracy  float64 `json:"underAccuracy"`
	OverAccuracy   float64 `json:"overAccuracy"`
	UnderTimeshare float64 `json:"underTimeshare"`
	OverTimeshare  float64 `json:"overTimeshare"`
	Instability    float64 `json:"instability"`
}

// Moment is one minute of a run, for charts.
type Moment struct {
	Serving, Coming int
	BadShare        float64
}

// tally collects a score while a cluster runs.
type tally struct {
	minutes                                 int
	requests, badRequests                   float64
	billed                                  time.Duration
	creations, deletions, wasted, unsafe    int
	busy                                    int
	late                                    map[string]int
	under, over, underTime, overTime, moves float64
	lastSupply, lastDemand                  int
	keepTimeline                            bool
	timeline                                []Moment
}

// minute scores one simulated minute.
func (t *tally) minute(c *cluster, load, bad, cpuPercent float64, worst lagOf) {
	serving, coming := c.counts()
	t.requests += load
	t.badRequests += load * bad
	if cpuPercent > busyPercent {
		t.busy++
	}
	if worst.total > lateMs {
		if t.late == nil {
			t.late = map[string]int{}
		}
		t.late[worst.cause]++
	}
	demand := c.plant.ReadersFor(load)
	gap := float64(serving-demand) / float64(demand)
	t.under += max(0, -gap)
	t.over += max(0, gap)
	switch {
	case gap < 0:
		t.underTime++
	case gap > 0:
		t.overTime++
	}
	if t.minutes > 0 && sign(serving-t.lastSupply) != sign(demand-t.lastDemand) {
		t.moves++
	}
	t.lastSupply, t.lastDemand = serving, demand
	t.minutes++
	if t.keepTimeline {
		t.timeline = append(t.timeline, Moment{Serving: serving, Coming: coming, BadShare: bad})
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// outcome bills the readers still there and closes the account.
func (c *cluster) outcome() Outcome {
	for _, member := range c.instances {
		c.bill(member)
		if member.fails != "" {
			c.score.wasted++
		}
	}
	t, minutes := &c.score, float64(c.score.minutes)
	days := minutes / (24 * 60)
	return Outcome{
		BadPercent:      100 * t.badRequests / math.Max(t.requests, math.SmallestNonzeroFloat64),
		ReaderHours:     t.billed.Hours(),
		MinimumHours:    float64(c.plant.Readers.Min) * minutes / 60,
		ActionsPerDay:   float64(t.creations+t.deletions) / days,
		CPUOverMinutes:  t.busy,
		LagMinutes:      t.late,
		Creations:       t.creations,
		WastedCreations: t.wasted,
		UnsafeActions:   t.unsafe,
		Elasticity: Elasticity{
			UnderAccuracy:  100 * t.under / minutes,
			OverAccuracy:   100 * t.over / minutes,
			UnderTimeshare: 100 * t.underTime / minutes,
			OverTimeshare:  100 * t.overTime / minutes,
			Instability:    100 * t.moves / math.Max(1, minutes-1),
		},
		Timeline: t.timeline,
	}
}
