package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	pipelinetypes "github.com/aws/aws-sdk-go-v2/service/codepipeline/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestDelivery deploys the pipelines and reads them back.
func TestDelivery(t *testing.T) {
	account := startEmulator(t)
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	assembly := t.TempDir()
	account.mustCDK(t, "synth", "--quiet", "--no-lookups", "-c", "env=delivery", "-c", "delivery=test/emulator/delivery.yaml", "--output", assembly)
	deploy := []string{"deploy", "delivery/*", "--require-approval", "never", "--app", assembly}
	account.mustCDK(t, deploy...)
	pipelines, builds := codepipeline.NewFromConfig(account.config()), codebuild.NewFromConfig(account.config())

	step(t, "the pipeline goes from GitHub through check, update, review and deployment", func(t *testing.T) {
		found, err := pipelines.GetPipeline(t.Context(), &codepipeline.GetPipelineInput{Name: aws.String("peakline-infrastructure")})
		if err != nil {
			t.Fatal(err)
		}
		var stages, projects []string
		for _, stage := range found.Pipeline.Stages {
			stages = append(stages, aws.ToString(stage.Name))
			for _, action := range stage.Actions {
				if action.ActionTypeId.Category == pipelinetypes.ActionCategoryBuild {
					projects = append(projects, action.Configuration["ProjectName"])
				}
			}
		}
		if want := []string{"Source", "Check", "Update", "LocalReview", "LocalDeploy"}; !slices.Equal(stages, want) {
			t.Errorf("stages %v, want %v", stages, want)
		}
		known, err := builds.BatchGetProjects(t.Context(), &codebuild.BatchGetProjectsInput{Names: projects})
		if err != nil {
			t.Fatal(err)
		}
		if len(projects) != 5 || len(known.Projects) != len(projects) {
			t.Errorf("%d of the projects %v are there, want five", len(known.Projects), projects)
		}
		for _, project := range known.Projects {
			if spec := aws.ToString(project.Source.Buildspec); !strings.Contains(spec, "version: 0.2") {
				t.Errorf("%s runs %q, want a buildspec", aws.ToString(project.Name), spec)
			}
		}
	})

	step(t, "each service has a pipeline from its repository through build, gate and approval to a release", func(t *testing.T) {
		found, err := pipelines.GetPipeline(t.Context(), &codepipeline.GetPipelineInput{Name: aws.String("peakline-inventory")})
		if err != nil {
			t.Fatal(err)
		}
		var steps, projects []string
		for _, stage := range found.Pipeline.Stages {
			for _, action := range stage.Actions {
				steps = append(steps, aws.ToString(stage.Name)+"/"+aws.ToString(action.Name))
				if project := action.Configuration["ProjectName"]; project != "" {
					projects = append(projects, project)
				}
			}
		}
		if want := []string{"Source/Source", "Source/Platform", "Build/build", "Gate/gate", "LocalReview/local-approval", "LocalRelease/local-release"}; !slices.Equal(steps, want) {
			t.Errorf("steps %v, want %v", steps, want)
		}
		known, err := builds.BatchGetProjects(t.Context(), &codebuild.BatchGetProjectsInput{Names: projects})
		if err != nil {
			t.Fatal(err)
		}
		if len(known.Projects) != 3 {
			t.Errorf("%d of the projects %v are there, want three", len(known.Projects), projects)
		}
		for _, project := range known.Projects {
			builds := strings.Contains(aws.ToString(project.Source.Buildspec), "docker build")
			if builds != aws.ToBool(project.Environment.PrivilegedMode) {
				t.Errorf("%s runs in a privileged machine: %t", aws.ToString(project.Name), !builds)
			}
		}
		listed, err := pipelines.ListPipelines(t.Context(), &codepipeline.ListPipelinesInput{})
		if err != nil {
			t.Fatal(err)
		}
		if len(listed.Pipelines) != 6 {
			t.Errorf("%d pipelines, want one for each of five services and that of the platform", len(listed.Pipelines))
		}
	})

	step(t, "the environment lets the steps of the pipelines in, one by one", func(t *testing.T) {
		account.mustCDK(t, "deploy", "local/Registry", "--require-approval", "never", "--no-lookups", "-c", "env=local", "-c", "delivery=test/emulator/delivery.yaml", "--output", t.TempDir())
		roles := iam.NewFromConfig(account.config())
		for role, step := range map[string]string{
			"peakline-local-push-order": "peakline-delivery-build-order", "peakline-local-pull": "peakline-delivery-gate", "peakline-local-release": "peakline-delivery-release-local",
		} {
			found, err := roles.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role})
			if err != nil {
				t.Error(err)
				continue
			}
			if trust, err := url.QueryUnescape(aws.ToString(found.Role.AssumeRolePolicyDocument)); err != nil || !strings.Contains(trust, "arn:aws:iam::123456789012:role/"+step+`"`) {
				t.Errorf("%s trusts %s (%v), want %s", role, trust, err, step)
			}
			if _, err := roles.GetRole(t.Context(), &iam.GetRoleInput{RoleName: &step}); err != nil {
				t.Errorf("%s trusts a role that is not there: %v", role, err)
			}
		}
	})

	step(t, "a release does not begin with an image that nobody pushed", func(t *testing.T) {
		output, err := account.peakline(t, "release", "start", "order", "-env", "local", "-image", "123456789012.dkr.ecr.us-east-1.amazonaws.com/peakline-local/order:none")
		if err == nil || !strings.Contains(output, "peakline-local/order:none is not in its repository") {
			t.Errorf("%v: %s", err, output)
		}
	})

	step(t, "a second deployment changes nothing, and the guard says so of what is deployed", func(t *testing.T) {
		if output := account.mustCDK(t, deploy...); strings.Count(output, "(no changes)") != 3 {
			t.Errorf("the same assembly changed something:\n%s", output)
		}
		guard := exec.Command("go", "run", "./cmd/peakline", "diff", "-deployed", "-new", filepath.Join(assembly, "assembly-delivery"))
		guard.Dir = repository
		guard.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+account.endpoint, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any")
		if output, err := guard.CombinedOutput(); err != nil || string(output) != "No changes.\n" {
			t.Errorf("%v: %s", err, output)
		}
	})

	step(t, "nothing of it is left in the account but what the artifacts' keepers asked for", func(t *testing.T) {
		// CloudFormation refuses to delete protected stacks; an operator lifts the protection first.
		if output, err := account.cdk(t, "destroy", "delivery/*", "--force", "--app", assembly); err == nil || !strings.Contains(output, "TerminationProtection") {
			t.Errorf("the pipelines' stacks went without a question: %v\n%s", err, output)
		}
	})
}
