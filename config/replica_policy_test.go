package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peakline/lambda/decision"
)

func TestTheShippedPolicyIsTheDecisionsOwn(t *testing.T) {
	prod, err := Load(shipped, "prod", today)
	if err != nil {
		t.Fatal(err)
	}
	policy, want := prod.ReplicaPolicy(), decision.ProductionPolicy()
	want.Classes, want.Zones = prod.Scaler.FallbackClasses, prod.Network.Zones
	if !reflect.DeepEqual(policy, want) {
		t.Errorf("prod scales by numbers that no replay has measured\n got %+v\nwant %+v", policy, want)
	}
}

func TestEveryShippedPolicyIsOneThatTheDecisionAccepts(t *testing.T) {
	environments, err := LoadAll(shipped, today)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range environments {
		if err := e.ReplicaPolicy().Validate(); err != nil {
			t.Errorf("%s: the scaler would refuse to run: %v", e.Name, err)
		}
	}
}

func TestTheScalersBoundsAreTheDecisions(t *testing.T) {
	shipped := decision.ProductionPolicy()
	for field, c := range map[string]struct {
		highest float64
		set     func(policy *decision.Policy, value float64)
	}{
		"capPercent":  {decision.MaxCapPercent, func(p *decision.Policy, value float64) { p.CapPercent = value }},
		"riskPercent": {decision.MaxRiskPercent, func(p *decision.Policy, value float64) { p.RiskPercent = value }},
	} {
		for _, value := range []float64{c.highest, c.highest + 1} {
			policy := shipped
			c.set(&policy, value)
			text := strings.Replace(valid, "scaler: {max: 6}", fmt.Sprintf("scaler: {max: 6, %s: %v}", field, value), 1)
			refused := slices.ContainsFunc(mistakesOf(text), func(m Mistake) bool { return m.Path == "scaler."+field })
			if decided := policy.Validate() != nil; refused != decided || refused != (value > c.highest) {
				t.Errorf("%s: %v: refused by the file %t, by the decision %t", field, value, refused, decided)
			}
		}
	}
}

func TestTheCalendarReachesThePolicyAsInstants(t *testing.T) {
	e := load(t, valid+`
events:
  - {name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, timeZone: America/New_York, expectedLoad: 5, floors: {readers: 6}, leadMinutes: 45}
`)
	e.Scaler.FreezeWindows = []FreezeWindow{{Name: "cut-over", Start: "2026-12-05T22:00", End: "2026-12-06T02:00", TimeZone: "Europe/Berlin"}}
	policy := e.ReplicaPolicy()
	utc := func(text string) time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	floor := policy.Floors[0]
	if !floor.From.Equal(utc("2026-11-27T05:00:00Z")) || !floor.Until.Equal(utc("2026-11-28T05:00:00Z")) ||
		floor.Readers != 6 || floor.LoadMultiple != 5 || floor.Lead.Duration != 45*time.Minute || floor.Name != "sale" {
		t.Errorf("the sale would not have its readers at midnight in New York: %+v", floor)
	}
	freeze := policy.Freezes[0]
	if !freeze.From.Equal(utc("2026-12-05T21:00:00Z")) || !freeze.Until.Equal(utc("2026-12-06T01:00:00Z")) || freeze.Name != "cut-over" {
		t.Errorf("readers would change during the cut-over: %+v", freeze)
	}
}
