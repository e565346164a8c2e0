package decision

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// phase is where a member stands in its life.
type phase int

const (
	unknown phase = iota // a status this version does not know: neither counted nor deleted
	serving
	coming
	leaving
	broken
)

// statuses is the phase of every DB instance status that AWS documents, but for the families in statusFamilies.
var statuses = map[string]phase{
	"available":                           serving,
	"backing-up":                          serving,
	"maintenance":                         serving,
	"modifying":                           serving,
	"upgrading":                           serving,
	"renaming":                            serving,
	"resetting-master-credentials":        serving,
	"rebooting":                           coming,
	"starting":                            coming,
	"storage-config-upgrade":              serving,
	"storage-initialization":              serving,
	"storage-optimization":                serving,
	"delete-precheck":                     leaving,
	"deleting":                            leaving,
	"creating":                            coming,
	"failed":                              broken,
	"insufficient-capacity":               broken,
	"inaccessible-encryption-credentials": broken,
	"inaccessible-encryption-credentials-recoverable": broken,
	"restore-error": broken,
	"storage-full":  broken,
}

// statusFamilies are the statuses of which AWS documents several by one start.
var statusFamilies = []struct {
	prefix string
	phase  phase
}{
	{"configuring-", serving},
	{"converting-", serving},
	{"moving-", serving},
	{"incompatible-", broken},
}

func phaseOf(status string) phase {
	if p, ok := statuses[status]; ok {
		return p
	}
	for _, family := range statusFamilies {
		if strings.HasPrefix(status, family.prefix) {
			return family.phase
		}
	}
	return unknown
}

// Times in a reader's life.
const (
	// stuckAfter is when a creation will not end well any more, and is removed.
	stuckAfter = 30 * time.Minute
	// warmWindow is how long a new reader's cache is cold and its lag a catch-up.
	warmWindow = 10 * time.Minute
	// billingMinimum is what AWS bills of an instance at least.
	billingMinimum = 10 * time.Minute
	// asksRemembered is how long an action counts although AWS does not show it yet: it does within seconds.
	asksRemembered = 2 * time.Minute
)

// member is an observed member with what the rules ask of it.
type member struct {
	*Member
	phase   phase
	late    bool // creating for longer than lateAfter
	stuck   bool // creating for longer than stuckAfter
	vcpu    float64
	warming bool // serving for less than warmWindow
	use     window
	lag     window
	conns   float64 // newest connections
	fresh   bool    // its newest point is recent enough to act on
	arrived bool    // too recently to have reported yet
	capped  float64 // how near its CPU is to the limit without a database load that tells the demand, 0 to 1
	load    bool    // the database load told the demand behind a CPU at its limit
}

// fleet is the cluster's readers by phase.
type fleet struct {
	readers  []*member // all of them, sorted by identifier
	serving  []*member
	coming   []*member
	late     []*member // creations that are not counted on any more
	leaving  []*member
	broken   []*member
	writer   *member
	writers  int
	taken    map[string]bool // identifiers in use
	class    string          // class of new readers: the writer's
	refVCPU  float64         // vCPUs of that class
	capacity float64         // vCPUs of serving and coming readers
}

// count is the readers that serve or will.
func (f *fleet) count() int { return len(f.serving) + len(f.coming) }

// classVCPU derives the vCPUs from an instance class: Aurora's sizes double from "large" = 2. Unknown classes, and
// Serverless v2, weigh 2.
func classVCPU(class string) float64 {
	_, size, _ := strings.Cut(strings.TrimPrefix(class, "db."), ".")
	if multiple, ok := strings.CutSuffix(size, "xlarge"); ok {
		if multiple == "" {
			return 4
		}
		if n, err := strconv.Atoi(multiple); err == nil && n > 0 && n <= 64 {
			return float64(4 * n)
		}
	}
	return 2
}

// vcpuOf weighs a member.
func vcpuOf(m *Member) float64 {
	if m.VCPU > 0 && m.VCPU <= 1024 {
		return m.VCPU
	}
	return classVCPU(m.Class)
}

// since is how long ago an instant was, and whether that can be believed.
func since(at, now time.Time) (time.Duration, bool) {
	if at.IsZero() || at.Unix() <= 0 || at.After(now) {
		return 0, false
	}
	return now.Sub(at), true
}

// servingVCPU is the vCPUs of the readers that serve.
func (f *fleet) servingVCPU() float64 {
	sum := 0.0
	for _, m := range f.serving {
		sum += m.vcpu
	}
	return sum
}

