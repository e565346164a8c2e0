package handler

import (
	"context"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"

	"peakline/lambda/decision"
	"peakline/lambda/internal/awstest"
)

// faultCodes are what calls fail with: throttling, faults of AWS, refusals, and nothing but a lost connection.
var faultCodes = []string{"Throttling", "InternalFailure", "InsufficientDBInstanceCapacity", "InvalidDBClusterStateFault", "AccessDenied", ""}

// TestFaultsNeverMakeTheScalerUnsafe closes the loop over the real handler and an account on which anything may go
// wrong at any call: it fails before or after it took effect, the process dies, two runs overlap, a page is throttled,
// instances fail, the writer moves. Nothing unsafe may happen, and once the faults end the readers are right again.
func TestFaultsNeverMakeTheScalerUnsafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		account := awstest.New(noon, clusterID, rapid.IntRange(1, 3).Draw(t, "template readers"))
		account.PageSize = rapid.IntRange(0, 3).Draw(t, "page size")
		s := &scene{Account: account, t: nil}
		policy := decision.ProductionPolicy()
		policy.Max = rapid.IntRange(4, 9).Draw(t, "max")
		deployPolicy(account, policy)
		peak := rapid.Float64Range(0.2, 8).Draw(t, "peak load")
		account.Load = func(at time.Time) float64 { return peak * (1 + math.Sin(at.Sub(noon).Hours()*3)) / 2 }

		faulty := rapid.IntRange(0, 30).Draw(t, "faults per hundred calls")
		dice := rapid.Uint64().Draw(t, "seed")
		roll := func(sides uint64) uint64 { // a small generator of its own, so that thousands of draws stay cheap
			dice ^= dice << 13
			dice ^= dice >> 7
			dice ^= dice << 17
			return dice % sides
		}
		dice |= 1
		fault := func(string, int) error {
			if roll(200) >= uint64(faulty) {
				return nil
			}
			if code := faultCodes[roll(uint64(len(faultCodes)))]; code != "" {
				return awstest.Error(code)
			}
			return context.DeadlineExceeded
		}
		first, second := s.silent(), s.silent()
		for range 100 {
			account.Advance(time.Minute)
			account.Before, account.After = fault, fault
			switch roll(30) {
			case 0:
				first = s.silent() // the process died
			case 1:
				account.Failover(anyReader(account, roll))
			case 2:
				if id := anyReader(account, roll); id != account.Writer {
					account.Instances[id].DBInstanceStatus = aws.String([]string{"failed", "rebooting", "incompatible-network", "storage-optimization"}[roll(4)])
				}
			case 3:
				account.Status = []string{"modifying", "failing-over", "available"}[roll(3)]
			case 4, 5, 6:
				var runs sync.WaitGroup
				for _, handler := range []*Handler{first, second} {
					runs.Go(func() { _, _ = handler.Handle(context.Background(), []byte(`{}`)) })
				}
				runs.Wait()
			}
			_, _ = first.Handle(context.Background(), []byte(`{}`)) // its failures are the point
			if len(account.Unsafe) > 0 {
				t.Fatalf("unsafe at %v: %v", account.Now(), account.Unsafe)
			}
			if n := account.Sound(); n > policy.Max+1 { // a sick reader is replaced before it goes
				t.Fatalf("%d readers, the policy allows %d", n, policy.Max)
			}
		}

		// The faults end: the cluster heals, and so must the number of readers.
		account.Before, account.After, account.Status = nil, nil, "available"
		for _, instance := range account.Instances {
			if *instance.DBInstanceStatus != "creating" && *instance.DBInstanceStatus != "deleting" {
				instance.DBInstanceStatus = aws.String("available")
			}
		}
		account.Load = func(time.Time) float64 { return 0.4 }
		for range 150 {
			account.Advance(time.Minute)
			_, _ = first.Handle(context.Background(), []byte(`{}`))
		}
		report, err := first.Handle(context.Background(), []byte(`{}`))
		if err != nil || len(report.Failures) > 0 {
			t.Fatalf("still failing two and a half hours after the faults ended: %v %v", err, codes(report))
		}
		if d := report.Decision; d.Serving < policy.Min || d.Serving > policy.Max || len(d.Creates) > 0 {
			t.Fatalf("not healed: %d serving, %d coming, policy %d to %d, creates %v, reasons %v", d.Serving, d.Coming, policy.Min, policy.Max, d.Creates, d.Reasons)
		}
		if len(account.Unsafe) > 0 {
			t.Fatalf("unsafe while healing: %v", account.Unsafe)
		}
	})
}

// anyReader is an available reader, or the writer where there is none.
func anyReader(account *awstest.Account, roll func(uint64) uint64) string {
	var readers []string
	for _, id := range slices.Sorted(maps.Keys(account.Instances)) {
		if id != account.Writer && *account.Instances[id].DBInstanceStatus == "available" {
			readers = append(readers, id)
		}
	}
	if len(readers) == 0 {
		return account.Writer
	}
	return readers[roll(uint64(len(readers)))]
}

// silent is a scaler whose log nobody reads.
func (s *scene) silent() *Handler {
	handler := s.another()
	props := handler.Props
	props.Log = io.Discard
	return New(props)
}
