// Package postgres runs real PostgreSQL servers for tests: Debian's programs, an empty cluster in a temporary folder,
// on the loopback interface only, passwords by SCRAM-SHA-256 and every connection encrypted, as Aurora with rds.force_ssl
// has it.
package postgres

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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
)

const (
	// Host is the address of a server that stands alone, and of the primary of a cluster; the certificate names it.
	Host = "127.0.0.1"
	// Superuser is the role that initdb creates. RDS gives nobody such a role, so code under test gets a lesser one.
	Superuser = "postgres"

	startLimit = 60 * time.Second
)

// The server's settings for tests: nothing need survive a crash of the machine.
var settings = []string{
	"unix_socket_directories=",
	"ssl=on",
	"ssl_cert_file=server.crt",
	"ssl_key_file=server.key",
	"password_encryption=scram-sha-256",
	"fsync=off",
	"shared_buffers=16MB",
	"logging_collector=off",
}

// The shell stays between the test and the server so that a test that is killed leaves no server behind: its end of
// the pipe closes, `read` returns, and the server is told to stop. The test may name another signal.
const supervise = `"$@" & server=$!; read -r signal; kill -"${signal:-INT}" $server 2>/dev/null; wait $server`

// environment leaves out the home folder, whose certificates are the test's user's and not the server's.
var environment = []string{"HOME=/", "PATH=/usr/bin:/bin"}

// Server is one running PostgreSQL server.
type Server struct {
	Address  string
	Port     uint16
	Password string         // of Superuser
	Roots    *x509.CertPool // the only authority that signs the server's certificate
	RootsPEM []byte         // the same, as a client reads it from a file

	log  string
	stop func(signal string) error // once
}

// Start runs a server with further settings such as "log_statement=all" until the test ends. It skips the test where
// no server is installed, and fails it there when CI=true.
func Start(t testing.TB, further ...string) *Server {
	t.Helper()
	return startPrimary(t, newAuthority(t), further)
}

func startPrimary(t testing.TB, root authority, further []string, names ...string) *Server {
	t.Helper()
	programs, as := binaries(t), Account(t)
	folder := newFolder(t, as)
	server := &Server{Address: Host, Port: freePort(t), Password: rand.Text(), Roots: root.pool(), RootsPEM: root.pem(), log: filepath.Join(folder, "log")}
	data, password := filepath.Join(folder, "data"), filepath.Join(folder, "password")
	write(t, password, []byte(server.Password))
	own(t, as, password)
	run(t, as, filepath.Join(programs, "initdb"), "--pgdata", data, "--username", Superuser, "--pwfile", password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	server.run(t, as, root, data, further, names...)
	return server
}

// newFolder is not t.TempDir, whose parent only the test's own user may enter.
func newFolder(t testing.TB, as *syscall.Credential) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "peakline-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	own(t, as, folder)
	return folder
}

// Connect opens a connection that ends with the test.
func (s *Server) Connect(t testing.TB, user, password, database string) *pgx.Conn {
	t.Helper()
	conn, err := s.Dial(t.Context(), user, password, database)
	if err != nil {
		t.Fatalf("connect as %s: %v", user, err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Dial opens a connection that the caller closes.
func (s *Server) Dial(ctx context.Context, user, password, database string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Fallbacks = s.Address, s.Port, nil
	config.User, config.Password, config.Database = user, password, database
	config.TLSConfig = &tls.Config{RootCAs: s.Roots, ServerName: s.Address, MinVersion: tls.VersionTLS12}
	return pgx.ConnectConfig(ctx, config)
}

// Log returns what the server has logged so far.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	content, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// run starts the server on its data and waits until it answers. Its certificate is for its address and for further names.
func (s *Server) run(t testing.TB, as *syscall.Credential, root authority, data string, further []string, names ...string) {
	t.Helper()
	certificate, key, access := filepath.Join(data, "server.crt"), filepath.Join(data, "server.key"), filepath.Join(data, "pg_hba.conf")
	root.issue(t, certificate, key, append(names, s.Address)...)
	write(t, access, []byte("hostssl all,replication all "+Host+"/32 scram-sha-256\n"))
	own(t, as, certificate, key, access)
	arguments := []string{"-c", supervise, "sh", filepath.Join(binaries(t), "postgres"), "-D", data, "-p", fmt.Sprint(s.Port)}
	for _, setting := range append(append(settings, "listen_addresses="+s.Address), further...) {
		arguments = append(arguments, "-c", setting)
	}
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command("/bin/sh", arguments...)
	command.Dir, command.Env, command.Stdout, command.Stderr = "/", environment, log, log
	command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	lifeline, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	var once sync.Once
	s.stop = func(signal string) (err error) {
		once.Do(func() {
			fmt.Fprintln(lifeline, signal)
			lifeline.Close()
			err = command.Wait()
		})
		return err
	}
	t.Cleanup(func() {
		if err := s.stop("INT"); err != nil {
			t.Errorf("stop PostgreSQL: %v\n%s", err, s.Log(t))
		}
	})
	s.await(t)
}

func (s *Server) await(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	for {
		conn, err := s.Dial(ctx, Superuser, s.Password, "postgres")
		if err == nil {
			conn.Close(ctx)
			return
		}
		if strings.Contains(s.Log(t), "FATAL:  could not") || ctx.Err() != nil {
			t.Fatalf("PostgreSQL did not start: %v\n%s", err, s.Log(t))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func freePort(t testing.TB) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort().Port()
}
