package config

import (
	"time"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

// ReplicaPolicy is the scaler's part of the environment in the terms of the decision: absolute times, the readers' name
// prefix, the zones. It is what the Lambda is deployed with.
func (e Environment) ReplicaPolicy() decision.Policy {
	policy := decision.ProductionPolicy()
	policy.Mode = decision.Mode(e.Scaler.Mode)
	policy.Min = e.Scaler.Min
	policy.Max = e.Scaler.Max
	policy.Prefix = contract.ReaderPrefix(e.Name)
	policy.CapPercent = e.Scaler.CapPercent
	policy.RiskPercent = e.Scaler.RiskPercent
	policy.LagObjectiveMs = float64(e.Scaler.LagObjectiveMilliseconds)
	policy.PoolLifetime = decision.Duration{Duration: minutes(e.Scaler.PoolLifetimeMinutes)}
	policy.Stabilisation = decision.Duration{Duration: minutes(e.Scaler.StabilisationMinutes)}
	policy.Classes = e.Scaler.FallbackClasses
	policy.Zones = e.Network.Zones
	for _, event := range e.Events {
		if event.Floors.Readers == 0 && event.ExpectedLoad == 0 {
			continue
		}
		policy.Floors = append(policy.Floors, decision.Floor{
			Window:       event.Span().window(event.Name),
			Readers:      event.Floors.Readers,
			LoadMultiple: event.ExpectedLoad,
			Lead:         decision.Duration{Duration: minutes(event.LeadMinutes)},
		})
	}
	for _, freeze := range e.Scaler.FreezeWindows {
		policy.Freezes = append(policy.Freezes, freeze.Span().window(freeze.Name))
	}
	return policy
}

func (s Span) window(name string) decision.Window {
	return decision.Window{Name: name, From: s.Start, Until: s.End}
}

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }
