package config

import (
	"fmt"
	"slices"
)

// TransactionSearch says who switches CloudWatch Transaction Search on, which an account has once in a region.
type TransactionSearch string

// Created by this environment, or there already: by another environment of the account, or by hand.
const (
	TransactionSearchCreate   TransactionSearch = "create"
	TransactionSearchExisting TransactionSearch = "existing"
)

// Tracing follows requests through the services. Each task has an OpenTelemetry collector, which sends its spans to X-Ray.
type Tracing struct {
	// Enabled is true unless switched off.
	Enabled bool `json:"enabled,omitempty"`
	// SamplePercent is the share of the requests that are traced, beside the first of each second. Default: 5 in production, 100 in development.
	SamplePercent int `json:"samplePercent,omitempty" jsonschema:"minimum=0,maximum=100"`
	// AnomalyPercent is what X-Ray may raise the share to, for a minute, when requests fail or slow down. Default: 50 in production, 100 in development.
	AnomalyPercent int `json:"anomalyPercent,omitempty" jsonschema:"minimum=0,maximum=100"`
	// IndexPercent is the share of the traces that X-Ray indexes for its groups and its map. Each span can be searched all the same. Default: 1, which is free.
	IndexPercent int `json:"indexPercent,omitempty" jsonschema:"minimum=0,maximum=100"`
	// TransactionSearch is one of `create` and `existing`. One environment of an account and region creates it. Default: `create`.
	TransactionSearch TransactionSearch `json:"transactionSearch,omitempty" jsonschema:"enum=create,enum=existing"`
}

func tracingDefaults(profile Profile) Tracing {
	return Tracing{
		Enabled:           true,
		SamplePercent:     byProfile(profile, 100, 5),
		AnomalyPercent:    byProfile(profile, 100, 50),
		IndexPercent:      1,
		TransactionSearch: TransactionSearchCreate,
	}
}

// SamplePercent is the share of the requests to a service that are traced.
func (e Environment) SamplePercent(service string) int {
	return max(e.Services[service].SamplePercent, e.Tracing.SamplePercent)
}

// TraceName is how a service is called in traces. X-Ray keeps the traces of an account and region together, those of all
// its environments.
func (e Environment) TraceName(service string) string { return e.Name + "-" + service }

// traceVariables are what leads an OpenTelemetry SDK to the collector (docs/service-contract.md).
var traceVariables = []string{
	"OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL",
	"OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER",
}

var tracingRules = []rule{
	{"tracing that is off has no options", []string{"tracing"}, func(i inspection) {
		for _, option := range []string{"samplePercent", "anomalyPercent", "indexPercent", "transactionSearch"} {
			if path := "tracing." + option; !i.Tracing.Enabled && i.has(path) {
				i.refuse(path, "has no effect with enabled: false; remove it")
			}
		}
	}},
	{"the boosted share of traces is not the smaller one", []string{"tracing"}, func(i inspection) {
		if i.Tracing.Enabled && i.Tracing.AnomalyPercent < i.Tracing.SamplePercent {
			path := "tracing.anomalyPercent"
			if !i.has(path) {
				path = "tracing.samplePercent"
			}
			i.refuse(path, "anomalyPercent is %d and samplePercent %d, want it at least as large: when requests fail, fewer would be traced",
				i.Tracing.AnomalyPercent, i.Tracing.SamplePercent)
		}
	}},
}

// refuseSecondSearch lets one environment alone switch Transaction Search on in an account and region.
func refuseSecondSearch(other, here loaded) {
	creates := func(l loaded) bool {
		return l.environment.Tracing.Enabled && l.environment.Tracing.TransactionSearch == TransactionSearchCreate && l.document.sound("tracing", "account", "region")
	}
	if !creates(other) || !creates(here) || other.environment.Account != here.environment.Account || other.environment.Region != here.environment.Region {
		return
	}
	here.document.refuse("tracing.transactionSearch", "%s, as in environment %s (%s) of the same account and region, which has it once; want %s in one of them",
		TransactionSearchCreate, other.environment.Name, other.document.file, TransactionSearchExisting)
}

// isTraceVariable tells the variables that the platform sets for the SDK.
func isTraceVariable(name string) bool { return slices.Contains(traceVariables, name) }

// ResourceAttributes say in each span where it comes from.
func (e Environment) ResourceAttributes() string {
	return fmt.Sprintf("deployment.environment.name=%s,service.namespace=peakline", e.Name)
}
