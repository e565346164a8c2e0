package smoketest

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"peakline/lambda/contract"
)

// DeployEvent is what CodeDeploy hands a hook.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
type DeployEvent struct {
	DeploymentID string `json:"DeploymentId"`
	ExecutionID  string `json:"LifecycleEventHookExecutionId"`
}

// deployments is CodeDeploy, as far as a hook needs it.
type deployments interface {
	PutLifecycleEventHookExecutionStatus(ctx context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, options ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error)
}

// DeployHook answers CodeDeploy, for one service.
type DeployHook struct {
	Tester      *Tester
	Tests       contract.SmokeTests
	Deployments deployments
	Log         *slog.Logger
}

// Handle tries the release, and tells CodeDeploy how it went: what the function returns does not count.
func (h *DeployHook) Handle(ctx context.Context, event DeployEvent) error {
	log := h.Log.With("deployment", event.DeploymentID)
	trying, stop := withTimeToAnswer(ctx)
	defer stop()
	status := types.LifecycleEventStatusSucceeded
	if err := h.Tester.Try(trying, h.Tests); err != nil {
		log.Error("the release failed its smoke test and is taken back", "error", err.Error())
		status = types.LifecycleEventStatusFailed
	} else {
		log.Info("the release passed its smoke test", "requests", len(h.Tests.Requests))
	}
	_, err := h.Deployments.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: aws.String(event.DeploymentID), LifecycleEventHookExecutionId: aws.String(event.ExecutionID), Status: status,
	})
	if err != nil {
		return fmt.Errorf("tell CodeDeploy that the smoke test of %s is %s: %w", event.DeploymentID, status, err)
	}
	return nil
}
