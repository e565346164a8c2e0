package config

import (
	"slices"

	"peakline/lambda/contract"
)

// Memory that the containers beside a service may use, in MiB.
const (
	CollectorMemoryMiB = 256
	FlagAgentMemoryMiB = 128
	poolerMemoryMiB    = 32 // what PgBouncer takes; it has no bound of its own
)

// collectorPorts are those of constructs/collector.yaml.
var collectorPorts = []int{4317, 4318, 13133, 2000}

// sidecars are the containers beside a service, by the value that switches them on. They share the task's ports with it.
var sidecars = []struct {
	name, option string
	memoryMiB    int
	ports        []int
	on           func(Environment, string) bool
}{
	{"the pooler", "database", poolerMemoryMiB, []int{contract.PoolerPort}, func(e Environment, service string) bool { return e.Services[service].Database != nil && !e.UsesProxy() }},
	{"the collector", "tracing", CollectorMemoryMiB, collectorPorts, func(e Environment, _ string) bool { return e.Tracing.Enabled }},
	{"the agent of the flags", "featureFlags", FlagAgentMemoryMiB, []int{contract.FlagAgentPort}, Environment.ReadsFlags},
}

// leastServiceMemoryMiB is what a service has to be left with.
const leastServiceMemoryMiB = 384

var sidecarRules = []rule{
	{"the containers beside a service leave it room", []string{"services.*.memoryMiB", "services.*.database", "services.*.flags", "tracing", "featureFlags"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			service, left, beside := i.Services[name], i.Services[name].MemoryMiB, ""
			for _, sidecar := range sidecars {
				if sidecar.on(*i.Environment, name) {
					left -= sidecar.memoryMiB
					beside += ", " + sidecar.name + " (" + sidecar.option + ")"
				}
			}
			if left < leastServiceMemoryMiB {
				i.refuse(join("services", name)+".memoryMiB", "%d leaves %d MiB to the service beside%s, want at least %d MiB more",
					service.MemoryMiB, left, beside[1:], leastServiceMemoryMiB-left)
			}
		}
	}},
	{"a service leaves the containers beside it their ports", []string{"services.*.database", "services.*.flags", "tracing", "featureFlags"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			for _, sidecar := range sidecars {
				if path := join("services", name) + ".port"; slices.Contains(sidecar.ports, i.Services[name].Port) && sidecar.on(*i.Environment, name) {
					i.refuse(path, "%d is where %s listens in the same task, want another", i.Services[name].Port, sidecar.name)
				}
			}
		}
	}},
}
