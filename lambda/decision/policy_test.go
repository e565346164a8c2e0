package decision

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"peakline/lambda/contract"
)

func TestTheShippedPolicyIsValid(t *testing.T) {
	if err := ProductionPolicy().Validate(); err != nil {
		t.Errorf("the shipped policy is refused: %v", err)
	}
	if contract.MaxReaders != MaxReaders {
		t.Errorf("configuration allows %d readers, the decision %d", contract.MaxReaders, MaxReaders)
	}
}

func TestAPolicySurvivesItsParameter(t *testing.T) {
	policy := ProductionPolicy()
	policy.Floors = []Floor{{Window: Window{Name: "sale", From: noon, Until: noon.Add(time.Hour)}, Readers: 9, Lead: Duration{40 * time.Minute}}}
	policy.Freezes = []Window{{Name: "move", From: noon, Until: noon.Add(time.Hour)}}
	policy.Override = &Override{Floor: 4, Until: noon, By: "operator", Reason: "load test"}
	text, err := json.Marshal(policy)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(policy, again) {
		t.Errorf("%s\nread back as %+v, want %+v", text, again, policy)
	}
}

func TestPoliciesAreRefusedWithEveryMistake(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"an unknown field":          {`{"maximum":3}`, []string{`"maximum"`}},
		"text after the policy":     {`{"min":2} {}`, []string{"after"}},
		"a duration without unit":   {`{"stabilisation":"20"}`, []string{`"20"`, `"15m"`}},
		"a mode of its own":         {`{"mode":"fast"}`, []string{`"fast"`, `"dry-run"`}},
		"min above max":             {`{"min":5,"max":3}`, []string{"min: 5 is above max 3"}},
		"min 0":                     {`{"min":0}`, []string{"min: 0 readers, want 1 to 15"}},
		"max above 15":              {`{"max":16}`, []string{"max: 16 readers, want 1 to 15"}},
		"both out of range":         {`{"min":0,"max":99}`, []string{"min: 0", "max: 99"}},
		"no prefix":                 {`{"prefix":""}`, []string{"prefix: empty"}},
		"a CPU nobody should reach": {`{"capPercent":199}`, []string{"capPercent: 199, want 20 to 110"}},
		"no risk at all":            {`{"riskPercent":0}`, []string{"riskPercent: 0"}},
		"an impossible floor": {`{"max":5,"floors":[{"name":"sale","from":"2026-11-27T00:00:00Z","until":"2026-11-28T00:00:00Z","readers":9}]}`,
			[]string{`floors[0] "sale"`, "9 readers, want 0 to max 5"}},
		"a floor that ends before it starts": {`{"floors":[{"name":"sale","from":"2026-11-28T00:00:00Z","until":"2026-11-27T00:00:00Z","readers":3}]}`,
			[]string{"not after its start"}},
		"a floor of nothing":              {`{"floors":[{"name":"sale","from":"2026-11-27T00:00:00Z","until":"2026-11-28T00:00:00Z"}]}`, []string{"neither readers nor loadMultiple"}},
		"an override without an end":      {`{"override":{"floor":3}}`, []string{"no expiry"}},
		"an override beyond the maximum":  {`{"override":{"floor":16,"until":"2026-11-28T00:00:00Z"}}`, []string{"16 readers"}},
		"a freeze that ends at its start": {`{"freezes":[{"name":"x","from":"2026-11-28T00:00:00Z","until":"2026-11-28T00:00:00Z"}]}`, []string{`freezes[0] "x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePolicy([]byte(c.text))
			if err == nil {
				t.Fatalf("policy %s was taken: the scaler would run on it", c.text)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

func FuzzParsePolicy(f *testing.F) {
	text, _ := json.Marshal(ProductionPolicy())
	f.Add(string(text))
	f.Add(`{"floors":[{"from":"2026-11-27T00:00:00Z"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		policy, err := ParsePolicy([]byte(text))
		if err != nil {
			return
		}
		s := cluster(4, 60)
		s.policy = policy
		if err := unsafeActions(s.obs, policy, s.decide(), s.now); err != nil {
			t.Errorf("policy %s led to an unsafe action: %v", text, err)
		}
	})
}
