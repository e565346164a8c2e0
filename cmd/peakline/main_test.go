package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestWrongUsageEndsWithOneLine(t *testing.T) {
	for _, c := range []struct{ called, says string }{
		{"peakline relase", "peakline has no command relase, want one of decide, replay, scaler, flags, release,"},
		{"peakline help relase", "peakline has no command relase"},
		{"peakline --help relase", "peakline has no command relase"},
		{"peakline release list", "peakline release has no command list, want one of start, rollback, show, check"},
		{"peakline release help list", "peakline release has no command list"},
		{"peakline migrations check db", "peakline migrations has no command check, want one of lint"},
		{"peakline relase show -env local", "peakline has no command relase"},
		{"peakline scaler statsu -env local", "peakline scaler has no command statsu, want one of status,"},
		{"peakline scaler status", `"env" not set; see peakline scaler status --help`},
		{"peakline replay -trace ramp -seeds many", `"many" for flag -seeds`},
		{"peakline diff -nwe cdk.out", "-nwe; see peakline diff --help"},
	} {
		command, out := root(), &bytes.Buffer{}
		command.Writer, command.ErrWriter = out, out
		if err := command.Run(t.Context(), strings.Fields(c.called)); err == nil || exitCode(err) != 1 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q and exit code 1: 3 is for what must not pass", c.called, err, c.says)
		}
		if out.Len() > 0 {
			t.Errorf("%s: beside the error, which main prints:\n%s", c.called, out)
		}
	}
}

func TestHelpTellsTheExitCodes(t *testing.T) {
	for _, called := range []string{"peakline", "peakline help", "peakline --help"} {
		command, out := root(), &bytes.Buffer{}
		command.Writer = out
		if err := command.Run(t.Context(), strings.Fields(called)); err != nil || !strings.Contains(out.String(), "Exit code 0: done. 3:") {
			t.Errorf("%s: %v\n%s", called, err, out)
		}
	}
	for _, called := range []string{"peakline help diff", "peakline release help start", "peakline release --help", "peakline release start --help"} {
		command, out := root(), &bytes.Buffer{}
		command.Writer = out
		if err := command.Run(t.Context(), strings.Fields(called)); err != nil || !strings.Contains(out.String(), "USAGE:") {
			t.Errorf("%s: %v\n%s", called, err, out)
		}
	}
}
