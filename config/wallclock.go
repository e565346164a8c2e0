package config

import (
	"fmt"
	"time"
	_ "time/tzdata" // so that a bare machine knows every time zone
)

// Span is an interval of absolute time; its end is outside.
type Span struct{ Start, End time.Time }

const wallClockLayout = "2006-01-02T15:04"

// knownZone tells whether a name is one of the IANA database.
func knownZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil
}

// wallClock turns local time of day in a known zone into an instant. In the hour that a zone repeats in autumn the first
// of the two instants is meant; in the hour that it skips in spring no instant is: that is an error.
func wallClock(text, zone string) (time.Time, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, err
	}
	local, err := time.ParseInLocation(wallClockLayout, text, location)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q, want a date and a time of day such as 2026-11-27T00:00", text)
	}
	if local.Format(wallClockLayout) != text {
		return time.Time{}, fmt.Errorf("%s does not exist in %s: clocks skip it", text, zone)
	}
	const widestShift = 2 * time.Hour
	for earlier := local.Add(-widestShift); earlier.Before(local); earlier = earlier.Add(15 * time.Minute) {
		if earlier.Format(wallClockLayout) == text {
			return earlier, nil
		}
	}
	return local, nil
}

// spanOf resolves a start and an end that the rules have accepted.
func spanOf(start, end, zone string) Span {
	from, _ := wallClock(start, zone)
	until, _ := wallClock(end, zone)
	return Span{from, until}
}
