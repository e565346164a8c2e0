package constructs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// ServiceProps describes one service behind the load balancer.
type ServiceProps struct {
	// Task is its container, without Logs and PlaceholderCommand, which the service makes.
	Task ServiceTaskProps
	// Paths and Priority are its listener rule; a service whose paths all ask for a sign-in has none.
	Paths    []string
	Priority int
	Release  Release
	// SignIn are paths for which the load balancer asks for a sign-in, under a rolling release; nil where there are none.
	SignIn *SignInProps
	// Shift is how a release takes visitors over, and SmokeTests what it is tried with before, by SmokeTest.
	Shift      ShiftProps
	SmokeTests contract.SmokeTests
	SmokeTest  *SmokeTest
	// Migration runs before a release starts; nil for a service that has none.
	Migration *MigrationProps
	// HealthPath answers 200 while a task can serve.
	HealthPath string
	// LatencyBudget is what at most one of twenty requests may exceed.
	LatencyBudget time.Duration
	// Drain is how long open connections are left to a task that gets no new ones.
	Drain            time.Duration
	Scaling          ServiceScalingProps
	SpotPercent      int
	Cluster          *ServiceCluster
	LoadBalancer     *LoadBalancer
	Subnets          *awsec2.SubnetSelection
	SecurityGroup    awsec2.ISecurityGroup
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// Release is what moves traffic to a new version.
type Release string

// The zero value is ECS's own blue/green, with Service Connect. CodeDeploy is AWS CodeDeploy's, and rolling replaces task by task.
const (
	ReleaseByECS        Release = ""
	ReleaseByCodeDeploy Release = "CodeDeploy"
	ReleaseRolling      Release = "Rolling"
)

// Service is an ECS service with two target groups, blue and green: a release starts beside what runs, is tried through the
// test listener, and takes over. A rolling one has blue alone.
type Service struct {
	Service awsecs.FargateService
	Task    awsecs.FargateTaskDefinition
	Logs    awslogs.ILogGroup
	// Blue and Green take turns; Production and Test are the rules that lead to them.
	Blue, Green      awselasticloadbalancingv2.ApplicationTargetGroup
	Production, Test awselasticloadbalancingv2.ApplicationListenerRule
	// Panels and ReleasePanels are its rows on the dashboards of the services and of the releases.
	Panels, ReleasePanels []Panel
	migration             *migration
}

// ShiftProps describe how a release takes visitors over.
type ShiftProps struct {
	Kind Shift
	// Percent is the first share of a canary, or each share of a linear shift, and Pause follows it.
	Percent int
	Pause   time.Duration
	// Bake is how long the tasks of before stay afterwards, so that going back takes seconds.
	Bake time.Duration
}

// Shift is how many steps a release takes.
type Shift string

// The zero value shifts all visitors at once.
const (
	ShiftAllAtOnce Shift = ""
	ShiftCanary    Shift = "canary"
	ShiftLinear    Shift = "linear"
)

// NewService makes the service, its target groups and rules, its scaling and its alarms.
func NewService(scope construct.Construct, id string, props ServiceProps) *Service {
	scope = construct.NewConstruct(scope, jsii.String(id))
	props.Task.Logs = NewLogGroup(scope, "Log", LogGroupProps{
		RetentionDays: props.LogRetentionDays, Key: props.Cluster.Key, Disposable: props.Disposable,
	})
	countEvents(scope, props.Task.Logs, props.Task.EnvironmentName)
	props.Task.PlaceholderCommand = []string{fmt.Sprintf("-listen=:%d", props.Task.Port), "-text=" + contract.PlaceholderText}
	props.Task.Shell = props.Disposable
	service := &Service{Task: newServiceTask(scope, "Task", props.Task), Logs: props.Task.Logs}
	released := scope
	if props.Release != ReleaseByECS {
		// A live service keeps its deployment controller, and a rule the group that has the tasks. Under other ids CloudFormation
		// puts a new service in its place.
		released = construct.NewConstruct(scope, jsii.String(string(props.Release)))
	}
	service.Blue = newTargetGroup(released, "Blue", props)
	var rules []construct.IDependable
	if props.Release == ReleaseRolling {
		rules = service.routeToOne(released, props)
	} else {
		service.Green = newTargetGroup(released, "Green", props)
		live := newLiveColour(scope, props)
		service.Production = service.route(released, "ProductionRule", props.LoadBalancer.Production, live, props)
		service.Test = service.route(released, "TestRule", props.LoadBalancer.Test, live, props)
		rules = []construct.IDependable{service.Production, service.Test}
	}
	alarms := service.addReleaseAlarms(released, props)
	if props.Migration != nil {
		service.migration = newMigration(released, props)
	}
	switch props.Release {
	case ReleaseByECS:
		service.runUnderECS(released, props, alarms)
	case ReleaseByCodeDeploy:
		service.runUnderCodeDeploy(released, props)
		service.releaseByCodeDeploy(released, props, alarms)
	case ReleaseRolling:
		service.runRolling(released, props, alarms)
	default:
		panic(fmt.Sprintf("release %q of a service: want CodeDeploy, Rolling or none", props.Release))
	}
	if props.Task.Shell {
		acknowledge(service.Task, "The channels of ECS Exec have no resource", "AwsSolutions-IAM5[Resource::*]")
	}
	// Without them the first tasks could neither fetch their image nor be given traffic, and the last ones not be drained.
	service.Service.Node().AddDependency(append(rules, service.Task.ExecutionRole())...)
	service.addScaling(released, props)
	service.addAlarms(scope, props)
	service.addLatencyAlarm(released, props)
	service.Panels, service.ReleasePanels = service.panels(props), service.releasePanels(props)
	if props.Task.Pooler != nil {
		addPoolerAlarms(scope, props.Task.Logs, props.Notifications, props.Task.Service)
	}
	return service
}

// serviceProps are what all kinds of service share.
func (s *Service) serviceProps(props ServiceProps) awsecs.FargateServiceProps {
	return awsecs.FargateServiceProps{
		Cluster:                     props.Cluster.Cluster,
		TaskDefinition:              s.Task,
		VpcSubnets:                  props.Subnets,
		SecurityGroups:              &[]awsec2.ISecurityGroup{props.SecurityGroup},
		CapacityProviderStrategies:  capacityProviders(props),
		HealthCheckGracePeriod:      awscdk.Duration_Seconds(jsii.Number(props.Task.GraceSeconds)),
		MinHealthyPercent:           jsii.Number(100),
		MaxHealthyPercent:           jsii.Number(200),
		AvailabilityZoneRebalancing: awsecs.AvailabilityZoneRebalancing_ENABLED,
		EnableExecuteCommand:        jsii.Bool(props.Disposable),
		EnableECSManagedTags:        jsii.Bool(true),
		PropagateTags:               awsecs.PropagatedTagSource_SERVICE,
	}
}

// runUnderECS lets a deployment of the stack be the release: ECS starts the new revision beside the old one and moves the
// traffic, once the release has passed its smoke test. Other services call it by its name.
func (s *Service) runUnderECS(scope construct.Construct, props ServiceProps, alarms []awscloudwatch.Alarm) {
	described := s.serviceProps(props)
	props.Shift.apply(&described)
	takeBack(&described, alarms)
	described.ServiceConnectConfiguration = &awsecs.ServiceConnectProps{
		Namespace: props.Cluster.Namespace.NamespaceArn(),
		Services: &[]*awsecs.ServiceConnectService{{
			PortMappingName: jsii.String(props.Task.Service), DnsName: jsii.String(props.Task.Service), Port: jsii.Number(80),
		}},
	}
	s.Service = awsecs.NewFargateService(scope, jsii.String("Service"), &described)
	role := s.newReleaseRole(scope)
	s.Service.LoadBalancerTarget(&awsecs.LoadBalancerTargetOptions{
		ContainerName: jsii.String(containerName),
		ContainerPort: jsii.Number(props.Task.Port),
		AlternateTarget: awsecs.NewAlternateTarget(jsii.String("Green"), &awsecs.AlternateTargetProps{
			AlternateTargetGroup: s.Green,
			ProductionListener:   awsecs.ListenerRuleConfiguration_ApplicationListenerRule(s.Production),
			TestListener:         awsecs.ListenerRuleConfiguration_ApplicationListenerRule(s.Test),
			Role:                 role,
		}),
	}).AttachToApplicationTargetGroup(s.Blue)
	s.Service.Node().AddDependency(role, props.SmokeTest.role)
	hooks := []interface{}{props.SmokeTest.hook(props.SmokeTests)}
	if s.migration != nil {
		hook, calls := s.migration.hook(scope)
		hooks = append(hooks, hook)
		s.Service.Node().AddDependency(calls, s.migration.Function, s.migration.Function.Role(), s.migration.Task)
	}
	s.Service.Node().DefaultChild().(awscdk.CfnResource).AddPropertyOverride(jsii.String("DeploymentConfiguration.LifecycleHooks"), hooks)
}

// takeBack lets ECS take a deployment back whose tasks do not stay healthy, or during which an alarm fires.
func takeBack(described *awsecs.FargateServiceProps, alarms []awscloudwatch.Alarm) {
	described.DeploymentAlarms = &awsecs.DeploymentAlarmConfig{AlarmNames: alarmNames(alarms), Behavior: awsecs.AlarmBehavior_ROLLBACK_ON_ALARM}
	described.CircuitBreaker = &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)}
}

