// Package protocol is the line protocol of `peakline decide`: one observation as JSON per line in, one decision as
// JSON per line out. A session keeps what it was given, as CloudWatch and RDS would, so a line carries only new points.
// The page docs/decide-protocol.md describes every field.
package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"time"

	"peakline/lambda/decision"
)

// Line is one observation. Times are RFC 3339.
type Line struct {
	Now      time.Time `json:"now"`
	Cluster  Cluster   `json:"cluster"`
	Members  []Member  `json:"members"`
	Events   []Event   `json:"events"`
	Failures []Failure `json:"failures"`
}

// Cluster is the cluster as DescribeDBClusters shows it.
type Cluster struct {
	Status                 string `json:"status"`
	Serverless             bool   `json:"serverless"`
	GlobalSecondary        bool   `json:"globalSecondary"`
	ApplicationAutoScaling bool   `json:"applicationAutoScaling"`
}

// Member is one instance with the points that are new since the last line.
type Member struct {
	ID             string    `json:"id"`
	Role           string    `json:"role"`
	Status         string    `json:"status"`
	Class          string    `json:"class"`
	VCPU           float64   `json:"vcpu"`
	Zone           string    `json:"zone"`
	Tier           *int      `json:"tier"`
	CreatedAt      time.Time `json:"createdAt"`
	AvailableAt    time.Time `json:"availableAt"`
	Owned          bool      `json:"owned"`
	CPU            points    `json:"cpu"`
	DBLoad         points    `json:"dbLoad"`
	LagMs          points    `json:"lagMs"`
	Connections    points    `json:"connections"`
	ACUUtilization points    `json:"acuUtilization"`
}

// Event is something that happened to the cluster or is announced.
type Event struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
}

// Failure is a creation that was refused or ended broken.
type Failure struct {
	At    time.Time `json:"at"`
	Code  string    `json:"code"`
	Zone  string    `json:"zone"`
	Class string    `json:"class"`
}

// Answer is one decision.
type Answer struct {
	Desired  int               `json:"desired"`
	Creates  []Create          `json:"creates"`
	Deletes  []string          `json:"deletes"`
	State    decision.State    `json:"state"`
	Reasons  []decision.Reason `json:"reasons"`
	Need     int               `json:"need"`
	Demand   float64           `json:"demand"`
	Forecast float64           `json:"forecast"`
}

// Create is one reader to create.
type Create struct {
	ID    string `json:"id"`
	Zone  string `json:"zone"`
	Class string `json:"class"`
}

// lastMinute is the start of the year 2200. Points in the future are left out; so far ahead, the unit is wrong.
var lastMinute = float64(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 60)

// points are samples written as [[unix minute, value], ...]; a value of null is a gap.
type points decision.Series

// UnmarshalJSON implements json.Unmarshaler.
func (p *points) UnmarshalJSON(text []byte) error {
	var pairs [][]*float64
	if err := json.Unmarshal(text, &pairs); err != nil {
		return fmt.Errorf("read samples: %w, want [[unix minute, value], ...]", err)
	}
	*p = make(points, 0, len(pairs))
	for _, pair := range pairs {
		if len(pair) != 2 || pair[0] == nil {
			return fmt.Errorf("read samples: a sample of %d values, want [unix minute, value]", len(pair))
		}
		if *pair[0] != math.Trunc(*pair[0]) || math.Abs(*pair[0]) > 1<<53 {
			return fmt.Errorf("read samples: minute %v, want a whole number of minutes since 1970", *pair[0])
		}
		if *pair[0] > lastMinute {
			return fmt.Errorf("read samples: minute %.0f is after the year 2200, want minutes since 1970, not seconds", *pair[0])
		}
		if pair[1] != nil {
			*p = append(*p, decision.Sample{Minute: int64(*pair[0]), Value: *pair[1]})
		}
	}
	return nil
}

// parse reads one line. Unknown and repeated fields, text after the object and a line without a time are errors that name what
// was found.
func parse(text []byte) (*Line, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	line := &Line{}
	var noTime *time.ParseError
	switch err := decoder.Decode(line); {
	case errors.As(err, &noTime):
		return nil, fmt.Errorf("read observation: time %q, want RFC 3339, such as \"2026-11-27T18:00:00Z\"", strings.Trim(noTime.Value, `"`))
	case err != nil:
		return nil, fmt.Errorf("read observation: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read observation: text after the closing brace, want one JSON object per line")
	}
	if err := checkNames(text, reflect.TypeFor[Line]()); err != nil {
		return nil, fmt.Errorf("read observation: %w", err)
	}
	if line.Now.IsZero() {
		return nil, errors.New("read observation: no now, want the time as RFC 3339")
	}
	for i, m := range line.Members {
		if m.ID == "" {
			return nil, fmt.Errorf("read observation: members[%d] has no id", i)
		}
		if m.Role != "writer" && m.Role != "reader" {
			return nil, fmt.Errorf("read observation: member %q has role %q, want \"writer\" or \"reader\"", m.ID, m.Role)
		}
		if m.Tier != nil && (*m.Tier < 0 || *m.Tier > 15) {
			return nil, fmt.Errorf("read observation: member %q has tier %d, want 0 to 15", m.ID, *m.Tier)
		}
		if m.VCPU < 0 {
			return nil, fmt.Errorf("read observation: member %q has vcpu %v, want 0 (derive it from the class) or more", m.ID, m.VCPU)
		}
	}
	return line, nil
}
