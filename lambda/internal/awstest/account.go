// Package awstest is an AWS account in memory for tests: one Aurora cluster that behaves, on a clock that the test
// turns. Instances take time to come and to go, CloudWatch publishes what they do, calls can be made to fail before or
// after they take effect, and every call is recorded.
package awstest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

// Account is the account. Set its fields between calls only.
type Account struct {
	Cluster   string
	Status    string // of the cluster
	Writer    string // identifier of the writer; empty: none
	Resource  string // the cluster's resource id
	Instances map[string]*Instance
	Events    []types.Event
	Rival     bool // Application Auto Scaling manages the cluster
	// Parameters are the SSM parameters by name; WrittenAt is when they were last changed.
	Parameters map[string]string
	WrittenAt  time.Time
	// Load is the readers' demand by minute, in readers that are fully busy.
	Load func(at time.Time) float64
	// Share weighs a reader's part of the load and of the connections; nil: all have the same.
	Share func(id string) float64
	// Late is a reader whose points come a minute after the others'; empty: none.
	Late string
	// Lag is a reader's replica lag in milliseconds; nil: 20.
	Lag func(id string) float64
	// CreateTakes and DeleteTakes are how long instances take to come and to go.
	CreateTakes, DeleteTakes time.Duration
	// PageSize bounds an answer of DescribeDBInstances; 0: one page.
	PageSize int
	// Lacks may refuse a creation for what it asks for; nil: there is room for all.
	Lacks func(*rds.CreateDBInstanceInput) error
	// MetricPages makes GetMetricData answer on two pages.
	MetricPages bool
	// Unfiltered makes DescribeDBInstances answer with every cluster's instances.
	Unfiltered bool
	// Before and After may fail a call; After does so when the call has taken effect, as a lost answer does. n counts
	// the calls, from 1.
	Before, After func(call string, n int) error
	// Unsafe collects what must never happen, such as the deletion of the writer.
	Unsafe []string

	mutex   sync.Mutex
	now     time.Time
	calls   []string
	deleted []string
	points  map[series]map[int64]float64
}

// Instance is one DB instance.
type Instance struct {
	types.DBInstance
	Due   time.Time // when the status below is reached; zero: it stays
	Next  string    // "available", or "gone"
	Mute  bool      // publishes no metrics
	Input *rds.CreateDBInstanceInput
}

type series struct{ metric, instance, role string }

// New makes an account with a writer and readers that the scaler does not own, all available for a day, spread over three zones.
func New(now time.Time, cluster string, readers int) *Account {
	a := &Account{
		Cluster: cluster, Status: "available", Writer: cluster + "-writer",
		Instances:  map[string]*Instance{},
		Parameters: map[string]string{}, WrittenAt: now,
		Load:        func(time.Time) float64 { return 0.5 },
		CreateTakes: 5 * time.Minute, DeleteTakes: 3 * time.Minute,
		now: now, points: map[series]map[int64]float64{},
	}
	a.Add(a.Writer, 0)
	for i := range readers {
		a.Add(fmt.Sprintf("%s-reader%d", cluster, i+1), 2)
	}
	return a
}

// Add puts an available instance into the cluster.
func (a *Account) Add(id string, tier int32, tags ...string) *Instance {
	created := a.now.Add(-24 * time.Hour)
	instance := &Instance{DBInstance: types.DBInstance{
		DBInstanceIdentifier: aws.String(id), DBClusterIdentifier: aws.String(a.Cluster),
		DBInstanceStatus: aws.String("available"), DBInstanceClass: aws.String("db.r8g.large"),
		AvailabilityZone: aws.String("eu-west-1" + string(rune('a'+len(a.Instances)%3))),
		Engine:           aws.String("aurora-postgresql"), PromotionTier: aws.Int32(tier),
		InstanceCreateTime:                 aws.Time(created),
		AutoMinorVersionUpgrade:            aws.Bool(true),
		PreferredMaintenanceWindow:         aws.String("sun:03:30-sun:04:30"),
		CACertificateIdentifier:            aws.String("rds-ca-rsa2048-g1"),
		PerformanceInsightsEnabled:         aws.Bool(true),
		PerformanceInsightsKMSKeyId:        aws.String("arn:aws:kms:eu-west-1:111111111111:key/insights"),
		PerformanceInsightsRetentionPeriod: aws.Int32(465),
		MonitoringInterval:                 aws.Int32(15),
		MonitoringRoleArn:                  aws.String("arn:aws:iam::111111111111:role/monitoring"),
		DBParameterGroups:                  []types.DBParameterGroupStatus{{DBParameterGroupName: aws.String("peakline-instances")}},
		TagList:                            tagList(append([]string{"team", "shop", "aws:cloudformation:stack-name", "Database"}, tags...)),
	}}
	a.Instances[id] = instance
	return instance
}

