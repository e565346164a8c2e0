package diff

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"
)

const (
	withTable    = `{"Resources":{"T":{"Type":"AWS::DynamoDB::Table"},"N":{"Type":"AWS::SNS::Topic"}}}`
	withoutTable = `{"Resources":{"N":{"Type":"AWS::SNS::Topic"}}}`
)

// folder writes files and returns their folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// peakline runs the subcommand and returns what it prints.
func peakline(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := &cli.Command{Name: "peakline", Writer: &out, Commands: []*cli.Command{Command()}, ExitErrHandler: func(context.Context, *cli.Command, error) {}}
	err := root.Run(t.Context(), append([]string{"peakline", "diff"}, arguments...))
	return out.String(), err
}

func code(err error) int {
	var coder cli.ExitCoder
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coder):
		return coder.ExitCode()
	}
	return 1
}

func TestDangerousChangesExitWithThree(t *testing.T) {
	old, new := folder(t, map[string]string{"prod-Data.template.json": withTable}), folder(t, map[string]string{"prod-Data.template.json": withoutTable})
	out, err := peakline(t, "-old", old, "-new", new, "-format", "json", "-environments", t.TempDir()+"/none")
	if code(err) != exitDangerous {
		t.Errorf("exit %d (%v), want %d: the guard would let a table go", code(err), err, exitDangerous)
	}
	var report struct {
		Changes []Change
		Worst   Class
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	want := Change{"prod-Data", "T", "AWS::DynamoDB::Table", DeletesStateful, "deleted with its data", false}
	if report.Worst != DeletesStateful || len(report.Changes) != 1 || report.Changes[0] != want {
		t.Errorf("reported %+v, want %+v", report, want)
	}
}

func TestNoChangesAreAnEmptyReport(t *testing.T) {
	same := folder(t, map[string]string{"prod-Data.template.json": withTable})
	for format, want := range map[string]string{"table": "No changes.\n", "markdown": "**No changes.**\n", "json": "{\n  \"changes\": [],\n  \"worst\": \"none\"\n}\n"} {
		if out, err := peakline(t, "-old", same, "-new", same, "-format", format); out != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", format, out, err, want)
		}
	}
}

// An assembly knows the stacks' names from its manifest; a folder of deployed templates has them as file names.
func TestAnAssemblyIsComparedWithDeployedTemplates(t *testing.T) {
	deployed := folder(t, map[string]string{"prod-Data.template.json": withTable})
	assembly := folder(t, map[string]string{
		"assembly-prod/prodData0123ABCD.template.json": withoutTable,
		"assembly-prod/manifest.json":                  `{"artifacts":{"prodData0123ABCD":{"properties":{"templateFile":"prodData0123ABCD.template.json","stackName":"prod-Data"}}}}`,
		"asset.abc/other.template.json":                `not a template`,
	})
	out, err := peakline(t, "-old", deployed, "-new", assembly, "-environments", t.TempDir()+"/none")
	if code(err) != exitDangerous || !strings.Contains(out, "prod-Data") || strings.Contains(out, "AWS::SNS::Topic") {
		t.Errorf("%v\n%s\nwant the table's deletion in prod-Data and nothing of the topic", err, out)
	}
}

