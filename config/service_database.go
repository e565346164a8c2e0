package config

import (
	"regexp"
	"strings"

	"peakline/lambda/contract"
	"peakline/lambda/rdsca"
)

// ServiceDatabase gives a service a schema, roles and a secret of its own in the database; `{}` will do. Without it the
// service has no access to the database.
type ServiceDatabase struct {
	// Schema is the PostgreSQL schema, which no other service can read. Changing it gives the service a new, empty one. Default: the service's name, with `_` for `-`.
	Schema string `json:"schema,omitempty" jsonschema:"pattern=^[a-z][a-z0-9_]*$,maxLength=40,example=orders"`
	// PoolSize is the most connections that one task has to the writer, and as many again to the readers; behind an RDS Proxy, those that it should open to the proxy. Default: 5 in production, 2 in development.
	PoolSize int `json:"poolSize,omitempty" jsonschema:"minimum=1,maximum=200"`
	// StalenessMilliseconds is how old what the service reads may be. Below `scaler.lagObjectiveMilliseconds` its reads go to the writer. Default: 1000.
	StalenessMilliseconds int `json:"stalenessMilliseconds,omitempty" jsonschema:"minimum=1,maximum=3600000"`
}

func (db *ServiceDatabase) complete(service string, profile Profile) {
	if db.Schema == "" {
		db.Schema = strings.ReplaceAll(service, "-", "_")
	}
	if db.PoolSize == 0 {
		db.PoolSize = byProfile(profile, 2, 5)
	}
	if db.StalenessMilliseconds == 0 {
		db.StalenessMilliseconds = 1000
	}
}

// ReadsFromWriter tells whether the readers are too far behind for the service.
func (e Environment) ReadsFromWriter(service string) bool {
	return e.Services[service].Database.StalenessMilliseconds < e.Scaler.LagObjectiveMilliseconds
}

// takenSchema are the schemas of PostgreSQL, of RDS and of Aurora's extensions.
var takenSchema = regexp.MustCompile(`^(public|information_schema|(pg|rds|aws|apg)(_.*)?|rdsadmin|awsdms.*)$`)

var serviceDatabaseRules = []rule{
	{"each service has a schema of its own", nil, func(i inspection) {
		by := map[string]string{}
		for _, name := range i.newestLast() {
			service := i.Services[name]
			if service.Database == nil || !i.sound(join("services", name)+".database.schema") {
				continue
			}
			path, schema := join("services", name)+".database.schema", service.Database.Schema
			other, twice := by[schema]
			switch {
			case twice:
				i.refuse(path, "%s is the schema of services.%s, want one of its own: each would read the other's tables", schema, other)
			case takenSchema.MatchString(schema):
				i.refuse(path, "%s is taken by PostgreSQL or RDS, want another name", schema)
			case len(schema) > contract.MaxSchemaBytes:
				i.refuse(path, "%d characters, want at most %d", len(schema), contract.MaxSchemaBytes)
			}
			by[schema] = name
		}
	}},
	{"a service can verify the database's certificate", []string{"region"}, func(i inspection) {
		if len(i.DatabaseServices()) > 0 && len(rdsca.Region(i.Region)) == 0 {
			i.refuse("region", "no certificate authority of RDS in %s is known, so that no service could trust the database; replace lambda/rdsca/roots.pem as lambda/rdsca/roots.go says", i.Region)
		}
	}},
}

// DatabaseServices lists the services that have a database, sorted.
func (e Environment) DatabaseServices() []string {
	var names []string
	for _, name := range e.ServiceNames() {
		if e.Services[name].Database != nil {
			names = append(names, name)
		}
	}
	return names
}
