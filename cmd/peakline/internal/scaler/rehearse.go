package scaler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
	"peakline/lambda/contract"
	"peakline/lambda/decision"
	replicascaler "peakline/lambda/scaler"
)

const (
	// rehearsalMinutes is how much of the day is played: from half past four until two and a half hours after the sale began.
	rehearsalMinutes = 6 * 60
	// saleAfter is when the sale begins, saleLasts how long its floor holds, saleReaders how many readers that is.
	saleAfter   = 3*time.Hour + 30*time.Minute
	saleLasts   = 75 * time.Minute
	saleReaders = 10
)

func rehearseCommand() *cli.Command {
	return &cli.Command{
		Name:      "rehearse",
		Usage:     "play a compressed Black Friday against the emulated account",
		UsageText: "peakline scaler rehearse -env local",
		Description: "Runs the scaler's own code, minute by simulated minute, on the emulated account that make up started.\n" +
			"Samples go to its CloudWatch, readers come and go in its RDS, policy and permissions to speak of are its own;\n" +
			"only the clock, the traffic, and the minutes that an instance takes to come are simulated. One sale at eight\n" +
			"in the evening is in the calendar, with a floor; the afternoon's rise is not. Takes a minute or two and removes\n" +
			"its readers at the end. Watch along:\n" +
			"aws rds describe-db-instances --endpoint-url http://localhost:4566 --region us-east-1",
		Flags: accountFlags(),
		Action: func(ctx context.Context, command *cli.Command) error {
			props, err := open(ctx, command)
			if err != nil {
				return err
			}
			if !account.Emulated(props.AWS) {
				return errors.New("rehearse: the account is a real one, want an emulated one on this machine: -env local, or -endpoint-url http://localhost:4566")
			}
			return rehearse(ctx, props, command.Root().Writer, rehearsalMinutes)
		},
	}
}

// blackFriday is half past four in the afternoon of the day after the fourth Thursday of November.
func blackFriday(year int) time.Time {
	first := time.Date(year, time.November, 1, 16, 30, 0, 0, time.UTC)
	thursday := (int(time.Thursday) - int(first.Weekday()) + 7) % 7
	return first.AddDate(0, 0, thursday+21+1)
}

// demand is the day's traffic, in readers that are fully busy: an afternoon that triples, a sale that doubles that within
// three minutes, and an evening that fades.
func demand(sinceOpening time.Duration) float64 {
	hours := sinceOpening.Hours()
	rise := 0.9 + 1.8/(1+math.Exp(-2.2*(hours-1.6)))
	ebb := 1 / (1 + math.Exp(3*(hours-4.8)))
	sale := 0.0
	if after := sinceOpening - saleAfter; after >= 0 {
		sale = 3.6 * math.Min(1, after.Minutes()/3) * math.Exp(-max(0, after.Hours()-0.4)*2)
	}
	return 0.4 + rise*ebb + sale
}

// rehearse plays the day.
func rehearse(ctx context.Context, props replicascaler.Props, out io.Writer, minutes int) (err error) {
	opening := blackFriday(time.Now().Year())
	stage := &stage{
		now: opening, opening: opening, cluster: props.Cluster,
		arrivals: map[string]time.Time{}, departures: map[string]time.Time{}, shares: map[string]float64{},
	}
	props.Log, props.Now, props.Through = io.Discard, stage.clock, stage.between
	handler := replicascaler.New(props)
	stage.samples = cloudwatch.NewFromConfig(props.AWS)
	operator := replicascaler.NewOperator(replicascaler.Props{Environment: props.Environment, Cluster: props.Cluster, AWS: props.AWS})

	if err := removeReaders(ctx, operator, out, "left by an earlier rehearsal"); err != nil {
		return fmt.Errorf("rehearse: reach the emulated account at %s: %w (is it up? make up)", *props.AWS.BaseEndpoint, err)
	}
	defer func() {
		// An interrupted rehearsal cleans up too.
		err = errors.Join(err, removeReaders(context.WithoutCancel(ctx), operator, out, "of the rehearsal"))
	}()
	screen := newScreen(out, props.Cluster, opening)
	screen.open()
	for range minutes {
		if err := stage.minute(ctx); err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		report, err := handler.Handle(ctx, []byte(`{"source":"aws.events","detail-type":"Scheduled Event"}`))
		if ctx.Err() != nil {
			return errors.New("rehearse: interrupted")
		}
		if err != nil {
			return fmt.Errorf("rehearse: %w", err)
		}
		if report.Ignored != "" || report.Cluster.Status == "" {
			return fmt.Errorf("rehearse: there is no cluster %s to play with in the emulated account (make up creates it)", props.Cluster)
		}
		screen.show(stage.now, stage.load, stage.busiest, report)
	}
	screen.close()
	return nil
}

// removeReaders deletes the scaler's readers and waits until they are gone.
func removeReaders(ctx context.Context, operator *replicascaler.Operator, out io.Writer, which string) error {
	told := false
	for range 60 {
		remaining, err := operator.Drain(ctx)
		if err != nil {
			return err
		}
		if remaining == 0 {
			return nil
		}
		if !told {
			fmt.Fprintf(out, "Removing %s %s ...\n", readers(remaining), which)
			told = true
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	return errors.New("the scaler's readers are still there after a minute; remove them with aws rds delete-db-instance")
}

// rehearsalPolicy is the deployed policy with room to show something, and with the sale in its calendar.
func rehearsalPolicy(deployed decision.Policy, environment string, opening time.Time) decision.Policy {
	policy := deployed
	policy.Mode, policy.Max, policy.Prefix = decision.Active, decision.MaxReaders, contract.ReaderPrefix(environment)
	policy.Freezes, policy.Override = nil, nil
	from := opening.Add(saleAfter)
	policy.Floors = []decision.Floor{{
		Window:  decision.Window{Name: "Black Friday sale", From: from, Until: from.Add(saleLasts)},
		Readers: saleReaders,
	}}
	return policy
}
