package diff

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// opening is one rule of a security group: from or to whom, and through which ports.
type opening struct {
	out      bool
	protocol string // -1 for all
	from, to int
	peer     string // a range of addresses, or the key of a group or prefix list
	carrier  *meaning
}

func (o opening) String() string {
	ports := "every port"
	if o.from > 0 || o.to < highestPort {
		ports = "port " + strconv.Itoa(o.from)
		if o.to != o.from {
			ports += " to " + strconv.Itoa(o.to)
		}
	}
	direction := "admits"
	if o.out {
		direction = "may reach"
	}
	return fmt.Sprintf("%s %s on %s", direction, o.peer, ports)
}

const highestPort = 65535

func (o opening) includes(other opening) bool {
	return o.out == other.out && (o.protocol == "-1" || o.protocol == other.protocol) &&
		o.from <= other.from && other.to <= o.to && within(other.peer, o.peer)
}

// within tells whether a range of addresses lies within another, or two peers are the same.
func within(inner, outer string) bool {
	a, errA := netip.ParsePrefix(inner)
	b, errB := netip.ParsePrefix(outer)
	if errA != nil || errB != nil {
		return inner == outer
	}
	return b.Bits() <= a.Bits() && b.Masked().Contains(a.Masked().Addr())
}

// public tells whether a range reaches beyond private networks.
func public(peer string) bool {
	prefix, err := netip.ParsePrefix(peer)
	if err != nil {
		return strings.HasPrefix(peer, "pl-")
	}
	for _, private := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128"} {
		if within(prefix.String(), private) {
			return false
		}
	}
	return true
}

// openings collects the rules of every security group, by the group, whether they stand in it or beside it.
func (s *side) openings() map[string][]opening {
	all := map[string][]opening{}
	for _, m := range s.all() {
		switch m.kind() {
		case "AWS::EC2::SecurityGroup":
			for _, rule := range list(m.at("SecurityGroupIngress")) {
				all[m.key()] = append(all[m.key()], s.rules(m, rule, false)...)
			}
			out := list(m.at("SecurityGroupEgress"))
			for _, rule := range out {
				all[m.key()] = append(all[m.key()], s.rules(m, rule, true)...)
			}
			if len(out) == 0 { // AWS lets everything out of a group without rules
				for _, all6 := range []string{"0.0.0.0/0", "::/0"} {
					all[m.key()] = append(all[m.key()], opening{true, "-1", 0, highestPort, all6, m})
				}
			}
		case "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress":
			group := m.text("GroupId")
			if group == "" {
				group = m.text("GroupName")
			}
			key := s.identity(m.stack, group)
			all[key] = append(all[key], s.rules(m, any(m.properties), m.kind() == "AWS::EC2::SecurityGroupEgress")...)
		}
	}
	return all
}

// peers are the properties that say whom a rule admits or reaches.
var peers = []string{
	"CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourceSecurityGroupName", "SourcePrefixListId", "DestinationSecurityGroupId", "DestinationPrefixListId",
}

func (s *side) rules(m *meaning, rule any, out bool) []opening {
	var all []opening
	for _, branch := range branches(rule) {
		protocol := protocolOf(dig(branch, "IpProtocol"))
		from, to := port(dig(branch, "FromPort"), 0), port(dig(branch, "ToPort"), highestPort)
		if protocol == "-1" {
			from, to = 0, highestPort
		}
		for _, name := range peers {
			for _, peer := range texts(dig(branch, name)) {
				if peer != "" {
					all = append(all, opening{out, protocol, from, to, s.identity(m.stack, peer), m})
				}
			}
		}
	}
	return all
}

// protocolOf is a protocol's name, where it has one.
func protocolOf(value any) string {
	return cmp.Or(map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}[scalar(value)], scalar(value))
}

// port is a port number; -1 and what is not known stand for any.
func port(value any, fallback int) int {
	n, err := strconv.Atoi(scalar(value))
	if err != nil || n < 0 {
		return fallback
	}
	return n
}

