package migrations

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"peakline/test/postgres"
)

// shopTables are what every claim starts from: two tables with rows, an index, a type, a view, and a partitioned table.
const shopTables = `
CREATE SCHEMA shop; SET search_path = shop;
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE customers (id bigint PRIMARY KEY, name text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, note text, total integer, code varchar(10), state state DEFAULT 'open', CONSTRAINT positive CHECK (total > 0));
CREATE INDEX orders_total ON orders (total);
CREATE SEQUENCE numbers;
INSERT INTO customers SELECT n, 'c' FROM generate_series(1, 1000) n;
INSERT INTO orders SELECT n, n, 'x', n, n::text FROM generate_series(1, 1000) n;
CREATE MATERIALIZED VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
CREATE UNIQUE INDEX totals_customer ON totals (customer);
CREATE TABLE events (id bigint, day date) PARTITION BY RANGE (day);
CREATE TABLE events_one PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO events VALUES (1, '2026-01-05');
`

// claim is what a rule says, and what PostgreSQL does.
type claim struct {
	rule Rule
	bad  string
	// shut is what nobody can do while the transaction of the bad statement lasts: reading or writing one of the tables.
	shut string
	// work is what PostgreSQL says that it does meanwhile, in its debug messages.
	work string
	// breaks is a statement of the version that still runs, and fails after the bad one.
	breaks string
	// instead are the statements that the rule names. None of them shuts anything for longer than a moment.
	instead []string
}

const (
	readOrders  = "SELECT count(*) FROM orders"
	writeOrders = "INSERT INTO orders (id, customer, total) VALUES (100001, 1, 1)"
)

