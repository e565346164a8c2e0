package constructs

import "github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

// panels are the service's row on the dashboard of the services.
func (s *Service) panels(props ServiceProps) []Panel {
	name := props.Task.Service
	var requests, latency []awscloudwatch.IMetric
	for _, each := range s.colours() {
		dimensions := s.dimensions(each, props)
		requests = append(requests, line(each.name, minutely("AWS/ApplicationELB", "RequestCount", "Sum", dimensions)))
		for _, percentile := range []string{"p95", "p99"} {
			latency = append(latency, line(percentile+" "+each.name, minutely("AWS/ApplicationELB", "TargetResponseTime", percentile, dimensions)))
		}
	}
	tasks := map[string]*string{"ClusterName": props.Cluster.Cluster.ClusterName(), "ServiceName": s.Service.ServiceName()}
	return []Panel{
		{Title: name + ": requests", Unit: "a minute", Stacked: true, Metrics: requests},
		{Title: name + ": failed requests", Unit: "percent", Metrics: []awscloudwatch.IMetric{s.failures(props)}, Limits: []Limit{{"alarm", 5}}},
		{Title: name + ": response time", Unit: "seconds", Metrics: latency, Limits: []Limit{{"p95 of its share", props.LatencyBudget.Seconds()}}},
		{Title: name + ": tasks", Unit: "tasks", Metrics: []awscloudwatch.IMetric{
			line("running", minutely("ECS/ContainerInsights", "RunningTaskCount", "Average", tasks)),
			line("wanted", minutely("ECS/ContainerInsights", "DesiredTaskCount", "Average", tasks)),
		}, Right: []awscloudwatch.IMetric{
			line("processor", minutely("AWS/ECS", "CPUUtilization", "Average", tasks)), line("memory", minutely("AWS/ECS", "MemoryUtilization", "Average", tasks)),
		}, RightUnit: "percent"},
	}
}

// releasePanels are the service's row on the dashboard of the releases: the colours beside one another, and what takes a release back.
func (s *Service) releasePanels(props ServiceProps) []Panel {
	name := props.Task.Service
	perColour := func(metric, statistic string) []awscloudwatch.IMetric {
		var all []awscloudwatch.IMetric
		for _, each := range s.colours() {
			all = append(all, line(each.name, minutely("AWS/ApplicationELB", metric, statistic, s.dimensions(each, props))))
		}
		return all
	}
	return []Panel{
		{Title: name + ": who has the visitors", Unit: "requests a minute", Stacked: true, Metrics: perColour("RequestCount", "Sum")},
		{Title: name + ": failures by colour", Unit: "a minute", Metrics: perColour("HTTPCode_Target_5XX_Count", "Sum")},
		{Title: name + ": slowest of twenty by colour", Unit: "seconds", Metrics: perColour("TargetResponseTime", "p95"), Limits: []Limit{{"taken back", releaseLatency}}},
		{Title: name + ": tasks that fail their checks", Unit: "tasks", Metrics: perColour("UnHealthyHostCount", "Maximum")},
	}
}

func (s *Service) dimensions(of colour, props ServiceProps) map[string]*string {
	return map[string]*string{"LoadBalancer": props.LoadBalancer.LoadBalancer.LoadBalancerFullName(), "TargetGroup": of.group.TargetGroupFullName()}
}

// WatchedLoadBalancer is the front of the shop as a dashboard sees it.
type WatchedLoadBalancer struct {
	// FullName is the load balancer's dimension, ClusterName that of the services behind it.
	FullName, ClusterName *string
}

func (w WatchedLoadBalancer) metric(name, statistic string) awscloudwatch.Metric {
	return minutely("AWS/ApplicationELB", name, statistic, map[string]*string{"LoadBalancer": w.FullName})
}

// Requests is what visitors ask for, and what they get.
func (w WatchedLoadBalancer) Requests() Panel {
	return Panel{Title: "Requests", Unit: "a minute", Metrics: []awscloudwatch.IMetric{line("requests", w.metric("RequestCount", "Sum"))},
		Right: []awscloudwatch.IMetric{
			line("failures of services", w.metric("HTTPCode_Target_5XX_Count", "Sum")), line("no task took it", w.metric("HTTPCode_ELB_5XX_Count", "Sum")),
		}, RightUnit: "failures a minute"}
}

// Latency is how long visitors wait for a service, held against the objectives in seconds.
func (w WatchedLoadBalancer) Latency(limits ...Limit) Panel {
	panel := Panel{Title: "Response time", Unit: "seconds", Limits: limits}
	for _, percentile := range []string{"p50", "p95", "p99"} {
		panel.Metrics = append(panel.Metrics, line(percentile, w.metric("TargetResponseTime", percentile)))
	}
	return panel
}
