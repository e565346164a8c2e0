package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// toldBy are the environment variables that an action gives to its build.
func toldBy(action map[string]any) map[string]string {
	var list []struct{ Name, Value, Type string }
	text, _ := dig(action, "Configuration/EnvironmentVariables").(string)
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil
	}
	values := map[string]string{}
	for _, variable := range list {
		values[variable.Name] = variable.Value
	}
	return values
}

// imageIn is the name of a commit's image in an environment.
func imageIn(environment promotion, service string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/peakline-%s/%s:#{Source.CommitId}", environment.Account, environment.Region, environment.Name, service)
}

// roleIn is a role of an environment.
func roleIn(environment promotion, purpose string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/peakline-%s-%s", environment.Account, environment.Name, purpose)
}

// allowed are the actions that a role may take, and on what, as "action on resource".
func (a *assembly) allowed(role resource) (all []string) {
	for _, s := range a.statements(role) {
		for _, action := range s.actions() {
			for _, target := range s.resources() {
				all = append(all, action+" on "+a.resolve(s.stack, target))
			}
		}
	}
	return all
}

// without is a list of what one list has and the other has not.
func without(list []string, known ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(one string) bool { return slices.Contains(known, one) })
}

var servicePipelineRequirements = []requirement{
	{row: "P1", name: "each service has a pipeline that pushes to its own branch and folder start, and that takes this repository along as its branch is", pipelines: true,
		check: func(a *assembly, fail failure) {
			for _, service := range a.delivery.ServiceNames() {
				want := a.delivery.Services[service]
				pipeline, stages := a.stagesOf("peakline-" + service)
				if len(stages) == 0 || len(stages[0].actions) != 2 {
					fail("there is no pipeline peakline-%s from two repositories", service)
					continue
				}
				for n, source := range []struct{ name, repository, branch string }{{"Source", want.Repository, want.Branch}, {"Platform", a.delivery.Repository, a.delivery.Branch}} {
					action := stages[0].actions[n]
					configuration, _ := action["Configuration"].(map[string]any)
					if configuration["FullRepositoryId"] != source.repository || configuration["BranchName"] != source.branch || dig(action, "OutputArtifacts/0/Name") != source.name || configuration["DetectChanges"] != false {
						fail("%s: source %d is %v, want %s of %s as %s", pipeline, n, configuration, source.branch, source.repository, source.name)
					}
				}
				if pipeline.text("Triggers/0/GitConfiguration/SourceActionName") != "Source" || len(pipeline.list("Triggers")) != 1 {
					fail("%s is not started by its own repository alone: every commit to the platform would release every service", pipeline)
				}
				if includes := pipeline.list("Triggers/0/GitConfiguration/Push/0/Branches/Includes"); !slices.Equal(includes, []any{want.Branch}) {
					fail("%s is started by pushes to %v, want %s", pipeline, includes, want.Branch)
				}
				var paths []any
				if want.Path != "" {
					paths = []any{want.Path + "/**"}
				}
				if includes := pipeline.list("Triggers/0/GitConfiguration/Push/0/FilePaths/Includes"); !slices.Equal(includes, paths) {
					fail("%s is started by changes to %v, want %v: a commit to a neighbour would release it", pipeline, includes, paths)
				}
			}
		}},
	{row: "P1", name: "an image is tested, built and pushed, then passes the gate, and only then is released; and it is the one of that commit", pipelines: true,
		check: func(a *assembly, fail failure) {
			first := a.promotions()[0]
			for _, service := range a.delivery.ServiceNames() {
				pipeline, stages := a.stagesOf("peakline-" + service)
				if len(stages) < 3 || len(stages[1].actions) != 1 || len(stages[2].actions) != 1 {
					fail("peakline-%s does not go on with a build and a gate", service)
					continue
				}
				build, gate := stages[1].actions[0], stages[2].actions[0]
				project := a.project(pipeline.stack, build)
				order := []int{strings.Index(project.commands(), "--target test"), strings.Index(project.commands(), `--tag "$IMAGE"`), strings.Index(project.commands(), `docker push "$IMAGE"`)}
				if order[0] < 0 || !slices.IsSorted(order) {
					fail("%s does not test, then build, then push", project)
				}
				if want := a.delivery.Services[service]; project.variable("FOLDER") != "./"+want.Path || project.variable("DOCKERFILE") != want.Dockerfile {
					fail("%s builds %s in %s, want %s in ./%s", project, project.variable("DOCKERFILE"), project.variable("FOLDER"), want.Dockerfile, want.Path)
				}
				if toldBy(build)["IMAGE"] != imageIn(first, service) || toldBy(build)["COMMIT"] != "#{Source.CommitId}" || !slices.Equal(inputs(build), []string{"Source"}) {
					fail("%s builds %v from %v, want %s from its own source", pipeline, toldBy(build), inputs(build), imageIn(first, service))
				}
				checks := a.project(pipeline.stack, gate)
				for _, command := range []string{`image check "$IMAGE"`, `image scan "$IMAGE" -service "$SERVICE"`, "syft"} {
					if !strings.Contains(checks.commands(), command) {
						fail("%s does not run %s", checks, command)
					}
				}
				if toldBy(gate)["IMAGE"] != imageIn(first, service) || toldBy(gate)["SERVICE"] != service || !slices.Equal(inputs(gate), []string{"Platform"}) || dig(gate, "OutputArtifacts/0/Name") != "Sbom" {
					fail("the gate of %s checks %v with the code of %v, want %s with ours", pipeline, toldBy(gate), inputs(gate), imageIn(first, service))
				}
				if !stages[1].retried || !stages[2].retried {
					fail("%s does not repeat a build or a gate that AWS failed", pipeline)
				}
			}
		}},
	{row: "P1", name: "what runs a service's own Dockerfile may push images of that service, and do nothing else", pipelines: true,
		check: func(a *assembly, fail failure) {
			first := a.promotions()[0]
			for _, service := range a.delivery.ServiceNames() {
				pipeline, stages := a.stagesOf("peakline-" + service)
				if len(stages) < 2 {
					continue // said above
				}
				project := a.project(pipeline.stack, stages[1].actions[0])
				role := a.target(project, "ServiceRole")
				if role.text("RoleName") != "peakline-delivery-build-"+service {
					fail("%s is %q, a name that no environment trusts", role, role.text("RoleName"))
				}
				bucket, key := a.all("AWS::S3::Bucket"), a.target(project, "EncryptionKey")
				var artifacts string
				for _, b := range bucket {
					if strings.HasPrefix(b.id, "Artifacts") && b.stack == pipeline.stack {
						artifacts = b.key() + ".Arn"
					}
				}
				log := a.target(project, "LogsConfig/CloudWatchLogs/GroupName").key() + ".Arn"
				folder := fmt.Sprintf("%s/peakline-%s*/Source/*", artifacts, service)
				if len("peakline-"+service) > 20 {
					folder = fmt.Sprintf("%s/%s*/Source/*", artifacts, ("peakline-" + service)[:20])
				}
				more := without(a.allowed(role), "logs:CreateLogStream on "+log, "logs:PutLogEvents on "+log, "kms:Decrypt on "+key.key()+".Arn",
					"s3:GetBucketLocation on "+artifacts, "s3:GetBucketVersioning on "+artifacts, "s3:GetObject on "+folder, "s3:GetObjectVersion on "+folder,
					"sts:AssumeRole on "+roleIn(first, "push-"+service))
				if len(more) > 0 {
					fail("%s runs what is not ours, and may %v", project, more)
				}
				if !slices.Equal(a.assumed(project), []string{roleIn(first, "push-"+service)}) {
					fail("%s acts as %v, want only the role that pushes %s", project, a.assumed(project), service)
				}
			}
		}},
	{row: "P1", name: "the pipeline alone reads GitHub: its builds are handed files", pipelines: true,
		check: func(a *assembly, fail failure) {
			s := a.stack("ServicePipelines")
			if s == nil {
				return // there are no services
			}
			a.checkConnections(s, fail, func(policy resource) []string {
				for _, service := range a.delivery.ServiceNames() {
					pipeline, _ := a.stagesOf("peakline-" + service)
					for _, attached := range policy.list("Roles") {
						if a.target(pipeline, "RoleArn").is(a.targetOf(policy.stack, attached)) {
							return []string{a.delivery.Services[service].Repository, a.delivery.Repository}
						}
					}
				}
				return nil
			})
		}},
	{row: "P2", name: "a service is released into one environment after the other, after a person agreed where the environment asks for it, with the commit in hand", pipelines: true,
		check: func(a *assembly, fail failure) {
			for _, service := range a.delivery.ServiceNames() {
				pipeline, stages := a.stagesOf("peakline-" + service)
				at := 3
				for _, environment := range a.promotions() {
					if environment.approval {
						if at >= len(stages) || dig(stages[at].actions[0], "ActionTypeId/Category") != "Approval" {
							fail("nobody approves the release of %s into %s", service, environment.Name)
							continue
						}
						approval := stages[at].actions[0]
						if link := dig(approval, "Configuration/ExternalEntityLink"); link != "https://github.com/"+a.delivery.Services[service].Repository+"/commit/#{Source.CommitId}" {
							fail("the approval of %s links to %v, want the commit", service, link)
						}
						if text, _ := dig(approval, "Configuration/CustomData").(string); !strings.Contains(text, "#{Gate.SUMMARY}") || stages[2].actions[0]["Namespace"] != "Gate" {
							fail("the approval of %s says %q, want what the gate found", service, text)
						}
						if topic := a.targetOf(pipeline.stack, dig(approval, "Configuration/NotificationArn")); topic.kind != "AWS::SNS::Topic" {
							fail("nobody hears that %s waits", service)
						}
						at++
					}
					if at >= len(stages) {
						fail("%s is not released into %s at its turn", service, environment.Name)
						continue
					}
					release := stages[at].actions[0]
					project := a.project(pipeline.stack, release)
					if project.variable("ENVIRONMENT") != environment.Name || !strings.Contains(project.commands(), `release start "$SERVICE" -env "$ENVIRONMENT" -image "$IMAGE"`) || toldBy(release)["SERVICE"] != service {
						fail("stage %s of %s does not release it into %s", stages[at].name, pipeline, environment.Name)
					}
					if stages[at].retried {
						fail("stage %s of %s releases again what was taken back: visitors meet the same fault twice", stages[at].name, pipeline)
					}
					at++
				}
				if pipeline.text("ExecutionMode") != "SUPERSEDED" || pipeline.isSet("RestartExecutionOnUpdate") {
					fail("%s lets an old commit overtake, or releases because it was deployed", pipeline)
				}
			}
		}},
	{row: "P6", name: "the very image that passed the gate is brought to each environment, by code of this repository, as a role of that environment", pipelines: true,
		check: func(a *assembly, fail failure) {
			first := a.promotions()[0]
			for _, service := range a.delivery.ServiceNames() {
				pipeline, stages := a.stagesOf("peakline-" + service)
				for _, environment := range a.promotions() {
					found := false
					for _, stage := range stages {
						for _, action := range stage.actions {
							project := a.project(pipeline.stack, action)
							if project.variable("ENVIRONMENT") != environment.Name {
								continue
							}
							found = true
							if toldBy(action)["FROM"] != imageIn(first, service) || toldBy(action)["IMAGE"] != imageIn(environment, service) || !slices.Equal(inputs(action), []string{"Platform"}) {
								fail("%s brings %v with the code of %v", pipeline, toldBy(action), inputs(action))
							}
							if copied, started := strings.Index(project.commands(), `image copy "$FROM" "$IMAGE"`), strings.Index(project.commands(), "release start"); copied < 0 || started < copied {
								fail("%s releases before the image is there", project)
							}
							want := []string{roleIn(first, "pull"), roleIn(environment, "release")}
							slices.Sort(want)
							if got := slices.Sorted(slices.Values(a.assumed(project))); !slices.Equal(got, want) {
								fail("%s acts as %v, want %v", project, got, want)
							}
							if name := a.target(project, "ServiceRole").text("RoleName"); name != "peakline-delivery-release-"+environment.Name {
								fail("%s is %q, a name that %s does not trust", project, name, environment.Name)
							}
						}
					}
					if !found {
						fail("%s is not brought to %s", service, environment.Name)
					}
				}
			}
		}},
	{row: "P6", name: "an environment lets single steps of the pipelines in, each to do its own: push one service, read images, release",
		check: func(a *assembly, fail failure) {
			into, first := a.delivery.Releases(a.environment.Name)
			want := map[string][]string{} // who is trusted, by role
			if into {
				want["release"] = []string{"release-" + a.environment.Name}
			}
			if first {
				want["pull"] = []string{"gate"}
				for _, next := range a.delivery.Environments {
					want["pull"] = append(want["pull"], "release-"+next.Name)
				}
				for _, service := range a.delivery.ServiceNames() {
					want["push-"+service] = []string{"build-" + service}
				}
			}
			for _, role := range a.all("AWS::IAM::Role") {
				purpose, named := strings.CutPrefix(role.text("RoleName"), "peakline-"+a.environment.Name+"-")
				if !named {
					continue
				}
				steps := want[purpose]
				if steps == nil {
					fail("%s is there for nobody", role)
				}
				delete(want, purpose)
				var trusted []string
				for _, s := range statementsOf(role, role.get("AssumeRolePolicyDocument")) {
					for _, step := range asList(dig(s.condition(), "ArnEquals/aws:PrincipalArn")) {
						trusted = append(trusted, strings.TrimPrefix(a.resolve(role.stack, step), "arn:aws:iam::"+a.delivery.Account+":role/peakline-delivery-"))
					}
				}
				if slices.Sort(steps); !slices.Equal(slices.Sorted(slices.Values(trusted)), steps) {
					fail("%s trusts %v, want %v", role, trusted, steps)
				}
			}
			for purpose := range want {
				fail("there is no role peakline-%s-%s: the pipelines' steps could not do their work", a.environment.Name, purpose)
			}
		}},
	{row: "P6", name: "who pushes writes one repository, who reads writes none, and who releases changes no stack but that of the services",
		check: func(a *assembly, fail failure) {
			repository := func(service string) string {
				found := a.where("AWS::ECR::Repository", "RepositoryName", "peakline-"+a.environment.Name+"/"+service)
				if len(found) != 1 {
					return ""
				}
				return found[0].key() + ".Arn"
			}
			for _, role := range a.all("AWS::IAM::Role") {
				purpose, named := strings.CutPrefix(role.text("RoleName"), "peakline-"+a.environment.Name+"-")
				if !named {
					continue
				}
				service, pushes := strings.CutPrefix(purpose, "push-")
				may := a.allowed(role)
				for _, one := range may {
					action, target, _ := strings.Cut(one, " on ")
					writes := slices.Contains([]string{"ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}, action)
					switch {
					case pushes && action != "ecr:GetAuthorizationToken" && (target != repository(service) || !strings.HasPrefix(action, "ecr:")):
						fail("%s may %s, which is more than to push %s", role, one, service)
					case purpose == "pull" && (writes || !strings.HasPrefix(action, "ecr:")):
						fail("%s may %s, which is more than to read", role, one)
					case strings.HasPrefix(action, "cloudformation:") && !strings.HasSuffix(target, ":stack/"+a.environment.Name+"-Services/*"):
						fail("%s may %s", role, one)
					case strings.HasPrefix(action, "iam:") || strings.HasPrefix(action, "sts:"):
						fail("%s may %s, and so become somebody else", role, one)
					}
				}
				for _, each := range a.delivery.ServiceNames() {
					if (purpose == "release" || purpose == "push-"+each) && !slices.Contains(may, "ecr:PutImage on "+repository(each)) {
						fail("%s cannot bring images of %s", role, each)
					}
					if purpose == "pull" && !slices.Contains(may, "ecr:DescribeImageScanFindings on "+repository(each)) {
						fail("%s cannot read what the scan of %s found", role, each)
					}
				}
			}
		}},
	{row: "S9", name: "nobody but a release writes the released image, and what a release calls is allowed to it",
		check: func(a *assembly, fail failure) {
			prefix := fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/peakline/%s/services/", a.environment.Region, a.environment.Account, a.environment.Name)
			for _, role := range a.all("AWS::IAM::Role") {
				releases := role.text("RoleName") == "peakline-"+a.environment.Name+"-release"
				may := a.allowed(role)
				for _, one := range may {
					if strings.HasPrefix(one, "ssm:PutParameter on "+prefix) && !releases {
						fail("%s may write what is released", role)
					}
				}
				if !releases {
					continue
				}
				for _, service := range a.delivery.ServiceNames() {
					want := []string{
						"cloudformation:UpdateStack on arn:aws:cloudformation:" + a.environment.Region + ":" + a.environment.Account + ":stack/" + a.environment.Name + "-Services/*",
						"cloudwatch:DescribeAlarms on *", "ssm:GetParameter on " + prefix + service + "/image", "ssm:PutParameter on " + prefix + service + "/image",
					}
					if a.environment.Services[service].Release == "codedeploy" {
						want = append(want, fmt.Sprintf("codedeploy:CreateDeployment on arn:aws:codedeploy:%s:%s:deploymentgroup:peakline-%s-%s/service",
							a.environment.Region, a.environment.Account, a.environment.Name, service), "ecs:DescribeTaskDefinition on *")
					}
					for _, repository := range a.where("AWS::ECR::Repository", "RepositoryName", "peakline-"+a.environment.Name+"/"+service) {
						want = append(want, "ecr:DescribeImages on "+repository.key()+".Arn")
					}
					if missing := without(want, may...); len(missing) > 0 {
						fail("%s cannot release %s: %v", role, service, missing)
					}
				}
			}
		}},
}
