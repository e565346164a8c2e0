package aurora

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"peakline/lambda/decision"
)

// Metrics of AWS/RDS: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
const (
	namespace      = "AWS/RDS"
	cpu            = "CPUUtilization"
	dbLoad         = "DBLoad"
	lag            = "AuroraReplicaLag"
	connections    = "DatabaseConnections"
	acuUtilization = "ACUUtilization"
)

// Periods, in seconds.
const (
	minute = 60
	hour   = 60 * minute
)

// longestCreate is how long a creation may take that ends well.
const longestCreate = 30 * time.Minute

// late is how long the points of a minute may come one after the other: until then not all readers need to have one.
const late = 2 * time.Minute

// query is one series to read and where its points go.
type query struct {
	namespace, metric, statistic string
	dimensions                   map[string]string
	seconds                      int32 // period
	into                         *decision.Series
}

// Overview fills in the members' recent samples from a handful of series by role, and reports whether that told the
// whole story: CloudWatch bills by the series, and while every reader reports, their mean is all that a quiet run
// needs. When it is not whole, read Detail.
func (c *Cluster) Overview(ctx context.Context, state *State, now time.Time) (whole bool, err error) {
	role := func(role, metric, statistic string, into *decision.Series) query {
		return query{namespace, metric, statistic,
			map[string]string{"DBClusterIdentifier": c.ID, "Role": role}, minute, into}
	}
	var readers, writer decision.Member
	var reporting decision.Series
	queries := []query{
		role("READER", cpu, "Average", &readers.CPU),
		role("READER", cpu, "SampleCount", &reporting),
		role("READER", lag, "Maximum", &readers.LagMs),
		role("READER", connections, "Average", &readers.Connections),
		role("WRITER", cpu, "Average", &writer.CPU),
	}
	if state.Cluster.Serverless {
		queries = append(queries, role("READER", acuUtilization, "Average", &readers.ACUUtilization))
	}
	if err := c.read(ctx, queries, now.Add(-decision.RecentWindow), now); err != nil {
		return false, err
	}
	count := 0
	whole = len(reporting) > 0
	for i := range state.Members {
		m := &state.Members[i]
		if m.Role == decision.Writer {
			m.CPU = writer.CPU
			continue
		}
		if !state.described(m.ID) {
			continue
		}
		count++
		whole = whole && m.Status == "available"
		m.CPU, m.LagMs, m.Connections, m.ACUUtilization = readers.CPU, readers.LagMs, readers.Connections, readers.ACUUtilization
	}
	settled := now.Add(-late).Unix() / 60
	for _, s := range reporting {
		whole = whole && (s.Minute > settled || s.Value == float64(count))
	}
	return whole, nil
}

// Detail fills in the members' recent samples from series of their own: five times the price of the Overview, and the
// only way to see who is missing, lagging or skewed.
func (c *Cluster) Detail(ctx context.Context, state *State, now time.Time) error {
	var queries []query
	for i := range state.Members {
		m := &state.Members[i]
		m.CPU, m.DBLoad, m.LagMs, m.Connections, m.ACUUtilization = nil, nil, nil, nil, nil
		if !state.described(m.ID) {
			continue
		}
		wanted := []struct {
			metric string
			into   *decision.Series
		}{{cpu, &m.CPU}, {dbLoad, &m.DBLoad}}
		if m.Role == decision.Reader {
			wanted = append(wanted, []struct {
				metric string
				into   *decision.Series
			}{{lag, &m.LagMs}, {connections, &m.Connections}}...)
		}
		if m.Class == serverlessClass {
			wanted = append(wanted, struct {
				metric string
				into   *decision.Series
			}{acuUtilization, &m.ACUUtilization})
		}
		for _, series := range wanted {
			queries = append(queries, query{namespace, series.metric, "Average",
				map[string]string{"DBInstanceIdentifier": m.ID}, minute, series.into})
		}
	}
	from := now.Add(-decision.RecentWindow)
	if err := c.read(ctx, queries, from, now); err != nil {
		return err
	}
	for i := range state.Members {
		m := &state.Members[i]
		// A reader serves from its first sample on, a minute or two after AWS calls it available. Of one that came before the
		// samples begin, the first that is read is not its first.
		recent := m.AvailableAt.After(from) || m.CreatedAt.After(from.Add(-longestCreate))
		if first, ok := firstMinute(m.CPU); ok && recent && first.After(m.AvailableAt) && first.After(from.Add(time.Minute)) && !m.AvailableAt.IsZero() {
			m.AvailableAt = first
		}
	}
	return nil
}

func firstMinute(series decision.Series) (time.Time, bool) {
	if len(series) == 0 {
		return time.Time{}, false
	}
	first := slices.MinFunc(series, func(a, b decision.Sample) int { return cmp.Compare(a.Minute, b.Minute) })
	return time.Unix(first.Minute*60, 0), true
}

// read fetches the queries' points of [from, until]. One call takes 500 queries; 16 members need at most 80.
func (c *Cluster) read(ctx context.Context, queries []query, from, until time.Time) error {
	if len(queries) == 0 {
		return nil
	}
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(from.Truncate(time.Minute)),
		EndTime:   aws.Time(until.Truncate(time.Minute).Add(time.Minute)),
		ScanBy:    types.ScanByTimestampAscending,
	}
	byID := map[string]*decision.Series{}
	for i, q := range queries {
		id := "q" + strconv.Itoa(i)
		byID[id] = q.into
		metric := &types.Metric{Namespace: aws.String(q.namespace), MetricName: aws.String(q.metric)}
		for name, value := range q.dimensions {
			metric.Dimensions = append(metric.Dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
		}
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{
			Id: aws.String(id),
			MetricStat: &types.MetricStat{
				Metric: metric, Stat: aws.String(q.statistic), Period: aws.Int32(q.seconds),
			},
		})
	}
	pages := cloudwatch.NewGetMetricDataPaginator(c.CloudWatch, in, func(o *cloudwatch.GetMetricDataPaginatorOptions) {
		o.StopOnDuplicateToken = true
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("read metrics of cluster %s: %w", c.ID, err)
		}
		for _, result := range page.MetricDataResults {
			into := byID[aws.ToString(result.Id)]
			if into == nil {
				continue
			}
			for i := range min(len(result.Timestamps), len(result.Values)) {
				*into = append(*into, decision.Sample{Minute: result.Timestamps[i].Unix() / 60, Value: result.Values[i]})
			}
		}
	}
	return nil
}
