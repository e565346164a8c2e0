// Package aurora reads one Aurora cluster with its metrics, creates readers in it and deletes those it created. It
// knows AWS's words and rules; how many readers there should be is decided elsewhere. Nothing is cached: every read
// asks AWS.
package aurora

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

// RDS is what the scaler uses of Amazon RDS.
type RDS interface {
	DescribeDBClusters(context.Context, *rds.DescribeDBClustersInput, ...func(*rds.Options)) (*rds.DescribeDBClustersOutput, error)
	DescribeDBInstances(context.Context, *rds.DescribeDBInstancesInput, ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error)
	DescribeEvents(context.Context, *rds.DescribeEventsInput, ...func(*rds.Options)) (*rds.DescribeEventsOutput, error)
	CreateDBInstance(context.Context, *rds.CreateDBInstanceInput, ...func(*rds.Options)) (*rds.CreateDBInstanceOutput, error)
	DeleteDBInstance(context.Context, *rds.DeleteDBInstanceInput, ...func(*rds.Options)) (*rds.DeleteDBInstanceOutput, error)
}

// CloudWatch is what the scaler uses of Amazon CloudWatch.
type CloudWatch interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// AutoScaling is what the scaler uses of Application Auto Scaling: to notice a rival on the same cluster.
type AutoScaling interface {
	DescribeScalableTargets(context.Context, *applicationautoscaling.DescribeScalableTargetsInput, ...func(*applicationautoscaling.Options)) (*applicationautoscaling.DescribeScalableTargetsOutput, error)
}

// Cluster is one Aurora cluster of one environment. All fields but CapacityReservation are needed.
type Cluster struct {
	ID          string // DB cluster identifier
	Environment string // decides which readers are the scaler's
	RDS         RDS
	CloudWatch  CloudWatch
	AutoScaling AutoScaling
	// CapacityReservation is the DB capacity reservation of new readers, as far as it reaches; empty: none.
	CapacityReservation string
}

// State is what RDS says of a cluster at one moment.
type State struct {
	decision.Observation
	instances map[string]types.DBInstance
	windows   []string // weekly maintenance windows, in AWS's words
	// Resource never changes for a cluster: a blue/green switchover gives the name to another.
	Resource string
}

// described says whether RDS told more of a member than its name.
func (s *State) described(id string) bool {
	_, ok := s.instances[id]
	return ok
}

// State reads the cluster and joins DescribeDBClusters (who writes) with DescribeDBInstances (status, class, zone, tags).
// A missing cluster is the zero State, not an error.
func (c *Cluster) State(ctx context.Context) (State, error) {
	cluster, err := c.describe(ctx)
	if err != nil || cluster == nil {
		return State{}, err
	}
	instances, err := c.instances(ctx)
	if err != nil {
		return State{}, err
	}
	return c.join(*cluster, instances), nil
}

func (c *Cluster) describe(ctx context.Context) (*types.DBCluster, error) {
	out, err := c.RDS.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &c.ID})
	if Classify(err).Kind == Gone {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe cluster %s: %w", c.ID, err)
	}
	for _, cluster := range out.DBClusters {
		if aws.ToString(cluster.DBClusterIdentifier) == c.ID {
			return &cluster, nil
		}
	}
	return nil, nil
}

// instances reads every page: acting on a part of the members would create readers that exist.
func (c *Cluster) instances(ctx context.Context) ([]types.DBInstance, error) {
	pages := rds.NewDescribeDBInstancesPaginator(c.RDS, &rds.DescribeDBInstancesInput{
		Filters: []types.Filter{{Name: aws.String("db-cluster-id"), Values: []string{c.ID}}},
	}, func(o *rds.DescribeDBInstancesPaginatorOptions) { o.StopOnDuplicateToken = true })
	var instances []types.DBInstance
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe instances of cluster %s: %w", c.ID, err)
		}
		for _, instance := range page.DBInstances {
			// The filter's word is not taken: deleting another cluster's instance must be impossible.
			if aws.ToString(instance.DBClusterIdentifier) == c.ID {
				instances = append(instances, instance)
			}
		}
	}
	return instances, nil
}

