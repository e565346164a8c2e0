// Package pgbouncer runs Debian's PgBouncer for tests, as a task of a service runs its pooler: by the shipped command, with the
// environment variables of the template. Debian has one that suffices since its version 14; install.sh brings it to older ones.
package pgbouncer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
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

	"peakline/lambda/contract"
	"peakline/lambda/pooler"
	"peakline/test/postgres"
	"peakline/test/programs"
)

const (
	startLimit   = 30 * time.Second
	howToInstall = "apt-get install pgbouncer on Debian 14, test/pgbouncer/install.sh before it"
)

// Pooler is one running PgBouncer.
type Pooler struct {
	port   int
	folder string
	log    *record
	as     *syscall.Credential
	stop   func()
}

// The shell stays between the test and PgBouncer so that a test that is killed leaves none behind.
const supervise = `"$@" & server=$!; read -r _; kill -TERM $server 2>/dev/null; wait $server`

// Start runs the pooler with these variables until the test ends. Two settings are the test's: a port that is free, and the
// name server, nil where no name is asked for. It skips the test where no PgBouncer is installed that suffices, and fails it there
// when CI=true.
func Start(t testing.TB, resolver *postgres.Resolver, variables map[string]string) *Pooler {
	t.Helper()
	program := installed(t)
	as := postgres.Account(t)
	folder, err := os.MkdirTemp("", "peakline-pooler-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if as != nil {
		if err := os.Chown(folder, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p := &Pooler{port: freePort(t), folder: folder, log: &record{}, as: as}
	variables = maps.Clone(variables)
	variables[contract.EnvPoolerSettings] += fmt.Sprintf("listen_port = %d\n", p.port)
	if resolver != nil {
		variables[contract.EnvPoolerSettings] += fmt.Sprintf("resolv_conf = %s\n", resolver.File)
	}
	command := exec.Command("/bin/sh", append([]string{"-c", supervise, "sh"}, pooler.StartCommand(folder)...)...)
	command.Dir = "/"
	command.Env = []string{"PATH=" + filepath.Dir(program) + ":/usr/bin:/bin"}
	for name, value := range variables {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stdout, command.Stderr = p.log, p.log
	command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	lifeline, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start PgBouncer: %v", err)
	}
	var once sync.Once
	p.stop = func() {
		once.Do(func() {
			lifeline.Close()
			_ = command.Wait()
		})
	}
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("PgBouncer's log:\n%s", p.log.String())
		}
	})
	for deadline := time.Now().Add(startLimit); p.Health() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("PgBouncer did not start:\n%s", p.log.String())
		}
	}
	return p
}

// Suffices tells whether a PgBouncer of this version, "1.25.2" say, has what the settings need: verify-full with a list of hosts.
func Suffices(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 1 || major == 1 && minor >= 25
}

// installed is the path of the program.
func installed(t testing.TB) string {
	t.Helper()
	program := programs.Find(t, "no pgbouncer on the PATH, so nothing was proven on a real pool: "+howToInstall,
		"/usr/local/sbin/pgbouncer", "pgbouncer", "/usr/sbin/pgbouncer")
	said, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Fatalf("ask %s for its version: %v", program, err)
	}
	first, _, _ := strings.Cut(string(said), "\n")
	if !Suffices(strings.TrimPrefix(first, "PgBouncer ")) {
		programs.Missing(t, "pgbouncer", first+" is older than 1.25 and reads from nothing with the shipped settings, so nothing was proven: "+howToInstall)
	}
	return program
}

// Health runs the shipped health check.
func (p *Pooler) Health() error {
	shell := pooler.HealthCommand(p.folder)
	command := exec.Command(shell[0], shell[1:]...)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return command.Run()
}

// Log is what it has written so far.
func (p *Pooler) Log() string { return p.log.String() }

// Stop ends it as ECS does.
func (p *Pooler) Stop() { p.stop() }

// URL is what a service gets for one of the databases.
func (p *Pooler) URL(database string) string {
	return fmt.Sprintf("postgres://service@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

// Dial opens a connection that the caller closes. Its driver prepares statements by name, as most do.
func (p *Pooler) Dial(ctx context.Context, database string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, p.URL(database))
}

// Mode returns the permissions of one of its files.
func (p *Pooler) Mode(t testing.TB, file string) os.FileMode {
	t.Helper()
	found, err := os.Stat(filepath.Join(p.folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return found.Mode().Perm()
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

// record is a buffer that may be read while it is written.
type record struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

var _ io.Writer = (*record)(nil)

func (r *record) Write(text []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.Write(text)
}

func (r *record) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return strings.Clone(r.text.String())
}
