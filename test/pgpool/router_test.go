package pgpool_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"peakline/lambda/contract"
	"peakline/test/pgpool"
	"peakline/test/postgres"
)

const (
	role, password = "orders_service", "0123456789"
	// sessions stands for the pool of a service.
	sessions = 8
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// shop is a primary and one standby with a table that a service may use.
type shop struct{ *postgres.Cluster }

// Why there is no transparent router is measured here: what docs/adr/0013-no-transparent-router.md says stands as long as these
// tests pass. When one fails, a newer Pgpool-II does better, and the decision wants another look.
func TestWhyThereIsNoTransparentRouter(t *testing.T) {
	s := shop{postgres.StartCluster(t, 1)}
	admin := s.Primary.Connect(t, postgres.Superuser, s.Primary.Password, "postgres")
	execute(t, admin, "CREATE DATABASE "+contract.ServiceDatabase, "CREATE ROLE "+role+" LOGIN PASSWORD '"+password+"'")
	admin = s.Primary.Connect(t, postgres.Superuser, s.Primary.Password, contract.ServiceDatabase)
	execute(t, admin, "CREATE TABLE orders (id bigint PRIMARY KEY)", "GRANT ALL ON orders TO "+role)
	s.CaughtUp(t)
	for _, test := range []struct {
		sentence string
		prove    func(*testing.T, shop)
	}{
		{"it does route reads to the reader and writes to the writer", routes},
		{"by default a session does not read what it has just written", ownWritesAreMissed},
		{"told to, a session that has written reads from the writer until it ends, so a pool ends up there", poolsEndOnTheWriter},
		{"told to, a session still misses its own write by a statement that it prepared before, as drivers do", preparedReadsMissWrites},
		{"told to, another session of the same customer still misses it", otherSessionsMissWrites},
		{"a session that only reads holds a connection to the writer too", sessionsHoldBoth},
		{"a rotated password is refused, for the router keeps a copy of the old one", passwordsAreCopied},
	} {
		t.Run(test.sentence, func(t *testing.T) { test.prove(t, s) })
	}
}

const always = "disable_load_balance_on_write = 'always'\n"

func routes(t *testing.T, s shop) {
	conn := dial(t, pgpool.Start(t, s.Cluster, role, password, ""))
	if at := address(t, conn); at != s.Standbys[0].Address {
		t.Errorf("it reads from %s, want the reader", at)
	}
	execute(t, conn, "INSERT INTO orders VALUES (1)")
	s.CaughtUp(t)
	if n := count(t, conn, 1); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func ownWritesAreMissed(t *testing.T, s shop) {
	conn := dial(t, pgpool.Start(t, s.Cluster, role, password, ""))
	s.lag(t)
	execute(t, conn, "INSERT INTO orders VALUES (2)")
	if n := count(t, conn, 2); n != 0 {
		t.Errorf("it finds its order though the reader lags: the default has become safe")
	}
}

func poolsEndOnTheWriter(t *testing.T, s shop) {
	router := pgpool.Start(t, s.Cluster, role, password, always)
	var pool []*pgx.Conn
	for range sessions {
		pool = append(pool, dial(t, router))
	}
	onReader := func() (n int) {
		for _, conn := range pool {
			if address(t, conn, pgx.QueryExecModeSimpleProtocol) == s.Standbys[0].Address {
				n++
			}
		}
		return n
	}
	before := onReader()
	for i, conn := range pool {
		execute(t, conn, "DELETE FROM orders WHERE id = -1")
		if n := onReader(); n > sessions-1-i {
			t.Errorf("after %d of %d sessions have written once, %d read from the reader", i+1, sessions, n)
		}
	}
	after := onReader()
	t.Logf("of %d sessions %d read from the reader before each has written once, %d after", sessions, before, after)
	if before != sessions || after != 0 {
		t.Errorf("%d and %d of %d sessions read from the reader, want all and none", before, after, sessions)
	}
}

func preparedReadsMissWrites(t *testing.T, s shop) {
	conn := dial(t, pgpool.Start(t, s.Cluster, role, password, always))
	if n := count(t, conn, 4); n != 0 {
		t.Fatalf("%d orders before the first", n)
	}
	s.lag(t)
	execute(t, conn, "INSERT INTO orders VALUES (4)")
	if n := count(t, conn, 4); n != 0 {
		t.Error("it finds its order by a prepared statement though the reader lags: the router has become safe")
	}
	if n := count(t, conn, 4, pgx.QueryExecModeSimpleProtocol); n != 1 {
		t.Errorf("it finds %d orders by a plain statement, want 1", n)
	}
}

func otherSessionsMissWrites(t *testing.T, s shop) {
	router := pgpool.Start(t, s.Cluster, role, password, always)
	first, second := dial(t, router), dial(t, router)
	s.lag(t)
	execute(t, first, "INSERT INTO orders VALUES (3)")
	if count(t, first, 3) != 1 || count(t, second, 3) != 0 {
		t.Errorf("the session that wrote finds %d orders and the other %d, want 1 and 0", count(t, first, 3), count(t, second, 3))
	}
}

func sessionsHoldBoth(t *testing.T, s shop) {
	router := pgpool.Start(t, s.Cluster, role, password, "")
	for range sessions {
		address(t, dial(t, router))
	}
	writer, reader := connections(t, s.Primary), connections(t, s.Standbys[0])
	t.Logf("%d sessions that read hold %d connections to the writer and %d to the reader", sessions, writer, reader)
	if writer < sessions || reader < sessions {
		t.Errorf("%d sessions hold %d connections to the writer and %d to the reader: they are shared now", sessions, writer, reader)
	}
}

func passwordsAreCopied(t *testing.T, s shop) {
	router := pgpool.Start(t, s.Cluster, role, password, "")
	address(t, dial(t, router))
	admin := s.Primary.Connect(t, postgres.Superuser, s.Primary.Password, "postgres")
	const rotated = "9876543210"
	execute(t, admin, "ALTER ROLE "+role+" PASSWORD '"+rotated+"'")
	defer execute(t, admin, "ALTER ROLE "+role+" PASSWORD '"+password+"'")
	s.CaughtUp(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if conn, err := router.Dial(ctx, rotated, contract.ServiceDatabase); err == nil {
		conn.Close(ctx)
		t.Error("the new password is let in though the router was not told: it passes SCRAM through")
	}
}

// lag stops the reader from replaying what the writer writes, until the test ends.
func (s shop) lag(t *testing.T) {
	t.Helper()
	standby := s.Standbys[0].Connect(t, postgres.Superuser, s.Standbys[0].Password, "postgres")
	execute(t, standby, "SELECT pg_wal_replay_pause()")
	t.Cleanup(func() {
		if _, err := standby.Exec(context.WithoutCancel(t.Context()), "SELECT pg_wal_replay_resume()"); err != nil {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, router *pgpool.Router) *pgx.Conn {
	t.Helper()
	conn, err := router.Dial(t.Context(), password, contract.ServiceDatabase)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(context.WithoutCancel(t.Context()), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// address asks the server that answers for its own.
func address(t *testing.T, conn *pgx.Conn, mode ...any) (at string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT host(inet_server_addr())", mode...).Scan(&at); err != nil {
		t.Fatal(err)
	}
	return at
}

// count prepares its statement when it runs first, and runs the prepared one from then on: pgx's habit, and that of most drivers.
func count(t *testing.T, conn *pgx.Conn, id int, mode ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM orders WHERE id = $1", append(mode, id)...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func connections(t *testing.T, server *postgres.Server) (n int) {
	t.Helper()
	conn := server.Connect(t, postgres.Superuser, server.Password, "postgres")
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
