package config

import "time"

// Waiver lets one dangerous change pass `peakline diff` until a day.
type Waiver struct {
	// Stack is the stack's name without the environment's, such as `Database`.
	Stack string `json:"stack" jsonschema:"required"`
	// Resource is the logical id that `peakline diff` prints.
	Resource string `json:"resource" jsonschema:"required,pattern=^[A-Za-z0-9]+$,maxLength=255,example=AuroraKeyB4F1AB57"`
	// Class is the class that `peakline diff` prints.
	Class string `json:"class" jsonschema:"required,enum=refused-by-aws,enum=endangers-traffic,enum=opens-network,enum=widens-iam,enum=replaces-stateful,enum=deletes-stateful"`
	// Reason is why, for whoever reads the file next.
	Reason string `json:"reason" jsonschema:"required,minLength=10,maxLength=500"`
	// Expires is the last day on which the waiver holds (UTC), at most 90 days ahead. A waiver that has ended does nothing.
	Expires string `json:"expires" jsonschema:"required,pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$,example=2026-12-01"`
}

// StackNames are those of an environment's stacks, whichever of them it has.
var StackNames = []string{
	"BackupCopy", "Cache", "Database", "DatabaseAccess", "DatabaseProxy", "Edge", "FeatureFlags", "Identity", "Messaging", "Network",
	"Notifications", "Observability", "Registry", "ReplicaScaler", "Services", "Storage", "Tracing",
}

// Valid tells whether the waiver still holds.
func (w Waiver) Valid(now time.Time) bool { return validUntil(w.Expires, now) }

// validUntil tells whether a last day, in UTC, has not ended yet.
func validUntil(expires string, now time.Time) bool {
	day, err := time.Parse(time.DateOnly, expires)
	return err == nil && now.Before(day.AddDate(0, 0, 1))
}

// checkExpiry refuses a last day that is none, or too far ahead.
func checkExpiry(d *document, path, expires string, now time.Time) {
	day, err := time.Parse(time.DateOnly, expires)
	switch {
	case err != nil:
		d.refuse(path, "%s is no day of the calendar, want one such as 2026-12-01", expires)
	case day.Sub(now) > longestWaiver:
		d.refuse(path, "%s, want at most %s, 90 days ahead", expires, now.Add(longestWaiver).UTC().Format(time.DateOnly))
	}
}

// longestWaiver keeps a waiver an exception: what should last belongs into the templates.
const longestWaiver = 90 * 24 * time.Hour

var waiverRules = []rule{
	{"waivers end soon, and there is one for each change", []string{"waivers"}, func(i inspection) {
		first := map[Waiver]string{}
		for n, waiver := range i.Waivers {
			path := index("waivers", n)
			checkExpiry(i.document, path+".expires", waiver.Expires, i.now)
			change := Waiver{Stack: waiver.Stack, Resource: waiver.Resource, Class: waiver.Class}
			if before, twice := first[change]; twice {
				i.refuse(path, "the same change as %s, want one waiver", before)
			}
			first[change] = path
		}
	}},
}
