package migrations

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Rule is one thing that a migration does not do while a shop is open.
type Rule struct {
	Name string
	// Why tells what happens, and Instead what to write; TABLE, COLUMN and the like stand for what is there.
	Why, Instead string
}

// The rules. What they say of locks is held against PostgreSQL in locks_test.go.
// https://www.postgresql.org/docs/current/explicit-locking.html
// https://www.postgresql.org/docs/current/sql-altertable.html
var (
	dropTable = Rule{"drop-table", "the version that still runs reads and writes it, and a release that is taken back does again",
		"release a version that does without it first; then drop it under an exception"}
	dropColumn = Rule{"drop-column", "the version that still runs names it in its statements",
		"release a version that does without it first (ALTER COLUMN DROP NOT NULL, if it must be filled); then drop it under an exception"}
	dropConstraint = Rule{"drop-constraint", "the version that still runs may rely on it: ON CONFLICT needs the unique one",
		"release a version that does without it first; then drop it under an exception"}
	dropObject = Rule{"drop-object", "the version that still runs may use the schema, type, view, sequence or function",
		"release a version that does without it first; then drop it under an exception"}
	renameAny = Rule{"rename", "the version that still runs knows the old name only",
		"add the new one, write both, copy in batches, read the new one, and drop the old one in a later release; for a table: CREATE VIEW old AS SELECT * FROM new"}
	addRequiredColumn = Rule{"add-required-column", "it fails as soon as the table has a row, and the version that still runs does not fill it",
		"ALTER TABLE TABLE ADD COLUMN COLUMN TYPE NOT NULL DEFAULT constant; or without NOT NULL, and see set-not-null later"}
	rewriteTable = Rule{"rewrite-table", "PostgreSQL writes the whole table anew (a default that may differ from row to row, serial, identity, a stored expression, SET LOGGED, another tablespace); nobody reads or writes it meanwhile",
		"ALTER TABLE TABLE ADD COLUMN COLUMN TYPE; ALTER TABLE TABLE ALTER COLUMN COLUMN SET DEFAULT expression; then UPDATE in batches"}
	changeType = Rule{"change-type", "PostgreSQL writes the whole table anew, or at least reads it, and nobody reads or writes it meanwhile; the version that still runs sends the old type",
		"add a column of the new type, write both, copy in batches, read the new one, and drop the old one in a later release. varchar to text needs none of that: state it in an exception"}
	setNotNull = Rule{"set-not-null", "PostgreSQL reads the whole table to see that it holds, and nobody reads or writes it meanwhile",
		"ALTER TABLE TABLE ADD CONSTRAINT name CHECK (COLUMN IS NOT NULL) NOT VALID; ALTER TABLE TABLE VALIDATE CONSTRAINT name; then SET NOT NULL, which believes the constraint, and DROP CONSTRAINT"}
	addCheck = Rule{"add-check", "PostgreSQL reads the whole table to see that it holds, and nobody reads or writes it meanwhile",
		"ALTER TABLE TABLE ADD CONSTRAINT name CHECK (…) NOT VALID; ALTER TABLE TABLE VALIDATE CONSTRAINT name"}
	addForeignKey = Rule{"add-foreign-key", "PostgreSQL reads the whole table to see that it holds, and nobody writes either table meanwhile",
		"ALTER TABLE TABLE ADD CONSTRAINT name FOREIGN KEY (…) REFERENCES … NOT VALID; ALTER TABLE TABLE VALIDATE CONSTRAINT name"}
	addUnique = Rule{"add-unique", "PostgreSQL builds an index, and nobody reads or writes the table meanwhile",
		"CREATE UNIQUE INDEX CONCURRENTLY name ON TABLE (…); ALTER TABLE TABLE ADD CONSTRAINT name UNIQUE USING INDEX name"}
	addExclusion = Rule{"add-exclusion", "PostgreSQL builds an index, and nobody reads or writes the table meanwhile; there is no way to build it beside them",
		"create the constraint together with its table; else at a quiet hour, under an exception"}
	createIndex = Rule{"create-index", "nobody writes the table until the index is built",
		"CREATE INDEX CONCURRENTLY name ON TABLE (…); on a partitioned table ON ONLY, CONCURRENTLY on each partition, and ATTACH PARTITION"}
	invalidIndex = Rule{"invalid-index", "an index that could not be built stays behind, invalid; IF NOT EXISTS finds it there and goes on, and nothing ever uses it",
		"DROP INDEX CONCURRENTLY IF EXISTS name; CREATE INDEX CONCURRENTLY name ON TABLE (…)"}
	dropIndex = Rule{"drop-index", "it waits for every transaction that uses the table, and nobody reads or writes it meanwhile",
		"DROP INDEX CONCURRENTLY name"}
	reindexRule = Rule{"reindex", "nobody writes the table until the index is built, and most do not read it",
		"REINDEX INDEX CONCURRENTLY name"}
	concurrently = Rule{"concurrently-in-transaction", "PostgreSQL refuses CONCURRENTLY and VACUUM inside a transaction",
		"put it into a migration of its own that runs without one"}
	severalLocks = Rule{"locks-in-one-transaction", "the first lock is held until the last statement has ended: the table stays closed for the time of all of them, and two of these transactions can wait for each other",
		"end the transaction after each statement that locks a table"}
	truncateRule = Rule{"truncate", "nobody reads or writes the table until the transaction ends, and its rows are gone for the version that still runs",
		"DELETE … WHERE in batches"}
	rewriteAll = Rule{"vacuum-full", "PostgreSQL writes the whole table anew, and nobody reads or writes it meanwhile",
		"VACUUM without FULL; or pg_repack"}
	lockTable = Rule{"lock-table", "it keeps writers out, and some modes readers, until the transaction ends",
		"let each statement take the lock it needs"}
	changeAllRows = Rule{"change-all-rows", "every row stays locked until the end of the one long transaction, and the table grows to twice its size",
		"UPDATE TABLE SET … WHERE id BETWEEN … AND … AND COLUMN IS NULL, in a transaction for each few thousand rows"}
	refreshView = Rule{"refresh-view", "nobody reads the view until it is filled",
		"CREATE UNIQUE INDEX on it once, then REFRESH MATERIALIZED VIEW CONCURRENTLY name"}
	detachPartition = Rule{"detach-partition", "nobody reads or writes the partitioned table, or any of its partitions, until it is done, and it waits for every transaction that does",
		"ALTER TABLE TABLE DETACH PARTITION name CONCURRENTLY"}
	enumValue = Rule{"enum-value", "the version that still runs reads a value it does not know",
		"release a version that knows the value first; then add it under an exception"}
	liftsLimits = Rule{"lifts-limits", "lock_timeout and statement_timeout keep a migration from closing a table for as long as somebody else's transaction lasts",
		"change lockSeconds or statementSeconds of the service's migration, in its entry"}
	unseenCode = Rule{"unseen-code", "what a DO block runs is not checked",
		"write the statements themselves"}
	exception = Rule{"exception", "one is written in a way that is not understood, or the statement after it does not break its rule",
		"-- peakline:allow RULE until 2027-01-31 because REASON"}
)

