package test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"peakline/config"
	"peakline/test/dashboard"
)

// board is a dashboard as CloudWatch gets it.
type board struct {
	resource
	name   string // without the environment
	body   dashboard.Body
	broken error
}

// boards are the dashboards of an environment, with the names of resources resolved.
func (a *assembly) boards() []board {
	var all []board
	for _, r := range a.all("AWS::CloudWatch::Dashboard") {
		body, err := dashboard.Read(a.resolve(r.stack, r.get("DashboardBody")))
		all = append(all, board{r, strings.TrimPrefix(r.text("DashboardName"), a.environment.Name+"-"), body, err})
	}
	return all
}

func (a *assembly) board(name string) board {
	for _, b := range a.boards() {
		if b.name == name {
			return b
		}
	}
	return board{}
}

// rows are all metrics of a page.
func (b board) rows() []dashboard.Row {
	var all []dashboard.Row
	for _, w := range b.body.Widgets {
		rows, err := w.Rows()
		if err != nil {
			return nil
		}
		all = append(all, rows...)
	}
	return all
}

// shows tells whether a page has a metric with these values of dimensions, each "Name" or "Name=value".
func (b board) shows(metric string, dimensions ...string) bool {
	return slices.ContainsFunc(b.rows(), func(row dashboard.Row) bool {
		if row.Name != metric {
			return false
		}
		for _, dimension := range dimensions {
			name, value, valued := strings.Cut(dimension, "=")
			if got, has := row.Dimensions[name]; !has || valued && got != value {
				return false
			}
		}
		return true
	})
}

// wantedBoards are the pages that an environment has.
func wantedBoards(e config.Environment) []string {
	names := []string{"overview", "sale-day", "database", "services", "releases", "cache"}
	if e.HasEdge() {
		names = append(names, "edge")
	}
	for _, service := range e.Services {
		if len(service.Subscribes) > 0 {
			return append(names, "messaging")
		}
	}
	return names
}

// pointers are the dimensions whose values are resources of the environment, with the type of the resource.
var pointers = map[string]string{
	"LoadBalancer": "AWS::ElasticLoadBalancingV2::LoadBalancer", "TargetGroup": "AWS::ElasticLoadBalancingV2::TargetGroup",
	"ClusterName": "AWS::ECS::Cluster", "ServiceName": "AWS::ECS::Service", "QueueName": "AWS::SQS::Queue",
	"DistributionId": "AWS::CloudFront::Distribution",
}

var pageLink = regexp.MustCompile(`\]\(#dashboards/dashboard/([a-z0-9-]+)\)`)