var claims = []claim{
	{rule: dropTable, bad: "DROP TABLE customers", shut: "SELECT count(*) FROM customers", breaks: "SELECT name FROM customers"},
	{rule: dropColumn, bad: "ALTER TABLE orders DROP COLUMN note", shut: readOrders, breaks: "INSERT INTO orders (id, note) VALUES (100002, '')",
		instead: []string{"ALTER TABLE orders ALTER COLUMN note DROP NOT NULL"}},
	{rule: dropConstraint, bad: "ALTER TABLE orders DROP CONSTRAINT orders_pkey", shut: readOrders, breaks: "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO NOTHING"},
	{rule: dropObject, bad: "DROP SEQUENCE numbers", breaks: "SELECT nextval('numbers')"},
	{rule: dropObject, bad: "DROP MATERIALIZED VIEW totals", shut: "SELECT count(*) FROM totals", breaks: "SELECT total FROM totals"},
	{rule: renameAny, bad: "ALTER TABLE orders RENAME COLUMN note TO remark", shut: readOrders, breaks: "SELECT note FROM orders",
		instead: []string{"ALTER TABLE orders ADD COLUMN remark text"}},
	{rule: renameAny, bad: "ALTER TABLE customers RENAME TO people", shut: "SELECT count(*) FROM customers", breaks: "SELECT name FROM customers"},
	{rule: renameAny, bad: "ALTER TYPE state RENAME VALUE 'paid' TO 'settled'", breaks: "SELECT 1 FROM orders WHERE state = 'paid'"},
	{rule: addRequiredColumn, bad: "TRUNCATE orders; ALTER TABLE orders ADD COLUMN tax integer NOT NULL", breaks: writeOrders,
		instead: []string{"ALTER TABLE orders ADD COLUMN tax integer NOT NULL DEFAULT 0", "ALTER TABLE orders ADD COLUMN vat integer"}},
	{rule: rewriteTable, bad: "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid()", shut: readOrders, work: `rewriting table "orders"`,
		instead: []string{"ALTER TABLE orders ADD COLUMN token uuid", "ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid()"}},
	{rule: rewriteTable, bad: "ALTER TABLE orders ADD COLUMN number serial", shut: readOrders, work: `rewriting table "orders"`},
	{rule: rewriteTable, bad: "ALTER TABLE orders ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY", shut: readOrders, work: `rewriting table "orders"`},
	{rule: rewriteTable, bad: "ALTER TABLE orders ADD COLUMN twice integer GENERATED ALWAYS AS (total * 2) STORED", shut: readOrders, work: `rewriting table "orders"`,
		instead: []string{"ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT now()", "ALTER TABLE orders ADD COLUMN kind text NOT NULL DEFAULT lower('X')"}},
	{rule: rewriteTable, bad: "ALTER TABLE orders SET UNLOGGED", shut: readOrders, work: `rewriting table "orders"`},
	{rule: changeType, bad: "ALTER TABLE orders ALTER COLUMN id TYPE integer", shut: readOrders, work: `rewriting table "orders"`,
		instead: []string{"ALTER TABLE orders ADD COLUMN small_id integer"}},
	{rule: setNotNull, bad: "ALTER TABLE orders ALTER COLUMN customer SET NOT NULL", shut: readOrders, work: `verifying table "orders"`,
		instead: []string{"ALTER TABLE orders ADD CONSTRAINT known CHECK (customer IS NOT NULL) NOT VALID", "ALTER TABLE orders VALIDATE CONSTRAINT known",
			"ALTER TABLE orders ALTER COLUMN customer SET NOT NULL", "ALTER TABLE orders DROP CONSTRAINT known"}},
	{rule: addCheck, bad: "ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 5000)", shut: readOrders, work: `verifying table "orders"`,
		instead: []string{"ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 5000) NOT VALID", "ALTER TABLE orders VALIDATE CONSTRAINT small"}},
	{rule: addCheck, bad: "ALTER TABLE orders ADD COLUMN tax integer CHECK (tax > 0)", shut: readOrders, work: `verifying table "orders"`},
	{rule: addForeignKey, bad: "ALTER TABLE orders ADD CONSTRAINT theirs FOREIGN KEY (customer) REFERENCES customers", shut: "UPDATE customers SET name = 'd' WHERE id = 1",
		work:    `validating foreign key constraint "theirs"`,
		instead: []string{"ALTER TABLE orders ADD CONSTRAINT theirs FOREIGN KEY (customer) REFERENCES customers NOT VALID", "ALTER TABLE orders VALIDATE CONSTRAINT theirs"}},
	{rule: addForeignKey, bad: "ALTER TABLE orders ADD COLUMN seller bigint REFERENCES customers", shut: "UPDATE customers SET name = 'd' WHERE id = 1"},
	{rule: addUnique, bad: "ALTER TABLE orders ADD CONSTRAINT one_code UNIQUE (code)", shut: readOrders, work: `building index "one_code"`,
		instead: []string{"CREATE UNIQUE INDEX CONCURRENTLY one_code ON orders (code)", "ALTER TABLE orders ADD CONSTRAINT one_code UNIQUE USING INDEX one_code"}},
	{rule: addExclusion, bad: "ALTER TABLE orders ADD CONSTRAINT apart EXCLUDE (code WITH =)", shut: readOrders, work: `building index "apart"`},
	{rule: createIndex, bad: "CREATE INDEX orders_customer ON orders (customer)", shut: writeOrders, work: `building index "orders_customer"`,
		instead: []string{"CREATE INDEX CONCURRENTLY orders_customer ON orders (customer)"}},
	{rule: dropIndex, bad: "DROP INDEX orders_total", shut: readOrders, instead: []string{"DROP INDEX CONCURRENTLY orders_total"}},
	{rule: reindexRule, bad: "REINDEX INDEX orders_total", shut: writeOrders, work: `building index "orders_total"`,
		instead: []string{"REINDEX INDEX CONCURRENTLY orders_total"}},
	{rule: truncateRule, bad: "TRUNCATE orders", shut: readOrders, instead: []string{"DELETE FROM orders WHERE id BETWEEN 1 AND 100"}},
	{rule: rewriteAll, bad: "CLUSTER orders USING orders_pkey", shut: readOrders, work: `building index "orders_pkey"`, instead: []string{"VACUUM orders"}},
	{rule: lockTable, bad: "LOCK TABLE orders IN SHARE MODE", shut: writeOrders},
	{rule: lockTable, bad: "LOCK TABLE orders", shut: readOrders},
	{rule: changeAllRows, bad: "UPDATE orders SET note = 'y'", shut: "UPDATE orders SET total = 5 WHERE id = 900",
		instead: []string{"UPDATE orders SET note = 'y' WHERE id BETWEEN 1 AND 100 AND note = 'x'"}},
	{rule: refreshView, bad: "REFRESH MATERIALIZED VIEW totals", shut: "SELECT count(*) FROM totals", instead: []string{"REFRESH MATERIALIZED VIEW CONCURRENTLY totals"}},
	{rule: detachPartition, bad: "ALTER TABLE events DETACH PARTITION events_one", shut: "SELECT count(*) FROM events",
		instead: []string{"ALTER TABLE events DETACH PARTITION events_one CONCURRENTLY"}},
}

