package handler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/awstest"
)

// four asks for two readers beside the template's two.
func four(p *decision.Policy) { p.Min = 4 }

// failing makes every call of a name fail with a code, up to n times; n < 0 is for ever.
func failing(call, code string, n int) func(string, int) error {
	return func(name string, _ int) error {
		if name != call || n == 0 {
			return nil
		}
		n--
		return awstest.Error(code)
	}
}

func (s *scene) mustBeSafe() {
	s.t.Helper()
	if len(s.Unsafe) > 0 {
		s.t.Errorf("unsafe: %v", s.Unsafe)
	}
}

func codes(r Report) []string {
	var all []string
	for _, f := range r.Failures {
		all = append(all, f.Code)
	}
	return all
}

const (
	alarmState = `{"source":"aws.cloudwatch","alarmArn":"a","alarmData":{"alarmName":"cpu","state":{"value":%q,"timestamp":%q},"configuration":{"metrics":[{"metricStat":{"metric":{"dimensions":{"DBClusterIdentifier":%q}}}}]}}}`
	alarmTime  = "2026-11-03T12:00:00.000+0000"
)

func TestWakeUpsOfEveryKindAndOrderEndInTheSameReaders(t *testing.T) {
	for name, payloads := range map[string][]string{
		"a duplicate alarm":        {fmt.Sprintf(alarmState, "ALARM", alarmTime, clusterID), fmt.Sprintf(alarmState, "ALARM", alarmTime, clusterID)},
		"an old event":             {`{"source":"aws.rds","detail-type":"RDS DB Cluster Event","time":"2020-01-01T00:00:00Z","detail":{"SourceIdentifier":"peakline-prod","SourceType":"CLUSTER"}}`},
		"OK before ALARM":          {fmt.Sprintf(alarmState, "OK", alarmTime, clusterID), fmt.Sprintf(alarmState, "ALARM", alarmTime, clusterID)},
		"a flapping alarm":         slices.Repeat([]string{fmt.Sprintf(alarmState, "ALARM", alarmTime, clusterID), fmt.Sprintf(alarmState, "OK", alarmTime, clusterID)}, 5),
		"a payload nobody knows":   {`{"hello":"world"}`, `null`, `"text"`, `7`},
		"nothing but the schedule": {`{"detail-type":"Scheduled Event"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, four)
			for _, payload := range payloads {
				if _, err := s.Handle(context.Background(), []byte(payload)); err != nil {
					t.Fatal(err)
				}
			}
			if owned := s.owned(); len(owned) != 2 {
				t.Errorf("%v, want two readers: a wake-up is no command to add one", owned)
			}
		})
	}
}

func TestAnAlarmOfAnotherClusterIsIgnored(t *testing.T) {
	s := newScene(t, four)
	s.Calls()
	report, err := s.Handle(context.Background(), fmt.Appendf(nil, alarmState, "ALARM", alarmTime, "another"))
	if err != nil || report.Ignored == "" || len(s.Calls()) != 0 {
		t.Errorf("report %+v, error %v", report, err)
	}
}

func TestTwoConcurrentRunsCreateOnce(t *testing.T) {
	s := newScene(t, four)
	var runs sync.WaitGroup
	for range 4 {
		handler := s.another()
		handler.logger = New(Props{Log: &strings.Builder{}}).logger
		runs.Go(func() {
			if _, err := handler.Handle(context.Background(), []byte(`{}`)); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	if owned := s.owned(); len(owned) != 2 {
		t.Errorf("%v after four runs at once, want two readers", owned)
	}
}

func TestARunKilledAfterACreateIsContinued(t *testing.T) {
	s := newScene(t, four)
	s.After = func(call string, _ int) error {
		if call == "CreateDBInstance" {
			return context.DeadlineExceeded // the reader exists, the answer is lost with the process
		}
		return nil
	}
	s.tick()
	s.After = nil
	s.restart()
	s.Advance(time.Minute)
	s.tick()
	if owned := s.owned(); len(owned) != 2 {
		t.Errorf("%v, want r01 and r02: a lost answer must not cost a second reader", owned)
	}
}

func TestAReaderThatExistsAlreadyAndIsOursCounts(t *testing.T) {
	s := newScene(t, four)
	first := true
	s.Before = func(call string, _ int) error {
		if call == "CreateDBInstance" && first {
			first = false
			// Another run was faster by a moment.
			s.Add(prefix+"-r01", 15, contract.OwnerTagKey, environment).DBInstanceStatus = aws.String("creating")
		}
		return nil
	}
	report := s.tick()
	if len(report.Failures) > 0 || len(s.owned()) != 2 {
		t.Errorf("failures %v, readers %v, want none and two", codes(report), s.owned())
	}
}

func TestAPredecessorThatIsStillBeingDeletedIsNoReader(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
	s.Before = func(call string, _ int) error {
		if call == "CreateDBInstance" && s.Instances[prefix+"-r01"] == nil {
			going := s.Add(prefix+"-r01", 15, contract.OwnerTagKey, environment)
			going.DBInstanceStatus, going.Due, going.Next = aws.String("deleting"), noon.Add(2*time.Minute), "gone"
		}
		return nil
	}
	if report := s.tick(); len(report.Creates) != 0 || !slices.Contains(codes(report), "DBInstanceAlreadyExists") {
		t.Errorf("created %v, failures %v: what is going was taken for what was asked for", report.Creates, codes(report))
	}
	s.Before = nil
	s.minutes(12)
	if s.Readers() != 3 {
		t.Errorf("%d readers afterwards, want 3", s.Readers())
	}
}

func TestANameThatBelongsToSomebodyElseIsPassedOver(t *testing.T) {
	for name, tags := range map[string][]string{
		"a stranger's":                    nil,
		"ours by tag, in another cluster": {contract.OwnerTagKey, environment},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
			foreign := s.Add(prefix+"-r01", 2, tags...)
			foreign.DBClusterIdentifier = aws.String("another-cluster")
			s.tick()
			s.minutes(1)
			if s.Instances[prefix+"-r02"] == nil || len(s.Deleted()) > 0 {
				t.Errorf("readers %v, deleted %v, want r02: one name taken by somebody else must not stop the scaler", s.owned(), s.Deleted())
			}
			s.minutes(40)
			s.Calls()
			report := s.minutes(1)
			if calls := s.Calls(); len(calls) > 6 {
				t.Errorf("calls %v, state %s: the taken name is asked about in every run", calls, report.Decision.State)
			}
		})
	}
}

func TestAReaderThatAWSDoesNotShowYetIsNotAskedForTwice(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
	s.tick()
	created := s.Instances[prefix+"-r01"]
	delete(s.Instances, prefix+"-r01")
	s.Calls()
	s.minutes(1)
	if n := count(s.Calls(), "CreateDBInstance"); n != 0 {
		t.Errorf("%d more creations while the first is not listed yet, want none", n)
	}
	s.Instances[prefix+"-r01"] = created
	s.minutes(10)
	if owned := s.owned(); len(owned) != 1 {
		t.Errorf("%v, want one", owned)
	}
}

func TestAPolicyThatGoesDuringTheRunStopsIt(t *testing.T) {
	s := newScene(t, four)
	s.After = func(call string, _ int) error {
		if call == "GetMetricData" {
			delete(s.Parameters, contract.PolicyParameter(environment)) // the stack's deletion has begun
		}
		return nil
	}
	s.Calls()
	s.tick()
	for _, call := range s.Calls() {
		if isWrite(call) {
			t.Errorf("%s after the policy went: the drain would have to wait for it", call)
		}
	}
}

func TestASlotStillBeingDeletedWaitsForItsTurn(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
	going := s.Add(prefix+"-r01", 15, contract.OwnerTagKey, environment)
	going.DBInstanceStatus, going.Due, going.Next = aws.String("deleting"), s.Now().Add(2*time.Minute), "gone"
	s.tick()
	if in := s.Instances[prefix+"-r02"]; in == nil || *in.DBInstanceStatus != "creating" {
		t.Errorf("readers %v, want r02 on its way while r01 goes", s.owned())
	}
}

func TestRefusedCapacityIsLookedForElsewhereInTheSameRun(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3; p.Classes = []string{"db.r6g.large"} })
	tried := map[string]bool{}
	s.Before = func(call string, _ int) error {
		if call != "CreateDBInstance" {
			return nil
		}
		tried[fmt.Sprint(len(tried))] = true
		if len(tried) < 3 {
			return awstest.Error("InsufficientDBInstanceCapacity")
		}
		return nil
	}
	report := s.tick()
	if len(report.Creates) != 1 {
		t.Fatalf("created %v after two refusals, failures %v: a minute is lost for each", report.Creates, codes(report))
	}
	if report.refused() != 2 {
		t.Errorf("%d refusals reported, want 2: nobody would hear of the shortage", report.refused())
	}
}

func TestEverythingRefusedEndsTheRun(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3; p.Classes = []string{"db.r6g.large"} })
	s.Before = failing("CreateDBInstance", "InsufficientDBInstanceCapacity", -1)
	s.Calls()
	report := s.tick()
	if n := count(s.Calls(), "CreateDBInstance"); n == 0 || n > 16 {
		t.Errorf("%d attempts in one run, want some and not endless", n)
	}
	if len(report.Creates) != 0 || report.refused() == 0 {
		t.Errorf("created %v, refused %d", report.Creates, report.refused())
	}
}

func TestCapacityRefusedLaterIsCleanedUp(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
	s.tick()
	s.Instances[prefix+"-r01"].DBInstanceStatus = aws.String("insufficient-capacity")
	s.Instances[prefix+"-r01"].Due = time.Time{}
	refusedIn := *s.Instances[prefix+"-r01"].AvailabilityZone
	s.minutes(25)
	for _, id := range s.owned() {
		if instance := s.Instances[id]; *instance.DBInstanceStatus == "insufficient-capacity" {
			t.Errorf("%s is still there without capacity", id)
		} else if *instance.AvailabilityZone == refusedIn {
			t.Errorf("%s was created in %s, which had just refused", id, refusedIn)
		}
	}
	if s.Readers() != 3 {
		t.Errorf("%d readers, want 3", s.Readers())
	}
	s.mustBeSafe()
}

func TestFailuresOfACreateAreReportedAndMendedByTheNextRuns(t *testing.T) {
	for code, kind := range map[string]aurora.Kind{
		"InstanceQuotaExceeded":            aurora.Refused,
		"StorageQuotaExceededFault":        aurora.Refused,
		"InsufficientAvailableIPsInSubnet": aurora.Refused, // subnet full
		"DBParameterGroupNotFound":         aurora.Mistaken,
		"KMSKeyNotAccessibleFault":         aurora.Mistaken, // key disabled
		"AccessDenied":                     aurora.Denied,   // of tagging, among others
		"InvalidDBClusterStateFault":       aurora.Busy,
		"Throttling":                       aurora.Passing,
		"SomethingNew":                     aurora.Other,
	} {
		t.Run(code, func(t *testing.T) {
			s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
			s.Before = failing("CreateDBInstance", code, -1)
			report := s.tick()
			if len(report.Failures) == 0 || report.Failures[0].Kind != kind || report.Failures[0].Code != code {
				t.Fatalf("failures %+v, want one of kind %s", report.Failures, kind)
			}
			if !strings.Contains(s.logs.String(), code) {
				t.Error("the log does not name AWS's code")
			}
			s.Before = nil
			s.minutes(100)
			if s.Readers() != 3 {
				t.Errorf("%d readers once the cause is gone, want 3", s.Readers())
			}
			s.mustBeSafe()
		})
	}
}

func TestACreateWithoutAnAnswerRulesNoPlaceOut(t *testing.T) {
	for name, failure := range map[string]error{
		"time ran out":      context.DeadlineExceeded,
		"a lost connection": errors.New("read: connection reset by peer"),
		"a fault of AWS's":  awstest.Error("InternalServerError"),
		"throttling":        awstest.Error("ThrottledException"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, func(p *decision.Policy) { p.Min = 3; p.Classes = []string{"db.r6g.large"} })
			s.Before = func(call string, _ int) error {
				if call == "CreateDBInstance" {
					return failure
				}
				return nil
			}
			wanted := s.minutes(6).Decision.Creates
			s.Before = nil
			if report := s.minutes(1); len(wanted) != 1 || wanted[0].Class != "db.r8g.large" || !slices.Equal(report.Creates, wanted) {
				t.Errorf("created %v, want %v as if nothing had been: nobody said that the place is short", report.Creates, wanted)
			}
		})
	}
}

func TestBeyondTheirReservationReadersComeWithoutIt(t *testing.T) {
	for _, code := range []string{"InsufficientDBInstanceCapacity", "DBCapacityReservationNotFound", "InvalidParameterCombination", "AccessDenied"} {
		t.Run(code, func(t *testing.T) {
			s := newScene(t, four)
			s.Handler.Cluster.CapacityReservation = "black-friday"
			reserved := 1
			s.Lacks = func(in *rds.CreateDBInstanceInput) error {
				if in.DBCapacityReservationIdentifier == nil {
					return nil
				}
				if reserved--; reserved < 0 {
					return awstest.Error(code)
				}
				return nil
			}
			report := s.tick()
			with := func(slot string) string {
				return aws.ToString(s.Instances[prefix+slot].Input.DBCapacityReservationIdentifier)
			}
			if len(report.Creates) != 2 || with("-r01") != "black-friday" || with("-r02") != "" {
				t.Errorf("created %v, failures %v: want the first within the reservation of one, the second without it", report.Creates, codes(report))
			}
		})
	}
}

func TestTwoOfFourCreatesSucceedAndTheRestFollows(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 6 })
	n := 0
	s.Before = func(call string, _ int) error {
		if call == "CreateDBInstance" {
			if n++; n > 2 {
				return awstest.Error("Throttling")
			}
		}
		return nil
	}
	s.tick()
	if owned := s.owned(); len(owned) != 2 {
		t.Fatalf("%v in the first run, want two", owned)
	}
	s.Before = nil
	s.minutes(1)
	if owned := s.owned(); len(owned) != 4 {
		t.Errorf("%v in the second run, want four", owned)
	}
}

func TestAPageThatFailsStopsTheRun(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 6 })
	s.minutes(10)
	s.PageSize = 2
	pages := 0
	s.Before = func(call string, _ int) error {
		if call == "DescribeDBInstances" {
			if pages++; pages == 2 {
				return awstest.Error("Throttling")
			}
		}
		return nil
	}
	s.Calls()
	if _, err := s.Handle(context.Background(), []byte(`{}`)); err == nil {
		t.Fatal("half of the members were taken for all")
	}
	for _, call := range s.Calls() {
		if isWrite(call) {
			t.Errorf("%s on half of the members", call)
		}
	}
	s.minutes(2)
	if len(s.owned()) != 4 {
		t.Errorf("%v afterwards, want four", s.owned())
	}
}

func TestSamplesOnSeveralPagesAreAllRead(t *testing.T) {
	s := newScene(t, nil)
	s.MetricPages = true
	s.tick()
	for _, m := range s.minutes(1).Members {
		if len(m.CPU) == 0 || m.Role == decision.Reader && (len(m.LagMs) == 0 || len(m.Connections) == 0) {
			t.Errorf("%s has %d samples of CPU, %d of lag, %d of connections", m.ID, len(m.CPU), len(m.LagMs), len(m.Connections))
		}
	}
}

func TestANewProcessKnowsOfAFailoverFromItsEvent(t *testing.T) {
	s := newScene(t, four)
	s.minutes(20)
	s.Failover(clusterID + "-reader1")
	s.deploy(nil)
	for range 14 {
		s.restart()
		if report := s.minutes(1); len(report.Deletes) > 0 || report.Decision.State != decision.FailoverHold {
			t.Fatalf("state %s, deleted %v within 15 minutes of a failover", report.Decision.State, report.Deletes)
		}
	}
}

func TestAReaderThatRestartedHoldsScaleInAndItsLagIsARecovery(t *testing.T) {
	s := newScene(t, four)
	s.minutes(20)
	restarted := clusterID + "-reader1"
	s.Instances[restarted].DBInstanceStatus = aws.String("rebooting")
	s.minutes(2)
	s.Instances[restarted].DBInstanceStatus = aws.String("available")
	s.Lag = func(id string) float64 {
		if id == restarted {
			return 5000
		}
		return 20
	}
	recovery := false
	for range 8 {
		lag := s.minutes(1).Decision.Lag
		recovery = recovery || lag == decision.LagRecovery
		if lag == decision.LagOne {
			t.Error("the restarted reader was taken for a sick one")
		}
	}
	if !recovery {
		t.Error("the restarted reader's lag was not taken for a recovery")
	}
	s.Lag = nil
	s.deploy(nil)
	if s.minutes(6); len(s.Deleted()) > 0 {
		t.Errorf("deleted %v within 15 minutes of a restart", s.Deleted())
	}
}

func TestWhileAllInstancesAreBeingChangedReadersStillCome(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
	for _, instance := range s.Instances {
		instance.DBInstanceStatus = aws.String("configuring-enhanced-monitoring")
	}
	if report := s.tick(); len(report.Creates) != 1 || *s.Instances[prefix+"-r01"].Input.DBParameterGroupName != "peakline-instances" {
		t.Errorf("created %v, failures %v: want a copy of one that is being changed", report.Creates, codes(report))
	}
}

func TestAFailoverBetweenDecisionAndDeletionSavesTheWriter(t *testing.T) {
	for _, promoted := range []string{prefix + "-r01", prefix + "-r02"} {
		s := newScene(t, four)
		s.minutes(15)
		s.deploy(nil)
		writer, guarded := s.Writer, false
		for range 90 {
			s.Advance(time.Minute)
			// The failover comes after the run has read the members, and is gone before the next.
			s.After = func(call string, _ int) error {
				if call == "GetMetricData" {
					s.Writer = promoted
				}
				return nil
			}
			report := s.tick()
			guarded = guarded || slices.ContainsFunc(report.Failures, func(f Failure) bool {
				return strings.Contains(f.Err.Error(), "failover made it the writer")
			})
			s.After, s.Writer = nil, writer
		}
		if !guarded || s.Instances[promoted] == nil {
			t.Errorf("%s: the guard spoke: %v, readers left: %v", promoted, guarded, s.owned())
		}
		s.mustBeSafe()
	}
}

func TestADeletionThatBecameUnsafeIsNotDone(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"the owner tag was removed": func(s *scene) {
			for _, id := range []string{prefix + "-r01", prefix + "-r02"} {
				s.Instances[id].TagList = nil
			}
		},
		"others became unavailable": func(s *scene) {
			s.Instances[clusterID+"-reader1"].DBInstanceStatus = aws.String("rebooting")
			s.Instances[clusterID+"-reader2"].DBInstanceStatus = aws.String("failed")
		},
		"the cluster is being changed": func(s *scene) { s.Status = "modifying" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, four)
			s.minutes(15)
			s.deploy(nil)
			armed := true
			s.After = func(call string, _ int) error {
				if call == "GetMetricData" && armed {
					s.After = nil
					change(s)
				}
				return nil
			}
			for range 60 {
				s.Advance(time.Minute)
				report := s.tick()
				if len(report.Deletes) > 0 {
					t.Fatalf("deleted %v", report.Deletes)
				}
				if len(report.Decision.Deletes) > 0 {
					return
				}
			}
			if len(s.Deleted()) > 0 {
				t.Errorf("deleted %v", s.Deleted())
			}
		})
	}
}

func TestOnlyWhatHasNameAndTagIsOurs(t *testing.T) {
	s := newScene(t, nil)
	s.Add(prefix+"-r05", 15)                                         // the name alone
	s.Add("reporting", 15, contract.OwnerTagKey, environment)        // the tag alone
	s.Add(prefix+"-r06", 15, contract.OwnerTagKey, "staging")        // another environment's tag
	s.Add(prefix+"matic-r01", 15, contract.OwnerTagKey, environment) // a name that only begins alike
	s.Load = func(time.Time) float64 { return 0.05 }
	s.minutes(240)
	if len(s.Deleted()) > 0 {
		t.Errorf("deleted %v, none of which the scaler created", s.Deleted())
	}
}

func TestInstancesOfOtherClustersAreNeitherCountedNorDeleted(t *testing.T) {
	s := newScene(t, four)
	s.Unfiltered = true
	for _, id := range []string{"orders-one", prefix + "-r07"} {
		s.Add(id, 15, contract.OwnerTagKey, environment).DBClusterIdentifier = aws.String("orders")
	}
	if report := s.tick(); len(report.Creates) != 2 || len(report.Members) != 3 {
		t.Errorf("created %v beside %d members, want two beside three", report.Creates, len(report.Members))
	}
	s.deploy(nil)
	s.minutes(90)
	for _, id := range []string{"orders-one", prefix + "-r07"} {
		if slices.Contains(s.Deleted(), id) {
			t.Errorf("deleted %s of another cluster", id)
		}
	}
}

func TestAManualReaderCountsAndIsLeftAlone(t *testing.T) {
	s := newScene(t, four)
	s.Add("reporting", 10)
	s.tick()
	if owned := s.owned(); len(owned) != 1 {
		t.Fatalf("%v beside three foreign readers, want one", owned)
	}
	delete(s.Instances, "reporting")
	s.minutes(8)
	if owned := s.owned(); len(owned) != 2 {
		t.Errorf("%v after the manual reader went, want two", owned)
	}
}

func TestAClusterThatIsNotAvailableIsLeftAlone(t *testing.T) {
	for _, status := range []string{"modifying", "upgrading", "stopped", "failing-over", "deleting"} {
		s := newScene(t, four)
		s.Status = status
		s.Calls()
		s.minutes(5)
		for _, call := range s.Calls() {
			if isWrite(call) {
				t.Errorf("%s while the cluster is %s", call, status)
			}
		}
	}
}

func TestTheMaintenanceWindowStopsScaleInFromALeadBeforeIt(t *testing.T) {
	s := newScene(t, four)
	s.minutes(15)
	for id, instance := range s.Instances {
		instance.PreferredMaintenanceWindow = aws.String("tue:13:00-tue:14:00")
		if id == s.Writer {
			instance.PreferredMaintenanceWindow = aws.String("wed:13:00-wed:14:00")
		}
	}
	s.Advance(noon.Add(48 * time.Minute).Sub(s.Now()))
	s.deploy(nil)
	for s.Now().Before(noon.Add(75 * time.Minute)) {
		if report := s.minutes(1); len(report.Deletes) > 0 && s.Now().Before(noon.Add(75*time.Minute)) {
			t.Fatalf("deleted %v at %v: AWS restarts readers from 13:00 on", report.Deletes, s.Now())
		}
	}
	s.minutes(30)
	if owned := s.owned(); len(owned) != 0 {
		t.Errorf("%v are left long after maintenance would have begun", owned)
	}
}

func TestABlueGreenSwitchoverHoldsScaleIn(t *testing.T) {
	s := newScene(t, four)
	s.Resource = "cluster-BLUE"
	s.minutes(15)
	s.Resource = "cluster-GREEN"
	s.deploy(nil)
	for range 15 {
		if report := s.minutes(1); len(report.Deletes) > 0 || report.Decision.State != decision.FailoverHold {
			t.Fatalf("state %s, deleted %v within 15 minutes of the switchover", report.Decision.State, report.Deletes)
		}
	}
	s.minutes(30)
	if owned := s.owned(); len(owned) != 0 {
		t.Errorf("%v are left long after it", owned)
	}
}

func TestTimeRunsOutWithFifteenCreates(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 15 })
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	s.After = func(call string, _ int) error {
		if call == "CreateDBInstance" {
			if n++; n == 5 {
				cancel()
			}
		}
		return nil
	}
	if _, err := s.Handle(ctx, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if s.logs.Len() == 0 {
		t.Error("no log line: what was done would be unknown")
	}
	s.After = nil
	s.restart()
	s.minutes(12)
	if s.Readers() != 15 {
		t.Errorf("%d readers in the end, want 15", s.Readers())
	}
}

func TestARivalFreezesTheScaler(t *testing.T) {
	s := newScene(t, four)
	s.Rival = true
	if report := s.tick(); len(report.Creates) > 0 || report.Decision.State != decision.Frozen {
		t.Errorf("state %s, created %v beside Application Auto Scaling", report.Decision.State, report.Creates)
	}
}

func TestUnreadableEventsForbidDeletions(t *testing.T) {
	s := newScene(t, four)
	s.minutes(15)
	s.deploy(nil)
	s.Before = failing("DescribeEvents", "Throttling", -1)
	s.minutes(60)
	if len(s.Deleted()) > 0 {
		t.Errorf("deleted %v although a failover could not be ruled out", s.Deleted())
	}
	s.Before = nil
	s.minutes(30)
	if len(s.owned()) != 0 {
		t.Errorf("%v remain once events are readable", s.owned())
	}
}

func TestWithoutSSMTheLastPolicyServesForAWhile(t *testing.T) {
	s := newScene(t, four)
	s.tick()
	s.Before = failing("GetParameters", "InternalServerError", -1)
	s.Advance(time.Minute)
	if report := s.tick(); report.Policy.Min != 4 || len(report.Failures) != 1 {
		t.Errorf("policy %+v, failures %v", report.Policy, codes(report))
	}
	s.Advance(20 * time.Minute)
	if _, err := s.Handle(context.Background(), []byte(`{}`)); err == nil {
		t.Error("twenty minutes without a policy are no error")
	}
}

func TestAMetricGapOfOneReaderIsLookedInto(t *testing.T) {
	s := newScene(t, nil)
	s.Load = func(time.Time) float64 { return 0.02 } // so little that the other reader's double share means nothing
	s.minutes(26)
	s.Instances[clusterID+"-reader1"].Mute = true
	s.Advance(time.Minute)
	s.tick()
	s.Advance(time.Minute)
	if report := s.tick(); !report.Detailed {
		t.Error("a reader stopped reporting and the run looked at means only")
	}
}

func TestWithoutAnySamplesReadersAreKeptAndTheAgeIsReported(t *testing.T) {
	s := newScene(t, four)
	s.minutes(15)
	s.deploy(nil)
	s.Before = failing("GetMetricData", "InternalServiceFault", -1)
	report := s.minutes(12)
	if len(s.owned()) != 2 || report.Decision.State != decision.Blind {
		t.Errorf("state %s, readers %v: blind means hold", report.Decision.State, s.owned())
	}
	if report.blindMinutes < 10 {
		t.Errorf("blind for %d minutes, want at least 10: the alarm would stay silent", report.blindMinutes)
	}
}

func TestSamplesThatCannotBeReadOnceAreNotMissed(t *testing.T) {
	s := newScene(t, nil)
	s.minutes(15)
	s.Before = failing("GetMetricData", "InternalServiceFault", -1)
	for minute := 1; minute <= 12; minute++ {
		report := s.minutes(1)
		blind := report.Decision.State == decision.Blind
		if blind != (minute > 3) || blind && report.blindMinutes > int64(minute)+1 {
			t.Errorf("after %d minutes without an answer the state is %s, blind for %d minutes: the alarm of ten would fire early",
				minute, report.Decision.State, report.blindMinutes)
		}
	}
	s.restart()
	if report := s.minutes(1); report.Decision.State != decision.Blind || report.blindMinutes != 0 {
		t.Errorf("state %s, blind for %d minutes in the first run of a process that may not read: want blind, and no alarm yet",
			report.Decision.State, report.blindMinutes)
	}
}

// silentService is a CloudWatch, or an SSM, that never answers.
type silentService struct{ *awstest.Account }

func (silentService) GetMetricData(ctx context.Context, _ *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silentService) GetParameters(ctx context.Context, _ *ssm.GetParametersInput, _ ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAServiceThatDoesNotAnswerLeavesTimeForAFloor(t *testing.T) {
	for name, silence := range map[string]func(*scene){
		"CloudWatch": func(s *scene) { s.Handler.Cluster.CloudWatch = silentService{s.Account} },
		"SSM":        func(s *scene) { s.Handler.Parameters = silentService{s.Account} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, func(p *decision.Policy) {
					p.Floors = []decision.Floor{{Window: decision.Window{From: noon.Add(40 * time.Minute), Until: noon.Add(time.Hour)}, Readers: 4, Lead: decision.Duration{Duration: 30 * time.Minute}}}
				})
				s.minutes(5)
				silence(s)
				s.Advance(6 * time.Minute)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
				defer cancel()
				report, err := s.Handle(ctx, []byte(`{}`))
				if err != nil || len(report.Creates) != 2 {
					t.Errorf("created %v, error %v, failures %v: want the floor's two readers", report.Creates, err, codes(report))
				}
			})
		})
	}
}

func TestTheOperatorsOverrideIsObeyedAndLogged(t *testing.T) {
	s := newScene(t, nil)
	s.Load = func(time.Time) float64 { return 0.3 } // the two baseline readers carry that, surges included
	s.Parameters[contract.OverrideParameter(environment)] = `{"floor":5,"until":"2026-11-03T13:00:00Z","by":"ann","reason":"live show"}`
	s.WrittenAt = noon
	if report := s.tick(); len(report.Creates) != 3 {
		t.Errorf("created %v under a floor of five, want three", report.Creates)
	}
	if log := s.logs.String(); !strings.Contains(log, "ann") || !strings.Contains(log, "live show") {
		t.Errorf("the log does not say who and why: %s", log)
	}
	s.minutes(120)
	if n := len(s.owned()); n != 0 {
		t.Errorf("%d readers remain an hour after the override ended", n)
	}
}

func TestReaderHoursOfTheMonthAreReportedAndNothingIsCut(t *testing.T) {
	s := newScene(t, four)
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 60 {
		s.Put(contract.MetricOwned, month.Add(time.Duration(hour)*time.Hour), 13)
		s.Put(contract.MetricOwned, month.Add(-time.Duration(hour+1)*time.Hour), 13) // last month's
	}
	s.minutes(10)
	report := s.minutes(60)
	// Two readers that became available after five minutes, for 65.
	if want := 60*13 + 2*65.0/60; math.Abs(report.ReaderHours-want) > 0.1 || billed(report.Members) != 2 {
		t.Errorf("%v hours and %d billed readers, want %v and 2", report.ReaderHours, billed(report.Members), want)
	}
	if len(s.owned()) != 2 || len(s.Deleted()) > 0 {
		t.Errorf("left %v, deleted %v: a budget that is used up informs and does not brake", s.owned(), s.Deleted())
	}
}

func TestAZoneThatLacksTheClassIsPassedOverForTheOthers(t *testing.T) {
	for _, code := range []string{"OrderableDBInstanceOptionNotFound", "InvalidParameterCombination"} {
		t.Run(code, func(t *testing.T) {
			s := newScene(t, func(p *decision.Policy) { p.Min = 6; p.Classes = []string{"db.r6g.large"} })
			s.Lacks = func(in *rds.CreateDBInstanceInput) error {
				if aws.ToString(in.AvailabilityZone) == "eu-west-1b" {
					return awstest.Error(code)
				}
				return nil
			}
			s.minutes(12)
			if s.Readers() != 6 {
				t.Errorf("%d readers, want 6", s.Readers())
			}
			for _, id := range s.owned() {
				if class := *s.Instances[id].DBInstanceClass; class != "db.r8g.large" {
					t.Errorf("%s is a %s: two zones have the writer's class", id, class)
				}
			}
		})
	}
}

func TestImbalanceIsSeenBetweenReadersOfLongStanding(t *testing.T) {
	s := newScene(t, nil)
	s.Load = func(time.Time) float64 { return 0.6 }
	s.Share = func(id string) float64 {
		if id == clusterID+"-reader1" {
			return 4
		}
		return 1
	}
	seen := 0
	for range 60 {
		if s.minutes(1).Decision.Skewed {
			seen++
		}
	}
	if seen < 45 {
		t.Errorf("in %d of 60 minutes one reader was seen to have four fifths of the connections: the alarm would stay silent", seen)
	}
}

func TestAReaderThatLagsAloneIsReplacedBesideOthersOfLongStanding(t *testing.T) {
	s := newScene(t, four)
	s.minutes(120)
	s.Lag = func(id string) float64 {
		if id == prefix+"-r01" {
			return 5000
		}
		return 20
	}
	verdicts := map[decision.LagVerdict]int{}
	for range 40 {
		verdicts[s.minutes(1).Decision.Lag]++
	}
	if !slices.Equal(s.Deleted(), []string{prefix + "-r01"}) || !slices.Contains(s.owned(), prefix+"-r03") {
		t.Errorf("deleted %v, left %v, want r03 in the place of r01", s.Deleted(), s.owned())
	}
	if verdicts[decision.LagWriteBound] > 0 {
		t.Errorf("verdicts %v: the mean of the readers hid that it was one, and blamed the writes", verdicts)
	}
}

func TestAGapInTheSamplesOfAnOldReaderIsNoCreation(t *testing.T) {
	s := newScene(t, four)
	s.minutes(120)
	s.restart()
	s.Instances[prefix+"-r01"].Mute = true
	s.minutes(5)
	s.Instances[prefix+"-r01"].Mute = false
	for range 20 {
		if report := s.minutes(1); len(report.Created) > 0 {
			t.Fatalf("a reader of two hours took %v to come: the alarm on slow creations would fire", report.Created)
		}
	}
	if lead := s.tick().Decision.Lead; lead != newScene(t, nil).tick().Decision.Lead {
		t.Errorf("a lead of %v was learned from it", lead)
	}
}
