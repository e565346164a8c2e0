package contract

import "strings"

// SmokeTests are what a release is tried with: the details of ECS's life-cycle hook, or a variable of a function's own.
type SmokeTests struct {
	Requests []SmokeRequest `json:"requests"`
}

// SmokeRequest is a GET that a release has to answer. Without a status, any answer below 500 will do.
type SmokeRequest struct {
	Path   string `json:"path"`
	Status int    `json:"status,omitempty"`
}

// Environment variables of the function that tries releases.
const (
	EnvTestURL = "PEAKLINE_TEST_URL" // where it reaches them
	// EnvSmokeTests are the SmokeTests of the one service that it is for. CodeDeploy, unlike ECS, hands it none.
	EnvSmokeTests = "PEAKLINE_SMOKE_TESTS"
)

// PlaceholderText begins the answer of what runs before the first release of a service.
const PlaceholderText = "Peakline: this service has no release yet"

// ServiceContainer is the name of a service's own container in its tasks.
const ServiceContainer = "service"

// DeploymentGroup is the name of the one deployment group of a service's application in CodeDeploy.
const DeploymentGroup = "service"

// DeploymentApplication is the name in CodeDeploy of a service that it releases.
func DeploymentApplication(environment, service string) string {
	return "peakline-" + environment + "-" + service
}

// SmokeTestFunction is the name of the function that tries releases of a service under CodeDeploy.
func SmokeTestFunction(environment, service string) string {
	return "peakline-" + environment + "-" + service + "-smoke-test"
}

// repositoryPrefix begins the names of image repositories; the environment and the service follow.
const repositoryPrefix = "peakline-"

// ImageRepository is the name of the repository with the images of a service.
func ImageRepository(environment, service string) string {
	return repositoryPrefix + environment + "/" + service
}

// EnvironmentOfRepository is the environment that an image repository is of.
func EnvironmentOfRepository(repository string) string {
	folder, _, _ := strings.Cut(repository, "/")
	return strings.TrimPrefix(folder, repositoryPrefix)
}

// ReleasedImageParameter names the SSM parameter that holds the image of a service which is released at the moment. Only a
// release writes it, and only when it has succeeded.
func ReleasedImageParameter(environment, service string) string {
	return "/peakline/" + environment + "/services/" + service + "/image"
}

// ReleaseParameter ends the name of the parameter of the stack Services by which a release brings an image: OrderImage.
const ReleaseParameter = "Image"

// RevisionOutput ends the name of the output of the stack Services with the newest revision of a service under CodeDeploy.
const RevisionOutput = "Revision"

// ReleaseAlarms are the alarms that take a release of a service back.
func ReleaseAlarms(environment, service string) []string {
	var names []string
	for _, kind := range []string{"errors", "latency", "unhealthy"} {
		names = append(names, environment+"-release-"+kind+"-"+service)
	}
	return names
}
