package release

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"peakline/lambda/contract"
)

func (r *releaser) stackName() string { return r.environment + "-Services" }

func (r *releaser) stack(ctx context.Context) (types.Stack, error) {
	found, err := r.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(r.stackName())})
	if err != nil {
		return types.Stack{}, fmt.Errorf("look at the stack %s: %w", r.stackName(), err)
	}
	if len(found.Stacks) != 1 {
		return types.Stack{}, fmt.Errorf("look at the stack %s: it is not there; deploy it first", r.stackName())
	}
	return found.Stacks[0], nil
}

// settled waits until nobody else changes the stack: one release under ECS, or deployment, follows the other.
func (r *releaser) settled(ctx context.Context) (types.Stack, error) {
	for waiting := false; ; waiting = true {
		stack, err := r.stack(ctx)
		if err != nil || !strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS") {
			return stack, err
		}
		if !waiting {
			r.say("%s is %s; waiting for its end.", r.stackName(), stack.StackStatus)
		}
		if err := r.wait(ctx); err != nil {
			return stack, err
		}
	}
}

// isOurs tells the parameter of a service by the name that the construct gives it: OrderImage.
func (r *releaser) isOurs(id *string, kind string) bool {
	return strings.EqualFold(aws.ToString(id), strings.ReplaceAll(r.service, "-", "")+kind)
}

// brought is the image that the stack was told last; empty before the first release.
func (r *releaser) brought(stack types.Stack) string {
	for _, parameter := range stack.Parameters {
		if r.isOurs(parameter.ParameterKey, contract.ReleaseParameter) {
			return aws.ToString(parameter.ParameterValue)
		}
	}
	return ""
}

// revision is what a service under CodeDeploy is released to; empty under ECS.
func (r *releaser) revision(stack types.Stack) string {
	return r.output(stack, contract.RevisionOutput)
}

// migration is the function that runs the migration of a service under CodeDeploy; empty where there is none.
func (r *releaser) migration(stack types.Stack) string {
	return r.output(stack, contract.MigrationOutput)
}

func (r *releaser) output(stack types.Stack, kind string) string {
	for _, output := range stack.Outputs {
		if r.isOurs(output.OutputKey, kind) {
			return aws.ToString(output.OutputValue)
		}
	}
	return ""
}

// errBusy says that somebody else was faster, and changes the stack now.
var errBusy = errors.New("the stack is busy")

// overtakenError says that the next release of the service had its turn between two looks. What it brought, it records.
type overtakenError struct{ by string }

func (e overtakenError) Error() string { return e.by + " came later" }

// bring tells the stack the image, and waits for what it makes of it. The template and every other parameter stay.
func (r *releaser) bring(ctx context.Context, stack types.Stack, image string) (types.Stack, error) {
	var told []types.Parameter
	known := false
	for _, parameter := range stack.Parameters {
		next := types.Parameter{ParameterKey: parameter.ParameterKey, UsePreviousValue: aws.Bool(true)}
		if r.isOurs(parameter.ParameterKey, contract.ReleaseParameter) {
			known, next.UsePreviousValue, next.ParameterValue = true, nil, aws.String(image)
		}
		told = append(told, next)
	}
	if !known {
		return stack, fmt.Errorf("tell %s the image: it has no parameter for %s; deploy the environment first", r.stackName(), r.service)
	}
	_, err := r.stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: stack.StackId, UsePreviousTemplate: aws.Bool(true), Parameters: told, Capabilities: stack.Capabilities,
	})
	var refused smithy.APIError
	if errors.As(err, &refused) && strings.Contains(refused.ErrorMessage(), "No updates are to be performed") {
		return stack, nil // it was told before, by a command that was cut off
	}
	if errors.As(err, &refused) && strings.Contains(refused.ErrorMessage(), "_IN_PROGRESS state and can not be updated") {
		return stack, errBusy
	}
	if err != nil {
		return stack, fmt.Errorf("tell %s the image %s: %w", r.stackName(), image, err)
	}
	r.say("%s brings %s.", r.stackName(), image)
	stack, err = r.watch(ctx, image)
	if last := r.brought(stack); err == nil && last != image {
		return stack, overtakenError{by: last}
	}
	return stack, err
}

// watch shows what becomes of the stack until it is settled.
func (r *releaser) watch(ctx context.Context, image string) (types.Stack, error) {
	last := ""
	for {
		stack, err := r.stack(ctx)
		if err != nil {
			return stack, err
		}
		if progress := fmt.Sprintf("%s %s", stack.StackStatus, aws.ToString(stack.StackStatusReason)); progress != last {
			last = progress
			r.say("  %s", strings.TrimSpace(progress))
		}
		switch {
		case stack.StackStatus == types.StackStatusUpdateComplete:
			return stack, nil
		case !strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS"):
			return stack, fmt.Errorf("release %s: %s is %s, and %s runs what it ran before%s", image, r.stackName(), stack.StackStatus, r.service, r.why(ctx))
		}
		if err := r.wait(ctx); err != nil {
			return stack, err
		}
	}
}

// why is the first failure of the last update.
func (r *releaser) why(ctx context.Context) (reason string) {
	events, err := r.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(r.stackName())})
	if err != nil {
		return ""
	}
	for _, event := range events.StackEvents { // the newest first
		if aws.ToString(event.ResourceType) == "AWS::CloudFormation::Stack" && event.ResourceStatus == types.ResourceStatusUpdateInProgress {
			break
		}
		if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			reason = fmt.Sprintf(": %s: %s", aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceStatusReason))
		}
	}
	return reason
}
