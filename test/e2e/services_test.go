package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const (
	productionPort = 443
	testPort       = 8443
)

// paths are those of config/testdata/services.yaml, by service, in the order of the priorities.
var paths = map[string][]string{
	"catalog":   {"/api/catalog", "/api/catalog/*"},
	"order":     {"/api/orders", "/api/orders/*", "/api/cart", "/api/cart/*"},
	"payment":   {"/api/payments", "/api/payments/*"},
	"user":      {"/api/users", "/api/users/*"},
	"inventory": {"/api/inventory", "/api/inventory/*", "/ws/erp"},
}

var priorities = map[string]string{"catalog": "100", "order": "200", "payment": "300", "user": "400", "inventory": "500"}

// schemas are those of its services.
var schemas = map[string]string{"catalog": "catalog", "order": "orders", "payment": "payments", "user": "users", "inventory": "inventory"}

// subscriptions are the domain events that each service receives.
var subscriptions = map[string][]string{
	"catalog":   {"stock_changed"},
	"order":     {"payment_accepted", "payment_declined"},
	"payment":   {"order_placed"},
	"inventory": {"order_placed", "order_cancelled"},
}

// TestServices follows the shop through its life: deployed, released, joined by a sixth service, changed, and moved from one
// kind of release to the other.
func TestServices(t *testing.T) {
	account := startEmulator(t)
	shop := readFile(t, filepath.Join(repository, "config", "environments", "local.yaml")) + `
events:
  - {name: sale, start: "2126-11-27T00:00", end: "2126-11-28T00:00", timeZone: Europe/Berlin, floors: {tasks: {catalog: 3}}}
`
	catalogue := "\nservices:\n  payment: {release: codedeploy}\n  catalog: {scaling: {max: 4}, migration: {command: [migrate, up]}}\n"
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := func(t *testing.T, file string, more ...string) (output string, err error) {
		t.Helper()
		return account.cdk(t, append([]string{"deploy", "local/*", "--require-approval", "never", "--concurrency", "4", "--app", account.synth(t, file)}, more...)...)
	}
	mustDeploy := func(t *testing.T, file string, more ...string) (output string) {
		t.Helper()
		output, err := deploy(t, file, more...)
		if err != nil {
			t.Fatalf("deploy: %v\n%s", err, output)
		}
		return output
	}
	mustDeploy(t, shop+catalogue)

	step(t, "five services run the placeholder, each under its own kind of release", func(t *testing.T) {
		services := account.services(t)
		if len(services) != len(paths) {
			t.Errorf("services %v, want %d", services, len(paths))
		}
		for name := range paths {
			service := services[name]
			controller := "ECS"
			if service.DeploymentController != nil {
				controller = string(service.DeploymentController.Type)
			}
			want := map[bool]string{true: "CODE_DEPLOY", false: "ECS"}[name == "payment"]
			if controller != want {
				t.Errorf("%s is under %s, want %s", name, controller, want)
			}
			container := account.container(t, service)
			if !strings.Contains(aws.ToString(container.Image), "hashicorp/http-echo") {
				t.Errorf("%s runs %s before its first release, want the placeholder", name, aws.ToString(container.Image))
			}
			if !aws.ToBool(container.ReadonlyRootFilesystem) || aws.ToString(container.User) != "65532:65532" {
				t.Errorf("%s may write its file system, or is root", name)
			}
		}
	})

	step(t, "each task has a pooler in front of the database, with the login of its service, and waits for it", func(t *testing.T) {
		clusters, err := rds.NewFromConfig(account.config()).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
		if err != nil || len(clusters.DBClusters) != 1 {
			t.Fatalf("%d clusters, %v", len(clusters.DBClusters), err)
		}
		writer, reader := aws.ToString(clusters.DBClusters[0].Endpoint), aws.ToString(clusters.DBClusters[0].ReaderEndpoint)
		for name, service := range account.services(t) {
			containers := account.containers(t, service)
			beside := slices.IndexFunc(containers, func(c ecstypes.ContainerDefinition) bool { return aws.ToString(c.Name) == "pooler" })
			if beside < 0 {
				t.Errorf("%s has no pooler among %d containers", name, len(containers))
				continue
			}
			pooler := containers[beside]
			if !waitsFor(containers[0], "pooler", ecstypes.ContainerConditionHealthy) {
				t.Errorf("%s starts after %v, want its healthy pooler", name, containers[0].DependsOn)
			}
			variables := variablesOf(pooler)
			want := "host=" + reader + "," + reader + " "
			if name == "payment" {
				want = "host=" + writer + " "
			}
			if !strings.HasPrefix(variables["POOLER_WRITER"], "host="+writer+" ") || !strings.HasPrefix(variables["POOLER_READER"], want) {
				t.Errorf("the pooler of %s leads to %q and %q", name, variables["POOLER_WRITER"], variables["POOLER_READER"])
			}
			for _, secret := range pooler.Secrets {
				id, _, _ := strings.Cut(aws.ToString(secret.ValueFrom), ":username")
				id, _, _ = strings.Cut(id, ":password")
				value, err := secretsmanager.NewFromConfig(account.config()).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
				if err != nil || !strings.Contains(aws.ToString(value.SecretString), schemas[name]+"_service") {
					t.Errorf("the pooler of %s logs in with %s (%v), want the role %s_service", name, id, err, schemas[name])
				}
			}
			if url := account.variables(t, service)["DATABASE_READER_URL"]; url != "postgres://service@localhost:6432/ro?sslmode=disable" {
				t.Errorf("%s reads from %q", name, url)
			}
		}
	})

	step(t, "callers find the name of a service under ECS, and the internal load balancer for one under CodeDeploy", func(t *testing.T) {
		variables := account.variables(t, account.services(t)["order"])
		if variables["INVENTORY_URL"] != "http://inventory" {
			t.Errorf("order calls inventory at %q", variables["INVENTORY_URL"])
		}
		inside := account.balancer(t, elbtypes.LoadBalancerTypeEnumNetwork)
		if want := "https://api.shop.example.com"; variables["PAYMENT_URL"] != want || inside.Scheme != elbtypes.LoadBalancerSchemeEnumInternal {
			t.Errorf("order calls payment at %q, want %s, which is %s", variables["PAYMENT_URL"], want, inside.Scheme)
		}
		if to := account.aliases(t, true)["api.shop.example.com.A"]; !strings.Contains(to, aws.ToString(inside.DNSName)) {
			t.Errorf("inside, the load balancer's name leads to %q, want %s", to, aws.ToString(inside.DNSName))
		}
		public := account.balancer(t, elbtypes.LoadBalancerTypeEnumApplication)
		for _, port := range []int32{productionPort, testPort} {
			group := account.listener(t, inside, port).DefaultActions[0].TargetGroupArn
			health, err := elasticloadbalancingv2.NewFromConfig(account.config()).DescribeTargetHealth(t.Context(), &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: group})
			if err != nil {
				t.Fatal(err)
			}
			if len(health.TargetHealthDescriptions) != 1 || aws.ToString(health.TargetHealthDescriptions[0].Target.Id) != aws.ToString(public.LoadBalancerArn) ||
				aws.ToInt32(health.TargetHealthDescriptions[0].Target.Port) != port {
				t.Errorf("port %d leads inside to %v, want that of the load balancer", port, health.TargetHealthDescriptions)
			}
		}
	})

	step(t, "each service has its paths and priority on both listeners, its traffic on blue, and health checks on both colours", func(t *testing.T) {
		for _, port := range []int32{productionPort, testPort} {
			rules := account.rules(t, port)
			if len(rules) != len(paths) {
				t.Errorf("%d rules on port %d, want %d", len(rules), port, len(paths))
			}
			for name, want := range paths {
				rule := rules[name]
				if got := rule.Conditions; len(got) != 1 || !slices.Equal(slices.Sorted(slices.Values(got[0].PathPatternConfig.Values)), slices.Sorted(slices.Values(want))) {
					t.Errorf("%s has the conditions %v on port %d, want %v", name, got, port, want)
				}
				if aws.ToString(rule.Priority) != priorities[name] {
					t.Errorf("%s has priority %s on port %d, want %s", name, aws.ToString(rule.Priority), port, priorities[name])
				}
				if blue, green := weights(rule); blue != 100 || green != 0 {
					t.Errorf("%s has weights %d and %d, want all traffic on blue", name, blue, green)
				}
				for _, group := range account.groups(t, rule) {
					if aws.ToString(group.HealthCheckPath) != "/health" || group.TargetType != elbtypes.TargetTypeEnumIp {
						t.Errorf("%s checks the health of %s at %q", name, group.TargetType, aws.ToString(group.HealthCheckPath))
					}
				}
			}
		}
	})

	step(t, "releases are tried through the test listener by a function inside, and watched in both colours by three alarms", func(t *testing.T) {
		function := account.function(t, "PEAKLINE_TEST_URL")
		if url, want := function.Environment.Variables["PEAKLINE_TEST_URL"], fmt.Sprintf("https://api.shop.example.com:%d", testPort); url != want {
			t.Errorf("releases are tried at %s, want %s", url, want)
		}
		if function.VpcConfig == nil || len(function.VpcConfig.SecurityGroupIds) != 1 {
			t.Errorf("%s is not inside the VPC: %+v", aws.ToString(function.FunctionName), function.VpcConfig)
		}
		for name := range paths {
			groups := map[string]bool{}
			for _, kind := range []string{"errors", "latency", "unhealthy"} {
				found, err := cloudwatch.NewFromConfig(account.config()).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"local-release-" + kind + "-" + name}})
				if err != nil || len(found.MetricAlarms) != 1 {
					t.Fatalf("releases of %s are not watched for %s: %v", name, kind, err)
				}
				for _, query := range found.MetricAlarms[0].Metrics {
					if query.MetricStat == nil {
						continue
					}
					for _, dimension := range query.MetricStat.Metric.Dimensions {
						if aws.ToString(dimension.Name) == "TargetGroup" {
							groups[aws.ToString(dimension.Value)] = true
						}
					}
				}
			}
			for _, group := range account.rules(t, productionPort)[name].Actions[0].ForwardConfig.TargetGroups {
				_, id, _ := strings.Cut(aws.ToString(group.TargetGroupArn), ":targetgroup/")
				if !groups["targetgroup/"+id] || len(groups) != 2 {
					t.Errorf("releases of %s are watched in %v, want %s too", name, groups, id)
				}
			}
		}
	})

	step(t, "CodeDeploy has the pair of target groups, both listeners and the service that it releases", func(t *testing.T) {
		found, err := codedeploy.NewFromConfig(account.config()).GetDeploymentGroup(t.Context(), &codedeploy.GetDeploymentGroupInput{
			ApplicationName: aws.String("peakline-local-payment"), DeploymentGroupName: aws.String("service")})
		if err != nil {
			t.Fatal(err)
		}
		group, service := found.DeploymentGroupInfo, account.services(t)["payment"]
		if len(group.EcsServices) != 1 || aws.ToString(group.EcsServices[0].ServiceName) != aws.ToString(service.ServiceName) {
			t.Errorf("CodeDeploy releases %+v, want %s", group.EcsServices, aws.ToString(service.ServiceName))
		}
		public := account.balancer(t, elbtypes.LoadBalancerTypeEnumApplication)
		pair := group.LoadBalancerInfo.TargetGroupPairInfoList[0]
		if len(pair.TargetGroups) != 2 || pair.ProdTrafficRoute.ListenerArns[0] != aws.ToString(account.listener(t, public, productionPort).ListenerArn) ||
			pair.TestTrafficRoute.ListenerArns[0] != aws.ToString(account.listener(t, public, testPort).ListenerArn) {
			t.Errorf("CodeDeploy moves the traffic of %+v", pair)
		}
		if !group.AutoRollbackConfiguration.Enabled {
			t.Error("CodeDeploy leaves a faulty release where it is")
		}
	})

	step(t, "tasks follow CPU and the requests of both colours, and are more from the lead of a planned peak until its end", func(t *testing.T) {
		client := applicationautoscaling.NewFromConfig(account.config())
		policies, err := client.DescribeScalingPolicies(t.Context(), &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
		if err != nil {
			t.Fatal(err)
		}
		services, rules := account.services(t), account.rules(t, productionPort)
		for name := range paths {
			var followed []string
			for _, policy := range policies.ScalingPolicies {
				if !strings.HasSuffix(aws.ToString(policy.ResourceId), "/"+aws.ToString(services[name].ServiceName)) {
					continue
				}
				tracked := policy.TargetTrackingScalingPolicyConfiguration
				if tracked.PredefinedMetricSpecification != nil {
					followed = append(followed, string(tracked.PredefinedMetricSpecification.PredefinedMetricType))
					continue
				}
				for _, metric := range tracked.CustomizedMetricSpecification.Metrics {
					if metric.MetricStat == nil {
						continue
					}
					for _, dimension := range metric.MetricStat.Metric.Dimensions {
						for colour, group := range account.groups(t, rules[name]) {
							if strings.HasSuffix(aws.ToString(group.TargetGroupArn), ":"+aws.ToString(dimension.Value)) {
								followed = append(followed, colour)
							}
						}
					}
				}
			}
			slices.Sort(followed)
			if !slices.Equal(followed, []string{"ECSServiceAverageCPUUtilization", "blue", "green"}) {
				t.Errorf("%s follows %v, want CPU and the requests of blue and green", name, followed)
			}
		}
		actions, err := client.DescribeScheduledActions(t.Context(), &applicationautoscaling.DescribeScheduledActionsInput{ServiceNamespace: scalingtypes.ServiceNamespaceEcs})
		if err != nil {
			t.Fatal(err)
		}
		var planned []string
		for _, action := range actions.ScheduledActions {
			if strings.HasSuffix(aws.ToString(action.ResourceId), "/"+aws.ToString(services["catalog"].ServiceName)) {
				planned = append(planned, fmt.Sprintf("%s from %s: %d", aws.ToString(action.Schedule),
					aws.ToTime(action.StartTime).UTC().Format("02T15:04"), aws.ToInt32(action.ScalableTargetAction.MinCapacity)))
			}
		}
		slices.Sort(planned)
		// Midnight in Berlin is 23:00 UTC in November; the floor leads by half an hour.
		if want := []string{"at(2126-11-27T23:00:00) from 01T00:00: 1", "rate(5 minutes) from 26T22:30: 3"}; !slices.Equal(planned, want) {
			t.Errorf("the tasks of catalog are planned as %v, want %v", planned, want)
		}
	})

	step(t, "the bus has a rule, a queue and a dead-letter queue for each subscriber, and an archive", func(t *testing.T) {
		client := eventbridge.NewFromConfig(account.config())
		rules, err := client.ListRules(t.Context(), &eventbridge.ListRulesInput{EventBusName: aws.String("peakline-local")})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for name, events := range subscriptions {
			for _, rule := range rules.Rules {
				if aws.ToString(rule.Description) != "Domain events that "+name+" receives" {
					continue
				}
				found++
				for _, event := range events {
					if !strings.Contains(aws.ToString(rule.EventPattern), `"`+event+`"`) {
						t.Errorf("%s receives %s, want %v", name, aws.ToString(rule.EventPattern), events)
					}
				}
				targets, err := client.ListTargetsByRule(t.Context(), &eventbridge.ListTargetsByRuleInput{Rule: rule.Name, EventBusName: rule.EventBusName})
				if err != nil {
					t.Fatal(err)
				}
				target := targets.Targets[0]
				queue := account.queue(t, target.Arn)
				if target.DeadLetterConfig == nil || !strings.Contains(queue["RedrivePolicy"], aws.ToString(target.DeadLetterConfig.Arn)) {
					t.Errorf("what %s cannot receive or handle is lost: %v, %s", name, target.DeadLetterConfig, queue["RedrivePolicy"])
				}
				if queue["KmsMasterKeyId"] == "" {
					t.Errorf("the queue of %s is not encrypted with a key of ours", name)
				}
			}
		}
		if found != len(subscriptions) {
			t.Errorf("%d of %d subscribers are fed", found, len(subscriptions))
		}
		archives, err := client.ListArchives(t.Context(), &eventbridge.ListArchivesInput{})
		if err != nil {
			t.Fatal(err)
		}
		if len(archives.Archives) != 1 || !strings.HasSuffix(aws.ToString(archives.Archives[0].EventSourceArn), "/peakline-local") {
			t.Errorf("archives %v, want one of the bus", archives.Archives)
		}
	})

	step(t, "the schedule starts the inventory's image every five minutes and keeps what could not be started", func(t *testing.T) {
		client := scheduler.NewFromConfig(account.config())
		listed, err := client.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{})
		if err != nil {
			t.Fatal(err)
		}
		if len(listed.Schedules) != 1 {
			t.Fatalf("%d schedules, want one", len(listed.Schedules))
		}
		schedule, err := client.GetSchedule(t.Context(), &scheduler.GetScheduleInput{Name: listed.Schedules[0].Name, GroupName: listed.Schedules[0].GroupName})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(schedule.ScheduleExpression) != "rate(5 minutes)" || schedule.Target.DeadLetterConfig == nil {
			t.Errorf("the schedule is %s with dead letters in %v", aws.ToString(schedule.ScheduleExpression), schedule.Target.DeadLetterConfig)
		}
		task, err := ecs.NewFromConfig(account.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: schedule.Target.EcsParameters.TaskDefinitionArn})
		if err != nil {
			t.Fatal(err)
		}
		if got := variablesOf(task.TaskDefinition.ContainerDefinitions[0])["SERVICE"]; got != "inventory" {
			t.Errorf("the schedule starts the image of %q", got)
		}
	})

	step(t, "services that read flags have the agent, and AppConfig has a profile without a value", func(t *testing.T) {
		for name, service := range account.services(t) {
			task, err := ecs.NewFromConfig(account.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: service.TaskDefinition})
			if err != nil {
				t.Fatal(err)
			}
			beside := slices.ContainsFunc(task.TaskDefinition.ContainerDefinitions, func(c ecstypes.ContainerDefinition) bool { return aws.ToString(c.Name) == "flags" })
			if got := variablesOf(task.TaskDefinition.ContainerDefinitions[0])["FLAGS_URL"]; !beside || got != "http://127.0.0.1:2772/applications/peakline-local/environments/local/configurations/flags" {
				t.Errorf("%s asks %q for its flags, with an agent: %t", name, got, beside)
			}
		}
		resources, err := cloudformation.NewFromConfig(account.config()).DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: aws.String("local-FeatureFlags")})
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]*string{}
		for _, resource := range resources.StackResources {
			ids[aws.ToString(resource.ResourceType)] = resource.PhysicalResourceId
		}
		client := appconfig.NewFromConfig(account.config())
		profile, err := client.GetConfigurationProfile(t.Context(), &appconfig.GetConfigurationProfileInput{
			ApplicationId: ids["AWS::AppConfig::Application"], ConfigurationProfileId: ids["AWS::AppConfig::ConfigurationProfile"]})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(profile.Type) != "AWS.AppConfig.FeatureFlags" {
			t.Errorf("the profile is of type %s: no value is checked", aws.ToString(profile.Type))
		}
		if version, err := client.GetHostedConfigurationVersion(t.Context(), &appconfig.GetHostedConfigurationVersionInput{
			ApplicationId: ids["AWS::AppConfig::Application"], ConfigurationProfileId: ids["AWS::AppConfig::ConfigurationProfile"], VersionNumber: aws.Int32(1)}); err == nil {
			t.Errorf("a deployment wrote the flags: %s", version.Content)
		}
	})

	step(t, "each task has a collector that starts first, and a role that may send spans", func(t *testing.T) {
		for name, service := range account.services(t) {
			task, err := ecs.NewFromConfig(account.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: service.TaskDefinition})
			if err != nil {
				t.Fatal(err)
			}
			containers := task.TaskDefinition.ContainerDefinitions
			if got := variablesOf(containers[0])["OTEL_SERVICE_NAME"]; got != "local-"+name {
				t.Errorf("%s is called %q in traces", name, got)
			}
			beside := slices.IndexFunc(containers, func(c ecstypes.ContainerDefinition) bool { return aws.ToString(c.Name) == "collector" })
			if beside < 0 || !strings.Contains(variablesOf(containers[beside])["AOT_CONFIG_CONTENT"], "traces_endpoint: https://xray.") {
				t.Errorf("%s has no collector among %d containers", name, len(containers))
			}
			if !waitsFor(containers[0], "collector", ecstypes.ContainerConditionStart) {
				t.Errorf("%s starts before its collector: %v", name, containers[0].DependsOn)
			}
		}
	})

	step(t, "before a release the function starts the migration with the service's image, once, in the group that reaches the database", func(t *testing.T) {
		function, release := account.function(t, "PEAKLINE_MIGRATION"), "arn:aws:ecs:us-east-1:123456789012:service-deployment/shop/catalog/one"
		started := map[string]bool{}
		for range 2 { // AWS may call twice
			answer, err := lambda.NewFromConfig(account.config()).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: function.FunctionName,
				Payload: []byte(`{"lifecycleStage":"PRE_SCALE_UP","resourceArn":"` + release + `"}`)})
			if err != nil {
				t.Fatal(err)
			}
			var verdict struct {
				HookStatus  string
				HookDetails struct{ Started string }
			}
			if err := json.Unmarshal(answer.Payload, &verdict); err != nil || verdict.HookStatus != "IN_PROGRESS" {
				t.Fatalf("ECS hears %s (%v), want to call again", answer.Payload, err)
			}
			started[verdict.HookDetails.Started] = true
		}
		if len(started) != 1 {
			t.Errorf("two calls for one release started the migrations %v", started)
		}
		service := account.services(t)["catalog"]
		for task := range started {
			found, err := ecs.NewFromConfig(account.config()).DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: service.ClusterArn, Tasks: []string{task}})
			if err != nil || len(found.Tasks) != 1 {
				t.Fatalf("the migration %s is not there: %v", task, err)
			}
			described, err := ecs.NewFromConfig(account.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: found.Tasks[0].TaskDefinitionArn})
			if err != nil {
				t.Fatal(err)
			}
			container := described.TaskDefinition.ContainerDefinitions[0]
			if aws.ToString(container.Image) != aws.ToString(account.container(t, service).Image) || variablesOf(container)["PGOPTIONS"] != "-c lock_timeout=5000 -c statement_timeout=300000" {
				t.Errorf("the migration runs %s with %v", aws.ToString(container.Image), variablesOf(container))
			}
		}
	})

	step(t, "a release runs its image with its own command, and is recorded", func(t *testing.T) {
		if output, err := account.peakline(t, "release", "start", "order", "-env", "local", "-image", "example.com/order:1"); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		container := account.container(t, account.services(t)["order"])
		if aws.ToString(container.Image) != "example.com/order:1" || len(container.Command) != 0 || !strings.Contains(strings.Join(container.HealthCheck.Command, " "), "/health") {
			t.Errorf("order runs %s with %v and checks health by %v", aws.ToString(container.Image), container.Command, container.HealthCheck.Command)
		}
		recorded, err := ssm.NewFromConfig(account.config()).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/peakline/local/services/order/image")})
		if err != nil || aws.ToString(recorded.Parameter.Value) != "example.com/order:1" {
			t.Errorf("recorded is %v (%v), want example.com/order:1: the next deployment would bring something else", recorded, err)
		}
	})

	step(t, "a sixth service is a few lines, and touches nothing but itself", func(t *testing.T) {
		catalogue += "  loyalty: {paths: [/api/loyalty, /api/loyalty/*], priority: 600, health: {path: /health}, subscribes: [order_placed]}\n"
		before, seen := account.rules(t, productionPort), account.eventIDs(t)
		mustDeploy(t, shop+catalogue)
		rules := account.rules(t, productionPort)
		if aws.ToString(rules["loyalty"].Priority) != "600" || account.services(t)["loyalty"].ServiceName == nil {
			t.Errorf("the sixth service is not there: rule %v", rules["loyalty"])
		}
		for name, rule := range before {
			if aws.ToString(rules[name].RuleArn) != aws.ToString(rule.RuleArn) || aws.ToString(rules[name].Priority) != aws.ToString(rule.Priority) {
				t.Errorf("the rule of %s became another", name)
			}
		}
		// The CDK's metadata count constructs; X-Ray's groups, dashboards, saved queries and the page for all services list them.
		lists := regexp.MustCompile("^(Traces|Overview|SaleDay|Dashboard|ReleaseDashboard|Queries|ServicesFailingAlarm|CDKMetadata)")
		for _, event := range account.eventsSince(t, seen) {
			if !strings.HasPrefix(event, "Loyalty") && !lists.MatchString(event) {
				t.Errorf("a deployment that adds loyalty touched %s", event)
			}
		}
	})

	step(t, "a deployment carries the release on: its image runs, and its traffic stays on green", func(t *testing.T) {
		if image := aws.ToString(account.container(t, account.services(t)["order"]).Image); image != "example.com/order:1" {
			t.Errorf("order runs %s, want what is released", image)
		}
		account.expectGreen(t, "order")
	})

	step(t, "once CloudFormation is told where the traffic is, a change of the paths leaves it there", func(t *testing.T) {
		mustDeploy(t, shop+catalogue, "--parameters", "local-Services:OrderLive=green")
		changed := catalogue + "  order: {paths: [/api/orders, /api/orders/*, /api/cart, /api/basket]}\n"
		mustDeploy(t, shop+changed)
		account.expectGreen(t, "order")
		for _, port := range []int32{productionPort, testPort} {
			if got := account.rules(t, port)["order"].Conditions[0].PathPatternConfig.Values; !slices.Contains(got, "/api/basket") {
				t.Errorf("order has the paths %v on port %d", got, port)
			}
		}
		if output := mustDeploy(t, shop+changed); strings.Contains(output, "UPDATE_IN_PROGRESS") {
			t.Errorf("the parameter was forgotten, and with it the traffic:\n%s", output)
		}
		account.expectGreen(t, "order")
		mustDeploy(t, shop+catalogue)
	})

	step(t, "a deployment registers revisions of a service under CodeDeploy, and leaves what runs to the release", func(t *testing.T) {
		before := account.services(t)["payment"]
		catalogue = edit(t, catalogue, "{release: codedeploy}", `{release: codedeploy, environment: {LIMIT: "5"}}`)
		mustDeploy(t, shop+catalogue)
		after := account.services(t)["payment"]
		if aws.ToString(after.TaskDefinition) != aws.ToString(before.TaskDefinition) {
			t.Errorf("payment runs %s, want %s until CodeDeploy changes it", aws.ToString(after.TaskDefinition), aws.ToString(before.TaskDefinition))
		}
		family, _, _ := strings.Cut(aws.ToString(after.TaskDefinition)[strings.LastIndex(aws.ToString(after.TaskDefinition), "/")+1:], ":")
		latest, err := ecs.NewFromConfig(account.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(family)})
		if err != nil {
			t.Fatal(err)
		}
		if variablesOf(latest.TaskDefinition.ContainerDefinitions[0])["LIMIT"] != "5" {
			t.Error("the changed variable is in no revision")
		}
		running, err := ecs.NewFromConfig(account.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: before.TaskDefinition})
		if err != nil || running.TaskDefinition.Status != ecstypes.TaskDefinitionStatusActive {
			t.Errorf("the revision that runs is retired (%v): it could not be scaled or gone back to", err)
		}
	})

	step(t, "a live service changes its kind of release together with its priority, or not at all", func(t *testing.T) {
		before := account.services(t)["user"]
		output, err := deploy(t, shop+catalogue+"  user: {release: codedeploy}\n")
		if err == nil || !strings.Contains(strings.ToLower(output), "priority") {
			t.Errorf("want a refusal that names the priority, error %v:\n%s", err, output)
		}
		if after := account.services(t)["user"]; aws.ToString(after.ServiceArn) != aws.ToString(before.ServiceArn) {
			t.Errorf("user is %s after the roll-back, want %s", aws.ToString(after.ServiceArn), aws.ToString(before.ServiceArn))
		}
		mustDeploy(t, shop+catalogue+"  user: {release: codedeploy, priority: 450}\n")
		after := account.services(t)["user"]
		if after.DeploymentController == nil || after.DeploymentController.Type != ecstypes.DeploymentControllerTypeCodeDeploy {
			t.Errorf("user is under %v, want CodeDeploy", after.DeploymentController)
		}
		if rule := account.rules(t, productionPort)["user"]; aws.ToString(rule.Priority) != "450" {
			t.Errorf("user has priority %s, want 450", aws.ToString(rule.Priority))
		}
	})
}

