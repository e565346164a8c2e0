package handler

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	"peakline/lambda/internal/awstest"
)

// stack stands for CloudFormation: it takes the answers.
type stack struct {
	url     string
	answers []answer
}

type answer struct {
	Status, Reason     string
	PhysicalResourceID string `json:"PhysicalResourceId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
	StackID            string `json:"StackId"`
}

func newStack(t *testing.T) *stack {
	s := &stack{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var a answer
		if err := json.Unmarshal(body, &a); err != nil || r.Method != http.MethodPut || r.Header.Get("Content-Type") != "" {
			t.Errorf("answer %s %q %s: S3 refuses a signed address used differently", r.Method, r.Header.Get("Content-Type"), body)
		}
		s.answers = append(s.answers, a)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *stack) request(kind string) []byte {
	text, _ := json.Marshal(map[string]any{
		"RequestType": kind, "ResponseURL": s.url, "RequestId": "request", "LogicalResourceId": "ReaderDrain", "StackId": "stack",
		"PhysicalResourceId": "reader-drain-" + clusterID, "ResourceType": contract.DrainResource, "ResourceProperties": map[string]string{},
	})
	return text
}

// removed is a scene with two owned readers whose policy is gone, as in the deletion of the stack.
func removed(t *testing.T) *scene {
	s := newScene(t, func(p *decision.Policy) { p.Min = 4 })
	s.minutes(12)
	if len(s.owned()) != 2 {
		t.Fatalf("readers %v, want two", s.owned())
	}
	delete(s.Parameters, contract.PolicyParameter(environment))
	return s
}

func TestDeletingTheStackRemovesTheScalersReadersAndNoOther(t *testing.T) {
	s, stack := removed(t), newStack(t)
	s.Parameters[contract.OverrideParameter(environment)] = `{"paused":true,"until":"2026-11-04T00:00:00Z"}`
	if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil {
		t.Fatal(err)
	}
	if len(s.owned()) != 0 || len(s.Instances) != 3 || len(s.Unsafe) > 0 {
		t.Errorf("instances %v, unsafe %v: want the writer and the template's two readers", s.Instances, s.Unsafe)
	}
	if len(s.Parameters) != 0 {
		t.Errorf("parameters %v are left behind", s.Parameters)
	}
	want := answer{"SUCCESS", "", "reader-drain-" + clusterID, "request", "ReaderDrain", "stack"}
	if len(stack.answers) != 1 || stack.answers[0] != want {
		t.Errorf("answers %+v, want one %+v", stack.answers, want)
	}
}

func TestADrainWaitsForACreationThatWasUnderWay(t *testing.T) {
	s, stack := removed(t), newStack(t)
	for _, id := range s.owned() {
		delete(s.Instances, id)
	}
	looks := 0
	s.Before = func(call string, _ int) error {
		if call == "DescribeDBInstances" {
			if looks++; looks == 9 { // the run that creates it began forty seconds ago
				late := s.Add(prefix+"-r03", 15, contract.OwnerTagKey, environment)
				late.DBInstanceStatus = aws.String("creating")
			}
		}
		return nil
	}
	if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil {
		t.Fatal(err)
	}
	if owned := s.owned(); looks < 9 || len(owned) != 0 || len(stack.answers) != 1 {
		t.Errorf("after %d looks, %v is left: a creation under way appears after the first, and the cluster cannot be deleted", looks, owned)
	}
}

func TestDrainingIsIdempotent(t *testing.T) {
	s, stack := removed(t), newStack(t)
	for range 2 {
		if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil {
			t.Fatal(err)
		}
	}
	if len(stack.answers) != 2 || stack.answers[1].Status != "SUCCESS" || len(s.Deleted()) != 2 {
		t.Errorf("answers %+v, deleted %v", stack.answers, s.Deleted())
	}
}

func TestCreateAndUpdateOfTheDrainDoNothing(t *testing.T) {
	for _, kind := range []string{"Create", "Update"} {
		s, stack := newScene(t, nil), newStack(t)
		s.Calls()
		if _, err := s.Handle(context.Background(), stack.request(kind)); err != nil {
			t.Fatal(err)
		}
		if calls := s.Calls(); len(calls) != 0 || len(stack.answers) != 1 || stack.answers[0].Status != "SUCCESS" {
			t.Errorf("%s: calls %v, answers %+v", kind, calls, stack.answers)
		}
	}
}

func TestAReplacedDrainLeavesTheReaders(t *testing.T) {
	s, stack := newScene(t, func(p *decision.Policy) { p.Min = 4 }), newStack(t)
	s.minutes(12)
	if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil {
		t.Fatal(err)
	}
	if len(s.owned()) != 2 || len(s.Deleted()) != 0 {
		t.Error("a Delete of the resource while its policy is deployed took readers out of service")
	}
	if len(stack.answers) != 1 || stack.answers[0].Status != "SUCCESS" {
		t.Errorf("answers %+v: the stack's update would fail", stack.answers)
	}
}

func TestARollbackBeforeTheClusterExistsSucceeds(t *testing.T) {
	s, stack := removed(t), newStack(t)
	s.Account.Cluster = "another"
	if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil {
		t.Fatal(err)
	}
	if len(stack.answers) != 1 || stack.answers[0].Status != "SUCCESS" {
		t.Errorf("answers %+v: the rollback would fail", stack.answers)
	}
}

func TestADrainOutOfTimeIsCalledAgain(t *testing.T) {
	s, stack := removed(t), newStack(t)
	s.DeleteTakes = 20 * time.Minute
	handler := s.another()
	handler.Sleep = func(ctx context.Context, d time.Duration) error {
		s.Advance(d)
		if s.Now().Sub(noon) > 25*time.Minute {
			return context.DeadlineExceeded
		}
		return nil
	}
	if _, err := handler.Handle(context.Background(), stack.request("Delete")); !errors.Is(err, errUnfinished) || len(stack.answers) != 0 {
		t.Fatalf("error %v, answers %+v: without an error Lambda would not call again, with an answer the stack would go on", err, stack.answers)
	}
	if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil || len(stack.answers) != 1 {
		t.Errorf("second call: %v, answers %+v", err, stack.answers)
	}
}

func TestADrainNeverDeletesAReaderThatBecameTheWriter(t *testing.T) {
	s, stack := removed(t), newStack(t)
	s.Failover(prefix + "-r01")
	if _, err := s.Handle(context.Background(), stack.request("Delete")); err != nil {
		t.Fatal(err)
	}
	if len(s.Unsafe) > 0 || s.Instances[prefix+"-r01"] == nil || s.Instances[prefix+"-r02"] != nil {
		t.Errorf("unsafe %v, left %v: want the writer to stay, the reader to go", s.Unsafe, s.owned())
	}
	if len(stack.answers) != 1 || stack.answers[0].Status != "FAILED" || !strings.Contains(stack.answers[0].Reason, "failover-db-cluster") {
		t.Errorf("answers %+v, want FAILED with what to do", stack.answers)
	}
}

func TestADrainThatMayNotDeleteSaysSo(t *testing.T) {
	s, stack := removed(t), newStack(t)
	s.Before = func(call string, _ int) error {
		if call == "DeleteDBInstance" {
			return awstest.Error("AccessDenied")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	handler := s.another()
	handler.Sleep = func(ctx context.Context, d time.Duration) error {
		s.Advance(d)
		if s.Now().Sub(noon) > 20*time.Minute {
			cancel()
		}
		return ctx.Err()
	}
	if _, err := handler.Handle(ctx, stack.request("Delete")); err != nil {
		t.Fatal(err)
	}
	if len(stack.answers) != 1 || stack.answers[0].Status != "FAILED" || !strings.Contains(stack.answers[0].Reason, "AccessDenied") {
		t.Errorf("answers %+v, want FAILED with AWS's code", stack.answers)
	}
}

func TestWithoutAPolicyTheScalerIsFrozen(t *testing.T) {
	s := removed(t)
	s.Load = func(time.Time) float64 { return 10 }
	s.Calls()
	for range 10 {
		s.Advance(time.Minute)
		if report := s.tick(); report.Ignored == "" {
			t.Fatal("the scaler acts although its policy is being removed with the stack")
		}
	}
	for _, call := range s.Calls() {
		if isWrite(call) {
			t.Errorf("%s while the stack is being deleted", call)
		}
	}
}
