package cloudwatch

import (
	"fmt"
	"strings"
	"testing"
)

// points reads AWS's way to write a series: X breaches, 0 does not, - is missing.
func points(text string) Series {
	var values Series
	for _, point := range strings.Fields(text) {
		values = append(values, map[string]float64{"X": 2, "0": 0, "-": Missing}[point])
	}
	return values
}

// TestAWSsOwnExamples are the two tables of the page on missing data: three periods, of which three and two must breach.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func TestAWSsOwnExamples(t *testing.T) {
	const keeps = State("keeps")
	for _, example := range []struct {
		breaching int
		points    string
		want      [4]State // missing, ignore, breaching, notBreaching
	}{
		{3, "0 - X - X", [4]State{OK, OK, OK, OK}},
		{3, "- - - - 0", [4]State{OK, OK, OK, OK}},
		{3, "- - - - -", [4]State{InsufficientData, keeps, Alarm, OK}},
		{3, "0 X X - X", [4]State{Alarm, Alarm, Alarm, Alarm}},
		{3, "- - X - -", [4]State{Alarm, keeps, Alarm, OK}},
		{2, "0 - X - X", [4]State{Alarm, Alarm, Alarm, Alarm}},
		{2, "0 0 X 0 X", [4]State{Alarm, Alarm, Alarm, Alarm}},
		{2, "0 - X - -", [4]State{OK, OK, Alarm, OK}},
		{2, "- - - - 0", [4]State{OK, OK, Alarm, OK}},
		{2, "- - - X -", [4]State{Alarm, keeps, Alarm, OK}},
	} {
		for i, missing := range []string{"missing", "ignore", "breaching", "notBreaching"} {
			rule := Rule{Comparison: "GreaterThanThreshold", Threshold: 1, Breaching: example.breaching, Periods: 3, Missing: missing}
			for _, before := range []State{OK, Alarm} {
				want := example.want[i]
				if want == keeps {
					want = before
				}
				if got := rule.Next(before, points(example.points)); got != want {
					t.Errorf("%d of 3, %s, missing data is %s, before %s: %s, want %s", example.breaching, example.points, missing, before, got, want)
				}
			}
		}
	}
}

func TestComparisonsHoldAtTheThreshold(t *testing.T) {
	for comparison, want := range map[string]State{
		"GreaterThanThreshold": OK, "GreaterThanOrEqualToThreshold": Alarm, "LessThanThreshold": OK, "LessThanOrEqualToThreshold": Alarm,
	} {
		rule := Rule{Comparison: comparison, Threshold: 1, Breaching: 1, Periods: 1, Missing: "notBreaching"}
		if got := rule.Next(OK, Series{1}); got != want {
			t.Errorf("%s of 1 and 1: %s, want %s", comparison, got, want)
		}
	}
}

func TestExpressions(t *testing.T) {
	metrics := map[string]Series{
		"a": {1, 2, Missing, 8}, "b": {10, Missing, Missing, 4}, "zero": {0, 0, 0, 0},
	}
	for expression, want := range map[string]string{
		"a + b":                          "[11 NaN NaN 12]",
		"FILL(a, 0) + FILL(b, 1)":        "[11 3 1 12]",
		"100 * a / b":                    "[10 NaN NaN 200]",
		"a / zero":                       "[NaN NaN NaN NaN]",
		"2 * a - 1":                      "[1 3 NaN 15]",
		"MAX([a, b])":                    "[10 2 NaN 8]",
		"MIN([a, b, zero])":              "[0 0 0 0]",
		"SUM([a, b])":                    "[11 2 NaN 12]",
		"IF(a >= 2, b, 0)":               "[0 NaN NaN 4]",
		"IF(FILL(a, 0) > 0 && b > 5, 1)": "",
		"IF(FILL(b, 0) == 0, 1, 0)":      "[0 1 1 0]",
		"MAX([a, 50])":                   "", // an array of a series and a number
		"MAX(a, b)":                      "",
		"[a, b]":                         "",
		"100":                            "",
		"unknown + a":                    "",
		"FILL(100, 0)":                   "",
		"a +":                            "",
		"a.b()":                          "",
	} {
		got, err := Evaluate(expression, metrics)
		if refused := want == ""; refused != (err != nil) || !refused && fmt.Sprint(got) != want {
			t.Errorf("%s is %v (%v), want %q", expression, got, err, want)
		}
	}
}

// FuzzEvaluate finds what the evaluator would panic on.
func FuzzEvaluate(f *testing.F) {
	for _, expression := range []string{"MAX([a, b])", "IF(a > 1 && b != 2, FILL(a, 0), 0)", "100 * (a - b) / a", "[]", "()", "FILL(a, b)"} {
		f.Add(expression)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		values, err := Evaluate(expression, map[string]Series{"a": {1, Missing}, "b": {0, 2}})
		if err == nil && len(values) != 2 {
			t.Errorf("%q has %d periods, want 2", expression, len(values))
		}
	})
}