func tagList(pairs []string) []types.Tag {
	var tags []types.Tag
	for i := 0; i+1 < len(pairs); i += 2 {
		tags = append(tags, types.Tag{Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}
	return tags
}

// Now is the account's clock.
func (a *Account) Now() time.Time {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.now
}

// Sleep turns the clock.
func (a *Account) Sleep(ctx context.Context, d time.Duration) error {
	a.Advance(d)
	return ctx.Err()
}

// Advance turns the clock, minute by minute: instances come and go, and metrics appear.
func (a *Account) Advance(d time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for end := a.now.Add(d); a.now.Before(end); {
		next := a.now.Truncate(time.Minute).Add(time.Minute)
		if next.After(end) {
			a.now = end
			a.settle()
			return
		}
		a.publish()
		a.now = next
		a.settle()
	}
}

func (a *Account) settle() {
	for id, instance := range a.Instances {
		if instance.Due.IsZero() || a.now.Before(instance.Due) {
			continue
		}
		instance.Due = time.Time{}
		if instance.Next == "gone" {
			delete(a.Instances, id)
			continue
		}
		instance.DBInstanceStatus = aws.String(instance.Next)
		instance.InstanceCreateTime = aws.Time(a.now)
	}
}

// publish writes the metrics of the minute that ends.
func (a *Account) publish() {
	minute := a.now.Unix() / 60
	var serving []*Instance
	for _, id := range slices.Sorted(maps.Keys(a.Instances)) {
		if instance := a.Instances[id]; id != a.Writer && *instance.DBInstanceStatus == "available" && !instance.Mute &&
			*instance.DBClusterIdentifier == a.Cluster {
			serving = append(serving, instance)
		}
	}
	put := func(metric, id, role string, v float64) {
		minute := minute
		if id == a.Late {
			minute--
		}
		for _, s := range []series{{metric, id, ""}, {metric + "/Sum", "", role}, {metric + "/SampleCount", "", role}, {metric + "/Maximum", "", role}} {
			if a.points[s] == nil {
				a.points[s] = map[int64]float64{}
			}
			switch {
			case strings.HasSuffix(s.metric, "/SampleCount"):
				a.points[s][minute]++
			case strings.HasSuffix(s.metric, "/Maximum"):
				a.points[s][minute] = max(a.points[s][minute], v)
			default:
				a.points[s][minute] += v
			}
		}
	}
	share := func(instance *Instance) float64 {
		if a.Share == nil {
			return 1
		}
		return a.Share(*instance.DBInstanceIdentifier)
	}
	shares := 0.0
	for _, instance := range serving {
		shares += share(instance)
	}
	for _, instance := range serving {
		id := *instance.DBInstanceIdentifier
		lag := 20.0
		if a.Lag != nil {
			lag = a.Lag(id)
		}
		busy := a.Load(a.now) * share(instance) / shares * 100
		put("CPUUtilization", id, "READER", min(busy, 100))
		put("DBLoad", id, "READER", busy/100*2)
		put("AuroraReplicaLag", id, "READER", lag)
		put("DatabaseConnections", id, "READER", 100*share(instance))
	}
	if a.Writer != "" {
		put("CPUUtilization", a.Writer, "WRITER", 30)
	}
}

// Put writes one point of a metric that has neither an instance nor a role, as the scaler's own.
func (a *Account) Put(metric string, at time.Time, v float64) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	s := series{metric: metric}
	if a.points[s] == nil {
		a.points[s] = map[int64]float64{}
	}
	a.points[s][at.Unix()/60] = v
}

// Failover makes a reader the writer, as RDS does, and records the event.
func (a *Account) Failover(to string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.Writer = to
	a.Events = append(a.Events, types.Event{
		Date: aws.Time(a.now), EventCategories: []string{"failover"}, SourceIdentifier: aws.String(a.Cluster),
		Message: aws.String("Completed failover to DB instance: " + to),
	})
}

// Calls are the names of the calls so far, and forgets them.
func (a *Account) Calls() []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	calls := a.calls
	a.calls = nil
	return calls
}

