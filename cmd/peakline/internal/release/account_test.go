package release

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	stacktypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	alarmtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	deploymenttypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	parametertypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

const (
	old  = "example.com/order:1"
	next = "example.com/order:2"
)

// shop is an account with one service, as far as its releases go. It keeps what is told and in which order, and its stack and
// its deployments take a few looks to end, as the script says.
type shop struct {
	images       []string // that were recorded, the newest last
	told         string   // the stack's parameter
	toldBefore   string
	codedeploy   bool
	migration    string
	status       stacktypes.StackStatus
	becomes      []stacktypes.StackStatus // what an update of the stack goes through
	ends         []stacktypes.StackStatus // what is left of the one under way
	faster       int                      // updates of somebody else that come before ours
	busyAfter    bool                     // they come after the deployment of CodeDeploy
	overtaken    string                   // the image of the next release, which has its turn before ours looks again
	reason       string
	deployment   []deploymenttypes.DeploymentStatus // what a deployment goes through
	underway     string
	override     *deploymenttypes.AlarmConfiguration
	appspec      string
	firing       []string
	withoutAlarm bool
	calls        []string
}

func (s *shop) did(format string, args ...any) {
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *shop) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if len(s.ends) > 0 {
		s.status, s.ends = s.ends[0], s.ends[1:]
		if strings.Contains(string(s.status), "ROLLBACK") {
			s.told = s.toldBefore
		}
		if len(s.ends) == 0 && s.overtaken != "" {
			s.told = s.overtaken
		}
	}
	stack := stacktypes.Stack{
		StackId: aws.String("id"), StackStatus: s.status, Capabilities: []stacktypes.Capability{stacktypes.CapabilityCapabilityNamedIam},
		Parameters: []stacktypes.Parameter{
			{ParameterKey: aws.String("BootstrapVersion"), ParameterValue: aws.String("/cdk-bootstrap/version")},
			{ParameterKey: aws.String("OrderLive"), ParameterValue: aws.String("green")},
			{ParameterKey: aws.String("OrderImage"), ParameterValue: aws.String(s.told)},
		},
	}
	if s.codedeploy {
		stack.Outputs = []stacktypes.Output{{OutputKey: aws.String("OrderRevision"), OutputValue: aws.String("revision of " + s.told)}}
		if s.migration != "" {
			stack.Outputs = append(stack.Outputs, stacktypes.Output{OutputKey: aws.String("OrderMigration"), OutputValue: aws.String(s.migration)})
		}
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []stacktypes.Stack{stack}}, nil
}

func (s *shop) UpdateStack(_ context.Context, in *cloudformation.UpdateStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.UpdateStackOutput, error) {
	if !aws.ToBool(in.UsePreviousTemplate) || len(in.Parameters) != 3 {
		return nil, errors.New("the template or a parameter would change")
	}
	if s.faster > 0 && (!s.busyAfter || s.appspec != "") {
		s.faster--
		s.ends = slices.Clone(succeeds)
		return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "Stack:id is in UPDATE_IN_PROGRESS state and can not be updated."}
	}
	for _, parameter := range in.Parameters {
		switch {
		case aws.ToString(parameter.ParameterKey) == "OrderImage":
			if aws.ToString(parameter.ParameterValue) == s.told {
				return nil, &smithy.GenericAPIError{Code: "ValidationError", Message: "No updates are to be performed."}
			}
			s.toldBefore, s.told = s.told, aws.ToString(parameter.ParameterValue)
		case !aws.ToBool(parameter.UsePreviousValue):
			return nil, fmt.Errorf("%s would change", aws.ToString(parameter.ParameterKey))
		}
	}
	s.did("bring %s", s.told)
	s.ends = slices.Clone(s.becomes)
	return &cloudformation.UpdateStackOutput{}, nil
}

func (s *shop) CancelUpdateStack(context.Context, *cloudformation.CancelUpdateStackInput, ...func(*cloudformation.Options)) (*cloudformation.CancelUpdateStackOutput, error) {
	s.did("cancel")
	return &cloudformation.CancelUpdateStackOutput{}, nil
}

func (s *shop) DescribeStackEvents(context.Context, *cloudformation.DescribeStackEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	event := func(kind, id string, status stacktypes.ResourceStatus, reason string) stacktypes.StackEvent {
		return stacktypes.StackEvent{ResourceType: &kind, LogicalResourceId: &id, ResourceStatus: status, ResourceStatusReason: &reason}
	}
	return &cloudformation.DescribeStackEventsOutput{StackEvents: []stacktypes.StackEvent{
		event("AWS::ECS::Service", "OrderService", stacktypes.ResourceStatusUpdateFailed, s.reason),
		event("AWS::CloudFormation::Stack", "shop", stacktypes.ResourceStatusUpdateInProgress, ""),
		event("AWS::ECS::Service", "OrderService", stacktypes.ResourceStatusUpdateFailed, "long ago"),
	}}, nil
}

