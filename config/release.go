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

// minutes are from the first share until the version before goes, as CloudFormation counts them: after the last share there is no
// pause but the bake.
func (s Shift) minutes() int {
	switch s.Kind {
	case ShiftCanary:
		return s.StepMinutes + s.BakeMinutes
	case ShiftLinear:
		return 99/s.Percent*s.StepMinutes + s.BakeMinutes
	}
	return s.BakeMinutes
}

// releaseMinutes are those of a whole release, at the most, without the time that tasks take to start.
func (s Service) releaseMinutes() int {
	if s.Migration == nil {
		return s.Shift.minutes()
	}
	return s.Migration.Minutes + s.Shift.minutes()
}

// mostShiftHours leave CloudFormation, which ends an update after 36, time for the rest of the release.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-ecs-service-canaryconfiguration.html
const mostShiftHours = 33

// SmokeTest is a GET through the test listener, before any visitor meets a release.
type SmokeTest struct {
	// Path is one of the service's own, without a query.
	Path string `json:"path" jsonschema:"required,pattern=^/[A-Za-z0-9._~/-]*$,maxLength=128,example=/api/catalog/health"`
	// Status is the answer that shows that the release works. Default: any below 500.
	Status int `json:"status,omitempty" jsonschema:"minimum=200,maximum=499"`
}

// Migration changes the schema of a service with the image that is being released, before its first task starts.
type Migration struct {
	// Command is given to the image's entry point. It does what is left to do, and ends with 0.
	Command []string `json:"command" jsonschema:"required,minItems=1,maxItems=20"`
	// LockSeconds is how long a statement may wait for a lock; everything that comes after it waits as long. Default: 5.
	LockSeconds int `json:"lockSeconds,omitempty" jsonschema:"minimum=1,maximum=60"`
	// StatementSeconds is how long a statement may run. Default: 300.
	StatementSeconds int `json:"statementSeconds,omitempty" jsonschema:"minimum=1,maximum=3600"`
	// Minutes is how long all of it may take. Default: 10.
	Minutes int `json:"minutes,omitempty" jsonschema:"minimum=1,maximum=240"`
}

func (m *Migration) complete() {
	if m.LockSeconds == 0 {
		m.LockSeconds = 5
	}
	if m.StatementSeconds == 0 {
		m.StatementSeconds = 300
	}
	if m.Minutes == 0 {
		m.Minutes = 10
	}
}

// longestHook is what CodeDeploy can wait for: the function that runs the migration lives for 15 minutes.
const longestHook = 14

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
			first := map[string]int{}
			for n, test := range service.SmokeTest {
				path := index(join("services", name)+".smokeTest", n) + ".path"
				if before, twice := first[test.Path]; twice && i.sound(path) {
					i.refuse(path, "%s is that of smokeTest[%d] too, want it once, with the answer that is right", test.Path, before)
				}
				first[test.Path] = n
				if i.sound(path, join("services", name)+".paths") && !slices.ContainsFunc(service.Paths, func(pattern string) bool { return overlap(pattern, test.Path) }) {
					i.refuse(path, "%s leads elsewhere, want a path of the service: %s", test.Path, strings.Join(service.Paths, ", "))
				}
			}
		}
	}},
	{"a rolling release has no steps", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			if i.Services[name].Release != ReleaseRolling {
				continue
			}
			for _, key := range []string{"shift", "smokeTest", "migration"} {
				if path := join("services", name) + "." + key; i.has(path) {
					i.refuse(path, "has no effect with release: rolling, which replaces task by task; remove it, or want release: ecs")
				}
			}
		}
	}},
	{"a migration has a database, and a release can wait for it", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, service := join("services", name)+".migration", i.Services[name]
			switch {
			case service.Migration == nil:
			case service.Database == nil:
				i.refuse(path, "%s has no schema to migrate; want database: {} beside it", name)
			case service.Release == ReleaseCodeDeploy && service.Migration.Minutes > longestHook:
				i.refuse(path+".minutes", "%d, but CodeDeploy waits for %d at most; want release: ecs, or less", service.Migration.Minutes, longestHook)
			case service.Migration.LockSeconds >= service.Migration.StatementSeconds:
				key := ".lockSeconds"
				if !i.has(path + key) {
					key = ".statementSeconds"
				}
				i.refuse(path+key, "lockSeconds is %d and statementSeconds %d, want statementSeconds above it: it ends a statement that waits for a lock, too",
					service.Migration.LockSeconds, service.Migration.StatementSeconds)
			case service.Migration.StatementSeconds > service.Migration.Minutes*60:
				i.refuse(path+".statementSeconds", "%d, longer than the %d minutes of the whole migration", service.Migration.StatementSeconds, service.Migration.Minutes)
			}
		}
	}},
	{"CloudFormation waits until a release is over", nil, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, shift := join("services", name)+".shift", i.Services[name].Shift
			if i.Services[name].Release == ReleaseECS && i.sound(path) && shift.minutes() > mostShiftHours*60 {
				i.refuse(path, "%d minutes until the version before goes, and CloudFormation refuses more than %d, %d hours; want fewer shares, or less of stepMinutes or bakeMinutes",
					shift.minutes(), mostShiftHours*60, mostShiftHours)
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
