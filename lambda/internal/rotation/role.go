package rotation

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// setPassword gives a role the password of which v is the verifier. Invocations for one role queue behind each other.
func setPassword(ctx context.Context, conn *pgx.Conn, role, v string) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, role); err != nil {
			return err
		}
		return alterPassword(ctx, tx, role, v)
	})
}

func alterPassword(ctx context.Context, tx pgx.Tx, role, v string) error {
	return execute(ctx, tx, "set password of role "+role, "ALTER ROLE "+quote(role)+" PASSWORD '"+v+"'")
}

// setAlternate makes pending what current is, in a transaction of its own.
func setAlternate(ctx context.Context, master *pgx.Conn, current, pending, v string) error {
	return pgx.BeginFunc(ctx, master, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, pending); err != nil {
			return err
		}
		return follow(ctx, tx, current, pending, v)
	})
}

// follow makes pending what current is, under the password of which v is the verifier: it creates the role on
// the first rotation as a member of current, so that whatever current may do now or is granted later, pending may too,
// and copies connection limit and settings on each. It is the last thing a transaction does, see assign.
func follow(ctx context.Context, tx pgx.Tx, current, pending, v string) error {
	limit, err := ensureRole(ctx, tx, current, pending)
	if err != nil {
		return err
	}
	err = execute(ctx, tx, "set password of role "+pending,
		fmt.Sprintf("ALTER ROLE %s CONNECTION LIMIT %d PASSWORD '%s'", quote(pending), limit, v))
	if err != nil {
		return err
	}
	return copySettings(ctx, tx, current, pending)
}

// ensureRole leaves pending as a role that can stand in for current, and returns current's connection limit.
func ensureRole(ctx context.Context, tx pgx.Tx, current, pending string) (limit int, err error) {
	var exists bool
	err = tx.QueryRow(ctx, `SELECT rolconnlimit, EXISTS (SELECT FROM pg_roles WHERE rolname = $2)
		FROM pg_roles WHERE rolname = $1`, current, pending).Scan(&limit, &exists)
	if err != nil {
		return 0, fmt.Errorf("look up roles %q and %q: %w", current, pending, err)
	}
	if exists {
		return limit, interchangeable(ctx, tx, current, pending)
	}
	return limit, execute(ctx, tx, "create role "+pending,
		"CREATE ROLE "+quote(pending)+" LOGIN",
		"GRANT "+quote(current)+" TO "+quote(pending))
}

// interchangeable refuses a pair of roles that are strangers, and a pending role that would lack what current has of its
// own: membership goes one way, so what belongs to the member alone is out of the other's reach. Ownership and grants
// come from the one catalog that covers every database of the cluster. What both were granted on one object counts as
// shared.
func interchangeable(ctx context.Context, tx pgx.Tx, current, pending string) error {
	var includes, included bool
	var own int
	err := tx.QueryRow(ctx, `SELECT pg_has_role(p.oid, c.oid, 'MEMBER'), pg_has_role(c.oid, p.oid, 'MEMBER'),
			(SELECT count(*) FROM pg_shdepend d WHERE refclassid = 'pg_authid'::regclass AND refobjid = c.oid
				AND deptype IN ('o', 'a') AND classid <> 'pg_auth_members'::regclass
				AND NOT EXISTS (SELECT FROM pg_shdepend WHERE refclassid = d.refclassid AND refobjid = p.oid
					AND (dbid, classid, objid, objsubid, deptype) = (d.dbid, d.classid, d.objid, d.objsubid, d.deptype)))
		FROM pg_roles c, pg_roles p WHERE c.rolname = $1 AND p.rolname = $2`, current, pending).
		Scan(&includes, &included, &own)
	if err != nil {
		return fmt.Errorf("compare roles %q and %q: %w", current, pending, err)
	}
	if !includes && !included {
		return fmt.Errorf("%w: neither %q nor %q is a member of the other; rename the first, or GRANT %s TO %s",
			ErrForeignRole, pending, current, quote(current), quote(pending))
	}
	if !includes && own > 0 {
		return fmt.Errorf("%w: %q has %d ownerships or grants that %q would lack; in their databases REASSIGN OWNED BY %s TO %s, or grant to %s instead",
			ErrNotShared, current, own, pending, quote(current), quote(pending), quote(pending))
	}
	return nil
}

// copySettings gives pending the settings of current (ALTER ROLE ... SET), such as the search path its queries rely on
// or the role that owns what they create.
func copySettings(ctx context.Context, tx pgx.Tx, current, pending string) error {
	stale, err := settingsOf(ctx, tx, pending)
	if err != nil {
		return err
	}
	wanted, err := settingsOf(ctx, tx, current)
	if err != nil {
		return err
	}
	var statements []string
	for _, s := range stale {
		statements = append(statements, s.alter(pending)+" RESET "+quote(s.Name))
	}
	for _, s := range wanted {
		statements = append(statements, s.assign(pending)...)
	}
	return execute(ctx, tx, fmt.Sprintf("copy the settings of role %q to %q", current, pending), statements...)
}

// listSettings are the settings of a role whose value is a list of names.
var listSettings = []string{"local_preload_libraries", "search_path", "session_preload_libraries", "temp_tablespaces"}

// setting is one setting of a role, in every database where Database is nil. Literal is its value as SQL.
type setting struct {
	Database      *string
	Name, Literal string
}

// alter is the beginning of the statement that changes this setting for a role.
func (s setting) alter(role string) string {
	statement := "ALTER ROLE " + quote(role)
	if s.Database != nil {
		statement += " IN DATABASE " + quote(*s.Database)
	}
	return statement
}

// assign is the statements that give a role this setting. A list as one literal would become one name, so the session
// takes the value over until the transaction ends, and the role takes it from the session. A service chooses its search
// path: from here on the transaction may only call functions by their full name.
func (s setting) assign(role string) []string {
	set := s.alter(role) + " SET " + quote(s.Name)
	if !slices.Contains(listSettings, s.Name) {
		return []string{set + " TO " + s.Literal}
	}
	return []string{
		fmt.Sprintf("SELECT pg_catalog.set_config('%s', %s, true)", s.Name, s.Literal),
		set + " FROM CURRENT",
	}
}

func settingsOf(ctx context.Context, tx pgx.Tx, role string) ([]setting, error) {
	rows, err := tx.Query(ctx, `SELECT d.datname, split_part(entry, '=', 1), quote_literal(substr(entry, strpos(entry, '=') + 1))
		FROM pg_roles r JOIN pg_db_role_setting s ON s.setrole = r.oid LEFT JOIN pg_database d ON d.oid = s.setdatabase,
			unnest(s.setconfig) entry
		WHERE r.rolname = $1`, role)
	if err != nil {
		return nil, fmt.Errorf("read settings of role %q: %w", role, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[setting])
	if err != nil {
		return nil, fmt.Errorf("read settings of role %q: %w", role, err)
	}
	return found, nil
}

// lock makes transactions about one role or database follow each other: a duplicate invocation would otherwise fail on the
// row that the first one is changing.
func lock(ctx context.Context, tx pgx.Tx, name string) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name); err != nil {
		return fmt.Errorf("wait for other changes of %q: %w", name, err)
	}
	return nil
}

// execute runs statements that take no parameters, in one round trip and up to the first that fails.
func execute(ctx context.Context, tx pgx.Tx, purpose string, statements ...string) error {
	batch := &pgx.Batch{}
	for _, statement := range statements {
		batch.Queue(statement)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("%s: %w", purpose, err)
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
