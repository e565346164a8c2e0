package config

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// coloursOfARelease run side by side while traffic moves from one to the other. Both may be at their most.
	coloursOfARelease = 2
	// connectionsOfAMigration is what each service's migration needs, which runs before its release.
	connectionsOfAMigration = 1
	// connectionsOfAdministration are those that PostgreSQL keeps for superusers, of RDS itself, of the rotation, and of a few people.
	connectionsOfAdministration = 10
)

// connectionBudget is what is asked of one instance in the worst hour, with the sum written down. Floors of an event are
// within scaling.max, so that a service at its most has them in it.
type connectionBudget struct {
	total int
	sum   []string
}

func (b *connectionBudget) add(connections int, format string, args ...any) {
	b.total += connections
	b.sum = append(b.sum, fmt.Sprintf(format, args...))
}

func (b *connectionBudget) addService(e Environment, name, what string) {
	service := e.Services[name]
	pool, tasks := service.Database.PoolSize, service.Scaling.Max
	b.add(coloursOfARelease*tasks*pool, "%s%s %d tasks x %d colours x %d = %d", name, what, tasks, coloursOfARelease, pool, coloursOfARelease*tasks*pool)
	if n := len(service.Schedules); n > 0 {
		b.add(n*pool, "%s's schedules%s %d x %d = %d", name, what, n, pool, n*pool)
	}
}

// connectionBudgets are those of the writer and of one reader. All reads may come to one reader, while others fail or restart.
// With a single reader they come to the writer, too: a failover makes it of the reader, and leaves none.
func (e Environment) connectionBudgets() (writer, reader connectionBudget) {
	services := e.DatabaseServices()
	alone := len(e.Database.Readers) == 1
	for _, name := range services {
		writer.addService(e, name, "")
		switch {
		case e.ReadsFromWriter(name):
			writer.addService(e, name, " reading")
		case alone:
			writer.addService(e, name, " reading after a failover")
			fallthrough
		default:
			reader.addService(e, name, " reading")
		}
	}
	migrations := connectionsOfAMigration * len(services)
	writer.add(migrations, "migrations %d", migrations)
	for _, budget := range []*connectionBudget{&writer, &reader} {
		budget.add(connectionsOfAdministration, "administration %d", connectionsOfAdministration)
	}
	return writer, reader
}

// connectionsAllowed is what the least of the instances takes for sure.
func (db Database) connectionsAllowed() int { return db.SmallestInstance().connectionsAllowed() }

// smallestCapacity is the size of the smallest instance where it is Serverless v2.
const smallestCapacity = "database.serverlessCapacity.min"

// smallestPath is where the class, or the capacity, of the least instance stands.
func (db Database) smallestPath() (path, what string) {
	instances := db.instances()
	paths := make([]string, 0, len(instances))
	for path := range instances {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	slices.Reverse(paths) // the writer first
	path = slices.MinFunc(paths, func(a, b string) int {
		return db.limits(instances[a]).connectionsAllowed() - db.limits(instances[b]).connectionsAllowed()
	})
	if instances[path].Serverless() {
		return smallestCapacity, fmt.Sprintf("%v capacity units", max(db.ServerlessCapacity.Min, 0.5))
	}
	return path + ".instanceClass", instances[path].InstanceClass
}

var connectionBudgetRules = []rule{
	{"the database takes every connection that services may open", []string{"profile", "services", "database", "scaler.lagObjectiveMilliseconds"}, func(i inspection) {
		if i.UsesProxy() {
			return // it opens no more than its share
		}
		allowed := i.Database.connectionsAllowed()
		path, what := i.Database.smallestPath()
		larger := "a larger instance"
		if path == smallestCapacity {
			larger = "a higher minimum"
		}
		writer, reader := i.connectionBudgets()
		for _, b := range []struct {
			of string
			connectionBudget
		}{{"the writer", writer}, {"a reader", reader}} {
			if b.total > allowed {
				i.refuse(path, "%s: %d connections, but %d may be asked of %s: %s; want %s, smaller pools (services.*.database.poolSize) or fewer tasks (services.*.scaling.max)",
					what, allowed, b.total, b.of, strings.Join(b.sum, ", "), larger)
			}
		}
		for n, class := range i.Scaler.FallbackClasses {
			path := index("scaler.fallbackClasses", n)
			if _, known := Hardware(class); !known || !i.sound(path) {
				continue
			}
			if allowed := i.Database.limits(Instance{InstanceClass: class}).connectionsAllowed(); reader.total > allowed {
				i.refuse(path, "%s: %d connections, but %d may be asked of a reader; want a larger class", class, allowed, reader.total)
			}
		}
	}},
}
