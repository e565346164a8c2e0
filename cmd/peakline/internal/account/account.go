// Package account is how the operator's commands reach the AWS account of an environment, or the emulated one.
package account

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
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
		&cli.StringFlag{Name: "env", Usage: "`ENVIRONMENT` of the " + what, Required: true},
		&cli.StringFlag{Name: "region", Usage: "AWS `REGION`; default: that of the environment's file, or as the AWS CLI finds it"},
		&cli.StringFlag{Name: "profile", Usage: "AWS `PROFILE`; default: as the AWS CLI finds it"},
		&cli.StringFlag{
			Name: "endpoint-url", Usage: "`ADDRESS` of an emulated account; default for local: http://localhost:4566",
			Sources: cli.EnvVars("AWS_ENDPOINT_URL"),
		},
	)
}

// Place is an account and region, as a command names it. What is empty is found as the AWS CLI finds it.
type Place struct{ Environment, Region, Profile, Endpoint string }

// errNoRegion is that neither the place nor the shell names a region.
var errNoRegion = errors.New("no AWS region: set AWS_REGION, or one in the profile")

// Open is the AWS configuration for the environment that the flags name. A file that cannot be read matters only where the
// region is found nowhere else: whoever goes back to the image before must not have to mend a file first.
func Open(ctx context.Context, command *cli.Command) (aws.Config, error) {
	place := Place{command.String("env"), command.String("region"), command.String("profile"), command.String("endpoint-url")}
	read, unread := config.Load(Environments, place.Environment, time.Now())
	if unread == nil {
		place.Region = cmp.Or(place.Region, read.Region)
	}
	loaded, err := Load(ctx, place)
	if errors.Is(err, errNoRegion) && unread != nil {
		return aws.Config{}, fmt.Errorf("find the region of %s: %w\nMend that, run this at the root of the repository, or give -region", place.Environment, unread)
	}
	return loaded, err
}

// Load is the AWS configuration for a place. The environment local is in the emulated account: what is loaded for it carries no
// real credentials, so that no command for it ever changes a real account.
func Load(ctx context.Context, place Place) (aws.Config, error) {
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithRegion(place.Region),
		// What goes wrong is an error of ours; what the SDK tries on the way there is noise.
		awsconfig.WithLogger(logging.Nop{}),
	}
	if place.Profile != "" {
		options = append(options, awsconfig.WithSharedConfigProfile(place.Profile))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	switch {
	case place.Endpoint != "":
		loaded.BaseEndpoint = aws.String(place.Endpoint)
	case loaded.BaseEndpoint == nil && place.Environment == local:
		loaded.BaseEndpoint = aws.String("http://localhost:" + cmp.Or(os.Getenv("PEAKLINE_PORT"), "4566"))
	}
	if place.Environment == local || Emulated(loaded) {
		// An emulated account takes any credentials; real ones have no business there.
		loaded.Credentials = credentials.NewStaticCredentialsProvider("emulated", "emulated", "")
		loaded.Region = cmp.Or(loaded.Region, "us-east-1")
	}
	if loaded.Region == "" {
		return aws.Config{}, errNoRegion
	}
	return loaded, identified(ctx, loaded)
}

// identified fails when nobody would be let in. The last place where the SDK looks for credentials is the metadata of an EC2
// instance, and how that failed tells whoever has none nothing.
func identified(ctx context.Context, loaded aws.Config) error {
	_, err := loaded.Credentials.Retrieve(ctx)
	var asked *smithy.OperationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &asked) && asked.Service() == imds.ServiceID && ctx.Err() == nil:
		return errors.New("no AWS credentials were found: log in, for example with aws sso login, or name a profile that has some with -profile")
	}
	return fmt.Errorf("get AWS credentials: %w", err)
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
