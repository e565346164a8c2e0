package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/awstest"
)

const (
	environment = "prod"
	clusterID   = "peakline-prod"
	prefix      = "peakline-prod-auto"
)

// noon is a Tuesday without events.
var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

// scene is a scaler on an account in memory.
type scene struct {
	*awstest.Account
	*Handler
	t    *testing.T
	logs *bytes.Buffer
}

// newScene has a writer, two readers of the template and 20 minutes of samples.
func newScene(t *testing.T, policy func(*decision.Policy)) *scene {
	t.Helper()
	account := awstest.New(noon.Add(-20*time.Minute), clusterID, 2)
	s := &scene{Account: account, t: t}
	s.deploy(policy)
	s.restart()
	account.Advance(20 * time.Minute)
	return s
}

func (s *scene) deploy(change func(*decision.Policy)) {
	policy := decision.ProductionPolicy()
	if change != nil {
		change(&policy)
	}
	deployPolicy(s.Account, policy)
}

func deployPolicy(account *awstest.Account, policy decision.Policy) {
	text, err := json.Marshal(policy)
	if err != nil {
		panic(err)
	}
	account.Parameters[contract.PolicyParameter(environment)] = string(text)
}

// restart forgets everything that a process remembers, as a cold start does.
func (s *scene) restart() {
	s.logs = &bytes.Buffer{}
	s.Handler = s.another()
}

// another is a second process on the same account.
func (s *scene) another() *Handler {
	return New(Props{
		Cluster: &aurora.Cluster{
			ID: clusterID, Environment: environment,
			RDS: s.Account, CloudWatch: s.Account, AutoScaling: s.Account,
		},
		Parameters: s.Account, Log: s.logs, Now: s.Account.Now, Sleep: s.Account.Sleep,
	})
}

// tick runs the scaler once.
func (s *scene) tick() Report {
	s.t.Helper()
	report, err := s.Handle(context.Background(), []byte(`{"source":"aws.events","detail-type":"Scheduled Event"}`))
	if err != nil {
		s.t.Fatalf("run at %v: %v", s.Account.Now(), err)
	}
	return report
}

// minutes runs the scaler once a minute.
func (s *scene) minutes(n int) (last Report) {
	s.t.Helper()
	for range n {
		s.Advance(time.Minute)
		last = s.tick()
	}
	return last
}

func (s *scene) owned() []string { return s.Owned(prefix) }

func count(calls []string, name string) int {
	n := 0
	for _, call := range calls {
		if call == name {
			n++
		}
	}
	return n
}

func isWrite(call string) bool {
	return strings.HasPrefix(call, "Create") || strings.HasPrefix(call, "Delete") || strings.HasPrefix(call, "Put")
}

func TestAQuietTickMakesAtMostSixCalls(t *testing.T) {
	for name, late := range map[string]string{"all points come at once": "", "one reader's points come later": clusterID + "-reader2"} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, nil)
			s.Late = late
			s.minutes(30)
			s.Calls()
			for range 100 {
				s.minutes(1)
				if calls := s.Calls(); len(calls) > 6 {
					t.Fatalf("a quiet tick made %d calls %v: at one a minute and cluster the bill and the API's limits notice", len(calls), calls)
				}
			}
		})
	}
}

func TestTheMembersOwnSeriesAreReadEveryFiveMinutesOnly(t *testing.T) {
	s := newScene(t, nil)
	s.minutes(30)
	detailed := 0
	for range 20 {
		if s.minutes(1).Detailed {
			detailed++
		}
	}
	if detailed != 4 {
		t.Errorf("%d of 20 quiet ticks read each member's series, want 4: CloudWatch bills by the series", detailed)
	}
}

func TestLoadBringsReadersAndItsEndTakesThemAway(t *testing.T) {
	s := newScene(t, nil)
	s.minutes(5)
	s.Load = func(time.Time) float64 { return 3.5 }
	s.minutes(20)
	if n := len(s.owned()); n < 3 {
		t.Fatalf("%d readers were added for 3.5 busy readers' load on two, want at least 3", n)
	}
	s.Load = func(time.Time) float64 { return 0.2 }
	s.minutes(180)
	if owned := s.owned(); len(owned) != 0 {
		t.Errorf("%v remain three hours after the load went", owned)
	}
	if len(s.Unsafe) > 0 {
		t.Error(s.Unsafe)
	}
}

