package config

// auroraVersions are those of Aurora PostgreSQL.
//
// Minor versions and their retirement are those of DescribeDBEngineVersions as of May 2026 (cfn-lint 1.51 carries the
// same list and refuses what is not in it). Dates are from
// https://docs.aws.amazon.com/AmazonRDS/latest/AuroraPostgreSQLReleaseNotes/aurorapostgresql-release-calendar.html
var auroraVersions = []majorVersion{
	{11, "2024-02-29", nil, []int{9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}},
	{12, "2025-02-28", nil, []int{4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22}},
	{13, "2026-02-28", []int{23}, []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 22}},
	{14, "2027-02-28", []int{6, 13, 15, 17, 18, 19, 20, 22}, []int{3, 4, 5, 7, 8, 9, 10, 11, 12}},
	{15, "2028-02-29", []int{8, 10, 12, 13, 14, 15, 17}, []int{2, 3, 4, 5, 6, 7}},
	{16, "2029-02-28", []int{4, 6, 8, 9, 10, 11, 13}, []int{1, 2, 3}},
	{17, "2030-02-28", []int{4, 5, 6, 7, 9}, nil},
}
