package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"peakline/lambda/contract"
)

// mark is the comment of a role that is ours. A role of the right name without it is somebody else's.
const mark = "owned by Peakline"

// schemaRole is one of the roles of a schema.
type schemaRole struct {
	name, attributes string
	group            string   // the role it is a member of, "" for none
	settings         []string // what follows ALTER ROLE ... SET
	database         string   // what it may do with the database
}

// roles are those of the grant's schema, groups first. What a migration makes belongs to the owner, whichever role logged
// in: the role is set at login, and without inheritance nothing can be made by whoever loses it. The alternate is a member
// of the role that it stands in for, so that a table's owner grants and revokes with one name.
func (g grant) roles() []schemaRole {
	owner := contract.OwnerRole(g.schema)
	migration := contract.LoginRole(g.schema, contract.MigrationAccess)
	service := contract.LoginRole(g.schema, contract.ServiceAccess)
	path, become := "search_path TO "+quote(g.schema), "role TO "+quote(owner)
	roles := []schemaRole{
		{owner, "NOLOGIN", "", nil, "TEMPORARY"},
		{migration, "LOGIN NOINHERIT", owner, []string{path, become}, "CONNECT"},
		{migration + contract.RoleAlternate, "LOGIN NOINHERIT", migration, []string{path, become}, "CONNECT"},
		{service, "LOGIN", "", []string{path}, "CONNECT"},
		{service + contract.RoleAlternate, "LOGIN", service, []string{path}, "CONNECT"},
	}
	if g.single() {
		// What PgBouncer does for its clients, the role's settings do here: a proxy is pinned by what a session sets, not by these.
		settings := []string{path, "idle_in_transaction_session_timeout TO '1min'"}
		roles = append(roles, schemaRole{contract.LoginRole(g.schema, g.access), "LOGIN", service, settings, "CONNECT"})
	}
	return roles
}

// ensureDatabase makes the database of the services, owned by the master, or refuses somebody else's. It cannot be part of
// a transaction.
func ensureDatabase(ctx context.Context, master *pgx.Conn) error {
	const name = contract.ServiceDatabase
	exists := func() (bool, error) {
		var ours bool
		err := master.QueryRow(ctx, "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = $1", name).Scan(&ours)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("look up database %s: %w", name, err)
		case !ours:
			return false, fmt.Errorf("%w: database %s; rename it", ErrForeignSchema, name)
		}
		return true, nil
	}
	if found, err := exists(); found || err != nil {
		return err
	}
	_, err := master.Exec(ctx, "CREATE DATABASE "+quote(name))
	if isDuplicate(err) { // a parallel invocation was first
		_, err = exists()
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// publicRights are what everyone may do in a new database, and the statements that end it.
var publicRights = []struct{ open, revoke string }{
	{
		"SELECT FROM pg_database WHERE datname = current_database() AND has_database_privilege('public', oid, 'CREATE, CONNECT, TEMPORARY')",
		"REVOKE ALL ON DATABASE " + quote(contract.ServiceDatabase) + " FROM PUBLIC",
	},
	{
		"SELECT FROM pg_namespace WHERE nspname = 'public' AND has_schema_privilege('public', oid, 'CREATE, USAGE')",
		"REVOKE ALL ON SCHEMA public FROM PUBLIC",
	},
}

// closePublic takes from everyone what PostgreSQL gives everyone. Who may not revoke it gets a warning from PostgreSQL and
// no error, so it looks again.
func closePublic(ctx context.Context, tx pgx.Tx) error {
	for _, right := range publicRights {
		open := func() (is bool, err error) {
			if err := tx.QueryRow(ctx, "SELECT EXISTS ("+right.open+")").Scan(&is); err != nil {
				return false, fmt.Errorf("look up the rights of PUBLIC: %w", err)
			}
			return is, nil
		}
		if is, err := open(); err != nil {
			return err
		} else if !is {
			continue
		}
		if _, err := tx.Exec(ctx, right.revoke); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrOpen, right.revoke, err)
		}
		if is, err := open(); err != nil {
			return err
		} else if is {
			return fmt.Errorf("%w: have the owner run %s in database %s", ErrOpen, right.revoke, contract.ServiceDatabase)
		}
	}
	return nil
}

