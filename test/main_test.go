// Package test checks the templates of every environment: what they mean (one assertion per promise of the platform),
// what no template may hold (sweeps), and that nothing changes unnoticed (goldens, pinned logical ids).
//
// The environments are the shipped ones and the variants beside this file, which switch on what the shipped ones leave
// off. All of them are synthesized once, and the assertions walk the decoded JSON.
package test

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the golden templates and generated documents instead of comparing them")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	removeAssembly()
	os.Exit(code)
}
