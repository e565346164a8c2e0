package test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"peakline/config"
	"peakline/constructs"
)

// Kinds of subnets, as the CDK tags them.
const (
	public   = "Public"
	private  = "Private"
	isolated = "Isolated"
)

var networkRequirements = []requirement{
	{row: "N1", name: "every zone of the configuration has one public, one private and one isolated subnet",
		check: func(a *assembly, fail failure) {
			want := a.environment.Network.Zones
			for _, kind := range []string{public, private, isolated} {
				var zones []string
				for _, subnet := range a.subnets(kind) {
					zones = append(zones, subnet.text("AvailabilityZone"))
				}
				slices.Sort(zones)
				if !slices.Equal(zones, slices.Sorted(slices.Values(want))) {
					fail("%s subnets are in zones %v, want one in each of %v: what runs in a zone without one cannot start there", kind, zones, want)
				}
			}
		}},
	{row: "N1", name: "subnets have the configured sizes, lie within the VPC's range and do not overlap",
		check: func(a *assembly, fail failure) {
			settings := a.environment.Network
			vpc := a.all("AWS::EC2::VPC")
			if len(vpc) != 1 || vpc[0].text("CidrBlock") != settings.CIDR {
				fail("the VPC's range is not the configured %s: addresses would collide with networks it is peered with", settings.CIDR)
			}
			bits := map[string]int{public: settings.Subnets.PublicPrefix, private: settings.Subnets.PrivatePrefix, isolated: settings.Subnets.IsolatedPrefix}
			var seen []netip.Prefix
			for _, subnet := range a.subnets(public, private, isolated) {
				block, err := netip.ParsePrefix(subnet.text("CidrBlock"))
				if err != nil {
					fail("%s: %v", subnet, err)
					continue
				}
				if want := bits[subnet.tag("aws-cdk:subnet-name")]; block.Bits() != want {
					fail("%s is %s, want a /%d: it would run out of addresses, or waste them", subnet, block, want)
				}
				if whole, err := netip.ParsePrefix(settings.CIDR); err != nil || !whole.Contains(block.Addr()) {
					fail("%s is %s, outside the VPC's %s: the deployment would fail", subnet, block, settings.CIDR)
				}
				for _, other := range seen {
					if other.Overlaps(block) {
						fail("%s is %s and overlaps %s: the deployment would fail", subnet, block, other)
					}
				}
				seen = append(seen, block)
			}
		}},
	{row: "N1", name: "isolated subnets have no route out",
		check: func(a *assembly, fail failure) {
			for _, subnet := range a.subnets(isolated) {
				if routes := a.routes(subnet); len(routes) > 0 {
					fail("%s has a route to %s: the database's network could be left for the internet", subnet, routes[0].text("DestinationCidrBlock"))
				}
			}
		}},
	{row: "N1", name: "private subnets reach the internet through the NAT gateway of their own zone, or the only one, or not at all",
		check: func(a *assembly, fail failure) {
			for _, subnet := range a.subnets(private) {
				routes := a.routes(subnet)
				if a.environment.Network.NATGateways == config.NATNone {
					if len(routes) > 0 {
						fail("%s has a route out, though the environment has no NAT gateway", subnet)
					}
					continue
				}
				if len(routes) != 1 || routes[0].text("DestinationCidrBlock") != "0.0.0.0/0" {
					fail("%s has %d routes, want one default route: services could not reach third parties", subnet, len(routes))
					continue
				}
				gateway := a.target(routes[0], "NatGatewayId")
				if !gateway.exists() {
					fail("%s has a default route that is not a NAT gateway: its tasks would be reachable from, or cut off from, the internet", subnet)
					continue
				}
				zone := a.target(gateway, "SubnetId").text("AvailabilityZone")
				if a.environment.Network.NATGateways == config.NATPerZone && zone != subnet.text("AvailabilityZone") {
					fail("%s leaves through the NAT gateway of zone %s: losing that zone would cut off this one too", subnet, zone)
				}
			}
		}},
	{row: "N1", name: "there are as many NAT gateways as configured, all in public subnets, each with an address of its own",
		check: func(a *assembly, fail failure) {
			gateways := a.all("AWS::EC2::NatGateway")
			want := map[config.NATGateways]int{config.NATNone: 0, config.NATSingle: 1, config.NATPerZone: len(a.environment.Network.Zones)}[a.environment.Network.NATGateways]
			if len(gateways) != want {
				fail("%d NAT gateways, want %d (%s): zones share one's fate, or are paid for twice", len(gateways), want, a.environment.Network.NATGateways)
			}
			addresses := map[string]bool{}
			for _, gateway := range gateways {
				if kind := a.target(gateway, "SubnetId").tag("aws-cdk:subnet-name"); kind != public {
					fail("%s stands in a %s subnet: it could not reach the internet itself", gateway, kind)
				}
				address := a.target(gateway, "AllocationId")
				if address.kind != "AWS::EC2::EIP" || addresses[address.key()] {
					fail("%s has no elastic address of its own: partners' allow-lists would break when it is replaced", gateway)
				}
				addresses[address.key()] = true
			}
		}},
	{row: "N1", name: "public subnets route to the internet gateway and hand out no public addresses",
		check: func(a *assembly, fail failure) {
			for _, subnet := range a.subnets(public) {
				routes := a.routes(subnet)
				if len(routes) != 1 || a.target(routes[0], "GatewayId").kind != "AWS::EC2::InternetGateway" {
					fail("%s does not route to the internet gateway: the load balancer and NAT gateways would be cut off", subnet)
				}
			}
			for _, subnet := range a.all("AWS::EC2::Subnet") {
				if subnet.isSet("MapPublicIpOnLaunch") {
					fail("%s gives everything launched in it a public address", subnet)
				}
			}
			if attachments := a.all("AWS::EC2::VPCGatewayAttachment"); len(attachments) != 1 ||
				a.target(attachments[0], "InternetGatewayId").kind != "AWS::EC2::InternetGateway" || a.target(attachments[0], "VpcId").kind != "AWS::EC2::VPC" {
				fail("the internet gateway is not attached to the VPC: nothing would get in or out")
			}
		}},
	{row: "N1", name: "names resolve inside the VPC",
		check: func(a *assembly, fail failure) {
			for _, vpc := range a.all("AWS::EC2::VPC") {
				if !vpc.isSet("EnableDnsSupport") || !vpc.isSet("EnableDnsHostnames") {
					fail("%s has DNS support or host names off: the cluster's endpoints and private endpoints would not resolve", vpc)
				}
			}
		}},
	{row: "N2", name: "the configured endpoints exist, and no others",
		check: func(a *assembly, fail failure) {
			var want, got []string
			for _, endpoint := range a.environment.Network.Endpoints {
				for _, service := range endpointServices[endpoint] {
					want = append(want, "com.amazonaws."+a.environment.Region+"."+service)
				}
			}
			for _, endpoint := range a.all("AWS::EC2::VPCEndpoint") {
				got = append(got, a.resolve(endpoint.stack, endpoint.get("ServiceName")))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) {
				fail("endpoints are %v, want %v: a missing one sends AWS traffic through NAT, an extra one is paid for by the hour", got, want)
			}
		}},
	{row: "N2", name: "the S3 endpoint is on the route table of every subnet that reads from S3",
		check: func(a *assembly, fail failure) {
			for _, endpoint := range a.where("AWS::EC2::VPCEndpoint", "VpcEndpointType", "Gateway") {
				for _, subnet := range a.subnets(private) {
					table := a.routeTable(subnet)
					if !slices.ContainsFunc(endpoint.list("RouteTableIds"), func(id any) bool { return a.targetOf(endpoint.stack, id).is(table) }) {
						fail("%s is not on the route table of %s: image layers would be paid for by the gigabyte through NAT", endpoint, subnet)
					}
				}
			}
		}},
	{row: "N2", name: "interface endpoints have private names, an address in every zone and admit HTTPS from the VPC only",
		check: func(a *assembly, fail failure) {
			for _, endpoint := range a.where("AWS::EC2::VPCEndpoint", "VpcEndpointType", "Interface") {
				if !endpoint.isSet("PrivateDnsEnabled") {
					fail("%s has no private name: SDKs would go on using the public address", endpoint)
				}
				zones := map[string]bool{}
				for _, id := range endpoint.list("SubnetIds") {
					zones[a.targetOf(endpoint.stack, id).text("AvailabilityZone")] = true
				}
				if len(zones) != len(a.environment.Network.Zones) {
					fail("%s is in %d of %d zones: losing one would cut others off from AWS", endpoint, len(zones), len(a.environment.Network.Zones))
				}
				for _, id := range endpoint.list("SecurityGroupIds") {
					for _, rule := range a.ingress(a.targetOf(endpoint.stack, id)) {
						if rule.from != a.environment.Network.CIDR || rule.ports != "443" {
							fail("%s admits %s on %s, want HTTPS from the VPC (%s) only", endpoint, rule.from, rule.ports, a.environment.Network.CIDR)
						}
					}
				}
				if len(endpoint.list("SecurityGroupIds")) == 0 {
					fail("%s has no security group of its own: the VPC's default group would decide who may use it", endpoint)
				}
			}
		}},
	{row: "N2", name: "who brings keys of another account carries nothing off through an endpoint",
		check: func(a *assembly, fail failure) {
			for _, endpoint := range a.all("AWS::EC2::VPCEndpoint") {
				service := a.resolve(endpoint.stack, endpoint.get("ServiceName"))
				if strings.HasSuffix(service, ".xray") || strings.HasSuffix(service, ".appconfigdata") {
					continue // traces and flags
				}
				ours := false
				for _, s := range statementsOf(endpoint, endpoint.get("PolicyDocument")) {
					if account := dig(s.condition(), "StringEquals/aws:PrincipalAccount"); account != nil && s.allows() {
						ours = true
						if a.resolve(s.stack, account) != s.stack.account {
							fail("%s lets account %v through", endpoint, account)
						}
						continue
					}
					if s.allows() && !slices.Equal(s.actions(), []string{"s3:GetObject"}) {
						fail("%s lets everybody %v: data leave with the keys of a stranger's account", endpoint, s.actions())
					}
				}
				if !ours {
					fail("%s has no policy that lets this account through: the default lets everybody through, or nobody", endpoint)
				}
				if layers := strings.HasSuffix(service, ".s3"); layers != a.readByEverybody(endpoint) {
					fail("%s lets strangers' signatures read (%v), want %v: image layers come by addresses that ECR signs", endpoint, !layers, layers)
				}
			}
		}},
	{row: "N3", name: "every connection of the VPC, accepted or rejected, is logged within a minute",
		where: func(e config.Environment) bool { return e.Network.FlowLogs.Enabled },
		check: func(a *assembly, fail failure) {
			logs := a.all("AWS::EC2::FlowLog")
			if len(logs) != 1 {
				fail("%d flow logs, want one: nobody could tell afterwards who connected to what", len(logs))
			}
			for _, log := range logs {
				if a.target(log, "ResourceId").kind != "AWS::EC2::VPC" || log.text("ResourceType") != "VPC" {
					fail("%s does not record the whole VPC", log)
				}
				if log.text("TrafficType") != "ALL" {
					fail("%s records %q, want ALL: the half that is missing is the half an investigation needs", log, log.text("TrafficType"))
				}
				if log.number("MaxAggregationInterval") != 60 {
					fail("%s aggregates over %v s, want 60: ten minutes is too coarse to follow an incident", log, log.get("MaxAggregationInterval"))
				}
			}
		}},
	{row: "N3", name: "flow logs are kept as long as configured, encrypted with a key of ours",
		where: func(e config.Environment) bool { return e.Network.FlowLogs.Enabled },
		check: func(a *assembly, fail failure) {
			for _, log := range a.all("AWS::EC2::FlowLog") {
				group := a.target(log, "LogGroupName")
				if group.number("RetentionInDays") != float64(a.environment.Network.FlowLogs.RetentionDays) {
					fail("flow logs are kept for %v days, want %d", group.get("RetentionInDays"), a.environment.Network.FlowLogs.RetentionDays)
				}
				if a.target(group, "KmsKeyId").kind != "AWS::KMS::Key" {
					fail("%s is not encrypted with a customer's key: addresses of customers are personal data", group)
				}
			}
		}},
	{row: "N3", name: "the flow log service may write its own log group and nothing else",
		where: func(e config.Environment) bool { return e.Network.FlowLogs.Enabled },
		check: func(a *assembly, fail failure) {
			for _, log := range a.all("AWS::EC2::FlowLog") {
				role, group := a.target(log, "DeliverLogsPermissionArn"), a.target(log, "LogGroupName")
				if !role.exists() || !slices.Contains(a.trusted(role), "vpc-flow-logs.amazonaws.com") {
					fail("%s has no role that the flow log service may assume: nothing would be recorded", log)
				}
				allowed := false
				for _, s := range a.statements(role) {
					if !a.mentions(s.stack, s.body["Resource"], group) {
						fail("%s may do %v on %s, not only write %s", role, s.actions(), a.resolve(s.stack, s.body["Resource"]), group)
					}
					allowed = allowed || slices.Contains(s.actions(), "logs:PutLogEvents")
				}
				if !allowed {
					fail("%s may not write %s: nothing would be recorded", role, group)
				}
			}
		}},
	{row: "N4", name: "each security group admits only the link before it in the chain",
		check: func(a *assembly, fail failure) {
			admitted := map[string][]string{ // by the group's place in the chain: who, on which port
				"LoadBalancer":         append(edge(a.environment), link("InternalLoadBalancer", int(productionPort(a.environment))), link("InternalLoadBalancer", constructs.TestPort)),
				"InternalLoadBalancer": {link("Services", int(productionPort(a.environment))), link("Services", constructs.TestPort), link("ReleaseTest", constructs.TestPort)},
				"ReleaseTest":          nil,
				"Services":             append(servicePorts(a.environment, "LoadBalancer"), servicePorts(a.environment, "Services")...),
				"Administration":       nil,
				"Database":             {link("Services", constructs.DatabasePort), link("Administration", constructs.DatabasePort)},
				"Cache":                {link("Services", constructs.CachePort)},
			}
			if a.environment.UsesProxy() {
				admitted["Database"] = append(admitted["Database"], link("ProxyGroup", constructs.DatabasePort))
			}
			for name, want := range admitted {
				group := a.securityGroup(name)
				if !group.exists() {
					fail("there is no security group %s: the chain is broken", name)
					continue
				}
				got := a.rulesOf(a.ingress(group))
				slices.Sort(want)
				if !slices.Equal(got, want) {
					fail("%s admits %v, want %v: a link too many lets an intruder skip one, a link too few stops the shop", name, got, want)
				}
			}
		}},
	{row: "N4", name: "each security group reaches only the link after it, and HTTPS where it calls AWS or third parties",
		check: func(a *assembly, fail failure) {
			https := "0.0.0.0/0:443"
			apis := https
			if slices.Contains(a.environment.Network.Endpoints, config.EndpointSecretsManager) {
				apis = a.environment.Network.CIDR + ":443"
			}
			reached := map[string][]string{
				"LoadBalancer":         servicePorts(a.environment, "Services"),
				"InternalLoadBalancer": {link("LoadBalancer", int(productionPort(a.environment))), link("LoadBalancer", constructs.TestPort)},
				"Services":             append(servicePorts(a.environment, "Services"), link("InternalLoadBalancer", int(productionPort(a.environment))), link("InternalLoadBalancer", constructs.TestPort), link("Database", constructs.DatabasePort), link("Cache", constructs.CachePort), https),
				"ReleaseTest":          {link("InternalLoadBalancer", constructs.TestPort)},
				"Administration":       {link("Database", constructs.DatabasePort), apis},
				"Database":             nil,
				"Cache":                nil,
			}
			if a.environment.UsesProxy() {
				reached["Services"] = append(reached["Services"], link("ProxyGroup", constructs.DatabasePort))
			}
			if a.environment.AsksForSignIn() {
				reached["LoadBalancer"] = append(reached["LoadBalancer"], https) // Cognito's endpoints are on the internet
			}
			if a.environment.UsesCodeDeploy() {
				reached["ReleaseTest"] = append(reached["ReleaseTest"], https)
			}
			for name, want := range reached {
				group := a.securityGroup(name)
				if len(group.list("SecurityGroupEgress")) == 0 {
					fail("%s has no egress rule inside: EC2 adds one that lets everything out", name)
				}
				got := a.rulesOf(a.egress(group))
				slices.Sort(want)
				if !slices.Equal(got, want) {
					fail("%s reaches %v, want %v: stolen data leaves by the link too many", name, got, want)
				}
			}
		}},
	{row: "N4", name: "with the edge in front, the load balancer admits CloudFront only",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			rules := a.ingress(a.securityGroup("LoadBalancer"))
			if len(rules) == 0 {
				fail("the load balancer admits nobody: the shop would be unreachable")
			}
			for _, rule := range rules {
				if !strings.HasPrefix(rule.from, "pl-") && rule.from != a.securityGroup("InternalLoadBalancer").key()+".GroupId" {
					fail("the load balancer admits %s on port %s, want CloudFront's prefix list: the firewall at the edge could be walked around", rule.from, rule.ports)
				}
			}
		}},
	{row: "N4", name: "the database and its functions run in subnets without a way in",
		check: func(a *assembly, fail failure) {
			for _, group := range a.all("AWS::RDS::DBSubnetGroup", "AWS::ElastiCache::SubnetGroup") {
				for _, id := range group.list("SubnetIds") {
					if subnet := a.targetOf(group.stack, id); subnet.tag("aws-cdk:subnet-name") != isolated {
						fail("%s contains %s, want isolated subnets only", group, subnet)
					}
				}
			}
			for _, f := range a.all("AWS::Lambda::Function") {
				for _, id := range f.list("VpcConfig/SubnetIds") {
					if subnet := a.targetOf(f.stack, id); subnet.tag("aws-cdk:subnet-name") == public {
						fail("%s runs in %s, a public subnet, where functions have no way out and others a way in", f, subnet)
					}
				}
			}
		}},
}

