package config

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// TestTheCollectorListensWhereItIsSaidTo compares with its own configuration, in which it listens inside the task alone.
func TestTheCollectorListensWhereItIsSaidTo(t *testing.T) {
	text, err := os.ReadFile("../constructs/collector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, match := range regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindAllSubmatch(text, -1) {
		port, err := strconv.Atoi(string(match[1]))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, port)
	}
	if !slices.Equal(found, collectorPorts) {
		t.Errorf("it listens at %v, and services may not at %v", found, collectorPorts)
	}
}

func TestEveryListedClassHasHardware(t *testing.T) {
	for _, engine := range engines {
		for _, class := range engine.classes() {
			hardware, found := Hardware(class)
			if !found || hardware.VCPU < 2 || hardware.Gibibytes < 4 {
				t.Errorf("%s has %+v: connection limits and demand would be computed from it", class, hardware)
			}
		}
	}
	for class, want := range map[string]InstanceHardware{
		"db.r8g.large":     {VCPU: 2, Gibibytes: 16, Graviton: true},
		"db.r7i.48xlarge":  {VCPU: 192, Gibibytes: 1536},
		"db.r6id.24xlarge": {VCPU: 96, Gibibytes: 768},
		"db.x2g.16xlarge":  {VCPU: 64, Gibibytes: 1024, Graviton: true},
		"db.x2iedn.xlarge": {VCPU: 4, Gibibytes: 128},
		"db.r8gd.large":    {VCPU: 2, Gibibytes: 16, Graviton: true},
		"db.t4g.medium":    {VCPU: 2, Gibibytes: 4, Graviton: true, Burstable: true},
	} {
		if got, _ := Hardware(class); got != want {
			t.Errorf("%s has %+v, want %+v", class, got, want)
		}
	}
	for _, class := range []string{ServerlessClass, "db.r4.large", "db.r8g", "db.r8g.", "r8g.large", "db.t3.small", ""} {
		if got, found := Hardware(class); found {
			t.Errorf("%q has %+v, want none", class, got)
		}
	}
}

func TestTheDefaultVersionIsOneOfEveryEngine(t *testing.T) {
	if newest := auroraVersions[len(auroraVersions)-1].latest(); defaultEngineVersion != newest {
		t.Errorf("a new environment starts with %s, the table has %s", defaultEngineVersion, newest)
	}
	for name, engine := range engines {
		if major, minor, found := engine.findMajor(defaultEngineVersion); !found || !slices.Contains(major.minors, minor) {
			t.Errorf("%s does not have %s, with which a new environment starts", name, defaultEngineVersion)
		}
		for _, v := range engine.versions {
			if !slices.IsSorted(v.minors) || v.outOfSupport(today) && len(v.minors) > 1 {
				t.Errorf("%s %d: minors %v, want them sorted, and at most the last one after the end of support", name, v.number, v.minors)
			}
			for _, minor := range v.minors {
				if slices.Contains(v.retired, minor) {
					t.Errorf("%s %d.%d is current and retired at once", name, v.number, minor)
				}
			}
		}
	}
}

// A class that two engines have is the same machine: Hardware may ask either.
func TestFamiliesOfTwoEnginesAgree(t *testing.T) {
	for name, one := range auroraFamilies {
		if other, both := multiAZFamilies[name]; both && (one.gibibytesEach != other.gibibytesEach || one.graviton != other.graviton || other.burstable) {
			t.Errorf("db.%s is two machines: %+v and %+v", name, one, other)
		}
	}
}