// Deleted are the instances deleted so far.
func (a *Account) Deleted() []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return slices.Clone(a.deleted)
}

// Owned are the identifiers that start with a prefix, sorted, those that are leaving included.
func (a *Account) Owned(prefix string) []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	var ids []string
	for id := range a.Instances {
		if strings.HasPrefix(id, prefix) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Error is an AWS error by code.
func Error(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "scripted"}
}

// call records a call and lets it fail, before it happens or after.
func (a *Account) call(ctx context.Context, name string, do func() error) error {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.calls = append(a.calls, name)
	n := len(a.calls)
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.Before != nil {
		if err := a.Before(name, n); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if a.After != nil {
		return a.After(name, n)
	}
	return nil
}

// DescribeDBClusters implements RDS.
func (a *Account) DescribeDBClusters(ctx context.Context, in *rds.DescribeDBClustersInput, _ ...func(*rds.Options)) (out *rds.DescribeDBClustersOutput, err error) {
	err = a.call(ctx, "DescribeDBClusters", func() error {
		if aws.ToString(in.DBClusterIdentifier) != a.Cluster {
			return &types.DBClusterNotFoundFault{}
		}
		cluster := types.DBCluster{DBClusterIdentifier: aws.String(a.Cluster), Status: aws.String(a.Status), DbClusterResourceId: aws.String(a.Resource)}
		for _, id := range slices.Sorted(maps.Keys(a.Instances)) {
			instance := a.Instances[id]
			if aws.ToString(instance.DBClusterIdentifier) == a.Cluster {
				cluster.DBClusterMembers = append(cluster.DBClusterMembers, types.DBClusterMember{
					DBInstanceIdentifier: aws.String(id), IsClusterWriter: aws.Bool(id == a.Writer), PromotionTier: instance.PromotionTier,
				})
			}
		}
		out = &rds.DescribeDBClustersOutput{DBClusters: []types.DBCluster{cluster}}
		return nil
	})
	return out, err
}

// DescribeDBInstances implements RDS, with pages.
func (a *Account) DescribeDBInstances(ctx context.Context, in *rds.DescribeDBInstancesInput, _ ...func(*rds.Options)) (out *rds.DescribeDBInstancesOutput, err error) {
	err = a.call(ctx, "DescribeDBInstances", func() error {
		out = &rds.DescribeDBInstancesOutput{}
		for _, id := range slices.Sorted(maps.Keys(a.Instances)) {
			instance := a.Instances[id].DBInstance
			if in.DBInstanceIdentifier != nil && id != *in.DBInstanceIdentifier {
				continue
			}
			if len(in.Filters) > 0 && !a.Unfiltered && !slices.Contains(in.Filters[0].Values, aws.ToString(instance.DBClusterIdentifier)) {
				continue
			}
			out.DBInstances = append(out.DBInstances, instance)
		}
		if in.DBInstanceIdentifier != nil && len(out.DBInstances) == 0 {
			return &types.DBInstanceNotFoundFault{}
		}
		from, _ := strconv.Atoi(aws.ToString(in.Marker))
		out.DBInstances = out.DBInstances[min(from, len(out.DBInstances)):]
		if a.PageSize > 0 && len(out.DBInstances) > a.PageSize {
			out.DBInstances = out.DBInstances[:a.PageSize]
			out.Marker = aws.String(strconv.Itoa(from + a.PageSize))
		}
		return nil
	})
	return out, err
}

// DescribeEvents implements RDS.
func (a *Account) DescribeEvents(ctx context.Context, in *rds.DescribeEventsInput, _ ...func(*rds.Options)) (out *rds.DescribeEventsOutput, err error) {
	err = a.call(ctx, "DescribeEvents", func() error {
		out = &rds.DescribeEventsOutput{}
		for _, event := range a.Events {
			if a.now.Sub(*event.Date) <= time.Duration(aws.ToInt32(in.Duration))*time.Minute {
				out.Events = append(out.Events, event)
			}
		}
		return nil
	})
	return out, err
}

// CreateDBInstance implements RDS.
func (a *Account) CreateDBInstance(ctx context.Context, in *rds.CreateDBInstanceInput, _ ...func(*rds.Options)) (out *rds.CreateDBInstanceOutput, err error) {
	err = a.call(ctx, "CreateDBInstance", func() error {
		id := aws.ToString(in.DBInstanceIdentifier)
		if a.Instances[id] != nil {
			return &types.DBInstanceAlreadyExistsFault{}
		}
		if a.Status != "available" {
			return &types.InvalidDBClusterStateFault{}
		}
		if a.Lacks != nil {
			if err := a.Lacks(in); err != nil {
				return err
			}
		}
		instance := a.Add(id, aws.ToInt32(in.PromotionTier))
		asked := *in
		instance.Input = &asked
		instance.DBInstanceStatus = aws.String("creating")
		instance.DBInstanceClass = in.DBInstanceClass
		instance.AvailabilityZone = aws.String(cmp.Or(aws.ToString(in.AvailabilityZone), "eu-west-1c"))
		instance.InstanceCreateTime = nil
		instance.TagList = in.Tags
		instance.Due, instance.Next = a.now.Add(a.CreateTakes), "available"
		out = &rds.CreateDBInstanceOutput{DBInstance: &instance.DBInstance}
		return nil
	})
	return out, err
}

// DeleteDBInstance implements RDS: it would delete the writer and the last reader, but remembers that as unsafe.
func (a *Account) DeleteDBInstance(ctx context.Context, in *rds.DeleteDBInstanceInput, _ ...func(*rds.Options)) (out *rds.DeleteDBInstanceOutput, err error) {
	err = a.call(ctx, "DeleteDBInstance", func() error {
		id := aws.ToString(in.DBInstanceIdentifier)
		instance := a.Instances[id]
		if instance == nil {
			return &types.DBInstanceNotFoundFault{}
		}
		if id == a.Writer {
			a.Unsafe = append(a.Unsafe, "deleted the writer "+id)
		}
		if a.availableReaders(id) == 0 {
			a.Unsafe = append(a.Unsafe, "deleted "+id+", the last available reader")
		}
		if !strings.Contains(id, "-auto-r") {
			a.Unsafe = append(a.Unsafe, "deleted "+id+", which is not the scaler's")
		}
		if *instance.DBInstanceStatus != "deleting" {
			instance.DBInstanceStatus = aws.String("deleting")
			instance.Due, instance.Next = a.now.Add(a.DeleteTakes), "gone"
			a.deleted = append(a.deleted, id)
		}
		out = &rds.DeleteDBInstanceOutput{DBInstance: &instance.DBInstance}
		return nil
	})
	return out, err
}

func (a *Account) availableReaders(except string) int {
	n := 0
	for id, instance := range a.Instances {
		if id != a.Writer && id != except && *instance.DBInstanceStatus == "available" {
			n++
		}
	}
	return n
}

// Readers are the members that are neither the writer nor leaving.
func (a *Account) Readers() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	n := 0
	for id, instance := range a.Instances {
		if id != a.Writer && *instance.DBInstanceStatus != "deleting" {
			n++
		}
	}
	return n
}

