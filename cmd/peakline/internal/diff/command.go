package diff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
)

// exitDangerous is the exit code when a dangerous change has no waiver.
const exitDangerous = 3

// formats are the reports, by name.
var formats = map[string]func(io.Writer, report) error{
	"table":    writeTable,
	"markdown": writeMarkdown,
	"json":     writeJSON,
}

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "diff",
		Usage: "tell what a deployment would do, by meaning, and stop what is dangerous",
		UsageText: "peakline diff -old DIR -new DIR [-format table|markdown|json]\n" +
			"peakline diff -deployed -new DIR [-format table|markdown|json]",
		Description: "Each DIR is an assembly (cdk.out) or a folder of *.template.json, such as those that\n" +
			"aws cloudformation get-template --query TemplateBody writes. With -deployed the old side is what CloudFormation has, read as\n" +
			"the assembly's lookup roles, which cdk bootstrap makes. Every change gets a class, mildest first:\n\n" + classHelp() +
			"\nFrom refused-by-aws on a change is dangerous and needs a waiver in the environment's file,\n" +
			"with a reason and the day on which it ends:\n\n" +
			"  waivers:\n    - {stack: Database, resource: AuroraCluster23D869C0, class: replaces-stateful,\n" +
			"       reason: Restored from a snapshot into the new cluster, expires: 2026-12-01}\n\n" +
			"Exit code 0: nothing dangerous without a waiver. 3: something is. 1: the templates or files cannot be read.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "old", Usage: "`DIR` with what is deployed"},
			&cli.BoolFlag{Name: "deployed", Usage: "compare with what is deployed where the assembly of -new goes"},
			&cli.StringFlag{Name: "new", Usage: "`DIR` with what would be deployed", Required: true},
			&cli.StringFlag{Name: "profile", Usage: "AWS `PROFILE` for -deployed; default: as the AWS CLI finds it"},
			&cli.StringFlag{Name: "format", Value: "table", Usage: "table, markdown or json"},
			&cli.StringFlag{Name: "environments", Value: account.Environments, Usage: "`DIR` with the environment files, for their waivers"},
		},
		Action: func(ctx context.Context, command *cli.Command) error { return run(ctx, command, time.Now()) },
	}
}

func classHelp() string {
	var lines strings.Builder
	for _, one := range classes[Cosmetic.severity():] {
		fmt.Fprintf(&lines, "  %-19s %s\n", one.class, one.meaning)
	}
	return lines.String()
}

func run(ctx context.Context, command *cli.Command, now time.Time) error {
	write, ok := formats[command.String("format")]
	if !ok {
		return fmt.Errorf("-format %s: want one of %s", command.String("format"), strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	if command.Args().Present() {
		return fmt.Errorf("unexpected argument %q: the two sides are given by -old and -new", command.Args().First())
	}
	if command.Bool("deployed") == command.IsSet("old") {
		return errors.New("want one of -old DIR and -deployed: they say what -new is compared with")
	}
	new, err := read(command.String("new"))
	if err != nil {
		return err
	}
	var old []*stack
	if command.Bool("deployed") {
		old, err = readDeployed(ctx, command.String("profile"), new)
	} else {
		old, err = read(command.String("old"))
	}
	if err != nil {
		return err
	}
	told := report{changes: Compare(old, new)}
	files, err := filesOf(command.String("environments"), slices.Concat(old, new), now)
	if err != nil {
		return err
	}
	told.unused = files.waive(told.changes, now)
	if command.Bool("deployed") && len(old) == 0 {
		first(told.changes)
	}
	told.offers = files.offers(told.changes, now)
	if err := write(command.Root().Writer, told); err != nil {
		return err
	}
	if blocking := Blocking(told.changes); len(blocking) > 0 {
		return cli.Exit(fmt.Sprintf("%d dangerous changes have no waiver, the worst %s: change the templates, or add a waiver with a reason to the environment's file",
			len(blocking), Worst(blocking)), exitDangerous)
	}
	return nil
}

// first lets everything pass where nothing is deployed yet: there is nothing to endanger, and the report says what will be.
func first(changes []Change) {
	for i := range changes {
		if changes[i].Class.Dangerous() && !changes[i].Waived {
			changes[i].Waived = true
			changes[i].Reason += " (the first deployment)"
		}
	}
}