// runRolling lets a deployment of the stack replace task by task, all of them behind one target group, whose rules no release
// rewrites. Without Service Connect nobody calls past a sign-in.
func (s *Service) runRolling(scope construct.Construct, props ServiceProps, alarms []awscloudwatch.Alarm) {
	described := s.serviceProps(props)
	described.DeploymentStrategy = awsecs.DeploymentStrategy_ROLLING
	takeBack(&described, alarms)
	s.Service = awsecs.NewFargateService(scope, jsii.String("Service"), &described)
	s.attachToBlue(props)
}

// attachToBlue gives the first target group the tasks.
func (s *Service) attachToBlue(props ServiceProps) {
	s.Service.LoadBalancerTarget(&awsecs.LoadBalancerTargetOptions{
		ContainerName: jsii.String(containerName), ContainerPort: jsii.Number(props.Task.Port),
	}).AttachToApplicationTargetGroup(s.Blue)
}

// apply puts the shift into the deployment configuration.
func (p ShiftProps) apply(described *awsecs.FargateServiceProps) {
	described.BakeTime = awscdk.Duration_Minutes(jsii.Number(p.Bake.Minutes()))
	steps := &awsecs.TrafficShiftConfig{
		StepPercent: jsii.Number(p.Percent), StepBakeTime: awscdk.Duration_Minutes(jsii.Number(p.Pause.Minutes())),
	}
	switch p.Kind {
	case ShiftAllAtOnce:
		described.DeploymentStrategy = awsecs.DeploymentStrategy_BLUE_GREEN
	case ShiftCanary:
		described.DeploymentStrategy, described.CanaryConfiguration = awsecs.DeploymentStrategy_CANARY, steps
	case ShiftLinear:
		described.DeploymentStrategy, described.LinearConfiguration = awsecs.DeploymentStrategy_LINEAR, steps
	default:
		panic(fmt.Sprintf("shift %q of a release: want canary, linear or none", p.Kind))
	}
}

