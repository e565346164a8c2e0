package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	alarmtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	parametertypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"peakline/lambda/contract"
)

// alarms is CloudWatch, as far as a release needs it.
type alarms interface {
	DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput, options ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

// stacks is CloudFormation.
type stacks interface {
	CancelUpdateStack(ctx context.Context, in *cloudformation.CancelUpdateStackInput, options ...func(*cloudformation.Options)) (*cloudformation.CancelUpdateStackOutput, error)
	DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, options ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error)
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, options ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	UpdateStack(ctx context.Context, in *cloudformation.UpdateStackInput, options ...func(*cloudformation.Options)) (*cloudformation.UpdateStackOutput, error)
}

// deployments is CodeDeploy.
type deployments interface {
	CreateDeployment(ctx context.Context, in *codedeploy.CreateDeploymentInput, options ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentOutput, error)
	GetDeployment(ctx context.Context, in *codedeploy.GetDeploymentInput, options ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error)
	ListDeployments(ctx context.Context, in *codedeploy.ListDeploymentsInput, options ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentsOutput, error)
	StopDeployment(ctx context.Context, in *codedeploy.StopDeploymentInput, options ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error)
}

// tasks is ECS.
type tasks interface {
	DescribeTaskDefinition(ctx context.Context, in *ecs.DescribeTaskDefinitionInput, options ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// parameters is the Parameter Store, whose history is the list of releases.
type parameters interface {
	ssm.GetParameterHistoryAPIClient
	GetParameter(ctx context.Context, in *ssm.GetParameterInput, options ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(ctx context.Context, in *ssm.PutParameterInput, options ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// releaser releases one service of one environment.
type releaser struct {
	environment, service string
	stacks               stacks
	alarms               alarms
	deployments          deployments
	tasks                tasks
	parameters           parameters
	out                  io.Writer
	// pause is the time between two looks at what is under way.
	pause time.Duration
}

// release brings an image to visitors and records it. It takes its turn when somebody else changes the stack, and reads the alarms
// when it has it.
func (r *releaser) release(ctx context.Context, image, despite string) error {
	for {
		stack, err := r.settled(ctx)
		if err != nil {
			return err
		}
		firing, err := r.refuse(ctx, despite)
		if err != nil {
			return err
		}
		if r.revision(stack) != "" {
			err = r.releaseByCodeDeploy(ctx, stack, image, firing)
		} else {
			_, err = r.bring(ctx, stack, image)
		}
		var later overtakenError
		switch {
		case errors.Is(err, errBusy):
			continue
		case errors.As(err, &later):
			r.say("%s came after %s, which is not recorded.", later.by, image)
			return nil
		case err != nil:
			return err
		}
		return r.record(ctx, image)
	}
}

// releaseByCodeDeploy registers the revision, which CloudFormation runs nowhere, and hands it to CodeDeploy. When that fails,
// the stack is told the released image again: schedules follow it.
func (r *releaser) releaseByCodeDeploy(ctx context.Context, stack cloudformationtypes.Stack, image string, firing []alarmtypes.MetricAlarm) error {
	other, err := r.underway(ctx)
	if err != nil {
		return err
	}
	if other != nil {
		return fmt.Errorf("release %s: deployment %s is under way; wait for its end, or take it back: peakline release rollback %s -env %s",
			r.service, aws.ToString(other), r.service, r.environment)
	}
	released, err := r.released(ctx)
	if err != nil {
		return err
	}
	stack, err = r.bring(ctx, stack, image)
	var later overtakenError
	switch {
	case errors.As(err, &later):
		return fmt.Errorf("release %s: %s came before CodeDeploy had %s, which was not released", r.service, later.by, image)
	case err != nil:
		return err
	}
	if err := r.deploy(ctx, r.revision(stack), r.migration(stack), firing); err != nil {
		if ctx.Err() != nil {
			return err // the deployment goes on, and the command may be run again
		}
		return errors.Join(err, r.bringBack(ctx, released))
	}
	return nil
}

// bringBack tells the stack the released image again, as soon as it can be told.
func (r *releaser) bringBack(ctx context.Context, released string) error {
	for {
		stack, err := r.settled(ctx)
		if err != nil {
			return err
		}
		_, err = r.bring(ctx, stack, released)
		switch {
		case errors.As(err, new(overtakenError)):
			return nil // schedules follow the next release
		case !errors.Is(err, errBusy):
			return err
		}
	}
}

// refuse does so while an alarm fires, unless there is a reason. Under ECS nobody else would: it ignores all alarms of a
// deployment that begins while one of them fires.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
func (r *releaser) refuse(ctx context.Context, despite string) ([]alarmtypes.MetricAlarm, error) {
	firing, err := r.firing(ctx)
	if err != nil || len(firing) == 0 {
		return nil, err
	}
	var names []string
	for _, alarm := range firing {
		names = append(names, aws.ToString(alarm.AlarmName))
	}
	if strings.TrimSpace(despite) == "" {
		return nil, fmt.Errorf("release %s: %s fires, and a fault of the release would not be seen; wait for its end, or give the reason of a fix: -despite '…'",
			r.service, strings.Join(names, " and "))
	}
	r.say("%s fires. Releasing despite that: %s. Under ECS no alarm takes this release back.", strings.Join(names, " and "), despite)
	return firing, nil
}

// check is for a deployment of the stack by other means than a release: it starts new tasks too, where their revision changes, and
// under ECS no alarm that fires by then takes them back.
func (r *releaser) check(ctx context.Context, despite string) error {
	var names []string
	watched := 0
	pages := cloudwatch.NewDescribeAlarmsPaginator(r.alarms, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(r.environment + "-release-")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("read the release alarms of %s: %w", r.environment, err)
		}
		watched += len(page.MetricAlarms)
		for _, alarm := range page.MetricAlarms {
			if alarm.StateValue == alarmtypes.StateValueAlarm {
				names = append(names, aws.ToString(alarm.AlarmName))
			}
		}
	}
	switch {
	case watched == 0:
		r.say("%s has no release alarms here: its services are not deployed yet, or this is another account or region.", r.environment)
	case len(names) == 0:
		r.say("None of the %d release alarms of %s fires.", watched, r.environment)
	case strings.TrimSpace(despite) == "":
		return fmt.Errorf("deploy %s: %s fires, and a fault of the deployment would not be taken back; wait for its end, or give the reason of a fix: -despite '…'",
			r.environment, strings.Join(names, " and "))
	default:
		r.say("%s fires. Deploying despite that: %s. Under ECS no alarm takes this deployment back.", strings.Join(names, " and "), despite)
	}
	return nil
}

func (r *releaser) firing(ctx context.Context) ([]alarmtypes.MetricAlarm, error) {
	names := contract.ReleaseAlarms(r.environment, r.service)
	found, err := r.alarms.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: names, AlarmTypes: []alarmtypes.AlarmType{alarmtypes.AlarmTypeMetricAlarm}})
	if err != nil {
		return nil, fmt.Errorf("read the alarms of %s: %w", r.service, err)
	}
	if len(found.MetricAlarms) != len(names) {
		return nil, fmt.Errorf("read the alarms of %s: %d of %s are there; is it a service of %s, and deployed?", r.service, len(found.MetricAlarms), strings.Join(names, ", "), r.environment)
	}
	var firing []alarmtypes.MetricAlarm
	for _, alarm := range found.MetricAlarms {
		if alarm.StateValue == alarmtypes.StateValueAlarm {
			firing = append(firing, alarm)
		}
	}
	return firing, nil
}

// rollback stops the release that is under way. Without one, it releases the image of before.
func (r *releaser) rollback(ctx context.Context, despite string) error {
	stack, err := r.stack(ctx)
	if err != nil {
		return err
	}
	released, err := r.released(ctx)
	if err != nil {
		return err
	}
	if r.revision(stack) != "" {
		deployment, err := r.underway(ctx)
		if err != nil {
			return err
		}
		if deployment != nil {
			r.say("Taking deployment %s back.", aws.ToString(deployment))
			if _, err := r.deployments.StopDeployment(ctx, &codedeploy.StopDeploymentInput{DeploymentId: deployment, AutoRollbackEnabled: aws.Bool(true)}); err != nil {
				return fmt.Errorf("take deployment %s back: %w", aws.ToString(deployment), err)
			}
			return nil
		}
	} else if stack.StackStatus == cloudformationtypes.StackStatusUpdateInProgress {
		if brought := r.brought(stack); brought == "" || brought == released {
			return fmt.Errorf("take the release of %s back: %s is busy with something else; wait for its end", r.service, r.stackName())
		}
		r.say("Taking %s back.", r.brought(stack))
		if _, err := r.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: stack.StackId}); err != nil {
			return fmt.Errorf("cancel the update of %s: %w", r.stackName(), err)
		}
		return nil
	}
	before, err := r.before(ctx)
	if err != nil {
		return err
	}
	r.say("No release of %s is under way. Going back to %s.", r.service, before)
	return r.release(ctx, before, despite)
}

