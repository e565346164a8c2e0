package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ServiceProps describes one service behind the load balancer.
type ServiceProps struct {
	// Task is its container, without Logs and PlaceholderCommand, which the service makes.
	Task ServiceTaskProps
	// Paths and Priority are its listener rule.
	Paths    []string
	Priority int
	// HealthPath answers 200 while a task can serve.
	HealthPath string
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

// Service is an ECS service with two target groups, blue and green: a release starts beside what runs, is tried through the
// test listener, and takes over.
type Service struct {
	Service awsecs.FargateService
	Task    awsecs.FargateTaskDefinition

	blue, green awselasticloadbalancingv2.ApplicationTargetGroup
}

// bakeTime is how long the tasks of before a release stay, so that going back takes seconds.
const bakeTime = 5 * time.Minute

// NewService makes the service, its target groups and rules, its scaling and its alarms.
func NewService(scope construct.Construct, id string, props ServiceProps) *Service {
	scope = construct.NewConstruct(scope, jsii.String(id))
	props.Task.Logs = NewLogGroup(scope, "Log", LogGroupProps{
		RetentionDays: props.LogRetentionDays, Key: props.Cluster.Key, Disposable: props.Disposable,
	})
	props.Task.PlaceholderCommand = []string{fmt.Sprintf("-listen=:%d", props.Task.Port), "-text=Peakline: this service has no release yet"}
	props.Task.Shell = props.Disposable
	service := &Service{Task: newServiceTask(scope, "Task", props.Task)}
	service.blue, service.green = newTargetGroup(scope, "Blue", props), newTargetGroup(scope, "Green", props)
	production := service.route(scope, "ProductionRule", props.LoadBalancer.Production, props)
	test := service.route(scope, "TestRule", props.LoadBalancer.Test, props)
	service.Service = awsecs.NewFargateService(scope, jsii.String("Service"), &awsecs.FargateServiceProps{
		Cluster:                     props.Cluster.Cluster,
		TaskDefinition:              service.Task,
		VpcSubnets:                  props.Subnets,
		SecurityGroups:              &[]awsec2.ISecurityGroup{props.SecurityGroup},
		CapacityProviderStrategies:  capacityProviders(props),
		HealthCheckGracePeriod:      awscdk.Duration_Seconds(jsii.Number(props.Task.GraceSeconds)),
		MinHealthyPercent:           jsii.Number(100),
		MaxHealthyPercent:           jsii.Number(200),
		AvailabilityZoneRebalancing: awsecs.AvailabilityZoneRebalancing_ENABLED,
		DeploymentStrategy:          awsecs.DeploymentStrategy_BLUE_GREEN,
		BakeTime:                    awscdk.Duration_Minutes(jsii.Number(bakeTime.Minutes())),
		CircuitBreaker:              &awsecs.DeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)},
		EnableExecuteCommand:        jsii.Bool(props.Disposable),
		EnableECSManagedTags:        jsii.Bool(true),
		PropagateTags:               awsecs.PropagatedTagSource_SERVICE,
		ServiceConnectConfiguration: &awsecs.ServiceConnectProps{
			Namespace: props.Cluster.Namespace.NamespaceArn(),
			Services: &[]*awsecs.ServiceConnectService{{
				PortMappingName: jsii.String(props.Task.Service), DnsName: jsii.String(props.Task.Service), Port: jsii.Number(80),
			}},
		},
	})
	service.Service.LoadBalancerTarget(&awsecs.LoadBalancerTargetOptions{
		ContainerName: jsii.String(containerName),
		ContainerPort: jsii.Number(props.Task.Port),
		AlternateTarget: awsecs.NewAlternateTarget(jsii.String("Green"), &awsecs.AlternateTargetProps{
			AlternateTargetGroup: service.green,
			ProductionListener:   awsecs.ListenerRuleConfiguration_ApplicationListenerRule(production),
			TestListener:         awsecs.ListenerRuleConfiguration_ApplicationListenerRule(test),
			Role:                 service.newReleaseRole(scope, production, test),
		}),
	}).AttachToApplicationTargetGroup(service.blue)
	service.Service.Node().AddDependency(production, test)
	if props.Task.Shell {
		acknowledge(service.Task, "The channels of ECS Exec have no resource", "AwsSolutions-IAM5[Resource::*]")
	}
	service.addScaling(scope, props)
	service.addAlarms(scope, props)
	return service
}

