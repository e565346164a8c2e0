package simulator

import (
	"context"
	"math"
	"testing"

	"peakline/lambda/decision"
)

// shortBar is two short scenarios, for four seeds.
func shortBar(t *testing.T) (experiments []Experiment) {
	t.Helper()
	for _, s := range Scenarios() {
		if s.Name != "ramp" && s.Name != "slow-growth" {
			continue
		}
		plant := DefaultPlant()
		plant.Failovers.PerMonth = 0
		trace, _, err := s.Build(plant, 12400)
		if err != nil {
			t.Fatal(err)
		}
		experiments = append(experiments,
			Experiment{Plant: plant, Trace: trace, Policy: decision.ProductionPolicy(), Seeds: []uint64{1, 2, 3, 4}})
	}
	return experiments
}

func TestTheShippedPolicyIsCheaperThanTargetTrackingAtEqualService(t *testing.T) {
	own, rival := policyNamed(t, Peakline), policyNamed(t, TargetTracking)
	own.Settings = []float64{decision.ProductionPolicy().CapPercent}
	experiments := shortBar(t)
	var sweeps [][]Sweep
	for _, e := range experiments {
		sweep, err := e.Sweep(context.Background(), []Policy{own, rival}, nil)
		if err != nil {
			t.Fatal(err)
		}
		sweeps = append(sweeps, sweep)
	}
	judged := Judge(experiments, sweeps)
	ours, theirs := judged.Verdicts[0], judged.Verdicts[1]
	if ours.WorstBadPercent > AcceptedBadPercent || theirs.WorstBadPercent > AcceptedBadPercent {
		t.Fatalf("worst seeds at %.3f and %.3f %% bad requests, want both at most %g",
			ours.WorstBadPercent, theirs.WorstBadPercent, AcceptedBadPercent)
	}
	if saved := 1 - ours.AboveMinimum/theirs.AboveMinimum; saved < 0.15 {
		t.Errorf("%.0f %% of target tracking's reader-hours saved (%.0f of %.0f), want at least 15 on this short bar",
			100*saved, ours.AboveMinimum, theirs.AboveMinimum)
	}
	for _, s := range ours.Traces {
		if s.Mean.UnsafeActions > 0 {
			t.Errorf("%d unsafe actions", s.Mean.UnsafeActions)
		}
	}
}

