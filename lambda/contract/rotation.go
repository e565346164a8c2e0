package contract

// Secrets that the rotation function keeps. Their JSON has the keys that RDS and a SecretTargetAttachment write: engine,
// host, port, username, password, dbname, dbClusterIdentifier.
const (
	// MasterSecretKey is one more key, of a service's secret: the ARN of the secret with the cluster's master user.
	// Where it is present, two roles take turns; where it is absent, the user changes its own password.
	MasterSecretKey = "masterarn"
	// RoleAlternate is what the second of a service's two roles has behind the name of the first. Together they must fit
	// PostgreSQL's limit of 63 bytes.
	RoleAlternate = "_clone"
	// PasswordLength is the number of characters of every generated password, the first one included. They are letters
	// and digits only, so that no URL, shell or configuration file needs to quote them.
	PasswordLength = 40
)
