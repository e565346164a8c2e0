package decision

import "slices"

// State sums a decision up in one word.
type State string

// The states, in the order in which they win when several apply.
const (
	Frozen          State = "frozen"           // paused, in a freeze window, or another manager is registered: nothing is done
	MaintenanceHold State = "maintenance-hold" // the cluster is being changed or cannot be judged: nothing is done
	FailoverHold    State = "failover-hold"    // a failover is under way or recent: nothing is deleted
	Blind           State = "blind"            // too few fresh samples: readers are kept, planned floors still apply
	Saturated       State = "saturated"        // more is needed than the policy's maximum
	Degraded        State = "degraded"         // AWS refuses the capacity that is needed
	ScalingOut      State = "scaling-out"      // readers are being asked for or created
	ScalingIn       State = "scaling-in"       // this decision deletes
	Draining        State = "draining"         // a reader is on its way out
	Imbalanced      State = "imbalanced"       // load is skewed between readers
	Warming         State = "warming"          // new readers have not got their share of connections yet
	Steady          State = "steady"           // the readers suffice and none is superfluous
)

// Reason is the code of one rule that had a say in a decision.
type Reason string

// Why nothing may be done.
const (
	ReasonPaused              Reason = "paused"
	ReasonOverridePaused      Reason = "override-paused"
	ReasonFreezeWindow        Reason = "freeze-window"
	ReasonAutoScalingPresent  Reason = "application-auto-scaling-present"
	ReasonClusterMissing      Reason = "cluster-missing"
	ReasonClusterNotAvailable Reason = "cluster-not-available"
	ReasonTwoWriters          Reason = "two-writers"
	ReasonDryRun              Reason = "dry-run"
)

// What asks for readers.
const (
	ReasonMinimum         Reason = "minimum"
	ReasonDemand          Reason = "demand"
	ReasonTrend           Reason = "trend"
	ReasonSpares          Reason = "spares"
	ReasonSeason          Reason = "season"
	ReasonRisk            Reason = "risk"
	ReasonConnections     Reason = "connections"
	ReasonFloor           Reason = "floor"
	ReasonOverrideFloor   Reason = "override-floor"
	ReasonLagStarved      Reason = "lag-apply-starved"
	ReasonReplaceSick     Reason = "replace-sick-reader"
	ReasonReplaceSmall    Reason = "replace-undersized-reader"
	ReasonServerlessAtMax Reason = "serverless-at-max-capacity"
)

// What limits or changes a creation.
const (
	ReasonSaturated       Reason = "saturated"
	ReasonStepCap         Reason = "step-cap"
	ReasonNoFreeSlot      Reason = "no-free-slot"
	ReasonZoneFallback    Reason = "zone-fallback"
	ReasonClassFallback   Reason = "class-fallback"
	ReasonCapacityRefused Reason = "capacity-refused"
	ReasonQuota           Reason = "quota-exceeded"
	ReasonCreateForbidden Reason = "create-forbidden"
	ReasonNoNewData       Reason = "no-new-data"
	ReasonImbalanceLimit  Reason = "imbalance-limits-growth"
	ReasonServerlessGrows Reason = "serverless-grows-by-itself"
	ReasonUnknownClass    Reason = "class-unknown"
	ReasonBurst           Reason = "burst"
)

// What the samples and members look like.
const (
	ReasonBlind           Reason = "blind"
	ReasonBlindLong       Reason = "blind-over-10m"
	ReasonStaleReader     Reason = "stale-reader"
	ReasonCPUCensored     Reason = "cpu-censored"
	ReasonUncensored      Reason = "cpu-uncensored-by-db-load"
	ReasonImbalance       Reason = "imbalanced"
	ReasonNoWriter        Reason = "no-writer"
	ReasonGlobalSecondary Reason = "global-secondary"
	ReasonUnknownStatus   Reason = "unknown-status"
	ReasonLateCreate      Reason = "create-late"
	ReasonStuckCreate     Reason = "create-stuck"
	ReasonBrokenReader    Reason = "broken-reader"
	ReasonNoServing       Reason = "no-serving-reader"
	ReasonBurstable       Reason = "burstable-class"
	ReasonAboveMax        Reason = "above-max"
	ReasonMixedClasses    Reason = "mixed-classes"
)

