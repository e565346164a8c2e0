// Package contract holds the names that the CDK constructs and the Lambda functions share: what one side writes, the
// other reads. It imports nothing, so that a function never pulls the CDK into its binary and a construct never pulls
// the AWS SDK into the synthesis.
package contract

// Ownership of readers. The scaler deletes a reader only when both hold: its identifier starts with ReaderPrefix and
// it carries the tag OwnerTagKey with the environment's name as value.
const (
	// OwnerTagKey marks what the replica scaler created; the value is the environment's name.
	OwnerTagKey = "peakline:replica-scaler"
	// MaxReaders is Aurora's limit of readers in one cluster, and so the number of slots.
	MaxReaders = 15
)

// ReaderPrefix is what the identifiers of an environment's scaled readers start with, for example
// "peakline-prod-auto". Slots follow as "-r01" to "-r15".
func ReaderPrefix(environment string) string { return "peakline-" + environment + "-auto" }

// PolicyParameter names the SSM parameter with the deployed policy as JSON. The template writes it.
func PolicyParameter(environment string) string {
	return "/peakline/" + environment + "/replica-scaler/policy"
}

// OverrideParameter names the SSM parameter with the operator's brake as JSON. Only `peakline scaler` writes it;
// absent means no override.
func OverrideParameter(environment string) string {
	return "/peakline/" + environment + "/replica-scaler/override"
}

// The scaler's own CloudWatch metrics (EMF), read back by its alarms, its dashboard and by the scaler itself.
const (
	// MetricNamespace is where the scaler's own metrics live.
	MetricNamespace = "Peakline/ReplicaScaler"
	// MetricDimension is the only dimension of those metrics; its value is the environment's name.
	MetricDimension = "Environment"

	MetricDesired       = "DesiredReaders"  // count
	MetricServing       = "ServingReaders"  // count
	MetricComing        = "ComingReaders"   // count, being created
	MetricNeed          = "NeededReaders"   // count before the policy's bounds
	MetricDemand        = "Demand"          // readers fully busy
	MetricForecast      = "Forecast"        // readers fully busy, within the lead
	MetricShortfall     = "Shortfall"       // readers needed above the policy's maximum
	MetricCreateSeconds = "CreateSeconds"   // seconds from CreateDBInstance to the first CPU sample
	MetricBlindMinutes  = "BlindMinutes"    // minutes without usable CPU samples
	MetricHeartbeat     = "Heartbeat"       // 1 per completed run
	MetricErrors        = "Errors"          // failed API calls of a run
	MetricRefused       = "CapacityRefused" // creates that AWS refused in a run
	MetricLagVerdict    = "WriteBoundLag"   // 1 while writes cause the lag, else 0
	MetricImbalance     = "Imbalanced"      // 1 while connections are skewed, else 0
	MetricWriterHot     = "WriterHot"       // 1 while the writer guard holds, else 0
)

// Environment variables of the scaler's function.
const (
	EnvEnvironment = "PEAKLINE_ENVIRONMENT" // environment's name
	EnvCluster     = "PEAKLINE_CLUSTER"     // DB cluster identifier
)
