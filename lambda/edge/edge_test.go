package edge

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"peakline/lambda/edge/edgetest"
	"peakline/test/programs"
)

var (
	shop = Settings{Domains: []string{"shop.example.com", "www.example.com"}, Dynamic: []string{"/api/cart/*", "/api/cart", "/ws/erp"}, SecondOrigin: "Second"}
	none = Settings{Dynamic: shop.Dynamic}
)

// TestTheShippedFunctions runs them under Node.js: viewer.test.mjs says what they have to do. Every branch has to be taken.
func TestTheShippedFunctions(t *testing.T) {
	node := programs.Find(t, "no Node.js in node_modules: make node_modules/.ready", "../../node_modules/.bin/node")
	folder := edgetest.Folder(t, map[string]string{"viewer": Viewer(shop), "bare": Viewer(none), "sorry": Sorry()})
	command := exec.Command(node, "--test", "--experimental-test-coverage", "--test-coverage-branches=100", "--test-coverage-functions=100",
		"--test-coverage-include="+filepath.Join(folder, "viewer.mjs"), "--test-coverage-include="+filepath.Join(folder, "sorry.mjs"), "viewer.test.mjs")
	command.Env = append(os.Environ(), "EDGE_FUNCTIONS="+folder)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// TestTheFunctionsFitIntoCloudFront keeps room for the paths of a large shop.
func TestTheFunctionsFitIntoCloudFront(t *testing.T) {
	large := shop
	for n := range 75 {
		large.Dynamic = append(large.Dynamic, fmt.Sprintf("/api/some-service-%02d/*", n))
	}
	for name, text := range map[string]string{"viewer.js": Viewer(large), "sorry.js": Sorry()} {
		if len(text) > MaxBytes {
			t.Errorf("%s has %d bytes, CloudFront takes %d", name, len(text), MaxBytes)
		}
	}
}

// lacking is what JavaScript has and CloudFront's runtime 2.0 has not, or restricts.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
var lacking = map[string]string{
	`\?\.[A-Za-z_\[(]`:                "optional chaining",
	`\?\?`:                            "the nullish operator",
	`\.\.\.`:                          "spread and rest",
	`\bclass\b`:                       "classes",
	`\bfor\b[^;{]*\bof\b`:             "for...of",
	`\bfunction\s*\*|\byield\b`:       "generators",
	`\b(const|let|var)\s*[\[{]`:       "destructuring",
	`\basync\s*\(|\basync\s+\w+\s*=>`: "asynchronous closures",
	`[(,]\s*await\b`:                  "await in an argument",
	`\b(eval|Function|setTimeout|setInterval|fetch|require)\s*\(`: "dynamic code, timers and the network",
	`\bcatch\s*\{`: "catch without a name",
	`\bexport\b`:   "exports",
}

func TestTheFunctionsUseTheLanguageOfTheRuntime(t *testing.T) {
	words := regexp.MustCompile(`//.*|'[^'\n]*'`)
	for name, function := range map[string]string{"viewer.js": Viewer(shop), "sorry.js": Sorry()} {
		code := words.ReplaceAllString(function, "")
		for pattern, what := range lacking {
			if found := regexp.MustCompile(pattern).FindString(code); found != "" {
				t.Errorf("%s uses %s (%q), which CloudFront's runtime lacks", name, what, found)
			}
		}
		if imports := regexp.MustCompile(`(?m)^import .* from '(.*)';$`).FindAllStringSubmatch(function, -1); name == "viewer.js" {
			for _, found := range imports {
				if !slices.Contains([]string{"cloudfront", "crypto"}, found[1]) {
					t.Errorf("%s imports %s", name, found[1])
				}
			}
		}
	}
}
