package config

import (
	"slices"
	"strings"
)

// ShiftKind is how many steps a release takes.
type ShiftKind string

// All visitors at once; a first share and then the rest; or share by share.
const (
	ShiftAllAtOnce ShiftKind = "allAtOnce"
	ShiftCanary    ShiftKind = "canary"
	ShiftLinear    ShiftKind = "linear"
)

// Shift says how a release takes visitors over from the version before, once it has been tried.
type Shift struct {
	// Kind is `allAtOnce`, `canary`, a first share and after a pause the rest, or `linear`, share by share. Default: `allAtOnce`.
	Kind ShiftKind `json:"kind,omitempty" jsonschema:"enum=allAtOnce,enum=canary,enum=linear"`
	// Percent is the first share of a canary, or each share of a linear shift; 10 where it is not given.
	Percent int `json:"percent,omitempty" jsonschema:"minimum=3,maximum=50"`
	// StepMinutes is the pause after each share; 5 where it is not given.
	StepMinutes int `json:"stepMinutes,omitempty" jsonschema:"minimum=1,maximum=120"`
	// BakeMinutes is how long the version before stays beside the new one, so that going back takes seconds. Alarms need up to five. Default: 10 in production, 5 in development.
	BakeMinutes int `json:"bakeMinutes,omitempty" jsonschema:"minimum=5,maximum=1440"`
}

func (s *Shift) complete() {
	if s.Kind == ShiftAllAtOnce {
		return
	}
	if s.Percent == 0 {
		s.Percent = 10
	}
	if s.StepMinutes == 0 {
		s.StepMinutes = 5
	}
}

// SmokeTest is a GET through the test listener, before any visitor meets a release.
type SmokeTest struct {
	// Path is one of the service's own, without a query.
	Path string `json:"path" jsonschema:"required,pattern=^/[A-Za-z0-9._~/-]*$,maxLength=128,example=/api/catalog/health"`
	// Status is the answer that shows that the release works. Default: any below 500.
	Status int `json:"status,omitempty" jsonschema:"minimum=200,maximum=499"`
}

// defaultSmokeTest asks the first path for any answer that is no failure.
func defaultSmokeTest(paths []string) []SmokeTest {
	path := strings.TrimSuffix(paths[0], "*")
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
		if !slices.ContainsFunc(paths, func(pattern string) bool { return overlap(pattern, path) }) {
			path += "/"
		}
	}
	return []SmokeTest{{Path: path}}
}

// UsesCodeDeploy tells whether a service is released by CodeDeploy.
func (e Environment) UsesCodeDeploy() bool {
	return slices.ContainsFunc(e.ServiceNames(), func(name string) bool { return e.Services[name].Release == ReleaseCodeDeploy })
}

var releaseRules = []rule{
	{"what tries a release for CodeDeploy can tell it how it went", []string{"network.natGateways"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			if i.Network.NATGateways == NATNone && i.Services[name].Release == ReleaseCodeDeploy {
				i.refuse(join("services", name)+".release", "codedeploy, but network.natGateways is none: the smoke test inside the VPC could not tell CodeDeploy how it went; want ecs, or a NAT gateway")
			}
		}
	}},
	{"a release is tried on paths of its service", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			service := i.Services[name]
			for n, test := range service.SmokeTest {
				path := index(join("services", name)+".smokeTest", n) + ".path"
				if i.sound(path) && !slices.ContainsFunc(service.Paths, func(pattern string) bool { return overlap(pattern, test.Path) }) {
					i.refuse(path, "%s leads elsewhere, want a path of the service: %s", test.Path, strings.Join(service.Paths, ", "))
				}
			}
		}
	}},
	{"only a shift in steps has shares and pauses", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, shift := join("services", name)+".shift", i.Services[name].Shift
			if shift.Kind != ShiftAllAtOnce || !i.sound(path) {
				continue
			}
			if shift.Percent > 0 {
				i.refuse(path+".percent", "%d, but all visitors are shifted at once; want kind: canary or linear, or no percent", shift.Percent)
			}
			if shift.StepMinutes > 0 {
				i.refuse(path+".stepMinutes", "%d, but all visitors are shifted at once; want kind: canary or linear, or no stepMinutes", shift.StepMinutes)
			}
		}
	}},
}