// Sound are the readers that serve or will: Readers without the broken.
func (a *Account) Sound() int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	n := 0
	for id, instance := range a.Instances {
		switch *instance.DBInstanceStatus {
		case "deleting", "failed", "incompatible-network":
		default:
			if id != a.Writer {
				n++
			}
		}
	}
	return n
}

// GetMetricData implements CloudWatch: what publish wrote, by instance and by role.
func (a *Account) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (out *cloudwatch.GetMetricDataOutput, err error) {
	err = a.call(ctx, "GetMetricData", func() error {
		out = &cloudwatch.GetMetricDataOutput{}
		queries := in.MetricDataQueries
		if half := len(queries) / 2; a.MetricPages && in.NextToken == nil {
			queries, out.NextToken = queries[:half], aws.String("second")
		} else if a.MetricPages {
			queries = queries[half:]
		}
		for _, q := range queries {
			out.MetricDataResults = append(out.MetricDataResults, a.result(q, *in.StartTime, *in.EndTime))
		}
		return nil
	})
	return out, err
}

func (a *Account) result(q cwtypes.MetricDataQuery, from, until time.Time) cwtypes.MetricDataResult {
	result := cwtypes.MetricDataResult{Id: q.Id}
	s := series{metric: *q.MetricStat.Metric.MetricName}
	for _, d := range q.MetricStat.Metric.Dimensions {
		switch *d.Name {
		case "DBInstanceIdentifier":
			s.instance = *d.Value
		case "Role":
			s.role = *d.Value
		}
	}
	statistic, mean := *q.MetricStat.Stat, false
	if s.role != "" {
		if mean = statistic == "Average"; mean {
			statistic = "Sum"
		}
		s.metric += "/" + statistic
	}
	for _, minute := range slices.Sorted(maps.Keys(a.points[s])) {
		if minute < from.Unix()/60 || minute >= until.Unix()/60 {
			continue
		}
		v := a.points[s][minute]
		if mean {
			count := s
			count.metric = strings.TrimSuffix(s.metric, "Sum") + "SampleCount"
			v /= a.points[count][minute]
		}
		result.Timestamps = append(result.Timestamps, time.Unix(minute*60, 0))
		result.Values = append(result.Values, v)
	}
	return result
}

