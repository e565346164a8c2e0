package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// firstImage is what a service runs until its first release. Parameters were created with it: another text here would
// make every deployment put it in the place of what is released.
const firstImage = "docker.io/hashicorp/http-echo:1.0.0"

var registryRequirements = []requirement{
	{row: "S9", name: "each service has a repository in which a tag always means the same image, scanned and tidied up",
		check: func(a *assembly, fail failure) {
			for _, name := range a.environment.ServiceNames() {
				repositories := a.where("AWS::ECR::Repository", "RepositoryName", "peakline-"+a.environment.Name+"/"+name)
				if len(repositories) != 1 {
					fail("%s has %d repositories: its build could not push", name, len(repositories))
					continue
				}
				repository := repositories[0]
				if repository.text("ImageTagMutability") != "IMMUTABLE" {
					fail("%s lets a tag be pushed again: what was tested is not what is deployed", repository)
				}
				if repository.get("ImageScanningConfiguration/ScanOnPush") != true {
					fail("%s does not scan images: known holes would be deployed", repository)
				}
				if !strings.Contains(repository.text("LifecyclePolicy/LifecyclePolicyText"), "imageCountMoreThan") {
					fail("%s keeps every image for ever, at a price", repository)
				}
				if empties := repository.get("EmptyOnDelete") == true; empties == production(a.environment) {
					fail("%s is emptied on deletion: %t", repository, empties)
				}
			}
		}},
	{row: "S9", name: "the released image is a parameter that no later template writes: it has the first image and nothing that could change",
		check: func(a *assembly, fail failure) {
			for _, name := range a.environment.ServiceNames() {
				path := fmt.Sprintf("/peakline/%s/services/%s/image", a.environment.Name, name)
				parameters := a.where("AWS::SSM::Parameter", "Name", path)
				if len(parameters) != 1 {
					fail("%s is made %d times: releases have nowhere to stand", path, len(parameters))
					continue
				}
				want := map[string]any{"Name": path, "Type": "String", "Value": firstImage}
				if got := parameters[0].properties(); !maps.EqualFunc(got, want, func(a, b any) bool { return a == b }) {
					text, _ := json.Marshal(got)
					fail("%s is %s, want %v: a property that changes makes CloudFormation write the placeholder over the release", path, text, want)
				}
			}
		}},
	{row: "S6", name: "third parties' secrets have a random value until someone puts in the real one",
		check: func(a *assembly, fail failure) {
			for name, described := range a.environment.Secrets {
				found := a.where("AWS::SecretsManager::Secret", "Description", described.Description)
				if len(found) != 1 || found[0].get("GenerateSecretString") == nil || found[0].get("SecretString") != nil {
					fail("secret %s: %v, want one that Secrets Manager generates", name, found)
				}
			}
		}},
}

// isReleasedImage tells the parameters that have no tags because CloudFormation writes the whole parameter to change one.
func isReleasedImage(r resource) bool {
	return r.kind == "AWS::SSM::Parameter" && strings.HasPrefix(r.text("Name"), "/peakline/") && slices.Contains(strings.Split(r.text("Name"), "/"), "services")
}

// isThirdParty tells the secrets that are not ours to change.
func (a *assembly) isThirdParty(secret resource) bool {
	for _, described := range a.environment.Secrets {
		if secret.text("Description") == described.Description {
			return true
		}
	}
	return false
}
