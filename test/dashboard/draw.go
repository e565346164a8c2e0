package dashboard

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"regexp"
	"strings"

	"peakline/test/cloudwatch"
)

// The page in pixels: a column, a row of the grid, and the space around a widget.
const (
	column, row = 52, 41
	space       = 6
	border      = 14
)

// colors are CloudWatch's own, in their order.
var colors = []string{"#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b"}

const (
	ink, faint, hairline, alert, calm = "#16191f", "#687078", "#e3e7eb", "#d13212", "#1d8102"
)

// Samples give a metric its values: Points of them, or with whole one value for the whole time of a number.
type Samples func(row Row, whole bool) cloudwatch.Series

// Draw writes a page as SVG, as CloudWatch would show it with these samples. Hours is what the graphs span.
func Draw(title string, body Body, samples Samples, hours int) (string, error) {
	bottom := 0
	for _, w := range body.Widgets {
		bottom = max(bottom, w.Y+w.Height)
	}
	p := &page{}
	width, height := 24*column+2*border, bottom*row+2*border+26
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif">`, width, height, width, height)
	p.printf(`<title>%s</title><rect width="100%%" height="100%%" fill="#f2f3f3"/>`, html.EscapeString(title))
	for _, w := range body.Widgets {
		if err := p.widget(w, samples, hours); err != nil {
			return "", err
		}
	}
	p.text(float64(width-border-space), float64(height-14), 11, faint, "end", title)
	p.printf("</svg>\n")
	return p.String(), nil
}

type page struct{ strings.Builder }

func (p *page) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *page) text(x, y float64, size int, color, anchor, text string) {
	p.printf(`<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s">%s</text>`, x, y, size, color, anchor, html.EscapeString(text))
}

// frame is the inside of a widget.
type frame struct{ x, y, width, height float64 }

func (p *page) widget(w Widget, samples Samples, hours int) error {
	f := frame{float64(border + w.X*column + space/2), float64(border + w.Y*row + space/2), float64(w.Width*column - space), float64(w.Height*row - space)}
	p.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="5" fill="#fff" stroke="%s"/>`, f.x, f.y, f.width, f.height, hairline)
	switch w.Type {
	case "text":
		p.note(f, w.Properties.Markdown)
		return nil
	case "alarm":
		p.heading(f, w.Properties.Title)
		p.alarms(f, w.Properties.Alarms)
		return nil
	}
	p.heading(f, w.Properties.Title)
	lines, err := linesOf(w, samples)
	if err != nil {
		return err
	}
	if w.Properties.View == "singleValue" {
		p.number(f, lines)
	} else {
		p.graph(f, w, lines, hours)
	}
	return nil
}

func (p *page) heading(f frame, title string) {
	p.printf(`<text x="%.1f" y="%.1f" font-size="14" font-weight="600" fill="%s">%s</text>`, f.x+14, f.y+24, ink, html.EscapeString(title))
}

var link = regexp.MustCompile(`\[([^\]]+)\]\([^)]*\)`)

// note writes the first heading of a text large, and what its links say below.
func (p *page) note(f frame, markdown string) {
	first, rest, _ := strings.Cut(markdown, "\n")
	p.printf(`<text x="%.1f" y="%.1f" font-size="22" font-weight="700" fill="%s">%s</text>`, f.x+14, f.y+32, ink, html.EscapeString(strings.TrimLeft(first, "# ")))
	p.text(f.x+14, f.y+58, 13, "#0073bb", "start", link.ReplaceAllString(rest, "$1"))
}

func (p *page) alarms(f frame, arns []string) {
	const across = 3
	width := (f.width - 28) / across
	for i, arn := range arns {
		x, y := f.x+14+float64(i%across)*width, f.y+38+float64(i/across)*27
		_, name, _ := strings.Cut(arn, ":alarm:")
		_, name, _ = strings.Cut(name, "-") // every name begins with the environment's
		p.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="22" rx="3" fill="#f2f8f0" stroke="#c6e0bd"/><circle cx="%.1f" cy="%.1f" r="5" fill="%s"/>`, x, y, width-6, x+13, y+11, calm)
		p.text(x+25, y+15, 11, ink, "start", shortened(name, int((width-34)/5.9)))
	}
}

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most-1] + "…"
}

// plotted is one visible metric.
type plotted struct {
	label  string
	values cloudwatch.Series
	right  bool
}

// linesOf computes what a widget shows.
func linesOf(w Widget, samples Samples) ([]plotted, error) {
	rows, err := w.Rows()
	if err != nil {
		return nil, err
	}
	whole := w.Properties.SetPeriodToTimeRange
	metrics := map[string]cloudwatch.Series{}
	for _, r := range rows {
		if r.Expression == "" && r.ID != "" {
			metrics[r.ID] = samples(r, whole)
		}
	}
	var lines []plotted
	for _, r := range rows {
		line := plotted{label: cmp.Or(r.Label, r.Name), right: r.Right}
		switch {
		case r.Hidden:
			continue
		case r.Expression == "":
			line.values = samples(r, whole)
		default:
			used := map[string]cloudwatch.Series{}
			names, err := cloudwatch.Names(r.Expression)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				used[name] = metrics[name]
			}
			if line.values, err = cloudwatch.Evaluate(r.Expression, used); err != nil {
				return nil, fmt.Errorf("%q: %w", w.Properties.Title, err)
			}
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (p *page) number(f frame, lines []plotted) {
	for _, line := range lines {
		last := line.values[len(line.values)-1]
		p.printf(`<text x="%.1f" y="%.1f" font-size="40" font-weight="700" fill="%s">%s<tspan font-size="14" font-weight="400" fill="%s" dx="8">%s</tspan></text>`,
			f.x+14, f.y+82, ink, short(last), faint, html.EscapeString(line.label))
		if len(line.values) > 1 {
			p.line(frame{f.x + 14, f.y + 98, f.width - 28, f.height - 112}, line.values, extent(line.values...), colors[0], 2)
		}
	}
}

// span is what an axis covers.
type span struct{ low, high float64 }

func extent(values ...float64) span {
	s := span{math.Inf(1), math.Inf(-1)}
	for _, value := range values {
		if !math.IsNaN(value) {
			s.low, s.high = min(s.low, value), max(s.high, value)
		}
	}
	if s.high <= s.low {
		s.low, s.high = s.low-1, s.low+1
	}
	return s
}

// scale is an axis from zero to a round number above everything, or closely around values that are all alike: 99.9 beside 100.
func scale(values []float64) span {
	s := extent(values...)
	if s.low > 90 && s.high <= 100 {
		step := roundUp((100 - s.low) / 4)
		return span{100 - 4*step, 100}
	}
	return span{0, 4 * roundUp(s.high*1.05/4)}
}

// roundUp gives 1, 2, 2.5 or 5 times a power of ten.
func roundUp(value float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(max(value, 1e-9))))
	for _, step := range []float64{1, 2, 2.5, 5} {
		if value <= step*power*(1+1e-9) {
			return step * power
		}
	}
	return 10 * power
}

