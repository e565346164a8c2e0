package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"peakline/config"
)

// promotion is an environment on the way of a change.
type promotion struct {
	config.Environment
	approval bool
}

// promotions are those of the pipelines, in their order.
func (a *assembly) promotions() (all []promotion) {
	for _, next := range a.delivery.Environments {
		at := slices.IndexFunc(a.environments, func(e config.Environment) bool { return e.Name == next.Name })
		all = append(all, promotion{a.environments[at], next.Approval == config.ApprovalRequired})
	}
	return all
}

// stage is one of a pipeline, as declared.
type stage struct {
	name    string
	actions []map[string]any
	retried bool
}

// stagesOf are the stages of the only pipeline of a name.
func (a *assembly) stagesOf(name string) (pipeline resource, stages []stage) {
	found := a.where("AWS::CodePipeline::Pipeline", "Name", name)
	if len(found) != 1 {
		return resource{}, nil
	}
	for _, declared := range found[0].list("Stages") {
		one := stage{retried: dig(declared, "OnFailure/Result") == "RETRY"}
		one.name, _ = dig(declared, "Name").(string)
		for _, action := range asList(dig(declared, "Actions")) {
			one.actions = append(one.actions, action.(map[string]any))
		}
		stages = append(stages, one)
	}
	return found[0], stages
}

// project is the CodeBuild project that an action runs; the zero resource for another kind of action.
func (a *assembly) project(s *stack, action map[string]any) resource {
	if dig(action, "ActionTypeId/Provider") != "CodeBuild" {
		return resource{}
	}
	return a.targetOf(s, dig(action, "Configuration/ProjectName"))
}

// commands is the buildspec of a project as text.
func (r resource) commands() string { return r.text("Source/BuildSpec") }

// inputs are the artifacts that an action reads, in order.
func inputs(action map[string]any) (names []string) {
	for _, input := range asList(dig(action, "InputArtifacts")) {
		name, _ := dig(input, "Name").(string)
		names = append(names, name)
	}
	return names
}

// assumed are the roles that a project may take on.
func (a *assembly) assumed(project resource) (roles []string) {
	for _, s := range a.statements(a.target(project, "ServiceRole")) {
		if !s.allows() || !slices.Contains(s.actions(), "sts:AssumeRole") {
			continue
		}
		for _, target := range s.resources() {
			roles = append(roles, a.resolve(s.stack, target))
		}
	}
	return roles
}

// commandOf tells the projects of an environment apart.
var commandOf = map[string]string{"guard": "diff -deployed", "alarms": "release check", "deploy": "cdk deploy"}

const infrastructure = "peakline-infrastructure"

