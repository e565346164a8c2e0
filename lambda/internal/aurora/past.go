package aurora

import (
	"context"
	"time"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

// Past is what CloudWatch remembers of a cluster: the scaler needs no store of its own.
type Past struct {
	// BusyPercent is the sum over the readers of their utilisation in percent, by minute.
	BusyPercent decision.Series
	// Creates are the creations that the scaler measured.
	Creates []decision.CreateTime
	// ReaderHours is the sum of hours of owned readers since the month began, in UTC.
	ReaderHours float64
}

// Past reads the past since an instant; CloudWatch keeps one-minute points for 15 days.
func (c *Cluster) Past(ctx context.Context, serverless bool, since, now time.Time) (Past, error) {
	utilisation := cpu
	if serverless {
		utilisation = acuUtilization
	}
	own := map[string]string{contract.MetricDimension: c.Environment}
	var past Past
	var seconds, owned decision.Series
	err := c.read(ctx, []query{
		{namespace, utilisation, "Sum", map[string]string{"DBClusterIdentifier": c.ID, "Role": "READER"}, minute, &past.BusyPercent},
		{contract.MetricNamespace, contract.MetricCreateSeconds, "Maximum", own, minute, &seconds},
	}, since, now)
	if err != nil {
		return Past{}, err
	}
	month := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	err = c.read(ctx, []query{
		{contract.MetricNamespace, contract.MetricOwned, "Average", own, hour, &owned},
	}, month, now)
	if err != nil {
		return Past{}, err
	}
	for _, s := range seconds {
		past.Creates = append(past.Creates, decision.CreateTime{
			At: time.Unix(s.Minute*60, 0), Took: time.Duration(s.Value * float64(time.Second)),
		})
	}
	for _, s := range owned {
		past.ReaderHours += s.Value
	}
	return past, nil
}

// Run is what the scaler's own metrics tell of its last run.
type Run struct {
	At                       time.Time // the minute it ran in; zero: none in the last hour
	Desired, Serving, Coming int
}

// LastRun reads the last run within an hour.
func (c *Cluster) LastRun(ctx context.Context, now time.Time) (Run, error) {
	var desired, serving, coming decision.Series
	own := map[string]string{contract.MetricDimension: c.Environment}
	err := c.read(ctx, []query{
		{contract.MetricNamespace, contract.MetricDesired, "Maximum", own, minute, &desired},
		{contract.MetricNamespace, contract.MetricServing, "Maximum", own, minute, &serving},
		{contract.MetricNamespace, contract.MetricComing, "Maximum", own, minute, &coming},
	}, now.Add(-time.Hour), now)
	if err != nil || len(desired) == 0 {
		return Run{}, err
	}
	last := func(series decision.Series) int {
		if len(series) == 0 {
			return 0
		}
		return int(series[len(series)-1].Value)
	}
	return Run{
		At:      time.Unix(desired[len(desired)-1].Minute*60, 0),
		Desired: last(desired), Serving: last(serving), Coming: last(coming),
	}, nil
}