// What the lag says.
const (
	ReasonLagWriteBound Reason = "lag-write-bound"
	ReasonLagOne        Reason = "lag-one-reader"
	ReasonLagCatchUp    Reason = "lag-catch-up"
	ReasonLagUndersized Reason = "lag-undersized"
	ReasonLagRecovery   Reason = "lag-recovery"
	ReasonLagMissing    Reason = "lag-missing"
	ReasonLagUnclear    Reason = "lag-unclear"
)

// Why a superfluous reader stays, or goes.
const (
	ReasonScaleIn            Reason = "scale-in"
	ReasonDeleteBroken       Reason = "delete-broken"
	ReasonHoldComing         Reason = "hold-coming"
	ReasonHoldLeaving        Reason = "hold-leaving"
	ReasonHoldLag            Reason = "hold-lag"
	ReasonHoldWriterHot      Reason = "writer-hot"
	ReasonHoldFailover       Reason = "hold-failover"
	ReasonHoldMaintenance    Reason = "hold-maintenance"
	ReasonHoldWarming        Reason = "hold-warming"
	ReasonHoldStabilisation  Reason = "hold-stabilisation"
	ReasonHoldSeason         Reason = "hold-season"
	ReasonHoldFloorAhead     Reason = "hold-floor-ahead"
	ReasonHoldImbalance      Reason = "hold-imbalance"
	ReasonHoldZone           Reason = "hold-zone"
	ReasonHoldBillingMinimum Reason = "hold-billing-minimum"
	ReasonHoldForeign        Reason = "hold-nothing-owned"
	ReasonHoldStale          Reason = "hold-stale-reader"
	ReasonHoldLastReader     Reason = "hold-last-reader"
)

