package flags

import (
	"encoding/json"
	"strings"
	"testing"

	"peakline/config"
)

// configured are the flags of a configuration.
var configured = map[string]config.Flag{
	"recommendations": {Description: "Show recommendations", On: true},
	"dual-write":      {Description: "Write to the old system too", Numbers: map[string]config.FlagNumber{"percent": {Description: "Share", Max: 100}}},
}

func TestAValueThatAnOperatorMovedIsNeverWrittenBack(t *testing.T) {
	moved, err := document{}.with(configured).moved("recommendations", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	moved, err = moved.moved("dual-write", true, map[string]int{"percent": 10})
	if err != nil {
		t.Fatal(err)
	}
	later := map[string]config.Flag{
		"recommendations": {Description: "Show recommendations on product pages", On: true},
		"dual-write":      configured["dual-write"],
		"reviews":         {Description: "Show reviews", On: true},
	}
	after := moved.with(later)
	if after.Values["recommendations"][enabled] != false || after.Values["dual-write"][enabled] != true || after.Values["dual-write"]["percent"] != 10.0 {
		t.Errorf("a newer configuration moves flags back: %v", after.Values)
	}
	if after.Values["reviews"][enabled] != true {
		t.Errorf("a new flag does not start with its first value: %v", after.Values["reviews"])
	}
	if after.Flags["recommendations"].Description != "Show recommendations on product pages" {
		t.Error("a flag keeps its old description")
	}
	if moved.Flags["reviews"].Name != "" || moved.Values["reviews"] != nil {
		t.Error("the document before is changed")
	}
}

func TestAFlagThatTheConfigurationLostStays(t *testing.T) {
	before := document{}.with(configured)
	after := before.with(map[string]config.Flag{"recommendations": configured["recommendations"]})
	if after.Values["dual-write"] == nil {
		t.Error("a deployment from another branch takes a flag away from the services that read it")
	}
}

func TestTheDocumentIsAppConfigs(t *testing.T) {
	want := `{"version":"1","flags":{"dual-write":{"name":"dual-write","description":"Write to the old system too",` +
		`"attributes":{"percent":{"description":"Share","constraints":{"maximum":100,"minimum":0,"required":true,"type":"number"}}}},` +
		`"recommendations":{"name":"recommendations","description":"Show recommendations"}},` +
		`"values":{"dual-write":{"enabled":false,"percent":0},"recommendations":{"enabled":true}}}`
	if got := string(document{}.with(configured).text()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatAppConfigNotesIsNoChange(t *testing.T) {
	ours := document{}.with(configured)
	var noted map[string]map[string]map[string]any
	text := strings.Replace(string(ours.text()), `"version":"1",`, "", 1)
	if err := json.Unmarshal([]byte(text), &noted); err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"flags", "values"} {
		noted[section]["recommendations"]["_createdAt"] = "2026-11-27T14:00:00Z"
		noted[section]["recommendations"]["_updatedAt"] = "2026-11-27T14:00:00Z"
	}
	text2, err := json.Marshal(noted)
	if err != nil {
		t.Fatal(err)
	}
	read, err := parse(text2)
	if err != nil {
		t.Fatal(err)
	}
	if !read.with(configured).equal(read) {
		t.Errorf("each sync would make another version: %s", read.with(configured).text())
	}
}

func TestAFlagIsMovedWithinItsBounds(t *testing.T) {
	d := document{}.with(configured)
	for says, c := range map[string]struct {
		name    string
		numbers map[string]int
		want    string
	}{
		"an unknown flag":          {"dual", nil, `there is no flag "dual", want one of [dual-write recommendations]`},
		"an unknown number":        {"dual-write", map[string]int{"share": 1}, `dual-write has no number "share", want one of [percent]`},
		"a number out of bounds":   {"dual-write", map[string]int{"percent": 101}, "percent of dual-write: 101, want 0 to 100"},
		"a number below its least": {"dual-write", map[string]int{"percent": -1}, "percent of dual-write: -1, want 0 to 100"},
	} {
		if _, err := d.moved(c.name, true, c.numbers); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", says, err, c.want)
		}
	}
}