// rules is the list for the help and the documentation.
var rules = []Rule{dropTable, dropColumn, dropConstraint, dropObject, renameAny, addRequiredColumn, rewriteTable, changeType, setNotNull,
	addCheck, addForeignKey, addUnique, addExclusion, createIndex, invalidIndex, dropIndex, reindexRule, concurrently, severalLocks, truncateRule,
	rewriteAll, lockTable, changeAllRows, refreshView, detachPartition, enumValue, liftsLimits, unseenCode, exception}

// match is a rule that a statement breaks; At is where, or 0 for the whole statement.
type match struct {
	rule Rule
	at   int
}

// history is what the statements before have done.
type history struct {
	created map[string]bool // tables of this file: nobody uses them yet
	dropped map[string]bool // indexes that this file has dropped
	// checked are the columns that a constraint keeps from being null, by table and name of the constraint; proven the validated ones.
	checked, proven map[string]map[string]string
	transaction     bool
	locked          bool // by a statement before, in this transaction
}

func newHistory() *history {
	return &history{checked: map[string]map[string]string{}, proven: map[string]map[string]string{}}
}

// judge finds the rules that a statement breaks.
func (h *history) judge(n node) (found []match) {
	add := func(rule Rule) { found = append(found, match{rule: rule}) }
	heavy, long := false, false
	switch {
	case n.Transaction != nil:
		switch n.Transaction.Kind {
		case "TRANS_STMT_BEGIN", "TRANS_STMT_START":
			h.transaction, h.locked = true, false
		case "TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE":
			h.transaction, h.locked = false, false
		}
	case n.AlterTable != nil:
		found, heavy, long = h.alter(n.AlterTable)
	case n.Create != nil:
		h.created[n.Create.Relation.key()] = true
	case n.CreateAs != nil:
		h.created[n.CreateAs.Into.Rel.key()] = true
	case n.Drop != nil:
		found, heavy = h.drop(n.Drop)
	case n.Rename != nil:
		if rule, theirs := renames[n.Rename.Kind]; theirs && !h.created[n.Rename.Relation.key()] {
			add(rule)
			heavy = true
		}
	case n.Index != nil:
		switch {
		case n.Index.Concurrent && h.transaction:
			add(concurrently)
		case n.Index.Concurrent && n.Index.IfNotExists && !h.dropped[n.Index.Name]:
			add(invalidIndex)
		case !n.Index.Concurrent && !h.created[n.Index.Relation.key()]:
			add(createIndex)
			heavy, long = true, true
		}
	case n.Reindex != nil:
		switch {
		case !hasOption(n.Reindex.Params, "concurrently"):
			add(reindexRule)
			heavy, long = true, true
		case h.transaction:
			add(concurrently)
		}
	case n.Truncate != nil:
		if h.anyKnown(relations(n.Truncate.Relations)) {
			add(truncateRule)
			heavy = true
		}
	case n.Vacuum != nil:
		switch {
		case h.transaction:
			add(concurrently)
		case hasOption(n.Vacuum.Options, "full"):
			add(rewriteAll)
		}
	case n.Cluster != nil:
		add(rewriteAll)
		heavy, long = true, true
	case n.Lock != nil:
		if n.Lock.Mode >= shareLock && h.anyKnown(relations(n.Lock.Relations)) {
			add(lockTable)
			heavy = true
		}
	case n.Update != nil:
		long = h.rows(n.Update, add)
	case n.Delete != nil:
		long = h.rows(n.Delete, add)
	case n.RefreshMatView != nil:
		if !n.RefreshMatView.Concurrent && !h.created[n.RefreshMatView.Relation.key()] {
			add(refreshView)
			heavy, long = true, true
		}
	case n.AlterEnum != nil:
		if n.AlterEnum.OldVal != "" {
			add(renameAny)
		} else {
			add(enumValue)
		}
	case n.VariableSet != nil:
		if isLimit(n.VariableSet.Name) || n.VariableSet.Kind == "VAR_RESET_ALL" {
			add(liftsLimits)
		}
	case n.Select != nil:
		if setsLimit(n.Select.TargetList) {
			add(liftsLimits)
		}
	case n.Do != nil:
		add(unseenCode)
	}
	if h.transaction && h.locked && (heavy || long) {
		add(severalLocks)
	}
	h.locked = h.locked || heavy
	return found
}

