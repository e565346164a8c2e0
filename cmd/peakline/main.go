// Command peakline is the operator's tool: one subcommand per capability.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/diff"
	"peakline/cmd/peakline/internal/edge"
	"peakline/cmd/peakline/internal/flags"
	"peakline/cmd/peakline/internal/image"
	"peakline/cmd/peakline/internal/migrations"
	"peakline/cmd/peakline/internal/release"
	"peakline/cmd/peakline/internal/replay"
	"peakline/cmd/peakline/internal/scaler"
)

// subcommands is the table of what peakline can do, in the order of its help.
var subcommands = []func() *cli.Command{
	decideCommand,
	func() *cli.Command { return replay.Command(readPolicy) },
	scaler.Command,
	flags.Command,
	release.Command,
	migrations.Command,
	image.Command,
	diff.Command,
	edge.Command,
}

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := root().Run(ctx, os.Args)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "peakline:", err)
	if errors.Is(err, syscall.ECONNREFUSED) {
		fmt.Fprintln(os.Stderr, "Nothing listens there. make up starts the emulated account.")
	}
	return exitCode(err)
}

func root() *cli.Command {
	cli.ShowCommandHelp = showCommandHelp
	command := &cli.Command{
		Name:  "peakline",
		Usage: "operate a Peakline platform",
		Description: "Every command explains itself with --help.\n\n" +
			"Exit code 0: done. 3: what image, diff or migrations looked at must not pass as it is. 1: everything else that went\n" +
			"wrong, how the command was called included. (go run turns a 3 into a 1.)",
		// Errors are printed once, by main.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	for _, build := range subcommands {
		command.Commands = append(command.Commands, build())
	}
	explainUsage(command)
	return command
}

// explainUsage lets wrong usage of a command, or of those below it, end with one line instead of a page of help around it.
func explainUsage(command *cli.Command) {
	command.OnUsageError = func(_ context.Context, command *cli.Command, err error, _ bool) error {
		// The flags behind a misspelt command look like those of what is above it.
		if name := command.Args().First(); name != "" && len(command.Commands) > 0 && command.Command(name) == nil {
			return noCommand(command, name)
		}
		return fmt.Errorf("%w; see %s --help", err, command.FullName())
	}
	for _, one := range command.Commands {
		explainUsage(one)
	}
}

// showCommandHelp is also asked for the help of what is no command, at any level: that is wrong usage.
func showCommandHelp(ctx context.Context, command *cli.Command, name string) error {
	if command.Command(name) != nil {
		return cli.DefaultShowCommandHelp(ctx, command, name)
	}
	return noCommand(command, name)
}

// noCommand says which commands there are.
func noCommand(command *cli.Command, name string) error {
	var names []string
	for _, one := range command.VisibleCommands() {
		if one.Name != "help" {
			names = append(names, one.Name)
		}
	}
	return fmt.Errorf("%s has no command %s, want one of %s", command.FullName(), name, strings.Join(names, ", "))
}

// exitCode is the code that an error asks for through cli.Exit, else 1.
func exitCode(err error) int {
	var coder cli.ExitCoder
	if errors.As(err, &coder) {
		return coder.ExitCode()
	}
	return 1
}
