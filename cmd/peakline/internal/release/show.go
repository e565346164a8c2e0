package release

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"peakline/lambda/contract"
)

// show tells where the releases of the service stand.
func (r *releaser) show(ctx context.Context) error {
	released, err := r.released(ctx)
	if err != nil {
		return err
	}
	stack, err := r.stack(ctx)
	if err != nil {
		return err
	}
	underway, err := r.describeUnderway(ctx, stack, released)
	if err != nil {
		return err
	}
	firing, err := r.firing(ctx)
	if err != nil {
		return err
	}
	if r.brought(stack) == "" {
		released = "none yet; visitors get a page that says so"
	}
	r.say("released        %s", released)
	r.say("under way       %s", underway)
	r.say("stack           %s is %s", r.stackName(), stack.StackStatus)
	if len(firing) == 0 {
		r.say("release alarms  none of the %d fires", len(contract.ReleaseAlarms(r.environment, r.service)))
	}
	for _, alarm := range firing {
		r.say("release alarms  %s fires: %s", aws.ToString(alarm.AlarmName), aws.ToString(alarm.StateReason))
	}
	return nil
}

// describeUnderway tells which image is on its way to visitors, and how.
func (r *releaser) describeUnderway(ctx context.Context, stack types.Stack, released string) (string, error) {
	brought := r.brought(stack)
	if r.revision(stack) != "" {
		deployment, err := r.underway(ctx)
		if err != nil {
			return "", err
		}
		if deployment != nil {
			return fmt.Sprintf("%s, by CodeDeploy's deployment %s", brought, aws.ToString(deployment)), nil
		}
	}
	switch {
	case brought == "" || brought == released:
		return "nothing", nil
	case strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS"):
		return fmt.Sprintf("%s, by a deployment of %s", brought, r.stackName()), nil
	}
	return fmt.Sprintf("nothing; %s was brought and not recorded: release start %s with it once more, or with %s to leave it", brought, r.service, released), nil
}
