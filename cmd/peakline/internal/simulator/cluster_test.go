package simulator

import (
	"math"
	"testing"
	"time"
)

// calm is a plant without luck: every creation takes six minutes, metrics are exact and one minute late.
func calm() Plant {
	plant := DefaultPlant()
	plant.Create.Spread, plant.Create.NeverPercent, plant.Create.RefusedPercent = 0, 0, 0
	plant.Metrics = Metrics{DelayMin: time.Minute, DelayMax: time.Minute}
	plant.Failovers.PerMonth = 0
	return plant
}

// steady is a trace of constant load: so many fully busy readers.
func steady(plant Plant, minutes int, busyReaders float64) Trace {
	trace := Trace{Name: "steady", Start: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), Load: make([]float64, minutes)}
	for i := range trace.Load {
		trace.Load[i] = busyReaders * plant.ReaderCapacity
	}
	return trace
}

func readersOf(c *cluster) (readers []*instance) {
	for _, member := range c.instances {
		if member.serving() {
			readers = append(readers, member)
		}
	}
	return readers
}

func TestAReaderBillsFromAvailableAndTenMinutesAtLeast(t *testing.T) {
	for name, test := range map[string]struct {
		kept time.Duration
		want time.Duration
	}{
		"deleted after two minutes of service pays ten": {2 * time.Minute, 10 * time.Minute},
		"deleted after ten minutes pays ten":            {10 * time.Minute, 10 * time.Minute},
		"deleted after half an hour pays half an hour":  {30 * time.Minute, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			plant := calm()
			c := newCluster(plant, steady(plant, 60, 1), 2, 1)
			c.create("extra", "")
			for range int((6*time.Minute + test.kept) / time.Minute) {
				c.advance()
			}
			before := c.score.billed
			c.remove("extra")
			if got := c.score.billed - before; got != test.want {
				t.Errorf("billed %v, want %v: the replay would misjudge what flapping costs", got, test.want)
			}
		})
	}
}

func TestTheMinimumIsBilledAllTheTime(t *testing.T) {
	plant := calm()
	run := Experiment{Plant: plant, Trace: steady(plant, 24*60, 0.5), Seeds: []uint64{1}}.
		RunOne(policyNamed(t, "static-mean"), 0, 0.65, 1, false)
	if run.ReaderHours != 48 || run.MinimumHours != 48 {
		t.Errorf("two readers for a day: %g reader-hours of which %g unavoidable, want 48 and 48", run.ReaderHours, run.MinimumHours)
	}
}

func policyNamed(t *testing.T, name string) Policy {
	t.Helper()
	for _, p := range Policies() {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("policy %s is gone", name)
	return Policy{}
}

func TestANewReaderGetsConnectionsOnlyAsOldOnesExpire(t *testing.T) {
	for name, test := range map[string]struct {
		life time.Duration
		want float64 // share of the new third reader after ten minutes
	}{
		"recycled every ten minutes": {10 * time.Minute, (1 - math.Exp(-1)) / 3},
		"recycled every half hour":   {30 * time.Minute, (1 - math.Exp(-1.0/3)) / 3},
		"never recycled":             {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			plant := calm()
			plant.ConnectionLife = test.life
			c := newCluster(plant, steady(plant, 60, 1), 2, 1)
			c.create("third", "")
			for range 16 {
				c.advance()
			}
			readers := readersOf(c)
			if got := readers[2].share; math.Abs(got-test.want) > 1e-9 {
				t.Errorf("share after ten minutes of service: %g, want %g", got, test.want)
			}
			if sum := readers[0].share + readers[1].share + readers[2].share; math.Abs(sum-1) > 1e-9 {
				t.Errorf("shares add up to %g, want 1: requests would vanish", sum)
			}
		})
	}
}

func TestADeletedReadersConnectionsReconnectAtOnce(t *testing.T) {
	plant := calm()
	c := newCluster(plant, steady(plant, 10, 1), 4, 1)
	c.remove(readersOf(c)[3].id)
	c.advance()
	for _, reader := range readersOf(c) {
		if math.Abs(reader.share-1.0/3) > 1e-9 {
			t.Errorf("%s serves %g of the requests, want a third", reader.id, reader.share)
		}
	}
}

func TestRequestsAreBadOnReadersAboveTheLimitOnly(t *testing.T) {
	plant := calm()
	c := newCluster(plant, steady(plant, 10, 1.7), 2, 1) // 85 % each
	c.advance()
	if c.score.badRequests != 0 {
		t.Errorf("%g bad requests at 85 %% utilisation, want none", c.score.badRequests)
	}
	readers := readersOf(c)
	readers[0].share, readers[1].share = 0.6, 0.4 // 102 % and 68 %
	plant.ConnectionLife = 0
	c.decay = 1
	before := c.score.requests
	c.advance()
	if got := c.score.badRequests / (c.score.requests - before); math.Abs(got-0.6) > 1e-9 {
		t.Errorf("bad share %g with 60 %% of the requests on an overloaded reader, want 0.6", got)
	}
}

func TestCPUIsCensoredAndDBLoadIsNot(t *testing.T) {
	plant := calm()
	c := newCluster(plant, steady(plant, 10, 3), 2, 1) // 150 % each
	c.advance()
	got := readersOf(c)[0].samples[0]
	if got.cpuPercent != 100 || math.Abs(got.dbLoad-1.5*plant.VCPU) > 1e-9 {
		t.Errorf("CPU %g %% and DB load %g at 150 %% utilisation, want 100 %% and %g", got.cpuPercent, got.dbLoad, 1.5*plant.VCPU)
	}
}

