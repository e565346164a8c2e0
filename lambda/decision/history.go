package decision

import (
	"math"
	"slices"
	"time"
)

// HistoryWindow is how far back demand is kept: CloudWatch keeps one-minute points for 15 days.
const HistoryWindow = 14 * 24 * time.Hour

const (
	historyMinutes = int64(HistoryWindow / time.Minute)
	// lastMinute is a bound on believable minutes: the year 2200.
	lastMinute = 230 * 366 * 24 * 60
)

// History is what came before the observation, all of it readable from CloudWatch and RDS: nothing here needs a store
// of the scaler's own. The zero value is "nothing known" and makes the decision fall back on safe priors.
//
// Build it with AddDemand (one Role=READER series of 14 days) and the lists, or with Observe (every observation in
// turn); then call Learn before Decide. Decide only reads it.
type History struct {
	// Creates are finished creations, any order: how long a reader takes to come.
	Creates []CreateTime
	// Failures are refused or failed creations of the last hours, any order.
	Failures []Failure
	// Events are failovers, restarts and maintenance of the last hours or to come, any order.
	Events []Event
	// Asked are the scaler's own actions that AWS may not show yet, any order. They expire after two minutes, so a
	// function that forgets them with its process loses nothing but a repeated call, which slot names make harmless.
	Asked []Ask

	demand []float32 // ring of busy vCPUs by minute modulo historyMinutes; NaN is unknown
	newest int64     // newest minute in demand; 0: none
	growth *growth   // fitted by Learn; nil: priors
	bursts bursts    // found by Learn

	shares map[int64]map[string]share // what each reader added to recent minutes, so that late points add up
	seen   map[string]sighting        // last sight of each member
	writer string
	began  time.Time // of the first observation

	lagless   int   // minutes since any reader reported its lag in which readers reported CPU
	laglessAt int64 // the last of those
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
	Class string // empty: any class
}

// Event is something that happened to the cluster, or is announced.
type Event struct {
	At   time.Time
	Kind string // one of the Event constants; other kinds have no effect
}

// Kinds of Event that the decision understands.
const (
	EventFailover    = "failover"
	EventSwitchover  = "switchover" // blue/green or global database
	EventRestart     = "restart"
	EventMaintenance = "maintenance"
	EventAlarm       = "alarm" // a wake-up; no effect of its own
)

// Ask is one action that the scaler took.
type Ask struct {
	At     time.Time
	ID     string
	Delete bool   // a deletion, else a creation
	Class  string // of a creation
	Zone   string
	// Minute is the newest sample the action was based on: without a newer one the load does not act again.
	Minute int64
}

type share struct {
	busy   float64
	writer bool // the member was the writer in that minute: its load is not the readers'
}

type sighting struct {
	at     time.Time
	phase  phase
	served bool
	lag    bool // it reported its lag, at least once
}

