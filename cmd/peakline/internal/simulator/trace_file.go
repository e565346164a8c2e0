package simulator

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LoadTrace reads recorded traffic from a file: CSV (a header, then timestamp and number), or the JSON that
// `aws cloudwatch get-metric-data` or `get-metric-statistics` prints. Steps other than a minute are interpolated.
// A row that cannot be read is an error with file:line, the value found and what is allowed.
func LoadTrace(path string) (Trace, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Trace{}, fmt.Errorf("read trace: %w", err)
	}
	return ParseTrace(path, text)
}

// ParseTrace is LoadTrace on the file's text.
func ParseTrace(path string, text []byte) (Trace, error) {
	read := readCSV
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		read = readCloudWatch
	}
	points, err := read(path, text)
	if err != nil {
		return Trace{}, err
	}
	trace, err := everyMinute(path, points)
	if err != nil {
		return Trace{}, err
	}
	name := filepath.Base(path)
	trace.Name = strings.TrimSuffix(name, filepath.Ext(name))
	return trace, nil
}

// recorded is one point of a file and where it stands, for errors.
type recorded struct {
	at    time.Time
	value float64
	place string
}

// timeLayouts are the timestamps that exports use, all UTC unless they name a zone.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", "2006/01/02 15:04:05", "2006/01/02 15:04", "2006-01-02T15:04:05.999Z0700",
}

const timeExamples = "2026-11-27T18:00:00Z, 2026-11-27 18:00:00 or seconds since 1970"

// parseTime accepts timeLayouts and Unix seconds or milliseconds, between 1970 and 2262.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at, at.Unix() >= 0 && at.Year() < 2262
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || number < 0:
		return time.Time{}, false
	case number < 9e9:
		return time.Unix(number, 0).UTC(), true
	case number < 9e12:
		return time.UnixMilli(number).UTC(), true
	}
	return time.Time{}, false
}

func readCSV(path string, text []byte) ([]recorded, error) {
	rows := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	rows.FieldsPerRecord = -1
	rows.TrimLeadingSpace = true
	var points []recorded
	for {
		row, err := rows.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return points, nil
		case errors.As(err, &syntax):
			return nil, fmt.Errorf("%s:%d: %w, want CSV", path, syntax.Line, syntax.Err)
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		line, _ := rows.FieldPos(0)
		place := fmt.Sprintf("%s:%d", path, line)
		if len(row) != 2 {
			return nil, fmt.Errorf("%s: %d columns, want two: timestamp and number", place, len(row))
		}
		at, isTime := parseTime(strings.TrimSpace(row[0]))
		if line == 1 {
			if isTime {
				return nil, fmt.Errorf("%s: %q is data, want a header such as \"timestamp,value\" first", place, row[0])
			}
			continue
		}
		if !isTime {
			return nil, fmt.Errorf("%s: timestamp %q, want for example %s", place, row[0], timeExamples)
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(row[1]), 64)
		if err != nil || !usable(value) {
			return nil, fmt.Errorf("%s: value %q, want a number from 0 to 1e15", place, row[1])
		}
		points = append(points, recorded{at, value, place})
	}
}

func usable(value float64) bool { return value >= 0 && value <= 1e15 }

// cloudWatchOutput is what the AWS CLI prints: MetricDataResults for get-metric-data, Datapoints for
// get-metric-statistics.
type cloudWatchOutput struct {
	MetricDataResults []struct {
		ID         string `json:"Id"`
		Timestamps []string
		Values     []float64
	}
	Datapoints []map[string]any
}

