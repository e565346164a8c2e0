package rotation_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"peakline/lambda/internal/rotation"
	"peakline/test/postgres"
)

// One server and one account carry every test, for both take longer to start than the tests take to run.
func TestRotationOfARealDatabase(t *testing.T) {
	a := newAccount(t)
	for _, test := range []struct {
		sentence string
		prove    func(*testing.T, *account)
	}{
		{"the master changes its own password", masterRotates},
		{"rotations under load fail no connection", loadSurvives},
		{"rotations under load fail no client of a pooler, and its task is replaced in time", poolersSurvive},
		{"a task that read the secret before a rotation works until the next one", oldVersionLasts},
		{"the alternate has the connection limit and settings of the role", alternateIsAlike},
		{"any name of a role is quoted", namesAreQuoted},
		{"a crash after any call is mended by a retry, for one user", func(t *testing.T, a *account) { crashesAreMended(t, a, a.master, nil) }},
		{"a crash after any call is mended by a retry, for two users", func(t *testing.T, a *account) {
			secret := a.service(t, "payment")
			crashesAreMended(t, a, secret, func(l login) error { return a.use(t.Context(), l) })
		}},
		{"steps may come twice, one after the other and at once", duplicatesAgree},
		{"a parallel invocation that stored first wins", firstStoredWins},
		{"a rotation begins while the master's own is half done", masterInRotation},
		{"an impostor of the server learns nothing", impostorsAreRefused},
		{"what makes no sense is refused with its reason", nonsenseIsRefused},
		{"a frozen invocation does not block the next one", frozenIsForgotten},
		{"a service cannot make the master run its code", trapsStayShut},
		{"a role is not taken over, and nobody loses what it owns", strangersAreRefused},
		{"no log shows a password", logsAreClean},
	} {
		t.Run(test.sentence, func(t *testing.T) { test.prove(t, a) })
	}
}

