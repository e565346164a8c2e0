package cloudwatch

import (
	"math"
	"slices"
)

// State of an alarm.
type State string

// The states that there are.
const (
	OK               State = "OK"
	Alarm            State = "ALARM"
	InsufficientData State = "INSUFFICIENT_DATA"
)

// Rule says when an alarm is in which state.
type Rule struct {
	Comparison string // as CloudFormation calls it
	Threshold  float64
	// Breaching of the last Periods data points make an alarm.
	Breaching, Periods int
	// Missing is TreatMissingData: breaching, notBreaching, ignore or missing.
	Missing string
}

// beyond is how many periods more than it judges an alarm looks at, to find data points in place of missing ones. AWS says that
// there are some; in its examples there are two.
const beyond = 2

var comparisons = map[string]func(value, threshold float64) bool{
	"GreaterThanThreshold":          func(value, threshold float64) bool { return value > threshold },
	"GreaterThanOrEqualToThreshold": func(value, threshold float64) bool { return value >= threshold },
	"LessThanThreshold":             func(value, threshold float64) bool { return value < threshold },
	"LessThanOrEqualToThreshold":    func(value, threshold float64) bool { return value <= threshold },
}

// Next is the state after one evaluation of a series whose last value is that of the latest period.
//
// What was published in the evaluation range is judged alone, as long as it is enough for Periods. If it is not, missing data
// points fill it up, and mean what the rule says. Where missing data is ignored or taken as missing, an alarm still fires early
// when nothing but breaching data points followed one that is as old as Breaching.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func (r Rule) Next(before State, values Series) State {
	window := values[max(0, len(values)-r.Periods-beyond):]
	var published []bool // tells of each whether it breaches
	for _, value := range window {
		if !math.IsNaN(value) {
			published = append(published, comparisons[r.Comparison](value, r.Threshold))
		}
	}
	absent := 0
	if len(published) > r.Periods {
		published = published[len(published)-r.Periods:]
	} else {
		absent = r.Periods - len(published)
	}
	breaching := 0
	for _, breaches := range published {
		if breaches {
			breaching++
		}
	}
	fires := breaching >= r.Breaching
	switch r.Missing {
	case "notBreaching":
	case "breaching":
		fires = breaching+absent >= r.Breaching
	default:
		switch {
		case fires:
		case len(published) == 0 && r.Missing == "ignore":
			return before
		case len(published) == 0:
			return InsufficientData
		case r.firesEarly(window):
			if r.Missing == "ignore" {
				return before
			}
			return Alarm
		}
	}
	if fires {
		return Alarm
	}
	return OK
}

// firesEarly tells whether a breaching data point at least as old as Breaching has been followed by breaching and missing ones
// alone.
func (r Rule) firesEarly(window Series) bool {
	oldest := slices.IndexFunc(window, func(value float64) bool { return !math.IsNaN(value) })
	if oldest < 0 || len(window)-oldest < r.Breaching {
		return false
	}
	for _, value := range window[oldest:] {
		if !math.IsNaN(value) && !comparisons[r.Comparison](value, r.Threshold) {
			return false
		}
	}
	return true
}
