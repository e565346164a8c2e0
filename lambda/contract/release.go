package contract

// SmokeTests are what ECS hands the function that tries a release: the details of its life-cycle hook.
type SmokeTests struct {
	Requests []SmokeRequest `json:"requests"`
}

// SmokeRequest is a GET that a release has to answer. Without a status, any answer below 500 will do.
type SmokeRequest struct {
	Path   string `json:"path"`
	Status int    `json:"status,omitempty"`
}

// EnvTestURL is where the function reaches releases that are being tried.
const EnvTestURL = "PEAKLINE_TEST_URL"

// PlaceholderText begins the answer of what runs before the first release of a service.
const PlaceholderText = "Peakline: this service has no release yet"
