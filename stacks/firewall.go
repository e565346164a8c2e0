package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	"peakline/config"
	"peakline/constructs"
)

// managedRules are AWS's names of the groups.
var managedRules = map[config.FirewallGroup]string{
	"ip-reputation": "AmazonIpReputationList", "anonymous-ip": "AnonymousIpList", "known-bad-inputs": "KnownBadInputsRuleSet",
	"common": "CommonRuleSet", "sql-injection": "SQLiRuleSet",
}

// firewall describes what the environment refuses, at the edge or at the load balancer.
func firewall(environment config.Environment, name string, regional bool, key awskms.IKey) constructs.WebACLProps {
	settings := environment.Firewall
	props := constructs.WebACLProps{
		Name:             name,
		Regional:         regional,
		CountLimits:      settings.Mode == config.FirewallCount,
		Allow:            settings.Allow,
		Block:            settings.Block,
		Key:              key,
		LogRetentionDays: settings.LogRetentionDays,
		Disposable:       disposable(environment),
	}
	for _, name := range slices.Sorted(maps.Keys(settings.RateLimits)) {
		limit := settings.RateLimits[name]
		props.Limits = append(props.Limits, constructs.RateLimit{Name: name, Paths: limit.Paths, Requests: limit.RequestsPerFiveMinutes})
	}
	props.Limits = append(props.Limits, constructs.RateLimit{Name: "all", Requests: settings.RequestsPerFiveMinutes})
	for _, group := range config.FirewallGroups {
		props.Groups = append(props.Groups, constructs.ManagedRules{
			Name: managedRules[group], Count: environment.FirewallGroupMode(group) == config.FirewallCount,
		})
	}
	return props
}

// guard protects the load balancer: behind CloudFront it answers that alone, and where visitors reach it themselves the firewall
// stands here. One that nobody reaches from outside needs neither.
func (s *Services) guard(environment config.Environment, notifications *constructs.Notifications, key awskms.IKey) {
	name := "peakline-" + environment.Name + "-load-balancer"
	switch {
	case environment.HasEdge():
		var secrets []string
		for _, number := range environment.AcceptedOriginSecrets() {
			secrets = append(secrets, constructs.OriginSecretName(environment.Name, number))
		}
		guard := constructs.NewOriginGuard(s.Stack, "OriginGuard", constructs.OriginGuardProps{
			Name:             name + "-guard",
			Secrets:          secrets,
			InsideCIDR:       environment.Network.CIDR,
			Key:              key,
			LogRetentionDays: environment.Firewall.LogRetentionDays,
			Disposable:       disposable(environment),
		})
		guard.Protect(s.Stack, "OriginGuardInFront", s.LoadBalancer)
		guard.AddGuardAlarm(s.Stack, notifications)
	case environment.Public():
		front := constructs.NewWebACL(s.Stack, "Firewall", firewall(environment, name, true, key))
		front.Protect(s.Stack, "FirewallInFront", s.LoadBalancer)
		front.AddFirewallAlarm(s.Stack, notifications, "load-balancer")
	}
}
