package config

import (
	"cmp"
	"reflect"
)

// Owners are the teams that answer for the alarms of each part. An alarm says whose it is.
type Owners struct {
	// Network is for the VPC and its NAT gateways. By default the owner of the environment.
	Network string `json:"network,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Database is for the cluster, its logins, its proxy and its backups. By default the owner of the environment.
	Database string `json:"database,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Scaler is for the replica scaler. By default the owner of the environment.
	Scaler string `json:"scaler,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Cache is for the caches. By default the owner of the environment.
	Cache string `json:"cache,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Identity is for the user pool. By default the owner of the environment.
	Identity string `json:"identity,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Services is for the load balancers, and for every service that has no `owner` of its own. By default the owner of the environment.
	Services string `json:"services,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
	// Edge is for CloudFront, its firewall and the shop's names. By default the owner of the environment.
	Edge string `json:"edge,omitempty" jsonschema:"minLength=1,maxLength=64,pattern=^[A-Za-z0-9 _.:/=+@-]+$"`
}

// completeOwners gives the environment's owner what has no other.
func (e *Environment) completeOwners() {
	owners := reflect.ValueOf(&e.Owners).Elem()
	for i := range owners.NumField() {
		owners.Field(i).SetString(cmp.Or(owners.Field(i).String(), e.Owner))
	}
}
