package rotation_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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
	"github.com/jackc/pgx/v5/pgconn"

	"peakline/lambda/contract"
	"peakline/lambda/internal/rotation"
	"peakline/test/postgres"
)

const (
	asService   = contract.ServiceAccess
	asMigration = contract.MigrationAccess
	asProxy     = contract.ProxyAccess
)

// One server carries these too. Its master is no superuser, as RDS has it: it may create roles and databases.
func TestLoginsToSchemasOfARealDatabase(t *testing.T) {
	a := newAccount(t)
	for _, test := range []struct {
		sentence string
		prove    func(*testing.T, *account)
	}{
		{"a crash after any call of the first rotation is mended by a retry", firstRotationIsMended},
		{"first rotations of all secrets at once make everything once", firstRotationsQueue},
		{"a task that started before the first rotation is let in by it", earlyTaskIsLetIn},
		{"one service's roles are refused another's tables, and may not create or drop", schemasAreApart},
		{"what migrations make belongs to the owner, whichever role logged in", migrationsAlternate},
		{"a migration gives up waiting and running in its time, and an application's role may not migrate", migrationKeepsToItsLimits},
		{"rotations under load fail no connection", loginsSurvive},
		{"a crash after any call of a later rotation is mended by a retry, and no task is refused meanwhile", laterRotationIsMended},
		{"what the owner has closed since stays closed", closedStaysClosed},
		{"everyone is kept out of the database, again and again", everyoneIsKeptOut},
		{"a late duplicate does not undo the next rotation", lateDuplicateIsHarmless},
		{"a rotation begins while the master's own is half done", loginsDuringMastersRotation},
		{"a database from before the last rotations is mended by the next", restoredIsMended},
		{"a service that was removed by hand comes back", removedComesBack},
		{"what is somebody else's is refused", foreignersAreRefused},
		{"a proxy's login is one role with the service's rights, by whatever turn the others are", proxyIsOneRole},
		{"a crash after any call of the rotation of a proxy's login is mended by a retry", func(t *testing.T, a *account) {
			crashesAreMended(t, a, a.grant(t, "proxied", asProxy), nil)
		}},
		{"what its owner gives away is taken up as the runbook says", takenUpAsWritten},
		{"a secret that asks for more than its tags allow is refused", greedIsRefused},
		{"a server that adds memberships to new roles does not matter", selfGrantsDoNotMatter},
		{"the master is left no member of the owners", masterLeaves},
		{"no log shows a password", logsAreClean},
	} {
		t.Run(test.sentence, func(t *testing.T) { test.prove(t, a) })
	}
}

// logins creates and rotates both secrets of a schema.
func (a *account) logins(t *testing.T, schema string) (service, migration string) {
	t.Helper()
	service, migration = a.grant(t, schema, asService), a.grant(t, schema, asMigration)
	a.rotate(t, service)
	a.rotate(t, migration)
	return service, migration
}

// migrate logs in as a migration and executes statements.
func (a *account) migrate(ctx context.Context, l login, statements ...string) error {
	conn, err := a.server.Dial(ctx, l.Username, l.Password, l.Dbname)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s as %s: %w", statement, l.Username, err)
		}
	}
	return nil
}

// work logs in as a service and writes and reads a row of the table `rows`.
func (a *account) work(ctx context.Context, l login) error {
	return a.migrate(ctx, l, "INSERT INTO rows DEFAULT VALUES", "UPDATE rows SET id = id", "SELECT FROM rows",
		"DELETE FROM rows WHERE id IN (SELECT id FROM rows LIMIT 1)")
}

const createRows = "CREATE TABLE rows (id bigserial)"

