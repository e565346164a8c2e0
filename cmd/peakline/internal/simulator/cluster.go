// Package simulator plays traffic against a simulated Aurora cluster: a plant with the delays and oddities of the real one, the
// scaler and its rivals, and the judgement of both.
package simulator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"peakline/lambda/decision"
)

// status is an instance's state as DescribeDBInstances names it.
type status string

const (
	creating             status = "creating"
	available            status = "available"
	rebooting            status = "rebooting"
	failed               status = "failed"
	insufficientCapacity status = "insufficient-capacity"
)

// sample is what one instance reported for one minute. The minute is counted from the start of the trace.
type sample struct {
	minute      int
	cpuPercent  float64 // censored at 100
	dbLoad      float64 // average active sessions, not censored
	lagMs       float64
	connections float64
}

// keptSamples is how many samples per instance stay readable; policies look back a quarter of an hour at most.
const keptSamples = 32

// instance is one member of the cluster.
type instance struct {
	id          string
	zone        string
	tier        int
	owned       bool // created by the policy; the others came with the cluster
	writer      bool
	status      status
	createdAt   time.Duration // all times are offsets from the start of the trace
	availableAt time.Duration // when creating: the arrival that RDS has not announced
	warmFrom    time.Duration // the cache was empty then
	billedFrom  time.Duration
	fails       status // a creation that will not arrive ends in this state
	share       float64
	utilisation float64 // of the current step; 1 = capacity
	used        float64 // mean utilisation of the current minute
	samples     []sample
}

func (i *instance) serving() bool { return i.status == available && !i.writer }
func (i *instance) coming() bool  { return i.status == creating }

// age is how long the instance has been filling its cache.
func (i *instance) age(now time.Duration) time.Duration { return now - i.warmFrom }

// point is the mean CPU over Role=READER of one minute and when CloudWatch shows it.
type point struct {
	cpuPercent  float64 // NaN when no reader reported
	visibleFrom time.Duration
}

// refusal is a creation that RDS refused.
type refusal struct {
	at   time.Duration
	code string
	zone string
}

// cluster is the plant in motion. It is advanced minute by minute, between which a policy creates and deletes readers.
type cluster struct {
	plant     Plant
	trace     Trace
	now       time.Duration
	instances []*instance
	points    []point // one per elapsed minute
	refusals  []refusal

	returning *instance // the old writer, on its way back as a reader
	lagUntil  time.Duration
	planned   []int // minutes of failovers still to come, ascending
	floors    []decision.Floor
	decay     float64

	// Separate streams, so that two policies meet the same delays, noise and failovers for the same seed.
	createLuck, noise, delays, failoverLuck *rand.Rand

	score tally
}

// zones are where the cluster's instances stand.
var zones = []string{"us-east-1a", "us-east-1b", "us-east-1c"}

// initialUtilisation decides how many readers a trace starts with: the same number for every policy that may vary it.
const initialUtilisation = 0.5

// newCluster starts a warm, balanced cluster with the given number of readers, or what the first minute needs when 0.
func newCluster(plant Plant, trace Trace, readers int, seed uint64) *cluster {
	stream := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	c := &cluster{
		plant: plant, trace: trace,
		points:     make([]point, 0, len(trace.Load)),
		createLuck: stream(1), noise: stream(2), delays: stream(3), failoverLuck: stream(4),
		decay: 1,
	}
	if plant.ConnectionLife > 0 {
		c.decay = math.Exp(-float64(plant.Step) / float64(plant.ConnectionLife))
	}
	if readers == 0 {
		readers = readersFor(plant, trace.Load[0], initialUtilisation)
	}
	// Instances that were there at the start are as old as two weeks of metrics.
	const longAgo = -14 * 24 * time.Hour
	for n := range readers + 1 {
		member := &instance{
			id: fmt.Sprintf("aurora-%d", n+1), zone: zones[n%len(zones)], tier: min(n, 1), status: available,
			createdAt: longAgo, availableAt: longAgo, warmFrom: longAgo, writer: n == 0, owned: n > plant.Readers.Min,
		}
		if member.owned {
			member.id, member.tier = c.nextID(), 15
		}
		if n > 0 {
			member.share = 1 / float64(readers)
		}
		c.instances = append(c.instances, member)
	}
	perMinute := plant.Failovers.PerMonth / (30 * 24 * 60)
	c.planned = slices.Clone(trace.Failovers)
	for minute := range trace.Load {
		if c.failoverLuck.Float64() < perMinute {
			c.planned = append(c.planned, minute)
		}
	}
	slices.Sort(c.planned)
	return c
}

// minimum is the fewest readers any policy may have now: the configured one, or a known sale's floor.
func (c *cluster) minimum() int {
	return min(max(c.plant.Readers.Min, floorAt(c.floors, c.trace.Start.Add(c.now))), c.plant.Readers.Max)
}

