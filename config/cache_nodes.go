package config

import (
	"fmt"
	"slices"
	"strings"
)

// cacheVersions are the versions of Valkey that AWS creates (DescribeCacheEngineVersions as of May 2026; cfn-lint 1.51 has
// the same list). 9.0 is left out until its family of parameter groups has been seen.
var cacheVersions = []string{"7.2", "8.0", "8.1", "8.2"}

const defaultCacheVersion = "8.2"

// shortestCacheWindow is in minutes, for both windows of a replication group:
// https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
const shortestCacheWindow = 60

// nodeFamily is a family of node types that ElastiCache has or had for Valkey. Sizes are those of
// DescribeReservedCacheNodesOfferings as of May 2026 (cfn-lint 1.51 carries the same list), and what is refused follows
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html
type nodeFamily struct {
	sizes          []string
	burstable      bool   // throttled once its CPU credits are used up
	refusedBecause string // why it must not be used for anything new
}

var (
	intelSizes     = []string{"large", "xlarge", "2xlarge", "4xlarge", "12xlarge", "24xlarge"}
	gravitonSizes  = []string{"large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"}
	burstableSizes = []string{"micro", "small", "medium"}
)

var nodeFamilies = map[string]nodeFamily{
	"c7gn": {sizes: gravitonSizes},
	"m3":   {refusedBecause: "a previous generation; use m6g or m7g"},
	"m4":   {refusedBecause: "a previous generation; use m6g or m7g"},
	"m5":   {sizes: intelSizes},
	"m6g":  {sizes: gravitonSizes},
	"m7g":  {sizes: gravitonSizes},
	"r3":   {refusedBecause: "a previous generation; use r6g or r7g"},
	"r4":   {refusedBecause: "a previous generation; use r6g or r7g"},
	"r5":   {sizes: intelSizes},
	"r6g":  {sizes: gravitonSizes},
	"r6gd": {refusedBecause: "for data tiering, which slows what is read rarely; use r6g or r7g"},
	"r7g":  {sizes: gravitonSizes},
	"t2":   {refusedBecause: "a previous generation without failover; use t4g"},
	"t3":   {sizes: burstableSizes, burstable: true},
	"t4g":  {sizes: burstableSizes, burstable: true},
}

// findNodeType looks up a node type such as cache.r7g.large. The error says what there is instead.
func findNodeType(nodeType string) (nodeFamily, error) {
	name, size, _ := strings.Cut(strings.TrimPrefix(nodeType, "cache."), ".")
	family, known := nodeFamilies[name]
	switch {
	case !known || !strings.HasPrefix(nodeType, "cache."):
		hint := "want a family of " + strings.Join(currentNodeFamilies(), ", ")
		if suggestion, near := nearest(nodeType, nodeTypes()); near {
			hint = "did you mean " + suggestion + "?"
		}
		return family, fmt.Errorf("%q is no node type of ElastiCache that Peakline knows; %s", shorten(nodeType), hint)
	case family.refusedBecause != "":
		return family, fmt.Errorf("%s is %s", nodeType, family.refusedBecause)
	case !slices.Contains(family.sizes, size):
		return family, fmt.Errorf("%q has no such size, want cache.%s with one of %s", shorten(nodeType), name, strings.Join(family.sizes, ", "))
	}
	return family, nil
}

func currentNodeFamilies() []string {
	var names []string
	for name, family := range nodeFamilies {
		if family.refusedBecause == "" {
			names = append(names, "cache."+name)
		}
	}
	slices.Sort(names)
	return names
}

func nodeTypes() []string {
	var names []string
	for _, prefix := range currentNodeFamilies() {
		for _, size := range nodeFamilies[strings.TrimPrefix(prefix, "cache.")].sizes {
			names = append(names, prefix+"."+size)
		}
	}
	return names
}
