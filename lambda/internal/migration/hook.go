package migration

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// Event is what ECS or CodeDeploy hands a hook.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
type Event struct {
	ResourceARN string `json:"resourceArn"`
	HookDetails State  `json:"hookDetails"`

	DeploymentID string `json:"DeploymentId"`
	ExecutionID  string `json:"LifecycleEventHookExecutionId"`
}

// State is what ECS keeps from one call of the hook to the next.
type State struct {
	Started string `json:"started,omitempty"`
}

// Verdict is what ECS wants to hear.
type Verdict struct {
	HookStatus    string `json:"hookStatus"`
	CallBackDelay int    `json:"callBackDelay,omitempty"` // seconds
	HookDetails   *State `json:"hookDetails,omitempty"`
}

// The answers to ECS.
const (
	Succeeded  = "SUCCEEDED"
	Failed     = "FAILED"
	InProgress = "IN_PROGRESS"
)

// callAgain is when ECS is to ask once more.
const callAgain = 10 * time.Second

// deployments is CodeDeploy.
type deployments interface {
	PutLifecycleEventHookExecutionStatus(ctx context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, options ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error)
}

// Hook runs the migration when ECS or CodeDeploy is about to start a release.
type Hook struct {
	Runner      *Runner
	Deployments deployments
	// Pause is between two looks at a task, for CodeDeploy, which calls once and waits.
	Pause time.Duration
	Log   *slog.Logger
}

// Handle answers ECS by its verdict, and tells CodeDeploy. A release whose migration fails does not start.
func (h *Hook) Handle(ctx context.Context, event Event) (Verdict, error) {
	if event.DeploymentID != "" {
		return Verdict{}, h.forCodeDeploy(ctx, event)
	}
	log := h.Log.With("deployment", event.ResourceARN)
	started := event.HookDetails.Started
	if started == "" {
		task, err := h.Runner.start(ctx, event.ResourceARN)
		if err != nil {
			return h.fail(log, err), nil
		}
		log.Info("the migration has started", "task", task)
		return Verdict{HookStatus: InProgress, CallBackDelay: int(callAgain.Seconds()), HookDetails: &State{Started: task}}, nil
	}
	ended, err := h.Runner.done(ctx, started)
	switch {
	case err != nil:
		return h.fail(log, err), nil
	case !ended:
		return Verdict{HookStatus: InProgress, CallBackDelay: int(callAgain.Seconds()), HookDetails: &State{Started: started}}, nil
	}
	log.Info("the migration has ended", "task", started)
	return Verdict{HookStatus: Succeeded}, nil
}

func (h *Hook) fail(log *slog.Logger, err error) Verdict {
	log.Error("the migration failed and the release does not start", "error", err.Error())
	return Verdict{HookStatus: Failed}
}

func (h *Hook) forCodeDeploy(ctx context.Context, event Event) error {
	log, status := h.Log.With("deployment", event.DeploymentID), types.LifecycleEventStatusSucceeded
	if err := h.untilDone(ctx, event.DeploymentID); err != nil {
		h.fail(log, err)
		status = types.LifecycleEventStatusFailed
	}
	_, err := h.Deployments.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: aws.String(event.DeploymentID), LifecycleEventHookExecutionId: aws.String(event.ExecutionID), Status: status,
	})
	if err != nil {
		return fmt.Errorf("tell CodeDeploy that the migration of %s is %s: %w", event.DeploymentID, status, err)
	}
	return nil
}

func (h *Hook) untilDone(ctx context.Context, release string) error {
	task, err := h.Runner.start(ctx, release)
	for ended := false; err == nil && !ended; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(h.Pause):
			ended, err = h.Runner.done(ctx, task)
		}
	}
	return err
}
