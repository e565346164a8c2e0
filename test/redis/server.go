// Package redis runs a real Valkey or Redis server for tests, Debian's, on 127.0.0.1 only and over TLS only, as ElastiCache
// with encryption in transit has it. What the tests prove (eviction, access strings, two passwords) the two have in common:
// Valkey 7.2 is Redis 7.2 under another name.
package redis

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"peakline/test/programs"
)

const (
	// Host is the address of every server; its certificate names it.
	Host = "127.0.0.1"

	administrator = "administrator" // as which ElastiCache itself works; nobody else has such a user
	startLimit    = 60 * time.Second
)

// The shell stays between the test and the server so that a test that is killed leaves no server behind: its end of
// the pipe closes, `read` returns, and the server is told to stop.
const supervise = `"$@" & server=$!; read -r _; kill -TERM $server 2>/dev/null; wait $server`

// Server is one running server.
type Server struct {
	Port  int
	Roots *x509.CertPool // the only authority that signs the server's certificate

	password, log string
}

// Start runs a server with further settings such as "maxmemory 8mb" until the test ends. It skips the test where no server
// is installed, and fails it there when CI=true.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	program, folder := binary(t), t.TempDir()
	server := &Server{Port: freePort(t), password: rand.Text(), log: filepath.Join(folder, "log")}
	certificate, key := filepath.Join(folder, "server.crt"), filepath.Join(folder, "server.key")
	server.Roots = issue(t, certificate, key)
	configuration := filepath.Join(folder, "server.conf")
	text := fmt.Sprintf("bind %s\nport 0\ntls-port %d\ntls-cert-file %s\ntls-key-file %s\ntls-ca-cert-file %s\ntls-auth-clients no\n"+
		"enable-debug-command yes\ndir %s\nsave \"\"\nappendonly no\nuser %s on >%s ~* &* +@all\n",
		Host, server.Port, certificate, key, certificate, folder, administrator, server.password)
	for _, setting := range settings {
		text += setting + "\n"
	}
	write(t, configuration, []byte(text))
	server.run(t, program, configuration)
	return server
}

// Connect opens a client that has the user's name and password, over TLS, and ends with the test. The address is what a
// service gets: rediss:// is Redis over TLS.
func (s *Server) Connect(t testing.TB, user, password string) *client.Client {
	t.Helper()
	options, err := client.ParseURL(fmt.Sprintf("rediss://%s:%d", Host, s.Port))
	if err != nil {
		t.Fatal(err)
	}
	options.Username, options.Password = user, password
	options.TLSConfig.RootCAs, options.TLSConfig.MinVersion = s.Roots, tls.VersionTLS12
	options.MaxRetries = -1 // a failure is to be seen
	connected := client.NewClient(options)
	t.Cleanup(func() { _ = connected.Close() })
	return connected
}

// Administer opens a client that may do everything.
func (s *Server) Administer(t testing.TB) *client.Client {
	t.Helper()
	return s.Connect(t, administrator, s.password)
}

func binary(t testing.TB) string {
	t.Helper()
	return programs.Find(t, "no valkey-server or redis-server on the PATH, so nothing was proven on a real cache: apt-get install redis-server",
		"valkey-server", "redis-server")
}

// issue writes a certificate for 127.0.0.1 and its key as PEM files, and returns who trusts it: nobody else.
func issue(t testing.TB, certificateFile, keyFile string) *x509.CertPool {
	t.Helper()
	example := httptest.NewTLSServer(nil) // the standard library has one at hand
	defer example.Close()
	pair := example.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	roots := x509.NewCertPool()
	roots.AddCert(example.Certificate())
	return roots
}

func (s *Server) run(t testing.TB, program, configuration string) {
	t.Helper()
	log, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	command := exec.Command("/bin/sh", "-c", supervise, "sh", program, configuration)
	command.Stdout, command.Stderr = log, log
	lifeline, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("start %s: %v", program, err)
	}
	t.Cleanup(func() {
		lifeline.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("stop %s: %v\n%s", program, err, s.said())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	administration := s.Administer(t)
	for {
		err := administration.Ping(ctx).Err()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s did not start: %v\n%s", program, err, s.said())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *Server) said() string {
	content, _ := os.ReadFile(s.log)
	return string(content)
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