func (c *Cluster) join(cluster types.DBCluster, instances []types.DBInstance) State {
	state := State{instances: map[string]types.DBInstance{}, Resource: aws.ToString(cluster.DbClusterResourceId)}
	state.Cluster.Status = aws.ToString(cluster.Status)
	state.windows = []string{aws.ToString(cluster.PreferredMaintenanceWindow)}
	for _, instance := range instances {
		state.instances[aws.ToString(instance.DBInstanceIdentifier)] = instance
		state.windows = append(state.windows, aws.ToString(instance.PreferredMaintenanceWindow))
	}
	listed := map[string]bool{}
	writers := 0
	for _, role := range cluster.DBClusterMembers {
		id := aws.ToString(role.DBInstanceIdentifier)
		member := c.member(id, state.instances[id])
		member.Tier = int(aws.ToInt32(role.PromotionTier))
		if aws.ToBool(role.IsClusterWriter) {
			member.Role = decision.Writer
			writers++
		}
		listed[id] = true
		state.Members = append(state.Members, member)
	}
	// The cluster lists a new instance later than the instances do.
	for _, instance := range instances {
		if id := aws.ToString(instance.DBInstanceIdentifier); !listed[id] {
			member := c.member(id, instance)
			member.Tier = int(aws.ToInt32(instance.PromotionTier))
			state.Members = append(state.Members, member)
		}
	}
	state.Cluster.GlobalSecondary = aws.ToString(cluster.ReplicationSourceIdentifier) != "" ||
		aws.ToString(cluster.GlobalClusterIdentifier) != "" && writers == 0
	state.Cluster.Serverless = serverless(state.Members)
	return state
}

func (c *Cluster) member(id string, instance types.DBInstance) decision.Member {
	member := decision.Member{
		ID:     id,
		Status: aws.ToString(instance.DBInstanceStatus),
		Class:  aws.ToString(instance.DBInstanceClass),
		Zone:   aws.ToString(instance.AvailabilityZone),
		Owned:  c.owns(instance),
	}
	if instance.InstanceCreateTime != nil {
		member.AvailableAt = *instance.InstanceCreateTime
	}
	if requested, err := time.Parse(time.RFC3339, tagValue(instance.TagList, contract.RequestedTagKey)); err == nil {
		member.CreatedAt = requested
	}
	return member
}

// serverlessClass is the instance class of Aurora Serverless v2.
const serverlessClass = "db.serverless"

// serverless says whether the readers are Serverless v2; without readers the writer tells what they will be.
func serverless(members []decision.Member) bool {
	readers, all := 0, true
	for _, m := range members {
		if m.Role == decision.Reader {
			readers++
			all = all && m.Class == serverlessClass
		}
	}
	if readers > 0 {
		return all
	}
	for _, m := range members {
		if m.Class == serverlessClass {
			return true
		}
	}
	return false
}

// owns says whether the scaler created an instance: name, tag and cluster all have to say so.
func (c *Cluster) owns(instance types.DBInstance) bool {
	return strings.HasPrefix(aws.ToString(instance.DBInstanceIdentifier), contract.ReaderPrefix(c.Environment)+"-r") &&
		tagValue(instance.TagList, contract.OwnerTagKey) == c.Environment &&
		aws.ToString(instance.DBClusterIdentifier) == c.ID
}

func tagValue(tags []types.Tag, key string) string {
	for _, tag := range tags {
		if aws.ToString(tag.Key) == key {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}

// AutoScalingRegistered says whether Application Auto Scaling manages the cluster's readers too.
func (c *Cluster) AutoScalingRegistered(ctx context.Context) (bool, error) {
	out, err := c.AutoScaling.DescribeScalableTargets(ctx, &applicationautoscaling.DescribeScalableTargetsInput{
		ServiceNamespace: scaling.ServiceNamespaceRds,
		ResourceIds:      []string{"cluster:" + c.ID},
	})
	if err != nil {
		return false, fmt.Errorf("describe scalable targets of cluster %s: %w", c.ID, err)
	}
	return len(out.ScalableTargets) > 0, nil
}

// eventKinds maps the categories of cluster events to what the decision knows.
// https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
var eventKinds = map[string]string{
	"failover":        decision.EventFailover,
	"global-failover": decision.EventFailover,
	"maintenance":     decision.EventMaintenance,
}

// Events reads what happened to the cluster in the last hour.
func (c *Cluster) Events(ctx context.Context) ([]decision.Event, error) {
	pages := rds.NewDescribeEventsPaginator(c.RDS, &rds.DescribeEventsInput{
		SourceType:       types.SourceTypeDbCluster,
		SourceIdentifier: &c.ID,
		Duration:         aws.Int32(60),
	}, func(o *rds.DescribeEventsPaginatorOptions) { o.StopOnDuplicateToken = true })
	var events []decision.Event
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe events of cluster %s: %w", c.ID, err)
		}
		for _, event := range page.Events {
			for _, category := range event.EventCategories {
				if kind := eventKinds[category]; kind != "" && event.Date != nil {
					events = append(events, decision.Event{At: *event.Date, Kind: kind})
				}
			}
		}
	}
	return events, nil
}
