package config

import (
	"maps"
	"slices"
)

// region is what Peakline knows of an AWS region without asking AWS.
type region struct {
	zones string // the letters of its availability zones; which of them an account sees differs only in us-west-1 and ap-northeast-1
	// cloudFront is the id of the managed prefix list com.amazonaws.global.cloudfront.origin-facing, where known:
	// https://aws.amazon.com/blogs/networking-and-content-delivery/limit-access-to-your-origins-using-the-aws-managed-prefix-list-for-amazon-cloudfront/
	cloudFront string
}

// regions are those of the commercial partition, with zones as DescribeAvailabilityZones lists them (May 2026).
var regions = map[string]region{
	"af-south-1":     {"abc", ""},
	"ap-east-1":      {"abc", ""},
	"ap-east-2":      {"abc", ""},
	"ap-northeast-1": {"acd", "pl-58a04531"},
	"ap-northeast-2": {"abcd", "pl-22a6434b"},
	"ap-northeast-3": {"abc", "pl-31a14458"},
	"ap-south-1":     {"abc", "pl-9aa247f3"},
	"ap-south-2":     {"abc", ""},
	"ap-southeast-1": {"abc", "pl-31a34658"},
	"ap-southeast-2": {"abc", "pl-b8a742d1"},
	"ap-southeast-3": {"abc", ""},
	"ap-southeast-4": {"abc", ""},
	"ap-southeast-5": {"abc", ""},
	"ap-southeast-6": {"abc", ""},
	"ap-southeast-7": {"abc", ""},
	"ca-central-1":   {"abd", "pl-38a64351"},
	"ca-west-1":      {"abc", ""},
	"eu-central-1":   {"abc", "pl-a3a144ca"},
	"eu-central-2":   {"abc", ""},
	"eu-north-1":     {"abc", "pl-fab65393"},
	"eu-south-1":     {"abc", ""},
	"eu-south-2":     {"abc", ""},
	"eu-west-1":      {"abc", "pl-4fa04526"},
	"eu-west-2":      {"abc", "pl-93a247fa"},
	"eu-west-3":      {"abc", "pl-75b1541c"},
	"il-central-1":   {"abc", ""},
	"me-central-1":   {"abc", ""},
	"me-south-1":     {"abc", ""},
	"mx-central-1":   {"abc", ""},
	"sa-east-1":      {"abc", "pl-5da64334"},
	"us-east-1":      {"abcdef", "pl-3b927c52"},
	"us-east-2":      {"abc", "pl-b6a144df"},
	"us-west-1":      {"abc", "pl-4ea04527"},
	"us-west-2":      {"abcd", "pl-82a045eb"},
}

// regionNames lists the regions that an environment can be in, sorted.
func regionNames() []string { return slices.Sorted(maps.Keys(regions)) }

// zonesOf lists the availability zones of a region by name.
func zonesOf(name string) []string {
	var zones []string
	for _, letter := range regions[name].zones {
		zones = append(zones, name+string(letter))
	}
	return zones
}
