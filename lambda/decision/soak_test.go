package decision

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var soakTicks = flag.Int("soak.ticks", 20_000, "ticks of fault injection in TestSoak; a million is the release gate")

// world is a cluster that goes wrong in every way the scaler must survive. It shows the decision what AWS would show,
// late, in part or not at all, and carries out what the decision asks for, in part or not at all.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	now     time.Time
	policy  Policy
	members []*lived
	demand  []float64 // busy vCPUs by minute since the start, as CloudWatch keeps it
	history History
	status  string
	deletes int // healthy readers deleted
	creates int
	blind   int // minutes that metrics are gone for
}

// lived is a member with what only the world knows.
type lived struct {
	Member
	arrives time.Time // creating until then; zero: never
	leaves  time.Time // gone then, when deleting
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: noon, status: "available", policy: ProductionPolicy()}
	w.policy.Prefix = prefix
	w.policy.Min = 1 + w.rng.IntN(3)
	w.policy.Max = 6 + w.rng.IntN(MaxReaders-5)
	w.policy.Classes = []string{"db.r7g.large"}
	for i := range 1 + w.policy.Min {
		m := instance(fmt.Sprintf("baseline-%d", i), i, 0)
		m.Tier, m.CPU, m.LagMs, m.Connections = 2, nil, nil, nil
		if i == 0 {
			m.Role, m.Tier = Writer, 0
		}
		w.members = append(w.members, &lived{Member: m})
	}
	return w
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func (w *world) serving() (readers []*lived) {
	for _, m := range w.members {
		if m.Role == Reader && m.Status == "available" {
			readers = append(readers, m)
		}
	}
	return readers
}

// live lets a minute pass.
func (w *world) live(tick int) {
	w.now = w.now.Add(time.Minute)
	w.status = "available"
	switch {
	case w.chance(0.005):
		w.status = []string{"modifying", "upgrading", "backing-up", "failing-over", "maintenance", ""}[w.rng.IntN(6)]
	case w.chance(0.002):
		w.failover()
	}
	var kept []*lived
	for _, m := range w.members {
		switch {
		case m.Status == "creating" && !m.arrives.IsZero() && !m.arrives.After(w.now):
			m.Status, m.AvailableAt = "available", w.now
			if w.chance(0.03) {
				m.Status = []string{"insufficient-capacity", "failed", "incompatible-network"}[w.rng.IntN(3)]
			}
		case m.Status == "available" && m.Role == Reader && w.chance(0.0005):
			m.Status = []string{"failed", "rebooting", "storage-full", "no-such-status", "backing-up"}[w.rng.IntN(5)]
		case m.Status != "available" && m.Status != "creating" && m.Status != "deleting" && m.Role == Reader && w.chance(0.1):
			m.Status = "available"
		case m.Status == "deleting" && !m.leaves.After(w.now):
			continue
		case m.Role == Reader && !m.Owned && w.chance(0.0002):
			continue // someone deletes a reader by hand
		}
		kept = append(kept, m)
	}
	w.members = kept
	if len(w.members) < 12 && w.chance(0.0005) {
		m := instance(fmt.Sprintf("by-hand-%d", tick), tick, 0)
		m.AvailableAt, m.CPU, m.LagMs, m.Connections = w.now, nil, nil, nil
		w.members = append(w.members, &lived{Member: m})
	}
	if w.chance(0.001) { // someone takes a tag away, or gives it back
		if m := w.members[w.rng.IntN(len(w.members))]; m.Tier == 15 {
			m.Owned = !m.Owned
		}
	}
	w.measure(tick)
}

func (w *world) failover() {
	readers := w.serving()
	if len(readers) == 0 {
		return
	}
	for _, m := range w.members {
		if m.Role == Writer {
			m.Role = Reader
		}
	}
	readers[w.rng.IntN(len(readers))].Role = Writer
	if w.chance(0.7) {
		for range 1 + w.rng.IntN(2) { // the event comes twice
			w.history.Events = append(w.history.Events, Event{w.now, EventFailover})
		}
	}
}

// measure gives every member its samples of the minute, but for those that get lost.
func (w *world) measure(tick int) {
	minute := w.now.Unix()/60 - 1
	size := float64(w.policy.Max) / 10
	busy := 2 * size * math.Max(0.1, 1.7+1.4*math.Sin(float64(tick)/60)+w.rng.NormFloat64()*0.1)
	if tick%700 < 40 {
		busy *= 2.5
	}
	w.demand = append(w.demand, busy)
	readers := w.serving()
	if w.blind > 0 {
		w.blind--
		return
	}
	if w.chance(0.001) {
		w.blind = w.rng.IntN(40)
	}
	for _, m := range w.members {
		cut(&m.CPU, minute)
		cut(&m.LagMs, minute)
		cut(&m.DBLoad, minute)
		cut(&m.Connections, minute)
	}
	for _, m := range readers {
		use := busy / 2 / float64(len(readers)) * 100 * (1 + 0.05*w.rng.NormFloat64())
		if w.chance(0.02) {
			continue
		}
		if w.chance(0.002) {
			use = []float64{math.NaN(), -1, math.Inf(1), 1e12}[w.rng.IntN(4)]
		}
		at := minute
		if w.chance(0.01) {
			at += int64(w.rng.IntN(20) - 15)
		}
		m.CPU = append(m.CPU, Sample{at, min(use, 100)})
		if w.chance(0.9) {
			m.DBLoad = append(m.DBLoad, Sample{at, use / 50})
		}
		lag := 20.0
		if use > 85 || w.chance(0.01) {
			lag = 800
		}
		if w.chance(0.98) {
			m.LagMs = append(m.LagMs, Sample{at, lag})
		}
		m.Connections = append(m.Connections, Sample{at, float64(w.rng.IntN(300))})
		if w.chance(0.05) {
			w.rng.Shuffle(len(m.CPU), func(i, j int) { m.CPU[i], m.CPU[j] = m.CPU[j], m.CPU[i] })
		}
	}
}

