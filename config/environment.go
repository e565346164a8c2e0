// Package config holds what an operator may set: one YAML file per environment, read into the plain Go types below.
// Each file of the package is one section of the environment file: its types, its defaults and its rules. The types,
// their comments and their tags are also the source of environment.schema.json, which editors read and which Load
// applies to every single value; what relates two values is a rule in Go.
//
// The package knows no CDK and calls nothing: validation works without a network and without credentials.
package config

// Profile names the set of defaults and safeties that an environment starts from.
type Profile string

// Development is small, cheap and easy to delete. Production is redundant, guarded and retained.
const (
	Development Profile = "development"
	Production  Profile = "production"
)

// Environment is one environment file with the defaults of its profile filled in. Everything that reads an
// Environment may rely on each field being set and valid.
type Environment struct {
	// Name is the file name without its extension. It becomes the stage and part of every physical name.
	Name string `json:"-"`

	// Profile chooses the defaults, and with `production` the safeties that only an exception may switch off.
	Profile Profile `json:"profile" jsonschema:"required,enum=development,enum=production"`
	// Account is the AWS account of the environment: 12 digits, in quotes.
	Account string `json:"account" jsonschema:"required,pattern=^[0-9]{12}$"`
	// Region is the AWS region of the environment, such as `eu-west-1`.
	Region string `json:"region" jsonschema:"required"`
	// Owner is the team that answers for the environment. It is a tag on every resource.
	Owner string `json:"owner" jsonschema:"required,minLength=1,maxLength=256,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Tags are added to every resource, beside the environment, the owner and the profile.
	Tags map[string]string `json:"tags,omitempty"`

	// Notifications says who hears of an alarm or a database event.
	Notifications Notifications `json:"notifications,omitempty"`
	// Network is the VPC.
	Network Network `json:"network" jsonschema:"required"`
	// Database is the Aurora PostgreSQL cluster.
	Database Database `json:"database" jsonschema:"required"`
	// Scaler decides how many further readers the cluster has at any minute.
	Scaler Scaler `json:"scaler,omitempty"`
	// Events is the calendar of planned peaks. Its floors are up before an event starts.
	Events []Event `json:"events,omitempty"`
	// Exceptions gives the written reason for each safety of the profile that this file switches off.
	Exceptions []Exception `json:"exceptions,omitempty"`
}
