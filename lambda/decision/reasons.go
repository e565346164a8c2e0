package decision

// State sums the decision up in one word.
type State string

const (
	Steady          State = "steady"           // the readers suffice and none is superfluous
	ScalingOut      State = "scaling-out"      // readers are being asked for or created
	Warming         State = "warming"          // new readers have not got their share of connections yet
	ScalingIn       State = "scaling-in"       // a reader is being deleted by this decision
	Draining        State = "draining"         // a reader is on its way out
	FailoverHold    State = "failover-hold"    // shortly after a failover: nothing is deleted
	MaintenanceHold State = "maintenance-hold" // the cluster is being changed: hold
	Blind           State = "blind"            // too few fresh samples: hold
	Degraded        State = "degraded"         // AWS refused capacity
	Saturated       State = "saturated"        // more is needed than the policy's maximum
	Frozen          State = "frozen"           // paused, in a freeze window, or another manager is registered
	Imbalanced      State = "imbalanced"       // load is skewed between readers
)

// Reason is the code of one rule that had a say in a decision.
type Reason string