// nobody is where the CDK lets a group reach that may reach nothing: without a rule it could reach everything.
const nobody = "255.255.255.255/32"

// compareNetwork finds what can be reached that could not, or in clear text.
func (c *comparison) compareNetwork() {
	old, new := c.old.openings(), c.new.openings()
	for key, rules := range new {
		existed := c.knownGroup(key)
		for _, rule := range rules {
			if rule.peer == nobody || slices.ContainsFunc(old[key], func(o opening) bool { return o.includes(rule) }) {
				continue
			}
			// A new group guards something new: it opens what exists only if it lets the world in.
			if !existed && (rule.out || !public(rule.peer)) {
				continue
			}
			c.add(rule.carrier, OpensNetwork, "%s", rule)
		}
	}
	for _, n := range c.new.all() {
		o := c.before(n)
		for _, lock := range locks {
			if lock.opened == nil || (lock.kind != "" && lock.kind != n.kind()) {
				continue
			}
			if why := lock.opened(c, o, n); why != "" {
				c.add(n, OpensNetwork, "%s", why)
			}
		}
	}
	for _, o := range c.old.all() {
		if g, ok := guards[o.kind()]; ok && o.text(g.property) == g.value && c.counterpart(o) == nil {
			c.add(o, OpensNetwork, "%s", g.why)
		}
	}
	c.compareMembers(old, new)
}

// memberships are the properties that say of which security groups a resource is a member.
var memberships = []string{
	"VpcSecurityGroupIds", "VPCSecurityGroups", "SecurityGroups", "SecurityGroupIds", "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups",
}

// compareMembers finds what is admitted to a resource by a group that it joins.
func (c *comparison) compareMembers(old, new map[string][]opening) {
	for _, n := range c.new.all() {
		o := c.before(n)
		if o == nil {
			continue
		}
		for _, path := range memberships {
			var known []opening
			var was []string
			for _, group := range texts(o.at(path)) {
				was = append(was, c.old.identity(o.stack, group))
				known = append(known, old[c.old.identity(o.stack, group)]...)
			}
			for _, group := range texts(n.at(path)) {
				key := c.new.identity(n.stack, group)
				for _, rule := range new[key] {
					if !rule.out && !slices.Contains(was, key) && !slices.ContainsFunc(known, func(o opening) bool { return o.includes(rule) }) {
						c.add(n, OpensNetwork, "%s: the group %s, which it joins, %s", path, brief(group), rule)
					}
				}
			}
		}
	}
}

// knownGroup tells whether a security group was there before; one that another template makes was.
func (c *comparison) knownGroup(key string) bool {
	name, id, ok := strings.Cut(key, "/")
	if !ok || c.new.stacks[name] == nil || c.new.stacks[name].resources[id] == nil {
		return true
	}
	return c.old.stacks[name] != nil && c.old.stacks[name].resources[id] != nil
}

// guards are resources whose deletion opens what they guarded, those with one value of a property where one is named.
var guards = map[string]struct{ property, value, why string }{
	"AWS::WAFv2::WebACLAssociation":       {why: "requests no longer pass the firewall"},
	"AWS::WAFRegional::WebACLAssociation": {why: "requests no longer pass the firewall"},
	"AWS::NetworkFirewall::Firewall":      {why: "packets no longer pass the firewall"},
	"AWS::EC2::NetworkAclEntry":           {"RuleAction", "deny", "the network ACL no longer denies this"},
}

// lock is a switch that keeps something closed; opened says what opens with the change, if anything. The old side is nil
// for a new resource.
type lock struct {
	kind   string // empty: any type
	opened func(c *comparison, o, n *meaning) string
}

