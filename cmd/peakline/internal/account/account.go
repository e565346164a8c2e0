// Package account is how the operator's commands reach the AWS account of an environment, or the emulated one.
package account

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/urfave/cli/v3"

	"peakline/config"
)

// local is the environment of the emulated account.
const local = "local"

// Environments is where the environment files are, from the root of the repository.
const Environments = "config/environments"

// Flags say which environment, whose what ("scaler") is meant, and how to reach its account.
func Flags(what string, more ...cli.Flag) []cli.Flag {
	return append(more,
		&cli.StringFlag{Name: "env", Usage: "`ENVIRONMENT` whose " + what + " is meant", Required: true},
		&cli.StringFlag{Name: "region", Usage: "AWS `REGION`; default: that of the environment's file, or as the AWS CLI finds it"},
		&cli.StringFlag{Name: "profile", Usage: "AWS `PROFILE`; default: as the AWS CLI finds it"},
		&cli.StringFlag{
			Name: "endpoint-url", Usage: "`ADDRESS` of an emulated account; default for local: http://localhost:4566",
			Sources: cli.EnvVars("AWS_ENDPOINT_URL"),
		},
	)
}

// Open is the AWS configuration for the environment that the flags name. The environment local is in the emulated account, so that
// no command for it ever reaches a real one.
func Open(ctx context.Context, command *cli.Command) (aws.Config, error) {
	environment, endpoint := command.String("env"), command.String("endpoint-url")
	if endpoint == "" && environment == local {
		endpoint = "http://localhost:" + cmp.Or(os.Getenv("PEAKLINE_PORT"), "4566")
	}
	options := []func(*awsconfig.LoadOptions) error{awsconfig.WithRegion(cmp.Or(command.String("region"), regionOf(environment)))}
	if profile := command.String("profile"); profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(profile))
	}
	if onThisMachine(endpoint) {
		// An emulated account takes any credentials; real ones have no business there.
		options = append(options, awsconfig.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("emulated", "emulated", "")))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if endpoint != "" {
		loaded.BaseEndpoint = aws.String(endpoint)
	}
	if loaded.Region == "" && Emulated(loaded) {
		loaded.Region = "us-east-1"
	}
	if loaded.Region == "" {
		return aws.Config{}, fmt.Errorf("find the region of %s: %s has no file of it; run this at the root of the repository, or give -region", environment, Environments)
	}
	return loaded, nil
}

// regionOf is the region in an environment's file; empty when it cannot be read, since whoever goes back to the image before
// must not have to mend a file first.
func regionOf(environment string) string {
	read, err := config.Load(Environments, environment, time.Now())
	if err != nil {
		return ""
	}
	return read.Region
}

// Emulated says whether a configuration leads to an emulated account.
func Emulated(loaded aws.Config) bool {
	return loaded.BaseEndpoint != nil && onThisMachine(*loaded.BaseEndpoint)
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