// minute is the number of the minute about to be simulated.
func (c *cluster) minute() int { return int(c.now / time.Minute) }

// available reports whether the cluster's own status is available: during a failover it is not.
func (c *cluster) available() bool { return c.returning == nil }

func (c *cluster) counts() (serving, coming int) {
	for _, member := range c.instances {
		switch {
		case member.serving():
			serving++
		case member.coming():
			coming++
		}
	}
	return serving, coming
}

// readerPrefix starts the identifiers of the readers that a policy owns.
const readerPrefix = "peakline-replay-auto"

// nextID is the lowest free slot.
func (c *cluster) nextID() string {
	for slot := 1; ; slot++ {
		id := decision.SlotID(readerPrefix, slot)
		if !slices.ContainsFunc(c.instances, func(member *instance) bool { return member.id == id }) {
			return id
		}
	}
}

// create asks RDS for one more reader. The id and zone may be left empty.
func (c *cluster) create(id, zone string) {
	luck, odd, lognormal := c.createLuck.Float64()*100, c.createLuck.Float64() < 0.5, c.createLuck.NormFloat64()
	if zone == "" {
		zone = zones[len(c.instances)%len(zones)]
	}
	c.score.creations++
	refused := luck < c.plant.Create.RefusedPercent
	// A shortage shows at once or, just as often, as a status minutes later.
	if refused && odd {
		c.score.wasted++
		c.refusals = append(c.refusals, refusal{at: c.now, code: "InsufficientDBInstanceCapacity", zone: zone})
		return
	}
	if id == "" {
		id = c.nextID()
	}
	delay := time.Duration(float64(c.plant.Create.Median) * math.Exp(c.plant.Create.Spread*lognormal))
	delay = min(max(delay, c.plant.Create.Min), c.plant.Create.Max)
	member := &instance{
		id: id, zone: zone, tier: 15, owned: true, status: creating, createdAt: c.now, availableAt: c.now + delay,
	}
	switch {
	case refused:
		member.fails, member.availableAt = insufficientCapacity, c.now+3*time.Minute
	case luck < c.plant.Create.RefusedPercent+c.plant.Create.NeverPercent:
		member.fails, member.availableAt = failed, c.now+c.plant.Create.FailsAfter
	}
	c.instances = append(c.instances, member)
}

// remove deletes an instance as DeleteDBInstance would. Deleting the writer, the last reader or an instance that the
// policy does not own is counted as unsafe and not carried out, so that one mistake does not hide the next.
func (c *cluster) remove(id string) {
	at := slices.IndexFunc(c.instances, func(member *instance) bool { return member.id == id })
	if at < 0 {
		return
	}
	member := c.instances[at]
	serving, _ := c.counts()
	if member.writer || !member.owned || (member.serving() && serving == 1) {
		c.score.unsafe++
		return
	}
	c.score.deletions++
	c.bill(member)
	if member.status != available || c.now-member.billedFrom < c.plant.Billing.Minimum {
		c.score.wasted++
	}
	c.instances = slices.Delete(c.instances, at, at+1)
}

// bill adds the hours of a reader that leaves, or that is still there at the end.
func (c *cluster) bill(member *instance) {
	if member.status != available || member.writer {
		return
	}
	from := max(member.billedFrom, 0)
	billed := c.now - from
	if member.owned && member.billedFrom > 0 {
		billed = max(billed, c.plant.Billing.Minimum)
	}
	c.score.billed += billed
}

// advance simulates one minute of traffic.
func (c *cluster) advance() {
	minute := c.minute()
	load, writes := c.trace.Load[minute], c.trace.writesAt(minute)
	for ; len(c.planned) > 0 && c.planned[0] <= minute; c.planned = c.planned[1:] {
		c.failOver(slices.Contains(c.trace.Failovers, minute))
	}
	steps := int(time.Minute / c.plant.Step)
	bad := 0.0
	for _, member := range c.instances {
		member.used = 0
	}
	for range steps {
		c.arrive()
		bad += c.serve(load) / float64(steps)
		for _, member := range c.instances {
			member.used += member.utilisation / float64(steps)
		}
		c.now += c.plant.Step
	}
	c.publish(minute, load, writes, bad)
}

// arrive lets creations and the old writer come in.
func (c *cluster) arrive() {
	for _, member := range c.instances {
		if member.status != creating || member.availableAt > c.now {
			continue
		}
		if member.fails != "" {
			member.status = member.fails
			continue
		}
		member.status, member.warmFrom, member.billedFrom = available, c.now, c.now
	}
	if c.returning != nil && c.now >= c.returning.availableAt {
		c.returning.status, c.returning.warmFrom, c.returning.billedFrom = available, c.now, c.now
		c.returning = nil
	}
}

