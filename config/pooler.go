package config

import (
	"fmt"
	"math"
	"strings"
)

// Pooler names what is between the services and the database.
type Pooler string

// PgBouncer runs beside each service, in its task. RDS Proxy is one for the environment, run by AWS.
const (
	PoolerPgBouncer Pooler = "pgbouncer"
	PoolerRDSProxy  Pooler = "rds-proxy"
)

// UsesProxy tells whether services reach the database through an RDS Proxy. Without a service that has a database there is none.
func (e Environment) UsesProxy() bool {
	return e.Database.Pooler == PoolerRDSProxy && len(e.DatabaseServices()) > 0
}

// ProxyConnectionsPercent is the share of each instance's max_connections that the proxy may take: all that any of them has memory for, less
// what migrations, rotations and people need beside it.
func (e Environment) ProxyConnectionsPercent() int {
	percent := 100
	for _, instance := range e.Database.instances() {
		limits := e.Database.limits(instance)
		left := float64(limits.connectionsAllowed() - e.connectionsBesideTheProxy())
		percent = min(percent, int(math.Floor(100*left/float64(limits.MaxConnections))))
	}
	return percent
}

// connectionsBesideTheProxy are those of an instance that do not come through it.
func (e Environment) connectionsBesideTheProxy() int {
	return connectionsOfAMigration*len(e.DatabaseServices()) + connectionsOfAdministration
}

// proxyShare is the fewest connections that the proxy may have to an instance.
func (e Environment) proxyShare() int {
	share := math.MaxInt
	for _, instance := range e.Database.instances() {
		share = min(share, e.Database.limits(instance).MaxConnections*e.ProxyConnectionsPercent()/100)
	}
	return share
}

var poolerRules = []rule{
	{"a database behind an RDS Proxy does not pause", []string{"database.pooler", "database.serverlessCapacity"}, func(i inspection) {
		if has, _ := i.serverless(); has && i.UsesProxy() && i.Database.ServerlessCapacity.Min == 0 {
			i.refuse("database.serverlessCapacity.min", "0 lets an idle instance pause, which the connections of pooler: %s prevent; want at least 0.5, or pooler: %s", PoolerRDSProxy, PoolerPgBouncer)
		}
	}},
	{"an RDS Proxy has a connection for each of a task's, of every service", []string{"services", "database"}, func(i inspection) {
		if !i.UsesProxy() {
			return
		}
		var wanted int
		var sum []string
		for _, name := range i.DatabaseServices() {
			pool := i.Services[name].Database.PoolSize
			wanted += pool
			sum = append(sum, fmt.Sprintf("%s %d", name, pool))
		}
		if share := i.proxyShare(); share < wanted {
			path, what := i.Database.smallestPath()
			i.refuse(path, "%s: the RDS Proxy may open %d connections beside %d others, but one task of each service alone keeps %d busy: %s; want a larger instance or smaller pools (services.*.database.poolSize)",
				what, max(share, 0), i.connectionsBesideTheProxy(), wanted, strings.Join(sum, ", "))
		}
	}},
}