func TestANewReaderIsACopyOfAHealthyOne(t *testing.T) {
	s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
	s.tick()
	in := s.Instances[prefix+"-r01"].Input
	template := s.Instances[clusterID+"-reader1"]
	for name, same := range map[string]bool{
		"class":               *in.DBInstanceClass == *template.DBInstanceClass,
		"parameter group":     *in.DBParameterGroupName == "peakline-instances",
		"promotion tier 15":   *in.PromotionTier == 15,
		"insights":            *in.EnablePerformanceInsights,
		"insights' key":       *in.PerformanceInsightsKMSKeyId == *template.PerformanceInsightsKMSKeyId,
		"insights' retention": *in.PerformanceInsightsRetentionPeriod == 465,
		"monitoring":          *in.MonitoringInterval == 15 && *in.MonitoringRoleArn == *template.MonitoringRoleArn,
		"certificate":         *in.CACertificateIdentifier == "rds-ca-rsa2048-g1",
		"minor upgrades":      *in.AutoMinorVersionUpgrade,
		"maintenance window":  *in.PreferredMaintenanceWindow == "sun:03:30-sun:04:30",
		"no public address":   in.PubliclyAccessible != nil && !*in.PubliclyAccessible,
		"zone":                *in.AvailabilityZone != "",
		"nothing the cluster manages": in.EngineVersion == nil && in.KmsKeyId == nil && in.StorageEncrypted == nil &&
			in.DeletionProtection == nil && in.VpcSecurityGroupIds == nil,
	} {
		if !same {
			t.Errorf("the new reader has not the template's %s: AWS's default would apply", name)
		}
	}
	tags := map[string]string{}
	for _, tag := range in.Tags {
		tags[*tag.Key] = *tag.Value
	}
	if tags[contract.OwnerTagKey] != environment || tags[contract.RequestedTagKey] != noon.Format(time.RFC3339) || tags["team"] != "shop" {
		t.Errorf("tags are %v: without the owner's the reader could never be deleted, without the team's nobody would pay", tags)
	}
	if _, reserved := tags["aws:cloudformation:stack-name"]; reserved {
		t.Error("a reserved tag was copied: AWS refuses the creation")
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	for name, dry := range map[string]func(*scene){
		"the policy's mode":        func(s *scene) { s.deploy(func(p *decision.Policy) { p.Mode = decision.DryRun; p.Min = 4 }) },
		"an operator who looks on": func(s *scene) { s.ReadOnly = true },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, four)
			dry(s)
			s.Before = func(call string, _ int) error {
				if isWrite(call) {
					t.Errorf("%s was called in dry-run", call)
				}
				return nil
			}
			report := s.tick()
			if len(report.Decision.Creates) != 2 || len(report.Creates) != 0 {
				t.Errorf("dry-run proposes %v and did %v, want two proposals and nothing done", report.Decision.Creates, report.Creates)
			}
		})
	}
}

func TestEveryRunWritesOneLineWithItsMetrics(t *testing.T) {
	s := newScene(t, nil)
	s.tick()
	lines := strings.Split(strings.TrimSpace(s.logs.String()), "\n")
	if len(lines) != 1 {
		t.Fatalf("%d lines, want one: %s", len(lines), s.logs)
	}
	var line struct {
		State   string
		Reasons []string
		AWS     struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(lines[0]), &values); err != nil {
		t.Fatal(err)
	}
	if line.AWS.Timestamp != noon.UnixMilli() || len(line.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("the line's _aws part is %+v: CloudWatch would take no metric from it", line.AWS)
	}
	directive := line.AWS.CloudWatchMetrics[0]
	if directive.Namespace != contract.MetricNamespace || fmt.Sprint(directive.Dimensions) != "[[Environment]]" || values["Environment"] != environment {
		t.Errorf("metrics go to %s %v %v: the alarms look elsewhere", directive.Namespace, directive.Dimensions, values["Environment"])
	}
	for _, metric := range directive.Metrics {
		if _, ok := values[metric.Name].(float64); !ok {
			t.Errorf("metric %s has the value %v, want a number", metric.Name, values[metric.Name])
		}
	}
	if values[contract.MetricHeartbeat] != 1.0 || line.State == "" {
		t.Errorf("no heartbeat or state in %s", lines[0])
	}
}

func TestACreationsTimeIsMeasuredOnce(t *testing.T) {
	for name, c := range map[string]struct {
		takes time.Duration
		asked bool // RDS reports when it was asked for instead of when it was available
	}{
		"as usual":              {5 * time.Minute, false},
		"as long as the window": {15 * time.Minute, false},
		"from the request on":   {15 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, func(p *decision.Policy) { p.Min = 3 })
			s.CreateTakes = c.takes
			var took []time.Duration
			for range 60 {
				if reader := s.Instances[prefix+"-r01"]; c.asked && reader != nil && reader.InstanceCreateTime != nil {
					reader.InstanceCreateTime = aws.Time(noon)
				}
				took = append(took, s.tick().Created...)
				s.Advance(time.Minute)
			}
			if !slices.Equal(took, []time.Duration{c.takes}) {
				t.Errorf("reported create times %v, want one of %v: the learned lead depends on it", took, c.takes)
			}
		})
	}
}
