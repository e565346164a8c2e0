// Package scaler is the subcommand `peakline scaler`: the operator's hand on the replica scaler of an environment. It
// writes one SSM parameter, the override, and reads the rest; readers are created and deleted by the scaler alone.
package scaler

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/user"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/urfave/cli/v3"

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
	return append(more,
		&cli.StringFlag{Name: "env", Usage: "`ENVIRONMENT` whose scaler is meant", Required: true},
		&cli.StringFlag{Name: "cluster", Usage: "DB cluster `IDENTIFIER`; default: peakline-ENVIRONMENT"},
		&cli.StringFlag{Name: "region", Usage: "AWS `REGION`; default: as the AWS CLI finds it"},
		&cli.StringFlag{Name: "profile", Usage: "AWS `PROFILE`; default: as the AWS CLI finds it"},
		&cli.StringFlag{
			Name: "endpoint-url", Usage: "`ADDRESS` of an emulated account; for local: http://localhost:4566",
			Sources: cli.EnvVars("AWS_ENDPOINT_URL"),
		},
	)
}

// localEnvironment is the environment of the emulated account.
const localEnvironment = "local"

// account is how to reach the scaler that the flags name.
func account(ctx context.Context, command *cli.Command) (replicascaler.Props, error) {
	environment := command.String("env")
	endpoint := command.String("endpoint-url")
	if endpoint == "" && environment == localEnvironment {
		endpoint = "http://localhost:" + cmp.Or(os.Getenv("PEAKLINE_PORT"), "4566")
	}
	var options []func(*config.LoadOptions) error
	if region := command.String("region"); region != "" {
		options = append(options, config.WithRegion(region))
	}
	if profile := command.String("profile"); profile != "" {
		options = append(options, config.WithSharedConfigProfile(profile))
	}
	emulated := onThisMachine(endpoint)
	if emulated {
		// An emulated account takes any credentials; real ones have no business there.
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("emulated", "emulated", "")))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return replicascaler.Props{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if loaded.Region == "" && emulated {
		loaded.Region = "us-east-1"
	}
	if loaded.Region == "" {
		return replicascaler.Props{}, fmt.Errorf("find the region of %s: none is set; give -region, or set AWS_REGION or a profile", environment)
	}
	if endpoint != "" {
		loaded.BaseEndpoint = aws.String(endpoint)
	}
	return replicascaler.Props{
		Environment: environment,
		Cluster:     cmp.Or(command.String("cluster"), "peakline-"+environment),
		AWS:         replicascaler.Budget(loaded),
	}, nil
}

func operator(ctx context.Context, command *cli.Command) (*replicascaler.Operator, replicascaler.Props, error) {
	props, err := account(ctx, command)
	if err != nil {
		return nil, props, err
	}
	return replicascaler.NewOperator(props), props, nil
}

// onThisMachine says whether an address is this machine's own.
func onThisMachine(endpoint string) bool {
	address, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := address.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
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
