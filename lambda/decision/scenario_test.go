package decision

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// noon is a quiet Wednesday; every scenario happens around it.
var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

const prefix = "peakline-test-auto"

// scenario is a small cluster that a test shapes: one writer, two baseline readers, and as many of the scaler's own
// as asked for, all equally busy for the last quarter of an hour.
type scenario struct {
	obs     Observation
	policy  Policy
	history History
	now     time.Time
}

// cluster has a number of readers, of which the first two are foreign, at a CPU percentage.
func cluster(readers int, cpu float64) *scenario {
	s := &scenario{policy: ProductionPolicy(), now: noon}
	s.policy.Prefix = prefix
	s.obs.Cluster.Status = "available"
	writer := instance("writer", 0, 30)
	writer.Role, writer.Tier = Writer, 0
	s.obs.Members = append(s.obs.Members, writer)
	for i := range readers {
		m := instance(fmt.Sprintf("baseline-%d", i+1), i+1, cpu)
		m.Tier = 2
		if i >= 2 {
			m = instance(SlotID(prefix, i-1), i+1, cpu)
			m.Owned, m.Tier = true, 15
		}
		s.obs.Members = append(s.obs.Members, m)
	}
	return s
}

func instance(id string, place int, cpu float64) Member {
	return Member{
		ID: id, Status: "available", Class: "db.r8g.large", VCPU: 2, Zone: "us-east-1" + string("abc"[place%3]),
		CreatedAt: noon.Add(-24 * time.Hour), AvailableAt: noon.Add(-24*time.Hour + 6*time.Minute),
		CPU: steady(cpu), DBLoad: nil, LagMs: steady(20), Connections: steady(100),
	}
}

// steady is a value for each of the last fifteen minutes, the newest two minutes ago as CloudWatch has it.
func steady(value float64) Series {
	var s Series
	for back := int64(RecentWindow / time.Minute); back >= 2; back-- {
		s = append(s, Sample{noon.Unix()/60 - back, value})
	}
	return s
}

// at returns the member with an identifier.
func (s *scenario) at(id string) *Member {
	for i := range s.obs.Members {
		if s.obs.Members[i].ID == id {
			return &s.obs.Members[i]
		}
	}
	panic("no member " + id)
}

// readers calls shape for every reader.
func (s *scenario) readers(shape func(i int, m *Member)) {
	n := 0
	for i := range s.obs.Members {
		if m := &s.obs.Members[i]; m.Role == Reader {
			shape(n, m)
			n++
		}
	}
}

// days gives the history a constant demand of so many busy readers for the last days.
func (s *scenario) days(n int, busyReaders float64) {
	newest := s.now.Unix()/60 - 2
	for minute := newest - int64(n)*24*60; minute <= newest; minute++ {
		s.history.AddDemand(minute, 2*busyReaders)
	}
	s.history.Learn(s.now, s.policy.Floors)
}

// watch lets the history observe the cluster as it is, at every minute of a span given in minutes back.
func (s *scenario) watch(from, until int) {
	for back := from; back >= until; back-- {
		obs := s.obs
		obs.Members = slices.Clone(s.obs.Members)
		for i := range obs.Members {
			m := &obs.Members[i]
			for _, series := range []*Series{&m.CPU, &m.LagMs, &m.Connections} {
				*series = slices.Clone(*series)
				for k := range *series {
					(*series)[k].Minute -= int64(back)
				}
			}
		}
		s.history.Observe(obs, s.now.Add(-time.Duration(back)*time.Minute))
	}
}

func (s *scenario) decide() Decision { return Decide(s.obs, s.policy, s.history, s.now) }

func (d Decision) has(reason Reason) bool {
	for _, r := range d.Reasons {
		if r == reason {
			return true
		}
	}
	return false
}

// BenchmarkDecide is one decision on the largest cluster with 14 days of one-minute history.
func BenchmarkDecide(b *testing.B) {
	s := cluster(15, 50)
	s.days(14, 7.5)
	s.policy.Floors = []Floor{{Window: Window{Name: "sale", From: s.now.Add(time.Hour), Until: s.now.Add(5 * time.Hour)}, LoadMultiple: 3}}
	b.ReportAllocs()
	for b.Loop() {
		s.decide()
	}
}

// BenchmarkLearn is one fit of the growth model to 14 days of one-minute history; it happens every hour.
func BenchmarkLearn(b *testing.B) {
	s := cluster(15, 50)
	s.days(14, 7.5)
	b.ReportAllocs()
	for b.Loop() {
		s.history.growth = nil
		s.history.Learn(s.now, s.policy.Floors)
	}
}
