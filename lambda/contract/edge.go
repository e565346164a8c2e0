package contract

// OriginHeader is the request header by which the load balancer knows CloudFront.
const OriginHeader = "x-peakline-origin"

// ExperimentStore is the name of the key-value store with the weights of experiments.
func ExperimentStore(environment string) string { return "peakline-" + environment }

// ExperimentsKey is the key there.
const ExperimentsKey = "experiments"

// OriginExperiment is the experiment whose variants are origins: FirstOrigin is the load balancer, SecondOrigin the other one.
const (
	OriginExperiment = "origin"
	FirstOrigin      = "first"
	SecondOrigin     = "second"
)
