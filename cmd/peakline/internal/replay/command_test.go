package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"peakline/lambda/decision"
)

// replayed runs the subcommand as the shell would and returns what it prints.
func replayed(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := &cli.Command{
		Name: "peakline", Commands: []*cli.Command{Command(noPolicy)}, Writer: &out, ErrWriter: &out,
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	err := root.Run(context.Background(), append([]string{"peakline", "replay"}, args...))
	return out.String(), err
}

// noPolicy stands for a policy file that cannot be read.
func noPolicy(file string) (decision.Policy, error) {
	return decision.Policy{}, fmt.Errorf("read policy %s: no such file", file)
}

// shortTrace is four hours with a hump, every five minutes.
func shortTrace(t *testing.T) string {
	t.Helper()
	text := "timestamp,value\n"
	for minute := 0; minute <= 240; minute += 5 {
		value := "300"
		if minute > 90 && minute < 180 {
			value = "900"
		}
		text += "2026-11-27 " + []string{"08", "09", "10", "11", "12"}[minute/60] + ":" + twoDigits(minute%60) + ":00," + value + "\n"
	}
	path := filepath.Join(t.TempDir(), "hump.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

func TestTheTableMarksTheShippedSetting(t *testing.T) {
	out, err := replayed(t, "-trace", shortTrace(t), "-seeds", "1", "-only", "peakline", "-only", "oracle")
	if shipped := fmt.Sprintf(" %g* ", decision.ProductionPolicy().CapPercent); err != nil || !strings.Contains(out, shipped) || strings.Count(out, "* ") != 2 {
		t.Errorf("%v, want %q and its explanation and no other star in\n%s", err, shipped, out)
	}
}

func TestJSONKeepsItsContract(t *testing.T) {
	out, err := replayed(t, "-trace", shortTrace(t), "-seeds", "2", "-format", "json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Trace string           `json:"trace"`
		Runs  []map[string]any `json:"runs"`
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("the output is not one JSON document: %v", err)
	}
	if doc.Trace != "hump" {
		t.Errorf("trace %q, want \"hump\"", doc.Trace)
	}
	count := map[string]int{}
	for _, run := range doc.Runs {
		policy, _ := run["policy"].(string)
		setting, _ := run["setting"].(string)
		for _, field := range []string{"badPercent", "readerHours", "minimumHours", "actionsPerDay", "cpuOverMinutes", "seed"} {
			if _, ok := run[field].(float64); !ok {
				t.Fatalf("%s at %s: %s is %v, want a number: scripts that read the replay would break", policy, setting, field, run[field])
			}
		}
		count[policy+" "+setting]++
	}
	for _, want := range []string{"peakline 67", "target-tracking 0.50", "static-peak 0.65", "oracle 0.80"} {
		if count[want] != 2 {
			t.Errorf("%d runs of %q, want one for each of 2 seeds; there are %v", count[want], want, count)
		}
	}
}

func TestSeveralTracesAreOneJSONDocumentALine(t *testing.T) {
	path := shortTrace(t)
	out, err := replayed(t, "-trace", path, "-trace", path, "-seeds", "1", "-only", "oracle", "-format", "json")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !json.Valid([]byte(lines[1])) {
		t.Errorf("%d lines, want 2 JSON documents", len(lines))
	}
}

func TestTableNamesEveryPolicy(t *testing.T) {
	out, err := replayed(t, "-trace", shortTrace(t), "-seeds", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"peakline", "target-tracking", "scheduled-tracking", "alarm-lambda", "kubernetes-hpa",
		"static-peak", "static-mean", "oracle", "best of 4 variants"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table says nothing of %q:\n%s", want, out)
		}
	}
}

func TestWhatCannotBeReplayedSaysWhatIsAllowed(t *testing.T) {
	path := shortTrace(t)
	plant := filepath.Join(t.TempDir(), "plant.yaml")
	if err := os.WriteFile(plant, []byte("readers:\n  maximum: 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no trace":         {nil, `"trace"`},
		"unknown trace":    {[]string{"-trace", "flashsale"}, "nor one of the built-in names:\n  flash-sale"},
		"unknown format":   {[]string{"-trace", path, "-format", "png"}, `format "png", want table, json or svg`},
		"svg of two":       {[]string{"-trace", path, "-trace", path, "-format", "svg"}, "with 2 traces, want one"},
		"bar as json":      {[]string{"-trace", path, "-bar", "-format", "json"}, "with -bar, want table"},
		"unknown policy":   {[]string{"-trace", path, "-only", "magic"}, `only "magic", want one of peakline, target-tracking`},
		"no seeds":         {[]string{"-trace", path, "-seeds", "0"}, "seeds: 0, want 1 to 1000"},
		"a floor in prose": {[]string{"-trace", path, "-floor", "friday=3"}, "want FROM/UNTIL=READERS with 1 to 15"},
		"a floor too high": {[]string{"-trace", path, "-floor", "2026-11-27T08:00:00Z/2026-11-27T12:00:00Z=16"}, "with 1 to 15 readers"},
		"a misspelt plant": {[]string{"-trace", path, "-plant", plant}, "maximum"},
		"negative peak":    {[]string{"-trace", path, "-peak", "-1"}, "peak of -1 requests/s"},
		"policy not there": {[]string{"-trace", path, "-policy", "nowhere.json"}, "read policy"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := replayed(t, test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestTheJudgementComparesOneSettingForAllTraces(t *testing.T) {
	out, err := replayed(t, "-bar", "-trace", shortTrace(t), "-trace", "spikes", "-seeds", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"One setting for all 2 traces", "hump", "spikes", "way to the oracle",
		fmt.Sprintf("peakline as shipped (%g), target tracking at 0.60", decision.ProductionPolicy().CapPercent), "times fewer"} {
		if !strings.Contains(out, want) {
			t.Errorf("the judgement says nothing of %q:\n%s", want, out)
		}
	}
}
