// Package image is the subcommand `peakline image`: what a service's image has to be before it is released, and its way from one
// registry to another. The services' pipelines run it, and so can an operator.
package image

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/urfave/cli/v3"

	"peakline/config"
)

// exitRefused is the exit code when an image is not to be released.
const exitRefused = 3

// Command builds the subcommand.
func Command() *cli.Command {
	return &cli.Command{
		Name:  "image",
		Usage: "check the image of a service, and copy it between registries",
		UsageText: "peakline image check IMAGE\n" +
			"peakline image scan IMAGE -service order\n" +
			"peakline image copy FROM TO -from-profile dev -profile prod",
		Description: "An IMAGE has its full name: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/peakline-dev/order:1.4.2. What it may weigh and\n" +
			"which findings stop it stand in config/delivery.yaml, under images. Exit code 3: it is not to be released. 1: something failed.",
		Commands: []*cli.Command{
			{Name: "check", Usage: "one image for linux/arm64, that weighs no more than it may", ArgsUsage: "IMAGE", Action: check, Flags: []cli.Flag{
				rules(), profile("profile"), &cli.StringFlag{Name: "save", Usage: "`DIR` to save the image to, as an OCI layout"}}},
			{Name: "scan", Usage: "wait for ECR's scan, and stop at what it found", ArgsUsage: "IMAGE", Action: scan, Flags: []cli.Flag{
				rules(), profile("profile"), &cli.StringFlag{Name: "service", Usage: "`SERVICE` whose waivers count", Required: true},
				&cli.DurationFlag{Name: "wait", Value: 20 * time.Minute, Usage: "`TIME` that the scan may take"}}},
			{Name: "copy", Usage: "bring an image to another registry, as it is", ArgsUsage: "FROM TO", Action: copyImage, Flags: []cli.Flag{
				profile("from-profile"), profile("profile")}},
		},
	}
}

func rules() cli.Flag {
	return &cli.StringFlag{Name: "delivery", Value: "config/delivery.yaml", Usage: "`FILE` with the rules for images"}
}

func profile(flag string) cli.Flag {
	return &cli.StringFlag{Name: flag, Usage: "AWS `PROFILE`; default: as the AWS CLI finds it"}
}

// references reads the images that a command names.
func references(command *cli.Command, want int) ([]name.Reference, error) {
	if command.Args().Len() != want {
		return nil, fmt.Errorf("%d images, want %d: peakline image %s %s", command.Args().Len(), want, command.Name, command.ArgsUsage)
	}
	var images []name.Reference
	for _, text := range command.Args().Slice() {
		image, err := name.ParseReference(text, name.StrictValidation)
		if err != nil {
			return nil, fmt.Errorf("%q is no image: %w; want its full name and a tag or digest", text, err)
		}
		images = append(images, image)
	}
	return images, nil
}

// subject reads the one image that a command looks at, and the rules for images.
func subject(command *cli.Command) (name.Reference, config.ImageRules, error) {
	images, err := references(command, 1)
	if err != nil {
		return nil, config.ImageRules{}, err
	}
	delivery, err := config.LoadDelivery(command.String("delivery"), nil, time.Now())
	return images[0], delivery.Images, err
}

func check(ctx context.Context, command *cli.Command) error {
	image, rules, err := subject(command)
	if err != nil {
		return err
	}
	found, err := fetch(ctx, image, command.String("profile"))
	if err != nil {
		return err
	}
	if err := found.judge(rules.MaxMegabytes); err != nil {
		return cli.Exit(err.Error(), exitRefused)
	}
	if folder := command.String("save"); folder != "" {
		if err := found.save(folder); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(command.Root().Writer, "%s: %s\n", image, found)
	return err
}

func copyImage(ctx context.Context, command *cli.Command) error {
	images, err := references(command, 2)
	if err != nil {
		return err
	}
	done, err := transfer(ctx, images[0], command.String("from-profile"), images[1], command.String("profile"))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(command.Root().Writer, done)
	return err
}

func scan(ctx context.Context, command *cli.Command) error {
	image, rules, err := subject(command)
	if err != nil {
		return err
	}
	registry, inECR := registryOf(image)
	if !inECR {
		return fmt.Errorf("%s is not in ECR, whose scan this waits for", image)
	}
	account, err := registry.account(ctx, image, command.String("profile"))
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, command.Duration("wait"))
	defer cancel()
	s := scanner{findings: ecr.NewFromConfig(account), pause: 10 * time.Second}
	found, err := s.wait(waiting, registry, image)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the scan of %s has not ended after %s; is scanning on push switched on?", image, command.Duration("wait"))
	}
	if err != nil {
		return err
	}
	verdict := judge(found, command.String("service"), rules, time.Now())
	if err := verdict.write(command.Root().Writer); err != nil {
		return err
	}
	if len(verdict.stopping) > 0 {
		return cli.Exit(fmt.Sprintf("%s: %d findings without a waiver: mend the image, or add a waiver with a reason to %s",
			image, len(verdict.stopping), command.String("delivery")), exitRefused)
	}
	return nil
}
