package simulator

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"peakline/lambda/decision"
)

// Scenario is a built-in, synthetic stretch of shop traffic.
type Scenario struct {
	Name  string
	About string
	// Recorded says that the scenario is judged together with recorded traffic, by one setting for all.
	Recorded bool

	days  int
	shape func(day *shopDays)
	sale  [2]int // minutes between which a sale is planned; equal: none
}

// Scenarios lists the built-in traces.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "flash-sale", About: "5 times the load within 2 minutes, unannounced", days: 2, shape: flashSale},
		{
			Name: "planned-flash-sale", About: "the same, with the sale in the calendar", days: 2, shape: flashSale,
			sale: [2]int{at(1, 12, 0), at(1, 14, 30)},
		},
		{Name: "ramp", About: "3.2 times the load within 30 minutes", Recorded: true, days: 2,
			shape: func(s *shopDays) { s.event(at(1, 18, 30), 30, 120, 90, 3.2) }},
		{Name: "midnight-start", About: "twice the load within 20 minutes of midnight", Recorded: true, days: 3,
			shape: func(s *shopDays) { s.event(at(2, 0, 0), 20, 60, 240, 2) }},
		{Name: "spikes", About: "bursts of 3 minutes, too short for any reader to arrive", days: 2,
			shape: func(s *shopDays) {
				for _, minute := range []int{at(0, 10, 17), at(0, 15, 3), at(1, 4, 40), at(1, 11, 31), at(1, 16, 12)} {
					s.event(minute, 1, 2, 1, 3)
				}
			}},
		{Name: "write-storm", About: "6 times the writes for two hours: all readers lag, none is busy", days: 2,
			shape: func(s *shopDays) {
				for minute := at(1, 14, 0); minute < at(1, 16, 0); minute++ {
					s.writes[minute] = 6
				}
			}},
		{Name: "failover-storm", About: "six failovers around the evening peak, also to the scaler's readers", days: 2,
			shape: func(s *shopDays) {
				s.failovers = []int{at(1, 17, 50), at(1, 18, 5), at(1, 18, 50), at(1, 19, 40), at(1, 20, 20), at(1, 21, 10)}
			}},
		{Name: "slow-growth", About: "from 30 to 100 % of the peak over ten days", Recorded: true, days: 10,
			shape: func(s *shopDays) {
				for minute := range s.load {
					s.load[minute] *= 0.3 + 0.7*float64(minute)/float64(len(s.load))
				}
			}},
	}
}

// firstDay is when scenarios start: the Monday before Black Friday.
var firstDay = time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC)

// at is a minute of a scenario by day (from 0) and time of day.
func at(day, hour, minute int) int { return (day*24+hour)*60 + minute }

// Build makes the scenario's traffic at a peak of requests per second, and the floors of the known sales in it.
func (s Scenario) Build(plant Plant, peak float64) (Trace, []decision.Floor, error) {
	days := newShopDays(s.days)
	s.shape(days)
	trace, err := Trace{
		Name: s.Name, Start: firstDay,
		Load: days.load, Writes: days.writes, Failovers: days.failovers,
	}.ScaledTo(peak)
	from, until := s.sale[0], s.sale[1]
	if err != nil || from == until {
		return trace, nil, err
	}
	return trace, []decision.Floor{{
		Window: decision.Window{
			Name:  s.Name,
			From:  trace.Start.Add(time.Duration(from) * time.Minute),
			Until: trace.Start.Add(time.Duration(until) * time.Minute),
		},
		Readers: readersFor(plant, slices.Max(trace.Load[from:until]), busyPercent/100.0),
		Lead:    decision.Duration{Duration: FloorLead},
	}}, nil
}

func flashSale(s *shopDays) { s.event(at(1, 12, 0), 2, 60, 60, 5) }

// FloorLead is how long before a known sale readers are asked for, by every policy: the slowest creation, and the time
// connections need to spread.
const FloorLead = 45 * time.Minute

// shopDays is the ordinary traffic of a shop, to which a scenario adds its event.
type shopDays struct {
	load, writes []float64
	failovers    []int
}

// newShopDays draws days with a quiet night, a midday hump and an evening peak of 1, with 2 % of slowly varying noise.
func newShopDays(days int) *shopDays {
	s := &shopDays{load: make([]float64, days*24*60), writes: make([]float64, days*24*60)}
	noise, wander := rand.New(rand.NewPCG(1, 1)), 0.0
	hump := func(hour, centre, width float64) float64 {
		away := math.Remainder(hour-centre, 24) / width
		return math.Exp(-away * away)
	}
	for minute := range s.load {
		hour := float64(minute%(24*60)) / 60
		wander = 0.9*wander + 0.00872*noise.NormFloat64() // 0.02 * sqrt(1 - 0.9^2)
		s.load[minute] = (0.25 + 0.4*hump(hour, 12.5, 3.5) + 0.75*hump(hour, 20.5, 3)) * (1 + wander)
		s.writes[minute] = 1
	}
	return s
}

// event multiplies the load: it rises over some minutes, holds, and falls back, each linearly.
func (s *shopDays) event(start, rise, hold, fall int, multiple float64) {
	for minute := start; minute < min(len(s.load), start+rise+hold+fall); minute++ {
		since := float64(minute - start + 1)
		height := min(1, since/float64(rise), (float64(rise+hold+fall)-since+1)/float64(max(1, fall)))
		s.load[minute] *= 1 + (multiple-1)*height
	}
}
