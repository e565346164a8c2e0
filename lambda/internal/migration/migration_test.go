package migration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"peakline/lambda/contract"
)

var now = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

// cluster is an ECS with one task, which is what each look at it says; the last is repeated. It keeps what is asked of it.
type cluster struct {
	refuses string // the reason of a start that fails
	looks   []types.Task
	calls   []string
	tokens  []string
	run     *ecs.RunTaskInput
}

func (c *cluster) RunTask(_ context.Context, in *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	c.calls, c.tokens, c.run = append(c.calls, "run"), append(c.tokens, aws.ToString(in.ClientToken)), in
	if c.refuses != "" {
		return &ecs.RunTaskOutput{Failures: []types.Failure{{Reason: &c.refuses}}}, nil
	}
	return &ecs.RunTaskOutput{Tasks: []types.Task{{TaskArn: aws.String("task-1")}}}, nil
}

func (c *cluster) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if len(c.looks) == 0 {
		return nil, errors.New("throttled")
	}
	look := c.looks[0]
	if len(c.looks) > 1 {
		c.looks = c.looks[1:]
	}
	return &ecs.DescribeTasksOutput{Tasks: []types.Task{look}}, nil
}

func (c *cluster) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	c.calls = append(c.calls, "stop "+aws.ToString(in.Task))
	return &ecs.StopTaskOutput{}, nil
}

func (c *cluster) PutLifecycleEventHookExecutionStatus(_ context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, _ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	c.calls = append(c.calls, fmt.Sprint(aws.ToString(in.DeploymentId), " ", aws.ToString(in.LifecycleEventHookExecutionId), " ", in.Status))
	return nil, nil
}

func running(since time.Duration) types.Task {
	return types.Task{LastStatus: aws.String("RUNNING"), CreatedAt: aws.Time(now.Add(-since))}
}

func ended(code *int32) types.Task {
	return types.Task{LastStatus: aws.String("STOPPED"), StoppedReason: aws.String("CannotPullContainerError"), Containers: []types.Container{
		{Name: aws.String("sidecar"), ExitCode: aws.Int32(0)}, {Name: aws.String(contract.ServiceContainer), ExitCode: code},
	}}
}

func (c *cluster) hook(log *bytes.Buffer) *Hook {
	return &Hook{Deployments: c, Pause: time.Millisecond, Log: slog.New(slog.NewJSONHandler(log, nil)), Runner: &Runner{
		Tasks: c, Now: func() time.Time { return now },
		Migration: contract.Migration{Cluster: "shop", Task: "order-migration:7", Subnets: []string{"subnet-1"}, SecurityGroup: "sg-1", Minutes: 30},
	}}
}

// fates of a migration, and what the log has to say of those that fail.
var fates = map[string]struct {
	cluster cluster
	fails   string
	stops   bool
}{
	"it ends well":                 {cluster: cluster{looks: []types.Task{running(time.Minute), running(2 * time.Minute), ended(aws.Int32(0))}}},
	"it fails":                     {cluster: cluster{looks: []types.Task{running(time.Minute), ended(aws.Int32(3))}}, fails: "ended with 3"},
	"its image cannot be fetched":  {cluster: cluster{looks: []types.Task{ended(nil)}}, fails: "did not run: CannotPullContainerError"},
	"it does not end in its time":  {cluster: cluster{looks: []types.Task{running(time.Minute), running(30 * time.Minute)}}, fails: "not ended within 30 minutes", stops: true},
	"it cannot be started":         {cluster: cluster{refuses: "Capacity is unavailable"}, fails: "Capacity is unavailable"},
	"ECS does not say how it goes": {cluster: cluster{}, fails: "throttled"},
}

func TestAReleaseUnderECSWaitsForItsMigration(t *testing.T) {
	for name, fate := range fates {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			hook := fate.cluster.hook(&log)
			details, last := "", Verdict{}
			for calls := 0; calls == 0 || last.HookStatus == InProgress; calls++ {
				if calls == 10 {
					t.Fatal("ECS is asked to call for ever")
				}
				var event Event
				payload := `{"lifecycleStage":"PRE_SCALE_UP","resourceArn":"arn:aws:ecs:eu-west-1:1:service-deployment/shop/order/x"` + details + `}`
				if err := json.Unmarshal([]byte(payload), &event); err != nil {
					t.Fatal(err)
				}
				var err error
				if last, err = hook.Handle(context.Background(), event); err != nil {
					t.Fatal(err)
				}
				state, _ := json.Marshal(last.HookDetails)
				details = `,"hookDetails":` + string(state)
			}
			want := map[bool]string{true: Succeeded, false: Failed}[fate.fails == ""]
			if last.HookStatus != want || !strings.Contains(log.String(), fate.fails) {
				t.Errorf("ECS hears %s, want %s: %s", last.HookStatus, want, log.String())
			}
			if got := slices.Contains(fate.cluster.calls, "stop task-1"); got != fate.stops {
				t.Errorf("did %v, stopped the task: %t, want %t", fate.cluster.calls, got, fate.stops)
			}
			if started := len(fate.cluster.tokens); started != 1 {
				t.Errorf("%d migrations were started for one release", started)
			}
		})
	}
}

func TestAReleaseUnderCodeDeployWaitsForItsMigration(t *testing.T) {
	for name, fate := range fates {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			hook := fate.cluster.hook(&log)
			if _, err := hook.Handle(context.Background(), Event{DeploymentID: "d-1", ExecutionID: "e-1"}); err != nil {
				t.Fatal(err)
			}
			want := "d-1 e-1 " + map[bool]string{true: "Succeeded", false: "Failed"}[fate.fails == ""]
			if calls := fate.cluster.calls; calls[len(calls)-1] != want || !strings.Contains(log.String(), fate.fails) {
				t.Errorf("did %v, want %s at the end: %s", calls, want, log.String())
			}
		})
	}
}

func TestACallThatIsRepeatedStartsNoSecondMigration(t *testing.T) {
	var log bytes.Buffer
	cluster := &cluster{looks: []types.Task{running(time.Minute)}}
	hook := cluster.hook(&log)
	for _, release := range []string{"one", "one", "other"} {
		if _, err := hook.Handle(context.Background(), Event{ResourceARN: release}); err != nil {
			t.Fatal(err)
		}
	}
	if cluster.tokens[0] != cluster.tokens[1] || cluster.tokens[0] == cluster.tokens[2] || len(cluster.tokens[0]) > 64 {
		t.Errorf("ECS is told %v, want one token for each release: two migrations would run at once", cluster.tokens)
	}
	network := cluster.run.NetworkConfiguration.AwsvpcConfiguration
	if network.AssignPublicIp != types.AssignPublicIpDisabled || !slices.Equal(network.SecurityGroups, []string{"sg-1"}) || aws.ToString(cluster.run.TaskDefinition) != "order-migration:7" {
		t.Errorf("the migration runs as %+v in %+v", cluster.run, network)
	}
}