var locks = []lock{
	{"", func(_ *comparison, o, n *meaning) string { // a lifted block of public access
		for _, name := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			for _, path := range []string{"PublicAccessBlockConfiguration.", "PublicAccessBlock."} {
				before, after := valueOf(o, path+name), n.text(path+name)
				if (before == "true" && after != "true") || (o == nil && after == "false") {
					return "the block of public access is lifted: " + name
				}
			}
		}
		return ""
	}},
	turned("", "PubliclyAccessible", "true", "it receives a public address"),
	turned("", "MapPublicIpOnLaunch", "true", "instances receive public addresses"),
	turned("", "NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp", "ENABLED", "tasks receive public addresses"),
	turned("", "AssociatePublicIpAddress", "true", "instances receive public addresses"),
	turned("AWS::Lambda::Url", "AuthType", "NONE", "anybody may call the function"),
	turned("AWS::ApiGateway::Method", "AuthorizationType", "NONE", "anybody may call the method"),
	turned("AWS::ApiGatewayV2::Route", "AuthorizationType", "NONE", "anybody may call the route"),
	turned("AWS::EKS::Cluster", "ResourcesVpcConfig.EndpointPublicAccess", "true", "the control plane is public"),
	turned("AWS::S3::Bucket", "AccessControl", "PublicRead", "everybody may read"),
	turned("AWS::S3::Bucket", "AccessControl", "PublicReadWrite", "everybody may read and write"),
	{"AWS::ApiGatewayV2::Route", func(_ *comparison, o, n *meaning) string {
		return when(!slices.Contains([]string{"", "NONE"}, valueOf(o, "AuthorizationType")) && n.text("AuthorizationType") == "", "anybody may call the route")
	}},
	{"AWS::EC2::NetworkAclEntry", func(_ *comparison, o, n *meaning) string {
		entry := func(m *meaning) opening {
			peer := cmp.Or(m.text("CidrBlock"), m.text("Ipv6CidrBlock"))
			return opening{m.text("Egress") == "true", protocolOf(m.at("Protocol")), port(m.at("PortRange.From"), 0), port(m.at("PortRange.To"), highestPort), peer, m}
		}
		allowed := o != nil && o.text("RuleAction") == "allow"
		return when(n.text("RuleAction") == "allow" && (!allowed || !entry(o).includes(entry(n))), "the network ACL allows more")
	}},
	// Who is asked for a name and a password.
	{"", func(_ *comparison, o, n *meaning) string {
		return when(o != nil && asksVisitors(o) && !asksVisitors(n), "visitors no longer sign in")
	}},
	{"AWS::ElastiCache::ReplicationGroup", func(_ *comparison, o, n *meaning) string {
		asks := func(m *meaning) bool { return m.at("AuthToken") != nil || len(list(m.at("UserGroupIds"))) > 0 }
		return when(o != nil && asks(o) && !asks(n), "clients need no password")
	}},
	{"AWS::ElastiCache::User", func(_ *comparison, o, n *meaning) string {
		open := func(m *meaning) bool {
			off := strings.HasPrefix(m.text("AccessString"), "off ")
			return !off && (m.text("NoPasswordRequired") == "true" || m.text("AuthenticationMode.Type") == "no-password-required")
		}
		return when(open(n) && (o == nil || !open(o)), "it needs no password")
	}},
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", func(_ *comparison, o, n *meaning) string {
		// Without a scheme a load balancer faces the internet.
		return when(o != nil && o.text("Scheme") == "internal" && n.text("Scheme") != "internal", "the load balancer faces the internet")
	}},
	{"AWS::EC2::Route", func(c *comparison, o, n *meaning) string {
		world := n.text("DestinationCidrBlock") == "0.0.0.0/0" || n.text("DestinationIpv6CidrBlock") == "::/0"
		gateway := c.new.target(n.stack, n.text("GatewayId"))
		toInternet := strings.HasPrefix(n.text("GatewayId"), "igw-") || gateway != nil && gateway.kind() == "AWS::EC2::InternetGateway"
		known := c.old.find(n) != nil && o.text("GatewayId") == n.text("GatewayId")
		table := c.new.target(n.stack, n.text("RouteTableId"))
		fresh := table != nil && c.before(table) == nil
		return when(world && toInternet && !known && !fresh, "the subnets of the route table become public")
	}},
	{"AWS::EC2::VPCPeeringConnection", isNew("another network is joined")},
	{"AWS::EC2::TransitGatewayAttachment", isNew("another network is joined")},
	{"AWS::EC2::VPNConnection", isNew("another network is joined")},
	{"AWS::EC2::ClientVpnAuthorizationRule", isNew("clients reach the network")},
	{"AWS::EC2::PrefixList", func(_ *comparison, o, n *meaning) string {
		if o == nil {
			return ""
		}
		for _, entry := range list(n.at("Entries")) {
			cidr := scalar(dig(entry, "Cidr"))
			if !slices.ContainsFunc(list(o.at("Entries")), func(e any) bool { return within(cidr, scalar(dig(e, "Cidr"))) }) {
				return "the prefix list holds " + cidr
			}
		}
		return ""
	}},
	// A firewall that lets more through.
	{"", func(_ *comparison, o, n *meaning) string {
		for _, path := range []string{"WebACLId", "DistributionConfig.WebACLId"} {
			if valueOf(o, path) != "" && n.text(path) == "" {
				return "requests no longer pass the firewall"
			}
		}
		return ""
	}},
	{"AWS::WAFv2::WebACL", weakenedFirewall},
	{"AWS::WAFv2::RuleGroup", weakenedFirewall},
	// Traffic that may travel in clear text.
	turned("AWS::ElasticLoadBalancingV2::Listener", "Protocol", "HTTP", "visitors may send in clear text"),
	turned("AWS::ElastiCache::ReplicationGroup", "TransitEncryptionMode", "preferred", "clients may send in clear text"),
	switchedOff("TransitEncryptionEnabled"),
	switchedOff("RequireTLS"),
	switchedOff("Parameters.rds\x00force_ssl"),
	switchedOff("Parameters.require_secure_transport"),
	{"AWS::Redshift::ClusterParameterGroup", func(_ *comparison, o, n *meaning) string {
		asks := func(m *meaning) bool {
			return scalar(dig(byName(m.at("Parameters"), "ParameterName")["require_ssl"], "ParameterValue")) == "true"
		}
		return when(o != nil && asks(o) && !asks(n), "clients may send in clear text")
	}},
	switchedOff("Parameters.tls"),
	switchedOff("DomainEndpointOptions.EnforceHTTPS"),
	turned("AWS::MSK::Cluster", "EncryptionInfo.EncryptionInTransit.ClientBroker", "TLS_PLAINTEXT", "clients may send in clear text"),
	turned("AWS::MSK::Cluster", "EncryptionInfo.EncryptionInTransit.ClientBroker", "PLAINTEXT", "clients send in clear text"),
	{"AWS::CloudFront::Distribution", func(_ *comparison, o, n *meaning) string {
		if o == nil {
			return ""
		}
		count := func(parts []any, path, value string) (found int) {
			for _, part := range parts {
				if scalar(dig(part, path)) == value {
					found++
				}
			}
			return found
		}
		open := func(m *meaning) int {
			return count(append(list(m.at("DistributionConfig.CacheBehaviors")), m.at("DistributionConfig.DefaultCacheBehavior")), "ViewerProtocolPolicy", "allow-all")
		}
		plain := func(m *meaning) int {
			return count(list(m.at("DistributionConfig.Origins")), "CustomOriginConfig.OriginProtocolPolicy", "http-only")
		}
		return cmp.Or(when(open(n) > open(o), "visitors may send in clear text"), when(plain(n) > plain(o), "an origin is asked in clear text"))
	}},
}

