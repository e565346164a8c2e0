package scaler

import (
	"fmt"
	"time"
)

// wallClocks are the ways to write a time without its zone, which is then this machine's.
var wallClocks = []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"}

// parseUntil reads when something ends: an instant with its zone (RFC 3339), a local wall-clock time, a time of day
// (today's or, if that has passed, tomorrow's), or a duration from now. It has to lie ahead, by at most longest.
func parseUntil(text string, now time.Time, longest time.Duration) (time.Time, error) {
	until, ok := readUntil(text, now)
	if !ok {
		return time.Time{}, fmt.Errorf("read the end %q: want a time such as 2026-11-27T23:00, 23:00 or 2026-11-27T22:00:00Z, or a duration such as 90m", text)
	}
	switch ahead := until.Sub(now); {
	case ahead <= 0:
		return time.Time{}, fmt.Errorf("read the end %q: %s has passed, want a time ahead", text, clock(until))
	case ahead > longest:
		return time.Time{}, fmt.Errorf("read the end %q: that is %s ahead, want at most %s; what lasts longer belongs into the environment's file", text, span(ahead), span(longest))
	}
	return until, nil
}

func readUntil(text string, now time.Time) (time.Time, bool) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(d), true
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	for _, layout := range wallClocks {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, true
		}
	}
	if at, err := time.ParseInLocation("15:04", text, now.Location()); err == nil {
		today := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), 0, 0, now.Location())
		if !today.After(now) {
			today = time.Date(now.Year(), now.Month(), now.Day()+1, at.Hour(), at.Minute(), 0, 0, now.Location())
		}
		return today, true
	}
	return time.Time{}, false
}

// clock is a time as people say it, in this machine's zone.
func clock(at time.Time) string { return at.Local().Format("Mon 2 Jan 2006 15:04 MST") }

// span is a duration as people say it: "3 days 4 h", "2 h 30 min", "12 min", "40 s".
func span(d time.Duration) string {
	d = d.Round(time.Second)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%d min", minutes)
	case d < 24*time.Hour && minutes == 0:
		return fmt.Sprintf("%d h", hours)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case days == 1 && hours == 0:
		return "1 day"
	case days == 1:
		return fmt.Sprintf("1 day %d h", hours)
	case hours == 0:
		return fmt.Sprintf("%d days", days)
	default:
		return fmt.Sprintf("%d days %d h", days, hours)
	}
}
