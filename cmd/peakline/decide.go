package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"
)

func decideCommand() *cli.Command {
	return &cli.Command{
		Name:  "decide",
		Usage: "read observations as JSON lines, write the scaler's decisions as JSON lines",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "policy", Usage: "policy as YAML `FILE`; without it, the shipped production policy"},
		},
		Action: func(context.Context, *cli.Command) error {
			return errors.New("decide: not built into this binary")
		},
	}
}
