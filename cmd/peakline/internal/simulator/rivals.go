package simulator

import (
	"math"
	"slices"
	"time"
)

// controller is a policy at work on one cluster: it acts once a minute, on what CloudWatch and RDS show by then.
type controller interface {
	act(c *cluster)
}

// ensure creates or deletes readers until serving and coming ones together make desired. It deletes the youngest owned
// reader first, as the rivals here are believed to.
func (c *cluster) ensure(desired int) {
	desired = min(max(desired, c.minimum()), c.plant.Readers.Max)
	serving, coming := c.counts()
	for count := serving + coming; count < desired; count++ {
		c.create("", "")
	}
	for count := serving + coming; count > desired && c.removeYoungest(); count-- {
	}
}

func (c *cluster) removeYoungest() bool {
	for _, member := range slices.Backward(c.instances) {
		if member.owned && member.serving() {
			c.remove(member.id)
			return true
		}
	}
	return false
}

// sweepBroken deletes what failed to arrive. The rivals get this for nothing and at once, which favours them.
func (c *cluster) sweepBroken() {
	for _, member := range slices.Clone(c.instances) {
		if member.status == failed || member.status == insufficientCapacity {
			c.remove(member.id)
		}
	}
}

// visible returns the newest points CloudWatch shows, oldest first, at most n.
func (c *cluster) visible(n int) []point {
	end := len(c.points)
	for end > 0 && c.points[end-1].visibleFrom > c.now {
		end--
	}
	return c.points[max(0, end-n):end]
}

// breaching reports whether n of the newest n points satisfy the comparison. A missing point does not.
func (c *cluster) breaching(n int, breaches func(cpuPercent float64) bool) bool {
	points := c.visible(n)
	if len(points) < n {
		return false
	}
	for _, p := range points {
		if !breaches(p.cpuPercent) {
			return false
		}
	}
	return true
}

// proportional is the count that would bring the newest CPU to the target if the load were spread evenly.
func proportional(readers int, cpuPercent, target float64) int {
	return int(math.Ceil(float64(readers)*cpuPercent/(100*target) - 1e-9))
}

// static keeps one count for ever.
type static struct{ readers int }

func (s static) act(c *cluster) { c.sweepBroken(); c.ensure(s.readers) }

// cooldown is Application Auto Scaling's default for Aurora, for scaling out and in alike.
const cooldown = 300 * time.Second

// targetTracking is AWS Application Auto Scaling on RDSReaderAverageCPUUtilization: its high alarm needs 3 of 3
// one-minute points above the target, its low alarm 15 of 15 below nine tenths of it, and CPU is censored at 100, so
// that one step is at most 100/target. What AWS does not document is a variant.
// https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
type targetTracking struct {
	target float64
	// inByOne removes one reader per scale-in instead of as many as the metric allows.
	inByOne bool
	// waits holds every action while a reader is being created, instead of asking for more if more are needed.
	waits    bool
	schedule func(now time.Duration) int // scheduled minimum, nil without

	busy    bool // a scaling activity was in progress at the last tick
	lastOut time.Duration
	lastIn  time.Duration
}

func newTargetTracking(target float64, inByOne, waits bool) *targetTracking {
	const longAgo = -time.Hour
	return &targetTracking{target: target, inByOne: inByOne, waits: waits, lastOut: longAgo, lastIn: longAgo}
}

func (t *targetTracking) act(c *cluster) {
	c.sweepBroken()
	if !c.available() {
		return
	}
	serving, coming := c.counts()
	if t.busy && coming == 0 {
		t.lastOut = c.now // the cooldown starts when the activity has completed
	}
	t.busy = coming > 0
	floor := c.minimum()
	if t.schedule != nil {
		floor = max(floor, t.schedule(c.now))
	}
	if serving+coming < floor {
		c.ensure(floor)
		t.busy = true
		return
	}
	if t.waits && coming > 0 {
		return
	}
	percent := 100 * t.target
	latest := c.visible(1)
	switch {
	case c.breaching(3, func(cpu float64) bool { return cpu > percent }):
		// A cooldown after scaling out lets only a larger count through, and a count above the present one always is.
		if want := proportional(serving, latest[0].cpuPercent, t.target); want > serving+coming {
			c.ensure(want)
			t.busy = true
		}
	case c.breaching(15, func(cpu float64) bool { return cpu < 0.9*percent }):
		if coming > 0 || c.now-t.lastOut < cooldown || c.now-t.lastIn < cooldown {
			return
		}
		want := proportional(serving, latest[0].cpuPercent, t.target)
		if t.inByOne {
			want = max(want, serving-1)
		}
		if want = max(want, floor); want < serving {
			c.ensure(want)
			t.lastIn = c.now
		}
	}
}