// asksVisitors tells whether a load balancer asks visitors who they are before it forwards their requests.
func asksVisitors(m *meaning) bool {
	return slices.ContainsFunc(list(m.at(forwarding[m.kind()])), func(action any) bool {
		switch scalar(dig(action, "Type")) {
		case "authenticate-cognito":
			return scalar(dig(action, "AuthenticateCognitoConfig.OnUnauthenticatedRequest")) != "allow"
		case "authenticate-oidc":
			return scalar(dig(action, "AuthenticateOidcConfig.OnUnauthenticatedRequest")) != "allow"
		case "jwt-validation":
			return true
		}
		return false
	})
}

func valueOf(m *meaning, path string) string {
	if m == nil {
		return ""
	}
	return m.text(path)
}

func when(applies bool, why string) string {
	if applies {
		return why
	}
	return ""
}

func isNew(why string) func(*comparison, *meaning, *meaning) string {
	return func(_ *comparison, o, _ *meaning) string { return when(o == nil, why) }
}

// turned is a switch that is dangerous at one value, set now or for a new resource.
func turned(kind, path, value, why string) lock {
	return lock{kind, func(_ *comparison, o, n *meaning) string {
		if kind == "AWS::ElasticLoadBalancingV2::Listener" && (o == nil || listenerRedirects(n)) {
			return "" // port 80 that only redirects is how HTTPS begins
		}
		return when(n.text(path) == value && valueOf(o, path) != value, why)
	}}
}

