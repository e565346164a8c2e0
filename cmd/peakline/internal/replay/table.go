package replay

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"peakline/cmd/peakline/internal/simulator"
)

// writeTable writes, for each trace, the cheapest setting of each policy that serves well, then all its settings.
func writeTable(out io.Writer, replays []Replay) error {
	for n, r := range replays {
		if n > 0 {
			fmt.Fprintln(out)
		}
		highest := 0.0
		for _, load := range r.Trace.Load {
			highest = max(highest, load)
		}
		fmt.Fprintf(out, "%s: %.1f days from %s, highest minute %s requests/s, %d to %d readers, %d seeds\n\n",
			r.Trace.Name, r.Trace.Days(), r.Trace.Start.Format("2006-01-02 15:04"), thousands(highest),
			r.Plant.Readers.Min, r.Plant.Readers.Max, len(r.Seeds))
		if err := writeBest(out, r); err != nil {
			return err
		}
		if err := writeCurves(out, r); err != nil {
			return err
		}
	}
	return nil
}

func writeBest(out io.Writer, r Replay) error {
	fmt.Fprintf(out, "Each policy at the cheapest setting with at most %g %% bad requests in the worst seed (! = none has)\n",
		simulator.AcceptedBadPercent)
	table := newTable(out)
	table.row("policy", "setting", "bad %", "worst", "reader-h", "above min", "vs oracle", "CPU>65 min", "lag>100 min",
		"actions/day", "wasted", "under %", "over %", "unstable %")
	oracle := math.NaN()
	for _, sweep := range r.Sweeps {
		if sweep.Policy.Name == simulator.Oracle {
			oracle = best(sweep).Mean.ReaderHours
		}
	}
	for _, sweep := range r.Sweeps {
		s := best(sweep)
		mark := ""
		if s.WorstBadPercent > simulator.AcceptedBadPercent {
			mark = " !"
		}
		elasticity := s.Mean.Elasticity
		table.row(s.Policy, s.Setting, percent(s.Mean.BadPercent), percent(s.WorstBadPercent)+mark,
			fmt.Sprintf("%.1f", s.Mean.ReaderHours), fmt.Sprintf("%.1f", s.Mean.HoursAboveMinimum()),
			known("%+.1f", s.Mean.ReaderHours-oracle), fmt.Sprint(s.Mean.CPUOverMinutes), late(s.Mean.LagMinutes),
			fmt.Sprintf("%.1f", s.Mean.ActionsPerDay), fmt.Sprint(s.Mean.WastedCreations),
			fmt.Sprintf("%.2f", elasticity.UnderAccuracy), fmt.Sprintf("%.0f", elasticity.OverAccuracy),
			fmt.Sprintf("%.1f", elasticity.Instability))
	}
	return table.flush()
}

// best is a sweep at the cheapest setting of its best variant.
func best(sweep simulator.Sweep) simulator.Summary {
	return simulator.Cheapest(sweep.Summaries()[sweep.Best()], simulator.AcceptedBadPercent)
}

func writeCurves(out io.Writer, r Replay) error {
	fmt.Fprintf(out, "\nCost against service: reader-hours above the minimum, and %% bad requests in the worst seed (* = as shipped)\n")
	table := newTable(out)
	for _, sweep := range r.Sweeps {
		if sweep.Policy.Knob == "" {
			continue
		}
		summaries := sweep.Summaries()[sweep.Best()]
		settings, hours, bad := []string{sweep.Policy.Name, sweep.Policy.Knob}, []string{"", "above min"}, []string{"", "bad %"}
		for n, s := range summaries {
			setting := s.Setting
			if sweep.Policy.Name == simulator.Peakline && n == sweep.Policy.Default {
				setting += "*"
			}
			settings = append(settings, setting)
			hours = append(hours, fmt.Sprintf("%.1f", s.Mean.HoursAboveMinimum()))
			bad = append(bad, percent(s.WorstBadPercent))
		}
		table.row(settings...)
		table.row(hours...)
		table.row(bad...)
	}
	if err := table.flush(); err != nil {
		return err
	}
	for _, sweep := range r.Sweeps {
		if len(sweep.Runs) > 1 {
			fmt.Fprintf(out, "%s: best of %d variants here, %s\n", sweep.Policy.Name, len(sweep.Runs),
				sweep.Policy.Variants[sweep.Best()].About)
		}
	}
	return nil
}