// ensure makes what is missing of the schema and its roles. Rights and settings come with what they belong to: later
// rotations leave alone what the schema's owner has changed since.
func (g grant) ensure(ctx context.Context, tx pgx.Tx) error {
	missing, err := g.missingRoles(ctx, tx)
	if err != nil {
		return err
	}
	// PostgreSQL 16 lets a server add a membership of its own to each role that is made, which could lack what is needed here.
	create := []string{"SELECT set_config(name, '', true) FROM pg_settings WHERE name = 'createrole_self_grant'"}
	for _, role := range g.roles() {
		if missing[role.name] {
			create = append(create, role.create()...)
		}
	}
	if err := execute(ctx, tx, "create roles", create...); err != nil {
		return err
	}
	madeSchema, err := g.ensureSchema(ctx, tx)
	if err != nil {
		return err
	}
	var admit []string
	for _, role := range g.roles() {
		if madeSchema || missing[role.name] {
			admit = append(admit, "GRANT "+role.database+" ON DATABASE "+quote(contract.ServiceDatabase)+" TO "+quote(role.name))
		}
	}
	if err := execute(ctx, tx, "let the roles use the database", admit...); err != nil {
		return err
	}
	if madeSchema || missing[contract.LoginRole(g.schema, contract.ServiceAccess)] {
		return g.admitService(ctx, tx)
	}
	return nil
}

func (r schemaRole) create() []string {
	name := quote(r.name)
	statements := []string{"CREATE ROLE " + name + " " + r.attributes, "COMMENT ON ROLE " + name + " IS '" + mark + "'"}
	if r.group != "" {
		statements = append(statements, "GRANT "+quote(r.group)+" TO "+name)
	}
	for _, setting := range r.settings {
		statements = append(statements, "ALTER ROLE "+name+" SET "+setting)
	}
	return statements
}

// missingRoles are the names that no role has. A role without our mark is refused.
func (g grant) missingRoles(ctx context.Context, tx pgx.Tx) (map[string]bool, error) {
	missing := map[string]bool{}
	var names []string
	for _, role := range g.roles() {
		names, missing[role.name] = append(names, role.name), true
	}
	rows, err := tx.Query(ctx, `SELECT rolname, coalesce(shobj_description(oid, 'pg_authid'), '') = $2
		FROM pg_roles WHERE rolname = ANY($1)`, names, mark)
	if err != nil {
		return nil, fmt.Errorf("look up the roles of schema %q: %w", g.schema, err)
	}
	var foreign []string
	var name string
	var ours bool
	_, err = pgx.ForEachRow(rows, []any{&name, &ours}, func() error {
		delete(missing, name)
		if !ours {
			foreign = append(foreign, quote(name))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up the roles of schema %q: %w", g.schema, err)
	}
	if len(foreign) > 0 {
		return nil, fmt.Errorf("%w: %s; rename it, or choose another database.schema for the service", ErrForeignRole, strings.Join(foreign, ", "))
	}
	return missing, nil
}

// ensureSchema makes the schema, or refuses one that another role owns.
func (g grant) ensureSchema(ctx context.Context, tx pgx.Tx) (made bool, err error) {
	var owner string
	err = tx.QueryRow(ctx, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = $1", g.schema).Scan(&owner)
	switch want := contract.OwnerRole(g.schema); {
	case errors.Is(err, pgx.ErrNoRows):
		return true, g.asMember(ctx, tx, "create schema "+g.schema, "CREATE SCHEMA "+quote(g.schema)+" AUTHORIZATION "+quote(want))
	case err != nil:
		return false, fmt.Errorf("look up schema %q: %w", g.schema, err)
	case owner != want:
		return false, fmt.Errorf("%w: schema %q, which %q owns; rename it, or choose another database.schema for the service",
			ErrForeignSchema, g.schema, owner)
	}
	return false, nil
}

// admitService lets the service read and write the rows of whatever the owner will make in the schema. Its alternate may
// because it is a member.
func (g grant) admitService(ctx context.Context, tx pgx.Tx) error {
	schema, service := quote(g.schema), quote(contract.LoginRole(g.schema, contract.ServiceAccess))
	defaults := "ALTER DEFAULT PRIVILEGES IN SCHEMA " + schema + " GRANT "
	return g.asMember(ctx, tx, "let the service use schema "+g.schema,
		"SET LOCAL ROLE "+quote(contract.OwnerRole(g.schema)),
		"GRANT USAGE ON SCHEMA "+schema+" TO "+service,
		defaults+"SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+service,
		defaults+"USAGE, SELECT ON SEQUENCES TO "+service,
		"SET LOCAL ROLE NONE")
}

// asMember executes statements while the master is a member of the schema's owner. A role that it made is not one that it
// may act as: before PostgreSQL 16 it is no member, and since then one that may only administer it.
func (g grant) asMember(ctx context.Context, tx pgx.Tx, purpose string, statements ...string) error {
	owner := quote(contract.OwnerRole(g.schema))
	join, leave := "GRANT "+owner+" TO CURRENT_USER", "REVOKE "+owner+" FROM CURRENT_USER"
	return execute(ctx, tx, purpose, slices.Concat([]string{join}, statements, []string{leave})...)
}
