package pgbouncer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"peakline/lambda/contract"
	"peakline/lambda/pooler"
	"peakline/lambda/rdsca"
	"peakline/test/pgbouncer"
	"peakline/test/postgres"
)

const (
	role, password = "orders_service", "0123456789"
	poolSize       = 6
	otherName      = "other.cluster-test.rds.example"
	lifetime       = 3 * time.Second // tests cannot wait for the shipped one
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// shop is a cluster with a table that a service may use.
type shop struct{ *postgres.Cluster }

func newShop(t *testing.T) shop {
	t.Helper()
	s := shop{postgres.StartCluster(t, 2)}
	admin := s.Primary.Connect(t, postgres.Superuser, s.Primary.Password, "postgres")
	execute(t, admin, "CREATE DATABASE "+contract.ServiceDatabase, "CREATE ROLE "+role+" LOGIN PASSWORD '"+password+"'")
	admin = s.Primary.Connect(t, postgres.Superuser, s.Primary.Password, contract.ServiceDatabase)
	execute(t, admin, "CREATE TABLE orders (id bigint PRIMARY KEY)", "GRANT ALL ON orders TO "+role)
	s.CaughtUp(t)
	return s
}

// readers are the standbys that have not left.
func (s shop) readers() []*postgres.Server {
	return slices.DeleteFunc(slices.Clone(s.Standbys), func(server *postgres.Server) bool { return server == nil })
}

func (s shop) configuration() pooler.Configuration {
	return pooler.Configuration{
		Writer: postgres.WriterEndpoint, Reader: postgres.ReaderEndpoint, Port: fmt.Sprint(s.Primary.Port),
		PoolSize: poolSize, Lifetime: lifetime,
	}
}

// variables are what the task of a service has.
func (s shop) variables(c pooler.Configuration) map[string]string {
	return map[string]string{
		contract.EnvPoolerSettings: c.Settings(),
		contract.EnvPoolerWriter:   c.WriterConnection(),
		contract.EnvPoolerReader:   c.ReaderConnection(),
		contract.EnvPoolerRoots:    string(s.Primary.RootsPEM),
		contract.EnvPoolerUser:     role,
		contract.EnvPoolerPassword: password,
		contract.EnvPoolerTaskLife: "86400",
	}
}

// One cluster carries every test, for it takes longer to start than they take to run. The last ones change it for good.
func TestAPoolInFrontOfACluster(t *testing.T) {
	s := newShop(t)
	for _, test := range []struct {
		sentence string
		prove    func(*testing.T, shop)
	}{
		{"a pinned service reads from the writer", pinnedReads},
		{"reads go to the writer where no reader is left, and only reads", noReaderLeft},
		{"more clients than connections wait their turn", limitsHold},
		{"a login that is refused or old ends the task", loginsEnd},
		{"whoever gets no connection is told, and so are operators", nobodyWaitsForEver},
		{"an impostor among the readers is left out", impostorsAmongReaders},
		{"reads spread over the readers and follow them", readsSpread},
		{"writes follow the writer", writesFollow},
	} {
		t.Run(test.sentence, func(t *testing.T) { test.prove(t, s) })
	}
}

func execute(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// address asks the server that answers for its own.
func address(ctx context.Context, conn *pgx.Conn) (at string, err error) {
	err = conn.QueryRow(ctx, "SELECT host(inet_server_addr()) FROM pg_sleep(0.005)").Scan(&at)
	return at, err
}

func readsSpread(t *testing.T, s shop) {
	p := pgbouncer.Start(t, s.Resolver, s.variables(s.configuration()))
	reads := startLoad(t, p, contract.ReaderPool, 2*poolSize, address)
	writes := startWrites(t, p, 1)

	// From one reader's address at a time a share for each comes about while connections are replaced, so within two lifetimes.
	time.Sleep(2 * lifetime)
	reads.anew()
	time.Sleep(lifetime)
	for _, standby := range s.readers() {
		if share := reads.share(standby.Address); share < 0.25 || share > 0.75 {
			t.Errorf("%s has %.0f %% of the reads, want about half", standby.Address, 100*share)
		}
	}
	if reads.share(s.Primary.Address) > 0 {
		t.Error("the writer is read from although there are readers")
	}

	third := s.Join()
	time.Sleep(2 * lifetime)
	reads.anew()
	time.Sleep(lifetime)
	if share := reads.share(third.Address); share < 0.15 || share > 0.6 {
		t.Errorf("a reader that joined has %.0f %% of the reads after two lifetimes of a connection, want about a third", 100*share)
	}
	for _, err := range reads.failures() {
		t.Errorf("a read failed while a reader joined: %v", err)
	}

	reads.anew()
	lost := s.readers()[0]
	lost.Fail()
	time.Sleep(500 * time.Millisecond) // Aurora takes a lost reader out of the endpoint
	s.Leave(lost)
	time.Sleep(2 * lifetime)
	if gap := reads.longest(); gap > 2*time.Second {
		t.Errorf("no read was answered for %s after a reader was lost", gap)
	}
	// A client whose read was under way is told and asks again; it is not told a second time.
	if n := len(reads.failures()); n > 4*poolSize {
		t.Errorf("%d reads failed when a reader was lost, among them %v", n, reads.failures()[0])
	}
	reads.anew()
	time.Sleep(lifetime)
	if failures := reads.failures(); len(failures) > 0 {
		t.Errorf("%d reads failed long after a reader was lost: %v", len(failures), failures[0])
	}
	writes.lostNone(t, s.Primary)
	if len(writes.failures()) > 0 {
		t.Errorf("a write failed because of a reader: %v", writes.failures()[0])
	}
}

func writesFollow(t *testing.T, s shop) {
	p := pgbouncer.Start(t, s.Resolver, s.variables(s.configuration()))
	before := startWrites(t, p, 1_000_000)
	time.Sleep(500 * time.Millisecond)
	before.stop()
	if failures := before.failures(); len(failures) > 0 {
		t.Fatalf("a write failed on a healthy cluster: %v", failures[0])
	}
	s.CaughtUp(t)

	// A failover: until the name leads to the new writer, it leads to what is only a reader.
	reader, writer := s.readers()[0], s.readers()[1]
	s.Resolver.Set(postgres.WriterEndpoint, reader.Address)
	s.Primary.Fail()
	after := startWrites(t, p, 2_000_000)
	time.Sleep(2 * time.Second)
	if after.answered() > 0 {
		t.Error("a reader took a write")
	}
	writer.Promote(t)
	s.Resolver.Set(postgres.WriterEndpoint, writer.Address)
	led := time.Now()
	for after.answered() == 0 {
		if time.Since(led) > 15*time.Second {
			t.Fatalf("no write succeeded 15 seconds after the name led to the new writer, but %v", after.failures()[len(after.failures())-1])
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("writes went on %s after the name led to the new writer", time.Since(led).Round(time.Millisecond))
	time.Sleep(lifetime)
	before.lostNone(t, writer)
	after.lostNone(t, writer)
	for _, err := range after.failures() {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "25006" {
			t.Fatalf("a write was sent to a reader: %v", err)
		}
	}
}

func pinnedReads(t *testing.T, s shop) {
	c := s.configuration()
	c.Pinned = true
	p := pgbouncer.Start(t, s.Resolver, s.variables(c))
	conn := dial(t, p, contract.ReaderPool)
	for range 20 {
		if at, err := address(t.Context(), conn); err != nil || at != s.Primary.Address {
			t.Fatalf("it reads from %s (%v), want the writer: the bound on staleness would not hold", at, err)
		}
	}
	if _, err := conn.Exec(t.Context(), "INSERT INTO orders VALUES (1)"); err == nil {
		t.Error("the reader URL takes a write, which would fail as soon as the service is no longer pinned")
	}
}

func noReaderLeft(t *testing.T, s shop) {
	s.Resolver.Set(postgres.ReaderEndpoint, s.Primary.Address)
	defer s.Resolver.Set(postgres.ReaderEndpoint, s.Standbys[0].Address, s.Standbys[1].Address)
	p := pgbouncer.Start(t, s.Resolver, s.variables(s.configuration()))
	conn := dial(t, p, contract.ReaderPool)
	if at, err := address(t.Context(), conn); err != nil || at != s.Primary.Address {
		t.Errorf("it reads from %s (%v)", at, err)
	}
	if _, err := conn.Exec(t.Context(), "INSERT INTO orders VALUES (1)"); err == nil {
		t.Error("the reader URL takes a write, which would fail as soon as there is a reader")
	}
}

func limitsHold(t *testing.T, s shop) {
	p := pgbouncer.Start(t, s.Resolver, s.variables(s.configuration()))
	const clients = 60
	loads := []*load{startLoad(t, p, contract.WriterPool, clients, address), startLoad(t, p, contract.ReaderPool, clients, address)}
	servers := append([]*postgres.Server{s.Primary}, s.Standbys...)
	most, together := make([]int, len(servers)), 0
	for began := time.Now(); time.Since(began) < 2*lifetime; time.Sleep(20 * time.Millisecond) {
		sum := 0
		for i, server := range servers {
			n := connections(t, server)
			most[i] = max(most[i], n)
			sum += n
		}
		together = max(together, sum)
	}
	for _, l := range loads {
		l.stop()
		if failures := l.failures(); len(failures) > 0 {
			t.Errorf("%d clients of a pool of %d: %d failed, for example %v", clients, poolSize, len(failures), failures[0])
		}
	}
	// PostgreSQL still counts a connection that was closed a moment ago.
	if most[0] < poolSize || most[0] > poolSize+1 || together > 2*poolSize+2 {
		t.Errorf("at most %v connections to the writer and the readers, %d together, want %d and %d: the budget would be wrong", most, together, poolSize, 2*poolSize)
	}
}

func connections(t *testing.T, server *postgres.Server) (n int) {
	t.Helper()
	conn, err := server.Dial(t.Context(), postgres.Superuser, server.Password, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func loginsEnd(t *testing.T, s shop) {
	t.Run("a refused login", func(t *testing.T) {
		variables := s.variables(s.configuration())
		variables[contract.EnvPoolerPassword] = "guess"
		p := pgbouncer.Start(t, s.Resolver, variables)
		if conn, err := p.Dial(t.Context(), contract.WriterPool); err == nil {
			conn.Close(t.Context())
			t.Fatal("a wrong password is let in")
		}
		unhealthy(t, p)
		if !alarms(p.Log()) {
			t.Error("no alarm would fire")
		}
	})
	t.Run("an old login", func(t *testing.T) {
		variables := s.variables(s.configuration())
		variables[contract.EnvPoolerTaskLife] = "8"
		began := time.Now()
		p := pgbouncer.Start(t, s.Resolver, variables)
		unhealthy(t, p)
		if lived := time.Since(began); lived < 5*time.Second {
			t.Errorf("a task that may live for 8 seconds was to be replaced after %s", lived)
		}
		dial(t, p, contract.WriterPool) // it works on until the task that takes its place does
	})
	t.Run("a good login", func(t *testing.T) {
		p := pgbouncer.Start(t, s.Resolver, s.variables(s.configuration()))
		dial(t, p, contract.WriterPool)
		if err := p.Health(); err != nil {
			t.Errorf("a pooler that works is unhealthy: %v", err)
		}
		if alarms(p.Log()) {
			t.Error("the alarm for a pooler without connections fires")
		}
		if mode := p.Mode(t, "pgbouncer.ini"); mode != 0o600 {
			t.Errorf("the file with the password is %v, want it for nobody else", mode)
		}
		if strings.Contains(p.Log(), password) {
			t.Error("the log shows the password")
		}
	})
}

func unhealthy(t *testing.T, p *pgbouncer.Pooler) {
	t.Helper()
	for began := time.Now(); p.Health() == nil; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("the health check passes, so the task would never be replaced")
		}
	}
}

// Whoever gets no connection is told when its patience ends, and operators by an alarm that reads the log.
func nobodyWaitsForEver(t *testing.T, s shop) {
	elsewhere := func(name string, addresses ...string) func(map[string]string) {
		return func(v map[string]string) {
			s.Resolver.Set(name, addresses...)
			for _, connection := range []string{contract.EnvPoolerWriter, contract.EnvPoolerReader} {
				v[connection] = strings.NewReplacer(postgres.WriterEndpoint, name, postgres.ReaderEndpoint, name).Replace(v[connection])
			}
		}
	}
	for name, trouble := range map[string]struct {
		spoil func(map[string]string)
		says  string
	}{
		"an impostor of another authority": {func(v map[string]string) { v[contract.EnvPoolerRoots] = string(rdsca.PEM) }, "certificate verify failed"},
		"an impostor of another name":      {elsewhere(otherName, s.Primary.Address), "not present in server certificate"},
		"a name that leads nowhere":        {elsewhere("nowhere.cluster-test.rds.example"), "DNS lookup failed"},
		"an address where nobody is":       {elsewhere("nobody.cluster-test.rds.example", "127.0.0.254"), "query_wait_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			variables := s.variables(s.configuration())
			trouble.spoil(variables)
			t.Parallel() // each waits for long
			p := pgbouncer.Start(t, s.Resolver, variables)
			told := make(chan error)
			for _, database := range []string{contract.WriterPool, contract.ReaderPool} {
				go func() {
					conn, err := p.Dial(t.Context(), database)
					if err == nil {
						conn.Close(t.Context())
					}
					told <- err
				}()
			}
			for range 2 {
				var refused *pgconn.PgError
				if err := <-told; err == nil {
					t.Error("it is let in, and would get the password's proof and every order")
				} else if !errors.As(err, &refused) || refused.Message != "query_wait_timeout" {
					t.Errorf("the client is told %q, not what docs/connect-to-the-database.md says", err)
				}
			}
			p.Stop() // the last line is written
			if strings.Count(p.Log(), trouble.says) < 2 {
				t.Errorf("the log does not say %q of rw and ro, so nobody would know why", trouble.says)
			}
			if !alarms(p.Log()) {
				t.Error("no alarm would fire")
			}
		})
	}
}

// alarms tells whether the alarm pooler-refused would fire.
func alarms(log string) bool {
	return slices.ContainsFunc(pooler.Refusals, func(refusal string) bool { return strings.Contains(log, refusal) })
}

// The reader endpoint leads to an impostor, too.
func impostorsAmongReaders(t *testing.T, s shop) {
	genuine := s.readers()
	for name, join := range map[string]func() *postgres.Server{
		"another authority": s.JoinForged,
		"another name":      func() *postgres.Server { return s.JoinAs(otherName) },
	} {
		t.Run(name, func(t *testing.T) {
			impostor := join()
			defer s.Leave(impostor)
			p := pgbouncer.Start(t, s.Resolver, s.variables(s.configuration()))
			reads := startLoad(t, p, contract.ReaderPool, 2*poolSize, address)
			for began := time.Now(); !strings.Contains(p.Log(), "TLS handshake error"); time.Sleep(100 * time.Millisecond) {
				if time.Since(began) > 10*lifetime {
					t.Fatal("no connection to the impostor was tried, so nothing was proven")
				}
			}
			time.Sleep(2 * lifetime)
			reads.stop()
			if reads.share(impostor.Address) > 0 {
				t.Error("the impostor is read from")
			}
			for _, reader := range genuine {
				if reads.share(reader.Address) == 0 {
					t.Errorf("%s is not read from because of another", reader.Address)
				}
			}
			if failures := reads.failures(); len(failures) > 0 {
				t.Errorf("%d reads failed, for example %v, although two readers are what they say", len(failures), failures[0])
			}
		})
	}
}

func dial(t *testing.T, p *pgbouncer.Pooler, database string) *pgx.Conn {
	t.Helper()
	conn, err := p.Dial(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
