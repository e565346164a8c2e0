package handler

import (
	"context"
	"errors"
	"slices"
	"time"

	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/settings"
)

// passing are the kinds of failures that say nothing of the place in which a reader was to be created.
var passing = []aurora.Kind{aurora.Passing, aurora.Busy, aurora.Exists}

// act carries a decision out, call by call, and remembers what was asked for. It reports whether deciding again at once
// can help, because AWS refused a place and another may do.
func (h *Handler) act(ctx context.Context, state aurora.State, report *Report) (again bool) {
	done := decision.Decision{Minute: report.Decision.Minute}
	if !h.stillDeployed(ctx, report) {
		return false
	}
	for _, reader := range report.Decision.Creates {
		if ctx.Err() != nil {
			break
		}
		err := h.Cluster.Create(ctx, state, reader, report.At)
		if err == nil {
			done.Creates = append(done.Creates, reader)
			continue
		}
		if errors.Is(err, aurora.ErrTaken) {
			report.fail("create "+reader.ID, err)
			h.memory.taken[reader.ID] = true
			continue
		}
		failure := report.fail("create "+reader.ID, err)
		if !slices.Contains(passing, failure.Kind) {
			h.memory.history.Failures = append(h.memory.history.Failures, decision.Failure{
				At: report.At, Code: failure.Code, Zone: reader.Zone, Class: reader.Class,
			})
		}
		if failure.Kind != aurora.Refused {
			break // what is denied, mistaken, throttled or late for one is so for the next
		}
		again = true
	}
	for _, id := range report.Decision.Deletes {
		if ctx.Err() != nil || report.KeepAll {
			break
		}
		err := h.Cluster.Delete(ctx, id, keepers(state, report.Decision, id))
		if err == nil {
			done.Deletes = append(done.Deletes, id)
			continue
		}
		report.fail("delete "+id, err)
	}
	// A millisecond later than the refusals of the same run, which speak of the calls before.
	h.memory.history.Remember(done, report.At.Add(time.Millisecond))
	report.Creates = append(report.Creates, done.Creates...)
	report.Deletes = append(report.Deletes, done.Deletes...)
	return again && ctx.Err() == nil
}

// stillDeployed looks again, right before acting, whether the scaler is in charge: the stack may be on its way out.
func (h *Handler) stillDeployed(ctx context.Context, report *Report) bool {
	if len(report.Decision.Creates)+len(report.Decision.Deletes) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	_, err := settings.Read(ctx, h.Parameters, h.Cluster.Environment, report.At)
	if errors.Is(err, settings.ErrNotDeployed) {
		report.fail("act", err)
		return false
	}
	return true
}

// keepers is how many other readers have to be available when one goes: all that are wanted, unless it serves nobody.
func keepers(state aurora.State, d decision.Decision, victim string) int {
	for _, m := range state.Members {
		if m.ID == victim && m.Status == "available" {
			return d.Desired
		}
	}
	return 1
}
