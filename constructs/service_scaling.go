package constructs

import (
	"fmt"
	"regexp"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ServiceScalingProps bounds the tasks of a service and says what changes their number.
type ServiceScalingProps struct {
	Min, Max int
	// CPUPercent and RequestsPerMinute, of one task, are what to aim at; the one that asks for more tasks wins.
	CPUPercent, RequestsPerMinute int
	// Floors are higher minimums for a time, in order and without overlap.
	Floors []TaskFloor
}

// TaskFloor is a minimum from Start until End.
type TaskFloor struct {
	Start, End time.Time
	Tasks      int
}

// reassertEvery is how often a floor is set again while it holds: a deployment in the middle of a peak writes the service's
// own minimum, and must not take the floor away for longer.
const reassertEvery = 5 * time.Minute

// addScaling lets Application Auto Scaling own the number of tasks; the template never states one.
func (s *Service) addScaling(scope construct.Construct, props ServiceProps) {
	scaling := props.Scaling
	target := s.Service.AutoScaleTaskCount(&awsapplicationautoscaling.EnableScalingProps{
		MinCapacity: jsii.Number(scaling.Min), MaxCapacity: jsii.Number(scaling.Max),
	})
	target.ScaleOnCpuUtilization(jsii.String("Cpu"), &awsecs.CpuUtilizationScalingProps{
		TargetUtilizationPercent: jsii.Number(scaling.CPUPercent),
		ScaleInCooldown:          awscdk.Duration_Minutes(jsii.Number(5)),
		ScaleOutCooldown:         awscdk.Duration_Minutes(jsii.Number(1)),
	})
	awsapplicationautoscaling.NewCfnScalingPolicy(scope, jsii.String("RequestsPolicy"), &awsapplicationautoscaling.CfnScalingPolicyProps{
		PolicyName:      jsii.String(*awscdk.Names_UniqueId(scope) + "Requests"),
		PolicyType:      jsii.String("TargetTrackingScaling"),
		ScalingTargetId: scalingTargetID(target),
		TargetTrackingScalingPolicyConfiguration: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingScalingPolicyConfigurationProperty{
			TargetValue:                   jsii.Number(scaling.RequestsPerMinute),
			ScaleInCooldown:               jsii.Number((5 * time.Minute).Seconds()),
			ScaleOutCooldown:              jsii.Number(time.Minute.Seconds()),
			CustomizedMetricSpecification: &awsapplicationautoscaling.CfnScalingPolicy_CustomizedMetricSpecificationProperty{Metrics: s.requestsPerTask(props)},
		},
	})
	for i, floor := range scaling.Floors {
		start, last, end := floor.Start, floor.End.Add(-time.Minute), floor.End
		target.ScaleOnSchedule(jsii.String(fmt.Sprintf("Floor%d", i+1)), &awsapplicationautoscaling.ScalingSchedule{
			Schedule:    awsapplicationautoscaling.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(reassertEvery.Minutes()))),
			StartTime:   &start,
			EndTime:     &last,
			MinCapacity: jsii.Number(floor.Tasks),
		})
		if i+1 < len(scaling.Floors) && scaling.Floors[i+1].Start.Equal(end) {
			continue // the next floor takes over
		}
		target.ScaleOnSchedule(jsii.String(fmt.Sprintf("Floor%dEnds", i+1)), &awsapplicationautoscaling.ScalingSchedule{
			Schedule:    awsapplicationautoscaling.Schedule_At(&end),
			MinCapacity: jsii.Number(scaling.Min),
		})
	}
}

// scalingTargetID is the id of the one scalable target of a service.
func scalingTargetID(target awsecs.ScalableTaskCount) *string {
	for _, child := range *target.Node().FindAll(construct.ConstructOrder_PREORDER) {
		if resource, ok := child.(awsapplicationautoscaling.CfnScalableTarget); ok {
			return resource.Ref()
		}
	}
	panic("the scaling of a service has no scalable target")
}

// requestsPerTask divides the requests of all target groups by the running tasks. The predefined metric knows one group
// only and would see no requests at all after every second release.
func (s *Service) requestsPerTask(props ServiceProps) interface{} {
	type query = awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDataQueryProperty
	type dimension = awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricDimensionProperty
	metric := func(id, namespace, name, statistic string, dimensions ...interface{}) *query {
		return &query{Id: jsii.String(id), ReturnData: jsii.Bool(false),
			MetricStat: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricStatProperty{
				Stat: jsii.String(statistic),
				Metric: &awsapplicationautoscaling.CfnScalingPolicy_TargetTrackingMetricProperty{
					Namespace: jsii.String(namespace), MetricName: jsii.String(name), Dimensions: dimensions,
				},
			}}
	}
	balancer := &dimension{Name: jsii.String("LoadBalancer"), Value: props.LoadBalancer.LoadBalancer.LoadBalancerFullName()}
	var metrics []interface{}
	for _, each := range s.colours() {
		metrics = append(metrics, metric(each.name, "AWS/ApplicationELB", "RequestCount", "Sum", balancer, &dimension{Name: jsii.String("TargetGroup"), Value: each.group.TargetGroupFullName()}))
	}
	return append(metrics,
		metric("tasks", "ECS/ContainerInsights", "RunningTaskCount", "Average",
			&dimension{Name: jsii.String("ClusterName"), Value: props.Cluster.Cluster.ClusterName()},
			&dimension{Name: jsii.String("ServiceName"), Value: s.Service.ServiceName()}),
		&query{Id: jsii.String("requestsPerTask"), ReturnData: jsii.Bool(true), Label: jsii.String("requests of one task in a minute"),
			Expression: jsii.String(filled("(" + s.total("") + ") / tasks"))},
	)
}

var groupMetric = regexp.MustCompile(`\b(blue|green)(Errors|Latency|Unhealthy)?\b`)

// filled counts a target group without traffic, which publishes nothing, as one without requests.
func filled(expression string) string {
	return groupMetric.ReplaceAllString(expression, "FILL($0, 0)")
}