// firstRotationIsMended makes a new schema with each place to crash, and the database anew until a crash comes behind its
// creation.
func firstRotationIsMended(t *testing.T, a *account) {
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, "postgres")
	drop := "DROP DATABASE IF EXISTS " + contract.ServiceDatabase + " WITH (FORCE)"
	execute(t, admin, drop)
	made := false
	for n, schema := 1, 0; ; schema++ {
		secret := a.grant(t, fmt.Sprintf("crash%d", schema), asMigration)
		version := a.start(t, secret)
		before := a.current(t, secret)
		fault := &fault{turn: int64(n)}
		err := perform(t.Context(), fault.into(a), secret, version)
		madeBefore := made
		if err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", contract.ServiceDatabase).Scan(&made); err != nil {
			t.Fatal(err)
		}
		if fault.fired() != "" && err != nil {
			err = perform(t.Context(), a.rotator(), secret, version)
		}
		if err != nil {
			t.Fatalf("after losing the answer to %s the retry fails: %v", fault.fired(), err)
		}
		a.end(t, secret, version)
		if err := errors.Join(
			a.migrate(t.Context(), before, "CREATE TABLE first ()"),
			a.migrate(t.Context(), a.current(t, secret), "ALTER TABLE first ADD COLUMN id int"),
		); err != nil {
			t.Fatalf("after losing the answer to %s: %v", fault.fired(), err)
		}
		if fault.fired() == "" {
			t.Logf("%d places to crash", n)
			return
		}
		if !made {
			execute(t, admin, drop)
		}
		if made == madeBefore { // otherwise the same place has another number from now on, for one call is gone
			n++
		}
	}
}

func firstRotationsQueue(t *testing.T, a *account) {
	execute(t, a.connectTo(t, a.master, "postgres"), "DROP DATABASE IF EXISTS "+contract.ServiceDatabase+" WITH (FORCE)")
	var group sync.WaitGroup
	for _, schema := range []string{"queue_one", "queue_two", "queue_three"} {
		for _, access := range []contract.Access{asService, asMigration} {
			secret := a.grant(t, schema, access)
			version := a.start(t, secret)
			for range 2 { // Secrets Manager may call twice
				group.Go(func() {
					if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
						t.Errorf("of several first rotations at once one fails: %v", err)
					}
				})
			}
			defer func() {
				a.end(t, secret, version)
				a.connect(t, secret)
			}()
		}
	}
	group.Wait()
}

func earlyTaskIsLetIn(t *testing.T, a *account) {
	secret := a.grant(t, "early", asService)
	held := a.current(t, secret)
	if err := a.migrate(t.Context(), held); err == nil {
		t.Fatal("the role was there before, so this test proves nothing")
	}
	a.rotate(t, secret)
	if err := errors.Join(a.migrate(t.Context(), held), a.migrate(t.Context(), a.current(t, secret))); err != nil {
		t.Errorf("a task that read its secret before or after the first rotation is refused: %v", err)
	}
}

func schemasAreApart(t *testing.T, a *account) {
	mine, _ := a.logins(t, "mine")
	theirs, theirMigration := a.logins(t, "theirs")
	if err := a.migrate(t.Context(), a.current(t, theirMigration), createRows); err != nil {
		t.Fatal(err)
	}
	for turn := range 2 { // either role of a pair
		if err := a.work(t.Context(), a.current(t, theirs)); err != nil {
			t.Errorf("turn %d: the service itself is refused: %v", turn, err)
		}
		for statement, of := range map[string]string{
			"SELECT FROM theirs.rows":                   mine,
			"INSERT INTO theirs.rows VALUES (7)":        mine,
			"SELECT nextval('theirs.rows_id_seq')":      mine,
			"CREATE TABLE theirs.trap ()":               mine,
			"SET ROLE theirs_owner":                     mine,
			"SET ROLE theirs_service":                   mine,
			"CREATE TABLE mine.own ()":                  mine,
			"CREATE SCHEMA another":                     mine,
			"CREATE TABLE public.own ()":                mine,
			"CREATE TEMPORARY TABLE own ()":             mine,
			"CREATE ROLE another":                       mine,
			"ALTER TABLE rows ADD COLUMN more int":      theirs,
			"DROP TABLE rows":                           theirs,
			"TRUNCATE rows":                             theirs,
			"CREATE TABLE theirs.own ()":                theirs,
			"SET ROLE theirs_migration":                 theirs,
			"CREATE TABLE theirs.nobodys ()":            theirMigration + " without its role",
			"CREATE TABLE mine.by_migration ()":         theirMigration,
			"CREATE TABLE public.by_migration ()":       theirMigration,
			"CREATE EXTENSION citext":                   theirMigration,
			"DROP DATABASE " + contract.ServiceDatabase: theirMigration,
		} {
			secret, without := strings.CutSuffix(of, " without its role")
			var before []string
			if without {
				before = []string{"SET ROLE NONE"}
			}
			err := a.migrate(t.Context(), a.current(t, secret), append(before, statement)...)
			var refused *pgconn.PgError
			if !errors.As(err, &refused) || refused.Code != "42501" && refused.Code != "3F000" {
				t.Errorf("turn %d: %s: %s: error %v, want it refused", turn, a.current(t, secret).Username, statement, err)
			}
		}
		for _, secret := range []string{mine, theirs, theirMigration} {
			a.rotate(t, secret)
		}
	}
}

