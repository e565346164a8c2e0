package release

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	alarmtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"peakline/lambda/contract"
)

// deploy lets CodeDeploy release a revision, and waits for the end. Alarms that fire already would stop it at once; it looks
// at the others.
func (r *releaser) deploy(ctx context.Context, revision, migration string, firing []alarmtypes.MetricAlarm) error {
	port, err := r.port(ctx, revision)
	if err != nil {
		return err
	}
	appspec, err := renderAppspec(r.environment, r.service, revision, migration, port)
	if err != nil {
		return err
	}
	in := &codedeploy.CreateDeploymentInput{
		ApplicationName:     aws.String(contract.DeploymentApplication(r.environment, r.service)),
		DeploymentGroupName: aws.String(contract.DeploymentGroup),
		Revision: &types.RevisionLocation{
			RevisionType: types.RevisionLocationTypeAppSpecContent, AppSpecContent: &types.AppSpecContent{Content: &appspec},
		},
	}
	if len(firing) > 0 {
		in.OverrideAlarmConfiguration = r.others(firing)
	}
	created, err := r.deployments.CreateDeployment(ctx, in)
	if err != nil {
		return fmt.Errorf("release %s by CodeDeploy: %w", r.service, err)
	}
	r.say("CodeDeploy releases %s, deployment %s.", revision, aws.ToString(created.DeploymentId))
	return r.follow(ctx, created.DeploymentId)
}

// others are the release's alarms that do not fire.
func (r *releaser) others(firing []alarmtypes.MetricAlarm) *types.AlarmConfiguration {
	watched := &types.AlarmConfiguration{Enabled: true}
	for _, name := range contract.ReleaseAlarms(r.environment, r.service) {
		if !slices.ContainsFunc(firing, func(alarm alarmtypes.MetricAlarm) bool { return aws.ToString(alarm.AlarmName) == name }) {
			watched.Alarms = append(watched.Alarms, types.Alarm{Name: aws.String(name)})
		}
	}
	watched.Enabled = len(watched.Alarms) > 0
	return watched
}

// port is where the service listens in a revision.
func (r *releaser) port(ctx context.Context, revision string) (int, error) {
	found, err := r.tasks.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if err != nil {
		return 0, fmt.Errorf("look at the revision %s: %w", revision, err)
	}
	for _, container := range found.TaskDefinition.ContainerDefinitions {
		if aws.ToString(container.Name) == contract.ServiceContainer && len(container.PortMappings) == 1 {
			return int(aws.ToInt32(container.PortMappings[0].ContainerPort)), nil
		}
	}
	return 0, fmt.Errorf("look at the revision %s: its container %s has no port", revision, contract.ServiceContainer)
}

// follow shows how a deployment goes until it has ended.
func (r *releaser) follow(ctx context.Context, id *string) error {
	last := types.DeploymentStatus("")
	for {
		found, err := r.deployments.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: id})
		if err != nil {
			return fmt.Errorf("look at deployment %s: %w", aws.ToString(id), err)
		}
		deployment := found.DeploymentInfo
		if deployment.Status != last {
			last = deployment.Status
			r.say("  %s", last)
		}
		switch deployment.Status {
		case types.DeploymentStatusSucceeded:
			return nil
		case types.DeploymentStatusFailed, types.DeploymentStatusStopped:
			why := ""
			if information := deployment.ErrorInformation; information != nil {
				why = fmt.Sprintf(": %s: %s", information.Code, aws.ToString(information.Message))
			}
			return fmt.Errorf("release %s: deployment %s is %s, and visitors have what they had before%s", r.service, aws.ToString(id), deployment.Status, why)
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
}

// underway is CodeDeploy's deployment of the service that has not ended; nil without one.
func (r *releaser) underway(ctx context.Context) (*string, error) {
	listed, err := r.deployments.ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
		ApplicationName:     aws.String(contract.DeploymentApplication(r.environment, r.service)),
		DeploymentGroupName: aws.String(contract.DeploymentGroup),
		IncludeOnlyStatuses: []types.DeploymentStatus{types.DeploymentStatusCreated, types.DeploymentStatusQueued,
			types.DeploymentStatusInProgress, types.DeploymentStatusBaking, types.DeploymentStatusReady},
	})
	if err != nil {
		return nil, fmt.Errorf("look for a deployment of %s: %w", r.service, err)
	}
	if len(listed.Deployments) == 0 {
		return nil, nil
	}
	return &listed.Deployments[0], nil
}