var deliveryRequirements = []requirement{
	{row: "P1", name: "the source is the configured branch on GitHub, through a connection that may read this repository only", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			if len(stages) == 0 {
				fail("there is no pipeline %s", infrastructure)
				return
			}
			source := stages[0].actions[0]
			if dig(source, "ActionTypeId/Provider") != "CodeStarSourceConnection" || dig(source, "Configuration/FullRepositoryId") != a.delivery.Repository || dig(source, "Configuration/BranchName") != a.delivery.Branch {
				fail("%s starts from %v, want %s of %s", pipeline, source["Configuration"], a.delivery.Branch, a.delivery.Repository)
			}
			if includes := pipeline.list("Triggers/0/GitConfiguration/Push/0/Branches/Includes"); !slices.Equal(includes, []any{a.delivery.Branch}) {
				fail("%s is started by pushes to %v, want %s alone", pipeline, includes, a.delivery.Branch)
			}
			a.checkConnections(pipeline.stack, fail, func(resource) []string { return []string{a.delivery.Repository} })
		}},
	{row: "P1", name: "everything is linted, tested and synthesized before anything is deployed, and what is deployed is that assembly", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			checked := false
			for _, one := range stages[min(1, len(stages)):] {
				for _, action := range one.actions {
					project := a.project(pipeline.stack, action)
					switch {
					case !project.exists():
					case strings.Contains(project.commands(), "bash .ci/run") && strings.Contains(project.commands(), "cdk synth"):
						checked = dig(action, "OutputArtifacts/0/Name") == "Assembly"
					case !checked:
						fail("%s runs %v before the check", pipeline, action["Name"])
					case strings.Contains(project.commands(), commandOf["alarms"]): // about what runs, not about what is to be deployed
					case !slices.Equal(inputs(action), []string{"Source", "Assembly"}):
						fail("%v of %s reads %v, want the source and the assembly that was checked", action["Name"], pipeline, inputs(action))
					}
				}
			}
			if !checked {
				fail("%s checks nothing, or does not pass on what it checked", pipeline)
			}
		}},
	{row: "P1", name: "builds run on arm64, log under a key of ours, end by themselves, and without a right that their step does not need", pipelines: true,
		check: func(a *assembly, fail failure) {
			for _, project := range a.all("AWS::CodeBuild::Project") {
				if project.text("Environment/Type") != "ARM_CONTAINER" {
					fail("%s runs in %v, want an arm64 container", project, project.get("Environment"))
				}
				if project.isSet("Environment/PrivilegedMode") != strings.Contains(project.commands(), "docker build") {
					fail("%s: privileged %v, want that for building images alone", project, project.get("Environment/PrivilegedMode"))
				}
				if group := a.target(project, "LogsConfig/CloudWatchLogs/GroupName"); group.get("KmsKeyId") == nil || project.get("EncryptionKey") == nil {
					fail("%s writes logs or artifacts without a key of ours", project)
				}
				for _, right := range a.allowed(a.target(project, "ServiceRole")) {
					if strings.HasPrefix(right, "s3:PutObject on ") && !strings.HasSuffix(right, "/*/Sbom/*") && !strings.HasSuffix(right, "/*/Assembly/*") {
						fail("%s may %s, and so change what later steps run", project, right)
					}
				}
				if minutes := project.number("TimeoutInMinutes"); minutes == 0 || minutes > 8*60 {
					fail("%s may run for %v minutes", project, minutes)
				}
				if check := strings.Contains(project.commands(), ".ci/run"); check && len(a.assumed(project)) > 0 {
					fail("%s runs the code of every contributor and may act in an account", project)
				}
			}
		}},
	{row: "P2", name: "the pipelines update themselves first, and start over when they changed", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			if len(stages) < 3 || !strings.Contains(a.project(pipeline.stack, stages[2].actions[0]).commands(), "'delivery/*'") {
				fail("%s deploys environments before itself: a new environment would wait for the next commit", pipeline)
			}
			if pipeline.get("RestartExecutionOnUpdate") != true {
				fail("%s goes on with the stages that it had before", pipeline)
			}
			if pipeline.text("ExecutionMode") != "SUPERSEDED" {
				fail("%s lets an old commit overtake: %q", pipeline, pipeline.text("ExecutionMode"))
			}
		}},
	{row: "P2", name: "each environment is compared with what is deployed, and the guard's failure ends the execution before a person or the deployment", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			for n, environment := range a.promotions() {
				at := 3 + 2*n
				if at+1 >= len(stages) {
					fail("%s does not deploy %s at its turn", pipeline, environment.Name)
					continue
				}
				guard := a.project(pipeline.stack, stages[at].actions[0])
				if guard.variable("ENVIRONMENT") != environment.Name || !strings.Contains(guard.commands(), commandOf["guard"]) || !strings.Contains(guard.commands(), `exit "$code"`) {
					fail("stage %s does not begin with the guard of %s", stages[at].name, environment.Name)
				}
				deploy := a.project(pipeline.stack, stages[at+1].actions[len(stages[at+1].actions)-1])
				if deploy.variable("ENVIRONMENT") != environment.Name || !strings.Contains(deploy.commands(), commandOf["deploy"]) || !stages[at+1].retried {
					fail("stage %s does not deploy %s, with a retry", stages[at+1].name, environment.Name)
				}
				if stages[at].retried {
					fail("stage %s asks a person again who said no", stages[at].name)
				}
			}
		}},
	{row: "P2", name: "a person approves what goes to production, with the diff in hand, and hears of it", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			for n, environment := range a.promotions() {
				if 3+2*n >= len(stages) {
					continue // the row above says so
				}
				review := stages[3+2*n]
				approvals := slices.DeleteFunc(slices.Clone(review.actions), func(action map[string]any) bool { return dig(action, "ActionTypeId/Category") != "Approval" })
				if len(approvals) > 0 != environment.approval {
					fail("stage %s has %d approvals, want one: %t", review.name, len(approvals), environment.approval)
					continue
				}
				for _, approval := range approvals {
					namespace, _ := review.actions[0]["Namespace"].(string)
					link, _ := dig(approval, "Configuration/ExternalEntityLink").(string)
					if namespace == "" || link != "#{"+namespace+".DIFF_URL}" {
						fail("the approval of %s links to %q, want the diff of its guard", environment.Name, link)
					}
					if topic := a.targetOf(pipeline.stack, dig(approval, "Configuration/NotificationArn")); topic.kind != "AWS::SNS::Topic" {
						fail("nobody hears that %s waits", environment.Name)
					}
					if order, _ := approval["RunOrder"].(float64); order < 2 {
						fail("the approval of %s does not wait for the diff", environment.Name)
					}
				}
			}
		}},
	{row: "P5", name: "a deployment by the pipeline waits for the release alarms of its environment, and does not start while one fires", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			for n, environment := range a.promotions() {
				if 4+2*n >= len(stages) {
					continue // P2 says so
				}
				deploy := stages[4+2*n]
				asks := a.project(pipeline.stack, deploy.actions[0])
				if asks.variable("ENVIRONMENT") != environment.Name || asks.variable("REGION") != environment.Region || !strings.Contains(asks.commands(), commandOf["alarms"]) {
					fail("stage %s does not begin with the alarms of %s", deploy.name, environment.Name)
				}
				if role := a.resolve(asks.stack, asks.variable("LOOKUP_ROLE")); !slices.Equal(a.assumed(asks), []string{role}) {
					fail("%s reads the alarms as %q, which it may not", asks, role)
				}
				first, _ := deploy.actions[0]["RunOrder"].(float64)
				if last, _ := deploy.actions[len(deploy.actions)-1]["RunOrder"].(float64); first >= last {
					fail("stage %s deploys without waiting for the alarms", deploy.name)
				}
			}
		}},
	{row: "P6", name: "a step reaches the accounts of its environment alone, as the roles that cdk bootstrap makes there", pipelines: true,
		check: func(a *assembly, fail failure) {
			for _, environment := range a.promotions() {
				for step, purposes := range map[string][]string{"guard": {"lookup"}, "alarms": {"lookup"}, "deploy": {"deploy", "file-publishing", "lookup"}} {
					projects := slices.DeleteFunc(a.all("AWS::CodeBuild::Project"), func(project resource) bool {
						return project.stack.id != "Infrastructure" || project.variable("ENVIRONMENT") != environment.Name || !strings.Contains(project.commands(), commandOf[step])
					})
					if len(projects) != 1 {
						fail("%d projects are the %s of %s", len(projects), step, environment.Name)
						continue
					}
					var want []string
					for _, place := range environment.Places() {
						if step == "alarms" && place.Region != environment.Region {
							continue // releases happen in one region
						}
						for _, purpose := range purposes {
							want = append(want, fmt.Sprintf("arn:aws:iam::%s:role/cdk-hnb659fds-%s-role-%[1]s-%[3]s", place.Account, purpose, place.Region))
						}
					}
					got := a.assumed(projects[0])
					slices.Sort(want)
					slices.Sort(got)
					if !slices.Equal(got, want) {
						fail("%s may take on %v, want %v", projects[0], got, want)
					}
				}
			}
		}},
}