// services are those of the one cluster, by the name in their tasks' environment.
func (e emulator) services(t *testing.T) map[string]ecstypes.Service {
	t.Helper()
	client := ecs.NewFromConfig(e.config())
	clusters, err := client.ListClusters(t.Context(), &ecs.ListClustersInput{})
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]ecstypes.Service{}
	for _, cluster := range clusters.ClusterArns {
		listed, err := client.ListServices(t.Context(), &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(100)})
		if err != nil {
			t.Fatal(err)
		}
		for few := range slices.Chunk(listed.ServiceArns, 10) {
			found, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: few})
			if err != nil {
				t.Fatal(err)
			}
			for _, service := range found.Services {
				if aws.ToString(service.Status) == "ACTIVE" { // a deleted one is listed for a while
					services[e.variables(t, service)["SERVICE"]] = service
				}
			}
		}
	}
	return services
}

func (e emulator) setAlarm(t *testing.T, name string, state cloudwatchtypes.StateValue) {
	t.Helper()
	if _, err := cloudwatch.NewFromConfig(e.config()).SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: &name, StateValue: state, StateReason: aws.String("a test says so")}); err != nil {
		t.Fatal(err)
	}
}

// function is the one that has an environment variable.
func (e emulator) function(t *testing.T, variable string) lambdatypes.FunctionConfiguration {
	t.Helper()
	listed, err := lambda.NewFromConfig(e.config()).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range listed.Functions {
		if function.Environment != nil && function.Environment.Variables[variable] != "" {
			return function
		}
	}
	t.Fatalf("no function has the variable %s", variable)
	return lambdatypes.FunctionConfiguration{}
}

