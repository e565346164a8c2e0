package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// buildspec is what a CodeBuild project runs.
type buildspec struct {
	Version float64
	Env     struct {
		Shell             string
		ExportedVariables []string `yaml:"exported-variables"`
	}
	Phases map[string]struct{ Commands []string }
}

func readBuildspec(t *testing.T, name string) buildspec {
	t.Helper()
	text, err := os.ReadFile("../constructs/buildspecs/" + name + ".yml")
	if err != nil {
		t.Fatal(err)
	}
	var spec buildspec
	if err := yaml.Unmarshal(text, &spec); err != nil {
		t.Fatalf("%s is no buildspec: %v", name, err)
	}
	return spec
}

// run runs the commands of the build phase as CodeBuild does, in one shell that ends with the first failure, and prints the
// exported variables at the end. The programs of folder come before the machine's.
func (s buildspec) run(t *testing.T, folder string, environment ...string) (exported map[string]string, output string, err error) {
	t.Helper()
	script := "set -e\nfinish() { code=$?; env; exit $code; }\ntrap finish EXIT\n" + strings.Join(s.Phases["build"].Commands, "\n")
	command := exec.Command("bash", "-c", script)
	command.Dir = ".."
	command.Env = append(os.Environ(), append(environment, "PATH="+folder+":"+os.Getenv("PATH"))...)
	text, err := command.CombinedOutput()
	exported = map[string]string{}
	for line := range strings.Lines(string(text)) {
		for _, name := range s.Env.ExportedVariables {
			if value, found := strings.CutPrefix(line, name+"="); found {
				exported[name] = strings.TrimSpace(value)
			}
		}
	}
	return exported, string(text), err
}

// The guard's commands run against an assembly and templates on disk in place of CloudFormation's: a stand-in for the built tool
// takes the flag away and gives it the folder.
func TestTheGuardEndsAnExecution(t *testing.T) {
	guard := readBuildspec(t, "guard")
	folder := t.TempDir()
	tool := filepath.Join(folder, "real-peakline")
	if out, err := exec.Command("go", "build", "-o", tool, "../cmd/peakline").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	deployed := filepath.Join(folder, "deployed")
	// `go build -o /tmp/peakline` writes the stand-in, which calls the real tool.
	write(filepath.Join(folder, "go"), "#!/bin/sh\nprintf '#!/bin/sh\\nshift 2\\nexec "+tool+" diff -old "+deployed+" \"$@\"\\n' > \"$3\"\nchmod +x \"$3\"\n")
	const withBucket, without = `{"Resources":{"B":{"Type":"AWS::S3::Bucket"},"N":{"Type":"AWS::SNS::Topic"}}}`, `{"Resources":{"N":{"Type":"AWS::SNS::Topic"}}}`
	write(filepath.Join(deployed, "prod-Storage.template.json"), withBucket)
	for _, c := range []struct {
		name, template, summary string
		fails                   bool
	}{
		{"nothing changes", withBucket, "**No changes.**", false},
		{"a bucket would go", without, "deletes-stateful", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			assembly := t.TempDir()
			write(filepath.Join(assembly, "assembly-prod", "prod-Storage.template.json"), c.template)
			exported, output, err := guard.run(t, folder, "ENVIRONMENT=prod", "CODEBUILD_SRC_DIR_Assembly="+assembly, "CODEBUILD_BUILD_URL=https://console.example/build/1")
			if (err != nil) != c.fails {
				t.Errorf("ended with %v, want a failure: %t\n%s", err, c.fails, output)
			}
			var exit *exec.ExitError
			if c.fails && (!errors.As(err, &exit) || exit.ExitCode() != 3) {
				t.Errorf("ended with %v, want exit code 3, which says that something dangerous has no waiver", err)
			}
			if !strings.Contains(exported["DIFF_SUMMARY"], c.summary) || exported["DIFF_URL"] != "https://console.example/build/1" {
				t.Errorf("exports %v, want a summary with %q and the build's address", exported, c.summary)
			}
		})
	}
}

// What a step runs has to be there: each make target and script that a buildspec names.
func TestBuildspecsNameWhatIsThere(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../constructs/buildspecs/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no buildspecs: %v", err)
	}
	for _, file := range files {
		spec := readBuildspec(t, strings.TrimSuffix(filepath.Base(file), ".yml"))
		if spec.Version != 0.2 || spec.Env.Shell != "bash" || len(spec.Phases["build"].Commands) == 0 {
			t.Errorf("%s: version %v for %q with %d commands, want 0.2 for bash with some", file, spec.Version, spec.Env.Shell, len(spec.Phases["build"].Commands))
		}
		for _, command := range spec.Phases["build"].Commands {
			if target, isMake := strings.CutPrefix(command, "make "); isMake && !strings.Contains(string(makefile), "\n"+target+":") {
				t.Errorf("%s: make has no target %s", file, target)
			}
			if script, isScript := strings.CutPrefix(command, "bash "); isScript {
				if _, err := os.Stat(filepath.Join("..", script)); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			}
			if out, err := exec.Command("bash", "-n", "-c", command).CombinedOutput(); err != nil {
				t.Errorf("%s: %q is no command of bash: %s", file, command, out)
			}
		}
	}
}
