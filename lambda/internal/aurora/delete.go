package aurora

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"peakline/lambda/decision"
)

// ErrUnsafe says that a deletion which was decided a moment ago is no longer safe.
var ErrUnsafe = errors.New("not deleted")

// Delete removes one of the scaler's readers after reading the cluster once more: RDS itself would delete the writer or
// the last instance, whatever the cluster's deletion protection says, so this is the only guard. At least keep other
// readers, and never none, must be available. A reader that is gone or going counts as deleted.
func (c *Cluster) Delete(ctx context.Context, id string, keep int) error {
	keep = max(keep, 1)
	return c.delete(ctx, id, func(state State) string {
		available := 0
		for _, m := range state.Members {
			if m.ID != id && m.Role == decision.Reader && m.Status == "available" {
				available++
			}
		}
		switch {
		case state.Cluster.Status != "available":
			return fmt.Sprintf("the cluster is %s", state.Cluster.Status)
		case available < keep:
			return fmt.Sprintf("only %d other readers are available, %d have to be", available, keep)
		}
		return ""
	})
}

// Drain asks for the deletion of all of the scaler's readers, to the last, and reports those that were there. It is for
// the end of the scaler: call it until nothing remains. An owned instance that became the writer is reported and never
// deleted.
func (c *Cluster) Drain(ctx context.Context) (remaining []decision.Member, err error) {
	state, err := c.State(ctx)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, m := range state.Members {
		if !m.Owned {
			continue
		}
		remaining = append(remaining, m)
		if m.Role == decision.Reader && m.Status != "deleting" {
			failures = append(failures, c.delete(ctx, m.ID, func(State) string { return "" }))
		}
	}
	return remaining, errors.Join(failures...)
}

// delete re-reads the cluster and deletes the reader if it still is one, still is ours and nothing else forbids it.
func (c *Cluster) delete(ctx context.Context, id string, forbids func(State) string) error {
	state, err := c.State(ctx)
	if err != nil {
		return fmt.Errorf("delete reader %s: %w", id, err)
	}
	unsafe := func(why string) error { return fmt.Errorf("delete reader %s: %w: %s", id, ErrUnsafe, why) }
	at := slices.IndexFunc(state.Members, func(m decision.Member) bool { return m.ID == id })
	if at < 0 || state.Members[at].Status == "deleting" {
		return nil
	}
	switch victim := state.Members[at]; {
	case victim.Role == decision.Writer:
		return unsafe("a failover made it the writer")
	case !victim.Owned:
		return unsafe("it is not the scaler's: prefix, tag or cluster do not match")
	}
	if why := forbids(state); why != "" {
		return unsafe(why)
	}
	_, err = c.RDS.DeleteDBInstance(ctx, &rds.DeleteDBInstanceInput{
		DBInstanceIdentifier: &id,
		SkipFinalSnapshot:    aws.Bool(true),
	})
	if err != nil && Classify(err).Kind != Gone {
		return fmt.Errorf("delete reader %s: %w", id, err)
	}
	return nil
}
