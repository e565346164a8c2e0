package config

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// NATGateways says how private subnets reach the internet.
type NATGateways string

// Per zone survives the loss of a zone; a single gateway is cheaper and takes every zone down with its own; with none
// only VPC endpoints are reachable.
const (
	NATPerZone NATGateways = "per-zone"
	NATSingle  NATGateways = "single"
	NATNone    NATGateways = "none"
)

// Endpoint is an AWS service that is reached without leaving the VPC.
type Endpoint string

// EndpointS3 is a gateway endpoint, free of charge. The others are interface endpoints, one address in each zone.
const (
	EndpointS3             Endpoint = "s3"
	EndpointECR            Endpoint = "ecr"
	EndpointLogs           Endpoint = "logs"
	EndpointSecretsManager Endpoint = "secretsmanager"
	EndpointSSM            Endpoint = "ssm"
	EndpointSTS            Endpoint = "sts"
	EndpointKMS            Endpoint = "kms"
	EndpointXRay           Endpoint = "xray"
	EndpointAppConfig      Endpoint = "appconfig"
)

// IngressSource says who may open a connection to the load balancer.
type IngressSource string

// From CloudFront only, from anywhere, or from the listed address ranges.
const (
	IngressCloudFront IngressSource = "cloudfront"
	IngressInternet   IngressSource = "internet"
	IngressCIDRs      IngressSource = "cidrs"
)

// Network is the VPC: public, private and isolated subnets in each zone.
type Network struct {
	// CIDR is the private IPv4 range of the VPC, from /16 to /24. It must not overlap another environment's.
	CIDR string `json:"cidr" jsonschema:"required,example=10.20.0.0/16"`
	// Zones are the availability zones, by name.
	Zones []string `json:"zones" jsonschema:"required,minItems=2,maxItems=3,uniqueItems=true"`
	// Subnets are the sizes of the subnets. Left out, they are derived from the CIDR.
	Subnets Subnets `json:"subnets,omitempty"`
	// NATGateways is one of `per-zone`, `single` and `none`. With `none` a route of your own has to lead to the images of third parties, the placeholder's and PgBouncer's among them, or no task starts. Default: `per-zone` in production, `single` in development.
	NATGateways NATGateways `json:"natGateways,omitempty" jsonschema:"enum=per-zone,enum=single,enum=none"`
	// Endpoints are the VPC endpoints. Default: each of them in production, `s3` in development.
	Endpoints []Endpoint `json:"endpoints,omitempty" jsonschema:"uniqueItems=true,enum=s3,enum=ecr,enum=logs,enum=secretsmanager,enum=ssm,enum=sts,enum=kms,enum=xray,enum=appconfig"`
	// FlowLogs records every connection that the VPC accepts or rejects.
	FlowLogs FlowLogs `json:"flowLogs,omitempty"`
	// Ingress says who may reach the load balancer's ports 80 and 443.
	Ingress Ingress `json:"ingress,omitempty"`
}

// Subnets are prefix lengths: 22 means a /22, 1,019 usable addresses. There is one subnet of each kind in each zone.
type Subnets struct {
	// PublicPrefix is for load balancers and NAT gateways. Default: the VPC's prefix plus 6, at most 27.
	PublicPrefix int `json:"publicPrefix,omitempty" jsonschema:"minimum=18,maximum=27"`
	// PrivatePrefix is for services, one address a task. Default: the VPC's prefix plus 3, at most 27.
	PrivatePrefix int `json:"privatePrefix,omitempty" jsonschema:"minimum=18,maximum=27"`
	// IsolatedPrefix is for the database and the caches, without any route out. Default: the VPC's prefix plus 6, at most 27.
	IsolatedPrefix int `json:"isolatedPrefix,omitempty" jsonschema:"minimum=18,maximum=27"`
}

// FlowLogs go to a log group of their own.
type FlowLogs struct {
	// Enabled is true unless switched off.
	Enabled bool `json:"enabled,omitempty"`
	// RetentionDays is how long they are kept. Default: 365 in production, 14 in development.
	RetentionDays int `json:"retentionDays,omitempty"`
}