func listenerRedirects(n *meaning) bool {
	actions := list(n.at("DefaultActions"))
	return len(actions) > 0 && !slices.ContainsFunc(actions, func(action any) bool { return scalar(dig(action, "Type")) != "redirect" })
}

// switchedOff is TLS, or that clients have to use it, which was on; a dot that belongs to the name is written \x00.
func switchedOff(path string) lock {
	return lock{"", func(_ *comparison, o, n *meaning) string {
		on := func(m *meaning) bool {
			if m == nil {
				return false
			}
			head, name, nested := strings.Cut(path, ".")
			value := m.at(head)
			if nested {
				value = asMap(value)[strings.ReplaceAll(name, "\x00", ".")]
			}
			return slices.Contains([]string{"true", "1", "on", "enabled"}, strings.ToLower(scalar(value)))
		}
		return when(on(o) && !on(n), "clients may send in clear text")
	}}
}

// overridden counts the rules of a managed group that only count or let through.
func overridden(rule any) (count int) {
	for _, override := range list(dig(rule, "Statement.ManagedRuleGroupStatement.RuleActionOverrides")) {
		action := asMap(dig(override, "ActionToUse"))
		if action["Count"] != nil || action["Allow"] != nil {
			count++
		}
	}
	return count + len(list(dig(rule, "Statement.ManagedRuleGroupStatement.ExcludedRules")))
}

// weakenedFirewall finds a rule that goes or only counts, and a default that lets through.
func weakenedFirewall(_ *comparison, o, n *meaning) string {
	if o == nil {
		return ""
	}
	if asMap(o.at("DefaultAction"))["Block"] != nil && asMap(n.at("DefaultAction"))["Allow"] != nil {
		return "what no rule names passes the firewall"
	}
	named := func(m *meaning) map[string]any {
		rules := map[string]any{}
		for _, rule := range list(m.at("Rules")) {
			rules[scalar(dig(rule, "Name"))] = rule
		}
		return rules
	}
	after := named(n)
	for name, before := range named(o) {
		rule, kept := after[name]
		if kept && overridden(rule) > overridden(before) {
			return "the firewall's rule " + name + " stops less"
		}
		stopped := asMap(dig(before, "Action"))["Block"] != nil || asMap(dig(before, "OverrideAction"))["None"] != nil ||
			asMap(dig(before, "Action"))["Captcha"] != nil || asMap(dig(before, "Action"))["Challenge"] != nil
		switch {
		case stopped && !kept:
			return "the firewall's rule " + name + " is gone"
		case stopped && (!reflect.DeepEqual(dig(before, "Action"), dig(rule, "Action")) && (asMap(dig(rule, "Action"))["Count"] != nil || asMap(dig(rule, "Action"))["Allow"] != nil) ||
			asMap(dig(rule, "OverrideAction"))["Count"] != nil):
			return "the firewall's rule " + name + " only counts"
		}
	}
	return ""
}
