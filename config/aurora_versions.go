package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// majorVersion is what Peakline knows of one major version of Aurora PostgreSQL.
//
// Minor versions and their retirement are those of DescribeDBEngineVersions as of May 2026 (cfn-lint 1.51 carries the
// same list and refuses what is not in it). Dates are from
// https://docs.aws.amazon.com/AmazonRDS/latest/AuroraPostgreSQLReleaseNotes/aurorapostgresql-release-calendar.html
type majorVersion struct {
	number    int
	supported string // last day of standard support; afterwards AWS bills Extended Support
	minors    []int  // that can still be created
	retired   []int  // that AWS no longer creates
}

var majorVersions = []majorVersion{
	{11, "2024-02-29", nil, []int{9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}},
	{12, "2025-02-28", nil, []int{4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22}},
	{13, "2026-02-28", []int{23}, []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 22}},
	{14, "2027-02-28", []int{6, 13, 15, 17, 18, 19, 20, 22}, []int{3, 4, 5, 7, 8, 9, 10, 11, 12}},
	{15, "2028-02-29", []int{8, 10, 12, 13, 14, 15, 17}, []int{2, 3, 4, 5, 6, 7}},
	{16, "2029-02-28", []int{4, 6, 8, 9, 10, 11, 13}, []int{1, 2, 3}},
	{17, "2030-02-28", []int{4, 5, 6, 7, 9}, nil},
}

const defaultEngineVersion = "17.9"

func (v majorVersion) outOfSupport(now time.Time) bool {
	last, err := time.Parse(time.DateOnly, v.supported)
	if err != nil {
		panic(fmt.Sprintf("table of Aurora versions: %v", err))
	}
	return now.After(last.AddDate(0, 0, 1))
}

func (v majorVersion) latest() string {
	return fmt.Sprintf("%d.%d", v.number, v.minors[len(v.minors)-1])
}

// findMajor looks up the major version of a text such as "17.9" and returns the minor beside it.
func findMajor(version string) (major majorVersion, minor int, found bool) {
	left, right, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(left)
	if err != nil {
		return majorVersion{}, 0, false
	}
	if minor, err = strconv.Atoi(right); err != nil {
		return majorVersion{}, 0, false
	}
	for _, v := range majorVersions {
		if v.number == number {
			return v, minor, true
		}
	}
	return majorVersion{}, minor, false
}

// currentVersions names the newest minor version of each major version in standard support.
func currentVersions(now time.Time) string {
	var names []string
	for _, v := range majorVersions {
		if !v.outOfSupport(now) {
			names = append(names, v.latest())
		}
	}
	return strings.Join(names, ", ")
}
