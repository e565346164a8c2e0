package config

import (
	"regexp"
	"slices"
	"strings"
)

// CachePurpose is what services keep in a cache. It decides what becomes of the keys when the memory is full.
type CachePurpose string

// Sessions are never evicted, products always can be, and rate limits go when they end soonest.
const (
	CacheSessions   CachePurpose = "sessions"
	CacheProducts   CachePurpose = "products"
	CacheRateLimits CachePurpose = "rateLimits"
)

// CachePurposes are all of them, in the order in which they are told.
var CachePurposes = []CachePurpose{CacheSessions, CacheProducts, CacheRateLimits}

// cacheVariables is what the names of the environment variables about caches begin with.
const cacheVariables = "CACHE_"

// Variables is what the names of a cache's environment variables begin with: CACHE_RATE_LIMITS_ for rateLimits
// (docs/service-contract.md).
func (p CachePurpose) Variables() string {
	return cacheVariables + strings.ToUpper(wordBreak.ReplaceAllString(string(p), "${1}_${2}")) + "_"
}

var wordBreak = regexp.MustCompile("([a-z])([A-Z])")

// CacheLayout says how the purposes are spread over replication groups.
type CacheLayout string

// In a shared group a full product cache costs the sessions their room; separate groups fail, grow and evict apart.
const (
	CacheShared   CacheLayout = "shared"
	CacheSeparate CacheLayout = "separate"
)

// Cache is ElastiCache for Valkey. What becomes of keys when the memory is full follows from the purpose, and multi-AZ with
// automatic failover from having a replica: neither is an option.
type Cache struct {
	// Layout is one of `shared` (one replication group) and `separate` (one for each purpose). Default: `separate` in production, `shared` in development.
	Layout CacheLayout `json:"layout,omitempty" jsonschema:"enum=shared,enum=separate"`
	// EngineVersion is the Valkey version, `"8.2"` say, in quotes. Default: `8.2`.
	EngineVersion string `json:"engineVersion,omitempty" jsonschema:"pattern=^[0-9]+[.][0-9]+$,example=8.2"`
	// NodeType is that of every group which states none. Default: `cache.m7g.large` in production, `cache.t4g.micro` in development.
	NodeType string `json:"nodeType,omitempty" jsonschema:"pattern=^cache[.][a-z0-9.]+$,example=cache.r7g.large"`
	// Replicas is the number of replicas beside the primary of every group which states none. Default: 2 in production, 0 in development.
	Replicas int `json:"replicas,omitempty" jsonschema:"minimum=0,maximum=4"`
	// Sessions is what differs for the group of the sessions.
	Sessions CacheGroup `json:"sessions,omitempty"`
	// Products is what differs for the group of the product cache.
	Products CacheGroup `json:"products,omitempty"`
	// RateLimits is what differs for the group of the rate limits.
	RateLimits CacheGroup `json:"rateLimits,omitempty"`
	// SnapshotRetentionDays is how long the daily snapshots of the group with the sessions are kept; 0 makes none. Default: 7 in production, 0 in development.
	SnapshotRetentionDays int `json:"snapshotRetentionDays,omitempty" jsonschema:"minimum=0,maximum=35"`
	// SnapshotWindow is the daily window of the snapshot in UTC, such as `02:00-03:00`; at least an hour.
	SnapshotWindow string `json:"snapshotWindow,omitempty" jsonschema:"pattern=^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$,example=02:00-03:00"`
	// MaintenanceWindow is the weekly window in UTC, such as `wed:04:30-wed:05:30`; at least an hour, outside the snapshot window.
	MaintenanceWindow string `json:"maintenanceWindow,omitempty" jsonschema:"pattern=^[a-z]{3}:[0-9]{2}:[0-9]{2}-[a-z]{3}:[0-9]{2}:[0-9]{2}$,example=wed:04:30-wed:05:30"`
	// PasswordRotationDays is how often each cache password is changed. The one before stays good until the next change, so that no task may live longer than this. Default: 90.
	PasswordRotationDays int `json:"passwordRotationDays,omitempty" jsonschema:"minimum=7,maximum=365"`
	// LogRetentionDays is how long slow and engine logs are kept. Default: 365 in production, 14 in development.
	LogRetentionDays int `json:"logRetentionDays,omitempty"`
}

// CacheGroup is one replication group.
type CacheGroup struct {
	// NodeType is a node type such as `cache.r7g.large`. Default: the one of `cache`.
	NodeType string `json:"nodeType,omitempty" jsonschema:"pattern=^cache[.][a-z0-9.]+$,example=cache.r7g.large"`
	// Replicas is the number of replicas beside the primary. Default: the one of `cache`.
	Replicas int `json:"replicas,omitempty" jsonschema:"minimum=0,maximum=4"`
}

func cacheDefaults(profile Profile) Cache {
	return Cache{ //nolint:gosec // a rotation period is no credential
		Layout:                byProfile(profile, CacheShared, CacheSeparate),
		EngineVersion:         defaultCacheVersion,
		NodeType:              byProfile(profile, "cache.t4g.micro", "cache.m7g.large"),
		Replicas:              byProfile(profile, 0, 2),
		SnapshotRetentionDays: byProfile(profile, 0, 7),
		SnapshotWindow:        "02:00-03:00",
		MaintenanceWindow:     "wed:04:30-wed:05:30",
		PasswordRotationDays:  90,
		LogRetentionDays:      byProfile(profile, 14, 365),
	}
}

