package migrations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v3"
)

var today = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// names are the rules that SQL breaks without an exception, each once, in their order.
func names(t *testing.T, sql string, options Options) (broken []string) {
	t.Helper()
	options.Today = today
	found, err := newHistory().lint("one.sql", sql, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		if one.Allowed == "" && !slices.Contains(broken, one.Rule) {
			broken = append(broken, one.Rule)
		}
	}
	return broken
}

func TestLint(t *testing.T) {
	for name, c := range map[string]struct {
		sql  string
		want []string
		in   bool
	}{
		"nothing":                          {sql: ""},
		"an expansion":                     {sql: "CREATE TABLE a (id bigint PRIMARY KEY, b int NOT NULL REFERENCES c); ALTER TABLE x ADD COLUMN y text;"},
		"a table of this file is nobody's": {sql: "CREATE TABLE a (id int); CREATE INDEX i ON a (id); ALTER TABLE a ADD CHECK (id > 0); INSERT INTO a VALUES (1); UPDATE a SET id = 2; TRUNCATE a; ALTER TABLE a RENAME TO b"},
		"one with a schema is another":     {sql: "CREATE TABLE s.a (id int); CREATE INDEX i ON a (id)", want: []string{"create-index"}},
		"several in one command":           {sql: "ALTER TABLE a DROP COLUMN b, ADD COLUMN c int NOT NULL", want: []string{"drop-column", "add-required-column"}},
		"a default of null fills nothing":  {sql: "ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT NULL", want: []string{"add-required-column"}},
		"defaults that are the same":       {sql: "ALTER TABLE a ADD b timestamptz DEFAULT CURRENT_TIMESTAMP, ADD c jsonb NOT NULL DEFAULT '{}'::jsonb, ADD d text DEFAULT upper('x')"},
		"a default that may differ":        {sql: "ALTER TABLE a ADD b text DEFAULT ours()", want: []string{"rewrite-table"}},
		"one hidden in another":            {sql: "ALTER TABLE a ADD b text DEFAULT upper(random()::text)", want: []string{"rewrite-table"}},
		"the default of a column":          {sql: "ALTER TABLE a ALTER b SET DEFAULT random()"},
		"a check that is not validated":    {sql: "ALTER TABLE a ADD CONSTRAINT n CHECK (b IS NOT NULL) NOT VALID; ALTER TABLE a ALTER b SET NOT NULL", want: []string{"set-not-null"}},
		"a check of another column":        {sql: "ALTER TABLE a ADD CONSTRAINT n CHECK (c IS NOT NULL) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT n; ALTER TABLE a ALTER b SET NOT NULL", want: []string{"set-not-null"}},
		"a check that is gone":             {sql: "ALTER TABLE a ADD CONSTRAINT n CHECK (b IS NOT NULL) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT n; ALTER TABLE a DROP CONSTRAINT n; ALTER TABLE a ALTER b SET NOT NULL", want: []string{"set-not-null"}},
		"validated in the same command":    {sql: "ALTER TABLE a ADD CONSTRAINT n CHECK (b > 0) NOT VALID, VALIDATE CONSTRAINT n", want: []string{"locks-in-one-transaction"}},
		"validated in one transaction":     {sql: "BEGIN; ALTER TABLE a ADD CONSTRAINT n CHECK (b > 0) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT n; COMMIT", want: []string{"locks-in-one-transaction"}},
		"a transaction each":               {sql: "BEGIN; ALTER TABLE a ADD b int; COMMIT; BEGIN; ALTER TABLE c ADD d int; END"},
		"the tool's transaction":           {sql: "ALTER TABLE a ADD b int; ALTER TABLE c ADD d int", in: true, want: []string{"locks-in-one-transaction"}},
		"concurrently in the tool's":       {sql: "CREATE INDEX CONCURRENTLY i ON a (b)", in: true, want: []string{"concurrently-in-transaction"}},
		"a row of many":                    {sql: "DELETE FROM a WHERE id = 1; UPDATE a SET b = 1 WHERE b IS NULL"},
		"all rows":                         {sql: "DELETE FROM a", want: []string{"change-all-rows"}},
		"what nobody's statements name":    {sql: "ALTER INDEX i RENAME TO j; ALTER TABLE a RENAME CONSTRAINT b TO c; DROP TRIGGER t ON a"},
		"limits":                           {sql: "SET LOCAL lock_timeout = 0; RESET statement_timeout; SELECT pg_catalog.set_config('lock_timeout', '0', false); RESET ALL", want: []string{"lifts-limits"}},
		"another setting":                  {sql: "SET work_mem = '64MB'; SELECT set_config('work_mem', '1MB', true); SELECT 1"},
		"what is not seen":                 {sql: "DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$", want: []string{"unseen-code"}},
		"text is no statement":             {sql: "INSERT INTO a VALUES ('; DROP TABLE a; -- peakline:allow x')"},
		"enum":                             {sql: "ALTER TYPE a ADD VALUE 'b'", want: []string{"enum-value"}},
		"vacuum":                           {sql: "VACUUM (FULL) a", want: []string{"vacuum-full"}},
		"an exception": {sql: `-- The column is gone from the code since 1.4.
-- peakline:allow drop-column until 2027-01-31 because no version since 1.4 reads it
ALTER TABLE a DROP COLUMN b;`},
		"an exception on its last day": {sql: "-- peakline:allow truncate until 2026-11-27 because the table is empty\nTRUNCATE a"},
		"an exception that has ended":  {sql: "-- peakline:allow truncate until 2026-11-26 because the table is empty\nTRUNCATE a", want: []string{"truncate"}},
		"an exception of another rule": {sql: "-- peakline:allow drop-table until 2027-01-31 because\nTRUNCATE a", want: []string{"exception", "truncate"}},
		"an exception for nothing":     {sql: "-- peakline:allow truncate until 2027-01-31 because it is empty\nSELECT 1", want: []string{"exception"}},
		"an exception at the end":      {sql: "TRUNCATE a;\n-- peakline:allow truncate until 2027-01-31 because it is empty\n", want: []string{"truncate", "exception"}},
		"an exception without reason":  {sql: "-- peakline:allow truncate until 2027-01-31\nTRUNCATE a", want: []string{"exception", "truncate"}},
		"an exception without a rule":  {sql: "-- peakline:allow all until 2027-01-31 because we can\nTRUNCATE a", want: []string{"exception", "truncate"}},
		"an exception on no day":       {sql: "-- peakline:allow truncate until 2027-02-31 because it is empty\nTRUNCATE a", want: []string{"exception", "truncate"}},
		"an exception in a block":      {sql: "/* outer /* inner */ */ /* peakline:allow truncate until 2027-01-31 because it is empty */ TRUNCATE a"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := names(t, c.sql, Options{Transaction: c.in}); !slices.Equal(got, c.want) {
				t.Errorf("the linter finds %v, want %v", got, c.want)
			}
		})
	}
}

