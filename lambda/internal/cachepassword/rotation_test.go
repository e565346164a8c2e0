package cachepassword_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	client "github.com/redis/go-redis/v9"

	"peakline/lambda/internal/cachepassword"
	"peakline/test/redis"
	secrets "peakline/test/secretsmanager"
)

const userName = "peakline-test-sessions"

var order = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// users is ElastiCache's part of changing a user: it sets the passwords on a real server, and takes its time.
type users struct {
	db      *client.Client
	pending int // looks until a change is done
	fail    error
}

func (u *users) ModifyUser(ctx context.Context, in *elasticache.ModifyUserInput, _ ...func(*elasticache.Options)) (*elasticache.ModifyUserOutput, error) {
	if err := u.fail; err != nil {
		u.fail = nil
		return nil, err
	}
	if len(in.Passwords) > 2 || u.pending > 0 {
		return nil, errors.New("ElastiCache takes two passwords, and one change at a time")
	}
	rules := []any{"ACL", "SETUSER", *in.UserId, "resetpass"}
	for _, password := range in.Passwords {
		rules = append(rules, ">"+password)
	}
	u.pending = 2
	return &elasticache.ModifyUserOutput{}, u.db.Do(ctx, rules...).Err()
}

func (u *users) DescribeUsers(_ context.Context, in *elasticache.DescribeUsersInput, _ ...func(*elasticache.Options)) (*elasticache.DescribeUsersOutput, error) {
	status := "active"
	if u.pending > 0 {
		u.pending--
		status = "modifying"
	}
	return &elasticache.DescribeUsersOutput{Users: []types.User{{UserId: in.UserId, Status: &status}}}, nil
}

// account is a user on a real server, and the secret with its password.
type account struct {
	*secretsmanager.Client
	server   *redis.Server
	users    *users
	secret   string
	function string
	rotator  *cachepassword.Rotator
	said     bytes.Buffer
}

func newAccount(t *testing.T) *account {
	t.Helper()
	server := redis.Start(t)
	a := &account{server: server, users: &users{db: server.Administer(t)}}
	a.Client, a.function = secrets.Start(t)
	first := rand.Text()
	if err := a.users.db.Do(t.Context(), "ACL", "SETUSER", userName, "on", "~sessions:*", "+@read", "+@write", "+@connection", ">"+first).Err(); err != nil {
		t.Fatal(err)
	}
	created, err := a.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("sessions"), SecretString: aws.String(fmt.Sprintf(`{"username":%q,"password":%q}`, userName, first)),
	})
	if err != nil {
		t.Fatal(err)
	}
	a.secret = *created.ARN
	a.rotator = &cachepassword.Rotator{Secrets: a.Client, Users: a.users, Pause: time.Millisecond, Log: slog.New(slog.NewJSONHandler(&a.said, nil))}
	return a
}

// begin asks Secrets Manager for a rotation and returns the version that it made for it.
func (a *account) begin(t *testing.T) string {
	t.Helper()
	_, err := a.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &a.secret, RotationLambdaARN: &a.function, RotationRules: &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(90)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a.version(t, "AWSPENDING")
}

// version has the label; empty if none has.
func (a *account) version(t *testing.T, label string) string {
	t.Helper()
	found, err := a.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &a.secret})
	if err != nil {
		t.Fatal(err)
	}
	for id, labels := range found.VersionIdsToStages {
		if slices.Contains(labels, label) {
			return id
		}
	}
	return ""
}

func (a *account) step(t *testing.T, step, version string) error {
	t.Helper()
	return a.rotator.Handle(t.Context(), events.SecretsManagerSecretRotationEvent{Step: step, SecretID: a.secret, ClientRequestToken: version})
}