// complete gives each group what it does not state itself.
func (c *Cache) complete(d *document) {
	for _, purpose := range CachePurposes {
		group := c.group(purpose)
		if group.NodeType == "" {
			group.NodeType = c.NodeType
		}
		if !d.has(cachePath(purpose) + ".replicas") {
			group.Replicas = c.Replicas
		}
	}
}

func (c *Cache) group(purpose CachePurpose) *CacheGroup {
	return map[CachePurpose]*CacheGroup{CacheSessions: &c.Sessions, CacheProducts: &c.Products, CacheRateLimits: &c.RateLimits}[purpose]
}

func cachePath(purpose CachePurpose) string { return "cache." + string(purpose) }

// Groups are the replication groups by the purpose that names them; a shared one has no name.
func (c Cache) Groups() map[CachePurpose]CacheGroup {
	if c.Layout == CacheShared {
		return map[CachePurpose]CacheGroup{"": {NodeType: c.NodeType, Replicas: c.Replicas}}
	}
	groups := map[CachePurpose]CacheGroup{}
	for _, purpose := range CachePurposes {
		groups[purpose] = *c.group(purpose)
	}
	return groups
}

// Family is the family of parameter groups of the engine version, `valkey8` say.
func (c Cache) Family() string {
	major, _, _ := strings.Cut(c.EngineVersion, ".")
	return "valkey" + major
}

var cacheRules = []rule{
	{"the engine version of the caches is one that AWS creates", []string{"cache.engineVersion"}, func(i inspection) {
		if version := i.Cache.EngineVersion; !slices.Contains(cacheVersions, version) {
			i.refuse("cache.engineVersion", "%s is no version of Valkey that Peakline knows, want one of %s", version, strings.Join(cacheVersions, ", "))
		}
	}},
	{"node types exist for ElastiCache", nil, func(i inspection) {
		for path, nodeType := range i.statedNodeTypes() {
			if _, err := findNodeType(nodeType); err != nil {
				i.refuse(path, "%v", err)
			}
		}
	}},
	{"a group of its own is for separate groups", []string{"cache.layout"}, func(i inspection) {
		for _, purpose := range CachePurposes {
			if path := cachePath(purpose); i.Cache.Layout == CacheShared && i.has(path) {
				i.refuse(path, "has no effect with layout: %s; remove it or choose layout: %s", CacheShared, CacheSeparate)
			}
		}
	}},
	{"the windows of the caches are windows of an hour, and apart", []string{"cache.snapshotWindow", "cache.maintenanceWindow"}, func(i inspection) {
		daily, dailyComplaint := parseDaily(i.Cache.SnapshotWindow)
		weekly, weeklyComplaint := parseWeekly(i.Cache.MaintenanceWindow)
		for _, check := range []struct {
			path, text, complaint string
			window                window
		}{
			{"cache.snapshotWindow", i.Cache.SnapshotWindow, dailyComplaint, daily},
			{"cache.maintenanceWindow", i.Cache.MaintenanceWindow, weeklyComplaint, weekly},
		} {
			switch minutes := check.window.end - check.window.start; {
			case check.complaint != "":
				i.refuse(check.path, "%q: %s", shorten(check.text), check.complaint)
			case minutes < shortestCacheWindow:
				i.refuse(check.path, "%q: %d minutes, want at least %d", check.text, minutes, shortestCacheWindow)
			}
		}
		if !i.sound("cache.snapshotWindow", "cache.maintenanceWindow") {
			return
		}
		for day := range 7 {
			if weekly.overlaps(daily.on(day)) {
				path := "cache.maintenanceWindow"
				if !i.has(path) {
					path = "cache.snapshotWindow"
				}
				i.refuse(path, "snapshot %s and maintenance %s overlap, want them apart", i.Cache.SnapshotWindow, i.Cache.MaintenanceWindow)
				return
			}
		}
	}},
}

// statedNodeTypes are those that the file states itself, by their path.
func (i inspection) statedNodeTypes() map[string]string {
	stated := map[string]string{}
	for path, nodeType := range map[string]string{
		"cache.nodeType":                         i.Cache.NodeType,
		cachePath(CacheSessions) + ".nodeType":   i.Cache.Sessions.NodeType,
		cachePath(CacheProducts) + ".nodeType":   i.Cache.Products.NodeType,
		cachePath(CacheRateLimits) + ".nodeType": i.Cache.RateLimits.NodeType,
	} {
		if i.has(path) {
			stated[path] = nodeType
		}
	}
	return stated
}

// burstableCaches lists the paths of the node types that are and stand in the file, sorted.
func (i inspection) burstableCaches() []string {
	var paths []string
	for path, nodeType := range i.statedNodeTypes() {
		if family, err := findNodeType(nodeType); err == nil && family.burstable {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// cachesWithoutReplica lists the paths of the groups that have none, sorted.
func (i inspection) cachesWithoutReplica() []string {
	var paths []string
	for purpose, group := range i.Cache.Groups() {
		switch path := cachePath(purpose) + ".replicas"; {
		case group.Replicas > 0:
		case purpose != "" && i.has(path):
			paths = append(paths, path)
		default:
			paths = append(paths, "cache.replicas")
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
