package smoketest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"peakline/lambda/contract"
)

// hookEvent is the payload as AWS documents it, with details.
func hookEvent(details string) string {
	return fmt.Sprintf(`{
  "executionId": "3a0345ba-b029-404b-890d-7da2a4b266aa",
  "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT",
  "resourceArn": "arn:aws:ecs:us-west-2:123456789012:service-deployment/shop/order/EZe5RNVLH6PPzHXINuP28",
  "executionDetails": {
    "serviceArn": "arn:aws:ecs:us-west-2:123456789012:service/shop/order",
    "targetServiceRevisionArn": "arn:aws:ecs:us-west-2:123456789012:service-revision/shop/order/9313423515462893900",
    "testTrafficWeights": {},
    "productionTrafficWeights": {}
  }%s
}`, details)
}

// service is a real server on a real port.
func service(t *testing.T, answers http.HandlerFunc) *Tester {
	t.Helper()
	server := httptest.NewServer(answers)
	t.Cleanup(server.Close)
	return &Tester{URL: server.URL, Tries: 3, Pause: time.Millisecond, Client: &http.Client{
		Timeout:       200 * time.Millisecond,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// verdict is the answer to ECS, byte by byte as Lambda returns it, and what was logged.
func verdict(t *testing.T, tester *Tester, payload string) (answer, log string) {
	t.Helper()
	var event Event
	if err := json.Unmarshal([]byte(payload), &event); err != nil {
		t.Fatal(err)
	}
	var written bytes.Buffer
	hook := &Hook{Tester: tester, Log: slog.New(slog.NewJSONHandler(&written, nil))}
	got, err := hook.Handle(context.Background(), event)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), written.String()
}

const (
	passes = `{"hookStatus":"SUCCEEDED"}`
	fails  = `{"hookStatus":"FAILED"}`
)

func TestAReleaseIsTried(t *testing.T) {
	answers := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	for name, test := range map[string]struct {
		answers http.HandlerFunc
		details string
		want    string
		says    string
	}{
		"it answers as wanted":                      {answers(200, "ok"), `{"requests":[{"path":"/api/orders/health","status":200}]}`, passes, "passed"},
		"the details come as a text":                {answers(200, "ok"), `"{\"requests\":[{\"path\":\"/api/orders/health\",\"status\":200}]}"`, passes, "passed"},
		"a sign-in is asked for, as wanted":         {answers(401, ""), `{"requests":[{"path":"/api/cart","status":401}]}`, passes, "passed"},
		"nobody is asked to sign in":                {answers(200, "everybody's cart"), `{"requests":[{"path":"/api/cart","status":401}]}`, fails, "answered 200, want 401"},
		"it leads elsewhere":                        {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, `{"requests":[{"path":"/api/cart","status":200}]}`, fails, "answered 302, want 200"},
		"any answer will do, and this is one":       {answers(404, ""), `{"requests":[{"path":"/api/cart"}]}`, passes, "passed"},
		"any answer will do, but this is a failure": {answers(503, ""), `{"requests":[{"path":"/api/cart"}]}`, fails, "answered 503, want below 500"},
		"the placeholder has nothing to try":        {answers(200, contract.PlaceholderText+"\n"), `{"requests":[{"path":"/api/cart","status":401}]}`, passes, "passed"},
		"it never answers":                          {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, `{"requests":[{"path":"/api/cart"}]}`, fails, "in 3 tries"},
		"nothing is to be tried":                    {answers(200, ""), `{"requests":[]}`, fails, "names no request"},
		"the details are none":                      {answers(200, ""), `["x"]`, fails, "read the details"},
	} {
		t.Run(name, func(t *testing.T) {
			got, log := verdict(t, service(t, test.answers), hookEvent(`, "hookDetails": `+test.details))
			if got != test.want {
				t.Errorf("ECS hears %s, want %s: %s", got, test.want, log)
			}
			if !strings.Contains(log, test.says) || !strings.Contains(log, "service/shop/order") {
				t.Errorf("the log says %s, want %q and the service", log, test.says)
			}
		})
	}
}

func TestAHookWithoutDetailsFails(t *testing.T) {
	if got, log := verdict(t, service(t, http.NotFound), hookEvent("")); got != fails {
		t.Errorf("ECS hears %s, want %s: nothing was tried, %s", got, fails, log)
	}
}

func TestEveryRequestIsMade(t *testing.T) {
	tester := service(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/orders/health" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	got, log := verdict(t, tester, hookEvent(`, "hookDetails": {"requests":[{"path":"/api/orders/health","status":200},{"path":"/api/cart","status":200}]}`))
	if got != fails || !strings.Contains(log, "try /api/cart") {
		t.Errorf("ECS hears %s, want %s: a release that is healthy and sells nothing would pass; %s", got, fails, log)
	}
}

func TestALoadBalancerMayTakeItsTime(t *testing.T) {
	var asked atomic.Int32
	tester := service(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if got, log := verdict(t, tester, hookEvent(`, "hookDetails": {"requests":[{"path":"/api/cart","status":200}]}`)); got != passes {
		t.Errorf("ECS hears %s, want %s: a sound release would be taken back, %s", got, passes, log)
	}
}

func TestAReleaseThatHangsIsToldOfBeforeTheFunctionEnds(t *testing.T) {
	tester := service(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	tester.Pause = time.Hour
	ctx, stop := context.WithTimeout(context.Background(), timeToAnswer+50*time.Millisecond)
	defer stop()
	var written bytes.Buffer
	hook := &Hook{Tester: tester, Log: slog.New(slog.NewJSONHandler(&written, nil))}
	got, err := hook.Handle(ctx, Event{HookDetails: json.RawMessage(`{"requests":[{"path":"/"}]}`)})
	if err != nil || got.HookStatus != Failed || !strings.Contains(written.String(), "answered 503, want below 500; the time is over after 1 tries") {
		t.Errorf("got %v, %v and the log %s, want what was answered last", got, err, written.String())
	}
	if ctx.Err() != nil {
		t.Error("the function's time was over before it answered")
	}
}
