// Package programs finds the real programs that tests run.
package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Find returns the absolute path of the first of the programs that is installed, or ends the test as Missing does.
func Find(t testing.TB, missing string, names ...string) string {
	t.Helper()
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	Missing(t, filepath.Base(names[0]), missing)
	return ""
}

// Missing skips the test, for most of the tests run on a machine that has only what building needs; in CI, where a
// skipped proof would go unnoticed, it fails the test, unless PEAKLINE_WITHOUT names the program, which .ci/run tells at its end.
// The message says what is missing and how to install it.
func Missing(t testing.TB, program, message string) {
	t.Helper()
	if os.Getenv("CI") == "true" && os.Getenv("PEAKLINE_WITHOUT") != program {
		t.Fatal(message)
	}
	t.Skip(message)
}