func TestEveryRuleIsBroken(t *testing.T) {
	tested := []string{exception.Name, concurrently.Name, severalLocks.Name, invalidIndex.Name, enumValue.Name, liftsLimits.Name, unseenCode.Name} // in this file
	for _, one := range claims {
		tested = append(tested, one.rule.Name)
	}
	for _, rule := range rules {
		if !slices.Contains(tested, rule.Name) {
			t.Errorf("nothing breaks %s", rule.Name)
		}
	}
}

func TestEveryRuleIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "migrations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| rule | what happens | instead |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want strings.Builder
	for _, rule := range rules {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", rule.Name, rule.Why, rule.Instead)
	}
	if table+"\n" != want.String() {
		t.Errorf("the table of docs/migrations.md is\n%s\nwant\n%s", table, &want)
	}
}

func TestAnExceptionThatFailsSaysWhy(t *testing.T) {
	for sql, want := range map[string]string{
		"-- peakline:allow truncate until 2027-01-31\nTRUNCATE a":                                 "it lacks its rule, its last day or its reason",
		"-- peakline:allow all until 2027-01-31 because we can\nTRUNCATE a":                       "there is no rule all that it could be for",
		"-- peakline:allow truncate until 2027-02-31 because it is empty\nTRUNCATE a":             "2027-02-31 is no day of the calendar",
		"-- peakline:allow truncate until 2027-01-31 because it is empty\nSELECT 1":               "the statement after it does not break truncate",
		"TRUNCATE a;\n-- peakline:allow truncate until 2027-01-31 because it is empty\n":          "no statement comes after it",
		"-- peakline:allow truncate until 2026-11-26 because the table is empty\nTRUNCATE a":      "; the exception has ended on 2026-11-26",
		"-- peakline:allow exception until 2027-01-31 because nobody reads this\nSELECT 1, 2 + 3": "there is no rule exception that it could be for",
	} {
		found, err := newHistory().lint("one.sql", sql, Options{Today: today})
		if err != nil || !slices.ContainsFunc(found, func(one Finding) bool { return strings.HasSuffix(one.Why, want) }) {
			t.Errorf("%s\nis told as %+v, %v, want %q", sql, found, err, want)
		}
	}
}

