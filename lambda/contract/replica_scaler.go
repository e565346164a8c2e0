package contract

// RequestedTagKey tells when the scaler asked AWS for a reader (RFC 3339). RDS reports an instance's create time only
// once the instance is available, so what is under way could not be timed without it.
const RequestedTagKey = "peakline:replica-scaler-requested"

// DrainResource is the type of the custom resource whose deletion removes the scaler's readers before the cluster.
const DrainResource = "Custom::ReaderDrain"

// EnvCapacityReservation optionally names a DB capacity reservation that new readers use.
const EnvCapacityReservation = "PEAKLINE_CAPACITY_RESERVATION"

// More of the scaler's own CloudWatch metrics.
const (
	MetricOwned       = "OwnedReaders"     // count, readers that the scaler created
	MetricReaderHours = "MonthReaderHours" // hours of owned readers since the month began, UTC
)