func TestAWaiverLetsOneChangePassUntilItsDay(t *testing.T) {
	old, new := folder(t, map[string]string{"dev-Database.template.json": withTable}), folder(t, map[string]string{"dev-Database.template.json": withoutTable})
	text, err := os.ReadFile("../../../../config/environments/dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, waiver string
		exit         int
		unused       string
	}{
		{"a valid one", `{stack: Database, resource: T, class: deletes-stateful, reason: The table moved away, expires: "2026-12-01"}`, 0, ""},
		{"one that has ended", `{stack: Database, resource: T, class: deletes-stateful, reason: The table moved away, expires: "2026-11-30"}`, exitDangerous, ""},
		{"one for another class", `{stack: Database, resource: T, class: widens-iam, reason: The table moved away, expires: "2026-12-01"}`, exitDangerous,
			"dev.yaml: waivers[0] matches no change: nothing here is widens-iam of T in Database. Mend it, or take it out"},
		{"one for another resource", `{stack: Database, resource: U, class: deletes-stateful, reason: The table moved away, expires: "2026-12-01"}`, exitDangerous,
			"nothing here is deletes-stateful of U in Database"},
		{"one for another stack", `{stack: Storage, resource: T, class: deletes-stateful, reason: The table moved away, expires: "2026-12-01"}`, exitDangerous,
			"nothing here is deletes-stateful of T in Storage"},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory := folder(t, map[string]string{"dev.yaml": string(text) + "\nwaivers:\n  - " + c.waiver + "\n"})
			oldStacks, err := read(old)
			if err != nil {
				t.Fatal(err)
			}
			newStacks, err := read(new)
			if err != nil {
				t.Fatal(err)
			}
			changes := Compare(oldStacks, newStacks)
			files, err := filesOf(directory, newStacks, lastDay)
			if err != nil {
				t.Fatal(err)
			}
			unused := strings.Join(files.waive(changes, lastDay), "\n")
			if (unused == "") != (c.unused == "") || !strings.Contains(unused, c.unused) {
				t.Errorf("tells %q of waivers without a change, want %q", unused, c.unused)
			}
			if blocked := len(Blocking(changes)) > 0; blocked != (c.exit == exitDangerous) {
				t.Errorf("blocked %v: %+v", blocked, changes)
			}
		})
	}
}

