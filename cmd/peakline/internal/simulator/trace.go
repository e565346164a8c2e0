package simulator

import (
	"fmt"
	"math"
	"slices"
	"time"

	"peakline/lambda/decision"
)

// Trace is the traffic of a database over time, one value a minute, with what else happens meanwhile.
type Trace struct {
	Name  string
	Start time.Time
	// Load is the read traffic of each minute, in requests per second after ScaledTo.
	Load []float64
	// Writes is the write traffic of each minute as a multiple of normal; empty means normal throughout.
	Writes []float64
	// Failovers are the minutes, counted from Start, at which the writer fails over.
	Failovers []int
}

// Days is the length of the trace in days.
func (t Trace) Days() float64 { return float64(len(t.Load)) / (24 * 60) }

// ScaledTo returns the trace with its highest minute at peak requests per second. A peak of 0 keeps its own numbers.
func (t Trace) ScaledTo(peak float64) (Trace, error) {
	highest := slices.Max(t.Load)
	if highest == 0 {
		return Trace{}, fmt.Errorf("scale trace %s: its highest value is 0, want traffic", t.Name)
	}
	if peak == 0 {
		return t, nil
	}
	if !(peak > 0) || math.IsInf(peak, 0) {
		return Trace{}, fmt.Errorf("scale trace %s: peak of %g requests/s, want more than 0, or 0 to keep the trace's own numbers", t.Name, peak)
	}
	scaled := make([]float64, len(t.Load))
	for i, load := range t.Load {
		scaled[i] = load * (peak / highest)
	}
	t.Load = scaled
	return t, nil
}

// writesAt is the write traffic of a minute as a multiple of normal.
func (t Trace) writesAt(minute int) float64 {
	if len(t.Writes) == 0 {
		return 1
	}
	return t.Writes[minute]
}

// floorAt is the highest floor of the known sales in force at a time, leads included; 0 without one.
func floorAt(floors []decision.Floor, now time.Time) int {
	readers := 0
	for _, floor := range floors {
		if !now.Before(floor.From.Add(-floor.Lead.Duration)) && now.Before(floor.Until) {
			readers = max(readers, floor.Readers)
		}
	}
	return readers
}
