package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"peakline/lambda/decision"
)

const goodLine = `{"now":"2026-11-18T12:00:00Z","cluster":{"status":"available"},"members":[]}`

func TestDecideKeepsTheAnswersBeforeABadLine(t *testing.T) {
	var out bytes.Buffer
	err := decideLines(strings.NewReader(goodLine+"\n\n"+goodLine+"\n{\"now\":7}\n"+goodLine+"\n"), &out, decision.ProductionPolicy())
	if err == nil || !strings.Contains(err.Error(), "line 4") {
		t.Errorf("error %v, want one that names line 4", err)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d answers were written before the bad line, want 2: %s", n, out.String())
	}
}

func TestDecideAnswersALastLineWithoutALineBreak(t *testing.T) {
	var out bytes.Buffer
	if err := decideLines(strings.NewReader(goodLine), &out, decision.ProductionPolicy()); err != nil || out.Len() == 0 {
		t.Errorf("error %v, output %q, want one answer", err, out.String())
	}
}

func TestPolicyFilesStateOnlyWhatDiffers(t *testing.T) {
	file := policyFile(t, "min: 3\nstabilisation: 20m\nfloors:\n  - name: sale\n    from: 2026-11-27T08:00:00Z\n    until: 2026-11-27T20:00:00Z\n    readers: 9\n")
	policy, err := readPolicy(file)
	if err != nil {
		t.Fatal(err)
	}
	want := decision.ProductionPolicy()
	if policy.Min != 3 || policy.Stabilisation.Duration != 20*time.Minute || policy.Max != want.Max || policy.CapPercent != want.CapPercent {
		t.Errorf("policy %+v, want the file over the shipped policy", policy)
	}
	if len(policy.Floors) != 1 || policy.Floors[0].Name != "sale" || policy.Floors[0].Readers != 9 ||
		!policy.Floors[0].From.Equal(time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("floors %+v, want the sale from 8 o'clock", policy.Floors)
	}
}

func TestAPolicyFileThatStatesNothingIsTheShippedPolicy(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "blank": "\n\n", "comments only": "# to be tuned\n#min: 3\n", "a document without content": "---\n", "JSON's null": "null\n",
	} {
		t.Run(name, func(t *testing.T) {
			policy, err := readPolicy(policyFile(t, text))
			if err != nil || !reflect.DeepEqual(policy, decision.ProductionPolicy()) {
				t.Errorf("policy %+v, error %v, want the shipped policy: a file of comments must not stop the scaler", policy, err)
			}
		})
	}
}

// TestTheDocumentedPolicyFileIsRead keeps the page's example true, and complete.
func TestTheDocumentedPolicyFileIsRead(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "decide-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the page has no example of a policy file")
	}
	policy, err := readPolicy(policyFile(t, example))
	if err != nil {
		t.Fatalf("the page's policy file is refused: %v", err)
	}
	fields := reflect.ValueOf(policy)
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() {
			t.Errorf("field %s is not in the page's policy file, or is not read from it", fields.Type().Field(i).Name)
		}
	}
	sale := time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)
	switch {
	case len(policy.Floors) != 2 || !policy.Floors[0].From.Equal(sale) || policy.Floors[0].Readers != 9 || policy.Floors[1].LoadMultiple != 3 || policy.Floors[1].Lead.Duration != 45*time.Minute:
		t.Errorf("floors %+v, want those of the page: the sale would start without its readers", policy.Floors)
	case len(policy.Freezes) != 1 || policy.Freezes[0].Name == "" || !policy.Freezes[0].From.Before(policy.Freezes[0].Until):
		t.Errorf("freezes %+v, want that of the page", policy.Freezes)
	case policy.Override.Floor != 4 || policy.Override.Until.IsZero():
		t.Errorf("override %+v, want that of the page", policy.Override)
	}
}

func TestBadPolicyFilesSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"an unknown field":      {"min: 2\nmaximum: 9\n", []string{"maximum", "2:"}},
		"a name in capitals":    {"MIN: 3\n", []string{"MIN"}},
		"a field twice":         {"min: 3\nmin: 4\n", []string{"min", "2:"}},
		"a floor's typo":        {"floors:\n  - name: sale\n    form: 2026-11-27T08:00:00Z\n", []string{"form", "3:"}},
		"a duration of minutes": {"stabilisation: 20\n", []string{"duration", "20"}},
		"several mistakes":      {"min: 9\nmax: 4\ncapPercent: 300\n", []string{"min: 9 is above max 4", "capPercent: 300, want 20 to 110"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readPolicy(policyFile(t, c.text))
			if err == nil {
				t.Fatalf("policy %q was taken", c.text)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

func TestFlagsTakeOneDashOrTwo(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	for _, flag := range []string{"-policy", "--policy"} {
		err := root().Run(context.Background(), []string{"peakline", "decide", flag, missing})
		if err == nil || !strings.Contains(err.Error(), "none.yaml") {
			t.Errorf("%s gave %v, want an error that names the file it could not read", flag, err)
		}
	}
}

func policyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