func masterRotates(t *testing.T, a *account) {
	before := a.current(t, a.master)
	lines := len(a.log.all())
	a.rotate(t, a.master)
	after := a.current(t, a.master)
	if after.Username != before.Username || after.Password == before.Password {
		t.Errorf("user %q became %q, password changed: %v", before.Username, after.Username, after.Password != before.Password)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]{40}$`).MatchString(after.Password) {
		t.Error("the new password has another length than agreed, or characters that URLs and configuration files would have to quote")
	}
	a.connect(t, a.master)
	if conn, err := a.server.Dial(t.Context(), before.Username, before.Password, before.Dbname); err == nil {
		conn.Close(t.Context())
		t.Error("the old password still opens the database: rotation protects nothing")
	}
	if written := a.log.all()[lines:]; len(written) != len(order) {
		t.Errorf("%d log lines for %d steps: %q", len(written), len(order), written)
	}
	if a.version(t, a.master, "AWSPREVIOUS") == a.version(t, a.master, "AWSCURRENT") {
		t.Error("the last known good version is lost")
	}
}

func loadSurvives(t *testing.T, a *account) {
	secret := a.service(t, "catalog")
	const workers = 4
	var group sync.WaitGroup
	var served atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	failures := make(chan error, workers)
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				// Not under ctx: the end of the test is no failed connection.
				l, err := a.login(context.Background(), secret, "AWSCURRENT")
				if err == nil {
					err = a.use(context.Background(), l)
				}
				if err != nil {
					failures <- fmt.Errorf("as %s: %w", l.Username, err)
					return
				}
				served.Add(1)
			}
		})
	}
	await := func(connections int64) {
		for goal := served.Load() + connections; served.Load() < goal && len(failures) == 0; {
			time.Sleep(time.Millisecond)
		}
	}
	await(20)
	for range 3 {
		a.rotate(t, secret)
		await(20)
	}
	stop()
	group.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("a connection failed during rotation: %v", err)
	}
	t.Logf("%d connections during 3 rotations", served.Load())
}

func oldVersionLasts(t *testing.T, a *account) {
	secret := a.service(t, "order")
	first := a.current(t, secret)
	for turn, want := range []string{"order_clone", "order", "order_clone"} {
		before := a.current(t, secret)
		a.rotate(t, secret)
		after := a.current(t, secret)
		if after.Username != want {
			t.Errorf("rotation %d leads to role %q, want %q", turn+1, after.Username, want)
		}
		if err := errors.Join(a.use(t.Context(), before), a.use(t.Context(), after)); err != nil {
			t.Errorf("after rotation %d a running task or a new one fails: %v", turn+1, err)
		}
	}
	if a.use(t.Context(), first) == nil {
		t.Error("a password still works two rotations later")
	}
}

func alternateIsAlike(t *testing.T, a *account) {
	secret := a.service(t, "inventory")
	a.rotate(t, secret)
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, database)
	// The operator changes the role in force; the other one follows at its next turn, and forgets what was taken away.
	execute(t, admin, `ALTER ROLE inventory_clone CONNECTION LIMIT 7`, `ALTER ROLE inventory_clone RESET ALL`, `ALTER ROLE inventory_clone IN DATABASE shop RESET ALL`,
		`ALTER ROLE inventory_clone SET search_path TO "inventory_owner", "Odd, ""name"""`, `ALTER ROLE inventory_clone SET role TO inventory_owner`,
		`ALTER ROLE inventory_clone SET statement_timeout TO '5s'`)
	a.rotate(t, secret)
	describe := func(role string) (text string) {
		err := admin.QueryRow(t.Context(), `SELECT rolconnlimit || ' ' || coalesce((SELECT string_agg(coalesce(d.datname, '*') || ':' || e, '; ' ORDER BY e)
			FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) e WHERE setrole = r.oid), '')
			FROM pg_roles r WHERE rolname = $1`, role).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if got, want := describe("inventory"), describe("inventory_clone"); got != want {
		t.Errorf("inventory has %s\nwant %s\nqueries would behave differently after a rotation", got, want)
	}
	var owner string
	conn := a.connect(t, secret)
	execute(t, conn, "CREATE TABLE stock ()")
	if err := conn.QueryRow(t.Context(), "SELECT tableowner FROM pg_tables WHERE tablename = 'stock'").Scan(&owner); err != nil || owner != "inventory_owner" {
		t.Errorf("a migration's table belongs to %q (%v), want inventory_owner: the other role could not alter it", owner, err)
	}
}

func namesAreQuoted(t *testing.T, a *account) {
	secret := a.service(t, `Or"ders; DROP ROLE payment --`)
	for range 2 {
		a.rotate(t, secret)
		if err := a.use(t.Context(), a.current(t, secret)); err != nil {
			t.Error(err)
		}
	}
}

// crashesAreMended rotates again and again, each time losing one more answer on the way, until a rotation ends before
// its turn comes. After each loss the current version must work where two roles take turns, and one retry must do.
func crashesAreMended(t *testing.T, a *account, secret string, use func(login) error) {
	for n := 1; ; n++ {
		version := a.start(t, secret)
		before := a.current(t, secret)
		fault := &fault{turn: int64(n)}
		err := perform(t.Context(), fault.into(a), secret, version)
		if fault.fired() == "" {
			if err != nil {
				t.Fatalf("rotation without a fault: %v", err)
			}
			a.end(t, secret, version)
			t.Logf("%d places to crash", n-1)
			return
		}
		if use != nil {
			if err := errors.Join(use(before), use(a.current(t, secret))); err != nil {
				t.Errorf("after losing the answer to %s tasks cannot connect: %v", fault.fired(), err)
			}
		}
		if err != nil {
			if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
				t.Fatalf("after losing the answer to %s the retry fails: %v", fault.fired(), err)
			}
		}
		a.end(t, secret, version)
		a.connect(t, secret)
	}
}