func TestPlacesAreCountedInCharacters(t *testing.T) {
	found, err := newHistory().lint("one.sql", "SELECT 'äöü';\n\n  /* ß */ ALTER TABLE ä ADD COLUMN b int, ADD COLUMN c int NOT NULL;", Options{Today: today})
	if err != nil || len(found) != 1 || found[0].Line != 3 || found[0].Column != 54 {
		t.Errorf("found %+v, %v", found, err)
	}
	_, err = newHistory().lint("one.sql", "SELECT 'äöü';\nSELEC 1", Options{})
	if err == nil || !strings.HasPrefix(err.Error(), `one.sql:2:1: PostgreSQL cannot read it: syntax error at or near "SELEC"`) {
		t.Errorf("no SQL is told as %v", err)
	}
}

func TestAConstraintOfAFileBeforeCounts(t *testing.T) {
	folder := t.TempDir()
	for name, sql := range map[string]string{
		"1.sql": "ALTER TABLE a ADD CONSTRAINT n CHECK (b IS NOT NULL) NOT VALID; ALTER TABLE a VALIDATE CONSTRAINT n; CREATE TABLE c (id int);",
		"2.sql": "ALTER TABLE a ALTER b SET NOT NULL; CREATE INDEX i ON c (id);", // c is in use by now
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := lintPath(folder, Options{Today: today})
	if err != nil || len(found) != 1 || found[0].Rule != createIndex.Name {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestCommand(t *testing.T) {
	folder := t.TempDir()
	write := func(name, sql string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(sql), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad, wrong := write("good.sql", "SELECT 1"), write("bad.sql", "DROP TABLE a;\n-- peakline:allow truncate until 2999-01-01 because it is empty\nTRUNCATE a"), write("wrong.txt", "SELEC 1")
	for name, c := range map[string]struct {
		arguments []string
		code      int
		says      string
	}{
		"nothing wrong":  {[]string{good}, 0, "No statement"},
		"something":      {[]string{good, bad}, exitBroken, "bad.sql:1:1: drop-table"},
		"a folder":       {[]string{folder}, exitBroken, "allowed because it is empty"},
		"no SQL":         {[]string{wrong}, 1, ""},
		"no SQL before":  {[]string{wrong, bad}, 1, "bad.sql:1:1: drop-table"},
		"no file before": {[]string{filepath.Join(folder, "none"), bad}, 1, "bad.sql:1:1: drop-table"},
		"no file":        {[]string{filepath.Join(folder, "none")}, 1, ""},
		"no argument":    {nil, 1, ""},
		"another format": {[]string{"-format", "xml", good}, 1, ""},
		"json":           {[]string{"-format", "json", good}, 0, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			root := &cli.Command{Name: "peakline", Writer: &out, ErrWriter: &out, Commands: []*cli.Command{Command()}, ExitErrHandler: func(context.Context, *cli.Command, error) {}}
			err := root.Run(t.Context(), append([]string{"peakline", "migrations", "lint"}, c.arguments...))
			code := 0
			var exit cli.ExitCoder
			switch {
			case errors.As(err, &exit):
				code = exit.ExitCode()
			case err != nil:
				code = 1
			}
			if code == 1 && strings.Contains(out.String(), "No statement") {
				t.Errorf("says that all is well beside %v", err)
			}
			if code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("code %d (%v), want %d, and says %q", code, err, c.code, out.String())
			}
			if strings.Contains(strings.Join(c.arguments, " "), "json") {
				var read []Finding
				if err := json.Unmarshal(out.Bytes(), &read); err != nil {
					t.Errorf("no JSON: %v", err)
				}
			}
		})
	}
}

func FuzzLint(f *testing.F) {
	for _, one := range claims {
		f.Add(one.bad, true)
		f.Add("-- peakline:allow "+one.rule.Name+" until 2027-01-31 because x\n"+strings.Join(one.instead, ";\n"), false)
	}
	f.Add("/* /* */ SELECT 'ä' -- ;", false)
	f.Fuzz(func(t *testing.T, sql string, transaction bool) {
		found, err := newHistory().lint("one.sql", sql, Options{Transaction: transaction, Today: today})
		if err != nil && len(found) > 0 {
			t.Errorf("findings beside %v", err)
		}
		lines := strings.Split(sql, "\n")
		for _, one := range found {
			if one.Line < 1 || one.Line > len(lines) || one.Column < 1 || one.Column > len(lines[one.Line-1])+1 || one.Rule == "" {
				t.Errorf("%+v is nowhere in %q", one, sql)
			}
		}
	})
}
