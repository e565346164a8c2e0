package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"peakline/config"
	"peakline/lambda/contract"
)

// firewalled tells whether somebody outside reaches the environment, so that it has a firewall.
func firewalled(e config.Environment) bool { return e.HasEdge() || e.Public() }

var firewallRequirements = []requirement{
	{row: "E4", name: "the firewall is at the edge, or at a load balancer that is reached without one, and nowhere else",
		check: func(a *assembly, fail failure) {
			acl := a.firewall()
			switch {
			case acl.exists() != firewalled(a.environment):
				fail("there is a firewall: %t", acl.exists())
			case a.environment.HasEdge():
				if acl.text("Scope") != "CLOUDFRONT" || acl.stack.region != edgeRegion || !a.target(a.shop(), inDistribution+"WebACLId").is(acl) {
					fail("%s is not that of CloudFront, or not in front of %s", acl, a.shop())
				}
			case a.environment.Public():
				if acl.text("Scope") != "REGIONAL" || !a.protects(acl) {
					fail("%s is not in front of the load balancer", acl)
				}
			}
		}},
	{row: "E4", name: "AWS's managed rules look at every request, and block or count as configured",
		where: firewalled,
		check: func(a *assembly, fail failure) {
			names := map[string]config.FirewallGroup{
				"AWSManagedRulesAmazonIpReputationList": "ip-reputation", "AWSManagedRulesAnonymousIpList": "anonymous-ip", "AWSManagedRulesKnownBadInputsRuleSet": "known-bad-inputs",
				"AWSManagedRulesCommonRuleSet": "common", "AWSManagedRulesSQLiRuleSet": "sql-injection",
			}
			for _, rule := range a.firewall().list("Rules") {
				name, _ := dig(rule, "Statement/ManagedRuleGroupStatement/Name").(string)
				if name == "" {
					continue
				}
				counts := slices.Contains(a.environment.Firewall.CountOnly, names[name]) || a.environment.Firewall.Mode == config.FirewallCount
				if (dig(rule, "OverrideAction/Count") != nil) != counts || (dig(rule, "OverrideAction/None") != nil) == counts || dig(rule, "Statement/ManagedRuleGroupStatement/VendorName") != "AWS" {
					fail("%s: %s has %v, want it to count only: %t", a.firewall(), name, dig(rule, "OverrideAction"), counts)
				}
				delete(names, name)
			}
			if len(names) > 0 {
				fail("%s leaves out %v", a.firewall(), slices.Sorted(maps.Keys(names)))
			}
		}},
	{row: "E4", name: "an address may send so many requests, and fewer to sign in, pay and search; more are refused with 429",
		where: firewalled,
		check: func(a *assembly, fail failure) {
			settings := a.environment.Firewall
			want := map[string]int{"": settings.RequestsPerFiveMinutes}
			for _, limit := range settings.RateLimits {
				want[strings.Join(limit.Paths, " ")] = limit.RequestsPerFiveMinutes
			}
			got := map[string]int{}
			for _, rule := range a.firewall().list("Rules") {
				limit := dig(rule, "Statement/RateBasedStatement")
				if limit == nil {
					continue
				}
				requests, _ := dig(limit, "Limit").(float64)
				got[strings.Join(pathsOf(dig(limit, "ScopeDownStatement")), " ")] = int(requests)
				if dig(limit, "AggregateKeyType") != "IP" || dig(limit, "EvaluationWindowSec") != float64(300) {
					fail("%s counts by %v over %v s", a.firewall(), dig(limit, "AggregateKeyType"), dig(limit, "EvaluationWindowSec"))
				}
				counts := settings.Mode == config.FirewallCount
				if (dig(rule, "Action/Count") != nil) != counts || !counts && (dig(rule, "Action/Block/CustomResponse/ResponseCode") != float64(429) || !strings.Contains(fmt.Sprint(a.firewall().get("CustomResponseBodies")), `{"error":`)) {
					fail("%s answers too many requests with %v", a.firewall(), dig(rule, "Action"))
				}
			}
			if !maps.Equal(got, want) {
				fail("%s has the limits %v, want %v: passwords are tried at leisure", a.firewall(), got, want)
			}
		}},
	{row: "E4", name: "addresses on the lists are let in or kept out before any other rule",
		where: firewalled,
		check: func(a *assembly, fail failure) {
			settings, acl := a.environment.Firewall, a.firewall()
			priority := 0.0
			for _, list := range []struct {
				action    string
				addresses []string
			}{{"Allow", settings.Allow}, {"Block", settings.Block}} {
				if len(list.addresses) == 0 {
					continue
				}
				rule := dig(acl.get("Rules"), fmt.Sprint(int(priority)))
				statements := asList(dig(rule, "Statement/OrStatement/Statements"))
				if statements == nil {
					statements = []any{dig(rule, "Statement")}
				}
				var got []string
				for _, statement := range statements {
					set := a.targetOf(acl.stack, dig(statement, "IPSetReferenceStatement/Arn"))
					for _, address := range texts(set.get("Addresses")) {
						if strings.Contains(address, ":") != (set.text("IPAddressVersion") == "IPV6") || set.text("Scope") != acl.text("Scope") {
							fail("%s has %s", set, address)
						}
						got = append(got, address)
					}
				}
				slices.Sort(got)
				if want := slices.Sorted(slices.Values(list.addresses)); !slices.Equal(got, want) || dig(rule, "Action/"+list.action) == nil || dig(rule, "Priority") != priority {
					fail("%s lets rule %v do %v for %v, want %s for %v", acl, priority, dig(rule, "Action"), got, list.action, want)
				}
				priority++
			}
			if acl.get("DefaultAction/Allow") == nil {
				fail("%s refuses whom no rule names", acl)
			}
		}},
	{row: "E4", name: "what a firewall refuses or counts is recorded without tokens, encrypted, for a while, and measured by the names of its rules",
		where: firewalled,
		check: func(a *assembly, fail failure) {
			for _, acl := range a.all("AWS::WAFv2::WebACL") {
				recorded := false
				for _, logging := range a.all("AWS::WAFv2::LoggingConfiguration") {
					if !a.target(logging, "ResourceArn").is(acl) {
						continue
					}
					recorded = true
					var group resource
					for _, candidate := range a.all("AWS::Logs::LogGroup") {
						if candidate.stack == acl.stack && a.mentions(logging.stack, logging.get("LogDestinationConfigs/0"), candidate) {
							group = candidate
						}
					}
					if !strings.HasPrefix(group.text("LogGroupName"), "aws-waf-logs-") || group.number("RetentionInDays") != float64(a.environment.Firewall.LogRetentionDays) || strings.HasSuffix(a.resolve(logging.stack, logging.get("LogDestinationConfigs/0")), ":*") {
						fail("%s goes to %s: WAF would refuse, or keep it for another time", logging, group)
					}
					redacted := fmt.Sprint(logging.get("RedactedFields"))
					for _, header := range []string{"authorization", "cookie", contract.OriginHeader, "QueryString"} {
						if !strings.Contains(redacted, header) {
							fail("%s records %s: whoever reads the log could sign in as a customer", logging, header)
						}
					}
					if logging.text("LoggingFilter/DefaultBehavior") != "DROP" {
						fail("%s records every visitor", logging)
					}
				}
				if !recorded {
					fail("%s leaves no record: nobody could say whom it refused", acl)
				}
				for _, rule := range append(acl.list("Rules"), acl.body["Properties"]) {
					if dig(rule, "VisibilityConfig/CloudWatchMetricsEnabled") != true || dig(rule, "VisibilityConfig/SampledRequestsEnabled") != false {
						fail("%s: %v is not measured, or keeps samples with cookies", acl, dig(rule, "Name"))
					}
				}
			}
		}},
	{row: "E4", name: "a firewall that refuses much is told",
		where: firewalled,
		check: func(a *assembly, fail failure) {
			where := "load-balancer"
			if a.environment.HasEdge() {
				where = "edge"
			}
			alarm, acl := a.alarm("firewall-blocked-"+where), a.firewall()
			watched := slices.ContainsFunc(metricsOf(alarm), func(m metric) bool {
				return m.namespace == "AWS/WAFV2" && m.name == "BlockedRequests" && m.dimensions["Rule"] == "ALL" && m.dimensions["WebACL"] == acl.text("Name") && (m.dimensions["Region"] != nil) == (acl.text("Scope") == "REGIONAL")
			})
			if !watched || alarm.stack != acl.stack {
				fail("nothing watches what %s refuses: an attack, or customers kept out, go unseen", acl)
			}
		}},
}

// firewall is the one with the managed rules.
func (a *assembly) firewall() resource {
	for _, acl := range a.all("AWS::WAFv2::WebACL") {
		if !acl.is(a.guard()) {
			return acl
		}
	}
	return resource{}
}

// pathsOf are the path patterns of a statement that looks at decoded paths.
func pathsOf(statement any) []string {
	if statement == nil {
		return nil
	}
	statements := asList(dig(statement, "OrStatement/Statements"))
	if statements == nil {
		statements = []any{statement}
	}
	var paths []string
	for _, one := range statements {
		match := dig(one, "ByteMatchStatement")
		path, _ := dig(match, "SearchString").(string)
		if dig(match, "PositionalConstraint") == "STARTS_WITH" {
			path += "*"
		}
		if dig(match, "TextTransformations/0/Type") != "URL_DECODE" || dig(match, "TextTransformations/1/Type") != "NORMALIZE_PATH" {
			path += " (undecoded)"
		}
		paths = append(paths, path)
	}
	return paths
}
