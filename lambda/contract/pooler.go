package contract

// Environment variables of the pooler, the PgBouncer beside a service. Its start command reads them.
const (
	EnvPoolerSettings = "POOLER_SETTINGS"  // the section [pgbouncer]
	EnvPoolerWriter   = "POOLER_WRITER"    // where database `rw` leads, without the login
	EnvPoolerReader   = "POOLER_READER"    // where database `ro` leads, without the login
	EnvPoolerRoots    = "POOLER_ROOTS"     // certificate authorities of the database, PEM
	EnvPoolerUser     = "POOLER_USER"      // the service's role, from its secret
	EnvPoolerPassword = "POOLER_PASSWORD"  // and its password
	EnvPoolerTaskLife = "POOLER_TASK_LIFE" // seconds until the login may end
)

// Databases of the pooler, which a service names in its connection URL.
const (
	// WriterPool leads to the writer.
	WriterPool = "rw"
	// ReaderPool leads to the readers, and refuses writes wherever it leads.
	ReaderPool = "ro"
	// PoolerPort is where it listens, inside the task only.
	PoolerPort = 6432
)

// Environment variables about the database, by which a service finds its pooler. docs/connect-to-the-database.md explains them.
const (
	// DatabaseVariables is what their names begin with.
	DatabaseVariables = "DATABASE_"

	EnvDatabaseWriterURL         = DatabaseVariables + "WRITER_URL"
	EnvDatabaseReaderURL         = DatabaseVariables + "READER_URL"
	EnvDatabaseAuthentication    = DatabaseVariables + "AUTHENTICATION"            // how the service proves who it is
	EnvDatabasePoolSize          = DatabaseVariables + "POOL_SIZE"                 // connections
	EnvDatabaseConnectionSeconds = DatabaseVariables + "CONNECTION_SECONDS"        // how long a connection is kept
	EnvDatabaseConnectionJitter  = DatabaseVariables + "CONNECTION_JITTER_SECONDS" // which is shorter by up to this, at random
	EnvDatabaseStaleness         = DatabaseVariables + "STALENESS_MS"              // how old what is read may be
)

// How a service proves who it is.
const (
	// AuthenticateByPooler is for the pooler in the service's own task, which asks for nothing.
	AuthenticateByPooler = "none"
	// AuthenticateByIAM is for an RDS Proxy: the password is a token that the task's role signs, a new one for each connection.
	AuthenticateByIAM = "iam"
)
