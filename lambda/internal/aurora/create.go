package aurora

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

// lastTier is the promotion tier of the scaler's readers: a failover takes them last. The API's default is 1.
const lastTier = 15

// ErrTaken says that a reader's name belongs to an instance that is not the scaler's, or of another cluster.
var ErrTaken = errors.New("the name belongs to an instance that is not this cluster's scaler's")

// Create asks for one reader, a copy of a healthy reader in everything that the cluster does not manage itself. A
// reader that exists already and is ours counts as created: two runs that race, and a run that died after its call,
// end in the same place.
func (c *Cluster) Create(ctx context.Context, state State, reader decision.Create, now time.Time) error {
	template, ok := state.template(reader.Class)
	if !ok {
		return fmt.Errorf("create reader %s: cluster %s has no instance to copy settings from", reader.ID, c.ID)
	}
	in := c.newReader(template, reader, now)
	_, err := c.RDS.CreateDBInstance(ctx, in)
	// A reservation that is used up, over, of another class or zone, or not for the scaler is no reason to have no reader.
	if in.DBCapacityReservationIdentifier != nil && slices.Contains([]Kind{Refused, Mistaken, Denied}, Classify(err).Kind) {
		in.DBCapacityReservationIdentifier = nil
		_, err = c.RDS.CreateDBInstance(ctx, in)
	}
	if Classify(err).Kind == Exists {
		err = c.confirmOwn(ctx, reader.ID, err)
	}
	if err != nil {
		return fmt.Errorf("create reader %s (%s in %s): %w", reader.ID, reader.Class, cmp.Or(reader.Zone, "any zone"), err)
	}
	return nil
}

// newReader copies what AWS would otherwise default: its own defaults leave out monitoring, insights, parameter group
// and tags, and make the reader a candidate for promotion. What belongs to the cluster (engine version, encryption,
// security groups) is not sent.
func (c *Cluster) newReader(template types.DBInstance, reader decision.Create, now time.Time) *rds.CreateDBInstanceInput {
	in := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier:       aws.String(reader.ID),
		DBClusterIdentifier:        aws.String(c.ID),
		DBInstanceClass:            aws.String(reader.Class),
		Engine:                     template.Engine,
		PromotionTier:              aws.Int32(lastTier),
		PubliclyAccessible:         aws.Bool(false),
		AutoMinorVersionUpgrade:    template.AutoMinorVersionUpgrade,
		PreferredMaintenanceWindow: template.PreferredMaintenanceWindow,
		CACertificateIdentifier:    template.CACertificateIdentifier,
		EnablePerformanceInsights:  template.PerformanceInsightsEnabled,
		Tags:                       c.tags(template, now),
	}
	if reader.Zone != "" {
		in.AvailabilityZone = aws.String(reader.Zone)
	}
	if len(template.DBParameterGroups) > 0 {
		in.DBParameterGroupName = template.DBParameterGroups[0].DBParameterGroupName
	}
	if aws.ToBool(template.PerformanceInsightsEnabled) {
		in.PerformanceInsightsKMSKeyId = template.PerformanceInsightsKMSKeyId
		in.PerformanceInsightsRetentionPeriod = template.PerformanceInsightsRetentionPeriod
	}
	if aws.ToInt32(template.MonitoringInterval) > 0 {
		in.MonitoringInterval = template.MonitoringInterval
		in.MonitoringRoleArn = template.MonitoringRoleArn
	}
	if c.CapacityReservation != "" {
		in.DBCapacityReservationIdentifier = aws.String(c.CapacityReservation)
	}
	return in
}

// tags are the template's, for cost reports, and the scaler's mark. The prefix "aws:" is reserved.
func (c *Cluster) tags(template types.DBInstance, now time.Time) []types.Tag {
	tags := []types.Tag{
		{Key: aws.String(contract.OwnerTagKey), Value: aws.String(c.Environment)},
		{Key: aws.String(contract.RequestedTagKey), Value: aws.String(now.UTC().Format(time.RFC3339))},
	}
	for _, tag := range template.TagList {
		key := aws.ToString(tag.Key)
		if !strings.HasPrefix(key, "aws:") && key != contract.OwnerTagKey && key != contract.RequestedTagKey {
			tags = append(tags, tag)
		}
	}
	return tags
}

// template is the instance to copy: an available reader, of the wanted class and not ours if possible; without any
// reader, the writer. One that is being changed or broken still has its settings; one that comes or goes may not.
func (s State) template(class string) (types.DBInstance, bool) {
	preference := func(m decision.Member) int {
		rank := 0
		if m.Status != "available" {
			rank += 8
		}
		if m.Role == decision.Writer {
			rank += 4
		}
		if m.Class != class {
			rank += 2
		}
		if m.Owned {
			rank++
		}
		return rank
	}
	var candidates []decision.Member
	for _, m := range s.Members {
		if s.described(m.ID) && m.Status != "creating" && m.Status != "deleting" {
			candidates = append(candidates, m)
		}
	}
	if len(candidates) == 0 {
		return types.DBInstance{}, false
	}
	best := slices.MinFunc(candidates, func(a, b decision.Member) int {
		return cmp.Or(cmp.Compare(preference(a), preference(b)), strings.Compare(a.ID, b.ID))
	})
	return s.instances[best.ID], true
}

// confirmOwn turns "already exists" into success when the instance is ours and stays.
func (c *Cluster) confirmOwn(ctx context.Context, id string, exists error) error {
	out, err := c.RDS.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil {
		return errors.Join(exists, err)
	}
	for _, instance := range out.DBInstances {
		if aws.ToString(instance.DBInstanceIdentifier) != id {
			continue
		}
		if !c.owns(instance) {
			return errors.Join(ErrTaken, exists)
		}
		if aws.ToString(instance.DBInstanceStatus) == "deleting" {
			return fmt.Errorf("its predecessor is still being deleted: %w", exists)
		}
		return nil
	}
	return exists
}
