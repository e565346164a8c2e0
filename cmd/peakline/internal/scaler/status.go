package scaler

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"peakline/lambda/decision"
	replicascaler "peakline/lambda/scaler"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:        "status",
		Usage:       "show the readers, the policy, the override and the last run",
		Description: "Reads the account as the scaler does. It changes nothing.",
		Flags:       accountFlags(),
		Action: func(ctx context.Context, command *cli.Command) error {
			operator, props, err := operator(ctx, command)
			if err != nil {
				return err
			}
			report, err := preview(ctx, operator)
			if err != nil {
				return err
			}
			last, err := operator.LastRun(ctx)
			if err != nil {
				return err
			}
			return writeStatus(command.Root().Writer, props, report, last, operator.Now())
		},
	}
}

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:        "explain",
		Usage:       "say in sentences what the scaler would do now, and why",
		Description: "Runs the scaler's decision on the account as it is now, in dry-run. It changes nothing.",
		Flags:       accountFlags(),
		Action: func(ctx context.Context, command *cli.Command) error {
			operator, props, err := operator(ctx, command)
			if err != nil {
				return err
			}
			report, err := preview(ctx, operator)
			if err != nil {
				return err
			}
			writeExplanation(command.Root().Writer, props, report)
			return nil
		},
	}
}

// preview decides as the scaler would now. A scaler without a policy is an error for a person who asks about it.
func preview(ctx context.Context, operator *replicascaler.Operator) (replicascaler.Report, error) {
	report, err := operator.Preview(ctx)
	if err == nil && report.Ignored != "" {
		_, err = operator.Settings(ctx)
	}
	return report, err
}

func writeStatus(out io.Writer, props replicascaler.Props, r replicascaler.Report, last replicascaler.Run, now time.Time) error {
	d := r.Decision
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "Cluster\t%s, %s\n", props.Cluster, cmp.Or(r.Cluster.Status, "not found"))
	fmt.Fprintf(table, "Policy\t%s, %d to %d readers\n", cmp.Or(r.Policy.Mode, decision.Active), r.Policy.Min, r.Policy.Max)
	switch {
	case r.Policy.Override != nil:
		fmt.Fprintf(table, "Override\t%s\n", describe(*r.Policy.Override))
	case r.Override != "":
		fmt.Fprintf(table, "Override\tnone in force: the parameter is %s\n", r.Override)
	default:
		fmt.Fprintf(table, "Override\tnone\n")
	}
	if last.At.IsZero() {
		fmt.Fprintf(table, "Last run\tnone within an hour: look at the function's log and its schedule\n")
	} else {
		fmt.Fprintf(table, "Last run\t%s ago: %d wanted, %d in service, %d on their way\n", span(now.Sub(last.At)), last.Desired, last.Serving, last.Coming)
	}
	fmt.Fprintf(table, "Now\t%s: %d wanted, %d in service, %d on their way\n", d.State, d.Desired, d.Serving, d.Coming)
	fmt.Fprintf(table, "Load\t%.1f readers' worth, %.1f expected within %s\n", d.Demand, d.Forecast, span(d.Lead))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	fmt.Fprintln(table, "MEMBER\tROLE\tSTATUS\tCLASS\tZONE\tTIER\tCPU\tLAG\tCREATED BY")
	members := slices.Clone(r.Members)
	slices.SortFunc(members, func(a, b decision.Member) int {
		return cmp.Or(-cmp.Compare(a.Role, b.Role), strings.Compare(a.ID, b.ID))
	})
	for _, m := range members {
		role, owner := "reader", "others"
		if m.Role == decision.Writer {
			role = "writer"
		}
		if m.Owned {
			owner = "scaler"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", m.ID, role, cmp.Or(m.Status, "unknown"), m.Class,
			cmp.Or(m.Zone, "-"), m.Tier, latest(m.CPU, "%.0f %%"), latest(m.LagMs, "%.0f ms"), owner)
	}
	return table.Flush()
}

// latest is a series' newest value, or a dash.
func latest(series decision.Series, format string) string {
	if len(series) == 0 {
		return "-"
	}
	newest := slices.MaxFunc(series, func(a, b decision.Sample) int { return cmp.Compare(a.Minute, b.Minute) })
	return fmt.Sprintf(format, newest.Value)
}

func writeExplanation(out io.Writer, props replicascaler.Props, r replicascaler.Report) {
	d := r.Decision
	fmt.Fprintf(out, "%s should have %s; %d in service, %d on their way. The scaler is %s.\n",
		props.Cluster, readers(d.Desired), d.Serving, d.Coming, strings.ReplaceAll(string(d.State), "-", " "))
	if d.Demand > 0 {
		fmt.Fprintf(out, "The load is what %.1f fully busy readers do; %.1f are expected within %s, the time a new reader needs to help.\n",
			d.Demand, d.Forecast, span(d.Lead))
	}
	if d.Shortfall > 0 {
		fmt.Fprintf(out, "%s more are needed than the policy's maximum of %d allows.\n", readers(d.Shortfall), r.Policy.Max)
	}
	fmt.Fprintln(out, "\nBecause:")
	for _, sentence := range sentences(d) {
		fmt.Fprintf(out, "  - %s\n", sentence)
	}
	for _, failure := range r.Failures {
		fmt.Fprintf(out, "  - could not %s: %v\n", failure.Doing, failure.Err)
	}
	fmt.Fprintf(out, "\n%s\n", consequence(r))
}

// sentences are a decision's reasons in words.
func sentences(d decision.Decision) []string {
	var out []string
	for _, reason := range d.Reasons {
		out = append(out, cmp.Or(decision.Reasons[reason], string(reason)))
	}
	if len(out) == 0 {
		out = append(out, "the readers suffice, and none is superfluous")
	}
	return out
}

// consequence says what the scaler's next run does.
func consequence(r replicascaler.Report) string {
	d := r.Decision
	var acts []string
	if n := len(d.Creates); n > 0 {
		acts = append(acts, fmt.Sprintf("creates %s, which will help in about %s", readers(n), span(d.Lead)))
	}
	if len(d.Deletes) > 0 {
		acts = append(acts, "deletes "+strings.Join(d.Deletes, ", "))
	}
	text := "The next run changes nothing."
	if len(acts) > 0 {
		text = "The next run " + strings.Join(acts, " and ") + "."
		if r.Policy.Mode == decision.DryRun {
			text = strings.Replace(text, "The next run", "In another mode than dry-run, the next run", 1)
		}
	}
	return fmt.Sprintf("Now %d in service, %d on their way, %d wanted. %s", d.Serving, d.Coming, d.Desired, text)
}

func readers(n int) string {
	if n == 1 {
		return "1 reader"
	}
	return fmt.Sprintf("%d readers", n)
}
