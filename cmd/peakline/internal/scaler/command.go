// Package scaler is the subcommand `peakline scaler`: the operator's hand on the replica scaler of an environment. It
// writes one SSM parameter, the override, and reads the rest; readers are created and deleted by the scaler alone.
package scaler

import (
	"cmp"
	"context"
	"os"
	"os/user"

	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
	replicascaler "peakline/lambda/scaler"
)

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "scaler",
		Usage: "pause, guide and question the replica scaler of an environment",
		UsageText: "peakline scaler status  -env prod\n" +
			"peakline scaler explain -env prod\n" +
			"peakline scaler pause   -env prod -for 2h -reason 'restoring a table'\n" +
			"peakline scaler floor 6 -env prod -until 2026-11-27T23:00 -reason 'influencer live at eight'\n" +
			"peakline scaler resume  -env prod",
		Description: "An override (pause or floor) takes effect within a minute and without a deployment, stays within the\n" +
			"policy's bounds and always ends by itself. There is one at a time: a new one replaces the last. What is to\n" +
			"last belongs into the environment's file, an expected peak into its event calendar.\n" +
			"For the emulated account: -env local, and nothing else.",
		Commands: []*cli.Command{
			statusCommand(), explainCommand(), pauseCommand(), floorCommand(), resumeCommand(), rehearseCommand(),
		},
	}
}

// accountFlags say which scaler, and how to reach its account.
func accountFlags(more ...cli.Flag) []cli.Flag {
	return account.Flags("scaler", append(more,
		&cli.StringFlag{Name: "cluster", Usage: "DB cluster `IDENTIFIER`; default: peakline-ENVIRONMENT"})...)
}

// open is how to reach the scaler that the flags name.
func open(ctx context.Context, command *cli.Command) (replicascaler.Props, error) {
	loaded, err := account.Open(ctx, command)
	if err != nil {
		return replicascaler.Props{}, err
	}
	environment := command.String("env")
	return replicascaler.Props{
		Environment: environment,
		Cluster:     cmp.Or(command.String("cluster"), "peakline-"+environment),
		AWS:         replicascaler.Budget(loaded),
	}, nil
}

func operator(ctx context.Context, command *cli.Command) (*replicascaler.Operator, replicascaler.Props, error) {
	props, err := open(ctx, command)
	if err != nil {
		return nil, props, err
	}
	return replicascaler.NewOperator(props), props, nil
}

// whoami names the person for the audit; AWS CloudTrail has the identity that wrote the parameter.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}
