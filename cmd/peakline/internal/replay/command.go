// Package replay is the subcommand `peakline replay`: the scaler against its rivals on recorded or synthetic traffic.
// It owns the flags and the reports; the simulated cluster and the policies are in package simulator.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/simulator"
	"peakline/lambda/decision"
)

// formats are the reports, by name.
var formats = map[string]func(io.Writer, []Replay) error{
	"table": writeTable,
	"json":  writeJSON,
	"svg":   writeChart,
}

// Replay is one trace with everything that was run on it.
type Replay struct {
	simulator.Experiment
	Sweeps []simulator.Sweep
}

// Command builds the subcommand. The policy file is read by the function that `peakline decide` reads it with.
func Command(readPolicy func(file string) (decision.Policy, error)) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "play traffic through the scaler and its rivals, and compare service and cost",
		UsageText: "peakline replay -trace FILE|NAME [-trace ...] [-peak RPS] [-plant FILE.yaml] [-format table|json|svg]",
		Description: "A trace is a CSV file (header, then timestamp and number), the JSON that aws cloudwatch\n" +
			"get-metric-data or get-metric-statistics prints, or a built-in name:\n" + scenarioHelp(),
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "trace", Usage: "traffic `FILE` or built-in name; repeatable", Required: true},
			&cli.FloatFlag{Name: "peak", Value: 12400, Usage: "scale the highest minute to `RPS` requests/s; 0 keeps the trace's own numbers"},
			&cli.StringFlag{Name: "plant", Usage: "YAML `FILE` with what differs from the default cluster"},
			&cli.StringFlag{Name: "policy", Usage: "the scaler's policy as YAML or JSON `FILE`; what it leaves out is as shipped"},
			&cli.StringSliceFlag{Name: "floor", Usage: "known sale `FROM/UNTIL=READERS`, for every policy alike; repeatable"},
			&cli.StringSliceFlag{Name: "only", Usage: "replay only the `POLICY` of this name; repeatable"},
			&cli.IntFlag{Name: "seeds", Value: 5, Usage: "replay everything `N` times with different luck"},
			&cli.StringFlag{Name: "format", Value: "table", Usage: "table, json or svg"},
			&cli.StringFlag{Name: "output", Usage: "write to `FILE` instead of the terminal"},
			&cli.BoolFlag{Name: "bar", Usage: "judge one setting over all traces, worst seed, instead of each trace by itself"},
		},
		Action: func(ctx context.Context, command *cli.Command) error { return run(ctx, command, readPolicy) },
	}
}

func scenarioHelp() string {
	var lines strings.Builder
	for _, s := range simulator.Scenarios() {
		fmt.Fprintf(&lines, "  %-20s %s\n", s.Name, s.About)
	}
	return lines.String()
}

func run(ctx context.Context, command *cli.Command, readPolicy func(string) (decision.Policy, error)) error {
	write, err := report(command)
	if err != nil {
		return err
	}
	experiments, err := experiments(command, readPolicy)
	if err != nil {
		return err
	}
	policies, err := policies(command.StringSlice("only"))
	if err != nil {
		return err
	}
	var replays []Replay
	for n, e := range experiments {
		bar := newProgress(os.Stderr, fmt.Sprintf("%s (%d of %d)", e.Trace.Name, n+1, len(experiments)))
		sweeps, err := e.Sweep(ctx, policies, bar.tell)
		bar.done()
		if err != nil {
			return fmt.Errorf("replay %s: %w", e.Trace.Name, err)
		}
		replays = append(replays, Replay{e, sweeps})
	}
	out := command.Root().Writer
	if path := command.String("output"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		defer file.Close()
		out = file
	}
	return write(out, replays)
}

