package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// TestReleases plays releases of both kinds to their end. `peakline release` drives them, CloudFormation and the model of ECS
// and CodeDeploy in test/emulator/releases.py carry them out, the functions of the templates run against servers that stand
// for images, and what counts is what visitors are answered, what the listener rules say, and what is recorded.
func TestReleases(t *testing.T) {
	account := startEmulator(t)
	file := readFile(t, filepath.Join(repository, "config", "environments", "local.yaml"))
	services := `
services:
  order: {shift: {kind: canary, percent: 10, stepMinutes: 5, bakeMinutes: 10}, migration: {command: [migrate, up]}}
  payment: {release: codedeploy, shift: {kind: canary, percent: 10, stepMinutes: 5, bakeMinutes: 10}, migration: {command: [migrate, up]}}
  catalog: {shift: {kind: linear, percent: 40, stepMinutes: 3, bakeMinutes: 5}}
  user: {release: codedeploy, shift: {kind: linear, percent: 40, stepMinutes: 3, bakeMinutes: 5}}
`
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := func(t *testing.T, services string, more ...string) (string, error) {
		t.Helper()
		return account.cdk(t, append([]string{"deploy", "local/Services", "--require-approval", "never", "--concurrency", "4", "--app", account.synth(t, file+services)}, more...)...)
	}
	mustDeploy := func(t *testing.T, services string, more ...string) {
		t.Helper()
		if output, err := deploy(t, services, more...); err != nil {
			t.Fatalf("deploy: %v\n%s", err, output)
		}
	}
	mustDeploy(t, services)
	shop := newReleasing(t, account)

	step(t, "before its first release a service answers that it has none", func(t *testing.T) {
		for _, service := range []string{"order", "payment", "catalog", "user"} {
			if status, text := shop.visit(t, releasePaths[service]); status != http.StatusOK || !strings.HasPrefix(text, "Peakline: this service has no release yet") {
				t.Errorf("a visitor of %s is answered %d %q", service, status, text)
			}
		}
	})

	for service, kind := range map[string]struct{ before, start, tried, shifted, bake string }{
		"order":   {"PRE_SCALE_UP", "SCALE_UP", "POST_TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME"},
		"payment": {"BeforeInstall", "Install", "AfterAllowTestTraffic", "AllowTraffic", "wait for termination"},
	} {
		step(t, service+": migrated, started, tried, shifted in steps, baked, and then recorded", func(t *testing.T) {
			shop.image(t, service, 1, image{})
			release := shop.start(t, service, 1)
			release.reach(t, "production 10")
			shop.expect(t, service, 10)
			if news := shop.share(t, service, 1); news != 1 {
				t.Errorf("%d of 10 visitors meet the new version, want one", news)
			}
			release.reach(t, kind.bake)
			shop.expect(t, service, 100)
			if news := shop.share(t, service, 1); news != 10 {
				t.Errorf("%d of 10 visitors meet the new version, want all", news)
			}
			if slices.Contains(release.events(t), "old tasks end") {
				t.Error("the old tasks have ended before the bake time is over: going back would take minutes")
			}
			if recorded := shop.recorded(t, service); strings.HasSuffix(recorded, ":1") {
				t.Errorf("%s is recorded before the release has succeeded", recorded)
			}
			release.reach(t, "done")
			if output, err := release.wait(t); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			shop.expectRecorded(t, service, 1)
			shop.expectOrder(t, release.events(t), kind.before, "task of "+reference(service, 1)+" ends with 0", kind.start, "tasks start", "test 100",
				kind.tried, kind.shifted, "production 10", "production 100", kind.bake, "old tasks end", "done")
		})
	}

	for _, service := range []string{"catalog", "user"} {
		step(t, service+": a linear release takes visitors over share by share", func(t *testing.T) {
			shop.image(t, service, 1, image{})
			release := shop.start(t, service, 1)
			for _, percent := range []int32{40, 80, 100} {
				release.reach(t, fmt.Sprintf("production %d", percent))
				shop.expect(t, service, percent)
			}
			if output, err := release.wait(t); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			shop.expectRecorded(t, service, 1)
			if got := percents(release.events(t)); !slices.Equal(got, []string{"40", "80", "100"}) {
				t.Errorf("the visitors were shifted by %v, want 40, 80 and 100 percent", got)
			}
		})
	}

	// Every service has release 1 now. What follows may not get further.
	taken := 1
	failing := func(t *testing.T, service, at string, spoil func(t *testing.T), about image, want string) {
		t.Helper()
		taken++
		before, rules := shop.recorded(t, service), shop.weights(t, service)
		revision := account.services(t)[service].TaskDefinition
		shop.image(t, service, taken, about)
		release := shop.start(t, service, taken)
		if at != "" {
			release.reach(t, at)
			spoil(t)
		}
		output, err := release.wait(t)
		if err == nil || !strings.Contains(output, want) {
			t.Errorf("want a failure that says %q, got %v:\n%s", want, err, output)
		}
		for _, kind := range shiftAlarms {
			account.setAlarm(t, "local-release-"+kind+"-"+service, "OK")
		}
		if after := shop.weights(t, service); after != rules {
			t.Errorf("the traffic is %s, want %s as before", after, rules)
		}
		if status, text := shop.visit(t, releasePaths[service]); status != http.StatusOK || text != before {
			t.Errorf("visitors are answered %d %q, want %s", status, text, before)
		}
		if after := shop.recorded(t, service); after != before {
			t.Errorf("%s is recorded, want %s: it has failed", after, before)
		}
		if got := account.container(t, account.services(t)[service]); aws.ToString(got.Image) != before {
			t.Errorf("%s runs %s, want %s", service, aws.ToString(got.Image), before)
		}
		if after := account.services(t)[service].TaskDefinition; aws.ToString(after) != aws.ToString(revision) {
			t.Errorf("%s runs the revision %s, want %s", service, aws.ToString(after), aws.ToString(revision))
		}
		if events := release.events(t); slices.Contains(events, "done") {
			t.Errorf("the release is done: %v", events)
		}
	}
	for _, service := range []string{"order", "payment"} {
		bake := map[string]string{"order": "BAKE_TIME", "payment": "wait for termination"}[service]
		for n, at := range []string{"production 10", bake} {
			alarm := "local-release-" + shiftAlarms[n] + "-" + service
			t.Run(service+": an alarm at "+at+" takes it back", func(t *testing.T) {
				failing(t, service, at, func(t *testing.T) { account.setAlarm(t, alarm, "ALARM") }, image{}, alarm)
			})
		}
		t.Run(service+": rollback in the middle takes it back", func(t *testing.T) {
			failing(t, service, "production 10", func(t *testing.T) {
				if output, err := account.peakline(t, "release", "rollback", service, "-env", "local"); err != nil {
					t.Errorf("%v\n%s", err, output)
				}
			}, image{}, "before")
		})
		t.Run(service+": a release that fails its smoke test meets no visitor", func(t *testing.T) {
			failing(t, service, "", nil, image{broken: true}, "before")
			shop.expectNoVisitor(t, service, taken)
		})
		t.Run(service+": a release whose tasks do not start meets no visitor", func(t *testing.T) {
			failing(t, service, "", nil, image{sick: true}, "before")
			shop.expectNoVisitor(t, service, taken)
		})
		t.Run(service+": a release whose migration fails starts no task", func(t *testing.T) {
			mark := len(shop.journal(t))
			failing(t, service, "", nil, image{exit: 3}, "before")
			for _, event := range shop.journal(t)[mark:] {
				if event.Event == "tasks start" {
					t.Error("tasks were started on a schema that is not theirs")
				}
			}
		})
		t.Run(service+": while an alarm fires no release starts, and with a reason the fix does", func(t *testing.T) {
			taken++
			alarm := "local-release-errors-" + service
			account.setAlarm(t, alarm, "ALARM")
			defer account.setAlarm(t, alarm, "OK")
			mark, recorded := len(shop.journal(t)), shop.recorded(t, service)
			shop.image(t, service, taken, image{})
			if output, err := shop.start(t, service, taken).wait(t); err == nil || !strings.Contains(output, alarm+" fires") {
				t.Errorf("want a refusal that names the alarm, got %v:\n%s", err, output)
			}
			if output, err := account.peakline(t, "release", "check", "-env", "local"); err == nil || !strings.Contains(output, alarm+" fires") {
				t.Errorf("a deployment by hand is let through, %v:\n%s", err, output)
			}
			if events := shop.journal(t)[mark:]; len(events) > 0 || shop.recorded(t, service) != recorded {
				t.Errorf("the refused release did %v, and %s is recorded", events, shop.recorded(t, service))
			}
			if output, err := shop.start(t, service, taken, "-despite", "it is the fix").wait(t); err != nil {
				t.Errorf("the fix: %v\n%s", err, output)
			}
			shop.expectRecorded(t, service, taken)
		})
	}

	t.Run("under CodeDeploy the alarms that do not fire still take the fix back", func(t *testing.T) {
		account.setAlarm(t, "local-release-errors-payment", "ALARM")
		taken++
		before := shop.recorded(t, "payment")
		shop.image(t, "payment", taken, image{})
		release := shop.start(t, "payment", taken, "-despite", "it is the fix")
		release.reach(t, "production 10")
		account.setAlarm(t, "local-release-latency-payment", "ALARM")
		if output, err := release.wait(t); err == nil || !strings.Contains(output, "local-release-latency-payment") {
			t.Errorf("want a failure that names the other alarm, got %v:\n%s", err, output)
		}
		if after := shop.recorded(t, "payment"); after != before {
			t.Errorf("%s is recorded, want %s", after, before)
		}
		account.setAlarm(t, "local-release-errors-payment", "OK")
		account.setAlarm(t, "local-release-latency-payment", "OK")
	})

	t.Run("under CodeDeploy two services are released at a time, and one of them not twice", func(t *testing.T) {
		taken++
		for _, service := range []string{"payment", "user"} {
			shop.image(t, service, taken, image{})
		}
		first := shop.start(t, "payment", taken)
		first.reach(t, "production 10")
		second := shop.start(t, "user", taken)
		second.reach(t, "production 40")
		if slices.Contains(first.events(t), "done") {
			t.Error("the release of payment has ended: they did not overlap")
		}
		shop.image(t, "user", taken+1, image{})
		if output, err := account.peakline(t, "release", "start", "user", "-env", "local", "-image", reference("user", taken+1)); err == nil || !strings.Contains(output, "is under way") {
			t.Errorf("want a refusal, got %v:\n%s", err, output)
		}
		for _, release := range []*release{first, second} {
			if output, err := release.wait(t); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		}
		shop.expectRecorded(t, "payment", taken)
		shop.expectRecorded(t, "user", taken)
		taken++
	})

	t.Run("under ECS a second release waits for the first, of the same service or another, and so does a deployment", func(t *testing.T) {
		taken++
		shop.image(t, "order", taken, image{})
		shop.image(t, "order", taken+1, image{})
		shop.image(t, "catalog", taken, image{})
		first := shop.start(t, "order", taken)
		first.reach(t, "production 10")
		again, other := shop.start(t, "order", taken+1), shop.start(t, "catalog", taken)
		output, err := deploy(t, services+"  inventory: {environment: {LIMIT: \"1\"}}\n")
		if err == nil {
			t.Errorf("a deployment went through in the middle of a release:\n%s", output)
		}
		shop.expect(t, "order", 10)
		if events := other.events(t); len(events) > 0 {
			t.Errorf("the release of the other service did not wait: %v", events)
		}
		for _, release := range []*release{first, again, other} {
			if output, err := release.wait(t); err != nil {
				t.Errorf("%v\n%s", err, output)
			}
		}
		shop.expectRecorded(t, "order", taken+1)
		shop.expectRecorded(t, "catalog", taken)
		taken++
	})

	t.Run("a deployment in the middle of a release under CodeDeploy leaves its traffic alone, and the release is recorded", func(t *testing.T) {
		taken++
		shop.image(t, "payment", taken, image{})
		release := shop.start(t, "payment", taken)
		release.reach(t, "production 10")
		services = edit(t, services, "payment: {release: codedeploy,", `payment: {release: codedeploy, environment: {LIMIT: "5"},`)
		mustDeploy(t, services)
		shop.expect(t, "payment", 10)
		if output, err := release.wait(t); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		shop.expectRecorded(t, "payment", taken)
		shop.expectVisitors(t, "payment", taken)
	})

	for _, service := range []string{"order", "payment"} {
		t.Run(service+": after three deployments every new revision has the released image, and the revisions of before are there to go back to", func(t *testing.T) {
			taken++
			shop.image(t, service, taken, image{})
			if output, err := shop.start(t, service, taken).wait(t); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			revisions := []string{aws.ToString(account.services(t)[service].TaskDefinition)}
			changed := services
			for n := range 3 {
				changed = strings.Replace(services, service+": {", fmt.Sprintf(`%s: {samplePercent: %d, `, service, 30+n), 1)
				mustDeploy(t, changed)
				shop.expectVisitors(t, service, taken)
				revisions = append(revisions, shop.newest(t, service))
			}
			client := ecs.NewFromConfig(account.config())
			for _, revision := range revisions {
				described, err := client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
				if err != nil {
					t.Fatal(err)
				}
				if described.TaskDefinition.Status != ecstypes.TaskDefinitionStatusActive {
					t.Errorf("%s is %s: nobody could go back to it", revision, described.TaskDefinition.Status)
				}
				if got := aws.ToString(described.TaskDefinition.ContainerDefinitions[0].Image); got != reference(service, taken) {
					t.Errorf("%s has the image %s, want %s", revision, got, reference(service, taken))
				}
			}
			before := shop.before(t, service)
			if output, err := account.peakline(t, "release", "rollback", service, "-env", "local"); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			if _, text := shop.visit(t, releasePaths[service]); text != before || shop.recorded(t, service) != before {
				t.Errorf("after going back visitors have %s, and %s is recorded, want %s", text, shop.recorded(t, service), before)
			}
			services = changed
		})
	}

	t.Run("a change of paths is stopped by the guard, takes the traffic to where there is no task without it, and leaves it once CloudFormation is told", func(t *testing.T) {
		for shop.colour(t, "order") != "green" {
			taken++
			shop.image(t, "order", taken, image{})
			if output, err := shop.start(t, "order", taken).wait(t); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
		}
		_, live := shop.visit(t, releasePaths["order"])
		changed := strings.Replace(services, "order: {", "order: {paths: [/api/orders, /api/orders/*, /api/cart, /api/basket], ", 1)
		assembly := filepath.Join(account.synth(t, file+changed), "assembly-local")
		if output, err := account.peakline(t, "diff", "-deployed", "-new", assembly); err == nil || !strings.Contains(output, "endangers-traffic") {
			t.Errorf("the guard lets it pass, %v:\n%s", err, output)
		}
		mustDeploy(t, changed)
		if status, text := shop.visit(t, releasePaths["order"]); status != http.StatusServiceUnavailable {
			t.Errorf("a deployment that nobody told of the traffic is answered %d %q: if this is no trap any more, the guard may go", status, text)
		}
		mustDeploy(t, services, "--parameters", "local-Services:OrderLive=green")
		mustDeploy(t, changed)
		if status, text := shop.visit(t, releasePaths["order"]); status != http.StatusOK || text != live {
			t.Errorf("visitors are answered %d %q, want %s", status, text, live)
		}
		mustDeploy(t, changed)
		shop.expect(t, "order", 100)
	})
}

