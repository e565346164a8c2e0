package replay

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"peakline/cmd/peakline/internal/simulator"
)

// The page, in points. Panels stand below one another, and the ones over time share their horizontal axis.
const (
	pageWidth    = 1100
	margin       = 28
	titleHeight  = 62
	loadHeight   = 130
	policyHeight = 74
	gap          = 6
	axisWidth    = 52
	noteWidth    = 196
	headHeight   = 40
	curvesHeight = 380
	longestLine  = 1400 // points drawn along the time axis: about one a pixel
)

var (
	ink    = color.RGBA{0x1f, 0x29, 0x37, 0xff}
	faint  = color.RGBA{0x6b, 0x72, 0x80, 0xff}
	rule   = color.RGBA{0xe2, 0xe6, 0xea, 0xff}
	need   = color.RGBA{0xd5, 0xda, 0xe1, 0xff}
	sea    = color.RGBA{0xbf, 0xd9, 0xee, 0xff}
	sale   = color.RGBA{0xfd, 0xf1, 0xc7, 0xff}
	alert  = color.RGBA{0xdc, 0x26, 0x26, 0xff}
	colors = map[string]color.RGBA{
		simulator.Peakline:       {0x0b, 0x7a, 0x75, 0xff},
		simulator.TargetTracking: {0xe0, 0x6c, 0x00, 0xff},
		"scheduled-tracking":     {0xb4, 0x53, 0x9b, 0xff},
		"alarm-lambda":           {0x8a, 0x5a, 0x2b, 0xff},
		"kubernetes-hpa":         {0x2f, 0x6f, 0xd6, 0xff},
		simulator.StaticPeak:     {0x5f, 0x6b, 0x7a, 0xff},
		"static-mean":            {0x9a, 0xa5, 0xb1, 0xff},
		simulator.Oracle:         {0x5b, 0x3f, 0xc4, 0xff},
	}
)

// writeChart draws one trace as SVG: the load, then for each policy its readers over those the load needed with the
// bad minutes in red, and at the foot what each policy's settings cost against how they serve.
func writeChart(out io.Writer, replays []Replay) error {
	r := replays[0]
	height := vg.Length(2*margin + titleHeight + loadHeight + len(r.Sweeps)*(policyHeight+gap) + headHeight + curvesHeight)
	svg := vgsvg.NewWith(vgsvg.UseWH(pageWidth, height))
	page := draw.Crop(draw.New(svg), margin, -margin, margin, -margin)
	page.SetColor(color.White)
	page.Fill(vg.Rectangle{Min: vg.Point{}, Max: vg.Point{X: pageWidth, Y: height}}.Path())

	top := page.Max.Y
	panel := func(tall vg.Length) draw.Canvas {
		c := draw.Canvas{Canvas: page.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: page.Min.X, Y: top - tall}, Max: vg.Point{X: page.Max.X, Y: top},
		}}
		top -= tall
		return c
	}
	drawTitle(panel(titleHeight), r)
	if err := drawLoad(panel(loadHeight), r); err != nil {
		return fmt.Errorf("draw load: %w", err)
	}
	most := r.Plant.ReadersFor(slices.Max(r.Trace.Load))
	runs := make([]simulator.Run, len(r.Sweeps))
	for n, sweep := range r.Sweeps {
		runs[n] = unlucky(r, sweep)
		for _, m := range runs[n].Timeline {
			most = max(most, m.Serving)
		}
	}
	for n, sweep := range r.Sweeps {
		panel(gap)
		if err := drawPolicy(panel(policyHeight), r, sweep.Policy.Knob, runs[n], most); err != nil {
			return fmt.Errorf("draw %s: %w", sweep.Policy.Name, err)
		}
	}
	write(panel(headHeight), "What good service costs", 15, ink, true, 6)
	if err := drawCurves(panel(curvesHeight), r); err != nil {
		return fmt.Errorf("draw curves: %w", err)
	}
	if _, err := svg.WriteTo(out); err != nil {
		return fmt.Errorf("write chart: %w", err)
	}
	return nil
}

// style is sans-serif text of a size.
func style(points vg.Length, c color.Color, bold bool) draw.TextStyle {
	face := font.Font{Typeface: "Liberation", Variant: "Sans", Size: points}
	if bold {
		face.Weight = 2 // golang.org/x/image/font.WeightBold
	}
	return draw.TextStyle{Color: c, Font: face, XAlign: draw.XLeft, YAlign: draw.YBottom, Handler: plot.DefaultTextHandler}
}

