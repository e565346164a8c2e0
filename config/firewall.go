package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Firewall is AWS WAF: at the edge, or at the load balancer where that is reached without one.
type Firewall struct {
	// Mode is what becomes of a request that a managed rule or a rate limit refuses: `block`, or `count` until you have seen that it hits no customer. Default: `block` in production, `count` in development.
	Mode FirewallMode `json:"mode,omitempty" jsonschema:"enum=block,enum=count"`
	// CountOnly are managed groups that count whatever the mode. Default: `anonymous-ip`, which also hits people behind a company's proxy.
	CountOnly []FirewallGroup `json:"countOnly,omitempty" jsonschema:"uniqueItems=true,enum=ip-reputation,enum=anonymous-ip,enum=known-bad-inputs,enum=common,enum=sql-injection"`
	// RequestsPerFiveMinutes is how many requests one address may send. Default: 3000.
	RequestsPerFiveMinutes int `json:"requestsPerFiveMinutes,omitempty" jsonschema:"minimum=10,maximum=2000000000"`
	// RateLimits are tighter for classes of paths, by name. Default: `login`, `checkout` and `search`.
	RateLimits map[string]RateLimit `json:"rateLimits,omitempty"`
	// Allow are address ranges that nothing here refuses, of a partner or a load test say.
	Allow []string `json:"allow,omitempty" jsonschema:"uniqueItems=true,maxItems=1000"`
	// Block are address ranges that nobody gets in from.
	Block []string `json:"block,omitempty" jsonschema:"uniqueItems=true,maxItems=1000"`
	// LogRetentionDays is how long the record of refused and counted requests is kept. Default: 365 in production, 14 in development.
	LogRetentionDays int `json:"logRetentionDays,omitempty"`
}

// RateLimit is for the requests of one address to some paths.
type RateLimit struct {
	// Paths are path patterns: a path, or a prefix and `*`.
	Paths []string `json:"paths" jsonschema:"required,uniqueItems=true,minItems=1,maxItems=10"`
	// RequestsPerFiveMinutes is how many there may be.
	RequestsPerFiveMinutes int `json:"requestsPerFiveMinutes" jsonschema:"required,minimum=10,maximum=2000000000"`
}

// FirewallMode says what becomes of a request that a rule refuses.
type FirewallMode string

// Counting lets requests through and shows which would have been refused.
const (
	FirewallBlock FirewallMode = "block"
	FirewallCount FirewallMode = "count"
)

// FirewallGroup is one of AWS's groups of managed rules.
type FirewallGroup string

// FirewallGroups are those in use, in the order in which they look at a request: the cheapest first.
var FirewallGroups = []FirewallGroup{"ip-reputation", "anonymous-ip", "known-bad-inputs", "common", "sql-injection"}

func firewallDefaults(profile Profile) Firewall {
	return Firewall{
		Mode:                   byProfile(profile, FirewallCount, FirewallBlock),
		CountOnly:              []FirewallGroup{"anonymous-ip"},
		RequestsPerFiveMinutes: 3000,
		LogRetentionDays:       byProfile(profile, 14, 365), // as the other records that an auditor asks for
	}
}

// complete fills the classes, which a file states whole or not at all.
func (f *Firewall) complete(d *document) {
	if !d.has("firewall.rateLimits") {
		f.RateLimits = map[string]RateLimit{
			"login":    {Paths: []string{"/api/users/login", "/api/users/password*"}, RequestsPerFiveMinutes: 50},
			"checkout": {Paths: []string{"/api/orders", "/api/payments", "/api/payments/*"}, RequestsPerFiveMinutes: 200},
			"search":   {Paths: []string{"/api/catalog/search*"}, RequestsPerFiveMinutes: 600},
		}
	}
}

// FirewallGroupMode is what becomes of a request that a managed group refuses.
func (e Environment) FirewallGroupMode(group FirewallGroup) FirewallMode {
	if slices.Contains(e.Firewall.CountOnly, group) {
		return FirewallCount
	}
	return e.Firewall.Mode
}

// mostRateLimits keeps the rules within the capacity that the price of a web ACL includes.
const mostRateLimits = 8

// allows tells whether nobody of a range is refused. Part of a blocked range may be allowed.
func (i inspection) allows(blocked netip.Prefix) bool {
	return slices.ContainsFunc(i.Firewall.Allow, func(text string) bool {
		allowed, err := netip.ParsePrefix(text)
		return err == nil && allowed.Bits() <= blocked.Bits() && allowed.Contains(blocked.Addr())
	})
}

var firewallRules = []rule{
	{"rate limits are classes of paths, tighter than the limit of all", []string{"firewall.rateLimits", "firewall.requestsPerFiveMinutes"}, func(i inspection) {
		if found := len(i.Firewall.RateLimits); found > mostRateLimits {
			i.refuse("firewall.rateLimits", "%d entries, want at most %d", found, mostRateLimits)
		}
		for _, name := range slices.Sorted(maps.Keys(i.Firewall.RateLimits)) {
			path, limit := join("firewall.rateLimits", name), i.Firewall.RateLimits[name]
			if len(name) > 20 || !namePattern.MatchString(name) {
				i.refuse(path, "no name that can be used, want at most 20 lower-case letters, digits and single hyphens, a letter first")
			}
			for n, pattern := range limit.Paths {
				switch path := index(path+".paths", n); {
				case i.refusePattern(path, pattern):
				case i.has("firewall.rateLimits") && i.sound("services.*.paths") && !i.answered(pattern):
					i.refuse(path, "%s leads to no service, so that nothing would be limited; want paths that are among those of services", pattern)
				}
			}
			if limit.RequestsPerFiveMinutes > i.Firewall.RequestsPerFiveMinutes {
				i.refuse(path+".requestsPerFiveMinutes", "%d, but an address may send %d altogether; want fewer", limit.RequestsPerFiveMinutes, i.Firewall.RequestsPerFiveMinutes)
			}
		}
	}},
	{"addresses are ranges of a part of the internet, and on one list", []string{"firewall.allow", "firewall.block"}, func(i inspection) {
		for path, list := range map[string][]string{"firewall.allow": i.Firewall.Allow, "firewall.block": i.Firewall.Block} {
			for n, text := range list {
				prefix, err := netip.ParsePrefix(text)
				switch path := index(path, n); {
				case err != nil:
					i.refuse(path, "%q is no address range, want for example 203.0.113.0/24, 198.51.100.7/32 or 2001:db8::/32", shorten(text))
				case prefix != prefix.Masked():
					i.refuse(path, "%q: bits set behind the prefix, want %s", shorten(text), prefix.Masked())
				case prefix.Bits() < 8:
					i.refuse(path, "%s is a good part of the internet, want /8 or smaller", prefix)
				case strings.HasPrefix(path, "firewall.block") && i.allows(prefix):
					i.refuse(path, "%s is within firewall.allow, which decides first; want it on one list", text)
				}
			}
		}
	}},
}