func alarmNames(alarms []awscloudwatch.Alarm) *[]*string {
	names := make([]*string, len(alarms))
	for i, alarm := range alarms {
		names[i] = alarm.AlarmName()
	}
	return &names
}

// runUnderCodeDeploy starts the service in blue and leaves the rest to CodeDeploy: a deployment of the stack registers
// revisions of the task, and a release by CodeDeploy is what runs them. AWS refuses Service Connect here, and a change of
// the network, the capacity providers or the load balancer.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
func (s *Service) runUnderCodeDeploy(scope construct.Construct, props ServiceProps) {
	described := s.serviceProps(props)
	described.DeploymentController = &awsecs.DeploymentController{Type: awsecs.DeploymentControllerType_CODE_DEPLOY}
	s.Service = awsecs.NewFargateService(scope, jsii.String("Service"), &described)
	s.attachToBlue(props)
}

// colour is a target group with the name that expressions know it by.
type colour struct {
	name  string
	group awselasticloadbalancingv2.ApplicationTargetGroup
}

// colours are the target groups that may have the traffic.
func (s *Service) colours() []colour {
	if s.Green == nil {
		return []colour{{"blue", s.Blue}}
	}
	return []colour{{"blue", s.Blue}, {"green", s.Green}}
}

// total is the sum of a metric over all colours, in an expression.
func (s *Service) total(suffix string) string {
	var names []string
	for _, each := range s.colours() {
		names = append(names, each.name+suffix)
	}
	return strings.Join(names, " + ")
}

