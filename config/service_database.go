package config

import (
	"regexp"
	"strings"

	"peakline/lambda/contract"
)

// ServiceDatabase gives a service a schema, roles and a secret of its own in the database; `{}` will do. Without it the
// service has no access to the database.
type ServiceDatabase struct {
	// Schema is the PostgreSQL schema, which no other service can read. Changing it gives the service a new, empty one. Default: the service's name, with `_` for `-`.
	Schema string `json:"schema,omitempty" jsonschema:"pattern=^[a-z][a-z0-9_]*$,maxLength=40,example=orders"`
}

func (db *ServiceDatabase) complete(service string) {
	if db.Schema == "" {
		db.Schema = strings.ReplaceAll(service, "-", "_")
	}
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
