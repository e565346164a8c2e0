// Package decision decides how many Aurora readers a cluster should have. It is pure: no clock, no input or output, no
// randomness, only the standard library, so that the Lambda function, the replay, the fuzzers and the property tests
// all run the same code.
package decision

import (
	"math"
	"sort"
	"time"

	"peakline/lambda/contract"
)

// MaxReaders is Aurora's limit of readers in a cluster.
const MaxReaders = contract.MaxReaders

// Decision is what should be true of the cluster, and why.
type Decision struct {
	Desired int      // readers the cluster should have, foreign ones counted
	Creates []Create // readers to create now, in order
	Deletes []string // identifiers to delete now, in order; all owned readers
	State   State
	Reasons []Reason // every rule that had a say, sorted, no duplicates

	Need     int     // readers the load calls for, before the policy's bounds
	Demand   float64 // fully busy readers now
	Forecast float64 // fully busy readers, the upper bound within the lead
	Serving  int     // readers in service
	Coming   int     // readers being created
	Lead     time.Duration
}

// Create is one reader to create.
type Create struct {
	ID    string
	Zone  string // empty: let AWS choose
	Class string
}

// Decide returns what to do about an observation. Any input is safe: what cannot be believed holds the readers.
func Decide(obs Observation, policy Policy, history History, now time.Time) Decision {
	minute := now.Unix() / 60
	var (
		recent          []float64
		serving, coming int
		used            = map[string]bool{}
		class           string
	)
	busy := map[int64]float64{}
	for _, m := range obs.Members {
		used[m.ID] = true
		switch {
		case m.Role == Writer:
			class = m.Class
			continue
		case m.Status == "creating":
			coming++
		case m.Status == "available":
			serving++
		}
		for _, s := range m.CPU {
			if s.Minute <= minute && s.Minute > minute-5 {
				busy[s.Minute] += s.Value / 100
			}
		}
	}
	for _, w := range busy {
		recent = append(recent, w)
	}
	sort.Float64s(recent)
	d := Decision{State: Steady, Serving: serving, Coming: coming, Lead: 10 * time.Minute}
	if len(recent) > 0 {
		d.Demand = recent[len(recent)/2]
	}
	d.Forecast = d.Demand
	d.Need = int(math.Ceil(d.Forecast / (policy.CapPercent * 0.75 / 100)))
	d.Desired = min(max(d.Need, policy.Min), policy.Max)
	for slot := 1; slot <= MaxReaders && serving+coming+len(d.Creates) < d.Desired; slot++ {
		if id := SlotID(policy.Prefix, slot); !used[id] {
			d.Creates = append(d.Creates, Create{ID: id, Class: class})
		}
	}
	if coming == 0 && serving > d.Desired {
		for _, m := range obs.Members {
			if m.Role == Reader && m.Owned && m.Status == "available" && len(d.Deletes) == 0 {
				d.Deletes = append(d.Deletes, m.ID)
			}
		}
	}
	return d
}

// SlotID is the identifier of a numbered slot, 1 to MaxReaders: "<prefix>-r01". Two runs that race for the same slot
// collide in AWS instead of creating two readers.
func SlotID(prefix string, slot int) string {
	return prefix + "-r" + string([]byte{'0' + byte(slot/10), '0' + byte(slot%10)})
}