// shareLock is the first of PostgreSQL's table locks that keeps writers out.
const shareLock = 5

func isLimit(name string) bool {
	return slices.Contains([]string{"lock_timeout", "statement_timeout", "transaction_timeout"}, strings.ToLower(name))
}

// setsLimit tells whether a SELECT calls set_config for one of the limits.
func setsLimit(targets []item) bool {
	for _, target := range targets {
		if target.Result == nil || target.Result.Value.Call == nil {
			continue
		}
		call := target.Result.Value.Call
		name := call.Name[len(call.Name)-1].String
		if name != nil && name.Value == "set_config" && len(call.Arguments) > 0 && call.Arguments[0].Constant != nil && isLimit(call.Arguments[0].Constant.Text.Value) {
			return true
		}
	}
	return false
}

func (h *history) anyKnown(tables []relation) bool {
	return slices.ContainsFunc(tables, func(table relation) bool { return !h.created[table.key()] })
}

func (h *history) rows(change *changeRows, add func(Rule)) (long bool) {
	if h.created[change.Relation.key()] {
		return false
	}
	if len(change.Where) == 0 {
		add(changeAllRows)
	}
	return true
}

// renames are the kinds of names that statements of a service know; those of indexes and constraints are nobody's.
var renames = map[string]Rule{
	"OBJECT_TABLE": renameAny, "OBJECT_COLUMN": renameAny, "OBJECT_VIEW": renameAny, "OBJECT_MATVIEW": renameAny, "OBJECT_SCHEMA": renameAny,
	"OBJECT_SEQUENCE": renameAny, "OBJECT_TYPE": renameAny, "OBJECT_DOMAIN": renameAny, "OBJECT_ATTRIBUTE": renameAny,
	"OBJECT_FUNCTION": renameAny, "OBJECT_PROCEDURE": renameAny,
}

