package simulator

import (
	"time"

	"peakline/lambda/decision"
)

// scaler runs the Lambda's own decision on the simulated cluster: it reads what CloudWatch and RDS show, keeps what a
// process of the function keeps, and carries out what Decide says.
type scaler struct {
	policy   decision.Policy
	history  decision.History
	start    time.Time
	refusals int // refusals already in the history
}

// newScaler configures the decision as an operator would for this plant: its bounds and its pool settings are known,
// its create times, its noise and its traffic are not.
func newScaler(given setup, policy decision.Policy) *scaler {
	policy.Min, policy.Max = given.plant.Readers.Min, given.plant.Readers.Max
	policy.Prefix = readerPrefix
	policy.Floors = given.floors
	return &scaler{policy: policy, start: given.trace.Start}
}

func (s *scaler) act(c *cluster) {
	now := s.start.Add(c.now)
	for ; s.refusals < len(c.refusals); s.refusals++ {
		refused := c.refusals[s.refusals]
		s.history.Failures = append(s.history.Failures,
			decision.Failure{At: s.start.Add(refused.at), Code: refused.code, Zone: refused.zone})
	}
	seen := s.observe(c)
	s.history.Observe(seen, now)
	s.history.Learn(now, s.policy.Floors)
	decided := decision.Decide(seen, s.policy, s.history, now)
	s.history.Remember(decided, now)
	for _, create := range decided.Creates {
		c.create(create.ID, create.Zone)
	}
	for _, id := range decided.Deletes {
		c.remove(id)
	}
}

// observe builds what one tick of the Lambda reads.
func (s *scaler) observe(c *cluster) decision.Observation {
	seen := decision.Observation{Cluster: decision.Cluster{Status: "available"}}
	if !c.available() {
		seen.Cluster.Status = "failing-over"
	}
	for _, member := range c.instances {
		shown := decision.Member{
			ID: member.id, Status: string(member.status), Class: "db.r8g.large", VCPU: c.plant.VCPU, Zone: member.zone,
			Tier: member.tier, CreatedAt: s.start.Add(member.createdAt), Owned: member.owned,
		}
		if member.writer {
			shown.Role = decision.Writer
		}
		if member.status == available {
			shown.AvailableAt = s.start.Add(member.warmFrom)
		}
		for _, p := range member.samples {
			if c.points[p.minute].visibleFrom > c.now || c.minute()-p.minute > int(decision.RecentWindow/time.Minute) {
				continue
			}
			minute := s.start.Unix()/60 + int64(p.minute)
			shown.CPU = append(shown.CPU, decision.Sample{Minute: minute, Value: p.cpuPercent})
			shown.DBLoad = append(shown.DBLoad, decision.Sample{Minute: minute, Value: p.dbLoad})
			shown.LagMs = append(shown.LagMs, decision.Sample{Minute: minute, Value: p.lagMs})
			shown.Connections = append(shown.Connections, decision.Sample{Minute: minute, Value: p.connections})
		}
		seen.Members = append(seen.Members, shown)
	}
	return seen
}
