package config

import (
	"fmt"
	"slices"
	"strings"
)

// family is a family of instance classes that an engine has or had. Sizes are those of DescribeOrderableDBInstanceOptions as
// of May 2026 (cfn-lint 1.51 carries the same list), minimum versions and hardware those of the user guides, "DB instance
// classes".
type family struct {
	sizes          []string
	gibibytesEach  float64     // memory of one vCPU
	burstable      bool        // throttled once its CPU credits are used up
	graviton       bool        // ARM
	since          map[int]int // the first minor version by major version, where not every accepted one will do
	retiredBecause string      // why it is refused, for a family that must not be used for anything new
}

var (
	upTo16 = []string{"large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"}
	upTo24 = append(slices.Clone(upTo16), "24xlarge")
	upTo32 = append(slices.Clone(upTo24), "32xlarge")
	upTo48 = append(slices.Clone(upTo24), "48xlarge")
)

// newerThan146 leaves out 14.6, the one long-term version that is older than these families.
var newerThan146 = map[int]int{14: 13}

// auroraFamilies are those of Aurora PostgreSQL.
var auroraFamilies = map[string]family{
	"r4":   {sizes: []string{"large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"}, gibibytesEach: 7.625, retiredBecause: "a previous generation; use r6g, r7g or r8g"},
	"r5":   {sizes: upTo24, gibibytesEach: 8},
	"r6g":  {sizes: upTo16, gibibytesEach: 8, graviton: true},
	"r6gd": {sizes: upTo16[1:], gibibytesEach: 8, graviton: true, since: newerThan146},
	"r6i":  {sizes: upTo32, gibibytesEach: 8},
	"r6id": {sizes: upTo32[7:], gibibytesEach: 8, since: newerThan146},
	"r7g":  {sizes: upTo16, gibibytesEach: 8, graviton: true, since: newerThan146},
	"r7i":  {sizes: upTo48, gibibytesEach: 8, since: newerThan146},
	"r8g":  {sizes: upTo48, gibibytesEach: 8, graviton: true, since: newerThan146},
	"r8gd": {sizes: upTo48[1:], gibibytesEach: 8, graviton: true, since: newerThan146},
	"t2":   {sizes: []string{"small", "medium"}, burstable: true, retiredBecause: "a previous generation that Aurora PostgreSQL never had; use t4g"},
	"t3":   {sizes: []string{"medium", "large"}, burstable: true},
	"t4g":  {sizes: []string{"medium", "large"}, burstable: true, graviton: true},
	"x2g":  {sizes: upTo16, gibibytesEach: 16, graviton: true},
}

// multiAZFamilies are those of a Multi-AZ DB cluster: all have local disks. db.c6gd.medium, with 2 GiB, is left out.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/multi-az-db-clusters-concepts.html
var multiAZFamilies = map[string]family{
	"c6gd":   {sizes: upTo16, gibibytesEach: 2, graviton: true},
	"m5d":    {sizes: upTo24, gibibytesEach: 4},
	"m6gd":   {sizes: upTo16, gibibytesEach: 4, graviton: true},
	"m6id":   {sizes: upTo32, gibibytesEach: 4},
	"m6idn":  {sizes: upTo32, gibibytesEach: 4},
	"m8gd":   {sizes: upTo48, gibibytesEach: 4, graviton: true},
	"r5d":    {sizes: upTo24, gibibytesEach: 8},
	"r6gd":   {sizes: upTo16, gibibytesEach: 8, graviton: true},
	"r6id":   {sizes: upTo32, gibibytesEach: 8},
	"r6idn":  {sizes: upTo32, gibibytesEach: 8},
	"r8gd":   {sizes: upTo48, gibibytesEach: 8, graviton: true},
	"x2idn":  {sizes: []string{"16xlarge", "24xlarge", "32xlarge"}, gibibytesEach: 16},
	"x2iedn": {sizes: []string{"xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "24xlarge", "32xlarge"}, gibibytesEach: 32},
}

// vCPUs is the number of virtual CPUs by size; all families agree.
var vCPUs = map[string]int{"small": 2, "medium": 2, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32,
	"12xlarge": 48, "16xlarge": 64, "24xlarge": 96, "32xlarge": 128, "48xlarge": 192}

// burstableGibibytes is the memory of a burstable class by size.
var burstableGibibytes = map[string]float64{"medium": 4, "large": 8}

// InstanceHardware is what an instance class has.
type InstanceHardware struct {
	VCPU      int
	Gibibytes float64
	Graviton  bool
	Burstable bool
}

// Hardware looks up a provisioned instance class such as db.r8g.large. It is not found for db.serverless, whose size
// changes, and for what no engine has.
func Hardware(instanceClass string) (hardware InstanceHardware, found bool) {
	for _, engine := range engines {
		f, size, err := engine.findClass(instanceClass)
		if err != nil || instanceClass == ServerlessClass {
			continue
		}
		hardware = InstanceHardware{VCPU: vCPUs[size], Graviton: f.graviton, Burstable: f.burstable}
		hardware.Gibibytes = f.gibibytesEach * float64(hardware.VCPU)
		if f.burstable {
			hardware.Gibibytes = burstableGibibytes[size]
		}
		return hardware, true
	}
	return InstanceHardware{}, false
}

// findClass looks up an instance class. The error says what there is instead.
func (e engine) findClass(instanceClass string) (f family, size string, err error) {
	if e.serverless && instanceClass == ServerlessClass {
		return f, "", nil
	}
	name, size, _ := strings.Cut(strings.TrimPrefix(instanceClass, "db."), ".")
	f, known := e.families[name]
	switch {
	case !known || !strings.HasPrefix(instanceClass, "db."):
		hint := "want a family of " + strings.Join(e.currentFamilies(), ", ")
		if e.serverless {
			hint = "want " + ServerlessClass + " or a family of " + strings.Join(e.currentFamilies(), ", ")
		}
		if suggestion, near := nearest(instanceClass, e.classes()); near {
			hint = "did you mean " + suggestion + "?"
		}
		return f, size, fmt.Errorf("%q is no instance class of %s that Peakline knows; %s", shorten(instanceClass), e.classOf, hint)
	case f.retiredBecause != "":
		return f, size, fmt.Errorf("%s is %s", instanceClass, f.retiredBecause)
	case !slices.Contains(f.sizes, size):
		return f, size, fmt.Errorf("%q has no such size, want db.%s with one of %s", shorten(instanceClass), name, strings.Join(f.sizes, ", "))
	}
	return f, size, nil
}

func (e engine) currentFamilies() []string {
	var names []string
	for name, f := range e.families {
		if f.retiredBecause == "" {
			names = append(names, "db."+name)
		}
	}
	slices.Sort(names)
	return names
}

// classes lists the provisioned classes that may be used for something new.
func (e engine) classes() []string {
	var names []string
	for _, prefix := range e.currentFamilies() {
		for _, size := range e.families[strings.TrimPrefix(prefix, "db.")].sizes {
			names = append(names, prefix+"."+size)
		}
	}
	return names
}