// endpointServices are the PrivateLink services behind each endpoint of the configuration.
var endpointServices = map[config.Endpoint][]string{
	config.EndpointS3:             {"s3"},
	config.EndpointECR:            {"ecr.api", "ecr.dkr"},
	config.EndpointLogs:           {"logs"},
	config.EndpointSecretsManager: {"secretsmanager"},
	config.EndpointSSM:            {"ssm"},
	config.EndpointSTS:            {"sts"},
	config.EndpointKMS:            {"kms"},
	config.EndpointXRay:           {"xray"},
	config.EndpointAppConfig:      {"appconfigdata"},
}

func (a *assembly) subnets(kinds ...string) []resource {
	var found []resource
	for _, subnet := range a.all("AWS::EC2::Subnet") {
		if slices.Contains(kinds, subnet.tag("aws-cdk:subnet-name")) {
			found = append(found, subnet)
		}
	}
	return found
}

func (a *assembly) routeTable(subnet resource) resource {
	for _, association := range a.all("AWS::EC2::SubnetRouteTableAssociation") {
		if a.target(association, "SubnetId").is(subnet) {
			return a.target(association, "RouteTableId")
		}
	}
	return resource{}
}

func (a *assembly) routes(subnet resource) []resource {
	table := a.routeTable(subnet)
	var routes []resource
	for _, route := range a.all("AWS::EC2::Route") {
		if a.target(route, "RouteTableId").is(table) {
			routes = append(routes, route)
		}
	}
	return routes
}

