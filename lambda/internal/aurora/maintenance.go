package aurora

import (
	"slices"
	"strings"
	"time"

	"peakline/lambda/decision"
)

// announcedAhead is how long before it starts a maintenance window is told: longer than any lead.
const announcedAhead = time.Hour

// Maintenance announces the weekly windows of the cluster and of its members that start soon or have just started: in them
// AWS may restart readers.
func (s State) Maintenance(now time.Time) []decision.Event {
	var events []decision.Event
	for _, window := range slices.Compact(slices.Sorted(slices.Values(s.windows))) {
		if start, ok := windowStart(window, now); ok && start.Sub(now) <= announcedAhead {
			events = append(events, decision.Event{At: start, Kind: decision.EventMaintenance})
		}
	}
	return events
}

// windowStart reads a window such as "sun:03:30-sun:04:30", in UTC: when it starts next, or started within the hour.
func windowStart(window string, now time.Time) (time.Time, bool) {
	opens, _, _ := strings.Cut(window, "-")
	day, clock, _ := strings.Cut(opens, ":")
	weekday := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, day)
	at, err := time.Parse("15:04", clock)
	if weekday < 0 || err != nil {
		return time.Time{}, false
	}
	now = now.UTC()
	start := time.Date(now.Year(), now.Month(), now.Day()-int(now.Weekday())+weekday, at.Hour(), at.Minute(), 0, 0, time.UTC)
	if now.Sub(start) > time.Hour {
		start = start.AddDate(0, 0, 7)
	}
	return start, true
}