// report picks what to write.
func report(command *cli.Command) (func(io.Writer, []Replay) error, error) {
	format := command.String("format")
	write, ok := formats[format]
	switch {
	case !ok:
		return nil, fmt.Errorf("format %q, want table, json or svg", format)
	case command.Bool("bar") && format != "table":
		return nil, fmt.Errorf("format %q with -bar, want table", format)
	case command.Bool("bar"):
		return writeJudgement, nil
	case format == "svg" && len(command.StringSlice("trace")) > 1:
		return nil, fmt.Errorf("format svg with %d traces, want one", len(command.StringSlice("trace")))
	}
	return write, nil
}

func experiments(command *cli.Command, readPolicy func(string) (decision.Policy, error)) ([]simulator.Experiment, error) {
	plant := simulator.DefaultPlant()
	var err error
	if path := command.String("plant"); path != "" {
		if plant, err = simulator.LoadPlant(path); err != nil {
			return nil, err
		}
	}
	policy := decision.ProductionPolicy()
	if path := command.String("policy"); path != "" {
		if policy, err = readPolicy(path); err != nil {
			return nil, err
		}
	}
	var floors []decision.Floor
	for _, text := range command.StringSlice("floor") {
		floor, err := parseFloor(text, plant.Readers.Max)
		if err != nil {
			return nil, err
		}
		floors = append(floors, floor)
	}
	seeds := command.Int("seeds")
	if seeds < 1 || seeds > 1000 {
		return nil, fmt.Errorf("seeds: %d, want 1 to 1000", seeds)
	}
	var all []simulator.Experiment
	for _, name := range command.StringSlice("trace") {
		trace, known, err := loadTrace(name, plant, command.Float("peak"))
		if err != nil {
			return nil, err
		}
		e := simulator.Experiment{Plant: plant, Trace: trace, Policy: policy, Floors: slices.Concat(known, floors)}
		for seed := range seeds {
			e.Seeds = append(e.Seeds, uint64(seed+1))
		}
		all = append(all, e)
	}
	return all, nil
}

// loadTrace finds a built-in trace by its name, else reads a file.
func loadTrace(name string, plant simulator.Plant, peak float64) (simulator.Trace, []decision.Floor, error) {
	for _, s := range simulator.Scenarios() {
		if s.Name == name {
			return s.Build(plant, peak)
		}
	}
	trace, err := simulator.LoadTrace(name)
	if errors.Is(err, fs.ErrNotExist) {
		return trace, nil, fmt.Errorf("trace %q: no such file, nor one of the built-in names:\n%s", name, scenarioHelp())
	}
	if err != nil {
		return trace, nil, err
	}
	trace, err = trace.ScaledTo(peak)
	return trace, nil, err
}

// parseFloor reads FROM/UNTIL=READERS with RFC 3339 times.
func parseFloor(text string, highest int) (decision.Floor, error) {
	span, count, _ := strings.Cut(text, "=")
	first, last, _ := strings.Cut(span, "/")
	from, errFrom := time.Parse(time.RFC3339, first)
	until, errUntil := time.Parse(time.RFC3339, last)
	var readers int
	_, errCount := fmt.Sscanf(count, "%d", &readers)
	if errFrom != nil || errUntil != nil || errCount != nil || !from.Before(until) || readers < 1 || readers > highest {
		return decision.Floor{}, fmt.Errorf(
			"floor %q, want FROM/UNTIL=READERS with 1 to %d readers, such as 2026-11-27T08:00:00Z/2026-11-27T12:00:00Z=10",
			text, highest)
	}
	return decision.Floor{
		Window:  decision.Window{Name: "flag", From: from, Until: until},
		Readers: readers,
		Lead:    decision.Duration{Duration: simulator.FloorLead},
	}, nil
}

func policies(only []string) ([]simulator.Policy, error) {
	all := simulator.Policies()
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("only %q, want one of %s", name, strings.Join(names, ", "))
		}
	}
	return slices.DeleteFunc(all, func(p simulator.Policy) bool {
		return len(only) > 0 && !slices.Contains(only, p.Name)
	}), nil
}
