// Command bench prints what a synthesis costs beside that of an empty CDK app in the same run, because machines and their
// moods differ, and how large the functions are. make bench adds the Go benchmarks of the decision and the function.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

const (
	runs = 3
	// emptyApp is the environment variable with which this program calls itself to be the empty CDK app.
	emptyApp = "PEAKLINE_EMPTY_APP"
)

func main() {
	if os.Getenv(emptyApp) != "" {
		app := awscdk.NewApp(nil)
		stack := awscdk.NewStack(app, jsii.String("Empty"), nil)
		awscdk.NewCfnWaitConditionHandle(stack, jsii.String("Handle"), nil) // a template must have one resource
		app.Synth(nil)
		return
	}
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench() error {
	folder, err := os.MkdirTemp("", "peakline-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	app := filepath.Join(folder, "app")
	if output, err := exec.Command("go", "build", "-o", app, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("build the app: %w\n%s", err, output)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}

	empty, emptyUnjudged, err := both(func(more ...string) *exec.Cmd {
		return synthesis(self, filepath.Join(folder, "empty"), "", append(more, emptyApp+"=1")...)
	})
	if err != nil {
		return err
	}
	fmt.Printf("%-24s %8s %10s %22s %22s\n", "synthesis (median of "+fmt.Sprint(runs)+")", "seconds", "resources", "s above empty per 100", "without CDK validation")
	fmt.Printf("%-24s %8.2f %10d %22s %20.2f s\n", "empty app", empty.Seconds(), 0, "", emptyUnjudged.Seconds())
	for _, environment := range []string{"local", "prod"} {
		output := filepath.Join(folder, environment)
		took, unjudged, err := both(func(more ...string) *exec.Cmd { return synthesis(app, output, environment, more...) })
		if err != nil {
			return err
		}
		resources, err := countResources(output)
		if err != nil {
			return err
		}
		fmt.Printf("%-24s %8.2f %10d %22.2f %20.2f s\n", environment, took.Seconds(), resources,
			(took-empty).Seconds()/float64(resources)*100, unjudged.Seconds())
	}
	return printFunctions()
}

// both runs an app as it is, and without the CDK's own validation of the templates, which is the gate of a synthesis and
// the largest part of its time.
func both(app func(variables ...string) *exec.Cmd) (whole, unjudged time.Duration, err error) {
	if whole, err = median(func() *exec.Cmd { return app() }); err != nil {
		return 0, 0, err
	}
	unjudged, err = median(func() *exec.Cmd { return app("CDK_VALIDATION=false") })
	return whole, unjudged, err
}

// printFunctions prints the size of each function's binary, which the syntheses have just built.
func printFunctions() error {
	binaries, err := filepath.Glob(filepath.Join(".cache", "functions", "*", "bootstrap"))
	if err != nil {
		return err
	}
	fmt.Printf("\n%-22s %9s\n", "function (arm64)", "MB")
	for _, path := range binaries {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Printf("%-22s %9.1f\n", filepath.Base(filepath.Dir(path)), float64(info.Size())/1e6)
	}
	return nil
}

// synthesis runs an app the way the CDK CLI does: with the output folder, and with the context of cdk.json and -c env=.
func synthesis(app, output, environment string, variables ...string) *exec.Cmd {
	var file struct{ Context map[string]any }
	content, err := os.ReadFile("cdk.json")
	if err == nil {
		err = json.Unmarshal(content, &file)
	}
	if err != nil {
		panic(fmt.Sprintf("read cdk.json: %v", err))
	}
	file.Context["env"] = environment
	context, err := json.Marshal(file.Context)
	if err != nil {
		panic(err)
	}
	command := exec.Command(app)
	command.Env = append(os.Environ(), append(variables, "CDK_OUTDIR="+output, "CDK_CONTEXT_JSON="+string(context))...)
	return command
}

func median(command func() *exec.Cmd) (time.Duration, error) {
	var times []time.Duration
	for range runs {
		c := command()
		start := time.Now()
		if output, err := c.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("run %s: %w\n%s", c.Path, err, output)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[runs/2], nil
}

func countResources(assembly string) (int, error) {
	templates, err := filepath.Glob(filepath.Join(assembly, "assembly-*", "*.template.json"))
	if err != nil || len(templates) == 0 {
		return 0, fmt.Errorf("no templates in %s", assembly)
	}
	count := 0
	for _, path := range templates {
		content, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		var template struct{ Resources map[string]any }
		if err := json.Unmarshal(content, &template); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		count += len(template.Resources)
	}
	return count, nil
}
