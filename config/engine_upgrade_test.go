package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAVersionIsWarnedOfHalfAYearBeforeItsEnd(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return at.Add(12 * time.Hour)
	}
	for name, test := range map[string]struct {
		version string
		now     time.Time
		want    string // in the only warning; empty for none
	}{
		"half a year and a day before":  {"14.22", day("2026-08-29"), ""},
		"half a year before":            {"14.22", day("2026-08-31"), "14.22 leaves standard support on 2027-02-28, in 181 days"},
		"the day before":                {"14.22", day("2027-02-27"), "in 1 day;"},
		"the last day":                  {"14.22", day("2027-02-28"), "in 0 days"},
		"afterwards a rule refuses it":  {"14.22", day("2027-03-01"), ""},
		"years before":                  {"17.9", day("2026-11-22"), ""},
		"a version that nobody knows":   {"9.6", day("2026-11-22"), ""},
		"a version that is not created": {"16.1", day("2026-11-22"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := strings.Replace(valid, "  readers:", "  engineVersion: \""+test.version+"\"\n  readers:", 1)
			got := read("prod.yaml", "prod", []byte(file), test.now).environment.Warnings
			if test.want == "" && len(got) > 0 || test.want != "" && !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, test.want) }) {
				t.Errorf("warnings %q, want %q", got, test.want)
			}
		})
	}
}

// A version whose support has ended costs an exception, and a warned one is out of support on the day after its last.
func TestSupportEndsWithItsLastDay(t *testing.T) {
	v := majorVersion{supported: "2027-02-28"}
	for now, want := range map[string]bool{"2027-02-28T23:59:59Z": false, "2027-03-01T00:00:01Z": true} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.outOfSupport(at); got != want {
			t.Errorf("out of support at %s: %v, want %v", now, got, want)
		}
	}
}
