package flags

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/appconfig/types"

	"peakline/lambda/contract"
)

// api is what is asked of AppConfig.
type api interface {
	appconfig.ListApplicationsAPIClient
	appconfig.ListConfigurationProfilesAPIClient
	appconfig.ListDeploymentStrategiesAPIClient
	appconfig.ListDeploymentsAPIClient
	appconfig.ListEnvironmentsAPIClient
	appconfig.ListHostedConfigurationVersionsAPIClient
	GetHostedConfigurationVersion(context.Context, *appconfig.GetHostedConfigurationVersionInput, ...func(*appconfig.Options)) (*appconfig.GetHostedConfigurationVersionOutput, error)
	CreateHostedConfigurationVersion(context.Context, *appconfig.CreateHostedConfigurationVersionInput, ...func(*appconfig.Options)) (*appconfig.CreateHostedConfigurationVersionOutput, error)
	StartDeployment(context.Context, *appconfig.StartDeploymentInput, ...func(*appconfig.Options)) (*appconfig.StartDeploymentOutput, error)
}

// place is where the flags of an environment are, by the ids that AppConfig gave.
type place struct {
	api                               api
	names                             contract.Flags
	application, environment, profile string
	strategies                        map[string]string
}

// errNotDeployed says that the stack with the flags is not there.
var errNotDeployed = errors.New("the environment has none: deploy its stack FeatureFlags first")

func find(ctx context.Context, client api, environment string) (*place, error) {
	p := &place{api: client, names: contract.FlagsOf(environment), strategies: map[string]string{}}
	for pages := appconfig.NewListApplicationsPaginator(client, &appconfig.ListApplicationsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the applications of AppConfig: %w", err)
		}
		for _, item := range page.Items {
			if aws.ToString(item.Name) == p.names.Application {
				if p.application != "" { // AppConfig takes a name twice, and what a stack left behind is read by nobody
					return nil, fmt.Errorf("find the flags of %s: both %s and %s are called %s, and tasks read one of them only: delete the one that the stack FeatureFlags does not have",
						environment, p.application, aws.ToString(item.Id), p.names.Application)
				}
				p.application = aws.ToString(item.Id)
			}
		}
	}
	if p.application == "" {
		return nil, fmt.Errorf("find the flags of %s: %w", environment, errNotDeployed)
	}
	for pages := appconfig.NewListEnvironmentsPaginator(client, &appconfig.ListEnvironmentsInput{ApplicationId: &p.application}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the environments of %s: %w", p.names.Application, err)
		}
		for _, item := range page.Items {
			if aws.ToString(item.Name) == p.names.Environment {
				p.environment = aws.ToString(item.Id)
			}
		}
	}
	for pages := appconfig.NewListConfigurationProfilesPaginator(client, &appconfig.ListConfigurationProfilesInput{ApplicationId: &p.application}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the profiles of %s: %w", p.names.Application, err)
		}
		for _, item := range page.Items {
			if aws.ToString(item.Name) == p.names.Profile {
				p.profile = aws.ToString(item.Id)
			}
		}
	}
	for pages := appconfig.NewListDeploymentStrategiesPaginator(client, &appconfig.ListDeploymentStrategiesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the deployment strategies: %w", err)
		}
		for _, item := range page.Items {
			p.strategies[aws.ToString(item.Name)] = aws.ToString(item.Id)
		}
	}
	if p.environment == "" || p.profile == "" || p.strategies[p.names.Gradual] == "" || p.strategies[p.names.AtOnce] == "" {
		return nil, fmt.Errorf("find the flags of %s: %w", environment, errNotDeployed)
	}
	return p, nil
}

// under way are the states in which AppConfig starts no other deployment.
var underWay = []types.DeploymentState{types.DeploymentStateBaking, types.DeploymentStateDeploying, types.DeploymentStateValidating, types.DeploymentStateRollingBack}

// live is the document that tasks have, and whether a change to it is under way. The newest version is not the one to begin
// with: it may have been taken back.
func (p *place) live(ctx context.Context) (current document, changing *types.DeploymentSummary, err error) {
	var deployments []types.DeploymentSummary
	for pages := appconfig.NewListDeploymentsPaginator(p.api, &appconfig.ListDeploymentsInput{ApplicationId: &p.application, EnvironmentId: &p.environment}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return document{}, nil, fmt.Errorf("list the changes of the flags: %w", err)
		}
		deployments = append(deployments, page.Items...)
	}
	slices.SortFunc(deployments, func(a, b types.DeploymentSummary) int { return int(b.DeploymentNumber - a.DeploymentNumber) })
	for _, deployment := range deployments {
		if aws.ToString(deployment.ConfigurationName) != p.names.Profile {
			continue
		}
		if slices.Contains(underWay, deployment.State) && changing == nil {
			changing = &deployment
			continue
		}
		if deployment.State != types.DeploymentStateComplete {
			continue
		}
		version, err := strconv.ParseInt(aws.ToString(deployment.ConfigurationVersion), 10, 32)
		if err != nil {
			return document{}, nil, fmt.Errorf("read the version of the flags: %w", err)
		}
		found, err := p.api.GetHostedConfigurationVersion(ctx, &appconfig.GetHostedConfigurationVersionInput{
			ApplicationId: &p.application, ConfigurationProfileId: &p.profile, VersionNumber: aws.Int32(int32(version))})
		if err != nil {
			return document{}, nil, fmt.Errorf("read version %d of the flags: %w", version, err)
		}
		current, err = parse(found.Content)
		return current, changing, err
	}
	return document{}, changing, nil
}

// publish writes a version and spreads it.
func (p *place) publish(ctx context.Context, changed document, strategy, reason string) (version int32, err error) {
	created, err := p.api.CreateHostedConfigurationVersion(ctx, &appconfig.CreateHostedConfigurationVersionInput{
		ApplicationId: &p.application, ConfigurationProfileId: &p.profile,
		Content: changed.text(), ContentType: aws.String("application/json"), Description: &reason})
	if err != nil {
		return 0, fmt.Errorf("write a version of the flags: %w", err)
	}
	if _, err := p.api.StartDeployment(ctx, &appconfig.StartDeploymentInput{
		ApplicationId: &p.application, EnvironmentId: &p.environment, ConfigurationProfileId: &p.profile,
		ConfigurationVersion: aws.String(strconv.Itoa(int(created.VersionNumber))), DeploymentStrategyId: aws.String(p.strategies[strategy]), Description: &reason,
	}); err != nil {
		return 0, fmt.Errorf("spread version %d of the flags: %w", created.VersionNumber, err)
	}
	return created.VersionNumber, nil
}