func (s *shop) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{}
	if s.withoutAlarm {
		return out, nil
	}
	if in.AlarmNamePrefix != nil {
		in.AlarmNames = slices.DeleteFunc(append([]string{"prod-release-errors-quiet"}, s.firing...), func(name string) bool { return !strings.HasPrefix(name, *in.AlarmNamePrefix) })
	}
	for _, name := range in.AlarmNames {
		state := alarmtypes.StateValueOk
		if slices.Contains(s.firing, name) {
			state = alarmtypes.StateValueAlarm
		}
		out.MetricAlarms = append(out.MetricAlarms, alarmtypes.MetricAlarm{AlarmName: &name, StateValue: state})
	}
	return out, nil
}

func (s *shop) CreateDeployment(_ context.Context, in *codedeploy.CreateDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentOutput, error) {
	s.did("deploy %s/%s", aws.ToString(in.ApplicationName), aws.ToString(in.DeploymentGroupName))
	s.appspec, s.override = aws.ToString(in.Revision.AppSpecContent.Content), in.OverrideAlarmConfiguration
	return &codedeploy.CreateDeploymentOutput{DeploymentId: aws.String("d-1")}, nil
}

func (s *shop) GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	info := &deploymenttypes.DeploymentInfo{Status: s.deployment[0]}
	if len(s.deployment) > 1 {
		s.deployment = s.deployment[1:]
	} else if info.Status != deploymenttypes.DeploymentStatusSucceeded {
		info.ErrorInformation = &deploymenttypes.ErrorInformation{Code: deploymenttypes.ErrorCodeAlarmActive, Message: aws.String("an alarm fires")}
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: info}, nil
}

func (s *shop) ListDeployments(context.Context, *codedeploy.ListDeploymentsInput, ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentsOutput, error) {
	out := &codedeploy.ListDeploymentsOutput{}
	if s.underway != "" {
		out.Deployments = []string{s.underway}
	}
	return out, nil
}

func (s *shop) StopDeployment(_ context.Context, in *codedeploy.StopDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.StopDeploymentOutput, error) {
	s.did("stop %s, back %t", aws.ToString(in.DeploymentId), aws.ToBool(in.AutoRollbackEnabled))
	return &codedeploy.StopDeploymentOutput{}, nil
}

func (s *shop) DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{
		{Name: aws.String("pooler"), PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(6432)}}},
		{Name: aws.String("service"), PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(9000)}}},
	}}}, nil
}

func (s *shop) GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	if len(s.images) == 0 {
		return nil, &parametertypes.ParameterNotFound{}
	}
	return &ssm.GetParameterOutput{Parameter: &parametertypes.Parameter{Value: aws.String(s.images[len(s.images)-1])}}, nil
}

func (s *shop) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	if aws.ToString(in.Name) != "/peakline/prod/services/order/image" || !aws.ToBool(in.Overwrite) {
		return nil, fmt.Errorf("%s is not the parameter of order", aws.ToString(in.Name))
	}
	s.did("record %s", aws.ToString(in.Value))
	s.images = append(s.images, aws.ToString(in.Value))
	return &ssm.PutParameterOutput{}, nil
}

func (s *shop) GetParameterHistory(context.Context, *ssm.GetParameterHistoryInput, ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error) {
	out := &ssm.GetParameterHistoryOutput{}
	for _, image := range s.images {
		out.Parameters = append(out.Parameters, parametertypes.ParameterHistory{Value: aws.String(image)})
	}
	return out, nil
}

// releaser works on the shop, and writes into the text.
func (s *shop) releaser(t *testing.T) (*releaser, *bytes.Buffer) {
	t.Helper()
	var text bytes.Buffer
	if s.status == "" {
		s.status = stacktypes.StackStatusUpdateComplete
	}
	return &releaser{environment: "prod", service: "order", stacks: s, alarms: s, deployments: s, tasks: s, parameters: s, out: &text, pause: 1}, &text
}

// interrupts is a shop whose operator gives up once the deployment is about to begin.
type interrupts struct {
	*shop
	stop context.CancelFunc
}

func (i interrupts) DescribeTaskDefinition(ctx context.Context, in *ecs.DescribeTaskDefinitionInput, options ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	defer i.stop()
	return i.shop.DescribeTaskDefinition(ctx, in, options...)
}
