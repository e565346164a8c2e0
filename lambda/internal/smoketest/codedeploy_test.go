package smoketest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"

	"peakline/lambda/contract"
)

// told is a CodeDeploy that keeps what it is told, or refuses it.
type told struct {
	statuses []string
	refuses  error
}

func (d *told) PutLifecycleEventHookExecutionStatus(_ context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, _ ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error) {
	d.statuses = append(d.statuses, fmt.Sprint(aws.ToString(in.DeploymentId), " ", aws.ToString(in.LifecycleEventHookExecutionId), " ", in.Status))
	return nil, d.refuses
}

func TestCodeDeployIsToldHowAReleaseDid(t *testing.T) {
	for name, test := range map[string]struct {
		status  int
		refuses error
		want    string
		fails   bool
	}{
		"it answers as wanted": {status: 401, want: "d-1 e-1 Succeeded"},
		"it does not":          {status: 500, want: "d-1 e-1 Failed"},
		"nobody listens":       {status: 401, refuses: errors.New("no way to CodeDeploy"), want: "d-1 e-1 Succeeded", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			var event DeployEvent
			if err := json.Unmarshal([]byte(`{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"e-1"}`), &event); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			deployments := &told{refuses: test.refuses}
			hook := &DeployHook{
				Tester:      service(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.status) }),
				Tests:       contract.SmokeTests{Requests: []contract.SmokeRequest{{Path: "/api/cart", Status: 401}}},
				Deployments: deployments,
				Log:         slog.New(slog.NewJSONHandler(&log, nil)),
			}
			err := hook.Handle(context.Background(), event)
			if len(deployments.statuses) != 1 || deployments.statuses[0] != test.want {
				t.Errorf("CodeDeploy is told %v, want %s: it would wait for an hour and go back", deployments.statuses, test.want)
			}
			if (err != nil) != test.fails || !strings.Contains(log.String(), "d-1") {
				t.Errorf("got %v and the log %s", err, log.String())
			}
		})
	}
}
