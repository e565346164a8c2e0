package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// PipelineProps describes a pipeline from a GitHub repository.
type PipelineProps struct {
	// Name is the pipeline's, in kebab-case.
	Name string
	// Connection, Repository ("owner/name") and Branch are where the source comes from.
	Connection, Repository, Branch string
	Stages                         []PipelineStage
	Artifacts                      *ArtifactBucket
	Notifications                  *Notifications
}

// PipelineStage is a stage whose steps run one after the other.
type PipelineStage struct {
	Name  string
	Steps []PipelineStep
	// Retry repeats a failed step once by itself: for what is idempotent and fails when AWS does.
	Retry bool
}

// PipelineStep is a build, or where Project is nil an approval.
type PipelineStep struct {
	Name    string
	Project awscodebuild.CfnProject
	// Needs are the outputs of earlier steps that a build reads beside the source; Gives is its own.
	Needs []string
	Gives string
	// Variables names the step, for an approval that shows what it exports.
	Variables string
	// Text and Link are what the approver is shown.
	Text, Link string
}

// pipelineSource is the name of what the first stage gives to all others: the repository at the commit of the execution.
const pipelineSource = "Source"

// NewPipeline makes the pipeline with a role of its own. A newer commit takes the place of one that waits for an approval, and
// a pipeline that has changed itself starts over.
func NewPipeline(scope construct.Construct, id string, props PipelineProps) awscodepipeline.CfnPipeline {
	scope = construct.NewConstruct(scope, jsii.String(id))
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Runs the pipeline " + props.Name),
		AssumedBy:   serviceOfAccount(scope, "codepipeline.amazonaws.com"),
	})
	allowArtifacts(role, props.Artifacts)
	role.AddToPolicy(useConnection(props.Connection, props.Repository))
	stages := []any{source(props)}
	var projects []*string
	approves := false
	for _, stage := range props.Stages {
		var actions []any
		for n, step := range stage.Steps {
			if step.Project != nil {
				projects = append(projects, step.Project.AttrArn())
			} else {
				approves = true
			}
			actions = append(actions, step.action(n+1, props.Notifications))
		}
		declared := map[string]any{"name": stage.Name, "actions": actions}
		if stage.Retry {
			declared["onFailure"] = map[string]any{"result": "RETRY", "retryConfiguration": map[string]any{"retryMode": "FAILED_ACTIONS"}}
		}
		stages = append(stages, declared)
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codebuild:BatchGetBuilds", "codebuild:StartBuild"), Resources: &projects,
	}))
	if approves {
		props.Notifications.AllowPublish(role, Warning)
	}
	acknowledge(role, "Each execution of a pipeline has objects of its own in the bucket of artifacts", "AwsSolutions-IAM5")
	pipeline := awscodepipeline.NewCfnPipeline(scope, jsii.String("Pipeline"), &awscodepipeline.CfnPipelineProps{
		Name:                     jsii.String(props.Name),
		PipelineType:             jsii.String("V2"),
		ExecutionMode:            jsii.String("SUPERSEDED"),
		RoleArn:                  role.RoleArn(),
		RestartExecutionOnUpdate: jsii.Bool(true),
		ArtifactStore: map[string]any{
			"type": "S3", "location": props.Artifacts.Bucket.BucketName(),
			"encryptionKey": map[string]any{"type": "KMS", "id": props.Artifacts.Key.KeyArn()},
		},
		Stages: stages,
		Triggers: []any{map[string]any{
			"providerType": "CodeStarSourceConnection",
			"gitConfiguration": map[string]any{
				"sourceActionName": pipelineSource,
				"push":             []any{map[string]any{"branches": map[string]any{"includes": []string{props.Branch}}}},
			},
		}},
	})
	pipeline.Node().AddDependency(role)
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "pipeline-failed", Subject: props.Name, Severity: Warning,
		Summary:    "An execution of the pipeline named at the end of the alarm failed.",
		Metric:     metricEvery(5*time.Minute, "AWS/CodePipeline", "FailedPipelineExecutions", "Sum", map[string]*string{"PipelineName": pipeline.Ref()}),
		Comparison: AtLeast, Threshold: 1, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
	})
	return pipeline
}

// source is the first stage. The history comes too: what is checked asks git.
func source(props PipelineProps) map[string]any {
	return map[string]any{"name": pipelineSource, "actions": []any{map[string]any{
		"name": pipelineSource, "actionTypeId": actionType("Source", "CodeStarSourceConnection"),
		"configuration": map[string]any{
			"ConnectionArn": props.Connection, "FullRepositoryId": props.Repository, "BranchName": props.Branch,
			"OutputArtifactFormat": "CODEBUILD_CLONE_REF", "DetectChanges": false,
		},
		"outputArtifacts": []any{map[string]any{"name": pipelineSource}},
	}}}
}

func actionType(category, provider string) map[string]any {
	return map[string]any{"category": category, "owner": "AWS", "provider": provider, "version": "1"}
}

// action is the step as CodePipeline declares it, the n-th of its stage.
func (s PipelineStep) action(n int, notifications *Notifications) map[string]any {
	if s.Project == nil {
		return map[string]any{
			"name": s.Name, "runOrder": n, "actionTypeId": actionType("Approval", "Manual"),
			"configuration": map[string]any{
				"NotificationArn": notifications.Topic(Warning).TopicArn(), "CustomData": s.Text, "ExternalEntityLink": s.Link,
			},
		}
	}
	inputs := []any{map[string]any{"name": pipelineSource}}
	for _, name := range s.Needs {
		inputs = append(inputs, map[string]any{"name": name})
	}
	declared := map[string]any{
		"name": s.Name, "runOrder": n, "actionTypeId": actionType("Build", "CodeBuild"),
		"configuration":  map[string]any{"ProjectName": s.Project.Ref(), "PrimarySource": pipelineSource},
		"inputArtifacts": inputs,
	}
	if s.Gives != "" {
		declared["outputArtifacts"] = []any{map[string]any{"name": s.Gives}}
	}
	if s.Variables != "" {
		declared["namespace"] = s.Variables
	}
	return declared
}