// momentary is what a statement may do under a lock that shuts a table: nothing that grows with the table.
var momentary = []string{"rewriting table", "verifying table", "validating foreign key", "building index"}

// TestTheRulesHoldInPostgreSQL runs what each rule is about beside a reader and a writer. In PostgreSQL's debug messages it says
// what it does to the table meanwhile.
func TestTheRulesHoldInPostgreSQL(t *testing.T) {
	server := postgres.Start(t)
	admin := server.Connect(t, postgres.Superuser, server.Password, "postgres")
	for _, c := range claims {
		t.Run(c.rule.Name+": "+c.bad, func(t *testing.T) {
			s := open(t, server, admin)
			if got := names(t, c.bad, Options{}); !slices.Contains(got, c.rule.Name) {
				t.Errorf("the linter finds %v, want %s", got, c.rule.Name)
			}
			s.do(t, s.migration, "BEGIN")
			s.do(t, s.migration, c.bad)
			if c.work != "" && !s.said(c.work) {
				t.Errorf("PostgreSQL does not say %q but %q", c.work, s.notices)
			}
			if c.shut != "" && !s.isShut(t, c.shut) {
				t.Errorf("%q is possible meanwhile: the rule shuts out nobody", c.shut)
			}
			s.do(t, s.migration, "COMMIT")
			if c.breaks != "" {
				if _, err := s.visitor.Exec(t.Context(), c.breaks); err == nil {
					t.Errorf("%q still works: the rule breaks nothing", c.breaks)
				}
			}
			if len(c.instead) > 0 {
				s = open(t, server, admin)
				s.instead(t, c.instead)
			}
		})
	}
}

// shop is a database of its own, with the connection of a migration, and one of a visitor who does not wait.
type shop struct {
	migration, visitor, other *pgx.Conn
	notices                   []string
}

func open(t *testing.T, server *postgres.Server, admin *pgx.Conn) *shop {
	t.Helper()
	s := &shop{}
	for _, statement := range []string{"DROP DATABASE IF EXISTS claim WITH (FORCE)", "CREATE DATABASE claim"} {
		s.do(t, admin, statement)
	}
	connect := func() *pgx.Conn {
		conn := server.Connect(t, postgres.Superuser, server.Password, "claim")
		s.do(t, conn, "SET search_path = shop; SET lock_timeout = '150ms'")
		return conn
	}
	s.visitor, s.other = connect(), connect()
	s.do(t, s.visitor, shopTables)
	settings := s.visitor.Config().Copy()
	settings.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { s.notices = append(s.notices, notice.Message) }
	migration, err := pgx.ConnectConfig(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = migration.Close(context.Background()) })
	s.migration = migration
	s.do(t, migration, "SET search_path = shop; SET client_min_messages = debug1")
	return s
}