// securityGroup is a link of the chain, by its construct id.
func (a *assembly) securityGroup(name string) resource {
	for _, group := range a.all("AWS::EC2::SecurityGroup") {
		if strings.HasSuffix(group.path(), "/SecurityGroups/"+name+"/Resource") {
			return group
		}
	}
	return resource{}
}

// path is the construct's path, which the CDK notes beside each resource.
func (r resource) path() string {
	path, _ := dig(r.body, "Metadata/aws:cdk:path").(string)
	return path
}

// groupRule is one rule of a security group: the other end, resolved, and the ports.
type groupRule struct {
	from  string // a CIDR, a prefix list, or the key of another group with ".GroupId"
	ports string // "443", "1-65535", or "all"
	where resource
}

// ingress lists the rules of a group, those inside it and those that stand for themselves.
func (a *assembly) ingress(group resource) []groupRule {
	return a.groupRules(group, "SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress",
		"CidrIp", "CidrIpv6", "SourcePrefixListId", "SourceSecurityGroupId")
}

func (a *assembly) egress(group resource) []groupRule {
	return slices.DeleteFunc(a.groupRules(group, "SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress",
		"CidrIp", "CidrIpv6", "DestinationPrefixListId", "DestinationSecurityGroupId"), func(rule groupRule) bool {
		// What the CDK writes for "nothing": an empty list would mean everything.
		return rule.from == "255.255.255.255/32" || rule.ports == "252-86"
	})
}

