package scaler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"peakline/lambda/decision"
	replicascaler "peakline/lambda/scaler"
)

const (
	// shortPause is how long a pause lasts if nothing is said, longestPause at most: a forgotten pause meets the next peak.
	shortPause   = time.Hour
	longestPause = 24 * time.Hour
)

func overrideFlags() []cli.Flag {
	return accountFlags(
		&cli.StringFlag{Name: "until", Usage: "`TIME` of the end: 2026-11-27T23:00 or 23:00 (this machine's zone), 2026-11-27T22:00:00Z, or a duration"},
		&cli.StringFlag{Name: "for", Usage: "`DURATION` instead of -until, such as 90m"},
		&cli.StringFlag{Name: "reason", Usage: "`WHY`, for the log and for whoever looks next", Required: true},
		&cli.StringFlag{Name: "by", Usage: "`WHO`; default: user and machine"},
	)
}

func pauseCommand() *cli.Command {
	return &cli.Command{
		Name:  "pause",
		Usage: "keep the readers as they are for a while",
		Description: "Nothing is created or deleted until the pause ends, whatever the load: planned floors wait too.\n" +
			"Without -for or -until it lasts an hour, at most a day.",
		Flags: overrideFlags(),
		Action: func(ctx context.Context, command *cli.Command) error {
			if command.Args().Present() {
				return fmt.Errorf("pause: argument %q, want none; the end is given by -for or -until", command.Args().First())
			}
			return setOverride(ctx, command, longestPause, cmp.Or(command.String("until"), command.String("for"), shortPause.String()),
				func(decision.Policy) (decision.Override, error) { return decision.Override{Paused: true}, nil })
		},
	}
}

func floorCommand() *cli.Command {
	return &cli.Command{
		Name:      "floor",
		Usage:     "hold at least N readers for a while",
		ArgsUsage: "N",
		UsageText: "peakline scaler floor N -env ENVIRONMENT -until TIME -reason WHY",
		Description: "N counts all readers of the cluster, those of the template included. The load may still ask for more.\n" +
			"New readers help after some ten minutes, so set the floor that much ahead. It lasts a week at most.",
		Flags: overrideFlags(),
		Action: func(ctx context.Context, command *cli.Command) error {
			readers, err := strconv.Atoi(command.Args().First())
			if err != nil || command.Args().Len() != 1 {
				return fmt.Errorf("floor: arguments %q, want one number of readers, for example: peakline scaler floor 6 -env prod -until 23:00 -reason 'live show'", command.Args().Slice())
			}
			until := cmp.Or(command.String("until"), command.String("for"))
			if until == "" {
				return errors.New("floor: no end, want -until TIME or -for DURATION")
			}
			return setOverride(ctx, command, replicascaler.LongestOverride, until, func(policy decision.Policy) (decision.Override, error) {
				if readers <= policy.Min || readers > policy.Max {
					return decision.Override{}, fmt.Errorf("floor: %d readers, want %d to %d: the policy holds %d anyway and allows %d at most (scaler.max in config/environments/%s.yaml)",
						readers, policy.Min+1, policy.Max, policy.Min, policy.Max, command.String("env"))
				}
				return decision.Override{Floor: readers}, nil
			})
		},
	}
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:  "resume",
		Usage: "end a pause or a floor now",
		Flags: accountFlags(),
		Action: func(ctx context.Context, command *cli.Command) error {
			operator, _, err := operator(ctx, command)
			if err != nil {
				return err
			}
			before, err := operator.Settings(ctx)
			if err != nil {
				return err
			}
			if err := operator.RemoveOverride(ctx); err != nil {
				return err
			}
			out := command.Root().Writer
			if before.Policy.Override == nil {
				fmt.Fprintf(out, "There was no override in force. The deployed policy of %s applies.\n", command.String("env"))
				return nil
			}
			fmt.Fprintf(out, "Ended: %s.\nWithin a minute the deployed policy of %s applies alone.\n", describe(*before.Policy.Override), command.String("env"))
			tellConsequence(ctx, out, operator)
			return nil
		},
	}
}

// setOverride writes an override and tells what follows from it.
func setOverride(ctx context.Context, command *cli.Command, longest time.Duration, until string, build func(decision.Policy) (decision.Override, error)) error {
	if command.String("until") != "" && command.String("for") != "" {
		return fmt.Errorf("%s: both -until and -for, want one", command.Name)
	}
	operator, props, err := operator(ctx, command)
	if err != nil {
		return err
	}
	reason := strings.TrimSpace(command.String("reason"))
	if reason == "" {
		return fmt.Errorf("%s: an empty reason, want a few words for whoever looks next", command.Name)
	}
	end, err := parseUntil(until, operator.Now(), longest)
	if err != nil {
		return fmt.Errorf("%s: %w", command.Name, err)
	}
	before, err := operator.Settings(ctx)
	if err != nil {
		return err
	}
	override, err := build(before.Policy)
	if err != nil {
		return err
	}
	override.Until, override.By, override.Reason = end, cmp.Or(command.String("by"), whoami()), reason
	if err := operator.SetOverride(ctx, override); err != nil {
		return err
	}
	out := command.Root().Writer
	if before.Policy.Override != nil {
		fmt.Fprintf(out, "Replaced: %s.\n", describe(*before.Policy.Override))
	}
	fmt.Fprintf(out, "Set for %s: %s.\n", props.Environment, describe(override))
	if mode := before.Policy.Mode; mode == decision.DryRun || mode == decision.Paused {
		fmt.Fprintf(out, "Note: the deployed policy's mode is %s, so the scaler acts on nothing until that is changed.\n", mode)
	}
	tellConsequence(ctx, out, operator)
	fmt.Fprintf(out, "It ends by itself %s, in %s; earlier: peakline scaler resume -env %s\n", clock(end), span(end.Sub(operator.Now())), props.Environment)
	return nil
}

// describe says an override in words.
func describe(o decision.Override) string {
	what := "paused, the readers stay as they are"
	if !o.Paused {
		what = fmt.Sprintf("at least %d readers", o.Floor)
	}
	text := fmt.Sprintf("%s, until %s", what, clock(o.Until))
	if o.By != "" {
		text += ", by " + o.By
	}
	if o.Reason != "" {
		text += ": " + o.Reason
	}
	return text
}

// tellConsequence says what the scaler's next run will do. Without the permission to look, it says nothing.
func tellConsequence(ctx context.Context, out io.Writer, operator *replicascaler.Operator) {
	report, err := operator.Preview(ctx)
	if err != nil || report.Ignored != "" {
		return
	}
	fmt.Fprintln(out, consequence(report))
}
