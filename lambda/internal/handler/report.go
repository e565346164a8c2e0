package handler

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/settings"
)

// Report is what one run saw, decided and did.
type Report struct {
	At       time.Time
	Message  Message
	Ignored  string // why nothing was read; empty: it was
	Policy   decision.Policy
	Override settings.OverrideStatus
	Cluster  decision.Cluster
	Members  []decision.Member // with their recent samples
	Decision decision.Decision
	Detailed bool // the members' own series were read
	// KeepAll says that what could forbid a deletion was unreadable, so that nothing was deleted.
	KeepAll bool

	Creates []decision.Create // carried out
	Deletes []string          // carried out
	Created []time.Duration   // how long the creations took that ended since the last run
	// ReaderHours is the sum of hours of owned readers since the month began.
	ReaderHours float64
	Failures    []Failure

	blindMinutes int64
}

// Failure is one call that failed; the run went on.
type Failure struct {
	Doing string
	aurora.Failure
}

func (r *Report) fail(doing string, err error) Failure {
	failure := Failure{Doing: doing, Failure: aurora.Classify(err)}
	r.Failures = append(r.Failures, failure)
	return failure
}

// metric is one value in CloudWatch's embedded metric format.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type metric struct {
	name, unit string
	value      any // a number, or a list of up to 100
}

// metrics are the run's metrics. A run that failed or looked at nothing has no heartbeat.
func (r Report) metrics(failed bool) []metric {
	errs := len(r.Failures)
	if failed {
		return []metric{{contract.MetricErrors, "Count", errs + 1}}
	}
	if r.Ignored != "" {
		return nil
	}
	d := r.Decision
	has := func(reason decision.Reason) bool { return slices.Contains(d.Reasons, reason) }
	metrics := []metric{
		{contract.MetricHeartbeat, "Count", 1},
		{contract.MetricErrors, "Count", errs},
		{contract.MetricDesired, "Count", d.Desired},
		{contract.MetricServing, "Count", d.Serving},
		{contract.MetricComing, "Count", d.Coming},
		{contract.MetricNeed, "Count", d.Need},
		{contract.MetricDemand, "None", d.Demand},
		{contract.MetricForecast, "None", d.Forecast},
		{contract.MetricShortfall, "Count", d.Shortfall},
		{contract.MetricBlindMinutes, "Count", r.blindMinutes},
		{contract.MetricRefused, "Count", r.refused()},
		{contract.MetricLagVerdict, "Count", flag(d.Lag == decision.LagWriteBound)},
		{contract.MetricImbalance, "Count", flag(d.Skewed)},
		{contract.MetricWriterHot, "Count", flag(has(decision.ReasonHoldWriterHot))},
		{contract.MetricOwned, "Count", billed(r.Members)},
		{contract.MetricReaderHours, "None", r.ReaderHours},
	}
	if len(r.Created) > 0 {
		seconds := make([]float64, 0, len(r.Created))
		for _, took := range r.Created {
			seconds = append(seconds, took.Seconds())
		}
		metrics = append(metrics, metric{contract.MetricCreateSeconds, "Seconds", seconds})
	}
	return metrics
}

// billed counts the scaler's readers that AWS bills: those that became available and are not gone.
func billed(members []decision.Member) int {
	n := 0
	for _, m := range members {
		if m.Owned && m.Status != "creating" && m.Status != "deleting" {
			n++
		}
	}
	return n
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

func (r Report) refused() int {
	n := 0
	for _, failure := range r.Failures {
		if failure.Kind == aurora.Refused {
			n++
		}
	}
	return n
}

// log writes the run's one line: for people, for `peakline scaler`, and, through the embedded metric format, for CloudWatch.
func (h *Handler) log(r Report, err error) {
	d := r.Decision
	attributes := []slog.Attr{
		slog.String("cluster", h.Cluster.ID),
		slog.String("trigger", cmp.Or(string(r.Message.Trigger), "unknown")),
		slog.String("subject", r.Message.Subject),
	}
	level, text := slog.LevelInfo, "decided"
	switch {
	case err != nil:
		level, text = slog.LevelError, "failed"
		attributes = append(attributes, slog.String("error", err.Error()), slog.String("code", aurora.Classify(err).Code))
	case r.Ignored != "":
		text = "ignored"
		attributes = append(attributes, slog.String("why", r.Ignored))
	default:
		attributes = append(attributes,
			slog.String("mode", string(r.Policy.Mode)),
			slog.String("state", string(d.State)),
			slog.Any("reasons", d.Reasons),
			slog.Int("min", r.Policy.Min),
			slog.Int("max", r.Policy.Max),
			slog.Float64("leadMinutes", d.Lead.Minutes()),
			slog.String("lag", string(d.Lag)),
			slog.Bool("detailed", r.Detailed),
			slog.Any("proposedCreates", d.Creates),
			slog.Any("proposedDeletes", d.Deletes),
			slog.Any("created", r.Creates),
			slog.Any("deleted", r.Deletes),
		)
		if r.Override != settings.OverrideAbsent {
			attributes = append(attributes, slog.String("overrideStatus", string(r.Override)), slog.Any("override", r.Policy.Override))
		}
		if r.KeepAll {
			attributes = append(attributes, slog.Bool("keepAll", true))
		}
	}
	if len(r.Failures) > 0 {
		level = max(level, slog.LevelWarn)
		var failures []map[string]string
		for _, f := range r.Failures {
			failures = append(failures, map[string]string{
				"doing": f.Doing, "kind": string(f.Kind), "code": f.Code, "error": strings.TrimSpace(f.Err.Error()),
			})
		}
		attributes = append(attributes, slog.Any("failures", failures))
	}
	attributes = append(attributes, embedded(h.Cluster.Environment, r.At, r.metrics(err != nil))...)
	h.logger.LogAttrs(context.Background(), level, text, attributes...)
}

// embedded declares the metrics of a line and adds their values.
func embedded(environment string, at time.Time, metrics []metric) []slog.Attr {
	if len(metrics) == 0 {
		return nil
	}
	type definition struct {
		Name string
		Unit string
	}
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	declared := directive{Namespace: contract.MetricNamespace, Dimensions: [][]string{{contract.MetricDimension}}}
	values := []slog.Attr{slog.String(contract.MetricDimension, environment)}
	for _, m := range metrics {
		declared.Metrics = append(declared.Metrics, definition{m.name, m.unit})
		values = append(values, slog.Any(m.name, m.value))
	}
	return append(values, slog.Any("_aws", struct {
		Timestamp         int64 // milliseconds since the Unix epoch
		CloudWatchMetrics []directive
	}{at.UnixMilli(), []directive{declared}}))
}