func (a *assembly) groupRules(group resource, property, kind string, peers ...string) []groupRule {
	var rules []groupRule
	add := func(where resource, body any) {
		for _, peer := range peers {
			if value := dig(body, peer); value != nil {
				rules = append(rules, groupRule{from: a.resolve(where.stack, value), ports: ports(body), where: where})
			}
		}
	}
	if !group.exists() {
		return nil
	}
	for _, body := range group.list(property) {
		add(group, body)
	}
	for _, rule := range a.all(kind) {
		if a.target(rule, "GroupId").is(group) {
			add(rule, rule.body["Properties"])
		}
	}
	return rules
}

func ports(rule any) string {
	from, to := dig(rule, "FromPort"), dig(rule, "ToPort")
	switch {
	case from == nil:
		return "all"
	case from == to:
		return fmt.Sprint(from)
	default:
		return fmt.Sprintf("%v-%v", from, to)
	}
}

// rulesOf writes rules as "LoadBalancer:8080", sorted, so that they compare with link and edge.
func (a *assembly) rulesOf(rules []groupRule) []string {
	var written []string
	for _, rule := range rules {
		peer := rule.from
		for _, group := range a.all("AWS::EC2::SecurityGroup") {
			if rule.from == group.key()+".GroupId" {
				parts := strings.Split(group.path(), "/")
				peer = parts[len(parts)-2]
			}
		}
		written = append(written, peer+":"+rule.ports)
	}
	slices.Sort(written)
	return written
}

