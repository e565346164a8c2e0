package config

import "slices"

// Place is an account and a region in which stacks stand.
type Place struct{ Account, Region string }

// Places are where the stacks of an environment stand, its own first: what has to be bootstrapped, and where whoever deploys
// the environment must be let in.
func (e Environment) Places() []Place {
	regions := []string{e.Region}
	if copies := e.Database.Backup.CopyRegion; copies != "" {
		regions = append(regions, copies)
	}
	if e.HasEdge() && !slices.Contains(regions, EdgeRegion) {
		regions = append(regions, EdgeRegion)
	}
	places := make([]Place, len(regions))
	for n, region := range regions {
		places[n] = Place{e.Account, region}
	}
	return places
}
