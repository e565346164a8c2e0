package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"peakline/test/programs"
)

// installed is where Debian keeps the server's programs, one folder per major version.
const installed = "/usr/lib/postgresql/*/bin/postgres"

// chosen is the environment variable with the folder of another server's programs, to test against its version.
const chosen = "PEAKLINE_POSTGRES"

// binaries returns the folder of the newest installed server, or of the chosen one. Without one the test ends as
// programs.Missing says.
func binaries(t testing.TB) string {
	t.Helper()
	if folder := os.Getenv(chosen); folder != "" {
		return folder
	}
	found, _ := filepath.Glob(installed)
	newest, version := "", 0
	for _, path := range found {
		folder := filepath.Dir(path)
		if v, err := strconv.Atoi(filepath.Base(filepath.Dir(folder))); err == nil && v > version {
			newest, version = folder, v
		}
	}
	if newest == "" {
		programs.Missing(t, "postgres", fmt.Sprintf("no PostgreSQL server at %s, so nothing was proven on a real database: apt-get install postgresql", installed))
	}
	return newest
}

// Account returns whom the server runs as: PostgreSQL refuses to run as root, so under root an unprivileged user is
// borrowed, and otherwise (nil) it is the user who runs the test.
func Account(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(found.Uid, 10, 32)
			gid, _ := strconv.ParseUint(found.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it: run the tests as another user")
	return nil
}

// own gives the paths to the server's account.
func own(t testing.TB, as *syscall.Credential, paths ...string) {
	t.Helper()
	if as == nil {
		return
	}
	for _, path := range paths {
		if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

// run finishes one program of the server as its account.
func run(t testing.TB, as *syscall.Credential, program string, arguments ...string) {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = "/"
	command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("run %s: %v\n%s", filepath.Base(program), err, out)
	}
}
