package handler

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"peakline/lambda/decision"
	"peakline/lambda/internal/settings"
)

const (
	// policyGrace is how long a deletion waits for the deployed policy to go. Its order in the template makes it go
	// first; if it stays, the scaler lives on and its readers with it.
	policyGrace = 2 * time.Minute
	// lastRun is the longest that a creation may still come after the policy went: as long as a run may last. A run looks for
	// the policy right before it creates, but up to fifteen creations, throttled ones at that, take their time.
	lastRun = 50 * time.Second
	// drainPoll is the pause between two looks at the readers.
	drainPoll = 5 * time.Second
	// answerReserve is what a drain keeps of its time to answer CloudFormation or to ask Lambda for another go.
	answerReserve = 10 * time.Second
)

// errUnfinished makes Lambda invoke the drain again: a reader takes up to ten minutes to go, a function may run fifteen.
var errUnfinished = errors.New("readers are still being deleted; Lambda's next attempt goes on")

// drain answers CloudFormation's custom resource Custom::ReaderDrain. Create and Update do nothing. Delete removes the
// scaler's readers, which CloudFormation does not know and which would keep it from deleting the cluster. It is
// idempotent, and an error without an answer makes Lambda's asynchronous retries go on with it.
func (h *Handler) drain(ctx context.Context, event *cfn.Event) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerReserve))
		defer cancel()
	}
	// The answer's identifier never changes, so that no update of the resource replaces it, which would delete the old one.
	response := cfn.NewResponse(event)
	response.PhysicalResourceID = "reader-drain-" + h.Cluster.ID
	response.Status = cfn.StatusSuccess

	result := "nothing to do"
	var err error
	if event.RequestType == cfn.RequestDelete {
		result, err = h.drainReaders(ctx)
	}
	h.logger.Info("drain", "cluster", h.Cluster.ID, "request", string(event.RequestType), "result", result, "error", errorText(err))
	if errors.Is(err, errUnfinished) {
		return err
	}
	if err != nil {
		response.Status = cfn.StatusFailed
		response.Reason = err.Error()
	}
	if err := response.Send(); err != nil {
		return fmt.Errorf("answer CloudFormation's %s of %s: %w", event.RequestType, event.LogicalResourceID, err)
	}
	return nil
}

func (h *Handler) drainReaders(ctx context.Context) (string, error) {
	if !h.policyGoes(ctx) {
		return "the policy is deployed: the resource was replaced, the readers stay", nil
	}
	// A creation that was under way when the policy went may still appear.
	quietAt := h.Now().Add(lastRun)
	for {
		remaining, err := h.Cluster.Drain(ctx)
		switch {
		case err == nil && len(remaining) == 0 && !h.Now().Before(quietAt):
			return "the readers are gone", settings.Remove(ctx, h.Parameters, h.Cluster.Environment)
		case err == nil && onlyWriters(remaining):
			return "", fmt.Errorf("delete the scaler's readers: a failover made %s the writer of cluster %s; fail over to an instance of the template (aws rds failover-db-cluster) and delete again",
				names(remaining), h.Cluster.ID)
		}
		if h.Sleep(ctx, drainPoll) != nil {
			return outOfTime(remaining, err)
		}
	}
}

// outOfTime says how a drain ends when its time does.
func outOfTime(remaining []decision.Member, failure error) (string, error) {
	switch {
	case len(remaining) > 0 && failure != nil:
		return "", fmt.Errorf("delete the scaler's readers %s: %w", names(remaining), failure)
	case len(remaining) > 0:
		return "", errUnfinished
	}
	// After a failure, whether readers remain is unknown. The cluster's own deletion still guards them, and a rollback
	// must not hang on the scaler.
	return strings.TrimSpace("no reader is known to remain " + errorText(failure)), nil
}

// policyGoes says whether the deployed policy is gone, within its grace. While it cannot be read, it counts as deployed.
func (h *Handler) policyGoes(ctx context.Context) bool {
	for until := h.Now().Add(policyGrace); ; {
		_, err := settings.Read(ctx, h.Parameters, h.Cluster.Environment, h.Now())
		if errors.Is(err, settings.ErrNotDeployed) {
			return true
		}
		if !h.Now().Before(until) {
			return false
		}
		if h.Sleep(ctx, drainPoll) != nil {
			return false
		}
	}
}

func onlyWriters(members []decision.Member) bool {
	for _, m := range members {
		if m.Role != decision.Writer {
			return false
		}
	}
	return len(members) > 0
}

func names(members []decision.Member) string {
	var ids []string
	for _, m := range members {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, ", ")
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
