package constructs

import (
	"slices"
	"strings"
)

// CachePurpose is what is kept in a cache, in kebab-case.
type CachePurpose string

// The purposes that services have.
const (
	CacheSessions   CachePurpose = "sessions"
	CacheProducts   CachePurpose = "products"
	CacheRateLimits CachePurpose = "rate-limits"
)

// cachePurpose is how a purpose is treated.
type cachePurpose struct {
	// keys is what the purpose's keys begin with. Its user reaches no others.
	keys string
	// commands are further rules of the access string.
	commands string
	// eviction is Valkey's maxmemory-policy: what goes when the memory is full.
	// https://valkey.io/topics/lru-cache/
	eviction string
	// kept is for what cannot be computed again: it is in snapshots, and the last one outlives the cache in production.
	kept bool
}

const noEviction = "noeviction"

var cachePurposes = map[CachePurpose]cachePurpose{
	// Every policy that evicts keys with an end would take live sessions, the idle ones first. Refusing new ones is told to
	// the service and to operators; signing visitors out in mid-purchase is told to nobody.
	CacheSessions: {keys: "sessions:", eviction: noEviction, kept: true},
	// A copy can be read again, so that everything may go, with or without an end. What a crawler reads once must not push
	// out what customers read all day, which the least recently used would.
	CacheProducts: {keys: "products:", eviction: "allkeys-lfu"},
	// A counter that ends soonest has least left to say. One without an end is a mistake, and stays to be found. Limiters are
	// small programs on the server, as a rule.
	CacheRateLimits: {keys: "rateLimits:", eviction: "volatile-ttl", commands: "+eval +evalsha +script|load +script|exists"},
}

// evictionOf is the policy of a group with these purposes: with more than one, that of the strictest, for no policy tells
// a product from a session.
func evictionOf(purposes []CachePurpose) string {
	if len(purposes) == 1 {
		return cachePurposes[purposes[0]].eviction
	}
	return noEviction
}

// keeps tells whether one of the purposes holds what cannot be computed again.
func keeps(purposes []CachePurpose) bool {
	return slices.ContainsFunc(purposes, func(purpose CachePurpose) bool { return cachePurposes[purpose].kept })
}

// accessString lets a user read and write its purpose's keys. It leaves out what reaches beyond them: commands that
// administer the server or stop it for a while (@dangerous, KEYS and FLUSHALL among them), and those that show other keys'
// names. INFO is what client libraries ask before their first command.
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html#Access-string
func accessString(purpose CachePurpose) string {
	treated := cachePurposes[purpose]
	rules := []string{"on", "~" + treated.keys + "*", "-@all", "+@read", "+@write", "+@connection", "+@transaction",
		"-@dangerous", "-@scripting", "-scan", "-randomkey", "+info"}
	if treated.commands != "" {
		rules = append(rules, treated.commands)
	}
	return strings.Join(rules, " ")
}

// cacheName is a physical name of the environment's caches. ElastiCache allows 40 characters and no capitals.
func cacheName(environmentName string, part CachePurpose) string {
	return "peakline-" + environmentName + "-" + strings.ReplaceAll(string(part), "-", "")
}