// Ingress is the load balancer's side of the edge.
type Ingress struct {
	// From is one of `cloudfront`, `internet` and `cidrs`. With `cloudfront` and without `edge.domains` nobody outside reaches it. Default: `cloudfront`.
	From IngressSource `json:"from,omitempty" jsonschema:"enum=cloudfront,enum=internet,enum=cidrs"`
	// CIDRs are the admitted ranges when `from` is `cidrs`: an office, another provider's edge.
	CIDRs []string `json:"cidrs,omitempty" jsonschema:"uniqueItems=true,maxItems=30"`
	// CloudFrontPrefixList is the id of CloudFront's managed prefix list in the region, with `from: cloudfront`. Default: the one
	// that Peakline's table of regions has.
	CloudFrontPrefixList string `json:"cloudFrontPrefixList,omitempty" jsonschema:"pattern=^pl-[0-9a-f]{8}([0-9a-f]{9})?$,example=pl-4fa04526"`
}

func networkDefaults(profile Profile) Network {
	return Network{
		NATGateways: byProfile(profile, NATSingle, NATPerZone),
		Endpoints: byProfile(profile, []Endpoint{EndpointS3}, []Endpoint{EndpointS3, EndpointECR, EndpointLogs,
			EndpointSecretsManager, EndpointSSM, EndpointSTS, EndpointKMS, EndpointXRay, EndpointAppConfig}),
		FlowLogs: FlowLogs{Enabled: true, RetentionDays: byProfile(profile, 14, 365)},
		Ingress:  Ingress{From: IngressCloudFront},
	}
}

func (n *Network) complete(region region) {
	if n.Ingress.From == IngressCloudFront {
		n.Ingress.CloudFrontPrefixList = cmp.Or(n.Ingress.CloudFrontPrefixList, region.cloudFront)
	}
	vpc, err := netip.ParsePrefix(n.CIDR)
	if err != nil {
		return
	}
	derived := func(more int) int { return min(vpc.Bits()+more, smallestSubnet) }
	n.Subnets.PublicPrefix = cmp.Or(n.Subnets.PublicPrefix, derived(6))
	n.Subnets.PrivatePrefix = cmp.Or(n.Subnets.PrivatePrefix, derived(3))
	n.Subnets.IsolatedPrefix = cmp.Or(n.Subnets.IsolatedPrefix, derived(6))
}

// smallestSubnet is the longest prefix that a load balancer accepts and that holds a cluster with 15 readers.
const smallestSubnet = 27

// privateRanges are those of RFC 1918, and RFC 6598's, which companies take that have used those up.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
}

// parseRange reads an IPv4 range. The text of its complaint is empty when there is none.
func parseRange(text string) (prefix netip.Prefix, complaint string) {
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return prefix, "not an address range, want for example 10.20.0.0/16"
	case !prefix.Addr().Is4():
		return prefix, "not an IPv4 range, want for example 10.20.0.0/16"
	case prefix != prefix.Masked():
		return prefix, "bits set behind the prefix, want " + prefix.Masked().String()
	}
	return prefix, ""
}

