package test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const runbookFolder = "../docs/runbooks"

// runbookSections are what somebody who was just woken looks for, in this order.
var runbookSections = []string{"## What it means", "## What is done about it already", "## Look first", "## Likely causes", "## Escalate"}

// TestEveryAlarmHasItsRunbook keeps the pages and the alarms together: no alarm without a page, no page without an alarm.
func TestEveryAlarmHasItsRunbook(t *testing.T) {
	severities := map[string]string{}
	for _, a := range synthesized(t).assemblies {
		for _, alarm := range a.all("AWS::CloudWatch::Alarm") {
			if match := alarmDescription.FindStringSubmatch(alarm.text("AlarmDescription")); match != nil {
				severities[match[2]] = match[1]
			}
		}
	}
	pages, err := filepath.Glob(filepath.Join(runbookFolder, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		written[strings.TrimSuffix(filepath.Base(page), ".md")] = string(text)
	}
	for _, name := range slices.Sorted(maps.Keys(severities)) {
		page, exists := written[name]
		if !exists {
			t.Errorf("docs/runbooks/%s.md is missing: whoever is paged by the alarm finds nothing", name)
			continue
		}
		checkRunbook(t, name, severities[name], page)
	}
	for name := range written {
		if severities[name] == "" && name != "README" {
			t.Errorf("docs/runbooks/%s.md belongs to no alarm of any environment: remove it, or add a variant that has the alarm", name)
		}
		if name != "README" && !strings.Contains(written["README"], "("+name+".md)") {
			t.Errorf("docs/runbooks/README.md does not list %s", name)
		}
	}
}

// awsCommand is a call of the AWS CLI.
var awsCommand = regexp.MustCompile(`\baws [a-z0-9-]+ [a-z0-9-]+`)

func checkRunbook(t *testing.T, name, severity, page string) {
	t.Helper()
	if !strings.HasPrefix(page, "# "+name+" ("+severity+")\n") {
		t.Errorf("docs/runbooks/%s.md does not begin with \"# %s (%s)\", the alarm's name and severity", name, name, severity)
	}
	last := -1
	for _, section := range runbookSections {
		at := strings.Index(page, section+"\n")
		if at <= last {
			t.Errorf("docs/runbooks/%s.md has no section %q in its place", name, section)
		}
		last = at
	}
	if commands := awsCommand.FindAllString(page, -1); len(commands) < 3 {
		t.Errorf("docs/runbooks/%s.md has %d AWS CLI commands, want the three to begin with", name, len(commands))
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)`).FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join(runbookFolder, link[1])); err != nil {
			t.Errorf("docs/runbooks/%s.md links to %s, which does not exist", name, link[1])
		}
	}
}