// write puts text above the lower left corner of a panel.
func write(c draw.Canvas, text string, points vg.Length, ink color.Color, bold bool, y vg.Length) {
	c.FillText(style(points, ink, bold), vg.Point{X: c.Min.X, Y: c.Min.Y + y}, text)
}

func drawTitle(c draw.Canvas, r Replay) {
	write(c, r.Trace.Name, 22, ink, true, 32)
	write(c, fmt.Sprintf("%.1f days from %s. Highest minute %s requests/s, %d to %d readers. Each policy at its cheapest setting "+
		"with at most %g %% bad requests, unluckiest of %d seeds.", r.Trace.Days(), r.Trace.Start.Format("2 January 2006, 15:04"),
		thousands(slices.Max(r.Trace.Load)), r.Plant.Readers.Min, r.Plant.Readers.Max, simulator.AcceptedBadPercent,
		len(r.Seeds)), 11, faint, false, 14)
}

// timePanel is an empty panel over the trace's time, without decoration.
func timePanel(r Replay, highest float64) *plot.Plot {
	p := plot.New()
	p.X.Min, p.X.Max = 0, float64(len(r.Trace.Load))
	p.Y.Min, p.Y.Max = 0, highest
	p.X.LineStyle.Color, p.Y.LineStyle.Color = rule, color.Transparent
	p.X.Tick.Marker = plot.ConstantTicks(nil)
	p.Y.Tick.LineStyle.Color = color.Transparent
	p.Y.Tick.Label = style(9, faint, false)
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Tick.Label = style(9, faint, false)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.X.Tick.LineStyle.Color = rule
	p.X.Padding, p.Y.Padding = 0, 0
	return p
}

// place draws a panel so that its data begins axisWidth from the left edge and ends noteWidth from the right one.
func place(c draw.Canvas, p *plot.Plot) draw.Canvas {
	taken := p.DataCanvas(c)
	c = draw.Crop(c, axisWidth-(taken.Min.X-c.Min.X), -noteWidth+(c.Max.X-taken.Max.X), 0, 0)
	p.Draw(c)
	return p.DataCanvas(c)
}

// calendar marks every day, or every few hours or days when that suits the trace better.
func calendar(r Replay) plot.ConstantTicks {
	steps := []time.Duration{time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour}
	length := time.Duration(len(r.Trace.Load)) * time.Minute
	step := steps[len(steps)-1]
	for _, candidate := range steps {
		if length/candidate <= 14 {
			step = candidate
			break
		}
	}
	var ticks plot.ConstantTicks
	for at := r.Trace.Start.Truncate(step); at.Before(r.Trace.Start.Add(length)); at = at.Add(step) {
		minute := at.Sub(r.Trace.Start).Minutes()
		if minute < 0 {
			continue
		}
		label := at.Format("15:04")
		if at.Hour() == 0 {
			label = at.Format("Mon 2 Jan")
		}
		ticks = append(ticks, plot.Tick{Value: minute, Label: label})
	}
	return ticks
}

// outline condenses a value per minute to what can be seen, keeping the extreme of each stretch.
func outline(minutes int, value func(minute int) float64, extreme func(a, b float64) float64) plotter.XYs {
	stretch := max(1, minutes/longestLine)
	var line plotter.XYs
	for from := 0; from < minutes; from += stretch {
		y := value(from)
		for minute := from; minute < min(minutes, from+stretch); minute++ {
			y = extreme(y, value(minute))
		}
		line = append(line, plotter.XY{X: float64(from), Y: y})
	}
	return append(line, plotter.XY{X: float64(minutes), Y: line[len(line)-1].Y})
}

// area fills below a line; steps turns a line into stairs.
func area(line plotter.XYs, fill color.Color) (*plotter.Polygon, error) {
	closed := append(slices.Clone(line), plotter.XY{X: line[len(line)-1].X}, plotter.XY{X: line[0].X})
	shape, err := plotter.NewPolygon(closed)
	if err != nil {
		return nil, err
	}
	shape.Color = fill
	shape.LineStyle.Width = 0
	return shape, nil
}

func steps(line plotter.XYs) plotter.XYs {
	var stairs plotter.XYs
	for i, p := range line {
		if i > 0 && line[i-1].Y != p.Y {
			stairs = append(stairs, plotter.XY{X: p.X, Y: line[i-1].Y})
		}
		if i == 0 || i == len(line)-1 || line[i-1].Y != p.Y {
			stairs = append(stairs, p)
		}
	}
	return stairs
}