// AddDemand records the readers' demand in one minute: the sum over readers of CPU/100 times vCPUs. A second value
// for the same minute replaces the first; minutes older than HistoryWindow and values that are no load are dropped.
func (h *History) AddDemand(minute int64, busyVCPUs float64) {
	if minute <= 0 || minute > lastMinute || math.IsNaN(busyVCPUs) || busyVCPUs < 0 || busyVCPUs > 1e6 {
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
	if math.IsNaN(v) {
		return 0, false
	}
	return v, true
}

// Observe records an observation: the demand of its minutes, creations that finished or failed, and a change of
// writer as a failover. Observations come in the order of their time.
func (h *History) Observe(obs Observation, now time.Time) {
	minute := now.Unix() / 60
	if minute <= 0 || minute > lastMinute {
		return
	}
	if h.began.IsZero() {
		h.began = now
	}
	h.observeDemand(obs, minute)
	h.observeLives(obs, now)
	h.observeLag(obs, minute)
	h.forget(now)
}

func (h *History) observeDemand(obs Observation, minute int64) {
	if h.shares == nil {
		h.shares = map[int64]map[string]share{}
	}
	changed := make([]int64, 0, recentMinutes)
	for i := range obs.Members {
		m := &obs.Members[i]
		use := utilisation(obs.Cluster, m, minute)
		for back, v := range use.value {
			if math.IsNaN(v) {
				continue
			}
			at := minute - int64(back)
			byMember := h.shares[at]
			if byMember == nil {
				byMember = map[string]share{}
				h.shares[at] = byMember
			}
			next := share{busy: v / 100 * vcpuOf(m), writer: m.Role == Writer}
			if last, ok := byMember[m.ID]; ok && (last == next || last.writer != next.writer) {
				continue
			}
			byMember[m.ID] = next
			if !slices.Contains(changed, at) {
				changed = append(changed, at)
			}
		}
	}
	h.observeOld(obs, minute)
	for at := range h.shares {
		if minute-at > 2*int64(recentMinutes) {
			delete(h.shares, at)
		}
	}
	served := map[string]int64{}
	for _, m := range obs.Members {
		if !m.AvailableAt.IsZero() {
			served[m.ID] = m.AvailableAt.Unix() / 60
		}
	}
	// A point also bears on the gaps around it.
	var touched []int64
	for _, at := range changed {
		for near := at - gapBridged; near <= at+gapBridged; near++ {
			touched = append(touched, near)
		}
	}
	slices.Sort(touched)
	for _, at := range slices.Compact(touched) {
		sum, readers := 0.0, 0
		for _, id := range sortedKeys(h.shares[at]) {
			if s := h.shares[at][id]; !s.writer {
				sum += s.busy
				readers++
			}
		}
		if readers > 0 {
			h.AddDemand(at, sum+h.bridged(at, served))
		}
	}
}

// gapBridged is how many minutes without a point are bridged: CloudWatch loses points, and a sum that lacks a reader
// for a minute looks like demand that fell and came back.
const gapBridged = 4

// bridged is what the readers without a point in a minute added to it: the mean of their points on both sides of the
// gap. Before the first point known of a reader, which served by then, it is that point.
func (h *History) bridged(at int64, served map[string]int64) float64 {
	sum := 0.0
	done := map[string]bool{}
	for ahead := int64(1); ahead <= gapBridged; ahead++ {
		for _, id := range sortedKeys(h.shares[at+ahead]) {
			if _, reported := h.shares[at][id]; reported || done[id] {
				continue
			}
			done[id] = true
			after := h.shares[at+ahead][id]
			before, back := h.before(id, at)
			from, known := served[id]
			switch {
			case back == 0 && known && from < at:
				before = after
			case back == 0 || back+ahead-1 > gapBridged:
				continue
			}
			if !before.writer && !after.writer {
				sum += (before.busy + after.busy) / 2
			}
		}
	}
	return sum
}

// before is a reader's last point before a minute, and how many minutes before; 0 for none.
func (h *History) before(id string, at int64) (share, int64) {
	for back := int64(1); back <= 2*int64(recentMinutes); back++ {
		if s, ok := h.shares[at-back][id]; ok {
			return s, back
		}
	}
	return share{}, 0
}

// observeOld records minutes older than the recent ones of which nothing is known yet, as when a process is given
// days of samples at once.
func (h *History) observeOld(obs Observation, minute int64) {
	sums := map[int64]float64{}
	for i := range obs.Members {
		m := &obs.Members[i]
		series := m.CPU
		if obs.Cluster.Serverless && len(m.ACUUtilization) > 0 {
			series = m.ACUUtilization
		}
		if m.Role == Writer || len(series) <= recentMinutes {
			continue
		}
		points := map[int64]float64{} // the last of duplicates counts
		for _, s := range series {
			if minute-s.Minute >= 2*int64(recentMinutes) && minute-s.Minute < historyMinutes && s.Value >= 0 {
				if _, known := h.DemandAt(s.Minute); !known {
					points[s.Minute] = min(s.Value, 100) / 100 * vcpuOf(m)
				}
			}
		}
		for at, busy := range points {
			sums[at] += busy
		}
	}
	for at, busy := range sums {
		h.AddDemand(at, busy)
	}
}

func (h *History) observeLives(obs Observation, now time.Time) {
	if h.seen == nil {
		h.seen = map[string]sighting{}
	}
	for i := range obs.Members {
		m := &obs.Members[i]
		if m.Role == Writer {
			if h.writer != "" && h.writer != m.ID {
				h.Events = append(h.Events, Event{At: now, Kind: EventFailover})
			}
			h.writer = m.ID
		}
		last, known := h.seen[m.ID]
		if known && now.Sub(last.at) > stuckAfter {
			last = sighting{}
		}
		next := sighting{at: now, phase: phaseOf(m.Status), served: last.served, lag: last.lag || len(m.LagMs) > 0}
		if next.phase == broken && last.phase != broken && brokenForCapacity[m.Status] {
			h.Failures = append(h.Failures, Failure{At: now, Code: m.Status, Zone: m.Zone, Class: m.Class})
		}
		if next.phase == coming {
			next.served = false
		}
		if next.phase == serving && !next.served {
			next.served = true
			if took := m.AvailableAt.Sub(m.CreatedAt); m.Owned && m.Role == Reader && !m.CreatedAt.IsZero() &&
				took >= minCreate && took <= maxCreate {
				h.Creates = append(h.Creates, CreateTime{At: m.AvailableAt, Took: took})
			}
		}
		h.seen[m.ID] = next
	}
}

// lagMeasuredAfter is how many minutes with CPU and without any lag it takes until lag counts as not measured.
const lagMeasuredAfter = 60

// observeLag counts the minutes in which readers reported CPU and none its lag.
func (h *History) observeLag(obs Observation, minute int64) {
	reporting := false
	for i := range obs.Members {
		m := &obs.Members[i]
		if m.Role != Reader {
			continue
		}
		if lag := newWindow(m.LagMs, minute, math.MaxFloat64); lag.newest() >= 0 {
			h.lagless = 0
			return
		}
		cpu := newWindow(m.CPU, minute, 100)
		reporting = reporting || cpu.fresh()
	}
	if reporting && minute > h.laglessAt {
		h.lagless++
		h.laglessAt = minute
	}
}

// lagUnmeasured says whether nobody measures the lag of these readers: none of them ever reported it, nor any reader
// for an hour. A gap in a lag that was reported is no such case.
func (h *History) lagUnmeasured(readers []*member) bool {
	return h.lagless >= lagMeasuredAfter && !slices.ContainsFunc(readers, func(m *member) bool { return h.seen[m.ID].lag })
}

// Bounds of what is kept in the lists.
const (
	memory      = 6 * time.Hour // events and failures
	keepCreates = 50
	keepList    = 500
)

// forget drops what no rule looks at any more, so that a process that runs for months stays small.
func (h *History) forget(now time.Time) {
	h.Events = newestOf(slices.DeleteFunc(h.Events, func(e Event) bool { return now.Sub(e.At) > memory }), keepList)
	h.Failures = newestOf(slices.DeleteFunc(h.Failures, func(f Failure) bool { return now.Sub(f.At) > memory }), keepList)
	h.Asked = newestOf(slices.DeleteFunc(h.Asked, func(a Ask) bool { return now.Sub(a.At) > memory }), keepList)
	h.Creates = newestOf(h.Creates, keepCreates)
	if len(h.seen) > 4*MaxReaders {
		for id, s := range h.seen {
			if now.Sub(s.at) > memory {
				delete(h.seen, id)
			}
		}
	}
}

// newestOf is the end of a list.
func newestOf[T any](list []T, keep int) []T {
	if len(list) <= keep {
		return list
	}
	return slices.Clone(list[len(list)-keep:])
}

// Remember records the actions of a decision that were carried out, until AWS shows them.
func (h *History) Remember(d Decision, now time.Time) {
	for _, c := range d.Creates {
		h.Asked = append(h.Asked, Ask{At: now, ID: c.ID, Class: c.Class, Zone: c.Zone, Minute: d.Minute})
	}
	for _, id := range d.Deletes {
		h.Asked = append(h.Asked, Ask{At: now, ID: id, Delete: true, Minute: d.Minute})
	}
}

// sortedKeys are a map's keys in order, so that sums do not depend on the map's.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
