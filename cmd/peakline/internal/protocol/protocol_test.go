package protocol

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"peakline/lambda/decision"
)

var start = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// line is an observation of a writer and readers that are equally busy, with the one point that is new.
func line(minute int, readers int, cpu float64, more ...string) string {
	now := start.Add(time.Duration(minute) * time.Minute)
	point := fmt.Sprintf("[[%d,%v]]", now.Unix()/60-1, cpu)
	members := []string{`{"id":"writer","role":"writer","status":"available","class":"db.r8g.large","vcpu":2,"zone":"us-east-1a","tier":0}`}
	for i := range readers {
		members = append(members, fmt.Sprintf(
			`{"id":"reader-%d","role":"reader","status":"available","class":"db.r8g.large","vcpu":2,"zone":"us-east-1%c","tier":15,"owned":true,"createdAt":"2026-11-01T00:00:00Z","availableAt":"2026-11-01T00:06:00Z","cpu":%s,"lagMs":[[%d,20]],"connections":[[%d,50]]}`,
			i, 'a'+i%3, point, now.Unix()/60-1, now.Unix()/60-1))
	}
	members = append(members, more...)
	return fmt.Sprintf(`{"now":%q,"cluster":{"status":"available","serverless":false},"members":[%s],"events":[],"failures":[]}`,
		now.Format(time.RFC3339), strings.Join(members, ","))
}

func answer(t *testing.T, s *Session, text string) Answer {
	t.Helper()
	out, err := s.Answer([]byte(text))
	if err != nil {
		t.Fatalf("answer %s: %v", text, err)
	}
	var a Answer
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("the answer %s is no JSON: %v", out, err)
	}
	return a
}

func TestAnswersHaveTheFieldsOfTheProtocol(t *testing.T) {
	out, err := NewSession(decision.ProductionPolicy()).Answer([]byte(line(0, 2, 50)))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(out, &fields); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"desired", "creates", "deletes", "state", "reasons", "need", "demand", "forecast"} {
		value, ok := fields[field]
		if !ok || string(value) == "null" {
			t.Errorf("answer %s has %q = %s: a simulator that reads it would fail", out, field, value)
		}
		delete(fields, field)
	}
	if len(fields) > 0 {
		t.Errorf("answer %s has fields that the protocol does not name: %v", out, fields)
	}
}

func TestAMinuteAtATimeIsEnough(t *testing.T) {
	s := NewSession(decision.ProductionPolicy())
	var a Answer
	for minute := range 30 {
		a = answer(t, s, line(minute, 4, 5))
		if len(a.Deletes) > 0 {
			break
		}
	}
	if len(a.Deletes) == 0 {
		t.Errorf("four idle readers, told one point per line, lost none in 30 minutes: %+v", a)
	}
}

func TestLaterPointsReplaceEarlierOnes(t *testing.T) {
	busy, corrected := NewSession(decision.ProductionPolicy()), NewSession(decision.ProductionPolicy())
	var want, got Answer
	for minute := range 6 {
		want = answer(t, busy, line(minute, 3, 90))
		answer(t, corrected, line(minute, 3, 10))
		got = answer(t, corrected, line(minute, 3, 90))
	}
	if got.Demand != want.Demand {
		t.Errorf("demand %v after correction, want %v as if it had been said at once", got.Demand, want.Demand)
	}
}

func TestACreationThatTheListDoesNotShowYetIsNotRepeated(t *testing.T) {
	s := NewSession(decision.ProductionPolicy())
	var first Answer
	minute := 0
	for ; minute < 5 && len(first.Creates) == 0; minute++ {
		first = answer(t, s, line(minute, 2, 85))
	}
	if len(first.Creates) == 0 {
		t.Fatalf("two readers at 85 %% got none added: %+v", first)
	}
	if again := answer(t, s, line(minute-1, 2, 85)); len(again.Creates) > 0 {
		t.Errorf("the same line again created %v: a duplicate wake-up would double the readers", again.Creates)
	}
}

func TestDaysOfPointsAtOnceBecomeHistory(t *testing.T) {
	var points []string
	first := start.Unix()/60 - 3*24*60
	for minute := first; minute < start.Unix()/60; minute++ {
		points = append(points, fmt.Sprintf("[%d,40]", minute))
	}
	s := NewSession(decision.ProductionPolicy())
	answer(t, s, line(0, 2, 40, fmt.Sprintf(`{"id":"old","role":"reader","status":"available","class":"db.r8g.large","cpu":[%s]}`, strings.Join(points, ","))))
	if v, ok := s.history.DemandAt(first + 100); !ok || v < 0.79 || v > 0.81 {
		t.Errorf("demand three days ago is %v (known: %v), want 0.8 busy vCPUs: the season would be lost", v, ok)
	}
}

