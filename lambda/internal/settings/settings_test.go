package settings

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	"peakline/lambda/internal/awstest"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func TestAnOverrideIsBoundedOrTheDeployedPolicyApplies(t *testing.T) {
	policy := decision.ProductionPolicy()
	policy.Max = 8
	for name, c := range map[string]struct {
		text    string
		written time.Time
		status  OverrideStatus
		want    *decision.Override
	}{
		"a pause":                      {`{"paused":true,"until":"2026-11-03T13:00:00Z","by":"ann","reason":"x"}`, noon, OverrideActive, &decision.Override{Paused: true, Until: noon.Add(time.Hour), By: "ann", Reason: "x"}},
		"a floor":                      {`{"floor":6,"until":"2026-11-03T13:00:00Z"}`, noon, OverrideActive, &decision.Override{Floor: 6, Until: noon.Add(time.Hour)}},
		"a floor above the maximum":    {`{"floor":12,"until":"2026-11-03T13:00:00Z"}`, noon, OverrideBounded, &decision.Override{Floor: 8, Until: noon.Add(time.Hour)}},
		"an end a month ahead":         {`{"paused":true,"until":"2026-12-03T12:00:00Z"}`, noon, OverrideShortened, &decision.Override{Paused: true, Until: noon.Add(LongestOverride)}},
		"an end that has passed":       {`{"paused":true,"until":"2026-11-03T12:00:00Z"}`, noon, OverrideExpired, nil},
		"written long ago without end": {`{"paused":true,"until":"2999-01-01T00:00:00Z"}`, noon.Add(-LongestOverride), OverrideExpired, nil},
		"no end":                       {`{"paused":true}`, noon, OverrideMalformed, nil},
		"neither pause nor floor":      {`{"until":"2026-11-03T13:00:00Z"}`, noon, OverrideMalformed, nil},
		"a negative floor":             {`{"floor":-1,"until":"2026-11-03T13:00:00Z"}`, noon, OverrideMalformed, nil},
		"an unknown field":             {`{"pause":true,"until":"2026-11-03T13:00:00Z"}`, noon, OverrideMalformed, nil},
		"no JSON":                      {`paused`, noon, OverrideMalformed, nil},
		"two objects":                  {`{"paused":true,"until":"2026-11-03T13:00:00Z"}{}`, noon, OverrideMalformed, nil},
		"nothing":                      {``, noon, OverrideMalformed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, status := ParseOverride([]byte(c.text), policy, c.written, noon)
			if status != c.status {
				t.Errorf("status %q, want %q", status, c.status)
			}
			if (got == nil) != (c.want == nil) || got != nil && (*got != *c.want) {
				t.Errorf("override %+v, want %+v", got, c.want)
			}
		})
	}
}

func FuzzParseOverride(f *testing.F) {
	f.Add(`{"paused":true,"until":"2026-11-03T13:00:00Z","by":"ann","reason":"x"}`, int64(0))
	f.Add(`{"floor":99,"until":"9999-12-31T23:59:59Z"}`, int64(1e9))
	f.Add(`{"floor":1e99}`, int64(-1))
	f.Add(`[`, int64(0))
	policy := decision.ProductionPolicy()
	f.Fuzz(func(t *testing.T, text string, secondsAgo int64) {
		written := noon.Add(-time.Duration(secondsAgo%1e9) * time.Second)
		got, status := ParseOverride([]byte(text), policy, written, noon)
		if got == nil {
			return
		}
		if got.Floor < 0 || got.Floor > policy.Max || !noon.Before(got.Until) || got.Until.After(written.Add(LongestOverride)) {
			t.Fatalf("%q is %+v (%s): outside the policy or without end", text, got, status)
		}
		policy.Override = got
		if err := policy.Validate(); err != nil {
			t.Fatalf("%q makes the policy invalid: %v", text, err)
		}
	})
}

func account(parameters map[string]string) *awstest.Account {
	a := awstest.New(noon, "peakline-dev", 1)
	for name, value := range parameters {
		a.Parameters[name] = value
	}
	return a
}

func TestPolicyAndOverrideAreReadByOneCall(t *testing.T) {
	a := account(map[string]string{
		contract.PolicyParameter("dev"):   `{"min":1,"max":4}`,
		contract.OverrideParameter("dev"): `{"floor":3,"until":"2026-11-03T13:00:00Z"}`,
	})
	got, err := Read(context.Background(), a, "dev", noon)
	if err != nil {
		t.Fatal(err)
	}
	if calls := a.Calls(); len(calls) != 1 {
		t.Errorf("calls %v, want one: every minute counts it", calls)
	}
	if got.Policy.Max != 4 || got.Policy.Override == nil || got.Policy.Override.Floor != 3 {
		t.Errorf("settings %+v", got)
	}
	if got.Policy.Prefix != "peakline-dev-auto" {
		t.Errorf("prefix %q: readers would be named after another environment", got.Policy.Prefix)
	}
}

func TestAPolicyThatIsMissingOrInvalidIsAnError(t *testing.T) {
	if _, err := Read(context.Background(), account(nil), "dev", noon); !errors.Is(err, ErrNotDeployed) {
		t.Errorf("missing: %v, want ErrNotDeployed", err)
	}
	_, err := Read(context.Background(), account(map[string]string{contract.PolicyParameter("dev"): `{"min":5,"max":4}`}), "dev", noon)
	if err == nil || errors.Is(err, ErrNotDeployed) || !strings.Contains(err.Error(), "min: 5 is above max 4") {
		t.Errorf("invalid: %v, want what is wrong", err)
	}
}

func TestAnOverrideIsWrittenReadAndRemoved(t *testing.T) {
	a := account(map[string]string{contract.PolicyParameter("dev"): `{}`})
	override := decision.Override{Floor: 4, Until: noon.Add(time.Hour), By: "ann", Reason: "live show"}
	if err := Write(context.Background(), a, "dev", override); err != nil {
		t.Fatal(err)
	}
	got, err := Read(context.Background(), a, "dev", noon)
	if err != nil || got.Policy.Override == nil || *got.Policy.Override != override {
		text, _ := json.Marshal(got.Policy.Override)
		t.Fatalf("read %s, %v; want what was written", text, err)
	}
	for range 2 { // removing what is not there is no error
		if err := Remove(context.Background(), a, "dev"); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := Read(context.Background(), a, "dev", noon); got.Override != OverrideAbsent {
		t.Errorf("status %q after removal", got.Override)
	}
}
