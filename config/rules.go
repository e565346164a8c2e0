package config

import "time"

// rule relates values of one environment to each other or to a table. What a single value may be is said by the tags of
// its type, and checked by the schema.
type rule struct {
	// says is the rule as a sentence.
	says string
	// reads are the paths whose values the rule relies on; a * is any key. It is skipped while one of them, or something inside
	// it, is refused already, so that one mistake is not reported as several.
	reads []string
	check func(i inspection)
}

// inspection is what a rule sees.
type inspection struct {
	*document              // for the places of values, and to refuse them
	*Environment           // with all defaults
	now          time.Time // at which the calendar and support dates are judged
}

// rules are all rules between the values of one environment, by section.
func rules() [][]rule {
	return [][]rule{
		environmentRules,
		notificationRules,
		networkRules,
		multiAZRules,
		databaseRules,
		upgradeRules,
		backupRules,
		cacheRules,
		identityRules,
		scalerRules,
		loadBalancerRules,
		edgeRules,
		firewallRules,
		serviceRules,
		serviceCallRules,
		serviceSignInRules,
		releaseRules,
		serviceDatabaseRules,
		poolerRules,
		connectionBudgetRules,
		tracingRules,
		featureFlagRules,
		sloRules,
		canaryRules,
		budgetRules,
		sidecarRules,
		eventRules,
		exceptionRules,
		waiverRules,
	}
}

func check(d *document, environment *Environment, now time.Time) {
	environment.Warnings = warnings(inspection{d, environment, now})
	for _, section := range rules() {
		for _, r := range section {
			if !d.sound(r.reads...) {
				continue
			}
			before := len(d.mistakes)
			r.check(inspection{d, environment, now})
			for i := range d.mistakes[before:] {
				d.mistakes[before+i].rule = r.says
			}
		}
	}
}
