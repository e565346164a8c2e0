package config

import (
	"strings"
	"testing"
)

func TestTheBudgetCountsTheWorstHour(t *testing.T) {
	shop := func(readers int, more func(*Environment)) Environment {
		e := Environment{
			Scaler:   Scaler{LagObjectiveMilliseconds: 100},
			Services: map[string]Service{"order": {Scaling: ServiceScaling{Max: 4}, Database: &ServiceDatabase{PoolSize: 3, StalenessMilliseconds: 1000}}, "edge": {Scaling: ServiceScaling{Max: 99}}},
		}
		e.Database.Readers = map[string]Instance{}
		for n := range readers {
			e.Database.Readers[string(rune('a'+n))] = Instance{}
		}
		if more != nil {
			more(&e)
		}
		return e
	}
	const base = connectionsOfAMigration + connectionsOfAdministration
	for name, c := range map[string]struct {
		environment    Environment
		writer, reader int
	}{
		"blue and green are up at once, at their most":       {shop(2, nil), 24 + base, 24 + connectionsOfAdministration},
		"a failover leaves no reader, and all come together": {shop(1, nil), 48 + base, 24 + connectionsOfAdministration},
		"a pinned service asks twice of the writer, and nothing of a reader": {shop(2, func(e *Environment) { e.Services["order"].Database.StalenessMilliseconds = 99 }),
			48 + base, connectionsOfAdministration},
		"a service at the objective is not pinned": {shop(2, func(e *Environment) { e.Services["order"].Database.StalenessMilliseconds = 100 }),
			24 + base, 24 + connectionsOfAdministration},
		"a scheduled task has a pool of its own": {shop(2, func(e *Environment) {
			order := e.Services["order"]
			order.Schedules = map[string]Schedule{"a": {}, "b": {}}
			e.Services["order"] = order
		}), 30 + base, 30 + connectionsOfAdministration},
	} {
		t.Run(name, func(t *testing.T) {
			writer, reader := c.environment.connectionBudgets()
			if writer.total != c.writer || reader.total != c.reader {
				t.Errorf("writer %d, reader %d, want %d and %d: %s / %s", writer.total, reader.total, c.writer, c.reader, strings.Join(writer.sum, ", "), strings.Join(reader.sum, ", "))
			}
		})
	}
}

func TestAServerlessInstanceIsJudgedAtItsSmallest(t *testing.T) {
	db := Database{Writer: Instance{InstanceClass: ServerlessClass}, ServerlessCapacity: Capacity{Min: 4, Max: 64}}
	if got := db.connectionsAllowed(); got != 793 {
		t.Errorf("%d connections at 4 capacity units, want 793", got)
	}
}

func TestAProxyLeavesEachInstanceWhatDoesNotComeThroughIt(t *testing.T) {
	shop := Environment{Services: map[string]Service{"order": {Database: &ServiceDatabase{PoolSize: 5}}, "edge": {}}}
	shop.Database = Database{Pooler: PoolerRDSProxy, Writer: Instance{InstanceClass: "db.t4g.medium"}, Readers: map[string]Instance{"one": {InstanceClass: "db.r8g.large"}}}
	if got := shop.ProxyConnectionsPercent(); got != 97 { // of 396, 11 are for others
		t.Errorf("%d %%, want 97", got)
	}
	// At 64 capacity units it promises 5000, at 4 it has memory for 793.
	shop.Database.Readers["two"], shop.Database.ServerlessCapacity = Instance{InstanceClass: ServerlessClass}, Capacity{Min: 4, Max: 64}
	if got := shop.ProxyConnectionsPercent(); got != 15 {
		t.Errorf("%d %% of a Serverless v2 instance, want 15", got)
	}
	if got := shop.proxyShare(); got != 59 {
		t.Errorf("%d connections to the least of them, want 59", got)
	}
}
