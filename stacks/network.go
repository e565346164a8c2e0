package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"peakline/config"
	"peakline/constructs"
)

// Network is the stack of the VPC and the chain of security groups.
type Network struct {
	Stack          awscdk.Stack
	Network        *constructs.Network
	SecurityGroups *constructs.SecurityGroups
}

// NewNetwork makes the network.
func NewNetwork(stage awscdk.Stage, environment config.Environment, notifications *constructs.Notifications) *Network {
	stack := newStack(stage, "Network", "VPC, endpoints, flow logs, security groups", environment)
	settings := environment.Network
	network := constructs.NewNetwork(stack, "Network", constructs.NetworkProps{
		CIDR:                 settings.CIDR,
		PublicPrefix:         settings.Subnets.PublicPrefix,
		PrivatePrefix:        settings.Subnets.PrivatePrefix,
		IsolatedPrefix:       settings.Subnets.IsolatedPrefix,
		Zones:                settings.Zones,
		NatGateways:          natGateways(settings),
		S3Endpoint:           slices.Contains(settings.Endpoints, config.EndpointS3),
		InterfaceEndpoints:   interfaceEndpoints(settings),
		FlowLogRetentionDays: settings.FlowLogs.RetentionDays,
		WithoutFlowLogs:      !settings.FlowLogs.Enabled,
		Notifications:        notifications,
		Disposable:           disposable(environment),
	})
	return &Network{
		Stack:   stack,
		Network: network,
		SecurityGroups: constructs.NewSecurityGroups(stack, "SecurityGroups", constructs.SecurityGroupsProps{
			Vpc:             network.Vpc,
			EdgePrefixList:  edgePrefixList(environment),
			PlainHTTP:       environment.LoadBalancer.CertificateARN == "",
			EdgeCIDRs:       edgeCIDRs(settings.Ingress),
			PrivateAPIsCIDR: privateAPIs(settings),
			CodeDeploy:      environment.UsesCodeDeploy(),
			SignIn:          environment.AsksForSignIn(),
		}),
	}
}

func natGateways(network config.Network) int {
	return map[config.NATGateways]int{
		config.NATNone:    0,
		config.NATSingle:  1,
		config.NATPerZone: len(network.Zones),
	}[network.NATGateways]
}

func interfaceEndpoints(network config.Network) []constructs.InterfaceEndpoint {
	var endpoints []constructs.InterfaceEndpoint
	for _, endpoint := range network.Endpoints {
		if endpoint != config.EndpointS3 {
			endpoints = append(endpoints, constructs.InterfaceEndpoint(endpoint))
		}
	}
	return endpoints
}

// privateAPIs is the VPC's block if what administration calls, Secrets Manager, is reached inside it.
func privateAPIs(network config.Network) string {
	if slices.Contains(network.Endpoints, config.EndpointSecretsManager) {
		return network.CIDR
	}
	return ""
}

// edgePrefixList is empty where no CloudFront of ours is in front: the list is that of every distribution of the world.
func edgePrefixList(environment config.Environment) string {
	if !environment.HasEdge() {
		return ""
	}
	return environment.Network.Ingress.CloudFrontPrefixList
}

func edgeCIDRs(ingress config.Ingress) []string {
	return map[config.IngressSource][]string{
		config.IngressInternet: {"0.0.0.0/0"},
		config.IngressCIDRs:    ingress.CIDRs,
	}[ingress.From]
}