func (s *shop) do(t *testing.T, on *pgx.Conn, statement string) {
	t.Helper()
	if _, err := on.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func (s *shop) said(what string) bool {
	return slices.ContainsFunc(s.notices, func(notice string) bool { return strings.Contains(notice, what) })
}

// isShut tells whether a visitor has to wait for the migration.
func (s *shop) isShut(t *testing.T, statement string) bool {
	t.Helper()
	_, err := s.visitor.Exec(t.Context(), statement)
	var refused *pgconn.PgError
	if err != nil && (!errors.As(err, &refused) || refused.Code != "55P03") {
		t.Fatalf("%s: %v", statement, err)
	}
	return err != nil
}

// instead runs the statements that a rule names, and watches that reading and writing go on beside them, or that PostgreSQL
// does nothing that takes time.
func (s *shop) instead(t *testing.T, statements []string) {
	t.Helper()
	if got := names(t, strings.Join(statements, ";\n"), Options{}); len(got) > 0 {
		t.Errorf("the linter finds %v in what it asks for", got)
	}
	for _, statement := range statements {
		s.notices = nil
		if strings.Contains(statement, "CONCURRENTLY") || strings.HasPrefix(statement, "VACUUM") {
			s.beside(t, statement)
			continue
		}
		s.do(t, s.migration, "BEGIN")
		s.do(t, s.migration, statement)
		takesTime := slices.ContainsFunc(momentary, s.said)
		if open := !s.isShut(t, readOrders) && !s.isShut(t, "UPDATE orders SET total = 6 WHERE id = 901"); !open && takesTime {
			t.Errorf("%q shuts the table, and says %q", statement, s.notices)
		}
		s.do(t, s.migration, "COMMIT")
	}
}

// beside runs a statement that takes no transaction, while a writer has one open for a while: it may wait, but keeps nobody out.
func (s *shop) beside(t *testing.T, statement string) {
	t.Helper()
	s.do(t, s.other, "BEGIN")
	for _, write := range []string{"UPDATE orders SET note = 'z' WHERE id = 1", "SELECT count(*) FROM events"} {
		s.do(t, s.other, write)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.migration.Exec(context.WithoutCancel(t.Context()), statement)
		ended <- err
	}()
	for range 4 {
		time.Sleep(25 * time.Millisecond)
		if s.isShut(t, readOrders) || s.isShut(t, "UPDATE orders SET total = 6 WHERE id = 901") || s.isShut(t, "SELECT count(*) FROM totals") || s.isShut(t, "SELECT count(*) FROM events") {
			t.Errorf("%q keeps visitors out", statement)
			break
		}
	}
	s.do(t, s.other, "COMMIT")
	if err := <-ended; err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

func TestPostgreSQLRefusesConcurrentlyInATransaction(t *testing.T) {
	server := postgres.Start(t)
	s := open(t, server, server.Connect(t, postgres.Superuser, server.Password, "postgres"))
	for _, statement := range []string{"CREATE INDEX CONCURRENTLY more ON orders (customer)", "DROP INDEX CONCURRENTLY orders_total", "REINDEX INDEX CONCURRENTLY orders_total", "VACUUM orders"} {
		if got := names(t, statement, Options{Transaction: true}); !slices.Equal(got, []string{concurrently.Name}) {
			t.Errorf("%s: the linter finds %v", statement, got)
		}
		s.do(t, s.migration, "BEGIN")
		if _, err := s.migration.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s is possible in a transaction", statement)
		}
		s.do(t, s.migration, "ROLLBACK")
	}
}

func TestAnIndexThatCouldNotBeBuiltStaysInvalid(t *testing.T) {
	server := postgres.Start(t)
	s := open(t, server, server.Connect(t, postgres.Superuser, server.Password, "postgres"))
	again := "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_note ON orders (note)"
	if got := names(t, again, Options{}); !slices.Equal(got, []string{invalidIndex.Name}) {
		t.Errorf("the linter finds %v", got)
	}
	if _, err := s.migration.Exec(t.Context(), again); err == nil {
		t.Fatal("the index is built, though its values are all the same")
	}
	s.do(t, s.migration, again) // goes on, as if it were there
	valid := true
	if err := s.visitor.QueryRow(t.Context(), "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_note'::regclass").Scan(&valid); err != nil || valid {
		t.Errorf("the index is valid: %t, %v", valid, err)
	}
	if got := names(t, "DROP INDEX CONCURRENTLY IF EXISTS one_note;\n"+again, Options{}); len(got) > 0 {
		t.Errorf("the linter finds %v in what it asks for", got)
	}
}

// TestAFirstLockIsHeldForTheTimeOfAllStatements is what locks-in-one-transaction says.
func TestAFirstLockIsHeldForTheTimeOfAllStatements(t *testing.T) {
	server := postgres.Start(t)
	s := open(t, server, server.Connect(t, postgres.Superuser, server.Password, "postgres"))
	both := []string{"ALTER TABLE customers ADD COLUMN vip boolean", "UPDATE orders SET note = 'y' WHERE id < 500"}
	if got := names(t, "BEGIN;\n"+strings.Join(both, ";\n")+";\nCOMMIT", Options{}); !slices.Equal(got, []string{severalLocks.Name}) {
		t.Errorf("the linter finds %v", got)
	}
	s.do(t, s.migration, "BEGIN")
	for _, statement := range both {
		s.do(t, s.migration, statement)
	}
	if !s.isShut(t, "SELECT count(*) FROM customers") {
		t.Error("the first table is open again before the transaction has ended")
	}
	s.do(t, s.migration, "COMMIT")
	if got := names(t, strings.Join(both, ";\n"), Options{}); len(got) > 0 {
		t.Errorf("the linter finds %v without a transaction around them", got)
	}
}
