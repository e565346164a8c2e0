package config

// Memory that the containers beside a service may use, in MiB.
const (
	CollectorMemoryMiB = 256
	FlagAgentMemoryMiB = 128
	poolerMemoryMiB    = 32 // what PgBouncer takes; it has no bound of its own
)

// sidecars are the containers beside a service, by the value that switches them on.
var sidecars = []struct {
	name, option string
	memoryMiB    int
	on           func(Environment, string) bool
}{
	{"the pooler", "database", poolerMemoryMiB, func(e Environment, service string) bool { return e.Services[service].Database != nil && !e.UsesProxy() }},
	{"the collector", "tracing", CollectorMemoryMiB, func(e Environment, _ string) bool { return e.Tracing.Enabled }},
	{"the agent of the flags", "featureFlags", FlagAgentMemoryMiB, Environment.ReadsFlags},
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
}
