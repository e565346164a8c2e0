package postgres

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Names of a cluster's endpoints. Every server's certificate has both, as Aurora's have.
const (
	WriterEndpoint = "shop.cluster-test.rds.example"
	ReaderEndpoint = "shop.cluster-ro-test.rds.example"

	replicator = "replicator"
)

// Cluster is a primary and standbys that stream from it. All share one port, as the instances of an Aurora cluster do:
// the primary is on 127.0.0.1, the standbys are on 127.0.0.2 and so on.
type Cluster struct {
	Primary  *Server
	Standbys []*Server
	// Resolver knows the two endpoints.
	Resolver *Resolver

	test testing.TB // whose servers they are, also of those that join later
	root authority
}

// StartCluster runs a cluster until the test ends.
func StartCluster(t testing.TB, standbys int, further ...string) *Cluster {
	t.Helper()
	c := &Cluster{test: t, root: newAuthority(t)}
	c.Primary = startPrimary(t, c.root, append([]string{"wal_level=replica", "max_wal_senders=10", "hot_standby=on"}, further...), WriterEndpoint, ReaderEndpoint)
	admin := c.Primary.Connect(t, Superuser, c.Primary.Password, "postgres")
	if _, err := admin.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %s REPLICATION LOGIN PASSWORD '%s'", replicator, c.Primary.Password)); err != nil {
		t.Fatal(err)
	}
	c.Resolver = startResolver(t)
	c.Resolver.Set(WriterEndpoint, c.Primary.Address)
	for range standbys {
		c.Join()
	}
	return c
}

// Join adds a standby, and the reader endpoint leads to it, too.
func (c *Cluster) Join() *Server { return c.join(c.root, WriterEndpoint, ReaderEndpoint) }

// JoinAs adds a standby that has these names instead of the endpoints'.
func (c *Cluster) JoinAs(names ...string) *Server { return c.join(c.root, names...) }

// JoinForged adds a standby that has the endpoints' names from an authority that nobody trusts.
func (c *Cluster) JoinForged() *Server {
	return c.join(newAuthority(c.test), WriterEndpoint, ReaderEndpoint)
}

func (c *Cluster) join(root authority, names ...string) *Server {
	t := c.test
	t.Helper()
	as := Account(t)
	folder := newFolder(t, as)
	data := filepath.Join(folder, "data")
	standby := &Server{
		Address:  fmt.Sprintf("127.0.0.%d", 2+len(c.Standbys)),
		Port:     c.Primary.Port,
		Password: c.Primary.Password,
		Roots:    root.pool(),
		RootsPEM: root.pem(),
		log:      filepath.Join(folder, "log"),
	}
	source := fmt.Sprintf("host=%s port=%d user=%s password=%s sslmode=require", c.Primary.Address, c.Primary.Port, replicator, c.Primary.Password)
	command := exec.Command(filepath.Join(binaries(t), "pg_basebackup"), "--pgdata", data, "--write-recovery-conf", "--wal-method=stream",
		"--checkpoint=fast", "--no-sync", "--dbname", source)
	command.Dir, command.Env, command.SysProcAttr = "/", environment, &syscall.SysProcAttr{Credential: as}
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("copy the primary: %v\n%s", err, out)
	}
	standby.run(t, as, root, data, []string{"hot_standby=on"}, names...)
	c.Standbys = append(c.Standbys, standby)
	c.Resolver.Set(ReaderEndpoint, c.addresses()...)
	return standby
}

// Leave takes a standby out of the reader endpoint, as Aurora does with an instance that failed.
func (c *Cluster) Leave(standby *Server) {
	for i, s := range c.Standbys {
		if s == standby {
			c.Standbys[i] = nil // its address stays taken
		}
	}
	c.Resolver.Set(ReaderEndpoint, c.addresses()...)
}

func (c *Cluster) addresses() []string {
	var all []string
	for _, s := range c.Standbys {
		if s != nil {
			all = append(all, s.Address)
		}
	}
	return all
}

// Certify writes a certificate of the cluster's authority, and its key, for a program in front of the cluster.
func (c *Cluster) Certify(t testing.TB, certificateFile, keyFile string, names ...string) {
	t.Helper()
	c.root.issue(t, certificateFile, keyFile, names...)
}

// Fail stops the server as a machine that is lost: no connection is finished.
func (s *Server) Fail() { _ = s.stop("QUIT") }

// Promote makes a primary of a standby.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	if _, err := s.Connect(t, Superuser, s.Password, "postgres").Exec(t.Context(), "SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
}

// CaughtUp waits until every standby has replayed what the primary has written so far.
func (c *Cluster) CaughtUp(t testing.TB) {
	t.Helper()
	var written string
	one(t, c.Primary, "SELECT pg_current_wal_lsn()::text", &written)
	for _, standby := range c.Standbys {
		for caughtUp := standby == nil; !caughtUp; time.Sleep(10 * time.Millisecond) {
			one(t, standby, "SELECT pg_last_wal_replay_lsn() >= '"+written+"'::pg_lsn", &caughtUp)
		}
	}
}

func one(t testing.TB, s *Server, query string, into any) {
	t.Helper()
	conn, err := s.Dial(t.Context(), Superuser, s.Password, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), query, pgx.QueryExecModeSimpleProtocol).Scan(into); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