// What the report offers is pasted into the file and lets everything pass, once somebody has written a reason.
func TestTheOfferedWaiversFitTheFile(t *testing.T) {
	dev, err := os.ReadFile("../../../../config/environments/dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	old := folder(t, map[string]string{"dev-Database.template.json": withTable, "dev-Storage.template.json": withTable})
	new := folder(t, map[string]string{"dev-Database.template.json": withoutTable, "dev-Storage.template.json": withoutTable})
	for format, ends := range map[string]string{"table": "\npeakline", "markdown": "```"} {
		environments := folder(t, map[string]string{"dev.yaml": string(dev)})
		out, err := peakline(t, "-old", old, "-new", new, "-format", format, "-environments", environments)
		if code(err) != exitDangerous || !strings.Contains(out, environments+"/dev.yaml") {
			t.Fatalf("%s: %v, want the file named that the waivers are for:\n%s", format, err, out)
		}
		_, offered, found := strings.Cut(out, "waivers:\n")
		offered, _, _ = strings.Cut(offered, ends)
		if !found || strings.Count(offered, "- {") != 2 {
			t.Fatalf("%s: offers %q in:\n%s\nwant a waiver for each of the two tables", format, offered, out)
		}
		if out, err := peakline(t, "-old", old, "-new", new, "-environments", folder(t, map[string]string{"dev.yaml": string(dev) + "\nwaivers:\n" + offered})); code(err) != 1 || !strings.Contains(err.Error(), "reason") {
			t.Errorf("%s: without a reason: %v\n%s\nwant the file refused", format, err, out)
		}
		offered = strings.ReplaceAll(offered, "reason: ,", "reason: the tables have moved away,")
		if out, err := peakline(t, "-old", old, "-new", new, "-environments", folder(t, map[string]string{"dev.yaml": string(dev) + "\nwaivers:\n" + offered})); code(err) != 0 {
			t.Errorf("%s: with reasons: %v\n%s", format, err, out)
		}
	}
}

func TestWhatCannotBeReadSaysWhere(t *testing.T) {
	good := folder(t, map[string]string{"a.template.json": withTable})
	for name, c := range map[string]struct {
		old  string
		want string
	}{
		"a folder that is not there":   {good + "/nowhere", "nowhere"},
		"a folder without templates":   {t.TempDir(), "want an assembly (cdk.out) or a folder of templates"},
		"a template that is no JSON":   {folder(t, map[string]string{"a.template.json": "{\n\n]"}), "a.template.json: line 3: "},
		"a template without resources": {folder(t, map[string]string{"a.template.json": "{}"}), "no Resources, want a CloudFormation template"},
		"a resource without a type":    {folder(t, map[string]string{"a.template.json": `{"Resources":{"A":{}}}`}), "resource A has no Type"},
		"a file without a text":        {folder(t, map[string]string{"a.template.json": " \n"}), "a.template.json: nothing in it, want one JSON object"},
		"half a template":              {folder(t, map[string]string{"a.template.json": "{\n\"Resources\": {"}), "a.template.json: line 2: the JSON ends too early"},
		"a template in YAML":           {folder(t, map[string]string{"a.template.json": "Resources:\n"}), "a.template.json: line 1: no JSON: invalid character 'R'"},
		"a list":                       {folder(t, map[string]string{"a.template.json": "[]"}), "a.template.json: line 1: all of it: JSON array, want an object"},
		"properties that are a list":   {folder(t, map[string]string{"a.template.json": "{\"Resources\": {\"A\": {\"Type\": \"T\",\n\"Properties\": []}}}"}), "line 2: Resources.Properties: JSON array, want an object"},
		"a type that is a number":      {folder(t, map[string]string{"a.template.json": `{"Resources": {"A": {"Type": 1}}}`}), "line 1: Resources.Type: JSON number, want a string"},
		"a resource that stands twice": {folder(t, map[string]string{"a.template.json": "{\"Resources\": {\"A\": {\"Type\": \"T\"},\n\"A\": {\"Type\": \"T\"}}}"}), `a.template.json: line 2: the key "A" stands a second time, want it once`},
		"two templates in a file":      {folder(t, map[string]string{"a.template.json": withTable + withTable}), "something follows the template, want one JSON object"},
	} {
		if _, err := peakline(t, "-old", c.old, "-new", good); code(err) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := peakline(t, "-old", good, "-new", good, "-format", "xml"); code(err) != 1 || !strings.Contains(err.Error(), "want one of json, markdown, table") {
		t.Errorf("an unknown format: %v", err)
	}
}

// lastDay is the last moment of a waiver that expires on the first of December.
var lastDay = time.Date(2026, 12, 1, 23, 59, 0, 0, time.UTC)

// A waiver that was left behind is told even when there is nothing left to waive.
func TestAWaiverWithoutAChangeIsTold(t *testing.T) {
	dev, err := os.ReadFile("../../../../config/environments/dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	waiver := fmt.Sprintf("\nwaivers:\n  - {stack: Database, resource: T, class: deletes-stateful, reason: The table moved away, expires: %q}\n",
		time.Now().UTC().AddDate(0, 0, 7).Format(time.DateOnly))
	environments := folder(t, map[string]string{"dev.yaml": string(dev) + waiver})
	same := folder(t, map[string]string{"dev-Database.template.json": withTable})
	for format, where := range map[string]string{"table": "\n", "markdown": "\n", "json": `"unusedWaivers": [`} {
		out, err := peakline(t, "-old", same, "-new", same, "-format", format, "-environments", environments)
		if err != nil || !strings.Contains(out, where) || !strings.Contains(out, environments+"/dev.yaml: waivers[0] matches no change") {
			t.Errorf("%s: %v\n%s\nwant the waiver and its file named", format, err, out)
		}
	}
}

func TestTheMetadataOfTheCDKIsNothingThatRuns(t *testing.T) {
	const without, one, two = `{"Resources":{"N":{"Type":"AWS::SNS::Topic"}}}`,
		`{"Resources":{"N":{"Type":"AWS::SNS::Topic"},"CDKMetadata":{"Type":"AWS::CDK::Metadata","Properties":{"Analytics":"v2:a"}}}}`,
		`{"Resources":{"N":{"Type":"AWS::SNS::Topic"},"CDKMetadata":{"Type":"AWS::CDK::Metadata","Properties":{"Analytics":"v2:b"}}}}`
	for name, c := range map[string][2]string{"it comes": {without, one}, "it changes": {one, two}, "it goes": {one, without}} {
		old, new := folder(t, map[string]string{"a.template.json": c[0]}), folder(t, map[string]string{"a.template.json": c[1]})
		if out, err := peakline(t, "-old", old, "-new", new); err != nil || !strings.Contains(out, "1 cosmetic.") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
