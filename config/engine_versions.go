package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// majorVersion is what Peakline knows of one major version of an engine.
type majorVersion struct {
	number    int
	supported string // last day of standard support; afterwards AWS bills Extended Support
	minors    []int  // that can still be created
	retired   []int  // that AWS no longer creates
}

const defaultEngineVersion = "17.9"

func (v majorVersion) outOfSupport(now time.Time) bool { return v.daysLeft(now) < 0 }

// daysLeft is how many days of standard support remain, the last one counted as none.
func (v majorVersion) daysLeft(now time.Time) int {
	last, err := time.Parse(time.DateOnly, v.supported)
	if err != nil {
		panic(fmt.Sprintf("table of engine versions: %v", err))
	}
	return int(math.Floor(last.AddDate(0, 0, 1).Sub(now).Hours() / 24))
}

func (v majorVersion) latest() string {
	return fmt.Sprintf("%d.%d", v.number, v.minors[len(v.minors)-1])
}

// findMajor looks up the major version of a text such as "17.9" and returns the minor beside it.
func (e engine) findMajor(version string) (major majorVersion, minor int, found bool) {
	left, right, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(left)
	if err != nil {
		return majorVersion{}, 0, false
	}
	if minor, err = strconv.Atoi(right); err != nil {
		return majorVersion{}, 0, false
	}
	for _, v := range e.versions {
		if v.number == number {
			return v, minor, true
		}
	}
	return majorVersion{}, minor, false
}

// currentVersions names the newest minor version of each major version in standard support.
func (e engine) currentVersions(now time.Time) string {
	var names []string
	for _, v := range e.versions {
		if !v.outOfSupport(now) {
			names = append(names, v.latest())
		}
	}
	return strings.Join(names, ", ")
}
