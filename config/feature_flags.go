package config

import (
	"maps"
	"regexp"
	"slices"
)

// Flag is a switch that operators move while the services run. Services read it every few seconds; a deployment of the
// stacks never moves it.
type Flag struct {
	// Description says what the flag switches, for whoever has to move it at night.
	Description string `json:"description" jsonschema:"required,minLength=10,maxLength=200,example=Show recommendations on product pages"`
	// On is the value that the flag starts with, and that services assume while they cannot read it. Default: false.
	On bool `json:"on,omitempty"`
	// Numbers go with a flag that is on, such as a share in percent.
	Numbers map[string]FlagNumber `json:"numbers,omitempty"`
}

// FlagNumber is an attribute of a flag. AppConfig refuses a value outside its bounds before it reaches a service.
type FlagNumber struct {
	// Description says what the number is and in which unit.
	Description string `json:"description" jsonschema:"required,minLength=3,maxLength=200,example=Share of the writes in percent"`
	// Min is the least value.
	Min int `json:"min,omitempty" jsonschema:"minimum=0,maximum=1000000"`
	// Max is the greatest value.
	Max int `json:"max" jsonschema:"required,minimum=0,maximum=1000000"`
	// Start is the value that the number starts with. Default: 0.
	Start int `json:"start,omitempty" jsonschema:"minimum=0,maximum=1000000"`
}

// FeatureFlags is AWS AppConfig, which hands flags to the services.
type FeatureFlags struct {
	// Enabled is true unless switched off. Services then have their flags' first values.
	Enabled bool `json:"enabled,omitempty"`
	// RolloutMinutes is how long a change takes to reach every task, a fifth of them at a time. A switch in an incident reaches all at once. Default: 10 in production, 0 in development.
	RolloutMinutes int `json:"rolloutMinutes,omitempty" jsonschema:"minimum=0,maximum=1440"`
	// BakeMinutes is how long alarms are watched after that; when one fires, the change is taken back. Default: 10 in production, 0 in development.
	BakeMinutes int `json:"bakeMinutes,omitempty" jsonschema:"minimum=0,maximum=1440"`
}

func featureFlagDefaults(profile Profile) FeatureFlags {
	return FeatureFlags{Enabled: true, RolloutMinutes: byProfile(profile, 0, 10), BakeMinutes: byProfile(profile, 0, 10)}
}

// ReadsFlags tells whether a service reads flags that it can be given.
func (e Environment) ReadsFlags(service string) bool {
	return e.FeatureFlags.Enabled && len(e.Services[service].Flags) > 0
}

// flagName is what AppConfig takes, without capital letters.
// https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-type-reference-feature-flags.html
var flagName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// mostNumbers are the attributes that AppConfig takes for one flag.
// https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_FlagValue.html
const mostNumbers = 25

var featureFlagRules = []rule{
	{"flags and their numbers have names that AppConfig accepts", []string{"flags"}, func(i inspection) {
		for _, name := range slices.Sorted(maps.Keys(i.Flags)) {
			if !flagName.MatchString(name) {
				i.refuse(join("flags", name), "no name that can be used, want at most 64 lower-case letters, digits, - and _, a letter first")
			}
			if found := len(i.Flags[name].Numbers); found > mostNumbers {
				i.refuse(join("flags", name)+".numbers", "%d entries, want at most %d", found, mostNumbers)
			}
			for number := range i.Flags[name].Numbers {
				if !flagName.MatchString(number) || number == "enabled" {
					i.refuse(join("flags", name)+".numbers."+number, "no name that can be used, want at most 64 lower-case letters, digits, - and _, a letter first, and not enabled")
				}
			}
		}
	}},
	{"a flag's number starts within its bounds", []string{"flags"}, func(i inspection) {
		for _, name := range slices.Sorted(maps.Keys(i.Flags)) {
			for key, number := range i.Flags[name].Numbers {
				switch {
				case number.Min > number.Max:
					i.refuse(join("flags", name)+".numbers."+key, "min %d is above max %d, want min at most max", number.Min, number.Max)
				case number.Start < number.Min || number.Start > number.Max:
					i.refuse(join("flags", name)+".numbers."+key, "starts at %d, want %d to %d", number.Start, number.Min, number.Max)
				}
			}
		}
	}},
	{"a service reads flags that there are", []string{"flags"}, func(i inspection) {
		known := slices.Sorted(maps.Keys(i.Flags))
		for _, name := range i.ServiceNames() {
			for n, flag := range i.Services[name].Flags {
				if !slices.Contains(known, flag) {
					i.refuse(index(join("services", name)+".flags", n), "%s", unknown("flag", flag, known, "add it to flags"))
				}
			}
		}
	}},
	{"flags that nobody hands out have no rollout", []string{"featureFlags"}, func(i inspection) {
		for _, option := range []string{"rolloutMinutes", "bakeMinutes"} {
			if path := "featureFlags." + option; !i.FeatureFlags.Enabled && i.has(path) {
				i.refuse(path, "has no effect with enabled: false; remove it")
			}
		}
	}},
}