// releasePaths are what a visitor of each service asks for.
var releasePaths = map[string]string{"order": "/api/orders/1", "payment": "/api/payments/1", "catalog": "/api/catalog", "user": "/api/users/1"}

var shiftAlarms = []string{"errors", "latency", "unhealthy"}

func reference(service string, version int) string {
	return fmt.Sprintf("example.com/%s:%d", service, version)
}

// image says how a version behaves.
type image struct {
	broken bool // answers its health check with 500
	sick   bool // does not start
	exit   int  // how its migration ends
}

// releasing is the account seen by visitors and by whoever watches a release.
type releasing struct {
	emulator
	whole   *testing.T // images live as long as it
	visitor *http.Client
	met     map[string]*atomic.Int64 // requests of visitors, by image
	address string
}

type happened struct{ Service, Event string }

func newReleasing(t *testing.T, account emulator) *releasing {
	t.Helper()
	shop := &releasing{emulator: account, whole: t, met: map[string]*atomic.Int64{}, address: "https://api.shop.example.com"}
	var told struct {
		Visitor struct {
			Proxy     string `json:"HTTPS_PROXY"`
			Authority string `json:"SSL_CERT_FILE"`
		}
	}
	shop.releases(t, nil, &told)
	proxy, err := url.Parse(told.Visitor.Proxy)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(told.Visitor.Authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	shop.visitor = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	return shop
}

// releases talks to the model: what is not nil is told, and what it says is read.
func (s *releasing) releases(t *testing.T, tell, answer any) {
	t.Helper()
	var body io.Reader
	if tell != nil {
		text, err := json.Marshal(tell)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	response, err := http.Post(s.endpoint+"/peakline/releases", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		t.Fatal(err)
	}
}

// told is what the model says: what has happened, and which services' releases wait for the clock.
type told struct {
	Journal []happened
	Waiting []string
}

func (s *releasing) journal(t *testing.T) []happened {
	t.Helper()
	var told told
	s.releases(t, nil, &told)
	return told.Journal
}

// image starts a server that stands for a version: it answers with its own name, and with 401 where config/services.yaml has it.
func (s *releasing) image(t *testing.T, service string, version int, about image) {
	t.Helper()
	name, met := reference(service, version), &atomic.Int64{}
	s.met[name] = met
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/health"):
			if about.broken {
				w.WriteHeader(http.StatusInternalServerError)
			}
		case slices.Contains([]string{"/api/cart", "/api/payments", "/api/users"}, r.URL.Path):
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == releasePaths[service]:
			met.Add(1)
		}
		_, _ = io.WriteString(w, name)
	}))
	s.whole.Cleanup(server.Close)
	s.tell(t, map[string]any{"images": map[string]any{name: map[string]any{"url": server.URL, "exit_code": about.exit, "healthy": !about.sick}}})
}