func migrationsAlternate(t *testing.T, a *account) {
	service, migration := a.logins(t, "ledger")
	if err := a.migrate(t.Context(), a.current(t, migration), createRows, "CREATE TEMPORARY TABLE scratch ()"); err != nil {
		t.Fatal(err)
	}
	for turn := range 3 {
		l := a.current(t, migration)
		if err := a.migrate(t.Context(), l, fmt.Sprintf("ALTER TABLE rows ADD COLUMN c%d int", turn), fmt.Sprintf("CREATE TABLE t%d (id bigserial)", turn),
			"CREATE OR REPLACE VIEW newest AS SELECT id FROM rows", "DISCARD ALL", "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'"); err != nil {
			t.Errorf("turn %d: %v", turn, err)
		}
		// Both versions of the service's secret, before and after.
		held := a.current(t, service)
		a.rotate(t, service)
		for _, l := range []login{held, a.current(t, service)} {
			if err := a.work(t.Context(), l); err != nil {
				t.Error(err)
			}
			if err := a.migrate(t.Context(), l, fmt.Sprintf("INSERT INTO t%d DEFAULT VALUES", turn), "SELECT one() FROM newest"); err != nil {
				t.Error(err)
			}
		}
		a.rotate(t, migration)
		if again := a.current(t, migration); again.Username == l.Username {
			t.Fatalf("%s logs in again, so this test proves nothing", l.Username)
		}
	}
	var owners []string
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, contract.ServiceDatabase)
	err := admin.QueryRow(t.Context(), `SELECT array_agg(DISTINCT pg_get_userbyid(relowner)) FROM pg_class WHERE relnamespace = 'ledger'::regnamespace`).Scan(&owners)
	if err != nil || fmt.Sprint(owners) != "[ledger_owner]" {
		t.Errorf("the schema's tables belong to %v (%v), want ledger_owner: the other role could not alter them", owners, err)
	}
}

// migrationKeepsToItsLimits runs psql as the task of a migration: with the variables of the template, and the login that the
// rotation has made.
func migrationKeepsToItsLimits(t *testing.T, a *account) {
	service, migration := a.logins(t, "limits")
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, a.server.RootsPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(as, statement string) (string, error) {
		l := a.current(t, as)
		command := exec.CommandContext(t.Context(), "psql", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--command", statement)
		command.Env = []string{"PATH=" + os.Getenv("PATH"), "PGHOST=" + postgres.Host, fmt.Sprintf("PGPORT=%d", a.server.Port), "PGDATABASE=" + contract.ServiceDatabase,
			"PGSSLMODE=verify-full", "PGSSLROOTCERT=" + roots, "PGUSER=" + l.Username, "PGPASSWORD=" + l.Password,
			"PGOPTIONS=" + contract.MigrationLimits(200*time.Millisecond, time.Second)}
		text, err := command.CombinedOutput()
		return string(text), err
	}
	for turn := range 2 { // either role of the pair
		table := fmt.Sprintf("things%d", turn)
		if text, err := run(migration, "CREATE TABLE "+table+" (id bigint)"); err != nil {
			t.Fatalf("the migration may not make a table: %v\n%s", err, text)
		}
		reader, err := a.connect(t, service).Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Exec(t.Context(), "SELECT FROM "+table); err != nil {
			t.Fatal(err)
		}
		change := "ALTER TABLE " + table + " ADD COLUMN name text"
		for statement, want := range map[string]string{
			change:                  "canceling statement due to lock timeout", // everybody who came after it would wait as long
			"SELECT pg_sleep(3600)": "canceling statement due to statement timeout",
		} {
			if text, err := run(migration, statement); err == nil || !strings.Contains(text, want) {
				t.Errorf("%s: %v, %s want %q", statement, err, text, want)
			}
		}
		if err := reader.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if text, err := run(service, change); err == nil || !strings.Contains(text, "must be owner of") {
			t.Errorf("a role of the application changes the schema: %v\n%s", err, text)
		}
		if text, err := run(migration, change); err != nil {
			t.Errorf("the migration that is run again: %v\n%s", err, text)
		}
		a.rotate(t, migration)
	}
}

// loginsSurvive rotates both secrets of a schema while clients connect all the while, as tasks do that have just read
// their secret, and while others keep a version over the whole rotation.
func loginsSurvive(t *testing.T, a *account) {
	service, migration := a.logins(t, "busy")
	if err := a.migrate(t.Context(), a.current(t, migration), createRows); err != nil {
		t.Fatal(err)
	}
	const workers = 4
	var group sync.WaitGroup
	var served atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	failures := make(chan error, workers)
	for worker := range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				l, err := a.login(context.Background(), service, "AWSCURRENT")
				// One in two keeps the version that was current for a while.
				for range 1 + 8*(worker%2) {
					if err == nil {
						err = a.work(context.Background(), l)
					}
				}
				if err != nil {
					failures <- fmt.Errorf("as %s: %w", l.Username, err)
					return
				}
				served.Add(1)
			}
		})
	}
	await := func(turns int64) {
		for goal := served.Load() + turns; served.Load() < goal && len(failures) == 0; {
			time.Sleep(time.Millisecond)
		}
	}
	await(20)
	for range 3 {
		a.rotate(t, service)
		a.rotate(t, migration)
		await(20)
	}
	stop()
	group.Wait()
	close(failures)
	for err := range failures {
		t.Errorf("a connection failed during rotation: %v", err)
	}
	t.Logf("%d turns of connections during 3 rotations of each secret", served.Load())
}

