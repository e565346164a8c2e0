package smoketest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"peakline/lambda/contract"
)

// Event is what ECS hands a life-cycle hook.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
type Event struct {
	LifecycleStage   string          `json:"lifecycleStage"`
	ResourceARN      string          `json:"resourceArn"`
	HookDetails      json.RawMessage `json:"hookDetails"`
	ExecutionDetails struct {
		ServiceARN string `json:"serviceArn"`
	} `json:"executionDetails"`
}

// Verdict is what ECS wants to hear.
type Verdict struct {
	HookStatus string `json:"hookStatus"`
}

// What ECS makes of a hook: the deployment goes on, or back to the revision before.
const (
	Succeeded = "SUCCEEDED"
	Failed    = "FAILED"
)

// timeToAnswer is kept of the function's time, so that a release which hangs is told of and not just ended.
const timeToAnswer = 5 * time.Second

func withTimeToAnswer(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, limited := ctx.Deadline(); limited {
		return context.WithDeadline(ctx, end.Add(-timeToAnswer))
	}
	return ctx, func() {}
}

// Hook answers ECS.
type Hook struct {
	Tester *Tester
	Log    *slog.Logger
}

// Handle tries the release of the service that the event names. Whatever cannot be tried has failed.
func (h *Hook) Handle(ctx context.Context, event Event) (Verdict, error) {
	log := h.Log.With("service", event.ExecutionDetails.ServiceARN, "deployment", event.ResourceARN, "stage", event.LifecycleStage)
	ctx, stop := withTimeToAnswer(ctx)
	defer stop()
	tests, err := read(event.HookDetails)
	if err == nil {
		err = h.Tester.Try(ctx, tests)
	}
	if err != nil {
		log.Error("the release failed its smoke test and is taken back", "error", err.Error())
		return Verdict{HookStatus: Failed}, nil
	}
	log.Info("the release passed its smoke test", "requests", len(tests.Requests))
	return Verdict{HookStatus: Succeeded}, nil
}

// read takes the details as an object, or as a text that holds one: AWS documents both forms.
func read(details json.RawMessage) (tests contract.SmokeTests, err error) {
	var text string
	if json.Unmarshal(details, &text) == nil {
		details = json.RawMessage(text)
	}
	if err := json.Unmarshal(details, &tests); err != nil {
		return tests, fmt.Errorf("read the details of the hook %s: %w", details, err)
	}
	return tests, nil
}
