package rotation

import (
	"os"
	"strings"
	"testing"
)

func TestWhatAPersonHasToMendIsInTheRunbook(t *testing.T) {
	runbook, err := os.ReadFile("../../../docs/runbooks/database-access.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{ErrBadSecret, ErrForeignRole, ErrForeignSchema, ErrOpen, ErrNotShared} {
		if !strings.Contains(string(runbook), "`"+err.Error()+"`") {
			t.Errorf("who reads %q in the log finds nothing in the runbook", err)
		}
	}
}