func laterRotationIsMended(t *testing.T, a *account) {
	service, migration := a.logins(t, "steady")
	if err := a.migrate(t.Context(), a.current(t, migration), createRows); err != nil {
		t.Fatal(err)
	}
	crashesAreMended(t, a, service, func(l login) error { return a.work(t.Context(), l) })
}

// proxyIsOneRole makes the proxy's login first: it must not matter whose turn it is.
func proxyIsOneRole(t *testing.T, a *account) {
	proxy := a.grant(t, "behind", asProxy)
	a.rotate(t, proxy)
	service, migration := a.logins(t, "behind")
	if err := a.migrate(t.Context(), a.current(t, migration), createRows); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		open := a.connect(t, proxy)
		before := a.current(t, proxy)
		a.rotate(t, proxy)
		a.rotate(t, service)
		after := a.current(t, proxy)
		if before.Username != "behind_proxy" || after.Username != before.Username || after.Password == before.Password {
			t.Errorf("the login went from %s to %s, want behind_proxy with another password", before.Username, after.Username)
		}
		if _, err := open.Exec(t.Context(), "SELECT FROM rows"); err != nil {
			t.Errorf("a connection in the proxy's pool did not survive the rotation: %v", err)
		}
		if err := a.work(t.Context(), after); err != nil {
			t.Error(err)
		}
		if a.migrate(t.Context(), after, "CREATE TABLE own ()") == nil {
			t.Error("the proxy's login makes tables, which the service's may not")
		}
	}
	var timeout string
	if err := a.connect(t, proxy).QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&timeout); err != nil || timeout != "1min" {
		t.Errorf("an idle transaction ends after %q (%v), want 1min as behind PgBouncer", timeout, err)
	}
}

func closedStaysClosed(t *testing.T, a *account) {
	service, migration := a.logins(t, "audited")
	err := a.migrate(t.Context(), a.current(t, migration), createRows,
		"REVOKE UPDATE, DELETE ON rows FROM audited_service", "ALTER DEFAULT PRIVILEGES IN SCHEMA audited REVOKE DELETE ON TABLES FROM audited_service")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, a.connect(t, a.master), "ALTER ROLE "+a.current(t, service).Username+" SET statement_timeout TO '7s'")
	for range 3 {
		a.rotate(t, service)
		a.rotate(t, migration)
		l := a.current(t, service)
		if err := a.migrate(t.Context(), l, "INSERT INTO rows DEFAULT VALUES"); err != nil {
			t.Error(err)
		}
		if a.migrate(t.Context(), l, "DELETE FROM rows") == nil {
			t.Errorf("%s deletes from a table that its owner had closed: the rotation widened its rights", l.Username)
		}
		var timeout string
		if err := a.connect(t, service).QueryRow(t.Context(), "SHOW statement_timeout").Scan(&timeout); err != nil || timeout != "7s" {
			t.Errorf("the operator's setting is %q (%v) as %s, want 7s as before", timeout, err, l.Username)
		}
	}
}

