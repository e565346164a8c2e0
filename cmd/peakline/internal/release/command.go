// Package release is the subcommand `peakline release`: it brings an image of one service to visitors, or takes it back.
//
// The stack Services is told the image by a parameter, so that CloudFormation registers the revision and, when anything fails,
// takes the image back too. Under ECS that deployment is the release; under CodeDeploy one of CodeDeploy's follows.
package release

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
	"peakline/cmd/peakline/internal/image"
)

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "release",
		Usage: "bring an image of a service to visitors, or take it back",
		UsageText: "peakline release start order -env prod -image 123456789012.dkr.ecr.eu-west-1.amazonaws.com/peakline-prod/order:1.4.2\n" +
			"peakline release start order -env prod -image … -despite 'this image is the fix'\n" +
			"peakline release rollback order -env prod\n" +
			"peakline release show order -env prod\n" +
			"peakline release check -env prod",
		Description: "A release does not start while one of the service's release alarms fires; -despite, with a reason, is for the\n" +
			"image that ends it. The image is recorded as the released one when the release has succeeded, and not before.\n" +
			"Rollback stops a release that is under way, or releases the image of before; docs/releases.md tells the rest.",
		Commands: []*cli.Command{
			{Name: "start", Usage: "release an image", ArgsUsage: "SERVICE", Action: start, Flags: flags(
				&cli.StringFlag{Name: "image", Usage: "`IMAGE` to release", Required: true},
				&cli.StringFlag{Name: "despite", Usage: "`REASON` to release while an alarm fires"})},
			{Name: "rollback", Usage: "take a release back, or go back to the image before", ArgsUsage: "SERVICE", Action: rollback, Flags: flags(
				&cli.StringFlag{Name: "despite", Usage: "`REASON` to go back while an alarm fires"})},
			{Name: "show", Usage: "what is released, what is under way, and which release alarms fire", ArgsUsage: "SERVICE", Action: show, Flags: flags()},
			{Name: "check", Usage: "whether a deployment of the environment may start: fails while a release alarm of any service fires", Action: check, Flags: flags(
				&cli.StringFlag{Name: "despite", Usage: "`REASON` to deploy while an alarm fires"})},
		},
	}
}

func flags(more ...cli.Flag) []cli.Flag { return account.Flags("service", more...) }

func open(ctx context.Context, command *cli.Command) (*releaser, error) {
	if command.Args().Len() != 1 {
		return nil, fmt.Errorf("release a service: %d names, want one, for example: peakline release %s order -env prod", command.Args().Len(), command.Name)
	}
	return connect(ctx, command)
}

func connect(ctx context.Context, command *cli.Command) (*releaser, error) {
	loaded, err := account.Open(ctx, command)
	if err != nil {
		return nil, err
	}
	return &releaser{
		environment: command.String("env"),
		service:     command.Args().First(),
		stacks:      cloudformation.NewFromConfig(loaded),
		alarms:      cloudwatch.NewFromConfig(loaded),
		deployments: codedeploy.NewFromConfig(loaded),
		tasks:       ecs.NewFromConfig(loaded),
		parameters:  ssm.NewFromConfig(loaded),
		out:         command.Root().Writer,
		pause:       10 * time.Second,
	}, nil
}

func start(ctx context.Context, command *cli.Command) error {
	r, err := open(ctx, command)
	if err != nil {
		return err
	}
	if err := image.Brought(ctx, command); err != nil {
		return err
	}
	return r.release(ctx, command.String("image"), command.String("despite"))
}

func rollback(ctx context.Context, command *cli.Command) error {
	r, err := open(ctx, command)
	if err != nil {
		return err
	}
	return r.rollback(ctx, command.String("despite"))
}

func check(ctx context.Context, command *cli.Command) error {
	if command.Args().Present() {
		return fmt.Errorf("check an environment: unexpected argument %q; it is about all services of -env", command.Args().First())
	}
	r, err := connect(ctx, command)
	if err != nil {
		return err
	}
	return r.check(ctx, command.String("despite"))
}

func show(ctx context.Context, command *cli.Command) error {
	r, err := open(ctx, command)
	if err != nil {
		return err
	}
	return r.show(ctx)
}
