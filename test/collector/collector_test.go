// Package collector runs the OpenTelemetry collector of upstream with the configuration that the services' sidecar has, and
// plays the two ends: a service that sends spans, and X-Ray. It is a module of its own, so that neither the app nor the Lambda
// functions are built with the collector's dependencies.
//
// The sidecar is AWS's distribution, v0.49.0, built from v0.156.0 of the same components. Two of its components are not built
// here: resourcedetection, which brings the libraries of every cloud, and awsproxy. Of them only the options are checked.
package collector

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/sigv4authextension"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

const configuration = "../../constructs/collector.yaml"

// span is what a service's SDK sends over OTLP/HTTP.
const span = `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"prod-order"}}]},
"scopeSpans":[{"spans":[{"traceId":"5b8aa5a2d2c872e8321cf37308d69df2","spanId":"051581bf3cb55c13","name":"POST /api/orders","kind":2,
"startTimeUnixNano":"1764249600000000000","endTimeUnixNano":"1764249600048000000"}]}]}]}`

func TestASpanReachesXRay(t *testing.T) {
	xray := newXRay(t, http.StatusOK)
	collector := start(t, xray)
	collector.send(t)
	request := xray.wait(t)
	if request.path != "/v1/traces" {
		t.Errorf("spans are sent to %s, X-Ray takes them at /v1/traces", request.path)
	}
	if !strings.Contains(request.authorization, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || !strings.Contains(request.authorization, "/eu-west-1/xray/aws4_request") {
		t.Errorf("the request is signed %q, X-Ray would refuse it", request.authorization)
	}
	if request.encoding != "gzip" {
		t.Errorf("the request is encoded %q: spans cost five times the bytes", request.encoding)
	}
	if got := request.spans; len(got) != 1 || got[0] != "prod-order POST /api/orders" {
		t.Errorf("X-Ray receives %q", got)
	}
	collector.expectHealthy(t)
}

// ECS stops the collector after the service, whose last spans it still holds.
func TestTheLastSpansAreSentBeforeTheEnd(t *testing.T) {
	xray := newXRay(t, http.StatusOK)
	collector := start(t, xray)
	collector.send(t)
	collector.stop(t)
	if got := xray.wait(t).spans; len(got) != 1 {
		t.Errorf("a task that ends takes its last spans with it: X-Ray receives %q", got)
	}
}

// The alarm tracing-dropped reads the log for it.
func TestSpansThatAreLostAreLogged(t *testing.T) {
	xray := newXRay(t, http.StatusBadRequest)
	collector := start(t, xray)
	collector.send(t)
	xray.wait(t)
	deadline := time.Now().Add(time.Minute)
	for {
		for _, line := range strings.Split(collector.log(t), "\n") {
			var entry map[string]any
			if json.Unmarshal([]byte(line), &entry) != nil {
				continue
			}
			if message, _ := entry["msg"].(string); strings.HasPrefix(message, "Exporting failed. Dropping data.") {
				if entry["dropped_items"] != 1.0 {
					t.Errorf("the line says %v dropped items, want 1: %s", entry["dropped_items"], line)
				}
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("spans were lost and nothing tells:\n%s", collector.log(t))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestNobodyOutsideTheTaskReachesTheCollector(t *testing.T) {
	text, err := os.ReadFile(configuration)
	if err != nil {
		t.Fatal(err)
	}
	addresses := regexp.MustCompile(`[^_]endpoint: ([^ ,}]+)`).FindAllStringSubmatch(string(text), -1)
	for _, address := range addresses {
		if !strings.HasPrefix(address[1], "127.0.0.1:") {
			t.Errorf("the collector listens on %s, where other tasks reach it", address[1])
		}
	}
	if len(addresses) != 4 {
		t.Errorf("%d addresses, want those of OTLP twice, of the health check and of the sampling rules", len(addresses))
	}
}

// request is what X-Ray was sent.
type request struct {
	path, authorization, encoding string
	spans                         []string
}

// xray stands where X-Ray's OTLP endpoint does.
type xray struct {
	*httptest.Server
	requests chan request
}

func newXRay(t *testing.T, status int) xray {
	x := xray{requests: make(chan request, 10)}
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		spans, err := spansOf(r.Body)
		if err != nil {
			t.Errorf("X-Ray could not read the request: %v", err)
		}
		x.requests <- request{r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Content-Encoding"), spans}
		w.WriteHeader(status)
	}))
	t.Cleanup(x.Close)
	return x
}

func spansOf(body io.Reader) (names []string, err error) {
	unzipped, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unzipped)
	if err != nil {
		return nil, err
	}
	export := ptraceotlp.NewExportRequest()
	if err := export.UnmarshalProto(text); err != nil {
		return nil, err
	}
	for _, resource := range export.Traces().ResourceSpans().All() {
		service, _ := resource.Resource().Attributes().Get("service.name")
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				names = append(names, service.Str()+" "+span.Name())
			}
		}
	}
	return names, nil
}

