package config

import "cmp"

// Event is one entry of the event calendar: a planned peak. What has a floor reads it from here.
type Event struct {
	// Name identifies the event in decisions, metrics and reports.
	Name string `json:"name" jsonschema:"required,minLength=1,maxLength=64"`
	// Start is local wall-clock time, `2026-11-27T00:00`.
	Start string `json:"start" jsonschema:"required"`
	// End is local wall-clock time, after the start.
	End string `json:"end" jsonschema:"required"`
	// TimeZone is an IANA name such as `Europe/Berlin`. Default: `UTC`.
	TimeZone string `json:"timeZone,omitempty"`
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
	// ServerlessUnits is the lowest capacity of a serverless instance, in capacity units.
	ServerlessUnits float64 `json:"serverlessUnits,omitempty" jsonschema:"minimum=0.5,maximum=256,multipleOf=0.5"`
}

func (e *Event) complete() { e.TimeZone = cmp.Or(e.TimeZone, "UTC") }

// Span is the event without its lead.
func (e Event) Span() Span { return spanOf(e.Start, e.End, e.TimeZone) }