func (e emulator) container(t *testing.T, service ecstypes.Service) ecstypes.ContainerDefinition {
	t.Helper()
	return e.containers(t, service)[0]
}

func (e emulator) containers(t *testing.T, service ecstypes.Service) []ecstypes.ContainerDefinition {
	t.Helper()
	task, err := ecs.NewFromConfig(e.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: service.TaskDefinition})
	if err != nil {
		t.Fatal(err)
	}
	return task.TaskDefinition.ContainerDefinitions
}

func (e emulator) variables(t *testing.T, service ecstypes.Service) map[string]string {
	t.Helper()
	return variablesOf(e.container(t, service))
}

func variablesOf(container ecstypes.ContainerDefinition) map[string]string {
	variables := map[string]string{}
	for _, variable := range container.Environment {
		variables[aws.ToString(variable.Name)] = aws.ToString(variable.Value)
	}
	return variables
}

func (e emulator) balancer(t *testing.T, kind elbtypes.LoadBalancerTypeEnum) elbtypes.LoadBalancer {
	t.Helper()
	found, err := elasticloadbalancingv2.NewFromConfig(e.config()).DescribeLoadBalancers(t.Context(), &elasticloadbalancingv2.DescribeLoadBalancersInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, balancer := range found.LoadBalancers {
		if balancer.Type == kind {
			return balancer
		}
	}
	t.Fatalf("the account has no load balancer of type %s", kind)
	return elbtypes.LoadBalancer{}
}

func (e emulator) listener(t *testing.T, balancer elbtypes.LoadBalancer, port int32) elbtypes.Listener {
	t.Helper()
	found, err := elasticloadbalancingv2.NewFromConfig(e.config()).DescribeListeners(t.Context(), &elasticloadbalancingv2.DescribeListenersInput{LoadBalancerArn: balancer.LoadBalancerArn})
	if err != nil {
		t.Fatal(err)
	}
	for _, listener := range found.Listeners {
		if aws.ToInt32(listener.Port) == port {
			return listener
		}
	}
	t.Fatalf("%s has no listener on port %d", aws.ToString(balancer.LoadBalancerName), port)
	return elbtypes.Listener{}
}

// rules of a listener of the load balancer, by the service whose blue or green they lead to.
func (e emulator) rules(t *testing.T, port int32) map[string]elbtypes.Rule {
	t.Helper()
	listener := e.listener(t, e.balancer(t, elbtypes.LoadBalancerTypeEnumApplication), port)
	found, err := elasticloadbalancingv2.NewFromConfig(e.config()).DescribeRules(t.Context(), &elasticloadbalancingv2.DescribeRulesInput{ListenerArn: listener.ListenerArn})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]string{}
	for name, service := range e.services(t) {
		if len(service.LoadBalancers) > 0 {
			of[aws.ToString(service.LoadBalancers[0].TargetGroupArn)] = name
		}
	}
	rules := map[string]elbtypes.Rule{}
	for _, rule := range found.Rules {
		if aws.ToBool(rule.IsDefault) {
			continue
		}
		for _, group := range rule.Actions[0].ForwardConfig.TargetGroups { // a release under CodeDeploy gives the service the other one
			if name := of[aws.ToString(group.TargetGroupArn)]; name != "" {
				rules[name] = rule
			}
		}
	}
	return rules
}

