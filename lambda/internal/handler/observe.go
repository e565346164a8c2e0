package handler

import (
	"context"
	"slices"
	"time"

	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
)

// readPast reads what CloudWatch remembers: all of it in a new process, and what was missed after a time without samples.
// Else the process knows it from its own runs.
func (h *Handler) readPast(ctx context.Context, state aurora.State, report *Report) error {
	m := &h.memory
	m.countHours(billed(state.Members), report.At)
	report.ReaderHours = m.readerHours
	since := report.At.Add(-decision.HistoryWindow)
	if m.pastRead {
		if report.At.Sub(m.sampled) <= decision.RecentWindow {
			return nil
		}
		if m.sampled.After(since) {
			since = m.sampled
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	past, err := h.Cluster.Past(ctx, state.Cluster.Serverless, since, report.At)
	if err != nil {
		return err
	}
	weight := meanVCPUs(state.Members)
	for _, s := range past.BusyPercent {
		// What this process saw itself is newer and more precise.
		if _, seen := m.history.DemandAt(s.Minute); !seen {
			m.history.AddDemand(s.Minute, s.Value/100*weight)
		}
	}
	if !m.pastRead {
		m.history.Creates = append(m.history.Creates, past.Creates...)
	}
	m.pastRead, m.readerHours = true, past.ReaderHours
	report.ReaderHours = past.ReaderHours
	return nil
}

// countHours adds the hours of billed readers since the last run to the month's.
func (m *memory) countHours(readers int, now time.Time) {
	since, month := m.counted, time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	if since.Before(month) {
		since, m.readerHours = month, 0
	}
	if !m.counted.IsZero() {
		m.readerHours += float64(readers) * now.Sub(since).Hours()
	}
	m.counted = now
}

// meanVCPUs weighs the past's demand, which CloudWatch keeps by role and not by instance.
func meanVCPUs(members []decision.Member) float64 {
	sum, n := 0.0, 0.0
	for _, m := range members {
		if m.Role == decision.Reader && m.Class != "" {
			sum, n = sum+decision.VCPUs(m.Class), n+1
		}
	}
	if n == 0 {
		return decision.VCPUs("")
	}
	return sum / n
}

// observe reads the samples and decides: by the overview while that tells everything and nothing is to be done, else by
// the members' own series. What cannot be read is as it was in the run before, a minute older. Without samples the decision
// is blind: it keeps the readers, and floors still apply.
func (h *Handler) observe(ctx context.Context, state *aurora.State, report *Report) {
	m := &h.memory
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if !m.unsettled && report.At.Sub(m.detailed) < detailEvery {
		whole, err := h.Cluster.Overview(ctx, state, report.At)
		if err != nil {
			report.fail("read the readers' samples", err)
		} else {
			m.keep(state.Members, report.At)
		}
		m.history.Observe(state.Observation, report.At)
		report.Decision = h.decide(*state, report)
		if whole && quiet(report.Decision) {
			return
		}
	}
	report.Detailed = true
	if err := h.Cluster.Detail(ctx, state, report.At); err != nil {
		report.fail("read each member's samples", err)
		report.KeepAll = true
		m.recall(state.Members)
	} else {
		m.detailed = report.At
		m.keep(state.Members, report.At)
	}
	m.history.Observe(state.Observation, report.At)
	m.history.Learn(report.At, report.Policy.Floors)
	report.Decision = h.decide(*state, report)
	report.blindMinutes = m.blindMinutes(report)
	report.Created = m.finished(state.Members, report.At)
	m.unsettled = !quiet(report.Decision)
}

// keep remembers the members' samples.
func (m *memory) keep(members []decision.Member, now time.Time) {
	m.sampled, m.samples = now, map[string]decision.Member{}
	for _, member := range members {
		m.samples[member.ID] = member
	}
}

// recall gives the members the samples that were last read. They age: after three minutes they say nothing about now.
func (m *memory) recall(members []decision.Member) {
	for i := range members {
		member, last := &members[i], m.samples[members[i].ID]
		member.CPU, member.DBLoad, member.LagMs, member.Connections, member.ACUUtilization =
			last.CPU, last.DBLoad, last.LagMs, last.Connections, last.ACUUtilization
	}
}

// blindMinutes is the age of the newest usable sample while the decision is blind; more than the window counts as the
// window. A process that could read none yet knows only of its own time.
func (m *memory) blindMinutes(report *Report) int64 {
	if !slices.Contains(report.Decision.Reasons, decision.ReasonBlind) {
		return 0
	}
	newest := report.Decision.Minute
	if m.samples == nil {
		newest = m.began.Unix() / 60
	}
	return min(int64(decision.RecentWindow/time.Minute), report.At.Unix()/60-newest)
}

func (h *Handler) decide(state aurora.State, report *Report) decision.Decision {
	return decision.Decide(state.Observation, report.Policy, h.memory.history, report.At)
}

// quietStates are those in which nothing is done and the members' own series would change nothing.
var quietStates = []decision.State{decision.Steady, decision.Frozen, decision.MaintenanceHold}

// quietLags are the verdicts that do not depend on which reader lags: of the others, the overview knows the worst only.
var quietLags = []decision.LagVerdict{decision.LagNone, decision.LagMissing}

func quiet(d decision.Decision) bool {
	return len(d.Creates) == 0 && len(d.Deletes) == 0 && slices.Contains(quietStates, d.State) && slices.Contains(quietLags, d.Lag)
}

// finished are the creations that ended since the last run: from the request to the first CPU sample. A process that
// starts anew reports only those of the recent samples, so that a creation is rarely counted twice and never forgotten.
func (m *memory) finished(members []decision.Member, now time.Time) []time.Duration {
	var took []time.Duration
	for _, member := range members {
		if !member.Owned || member.Role != decision.Reader || member.CreatedAt.IsZero() || len(member.CPU) == 0 {
			continue
		}
		reader := member.ID + member.CreatedAt.String()
		if m.announced[reader] || member.AvailableAt.Before(member.CreatedAt) || now.Sub(member.AvailableAt) > decision.RecentWindow-2*time.Minute {
			continue
		}
		m.announced[reader] = true
		took = append(took, member.AvailableAt.Sub(member.CreatedAt))
	}
	return took
}
