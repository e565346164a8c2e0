package simulator

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"

	"peakline/lambda/decision"
)

// Experiment is what every policy of a replay has in common.
type Experiment struct {
	Plant Plant
	Trace Trace // scaled to its peak
	// Floors are known sales, for every policy alike. Their Lead is set.
	Floors []decision.Floor
	// Policy is the scaler's policy but for the swept setting and what the plant dictates.
	Policy decision.Policy
	Seeds  []uint64
}

// Run is one outcome and what led to it.
type Run struct {
	Policy  string  `json:"policy"`
	Setting string  `json:"setting"`
	Variant string  `json:"variant,omitempty"`
	Seed    uint64  `json:"seed"`
	Value   float64 `json:"-"` // the setting as a number
	Outcome
}

// Sweep is one policy on one trace: its runs by variant, setting and seed.
type Sweep struct {
	Policy Policy
	// Runs is indexed by variant, setting and seed, each in the order of the policy and the experiment.
	Runs [][][]Run
}

// RunOne replays one policy once. The timeline is kept on request.
func (e Experiment) RunOne(policy Policy, variant int, setting float64, seed uint64, timeline bool) Run {
	given := setup{plant: e.Plant, trace: e.Trace, floors: e.Floors, policy: e.Policy}
	control, readers := policy.Variants[variant].start(given, setting)
	c := newCluster(e.Plant, e.Trace, readers, seed)
	c.floors = e.Floors
	c.score.keepTimeline = timeline
	for range e.Trace.Load {
		control.act(c)
		c.advance()
	}
	return Run{
		Policy: policy.Name, Setting: policy.Setting(setting), Variant: policy.Variants[variant].About,
		Seed: seed, Value: setting, Outcome: c.outcome(),
	}
}

// Sweep replays policies at all their variants, settings and seeds, on all processors. It tells progress after each
// run and stops early, with the context's error, when the context ends.
func (e Experiment) Sweep(ctx context.Context, policies []Policy, progress func(done, total int)) ([]Sweep, error) {
	type job struct{ policy, variant, setting, seed int }
	var jobs []job
	sweeps := make([]Sweep, len(policies))
	for p := range policies {
		policy := policies[p]
		if policy.Knob == "" {
			policy.Settings = []float64{0}
		}
		sweeps[p] = Sweep{Policy: policy, Runs: make([][][]Run, len(policy.Variants))}
		for v := range policy.Variants {
			sweeps[p].Runs[v] = make([][]Run, len(policy.Settings))
			for s := range policy.Settings {
				sweeps[p].Runs[v][s] = make([]Run, len(e.Seeds))
				for seed := range e.Seeds {
					jobs = append(jobs, job{p, v, s, seed})
				}
			}
		}
	}
	// Slow policies and fast ones take turns, so that the time left can be told from the start.
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	queue := make(chan job)
	var workers sync.WaitGroup
	var told sync.Mutex
	done := 0
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for next := range queue {
				sweep := &sweeps[next.policy]
				sweep.Runs[next.variant][next.setting][next.seed] = e.RunOne(sweep.Policy, next.variant,
					sweep.Policy.Settings[next.setting], e.Seeds[next.seed], false)
				told.Lock()
				done++
				if progress != nil {
					progress(done, len(jobs))
				}
				told.Unlock()
			}
		})
	}
	for _, next := range jobs {
		if ctx.Err() != nil {
			break
		}
		queue <- next
	}
	close(queue)
	workers.Wait()
	return sweeps, ctx.Err()
}

// Summary is one policy, variant and setting over its seeds.
type Summary struct {
	Policy, Setting, Variant string
	Value                    float64
	Mean                     Outcome
	// WorstBadPercent is the worst seed's.
	WorstBadPercent float64
}

// Summarise condenses the runs of one variant and setting.
func Summarise(runs []Run) Summary {
	first := runs[0]
	sum := Summary{Policy: first.Policy, Setting: first.Setting, Variant: first.Variant, Value: first.Value}
	n := float64(len(runs))
	busy, creations, wasted := 0.0, 0.0, 0.0
	late := map[string]float64{}
	for _, run := range runs {
		sum.WorstBadPercent = max(sum.WorstBadPercent, run.BadPercent)
		mean := &sum.Mean
		mean.BadPercent += run.BadPercent / n
		mean.ReaderHours += run.ReaderHours / n
		mean.MinimumHours += run.MinimumHours / n
		mean.ActionsPerDay += run.ActionsPerDay / n
		mean.Elasticity.UnderAccuracy += run.Elasticity.UnderAccuracy / n
		mean.Elasticity.OverAccuracy += run.Elasticity.OverAccuracy / n
		mean.Elasticity.UnderTimeshare += run.Elasticity.UnderTimeshare / n
		mean.Elasticity.OverTimeshare += run.Elasticity.OverTimeshare / n
		mean.Elasticity.Instability += run.Elasticity.Instability / n
		mean.UnsafeActions += run.UnsafeActions
		busy += float64(run.CPUOverMinutes) / n
		creations += float64(run.Creations) / n
		wasted += float64(run.WastedCreations) / n
		for cause, minutes := range run.LagMinutes {
			late[cause] += float64(minutes) / n
		}
	}
	sum.Mean.CPUOverMinutes = int(math.Round(busy))
	sum.Mean.Creations = int(math.Round(creations))
	sum.Mean.WastedCreations = int(math.Round(wasted))
	for cause, minutes := range late {
		if sum.Mean.LagMinutes == nil {
			sum.Mean.LagMinutes = map[string]int{}
		}
		sum.Mean.LagMinutes[cause] = int(math.Round(minutes))
	}
	return sum
}
