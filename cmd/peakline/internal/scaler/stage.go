package scaler

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	replicascaler "peakline/lambda/scaler"
)

// stage is the simulated part of a rehearsal: the clock, the traffic, and what an emulated account does at once and a real
// one takes minutes for.
type stage struct {
	now, opening time.Time
	cluster      string
	load         float64 // demand of the last minute, in readers
	busiest      float64 // CPU of the busiest reader in it, percent
	samples      *cloudwatch.Client

	services   replicascaler.Services
	arrivals   map[string]time.Time // when a reader that the rehearsal created is to serve
	departures map[string]time.Time // when one that it deleted is to be gone
	shares     map[string]float64   // each reader's share of the connections
}

const (
	// arrival is how long a reader takes to come: the median of real ones.
	arrival = 6 * time.Minute
	// departure is how long a reader takes to go.
	departure = 3 * time.Minute
	// connectionLife is how long the services keep a connection: a new reader gets its share only this fast.
	connectionLife = 10.0 // minutes
	// writerCPU is how busy the writer is, in percent.
	writerCPU = 25
)

// rehearsal is a dimension that keeps the rehearsal's samples apart from those of anything else, another rehearsal included.
const rehearsal = "Rehearsal"

var startedAt = time.Now().UTC().Format(time.RFC3339)

func (s *stage) clock() time.Time { return s.now }

// between puts the stage between the scaler and the emulated account.
func (s *stage) between(services replicascaler.Services) replicascaler.Services {
	s.services = services
	services.RDS = stagedRDS{RDS: services.RDS, stage: s}
	services.CloudWatch = stagedCloudWatch{services.CloudWatch, s.opening}
	services.Parameters = stagedParameters{Parameters: services.Parameters, stage: s}
	return services
}

// minute plays one minute: connections spread, the readers work, and their samples go to CloudWatch.
func (s *stage) minute(ctx context.Context) error {
	serving, writer, err := s.serving(ctx)
	if err != nil {
		return err
	}
	s.load = demand(s.now.Sub(s.opening))
	s.spread(serving)
	stamp := aws.Time(s.now)
	datum := func(metric string, values []float64, dimensions map[string]string) cwtypes.MetricDatum {
		set := &cwtypes.StatisticSet{
			Minimum: aws.Float64(slices.Min(values)), Maximum: aws.Float64(slices.Max(values)),
			Sum: aws.Float64(0), SampleCount: aws.Float64(float64(len(values))),
		}
		for _, v := range values {
			*set.Sum += v
		}
		datum := cwtypes.MetricDatum{MetricName: &metric, Timestamp: stamp, StatisticValues: set}
		dimensions[rehearsal] = startedAt
		for name, value := range dimensions {
			datum.Dimensions = append(datum.Dimensions, cwtypes.Dimension{Name: &name, Value: &value})
		}
		return datum
	}
	instance := func(id string) map[string]string { return map[string]string{"DBInstanceIdentifier": id} }
	role := func(role string) map[string]string {
		return map[string]string{"DBClusterIdentifier": s.cluster, "Role": role}
	}
	byRole := map[string][]float64{}
	var data []cwtypes.MetricDatum
	s.busiest = 0
	for _, id := range serving {
		busy := s.load * s.shares[id] * 100
		s.busiest = max(s.busiest, min(busy, 100))
		for metric, value := range map[string]float64{
			"CPUUtilization":      min(busy, 100),
			"AuroraReplicaLag":    18 + 40*max(0, busy/100-0.8),
			"DatabaseConnections": math.Round(400 * s.shares[id]),
		} {
			data = append(data, datum(metric, []float64{value}, instance(id)))
			byRole[metric] = append(byRole[metric], value)
		}
	}
	for metric, values := range byRole {
		data = append(data, datum(metric, values, role("READER")))
	}
	data = append(data,
		datum("CPUUtilization", []float64{writerCPU}, role("WRITER")),
		datum("CPUUtilization", []float64{writerCPU}, instance(writer)))
	_, err = s.samples.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/RDS"), MetricData: data})
	if err != nil {
		return fmt.Errorf("put samples of %v: %w", s.now, err)
	}
	s.now = s.now.Add(time.Minute)
	return nil
}

