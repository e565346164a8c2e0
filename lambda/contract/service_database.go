package contract

// What a service has in the database. The names of its roles follow from its schema, so that a role's name says what it
// may do, and no two schemas have a role in common.
const (
	// ServiceDatabase is the database that holds the schemas of all services.
	ServiceDatabase = "peakline"
	// MaxSchemaBytes leaves room in PostgreSQL's 63 bytes for the longest name of a role.
	MaxSchemaBytes = 40

	// SchemaTagKey and AccessTagKey are tags of a login's secret: the schema, and the Access there. The rotation makes roles and
	// schemas only for a secret that has both.
	SchemaTagKey = "peakline:schema"
	AccessTagKey = "peakline:access"

	ownerSuffix = "_owner"
)

// Access is what a login may do in its schema.
type Access string

// The kinds of access, each with a login and a secret of its own.
const (
	// ServiceAccess reads and writes rows.
	ServiceAccess Access = "service"
	// MigrationAccess changes the schema: it becomes the owner when it logs in.
	MigrationAccess Access = "migration"
	// ProxyAccess is ServiceAccess through an RDS Proxy. The proxy knows one role by one secret, so that this login has no
	// second role to take turns with.
	ProxyAccess Access = "proxy"
)

// OwnerRole is the role that owns a schema and everything in it. Nobody logs in as it.
func OwnerRole(schema string) string { return schema + ownerSuffix }

// LoginRole is the first of the two roles that log in with this access and take turns; the other has RoleAlternate behind it.
// With ProxyAccess it is the only one.
func LoginRole(schema string, access Access) string { return schema + "_" + string(access) }
