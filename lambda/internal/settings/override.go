package settings

import (
	"bytes"
	"encoding/json"
	"time"

	"peakline/lambda/decision"
)

// LongestOverride bounds how long an override may last from when it was written. What is to last longer belongs into
// the environment's file.
const LongestOverride = 7 * 24 * time.Hour

// OverrideStatus says what became of the override parameter. The zero value is: there is none.
type OverrideStatus string

// What may become of an override.
const (
	OverrideAbsent    OverrideStatus = ""
	OverrideActive    OverrideStatus = "active"
	OverrideBounded   OverrideStatus = "active, floor lowered to the policy's maximum"
	OverrideShortened OverrideStatus = "active, ends a week after it was written"
	OverrideExpired   OverrideStatus = "expired"
	OverrideMalformed OverrideStatus = "malformed, ignored"
)

// ParseOverride reads an override. What is malformed, says nothing, or is over at now is nil: the deployed policy applies
// alone. A floor above the policy's maximum counts as the maximum, and no override lasts longer than LongestOverride
// from the time it was written; the zero time is unknown.
func ParseOverride(text []byte, policy decision.Policy, written, now time.Time) (*decision.Override, OverrideStatus) {
	var override decision.Override
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&override); err != nil || decoder.More() {
		return nil, OverrideMalformed
	}
	if override.Floor < 0 || override.Until.IsZero() || !override.Paused && override.Floor == 0 {
		return nil, OverrideMalformed
	}
	status := OverrideActive
	if last := written.Add(LongestOverride); !written.IsZero() && override.Until.After(last) {
		override.Until, status = last, OverrideShortened
	}
	if !now.Before(override.Until) {
		return nil, OverrideExpired
	}
	if override.Floor > policy.Max {
		override.Floor, status = policy.Max, OverrideBounded
	}
	return &override, status
}
