package simulator

import (
	"cmp"
	"math"
	"slices"
)

// AcceptedBadPercent is the share of bad requests, in the worst seed, up to which a policy serves well.
const AcceptedBadPercent = 0.05

// Summaries condenses a sweep over its seeds, by variant and setting.
func (s Sweep) Summaries() [][]Summary {
	summaries := make([][]Summary, len(s.Runs))
	for v, settings := range s.Runs {
		for _, runs := range settings {
			summaries[v] = append(summaries[v], Summarise(runs))
		}
	}
	return summaries
}

// Best is the index of the variant that does best on this trace: the one that serves well for the fewest reader-hours,
// or else the one with the fewest bad requests.
func (s Sweep) Best() int {
	summaries := s.Summaries()
	best := 0
	for v := range summaries {
		if better(Cheapest(summaries[v], AcceptedBadPercent), Cheapest(summaries[best], AcceptedBadPercent)) {
			best = v
		}
	}
	return best
}

// better prefers serving well, then fewer reader-hours; among those that do not serve well, fewer bad requests.
func better(a, b Summary) bool {
	wellA, wellB := a.WorstBadPercent <= AcceptedBadPercent, b.WorstBadPercent <= AcceptedBadPercent
	switch {
	case wellA != wellB:
		return wellA
	case wellA:
		return a.Mean.ReaderHours < b.Mean.ReaderHours
	}
	return a.WorstBadPercent < b.WorstBadPercent
}

// Cheapest is the summary with the fewest reader-hours among those whose worst seed stays at or below the limit, or
// else the one with the fewest bad requests.
func Cheapest(summaries []Summary, limit float64) Summary {
	return slices.MinFunc(summaries, func(a, b Summary) int {
		wellA, wellB := a.WorstBadPercent <= limit, b.WorstBadPercent <= limit
		switch {
		case wellA && wellB:
			return cmp.Compare(a.Mean.ReaderHours, b.Mean.ReaderHours)
		case wellA != wellB && wellA:
			return -1
		case wellA != wellB:
			return 1
		}
		return cmp.Compare(a.WorstBadPercent, b.WorstBadPercent)
	})
}

// Verdict is one policy judged over several traces with one setting for all of them.
type Verdict struct {
	Policy, Setting, Variant string
	// WorstBadPercent is the worst seed on the worst trace.
	WorstBadPercent float64
	// AboveMinimum is the reader-hours above the minimum, summed over the traces; PerDay is each trace's hours a day,
	// summed, so that a long trace counts no more than a short one.
	AboveMinimum, PerDay float64
	// Traces holds the policy's summary on each trace, in order.
	Traces []Summary
}

// Judgement compares policies over several traces as an operator would choose: one setting each, for all traces.
type Judgement struct {
	Names []string // of the traces
	// LimitPercent is what every verdict's worst seed stays at or below: AcceptedBadPercent, or what peakline and
	// target tracking both reach, if that is worse.
	LimitPercent float64
	Verdicts     []Verdict
	// Curves compares the whole curves of peakline and target tracking on each trace.
	Curves []Comparison
	// Shipped is peakline as it is shipped, and Tracking target tracking at the target that most operators pick, 60 %,
	// in the variant with the fewest bad requests. Nil without both policies.
	Shipped, Tracking *Verdict
}

// Comparison is peakline's curve against the best variant of target tracking on one trace, tuned for that trace.
type Comparison struct {
	// WorstRatio is the highest quotient of peakline's reader-hours to target tracking's at equal bad requests, and
	// AtPercent where it is. Below 1, peakline is cheaper everywhere.
	WorstRatio, AtPercent float64
	// AtAccepted is the quotient of reader-hours above the minimum at AcceptedBadPercent, each at its cheapest setting;
	// NaN where either has none.
	AtAccepted float64
	// Position says how far peakline is on the way from target tracking to the oracle at AcceptedBadPercent, 1 being
	// the oracle; NaN where either has no setting, or there is no distance.
	Position float64
}

// serviceLevels are the bad percentages at which curves are compared.
var serviceLevels = []float64{0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2}