// coldVCPU is what the readers lack that serve but are not warm yet: half of their vCPUs.
func (f *fleet) coldVCPU() float64 {
	sum := 0.0
	for _, m := range f.serving {
		if m.warming {
			sum += m.vcpu / 2
		}
	}
	return sum
}

// classify sorts the members by what can be expected of them. Actions that AWS does not show yet count as done.
func (t *tick) classify(obs *Observation) *fleet {
	f := &fleet{taken: map[string]bool{}}
	all := make([]member, len(obs.Members))
	listed := map[string]*member{}
	for i := range obs.Members {
		m := &all[i]
		*m = member{Member: &obs.Members[i], phase: phaseOf(obs.Members[i].Status), vcpu: vcpuOf(&obs.Members[i]), conns: -1}
		if listed[m.ID] != nil {
			continue // a member listed twice, as a page read during a change may; the first counts
		}
		listed[m.ID], f.taken[m.ID] = m, true
		u := utilisation(obs.Cluster, m.Member, t.minute)
		m.use, m.capped, m.load = u.value, u.capped, u.load
		m.fresh = m.use.fresh()
		if m.Role == Writer {
			f.writers++
			f.writer = m
			continue
		}
		m.lag = newWindow(m.LagMs, t.minute, math.MaxFloat64)
		if conns := newWindow(m.Connections, t.minute, 1e6); conns.fresh() {
			m.conns, _ = conns.at(conns.newest())
		}
		if age, known := since(m.AvailableAt, t.now); known {
			m.warming = age < warmWindow
			m.arrived = age <= staleAfter*time.Minute && !m.fresh
		}
		if age, known := since(m.CreatedAt, t.now); known && m.Status == "creating" {
			m.stuck = age > stuckAfter
			m.late = age > lateAfter(t.d.Lead) && !m.stuck
		}
		f.readers = append(f.readers, m)
	}
	t.overlayAsked(f, listed)
	slices.SortFunc(f.readers, func(a, b *member) int { return strings.Compare(a.ID, b.ID) })
	for _, m := range f.readers {
		switch {
		case m.stuck:
			f.broken = append(f.broken, m)
		case m.phase == serving:
			f.serving = append(f.serving, m)
		case m.late:
			f.late = append(f.late, m)
		case m.phase == coming:
			f.coming = append(f.coming, m)
		case m.phase == leaving:
			f.leaving = append(f.leaving, m)
		case m.phase == broken:
			f.broken = append(f.broken, m)
		}
	}
	for _, m := range slices.Concat(f.serving, f.coming) {
		f.capacity += m.vcpu
	}
	f.class, f.refVCPU = newClass(f)
	return f
}

// overlayAsked adds creations and deletions that were asked for moments ago.
func (t *tick) overlayAsked(f *fleet, listed map[string]*member) {
	for _, ask := range t.history.Asked {
		age, ok := since(ask.At, t.now.Add(time.Second))
		if !ok || age > asksRemembered {
			continue
		}
		m := listed[ask.ID]
		switch {
		case ask.Delete && m != nil && m.Role == Reader:
			m.phase, m.late, m.stuck = leaving, false, false
		case !ask.Delete && m == nil && !t.refusedSince(ask):
			m = &member{Member: &Member{ID: ask.ID, Class: ask.Class, Zone: ask.Zone}, phase: coming, conns: -1}
			m.vcpu = classVCPU(ask.Class)
			if w := f.writer; w != nil && w.Class == ask.Class {
				m.vcpu = w.vcpu
			}
			listed[ask.ID], f.taken[ask.ID] = m, true
			f.readers = append(f.readers, m)
		}
	}
}

// refusedSince says whether a creation is known to have failed after it was asked for.
func (t *tick) refusedSince(ask Ask) bool {
	return slices.ContainsFunc(t.history.Failures, func(failure Failure) bool {
		return !failure.At.Before(ask.At) &&
			(failure.Zone == "" || ask.Zone == "" || failure.Zone == ask.Zone) &&
			(failure.Class == "" || failure.Class == ask.Class)
	})
}

// newClass is the class of new readers and its vCPUs: the writer's, without one the most common among readers.
func newClass(f *fleet) (string, float64) {
	if f.writer != nil && f.writer.Class != "" {
		return f.writer.Class, f.writer.vcpu
	}
	counts := map[string]int{}
	var best *member
	for _, m := range f.readers {
		if m.Class == "" {
			continue
		}
		counts[m.Class]++
		if best == nil || counts[m.Class] > counts[best.Class] {
			best = m
		}
	}
	if best == nil {
		return "", 2
	}
	return best.Class, best.vcpu
}
