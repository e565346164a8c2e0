package decision

import "math"

// LagVerdict is the cause that the pattern of replica lag points to. Lag is a diagnosis, not a load: only
// LagApplyStarved asks for a reader.
type LagVerdict string

// The verdicts.
const (
	LagNone         LagVerdict = "none"
	LagMissing      LagVerdict = "missing"       // no reader reports it
	LagRecovery     LagVerdict = "recovery"      // after a failover or restart
	LagCatchUp      LagVerdict = "catch-up"      // only on warming readers
	LagApplyStarved LagVerdict = "apply-starved" // on readers busy with queries
	LagWriteBound   LagVerdict = "write-bound"   // on all readers while they are idle
	LagUndersized   LagVerdict = "undersized"    // on readers smaller than the writer
	LagOne          LagVerdict = "one-reader"    // on one, while the others are fine
	LagUnclear      LagVerdict = "unclear"
)

const (
	lagMinutes    = 5    // the pattern's minutes
	lagPoints     = 3    // of which so many are over the objective
	starvedCPU    = 80.0 // percent from which queries starve the apply process
	coolCPU       = 50.0 // percent below which a reader could take over queries
	sickMinutes   = 10   // minutes of lag after which a reader is replaced
	writerHotCPU  = 85.0 // percent from which the writer guard holds
	writerBusyCPU = 60.0 // percent from which a writer is taken to produce much
)

// lagFinding is the verdict with the reader it concerns.
type lagFinding struct {
	verdict LagVerdict
	sick    *member // the reader to replace, if any
	cool    bool    // apply-starved while other readers are cool: balance first
}

// diagnose reads the table of lag patterns from the top.
func diagnose(f *fleet, objective, meanCPU, targetCPU float64, recovering bool) lagFinding {
	var lagging, fine []*member
	reporting, warmingLag := 0, false
	for _, m := range f.serving {
		if m.lag.fresh() {
			reporting++
		}
		over, _ := m.lag.above(objective, lagMinutes)
		switch {
		case over < lagPoints:
			fine = append(fine, m)
		case m.warming:
			warmingLag = true
		default:
			lagging = append(lagging, m)
		}
	}
	switch {
	case len(f.serving) > 0 && reporting == 0:
		return lagFinding{verdict: LagMissing}
	case len(lagging) == 0 && warmingLag:
		return lagFinding{verdict: LagCatchUp}
	case len(lagging) == 0:
		return lagFinding{verdict: LagNone}
	case recovering:
		return lagFinding{verdict: LagRecovery}
	}
	starved, cool := true, false
	for _, m := range lagging {
		cpu, ok := m.use.median3()
		starved = starved && ok && cpu > starvedCPU
	}
	for _, m := range fine {
		if cpu, ok := m.use.median3(); ok && cpu < coolCPU && !m.warming {
			cool = true
		}
	}
	if starved {
		return lagFinding{verdict: LagApplyStarved, cool: cool}
	}
	if f.writer != nil {
		for _, m := range lagging {
			if m.vcpu < f.writer.vcpu {
				return lagFinding{verdict: LagUndersized, sick: sickOf(m, objective)}
			}
		}
	}
	writerBusy := f.writer == nil
	if !writerBusy {
		cpu, ok := f.writer.use.median3()
		writerBusy = !ok || cpu > writerBusyCPU
	}
	switch {
	case len(lagging) == 1 && len(fine) > 0:
		return lagFinding{verdict: LagOne, sick: sickOf(lagging[0], objective)}
	case len(fine) == 0 && meanCPU < targetCPU && (writerBusy || len(lagging) > 1):
		return lagFinding{verdict: LagWriteBound}
	}
	return lagFinding{verdict: LagUnclear}
}

// sickOf is the member if it lagged for all of the last ten minutes without being busy.
func sickOf(m *member, objective float64) *member {
	over, points := m.lag.above(objective, sickMinutes)
	cpu, ok := m.use.median3()
	if points >= sickMinutes-1 && over == points && (!ok || cpu <= starvedCPU) {
		return m
	}
	return nil
}

// skew says whether load is spread unevenly for a reason that more readers do not mend: CPU differs by more than 25
// points among readers that had time to get their share, and so do their connections, by half.
func skew(f *fleet, grown func(*member) bool) bool {
	low, high := math.Inf(1), math.Inf(-1)
	few, many := math.Inf(1), math.Inf(-1)
	n := 0
	for _, m := range f.serving {
		cpu, ok := m.use.median3()
		if !ok || !grown(m) {
			continue
		}
		n++
		low, high = min(low, cpu), max(high, cpu)
		if m.conns >= 0 {
			few, many = min(few, m.conns), max(many, m.conns)
		}
	}
	return n >= 2 && high-low > 25 && many > 1.5*few
}
