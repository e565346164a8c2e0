package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Release is what moves a service's traffic from one version to the next.
type Release string

// ECS itself, within the deployment of the stack, beside what runs; CodeDeploy, which alone may then change what runs; or ECS
// within the deployment, task by task.
const (
	ReleaseECS        Release = "ecs"
	ReleaseCodeDeploy Release = "codedeploy"
	ReleaseRolling    Release = "rolling"
)

// CallVariable is the environment variable under which a caller finds the address of a service: INVENTORY_URL.
func CallVariable(service string) string {
	return strings.ToUpper(strings.ReplaceAll(service, "-", "_")) + "_URL"
}

// CallByName tells whether the service's tasks reach another one by its name, through Service Connect. AWS refuses Service
// Connect for a service under CodeDeploy, and a rolling one would clash with its own name while it moves from ECS; both call,
// and are called, through the internal load balancer.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
func (e Environment) CallByName(caller, service string) bool {
	return e.Services[caller].Release == ReleaseECS && e.Services[service].Release == ReleaseECS
}

// nameAddress is a service's name as the host of an address.
var nameAddress = regexp.MustCompile(`^https?://([a-z0-9-]+)(?:[:/]|$)`)

var serviceCallRules = []rule{
	{"a service calls others that exist", []string{"services.*.calls"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			for n, callee := range i.Services[name].Calls {
				path := index(join("services", name)+".calls", n)
				others := slices.DeleteFunc(i.ServiceNames(), func(other string) bool { return other == name })
				_, known := i.Services[callee]
				switch {
				case callee == name:
					i.refuse(path, "%s is the service itself, want others", callee)
				case !known:
					i.refuse(path, "%s", unknown("service", callee, others, "add it to services"))
				}
			}
		}
	}},
	{"a service without Service Connect is not addressed by its name", []string{"services.*.environment", "services.*.release"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			for _, variable := range slices.Sorted(maps.Keys(i.Services[name].Environment)) {
				host := nameAddress.FindStringSubmatch(i.Services[name].Environment[variable])
				if host == nil {
					continue
				}
				callee, known := host[1], false
				if _, known = i.Services[callee]; !known || i.CallByName(name, callee) {
					continue
				}
				under := callee
				if i.Services[name].Release != ReleaseECS {
					under = name
				}
				i.refuse(join("services", name)+".environment."+variable,
					"addresses %s by its name, but %s has release: %s and no Service Connect; want calls: [%s], and its address in %s",
					callee, under, i.Services[under].Release, callee, CallVariable(callee))
			}
		}
	}},
}
