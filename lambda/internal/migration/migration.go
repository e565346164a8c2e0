// Package migration runs the migration of a service as a task of its own, before a release of it starts.
package migration

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"peakline/lambda/contract"
)

// tasks is ECS, as far as a migration needs it.
type tasks interface {
	RunTask(ctx context.Context, in *ecs.RunTaskInput, options ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
	DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, options ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	StopTask(ctx context.Context, in *ecs.StopTaskInput, options ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
}

// Runner runs one service's migration.
type Runner struct {
	contract.Migration
	Tasks tasks
	Now   func() time.Time
}

// start starts the task for a release, and returns it. Started twice for the same release it is the same task, so that a call
// that AWS repeats runs no second migration.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
func (r *Runner) start(ctx context.Context, release string) (string, error) {
	token := fmt.Sprintf("%x", sha256.Sum256([]byte(release)))[:36]
	started, err := r.Tasks.RunTask(ctx, &ecs.RunTaskInput{
		Cluster: &r.Cluster, TaskDefinition: &r.Task, ClientToken: &token, LaunchType: types.LaunchTypeFargate,
		StartedBy: aws.String("migration"), Count: aws.Int32(1),
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: r.Subnets, SecurityGroups: []string{r.SecurityGroup}, AssignPublicIp: types.AssignPublicIpDisabled,
		}},
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("start the migration %s: %w", r.Task, err)
	case len(started.Failures) > 0:
		return "", fmt.Errorf("start the migration %s: %s", r.Task, aws.ToString(started.Failures[0].Reason))
	case len(started.Tasks) != 1:
		return "", fmt.Errorf("start the migration %s: ECS started %d tasks", r.Task, len(started.Tasks))
	}
	return aws.ToString(started.Tasks[0].TaskArn), nil
}

// done tells whether a task has ended. One that has not ended well, or not in its time, is an error.
func (r *Runner) done(ctx context.Context, task string) (bool, error) {
	found, err := r.Tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &r.Cluster, Tasks: []string{task}})
	if err != nil {
		return false, fmt.Errorf("look at the migration %s: %w", task, err)
	}
	if len(found.Tasks) != 1 {
		return false, fmt.Errorf("look at the migration %s: it is gone", task)
	}
	described := found.Tasks[0]
	if aws.ToString(described.LastStatus) != "STOPPED" {
		return false, r.inTime(ctx, task, described)
	}
	for _, container := range described.Containers {
		if aws.ToString(container.Name) != contract.ServiceContainer {
			continue
		}
		if container.ExitCode == nil {
			return true, fmt.Errorf("the migration %s did not run: %s %s", task, aws.ToString(described.StoppedReason), aws.ToString(container.Reason))
		}
		if *container.ExitCode != 0 {
			return true, fmt.Errorf("the migration %s ended with %d, and its log says why", task, *container.ExitCode)
		}
		return true, nil
	}
	return true, fmt.Errorf("the migration %s had no container %s", task, contract.ServiceContainer)
}

func (r *Runner) inTime(ctx context.Context, task string, described types.Task) error {
	if described.CreatedAt == nil || r.Now().Sub(*described.CreatedAt) < time.Duration(r.Minutes)*time.Minute {
		return nil
	}
	late := fmt.Errorf("the migration %s has not ended within %d minutes and is stopped", task, r.Minutes)
	if _, err := r.Tasks.StopTask(ctx, &ecs.StopTaskInput{Cluster: &r.Cluster, Task: &task, Reason: aws.String("it took too long")}); err != nil {
		return fmt.Errorf("%w; it could not be: %w", late, err)
	}
	return late
}
