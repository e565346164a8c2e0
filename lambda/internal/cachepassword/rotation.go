// Package cachepassword changes the passwords of ElastiCache users on behalf of Secrets Manager, in the four steps of its
// contract (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html). ElastiCache
// lets a user have two passwords, so that the one which running tasks have stays good until the next rotation.
//
// It keeps nothing between invocations: a step may fail anywhere, come twice or come late.
package cachepassword

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"peakline/lambda/contract"
)

const (
	currentLabel = "AWSCURRENT"
	pendingLabel = "AWSPENDING"
)

// What makes an invocation wrong whatever the state of the user.
var (
	ErrUnknownStep = errors.New("unknown rotation step")
	ErrNotStaged   = errors.New("version is not staged for rotation")
	ErrBadSecret   = errors.New("secret cannot be rotated")
)

type secretsAPI interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	PutSecretValue(context.Context, *secretsmanager.PutSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.PutSecretValueOutput, error)
	GetRandomPassword(context.Context, *secretsmanager.GetRandomPasswordInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetRandomPasswordOutput, error)
	UpdateSecretVersionStage(context.Context, *secretsmanager.UpdateSecretVersionStageInput, ...func(*secretsmanager.Options)) (*secretsmanager.UpdateSecretVersionStageOutput, error)
}

type usersAPI interface {
	DescribeUsers(context.Context, *elasticache.DescribeUsersInput, ...func(*elasticache.Options)) (*elasticache.DescribeUsersOutput, error)
	ModifyUser(context.Context, *elasticache.ModifyUserInput, ...func(*elasticache.Options)) (*elasticache.ModifyUserOutput, error)
}

// Rotator rotates secrets of ElastiCache users.
type Rotator struct {
	Secrets secretsAPI
	Users   usersAPI
	Pause   time.Duration // between two looks at a user who is being changed
	Log     *slog.Logger
}

// secret is one version: JSON with username, which is the user's id too, and password.
type secret struct{ Username, Password string }

// Handle performs one step. After an error Secrets Manager starts over with the same version.
func (r *Rotator) Handle(ctx context.Context, event events.SecretsManagerSecretRotationEvent) error {
	line := r.Log.With("step", event.Step, "secret", event.SecretID, "version", event.ClientRequestToken)
	if err := r.perform(ctx, event); err != nil {
		err = fmt.Errorf("%s of %s, version %s: %w", event.Step, event.SecretID, event.ClientRequestToken, err)
		line.ErrorContext(ctx, "rotation step failed", "error", err.Error())
		return err
	}
	line.InfoContext(ctx, "rotation step done")
	return nil
}

var steps = map[string]func(version, context.Context) error{
	"createSecret": version.create,
	"setSecret":    version.set,
	"testSecret":   version.test,
	"finishSecret": version.finish,
}

// version is the version of a secret that is being rotated in; current is the one that has the label now.
type version struct {
	*Rotator
	secret, id, current string
}

func (r *Rotator) perform(ctx context.Context, event events.SecretsManagerSecretRotationEvent) error {
	step, known := steps[event.Step]
	if !known {
		return fmt.Errorf("%w, want one of %s", ErrUnknownStep, strings.Join(slices.Sorted(maps.Keys(steps)), ", "))
	}
	found, err := r.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &event.SecretID})
	if err != nil {
		return fmt.Errorf("describe secret: %w", err)
	}
	v := version{Rotator: r, secret: event.SecretID, id: event.ClientRequestToken}
	for id, labels := range found.VersionIdsToStages {
		if slices.Contains(labels, currentLabel) {
			v.current = id
		}
	}
	own := found.VersionIdsToStages[v.id]
	switch {
	case v.current == v.id:
		return nil // a step that comes once more
	case !slices.Contains(own, pendingLabel):
		return fmt.Errorf("%w: its labels are %v, want %s; start a rotation with RotateSecret", ErrNotStaged, own, pendingLabel)
	}
	return step(v, ctx)
}

