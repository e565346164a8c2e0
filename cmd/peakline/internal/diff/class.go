package diff

// Class is what a change means for what runs. The names are a contract with the pipeline's guard.
type Class string

// The classes. From RefusedByAWS on they are dangerous.
const (
	None              Class = "none"
	Cosmetic          Class = "cosmetic"
	Configuration     Class = "configuration"
	Rolling           Class = "rolling"
	Interrupting      Class = "interrupting"
	ReplacesStateless Class = "replaces-stateless"
	RefusedByAWS      Class = "refused-by-aws"
	EndangersTraffic  Class = "endangers-traffic"
	OpensNetwork      Class = "opens-network"
	WidensIAM         Class = "widens-iam"
	ReplacesStateful  Class = "replaces-stateful"
	DeletesStateful   Class = "deletes-stateful"
)

// classes lists every class with what it means, mildest first.
var classes = []struct {
	class   Class
	meaning string
}{
	{None, "no change"},
	{Cosmetic, "nothing that runs changes"},
	{Configuration, "in place, without a restart"},
	{Rolling, "new beside old, one after the other"},
	{Interrupting, "something restarts or stops for a while"},
	{ReplacesStateless, "deleted or made anew; it holds no data"},
	{RefusedByAWS, "the deployment would fail"},
	{EndangersTraffic, "rewrites what a release owns: a rule's weights, a released image"},
	{OpensNetwork, "more can reach it, or in clear text"},
	{WidensIAM, "someone may do more"},
	{ReplacesStateful, "a new, empty one takes the place of one with data"},
	{DeletesStateful, "what holds data leaves the stack"},
}

// Dangerous tells whether a change of this class needs a waiver.
func (c Class) Dangerous() bool { return c.severity() >= RefusedByAWS.severity() }

// severity is the class's place in the list of classes.
func (c Class) severity() int {
	for n, one := range classes {
		if one.class == c {
			return n
		}
	}
	return -1
}

// Change is one thing that a deployment would do to a resource.
type Change struct {
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
	Class     Class  `json:"class"`
	Reason    string `json:"reason"`
	Waived    bool   `json:"waived"`
}

// Worst is the most severe class among the changes, waived or not; None without any.
func Worst(changes []Change) Class {
	worst := None
	for _, change := range changes {
		if change.Class.severity() > worst.severity() {
			worst = change.Class
		}
	}
	return worst
}

// Blocking lists the dangerous changes that nothing waives.
func Blocking(changes []Change) []Change {
	var blocking []Change
	for _, change := range changes {
		if change.Class.Dangerous() && !change.Waived {
			blocking = append(blocking, change)
		}
	}
	return blocking
}
