package config

// rdsVersions are those of RDS for PostgreSQL. A Multi-AZ DB cluster has all of them.
//
// Minor versions are those of DescribeDBEngineVersions as of May 2026 (cfn-lint 1.51 carries the same list), without those
// that AWS announced to create no more from then on and to upgrade by force after 31 May 2026. Dates are from
// https://docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-release-calendar.html
var rdsVersions = []majorVersion{
	{12, "2025-02-28", nil, []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22}},
	{13, "2026-02-28", []int{23}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22}},
	{14, "2027-02-28", []int{18, 19, 20, 21, 22}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}},
	{15, "2028-02-29", []int{13, 14, 15, 16, 17}, []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
	{16, "2029-02-28", []int{9, 10, 11, 12, 13}, []int{1, 2, 3, 4, 5, 6, 7, 8}},
	{17, "2030-02-28", []int{5, 6, 7, 8, 9}, []int{1, 2, 3, 4}},
	{18, "2031-02-28", []int{1, 2, 3}, nil},
}
