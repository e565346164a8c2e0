// Package handler runs the scaler once per invocation: it reads everything anew, decides, and makes the cluster so. It
// says "there shall be N readers", never "one more", so that a run may be repeated, doubled or cut off anywhere and the
// next one puts things right.
package handler

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/settings"
)

// Props is what a handler works with. All fields but the last are needed.
type Props struct {
	Cluster    *aurora.Cluster
	Parameters settings.Parameters
	// Log receives one JSON line per run, which carries the metrics as well (CloudWatch's embedded metric format).
	Log io.Writer
	// Now and Sleep are the clock.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// ReadOnly makes a handler that decides and never acts, whatever the policy's mode.
	ReadOnly bool
}

// Handler is the scaler of one cluster. It remembers between invocations only what saves calls: losing it costs a
// repeated question, never a wrong answer.
type Handler struct {
	Props
	logger *slog.Logger
	memory memory
}

// memory is what a warm function knows. Everything in it can be read from AWS again.
type memory struct {
	history     decision.History
	pastRead    bool                       // the past was read from CloudWatch
	readerHours float64                    // hours of owned readers this month
	counted     time.Time                  // until when
	sampled     time.Time                  // when samples were last read
	restarting  map[string]bool            // members that were, in the last run
	resource    string                     // of the cluster that had the name
	began       time.Time                  // the first run
	samples     map[string]decision.Member // the samples last read, by member; nil: none yet
	detailed    time.Time                  // when the members' own series were last read
	unsettled   bool                       // the last run saw or did more than nothing
	policy      decision.Policy
	policyRead  time.Time
	taken       map[string]bool // slots whose names belong to somebody else
	announced   map[string]bool // readers whose create time was reported
}

// New makes a handler.
func New(props Props) *Handler {
	return &Handler{
		Props:  props,
		logger: slog.New(slog.NewJSONHandler(props.Log, nil)),
		memory: memory{taken: map[string]bool{}, announced: map[string]bool{}},
	}
}

const (
	// reserve is what a run keeps of its time to write the log line.
	reserve = 2 * time.Second
	// lookTime is what one look may take, at the cluster, the past, the samples or the policy again: a service that does not
	// answer must not take the time to act on what the others say.
	lookTime = 10 * time.Second
	// detailEvery is how often the members' own series are read although nothing happens: imbalance and a single
	// lagging reader show only there.
	detailEvery = 5 * time.Minute
	// policyKept is how long the last policy serves while SSM does not answer.
	policyKept = 15 * time.Minute
	// rounds is how often one run tries again elsewhere after a refusal.
	rounds = 4
)

// Handle answers one invocation. It returns an error only when the run as a whole failed or a drain has to be called
// again; a single failed call is in the report, and the next run mends it.
func (h *Handler) Handle(ctx context.Context, payload []byte) (Report, error) {
	message := ParseMessage(payload)
	if message.Trigger == Drain {
		return Report{}, h.drain(ctx, message.resource)
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	report := Report{At: h.Now(), Message: message}
	if h.memory.began.IsZero() {
		h.memory.began = report.At
	}
	var err error
	if message.Cluster != "" && message.Cluster != h.Cluster.ID {
		report.Ignored = "names another cluster"
	} else {
		err = h.run(ctx, &report)
	}
	h.log(report, err)
	return report, err
}

// run is one tick: read, decide, act.
func (h *Handler) run(ctx context.Context, report *Report) error {
	state, err := h.read(ctx, report)
	if errors.Is(err, settings.ErrNotDeployed) {
		report.Ignored = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	if err := h.readPast(ctx, state, report); err != nil {
		report.fail("read the past", err)
	}
	h.observe(ctx, &state, report)
	report.Cluster, report.Members = state.Cluster, state.Members
	if h.ReadOnly || report.Policy.Mode == decision.DryRun {
		return nil
	}
	for range rounds {
		if retry := h.act(ctx, state, report); !retry {
			break
		}
		report.Decision = h.decide(state, report)
	}
	return nil
}

// read asks for everything that does not depend on another answer at once.
func (h *Handler) read(ctx context.Context, report *Report) (aurora.State, error) {
	var (
		calls    sync.WaitGroup
		told     settings.Settings
		state    aurora.State
		events   []decision.Event
		rival    bool
		failures [4]error
	)
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	calls.Go(func() { told, failures[0] = settings.Read(ctx, h.Parameters, h.Cluster.Environment, report.At) })
	calls.Go(func() { state, failures[1] = h.Cluster.State(ctx) })
	calls.Go(func() { events, failures[2] = h.Cluster.Events(ctx) })
	calls.Go(func() { rival, failures[3] = h.Cluster.AutoScalingRegistered(ctx) })
	calls.Wait()

	if err := h.follow(told, failures[0], report); err != nil {
		return state, err
	}
	if failures[1] != nil {
		return state, failures[1]
	}
	for i, doing := range map[int]string{2: "read the cluster's events", 3: "look for Application Auto Scaling"} {
		if failures[i] != nil {
			report.fail(doing, failures[i])
			report.KeepAll = true
		}
	}
	h.memory.remember(events)
	h.memory.remember(state.Maintenance(report.At))
	if h.memory.resource != "" && state.Resource != "" && state.Resource != h.memory.resource {
		h.memory.remember([]decision.Event{{At: report.At, Kind: decision.EventSwitchover}})
	}
	h.memory.resource = cmp.Or(state.Resource, h.memory.resource)
	h.memory.noteRestarts(state.Members, report.At)
	state.Cluster.AutoScalingRegistered = rival
	for id := range h.memory.taken {
		state.Members = append(state.Members, decision.Member{ID: id, Status: "name-taken"})
	}
	return state, nil
}

// follow takes the policy or, for a while, the last one if SSM does not answer. A policy that is not deployed is a
// reason to do nothing.
func (h *Handler) follow(told settings.Settings, err error, report *Report) error {
	switch {
	case err == nil:
		h.memory.policy, h.memory.policyRead = told.Policy, report.At
		report.Policy, report.Override = told.Policy, told.Override
		return nil
	case !errors.Is(err, settings.ErrNotDeployed) && report.At.Sub(h.memory.policyRead) < policyKept:
		report.fail("read the policy, the last one applies", err)
		report.Policy = h.memory.policy
		return nil
	default:
		return err
	}
}

// remember adds events that are not known yet.
func (m *memory) remember(events []decision.Event) {
	known := map[decision.Event]bool{}
	for _, event := range m.history.Events {
		known[event] = true
	}
	for _, event := range events {
		if !known[event] {
			known[event] = true
			m.history.Events = append(m.history.Events, event)
		}
	}
}

// noteRestarts tells of members that serve again: their caches are cold, and they lag while they catch up. Events of
// instances would tell it too, at the price of one more call.
func (m *memory) noteRestarts(members []decision.Member, now time.Time) {
	restarting := map[string]bool{}
	for _, member := range members {
		switch {
		case member.Status == "rebooting" || member.Status == "starting":
			restarting[member.ID] = true
		case m.restarting[member.ID]:
			m.remember([]decision.Event{{At: now, Kind: decision.EventRestart}})
		}
	}
	m.restarting = restarting
}
