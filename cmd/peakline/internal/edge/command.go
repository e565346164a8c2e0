// Package edge is the subcommand `peakline edge`: the weights of the experiments that the function at the edge divides visitors
// by (lambda/edge). It reads and writes one key of one key-value store of CloudFront.
package edge

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
)

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "edge",
		Usage: "divide visitors between variants, or between origins",
		UsageText: "peakline edge show -env prod\n" +
			"peakline edge set checkout long=90 short=10 -env prod\n" +
			"peakline edge set origin first=80 second=20 -env prod\n" +
			"peakline edge remove checkout -env prod",
		Description: "Weights take effect within seconds and without a deployment. They are relative: 9 and 1 are 90 % and 10 %. A\n" +
			"visitor keeps their variant, and one that gets more weight only draws visitors to it. Services read it in\n" +
			"the header x-peakline-variants, scripts of a page in the cookie peakline_variants.\n" +
			"The experiment origin has the variants first, the load balancer, and second, edge.secondOrigin of the file.",
		Commands: []*cli.Command{
			{Name: "show", Usage: "list the experiments and their weights", Flags: flags(), Action: show},
			{Name: "set", Usage: "start an experiment, or change its weights", ArgsUsage: "NAME VARIANT=WEIGHT...", Flags: flags(), Action: set},
			{Name: "remove", Usage: "end an experiment", ArgsUsage: "NAME", Flags: flags(), Action: remove},
		},
	}
}

func flags() []cli.Flag { return account.Flags("edge") }

// edgeRegion is where CloudFront's API is.
const edgeRegion = "us-east-1"

func open(ctx context.Context, command *cli.Command) (*experimentStore, error) {
	loaded, err := account.Open(ctx, command)
	if err != nil {
		return nil, err
	}
	if account.Emulated(loaded) {
		return nil, fmt.Errorf("open the edge of %s: the emulated account has no key-value stores, want an environment in AWS", command.String("env"))
	}
	loaded.Region = edgeRegion
	return openStore(ctx, cloudfront.NewFromConfig(loaded), cloudfrontkeyvaluestore.NewFromConfig(loaded), command.String("env"))
}

func show(ctx context.Context, command *cli.Command) error {
	store, err := open(ctx, command)
	if err != nil {
		return err
	}
	experiments, err := store.read(ctx)
	if err != nil {
		return err
	}
	return write(command.Root().Writer, experiments)
}

func set(ctx context.Context, command *cli.Command) error {
	name, weights, err := parse(command.Args().Slice())
	if err != nil {
		return err
	}
	return change(ctx, command, func(experiments Experiments) error {
		experiments[name] = weights
		return nil
	})
}

func remove(ctx context.Context, command *cli.Command) error {
	name := command.Args().First()
	return change(ctx, command, func(experiments Experiments) error {
		if _, found := experiments[name]; !found {
			return fmt.Errorf("end the experiment %q: there is none, but %s", name, cmp.Or(strings.Join(slices.Sorted(maps.Keys(experiments)), ", "), "no other either"))
		}
		delete(experiments, name)
		return nil
	})
}

func change(ctx context.Context, command *cli.Command, edit func(Experiments) error) error {
	store, err := open(ctx, command)
	if err != nil {
		return err
	}
	experiments, err := store.change(ctx, edit)
	if err != nil {
		return err
	}
	return write(command.Root().Writer, experiments)
}

// parse reads NAME VARIANT=WEIGHT...
func parse(arguments []string) (name string, weights map[string]float64, err error) {
	if len(arguments) < 2 {
		return "", nil, fmt.Errorf("set weights: want a name and weights, for example: checkout long=90 short=10")
	}
	weights = map[string]float64{}
	for _, argument := range arguments[1:] {
		variant, text, _ := strings.Cut(argument, "=")
		weight, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return "", nil, fmt.Errorf("set weights of %s: %q is none, want for example short=10", arguments[0], argument)
		}
		if _, twice := weights[variant]; twice {
			return "", nil, fmt.Errorf("set weights of %s: %s is given twice", arguments[0], variant)
		}
		weights[variant] = weight
	}
	return arguments[0], weights, check(arguments[0], weights)
}

func write(to io.Writer, experiments Experiments) error {
	if len(experiments) == 0 {
		_, err := fmt.Fprintln(to, "No experiment is running.")
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "EXPERIMENT\tVARIANT\tWEIGHT\tSHARE")
	for _, name := range slices.Sorted(maps.Keys(experiments)) {
		all := 0.0
		for _, weight := range experiments[name] {
			all += weight
		}
		for _, variant := range slices.Sorted(maps.Keys(experiments[name])) {
			weight := experiments[name][variant]
			fmt.Fprintf(table, "%s\t%s\t%g\t%.1f %%\n", name, variant, weight, 100*weight/all)
		}
	}
	return table.Flush()
}
