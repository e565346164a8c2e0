package config

// Bus is the event bus between the services.
type Bus struct {
	// ArchiveDays is how long published events can be replayed. Default: 30 in production, 3 in development.
	ArchiveDays int `json:"archiveDays,omitempty" jsonschema:"minimum=1,maximum=3650"`
}

func busDefaults(profile Profile) Bus { return Bus{ArchiveDays: byProfile(profile, 3, 30)} }
