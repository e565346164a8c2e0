package scaler

import (
	"strings"
	"testing"
	"time"
)

func TestAnEndIsReadAsPeopleWriteIt(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 27, 19, 0, 0, 0, zone)
	for text, want := range map[string]time.Time{
		"90m":                       now.Add(90 * time.Minute),
		"2026-11-27T22:00:00Z":      time.Date(2026, 11, 27, 22, 0, 0, 0, time.UTC),
		"2026-11-27T23:00:00+01:00": time.Date(2026, 11, 27, 23, 0, 0, 0, zone),
		"2026-11-27T23:00":          time.Date(2026, 11, 27, 23, 0, 0, 0, zone),
		"2026-11-27 23:00":          time.Date(2026, 11, 27, 23, 0, 0, 0, zone),
		"23:00":                     time.Date(2026, 11, 27, 23, 0, 0, 0, zone),
		"08:30":                     time.Date(2026, 11, 28, 8, 30, 0, 0, zone),
	} {
		got, err := parseUntil(text, now, 48*time.Hour)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestABadEndIsRefusedWithWhatIsAllowed(t *testing.T) {
	now := time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"tomorrow":         "want a time such as",
		"":                 "want a time such as",
		"-5m":              "has passed",
		"2026-11-26T12:00": "has passed",
		"25h":              "at most 1 day",
		"25:00":            "want a time such as",
	} {
		if _, err := parseUntil(text, now, 24*time.Hour); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseUntil(f *testing.F) {
	for _, seed := range []string{"90m", "23:00", "2026-11-27T23:00", "2026-11-27T22:00:00Z", "x", "-1h", "24:00", "9999999h"} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 27, 19, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		until, err := parseUntil(text, now, time.Hour)
		if err == nil && (!until.After(now) || until.After(now.Add(time.Hour))) {
			t.Fatalf("%q ends %v, outside the hour from %v", text, until, now)
		}
	})
}

func TestSpansReadNaturally(t *testing.T) {
	for d, want := range map[time.Duration]string{
		40 * time.Second:              "40 s",
		12 * time.Minute:              "12 min",
		2 * time.Hour:                 "2 h",
		150 * time.Minute:             "2 h 30 min",
		24 * time.Hour:                "1 day",
		30 * time.Hour:                "1 day 6 h",
		7 * 24 * time.Hour:            "7 days",
		76*time.Hour + 10*time.Minute: "3 days 4 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
