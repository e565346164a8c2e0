package canary

import (
	"os/exec"
	"testing"

	"peakline/test/programs"
)

// TestTheWalk runs the shipped script on Node.js against a shop on this machine.
func TestTheWalk(t *testing.T) {
	node := programs.Find(t, "no Node.js in node_modules: make node_modules/.ready", "../../node_modules/.bin/node")
	command := exec.Command(node, "--test", "--experimental-test-coverage", "--test-coverage-branches=100", "--test-coverage-functions=100",
		"--test-coverage-include=**/walk.js", "walk.test.mjs")
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
