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
				"Exit code 0: nothing without an exception. 3: something is. 1: a file cannot be read, or is no SQL; the others are linted.",
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
	var unread error
	for _, path := range command.Args().Slice() {
		of, err := lintPath(path, Options{Transaction: command.Bool("transaction"), Today: now})
		found, unread = append(found, of...), errors.Join(unread, err)
	}
	if unread == nil || len(found) > 0 {
		if err := write(command.Root().Writer, found); err != nil {
			return err
		}
	}
	if unread != nil {
		return unread
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

// lintPath lints a file, or the files of a folder one after the other. What cannot be read is told beside what is found in the rest.
func lintPath(path string, options Options) (found []Finding, unread error) {
	var files []string
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			unread = errors.Join(unread, err)
		} else if !entry.IsDir() && (file == path || strings.EqualFold(filepath.Ext(file), ".sql")) {
			files = append(files, file)
		}
		return nil
	})
	if err == nil && unread == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no *.sql", path)
	}
	unread = errors.Join(unread, err)
	seen := newHistory()
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			var of []Finding
			of, err = seen.lint(file, string(text), options)
			found = append(found, of...)
		}
		unread = errors.Join(unread, err)
	}
	return found, unread
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