func TestTunedForTheRampTargetTrackingIsNotCheaper(t *testing.T) {
	ramp := shortBar(t)[0]
	sweep, err := ramp.Sweep(context.Background(), []Policy{policyNamed(t, Peakline), policyNamed(t, TargetTracking)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if curve := Judge([]Experiment{ramp}, [][]Sweep{sweep}).Curves[0]; !(curve.WorstRatio <= 1.02) {
		t.Errorf("%.3f times target tracking's reader-hours at %g %% bad requests, want at most 2 %% more at any share of them",
			curve.WorstRatio, curve.AtPercent)
	}
}

func TestAtTheSameTargetFarFewerRequestsAreBad(t *testing.T) {
	ramp := shortBar(t)[0]
	bad := func(name string, setting float64) float64 {
		sum := 0.0
		for _, seed := range ramp.Seeds {
			sum += ramp.RunOne(policyNamed(t, name), 0, setting, seed, false).BadPercent
		}
		return sum / float64(len(ramp.Seeds))
	}
	own, rival := bad(Peakline, decision.ProductionPolicy().CapPercent), bad(TargetTracking, 0.6)
	if 6*own > rival {
		t.Errorf("%.3f %% bad requests as shipped, %.3f %% under target tracking at 60 %%, want at most a sixth", own, rival)
	}
}

func TestScenariosThatAreJudgedByThemselves(t *testing.T) {
	for _, s := range Scenarios() {
		trace, floors, err := s.Build(calm(), 12400)
		if err != nil {
			t.Fatal(err)
		}
		e := Experiment{Plant: calm(), Trace: trace, Floors: floors, Policy: decision.ProductionPolicy()}
		own := e.RunOne(policyNamed(t, Peakline), 0, e.Policy.CapPercent, 1, false)
		// At this target, target tracking passes the bar that peakline passes as shipped.
		rival := e.RunOne(policyNamed(t, TargetTracking), 0, 0.4, 1, false)
		if own.UnsafeActions > 0 {
			t.Errorf("%s: %d attempts to delete the writer or a reader that is not the scaler's", s.Name, own.UnsafeActions)
		}
		switch s.Name {
		case "planned-flash-sale":
			if own.BadPercent > 0 {
				t.Errorf("%s: %.3f %% bad requests although the sale was in the calendar", s.Name, own.BadPercent)
			}
		case "spikes":
			if own.ActionsPerDay > rival.ActionsPerDay {
				t.Errorf("%s: %.1f actions a day, target tracking %.1f: bursts shorter than the lead were chased", s.Name, own.ActionsPerDay, rival.ActionsPerDay)
			}
		case "write-storm":
			quiet := e
			quiet.Trace.Writes = nil
			without := quiet.RunOne(policyNamed(t, Peakline), 0, e.Policy.CapPercent, 1, false)
			if own.Creations > without.Creations {
				t.Errorf("%s: %d creations, %d without the storm: readers do not cure lag that writes cause",
					s.Name, own.Creations, without.Creations)
			}
		}
	}
}

func TestCheapestPrefersServiceThenHours(t *testing.T) {
	at := func(setting string, bad, hours float64) Summary {
		s := Summary{Setting: setting, WorstBadPercent: bad}
		s.Mean.ReaderHours = hours
		return s
	}
	for name, test := range map[string]struct {
		summaries []Summary
		want      string
	}{
		"the cheapest of those that serve well": {[]Summary{at("a", 0, 9), at("b", 0.05, 7), at("c", 0.06, 3)}, "b"},
		"the best service where none does":      {[]Summary{at("a", 3, 1), at("b", 1, 2), at("c", 2, 3)}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Cheapest(test.summaries, AcceptedBadPercent); got.Setting != test.want {
				t.Errorf("picked %q, want %q", got.Setting, test.want)
			}
		})
	}
}

func TestWhatIsNotTunedIsJudgedAtItsDefault(t *testing.T) {
	sweep := func(name string, setting float64, bad ...float64) Sweep {
		s := Sweep{Policy: Policy{Name: name, Knob: "x", Settings: []float64{1, setting}, Default: 1, format: "%g"}}
		for _, b := range bad {
			s.Runs = append(s.Runs, [][]Run{
				{{Policy: name, Setting: "1"}}, {{Policy: name, Setting: s.Policy.Setting(setting), Outcome: Outcome{BadPercent: b}}},
			})
		}
		return s
	}
	e := Experiment{Trace: Trace{Load: make([]float64, 24*60)}}
	judged := Judge([]Experiment{e}, [][]Sweep{{sweep(Peakline, 0.5, 0.1), sweep(TargetTracking, 0.6, 3, 2)}})
	if ours := judged.Shipped; ours == nil || ours.Setting != "0.5" || ours.Traces[0].Mean.BadPercent != 0.1 {
		t.Errorf("peakline as shipped is %+v, want the run at 0.5", ours)
	}
	if theirs := judged.Tracking; theirs == nil || theirs.Setting != "0.6" || theirs.Traces[0].Mean.BadPercent != 2 {
		t.Errorf("target tracking is %+v, want the variant with the fewest bad requests at 0.6", theirs)
	}
}

func TestTheJudgementRaisesItsLimitToWhatBothReach(t *testing.T) {
	sweep := func(name string, bad ...float64) Sweep {
		s := Sweep{Policy: Policy{Name: name, Knob: "x"}, Runs: [][][]Run{nil}}
		for i, b := range bad {
			run := Run{Policy: name, Outcome: Outcome{BadPercent: b, ReaderHours: float64(10 - i)}}
			s.Runs[0] = append(s.Runs[0], []Run{run})
		}
		return s
	}
	e := Experiment{Trace: Trace{Load: make([]float64, 24*60)}}
	judged := Judge([]Experiment{e}, [][]Sweep{{sweep(Peakline, 0.2, 0.9, 3), sweep(TargetTracking, 1, 2, 4)}})
	if judged.LimitPercent != 1 {
		t.Errorf("limit %g %%, want 1: the best that both policies reach", judged.LimitPercent)
	}
	if judged.Verdicts[0].AboveMinimum != 9 || judged.Verdicts[1].AboveMinimum != 10 {
		t.Errorf("judged at %g and %g hours, want 9 and 10", judged.Verdicts[0].AboveMinimum, judged.Verdicts[1].AboveMinimum)
	}
	if !math.IsNaN(judged.Curves[0].AtAccepted) {
		t.Errorf("compared at %g %% bad requests, which neither reaches: %g", AcceptedBadPercent, judged.Curves[0].AtAccepted)
	}
	if !math.IsNaN(judged.Curves[0].Position) {
		t.Errorf("a position of %g on the way to an oracle that did not run", judged.Curves[0].Position)
	}
}

// TestARampAfterQuietDaysIsServed: days without a surge make the readers leaner, never so lean that one is not survived.
func TestARampAfterQuietDaysIsServed(t *testing.T) {
	const days = 8
	for _, ramp := range []struct {
		start, rise int
		multiple    float64
	}{{at(days-1, 10, 0), 45, 4}, {at(days-1, 18, 30), 30, 3.2}} {
		shop := newShopDays(days)
		shop.event(ramp.start, ramp.rise, 120, 90, ramp.multiple)
		trace, err := Trace{Name: "late ramp", Start: firstDay, Load: shop.load, Writes: shop.writes}.ScaledTo(12400)
		if err != nil {
			t.Fatal(err)
		}
		e := Experiment{Plant: DefaultPlant(), Trace: trace, Policy: decision.ProductionPolicy()}
		for seed := uint64(1); seed <= 4; seed++ {
			if run := e.RunOne(policyNamed(t, Peakline), 0, e.Policy.CapPercent, seed, false); run.BadPercent > AcceptedBadPercent {
				t.Errorf("seed %d, ramp %+v: %.3f %% bad requests, want at most %g", seed, ramp, run.BadPercent, AcceptedBadPercent)
			}
		}
	}
}
