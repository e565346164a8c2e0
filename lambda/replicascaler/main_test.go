package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"peakline/lambda/contract"
)

// largestBinary bounds the function's size, unzipped: what a cold start has to load.
const largestBinary = 12 << 20

// build compiles the function as it is deployed, but for this machine.
func build(tb testing.TB) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "bootstrap")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags", "lambda.norpc", "-o", binary, ".")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// runtimeAPI is Lambda's side of a function: it hands out invocations and takes the answers.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	server  *httptest.Server
	polled  chan time.Time
	answers chan string
	next    chan string
	quit    chan struct{}
}

func newRuntimeAPI(tb testing.TB) *runtimeAPI {
	api := &runtimeAPI{polled: make(chan time.Time, 100), answers: make(chan string, 1), next: make(chan string), quit: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		api.polled <- time.Now()
		select {
		case payload := <-api.next:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(20*time.Second).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:scaler")
			fmt.Fprint(w, payload)
		case <-api.quit:
		case <-r.Context().Done():
		}
	})
	answer := func(kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			api.answers <- kind + " " + string(body)
		}
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/response", answer("response"))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/error", answer("error"))
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", answer("init error"))
	api.server = httptest.NewServer(mux)
	tb.Cleanup(func() {
		close(api.quit)
		api.server.CloseClientConnections()
		api.server.Close()
	})
	return api
}

// start runs the function against the runtime API and an account at an endpoint.
func start(tb testing.TB, binary string, api *runtimeAPI, endpoint string, out io.Writer) *exec.Cmd {
	tb.Helper()
	command := exec.Command(binary)
	command.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.server.URL, "http://"),
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_SESSION_TOKEN=c",
		"AWS_ENDPOINT_URL=" + endpoint,
		contract.EnvEnvironment + "=local", contract.EnvCluster + "=peakline-local",
	}
	command.Stdout, command.Stderr = out, out
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command
}

// output collects what a function writes while it runs.
type output struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}

// emptyAccount answers as an account in which nothing is deployed.
func emptyAccount(tb testing.TB) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("X-Amz-Target") == "AmazonSSM.GetParameters":
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			fmt.Fprint(w, `{"Parameters":[],"InvalidParameters":["x"]}`)
		default:
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>DBClusterNotFoundFault</Code><Message>none</Message></Error></ErrorResponse>`)
		}
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

func TestTheCompiledFunctionAnswers(t *testing.T) {
	binary := build(t)
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > largestBinary {
		t.Errorf("the function has %d bytes, want at most %d: every cold start loads them", info.Size(), largestBinary)
	}
	api := newRuntimeAPI(t)
	var out output
	function := start(t, binary, api, emptyAccount(t), &out)
	select {
	case api.next <- `{"source":"aws.events","detail-type":"Scheduled Event"}`:
	case <-time.After(20 * time.Second):
		t.Fatalf("the function never asked for work:\n%s", &out)
	}
	select {
	case got := <-api.answers:
		if got != "response null" {
			t.Errorf("answered %q, want an empty response\n%s", got, &out)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("the function never answered:\n%s", &out)
	}
	// Its output is complete once the process has ended.
	_ = function.Process.Kill()
	_ = function.Wait()
	if log := out.String(); !strings.Contains(log, `"trigger":"schedule"`) || !strings.Contains(log, "no policy is deployed") {
		t.Errorf("its log says %q, want one line that says why nothing was done", log)
	}
}

// BenchmarkStart measures from the start of the process to the first poll for work.
func BenchmarkStart(b *testing.B) {
	binary := build(b)
	account := emptyAccount(b)
	for b.Loop() {
		api := newRuntimeAPI(b)
		command := start(b, binary, api, account, io.Discard)
		<-api.polled
		b.StopTimer()
		_ = command.Process.Kill()
		_ = command.Wait()
		b.StartTimer()
	}
}
