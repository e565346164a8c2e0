// Package migrations is the subcommand `peakline migrations lint`: it reads the SQL of migrations as PostgreSQL does, and finds
// what closes a table for visitors, or breaks the version that still runs.
package migrations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
)

// exitBroken is the exit code when a rule is broken without an exception.
const exitBroken = 3

var formats = map[string]func(io.Writer, []Finding) error{"table": writeTable, "json": writeJSON}

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "migrations",
		Usage: "look at the SQL of migrations before it meets the database",
		Commands: []*cli.Command{{
			Name:      "lint",
			Usage:     "find what closes a table for visitors, or breaks the version that still runs",
			ArgsUsage: "DIR|FILE...",
			Description: "Every *.sql of a DIR is read, in the order of the names, as PostgreSQL 17 reads it. The rules:\n\n  " + strings.Join(ruleNames(), "\n  ") +
				"\n\nAn exception stands in a comment before its statement, and ends with its day:\n\n" +
				"  -- peakline:allow drop-column until 2027-01-31 because no version since 1.4 reads it\n  ALTER TABLE orders DROP COLUMN note;\n\n" +
				"Exit code 0: nothing without an exception. 3: something is. 1: a file cannot be read, or is no SQL.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "transaction", Usage: "the tool that runs them wraps each file in a transaction"},
				&cli.StringFlag{Name: "format", Value: "table", Usage: "table or json"},
			},
			Action: func(_ context.Context, command *cli.Command) error { return run(command, time.Now()) },
		}},
	}
}

func ruleNames() (names []string) {
	for _, rule := range rules {
		names = append(names, rule.Name)
	}
	return names
}

func run(command *cli.Command, now time.Time) error {
	write, ok := formats[command.String("format")]
	if !ok {
		return fmt.Errorf("-format %s: want one of %s", command.String("format"), strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	if !command.Args().Present() {
		return errors.New("name the folders or files with the migrations, for example: peakline migrations lint db/migrations")
	}
	var found []Finding
	for _, path := range command.Args().Slice() {
		of, err := lintPath(path, Options{Transaction: command.Bool("transaction"), Today: now})
		if err != nil {
			return err
		}
		found = append(found, of...)
	}
	if err := write(command.Root().Writer, found); err != nil {
		return err
	}
	broken := 0
	for _, one := range found {
		if one.Allowed == "" {
			broken++
		}
	}
	if broken > 0 {
		return cli.Exit(fmt.Sprintf("findings without an exception: %d; write the statements as the report says, or give an exception with a reason and a last day", broken), exitBroken)
	}
	return nil
}

// lintPath lints a file, or the files of a folder one after the other, and tells all the files that are no SQL at once.
func lintPath(path string, options Options) (found []Finding, err error) {
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (file == path || strings.EqualFold(filepath.Ext(file), ".sql")) {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for migrations: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("look for migrations: %s has no *.sql", path)
	}
	seen := newHistory()
	var unread []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the migration: %w", err)
		}
		of, err := seen.lint(file, string(text), options)
		if err != nil {
			unread = append(unread, err)
		}
		found = append(found, of...)
	}
	return found, errors.Join(unread...)
}

func writeTable(out io.Writer, found []Finding) error {
	for _, one := range found {
		note := ""
		if one.Allowed != "" {
			note = "\n  allowed because " + one.Allowed
		}
		if _, err := fmt.Fprintf(out, "%s:%d:%d: %s%s\n  %s\n  instead: %s\n", one.File, one.Line, one.Column, one.Rule, note, one.Why, one.Instead); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		_, err := fmt.Fprintln(out, "No statement closes a table or breaks the version that still runs.")
		return err
	}
	return nil
}

func writeJSON(out io.Writer, found []Finding) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(append([]Finding{}, found...))
}
