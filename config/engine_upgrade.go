package config

import (
	"fmt"
	"slices"
)

// upgradeNoticeDays is how long before its end a version is warned of: an upgrade wants a rehearsal, and a season in which
// nothing is changed may lie in between.
const upgradeNoticeDays = 183

// warnings finds what AWS will change by itself if nobody does before.
func warnings(i inspection) []string {
	engine, version := engines[i.Database.Engine], i.Database.EngineVersion
	major, _, known := engine.findMajor(version)
	if !known {
		return nil // a rule refuses it
	}
	if days := major.daysLeft(i.now); days >= 0 && days < upgradeNoticeDays {
		return []string{fmt.Sprintf("database.engineVersion: %s leaves standard support on %s, in %s; AWS then upgrades it in a maintenance window of its choice, "+
			"or bills extended support if an exception for %s asks for it: docs/engine-upgrades.md",
			version, major.supported, count(days, "day", "days"), EngineSupport)}
	}
	return nil
}

var upgradeRules = []rule{
	{"an upgrade is prepared to a later major version that AWS creates", []string{"database.upgradeTo", "database.engineVersion", "database.engine"}, func(i inspection) {
		if i.Database.UpgradeTo == "" {
			return
		}
		engine := engines[i.Database.Engine]
		from, _, _ := engine.findMajor(i.Database.EngineVersion)
		to, minor, known := engine.findMajor(i.Database.UpgradeTo)
		switch {
		case i.Database.Engine != EngineAurora:
			i.refuse("database.upgradeTo", "has no effect with engine: %s, for which AWS has no blue/green deployment; remove it, and change engineVersion", i.Database.Engine)
		case !known || !slices.Contains(to.minors, minor):
			i.refuse("database.upgradeTo", "AWS creates no cluster of %s with %s; want %s", engine.title, i.Database.UpgradeTo, engine.currentVersions(i.now))
		case to.number <= from.number:
			i.refuse("database.upgradeTo", "%s is no later major version than %s, want one; a minor version needs no preparation", i.Database.UpgradeTo, i.Database.EngineVersion)
		}
	}},
	{"a green cluster can follow the blue one", []string{"database.upgradeTo", "database.logicalReplication", "database.synchronousCommit"}, func(i inspection) {
		switch {
		case i.Database.UpgradeTo == "":
		case !i.Database.LogicalReplication:
			i.refuse("database.upgradeTo", "needs logicalReplication: true, by which the green cluster follows; deploy that first, it takes a restart")
		case i.Database.SynchronousCommit != "on":
			i.refuse("database.upgradeTo", "needs synchronousCommit: on, without which AWS makes no green cluster")
		}
	}},
}
