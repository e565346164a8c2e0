package config

// Place is an account and a region in which stacks stand.
type Place struct{ Account, Region string }

// Places are where the stacks of an environment stand, its own first: what has to be bootstrapped, and where whoever deploys
// the environment must be let in.
func (e Environment) Places() []Place {
	places := []Place{{e.Account, e.Region}}
	if copies := e.Database.Backup.CopyRegion; copies != "" {
		places = append(places, Place{e.Account, copies})
	}
	return places
}