// Judge judges sweeps of the same policies on several traces.
func Judge(experiments []Experiment, sweeps [][]Sweep) Judgement {
	judged := Judgement{LimitPercent: AcceptedBadPercent}
	for _, e := range experiments {
		judged.Names = append(judged.Names, e.Trace.Name)
	}
	candidates := make([][]Verdict, len(sweeps[0]))
	for p := range sweeps[0] {
		candidates[p] = verdicts(experiments, sweeps, p)
		name := sweeps[0][p].Policy.Name
		if name == Peakline || name == TargetTracking {
			reached := slices.MinFunc(candidates[p], func(a, b Verdict) int {
				return cmp.Compare(a.WorstBadPercent, b.WorstBadPercent)
			})
			judged.LimitPercent = max(judged.LimitPercent, reached.WorstBadPercent)
		}
	}
	for p := range candidates {
		judged.Verdicts = append(judged.Verdicts, slices.MinFunc(candidates[p], func(a, b Verdict) int {
			wellA, wellB := a.WorstBadPercent <= judged.LimitPercent, b.WorstBadPercent <= judged.LimitPercent
			switch {
			case wellA && wellB:
				return cmp.Compare(a.PerDay, b.PerDay)
			case wellA != wellB && wellA:
				return -1
			case wellA != wellB:
				return 1
			}
			return cmp.Compare(a.WorstBadPercent, b.WorstBadPercent)
		}))
	}
	for t := range sweeps {
		judged.Curves = append(judged.Curves, compare(sweeps[t]))
	}
	judged.Shipped, judged.Tracking = asConfigured(sweeps[0], candidates, Peakline), asConfigured(sweeps[0], candidates, TargetTracking)
	return judged
}

// asConfigured is a policy at its default setting, in the variant with the fewest bad requests.
func asConfigured(sweeps []Sweep, candidates [][]Verdict, name string) *Verdict {
	var found *Verdict
	for p, s := range sweeps {
		if s.Policy.Name != name || s.Policy.Default >= len(s.Policy.Settings) {
			continue
		}
		setting := s.Policy.Setting(s.Policy.Settings[s.Policy.Default])
		for i := range candidates[p] {
			if v := &candidates[p][i]; v.Setting == setting && (found == nil || v.MeanBadPercent() < found.MeanBadPercent()) {
				found = v
			}
		}
	}
	return found
}

// MeanBadPercent is the mean of bad requests over all traces, each trace counting the same.
func (v *Verdict) MeanBadPercent() float64 {
	sum := 0.0
	for _, s := range v.Traces {
		sum += s.Mean.BadPercent
	}
	return sum / float64(len(v.Traces))
}

// verdicts lists every variant and setting of one policy, over all traces. Oracle and static policies are configured
// in hindsight, so each trace may have its own best for them.
func verdicts(experiments []Experiment, sweeps [][]Sweep, p int) []Verdict {
	var all []Verdict
	summaries := make([][][]Summary, len(sweeps))
	for t := range sweeps {
		summaries[t] = sweeps[t][p].Summaries()
	}
	add := func(pick func(trace int) Summary) {
		var v Verdict
		for t := range sweeps {
			s := pick(t)
			v.Policy, v.Setting, v.Variant = s.Policy, s.Setting, s.Variant
			v.WorstBadPercent = max(v.WorstBadPercent, s.WorstBadPercent)
			v.AboveMinimum += s.Mean.HoursAboveMinimum()
			v.PerDay += s.Mean.HoursAboveMinimum() / experiments[t].Trace.Days()
			v.Traces = append(v.Traces, s)
		}
		all = append(all, v)
	}
	if sweeps[0][p].Policy.Benchmark {
		add(func(trace int) Summary { return Cheapest(slices.Concat(summaries[trace]...), AcceptedBadPercent) })
		all[0].Setting, all[0].Variant = "per trace", ""
		return all
	}
	for variant := range summaries[0] {
		for setting := range summaries[0][variant] {
			add(func(trace int) Summary { return summaries[trace][variant][setting] })
		}
	}
	return all
}

// compare holds peakline's curve on one trace against target tracking's.
func compare(sweeps []Sweep) Comparison {
	curves := map[string][]Summary{}
	for _, s := range sweeps {
		curves[s.Policy.Name] = slices.Concat(s.Summaries()...)
	}
	compared := Comparison{AtAccepted: math.NaN(), Position: math.NaN()}
	own, rival := curves[Peakline], curves[TargetTracking]
	if own == nil || rival == nil {
		return compared
	}
	for _, level := range serviceLevels {
		theirs := Cheapest(rival, level)
		if theirs.WorstBadPercent > level {
			continue
		}
		ratio := math.Inf(1)
		if ours := Cheapest(own, level); ours.WorstBadPercent <= level {
			ratio = ours.Mean.ReaderHours / theirs.Mean.ReaderHours
		}
		if ratio > compared.WorstRatio {
			compared.WorstRatio, compared.AtPercent = ratio, level
		}
	}
	ours, theirs := Cheapest(own, AcceptedBadPercent), Cheapest(rival, AcceptedBadPercent)
	if max(ours.WorstBadPercent, theirs.WorstBadPercent) > AcceptedBadPercent {
		return compared
	}
	oursHours, theirHours := ours.Mean.HoursAboveMinimum(), theirs.Mean.HoursAboveMinimum()
	compared.AtAccepted = oursHours / theirHours
	if known := curves[Oracle]; known != nil {
		best := Cheapest(known, AcceptedBadPercent).Mean.HoursAboveMinimum()
		compared.Position = (theirHours - oursHours) / (theirHours - best)
	}
	return compared
}
