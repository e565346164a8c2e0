package test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	// `go build -o FILE` writes the stand-in, which calls the real tool.
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
			exported, output, err := readBuildspec(t, "guard").within(t, t.TempDir(), folder, "ENVIRONMENT=prod", "CODEBUILD_SRC_DIR_Assembly="+assembly, "CODEBUILD_BUILD_URL=https://console.example/build/1")
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

// standIns puts programs into a folder that write down how they are called, and end as the test wants: what a call that contains
// one of the keys does. It gives the calls.
func standIns(t *testing.T, does map[string]string, programs ...string) (folder string, calls func() []string) {
	t.Helper()
	folder = t.TempDir()
	log := filepath.Join(folder, "calls")
	script := "#!/bin/bash\ncall=\"$(basename \"$0\") $*\"\necho \"$call\" >> " + log + "\ncase \"$call\" in\n"
	for _, part := range slices.Sorted(maps.Keys(does)) {
		script += "*'" + part + "'*) " + does[part] + " ;;\n"
	}
	script += "esac\n"
	for _, program := range programs {
		if err := os.WriteFile(filepath.Join(folder, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder, func() []string {
		text, err := os.ReadFile(log)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

// within runs the build phase in a folder of the test's own, with /tmp in it.
func (s buildspec) within(t *testing.T, folder, programs string, environment ...string) (exported map[string]string, output string, err error) {
	t.Helper()
	for i, command := range s.Phases["build"].Commands {
		s.Phases["build"].Commands[i] = strings.ReplaceAll(command, "/tmp/", folder+"/")
	}
	s.Phases["build"].Commands[0] = "cd " + folder + "\n" + s.Phases["build"].Commands[0]
	return s.run(t, programs, environment...)
}

func TestAServiceIsTestedBuiltAndPushed(t *testing.T) {
	const registry, image = "111111111111.dkr.ecr.eu-west-1.amazonaws.com", "111111111111.dkr.ecr.eu-west-1.amazonaws.com/peakline-dev/order:abc"
	tests := "docker build --platform linux/arm64 --file build/Dockerfile --target test ."
	builds := "docker build --platform linux/arm64 --file build/Dockerfile --provenance=false --label org.opencontainers.image.revision=abc --tag " + image + " ."
	asks := "aws ecr describe-images --profile push --repository-name peakline-dev/order --image-ids imageTag=abc"
	for _, c := range []struct {
		name  string
		does  map[string]string
		calls []string // login comes in either order of its two sides
		fails bool
	}{
		{"a new commit", map[string]string{"describe-images": "exit 254"}, []string{tests, builds, asks, "docker push " + image}, false},
		{"a commit that was built before", nil, []string{tests, builds, asks}, false},
		{"its tests fail", map[string]string{"--target test": "exit 1"}, []string{tests}, true},
		{"its image cannot be built", map[string]string{"--tag": "exit 1"}, []string{tests, builds}, true},
		{"it cannot log in", map[string]string{"login --username": "exit 1"}, []string{tests, builds}, true},
		{"it cannot push", map[string]string{"describe-images": "exit 254", "docker push": "exit 1"}, []string{tests, builds, asks, "docker push " + image}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			programs, calls := standIns(t, c.does, "docker", "aws")
			folder := t.TempDir()
			if err := os.MkdirAll(filepath.Join(folder, "services/order"), 0o755); err != nil {
				t.Fatal(err)
			}
			_, output, err := readBuildspec(t, "image").within(t, folder, programs, "FOLDER=./services/order", "DOCKERFILE=build/Dockerfile",
				"COMMIT=abc", "IMAGE="+image, "PUSH_ROLE=arn:aws:iam::111111111111:role/peakline-dev-push-order", "PUSH_REGION=eu-west-1")
			got := slices.DeleteFunc(calls(), func(call string) bool { return strings.Contains(call, "login") })
			if (err != nil) != c.fails || !slices.Equal(got, c.calls) {
				t.Errorf("ended with %v after\n%s\nwant\n%s\n%s", err, strings.Join(got, "\n"), strings.Join(c.calls, "\n"), output)
			}
			if !c.fails && !slices.Contains(calls(), "docker login --username AWS --password-stdin "+registry) {
				t.Errorf("did not log in to %s: %v", registry, calls())
			}
		})
	}
}

// configured is the AWS configuration that a buildspec wrote.
func configured(t *testing.T, folder string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "aws"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// asPeakline lets `go build -o FILE` put a stand-in where the tool is expected, which writes its calls beside the others.
const asPeakline = `[ "$1" = build ] && cp "$0" "$3"`

func TestTheGateStopsAnImage(t *testing.T) {
	const image = "111111111111.dkr.ecr.eu-west-1.amazonaws.com/peakline-dev/order:abc"
	for _, c := range []struct {
		name, summary string
		does          map[string]string
		sbom          bool
		code          int
	}{
		{"it is as it should be", "it: linux/arm64, 12 MB, 0 findings, and 0 waived", nil, true, 0},
		{"it weighs too much", "", map[string]string{"image check": "exit 3"}, false, 3},
		{"it has holes", "it: linux/arm64, 12 MB, 2 findings, and 0 waived", map[string]string{"image scan": "echo CVE-1; echo '2 findings, and 0 waived'; exit 3"}, false, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			does := map[string]string{"go build": asPeakline, "image check": "echo 'it: linux/arm64, 12 MB'", "image scan": "echo '0 findings, and 0 waived'", "go run": "touch sbom.spdx.json"}
			maps.Copy(does, c.does)
			programs, calls := standIns(t, does, "go")
			folder := t.TempDir()
			exported, output, err := readBuildspec(t, "gate").within(t, folder, programs, "IMAGE="+image, "SERVICE=order",
				"PULL_ROLE=arn:aws:iam::111111111111:role/peakline-dev-pull", "PULL_REGION=eu-west-1")
			var exit *exec.ExitError
			if code := 0; errors.As(err, &exit) && exit.ExitCode() != c.code || err == nil && c.code != code {
				t.Errorf("ended with %v, want code %d\n%s", err, c.code, output)
			}
			if exported["SUMMARY"] != c.summary {
				t.Errorf("says %q, want %q", exported["SUMMARY"], c.summary)
			}
			if _, err := os.Stat(filepath.Join(folder, "sbom.spdx.json")); (err == nil) != c.sbom {
				t.Errorf("a list of parts: %t, want %t", err == nil, c.sbom)
			}
			for call, wanted := range map[string]bool{
				"peakline image check " + image + " -profile pull -save " + folder + "/image":                                    true,
				"peakline image scan " + image + " -service order -profile pull":                                                 c.does["image check"] == "",
				"go run github.com/anchore/syft/cmd/syft@v1.57.1 oci-dir:" + folder + "/image --output spdx-json=sbom.spdx.json": c.sbom,
			} {
				if slices.Contains(calls(), call) != wanted {
					t.Errorf("ran\n%s\nwant %t: %s", strings.Join(calls(), "\n"), wanted, call)
				}
			}
			if want := "[profile pull]\nrole_arn = arn:aws:iam::111111111111:role/peakline-dev-pull\ncredential_source = EcsContainer\nregion = eu-west-1\n"; configured(t, folder) != want {
				t.Errorf("acts as\n%s\nwant\n%s", configured(t, folder), want)
			}
		})
	}
}

func TestAReleaseBringsItsImageFirst(t *testing.T) {
	for _, fails := range []bool{false, true} {
		does := map[string]string{"go build": asPeakline}
		if fails {
			does["image copy"] = "exit 1"
		}
		programs, calls := standIns(t, does, "go")
		folder := t.TempDir()
		_, output, err := readBuildspec(t, "release").within(t, folder, programs, "SERVICE=order", "ENVIRONMENT=prod", "REGION=eu-west-1", "FROM=dev/order:abc", "IMAGE=prod/order:abc",
			"PULL_ROLE=arn:aws:iam::111111111111:role/peakline-dev-pull", "PULL_REGION=us-east-1", "RELEASE_ROLE=arn:aws:iam::333333333333:role/peakline-prod-release")
		if (err != nil) != fails {
			t.Errorf("ended with %v, want a failure: %t\n%s", err, fails, output)
		}
		want := []string{"go build -o " + folder + "/peakline ./cmd/peakline",
			"peakline image copy dev/order:abc prod/order:abc -from-profile pull -profile release",
			"peakline release start order -env prod -image prod/order:abc -region eu-west-1 -profile release"}
		if fails {
			want = want[:2]
		}
		if !slices.Equal(calls(), want) {
			t.Errorf("ran\n%s\nwant\n%s", strings.Join(calls(), "\n"), strings.Join(want, "\n"))
		}
		if want := "[profile pull]\nrole_arn = arn:aws:iam::111111111111:role/peakline-dev-pull\ncredential_source = EcsContainer\nregion = us-east-1\n" +
			"[profile release]\nrole_arn = arn:aws:iam::333333333333:role/peakline-prod-release\ncredential_source = EcsContainer\nregion = eu-west-1\n"; configured(t, folder) != want {
			t.Errorf("acts as\n%s\nwant\n%s", configured(t, folder), want)
		}
	}
}

// The pipelines give subcommands and flags to the tool that it has to know.
func TestTheToolKnowsWhatBuildspecsAskOfIt(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "peakline")
	if out, err := exec.Command("go", "build", "-o", tool, "../cmd/peakline").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	called := 0
	for _, name := range []string{"alarms", "gate", "guard", "release"} {
		for _, command := range readBuildspec(t, name).Phases["build"].Commands {
			_, call, found := strings.Cut(command, "/tmp/peakline ")
			if !found || strings.HasPrefix(command, "go build") {
				continue
			}
			called++
			words := strings.Fields(call)
			subcommand := words[:1]
			if !strings.HasPrefix(words[1], "-") {
				subcommand = words[:2]
			}
			help, err := exec.Command(tool, append(slices.Clone(subcommand), "--help")...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s", name, err, help)
			}
			for _, word := range words {
				if flag, isFlag := strings.CutPrefix(word, "-"); isFlag && !strings.Contains(string(help), "--"+flag+" ") && !strings.Contains(string(help), "--"+flag+"\t") {
					t.Errorf("%s: peakline %s has no flag -%s", name, strings.Join(subcommand, " "), flag)
				}
			}
		}
	}
	if called != 6 {
		t.Errorf("%d calls of the tool were looked at, want six", called)
	}
}
