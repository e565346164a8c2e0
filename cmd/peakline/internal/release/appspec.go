package release

import (
	"encoding/json"
	"fmt"

	"peakline/lambda/contract"
)

// appspec is what CodeDeploy is told: the revision, where its traffic goes, and what tries it.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-resources.html
type appspec struct {
	Version   string              `json:"version"`
	Resources []map[string]target `json:"Resources"`
	Hooks     []map[string]string `json:"Hooks"`
}

type target struct {
	Type       string           `json:"Type"`
	Properties targetProperties `json:"Properties"`
}

type targetProperties struct {
	TaskDefinition   string       `json:"TaskDefinition"`
	LoadBalancerInfo loadBalancer `json:"LoadBalancerInfo"`
}

type loadBalancer struct {
	ContainerName string `json:"ContainerName"`
	ContainerPort int    `json:"ContainerPort"`
}

// renderAppspec describes a release of the revision that the stack has registered.
// A migration, where there is a function for it, is run before the first task starts.
func renderAppspec(environment, service, revision, migration string, port int) (string, error) {
	hooks := []map[string]string{{"AfterAllowTestTraffic": contract.SmokeTestFunction(environment, service)}}
	if migration != "" {
		hooks = append([]map[string]string{{"BeforeInstall": migration}}, hooks...)
	}
	text, err := json.Marshal(appspec{
		Version: "0.0",
		Resources: []map[string]target{{"TargetService": {Type: "AWS::ECS::Service", Properties: targetProperties{
			TaskDefinition:   revision,
			LoadBalancerInfo: loadBalancer{ContainerName: contract.ServiceContainer, ContainerPort: port},
		}}}},
		Hooks: hooks,
	})
	if err != nil {
		return "", fmt.Errorf("render the appspec of %s: %w", service, err)
	}
	return string(text), nil
}