func duplicatesAgree(t *testing.T, a *account) {
	for name, secret := range map[string]string{"one user": a.master, "two users": a.service(t, "user")} {
		version := a.start(t, secret)
		for _, step := range order {
			event := events.SecretsManagerSecretRotationEvent{Step: step, SecretID: secret, ClientRequestToken: version}
			if err := a.rotator().Handle(t.Context(), event); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					if err := a.rotator().Handle(t.Context(), event); err != nil {
						t.Errorf("%s: a duplicate fails: %v", name, err)
					}
				})
			}
			group.Wait()
		}
		a.end(t, secret, version)
		a.connect(t, secret)
		if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
			t.Errorf("%s: steps that come after the end fail: %v", name, err)
		}
	}

	secret := a.service(t, "returns")
	version := a.start(t, secret)
	set := events.SecretsManagerSecretRotationEvent{Step: "setSecret", SecretID: secret, ClientRequestToken: version}
	create := set
	create.Step = "createSecret"
	if err := a.rotator().Handle(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := a.rotator().Handle(t.Context(), set); err != nil {
				t.Errorf("of several invocations that create the role at once, one fails: %v", err)
			}
		})
	}
	group.Wait()
	if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
		t.Fatal(err)
	}
	a.end(t, secret, version)
}

func firstStoredWins(t *testing.T, a *account) {
	secret := a.service(t, "shipping")
	version := a.start(t, secret)
	r := a.rotator()
	r.Secrets = &overtaken{account: a}
	if err := perform(t.Context(), r, secret, version); err != nil {
		t.Fatal(err)
	}
	a.end(t, secret, version)
	if err := a.use(t.Context(), a.current(t, secret)); err != nil {
		t.Error(err)
	}
}

func masterInRotation(t *testing.T, a *account) {
	secret := a.service(t, "search")
	version := a.start(t, a.master)
	for _, step := range order[:2] {
		if err := a.rotator().Handle(t.Context(), events.SecretsManagerSecretRotationEvent{Step: step, SecretID: a.master, ClientRequestToken: version}); err != nil {
			t.Fatal(err)
		}
	}
	a.rotate(t, secret)
	if err := perform(t.Context(), a.rotator(), a.master, version); err != nil {
		t.Fatal(err)
	}
	a.end(t, a.master, version)
}

