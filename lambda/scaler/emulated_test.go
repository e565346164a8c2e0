package scaler_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	"peakline/lambda/scaler"
	"peakline/test/emulated"
)

const (
	environment = "local"
	clusterID   = "peakline-local"
	prefix      = "peakline-local-auto"
)

// world is an emulated account with one cluster, and the scaler on it: the real handler with the real SDK.
type world struct {
	t       *testing.T
	config  aws.Config
	rds     *rds.Client
	metrics *cloudwatch.Client
	ssm     *ssm.Client
	now     time.Time
	load    float64 // readers fully busy
	logs    bytes.Buffer
	handle  func(context.Context, []byte) error
}

func newWorld(t *testing.T) *world {
	config := scaler.Budget(emulated.Account(t))
	w := &world{
		t: t, config: config, now: time.Now().UTC().Truncate(time.Minute).Add(time.Minute), load: 0.4,
		rds: rds.NewFromConfig(config), metrics: cloudwatch.NewFromConfig(config), ssm: ssm.NewFromConfig(config),
	}
	handler := scaler.New(scaler.Props{
		Environment: environment, Cluster: clusterID, AWS: config, Log: &w.logs, Now: func() time.Time { return w.now },
	})
	w.handle = func(ctx context.Context, payload []byte) error {
		_, err := handler.Handle(ctx, payload)
		return err
	}
	emulated.Cluster(t, config, environment)
	w.deploy(func(*decision.Policy) {})
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deploy(change func(*decision.Policy)) {
	w.t.Helper()
	policy := decision.ProductionPolicy()
	policy.Max = 6
	change(&policy)
	emulated.Deploy(w.t, w.config, environment, policy)
}

// members are the cluster's readers and its writer.
func (w *world) members() (readers []string, writer string) {
	w.t.Helper()
	out, err := w.rds.DescribeDBClusters(context.Background(), &rds.DescribeDBClustersInput{DBClusterIdentifier: aws.String(clusterID)})
	w.check(err)
	for _, member := range out.DBClusters[0].DBClusterMembers {
		if aws.ToBool(member.IsClusterWriter) {
			writer = *member.DBInstanceIdentifier
		} else {
			readers = append(readers, *member.DBInstanceIdentifier)
		}
	}
	slices.Sort(readers)
	return readers, writer
}

func (w *world) owned() []string {
	readers, _ := w.members()
	return slices.DeleteFunc(readers, func(id string) bool { return !strings.HasPrefix(id, prefix+"-r") })
}

// minutes plays n minutes: samples, then a run of the scaler.
func (w *world) minutes(n int) {
	w.t.Helper()
	for range n {
		readers, writer := w.members()
		var data []cwtypes.MetricDatum
		put := func(metric string, set cwtypes.StatisticSet, dimensions ...string) {
			datum := cwtypes.MetricDatum{MetricName: &metric, Timestamp: aws.Time(w.now), StatisticValues: &set}
			for i := 0; i < len(dimensions); i += 2 {
				datum.Dimensions = append(datum.Dimensions, cwtypes.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
			}
			data = append(data, datum)
		}
		of := func(n int, v float64) cwtypes.StatisticSet {
			return cwtypes.StatisticSet{
				Minimum: &v, Maximum: &v, Sum: aws.Float64(v * float64(n)), SampleCount: aws.Float64(float64(n)),
			}
		}
		busy := min(100, w.load/float64(len(readers))*100)
		for metric, v := range map[string]float64{"CPUUtilization": busy, "AuroraReplicaLag": 20, "DatabaseConnections": 50} {
			for _, id := range readers {
				put(metric, of(1, v), "DBInstanceIdentifier", id)
			}
			put(metric, of(len(readers), v), "DBClusterIdentifier", clusterID, "Role", "READER")
		}
		put("CPUUtilization", of(1, 20), "DBInstanceIdentifier", writer)
		put("CPUUtilization", of(1, 20), "DBClusterIdentifier", clusterID, "Role", "WRITER")
		_, err := w.metrics.PutMetricData(context.Background(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("AWS/RDS"), MetricData: data})
		w.check(err)
		w.now = w.now.Add(time.Minute)
		if err := w.handle(context.Background(), []byte(`{"detail-type":"Scheduled Event"}`)); err != nil {
			w.t.Fatalf("%v\n%s", err, w.logs.String())
		}
	}
}

// TestOnAnEmulatedAccount is one story, because an account takes seconds to start.
func TestOnAnEmulatedAccount(t *testing.T) {
	w := newWorld(t)
	// Neither of these is the scaler's: a name without the tag, and the tag without the name.
	emulated.Instance(t, w.config, clusterID, prefix+"-r09")
	emulated.Instance(t, w.config, clusterID, "manual", types.Tag{Key: aws.String(contract.OwnerTagKey), Value: aws.String(environment)})
	foreign := []string{"manual", prefix + "-r09", clusterID + "-one", clusterID + "-two"}
	slices.Sort(foreign)

	w.minutes(3)
	if readers, _ := w.members(); !slices.Equal(readers, foreign) {
		t.Fatalf("readers %v without load, want %v", readers, foreign)
	}

	t.Log("load brings readers")
	w.load = 3.2
	w.minutes(4)
	if n := len(w.owned()); n != 3 {
		t.Fatalf("%v for 3.2 busy readers' load, want the policy's maximum of 6 readers\n%s", w.owned(), w.logs.String())
	}
	out, err := w.rds.DescribeDBInstances(context.Background(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(prefix + "-r01")})
	w.check(err)
	created := out.DBInstances[0]
	if aws.ToInt32(created.PromotionTier) != 15 || aws.ToString(created.DBInstanceClass) != "db.r8g.large" ||
		!slices.ContainsFunc(created.TagList, func(tag types.Tag) bool {
			return *tag.Key == contract.OwnerTagKey && *tag.Value == environment
		}) {
		t.Errorf("created tier %d class %s tags %v", aws.ToInt32(created.PromotionTier), aws.ToString(created.DBInstanceClass), created.TagList)
	}

	t.Log("a failover makes one of them the writer")
	_, err = w.rds.FailoverDBCluster(context.Background(), &rds.FailoverDBClusterInput{
		DBClusterIdentifier: aws.String(clusterID), TargetDBInstanceIdentifier: aws.String(prefix + "-r01"),
	})
	w.check(err)

	t.Log("its readers go with the load, nothing else does")
	w.load = 0.1
	w.minutes(70)
	readers, writer := w.members()
	want := slices.Sorted(slices.Values(append([]string{clusterID + "-writer"}, foreign...)))
	if writer != prefix+"-r01" || !slices.Equal(readers, want) {
		t.Fatalf("writer %s, readers %v; want the promoted writer and the five readers that are not the scaler's: %v\n%s", writer, readers, want, w.logs.String())
	}

	t.Log("a floor is respected")
	w.deploy(func(p *decision.Policy) {
		p.Floors = []decision.Floor{{Window: decision.Window{Name: "sale", From: w.now, Until: w.now.Add(time.Hour)}, Readers: 6}}
	})
	w.minutes(2)
	if readers, _ := w.members(); len(readers) != 6 {
		t.Errorf("%d readers during a floor of 6\n%s", len(readers), w.logs.String())
	}

	t.Log("the end of the stack leaves nothing")
	_, err = w.rds.FailoverDBCluster(context.Background(), &rds.FailoverDBClusterInput{
		DBClusterIdentifier: aws.String(clusterID), TargetDBInstanceIdentifier: aws.String(clusterID + "-writer"),
	})
	w.check(err)
	_, err = w.ssm.DeleteParameter(context.Background(), &ssm.DeleteParameterInput{Name: aws.String(contract.PolicyParameter(environment))})
	w.check(err)
	w.drain()
	if owned := slices.DeleteFunc(w.owned(), func(id string) bool { return id == prefix+"-r09" }); len(owned) != 0 {
		t.Errorf("%v are left: the cluster cannot be deleted", owned)
	}
	if readers, writer := w.members(); writer != clusterID+"-writer" || !slices.Equal(readers, foreign) {
		t.Errorf("writer %s, readers %v after the drain, want %v", writer, readers, foreign)
	}
}

// drain sends CloudFormation's request, with a clock that does not wait.
func (w *world) drain() {
	w.t.Helper()
	var answer string
	stack := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer = string(body)
	}))
	defer stack.Close()
	drain := scaler.New(scaler.Props{
		Environment: environment, Cluster: clusterID, AWS: w.config, Log: &w.logs,
		Now:   func() time.Time { return w.now },
		Sleep: func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil },
	})
	_, err := drain.Handle(context.Background(), fmt.Appendf(nil, `{"RequestType":"Delete","ResponseURL":%q,"RequestId":"r","LogicalResourceId":"ReaderDrain","StackId":"s"}`, stack.URL))
	w.check(err)
	if !strings.Contains(answer, `"Status":"SUCCESS"`) {
		w.t.Errorf("the stack was answered %s\n%s", answer, w.logs.String())
	}
}
