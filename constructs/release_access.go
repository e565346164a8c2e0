package constructs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// GateRole is the role of the gate. It, BuilderRole and ReleaserRole are those of the steps in the pipelines' account. The roles
// of the environments trust them by name, so that neither side has to be deployed before the other.
const GateRole = "peakline-delivery-gate"

// BuilderRole is the role of the build of a service.
func BuilderRole(service string) string { return "peakline-delivery-build-" + service }

// ReleaserRole is the role of the releases into an environment.
func ReleaserRole(environment string) string { return "peakline-delivery-release-" + environment }

// PushRole is the role in the account of the first environment as which the build of a service pushes its images.
func PushRole(account, environment, service string) string {
	return roleARN(account, pushRole(environment, service))
}

// PullRole is the role in the account of the first environment as which images and their scans are read.
func PullRole(account, environment string) string { return roleARN(account, pullRole(environment)) }

// ReleaseRole is the role in an environment's account as which images are brought there and released.
func ReleaseRole(account, environment string) string {
	return roleARN(account, releaseRole(environment))
}

func pushRole(environment, service string) string {
	return "peakline-" + environment + "-push-" + service
}
func pullRole(environment string) string    { return "peakline-" + environment + "-pull" }
func releaseRole(environment string) string { return "peakline-" + environment + "-release" }

func roleARN(account, name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", *awscdk.Aws_PARTITION(), account, name)
}

// ReleaseAccessProps says what the pipelines of the services may do in an environment.
type ReleaseAccessProps struct {
	Environment string
	// Account is that of the pipelines.
	Account string
	// Services are those with a pipeline.
	Services map[string]ReleasedService
	// BuildsFor are the environments that images of this one are brought to, where it is the first; empty elsewhere.
	BuildsFor []string
}

// ReleasedService is what a release of a service moves.
type ReleasedService struct {
	Repository   awsecr.IRepository
	ByCodeDeploy bool
}

// What the parts of a registry's conversation are called.
var (
	pulls  = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
	pushes = []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"}
)

// NewReleaseAccess makes the roles that the steps of the services' pipelines take on. What a service's own Dockerfile could get
// hold of pushes images of that service and nothing else; what releases is code of this repository alone.
func NewReleaseAccess(scope construct.Construct, id string, props ReleaseAccessProps) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	names := slices.Sorted(maps.Keys(props.Services))
	var repositories []*string
	for _, name := range names {
		repositories = append(repositories, props.Services[name].Repository.RepositoryArn())
	}
	if len(props.BuildsFor) > 0 {
		for _, name := range names {
			push := props.role(scope, ID(name, "Push"), pushRole(props.Environment, name), "Pushes images of "+name, BuilderRole(name))
			push.allow([]*string{props.Services[name].Repository.RepositoryArn()}, append(slices.Clone(pushes), "ecr:DescribeImages")...)
		}
		readers := []string{GateRole}
		for _, environment := range props.BuildsFor {
			readers = append(readers, ReleaserRole(environment))
		}
		pull := props.role(scope, "Pull", pullRole(props.Environment), "Reads images and what their scans found", readers...)
		pull.allow(repositories, append(slices.Clone(pulls), "ecr:DescribeImageScanFindings")...)
	}
	release := props.role(scope, "Release", releaseRole(props.Environment), "Brings images to "+props.Environment+" and releases them", ReleaserRole(props.Environment))
	release.allow(repositories, slices.Concat(pulls, pushes, []string{"ecr:DescribeImages"})...)
	release.allowRelease(props, names)
}

// access is a role that is being given rights.
type access struct {
	awsiam.Role
	stack awscdk.Stack
}

// role is one of this account that steps of the pipelines take on, with a way into the registry. Trust in the account with a
// condition, unlike trust in a role, can be stated before that role exists, and outlives a new one of the same name.
func (p ReleaseAccessProps) role(scope construct.Construct, id, name, description string, steps ...string) access {
	var trusted []string
	for _, step := range steps {
		trusted = append(trusted, roleARN(p.Account, step))
	}
	role := access{stack: awscdk.Stack_Of(scope), Role: awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		RoleName:    jsii.String(name),
		Description: jsii.String(description),
		AssumedBy: awsiam.NewPrincipalWithConditions(awsiam.NewAccountPrincipal(p.Account), &map[string]interface{}{
			"ArnEquals": map[string]interface{}{"aws:PrincipalArn": trusted},
		}),
	})}
	role.allow([]*string{jsii.String("*")}, "ecr:GetAuthorizationToken")
	acknowledge(role, "A token for the registry has no resource; it opens only what the other statements name", "AwsSolutions-IAM5[Resource::*]")
	return role
}

func (r access) allow(resources []*string, actions ...string) {
	slices.Sort(actions)
	r.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(slices.Compact(actions)...), Resources: &resources}))
}

// arn is a resource of this account and region.
func (r access) arn(service, resource string) *string {
	return jsii.String(fmt.Sprintf("arn:%s:%s:%s:%s:%s", *awscdk.Aws_PARTITION(), service, *r.stack.Region(), *r.stack.Account(), resource))
}

// allowRelease is what `peakline release` calls. It updates the stack of the services, which CloudFormation does as the role of
// the deployment before: the right to pass that role is not needed.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html
func (r access) allowRelease(props ReleaseAccessProps, names []string) {
	var images, groups, applications []*string
	for _, name := range names {
		images = append(images, r.arn("ssm", "parameter"+contract.ReleasedImageParameter(props.Environment, name)))
		if props.Services[name].ByCodeDeploy {
			application := contract.DeploymentApplication(props.Environment, name)
			applications = append(applications, r.arn("codedeploy", "application:"+application))
			groups = append(groups, r.arn("codedeploy", "deploymentgroup:"+application+"/"+contract.DeploymentGroup))
		}
	}
	r.allow([]*string{r.arn("cloudformation", "stack/"+props.Environment+"-Services/*")},
		"cloudformation:CancelUpdateStack", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks", "cloudformation:UpdateStack")
	r.allow([]*string{jsii.String("*")}, "cloudwatch:DescribeAlarms")
	r.allow(images, "ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter")
	// The stack's parameters name others, and AWS does not say whether CloudFormation reads those as its own role or as the caller.
	r.allow([]*string{r.arn("ssm", "parameter/peakline/"+props.Environment+"/*"),
		r.arn("ssm", "parameter/cdk-bootstrap/"+*awscdk.DefaultStackSynthesizer_DEFAULT_QUALIFIER()+"/version")}, "ssm:GetParameters")
	if len(groups) > 0 {
		r.allow(groups, "codedeploy:CreateDeployment", "codedeploy:GetDeployment", "codedeploy:ListDeployments", "codedeploy:StopDeployment")
		r.allow(applications, "codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision")
		r.allow([]*string{r.arn("codedeploy", "deploymentconfig:*")}, "codedeploy:GetDeploymentConfig")
		r.allow([]*string{jsii.String("*")}, "ecs:DescribeTaskDefinition")
	}
	acknowledge(r, "A stack has a number behind its name, alarms and revisions of tasks are read as lists, and the stack names parameters of the environment", "AwsSolutions-IAM5")
}
