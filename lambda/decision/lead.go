package decision

import (
	"slices"
	"time"
)

// Bounds of a believable creation.
const (
	minCreate = time.Minute
	maxCreate = 30 * time.Minute
)

// priorCreates stand in until enough creations were seen: AWS needs 3 to 8 minutes, at times 15.
var priorCreates = []time.Duration{5 * time.Minute, 6 * time.Minute, 7 * time.Minute, 8 * time.Minute, 10 * time.Minute}

// leadMargin is what passes besides the creation: metric delay, the tick, first connections.
const leadMargin = 4 * time.Minute

// leadTime is how long an action taken now needs to help: the 90th percentile of the creations seen, and the margin.
func leadTime(creates []CreateTime) time.Duration {
	took := slices.Clone(priorCreates)
	for _, c := range creates {
		if c.Took >= minCreate && c.Took <= maxCreate {
			took = append(took, c.Took)
		}
	}
	slices.Sort(took)
	return took[(len(took)*9-1)/10] + leadMargin
}

// leastLate is the least time after which a creation is late: AWS needs 3 to 15 minutes.
const leastLate = 16 * time.Minute

// lateAfter is when a creation is no longer counted on, though it may still end well: well past the 90th percentile.
func lateAfter(lead time.Duration) time.Duration {
	return max(leastLate, (lead-leadMargin)*5/4)
}
