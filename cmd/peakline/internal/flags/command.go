// Package flags is the subcommand `peakline flags`: the operator's hand on the switches of an environment. What it moves is
// the operator's: neither a deployment nor `flags sync` moves it back.
package flags

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
	"peakline/config"
)

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "flags",
		Usage: "see and move the switches of an environment while its services run",
		UsageText: "peakline flags status -env prod\n" +
			"peakline flags off recommendations -env prod -reason 'the database is full of them'\n" +
			"peakline flags on dual-write -env prod -set percent=10 -gradually -reason 'migration, step 4'\n" +
			"peakline flags sync -env prod",
		Description: "A flag that is moved reaches the tasks within seconds, and is taken back when an alarm of the shop fires while\n" +
			"it is watched. Deployments never move it. sync adds the flags that the configuration has and the environment lacks,\n" +
			"with their first values; run it after the first deployment and after each that brings flags.",
		Commands: []*cli.Command{
			{Name: "status", Usage: "list the flags and their values", Flags: account.Flags("flags"), Action: status},
			{Name: "on", Usage: "switch a flag on", ArgsUsage: "FLAG", Flags: moveFlags(), Action: move(true)},
			{Name: "off", Usage: "switch a flag off", ArgsUsage: "FLAG", Flags: moveFlags(), Action: move(false)},
			{Name: "sync", Usage: "add the flags of the configuration; values stay as they are", Flags: account.Flags("flags"), Action: sync},
		},
	}
}

func moveFlags() []cli.Flag {
	return account.Flags("flags",
		&cli.StringFlag{Name: "reason", Usage: "`WHY`, for whoever looks next", Required: true},
		&cli.StringSliceFlag{Name: "set", Usage: "`NUMBER=VALUE` that goes with the flag"},
		&cli.BoolFlag{Name: "gradually", Usage: "reach the tasks step by step, not at once"},
	)
}

// open finds the flags of the environment that the command names.
func open(ctx context.Context, command *cli.Command) (*place, config.Environment, error) {
	environment, err := config.Load(account.Environments, command.String("env"), time.Now())
	if err != nil {
		return nil, environment, fmt.Errorf("read the environment: %w", err)
	}
	loaded, err := account.Open(ctx, command)
	if err != nil {
		return nil, environment, err
	}
	if account.Emulated(loaded) {
		return nil, environment, fmt.Errorf("open the flags of %s: the emulated account keeps none, want an environment in AWS", environment.Name)
	}
	found, err := find(ctx, appconfig.NewFromConfig(loaded), environment.Name)
	return found, environment, err
}

func status(ctx context.Context, command *cli.Command) error {
	found, environment, err := open(ctx, command)
	if err != nil {
		return err
	}
	return found.show(ctx, command.Root().Writer, environment.Flags)
}

func move(on bool) cli.ActionFunc {
	return func(ctx context.Context, command *cli.Command) error {
		numbers, err := numbersOf(command.StringSlice("set"))
		if err != nil {
			return err
		}
		if command.Args().Len() != 1 {
			return fmt.Errorf("%d arguments, want the name of one flag", command.Args().Len())
		}
		found, environment, err := open(ctx, command)
		if err != nil {
			return err
		}
		strategy := found.names.AtOnce
		if command.Bool("gradually") {
			strategy = found.names.Gradual
		}
		return found.change(ctx, command.Root().Writer, strategy, command.String("reason"), func(current document) (document, error) {
			return current.with(environment.Flags).moved(command.Args().First(), on, numbers)
		})
	}
}

func sync(ctx context.Context, command *cli.Command) error {
	found, environment, err := open(ctx, command)
	if err != nil {
		return err
	}
	return found.change(ctx, command.Root().Writer, found.names.Gradual, "flags of the configuration", func(current document) (document, error) {
		return current.with(environment.Flags), nil
	})
}

// change makes a new version of what tasks have now, unless there is nothing to change or another change is under way.
func (p *place) change(ctx context.Context, out io.Writer, strategy, reason string, edit func(document) (document, error)) error {
	current, changing, err := p.live(ctx)
	if err != nil {
		return err
	}
	if changing != nil {
		return fmt.Errorf("change %d is under way (%s, %.0f %%): wait for it, or take it back with aws appconfig stop-deployment --application-id %s --environment-id %s --deployment-number %d",
			changing.DeploymentNumber, changing.State, percent(changing.PercentageComplete), p.application, p.environment, changing.DeploymentNumber)
	}
	changed, err := edit(current)
	if err != nil {
		return err
	}
	if changed.equal(current) {
		_, err = fmt.Fprintln(out, "Nothing to change.")
		return err
	}
	version, err := p.publish(ctx, changed, strategy, reason)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Version %d spreads (%s). Alarms are watched until it has settled.\n", version, strategy)
	return err
}

func percent(value *float32) float32 {
	if value == nil {
		return 0
	}
	return *value
}

// show lists the flags that tasks have, and those that only the configuration has.
func (p *place) show(ctx context.Context, out io.Writer, configured map[string]config.Flag) error {
	current, changing, err := p.live(ctx)
	if err != nil {
		return err
	}
	merged := current.with(configured)
	for _, name := range slices.Sorted(maps.Keys(merged.Flags)) {
		note := ""
		if _, live := current.Values[name]; !live {
			note = "  (first value: run peakline flags sync)"
		}
		if _, err := fmt.Fprintf(out, "%-24s %-24s %s%s\n", name, valueText(merged.Values[name]), merged.Flags[name].Description, note); err != nil {
			return err
		}
	}
	if changing != nil {
		_, err = fmt.Fprintf(out, "Change %d is under way: %s.\n", changing.DeploymentNumber, changing.State)
	}
	return err
}

func valueText(value map[string]any) string {
	parts := []string{"off"}
	if value[enabled] == true {
		parts[0] = "on"
	}
	for _, key := range slices.Sorted(maps.Keys(value)) {
		if key != enabled {
			parts = append(parts, fmt.Sprintf("%s=%v", key, value[key]))
		}
	}
	return strings.Join(parts, " ")
}

// numbersOf reads NUMBER=VALUE.
func numbersOf(given []string) (map[string]int, error) {
	numbers := map[string]int{}
	for _, text := range given {
		key, value, found := strings.Cut(text, "=")
		number, err := strconv.Atoi(value)
		if !found || err != nil {
			return nil, fmt.Errorf("-set %q, want a name and a whole number, such as percent=10", text)
		}
		numbers[key] = number
	}
	return numbers, nil
}
