package config

import "time"

// inspection is what a rule sees: the completed environment, the document for the places of its values, and the time.
type inspection struct {
	*document
	env *Environment
	now time.Time
}

// rule relates values to each other. It is skipped while one of the values it reads is refused already, so that one
// mistake is not reported as several.
type rule struct {
	reads []string
	check func(i inspection)
}

// check applies the rules of every section.
func check(d *document, environment *Environment, now time.Time) {
	for _, section := range [][]rule{} {
		for _, r := range section {
			if d.sound(r.reads...) {
				r.check(inspection{d, environment, now})
			}
		}
	}
}

// checkTogether applies the rules between environments.
func checkTogether([]loaded) {}