// writeJudgement writes the judgement of one setting over all traces.
func writeJudgement(out io.Writer, replays []Replay) error {
	var experiments []simulator.Experiment
	var sweeps [][]simulator.Sweep
	for _, r := range replays {
		experiments, sweeps = append(experiments, r.Experiment), append(sweeps, r.Sweeps)
	}
	judged := simulator.Judge(experiments, sweeps)
	fmt.Fprintf(out, "One setting for all %d traces, the cheapest with at most %s %% bad requests in the worst of %d seeds\n",
		len(replays), percent(judged.LimitPercent), len(replays[0].Seeds))
	if judged.LimitPercent > simulator.AcceptedBadPercent {
		fmt.Fprintf(out, "(no setting reaches %g %% everywhere: compared at the best figure that peakline and target tracking both reach)\n",
			simulator.AcceptedBadPercent)
	}
	rows := judged.Verdicts
	if judged.Shipped != nil && judged.Shipped.Setting != rows[0].Setting {
		shipped := *judged.Shipped
		shipped.Policy += " as shipped"
		rows = slices.Insert(slices.Clone(rows), 0, shipped)
	}
	table := newTable(out)
	header := []string{"policy", "setting", "worst %", "above min h", "saved", "h/day", "saved"}
	rivalHours, rivalDaily := math.NaN(), math.NaN()
	for _, v := range judged.Verdicts {
		if v.Policy == simulator.TargetTracking {
			rivalHours, rivalDaily = v.AboveMinimum, v.PerDay
		}
	}
	table.row(header...)
	for _, v := range rows {
		mark := ""
		if v.WorstBadPercent > judged.LimitPercent {
			mark = " !"
		}
		table.row(v.Policy, v.Setting, percent(v.WorstBadPercent)+mark, fmt.Sprintf("%.1f", v.AboveMinimum),
			saved(v.AboveMinimum, rivalHours), fmt.Sprintf("%.2f", v.PerDay), saved(v.PerDay, rivalDaily))
	}
	if err := table.flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nReader-hours above the minimum by trace at that setting, and %% bad requests in the worst seed\n")
	table = newTable(out)
	table.row(append([]string{"policy"}, judged.Names...)...)
	for _, v := range rows {
		cells := []string{v.Policy}
		for _, s := range v.Traces {
			cells = append(cells, fmt.Sprintf("%.1f / %s", s.Mean.HoursAboveMinimum(), percent(s.WorstBadPercent)))
		}
		table.row(cells...)
	}
	if err := table.flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nCurves, each policy tuned for the single trace: peakline against target tracking's best variant\n")
	table = newTable(out)
	table.row("trace", "highest hours ratio", "at bad %", "above min ratio at 0.05 %", "way to the oracle")
	for t, c := range judged.Curves {
		table.row(judged.Names[t], fmt.Sprintf("%.3f", c.WorstRatio), percent(c.AtPercent),
			known("%.3f", c.AtAccepted), known("%.0f %%", 100*c.Position))
	}
	if err := table.flush(); err != nil {
		return err
	}
	if judged.Shipped == nil || judged.Tracking == nil {
		return nil
	}
	fmt.Fprintf(out, "\nWithout tuning, mean %% bad requests: peakline as shipped (%s), target tracking at %s\n",
		judged.Shipped.Setting, judged.Tracking.Setting)
	table = newTable(out)
	table.row("trace", "peakline", "target-tracking", "times fewer")
	for t, name := range judged.Names {
		ours, theirs := judged.Shipped.Traces[t].Mean.BadPercent, judged.Tracking.Traces[t].Mean.BadPercent
		table.row(name, percent(ours), percent(theirs), fewer(ours, theirs))
	}
	if len(judged.Names) > 1 {
		ours, theirs := judged.Shipped.MeanBadPercent(), judged.Tracking.MeanBadPercent()
		table.row("all", percent(ours), percent(theirs), fewer(ours, theirs))
	}
	return table.flush()
}

// fewer says how many times fewer bad requests there are.
func fewer(ours, theirs float64) string {
	switch {
	case ours > 0:
		return fmt.Sprintf("%.1f", theirs/ours)
	case theirs > 0:
		return "all"
	}
	return "-"
}

func saved(hours, than float64) string { return fmt.Sprintf("%.1f %%", 100*(1-hours/than)) }

// percent shows small shares with the digits that matter.
func percent(p float64) string { return fmt.Sprintf("%.3f", p) }

// late shows minutes of lag in total and by cause.
func late(causes map[string]int) string {
	total, parts := 0, []string{}
	for _, cause := range simulator.LagCauses {
		if n := causes[cause]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%s %d", cause, n))
		}
	}
	if total == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(parts, ", "))
}

func thousands(n float64) string {
	text := fmt.Sprintf("%.0f", n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// textTable aligns columns in the terminal.
type textTable struct{ out *tabwriter.Writer }

func newTable(out io.Writer) textTable { return textTable{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)} }

func (t textTable) row(cells ...string) { fmt.Fprintln(t.out, strings.Join(cells, "\t")) }

func (t textTable) flush() error { return t.out.Flush() }

// known formats a number, or shows a dash for NaN: what nothing was replayed for or no setting reached.
func known(format string, value float64) string {
	if math.IsNaN(value) {
		return "-"
	}
	return fmt.Sprintf(format, value)
}