func link(group string, port int) string { return fmt.Sprintf("%s:%d", group, port) }

// servicePorts are links on every port that some service listens on.
func servicePorts(environment config.Environment, group string) []string {
	links := []string{link(group, constructs.ServicePort)}
	for _, name := range environment.ServiceNames() {
		if at := link(group, environment.Services[name].Port); !slices.Contains(links, at) {
			links = append(links, at)
		}
	}
	return links
}

// edge is who the configuration lets through to the load balancer.
func edge(environment config.Environment) []string {
	ingress := environment.Network.Ingress
	if ingress.From == config.IngressCloudFront {
		if !environment.HasEdge() {
			return nil // no CloudFront of ours: the list is that of every distribution of the world
		}
		return []string{ingress.CloudFrontPrefixList + ":443"} // port 80 is redirected at the edge
	}
	var rules []string
	for _, peer := range map[config.IngressSource][]string{
		config.IngressInternet: {"0.0.0.0/0"},
		config.IngressCIDRs:    ingress.CIDRs,
	}[ingress.From] {
		rules = append(rules, peer+":443", peer+":80")
	}
	return rules
}

// readByEverybody tells whether an endpoint lets objects be read with anybody's signature.
func (a *assembly) readByEverybody(endpoint resource) bool {
	return slices.ContainsFunc(statementsOf(endpoint, endpoint.get("PolicyDocument")), func(s statement) bool {
		return s.allows() && !s.conditioned() && slices.Contains(s.actions(), "s3:GetObject") && slices.Contains(s.principals(), "*")
	})
}
