package replay

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheChartIsWellFormedAndNamesEveryPolicy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chart.svg")
	if _, err := replayed(t, "-trace", "planned-flash-sale", "-seeds", "1", "-format", "svg", "-output", path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(string(text)))
	elements := map[string]int{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("a browser would refuse the chart: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
	if elements["svg"] != 1 || elements["path"] < 50 {
		t.Errorf("elements %v, want one svg with the paths of every panel", elements)
	}
	for _, want := range []string{"planned-flash-sale", "Load", "peakline", "target-tracking", "static-peak", "oracle",
		"yellow: in the calendar", "What good service costs"} {
		if !strings.Contains(string(text), ">"+want+"<") {
			t.Errorf("the chart says nothing of %q", want)
		}
	}
	if strings.Contains(string(text), "NaN") || strings.Contains(string(text), "Inf") {
		t.Error("a coordinate is no number: part of the chart would be missing")
	}
}

func TestAChartThatCannotBeWrittenIsAnError(t *testing.T) {
	_, err := replayed(t, "-trace", "spikes", "-seeds", "1", "-only", "oracle", "-format", "svg", "-output", filepath.Join(t.TempDir(), "no", "where.svg"))
	if err == nil || !strings.Contains(err.Error(), "write report") {
		t.Errorf("error %v, want it to name the report", err)
	}
}