// addSales shades the known sales.
func addSales(p *plot.Plot, r Replay) error {
	for _, floor := range r.Floors {
		from, until := floor.From.Sub(r.Trace.Start).Minutes(), floor.Until.Sub(r.Trace.Start).Minutes()
		from, until = max(0, from), min(p.X.Max, until)
		if from >= until {
			continue
		}
		shade, err := area(plotter.XYs{{X: from, Y: p.Y.Max}, {X: until, Y: p.Y.Max}}, sale)
		if err != nil {
			return err
		}
		p.Add(shade)
	}
	return nil
}

func drawLoad(c draw.Canvas, r Replay) error {
	highest := slices.Max(r.Trace.Load)
	p := timePanel(r, highest*1.05)
	if err := addSales(p, r); err != nil {
		return err
	}
	line := outline(len(r.Trace.Load), func(minute int) float64 { return r.Trace.Load[minute] }, math.Max)
	below, err := area(line, sea)
	if err != nil {
		return err
	}
	edge, err := plotter.NewLine(line)
	if err != nil {
		return err
	}
	edge.Color, edge.Width = color.RGBA{0x2c, 0x6d, 0xa4, 0xff}, 0.8
	p.Add(below, edge)
	p.X.Tick.Marker = calendar(r)
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: highest, Label: thousands(highest)}}
	data := place(c, p)
	note := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: data.Max.X + 14, Y: data.Min.Y}, Max: c.Max}}
	write(note, "Load", 13, ink, true, 76)
	write(note, "requests/s, every minute", 10, faint, false, 62)
	if len(r.Floors) > 0 {
		write(note, "yellow: in the calendar", 10, faint, false, 48)
	}
	return nil
}

// unlucky is the run of a policy's cheapest good setting under its worst seed, with its timeline.
func unlucky(r Replay, sweep simulator.Sweep) simulator.Run {
	chosen := best(sweep)
	var worst simulator.Run
	for _, runs := range sweep.Runs[sweep.Best()] {
		for _, run := range runs {
			if run.Value == chosen.Value && (worst.Policy == "" || run.BadPercent > worst.BadPercent) {
				worst = run
			}
		}
	}
	return r.RunOne(sweep.Policy, sweep.Best(), worst.Value, worst.Seed, true)
}

// drawPolicy draws one run on a scale of readers that all runs share.
func drawPolicy(c draw.Canvas, r Replay, knob string, run simulator.Run, most int) error {
	minutes := len(run.Timeline)
	needed := func(minute int) float64 { return float64(r.Plant.ReadersFor(r.Trace.Load[minute])) }
	top := float64(most) + 1
	p := timePanel(r, top)
	if err := addSales(p, r); err != nil {
		return err
	}
	below, err := area(steps(outline(minutes, needed, math.Max)), need)
	if err != nil {
		return err
	}
	supply, err := plotter.NewLine(steps(outline(minutes, func(minute int) float64 { return float64(run.Timeline[minute].Serving) }, math.Min)))
	if err != nil {
		return err
	}
	supply.Color, supply.Width = colors[run.Policy], 1.5
	p.Add(below, supply)
	bad := outline(minutes, func(minute int) float64 { return run.Timeline[minute].BadShare }, math.Max)
	for _, at := range bad[:len(bad)-1] {
		if at.Y == 0 {
			continue
		}
		mark, err := plotter.NewLine(plotter.XYs{{X: at.X, Y: 0}, {X: at.X, Y: top * (0.25 + 0.75*at.Y)}})
		if err != nil {
			return err
		}
		mark.Color, mark.Width = alert, 1
		p.Add(mark)
	}
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: float64(most), Label: fmt.Sprint(most)}}
	data := place(c, p)

	note := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: data.Max.X + 14, Y: data.Min.Y}, Max: c.Max}}
	write(note, run.Policy, 13, colors[run.Policy], true, 52)
	write(note, fmt.Sprintf("%s %s", knob, run.Setting), 10, faint, false, 38)
	write(note, fmt.Sprintf("%.0f reader-hours above minimum", run.HoursAboveMinimum()), 10, ink, false, 24)
	shade := color.Color(ink)
	if run.BadPercent > simulator.AcceptedBadPercent {
		shade = alert
	}
	write(note, percent(run.BadPercent)+" % bad requests", 10, shade, false, 10)
	return nil
}