func newTargetGroup(scope construct.Construct, id string, props ServiceProps) awselasticloadbalancingv2.ApplicationTargetGroup {
	return awselasticloadbalancingv2.NewApplicationTargetGroup(scope, jsii.String(id), &awselasticloadbalancingv2.ApplicationTargetGroupProps{
		Vpc:                 props.Cluster.Cluster.Vpc(),
		TargetType:          awselasticloadbalancingv2.TargetType_IP,
		Port:                jsii.Number(props.Task.Port),
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

// route sends the service's paths to blue. From the first release on ECS owns the weights: after every second one all
// traffic is on green, and a change to this rule would send it to a group without tasks.
func (s *Service) route(scope construct.Construct, id string, listener awselasticloadbalancingv2.ApplicationListener, props ServiceProps) awselasticloadbalancingv2.ApplicationListenerRule {
	return untagged(awselasticloadbalancingv2.NewApplicationListenerRule(scope, jsii.String(id), &awselasticloadbalancingv2.ApplicationListenerRuleProps{
		Listener:   listener,
		Priority:   jsii.Number(props.Priority),
		Conditions: &[]awselasticloadbalancingv2.ListenerCondition{awselasticloadbalancingv2.ListenerCondition_PathPatterns(jsii.Strings(props.Paths...))},
		Action: awselasticloadbalancingv2.ListenerAction_WeightedForward(&[]*awselasticloadbalancingv2.WeightedTargetGroup{
			{TargetGroup: s.blue, Weight: jsii.Number(100)},
			{TargetGroup: s.green, Weight: jsii.Number(0)},
		}, nil),
	}))
}

// newReleaseRole lets ECS move this service's traffic and nothing else's: AWS's own policy would allow every rule.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
func (s *Service) newReleaseRole(scope construct.Construct, rules ...awselasticloadbalancingv2.ApplicationListenerRule) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("ReleaseRole"), &awsiam.RoleProps{
		Description: jsii.String("Moves traffic from one target group to the other during a release"),
		AssumedBy:   serviceOfAccount(scope, "ecs.amazonaws.com"),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules",
			"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"),
		Resources: jsii.Strings("*"),
	}))
	for _, rule := range rules {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("elasticloadbalancing:ModifyRule"), Resources: &[]*string{rule.ListenerRuleArn()},
		}))
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"),
		Resources: &[]*string{s.blue.TargetGroupArn(), s.green.TargetGroupArn()},
	}))
	acknowledge(role, "A Describe action of the load balancer has no resource", "AwsSolutions-IAM5[Resource::*]")
	return role
}

// capacityProviders keeps the fewest tasks on ordinary Fargate, which is not taken away at two minutes' notice.
func capacityProviders(props ServiceProps) *[]*awsecs.CapacityProviderStrategy {
	strategies := []*awsecs.CapacityProviderStrategy{{
		CapacityProvider: jsii.String("FARGATE"), Base: jsii.Number(props.Scaling.Min), Weight: jsii.Number(100 - props.SpotPercent),
	}}
	if props.SpotPercent > 0 {
		strategies = append(strategies, &awsecs.CapacityProviderStrategy{
			CapacityProvider: jsii.String("FARGATE_SPOT"), Weight: jsii.Number(props.SpotPercent),
		})
	}
	return &strategies
}

// Metrics: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
func (s *Service) addAlarms(scope construct.Construct, props ServiceProps) {
	name := props.Task.Service
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "service-errors", Subject: name, Severity: Critical,
		Summary:    "More than one of twenty requests to " + name + " fails.",
		Metric:     s.overBoth(props, "100 * (blueErrors + greenErrors) / MAX([blue + green, 20])", "HTTPCode_Target_5XX_Count"),
		Comparison: Above, Threshold: 5, Breaching: 3, Periods: 5, MissingData: MissingIsFine,
	})
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "service-absent", Subject: name, Severity: Critical,
		Summary: "No task of " + name + " runs.",
		Metric: minutely("ECS/ContainerInsights", "RunningTaskCount", "Maximum", map[string]*string{
			"ClusterName": props.Cluster.Cluster.ClusterName(), "ServiceName": s.Service.ServiceName()}),
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

// overBoth is an expression over the requests of both target groups ("blue", "green") and a second metric of each
// ("blueErrors", "greenErrors"), valid whichever of the two is live.
func (s *Service) overBoth(props ServiceProps, expression, errors string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	for name, group := range map[string]awselasticloadbalancingv2.ApplicationTargetGroup{"blue": s.blue, "green": s.green} {
		dimensions := map[string]*string{
			"LoadBalancer": props.LoadBalancer.LoadBalancer.LoadBalancerFullName(), "TargetGroup": group.TargetGroupFullName()}
		metrics[name] = minutely("AWS/ApplicationELB", "RequestCount", "Sum", dimensions)
		metrics[name+"Errors"] = minutely("AWS/ApplicationELB", errors, "Sum", dimensions)
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String(filled(expression)),
		UsingMetrics: &metrics,
		Label:        jsii.String("percent of the requests that failed"),
		Period:       awscdk.Duration_Minutes(jsii.Number(1)),
	})
}
