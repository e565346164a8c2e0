// Package settings reads what the scaler is told to do: the policy that was deployed and the operator's override, two
// SSM parameters read by one call. It also writes the override, for the operator's tool.
package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

// Reader is what reading takes of SSM.
type Reader interface {
	GetParameters(context.Context, *ssm.GetParametersInput, ...func(*ssm.Options)) (*ssm.GetParametersOutput, error)
}

// Writer is what the operator's tool takes of SSM beyond reading.
type Writer interface {
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

// Parameters is all of it.
type Parameters interface {
	Reader
	Writer
}

// ErrNotDeployed says that there is no deployed policy: the scaler is not, or no longer, in charge of the cluster.
var ErrNotDeployed = errors.New("no policy is deployed")

// Settings is the policy to follow, the override in it.
type Settings struct {
	Policy decision.Policy
	// Override says what became of the override parameter.
	Override OverrideStatus
}

// Read reads policy and override. An override that is absent, unreadable, malformed or expired leaves the deployed
// policy. A missing policy is ErrNotDeployed; an invalid one is an error that says what is wrong.
func Read(ctx context.Context, parameters Reader, environment string, now time.Time) (Settings, error) {
	policyName, overrideName := contract.PolicyParameter(environment), contract.OverrideParameter(environment)
	out, err := parameters.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{policyName, overrideName}})
	if err != nil {
		return Settings{}, fmt.Errorf("read parameters %s and %s: %w", policyName, overrideName, err)
	}
	found := map[string]types.Parameter{}
	for _, parameter := range out.Parameters {
		found[aws.ToString(parameter.Name)] = parameter
	}
	deployed, ok := found[policyName]
	if !ok {
		return Settings{}, fmt.Errorf("read parameter %s: %w", policyName, ErrNotDeployed)
	}
	policy, err := decision.ParsePolicy([]byte(aws.ToString(deployed.Value)))
	if err != nil {
		return Settings{}, fmt.Errorf("read parameter %s: %w", policyName, err)
	}
	// The environment's name decides which readers are ours, here as in the permissions.
	policy.Prefix = contract.ReaderPrefix(environment)
	settings := Settings{Policy: policy}
	if parameter, ok := found[overrideName]; ok {
		settings.Policy.Override, settings.Override = ParseOverride(
			[]byte(aws.ToString(parameter.Value)), policy, aws.ToTime(parameter.LastModifiedDate), now)
	}
	return settings, nil
}

// Write stores an override, replacing the one before.
func Write(ctx context.Context, parameters Writer, environment string, override decision.Override) error {
	name := contract.OverrideParameter(environment)
	text, err := json.Marshal(override)
	if err != nil {
		return fmt.Errorf("write parameter %s: %w", name, err)
	}
	_, err = parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &name, Value: aws.String(string(text)), Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
		Description: aws.String("The operator's hand on the replica scaler; written by peakline scaler"),
	})
	if err != nil {
		return fmt.Errorf("write parameter %s: %w", name, err)
	}
	return nil
}

// Remove deletes the override. Without one it does nothing.
func Remove(ctx context.Context, parameters Writer, environment string) error {
	name := contract.OverrideParameter(environment)
	_, err := parameters.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name})
	var absent *types.ParameterNotFound
	if err != nil && !errors.As(err, &absent) {
		return fmt.Errorf("delete parameter %s: %w", name, err)
	}
	return nil
}