func everyoneIsKeptOut(t *testing.T, a *account) {
	service, _ := a.logins(t, "walled")
	stranger := rand.Text()
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, contract.ServiceDatabase)
	execute(t, admin, "CREATE ROLE stranger LOGIN PASSWORD '"+stranger+"'")
	for range 2 {
		if conn, err := a.server.Dial(t.Context(), "stranger", stranger, contract.ServiceDatabase); err == nil {
			conn.Close(t.Context())
			t.Error("any role may connect to the database of the services")
		}
		execute(t, admin, "GRANT CONNECT, TEMPORARY ON DATABASE "+contract.ServiceDatabase+" TO PUBLIC", "GRANT ALL ON SCHEMA public TO PUBLIC")
		a.rotate(t, service)
	}
	t.Run("and where the master may not, its owner is asked to", func(t *testing.T) {
		execute(t, admin, "ALTER SCHEMA public OWNER TO "+postgres.Superuser, "GRANT CREATE ON SCHEMA public TO PUBLIC")
		version := a.start(t, service)
		err := perform(t.Context(), a.rotator(), service, version)
		if !errors.Is(err, rotation.ErrOpen) || !strings.Contains(err.Error(), "REVOKE ALL ON SCHEMA public FROM PUBLIC") {
			t.Fatalf("error %v, want ErrOpen and the statement", err)
		}
		execute(t, admin, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
		if err := perform(t.Context(), a.rotator(), service, version); err != nil {
			t.Errorf("the remedy does not help: %v", err)
		}
		a.end(t, service, version)
	})
}

// lateDuplicateIsHarmless lets an invocation of setSecret wait for the lock until its rotation is over and the next one,
// which gives the same role another password, has ended too.
func lateDuplicateIsHarmless(t *testing.T, a *account) {
	secret := a.grant(t, "late", asService)
	a.rotate(t, secret)
	version := a.start(t, secret)
	set := events.SecretsManagerSecretRotationEvent{Step: "createSecret", SecretID: secret, ClientRequestToken: version}
	if err := a.rotator().Handle(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	set.Step = "setSecret"
	// The invocation has read that its version is pending when it logs in as the master: everything else happens then.
	r := a.rotator()
	var once sync.Once
	r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		once.Do(func() {
			if err := perform(t.Context(), a.rotator(), secret, version); err != nil {
				t.Error(err)
			}
			a.end(t, secret, version)
			a.rotate(t, secret)
			a.rotate(t, secret)
		})
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err := r.Handle(t.Context(), set); !errors.Is(err, rotation.ErrNotStaged) {
		t.Errorf("error %v, want ErrNotStaged", err)
	}
	previous, err := a.login(t.Context(), secret, "AWSPREVIOUS")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.migrate(t.Context(), a.current(t, secret)), a.migrate(t.Context(), previous)); err != nil {
		t.Errorf("an invocation that comes late has undone a rotation: %v", err)
	}
}

func loginsDuringMastersRotation(t *testing.T, a *account) {
	version := a.start(t, a.master)
	for _, step := range order[:2] {
		if err := a.rotator().Handle(t.Context(), events.SecretsManagerSecretRotationEvent{Step: step, SecretID: a.master, ClientRequestToken: version}); err != nil {
			t.Fatal(err)
		}
	}
	secret := a.grant(t, "meanwhile", asService)
	a.rotate(t, secret)
	if err := perform(t.Context(), a.rotator(), a.master, version); err != nil {
		t.Fatal(err)
	}
	a.end(t, a.master, version)
}

func restoredIsMended(t *testing.T, a *account) {
	secret := a.grant(t, "restored", asService)
	a.rotate(t, secret)
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, contract.ServiceDatabase)
	execute(t, admin, "ALTER ROLE restored_service PASSWORD 'old'", "ALTER ROLE restored_service_clone PASSWORD 'older'")
	held := a.current(t, secret)
	a.rotate(t, secret)
	if err := errors.Join(a.migrate(t.Context(), held), a.migrate(t.Context(), a.current(t, secret))); err != nil {
		t.Errorf("after a restore and a rotation a task is still refused: %v", err)
	}
}

