package config

import (
	"cmp"
	"encoding/json"
	"time"
)

// Event is one entry of the event calendar: a planned peak. What has a floor reads it from here.
type Event struct {
	// Name identifies the event in decisions, metrics and reports.
	Name string `json:"name" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9 ._-]*$,maxLength=64,example=black-friday"`
	// Start is local wall-clock time, `2026-11-27T00:00`.
	Start string `json:"start" jsonschema:"required,pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$,example=2026-11-27T00:00"`
	// End is local wall-clock time, after the start.
	End string `json:"end" jsonschema:"required,pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$,example=2026-11-28T00:00"`
	// TimeZone is an IANA name such as `Europe/Berlin`. Default: `UTC`.
	TimeZone string `json:"timeZone,omitempty" jsonschema:"pattern=^(UTC|[A-Z][A-Za-z]+(/[A-Za-z0-9_+-]+)+)$,example=Europe/Berlin"`
	// ExpectedLoad is the multiple of the load that is normal at that time, 5 for five times. What has no explicit floor, or a lower one, is sized by it.
	ExpectedLoad float64 `json:"expectedLoad,omitempty" jsonschema:"exclusiveMinimum=1,maximum=100"`
	// Floors are explicit minimums.
	Floors Floors `json:"floors,omitempty"`
	// LeadMinutes is how long before the start the floors are asked for. Default: as long as the scaler has learned that readers take.
	LeadMinutes int `json:"leadMinutes,omitempty" jsonschema:"minimum=10,maximum=1440"`
}

// Floors are the minimums during an event; 0 sets none.
type Floors struct {
	// Readers is the fewest readers, those of the file included.
	Readers int `json:"readers,omitempty" jsonschema:"minimum=1,maximum=15"`
	// Tasks are the fewest tasks of services, by the service's name.
	Tasks map[string]int `json:"tasks,omitempty"`
}

func (f Floors) raiseNothing() bool { return f.Readers == 0 && len(f.Tasks) == 0 }

func (e *Event) complete() { e.TimeZone = cmp.Or(e.TimeZone, "UTC") }

// Span is the event without its lead.
func (e Event) Span() Span { return spanOf(e.Start, e.End, e.TimeZone) }

const (
	// longestEvent catches a slip in the year or the month: a floor that lasts longer is a higher minimum.
	longestEvent = 31 * 24 * time.Hour
	// largestPolicy is what an SSM parameter of the standard tier holds, in bytes.
	largestPolicy = 4096
	// usualLeadMinutes stands for the learned lead where the calendar is judged before anything is learned.
	usualLeadMinutes = 30
)

var eventRules = []rule{
	{"events are spans ahead of us", nil, func(i inspection) {
		for n, event := range i.Events {
			i.refuseSpan(index("events", n), event.Start, event.End, event.TimeZone)
		}
	}},
	{"events have names of their own", []string{"events"}, func(i inspection) {
		first := map[string]int{}
		for n, event := range i.Events {
			if before, twice := first[event.Name]; twice {
				i.refuse(index("events", n)+".name", "%q is the name of events[%d] too, want another", event.Name, before)
				continue
			}
			first[event.Name] = n
		}
	}},
	{"events raise something", nil, func(i inspection) {
		for n, event := range i.Events {
			path := index("events", n)
			if event.ExpectedLoad == 0 && event.Floors.raiseNothing() && i.sound(path) {
				i.refuse(path, "raises nothing, want expectedLoad or a floor")
			}
		}
	}},
	{"reader floors are within what the scaler may add", []string{"scaler.min", "scaler.max", "scaler.control"}, func(i inspection) {
		always := i.readersAlways()
		for n, event := range i.Events {
			path, readers := index("events", n)+".floors.readers", event.Floors.Readers
			switch {
			case i.Scaler.Control == ControlFixed && readers > always:
				i.refuse(path, "%d, but control: fixed adds no reader to the %d that are always there", readers, always)
			case i.Scaler.Control == ControlTargetTracking && readers > i.Scaler.Min:
				i.refuse(path, "%d, but control: target-tracking knows no calendar; want control: peakline, or scaler.min until the event is over", readers)
			case readers > i.Scaler.Max:
				i.refuse(path, "%d, want at most scaler.max, %d", readers, i.Scaler.Max)
			case readers > 0 && readers < always:
				i.refuse(path, "%d, want at least the %d readers that are always there: a floor counts them", readers, always)
			}
		}
	}},
	{"the calendar fits into the scaler's policy", []string{"events", "scaler"}, func(i inspection) {
		policy, err := json.Marshal(i.ReplicaPolicy())
		if err == nil && len(policy) > largestPolicy {
			i.refuse("events", "%s and %s do not fit into the %d bytes of the scaler's policy; remove what is furthest away",
				count(len(i.Events), "event", "events"), count(len(i.Scaler.FreezeWindows), "freeze window", "freeze windows"), largestPolicy)
		}
	}},
}

// refuseSpan checks the start, the end and the time zone of an entry.
func (i inspection) refuseSpan(path, start, end, zone string) {
	if !i.sound(path+".start", path+".end", path+".timeZone") {
		return
	}
	if !knownZone(zone) {
		i.refuse(path+".timeZone", "%q is unknown, want an IANA name such as Europe/Berlin", shorten(zone))
		return
	}
	from, errFrom := wallClock(start, zone)
	if errFrom != nil {
		i.refuse(path+".start", "%v", errFrom)
	}
	until, errUntil := wallClock(end, zone)
	if errUntil != nil {
		i.refuse(path+".end", "%v", errUntil)
	}
	if errFrom != nil || errUntil != nil {
		return
	}
	switch {
	case !from.Before(until):
		i.refuse(path+".end", "%s is not after the start %s", end, start)
	case !until.After(i.now):
		i.refuse(path+".end", "%s is past, want an end in the future; remove the entry", end)
	case until.Sub(from) > longestEvent:
		i.refuse(path+".end", "%s is %d days after the start, want at most %d", end, int(until.Sub(from).Hours()/24), int(longestEvent.Hours()/24))
	}
}
