// Package test checks the templates of every environment: what they mean (one assertion per promise of the platform),
// what no template may hold (sweeps), and that nothing changes unnoticed (goldens, pinned logical ids).
//
// The environments are the shipped ones and the variants beside this file, which switch on what the shipped ones leave
// off. All of them are synthesized once, and the assertions walk the decoded JSON.
package test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden templates and generated documents instead of comparing them")

// scratch is a folder for what the tests write, removed at the end.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "peakline-test"); err != nil {
		fmt.Fprintln(os.Stderr, "make a folder for the tests:", err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(scratch)
	os.Exit(code)
}
