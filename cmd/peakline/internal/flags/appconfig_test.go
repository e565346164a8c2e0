package flags

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/appconfig/types"

	"peakline/config"
)

// memory is an AppConfig in memory: versions, and deployments that end as the test says.
type memory struct {
	api         // what is not asked here
	absent      bool
	leftBehind  bool // another application of the same name, from a stack that was deleted
	versions    [][]byte
	deployments []types.DeploymentSummary
}

func (a *memory) ListApplications(context.Context, *appconfig.ListApplicationsInput, ...func(*appconfig.Options)) (*appconfig.ListApplicationsOutput, error) {
	if a.absent {
		return &appconfig.ListApplicationsOutput{}, nil
	}
	all := []types.Application{{Name: aws.String("other"), Id: aws.String("app0")}, {Name: aws.String("peakline-prod"), Id: aws.String("app1")}}
	if a.leftBehind {
		all = append(all, types.Application{Name: aws.String("peakline-prod"), Id: aws.String("app2")})
	}
	return &appconfig.ListApplicationsOutput{Items: all}, nil
}

func (a *memory) ListEnvironments(_ context.Context, in *appconfig.ListEnvironmentsInput, _ ...func(*appconfig.Options)) (*appconfig.ListEnvironmentsOutput, error) {
	return &appconfig.ListEnvironmentsOutput{Items: []types.Environment{{Name: aws.String("prod"), Id: aws.String(*in.ApplicationId + "-env")}}}, nil
}

func (a *memory) ListConfigurationProfiles(context.Context, *appconfig.ListConfigurationProfilesInput, ...func(*appconfig.Options)) (*appconfig.ListConfigurationProfilesOutput, error) {
	return &appconfig.ListConfigurationProfilesOutput{Items: []types.ConfigurationProfileSummary{{Name: aws.String("flags"), Id: aws.String("profile1")}}}, nil
}

func (a *memory) ListDeploymentStrategies(context.Context, *appconfig.ListDeploymentStrategiesInput, ...func(*appconfig.Options)) (*appconfig.ListDeploymentStrategiesOutput, error) {
	return &appconfig.ListDeploymentStrategiesOutput{Items: []types.DeploymentStrategy{
		{Name: aws.String("peakline-prod-gradual"), Id: aws.String("gradual1")}, {Name: aws.String("peakline-prod-at-once"), Id: aws.String("once1")}}}, nil
}

func (a *memory) ListDeployments(context.Context, *appconfig.ListDeploymentsInput, ...func(*appconfig.Options)) (*appconfig.ListDeploymentsOutput, error) {
	return &appconfig.ListDeploymentsOutput{Items: a.deployments}, nil
}

func (a *memory) GetHostedConfigurationVersion(_ context.Context, in *appconfig.GetHostedConfigurationVersionInput, _ ...func(*appconfig.Options)) (*appconfig.GetHostedConfigurationVersionOutput, error) {
	return &appconfig.GetHostedConfigurationVersionOutput{Content: a.versions[*in.VersionNumber-1]}, nil
}

func (a *memory) CreateHostedConfigurationVersion(_ context.Context, in *appconfig.CreateHostedConfigurationVersionInput, _ ...func(*appconfig.Options)) (*appconfig.CreateHostedConfigurationVersionOutput, error) {
	a.versions = append(a.versions, in.Content)
	return &appconfig.CreateHostedConfigurationVersionOutput{VersionNumber: int32(len(a.versions))}, nil
}

func (a *memory) StartDeployment(_ context.Context, in *appconfig.StartDeploymentInput, _ ...func(*appconfig.Options)) (*appconfig.StartDeploymentOutput, error) {
	if *in.ApplicationId != "app1" || *in.EnvironmentId != "app1-env" || *in.ConfigurationProfileId != "profile1" {
		return nil, fmt.Errorf("deployed to %s, %s, %s", *in.ApplicationId, *in.EnvironmentId, *in.ConfigurationProfileId)
	}
	a.deployments = append(a.deployments, types.DeploymentSummary{
		DeploymentNumber: int32(len(a.deployments) + 1), ConfigurationName: aws.String("flags"), ConfigurationVersion: in.ConfigurationVersion,
		State: types.DeploymentStateDeploying, PercentageComplete: aws.Float32(20), VersionLabel: in.DeploymentStrategyId})
	return &appconfig.StartDeploymentOutput{}, nil
}

// ends says how the newest deployment ended.
func (a *memory) ends(state types.DeploymentState) {
	a.deployments[len(a.deployments)-1].State = state
}