// variable is one of a project's environment, as it stands in the template.
func (r resource) variable(name string) any {
	for _, variable := range r.list("Environment/EnvironmentVariables") {
		if dig(variable, "Name") == name {
			return dig(variable, "Value")
		}
	}
	return nil
}

// checkConnections holds what the roles of a stack may read through the connection against the repositories that are theirs.
func (a *assembly) checkConnections(in *stack, fail failure, repositories func(policy resource) []string) {
	for _, s := range a.identityStatements() {
		if s.stack != in || !slices.Contains(s.actions(), "codeconnections:UseConnection") {
			continue
		}
		got, want := texts(dig(s.condition(), "StringEquals/codeconnections:FullRepositoryId")), repositories(s.where)
		slices.Sort(got)
		slices.Sort(want)
		if len(got) == 0 || !slices.Equal(got, slices.Compact(want)) {
			fail("%s may read %v through the connection, want %v", s.where, got, want)
		}
	}
}

// Otherwise the first deployment that needs the place would fail.
func TestEveryStackStandsWhereThePipelineMayDeployIt(t *testing.T) {
	for _, a := range synthesized(t).assemblies {
		if a.pipelines {
			continue
		}
		for _, s := range a.stacks {
			if !slices.Contains(a.environment.Places(), config.Place{Account: s.account, Region: s.region}) {
				t.Errorf("%s stands in %s/%s, which config.Environment.Places does not name", s.name, s.account, s.region)
			}
		}
	}
}
