package test

import (
	"fmt"
	"slices"
	"testing"

	"peakline/config"
)

// requirement is one assertion about the templates of an environment. It is a function over decoded templates, so that
// `make mutate` can run it against broken ones, and docs/coverage.md is written from the table of all of them.
type requirement struct {
	// row is the requirement it helps to prove, "D3"; empty for what holds of every template.
	row string
	// name is the sentence it proves.
	name string
	// where narrows it to the environments it applies to; nil means all.
	where func(config.Environment) bool
	// pipelines is set where it is about the stage of the pipelines. What holds of every template holds there too.
	pipelines bool
	// everywhere is set where a row's requirement holds of that stage and of the environments alike.
	everywhere bool
	// check calls fail with what would break in production, once per finding.
	check func(a *assembly, fail failure)
}

// failure records a finding.
type failure func(format string, args ...any)

// requirements is the whole table.
func requirements() []requirement {
	return slices.Concat(
		networkRequirements,
		databaseRequirements,
		multiAZRequirements,
		backupRequirements,
		credentialRequirements,
		databaseAccessRequirements,
		poolerRequirements,
		rdsProxyRequirements,
		scalerRequirements,
		alarmRequirements,
		watchRequirements,
		metricRequirements,
		sampleRequirements,
		boardRequirements,
		shopRequirements,
		objectiveRequirements,
		canaryRequirements,
		budgetRequirements,
		cacheRequirements,
		identityRequirements,
		messagingRequirements,
		registryRequirements,
		storageRequirements,
		edgeRequirements,
		firewallRequirements,
		domainRequirements,
		serviceRequirements,
		releaseRequirements,
		sidecarRequirements,
		tracingRequirements,
		featureFlagRequirements,
		deliveryRequirements,
		servicePipelineRequirements,
		accessSweeps,
		dataSweeps,
		templateSweeps,
	)
}

// findings runs one requirement against one environment.
func (r requirement) findings(a *assembly) []string {
	if !r.applies(a) {
		return nil
	}
	var found []string
	r.check(a, func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) })
	return found
}

func (r requirement) applies(a *assembly) bool {
	return (r.row == "" || r.everywhere || r.pipelines == a.pipelines) && (r.where == nil || r.where(a.environment))
}

func (r requirement) title() string { return titleOf(r.row, r.name) }

func titleOf(row, name string) string { return rowName(row) + ": " + name }

// rowName is how a row is called where people read it.
func rowName(row string) string {
	if row == "" {
		return "every template"
	}
	return row
}

func TestRequirements(t *testing.T) {
	assemblies := synthesized(t).assemblies
	for _, r := range requirements() {
		t.Run(r.title(), func(t *testing.T) {
			applied := false
			for _, a := range assemblies {
				applied = applied || r.applies(a)
				for _, finding := range r.findings(a) {
					t.Errorf("%s: %s", a.environment.Name, finding)
				}
			}
			if !applied {
				t.Error("applies to none of the environments and variants, so it proves nothing: add a variant that switches it on")
			}
		})
	}
}

// production is true of environments whose data customers rely on.
func production(environment config.Environment) bool { return environment.Profile == config.Production }