// serving are the readers in service, sorted, and the writer. The emulated account takes seconds for what a real one
// takes minutes for; where the simulated clock runs ahead of it, the clock waits.
func (s *stage) serving(ctx context.Context) (readers []string, writer string, err error) {
	for {
		clusters, err := s.services.RDS.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &s.cluster})
		if err != nil {
			return nil, "", fmt.Errorf("find cluster %s in the emulated account (make up creates it): %w", s.cluster, err)
		}
		instances, err := s.services.RDS.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{
			Filters: []types.Filter{{Name: aws.String("db-cluster-id"), Values: []string{s.cluster}}},
		})
		if err != nil {
			return nil, "", fmt.Errorf("read the instances of cluster %s: %w", s.cluster, err)
		}
		readers = nil
		late := false
		for _, instance := range instances.DBInstances {
			id, status := aws.ToString(instance.DBInstanceIdentifier), aws.ToString(instance.DBInstanceStatus)
			gone, leaving := s.departures[id]
			switch {
			case slices.ContainsFunc(clusters.DBClusters[0].DBClusterMembers, func(member types.DBClusterMember) bool {
				return aws.ToString(member.DBInstanceIdentifier) == id && aws.ToBool(member.IsClusterWriter)
			}):
				writer = id
			case leaving:
				late = late || !s.now.Before(gone)
			case !s.now.Before(s.arrivals[id]):
				readers = append(readers, id)
				late = late || status == "creating"
			}
		}
		if !late {
			slices.Sort(readers)
			return readers, writer, nil
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// spread moves connections towards equal shares as fast as they are recycled; those of a reader that went move at once.
func (s *stage) spread(serving []string) {
	maps.DeleteFunc(s.shares, func(id string, _ float64) bool { return !slices.Contains(serving, id) })
	moved := 1 - math.Exp(-1/connectionLife)
	sum := 0.0
	for _, id := range serving {
		s.shares[id] += moved * (1/float64(len(serving)) - s.shares[id])
		sum += s.shares[id]
	}
	for _, id := range serving {
		s.shares[id] /= sum
	}
}

// stagedRDS shows instances as a real account would: a new one takes its time.
type stagedRDS struct {
	RDS
	stage *stage
}

// RDS is what the scaler uses of Amazon RDS.
type RDS interface {
	DescribeDBClusters(context.Context, *rds.DescribeDBClustersInput, ...func(*rds.Options)) (*rds.DescribeDBClustersOutput, error)
	DescribeDBInstances(context.Context, *rds.DescribeDBInstancesInput, ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error)
	DescribeEvents(context.Context, *rds.DescribeEventsInput, ...func(*rds.Options)) (*rds.DescribeEventsOutput, error)
	CreateDBInstance(context.Context, *rds.CreateDBInstanceInput, ...func(*rds.Options)) (*rds.CreateDBInstanceOutput, error)
	DeleteDBInstance(context.Context, *rds.DeleteDBInstanceInput, ...func(*rds.Options)) (*rds.DeleteDBInstanceOutput, error)
}

func (r stagedRDS) DescribeDBInstances(ctx context.Context, in *rds.DescribeDBInstancesInput, options ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error) {
	out, err := r.RDS.DescribeDBInstances(ctx, in, options...)
	if err != nil {
		return out, err
	}
	for i := range out.DBInstances {
		instance := &out.DBInstances[i]
		due, ours := r.stage.arrivals[aws.ToString(instance.DBInstanceIdentifier)]
		switch {
		case !ours:
			instance.InstanceCreateTime = aws.Time(r.stage.opening.AddDate(0, 0, -1))
		case aws.ToString(instance.DBInstanceStatus) == "deleting":
		case r.stage.now.Before(due):
			instance.DBInstanceStatus, instance.InstanceCreateTime = aws.String("creating"), nil
		default:
			instance.InstanceCreateTime = aws.Time(due)
		}
	}
	return out, nil
}

func (r stagedRDS) CreateDBInstance(ctx context.Context, in *rds.CreateDBInstanceInput, options ...func(*rds.Options)) (*rds.CreateDBInstanceOutput, error) {
	out, err := r.RDS.CreateDBInstance(ctx, in, options...)
	if err == nil {
		id := aws.ToString(in.DBInstanceIdentifier)
		r.stage.arrivals[id] = r.stage.now.Add(arrival)
		delete(r.stage.departures, id)
	}
	return out, err
}

func (r stagedRDS) DeleteDBInstance(ctx context.Context, in *rds.DeleteDBInstanceInput, options ...func(*rds.Options)) (*rds.DeleteDBInstanceOutput, error) {
	out, err := r.RDS.DeleteDBInstance(ctx, in, options...)
	if err == nil {
		r.stage.departures[aws.ToString(in.DBInstanceIdentifier)] = r.stage.now.Add(departure)
	}
	return out, err
}

// DescribeEvents hides what happened before the curtain rose: the account's own clock is another.
func (r stagedRDS) DescribeEvents(context.Context, *rds.DescribeEventsInput, ...func(*rds.Options)) (*rds.DescribeEventsOutput, error) {
	return &rds.DescribeEventsOutput{Events: []types.Event{}}, nil
}

// stagedCloudWatch reads the rehearsal's samples. The scaler's own metrics come from its log through Lambda, which a
// rehearsal does without.
type stagedCloudWatch struct {
	cloudwatch.GetMetricDataAPIClient
	opening time.Time
}

func (s stagedCloudWatch) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, options ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	if *in.MetricDataQueries[0].MetricStat.Metric.Namespace == contract.MetricNamespace {
		return &cloudwatch.GetMetricDataOutput{}, nil
	}
	// There is nothing before the opening, and emulated accounts are slow to find that out.
	if in.StartTime.Before(s.opening) {
		in.StartTime = aws.Time(s.opening)
	}
	for _, query := range in.MetricDataQueries {
		metric := query.MetricStat.Metric
		if !slices.ContainsFunc(metric.Dimensions, func(d cwtypes.Dimension) bool { return *d.Name == rehearsal }) {
			metric.Dimensions = append(metric.Dimensions, cwtypes.Dimension{Name: aws.String(rehearsal), Value: &startedAt})
		}
	}
	return s.GetMetricDataAPIClient.GetMetricData(ctx, in, options...)
}

// stagedParameters reads the deployed policy, with the rehearsal's sale in its calendar.
type stagedParameters struct {
	Parameters
	stage *stage
}

// Parameters is what the scaler uses of SSM.
type Parameters interface {
	GetParameters(context.Context, *ssm.GetParametersInput, ...func(*ssm.Options)) (*ssm.GetParametersOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

func (p stagedParameters) GetParameters(ctx context.Context, in *ssm.GetParametersInput, options ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	out, err := p.Parameters.GetParameters(ctx, in, options...)
	if err != nil {
		return out, err
	}
	kept := out.Parameters[:0]
	for _, parameter := range out.Parameters {
		if !strings.HasSuffix(aws.ToString(parameter.Name), "/policy") {
			continue
		}
		deployed, err := decision.ParsePolicy([]byte(aws.ToString(parameter.Value)))
		if err != nil {
			return nil, err
		}
		environment := strings.Split(aws.ToString(parameter.Name), "/")[2]
		text, err := json.Marshal(rehearsalPolicy(deployed, environment, p.stage.opening))
		if err != nil {
			return nil, err
		}
		parameter.Value = aws.String(string(text))
		kept = append(kept, parameter)
	}
	out.Parameters = kept
	return out, nil
}
