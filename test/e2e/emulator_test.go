package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

const (
	region = "us-east-1"
	// instanceQuota is the number of database instances the emulated account allows: those of local and one more.
	instanceQuota = 4
)

// repository is the folder with cdk.json, from where the CDK runs.
var repository = filepath.Join("..", "..")

// emulator is an emulated account that lives as long as its test.
type emulator struct {
	endpoint string
}

// startEmulator starts an account on a free port. Its database instances take a fraction of a second to come and go.
func startEmulator(t *testing.T) emulator {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()

	python, err := filepath.Abs(filepath.Join(repository, ".venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("the emulated account needs its virtual environment: run `make test-e2e` (%v)", err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "emulator.log"))
	if err != nil {
		t.Fatal(err)
	}
	process := exec.Command(python, "-m", "emulator.server", "--port", fmt.Sprint(port), "--create-seconds", "0.2")
	process.Dir = filepath.Join(repository, "test")
	process.Env = append(os.Environ(), fmt.Sprintf("PEAKLINE_INSTANCE_QUOTA=%d", instanceQuota))
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		t.Fatalf("start the emulated account: %v", err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the emulated account's log:\n%s", text)
		}
	})
	account := emulator{endpoint: fmt.Sprintf("http://localhost:%d", port)}
	account.awaitHealth(t)
	return account
}

func (e emulator) awaitHealth(t *testing.T) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		response, err := client.Get(e.endpoint + "/peakline/inventory")
		if err == nil {
			response.Body.Close()
			return
		}
	}
	t.Fatal("the emulated account did not answer within a minute")
}

// config is what SDK clients need to reach the account. Any credentials will do.
func (e emulator) config() aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(e.endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("any", "any", ""),
	}
}

// cdk runs the CDK CLI against the account and returns what it printed.
func (e emulator) cdk(t *testing.T, arguments ...string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	binaries, err := filepath.Abs(filepath.Join(repository, "node_modules", ".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return e.run(exec.CommandContext(ctx, filepath.Join(binaries, "cdk"), append(arguments, "--no-notices", "--no-color")...),
		"CDK_DISABLE_CLI_TELEMETRY=true", "PATH="+binaries+string(os.PathListSeparator)+os.Getenv("PATH"), catalogueOfTheTests(t))
}

// catalogueOfTheTests is the variable with which the app reads the services of config/testdata in place of those that are shipped,
// so that a service more breaks no test here.
func catalogueOfTheTests(t *testing.T) (variable string) {
	t.Helper()
	config, err := filepath.Abs(filepath.Join(repository, "config"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(config, "services.yaml"): filepath.Join(config, "testdata", "services.yaml")}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return "GOFLAGS=" + os.Getenv("GOFLAGS") + " -overlay=" + overlay
}

// peakline runs the operator's tool against the account and returns what it printed.
func (e emulator) peakline(t *testing.T, arguments ...string) (output string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	return e.run(exec.CommandContext(ctx, "go", append([]string{"run", "./cmd/peakline"}, arguments...)...))
}

// run runs a command at the root of the repository, with the account and no other in its environment.
func (e emulator) run(command *exec.Cmd, more ...string) (output string, err error) {
	command.Dir = repository
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "CDK_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env,
		"AWS_ENDPOINT_URL="+e.endpoint, "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
		"NO_PROXY=localhost", "no_proxy=localhost",
	)
	command.Env = append(command.Env, more...)
	text, err := command.CombinedOutput()
	return string(text), err
}

// mustCDK is cdk for commands that must succeed.
func (e emulator) mustCDK(t *testing.T, arguments ...string) (output string) {
	t.Helper()
	output, err := e.cdk(t, arguments...)
	if err != nil {
		t.Fatalf("cdk %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return output
}

// synth writes the assembly of the environment local as the given file describes it.
func (e emulator) synth(t *testing.T, environmentFile string) (assembly string) {
	t.Helper()
	environments := t.TempDir()
	if err := os.WriteFile(filepath.Join(environments, "local.yaml"), []byte(environmentFile), 0o600); err != nil {
		t.Fatal(err)
	}
	assembly = filepath.Join(t.TempDir(), "cdk.out")
	e.mustCDK(t, "synth", "--quiet", "--no-lookups", "--output", assembly,
		"--context", "env=local", "--context", "environments="+environments)
	return assembly
}
