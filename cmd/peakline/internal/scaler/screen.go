package scaler

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"peakline/lambda/decision"
	replicascaler "peakline/lambda/scaler"
)

// screen shows a rehearsal: a line whenever something changes, and every quarter of an hour; at the end the whole day.
type screen struct {
	out     io.Writer
	cluster string
	opening time.Time
	last    string // the readers as the last line left them
	loads   []float64
	readers []float64
	hours   float64
	hot     int // minutes in which a reader was over 80 % CPU
}

func newScreen(out io.Writer, cluster string, opening time.Time) *screen {
	return &screen{out: out, cluster: cluster, opening: opening}
}

func (s *screen) open() {
	fmt.Fprintf(s.out, "%s on the emulated account, cluster %s: the shop opens at %s, the sale starts at %s.\n"+
		"The calendar asks for %d readers during the sale. ● in service, ◌ on its way.\n\n%-6s %-22s %-18s %5s  %s\n",
		s.opening.Format("Friday 2 January 2006"), s.cluster, s.opening.Format("15:04"), s.opening.Add(saleAfter).Format("15:04"),
		saleReaders, "TIME", "LOAD (readers' worth)", "READERS", "CPU", "WHY")
}

func (s *screen) show(now time.Time, load, busiest float64, r replicascaler.Report) {
	d := r.Decision
	s.loads, s.readers = append(s.loads, load), append(s.readers, float64(d.Serving))
	s.hours += float64(d.Serving+d.Coming) / 60
	if busiest > 80 {
		s.hot++
	}
	picture := strings.Repeat("●", d.Serving) + strings.Repeat("◌", d.Coming+len(r.Creates))
	changed := picture != s.last || len(r.Deletes) > 0
	s.last = strings.Repeat("●", max(0, d.Serving-len(r.Deletes))) + strings.Repeat("◌", d.Coming+len(r.Creates))
	if !changed && now.Minute()%15 != 0 {
		return
	}
	fmt.Fprintf(s.out, "%-6s %-16s %5.1f %-18s %3.0f %%  %s\n", now.Format("15:04"), bar(load, 6, 16), load, picture, busiest, why(r))
}

// why is what was done in this minute and the reasons that matter most to it.
func why(r replicascaler.Report) string {
	var acts []string
	if n := len(r.Creates); n > 0 {
		acts = append(acts, fmt.Sprintf("+%d", n))
	}
	for _, id := range r.Deletes {
		acts = append(acts, "-1 ("+id[strings.LastIndex(id, "-")+1:]+")")
	}
	text := string(r.Decision.State)
	if len(acts) > 0 {
		text = strings.Join(acts, " ")
	}
	for _, reason := range telling {
		if slices.Contains(r.Decision.Reasons, reason) {
			return text + ": " + decision.Reasons[reason]
		}
	}
	return text
}

// telling are the reasons worth a line, the most telling first.
var telling = []decision.Reason{
	decision.ReasonSaturated, decision.ReasonDeleteBroken, decision.ReasonScaleIn, decision.ReasonFloor, decision.ReasonDemand,
	decision.ReasonTrend, decision.ReasonRisk, decision.ReasonSeason, decision.ReasonImbalance, decision.ReasonHoldComing,
	decision.ReasonHoldFloorAhead, decision.ReasonHoldWarming, decision.ReasonHoldStabilisation, decision.ReasonHoldBillingMinimum,
	decision.ReasonMinimum,
}

func (s *screen) close() {
	peak := slices.Max(s.readers)
	always := peak * float64(len(s.readers)) / 60
	fmt.Fprintf(s.out, "\nLoad     %s\nReaders  %s\n         %-30s%30s\n", sparkline(s.loads, 60), sparkline(s.readers, 60),
		s.opening.Format("15:04"), s.opening.Add(time.Duration(len(s.loads))*time.Minute).Format("15:04"))
	fmt.Fprintf(s.out, "\n%.0f readers at the peak, %.0f reader-hours; keeping the peak's readers all day takes %.0f. A reader was over 80 %% CPU for %d min.\n",
		peak, s.hours, always, s.hot)
}

// bar draws a value against the most expected.
func bar(value, most float64, width int) string {
	eighths := int(min(value/most, 1) * float64(width) * 8)
	const parts = " ▏▎▍▌▋▊▉"
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune(parts)[rest])
	}
	return text
}

// sparkline draws a series in one line, each character the highest value of its stretch.
func sparkline(series []float64, width int) string {
	const levels = "▁▂▃▄▅▆▇█"
	if len(series) == 0 {
		return ""
	}
	highest := slices.Max(series)
	var line strings.Builder
	for i := range width {
		from, until := i*len(series)/width, max((i+1)*len(series)/width, i*len(series)/width+1)
		v := slices.Max(series[from:min(until, len(series))])
		line.WriteRune([]rune(levels)[min(7, int(v/max(highest, 1e-9)*7.99))])
	}
	return line.String()
}