// cut keeps the series as short as an observation's.
func cut(s *Series, minute int64) {
	if len(*s) > 20 {
		*s = (*s)[len(*s)-16:]
	}
}

// observe is what the API calls of one tick return: pages may be missing.
func (w *world) observe() Observation {
	obs := Observation{Cluster: Cluster{Status: w.status}}
	for _, m := range w.members {
		if m.Status == "creating" && m.CreatedAt.Equal(w.now) && w.chance(0.5) {
			continue // a created identifier may be missing for seconds
		}
		if w.chance(0.0005) {
			continue // a page read while the list changed
		}
		obs.Members = append(obs.Members, m.Member)
	}
	return obs
}

// crash loses the process: history is read anew from CloudWatch and RDS.
func (w *world) crash() {
	last := w.history
	w.history = History{Events: last.Events, Failures: last.Failures, Creates: last.Creates}
	newest := w.now.Unix()/60 - 1
	for back := range min(len(w.demand), 3*24*60) {
		w.history.AddDemand(newest-int64(back), w.demand[len(w.demand)-1-back])
	}
}

// act carries a decision out, as far as AWS and luck allow, re-reading each reader right before its deletion as the
// handler does.
func (w *world) act(d Decision) {
	for i, c := range d.Creates {
		if w.chance(0.02) {
			w.crash() // killed after some of the calls, before remembering them
			return
		}
		switch {
		case w.chance(0.05):
			w.history.Failures = append(w.history.Failures, Failure{w.now, []string{"Throttling", "InsufficientDBInstanceCapacity", "InstanceQuotaExceeded", "AccessDenied", "InvalidDBClusterStateFault"}[w.rng.IntN(5)], c.Zone, c.Class})
			if w.chance(0.5) {
				return // the rest of the calls fails too
			}
			continue
		case w.find(c.ID) != nil:
			continue // DBInstanceAlreadyExists
		}
		w.creates++
		m := instance(c.ID, i, 0)
		m.Class, m.Status, m.Owned, m.Tier, m.CreatedAt, m.AvailableAt = c.Class, "creating", true, 15, w.now, time.Time{}
		m.CPU, m.LagMs, m.Connections = nil, nil, nil
		if c.Zone != "" {
			m.Zone = c.Zone
		}
		l := &lived{Member: m, arrives: w.now.Add(time.Duration(4+w.rng.ExpFloat64()*3) * time.Minute)}
		if w.chance(0.02) {
			l.arrives = time.Time{}
		}
		w.members = append(w.members, l)
	}
	for _, id := range d.Deletes {
		if w.chance(0.02) {
			w.crash()
			return
		}
		if w.chance(0.02) {
			w.failover() // between decision and deletion
		}
		m := w.find(id)
		if m == nil || !m.Owned || m.Role == Writer || m.Status == "deleting" || m.Status == "available" && len(w.serving()) <= w.policy.Min {
			continue // what the handler re-reads right before
		}
		if m.Status == "available" {
			w.deletes++
		}
		m.Status, m.leaves = "deleting", w.now.Add(time.Duration(1+w.rng.IntN(6))*time.Minute)
	}
	w.history.Remember(d, w.now)
}

func (w *world) find(id string) *lived {
	for _, m := range w.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// TestSoak lets the scaler run through faults and asks after each tick whether it did anything unsafe.
func TestSoak(t *testing.T) {
	const perWorld = 2_000
	unsafe, ticks, creates, deletes := 0, 0, 0, 0
	states := map[State]int{}
	for seed := uint64(1); ticks < *soakTicks; seed++ {
		w := newWorld(t, seed)
		for tick := 0; tick < perWorld && ticks < *soakTicks; tick++ {
			ticks++
			w.live(tick)
			if w.chance(0.001) {
				w.crash()
			}
			if w.chance(0.003) {
				continue // the schedule skips a minute
			}
			runs := 1
			if w.chance(0.02) {
				runs = 2 // an alarm arrives besides the schedule
			}
			for range runs {
				obs := w.observe()
				w.history.Observe(obs, w.now)
				w.history.Learn(w.now, w.policy.Floors)
				d := Decide(obs, w.policy, w.history, w.now)
				states[d.State]++
				err := unsafeActions(obs, w.policy, d, w.now)
				if err != nil {
					if unsafe++; unsafe <= 5 {
						t.Errorf("seed %d, tick %d: unsafe action: %v\ndecision %+v", seed, tick, err, d)
					}
				}
				w.act(d)
			}
		}
		creates, deletes = creates+w.creates, deletes+w.deletes
	}
	t.Logf("%d ticks, %d readers created, %d deleted, %d unsafe actions, states %v", ticks, creates, deletes, unsafe, states)
	if unsafe > 0 {
		t.Errorf("%d unsafe actions in %d ticks, want none", unsafe, ticks)
	}
	if creates == 0 || deletes == 0 {
		t.Errorf("%d readers created and %d deleted: the soak exercised nothing", creates, deletes)
	}
}