func readCloudWatch(path string, text []byte) ([]recorded, error) {
	var output cloudWatchOutput
	if err := json.Unmarshal(text, &output); err != nil {
		return nil, fmt.Errorf("%s: %w, want the output of aws cloudwatch get-metric-data or get-metric-statistics", path, err)
	}
	var points []recorded
	add := func(place, timestamp string, value float64) error {
		at, ok := parseTime(timestamp)
		if !ok {
			return fmt.Errorf("%s: timestamp %q, want for example %s", place, timestamp, timeExamples)
		}
		if !usable(value) {
			return fmt.Errorf("%s: value %v, want a number from 0 to 1e15", place, value)
		}
		points = append(points, recorded{at, value, place})
		return nil
	}
	// A long range comes in pages, each with a result of the same id.
	for n, result := range output.MetricDataResults {
		if first := output.MetricDataResults[0].ID; result.ID != first {
			return nil, fmt.Errorf("%s: metrics %q and %q, want a query with one metric", path, first, result.ID)
		}
		if len(result.Timestamps) != len(result.Values) {
			return nil, fmt.Errorf("%s: MetricDataResults[%d]: %d timestamps and %d values, want as many of each",
				path, n, len(result.Timestamps), len(result.Values))
		}
		for i, timestamp := range result.Timestamps {
			place := fmt.Sprintf("%s: MetricDataResults[%d].Values[%d]", path, n, i)
			if err := add(place, timestamp, result.Values[i]); err != nil {
				return nil, err
			}
		}
	}
	for i, datapoint := range output.Datapoints {
		place := fmt.Sprintf("%s: Datapoints[%d]", path, i)
		timestamp, _ := datapoint["Timestamp"].(string)
		var statistics []float64
		for key, value := range datapoint {
			if number, ok := value.(float64); ok && key != "Timestamp" {
				statistics = append(statistics, number)
			}
		}
		if len(statistics) != 1 {
			return nil, fmt.Errorf("%s: %d statistics, want one, such as --statistics Sum", place, len(statistics))
		}
		if err := add(place, timestamp, statistics[0]); err != nil {
			return nil, err
		}
	}
	// CloudWatch promises no order.
	slices.SortStableFunc(points, func(a, b recorded) int { return a.at.Compare(b.at) })
	return points, nil
}

const (
	longestTrace = 400 * 24 * time.Hour
	longestGap   = 24 * time.Hour
)

// everyMinute interpolates points to one value a minute. Points within one minute are averaged.
func everyMinute(path string, points []recorded) (Trace, error) {
	if len(points) < 2 {
		return Trace{}, fmt.Errorf("%s: %d rows of data, want at least 2", path, len(points))
	}
	trace := Trace{Start: points[0].at.UTC().Truncate(time.Minute)}
	last, count := 0, 0.0
	for i, p := range points {
		if i > 0 {
			switch gap := p.at.Sub(points[i-1].at); {
			case gap <= 0:
				return Trace{}, fmt.Errorf("%s: %v does not come after %v, want ascending timestamps",
					p.place, p.at.Format(time.RFC3339), points[i-1].at.Format(time.RFC3339))
			case gap > longestGap:
				return Trace{}, fmt.Errorf("%s: %v after the row before, want at most %v between rows", p.place, gap, longestGap)
			}
		}
		if p.at.Sub(trace.Start) > longestTrace {
			return Trace{}, fmt.Errorf("%s: more than %d days after the first row, want a shorter trace",
				p.place, int(longestTrace.Hours()/24))
		}
		minute := int(p.at.Sub(trace.Start) / time.Minute)
		switch {
		case i == 0:
			trace.Load, count = append(trace.Load, p.value), 1
		case minute == last:
			count++
			trace.Load[last] += (p.value - trace.Load[last]) / count
		default:
			from := trace.Load[last]
			for m := last + 1; m <= minute; m++ {
				part := float64(m-last) / float64(minute-last)
				trace.Load = append(trace.Load, from+(p.value-from)*part)
			}
			last, count = minute, 1
		}
	}
	if len(trace.Load) < 2 || math.IsInf(slices.Max(trace.Load), 0) {
		return Trace{}, fmt.Errorf("%s: all rows within one minute, want at least two minutes", path)
	}
	return trace, nil
}