var drops = map[string]Rule{
	"OBJECT_TABLE": dropTable, "OBJECT_SCHEMA": dropObject, "OBJECT_TYPE": dropObject, "OBJECT_DOMAIN": dropObject, "OBJECT_VIEW": dropObject,
	"OBJECT_MATVIEW": dropObject, "OBJECT_SEQUENCE": dropObject, "OBJECT_FUNCTION": dropObject, "OBJECT_PROCEDURE": dropObject,
}

func (h *history) drop(d *drop) (found []match, heavy bool) {
	tables := relations(d.Objects)
	if d.Kind == "OBJECT_INDEX" {
		for _, one := range tables {
			h.dropped[one.RelName] = true
		}
		switch {
		case !d.Concurrent:
			return []match{{rule: dropIndex}}, true
		case h.transaction:
			return []match{{rule: concurrently}}, false
		}
		return nil, false
	}
	rule, theirs := drops[d.Kind]
	if !theirs || len(tables) > 0 && !h.anyKnown(tables) {
		return nil, false
	}
	return []match{{rule: rule}}, true
}

// alter judges an ALTER TABLE. Almost all of them take the strongest lock for a moment; long are those that keep it.
func (h *history) alter(a *alterTable) (found []match, heavy, long bool) {
	table := a.Relation.key()
	if h.created[table] || a.Kind == "OBJECT_INDEX" {
		return nil, false, false
	}
	for _, one := range a.Commands {
		c := one.Command
		add := func(rule Rule, at int) { found = append(found, match{rule, at}) }
		switch c.Subtype {
		case "AT_ValidateConstraint":
			long = true
			if len(a.Commands) > 1 {
				add(severalLocks, 0) // the other commands' lock is held meanwhile
			}
			if column, known := h.checked[table][c.Name]; known {
				put(h.proven, table, c.Name, column)
			}
			continue // takes a lock that lets everybody read and write
		case "AT_SetStatistics", "AT_SetOptions", "AT_ResetOptions", "AT_SetRelOptions", "AT_ResetRelOptions", "AT_ClusterOn", "AT_DropCluster", "AT_AttachPartition":
			continue // likewise
		case "AT_DetachPartition":
			if partition := c.Definition.Partition; partition != nil && partition.Concurrent {
				if h.transaction {
					add(concurrently, 0)
				}
				continue
			}
			add(detachPartition, 0)
		case "AT_AddColumn":
			if c.Definition.Column != nil {
				for _, m := range addColumn(c.Definition.Column) {
					add(m.rule, m.at)
				}
			}
		case "AT_DropColumn":
			add(dropColumn, 0)
		case "AT_DropConstraint":
			if _, known := h.checked[table][c.Name]; !known {
				add(dropConstraint, 0)
			}
			delete(h.checked[table], c.Name)
			delete(h.proven[table], c.Name)
		case "AT_AlterColumnType":
			at := 0
			if c.Definition.Column != nil {
				at = c.Definition.Column.Location
			}
			add(changeType, at)
		case "AT_SetNotNull":
			if !h.isProven(table, c.Name) {
				add(setNotNull, 0)
			}
		case "AT_AddConstraint":
			if c.Definition.Constraint == nil {
				continue
			}
			if rule, broken := tableConstraints(*c.Definition.Constraint); broken {
				add(rule, c.Definition.Constraint.Location)
			}
			if column := notNull(c.Definition.Constraint.Expression); column != "" {
				put(h.checked, table, c.Definition.Constraint.Name, column)
				if !c.Definition.Constraint.SkipValidation {
					put(h.proven, table, c.Definition.Constraint.Name, column)
				}
			}
		case "AT_SetLogged", "AT_SetUnLogged", "AT_SetTableSpace", "AT_SetAccessMethod", "AT_SetExpression":
			add(rewriteTable, 0)
		}
		heavy = true
	}
	return found, heavy, long || len(found) > 0
}

