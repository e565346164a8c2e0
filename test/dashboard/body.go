// Package dashboard reads the body of a CloudWatch dashboard and draws it with sample data, so that people can look before they deploy.
package dashboard

import (
	"encoding/json"
	"fmt"
)

// Body is what CloudWatch is given.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type Body struct {
	Widgets []Widget `json:"widgets"`
}

// Widget is one rectangle of the page, which is 24 columns wide.
type Widget struct {
	Type       string     `json:"type"` // metric, text or alarm
	X          int        `json:"x"`
	Y          int        `json:"y"`
	Width      int        `json:"width"`
	Height     int        `json:"height"`
	Properties Properties `json:"properties"`
}

// Properties are those of all types that Peakline uses.
type Properties struct {
	Title                string  `json:"title"`
	Region               string  `json:"region"`
	View                 string  `json:"view"` // timeSeries or singleValue
	Stacked              bool    `json:"stacked"`
	SetPeriodToTimeRange bool    `json:"setPeriodToTimeRange"`
	Start                string  `json:"start"`
	Metrics              [][]any `json:"metrics"`
	YAxis                struct {
		Left, Right struct {
			Label string `json:"label"`
		}
	} `json:"yAxis"`
	Annotations struct {
		Horizontal []struct {
			Label string  `json:"label"`
			Value float64 `json:"value"`
		} `json:"horizontal"`
	} `json:"annotations"`
	Alarms   []string `json:"alarms"`
	Markdown string   `json:"markdown"`
}

// Row is one metric, or one expression over the others, of a widget.
type Row struct {
	ID, Label, Statistic, Expression string
	Namespace, Name                  string
	Dimensions                       map[string]string
	Right                            bool // has the scale on the right
	Hidden                           bool // is read by an expression alone
}

// Read decodes a body.
func Read(text string) (Body, error) {
	var body Body
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		return Body{}, fmt.Errorf("a dashboard that is no JSON: %w", err)
	}
	return body, nil
}

// Rows are the metrics of a widget. The CDK writes each in full.
func (w Widget) Rows() ([]Row, error) {
	var rows []Row
	for n, fields := range w.Properties.Metrics {
		row := Row{Dimensions: map[string]string{}}
		options := map[string]any{}
		if len(fields) > 0 {
			if given, ok := fields[len(fields)-1].(map[string]any); ok {
				options, fields = given, fields[:len(fields)-1]
			}
		}
		row.ID, _ = options["id"].(string)
		row.Label, _ = options["label"].(string)
		row.Statistic, _ = options["stat"].(string)
		row.Expression, _ = options["expression"].(string)
		row.Right = options["yAxis"] == "right"
		row.Hidden = options["visible"] == false
		if row.Expression == "" {
			if len(fields) < 2 || len(fields)%2 != 0 {
				return nil, fmt.Errorf("%q: metric %d has %d fields, want a namespace, a name and pairs of dimensions", w.Properties.Title, n+1, len(fields))
			}
			for i, field := range fields {
				text, ok := field.(string)
				if !ok || text == "" || text == "." || text == "..." {
					return nil, fmt.Errorf("%q: metric %d has the field %v, want it in full", w.Properties.Title, n+1, field)
				}
				switch {
				case i == 0:
					row.Namespace = text
				case i == 1:
					row.Name = text
				case i%2 == 1:
					row.Dimensions[fields[i-1].(string)] = text
				}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}
