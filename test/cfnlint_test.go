package test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cfnLintIgnored are rules of cfn-lint that contradict a decision of ours.
var cfnLintIgnored = map[string]string{
	"W3010": "zones come from configuration: a zone that AWS chooses moves subnets when AWS changes its mind",
	"W3005": "the CDK states dependencies of a function on its role that a reference implies as well",
}

// TestCfnLint holds the templates of all environments against AWS's resource schemas, region by region.
func TestCfnLint(t *testing.T) {
	var arguments []string
	for rule := range cfnLintIgnored {
		arguments = append(arguments, "--ignore-checks", rule)
	}
	// Properties that cfn-lint's schemas lack yet; the emulated account reads the same file.
	arguments = append(arguments, "--override-spec", "emulator/newer_properties.json", "--format", "parseable", "--template")
	result := synthesized(t)
	for _, a := range result.assemblies {
		for _, s := range a.stacks {
			arguments = append(arguments, s.file)
		}
	}
	output, err := exec.Command(cfnLint(t), arguments...).CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run cfn-lint: %v", err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(output)), "\n") {
		if line != "" {
			t.Error(strings.TrimPrefix(line, result.directory+"/"))
		}
	}
	if err != nil && len(output) == 0 {
		t.Errorf("cfn-lint: %v", err)
	}
}

// cfnLint is the one of the virtual environment that make sets up, or the machine's own.
func cfnLint(t *testing.T) string {
	t.Helper()
	own, err := filepath.Abs("../.venv/bin/cfn-lint")
	if err != nil {
		t.Fatal(err)
	}
	for _, candidate := range []string{own, "cfn-lint"} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatal("cfn-lint is not installed: `make test-templates` installs it into .venv and runs this test")
	return ""
}