func (s *releasing) tell(t *testing.T, what map[string]any) {
	t.Helper()
	var ignored map[string]any
	s.releases(t, what, &ignored)
}

// visit is what a visitor is answered.
func (s *releasing) visit(t *testing.T, path string) (int, string) {
	t.Helper()
	response, err := s.visitor.Get(s.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// share is how many of ten visitors meet a version.
func (s *releasing) share(t *testing.T, service string, version int) (met int) {
	t.Helper()
	for range 10 {
		if _, text := s.visit(t, releasePaths[service]); text == reference(service, version) {
			met++
		}
	}
	return met
}

func (s *releasing) expectVisitors(t *testing.T, service string, version int) {
	t.Helper()
	if status, text := s.visit(t, releasePaths[service]); status != http.StatusOK || text != reference(service, version) {
		t.Errorf("visitors are answered %d %q, want %s", status, text, reference(service, version))
	}
}

func (s *releasing) expectNoVisitor(t *testing.T, service string, version int) {
	t.Helper()
	if met := s.met[reference(service, version)].Load(); met > 0 {
		t.Errorf("%d visitors met %s, which had not passed", met, reference(service, version))
	}
}

// weights are those of production and test, as text.
func (s *releasing) weights(t *testing.T, service string) string {
	t.Helper()
	blue, green := weights(s.rules(t, productionPort)[service])
	testBlue, testGreen := weights(s.rules(t, testPort)[service])
	return fmt.Sprintf("%d/%d, tests %d/%d", blue, green, testBlue, testGreen)
}

// colour is the one with more of the traffic.
func (s *releasing) colour(t *testing.T, service string) string {
	t.Helper()
	if blue, green := weights(s.rules(t, productionPort)[service]); green > blue {
		return "green"
	}
	return "blue"
}

// expect wants a share of the traffic where the test traffic is, which is the new version's.
func (s *releasing) expect(t *testing.T, service string, percent int32) {
	t.Helper()
	blue, green := weights(s.rules(t, productionPort)[service])
	testBlue, testGreen := weights(s.rules(t, testPort)[service])
	got, rest := green, blue
	if testBlue > testGreen {
		got, rest = blue, green
	}
	if got != percent || rest != 100-percent || testBlue+testGreen != 100 || testBlue*testGreen != 0 {
		t.Errorf("the rules of %s say %s, want %d percent for the new version and all tests", service, s.weights(t, service), percent)
	}
}

func (s *releasing) recorded(t *testing.T, service string) string {
	t.Helper()
	found, err := ssm.NewFromConfig(s.config()).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/peakline/local/services/" + service + "/image")})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(found.Parameter.Value)
}

// before is the image that was recorded before the one of now.
func (s *releasing) before(t *testing.T, service string) string {
	t.Helper()
	history, err := ssm.NewFromConfig(s.config()).GetParameterHistory(t.Context(), &ssm.GetParameterHistoryInput{
		Name: aws.String("/peakline/local/services/" + service + "/image"), MaxResults: aws.Int32(50)})
	if err != nil || len(history.Parameters) < 2 {
		t.Fatalf("%d recorded images, %v", len(history.Parameters), err)
	}
	return aws.ToString(history.Parameters[len(history.Parameters)-2].Value)
}

func (s *releasing) expectRecorded(t *testing.T, service string, version int) {
	t.Helper()
	if got := s.recorded(t, service); got != reference(service, version) {
		t.Errorf("%s is recorded, want %s", got, reference(service, version))
	}
}

func (s *releasing) expectOrder(t *testing.T, events []string, wanted ...string) {
	t.Helper()
	rest := events
	for _, want := range wanted {
		at := slices.Index(rest, want)
		if at < 0 {
			t.Errorf("%q does not follow in its order: %v", want, events)
			return
		}
		rest = rest[at+1:]
	}
}

// newest is the revision that the stack has registered last.
func (s *releasing) newest(t *testing.T, service string) string {
	t.Helper()
	arn := aws.ToString(s.services(t)[service].TaskDefinition)
	family, _, _ := strings.Cut(arn[strings.LastIndex(arn, "/")+1:], ":")
	found, err := ecs.NewFromConfig(s.config()).DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(found.TaskDefinition.TaskDefinitionArn)
}

// release is a `peakline release start` that is under way. The model's clock stands still meanwhile.
type release struct {
	shop    *releasing
	service string
	mark    int
	ended   chan struct{}
	output  string
	err     error
}

func (s *releasing) start(t *testing.T, service string, version int, more ...string) *release {
	t.Helper()
	s.tell(t, map[string]any{"held": true})
	started := &release{shop: s, service: service, mark: len(s.journal(t)), ended: make(chan struct{})}
	go func() {
		defer close(started.ended)
		started.output, started.err = s.peakline(t, append([]string{"release", "start", service, "-env", "local", "-image", reference(service, version)}, more...)...)
	}()
	return started
}

// events are what happened to the service since the start.
func (r *release) events(t *testing.T) (events []string) {
	t.Helper()
	for _, event := range r.shop.journal(t)[r.mark:] {
		if event.Service == r.service {
			events = append(events, event.Event)
		}
	}
	return events
}

// reach moves the clock in steps of a fifth of a minute, when the release waits for it, until something has happened.
func (r *release) reach(t *testing.T, event string) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if slices.Contains(r.events(t), event) {
			return
		}
		select {
		case <-r.ended:
			if !slices.Contains(r.events(t), event) {
				t.Fatalf("the release of %s ended before %q: %v\n%s\n%v", r.service, event, r.err, r.output, r.events(t))
			}
			return
		default:
		}
		var now told
		r.shop.releases(t, nil, &now)
		if slices.Contains(now.Waiting, r.service) {
			r.shop.tell(t, map[string]any{"minutes": 0.2})
		}
	}
	t.Fatalf("the release of %s does not come to %q: %v", r.service, event, r.events(t))
}

// wait lets the clock go, and returns what the command printed.
func (r *release) wait(t *testing.T) (string, error) {
	t.Helper()
	r.shop.tell(t, map[string]any{"held": false})
	<-r.ended
	return r.output, r.err
}

// percents are the shares of the visitors that the new version had.
func percents(events []string) (percents []string) {
	for _, event := range events {
		if percent, found := strings.CutPrefix(event, "production "); found {
			percents = append(percents, percent)
		}
	}
	return percents
}