// groups are the target groups of a rule, by colour.
func (e emulator) groups(t *testing.T, rule elbtypes.Rule) map[string]elbtypes.TargetGroup {
	t.Helper()
	groups := map[string]elbtypes.TargetGroup{}
	for n, colour := range []string{"blue", "green"} {
		found, err := elasticloadbalancingv2.NewFromConfig(e.config()).DescribeTargetGroups(t.Context(), &elasticloadbalancingv2.DescribeTargetGroupsInput{
			TargetGroupArns: []string{aws.ToString(rule.Actions[0].ForwardConfig.TargetGroups[n].TargetGroupArn)}})
		if err != nil {
			t.Fatal(err)
		}
		groups[colour] = found.TargetGroups[0]
	}
	return groups
}

func weights(rule elbtypes.Rule) (blue, green int32) {
	groups := rule.Actions[0].ForwardConfig.TargetGroups
	return aws.ToInt32(groups[0].Weight), aws.ToInt32(groups[1].Weight)
}

func (e emulator) expectGreen(t *testing.T, service string) {
	t.Helper()
	for _, port := range []int32{productionPort, testPort} {
		if blue, green := weights(e.rules(t, port)[service]); blue != 0 || green != 100 {
			t.Errorf("%s has weights %d and %d on port %d: its visitors are sent to the group without tasks", service, blue, green, port)
		}
	}
}