func put(in map[string]map[string]string, table, name, column string) {
	if in[table] == nil {
		in[table] = map[string]string{}
	}
	in[table][name] = column
}

func (h *history) isProven(table, column string) bool {
	for _, proven := range h.proven[table] {
		if proven == column {
			return true
		}
	}
	return false
}

// tableConstraints tells which rule a new constraint of a table breaks.
func tableConstraints(c constraint) (Rule, bool) {
	switch c.Kind {
	case "CONSTR_CHECK":
		return addCheck, !c.SkipValidation
	case "CONSTR_FOREIGN":
		return addForeignKey, !c.SkipValidation
	case "CONSTR_UNIQUE", "CONSTR_PRIMARY":
		return addUnique, c.Index == ""
	case "CONSTR_EXCLUSION":
		return addExclusion, true
	}
	return Rule{}, false
}

// addColumn judges a new column and the constraints that it comes with.
func addColumn(c *column) (found []match) {
	required, filled := false, false
	add := func(rule Rule, at int) { found = append(found, match{rule, at}) }
	if strings.HasSuffix(c.Type.last(), "serial") {
		filled = true
		add(rewriteTable, c.Location)
	}
	for _, one := range c.Constraints {
		switch of := one.Constraint; of.Kind {
		case "CONSTR_NOTNULL":
			required = true
		case "CONSTR_DEFAULT":
			filled = !strings.HasPrefix(string(of.Expression), `{"A_Const":{"isnull":true`)
			if !isStable(of.Expression) {
				add(rewriteTable, of.Location)
			}
		case "CONSTR_IDENTITY", "CONSTR_GENERATED":
			filled = true
			add(rewriteTable, of.Location)
		case "CONSTR_FOREIGN":
			add(addForeignKey, of.Location)
		default:
			if rule, broken := tableConstraints(of); broken {
				add(rule, of.Location)
			}
		}
	}
	if required && !filled {
		add(addRequiredColumn, c.Location)
	}
	return found
}

// stable are functions without an own value for each row.
// https://www.postgresql.org/docs/current/xfunc-volatility.html
var stable = []string{"now", "transaction_timestamp", "statement_timestamp", "current_database", "current_schema", "current_setting", "version",
	"date_trunc", "lower", "upper", "make_date", "make_interval", "make_timestamptz", "jsonb_build_object", "jsonb_build_array", "to_timestamp"}

var call = regexp.MustCompile(`"FuncCall":\{"funcname":\[(?:\{"String":\{"sval":"pg_catalog"\}\},)?\{"String":\{"sval":"([^"]*)"\}\}\]`)

// isStable tells whether a default is the same for every row, so that PostgreSQL keeps it beside the table. A function that is
// not known may not be.
func isStable(expression json.RawMessage) bool {
	calls := strings.Count(string(expression), `"FuncCall"`)
	known := call.FindAllStringSubmatch(string(expression), -1)
	return len(known) == calls && !slices.ContainsFunc(known, func(one []string) bool { return !slices.Contains(stable, one[1]) })
}

var isNotNull = regexp.MustCompile(`^\{"NullTest":\{"arg":\{"ColumnRef":\{"fields":\[\{"String":\{"sval":"([^"]*)"\}\}\](?:,"location":\d+)?\}\},"nulltesttype":"IS_NOT_NULL"`)

// notNull is the column of CHECK (column IS NOT NULL), else empty.
func notNull(expression json.RawMessage) string {
	if found := isNotNull.FindStringSubmatch(string(expression)); found != nil {
		return found[1]
	}
	return ""
}
