package rotation_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5"

	"peakline/lambda/contract"
	"peakline/lambda/internal/rotation"
	"peakline/test/postgres"
	secrets "peakline/test/secretsmanager"
)

const (
	masterUser = "peakline_master"
	database   = "shop"
)

// order is the order in which Secrets Manager asks for the steps.
var order = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// account is one AWS account with a cluster: Secrets Manager's API, a PostgreSQL server, and a master as RDS creates it,
// who may create roles and is no superuser.
type account struct {
	*secretsmanager.Client
	server   *postgres.Server
	function string // ARN for RotateSecret
	master   string // ARN of the master's secret
	log      *record
}

func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{server: postgres.Start(t, "log_statement=all", "log_min_error_statement=debug5"), log: &record{}}
	a.Client, a.function = secrets.Start(t)
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, "postgres")
	password := rand.Text()
	execute(t, admin,
		"CREATE ROLE "+masterUser+" LOGIN CREATEROLE CREATEDB",
		"SET log_statement = none", "ALTER ROLE "+masterUser+" PASSWORD '"+password+"'", "RESET log_statement")
	// Up to PostgreSQL 14 the schema public of a new database belongs to whoever owned it in template1: on RDS, the master.
	template := a.server.Connect(t, postgres.Superuser, a.server.Password, "template1")
	execute(t, template, `DO $$ BEGIN
		IF current_setting('server_version_num')::int < 150000 THEN ALTER SCHEMA public OWNER TO `+masterUser+`; END IF; END $$`)
	if err := template.Close(t.Context()); err != nil { // no database is made from one in use
		t.Fatal(err)
	}
	a.master = a.store(t, map[string]any{"username": masterUser, "password": password})
	execute(t, a.connectTo(t, a.master, "postgres"), "CREATE DATABASE "+database)
	return a
}

// store creates a secret about the account's server.
func (a *account) store(t *testing.T, value map[string]any, tags ...types.Tag) string {
	t.Helper()
	for key, usual := range map[string]any{
		"engine": "postgres", "host": postgres.Host, "port": a.server.Port, "dbname": database, "dbClusterIdentifier": "peakline-test",
	} {
		if _, given := value[key]; !given {
			value[key] = usual
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	created, err := a.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String(rand.Text()), SecretString: aws.String(string(text)), Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	return *created.ARN
}

// service creates the login role of a service with a schema of its own, as the bootstrap of a service does: the schema
// belongs to a group, the role is a member of it, becomes it at login, and finds its tables without naming the schema.
// The secret of the role is returned.
func (a *account) service(t *testing.T, name string) string {
	t.Helper()
	owner, role, password := quote(name+"_owner"), quote(name), rand.Text()
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, database)
	execute(t, admin, "SET log_statement = none")
	master := a.connectTo(t, a.master, database)
	execute(t, master,
		"CREATE ROLE "+owner+" NOLOGIN",
		"CREATE ROLE "+role+" LOGIN CONNECTION LIMIT 50 IN ROLE "+owner,
		"GRANT "+owner+" TO "+masterUser,
		"CREATE SCHEMA "+owner+" AUTHORIZATION "+owner,
		"ALTER ROLE "+role+" SET search_path TO "+owner+`, "$user"`,
		"ALTER ROLE "+role+" SET role TO "+owner,
		"ALTER ROLE "+role+" IN DATABASE "+database+` SET application_name TO 'it''s \ ours'`)
	execute(t, admin, "ALTER ROLE "+role+" PASSWORD '"+password+"'")
	secret := a.store(t, map[string]any{"username": name, "password": password, "masterarn": a.master})
	execute(t, a.connect(t, secret), "CREATE TABLE orders (id bigserial PRIMARY KEY)")
	return secret
}

// grant creates the secret of a login as constructs/database_login.go does. Nothing of it is in the database yet.
func (a *account) grant(t *testing.T, schema string, access contract.Access) string {
	t.Helper()
	return a.store(t, map[string]any{
		"username": contract.LoginRole(schema, access), "password": rand.Text(), "dbname": contract.ServiceDatabase, "masterarn": a.master,
	}, types.Tag{Key: aws.String(contract.SchemaTagKey), Value: &schema}, types.Tag{Key: aws.String(contract.AccessTagKey), Value: aws.String(string(access))})
}

// start begins a rotation as RotateSecret does and returns its version.
func (a *account) start(t *testing.T, secret string) string {
	t.Helper()
	_, err := a.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId: &secret, RotationLambdaARN: &a.function, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	})
	if err != nil {
		t.Fatalf("start rotation: %v", err)
	}
	return a.version(t, secret, "AWSPENDING")
}