func (v version) read(ctx context.Context, id, label string) (secret, error) {
	found, err := v.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &v.secret, VersionId: &id, VersionStage: &label})
	if err != nil {
		return secret{}, fmt.Errorf("read %s: %w", label, err)
	}
	var s secret
	if json.Unmarshal([]byte(aws.ToString(found.SecretString)), &s) != nil || s.Username == "" || s.Password == "" {
		return secret{}, fmt.Errorf("%w: %s is no JSON with username and password", ErrBadSecret, label) // never quote it
	}
	return s, nil
}

// create stores the pending version. The first value stays: a later step may already have given it to ElastiCache.
func (v version) create(ctx context.Context) error {
	if _, err := v.read(ctx, v.id, pendingLabel); !hasCode(err, "ResourceNotFoundException") {
		return err
	}
	now, err := v.read(ctx, v.current, currentLabel)
	if err != nil {
		return err
	}
	password, err := v.Secrets.GetRandomPassword(ctx, &secretsmanager.GetRandomPasswordInput{
		PasswordLength: aws.Int64(contract.PasswordLength), ExcludePunctuation: aws.Bool(true),
	})
	if err != nil {
		return fmt.Errorf("generate password: %w", err)
	}
	next, err := json.Marshal(map[string]string{"username": now.Username, "password": aws.ToString(password.RandomPassword)})
	if err != nil {
		return fmt.Errorf("encode the secret: %w", err)
	}
	_, err = v.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &v.secret, ClientRequestToken: &v.id, SecretString: aws.String(string(next)), VersionStages: []string{pendingLabel},
	})
	if err != nil && !hasCode(err, "ResourceExistsException") { // a parallel invocation stored one
		return fmt.Errorf("store pending version: %w", err)
	}
	return nil
}

// set lets the user have the current and the pending password, and no older one.
func (v version) set(ctx context.Context) error {
	now, err := v.read(ctx, v.current, currentLabel)
	if err != nil {
		return err
	}
	next, err := v.read(ctx, v.id, pendingLabel)
	if err != nil {
		return err
	}
	if next.Username != now.Username {
		return fmt.Errorf("%w: its pending version names user %q, want %q", ErrBadSecret, next.Username, now.Username)
	}
	if err := v.await(ctx, now.Username); err != nil {
		return err
	}
	_, err = v.Users.ModifyUser(ctx, &elasticache.ModifyUserInput{UserId: &now.Username, Passwords: []string{now.Password, next.Password}})
	if err != nil {
		return fmt.Errorf("give user %q both passwords: %w", now.Username, err)
	}
	return v.await(ctx, now.Username)
}

// test looks whether every node has the passwords: ElastiCache calls the user active then. The function does not connect
// itself, for it is outside the VPC.
func (v version) test(ctx context.Context) error {
	next, err := v.read(ctx, v.id, pendingLabel)
	if err != nil {
		return err
	}
	return v.await(ctx, next.Username)
}

// finish makes the pending version the current one: tasks that start from now on have it.
func (v version) finish(ctx context.Context) error {
	_, err := v.Secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &v.secret, VersionStage: aws.String(currentLabel), MoveToVersionId: &v.id, RemoveFromVersionId: &v.current,
	})
	if err != nil {
		return fmt.Errorf("move %s to this version: %w", currentLabel, err)
	}
	return nil
}

// await waits until ElastiCache has finished what it does to a user.
func (v version) await(ctx context.Context, user string) error {
	for {
		found, err := v.Users.DescribeUsers(ctx, &elasticache.DescribeUsersInput{UserId: &user})
		if err != nil {
			return fmt.Errorf("describe user %q: %w", user, err)
		}
		status := ""
		if len(found.Users) == 1 {
			status = aws.ToString(found.Users[0].Status)
		}
		switch status {
		case "active":
			return nil
		case "modifying":
		default:
			return fmt.Errorf("user %q has status %q, want active", user, status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("user %q is still being changed: %w", user, ctx.Err())
		case <-time.After(v.Pause):
		}
	}
}

func hasCode(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
