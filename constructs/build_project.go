package constructs

import (
	"cmp"
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// buildspecs say what each project runs. They stand in the template, so that a project and its commands change together.
//
//go:embed buildspecs/*.yml
var buildspecs embed.FS

// BuildProjectProps describes a CodeBuild project that is a step of a pipeline, on arm64.
type BuildProjectProps struct {
	Description string
	// Buildspec is a file of buildspecs, without its extension.
	Buildspec string
	Image     ThirdPartyImage
	// Large is for what compiles and tests; the others wait for AWS most of the time.
	Large bool
	// TimeoutMinutes ends a build that hangs.
	TimeoutMinutes int
	// Environment holds names and identifiers, never secrets.
	Environment map[string]string
	// AssumesRoles are the roles through which the project acts in an account; without them it acts nowhere.
	AssumesRoles []string
	// RoleName is the name of the project's own role, where the roles that it takes on trust it by name.
	RoleName string
	// Connection and Repository are where it clones its source from; empty where the pipeline hands it over as files.
	Connection, Repository string
	// Containers lets the build run Docker, which takes privileges in its machine.
	Containers bool
	// Reads is the pattern of the artifacts that it may read, "*" by default. Writes is the name of the one that it hands on, if any.
	Reads, Writes    string
	Artifacts        *ArtifactBucket
	LogRetentionDays int
}

// NewBuildProject makes the project with a log group and a role of its own.
func NewBuildProject(scope construct.Construct, id string, props BuildProjectProps) awscodebuild.CfnProject {
	scope = construct.NewConstruct(scope, jsii.String(id))
	spec, err := buildspecs.ReadFile("buildspecs/" + props.Buildspec + ".yml")
	if err != nil {
		panic(fmt.Sprintf("build project %s: %v", id, err))
	}
	log := NewLogGroup(scope, "Log", LogGroupProps{RetentionDays: props.LogRetentionDays, Key: props.Artifacts.Key})
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		RoleName:    optionalString(props.RoleName),
		Description: jsii.String("Builds: " + props.Description),
		AssumedBy:   serviceOfAccount(scope, "codebuild.amazonaws.com"),
	})
	log.GrantWrite(role)
	allowArtifacts(role, props.Artifacts, cmp.Or(props.Reads, "*"))
	if props.Writes != "" {
		allowWriting(role, props.Artifacts, "*/"+props.Writes+"/*")
	}
	if props.Repository != "" {
		role.AddToPolicy(useConnection(props.Connection, props.Repository))
	}
	if len(props.AssumesRoles) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("sts:AssumeRole"),
			Resources: jsii.Strings(props.AssumesRoles...),
		}))
	}
	acknowledge(role, "Each execution of a pipeline has objects of its own in the bucket of artifacts", "AwsSolutions-IAM5")
	var variables []awscodebuild.CfnProject_EnvironmentVariableProperty
	for _, name := range slices.Sorted(maps.Keys(props.Environment)) {
		variables = append(variables, awscodebuild.CfnProject_EnvironmentVariableProperty{Name: jsii.String(name), Value: jsii.String(props.Environment[name])})
	}
	size := "BUILD_GENERAL1_SMALL"
	if props.Large {
		size = "BUILD_GENERAL1_LARGE"
	}
	ownImage := strings.HasPrefix(props.Image.Repository, "aws/codebuild/")
	pulledBy := "SERVICE_ROLE" // what CodeBuild asks for with an image that is not its own
	if ownImage {
		pulledBy = "CODEBUILD"
	}
	project := awscodebuild.NewCfnProject(scope, jsii.String("Project"), &awscodebuild.CfnProjectProps{
		Description:   jsii.String(props.Description),
		Artifacts:     &awscodebuild.CfnProject_ArtifactsProperty{Type: jsii.String("CODEPIPELINE")},
		Source:        &awscodebuild.CfnProject_SourceProperty{Type: jsii.String("CODEPIPELINE"), BuildSpec: jsii.String(string(spec))},
		EncryptionKey: props.Artifacts.Key.KeyArn(),
		ServiceRole:   role.RoleArn(),
		Environment: &awscodebuild.CfnProject_EnvironmentProperty{
			Type:                     jsii.String("ARM_CONTAINER"),
			ComputeType:              jsii.String(size),
			Image:                    jsii.String(props.Image.Reference()),
			ImagePullCredentialsType: jsii.String(pulledBy),
			PrivilegedMode:           jsii.Bool(props.Containers),
			EnvironmentVariables:     variables,
		},
		LogsConfig: &awscodebuild.CfnProject_LogsConfigProperty{
			CloudWatchLogs: &awscodebuild.CfnProject_CloudWatchLogsConfigProperty{Status: jsii.String("ENABLED"), GroupName: log.LogGroupName()},
		},
		TimeoutInMinutes: jsii.Number(props.TimeoutMinutes),
	})
	project.Node().AddDependency(role)
	if props.Containers {
		acknowledge(project, "An image is built with Docker, which CodeBuild runs in a privileged machine of this build alone", "AwsSolutions-CB3")
	}
	if !ownImage {
		acknowledge(project, "CodeBuild has no image with Debian on arm64, which the checks install their databases in; this one is in the table of third-party images", "AwsSolutions-CB5")
	}
	return project
}