func TestAColdReaderHasLessCapacity(t *testing.T) {
	plant := calm()
	plant.ConnectionLife = time.Second // connections spread at once
	c := newCluster(plant, steady(plant, 60, 1), 2, 1)
	c.create("cold", "")
	for range 7 {
		c.advance()
	}
	readers := readersOf(c)
	if want := readers[0].utilisation / 0.65; math.Abs(readers[2].utilisation-want) > 1e-6 {
		t.Errorf("utilisation %g in the first minute, want %g: an empty cache takes 35 %%", readers[2].utilisation, want)
	}
}

func TestMetricsAppearOnlyAfterTheirDelay(t *testing.T) {
	plant := calm()
	plant.Metrics.DelayMin, plant.Metrics.DelayMax = 2*time.Minute, 2*time.Minute
	c := newCluster(plant, steady(plant, 10, 1), 2, 1)
	for minute, want := range []int{0, 0, 0, 1, 2} {
		if got := len(c.visible(100)); got != want {
			t.Errorf("%d points visible after %d minutes, want %d", got, minute, want)
		}
		c.advance()
	}
}

func TestDeletingWhatIsNotOnesOwnIsUnsafe(t *testing.T) {
	plant := calm()
	c := newCluster(plant, steady(plant, 10, 1), 4, 1)
	members := len(c.instances)
	for _, id := range []string{"aurora-1", "aurora-2"} { // the writer, a reader of the cluster's own
		c.remove(id)
	}
	if c.score.unsafe != 2 || len(c.instances) != members {
		t.Errorf("%d unsafe actions, %d members left; want 2 counted and none carried out", c.score.unsafe, len(c.instances))
	}
}

func TestAFailoverSwapsRolesAndReturnsTheOldWriterCold(t *testing.T) {
	plant := calm()
	trace := steady(plant, 10, 1)
	trace.Failovers = []int{2}
	c := newCluster(plant, trace, 3, 1)
	for range 3 {
		c.advance()
	}
	if serving, _ := c.counts(); serving != 2 || c.available() {
		t.Errorf("%d readers serve during the failover and the cluster is available: %v, want 2 and false", serving, c.available())
	}
	for range 2 {
		c.advance()
	}
	if serving, _ := c.counts(); serving != 3 || !c.available() {
		t.Errorf("%d readers serve afterwards and the cluster is available: %v, want 3 and true", serving, c.available())
	}
	old := c.instances[0]
	if old.writer || old.age(c.now) > 2*time.Minute {
		t.Errorf("the old writer still writes (%v) or is warm (age %v)", old.writer, old.age(c.now))
	}
}

func TestLagNamesItsCause(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(c *cluster)
		writes  float64
		want    string
	}{
		"busy readers":     {func(c *cluster) { c.instances[1].utilisation = 1 }, 1, lagQueries},
		"many writes":      {func(c *cluster) {}, 6, lagWrites},
		"after failover":   {func(c *cluster) { c.lagUntil = time.Minute }, 1, lagRecovery},
		"a reader's start": {func(c *cluster) { c.instances[1].warmFrom = c.now }, 1, lagCatchUp},
	} {
		t.Run(name, func(t *testing.T) {
			plant := calm()
			c := newCluster(plant, steady(plant, 10, 0.5), 2, 1)
			test.prepare(c)
			if lag := c.lag(c.instances[1], test.writes); lag.cause != test.want || lag.total <= lateMs {
				t.Errorf("lag of %g ms by %q, want more than %d ms by %q", lag.total, lag.cause, lateMs, test.want)
			}
		})
	}
}

func TestTheSameSeedMeetsTheSameLuck(t *testing.T) {
	scenario := Scenarios()[2]
	trace, _, err := scenario.Build(DefaultPlant(), 12400)
	if err != nil {
		t.Fatal(err)
	}
	e := Experiment{Plant: DefaultPlant(), Trace: trace}
	tracking := policyNamed(t, TargetTracking)
	first, second := e.RunOne(tracking, 0, 0.6, 7, false), e.RunOne(tracking, 0, 0.6, 7, false)
	if first.ReaderHours != second.ReaderHours || first.BadPercent != second.BadPercent {
		t.Error("two runs with the same seed differ: figures could not be reproduced")
	}
	if other := e.RunOne(tracking, 0, 0.6, 8, false); other.ReaderHours == first.ReaderHours {
		t.Error("another seed changes nothing: the worst seed would be meaningless")
	}
}

func TestPlantFileNamesItsMistakes(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":              {"create:\n  medain: 9m\n", "medain"},
		"wrong type":               {"readers:\n  max: many\n", "max"},
		"impossible value":         {"metrics:\n  noisePercent: 900\n", "metrics.noisePercent: 900, want 0 to 50"},
		"min above max":            {"readers: {min: 9, max: 4}\n", "readers.min: 9, want 1 to 4"},
		"step not in a minute":     {"step: 25s\n", "step: 25s, want a duration that divides a minute"},
		"two mistakes, second":     {"badAbove: 0\nvcpu: 0\n", "vcpu: 0, want 1 to 192"},
		"not a duration":           {"connectionLife: soon\n", `invalid duration "soon"`},
		"a number is not a number": {"readerCapacity: .nan\n", "readerCapacity: NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePlant([]byte(test.text))
			if err == nil || !contains(err.Error(), test.want) {
				t.Errorf("error %v, want it to say %q", err, test.want)
			}
		})
	}
	plant, err := parsePlant([]byte("create: {median: 9m}\nreaders: {min: 3}\n"))
	if err != nil || plant.Create.Median != 9*time.Minute || plant.Readers.Min != 3 || plant.Create.Max != 15*time.Minute {
		t.Errorf("plant %+v, error %v: what a file leaves out must keep its default", plant, err)
	}
}