func TestASessionStaysSmall(t *testing.T) {
	s := NewSession(decision.ProductionPolicy())
	for minute := range 3000 {
		answer(t, s, line(minute, 2, 40, fmt.Sprintf(
			`{"id":"passing-%d","role":"reader","status":"available","class":"db.r8g.large","cpu":[[%d,40],[99999999,1]]}`, minute, start.Unix()/60+int64(minute))))
	}
	if len(s.members) > keptMembers+3 {
		t.Errorf("%d members are remembered, want at most %d: the process would grow for ever", len(s.members), keptMembers)
	}
	for id, m := range s.members {
		if len(m.cpu) > 4*int(keptMinutes) {
			t.Errorf("%d points of %q are kept, want a window of them", len(m.cpu), id)
		}
	}
}

func TestBadLinesSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		want []string
	}{
		"no JSON":                     {`hello`, []string{"read observation", "invalid character 'h'"}},
		"an unknown field":            {`{"now":"2026-11-18T12:00:00Z","colour":1}`, []string{`unknown field "colour"`}},
		"an unknown member field":     {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpus":[]}]}`, []string{`unknown field "cpus"`}},
		"a name in capitals":          {`{"NOW":"2026-11-18T12:00:00Z"}`, []string{`"NOW"`, `want "now"`}},
		"a member's name in capitals": {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpu":[[29932559,1]],"LagMs":[]}]}`, []string{`"LagMs"`, `want "lagMs"`}},
		"a field twice":               {`{"now":"2026-11-18T12:00:00Z","now":"2026-11-18T12:01:00Z"}`, []string{`"now"`, "twice"}},
		"a member's field twice":      {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpu":[[29932559,1]],"cpu":[]}]}`, []string{`"cpu"`, "twice"}},
		"seconds for minutes":         {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpu":[[1795953540,2]]}]}`, []string{"1795953540", "not seconds"}},
		"no time":                     {`{"cluster":{"status":"available"}}`, []string{"no now"}},
		"a time that is none":         {`{"now":"noon"}`, []string{`"noon"`}},
		"a member without id":         {`{"now":"2026-11-18T12:00:00Z","members":[{"role":"reader"}]}`, []string{"members[0]"}},
		"a role of its own":           {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"boss"}]}`, []string{`"a"`, `"boss"`, `"writer" or "reader"`}},
		"a tier out of range":         {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","tier":16}]}`, []string{`"a"`, "16", "0 to 15"}},
		"a sample of three":           {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpu":[[1,2,3]]}]}`, []string{"3 values", "[unix minute, value]"}},
		"a minute with seconds":       {`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpu":[[1.5,2]]}]}`, []string{"1.5", "whole number"}},
		"two objects":                 {`{"now":"2026-11-18T12:00:00Z"}{}`, []string{"one JSON object per line"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewSession(decision.ProductionPolicy()).Answer([]byte(c.line))
			if err == nil {
				t.Fatalf("%s was taken: a typo would silently change what the scaler sees", c.line)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

func TestMissingAndNullSamplesAreGaps(t *testing.T) {
	s := NewSession(decision.ProductionPolicy())
	a := answer(t, s, `{"now":"2026-11-18T12:00:00Z","cluster":{"status":"available"},"members":[
		{"id":"w","role":"writer","status":"available","class":"db.r8g.large"},
		{"id":"a","role":"reader","status":"available","class":"db.r8g.large","cpu":null,"dbLoad":[],"lagMs":[[29916719,null]]}]}`)
	if a.State != decision.Blind || !slices.Contains(a.Reasons, decision.ReasonBlind) {
		t.Errorf("without one sample the state is %q, want %q", a.State, decision.Blind)
	}
}

func FuzzDecideProtocol(f *testing.F) {
	f.Add(line(0, 2, 50) + "\n" + line(1, 3, 90))
	f.Add(`{"now":"2026-11-18T12:00:00Z","members":[{"id":"a","role":"reader","cpu":[[29916719,1e308],[-5,3],[9007199254740992,1]],"vcpu":1e-300}]}`)
	f.Add(`{"now":"0001-01-01T00:00:00Z"}`)
	f.Add(`{"now":"9999-12-31T23:59:59Z","cluster":{"status":"available"},"events":[{"at":"0001-01-01T00:00:01Z","kind":"failover"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := NewSession(decision.ProductionPolicy())
		for l := range strings.Lines(text) {
			out, err := s.Answer([]byte(l))
			if err != nil {
				return
			}
			var a Answer
			if err := json.Unmarshal(out, &a); err != nil {
				t.Fatalf("the answer %s is no JSON: %v", out, err)
			}
			if a.Desired < s.policy.Min || a.Desired > s.policy.Max || len(a.Creates) > 0 && len(a.Deletes) > 0 {
				t.Fatalf("unsafe answer %s to %s", out, l)
			}
		}
	})
}

// BenchmarkAnswer is one line of fifteen readers, as a simulator sends them.
func BenchmarkAnswer(b *testing.B) {
	s := NewSession(decision.ProductionPolicy())
	minute := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Answer([]byte(line(minute, 15, 50))); err != nil {
			b.Fatal(err)
		}
		minute++
	}
}