// allowArtifacts lets a role read what the stages of pipelines hand to each other, where its key matches the pattern.
func allowArtifacts(role awsiam.Role, artifacts *ArtifactBucket, pattern string) {
	for _, statement := range []*awsiam.PolicyStatementProps{
		{Actions: jsii.Strings("s3:GetObject", "s3:GetObjectVersion"), Resources: &[]*string{artifacts.Bucket.ArnForObjects(jsii.String(pattern))}},
		{Actions: jsii.Strings("s3:GetBucketLocation", "s3:GetBucketVersioning"), Resources: &[]*string{artifacts.Bucket.BucketArn()}},
		{Actions: jsii.Strings("kms:Decrypt"), Resources: &[]*string{artifacts.Key.KeyArn()}},
	} {
		role.AddToPolicy(awsiam.NewPolicyStatement(statement))
	}
}

// allowWriting lets a role hand on artifacts whose key matches the pattern. Later steps run some: whoever may write all of them may
// do what those steps may.
func allowWriting(role awsiam.Role, artifacts *ArtifactBucket, pattern string) {
	for _, statement := range []*awsiam.PolicyStatementProps{
		{Actions: jsii.Strings("s3:PutObject"), Resources: &[]*string{artifacts.Bucket.ArnForObjects(jsii.String(pattern))}},
		{Actions: jsii.Strings("kms:GenerateDataKey"), Resources: &[]*string{artifacts.Key.KeyArn()}},
	} {
		role.AddToPolicy(awsiam.NewPolicyStatement(statement))
	}
}

// useConnection allows some repositories of a connection.
// https://docs.aws.amazon.com/dtconsole/latest/userguide/security-iam.html#permissions-reference-connections-use
func useConnection(connection string, repositories ...string) awsiam.PolicyStatement {
	slices.Sort(repositories)
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("codeconnections:UseConnection"),
		Resources: jsii.Strings(connection),
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"codeconnections:FullRepositoryId": slices.Compact(repositories)},
		},
	})
}

// BootstrapRole is a role that `cdk bootstrap` makes: "deploy", "file-publishing" or "lookup".
// https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
func BootstrapRole(purpose, account, region string) string {
	return fmt.Sprintf("arn:%[1]s:iam::%[2]s:role/cdk-%[3]s-%[4]s-role-%[2]s-%[5]s", *awscdk.Aws_PARTITION(), account,
		*awscdk.DefaultStackSynthesizer_DEFAULT_QUALIFIER(), purpose, region)
}
