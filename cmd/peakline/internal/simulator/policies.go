package simulator

import (
	"fmt"
	"slices"
	"time"

	"peakline/lambda/decision"
)

// Names of the policies that can be replayed.
const (
	Peakline       = "peakline"
	TargetTracking = "target-tracking"
	StaticPeak     = "static-peak"
	Oracle         = "oracle"
)

// Policy is one way of scaling readers: a knob that is swept, and variants of what nobody documents or what is chosen
// in hindsight. Of its variants, the one that does best on the traces at hand is reported.
type Policy struct {
	Name  string
	About string
	// Knob names what is swept; the settings are its values, from generous to thrifty. Empty means that nothing is.
	Knob     string
	Settings []float64
	Variants []Variant
	// Benchmark marks policies that know the future: they are shown, but no operator could run them.
	Benchmark bool
	// Default is the index of the setting shown by name where there is room for one only.
	Default int

	format string
}

// Variant is one reading of a policy.
type Variant struct {
	About string
	start func(given setup, setting float64) (controller, int)
}

// setup is what a policy may be configured from.
type setup struct {
	plant  Plant
	trace  Trace
	floors []decision.Floor
	policy decision.Policy
}

// Setting formats a swept value the way reports show it.
func (p Policy) Setting(value float64) string {
	if p.Knob == "" {
		return ""
	}
	return fmt.Sprintf(p.format, value)
}

var (
	targets   = []float64{0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75}
	caps      = []float64{40, 50, 55, 60, 63, 67, 70, 75, 80, 85, 90, 92.5, 95, 97.5, 100, 105, decision.MaxCapPercent}
	capacity  = []float64{0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.88}
	allTheDay = func(readers func(given setup, utilisation float64) int) []Variant {
		return []Variant{{start: func(given setup, utilisation float64) (controller, int) {
			count := readers(given, utilisation)
			return static{count}, count
		}}}
	}
)

// Policies lists everything that can be replayed, Peakline's own scaler first.
func Policies() []Policy {
	return []Policy{
		{
			Name: Peakline, About: "the scaler's own decision code", Knob: "capPercent", format: "%g",
			Settings: caps, Default: slices.Index(caps, decision.ProductionPolicy().CapPercent),
			Variants: []Variant{{start: func(given setup, percent float64) (controller, int) {
				policy := given.policy
				policy.CapPercent = percent
				return newScaler(given, policy), 0
			}}},
		},
		{
			Name: TargetTracking, About: "Application Auto Scaling on mean reader CPU", Knob: "target", format: "%.2f",
			Settings: targets, Default: 6, Variants: trackingVariants(func(setup, float64) func(time.Duration) int { return nil }),
		},
		{
			Name: "scheduled-tracking", About: "the same, with scheduled minimums from the days before",
			Knob: "target", format: "%.2f", Settings: targets, Default: 6,
			Variants: trackingVariants(func(given setup, target float64) func(time.Duration) int {
				return dailySchedule(given.plant, given.trace, target)
			}),
		},
		{
			Name: "alarm-lambda", About: "one reader more per alarm, one fewer per low alarm", Knob: "target",
			format: "%.2f", Settings: targets, Default: 6,
			Variants: []Variant{{start: func(_ setup, target float64) (controller, int) {
				return &alarmLambda{target: target}, 0
			}}},
		},
		{
			Name: "kubernetes-hpa", About: "Kubernetes' autoscaler with its defaults", Knob: "target", format: "%.2f",
			Settings: targets, Default: 6,
			Variants: []Variant{{start: func(_ setup, target float64) (controller, int) {
				return &horizontalPodAutoscaler{target: target}, 0
			}}},
		},
		{
			Name: StaticPeak, About: "readers for the highest minute, all the time", Knob: "utilisation", format: "%.2f",
			Settings: capacity, Default: 5, Benchmark: true,
			Variants: allTheDay(func(given setup, utilisation float64) int {
				return readersFor(given.plant, slices.Max(given.trace.Load), utilisation)
			}),
		},
		{
			Name: "static-mean", About: "readers for the mean load, all the time", Knob: "utilisation", format: "%.2f",
			Settings: capacity, Default: 5, Benchmark: true,
			Variants: allTheDay(func(given setup, utilisation float64) int {
				sum := 0.0
				for _, load := range given.trace.Load {
					sum += load
				}
				return readersFor(given.plant, sum/float64(len(given.trace.Load)), utilisation)
			}),
		},
		{
			Name: Oracle, About: "knows the load to come, waits for readers like everyone", Knob: "utilisation",
			format: "%.2f", Settings: capacity, Default: 9, Benchmark: true, Variants: oracleVariants(),
		},
	}
}

func trackingVariants(schedule func(given setup, target float64) func(time.Duration) int) []Variant {
	var variants []Variant
	for _, inByOne := range []bool{true, false} {
		for _, waits := range []bool{true, false} {
			about := map[bool]string{true: "in by one", false: "in by proportion"}[inByOne] + ", " +
				map[bool]string{true: "waits while creating", false: "asks for more while creating"}[waits]
			variants = append(variants, Variant{About: about, start: func(given setup, target float64) (controller, int) {
				tracking := newTargetTracking(target, inByOne, waits)
				tracking.schedule = schedule(given, target)
				return tracking, 0
			}})
		}
	}
	return variants
}

func oracleVariants() []Variant {
	var variants []Variant
	for _, lead := range []time.Duration{8, 12, 16, 22, 30} {
		lead *= time.Minute
		variants = append(variants, Variant{About: "asks " + lead.String() + " ahead",
			start: func(given setup, utilisation float64) (controller, int) {
				return newOracle(given.plant, given.trace.Load, utilisation, lead), 0
			}})
	}
	return variants
}