// record makes the image the released one, which deployments, schedules and migrations read.
func (r *releaser) record(ctx context.Context, image string) error {
	name := contract.ReleasedImageParameter(r.environment, r.service)
	released, err := r.released(ctx)
	if err != nil {
		return err
	}
	if released != image {
		if _, err := r.parameters.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &image, Overwrite: aws.Bool(true)}); err != nil {
			return fmt.Errorf("record %s in %s: %w; the release has succeeded: run the command again", image, name, err)
		}
	}
	r.say("%s is released.", image)
	return nil
}

func (r *releaser) released(ctx context.Context) (string, error) {
	name := contract.ReleasedImageParameter(r.environment, r.service)
	found, err := r.parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	var missing *parametertypes.ParameterNotFound
	switch {
	case errors.As(err, &missing):
		return "", fmt.Errorf("read what is released: there is no parameter %s; is %s a service of %s?", name, r.service, r.environment)
	case err != nil:
		return "", fmt.Errorf("read what is released in %s: %w", name, err)
	}
	return aws.ToString(found.Parameter.Value), nil
}

// before is the image that was released before the one of now.
func (r *releaser) before(ctx context.Context) (string, error) {
	name := contract.ReleasedImageParameter(r.environment, r.service)
	var images []string
	for pages := ssm.NewGetParameterHistoryPaginator(r.parameters, &ssm.GetParameterHistoryInput{Name: &name}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("read the releases of %s in %s: %w", r.service, name, err)
		}
		for _, version := range page.Parameters {
			images = append(images, aws.ToString(version.Value))
		}
	}
	for i := len(images) - 2; i >= 0; i-- {
		if images[i] != images[len(images)-1] {
			return images[i], nil
		}
	}
	return "", fmt.Errorf("go back: %s has had no other image", r.service)
}

func (r *releaser) say(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

// wait pauses between two looks.
func (r *releaser) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("watch the release of %s: %w; it goes on without this command, which can be run again", r.service, ctx.Err())
	case <-time.After(r.pause):
		return nil
	}
}
