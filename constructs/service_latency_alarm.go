package constructs

import (
	"fmt"

	construct "github.com/aws/constructs-go/constructs/v10"
)

// addLatencyAlarm tells when a service takes more than its share of the time that visitors wait, whichever colour they meet.
func (s *Service) addLatencyAlarm(scope construct.Construct, props ServiceProps) {
	name := props.Task.Service
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "service-latency", Subject: name, Severity: Warning,
		Summary: fmt.Sprintf("One request of twenty to %s takes longer than %g s, its share of what visitors wait.", name, props.LatencyBudget.Seconds()),
		Metric: s.worstColour(props, "seconds, 95th percentile", fmt.Sprintf("IF(COLOUR >= %d, COLOURLatency, 0)", fewestReleaseRequests),
			map[string]string{"": "RequestCount", "Latency": "TargetResponseTime"}),
		Comparison: Above, Threshold: props.LatencyBudget.Seconds(), Breaching: 10, Periods: 15, MissingData: MissingIsFine,
	})
}