var networkRules = []rule{
	{"the CIDR is a private range of a size that a VPC can have", []string{"network.cidr"}, func(i inspection) {
		vpc, complaint := parseRange(i.Network.CIDR)
		isPrivate := slices.ContainsFunc(privateRanges, func(r netip.Prefix) bool { return r.Bits() <= vpc.Bits() && r.Contains(vpc.Addr()) })
		switch {
		case complaint != "":
			i.refuse("network.cidr", "%q: %s", shorten(i.Network.CIDR), complaint)
		case vpc.Bits() < 16 || vpc.Bits() > 24:
			i.refuse("network.cidr", "/%d, want /16 to /24", vpc.Bits())
		case !isPrivate:
			i.refuse("network.cidr", "%s is not private, want a range within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10", vpc)
		}
	}},
	{"the zones are in the region", []string{"region"}, func(i inspection) {
		for n, zone := range i.Network.Zones {
			path := index("network.zones", n)
			if known := zonesOf(i.Region); !slices.Contains(known, zone) {
				i.refuse(path, "%q is not a zone of %s, want %s", shorten(zone), i.Region, strings.Join(known, ", "))
			}
		}
	}},
	{"the subnets fit into the CIDR", []string{"network.cidr", "network.subnets"}, func(i inspection) {
		if i.refused("network.zones") {
			return
		}
		vpc, _ := parseRange(i.Network.CIDR)
		size := func(bits int) int { return 1 << (32 - bits) }
		used := 0
		for _, tier := range []int{i.Network.Subnets.PrivatePrefix, i.Network.Subnets.PublicPrefix, i.Network.Subnets.IsolatedPrefix} {
			for range i.Network.Zones {
				aligned := (used + size(tier) - 1) / size(tier) * size(tier)
				used = aligned + size(tier)
			}
		}
		if used > size(vpc.Bits()) {
			path := "network.cidr"
			if i.has("network.subnets") {
				path = "network.subnets"
			}
			i.refuse(path, "%s has %d addresses, too few for private /%d, public /%d and isolated /%d subnets in %d zones, which take %d; want a larger CIDR or smaller subnets",
				vpc, size(vpc.Bits()), i.Network.Subnets.PrivatePrefix, i.Network.Subnets.PublicPrefix, i.Network.Subnets.IsolatedPrefix, len(i.Network.Zones), used)
		}
	}},
	{"the private subnets have an address for each task", []string{"profile", "network", "services"}, func(i inspection) {
		const keptByAWS = 5
		usable := len(i.Network.Zones) * (1<<(32-i.Network.Subnets.PrivatePrefix) - keptByAWS)
		needed := 0
		for _, service := range i.Services {
			needed += coloursOfARelease*service.Scaling.Max + len(service.Schedules)
		}
		if needed > usable {
			path := "network.cidr"
			if i.has("network.subnets.privatePrefix") {
				path = "network.subnets.privatePrefix"
			}
			i.refuse(path, "private /%d subnets in %d zones have %d addresses, but services may have %d tasks while they are released; want larger subnets, or fewer tasks (services.*.scaling.max)",
				i.Network.Subnets.PrivatePrefix, len(i.Network.Zones), usable, needed)
		}
	}},
	{"without NAT gateways the endpoints reach every service that is needed", []string{"network.natGateways", "network.endpoints", "tracing.enabled", "featureFlags.enabled"}, func(i inspection) {
		if i.Network.NATGateways != NATNone {
			return
		}
		var missing []string
		needed := []Endpoint{EndpointS3, EndpointECR, EndpointLogs, EndpointSecretsManager, EndpointSSM, EndpointSTS, EndpointKMS}
		if i.Tracing.Enabled {
			needed = append(needed, EndpointXRay)
		}
		if i.FeatureFlags.Enabled {
			needed = append(needed, EndpointAppConfig)
		}
		for _, needed := range needed {
			if !slices.Contains(i.Network.Endpoints, needed) {
				missing = append(missing, string(needed))
			}
		}
		if len(missing) > 0 {
			i.refuse("network.endpoints", "natGateways is none, so that private subnets cannot reach %s; add the endpoints or a NAT gateway", strings.Join(missing, ", "))
		}
	}},
	{"the ingress ranges belong to ingress from ranges", []string{"network.ingress.from"}, func(i inspection) {
		ingress := i.Network.Ingress
		switch {
		case ingress.From == IngressCIDRs && len(ingress.CIDRs) == 0 && i.sound("network.ingress.cidrs"):
			i.refuse("network.ingress.cidrs", "none, but from is cidrs; want at least one range")
		case ingress.From != IngressCIDRs && len(ingress.CIDRs) > 0:
			i.refuse("network.ingress.cidrs", "has no effect with from: %s; remove it or choose from: cidrs", ingress.From)
		}
	}},
	{"the ingress ranges are ranges", nil, func(i inspection) {
		for n, text := range i.Network.Ingress.CIDRs {
			path := index("network.ingress.cidrs", n)
			prefix, complaint := parseRange(text)
			switch {
			case complaint != "":
				i.refuse(path, "%q: %s", shorten(text), complaint)
			case prefix.Bits() < 8:
				i.refuse(path, "%s is a good part of the internet, want /8 or smaller, or say from: internet", prefix)
			}
		}
	}},
	{"CloudFront's prefix list is known where only CloudFront is admitted", []string{"network.ingress", "region"}, func(i inspection) {
		ingress := i.Network.Ingress
		switch {
		case ingress.From == IngressCloudFront && ingress.CloudFrontPrefixList == "":
			i.refuse("network.ingress.cloudFrontPrefixList", "missing, and Peakline does not know it for %s; want the id that aws ec2 describe-managed-prefix-lists gives for com.amazonaws.global.cloudfront.origin-facing", i.Region)
		case ingress.From != IngressCloudFront && ingress.CloudFrontPrefixList != "":
			i.refuse("network.ingress.cloudFrontPrefixList", "has no effect with from: %s; remove it", ingress.From)
		}
	}},
	{"flow logs that are off have no retention", []string{"network.flowLogs"}, func(i inspection) {
		if !i.Network.FlowLogs.Enabled && i.has("network.flowLogs.retentionDays") {
			i.refuse("network.flowLogs.retentionDays", "has no effect with enabled: false; remove it")
		}
	}},
}