func (p *page) graph(f frame, w Widget, lines []plotted, hours int) {
	var left, right []float64
	for _, line := range lines {
		if line.right {
			right = append(right, line.values...)
		} else {
			left = append(left, line.values...)
		}
	}
	for _, limit := range w.Properties.Annotations.Horizontal {
		left = append(left, limit.Value)
	}
	legend := p.legend(f, lines)
	plot := frame{f.x + 52, f.y + 52, f.width - 70, f.height - 98 - legend}
	axis := scale(left)
	p.text(f.x+14, f.y+43, 11, faint, "start", w.Properties.YAxis.Left.Label)
	for i := range 5 {
		value := axis.low + (axis.high-axis.low)*float64(i)/4
		y := plot.at(value, axis)
		p.printf(`<path d="M%.1f %.1fH%.1f" stroke="%s"/>`, plot.x, y, plot.x+plot.width, hairline)
		p.text(plot.x-7, y+4, 10, faint, "end", short(value))
	}
	other := scale(right)
	if len(right) > 0 {
		plot.width -= 32
		p.text(f.x+f.width-14, f.y+43, 11, faint, "end", w.Properties.YAxis.Right.Label)
		for i := range 5 {
			value := other.low + (other.high-other.low)*float64(i)/4
			p.text(plot.x+plot.width+7, plot.at(value, other)+4, 10, faint, "start", short(value))
		}
	}
	for i := range hours + 1 {
		x := plot.x + plot.width*float64(i)/float64(hours)
		p.text(x, plot.y+plot.height+15, 10, faint, "middle", fmt.Sprintf("%02d:00", 8+i))
	}
	for i, line := range lines {
		on := axis
		if line.right {
			on = other
		}
		p.line(plot, line.values, on, colors[i%len(colors)], 1.6)
	}
	for _, limit := range w.Properties.Annotations.Horizontal {
		y := plot.at(limit.Value, axis)
		p.printf(`<path d="M%.1f %.1fH%.1f" stroke="%s" stroke-dasharray="5 4"/>`, plot.x, y, plot.x+plot.width, alert)
		p.printf(`<text x="%.1f" y="%.1f" font-size="10" fill="%s" text-anchor="end" paint-order="stroke" stroke="#fff" stroke-width="3">%s</text>`,
			plot.x+plot.width-3, y-4, alert, html.EscapeString(limit.Label))
	}
}

// legend stands at the bottom, in as many lines as it takes, and tells how high it is.
func (p *page) legend(f frame, lines []plotted) float64 {
	const gap, perLetter = 30, 6.1
	var rows [][]int
	room := 0.0
	for i, line := range lines {
		width := gap + perLetter*float64(len(line.label))
		if room < width {
			rows, room = append(rows, nil), f.width-28
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], i)
		room -= width
	}
	for n, each := range rows {
		x, y := f.x+14, f.y+f.height-12-float64(15*(len(rows)-1-n))
		for _, i := range each {
			p.printf(`<rect x="%.1f" y="%.1f" width="10" height="10" rx="2" fill="%s"/>`, x, y-9, colors[i%len(colors)])
			p.text(x+15, y, 11, ink, "start", lines[i].label)
			x += gap + perLetter*float64(len(lines[i].label))
		}
	}
	return float64(15 * max(0, len(rows)-1))
}

func (f frame) at(value float64, on span) float64 {
	return f.y + f.height - f.height*(value-on.low)/(on.high-on.low)
}

func (p *page) line(f frame, values cloudwatch.Series, on span, color string, width float64) {
	var path strings.Builder
	pen := "M"
	for i, value := range values {
		if math.IsNaN(value) {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, f.x+f.width*float64(i)/float64(max(1, len(values)-1)), f.at(value, on))
		pen = "L"
	}
	p.printf(`<path d="%s" fill="none" stroke="%s" stroke-width="%.1f" stroke-linejoin="round"/>`, path.String(), color, width)
}

// short is a number as a dashboard writes it.
func short(value float64) string {
	digits := func(value float64) string {
		text := fmt.Sprintf("%.2f", value)
		if math.Abs(value) >= 100 {
			text = fmt.Sprintf("%.0f", value)
		}
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return text
	}
	switch {
	case math.Abs(value) >= 1e6:
		return digits(value/1e6) + "M"
	case math.Abs(value) >= 1e4:
		return digits(value/1e3) + "k"
	default:
		return digits(value)
	}
}
