package constructs

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// PipelineProps describes a pipeline from GitHub.
type PipelineProps struct {
	// Name is the pipeline's, in kebab-case.
	Name string
	// Connection is the way to GitHub. Pushes to the first of Sources start the pipeline; the others come along as they are then.
	Connection string
	Sources    []PipelineSource
	// Restarts lets a pipeline that has changed itself start over.
	Restarts      bool
	Stages        []PipelineStage
	Artifacts     *ArtifactBucket
	Notifications *Notifications
}

// PipelineSource is a branch of a repository. Later actions know its commit as #{Name.CommitId}.
type PipelineSource struct {
	// Name is that of its artifact.
	Name string
	// Repository is "owner/name".
	Repository, Branch string
	// Path is the folder whose changes start the pipeline; empty for all of the repository.
	Path string
	// History is set where the builds need it: they clone the repository themselves then, and need the right to.
	History bool
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
	// Needs are the sources and outputs of earlier steps that a build reads, the one with its commands' folder first; Gives is its own.
	Needs []string
	Gives string
	// Environment is what the build is told here, beside what its project always is.
	Environment map[string]string
	// Variables names the step, for an approval that shows what it exports.
	Variables string
	// Text and Link are what the approver is shown.
	Text, Link string
}

// NewPipeline makes the pipeline with a role of its own. A stage has one execution at a time, and of those that wait before it the
// newest goes in.
func NewPipeline(scope construct.Construct, id string, props PipelineProps) awscodepipeline.CfnPipeline {
	scope = construct.NewConstruct(scope, jsii.String(id))
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Runs the pipeline " + props.Name),
		AssumedBy:   serviceOfAccount(scope, "codepipeline.amazonaws.com"),
	})
	allowArtifacts(role, props.Artifacts, "*")
	allowWriting(role, props.Artifacts, "*")
	var repositories []string
	for _, source := range props.Sources {
		repositories = append(repositories, source.Repository)
	}
	role.AddToPolicy(useConnection(props.Connection, repositories...))
	stages := []any{sources(props)}
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
		RestartExecutionOnUpdate: jsii.Bool(props.Restarts),
		ArtifactStore: map[string]any{
			"type": "S3", "location": props.Artifacts.Bucket.BucketName(),
			"encryptionKey": map[string]any{"type": "KMS", "id": props.Artifacts.Key.KeyArn()},
		},
		Stages: stages,
		Triggers: []any{map[string]any{
			"providerType": "CodeStarSourceConnection",
			"gitConfiguration": map[string]any{
				"sourceActionName": props.Sources[0].Name,
				"push":             []any{props.Sources[0].pushes()},
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

// sources is the first stage.
func sources(props PipelineProps) map[string]any {
	var actions []any
	for _, source := range props.Sources {
		format := "CODE_ZIP"
		if source.History {
			format = "CODEBUILD_CLONE_REF"
		}
		actions = append(actions, map[string]any{
			"name": source.Name, "namespace": source.Name, "actionTypeId": actionType("Source", "CodeStarSourceConnection"),
			"configuration": map[string]any{
				"ConnectionArn": props.Connection, "FullRepositoryId": source.Repository, "BranchName": source.Branch,
				"OutputArtifactFormat": format, "DetectChanges": false,
			},
			"outputArtifacts": []any{map[string]any{"name": source.Name}},
		})
	}
	return map[string]any{"name": "Source", "actions": actions}
}

// pushes are those that start a pipeline.
func (s PipelineSource) pushes() map[string]any {
	filter := map[string]any{"branches": map[string]any{"includes": []string{s.Branch}}}
	if s.Path != "" {
		filter["filePaths"] = map[string]any{"includes": []string{s.Path + "/**"}}
	}
	return filter
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
	var inputs []any
	for _, name := range s.Needs {
		inputs = append(inputs, map[string]any{"name": name})
	}
	configuration := map[string]any{"ProjectName": s.Project.Ref(), "PrimarySource": s.Needs[0]}
	if len(s.Environment) > 0 {
		configuration["EnvironmentVariables"] = variablesOfAction(s.Environment)
	}
	declared := map[string]any{
		"name": s.Name, "runOrder": n, "actionTypeId": actionType("Build", "CodeBuild"),
		"configuration": configuration, "inputArtifacts": inputs,
	}
	if s.Gives != "" {
		declared["outputArtifacts"] = []any{map[string]any{"name": s.Gives}}
	}
	if s.Variables != "" {
		declared["namespace"] = s.Variables
	}
	return declared
}

// variablesOfAction writes environment variables as an action of CodeBuild takes them.
// https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
func variablesOfAction(values map[string]string) string {
	type variable struct {
		Name  string `json:"name"`
		Value string `json:"value"`
		Type  string `json:"type"`
	}
	var variables []variable
	for _, name := range slices.Sorted(maps.Keys(values)) {
		variables = append(variables, variable{name, values[name], "PLAINTEXT"})
	}
	text, err := json.Marshal(variables)
	if err != nil {
		panic(err) // of strings
	}
	return string(text)
}