var boardRequirements = []requirement{
	{row: "O1", name: "an environment has a page for everybody, one for sale days, and one for each capability that it has",
		check: func(a *assembly, fail failure) {
			var names []string
			for _, b := range a.boards() {
				names = append(names, b.name)
				if b.broken != nil {
					fail("%s: %v: CloudWatch would refuse it", b, b.broken)
				}
			}
			want := wantedBoards(a.environment)
			slices.Sort(want)
			slices.Sort(names)
			if !slices.Equal(names, want) {
				fail("there are the dashboards %v, want %v", names, want)
			}
		}},
	{row: "O1", name: "the overview says whether the shop is open, fast and bought from, what failures it may still have, and what is wrong now",
		check: func(a *assembly, fail failure) {
			b := a.board("overview")
			for metric, dimension := range map[string]string{
				"RequestCount": "LoadBalancer", "HTTPCode_Target_5XX_Count": "LoadBalancer", "HTTPCode_ELB_5XX_Count": "LoadBalancer",
				"TargetResponseTime": "LoadBalancer", "Events": "Event=order_placed",
			} {
				if !b.shows(metric, dimension) {
					fail("%s shows no %s by %s", b, metric, dimension)
				}
			}
			for title, expression := range map[string]string{
				fmt.Sprintf("Answered, %d days", a.environment.SLOs.WindowDays):          "IF((FILL(requests, 0) + FILL(refused, 0)) > 0, 100 - 100 * (FILL(failed, 0) + FILL(refused, 0)) / (FILL(requests, 0) + FILL(refused, 0)), 100)",
				fmt.Sprintf("Error budget left, %d days", a.environment.SLOs.WindowDays): fmt.Sprintf("/ (%.6g * (FILL(requests, 0)", 1-a.environment.SLOs.AvailabilityPercent/100),
			} {
				found := slices.ContainsFunc(b.body.Widgets, func(w dashboard.Widget) bool {
					rows, _ := w.Rows()
					return w.Properties.Title == title && w.Properties.View == "singleValue" && w.Properties.SetPeriodToTimeRange &&
						w.Properties.Start == fmt.Sprintf("-PT%dH", 24*a.environment.SLOs.WindowDays) &&
						slices.ContainsFunc(rows, func(r dashboard.Row) bool { return strings.Contains(r.Expression, expression) })
				})
				if !found {
					fail("%s has no number %q over the whole window, computed by %s", b, title, expression)
				}
			}
			limits := map[float64]string{}
			for _, w := range b.body.Widgets {
				for _, line := range w.Properties.Annotations.Horizontal {
					limits[line.Value] = w.Properties.Title
				}
			}
			for objective, title := range map[float64]string{
				a.environment.SLOs.AvailabilityPercent: "Requests that were answered",
				a.environment.SLOs.P95().Seconds():     "Response time",
				a.environment.SLOs.P99().Seconds():     "Response time",
			} {
				if limits[objective] != title {
					fail("%s does not hold %q against %v: nobody sees whether it is good", b, title, objective)
				}
			}
		}},
	{row: "O1", name: "alarms that customers feel stand on the overview and on the page for sale days, and exist",
		check: func(a *assembly, fail failure) {
			for _, name := range []string{"overview", "sale-day"} {
				var shown []string
				for _, w := range a.board(name).body.Widgets {
					for _, arn := range w.Properties.Alarms {
						_, alarm, found := strings.Cut(arn, fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:", a.environment.Region, a.environment.Account))
						if !found && !strings.Contains(arn, ":"+config.EdgeRegion+":") {
							fail("the page %s asks for %s, which is no alarm of this account", name, arn)
						}
						shown = append(shown, alarm)
					}
				}
				for _, alarm := range shown {
					if len(a.where("AWS::CloudWatch::Alarm", "AlarmName", alarm))+len(a.where("AWS::CloudWatch::CompositeAlarm", "AlarmName", alarm)) == 0 {
						fail("the page %s shows the alarm %s, which does not exist", name, alarm)
					}
				}
				for _, felt := range []string{"load-balancer-errors", "shop-errors", "shop-checkouts", "identity-sign-in-failures"} {
					if !slices.Contains(shown, a.environment.Name+"-"+felt) {
						fail("the page %s leaves out the alarm %s", name, felt)
					}
				}
			}
		}},
	{row: "O1", name: "every service of the catalogue has its requests, failures, response times, tasks and both colours on the pages",
		check: func(a *assembly, fail failure) {
			services, releases := a.board("services"), a.board("releases")
			for _, service := range a.all("AWS::ECS::Service") {
				if !services.shows("RunningTaskCount", "ServiceName="+a.resolve(service.stack, map[string]any{"Fn::GetAtt": []any{service.id, "Name"}})) {
					fail("the page services does not show the tasks of %s", service)
				}
			}
			for _, group := range a.where("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetType", "ip") {
				name := "TargetGroup=" + a.resolve(group.stack, map[string]any{"Fn::GetAtt": []any{group.id, "TargetGroupFullName"}})
				for _, metric := range []string{"RequestCount", "HTTPCode_Target_5XX_Count", "TargetResponseTime"} {
					if !services.shows(metric, name) || !releases.shows(metric, name) {
						fail("the pages services and releases do not both show %s of %s", metric, group)
					}
				}
				if !releases.shows("UnHealthyHostCount", name) {
					fail("the page releases does not show the unhealthy tasks of %s", group)
				}
			}
		}},
	{row: "O1", name: "the database's page has its processors, lag, connections and readers, and what the scaler decides",
		check: func(a *assembly, fail failure) {
			b, identifier := a.board("database"), "peakline-"+a.environment.Name
			want := map[string]string{"CPUUtilization": "Role=READER", "AuroraReplicaLagMaximum": "DBClusterIdentifier=" + identifier, "DatabaseConnections": "DBClusterIdentifier=" + identifier}
			if a.environment.Database.Engine == config.EngineRDS {
				member := "DBInstanceIdentifier=" + identifier + "-instance-3"
				want = map[string]string{"CPUUtilization": member, "ReplicaLag": member, "DatabaseConnections": member}
			}
			if aurora(a.environment) && a.environment.Scaler.Control == config.ControlPeakline {
				for _, metric := range []string{"DesiredReaders", "ServingReaders", "ComingReaders", "NeededReaders", "Demand", "Forecast", "Shortfall", "CapacityRefused"} {
					want[metric] = "Environment=" + a.environment.Name
				}
			} else if b.shows("DesiredReaders") {
				fail("%s shows a scaler that this environment does not have: blank graphs", b)
			}
			if serverless(a.environment) {
				want["ServerlessDatabaseCapacity"] = "DBClusterIdentifier=" + identifier
			}
			for metric, dimension := range want {
				if !b.shows(metric, dimension) {
					fail("%s shows no %s by %s", b, metric, dimension)
				}
			}
		}},
	{row: "O1", name: "each cache has its hit ratio, memory, evictions and processor, each subscriber its queue and its dead letters, and the edge what visitors get",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::ElastiCache::ReplicationGroup") {
				for n := range int(group.number("NumCacheClusters")) {
					node := fmt.Sprintf("CacheClusterId=%s-%03d", a.resolve(group.stack, map[string]any{"Ref": group.id}), n+1)
					for _, metric := range []string{"CacheHits", "CacheMisses", "DatabaseMemoryUsagePercentage", "Evictions", "EngineCPUUtilization"} {
						if !a.board("cache").shows(metric, node) {
							fail("the page cache does not show %s of node %d of %s", metric, n+1, group)
						}
					}
				}
			}
			for _, queue := range a.all("AWS::SQS::Queue") {
				if queue.stack.id == "Messaging" && !a.board("messaging").shows("ApproximateNumberOfMessagesVisible", "QueueName="+a.resolve(queue.stack, map[string]any{"Fn::GetAtt": []any{queue.id, "QueueName"}})) {
					fail("the page messaging does not show how many wait in %s", queue)
				}
			}
			for _, distribution := range a.all("AWS::CloudFront::Distribution") {
				if distribution.get("DistributionConfig/Aliases") == nil {
					continue // that of the sorry page, which visitors do not know
				}
				for _, metric := range []string{"Requests", "5xxErrorRate", "OriginLatency", "CacheHitRate"} {
					if !a.board("edge").shows(metric, "DistributionId="+a.resolve(distribution.stack, map[string]any{"Ref": distribution.id}), "Region=Global") {
						fail("the page edge does not show %s of %s", metric, distribution)
					}
				}
			}
		}},
	{row: "O1", name: "graphs name resources that the environment has, in the region where their metrics are",
		check: func(a *assembly, fail failure) {
			for _, b := range a.boards() {
				for _, w := range b.body.Widgets {
					rows, err := w.Rows()
					if err != nil {
						fail("%s: %v", b, err)
					}
					for _, row := range rows {
						region := a.environment.Region
						if row.Namespace == "AWS/CloudFront" || row.Namespace == "AWS/Billing" || row.Namespace == "AWS/WAFV2" && b.name == "edge" {
							region = config.EdgeRegion
						}
						if w.Properties.Region != region && row.Expression == "" {
							fail("%q of %s looks for %s in %q, it is in %s: a blank graph", w.Properties.Title, b, row.Namespace, w.Properties.Region, region)
						}
						for _, name := range slices.Sorted(maps.Keys(row.Dimensions)) {
							kind, points := pointers[name]
							if points && a.named(row.Dimensions[name]).kind != kind {
								fail("%q of %s shows %s %s, which is no %s of this environment: a blank graph", w.Properties.Title, b, name, row.Dimensions[name], kind)
							}
						}
					}
				}
			}
		}},
	{row: "O1", name: "a page fits what CloudWatch takes, its graphs do not overlap, and its links lead to pages that exist",
		check: func(a *assembly, fail failure) {
			for _, b := range a.boards() {
				// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
				if widgets, metrics := len(b.body.Widgets), len(b.rows()); widgets == 0 || widgets > 500 || metrics > 2500 {
					fail("%s has %d widgets and %d metrics, CloudWatch takes 500 and 2500", b, widgets, metrics)
				}
				for i, w := range b.body.Widgets {
					if rows, _ := w.Rows(); len(rows) > 100 {
						fail("%q of %s has %d metrics", w.Properties.Title, b, len(rows))
					}
					if w.X+w.Width > 24 {
						fail("%q of %s is cut off at the right", w.Properties.Title, b)
					}
					for _, other := range b.body.Widgets[:i] {
						if w.X < other.X+other.Width && other.X < w.X+w.Width && w.Y < other.Y+other.Height && other.Y < w.Y+w.Height {
							fail("%q of %s lies on %q", w.Properties.Title, b, other.Properties.Title)
						}
					}
					for _, link := range pageLink.FindAllStringSubmatch(w.Properties.Markdown, -1) {
						if len(a.where("AWS::CloudWatch::Dashboard", "DashboardName", link[1])) == 0 {
							fail("%s leads to the page %s, which does not exist", b, link[1])
						}
					}
				}
			}
			for _, name := range wantedBoards(a.environment) {
				if !strings.Contains(a.resolve(a.board("overview").stack, a.board("overview").get("DashboardBody")), "#dashboards/dashboard/"+a.environment.Name+"-"+name+")") {
					fail("the overview does not lead to the page %s", name)
				}
			}
		}},
}
