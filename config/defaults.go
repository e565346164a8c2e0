package config

// defaults is what an environment of the profile has before its file is read. An unknown profile has been refused by
// then; the production defaults keep the remaining rules meaningful.
func defaults(profile Profile) Environment {
	if profile != Development {
		profile = Production
	}
	return Environment{
		Profile:      profile,
		Network:      networkDefaults(profile),
		Database:     databaseDefaults(profile),
		Cache:        cacheDefaults(profile),
		Identity:     identityDefaults(profile),
		Scaler:       scalerDefaults(profile),
		LoadBalancer: loadBalancerDefaults(profile),
		Storage:      storageDefaults(profile),
		Edge:         edgeDefaults(profile),
		Firewall:     firewallDefaults(profile),
		Tracing:      tracingDefaults(profile),
		FeatureFlags: featureFlagDefaults(profile),
		Bus:          busDefaults(profile),
		SLOs:         sloDefaults(profile),
		Canary:       Canary{EveryMinutes: 5},
	}
}

// complete fills what is derived from other values.
func (e *Environment) complete(d *document) {
	e.completeOwners()
	e.Network.complete(regions[e.Region])
	e.Database.complete(d)
	e.Cache.complete(d)
	e.completeIdentity(d)
	e.completeEdge()
	e.Firewall.complete(d)
	e.Scaler.complete(d, e.Database.Engine)
	e.completeServices(d)
	e.completeCanary(d)
	for i := range e.Events {
		e.Events[i].complete()
	}
}

// byProfile chooses a default.
func byProfile[T any](profile Profile, development, production T) T {
	if profile == Development {
		return development
	}
	return production
}
