package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// promoted are the environments of config/delivery.yaml, in its order, and the accounts and regions in which their stacks stand.
var promoted = []promotion{
	{"dev", false, []string{"111111111111/eu-west-1"}},
	{"staging", true, []string{"222222222222/eu-west-1", "222222222222/eu-central-1", "222222222222/us-east-1"}},
	{"prod", true, []string{"333333333333/eu-west-1", "333333333333/eu-central-1", "333333333333/us-east-1"}},
}

type promotion struct {
	name     string
	approval bool
	places   []string // "account/region"
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
var commandOf = map[string]string{"guard": "diff -deployed", "deploy": "cdk deploy"}

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
			if dig(source, "ActionTypeId/Provider") != "CodeStarSourceConnection" || dig(source, "Configuration/FullRepositoryId") != "example/peakline" || dig(source, "Configuration/BranchName") != "main" {
				fail("%s starts from %v, want the main branch of example/peakline", pipeline, source["Configuration"])
			}
			if includes := pipeline.list("Triggers/0/GitConfiguration/Push/0/Branches/Includes"); !slices.Equal(includes, []any{"main"}) {
				fail("%s is started by pushes to %v, want main alone", pipeline, includes)
			}
			for _, s := range a.identityStatements() {
				if slices.Contains(s.actions(), "codeconnections:UseConnection") && dig(s.condition(), "StringEquals/codeconnections:FullRepositoryId") != "example/peakline" {
					fail("%s may read every repository of the connection", s.where)
				}
			}
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
				if project.text("Environment/Type") != "ARM_CONTAINER" || project.isSet("Environment/PrivilegedMode") {
					fail("%s runs in %v, want an arm64 container without privileges", project, project.get("Environment"))
				}
				if group := a.target(project, "LogsConfig/CloudWatchLogs/GroupName"); group.get("KmsKeyId") == nil || project.get("EncryptionKey") == nil {
					fail("%s writes logs or artifacts without a key of ours", project)
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
			for n, environment := range promoted {
				at := 3 + 2*n
				if at+1 >= len(stages) {
					fail("%s does not deploy %s at its turn", pipeline, environment.name)
					continue
				}
				guard := a.project(pipeline.stack, stages[at].actions[0])
				if guard.variable("ENVIRONMENT") != environment.name || !strings.Contains(guard.commands(), commandOf["guard"]) || !strings.Contains(guard.commands(), `exit "$code"`) {
					fail("stage %s does not begin with the guard of %s", stages[at].name, environment.name)
				}
				deploy := a.project(pipeline.stack, stages[at+1].actions[0])
				if deploy.variable("ENVIRONMENT") != environment.name || !strings.Contains(deploy.commands(), commandOf["deploy"]) || !stages[at+1].retried {
					fail("stage %s does not deploy %s, with a retry", stages[at+1].name, environment.name)
				}
				if stages[at].retried {
					fail("stage %s asks a person again who said no", stages[at].name)
				}
			}
		}},
	{row: "P2", name: "a person approves what goes to production, with the diff in hand, and hears of it", pipelines: true,
		check: func(a *assembly, fail failure) {
			pipeline, stages := a.stagesOf(infrastructure)
			for n, environment := range promoted {
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
						fail("the approval of %s links to %q, want the diff of its guard", environment.name, link)
					}
					if topic := a.targetOf(pipeline.stack, dig(approval, "Configuration/NotificationArn")); topic.kind != "AWS::SNS::Topic" {
						fail("nobody hears that %s waits", environment.name)
					}
					if order, _ := approval["RunOrder"].(float64); order < 2 {
						fail("the approval of %s does not wait for the diff", environment.name)
					}
				}
			}
		}},
	{row: "P6", name: "a step reaches the accounts of its environment alone, as the roles that cdk bootstrap makes there", pipelines: true,
		check: func(a *assembly, fail failure) {
			for _, environment := range promoted {
				for step, purposes := range map[string][]string{"guard": {"lookup"}, "deploy": {"deploy", "file-publishing", "lookup"}} {
					projects := slices.DeleteFunc(a.all("AWS::CodeBuild::Project"), func(project resource) bool {
						return project.variable("ENVIRONMENT") != environment.name || !strings.Contains(project.commands(), commandOf[step])
					})
					if len(projects) != 1 {
						fail("%d projects are the %s of %s", len(projects), step, environment.name)
						continue
					}
					var want []string
					for _, place := range environment.places {
						account, region, _ := strings.Cut(place, "/")
						for _, purpose := range purposes {
							want = append(want, fmt.Sprintf("arn:aws:iam::%s:role/cdk-hnb659fds-%s-role-%[1]s-%[3]s", account, purpose, region))
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

// variable is one of a project's environment.
func (r resource) variable(name string) string {
	for _, variable := range r.list("Environment/EnvironmentVariables") {
		if dig(variable, "Name") == name {
			value, _ := dig(variable, "Value").(string)
			return value
		}
	}
	return ""
}

// Otherwise the first deployment that needs the place would fail.
func TestEveryStackStandsWhereThePipelineMayDeployIt(t *testing.T) {
	for _, a := range synthesized(t).assemblies {
		i := slices.IndexFunc(promoted, func(p promotion) bool { return p.name == a.environment.Name })
		if !a.shipped || i < 0 {
			continue
		}
		for _, s := range a.stacks {
			if place := s.account + "/" + s.region; !slices.Contains(promoted[i].places, place) {
				t.Errorf("%s stands in %s, which config.Environment.Places does not name", s.name, place)
			}
		}
	}
}