// removeByHand is what docs/adr/0008-database-access.md says to run.
func removeByHand(schema string) (statements []string) {
	statements = []string{
		"GRANT " + schema + "_owner TO CURRENT_USER",
		"DROP SCHEMA " + schema + " CASCADE",
	}
	for _, suffix := range []string{"service_clone", "service", "migration_clone", "migration", "owner"} {
		role := schema + "_" + suffix
		statements = append(statements, "GRANT "+role+" TO CURRENT_USER", "DROP OWNED BY "+role, "DROP ROLE "+role)
	}
	return statements
}

func removedComesBack(t *testing.T, a *account) {
	service, migration := a.logins(t, "removed")
	if err := a.migrate(t.Context(), a.current(t, migration), createRows); err != nil {
		t.Fatal(err)
	}
	t.Run("with its data, under secrets that replace the first", func(t *testing.T) {
		again := a.grant(t, "removed", asService)
		a.rotate(t, again)
		if err := a.work(t.Context(), a.current(t, again)); err != nil {
			t.Error(err)
		}
	})
	t.Run("without", func(t *testing.T) {
		execute(t, a.connectTo(t, a.master, contract.ServiceDatabase), removeByHand("removed")...)
		a.rotate(t, service)
		a.rotate(t, migration)
		if err := a.migrate(t.Context(), a.current(t, migration), createRows); err != nil {
			t.Error(err)
		}
		if err := a.work(t.Context(), a.current(t, service)); err != nil {
			t.Error(err)
		}
	})
}

func foreignersAreRefused(t *testing.T, a *account) {
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, contract.ServiceDatabase)
	for name, test := range map[string]struct {
		make string
		want error
		says string
	}{
		"a login":              {"CREATE ROLE foreign1_service LOGIN PASSWORD 'theirs'", rotation.ErrForeignRole, `"foreign1_service"`},
		"an alternate":         {"CREATE ROLE foreign2_migration_clone", rotation.ErrForeignRole, `"foreign2_migration_clone"`},
		"an owner":             {"CREATE ROLE foreign3_owner", rotation.ErrForeignRole, `"foreign3_owner"`},
		"a schema":             {"CREATE SCHEMA foreign4", rotation.ErrForeignSchema, `"postgres" owns`},
		"a schema of everyone": {"CREATE SCHEMA IF NOT EXISTS public", rotation.ErrForeignSchema, `schema "public"`},
	} {
		t.Run(name, func(t *testing.T) {
			execute(t, admin, test.make)
			schema := "public"
			if at := strings.Index(test.make, "foreign"); at >= 0 {
				schema = test.make[at : at+len("foreign0")]
			}
			secret := a.grant(t, schema, asService)
			err := perform(t.Context(), a.rotator(), secret, a.start(t, secret))
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v\nwant %v that says %s", err, test.want, test.says)
			}
			var made int
			if err := admin.QueryRow(t.Context(), "SELECT count(*) FROM pg_roles WHERE rolname LIKE $1 || '%'", schema+"_").Scan(&made); err != nil || made > 1 {
				t.Errorf("%d roles (%v) after a refusal, want only what was there", made, err)
			}
		})
	}
	t.Run("a database", func(t *testing.T) {
		execute(t, admin, "ALTER DATABASE "+contract.ServiceDatabase+" OWNER TO "+postgres.Superuser)
		defer execute(t, admin, "ALTER DATABASE "+contract.ServiceDatabase+" OWNER TO "+masterUser)
		secret := a.grant(t, "homeless", asService)
		err := perform(t.Context(), a.rotator(), secret, a.start(t, secret))
		if !errors.Is(err, rotation.ErrForeignSchema) || !strings.Contains(err.Error(), "database "+contract.ServiceDatabase) {
			t.Errorf("error %v, want ErrForeignSchema that names the database", err)
		}
	})
}

