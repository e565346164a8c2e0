package decision

import "math"

// censoredAt is the CPU from which CloudWatch's figure may hide demand: it cannot exceed 100.
const censoredAt = 95.0

// maxUncensored bounds the demand that a database load may claim, in multiples of a reader.
const maxUncensored = 4.0

// used is a reader's utilisation by minute.
type used struct {
	value  window  // percent of the reader's vCPUs, above 100 where the database load tells
	capped float64 // how near to the limit now, from 0 at censoredAt to 1 at 100 %, when nothing tells the excess
	load   bool    // at the limit now, and the database load tells the excess
}

// utilisation is how busy a member is: its CPU, behind the limit its database load per vCPU; of a Serverless v2
// reader, its share of the capacity it may grow to.
func utilisation(cluster Cluster, m *Member, minute int64) used {
	if cluster.Serverless || m.Class == "db.serverless" {
		if acu := newWindow(m.ACUUtilization, minute, 100); acu.newest() >= 0 {
			return used{value: acu}
		}
	}
	u := used{value: newWindow(m.CPU, minute, 100)}
	now, ok := u.value.median3()
	told := u.uncensor(m, minute)
	if ok && now > censoredAt {
		u.load = told
		if !told {
			u.capped = (now - censoredAt) / (100 - censoredAt)
		}
	}
	return u
}

// uncensor replaces points at the limit by the database load where that says more, and tells whether there is a
// database load at all for such points.
func (u *used) uncensor(m *Member, minute int64) bool {
	var dbLoad window
	read, told := false, false
	for back, v := range u.value {
		if math.IsNaN(v) || v <= censoredAt {
			continue
		}
		if !read {
			dbLoad, read = newWindow(m.DBLoad, minute, 1e6), true
		}
		if load := dbLoad[back] / vcpuOf(m) * 100; !math.IsNaN(load) {
			told = true
			u.value[back] = max(v, min(load, 100*maxUncensored))
		}
	}
	return told
}

// load is the readers' demand by minute, in busy vCPUs.
type load struct {
	minute int64 // newest minute that enough readers report; 0: none
	now    float64
	// removing is the demand now with a reader that does not report taken as busy: what scale-in must assume.
	removing float64
	series   [recentMinutes]float64 // from minute backwards, gaps carried forward
	known    [recentMinutes]bool    // which of series are no gap
}

// measure joins what the members report with what the history recorded (which includes readers that are gone).
func measure(f *fleet, history *History, minute, eventMinute int64, cap float64) load {
	start := -1
	for back := range recentMinutes {
		points, due := 0, 0
		for _, m := range f.serving {
			if !math.IsNaN(m.use[back]) {
				points++
			}
			if !m.arrived {
				due++
			}
		}
		if points > 0 && 2*points >= due {
			start = back
			break
		}
	}
	if start < 0 {
		return load{}
	}
	l := load{minute: minute - int64(start)}
	if known := l.fill(f, history, start, minute, eventMinute); !known {
		// Nothing but points of before the failover: better than none.
		l.fill(f, history, start, minute, 0)
	}
	l.now = medianOf3(l.series[0], l.series[1], l.series[2])
	for _, m := range f.serving {
		// Behind the limit there is no trend to see, so that the most that a trend may add is added there.
		l.now += m.capped * maxTrend * m.vcpu
	}
	l.removing = l.now
	for _, m := range f.serving {
		if _, ok := m.use.at(start); !ok {
			weight := 1.0
			if m.warming {
				weight = 0.5
			}
			l.removing += weight * cap * m.vcpu
		}
	}
	return l
}

// fill sets the series from the newest usable minute backwards, and says whether anything is known.
func (l *load) fill(f *fleet, history *History, start int, minute, eventMinute int64) bool {
	last := math.NaN()
	for back := recentMinutes - 1; back >= start; back-- {
		sum, known := history.DemandAt(minute - int64(back))
		if !known || back < start+3 {
			reported := 0.0
			for _, m := range f.serving {
				// A member that changed its role reports its former load for the minutes before.
				if v, ok := m.use.at(back); ok && minute-int64(back) > eventMinute {
					reported += v / 100 * m.vcpu
					known = true
				}
			}
			sum = max(sum, reported)
		}
		if known {
			last = sum
		}
		l.known[back-start] = known
		l.series[back-start] = last
	}
	for i := 1; i < recentMinutes; i++ { // before the first known minute: no trend
		if i >= recentMinutes-start || math.IsNaN(l.series[i]) {
			l.series[i] = l.series[i-1]
		}
	}
	return !math.IsNaN(l.series[0])
}

// medianOf3 is the middle of three values, of which later ones may be unknown.
func medianOf3(a, b, c float64) float64 {
	switch {
	case math.IsNaN(a):
		return 0
	case math.IsNaN(b):
		return a
	case math.IsNaN(c):
		return (a + b) / 2
	}
	return max(min(a, b), min(max(a, b), c))
}
