package test

import (
	"math"
	"os"
	"testing"

	"peakline/test/dashboard"
)

const overviewPicture = "../docs/dashboard-overview.svg"

// TestThePictureOfTheOverview keeps the picture in the documents that of the dashboard: `make golden` draws it anew. Nothing on it
// is blank.
func TestThePictureOfTheOverview(t *testing.T) {
	for _, a := range synthesized(t).assemblies {
		if a.environment.Name != "prod" {
			continue
		}
		overview := a.board("overview")
		for _, row := range overview.rows() {
			if row.Expression != "" {
				continue
			}
			some := false
			for _, value := range dashboard.SaleMorning(row, false) {
				some = some || !math.IsNaN(value)
			}
			if !some {
				t.Errorf("there are no samples of %s %s %v: add them to test/dashboard/samples.go", row.Name, row.Statistic, row.Dimensions)
			}
		}
		picture, err := dashboard.Draw("prod-overview, drawn with sample data", overview.body, dashboard.SaleMorning, 3)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(overviewPicture, []byte(picture), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if drawn, err := os.ReadFile(overviewPicture); err != nil || string(drawn) != picture {
			t.Errorf("docs/dashboard-overview.svg is not the dashboard's (%v): `make golden` draws it", err)
		}
		return
	}
	t.Error("there is no environment prod")
}
