package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
)

// DeliveryProps says what the pipelines deploy.
type DeliveryProps struct {
	Delivery config.Delivery
	// Environments are all that are known, in any order.
	Environments []config.Environment
}

// Delivery is the stage of the pipelines, deployed once by hand; from then on the first one deploys itself.
type Delivery struct {
	Stage awscdk.Stage
}

// What steps read: source is the repository at the commit of the execution, and assembly what the check gives to all later
// steps, the templates that it was about.
const (
	source   = "Source"
	assembly = "Assembly"
)

// NewDelivery makes the stage of the pipelines.
func NewDelivery(scope construct.Construct, props DeliveryProps) *Delivery {
	delivery := props.Delivery
	self := delivery.Environment()
	stage := awscdk.NewStage(scope, jsii.String(self.Name), &awscdk.StageProps{
		Env: &awscdk.Environment{Account: jsii.String(self.Account), Region: jsii.String(self.Region)},
	})
	tag(stage, self)
	notifications := NewNotifications(stage, self).Notifications
	newInfrastructurePipeline(stage, props, notifications)
	if len(delivery.Services) > 0 {
		newServicePipelines(stage, props, notifications)
	}
	return &Delivery{Stage: stage}
}

// newInfrastructurePipeline makes the pipeline of this repository: check, update the pipelines, then one environment after the
// other.
func newInfrastructurePipeline(stage awscdk.Stage, props DeliveryProps, notifications *constructs.Notifications) {
	delivery := props.Delivery
	self := delivery.Environment()
	stack := newStack(stage, "Infrastructure", "checks this repository and deploys the environments", self)
	key := constructs.NewEncryptionKey(stack, "Key", constructs.EncryptionKeyProps{
		Description: "What the pipelines pass on, and what they say", LogGroups: true,
	})
	logs := constructs.NewLogBucket(stack, "AccessLogs", constructs.LogBucketProps{RetentionDays: deliveryLogDays})
	artifacts := constructs.NewArtifactBucket(stack, "Artifacts", key, logs)

	project := func(id, name string, build constructs.BuildProjectProps) constructs.PipelineStep {
		build.Connection, build.Repository = delivery.ConnectionARN, delivery.Repository
		build.Artifacts, build.LogRetentionDays = artifacts, deliveryLogDays
		return constructs.PipelineStep{Name: name, Project: constructs.NewBuildProject(stack, id, build)}
	}
	check := project("Check", "check", constructs.BuildProjectProps{
		Description: "Checks everything, and synthesizes every environment", Buildspec: "check", Image: constructs.GoImage, Large: true, TimeoutMinutes: 120, Writes: assembly,
	})
	check.Needs, check.Gives = []string{source}, assembly
	update := project("Update", "update", constructs.BuildProjectProps{
		Description: "Deploys the pipelines", Buildspec: "update", Image: constructs.NodeImage, TimeoutMinutes: 60,
		AssumesRoles: deployers(self),
	})
	update.Needs = []string{source, assembly}
	stages := []constructs.PipelineStage{
		{Name: "Check", Steps: []constructs.PipelineStep{check}},
		{Name: "Update", Steps: []constructs.PipelineStep{update}, Retry: true},
	}
	for _, promotion := range delivery.Environments {
		environment := named(props.Environments, promotion.Name)
		guard := project(constructs.ID(promotion.Name, "Guard"), promotion.Name+"-guard", constructs.BuildProjectProps{
			Description: "Tells what would change in " + promotion.Name + ", and stops what is dangerous", Buildspec: "guard", Image: constructs.GoImage, TimeoutMinutes: 30,
			Environment: map[string]string{"ENVIRONMENT": promotion.Name}, AssumesRoles: bootstrapRoles(environment, "lookup"),
		})
		guard.Needs, guard.Variables = []string{source, assembly}, constructs.ID(promotion.Name, "Guard")
		lookup := constructs.BootstrapRole("lookup", environment.Account, environment.Region)
		alarms := project(constructs.ID(promotion.Name, "Alarms"), promotion.Name+"-alarms", constructs.BuildProjectProps{
			Description: "Asks whether a release alarm of " + promotion.Name + " fires", Buildspec: "alarms", Image: constructs.GoImage, TimeoutMinutes: 30,
			Environment: map[string]string{"ENVIRONMENT": promotion.Name, "REGION": environment.Region, "LOOKUP_ROLE": lookup}, AssumesRoles: []string{lookup},
		})
		alarms.Needs = []string{source}
		deploy := project(constructs.ID(promotion.Name, "Deploy"), promotion.Name+"-deploy", constructs.BuildProjectProps{
			Description: "Deploys " + promotion.Name, Buildspec: "deploy", Image: constructs.NodeImage, TimeoutMinutes: 8 * 60,
			Environment: map[string]string{"ENVIRONMENT": promotion.Name}, AssumesRoles: deployers(environment),
		})
		deploy.Needs = []string{source, assembly}
		review := []constructs.PipelineStep{guard}
		if promotion.Approval == config.ApprovalRequired {
			review = append(review, constructs.PipelineStep{
				Name: promotion.Name + "-approval",
				Text: promotion.Name + ": #{" + guard.Variables + ".DIFF_SUMMARY}", Link: "#{" + guard.Variables + ".DIFF_URL}",
			})
		}
		stages = append(stages,
			constructs.PipelineStage{Name: constructs.ID(promotion.Name, "Review"), Steps: review},
			constructs.PipelineStage{Name: constructs.ID(promotion.Name, "Deploy"), Steps: []constructs.PipelineStep{alarms, deploy}, Retry: true})
	}
	constructs.NewPipeline(stack, "Pipeline", constructs.PipelineProps{
		Name: "peakline-infrastructure", Connection: delivery.ConnectionARN,
		Sources:  []constructs.PipelineSource{{Name: source, Repository: delivery.Repository, Branch: delivery.Branch, History: true}},
		Restarts: true, Stages: stages, Artifacts: artifacts, Notifications: notifications,
	})
}

// deliveryLogDays is how long the pipelines' logs are kept: who deployed what is asked for by auditors a year later.
// PCI DSS 4.0.1, requirement 10.5.1.
const deliveryLogDays = 365

// deployers are the roles that a deployment with the CDK takes on.
func deployers(environment config.Environment) []string {
	return bootstrapRoles(environment, "deploy", "file-publishing", "lookup")
}

func bootstrapRoles(environment config.Environment, purposes ...string) []string {
	var roles []string
	for _, place := range environment.Places() {
		for _, purpose := range purposes {
			roles = append(roles, constructs.BootstrapRole(purpose, place.Account, place.Region))
		}
	}
	return roles
}

// named is the environment of a name. Configuration has made sure that there is one.
func named(environments []config.Environment, name string) config.Environment {
	for _, environment := range environments {
		if environment.Name == name {
			return environment
		}
	}
	panic("no environment " + name)
}