// DescribeScalableTargets implements Application Auto Scaling.
func (a *Account) DescribeScalableTargets(ctx context.Context, _ *applicationautoscaling.DescribeScalableTargetsInput, _ ...func(*applicationautoscaling.Options)) (out *applicationautoscaling.DescribeScalableTargetsOutput, err error) {
	err = a.call(ctx, "DescribeScalableTargets", func() error {
		out = &applicationautoscaling.DescribeScalableTargetsOutput{}
		if a.Rival {
			out.ScalableTargets = []scaling.ScalableTarget{{ResourceId: aws.String("cluster:" + a.Cluster)}}
		}
		return nil
	})
	return out, err
}

// GetParameters implements SSM.
func (a *Account) GetParameters(ctx context.Context, in *ssm.GetParametersInput, _ ...func(*ssm.Options)) (out *ssm.GetParametersOutput, err error) {
	err = a.call(ctx, "GetParameters", func() error {
		out = &ssm.GetParametersOutput{}
		for _, name := range in.Names {
			if value, ok := a.Parameters[name]; ok {
				out.Parameters = append(out.Parameters, ssmtypes.Parameter{
					Name: aws.String(name), Value: aws.String(value), LastModifiedDate: aws.Time(a.WrittenAt),
				})
			}
		}
		return nil
	})
	return out, err
}

// PutParameter implements SSM.
func (a *Account) PutParameter(ctx context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (out *ssm.PutParameterOutput, err error) {
	err = a.call(ctx, "PutParameter", func() error {
		a.Parameters[*in.Name], a.WrittenAt = *in.Value, a.now
		out = &ssm.PutParameterOutput{}
		return nil
	})
	return out, err
}

// DeleteParameter implements SSM.
func (a *Account) DeleteParameter(ctx context.Context, in *ssm.DeleteParameterInput, _ ...func(*ssm.Options)) (out *ssm.DeleteParameterOutput, err error) {
	err = a.call(ctx, "DeleteParameter", func() error {
		if _, ok := a.Parameters[*in.Name]; !ok {
			return &ssmtypes.ParameterNotFound{}
		}
		delete(a.Parameters, *in.Name)
		out = &ssm.DeleteParameterOutput{}
		return nil
	})
	return out, err
}