func (x xray) wait(t *testing.T) request {
	t.Helper()
	select {
	case r := <-x.requests:
		return r
	case <-time.After(time.Minute):
		t.Fatal("no span reaches X-Ray")
		return request{}
	}
}

// collector is a running one.
type collector struct {
	otlp, health, logFile string
	stop                  func(t *testing.T)
}

// start runs the collector with the shipped configuration: only the addresses are others.
func start(t *testing.T, to xray) collector {
	t.Helper()
	for name, value := range map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"} {
		t.Setenv(name, value)
	}
	c := collector{otlp: freeAddress(t), health: freeAddress(t), logFile: filepath.Join(t.TempDir(), "log")}
	settings := otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "collector", Version: "test"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory(), envprovider.NewFactory(), yamlprovider.NewFactory()},
			URIs: []string{
				"file:" + configuration,
				"yaml:receivers::otlp::protocols::http::endpoint: " + c.otlp,
				"yaml:receivers::otlp::protocols::grpc::endpoint: " + freeAddress(t),
				"yaml:extensions::health_check::endpoint: " + c.health,
				"yaml:exporters::otlp_http::traces_endpoint: " + to.URL + "/v1/traces",
				"yaml:service::telemetry::logs::output_paths: [" + c.logFile + "]",
			},
		}},
		DisableGracefulShutdown: true,
	}
	running, err := otelcol.NewCollector(settings)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- running.Run(context.Background()) }()
	stopped := false
	c.stop = func(t *testing.T) {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		running.Shutdown()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the collector ends with %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the collector does not end within the 20 seconds that ECS leaves it")
		}
	}
	t.Cleanup(func() { c.stop(t) })
	for deadline := time.Now().Add(time.Minute); running.GetState() != otelcol.StateRunning; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			stopped = true
			t.Fatalf("the collector refuses %s: %v", configuration, err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the collector does not start")
		}
	}
	return c
}

func (c collector) send(t *testing.T) {
	t.Helper()
	response, err := http.Post("http://"+c.otlp+"/v1/traces", "application/json", bytes.NewBufferString(span))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the collector answers %s to a service", response.Status)
	}
}

func (c collector) expectHealthy(t *testing.T) {
	t.Helper()
	response, err := http.Get("http://" + c.health + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the health check answers %s, and ECS says UNHEALTHY", response.Status)
	}
}

func (c collector) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(c.logFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap(otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("receivers: %w", err)
	}
	processors, err := otelcol.MakeFactoryMap[processor.Factory](batchprocessor.NewFactory(), memorylimiterprocessor.NewFactory(), resourceDetection())
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("processors: %w", err)
	}
	exporters, err := otelcol.MakeFactoryMap(otlphttpexporter.NewFactory())
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("exporters: %w", err)
	}
	extensions, err := otelcol.MakeFactoryMap(healthcheckextension.NewFactory(), sigv4authextension.NewFactory(), awsProxy())
	if err != nil {
		return otelcol.Factories{}, fmt.Errorf("extensions: %w", err)
	}
	return otelcol.Factories{Receivers: receivers, Processors: processors, Exporters: exporters, Extensions: extensions,
		Telemetry: otelconftelemetry.NewFactory()}, nil
}

// resourceDetection has the options of the component, and passes spans on.
// https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/v0.155.0/processor/resourcedetectionprocessor
func resourceDetection() processor.Factory {
	type options struct {
		Detectors []string      `mapstructure:"detectors"`
		Timeout   time.Duration `mapstructure:"timeout"`
		Override  bool          `mapstructure:"override"`
	}
	return processor.NewFactory(component.MustNewType("resourcedetection"), func() component.Config { return &options{} },
		processor.WithTraces(func(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
			return processorhelper.NewTraces(ctx, set, cfg, next, func(_ context.Context, spans ptrace.Traces) (ptrace.Traces, error) { return spans, nil })
		}, component.StabilityLevelBeta))
}

// awsProxy has the options of the component, and does nothing.
// https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/v0.155.0/extension/awsproxy
func awsProxy() extension.Factory {
	type options struct {
		Endpoint string `mapstructure:"endpoint"`
		Region   string `mapstructure:"region"`
	}
	return extension.NewFactory(component.MustNewType("awsproxy"), func() component.Config { return &options{} },
		func(context.Context, extension.Settings, component.Config) (extension.Extension, error) {
			return idle{}, nil
		}, component.StabilityLevelBeta)
}

type idle struct{}

func (idle) Start(context.Context, component.Host) error { return nil }
func (idle) Shutdown(context.Context) error              { return nil }