// frozenIsForgotten stops the function inside its transaction as Lambda does at the time limit, connection left open.
func frozenIsForgotten(t *testing.T, a *account) {
	secret := a.service(t, "loyalty")
	version := a.start(t, secret)
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, "postgres")
	var one sync.Mutex
	open := func() (is bool) {
		one.Lock()
		defer one.Unlock()
		err := admin.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity JOIN pg_locks USING (pid)
			WHERE state = 'idle in transaction' AND locktype = 'advisory')`).Scan(&is)
		if err != nil {
			t.Error(err)
		}
		return is
	}
	r := a.rotator()
	r.Dial = freezing(t, open)
	if err := perform(t.Context(), r, secret, version); err == nil || !open() {
		t.Fatalf("no transaction was left behind (%v), so this test proves nothing", err)
	}
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := perform(limited, a.rotator(), secret, version); err != nil {
		t.Fatalf("the next invocation waits for a dead one: %v", err)
	}
	a.end(t, secret, version)
	if open() {
		t.Error("the frozen invocation's transaction still holds its locks")
	}
}

// trapsStayShut sets traps where the master would step into them if it looked functions up in a path that others choose:
// the database's owner, or the role whose settings are copied.
func trapsStayShut(t *testing.T, a *account) {
	secret := a.service(t, "evil")
	conn := a.connect(t, secret)
	execute(t, conn, "CREATE TABLE caught (who name)", "GRANT ALL ON caught TO PUBLIC", "GRANT ALL ON SCHEMA evil_owner TO PUBLIC")
	for trap, original := range map[string]string{
		"set_config(text, text, boolean) RETURNS text":  "set_config($1, $2, $3)",
		"quote_literal(text) RETURNS text":              "quote_literal($1)",
		"pg_has_role(oid, oid, text) RETURNS boolean":   "pg_has_role($1, $2, $3)",
		"hashtextextended(text, bigint) RETURNS bigint": "hashtextextended($1, $2)",
		"pg_advisory_xact_lock(bigint) RETURNS void":    "pg_advisory_xact_lock($1)",
	} {
		execute(t, conn, "CREATE FUNCTION "+trap+" LANGUAGE sql AS 'INSERT INTO evil_owner.caught VALUES (current_user); SELECT pg_catalog."+original+"'")
	}
	execute(t, conn, "SET ROLE evil", "ALTER ROLE evil SET search_path TO evil_owner, pg_catalog", "ALTER ROLE evil SET temp_tablespaces TO ''")
	execute(t, a.connect(t, a.master), "ALTER DATABASE "+database+" SET search_path TO evil_owner, pg_catalog")
	defer execute(t, a.connect(t, a.master), "ALTER DATABASE "+database+" RESET search_path")
	a.rotate(t, secret)
	rows, err := conn.Query(t.Context(), "SELECT DISTINCT who::text FROM caught")
	if err != nil {
		t.Fatal(err)
	}
	if caught, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(caught) > 0 {
		t.Errorf("%v ran the service's functions (%v): a service could make itself anything the master can", caught, err)
	}
}

func impostorsAreRefused(t *testing.T, a *account) {
	unknown, other := &x509.UnknownAuthorityError{}, &x509.HostnameError{}
	for name, test := range map[string]struct {
		roots *x509.CertPool
		host  string
		as    any
	}{
		"another authority": {x509.NewCertPool(), postgres.Host, unknown},
		"another name":      {a.server.Roots, "localhost", other},
	} {
		t.Run(name, func(t *testing.T) {
			l := a.current(t, a.master)
			secret := a.store(t, map[string]any{"username": l.Username, "password": l.Password, "dbname": "postgres", "host": test.host})
			r := a.rotator()
			r.Roots = test.roots
			err := perform(t.Context(), r, secret, a.start(t, secret))
			if !errors.As(err, test.as) {
				t.Errorf("error %v, want %T: passwords would be sent to whoever answers", err, test.as)
			}
			a.connect(t, a.master)
		})
	}
}

func nonsenseIsRefused(t *testing.T, a *account) {
	secret := a.service(t, "gift")
	before := a.current(t, secret)
	version := a.start(t, secret)
	foreign := a.store(t, map[string]any{"username": before.Username, "password": before.Password, "host": "db.example.com"})
	for name, test := range map[string]struct {
		prepare func(t *testing.T) (secret, version string)
		step    string
		want    error
		says    string
	}{
		"a step of the future": {func(*testing.T) (string, string) { return secret, version }, "celebrateSecret",
			rotation.ErrUnknownStep, "createSecret, finishSecret, setSecret, testSecret"},
		"a version nobody staged": {func(*testing.T) (string, string) { return secret, "0000" }, "createSecret",
			rotation.ErrNotStaged, "want AWSPENDING"},
		"a version of the past": {func(t *testing.T) (string, string) {
			s := a.service(t, "wishes")
			old := a.version(t, s, "AWSCURRENT")
			a.rotate(t, s)
			return s, old
		}, "setSecret", rotation.ErrNotStaged, "[AWSPREVIOUS]"},
		"a rotation that was cancelled": {func(t *testing.T) (string, string) {
			s := a.service(t, "coupons")
			v := a.start(t, s)
			if _, err := a.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &s}); err != nil {
				t.Fatal(err)
			}
			return s, v
		}, "createSecret", rotation.ErrNotEnabled, "RotateSecret"},
		"a pending version for another role": {func(t *testing.T) (string, string) {
			return a.pending(t, before, map[string]any{"username": masterUser})
		}, "setSecret", rotation.ErrBadSecret, `want "gift_clone"`},
		"a pending version for another server": {func(t *testing.T) (string, string) {
			return a.pending(t, before, map[string]any{"host": "db.example.com"})
		}, "setSecret", rotation.ErrBadSecret, "server db.example.com"},
		"a master of another server": {func(t *testing.T) (string, string) {
			return a.pending(t, before, map[string]any{"masterarn": foreign})
		}, "setSecret", rotation.ErrBadSecret, "server db.example.com"},
		"a current version the database refuses": {func(t *testing.T) (string, string) {
			return a.pending(t, login{before.Username, "guessed", before.Dbname}, nil)
		}, "setSecret", rotation.ErrBadSecret, "reset the password"},
		"a single user's current version the database refuses": {func(t *testing.T) (string, string) {
			return a.pending(t, login{masterUser, "guessed", "postgres"}, map[string]any{"masterarn": "", "username": masterUser})
		}, "setSecret", rotation.ErrBadSecret, "reset the role's password"},
	} {
		t.Run(name, func(t *testing.T) {
			of, id := test.prepare(t)
			err := a.rotator().Handle(t.Context(), events.SecretsManagerSecretRotationEvent{Step: test.step, SecretID: of, ClientRequestToken: id})
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v\nwant %v that says %q", err, test.want, test.says)
			}
		})
	}
	if err := a.use(t.Context(), before); err != nil {
		t.Errorf("a refused rotation has changed the database: %v", err)
	}
}

// pending stores a secret with this current version, and a pending one that differs as said.
func (a *account) pending(t *testing.T, l login, differs map[string]any) (secret, version string) {
	t.Helper()
	value := map[string]any{"username": l.Username, "password": l.Password, "dbname": l.Dbname, "masterarn": a.master}
	if master, ok := differs["masterarn"]; ok {
		value["masterarn"] = master
	}
	secret = a.store(t, value)
	version = a.start(t, secret)
	value["username"], value["password"] = l.Username+"_clone", "unknown"
	for key, other := range differs {
		value[key] = other
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &secret, ClientRequestToken: &version, SecretString: aws.String(string(text)), VersionStages: []string{"AWSPENDING"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret, version
}

func strangersAreRefused(t *testing.T, a *account) {
	t.Run("a role that happens to have the name", func(t *testing.T) {
		secret := a.service(t, "audit")
		execute(t, a.connect(t, a.master), "CREATE ROLE audit_clone LOGIN")
		if err := perform(t.Context(), a.rotator(), secret, a.start(t, secret)); !errors.Is(err, rotation.ErrForeignRole) {
			t.Errorf("error %v, want ErrForeignRole: somebody else's password would have changed", err)
		}
	})
	t.Run("a clone that owns tables of its own", func(t *testing.T) {
		secret := a.service(t, "reviews")
		a.rotate(t, secret)
		admin := a.server.Connect(t, postgres.Superuser, a.server.Password, database)
		execute(t, admin, "CREATE SCHEMA reviews_private AUTHORIZATION reviews_clone")
		version := a.start(t, secret)
		if err := perform(t.Context(), a.rotator(), secret, version); !errors.Is(err, rotation.ErrNotShared) || !strings.Contains(err.Error(), "REASSIGN OWNED BY") {
			t.Fatalf("error %v, want ErrNotShared and the remedy: after the rotation the service could not use its tables", err)
		}
		if err := a.use(t.Context(), a.current(t, secret)); err != nil {
			t.Errorf("the refused rotation has broken the current version: %v", err)
		}
		execute(t, admin, `REASSIGN OWNED BY "reviews_clone" TO "reviews"`)
		if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
			t.Errorf("the remedy does not help: %v", err)
		}
		a.end(t, secret, version)
	})
}

func logsAreClean(t *testing.T, a *account) {
	database, function := a.server.Log(t), strings.Join(a.log.all(), "")
	if !strings.Contains(database, "PASSWORD 'SCRAM-SHA-256$") {
		t.Fatal("the server's log has no statement that sets a password, so this test proves nothing")
	}
	secrets, err := a.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{MaxResults: aws.Int32(100)})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, secret := range secrets.SecretList {
		for id := range secret.SecretVersionsToStages {
			found, err := a.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: secret.ARN, VersionId: aws.String(id)})
			if err != nil {
				continue // staged and never stored
			}
			var l login
			if err := json.Unmarshal([]byte(*found.SecretString), &l); err != nil {
				t.Fatal(err)
			}
			if len(l.Password) < 20 {
				continue // a made-up one that never was a password
			}
			checked++
			if strings.Contains(database, l.Password) {
				t.Errorf("the server's log shows a password of %s", l.Username)
			}
			if strings.Contains(function, l.Password) {
				t.Errorf("the function's log shows a password of %s", l.Username)
			}
		}
	}
	if checked == 0 {
		t.Error("no password was looked for, so this test proves nothing")
	}
}
