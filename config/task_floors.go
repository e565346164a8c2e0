package config

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// TaskFloor is the fewest tasks of a service from Start until End.
type TaskFloor struct {
	Start, End time.Time
	Tasks      int
}

// TaskFloors is the calendar as one service sees it: spans in order and without overlap, in each of which the highest
// floor of its events holds. A floor holds from the lead before the event on, is the explicit one or the expected load
// times the service's own minimum, whichever is higher, and never above its maximum.
func (e Environment) TaskFloors(service string) []TaskFloor {
	scaling := e.Services[service].Scaling
	var each []TaskFloor
	var edges []time.Time
	for _, event := range e.Events {
		tasks := max(event.Floors.Tasks[service], int(math.Ceil(event.ExpectedLoad*float64(scaling.Min))))
		if tasks = min(tasks, scaling.Max); tasks <= scaling.Min {
			continue
		}
		span := event.Span()
		start := span.Start.Add(-minutes(cmp.Or(event.LeadMinutes, usualLeadMinutes)))
		each = append(each, TaskFloor{start, span.End, tasks})
		edges = append(edges, start, span.End)
	}
	slices.SortFunc(edges, time.Time.Compare)
	var floors []TaskFloor
	for n := 1; n < len(edges); n++ {
		from, until, tasks := edges[n-1], edges[n], 0
		for _, floor := range each {
			if !floor.Start.After(from) && !floor.End.Before(until) {
				tasks = max(tasks, floor.Tasks)
			}
		}
		last := len(floors) - 1
		switch {
		case tasks == 0 || !from.Before(until):
		case last >= 0 && floors[last].End.Equal(from) && floors[last].Tasks == tasks:
			floors[last].End = until
		default:
			floors = append(floors, TaskFloor{from.UTC(), until.UTC(), tasks})
		}
	}
	return floors
}
