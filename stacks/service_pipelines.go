package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// What the steps of the services' pipelines read and give: platform is this repository, whose code alone may release, and sbom
// the list of an image's parts.
const (
	platform = "Platform"
	sbom     = "Sbom"
)

// newServicePipelines makes the pipeline of each service: build, gate, then one environment after the other. The gate and the
// releases are projects that all of them share. The build, which runs what a service's repository says, is the service's own.
func newServicePipelines(stage awscdk.Stage, props DeliveryProps, notifications *constructs.Notifications) {
	delivery := props.Delivery
	self := delivery.Environment()
	first := named(props.Environments, delivery.Environments[0].Name)
	pull := constructs.PullRole(first.Account, first.Name)
	stack := newStack(stage, "ServicePipelines", "builds, checks and releases the services", self)
	key := constructs.NewEncryptionKey(stack, "Key", constructs.EncryptionKeyProps{
		Description: "What the pipelines of the services pass on, and what they say", LogGroups: true,
	})
	logs := constructs.NewLogBucket(stack, "AccessLogs", constructs.LogBucketProps{RetentionDays: deliveryLogDays})
	artifacts := constructs.NewArtifactBucket(stack, "Artifacts", key, logs)

	gate := constructs.PipelineStep{
		Name: "gate", Needs: []string{platform}, Gives: sbom, Variables: "Gate",
		Project: constructs.NewBuildProject(stack, "Gate", constructs.BuildProjectProps{
			Description: "Checks images before they are released", Buildspec: "gate", Image: constructs.GoImage, Large: true, TimeoutMinutes: 60,
			RoleName: constructs.GateRole, AssumesRoles: []string{pull}, Reads: "*/" + platform + "/*", Writes: sbom, Artifacts: artifacts, LogRetentionDays: deliveryLogDays,
			Environment: map[string]string{"PULL_ROLE": pull, "PULL_REGION": first.Region},
		}),
	}
	releases := map[string]constructs.PipelineStep{}
	for _, promotion := range delivery.Environments {
		environment := named(props.Environments, promotion.Name)
		role := constructs.ReleaseRole(environment.Account, environment.Name)
		releases[environment.Name] = constructs.PipelineStep{
			Name: environment.Name + "-release", Needs: []string{platform},
			Project: constructs.NewBuildProject(stack, constructs.ID(environment.Name, "Release"), constructs.BuildProjectProps{
				Description: "Brings images to " + environment.Name + " and releases them", Buildspec: "release", Image: constructs.GoImage, TimeoutMinutes: config.LongestReleaseMinutes,
				RoleName: constructs.ReleaserRole(environment.Name), AssumesRoles: []string{pull, role}, Reads: "*/" + platform + "/*", Artifacts: artifacts, LogRetentionDays: deliveryLogDays,
				Environment: map[string]string{
					"ENVIRONMENT": environment.Name, "REGION": environment.Region, "RELEASE_ROLE": role, "PULL_ROLE": pull, "PULL_REGION": first.Region,
				},
			}),
		}
	}

	for _, service := range delivery.ServiceNames() {
		pipeline := delivery.Services[service]
		name := "peakline-" + service
		built := image(first, service)
		push := constructs.PushRole(first.Account, first.Name, service)
		build := constructs.PipelineStep{
			Name: "build", Needs: []string{source}, Environment: map[string]string{"IMAGE": built, "COMMIT": commit},
			Project: constructs.NewBuildProject(stack, constructs.ID(service, "Build"), constructs.BuildProjectProps{
				Description: "Tests " + service + " and builds its image", Buildspec: "image", Image: constructs.DockerImage, Large: true, TimeoutMinutes: 60,
				RoleName: constructs.BuilderRole(service), AssumesRoles: []string{push}, Containers: true,
				Reads: constructs.ArtifactsOf(name, source), Artifacts: artifacts, LogRetentionDays: deliveryLogDays,
				Environment: map[string]string{"FOLDER": pipeline.Folder(), "DOCKERFILE": pipeline.Dockerfile, "PUSH_ROLE": push, "PUSH_REGION": first.Region},
			}),
		}
		gate.Environment = map[string]string{"SERVICE": service, "IMAGE": built}
		stages := []constructs.PipelineStage{
			{Name: "Build", Steps: []constructs.PipelineStep{build}, Retry: true},
			{Name: "Gate", Steps: []constructs.PipelineStep{gate}, Retry: true},
		}
		for _, promotion := range delivery.Environments {
			if promotion.Approval == config.ApprovalRequired {
				stages = append(stages, constructs.PipelineStage{Name: constructs.ID(promotion.Name, "Review"), Steps: []constructs.PipelineStep{{
					Name: promotion.Name + "-approval",
					Text: fmt.Sprintf("%s: %s at %s, %s", promotion.Name, service, commit, "#{"+gate.Variables+".SUMMARY}"),
					Link: "https://github.com/" + pipeline.Repository + "/commit/" + commit,
				}}})
			}
			release := releases[promotion.Name]
			release.Environment = map[string]string{"SERVICE": service, "FROM": built, "IMAGE": image(named(props.Environments, promotion.Name), service)}
			// A release that was taken back is not tried again by itself: visitors would meet the same fault twice.
			stages = append(stages, constructs.PipelineStage{Name: constructs.ID(promotion.Name, "Release"), Steps: []constructs.PipelineStep{release}})
		}
		constructs.NewPipeline(stack, constructs.ID(service, "Pipeline"), constructs.PipelineProps{
			Name: name, Connection: delivery.ConnectionARN,
			Sources: []constructs.PipelineSource{
				{Name: source, Repository: pipeline.Repository, Branch: pipeline.Branch, Path: pipeline.Path},
				{Name: platform, Repository: delivery.Repository, Branch: delivery.Branch},
			},
			Stages: stages, Artifacts: artifacts, Notifications: notifications,
		})
	}
}

// commit is that of a service's repository, and the tag of its image.
const commit = "#{" + source + ".CommitId}"

// image is what a commit of a service is called in the registry of an environment.
func image(environment config.Environment, service string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s:%s", environment.Account, environment.Region, contract.ImageRepository(environment.Name, service), commit)
}