// takenUpAsWritten follows the runbook to the letter: its SQL, for a role and for a schema.
func takenUpAsWritten(t *testing.T, a *account) {
	runbook, err := os.ReadFile("../../../docs/runbooks/database-access.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(runbook), -1)
	if len(blocks) != 2 {
		t.Fatalf("the runbook has %d blocks of SQL, want one for a role and one for a schema", len(blocks))
	}
	follow := func(t *testing.T, text string) {
		conn := a.connectTo(t, a.master, contract.ServiceDatabase)
		execute(t, conn, strings.Split(strings.TrimSuffix(strings.TrimSpace(text), ";"), ";")...)
	}
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, contract.ServiceDatabase)
	t.Run("a role", func(t *testing.T) {
		execute(t, admin, "CREATE ROLE given_service LOGIN PASSWORD 'theirs'", "GRANT given_service TO "+masterUser+" WITH ADMIN OPTION")
		follow(t, strings.ReplaceAll(blocks[0][1], "orders", "given"))
		service, migration := a.logins(t, "given")
		if err := a.migrate(t.Context(), a.current(t, migration), createRows); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := a.work(t.Context(), a.current(t, service)); err != nil {
				t.Error(err)
			}
			a.rotate(t, service)
		}
	})
	t.Run("a schema", func(t *testing.T) {
		execute(t, admin, "CREATE ROLE legacy", "GRANT CREATE ON DATABASE "+contract.ServiceDatabase+" TO legacy", "GRANT legacy TO "+masterUser+" WITH ADMIN OPTION",
			"CREATE SCHEMA moved AUTHORIZATION legacy", "SET ROLE legacy", "CREATE TABLE moved.item (id bigserial)", "INSERT INTO moved.item DEFAULT VALUES", "RESET ROLE")
		before, after, _ := strings.Cut(strings.ReplaceAll(blocks[1][1], "orders", "moved"), "-- run the rotation\n")
		follow(t, before)
		service, migration := a.logins(t, "moved")
		follow(t, after)
		if err := a.migrate(t.Context(), a.current(t, service), "INSERT INTO item DEFAULT VALUES", "UPDATE item SET id = id", "DELETE FROM item"); err != nil {
			t.Error(err)
		}
		if err := a.migrate(t.Context(), a.current(t, migration), "ALTER TABLE item ADD COLUMN name text"); err != nil {
			t.Error(err)
		}
	})
}

// greedIsRefused gives the pending version what its secret's tags do not allow. The current one is in the tests of grants.
func greedIsRefused(t *testing.T, a *account) {
	a.logins(t, "victim")
	secret := a.grant(t, "greedy", asService)
	version := a.start(t, secret)
	value := map[string]any{}
	found, err := a.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &secret, VersionStage: aws.String("AWSCURRENT")})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(*found.SecretString), &value); err != nil {
		t.Fatal(err)
	}
	value["username"], value["password"] = "victim_service", "chosen"
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
	if err := perform(t.Context(), a.rotator(), secret, version); !errors.Is(err, rotation.ErrBadSecret) || !strings.Contains(err.Error(), "tags") {
		t.Errorf("error %v, want ErrBadSecret: whoever writes one secret would open every schema", err)
	}
	if a.migrate(t.Context(), login{"victim_service", "chosen", contract.ServiceDatabase}) == nil {
		t.Error("the other service's role has the chosen password")
	}
}

// selfGrantsDoNotMatter has effect on PostgreSQL 16 and later, which have the setting.
func selfGrantsDoNotMatter(t *testing.T, a *account) {
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, "postgres")
	var since16 bool
	if err := admin.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'createrole_self_grant')").Scan(&since16); err != nil {
		t.Fatal(err)
	}
	if since16 {
		execute(t, admin, "ALTER ROLE "+masterUser+" SET createrole_self_grant TO 'inherit'")
		defer execute(t, admin, "ALTER ROLE "+masterUser+" RESET createrole_self_grant")
	}
	a.logins(t, "selfless")
	masterLeaves(t, a)
}

func masterLeaves(t *testing.T, a *account) {
	admin := a.server.Connect(t, postgres.Superuser, a.server.Password, "postgres")
	rows, err := admin.Query(t.Context(), `SELECT rolname FROM pg_roles
		WHERE shobj_description(oid, 'pg_authid') = 'owned by Peakline' AND rolname !~ '^(given|removed)_'
			AND pg_has_role($1, oid, 'USAGE')`, masterUser)
	if err != nil {
		t.Fatal(err)
	}
	if roles, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(roles) > 0 {
		t.Errorf("the master has the rights of %v (%v): whoever has its password could read rows without a trace of it", roles, err)
	}
}
