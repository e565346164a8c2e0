// Package pgpool runs Debian's Pgpool-II for tests, in front of a primary and a standby with the settings that its makers give
// for Aurora: https://www.pgpool.net/docs/latest/en/html/example-aurora.html
package pgpool

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"peakline/test/postgres"
	"peakline/test/programs"
)

const startLimit = 30 * time.Second

// Router is one running Pgpool-II.
type Router struct {
	port   int
	folder string
	user   string
}

// The shell stays between the test and Pgpool-II so that a test that is killed leaves none behind.
const supervise = `"$@" & server=$!; read -r _; kill -INT $server 2>/dev/null; wait $server`

// settings are those for Aurora: the first backend is the writer's endpoint and the second the reader's, AWS does the failover,
// and every read goes to the reader if it may.
const settings = `listen_addresses = '127.0.0.1'
port = %d
pcp_listen_addresses = ''
pcp_port = %d
unix_socket_directories = '%[3]s'
pcp_socket_dir = '%[3]s'
pid_file_name = '%[3]s/pgpool.pid'
work_dir = '%[3]s'
logdir = '%[3]s'
backend_clustering_mode = 'streaming_replication'
backend_hostname0 = '%[4]s'
backend_port0 = %[6]d
backend_weight0 = 0
backend_flag0 = 'ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER'
backend_hostname1 = '%[5]s'
backend_port1 = %[6]d
backend_weight1 = 1
backend_flag1 = 'DISALLOW_TO_FAILOVER'
sr_check_period = 0
health_check_period = 0
failover_on_backend_error = off
load_balance_mode = on
num_init_children = 12
memqcache_total_size = 1MB
memqcache_max_num_cache = 1000
enable_pool_hba = on
pool_passwd = 'pool_passwd'
ssl = on
ssl_cert = 'server.crt'
ssl_key = 'server.key'
`

// Start runs the router for one role, with further settings, until the test ends. It skips the test where Pgpool-II is not
// installed, and fails it there when CI=true.
func Start(t testing.TB, cluster *postgres.Cluster, user, password, further string) *Router {
	t.Helper()
	program := programs.Find(t, "no pgpool on the PATH, so nothing was measured on a real router: apt-get install pgpool2", "pgpool", "/usr/sbin/pgpool")
	as := postgres.Account(t)
	folder, err := os.MkdirTemp("", "peakline-pgpool-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	r := &Router{port: freePort(t), folder: folder, user: user}
	cluster.Certify(t, filepath.Join(folder, "server.crt"), filepath.Join(folder, "server.key"), "127.0.0.1")
	for name, text := range map[string]string{
		"pgpool.conf":   fmt.Sprintf(settings, r.port, freePort(t), folder, cluster.Primary.Address, cluster.Standbys[0].Address, cluster.Primary.Port) + further,
		"pool_hba.conf": "host all all 127.0.0.1/32 scram-sha-256\n",
		"pcp.conf":      "",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.keepPassword(t, password)
	for _, path := range append([]string{folder}, files(t, folder)...) {
		if as != nil {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command("/bin/sh", "-c", supervise, "sh", program, "-n", "-f", r.file("pgpool.conf"), "-F", r.file("pcp.conf"), "-a", r.file("pool_hba.conf"))
	command.Dir, command.Stdout, command.Stderr = "/", log, log
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	lifeline, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start Pgpool-II: %v", err)
	}
	stop := sync.OnceFunc(func() {
		lifeline.Close()
		_ = command.Wait()
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("Pgpool-II's log:\n%s", r.log(t))
		}
	})
	for deadline := time.Now().Add(startLimit); ; time.Sleep(50 * time.Millisecond) {
		if strings.Contains(r.log(t), "successfully started") {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("Pgpool-II did not start:\n%s", r.log(t))
		}
	}
}

// keepPassword writes the file from which the router proves the role's password to both servers: for SCRAM it has to know it.
func (r *Router) keepPassword(t testing.TB, password string) {
	t.Helper()
	if err := os.WriteFile(r.file("pool_passwd"), []byte(r.user+":TEXT"+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Dial opens a session that the caller closes.
func (r *Router) Dial(ctx context.Context, password, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", r.user, password, r.port, database))
}

func (r *Router) file(name string) string { return filepath.Join(r.folder, name) }

func (r *Router) log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(r.file("log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func files(t testing.TB, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