func newTargetGroup(scope construct.Construct, id string, props ServiceProps) awselasticloadbalancingv2.ApplicationTargetGroup {
	return awselasticloadbalancingv2.NewApplicationTargetGroup(scope, jsii.String(id), &awselasticloadbalancingv2.ApplicationTargetGroupProps{
		Vpc:                 props.Cluster.Cluster.Vpc(),
		TargetType:          awselasticloadbalancingv2.TargetType_IP,
		Port:                jsii.Number(ServicePort), // ECS registers tasks with their own; another one here would replace the group that has the traffic
		Protocol:            awselasticloadbalancingv2.ApplicationProtocol_HTTP,
		DeregistrationDelay: awscdk.Duration_Seconds(jsii.Number(props.Drain.Seconds())),
		HealthCheck: &awselasticloadbalancingv2.HealthCheck{
			Path:                    jsii.String(props.HealthPath),
			HealthyHttpCodes:        jsii.String("200"),
			Interval:                awscdk.Duration_Seconds(jsii.Number(10)),
			Timeout:                 awscdk.Duration_Seconds(jsii.Number(5)),
			HealthyThresholdCount:   jsii.Number(2),
			UnhealthyThresholdCount: jsii.Number(3),
		},
	})
}

// capacityProviders keeps the fewest tasks on ordinary Fargate, which is not taken away at two minutes' notice. Without Spot
// the strategy is the same whatever the fewest are, because it cannot change under CodeDeploy.
func capacityProviders(props ServiceProps) *[]*awsecs.CapacityProviderStrategy {
	if props.SpotPercent == 0 {
		return &[]*awsecs.CapacityProviderStrategy{{CapacityProvider: jsii.String("FARGATE"), Weight: jsii.Number(100)}}
	}
	return &[]*awsecs.CapacityProviderStrategy{
		{CapacityProvider: jsii.String("FARGATE"), Base: jsii.Number(props.Scaling.Min), Weight: jsii.Number(100 - props.SpotPercent)},
		{CapacityProvider: jsii.String("FARGATE_SPOT"), Weight: jsii.Number(props.SpotPercent)},
	}
}

// Metrics: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
func (s *Service) addAlarms(scope construct.Construct, props ServiceProps) {
	name := props.Task.Service
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "service-errors", Subject: name, Severity: Critical,
		Summary:    "More than one of twenty requests to " + name + " fails.",
		Metric:     s.failures(props),
		Comparison: Above, Threshold: 5, Breaching: 3, Periods: 5, MissingData: MissingIsFine,
	})
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "service-absent", Subject: name, Severity: Critical,
		Summary: "No task of " + name + " runs.",
		Metric: orZero(minutely("ECS/ContainerInsights", "RunningTaskCount", "Maximum", map[string]*string{
			"ClusterName": props.Cluster.Cluster.ClusterName(), "ServiceName": s.Service.ServiceName()})),
		Comparison: Below, Threshold: 1, Breaching: 3, Periods: 3, MissingData: MissingIsBreaching,
	})
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "service-ceiling", Subject: name, Severity: Warning,
		Summary: name + " has run as many tasks as it may for a quarter of an hour.",
		Metric: minutely("ECS/ContainerInsights", "RunningTaskCount", "Average", map[string]*string{
			"ClusterName": props.Cluster.Cluster.ClusterName(), "ServiceName": s.Service.ServiceName()}),
		Comparison: AtLeast, Threshold: float64(props.Scaling.Max), Breaching: 15, Periods: 15, MissingData: MissingKeepsState,
	})
}

// failures is the share of the requests that failed, in percent; with fewer than twenty a minute, of twenty.
func (s *Service) failures(props ServiceProps) awscloudwatch.IMetric {
	return s.overAll(props, fmt.Sprintf("100 * (%s) / %s", s.total("Errors"), atLeast("("+s.total("")+")", 20)), "HTTPCode_Target_5XX_Count")
}

// overAll is an expression over the requests of each target group ("blue", "green") and a second metric of each
// ("blueErrors", "greenErrors"), valid whichever is live.
func (s *Service) overAll(props ServiceProps, expression, errors string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	for _, each := range s.colours() {
		dimensions := map[string]*string{
			"LoadBalancer": props.LoadBalancer.LoadBalancer.LoadBalancerFullName(), "TargetGroup": each.group.TargetGroupFullName()}
		metrics[each.name] = minutely("AWS/ApplicationELB", "RequestCount", "Sum", dimensions)
		metrics[each.name+"Errors"] = minutely("AWS/ApplicationELB", errors, "Sum", dimensions)
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String(filled(expression)),
		UsingMetrics: &metrics,
		Label:        jsii.String("percent of the requests that failed"),
		Period:       awscdk.Duration_Minutes(jsii.Number(1)),
	})
}
