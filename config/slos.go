package config

import "time"

// SLOs are what visitors may expect of the shop, as its load balancer sees it. Alarms tell when the budget of failures that they
// leave is spent too fast.
type SLOs struct {
	// AvailabilityPercent is the share of the requests that are not answered with a 5xx error. Default: 99.9 in production, 99 in development.
	AvailabilityPercent float64 `json:"availabilityPercent,omitempty" jsonschema:"minimum=95,maximum=99.999"`
	// P95Milliseconds is the response time that at most one of twenty requests may exceed. Default: 1600.
	P95Milliseconds int `json:"p95Milliseconds,omitempty" jsonschema:"minimum=10,maximum=60000"`
	// P99Milliseconds is the response time that at most one of a hundred requests may exceed. Default: 2900.
	P99Milliseconds int `json:"p99Milliseconds,omitempty" jsonschema:"minimum=10,maximum=60000"`
	// WindowDays is the time for which there is one budget of failures. Default: 30.
	WindowDays int `json:"windowDays,omitempty" jsonschema:"minimum=7,maximum=30"`
}

func sloDefaults(profile Profile) SLOs {
	return SLOs{AvailabilityPercent: byProfile(profile, 99, 99.9), P95Milliseconds: 1600, P99Milliseconds: 2900, WindowDays: 30}
}

// P95 and P99 are the response times as durations.
func (s SLOs) P95() time.Duration { return time.Duration(s.P95Milliseconds) * time.Millisecond }

// P99 is the one that at most one of a hundred requests may exceed.
func (s SLOs) P99() time.Duration { return time.Duration(s.P99Milliseconds) * time.Millisecond }

// completeLatencies gives each service its share of the time that visitors wait: half of it where another service waits too.
func (e *Environment) completeLatencies() {
	called := map[string]bool{}
	for _, service := range e.Services {
		for _, callee := range service.Calls {
			called[callee] = true
		}
	}
	for name, service := range e.Services {
		if service.LatencyMilliseconds == 0 {
			service.LatencyMilliseconds = e.SLOs.P95Milliseconds
			if called[name] {
				service.LatencyMilliseconds /= 2
			}
			e.Services[name] = service
		}
	}
}

var sloRules = []rule{
	{"a service answers within what visitors may expect", []string{"slos", "services.*.latencyMilliseconds"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			if latency := i.Services[name].LatencyMilliseconds; latency > i.SLOs.P95Milliseconds {
				i.refuse(join("services", name)+".latencyMilliseconds", "%d, above slos.p95Milliseconds, %d: visitors would wait too long though the service keeps its share; want at most that", latency, i.SLOs.P95Milliseconds)
			}
		}
	}},
	{"the slowest of a hundred requests may take as long as the slowest of twenty", []string{"slos"}, func(i inspection) {
		if i.SLOs.P99Milliseconds < i.SLOs.P95Milliseconds {
			path := "slos.p99Milliseconds"
			if !i.has(path) {
				path = "slos.p95Milliseconds"
			}
			i.refuse(path, "p99Milliseconds is %d and p95Milliseconds %d, want p99Milliseconds at least that", i.SLOs.P99Milliseconds, i.SLOs.P95Milliseconds)
		}
	}},
}
