// Package rotation changes database passwords on behalf of Secrets Manager, in the four steps of its contract
// (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). It keeps nothing
// between invocations: each step reads how far the secret and the database are and does what is missing, so a step may
// fail anywhere, come twice or come late.
package rotation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5/pgconn"
)

// The staging labels of a secret's versions.
const (
	currentLabel  = "AWSCURRENT"
	pendingLabel  = "AWSPENDING"
	previousLabel = "AWSPREVIOUS"
)

// secretsAPI is what rotation needs of Secrets Manager.
type secretsAPI interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	GetRandomPassword(context.Context, *secretsmanager.GetRandomPasswordInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetRandomPasswordOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

// Rotator rotates secrets of PostgreSQL clusters.
type Rotator struct {
	Secrets secretsAPI
	Roots   *x509.CertPool  // the authorities a cluster's certificate may come from
	Dial    pgconn.DialFunc // how the cluster is reached; nil: TCP
	Log     *slog.Logger    // one line per invocation
}

// Handle performs one step. It fails with ErrUnknownStep, ErrNotEnabled or ErrNotStaged for an invocation that makes no
// sense, ErrBadSecret, ErrForeignRole, ErrForeignSchema, ErrOpen or ErrNotShared for what a person has to mend, and
// otherwise with the error of Secrets Manager or PostgreSQL, after which Secrets Manager starts over with createSecret and
// the same version.
func (r *Rotator) Handle(ctx context.Context, event events.SecretsManagerSecretRotationEvent) error {
	line := r.Log.With("step", event.Step, "secret", event.SecretID, "version", event.ClientRequestToken)
	outcome, err := r.perform(ctx, event)
	if err != nil {
		err = fmt.Errorf("%s of %s, version %s: %w", event.Step, event.SecretID, event.ClientRequestToken, err)
		line.ErrorContext(ctx, "rotation step failed", "error", err.Error())
		return err
	}
	line.InfoContext(ctx, "rotation step done", "outcome", outcome)
	return nil
}

func (r *Rotator) perform(ctx context.Context, event events.SecretsManagerSecretRotationEvent) (outcome string, err error) {
	step, ok := steps[event.Step]
	if !ok {
		return "", fmt.Errorf("%w, want one of %s", ErrUnknownStep, strings.Join(slices.Sorted(maps.Keys(steps)), ", "))
	}
	v := version{Rotator: r, secret: event.SecretID, id: event.ClientRequestToken}
	found, err := v.describe(ctx)
	if err != nil {
		return "", err
	}
	if awaited, err := v.awaited(found); err != nil || !awaited {
		return "this version is current already", err
	}
	if v.granted, err = grantOf(found.Tags); err != nil {
		return "", err
	}
	outcome, err = step(v, ctx)
	if !errors.Is(err, ErrBadSecret) {
		return outcome, err
	}
	// A parallel invocation may have ended this rotation since the labels were read: no version follows itself.
	if found, again := v.describe(ctx); again == nil && slices.Contains(found.VersionIdsToStages[v.id], currentLabel) {
		return "a parallel invocation has made this version current", nil
	}
	return outcome, err
}

// version is the version of a secret that is being rotated in.
type version struct {
	*Rotator
	secret, id string
	granted    grant
}

// describe reads the secret's labels and tags. Rotation that was cancelled is an error; a secret that tells nothing about
// rotation may be in its first one.
func (v version) describe(ctx context.Context) (*secretsmanager.DescribeSecretOutput, error) {
	found, err := v.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &v.secret})
	if err != nil {
		return nil, fmt.Errorf("describe secret: %w", err)
	}
	if found.RotationEnabled != nil && !*found.RotationEnabled {
		return nil, fmt.Errorf("%w: enable it with RotateSecret", ErrNotEnabled)
	}
	return found, nil
}

// awaited says whether the rotation of this version is under way, and not over.
func (v version) awaited(found *secretsmanager.DescribeSecretOutput) (bool, error) {
	own := found.VersionIdsToStages[v.id]
	if slices.Contains(own, currentLabel) {
		return false, nil
	}
	if !slices.Contains(own, pendingLabel) {
		return false, fmt.Errorf("%w: its labels are %v, want %s; start a rotation with RotateSecret", ErrNotStaged, own, pendingLabel)
	}
	return true, nil
}

// labelled reads the version of the secret that has this label, or of any other secret.
func (r *Rotator) labelled(ctx context.Context, secretID, label string) (secret, error) {
	return r.read(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secretID, VersionStage: &label})
}

// current reads the version that is in use.
func (v version) current(ctx context.Context) (secret, error) {
	found, err := v.labelled(ctx, v.secret, currentLabel)
	found.Single = v.granted.single()
	return found, err
}

// pending reads this version.
func (v version) pending(ctx context.Context) (secret, error) {
	found, err := v.read(ctx, &secretsmanager.GetSecretValueInput{SecretId: &v.secret, VersionId: &v.id, VersionStage: aws.String(pendingLabel)})
	found.Single = v.granted.single()
	return found, err
}

func (r *Rotator) read(ctx context.Context, which *secretsmanager.GetSecretValueInput) (secret, error) {
	found, err := r.Secrets.GetSecretValue(ctx, which)
	if err != nil {
		return secret{}, fmt.Errorf("read %s of %s: %w", *which.VersionStage, *which.SecretId, err)
	}
	s, err := parseSecret(aws.ToString(found.SecretString))
	if err != nil {
		return secret{}, fmt.Errorf("read %s of %s: %w", *which.VersionStage, *which.SecretId, err)
	}
	return s, nil
}