func (a *memory) change(t *testing.T, strategy func(*place) string, edit func(document) (document, error)) (string, error) {
	t.Helper()
	found, err := find(t.Context(), a, "prod")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = found.change(t.Context(), &out, strategy(found), "a test", edit)
	return out.String(), err
}

func atOnce(p *place) string    { return p.names.AtOnce }
func gradually(p *place) string { return p.names.Gradual }

func addConfigured(d document) (document, error) { return d.with(configured), nil }

func switchOff(name string) func(document) (document, error) {
	return func(d document) (document, error) { return d.moved(name, false, nil) }
}

func TestAnIncidentsSwitchOutlivesTheNextSync(t *testing.T) {
	a := &memory{}
	if _, err := a.change(t, gradually, addConfigured); err != nil {
		t.Fatal(err)
	}
	a.ends(types.DeploymentStateComplete)
	if _, err := a.change(t, atOnce, switchOff("recommendations")); err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(a.deployments[1].VersionLabel); got != "once1" {
		t.Errorf("a switch in an incident spreads with strategy %s", got)
	}
	a.ends(types.DeploymentStateComplete)
	out, err := a.change(t, gradually, addConfigured)
	if err != nil || out != "Nothing to change.\n" || len(a.versions) != 2 {
		t.Errorf("a sync writes version %d (%q, %v): the switch would be moved back", len(a.versions), out, err)
	}
}

// AppConfig took the newest version back, because an alarm fired.
func TestAVersionThatWasTakenBackIsNotTheOneToBeginWith(t *testing.T) {
	a := &memory{}
	if _, err := a.change(t, gradually, addConfigured); err != nil {
		t.Fatal(err)
	}
	a.ends(types.DeploymentStateComplete)
	if _, err := a.change(t, atOnce, switchOff("recommendations")); err != nil {
		t.Fatal(err)
	}
	a.ends(types.DeploymentStateRolledBack)
	found, err := find(t.Context(), a, "prod")
	if err != nil {
		t.Fatal(err)
	}
	if current, _, err := found.live(t.Context()); err != nil || current.Values["recommendations"][enabled] != true {
		t.Errorf("the flags are said to be %v (%v), tasks have them as before", current.Values, err)
	}
}

func TestNothingIsChangedWhileAChangeIsUnderWay(t *testing.T) {
	a := &memory{}
	if _, err := a.change(t, gradually, addConfigured); err != nil {
		t.Fatal(err)
	}
	_, err := a.change(t, atOnce, switchOff("recommendations"))
	if err == nil || !strings.Contains(err.Error(), "stop-deployment --application-id app1 --environment-id app1-env --deployment-number 1") || len(a.versions) != 1 {
		t.Errorf("got %v and %d versions, want how to take the change back", err, len(a.versions))
	}
}

func TestStatusSaysWhatIsLiveAndWhatIsNot(t *testing.T) {
	a := &memory{}
	if _, err := a.change(t, gradually, addConfigured); err != nil {
		t.Fatal(err)
	}
	a.ends(types.DeploymentStateComplete)
	found, err := find(t.Context(), a, "prod")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	more := map[string]config.Flag{"reviews": {Description: "Show reviews", On: true}, "dual-write": configured["dual-write"]}
	if err := found.show(t.Context(), &out, more); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"dual-write               off percent=0 ", "recommendations          on ", "reviews                  on                       Show reviews  (first value: run peakline flags sync)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("status lacks %q:\n%s", want, out.String())
		}
	}
}

func TestAnEnvironmentWithoutFlagsSaysWhatToDeploy(t *testing.T) {
	if _, err := find(t.Context(), &memory{absent: true}, "prod"); !errors.Is(err, errNotDeployed) {
		t.Errorf("got %v", err)
	}
}

func TestAnApplicationThatWasLeftBehindIsNotMovedInSilence(t *testing.T) {
	_, err := find(t.Context(), &memory{leftBehind: true}, "prod")
	if err == nil || !strings.Contains(err.Error(), "both app1 and app2 are called peakline-prod") {
		t.Errorf("got %v, want both applications named: a switch would move one that no task reads", err)
	}
}

func TestNumbersAreNamed(t *testing.T) {
	if numbers, err := numbersOf([]string{"percent=10"}); err != nil || numbers["percent"] != 10 {
		t.Errorf("got %v, %v", numbers, err)
	}
	for _, text := range []string{"percent", "percent=ten", "percent="} {
		if _, err := numbersOf([]string{text}); err == nil {
			t.Errorf("-set %s is accepted", text)
		}
	}
}