// least is where the curves' axis ends: fewer bad requests, in percent, look like none.
const least = 0.002

func drawCurves(c draw.Canvas, r Replay) error {
	depth := func(badPercent float64) float64 { return math.Log10(max(badPercent, least)) }
	p := plot.New()
	farthest := 0.0
	for _, sweep := range r.Sweeps {
		if sweep.Policy.Name == simulator.TargetTracking || sweep.Policy.Name == simulator.Peakline {
			farthest = max(farthest, 1.5*best(sweep).Mean.HoursAboveMinimum())
		}
	}
	if farthest == 0 {
		for _, sweep := range r.Sweeps {
			farthest = max(farthest, 1.1*best(sweep).Mean.HoursAboveMinimum())
		}
	}
	p.X.Min, p.X.Max = 0, max(1, farthest)
	p.Y.Min, p.Y.Max = depth(0), depth(20)
	p.X.LineStyle.Color, p.Y.LineStyle.Color = rule, color.Transparent
	p.X.Label.Text, p.Y.Label.Text = "reader-hours above the minimum", ""
	p.X.Label.TextStyle = style(11, faint, false)
	p.X.Label.TextStyle.XAlign = draw.XCenter
	p.X.Label.Padding = 6
	p.X.Tick.Label, p.Y.Tick.Label = style(9, faint, false), style(9, faint, false)
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Tick.LineStyle.Color, p.Y.Tick.LineStyle.Color = rule, color.Transparent
	var marks plot.ConstantTicks
	for _, level := range []float64{0, 0.01, 0.05, 0.1, 0.5, 1, 5, 20} {
		label := fmt.Sprintf("%g %%", level)
		if level == 0 {
			label = "none"
		}
		marks = append(marks, plot.Tick{Value: depth(level), Label: label})
		line, err := plotter.NewLine(plotter.XYs{{X: 0, Y: depth(level)}, {X: p.X.Max, Y: depth(level)}})
		if err != nil {
			return err
		}
		line.Color, line.Width = rule, 0.6
		if level == simulator.AcceptedBadPercent {
			line.Color, line.Width, line.Dashes = alert, 0.9, []vg.Length{4, 3}
		}
		p.Add(line)
	}
	p.Y.Tick.Marker = marks
	type ending struct {
		at   plotter.XY
		name string
	}
	var endings []ending
	for _, sweep := range r.Sweeps {
		if sweep.Policy.Knob == "" {
			continue
		}
		var points plotter.XYs
		for _, s := range sweep.Summaries()[sweep.Best()] {
			x, y := s.Mean.HoursAboveMinimum(), depth(s.WorstBadPercent)
			if x >= 0 && x <= p.X.Max && y <= p.Y.Max {
				points = append(points, plotter.XY{X: x, Y: y})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = colors[sweep.Policy.Name], 1.2
		dots.Color, dots.Shape, dots.Radius = colors[sweep.Policy.Name], draw.CircleGlyph{}, 2.2
		switch sweep.Policy.Name {
		case simulator.Peakline:
			line.Width, dots.Radius = 2.6, 3.4
		case simulator.Oracle:
			line.Dashes = []vg.Length{5, 3}
		}
		p.Add(line, dots)
		endings = append(endings, ending{points[len(points)-1], sweep.Policy.Name})
	}
	data := place(c, p)
	// The legend stands beside the chart, in the order in which the curves end from top to bottom.
	slices.SortStableFunc(endings, func(a, b ending) int {
		if a.at.Y > b.at.Y {
			return -1
		}
		return 1
	})
	for n, e := range endings {
		y := data.Max.Y - vg.Length(18*(n+1))
		page := draw.Canvas{Canvas: c.Canvas, Rectangle: c.Rectangle}
		page.StrokeLine2(draw.LineStyle{Color: colors[e.name], Width: 3}, data.Max.X+14, y+4, data.Max.X+32, y+4)
		page.FillText(style(11, ink, e.name == simulator.Peakline), vg.Point{X: data.Max.X + 40, Y: y}, e.name)
	}
	note := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: data.Max.X + 14, Y: data.Min.Y}, Max: c.Max}}
	write(note, "One dot per setting; lower left", 10, faint, false, 58)
	write(note, "is better. Up: % bad requests in", 10, faint, false, 45)
	write(note, "the worst seed. Dashed red:", 10, faint, false, 32)
	write(note, "what counts as good service.", 10, faint, false, 19)
	return nil
}
