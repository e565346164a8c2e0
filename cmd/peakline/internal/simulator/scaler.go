package simulator

import (
	"math"
	"time"

	"peakline/lambda/decision"
)

// scaler runs the Lambda's own decision on the simulated cluster: it reads what CloudWatch and RDS show, keeps what
// CloudWatch would keep, and carries out what Decide says.
type scaler struct {
	policy   decision.Policy
	history  decision.History
	start    time.Time
	recorded int // points already in the history
	refusals int // refusals already in the history
	restarts int // failovers already in the history
	arrived  map[string]bool
}

// newScaler configures the decision as an operator would for this plant: its bounds and its pool settings are known,
// its create times, its noise and its traffic are not.
func newScaler(given setup, policy decision.Policy) *scaler {
	policy.Min, policy.Max = given.plant.Readers.Min, given.plant.Readers.Max
	policy.Prefix = readerPrefix
	policy.Floors = given.floors
	return &scaler{policy: policy, start: given.trace.Start, arrived: map[string]bool{}}
}

func (s *scaler) act(c *cluster) {
	s.remember(c)
	now := s.start.Add(c.now)
	s.history.Learn(now, s.policy.Floors)
	decided := decision.Decide(s.observe(c), s.policy, s.history, now)
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

// remember adds what has become visible since the last tick to the history.
func (s *scaler) remember(c *cluster) {
	for ; s.recorded < len(c.points) && c.points[s.recorded].visibleFrom <= c.now; s.recorded++ {
		if p := c.points[s.recorded]; !math.IsNaN(p.cpuPercent) {
			s.history.AddDemand(s.start.Unix()/60+int64(s.recorded), p.busyVCPUs)
		}
	}
	for _, member := range c.instances {
		if member.owned && member.status == available && member.billedFrom > 0 && !s.arrived[member.id] {
			s.arrived[member.id] = true
			s.history.Creates = append(s.history.Creates, decision.CreateTime{
				At: s.start.Add(member.availableAt), Took: member.availableAt - member.createdAt,
			})
		}
	}
	for ; s.refusals < len(c.refusals); s.refusals++ {
		refused := c.refusals[s.refusals]
		s.history.Failures = append(s.history.Failures,
			decision.Failure{At: s.start.Add(refused.at), Code: refused.code, Zone: refused.zone})
	}
	for ; s.restarts < len(c.failovers); s.restarts++ {
		s.history.Events = append(s.history.Events,
			decision.Event{At: s.start.Add(c.failovers[s.restarts]), Kind: decision.EventFailover})
	}
}
