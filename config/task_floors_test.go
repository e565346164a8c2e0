package config

import (
	"fmt"
	"slices"
	"testing"
)

func TestTheCalendarReachesServicesAsFloors(t *testing.T) {
	event := func(start, end string, load float64, tasks int) Event {
		return Event{Name: start, Start: start, End: end, TimeZone: "UTC", ExpectedLoad: load, LeadMinutes: 60, Floors: Floors{Tasks: map[string]int{"order": tasks}}}
	}
	for name, c := range map[string]struct {
		events []Event
		want   []string
	}{
		"no event, no floor":                       {nil, nil},
		"a floor begins a lead before the event":   {[]Event{event("2026-12-01T10:00", "2026-12-01T12:00", 0, 7)}, []string{"01 09:00-01 12:00 7"}},
		"the expected load multiplies the minimum": {[]Event{event("2026-12-01T10:00", "2026-12-01T12:00", 2.6, 0)}, []string{"01 09:00-01 12:00 6"}},
		"the higher of the two wins":               {[]Event{event("2026-12-01T10:00", "2026-12-01T12:00", 4, 5)}, []string{"01 09:00-01 12:00 8"}},
		"never above the maximum":                  {[]Event{event("2026-12-01T10:00", "2026-12-01T12:00", 50, 0)}, []string{"01 09:00-01 12:00 10"}},
		"what raises nothing is left out":          {[]Event{event("2026-12-01T10:00", "2026-12-01T12:00", 0, 2)}, nil},
		"the highest of overlapping events holds": {
			[]Event{event("2026-12-01T10:00", "2026-12-03T10:00", 0, 4), event("2026-12-02T10:00", "2026-12-02T12:00", 0, 9)},
			[]string{"01 09:00-02 09:00 4", "02 09:00-02 12:00 9", "02 12:00-03 10:00 4"}},
		"neighbours of one height are one": {
			[]Event{event("2026-12-01T10:00", "2026-12-02T09:00", 0, 4), event("2026-12-02T10:00", "2026-12-02T12:00", 0, 4)},
			[]string{"01 09:00-02 12:00 4"}},
		"events apart stay apart": {
			[]Event{event("2026-12-05T10:00", "2026-12-05T12:00", 0, 4), event("2026-12-01T10:00", "2026-12-01T12:00", 0, 5)},
			[]string{"01 09:00-01 12:00 5", "05 09:00-05 12:00 4"}},
	} {
		environment := Environment{Events: c.events, Services: map[string]Service{"order": {Scaling: ServiceScaling{Min: 2, Max: 10}}}}
		var got []string
		for _, floor := range environment.TaskFloors("order") {
			got = append(got, fmt.Sprintf("%s-%s %d", floor.Start.Format("02 15:04"), floor.End.Format("02 15:04"), floor.Tasks))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v: the peak would meet too few tasks", name, got, c.want)
		}
	}
}
