package contract

// Flags are the names in AppConfig under which the flags of an environment are found.
type Flags struct {
	Application, Environment, Profile string
	// Gradual and AtOnce are the deployment strategies.
	Gradual, AtOnce string
}

// FlagsOf are the names of an environment.
func FlagsOf(environment string) Flags {
	return Flags{
		Application: "peakline-" + environment,
		Environment: environment,
		Profile:     "flags",
		Gradual:     "peakline-" + environment + "-gradual",
		AtOnce:      "peakline-" + environment + "-at-once",
	}
}

// FlagAgentPort is where the agent of the flags answers, inside the task only.
const FlagAgentPort = 2772
