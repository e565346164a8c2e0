package decision

import (
	"slices"
	"strings"
	"time"
)

// failureEffect is what a refused creation says about the next one.
type failureEffect int

const (
	elsewhere failureEffect = iota // this zone and class are short: try another zone, then another class
	otherZone                      // the zone is unusable whatever the class
	wait                           // the account or cluster has no room: wait
	forbidden                      // the configuration is wrong: waiting does not mend it
	nothing                        // a passing fault: the next tick tries again
)

// failureEffects is the meaning of the error codes and statuses that end a creation. Codes that are not listed count
// as elsewhere. The SDK's "Fault" and "Exception" endings are cut off before looking up.
var failureEffects = map[string]failureEffect{
	"InsufficientDBInstanceCapacity":      elsewhere,
	"insufficient-capacity":               elsewhere,
	"OrderableDBInstanceOptionNotFound":   elsewhere,
	"InvalidVPCNetworkState":              otherZone,
	"InvalidSubnet":                       otherZone,
	"DBSubnetGroupDoesNotCoverEnoughAZs":  otherZone,
	"InsufficientFreeAddressesInSubnet":   otherZone,
	"incompatible-network":                otherZone,
	"InstanceQuotaExceeded":               wait,
	"StorageQuotaExceeded":                wait,
	"DBInstanceQuotaExceeded":             wait,
	"AccessDenied":                        forbidden,
	"UnauthorizedOperation":               forbidden,
	"DBParameterGroupNotFound":            forbidden,
	"DBSubnetGroupNotFound":               forbidden,
	"DBSecurityGroupNotFound":             forbidden,
	"KMSKeyNotAccessible":                 forbidden,
	"CertificateNotFound":                 forbidden,
	"DBClusterNotFound":                   forbidden,
	"InvalidParameterCombination":         elsewhere,
	"inaccessible-encryption-credentials": forbidden,
	"incompatible-parameters":             forbidden,
	"InvalidDBClusterState":               nothing,
	"InvalidDBInstanceState":              nothing,
	"DBInstanceAlreadyExists":             nothing,
	"Throttling":                          nothing,
	"ThrottlingException":                 nothing,
	"Throttled":                           nothing,
	"TooManyRequests":                     nothing,
	"RequestLimitExceeded":                nothing,
	"InternalError":                       nothing,
	"InternalFailure":                     nothing,
	"InternalServerError":                 nothing,
	"ServiceUnavailable":                  nothing,
	"RequestTimeout":                      nothing,
	"AddTagsToResourceAccessDenied":       forbidden,
}

func effectOf(code string) failureEffect {
	if effect, ok := failureEffects[code]; ok {
		return effect
	}
	for _, ending := range []string{"Fault", "Exception"} {
		if cut, ok := strings.CutSuffix(code, ending); ok {
			return failureEffects[cut]
		}
	}
	return elsewhere
}

// brokenForCapacity are the statuses of a reader that AWS accepted and then had no capacity for.
var brokenForCapacity = map[string]bool{"insufficient-capacity": true}

const (
	// refusalRemembered is how long a zone and class count as short: capacity returns within one to two hours.
	refusalRemembered = 90 * time.Minute
	// retryAfter is when the place refused longest ago is tried again although all are refused.
	retryAfter = 10 * time.Minute
	// minStep is what one decision may create at least; beyond, it may double the readers.
	minStep = 4
)

// place is where a reader may be created.
type place struct{ zone, class string }

// refusals is when each place was last refused, and since when nothing may be created at all.
type refusals struct {
	places map[place]time.Time
	wait   time.Time
	reason Reason
}

