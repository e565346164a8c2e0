package config

// Storage is S3: what CloudFront serves without asking a service, and who read it.
type Storage struct {
	// NoncurrentDays is how long a file that was replaced or deleted can be brought back. After 90 days it is archived in Glacier, which bills another 90 whatever happens. Default: 365 in production, 180 in development.
	NoncurrentDays int `json:"noncurrentDays,omitempty" jsonschema:"minimum=180,maximum=3650"`
	// LogRetentionDays is how long the access logs are kept. Default: 365 in production, 14 in development.
	LogRetentionDays int `json:"logRetentionDays,omitempty" jsonschema:"minimum=1,maximum=3650"`
}

func storageDefaults(profile Profile) Storage {
	return Storage{NoncurrentDays: byProfile(profile, 180, 365), LogRetentionDays: byProfile(profile, 14, 365)}
}