func (a *account) rotate(t *testing.T) {
	t.Helper()
	version := a.begin(t)
	for _, step := range order {
		for range 2 { // Secrets Manager may ask twice
			if err := a.step(t, step, version); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Secrets Manager takes this label away as the other moves; the emulation does not.
	_, err := a.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &a.secret, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &version,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// password is the one that a task gets which starts now.
func (a *account) password(t *testing.T) string {
	t.Helper()
	found, err := a.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &a.secret, VersionStage: aws.String("AWSCURRENT")})
	if err != nil {
		t.Fatal(err)
	}
	var value struct{ Password string }
	if err := json.Unmarshal([]byte(*found.SecretString), &value); err != nil {
		t.Fatal(err)
	}
	return value.Password
}

func (a *account) accepts(t *testing.T, password string) bool {
	t.Helper()
	err := a.server.Connect(t, userName, password).Ping(t.Context()).Err()
	if err != nil && !strings.HasPrefix(err.Error(), "WRONGPASS") {
		t.Fatal(err)
	}
	return err == nil
}

func TestARotationLeavesTheLastPasswordGood(t *testing.T) {
	a := newAccount(t)
	first := a.password(t)
	a.rotate(t)
	second := a.password(t)
	if first == second || !a.accepts(t, first) || !a.accepts(t, second) {
		t.Fatal("after one rotation a running task cannot connect anew, or a new one cannot at all")
	}
	a.rotate(t)
	third := a.password(t)
	if a.accepts(t, first) {
		t.Error("a password that leaked two rotations ago is still good")
	}
	if !a.accepts(t, second) || !a.accepts(t, third) {
		t.Error("after two rotations a task from between them cannot connect anew, or a new one cannot at all")
	}
	for _, password := range []string{first, second, third} {
		if strings.Contains(a.said.String(), password) {
			t.Error("a password stands in the log")
		}
	}
}

// TestNoConnectionFailsDuringTwoRotations has tasks that start before each of two rotations, open connections all the time
// and keep one open.
func TestNoConnectionFailsDuringTwoRotations(t *testing.T) {
	a := newAccount(t)
	for range 2 {
		password, stop := a.password(t), make(chan struct{})
		kept := a.server.Connect(t, userName, password)
		var tasks sync.WaitGroup
		var dialled, failed int
		tasks.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				fresh := a.server.Connect(t, userName, password)
				dialled++
				if err := errors.Join(fresh.Set(t.Context(), "sessions:a", "x", time.Minute).Err(), kept.Get(t.Context(), "sessions:a").Err()); err != nil {
					failed++
					t.Logf("connection %d: %v", dialled, err)
				}
				fresh.Close()
			}
		})
		func() {
			defer tasks.Wait()
			defer close(stop)
			a.rotate(t)
		}()
		if failed > 0 || dialled == 0 {
			t.Errorf("%d of %d connections failed during a rotation", failed, dialled)
		}
	}
}

func TestARotationThatFailsLeavesTheCurrentPasswordAlone(t *testing.T) {
	a := newAccount(t)
	current, version := a.password(t), a.begin(t)
	if err := a.step(t, "createSecret", version); err != nil {
		t.Fatal(err)
	}
	a.users.fail = errors.New("throttled")
	if err := a.step(t, "setSecret", version); err == nil || !strings.Contains(err.Error(), "throttled") {
		t.Fatalf("error %v, want ElastiCache's own", err)
	}
	if a.password(t) != current || !a.accepts(t, current) {
		t.Error("a failed rotation took the current password away")
	}
	for _, step := range order { // as Secrets Manager goes on
		if err := a.step(t, step, version); err != nil {
			t.Fatal(err)
		}
	}
	if next := a.password(t); next == current || !a.accepts(t, next) || !a.accepts(t, current) {
		t.Error("the repeated rotation did not finish")
	}
}

func TestAnInvocationThatMakesNoSenseSaysSo(t *testing.T) {
	a := newAccount(t)
	if _, err := a.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &a.secret, SecretString: aws.String("hush")}); err != nil {
		t.Fatal(err)
	}
	version := a.begin(t)
	if err := a.step(t, "rotate", version); !errors.Is(err, cachepassword.ErrUnknownStep) {
		t.Errorf("error %v, want ErrUnknownStep", err)
	}
	if err := a.step(t, "setSecret", rand.Text()+rand.Text()); !errors.Is(err, cachepassword.ErrNotStaged) {
		t.Errorf("error %v, want ErrNotStaged", err)
	}
	if err := a.step(t, "createSecret", version); !errors.Is(err, cachepassword.ErrBadSecret) || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v, want ErrBadSecret without the secret", err)
	}
}
