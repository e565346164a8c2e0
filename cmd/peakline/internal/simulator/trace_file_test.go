package simulator

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func TestTracesOfManyFormatsBecomeMinutes(t *testing.T) {
	start := time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		text string
		want []float64
	}{
		"RFC 3339, every minute":           {"t,v\n2026-11-27T18:00:00Z,1\n2026-11-27T18:01:00Z,3\n", []float64{1, 3}},
		"another zone":                     {"t,v\n2026-11-27T19:00:00+01:00,1\n2026-11-27T19:01:00+01:00,3\n", []float64{1, 3}},
		"a space, five minutes apart":      {"timestamp,value\n2026-11-27 18:00:00,0\n2026-11-27 18:05:00,10\n", []float64{0, 2, 4, 6, 8, 10}},
		"without seconds, slashes":         {"a,b\n2026/11/27 18:00,1\n2026/11/27 18:01,2\n", []float64{1, 2}},
		"seconds since 1970":               {"t,v\n1795802400,1\n1795802460,2\n", []float64{1, 2}},
		"milliseconds since 1970":          {"t,v\n1795802400000,1\n1795802460000,2\n", []float64{1, 2}},
		"finer than a minute is averaged":  {"t,v\n2026-11-27T18:00:00Z,1\n2026-11-27T18:00:30Z,3\n2026-11-27T18:01:00Z,7\n", []float64{2, 7}},
		"byte order mark, Windows lines":   {"\xef\xbb\xbft,v\r\n2026-11-27T18:00:00Z, 1\r\n2026-11-27T18:01:00Z, 2\r\n", []float64{1, 2}},
		"timestamps off the full minute":   {"t,v\n2026-11-27T18:00:10Z,1\n2026-11-27T18:01:10Z,2\n", []float64{1, 2}},
		"get-metric-data, unordered pages": {`{"MetricDataResults":[{"Id":"d","Label":"x","Timestamps":["2026-11-27T18:02:00+00:00","2026-11-27T18:01:00Z"],"Values":[3,2]},{"Id":"d","Timestamps":["2026-11-27T18:00:00Z"],"Values":[1]}],"Messages":[]}`, []float64{1, 2, 3}},
		"get-metric-statistics":            {` {"Label":"CPUUtilization","Datapoints":[{"Timestamp":"2026-11-27T18:01:00+00:00","Sum":4.5,"Unit":"Percent"},{"Timestamp":"2026-11-27T18:00:00Z","Sum":1,"Unit":"Percent"}]}`, []float64{1, 4.5}},
	} {
		t.Run(name, func(t *testing.T) {
			trace, err := ParseTrace("dir/day.csv", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if !trace.Start.Equal(start) || !slices.Equal(trace.Load, test.want) || trace.Name != "day" {
				t.Errorf("%q from %v: %v, want \"day\" from %v: %v", trace.Name, trace.Start, trace.Load, start, test.want)
			}
		})
	}
}

func TestBadTracesNameFileLineValueAndRemedy(t *testing.T) {
	const good = "t,v\n2026-11-27 18:00:00,1\n"
	for name, test := range map[string]struct{ text, want string }{
		"empty":                  {"", "day.csv: 0 rows of data, want at least 2"},
		"header only":            {"t,v\n", "day.csv: 0 rows of data, want at least 2"},
		"no header":              {"2026-11-27 18:00:00,1\n2026-11-27 18:01:00,1\n", `day.csv:1: "2026-11-27 18:00:00" is data, want a header`},
		"a word for a number":    {good + "2026-11-27 18:01:00,lots\n", `day.csv:3: value "lots", want a number from 0 to 1e15`},
		"a negative number":      {good + "2026-11-27 18:01:00,-4\n", `day.csv:3: value "-4"`},
		"not a number":           {good + "2026-11-27 18:01:00,NaN\n", `day.csv:3: value "NaN"`},
		"infinite":               {good + "2026-11-27 18:01:00,1e999\n", `day.csv:3: value "1e999"`},
		"an empty cell":          {good + "2026-11-27 18:01:00,\n", `day.csv:3: value ""`},
		"a bad time":             {good + "27.11.2026,4\n", `day.csv:3: timestamp "27.11.2026", want for example 2026-11-27T18:00:00Z`},
		"three columns":          {good + "2026-11-27 18:01:00,4,5\n", "day.csv:3: 3 columns, want two"},
		"backwards":              {good + "2026-11-27 17:00:00,4\n", "day.csv:3: 2026-11-27T17:00:00Z does not come after 2026-11-27T18:00:00Z"},
		"a hole of two days":     {good + "2026-11-29 18:01:00,4\n", "day.csv:3: 48h1m0s after the row before, want at most 24h0m0s"},
		"a stray quote":          {good + "2026-11-27 18:01:00,\"4\n", "day.csv:"},
		"one minute only":        {good + "2026-11-27 18:00:30,4\n", "day.csv: all rows within one minute"},
		"broken JSON":            {`{"MetricDataResults":[`, "want the output of aws cloudwatch get-metric-data"},
		"two metrics":            {`{"MetricDataResults":[{"Id":"a"},{"Id":"b"}]}`, `metrics "a" and "b", want a query with one metric`},
		"more times than values": {`{"MetricDataResults":[{"Id":"a","Timestamps":["2026-11-27T18:00:00Z"]}]}`, "1 timestamps and 0 values"},
		"two statistics":         {`{"Datapoints":[{"Timestamp":"2026-11-27T18:00:00Z","Sum":1,"Average":2}]}`, "Datapoints[0]: 2 statistics, want one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTrace("day.csv", []byte(test.text))
			if err == nil || !contains(err.Error(), test.want) {
				t.Errorf("error %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestScalingPutsTheHighestMinuteAtThePeak(t *testing.T) {
	trace := Trace{Name: "x", Load: []float64{1, 4, 2}}
	scaled, err := trace.ScaledTo(12400)
	if err != nil || !slices.Equal(scaled.Load, []float64{3100, 12400, 6200}) {
		t.Errorf("scaled to %v, error %v", scaled.Load, err)
	}
	if _, err := (Trace{Name: "x", Load: []float64{0, 0}}).ScaledTo(1); err == nil {
		t.Error("a trace without traffic scaled to a peak: every figure after it would be NaN")
	}
	if _, err := trace.ScaledTo(-3); err == nil {
		t.Error("a negative peak was accepted")
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add([]byte("timestamp,value\n2014-04-10 00:04:00,94.0\n2014-04-10 00:09:00,56.0\n"))
	f.Add([]byte(`{"MetricDataResults":[{"Id":"d","Timestamps":["2026-11-27T18:00:00Z"],"Values":[1]}]}`))
	f.Add([]byte(`{"Datapoints":[{"Timestamp":"2026-11-27T18:00:00Z","Sum":1}]}`))
	f.Add([]byte("t,v\n0,1\n60,1\n99999999999,3\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		trace, err := ParseTrace("fuzz.csv", text)
		if err != nil {
			return
		}
		if len(trace.Load) < 2 || trace.Days() > 401 {
			t.Fatalf("accepted a trace of %d minutes", len(trace.Load))
		}
		for minute, load := range trace.Load {
			if math.IsNaN(load) || load < 0 || load > 1e15 {
				t.Fatalf("minute %d has load %g", minute, load)
			}
		}
	})
}