// Reasons explains every code in one sentence. The log reader, `peakline scaler explain` and the documentation use
// this table; a test keeps it complete.
var Reasons = map[Reason]string{
	ReasonPaused:              "the policy's mode is paused",
	ReasonOverridePaused:      "an operator paused the scaler",
	ReasonFreezeWindow:        "a freeze window is open",
	ReasonAutoScalingPresent:  "Application Auto Scaling manages the same cluster; remove it, two managers fight",
	ReasonClusterMissing:      "the cluster was not found",
	ReasonClusterNotAvailable: "the cluster's status is not available",
	ReasonTwoWriters:          "more than one member claims to be the writer",
	ReasonDryRun:              "the policy's mode is dry-run: the actions are reported, the handler carries none out",

	ReasonMinimum:         "the policy's minimum asks for the readers",
	ReasonDemand:          "the present demand asks for the readers",
	ReasonTrend:           "the trend of the last ten minutes raises the forecast",
	ReasonSpares:          "the forecast outgrows the readers that serve: as many again as are missing are asked for, since some come late",
	ReasonSeason:          "the same time on earlier days raises the forecast",
	ReasonRisk:            "the chance of growth within the lead asks for the readers",
	ReasonConnections:     "the number of connections asks for the readers",
	ReasonFloor:           "a planned event's floor asks for the readers",
	ReasonOverrideFloor:   "an operator's floor asks for the readers",
	ReasonLagStarved:      "queries starve the replay of changes on busy readers: one more reader",
	ReasonReplaceSick:     "one reader lags for ten minutes while others do not: a replacement is created before it goes",
	ReasonReplaceSmall:    "a reader of a class below the writer's lags: a replacement of the writer's class is created before it goes",
	ReasonServerlessAtMax: "every Serverless v2 reader is above 90 % of its capacity; raise the maximum capacity, a reader is added meanwhile",

	ReasonSaturated:       "more readers are needed than the policy's maximum",
	ReasonStepCap:         "one step creates at most four readers or as many as there are",
	ReasonNoFreeSlot:      "no slot or no place in the cluster is left",
	ReasonZoneFallback:    "a zone recently refused the class: another is used",
	ReasonClassFallback:   "every zone recently refused the writer's class: a fallback class is used",
	ReasonCapacityRefused: "every zone and class was refused a few minutes ago",
	ReasonQuota:           "the account's quota of instances or storage is used up; ask for more",
	ReasonCreateForbidden: "AWS refuses the creation for a reason that waiting does not mend; see the failure's code",
	ReasonNoNewData:       "no sample is newer than those already acted on",
	ReasonImbalanceLimit:  "load is skewed, which more readers do not mend: at most one more",
	ReasonServerlessGrows: "Serverless v2 readers still have capacity to grow into",
	ReasonBurst:           "demand rose moments ago, and such rises are over here before a reader comes: they are not built for until they last",
	ReasonUnknownClass:    "neither writer nor readers tell which class to create",

	ReasonBlind:           "fewer than half of the serving readers have a sample of the last three minutes",
	ReasonBlindLong:       "no sufficient samples for ten minutes; look at the metrics",
	ReasonStaleReader:     "a serving reader has no fresh sample",
	ReasonCPUCensored:     "a reader's CPU is at its limit and nothing tells by how much demand exceeds it",
	ReasonUncensored:      "a reader's CPU is at its limit; the database load tells the demand",
	ReasonImbalance:       "CPU differs by more than 25 points between readers with skewed connections; shorten the pools' connection lifetime",
	ReasonNoWriter:        "no member is the writer",
	ReasonGlobalSecondary: "the cluster is a global database's secondary and has no writer of its own",
	ReasonUnknownStatus:   "a member has a status this version does not know; it is neither counted nor deleted",
	ReasonLateCreate:      "a creation takes far longer than creations do, at least 16 minutes: it is no longer counted on, and may still end well",
	ReasonStuckCreate:     "a creation has taken more than 30 minutes and will not end well any more",
	ReasonBrokenReader:    "a reader is broken and does not serve",
	ReasonNoServing:       "no reader serves",
	ReasonBurstable:       "a reader's class is burstable: its CPU credits may run out",
	ReasonAboveMax:        "there are more readers than the policy's maximum; none is cut while needed or foreign",
	ReasonMixedClasses:    "readers differ in class: demand and capacity are weighed by vCPU",

	ReasonLagWriteBound: "all readers lag while their CPU is low: the writer produces more than they can apply, more readers do not help",
	ReasonLagOne:        "one reader lags while the others do not",
	ReasonLagCatchUp:    "only new readers lag, which are catching up",
	ReasonLagUndersized: "readers of a class below the writer's lag",
	ReasonLagRecovery:   "readers lag shortly after a failover or restart",
	ReasonLagMissing:    "no reader reports its lag",
	ReasonLagUnclear:    "some readers lag without a known pattern",

	ReasonScaleIn:            "fewer readers suffice",
	ReasonDeleteBroken:       "a broken or stuck reader of the scaler's is removed",
	ReasonHoldComing:         "no scale-in while a reader is being created",
	ReasonHoldLeaving:        "no scale-in while a reader is leaving",
	ReasonHoldLag:            "no scale-in while readers lag or their lag is missing; where none ever reports it, for the first hour only",
	ReasonHoldWriterHot:      "the writer's CPU is above 85 %: no scale-in",
	ReasonHoldFailover:       "no scale-in within 15 minutes of a failover or restart",
	ReasonHoldMaintenance:    "no scale-in around maintenance",
	ReasonHoldWarming:        "readers that warm up carry half, and the others could not spare one",
	ReasonHoldStabilisation:  "the load of the stabilisation window still needs the readers, or too little of it is known",
	ReasonHoldSeason:         "earlier days say that the next hour needs the readers",
	ReasonHoldFloorAhead:     "a planned event soon needs the readers",
	ReasonHoldImbalance:      "no scale-in while load is skewed",
	ReasonHoldZone:           "deleting would leave the readers in a single zone",
	ReasonHoldBillingMinimum: "the readers that could go are younger than the ten minutes that are billed anyway",
	ReasonHoldForeign:        "the superfluous readers are not the scaler's",
	ReasonHoldStale:          "a reader without fresh samples may be busy",
	ReasonHoldLastReader:     "the last serving reader stays",
}

// reasonSet collects the codes of one decision.
type reasonSet map[Reason]bool

func (r reasonSet) add(reasons ...Reason) {
	for _, reason := range reasons {
		r[reason] = true
	}
}

func (r reasonSet) sorted() []Reason {
	out := make([]Reason, 0, len(r))
	for reason := range r {
		out = append(out, reason)
	}
	slices.Sort(out)
	return out
}

func (r reasonSet) addIf(applies bool, reason Reason) {
	if applies {
		r[reason] = true
	}
}

// lagReasons are the codes of the lag verdicts.
var lagReasons = map[LagVerdict]Reason{
	LagMissing:    ReasonLagMissing,
	LagRecovery:   ReasonLagRecovery,
	LagCatchUp:    ReasonLagCatchUp,
	LagWriteBound: ReasonLagWriteBound,
	LagUndersized: ReasonLagUndersized,
	LagOne:        ReasonLagOne,
	LagUnclear:    ReasonLagUnclear,
}