// alarmLambda is the function most teams write first: one more reader each time the high alarm starts to fire, one
// fewer each time the low alarm does. An alarm invokes its function only when its state changes.
type alarmLambda struct {
	target    float64
	high, low bool
}

func (a *alarmLambda) act(c *cluster) {
	c.sweepBroken()
	percent := 100 * a.target
	high := c.breaching(3, func(cpu float64) bool { return cpu > percent })
	low := c.breaching(15, func(cpu float64) bool { return cpu < percent/2 })
	serving, coming := c.counts()
	switch {
	case high && !a.high:
		c.ensure(serving + coming + 1)
	case low && !a.low:
		c.ensure(serving + coming - 1)
	default:
		c.ensure(serving + coming) // a scheduled floor may ask for more
	}
	a.high, a.low = high, low
}

// horizontalPodAutoscaler has the defaults of Kubernetes' HPA: tolerance 10 %, readers not ready count as idle when
// scaling out, at most max(4, 100 %) more at once, and in only to the highest recommendation of the last five minutes.
// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
type horizontalPodAutoscaler struct {
	target          float64
	recommendations []int
}

func (h *horizontalPodAutoscaler) act(c *cluster) {
	const tolerance, window = 0.1, 5
	c.sweepBroken()
	serving, coming := c.counts()
	count := serving + coming
	want := count
	if latest := c.visible(1); len(latest) == 1 && !math.IsNaN(latest[0].cpuPercent) {
		cpu := latest[0].cpuPercent
		ratio := cpu / (100 * h.target)
		if ratio > 1 && coming > 0 {
			ratio = max(1, ratio*float64(serving)/float64(count))
		}
		if math.Abs(ratio-1) > tolerance {
			want = int(math.Ceil(float64(count)*ratio - 1e-9))
		}
	}
	want = min(want, count+max(4, count))
	h.recommendations = append(h.recommendations, want)
	if len(h.recommendations) > window {
		h.recommendations = h.recommendations[1:]
	}
	if want < count {
		want = min(count, slices.Max(h.recommendations))
	}
	c.ensure(want)
}

// oracle knows the future load but creates readers like everyone else: it asks a lead ahead of need for what the
// highest load until then takes.
type oracle struct{ plan []int }

// newOracle plans a trace: the readers that carry the highest load of the coming lead at the given utilisation.
func newOracle(plant Plant, load []float64, utilisation float64, lead time.Duration) *oracle {
	ahead := int(lead / time.Minute)
	plan := make([]int, len(load))
	// A sliding maximum: the queue holds minutes with falling loads, the highest first.
	var queue []int
	next := 0
	for minute := range load {
		for ; next < len(load) && next <= minute+ahead; next++ {
			for len(queue) > 0 && load[queue[len(queue)-1]] <= load[next] {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, next)
		}
		for queue[0] < minute {
			queue = queue[1:]
		}
		plan[minute] = readersFor(plant, load[queue[0]], utilisation)
	}
	return &oracle{plan: plan}
}

func (o *oracle) act(c *cluster) {
	c.sweepBroken()
	lost := 0 // what has not come by the longest delay will never
	for _, member := range c.instances {
		if member.coming() && c.now-member.createdAt > c.plant.Create.Max {
			lost++
		}
	}
	c.ensure(o.plan[c.minute()] + lost)
}

// dailySchedule is the minimum an operator would schedule from the days before: for each hour the median, over up to
// seven earlier days, of the readers that the hour's highest load took. The first day has no schedule.
func dailySchedule(plant Plant, trace Trace, target float64) func(now time.Duration) int {
	const early = 30 * time.Minute
	hours := (len(trace.Load) + 59) / 60
	took := make([]int, hours)
	for hour := range took {
		end := min(len(trace.Load), 60*(hour+1))
		took[hour] = readersFor(plant, slices.Max(trace.Load[60*hour:end]), target)
	}
	scheduled := make([]int, hours+1)
	for hour := range scheduled {
		var before []int
		for day := 1; day <= 7 && hour-24*day >= 0; day++ {
			before = append(before, took[hour-24*day])
		}
		if len(before) > 0 {
			slices.Sort(before)
			scheduled[hour] = before[len(before)/2]
		}
	}
	return func(now time.Duration) int {
		hour := int(now / time.Hour)
		return max(scheduled[hour], scheduled[min(hours, int((now+early)/time.Hour))])
	}
}
