package aurora

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// Kind is what an error means for the scaler. The zero value is no error.
type Kind string

// The kinds of errors.
const (
	None     Kind = ""
	Exists   Kind = "exists"   // the identifier is taken
	Gone     Kind = "gone"     // what was named does not exist (any more)
	Refused  Kind = "refused"  // AWS has no room: capacity, quota, addresses
	Busy     Kind = "busy"     // the state does not allow it now; the next run tries again
	Passing  Kind = "passing"  // throttled, no answer or a fault on AWS's side; the next run tries again
	Mistaken Kind = "mistaken" // the configuration names something that is missing or unusable; a person must act
	Denied   Kind = "denied"   // a permission is missing
	Other    Kind = "other"
)

// kinds classifies AWS's error codes, without the "Fault" and "Exception" that some of them end in.
// https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html and the errors of CreateDBInstance and
// DeleteDBInstance there.
var kinds = map[string]Kind{
	"DBInstanceAlreadyExists": Exists,

	"DBClusterNotFound":  Gone,
	"DBInstanceNotFound": Gone,

	"InstanceQuotaExceeded":              Refused,
	"InsufficientDBInstanceCapacity":     Refused,
	"InsufficientDBClusterCapacity":      Refused,
	"InsufficientAvailableIPsInSubnet":   Refused,
	"InsufficientFreeAddressesInSubnet":  Refused,
	"DBSubnetGroupDoesNotCoverEnoughAZs": Refused,
	"OrderableDBInstanceOptionNotFound":  Refused,
	"StorageQuotaExceeded":               Refused,
	"InvalidVPCNetworkState":             Refused,
	"InvalidSubnet":                      Refused,

	"InvalidDBClusterState":  Busy,
	"InvalidDBInstanceState": Busy,

	"Throttling":             Passing,
	"ThrottlingException":    Passing,
	"ThrottledException":     Passing,
	"RequestLimitExceeded":   Passing,
	"TooManyRequests":        Passing,
	"RequestTimeout":         Passing,
	"RequestExpired":         Passing,
	"InternalFailure":        Passing,
	"InternalError":          Passing,
	"InternalServerError":    Passing,
	"InternalServiceFault":   Passing,
	"ServiceUnavailable":     Passing,
	"ConcurrentUpdate":       Passing,
	"LimitExceeded":          Passing,
	"InternalServiceError":   Passing,
	"ProvisionedThroughput":  Passing,
	"BandwidthLimitExceeded": Passing,

	"DBParameterGroupNotFound":          Mistaken,
	"DBSubnetGroupNotFound":             Mistaken,
	"DBSecurityGroupNotFound":           Mistaken,
	"KMSKeyNotAccessible":               Mistaken,
	"CertificateNotFound":               Mistaken,
	"DBCapacityReservationNotFound":     Mistaken,
	"DBCapacityReservationUnsupported":  Mistaken,
	"InvalidDBCapacityReservationState": Mistaken,
	"InvalidParameterValue":             Mistaken,
	"InvalidParameterCombination":       Mistaken,
	"ValidationError":                   Mistaken,

	"AccessDenied":               Denied,
	"UnauthorizedOperation":      Denied,
	"OptInRequired":              Denied,
	"InvalidClientTokenId":       Denied,
	"UnrecognizedClient":         Denied,
	"ExpiredToken":               Denied,
	"SignatureDoesNotMatch":      Denied,
	"MissingAuthenticationToken": Denied,
}

// Failure is one error, classified. The zero value is no failure.
type Failure struct {
	Kind Kind
	Code string // AWS's code, or "Timeout" or "Unknown" where there is none
	Err  error
}

// Classify says what an error means. It never panics and knows every error: a code that it cannot place is Other, an error
// without one is not AWS's answer and passes.
func Classify(err error) Failure {
	if err == nil {
		return Failure{}
	}
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		return Failure{Kind: kindOf(api.ErrorCode()), Code: api.ErrorCode(), Err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Failure{Kind: Passing, Code: "Timeout", Err: err}
	default:
		return Failure{Kind: Passing, Code: "Unknown", Err: err}
	}
}

func kindOf(code string) Kind {
	for _, name := range []string{code, strings.TrimSuffix(code, "Fault"), strings.TrimSuffix(code, "Exception")} {
		if kind, ok := kinds[name]; ok {
			return kind
		}
	}
	return Other
}
