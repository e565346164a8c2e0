package config

import (
	"fmt"
	"strings"
)

// A window is a span of minutes since Sunday 00:00 UTC. Its end may lie beyond the week, which goes round.
type window struct{ start, end int }

const (
	minutesPerDay  = 24 * 60
	minutesPerWeek = 7 * minutesPerDay
	shortestWindow = 30 // minutes, for both windows of a DB cluster
)

// on moves a daily window to a day of the week.
func (w window) on(day int) window {
	return window{w.start + day*minutesPerDay, w.end + day*minutesPerDay}
}

func (w window) overlaps(other window) bool {
	for _, shift := range []int{-minutesPerWeek, 0, minutesPerWeek} {
		if w.start < other.end+shift && other.start+shift < w.end {
			return true
		}
	}
	return false
}

// parseDaily reads hh:mm-hh:mm. The text of its complaint is empty when there is none.
func parseDaily(text string) (w window, complaint string) {
	var startHour, startMinute, endHour, endMinute int
	if n, err := fmt.Sscanf(text, "%d:%d-%d:%d", &startHour, &startMinute, &endHour, &endMinute); err != nil || n != 4 ||
		max(startHour, endHour) > 23 || max(startMinute, endMinute) > 59 {
		return w, "no times of day, want for example 03:00-04:00"
	}
	return newWindow(startHour*60+startMinute, endHour*60+endMinute, minutesPerDay)
}

// parseWeekly reads ddd:hh:mm-ddd:hh:mm.
func parseWeekly(text string) (w window, complaint string) {
	const days = "sun mon tue wed thu fri sat"
	minute := func(text string) (int, bool) {
		day, clock, _ := strings.Cut(text, ":")
		var hour, minute int
		n, err := fmt.Sscanf(clock, "%d:%d", &hour, &minute)
		at := strings.Index(days, day)
		return at/4*minutesPerDay + hour*60 + minute, err == nil && n == 2 && len(day) == 3 && at >= 0 && hour <= 23 && minute <= 59
	}
	start, end, _ := strings.Cut(text, "-")
	from, fromValid := minute(start)
	until, untilValid := minute(end)
	if !fromValid || !untilValid {
		return w, "no days and times, want for example tue:04:30-tue:05:30"
	}
	return newWindow(from, until, minutesPerWeek)
}

func newWindow(start, end, round int) (w window, complaint string) {
	length := (end - start + round) % round
	switch {
	case length < shortestWindow:
		return w, fmt.Sprintf("%d minutes, want at least %d", length, shortestWindow)
	case length > minutesPerDay:
		return w, fmt.Sprintf("%d hours, want at most 24", length/60)
	}
	return window{start, start + length}, ""
}