// failOver promotes a reader and restarts the old writer as a reader. Aurora goes by promotion tier; an operator who
// fails over by hand may pick any reader, one of the scaler's too.
func (c *cluster) failOver(anyTier bool) {
	if c.returning != nil {
		return
	}
	var heir *instance
	for _, member := range c.instances {
		if !member.serving() {
			continue
		}
		if heir == nil || member.tier < heir.tier || anyTier && c.failoverLuck.Float64() < 0.5 {
			heir = member
		}
	}
	if heir == nil {
		return
	}
	for _, member := range c.instances {
		if member.writer {
			member.writer, member.status, member.share = false, rebooting, 0
			member.availableAt = c.now + c.plant.Failovers.Duration
			c.returning = member
		}
	}
	c.bill(heir)
	heir.writer = true
	heir.share = 0
	c.lagUntil = c.now + c.plant.Lag.RecoveryFor
}

// serve recycles connections, loads the readers for one step and returns the bad share of its requests.
func (c *cluster) serve(load float64) (bad float64) {
	serving, held := 0.0, 0.0
	for _, member := range c.instances {
		member.utilisation = 0
		if member.serving() {
			serving++
			held += member.share
		}
	}
	if serving == 0 {
		return 1
	}
	for _, member := range c.instances {
		if !member.serving() {
			continue
		}
		// Connections that lost their reader reconnect at once, those at the end of their life as they expire.
		member.share = (member.share+(1-held)/serving)*c.decay + (1-c.decay)/serving
		cold := c.plant.Cache.Loss * math.Exp(-float64(member.age(c.now))/float64(c.plant.Cache.Recovery))
		member.utilisation = member.share * load / (c.plant.ReaderCapacity * (1 - cold))
		if member.utilisation > c.plant.BadAbove {
			bad += member.share
		}
	}
	return bad
}

// publish turns a simulated minute into what CloudWatch will show of it, and into the score.
func (c *cluster) publish(minute int, load, writes, bad float64) {
	delay := c.plant.Metrics.DelayMin +
		time.Duration(c.delays.Float64()*float64(c.plant.Metrics.DelayMax-c.plant.Metrics.DelayMin))
	// Policies look once a minute, so a delay between 1 and 2 minutes shows as either, equally often.
	shown := point{visibleFrom: c.now + delay.Round(time.Minute)}
	var cpuSum, reported float64
	worst := lagOf{}
	for _, member := range c.instances {
		if member.status != available {
			continue
		}
		utilisation := member.used
		if member.writer {
			utilisation = c.plant.Writer.CPUPercent / 100 * writes
		}
		noisy := max(0, utilisation*(1+c.noise.NormFloat64()*c.plant.Metrics.NoisePercent/100))
		lag := c.lag(member, writes)
		missing := c.noise.Float64()*100 < c.plant.Metrics.MissingPercent
		if member.serving() && lag.total > worst.total {
			worst = lag
		}
		if missing {
			continue
		}
		latest := sample{
			minute: minute, cpuPercent: min(100, 100*noisy), dbLoad: noisy * c.plant.VCPU,
			lagMs: lag.total, connections: math.Round(1000 * member.share),
		}
		if len(member.samples) == keptSamples {
			copy(member.samples, member.samples[1:])
			member.samples = member.samples[:keptSamples-1]
		}
		member.samples = append(member.samples, latest)
		if member.serving() {
			cpuSum += latest.cpuPercent
			reported++
		}
	}
	shown.cpuPercent = math.NaN()
	if reported > 0 {
		shown.cpuPercent = cpuSum / reported
	}
	c.points = append(c.points, shown)
	c.score.minute(c, load, bad, shown.cpuPercent, worst)
}

// Causes of lag, as the score reports them.
const (
	lagQueries  = "queries"
	lagWrites   = "writes"
	lagRecovery = "recovery"
	lagCatchUp  = "catch-up"
)

// LagCauses are the causes of lag in the order of a report.
var LagCauses = []string{lagQueries, lagWrites, lagRecovery, lagCatchUp}

// lagOf is a reader's replica lag and the cause that contributes most to it.
type lagOf struct {
	total float64
	cause string
}

func (c *cluster) lag(member *instance, writes float64) lagOf {
	p := c.plant.Lag
	lag, most := lagOf{total: p.BaseMs}, 0.0
	add := func(cause string, ms float64) {
		lag.total += max(0, ms)
		if ms > most {
			lag.cause, most = cause, ms
		}
	}
	add(lagQueries, p.QueriesMs*(member.utilisation-p.QueriesAbove)/(1-p.QueriesAbove))
	add(lagWrites, p.WritesMs*(writes-p.WritesAbove))
	if c.now < c.lagUntil {
		add(lagRecovery, p.RecoveryMs)
	}
	if member.age(c.now) < p.CatchUpFor {
		add(lagCatchUp, p.CatchUpMs)
	}
	return lag
}
