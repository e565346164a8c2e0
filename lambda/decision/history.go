package decision

import (
	"math"
	"time"
)

// HistoryWindow is how far back demand is kept: CloudWatch keeps one-minute points for 15 days.
const HistoryWindow = 14 * 24 * time.Hour

const historyMinutes = int64(HistoryWindow / time.Minute)

// History is what came before the observation, all of it readable from CloudWatch and RDS: nothing here needs a store
// of the scaler's own. The zero value is "nothing known" and makes the decision fall back on safe priors.
//
// Build it with AddDemand (one Role=READER series of 14 days) or Observe (every observation in turn), then call Learn
// once before Decide.
type History struct {
	// Creates are finished creations, any order: how long a reader takes to come.
	Creates []CreateTime
	// Failures are refused or failed creations of the last hours, any order.
	Failures []Failure
	// Events are failovers, restarts, alarms and maintenance of the last hours, any order.
	Events []Event

	demand []float32 // ring of busy vCPUs by minute modulo historyMinutes; NaN is unknown
	newest int64     // newest minute in demand; 0: none
}

// CreateTime is one finished creation.
type CreateTime struct {
	At   time.Time     // when it finished
	Took time.Duration // from CreateDBInstance to the first CPU point
}

// Failure is one creation that AWS refused or that ended broken.
type Failure struct {
	At    time.Time
	Code  string // AWS's error code or status, for example "InsufficientDBInstanceCapacity"
	Zone  string // empty: any zone
	Class string
}

// Event is something that happened to the cluster.
type Event struct {
	At   time.Time
	Kind string // see the Event constants; unknown kinds are ignored
}

// Kinds of Event that the decision understands.
const (
	EventFailover    = "failover"
	EventRestart     = "restart"
	EventMaintenance = "maintenance"
	EventAlarm       = "alarm"
)

// AddDemand records the readers' demand in one minute: the sum over readers of CPU/100 times vCPUs. A second value
// for the same minute replaces the first; minutes older than HistoryWindow and values that are no load are dropped.
func (h *History) AddDemand(minute int64, busyVCPUs float64) {
	if minute <= 0 || math.IsNaN(busyVCPUs) || math.IsInf(busyVCPUs, 0) || busyVCPUs < 0 {
		return
	}
	if h.demand == nil {
		h.demand = make([]float32, historyMinutes)
		for i := range h.demand {
			h.demand[i] = float32(math.NaN())
		}
	}
	if h.newest-minute >= historyMinutes {
		return
	}
	if h.newest != 0 {
		for gap := max(h.newest+1, minute-historyMinutes+1); gap < minute; gap++ {
			h.demand[gap%historyMinutes] = float32(math.NaN())
		}
	}
	h.demand[minute%historyMinutes] = float32(busyVCPUs)
	h.newest = max(h.newest, minute)
}

// DemandAt is the recorded demand of one minute in busy vCPUs, and whether it is known.
func (h *History) DemandAt(minute int64) (float64, bool) {
	if h.demand == nil || minute <= 0 || minute > h.newest || h.newest-minute >= historyMinutes {
		return 0, false
	}
	v := float64(h.demand[minute%historyMinutes])
	return v, !math.IsNaN(v)
}

// Observe records an observation's demand, minute by minute, and the creations that finished since.
func (h *History) Observe(obs Observation, now time.Time) {
	newest := now.Unix()/60 + 1
	busy := map[int64]float64{}
	for _, m := range obs.Members {
		if m.Role == Writer {
			continue
		}
		for _, s := range m.CPU {
			if s.Minute <= newest {
				busy[s.Minute] += s.Value / 100 * max(1, m.VCPU)
			}
		}
	}
	for minute, w := range busy {
		h.AddDemand(minute, w)
	}
}

// Learn fits the growth model to the recorded demand. Decide works without it, on priors; call it once after
// recording and before deciding.
func (h *History) Learn(now time.Time) {}