func (e emulator) queue(t *testing.T, arn *string) map[string]string {
	t.Helper()
	client := sqs.NewFromConfig(e.config())
	name := aws.ToString(arn)[strings.LastIndex(aws.ToString(arn), ":")+1:]
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	found, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	return found.Attributes
}

// eventIDs are the events of all the environment's stacks so far.
func (e emulator) eventIDs(t *testing.T) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	e.eachEvent(t, func(id, _ string) { seen[id] = true })
	return seen
}

// eventsSince are the logical ids of what later deployments touched, sorted.
func (e emulator) eventsSince(t *testing.T, seen map[string]bool) (touched []string) {
	t.Helper()
	e.eachEvent(t, func(id, resource string) {
		if !seen[id] && !slices.Contains(touched, resource) {
			touched = append(touched, resource)
		}
	})
	slices.Sort(touched)
	return touched
}

func (e emulator) eachEvent(t *testing.T, visit func(id, resource string)) {
	t.Helper()
	client := cloudformation.NewFromConfig(e.config())
	stacks, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range stacks.Stacks {
		events, err := client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: stack.StackName})
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events.StackEvents {
			if aws.ToString(event.ResourceType) != "AWS::CloudFormation::Stack" {
				visit(aws.ToString(event.EventId), cmp.Or(aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceType)))
			}
		}
	}
}

// waitsFor tells whether a container starts after another one has come so far.
func waitsFor(container ecstypes.ContainerDefinition, other string, condition ecstypes.ContainerCondition) bool {
	return slices.ContainsFunc(container.DependsOn, func(on ecstypes.ContainerDependency) bool {
		return aws.ToString(on.ContainerName) == other && on.Condition == condition
	})
}