// perform asks for every step in order, as Secrets Manager does, up to the first that fails.
func perform(ctx context.Context, r *rotation.Rotator, secret, version string) error {
	for _, step := range order {
		if err := r.Handle(ctx, events.SecretsManagerSecretRotationEvent{Step: step, SecretID: secret, ClientRequestToken: version}); err != nil {
			return err
		}
	}
	return nil
}

// end takes AWSPENDING away, which Secrets Manager does as AWSCURRENT moves and the emulation does not.
func (a *account) end(t *testing.T, secret, version string) {
	t.Helper()
	if current := a.version(t, secret, "AWSCURRENT"); current != version {
		t.Fatalf("after rotation AWSCURRENT is %s, want %s: the rotation never ends", current, version)
	}
	_, err := a.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &secret, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &version,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// rotate rotates a secret once, without faults.
func (a *account) rotate(t *testing.T, secret string) {
	t.Helper()
	version := a.start(t, secret)
	if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
		t.Fatal(err)
	}
	a.end(t, secret, version)
}

func (a *account) rotator() *rotation.Rotator {
	return &rotation.Rotator{Secrets: a, Roots: a.server.Roots, Log: slog.New(slog.NewJSONHandler(a.log, nil))}
}

func (a *account) version(t *testing.T, secret, label string) string {
	t.Helper()
	found, err := a.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &secret})
	if err != nil {
		t.Fatal(err)
	}
	for id, labels := range found.VersionIdsToStages {
		if slices.Contains(labels, label) {
			return id
		}
	}
	t.Fatalf("no version of %s is %s", secret, label)
	return ""
}

// login is what a client reads from a secret.
type login struct{ Username, Password, Dbname string }

func (a *account) login(ctx context.Context, secret, label string) (login, error) {
	found, err := a.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret, VersionStage: &label})
	if err != nil {
		return login{}, err
	}
	var l login
	return l, json.Unmarshal([]byte(*found.SecretString), &l)
}

func (a *account) current(t *testing.T, secret string) login {
	t.Helper()
	l, err := a.login(t.Context(), secret, "AWSCURRENT")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// use logs in as a client of a service and does its work: write a row, read it, with names that only its settings resolve.
func (a *account) use(ctx context.Context, l login) error {
	conn, err := a.server.Dial(ctx, l.Username, l.Password, l.Dbname)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var id int64
	var motto string
	err = conn.QueryRow(ctx, "INSERT INTO orders DEFAULT VALUES RETURNING id, current_setting('application_name')").Scan(&id, &motto)
	if err == nil && motto != `it's \ ours` {
		err = fmt.Errorf("setting application_name is %q", motto)
	}
	return err
}

func (a *account) connect(t *testing.T, secret string) *pgx.Conn {
	t.Helper()
	return a.connectTo(t, secret, a.current(t, secret).Dbname)
}

func (a *account) connectTo(t *testing.T, secret, name string) *pgx.Conn {
	t.Helper()
	l := a.current(t, secret)
	return a.server.Connect(t, l.Username, l.Password, name)
}

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// record keeps the function's log.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, string(line))
	return len(line), nil
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}
