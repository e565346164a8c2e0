package protocol

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"peakline/lambda/decision"
)

const (
	// keptMinutes is how far back points are kept for members: what a decision reads, and late points.
	keptMinutes = 2 * int64(decision.RecentWindow/time.Minute)
	// keptMembers bounds how many members that are gone are remembered.
	keptMembers = 256
	// defaultTier is the promotion tier of a member that names none: the scaler creates its readers with 15, and a
	// reader that is not the scaler's is never deleted whatever its tier.
	defaultTier = 15
)

// Session answers lines in their order and keeps what they said.
type Session struct {
	policy  decision.Policy
	history decision.History
	members map[string]*memory
}

// memory is what was said of one member.
type memory struct {
	seen                                            time.Time
	status                                          string
	createdAt                                       time.Time
	availableAt                                     time.Time
	cpu, dbLoad, lagMs, connections, acuUtilization decision.Series
}

// NewSession starts a session that knows nothing yet.
func NewSession(policy decision.Policy) *Session {
	return &Session{policy: policy, members: map[string]*memory{}}
}

// Answer decides on one line and returns the decision as one line of JSON, without the line break. A line that cannot
// be read changes nothing.
func (s *Session) Answer(text []byte) ([]byte, error) {
	line, err := parse(text)
	if err != nil {
		return nil, err
	}
	obs := s.merge(line)
	s.history.Observe(obs, line.Now)
	s.history.Learn(line.Now, s.policy.Floors)
	d := decision.Decide(obs, s.policy, s.history, line.Now)
	if s.policy.Mode != decision.DryRun {
		s.history.Remember(d, line.Now)
	}
	answer, err := json.Marshal(answerOf(d))
	if err != nil {
		return nil, fmt.Errorf("write decision: %w", err)
	}
	return answer, nil
}

func answerOf(d decision.Decision) Answer {
	a := Answer{
		Desired: d.Desired, Creates: []Create{}, Deletes: d.Deletes, State: d.State, Reasons: d.Reasons,
		Need: d.Need, Demand: d.Demand, Forecast: d.Forecast,
	}
	if a.Deletes == nil {
		a.Deletes = []string{}
	}
	for _, c := range d.Creates {
		a.Creates = append(a.Creates, Create(c))
	}
	return a
}

// merge joins a line with what earlier lines said.
func (s *Session) merge(line *Line) decision.Observation {
	for _, e := range line.Events {
		if event := decision.Event(e); !slices.Contains(s.history.Events, event) {
			s.history.Events = append(s.history.Events, event)
		}
	}
	for _, f := range line.Failures {
		if failure := decision.Failure(f); !slices.Contains(s.history.Failures, failure) {
			s.history.Failures = append(s.history.Failures, failure)
		}
	}
	obs := decision.Observation{
		Cluster: decision.Cluster{
			Status:                line.Cluster.Status,
			Serverless:            line.Cluster.Serverless,
			GlobalSecondary:       line.Cluster.GlobalSecondary,
			AutoScalingRegistered: line.Cluster.ApplicationAutoScaling,
		},
		Members: make([]decision.Member, 0, len(line.Members)),
	}
	minute := line.Now.Unix() / 60
	for i := range line.Members {
		obs.Members = append(obs.Members, s.mergeMember(&line.Members[i], line.Now, minute))
	}
	s.forget(line.Now)
	return obs
}

func (s *Session) mergeMember(m *Member, now time.Time, minute int64) decision.Member {
	kept := s.members[m.ID]
	if kept == nil {
		kept = &memory{}
		s.members[m.ID] = kept
	}
	if m.Status == "creating" && kept.status != "creating" {
		kept.createdAt, kept.availableAt = now, time.Time{} // a new instance, perhaps in a slot used before
	}
	if m.Status == "available" && kept.status == "creating" {
		kept.availableAt = now
	}
	kept.status, kept.seen = m.Status, now
	if !m.CreatedAt.IsZero() {
		kept.createdAt = m.CreatedAt
	}
	if !m.AvailableAt.IsZero() {
		kept.availableAt = m.AvailableAt
	}
	out := decision.Member{
		ID: m.ID, Status: m.Status, Class: m.Class, VCPU: m.VCPU, Zone: m.Zone, Tier: defaultTier, Owned: m.Owned,
		CreatedAt: kept.createdAt, AvailableAt: kept.availableAt,
		CPU:            extend(&kept.cpu, m.CPU, minute),
		DBLoad:         extend(&kept.dbLoad, m.DBLoad, minute),
		LagMs:          extend(&kept.lagMs, m.LagMs, minute),
		Connections:    extend(&kept.connections, m.Connections, minute),
		ACUUtilization: extend(&kept.acuUtilization, m.ACUUtilization, minute),
	}
	if m.Role == "writer" {
		out.Role = decision.Writer
	}
	if m.Tier != nil {
		out.Tier = *m.Tier
	}
	return out
}

// extend adds a line's points to those kept and returns them all, those too old to keep included: a line may bring
// days of them. Only what a later line may need is kept.
func extend(kept *decision.Series, added points, minute int64) decision.Series {
	recent := slices.DeleteFunc(*kept, func(p decision.Sample) bool { return minute-p.Minute > keptMinutes })
	var old decision.Series
	for _, p := range added {
		if minute-p.Minute > keptMinutes {
			old = append(old, p)
			continue
		}
		if i := slices.IndexFunc(recent, func(k decision.Sample) bool { return k.Minute == p.Minute }); i >= 0 {
			recent[i] = p
			continue
		}
		recent = append(recent, p)
	}
	if excess := len(recent) - 4*int(keptMinutes); excess > 0 { // only points in the future can be so many
		recent = slices.Delete(recent, 0, excess)
	}
	*kept = recent
	if len(old) > 0 {
		return append(old, recent...)
	}
	return recent
}

// forget drops the members not seen for longest once there are too many.
func (s *Session) forget(now time.Time) {
	if len(s.members) <= keptMembers {
		return
	}
	for id, m := range s.members {
		if !m.seen.Equal(now) {
			delete(s.members, id)
		}
	}
}
