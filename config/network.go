package config

import (
	"cmp"
	"net/netip"
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
	// CIDR is the private IPv4 range of the VPC, from /16 to /20. It must not overlap another environment's.
	CIDR string `json:"cidr" jsonschema:"required"`
	// Zones are the availability zones, by name.
	Zones []string `json:"zones" jsonschema:"required,minItems=2,maxItems=3,uniqueItems=true"`
	// Subnets are the sizes of the subnets. Left out, they are derived from the CIDR.
	Subnets Subnets `json:"subnets,omitempty"`
	// NATGateways is one of `per-zone`, `single` and `none`. Default: `per-zone` in production, `single` in development.
	NATGateways NATGateways `json:"natGateways,omitempty" jsonschema:"enum=per-zone,enum=single,enum=none"`
	// Endpoints are the VPC endpoints. Default: all in production, `s3` in development.
	Endpoints []Endpoint `json:"endpoints,omitempty" jsonschema:"uniqueItems=true,enum=s3,enum=ecr,enum=logs,enum=secretsmanager,enum=ssm,enum=sts,enum=kms,enum=xray"`
	// FlowLogs records every connection that the VPC accepts or rejects.
	FlowLogs FlowLogs `json:"flowLogs,omitempty"`
	// Ingress says who may reach the load balancer's ports 80 and 443.
	Ingress Ingress `json:"ingress,omitempty"`
}

// Subnets are prefix lengths: 22 means a /22, 1,019 usable addresses. There is one subnet of each kind in each zone.
type Subnets struct {
	// PublicPrefix is for load balancers and NAT gateways. Default: the VPC's prefix plus 6.
	PublicPrefix int `json:"publicPrefix,omitempty" jsonschema:"minimum=18,maximum=27"`
	// PrivatePrefix is for services, one address a task. Default: the VPC's prefix plus 3.
	PrivatePrefix int `json:"privatePrefix,omitempty" jsonschema:"minimum=18,maximum=27"`
	// IsolatedPrefix is for the database and the caches, without any route out. Default: the VPC's prefix plus 6.
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
	// From is one of `cloudfront`, `internet` and `cidrs`. Default: `cloudfront`.
	From IngressSource `json:"from,omitempty" jsonschema:"enum=cloudfront,enum=internet,enum=cidrs"`
	// CIDRs are the admitted ranges when `from` is `cidrs`: an office, another provider's edge.
	CIDRs []string `json:"cidrs,omitempty" jsonschema:"uniqueItems=true,maxItems=30"`
	// CloudFrontPrefixList is the id of CloudFront's managed prefix list in the region. It is needed only in a region
	// that Peakline's table does not have.
	CloudFrontPrefixList string `json:"cloudFrontPrefixList,omitempty" jsonschema:"pattern=^pl-[0-9a-f]{8}([0-9a-f]{9})?$"`
}

func networkDefaults(profile Profile) Network {
	return Network{
		NATGateways: byProfile(profile, NATSingle, NATPerZone),
		Endpoints: byProfile(profile, []Endpoint{EndpointS3}, []Endpoint{EndpointS3, EndpointECR, EndpointLogs,
			EndpointSecretsManager, EndpointSSM, EndpointSTS, EndpointKMS, EndpointXRay}),
		FlowLogs: FlowLogs{Enabled: true, RetentionDays: byProfile(profile, 14, 365)},
		Ingress:  Ingress{From: IngressCloudFront},
	}
}

func (n *Network) complete() {
	vpc, err := netip.ParsePrefix(n.CIDR)
	if err != nil {
		return
	}
	n.Subnets.PublicPrefix = cmp.Or(n.Subnets.PublicPrefix, vpc.Bits()+6)
	n.Subnets.PrivatePrefix = cmp.Or(n.Subnets.PrivatePrefix, vpc.Bits()+3)
	n.Subnets.IsolatedPrefix = cmp.Or(n.Subnets.IsolatedPrefix, vpc.Bits()+6)
}
