package replay

import (
	"encoding/json"
	"fmt"
	"io"

	"peakline/cmd/peakline/internal/simulator"
)

// document is the JSON report on one trace.
type document struct {
	Trace string          `json:"trace"`
	Runs  []simulator.Run `json:"runs"`
}

// writeJSON writes one document a trace, one a line when there are several: a run for each policy, setting and seed,
// of the variant that does best on the trace.
func writeJSON(out io.Writer, replays []Replay) error {
	encoder := json.NewEncoder(out)
	if len(replays) == 1 {
		encoder.SetIndent("", " ")
	}
	for _, r := range replays {
		doc := document{Trace: r.Trace.Name, Runs: []simulator.Run{}}
		for _, sweep := range r.Sweeps {
			for _, runs := range sweep.Runs[sweep.Best()] {
				doc.Runs = append(doc.Runs, runs...)
			}
		}
		if err := encoder.Encode(doc); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
	}
	return nil
}