// remembered reads the failures, and what broken members say themselves.
func remembered(f *fleet, history *History, now time.Time) refusals {
	r := refusals{places: map[place]time.Time{}}
	note := func(at time.Time, code string, where place) {
		age, ok := since(at, now.Add(time.Minute))
		if !ok {
			return
		}
		switch effect := effectOf(code); {
		case effect == elsewhere && age < refusalRemembered:
		case effect == otherZone && age < refusalRemembered:
			where.class = ""
		case (effect == wait || effect == forbidden) && age < retryAfter:
			if at.After(r.wait) {
				r.wait, r.reason = at, ReasonQuota
				if effect == forbidden {
					r.reason = ReasonCreateForbidden
				}
			}
			return
		default:
			return
		}
		if at.After(r.places[where]) {
			r.places[where] = at
		}
	}
	for _, failure := range history.Failures {
		note(failure.At, failure.Code, place{failure.Zone, failure.Class})
	}
	for _, m := range f.broken {
		if brokenForCapacity[m.Status] {
			note(now, m.Status, place{m.Zone, m.Class})
		}
	}
	return r
}

// refusedAt is when a place was last refused; zero for never.
func (r refusals) refusedAt(p place) time.Time {
	last := r.places[p]
	if p.zone == "" {
		return last
	}
	for _, wider := range [...]place{{p.zone, ""}, {"", p.class}} {
		// A refusal without a zone speaks of the region only if it had the choice: it does not rule out a zone that
		// was not tried, unless no class is named either.
		if wider.zone == "" {
			continue
		}
		if at := r.places[wider]; at.After(last) {
			last = at
		}
	}
	return last
}

// createReaders names up to n new readers: lowest free slots, each in the zone with the fewest members, of the
// writer's class as long as any zone has it.
func createReaders(n int, f *fleet, policy *Policy, history *History, now time.Time, reasons reasonSet) []Create {
	if n <= 0 {
		return nil
	}
	if f.class == "" {
		reasons.add(ReasonUnknownClass)
		return nil
	}
	r := remembered(f, history, now)
	if !r.wait.IsZero() {
		reasons.add(r.reason)
		return nil
	}
	perZone := map[string]int{}
	zones := slices.Clone(policy.Zones)
	for _, m := range f.readers {
		if m.Zone != "" && (m.phase == serving || m.phase == coming) {
			perZone[m.Zone]++
		}
		if len(policy.Zones) == 0 && m.Zone != "" {
			zones = append(zones, m.Zone)
		}
	}
	if f.writer != nil && f.writer.Zone != "" {
		perZone[f.writer.Zone]++
		if len(policy.Zones) == 0 {
			zones = append(zones, f.writer.Zone)
		}
	}
	slices.Sort(zones)
	zones = slices.Compact(zones)
	classes := append([]string{f.class}, policy.Classes...)

	var creates []Create
	room := MaxReaders - len(f.readers)
	for slot := 1; slot <= MaxReaders && len(creates) < n && room > 0; slot++ {
		id := SlotID(policy.Prefix, slot)
		if f.taken[id] {
			continue
		}
		slices.SortStableFunc(zones, func(a, b string) int {
			if perZone[a] != perZone[b] {
				return perZone[a] - perZone[b]
			}
			return strings.Compare(a, b)
		})
		where, ok := r.choose(zones, classes, now)
		if !ok {
			reasons.add(ReasonCapacityRefused)
			return creates
		}
		if len(zones) > 0 && where.zone != zones[0] {
			reasons.add(ReasonZoneFallback)
		}
		if where.class != f.class {
			reasons.add(ReasonClassFallback)
		}
		perZone[where.zone]++
		room--
		creates = append(creates, Create{ID: id, Zone: where.zone, Class: where.class})
	}
	if len(creates) < n {
		reasons.add(ReasonNoFreeSlot)
	}
	return creates
}

// choose is the first place that is not known to be short: every zone, then AWS's choice of zone, then the next
// class. When all were refused, the one refused longest ago, if that is long enough.
func (r refusals) choose(zones, classes []string, now time.Time) (place, bool) {
	var oldest place
	var oldestAt time.Time
	for _, class := range classes {
		for i := range len(zones) + 1 {
			where := place{class: class}
			if i < len(zones) {
				where.zone = zones[i]
			}
			at := r.refusedAt(where)
			if at.IsZero() {
				return where, true
			}
			if oldestAt.IsZero() || at.Before(oldestAt) {
				oldest, oldestAt = where, at
			}
		}
	}
	return oldest, now.Sub(oldestAt) >= retryAfter
}
