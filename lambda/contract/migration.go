package contract

import (
	"fmt"
	"time"
)

// Migration is what the function that runs a service's migration is told.
type Migration struct {
	Cluster       string   `json:"cluster"`
	Task          string   `json:"task"` // the revision, with the image that is being released
	Subnets       []string `json:"subnets"`
	SecurityGroup string   `json:"securityGroup"`
	Minutes       int      `json:"minutes"` // until a migration that does not end is stopped
}

// EnvMigration is the environment variable with the Migration as JSON.
const EnvMigration = "PEAKLINE_MIGRATION"

// MigrationFunction is the name of the function that runs the migration of a service under CodeDeploy.
func MigrationFunction(environment, service string) string {
	return "peakline-" + environment + "-" + service + "-migration"
}

// MigrationOutput ends the name of the output of the stack Services with that function.
const MigrationOutput = "Migration"

// MigrationLimits are the options by which libpq tells a database how long a statement may wait for a lock, and run.
func MigrationLimits(lock, statement time.Duration) string {
	return fmt.Sprintf("-c lock_timeout=%d -c statement_timeout=%d", lock.Milliseconds(), statement.Milliseconds())
}
