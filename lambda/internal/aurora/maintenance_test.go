package aurora

import (
	"testing"
	"time"
)

func TestAWindowStartsNextOrHasJustStarted(t *testing.T) {
	for name, c := range map[string]struct{ window, now, start string }{
		"later this week":              {"sun:03:30-sun:04:30", "2026-11-01T02:00:00Z", "2026-11-01T03:30:00Z"},
		"within the hour":              {"sun:03:30-sun:04:30", "2026-11-01T04:29:00Z", "2026-11-01T03:30:00Z"},
		"over":                         {"sun:03:30-sun:04:30", "2026-11-01T04:31:00Z", "2026-11-08T03:30:00Z"},
		"across the end of the month":  {"tue:23:30-wed:00:30", "2026-11-29T12:00:00Z", "2026-12-01T23:30:00Z"},
		"in UTC wherever the clock is": {"sun:03:30-sun:04:30", "2026-11-01T01:00:00-02:00", "2026-11-01T03:30:00Z"},
		"the next week":                {"mon:00:10-mon:01:10", "2026-10-31T23:50:00Z", "2026-11-02T00:10:00Z"},
	} {
		now, _ := time.Parse(time.RFC3339, c.now)
		if start, ok := windowStart(c.window, now); !ok || start.Format(time.RFC3339) != c.start {
			t.Errorf("%s: at %s, %s starts at %v (%v), want %s", name, c.now, c.window, start, ok, c.start)
		}
	}
}

func FuzzAnyTextIsAWindowAheadOrNone(f *testing.F) {
	for _, window := range []string{"sun:03:30-sun:04:30", "", "sun", "sun:", "dom:03:30-dom:04:00", "sat:24:00-sat:25:00"} {
		f.Add(window, int64(1793505600))
	}
	f.Fuzz(func(t *testing.T, window string, unix int64) {
		now := time.Unix(unix%4e9, 0)
		start, ok := windowStart(window, now)
		if ahead := start.Sub(now); ok && (ahead < -time.Hour || ahead > 7*24*time.Hour) {
			t.Errorf("%q starts %v from %v", window, ahead, now)
		}
	})
}
