package test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCdkNag holds every construct of every environment against cdk-nag's AwsSolutions pack. A finding is mended, or
// acknowledged with a reason beside the construct it concerns.
func TestCdkNag(t *testing.T) {
	result := synthesized(t)
	for _, a := range result.assemblies {
		for _, s := range a.stacks {
			reports, err := filepath.Glob(filepath.Join(filepath.Dir(a.folder), "AwsSolutions-*"+s.name+"-NagReport.json"))
			if err != nil || len(reports) != 1 {
				t.Errorf("%s: %d reports of cdk-nag (%v), want one: nothing judged this stack", s.name, len(reports), err)
				continue
			}
			var report struct {
				Lines []struct{ RuleID, ResourceID, Compliance, ExceptionReason, RuleInfo string }
			}
			if err := readJSON(reports[0], &report); err != nil {
				t.Error(err)
				continue
			}
			for _, line := range report.Lines {
				switch line.Compliance {
				case "Compliant", "N/A":
				case "Suppressed":
					if len(strings.Fields(line.ExceptionReason)) < 4 {
						t.Errorf("%s: %s is acknowledged with %q, want a reason that a stranger understands", line.ResourceID, line.RuleID, line.ExceptionReason)
					}
				default:
					t.Errorf("%s: %s (%s): %s", line.ResourceID, line.RuleID, line.Compliance, line.RuleInfo)
				}
			}
		}
	}
}

// TestNoWarnings fails on what the CDK would print at every synthesis, until nobody reads it any more.
func TestNoWarnings(t *testing.T) {
	for _, a := range synthesized(t).assemblies {
		files, err := filepath.Glob(filepath.Join(a.folder, "*.metadata.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no metadata in %s (%v)", a.environment.Name, a.folder, err)
		}
		for _, file := range files {
			var metadata map[string][]struct {
				Type string
				Data any
			}
			if err := readJSON(file, &metadata); err != nil {
				t.Fatal(err)
			}
			for path, entries := range metadata {
				for _, entry := range entries {
					text, _ := entry.Data.(string)
					if strings.HasPrefix(text, "AwsSolutions-") {
						continue // TestCdkNag's
					}
					if slices.ContainsFunc(a.environment.Warnings, func(warning string) bool { return strings.HasPrefix(text, warning) }) {
						continue // of what the operator chose, and D10 speaks of it
					}
					if entry.Type == "aws:cdk:warning" || entry.Type == "aws:cdk:error" {
						t.Errorf("%s: %s", path, text)
					}
				}
			}
		}
	}
}

// TestBuiltInValidation proves that the CDK's own validation of the templates ran and refused nothing; a finding would
// have failed the synthesis.
func TestBuiltInValidation(t *testing.T) {
	for _, a := range synthesized(t).assemblies {
		var report struct {
			PluginReports []struct {
				PluginName, Conclusion string
				Violations             []any
			}
		}
		if err := readJSON(filepath.Join(filepath.Dir(a.folder), "validation-report.json"), &report); err != nil {
			t.Fatal(err)
		}
		ran := false
		for _, plugin := range report.PluginReports {
			if plugin.PluginName != "CloudFormation Validate" {
				continue
			}
			ran = true
			if plugin.Conclusion != "success" || len(plugin.Violations) > 0 {
				t.Errorf("the CDK's validation ends with %s: %v", plugin.Conclusion, plugin.Violations)
			}
		}
		if !ran {
			t.Error("the CDK's validation did not run: the flag @aws-cdk/core:validateAgainstDefaultRules is off in cdk.json")
		}
	}
}
