package constructs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// maxZones is how many zones the address plan has room for. The plan is laid out for all of them even when fewer are
// used, so that adding a zone later moves no existing subnet.
const maxZones = 3

// NetworkProps describes a VPC over two or three availability zones.
type NetworkProps struct {
	// CIDR is the VPC's IPv4 block.
	CIDR string
	// PublicPrefix, PrivatePrefix and IsolatedPrefix are the prefix lengths of the subnets of each kind.
	PublicPrefix, PrivatePrefix, IsolatedPrefix int
	// Zones are the availability zones, in an order that never changes: subnets keep their zone by position.
	Zones []string
	// NatGateways is 0 (nothing in the VPC reaches the internet), 1, or one per zone.
	NatGateways int
	// InterfaceEndpoints and S3Endpoint keep traffic to AWS services inside the VPC.
	InterfaceEndpoints []InterfaceEndpoint
	S3Endpoint         bool
	// FlowLogRetentionDays is how long the record of every connection is kept, unless there is none.
	FlowLogRetentionDays int
	WithoutFlowLogs      bool
	Notifications        *Notifications
	// Disposable deletes flow logs and their key with the stack.
	Disposable bool
}

// InterfaceEndpoint names the AWS services whose API a VPC endpoint can bring into the VPC.
type InterfaceEndpoint string

// interfaceEndpointServices maps a name to its PrivateLink services; ECR has two, its API and the Docker registry.
var interfaceEndpointServices = map[InterfaceEndpoint][]func() awsec2.InterfaceVpcEndpointAwsService{
	"ecr":            {awsec2.InterfaceVpcEndpointAwsService_ECR, awsec2.InterfaceVpcEndpointAwsService_ECR_DOCKER},
	"logs":           {awsec2.InterfaceVpcEndpointAwsService_CLOUDWATCH_LOGS},
	"secretsmanager": {awsec2.InterfaceVpcEndpointAwsService_SECRETS_MANAGER},
	"ssm":            {awsec2.InterfaceVpcEndpointAwsService_SSM},
	"sts":            {awsec2.InterfaceVpcEndpointAwsService_STS},
	"kms":            {awsec2.InterfaceVpcEndpointAwsService_KMS},
	"xray":           {awsec2.InterfaceVpcEndpointAwsService_XRAY},
	"appconfig":      {awsec2.InterfaceVpcEndpointAwsService_APPCONFIGDATA},
}

// withoutPolicy are the endpoints of services for which nobody has verified that they know policies of endpoints: where one does not,
// the deployment fails. They take traces and give flags, nothing worth carrying off.
var withoutPolicy = []InterfaceEndpoint{"xray", "appconfig"}

// Network is the VPC with its subnets by reach.
type Network struct {
	Vpc awsec2.Vpc
	// Private subnets reach out through NAT and are reached by nobody; Isolated ones have no route out at all.
	Private, Isolated *awsec2.SubnetSelection
}

// NewNetwork makes the VPC, its flow log, endpoints and NAT alarms.
func NewNetwork(scope construct.Construct, id string, props NetworkProps) *Network {
	if len(props.Zones) > maxZones {
		panic(fmt.Sprintf("network %s: %d zones %v, the address plan has room for %d", id, len(props.Zones), props.Zones, maxZones))
	}
	scope = construct.NewConstruct(scope, jsii.String(id))
	nat := awsec2.NatProvider_Gateway(nil)
	vpc := awsec2.NewVpc(scope, jsii.String("Vpc"), &awsec2.VpcProps{
		IpAddresses:        awsec2.IpAddresses_Cidr(jsii.String(props.CIDR)),
		AvailabilityZones:  jsii.Strings(props.Zones...),
		ReservedAzs:        jsii.Number(maxZones - len(props.Zones)),
		NatGateways:        jsii.Number(props.NatGateways),
		NatGatewayProvider: nat,
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
			{Name: jsii.String("Private"), SubnetType: privateSubnetType(props.NatGateways), CidrMask: jsii.Number(props.PrivatePrefix)},
			{Name: jsii.String("Public"), SubnetType: awsec2.SubnetType_PUBLIC, CidrMask: jsii.Number(props.PublicPrefix),
				MapPublicIpOnLaunch: jsii.Bool(false)},
			{Name: jsii.String("Isolated"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED, CidrMask: jsii.Number(props.IsolatedPrefix)},
		},
		// Emptying the default security group takes a custom resource; nothing of ours uses that group.
		RestrictDefaultSecurityGroup: jsii.Bool(false),
	})
	network := &Network{
		Vpc:      vpc,
		Private:  &awsec2.SubnetSelection{SubnetGroupName: jsii.String("Private")},
		Isolated: &awsec2.SubnetSelection{SubnetGroupName: jsii.String("Isolated")},
	}
	if props.WithoutFlowLogs {
		acknowledge(vpc.Node().DefaultChild(), "Flow logs are off by configuration, which in production costs a written reason", "AwsSolutions-VPC7")
	} else {
		network.addFlowLog(scope, props)
	}
	network.addEndpoints(scope, props)
	if props.NatGateways > 0 {
		network.addNatAlarms(scope, *nat.ConfiguredGateways(), props.Notifications)
	}
	return network
}

func (n *Network) addFlowLog(scope construct.Construct, props NetworkProps) {
	group := NewLogGroup(scope, "FlowLogGroup", LogGroupProps{
		RetentionDays: props.FlowLogRetentionDays,
		Key: NewEncryptionKey(scope, "FlowLogKey", EncryptionKeyProps{
			Description: "Flow logs of the VPC",
			LogGroups:   true,
			Disposable:  props.Disposable,
		}),
		Disposable: props.Disposable,
	})
	role := awsiam.NewRole(scope, jsii.String("FlowLogRole"), &awsiam.RoleProps{
		Description: jsii.String("Lets VPC flow logs write their log group"),
		AssumedBy:   serviceOfAccount(scope, "vpc-flow-logs.amazonaws.com"),
	})
	n.Vpc.AddFlowLog(jsii.String("FlowLog"), &awsec2.FlowLogOptions{
		Destination:            awsec2.FlowLogDestination_ToCloudWatchLogs(group, role),
		TrafficType:            awsec2.FlowLogTrafficType_ALL,
		MaxAggregationInterval: awsec2.FlowLogMaxAggregationInterval_ONE_MINUTE,
	})
}

func (n *Network) addEndpoints(scope construct.Construct, props NetworkProps) {
	if props.S3Endpoint {
		endpoint := n.Vpc.AddGatewayEndpoint(jsii.String("S3Endpoint"), &awsec2.GatewayVpcEndpointOptions{
			Service: awsec2.GatewayVpcEndpointAwsService_S3(),
			Subnets: &[]*awsec2.SubnetSelection{n.Private},
		})
		endpoint.AddToPolicy(ofThisAccount(scope))
		endpoint.AddToPolicy(readingForEveryone())
	}
	if len(props.InterfaceEndpoints) == 0 {
		return
	}
	group := awsec2.NewSecurityGroup(scope, jsii.String("EndpointSecurityGroup"), &awsec2.SecurityGroupProps{
		Vpc:              n.Vpc,
		Description:      jsii.String("AWS APIs inside the VPC, for everything in the VPC"),
		AllowAllOutbound: jsii.Bool(false),
	})
	group.AddIngressRule(awsec2.Peer_Ipv4(jsii.String(props.CIDR)), awsec2.Port_Tcp(jsii.Number(443)),
		jsii.String("HTTPS from the VPC"), nil)
	for _, endpoint := range props.InterfaceEndpoints {
		services, ok := interfaceEndpointServices[endpoint]
		if !ok {
			panic(fmt.Sprintf("network: no interface endpoint is called %q", endpoint))
		}
		for i, service := range services {
			id := fmt.Sprintf("%sEndpoint%d", pascalCase(string(endpoint)), i+1)
			made := n.Vpc.AddInterfaceEndpoint(jsii.String(id), &awsec2.InterfaceVpcEndpointOptions{
				Service:        service(),
				Subnets:        n.Private,
				SecurityGroups: &[]awsec2.ISecurityGroup{group},
				Open:           jsii.Bool(false),
			})
			if !slices.Contains(withoutPolicy, endpoint) {
				made.AddToPolicy(ofThisAccount(scope))
			}
		}
	}
}

// ofThisAccount lets principals of this account through an endpoint, and with them nobody: an intruder who brings keys of an account
// of his own could carry data off into it, past every policy of ours. What ours may do their own policies say.
// https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
func ofThisAccount(scope construct.Construct) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings("*"),
		Resources:  jsii.Strings("*"),
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:PrincipalAccount": *awscdk.Stack_Of(scope).Account()},
		},
	})
}

// readingForEveryone lets in the addresses that others sign, those of ECR's image layers among them. Nothing gets out by reading.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
func readingForEveryone() awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions:    jsii.Strings("s3:GetObject"),
		Resources:  jsii.Strings("*"),
	})
}

// addNatAlarms watches what a full NAT gateway does to a shop: payments fail at random while everything looks healthy.
func (n *Network) addNatAlarms(scope construct.Construct, gateways []*awsec2.GatewayConfig, notifications *Notifications) {
	NewAlarm(scope, notifications, AlarmProps{
		Name:       "network-nat-port-exhaustion",
		Summary:    "A NAT gateway has no port left for new connections to the internet.",
		Severity:   Critical,
		Metric:     highestOfGateways(gateways, "ErrorPortAllocation"),
		Comparison: Above, Threshold: 0, Breaching: 3, Periods: 5, MissingData: MissingIsFine,
	})
	NewAlarm(scope, notifications, AlarmProps{
		Name:       "network-nat-packet-drops",
		Summary:    "A NAT gateway drops packets.",
		Severity:   Warning,
		Metric:     highestOfGateways(gateways, "PacketsDropCount"),
		Comparison: Above, Threshold: 100, Breaching: 5, Periods: 10, MissingData: MissingIsFine,
	})
}

// highestOfGateways is, minute by minute, the value of the gateway that fares worst.
func highestOfGateways(gateways []*awsec2.GatewayConfig, metric string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	names := make([]string, len(gateways))
	for i, gateway := range gateways {
		names[i] = "gateway" + strconv.Itoa(i+1)
		metrics[names[i]] = minutely("AWS/NATGateway", metric, "Sum", map[string]*string{"NatGatewayId": gateway.GatewayId})
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String("MAX([" + strings.Join(names, ", ") + "])"),
		UsingMetrics: &metrics,
		Label:        jsii.String(metric),
		Period:       awscdk.Duration_Minutes(jsii.Number(1)),
	})
}

// privateSubnetType keeps the private subnets where they are when an environment does without NAT.
func privateSubnetType(natGateways int) awsec2.SubnetType {
	if natGateways == 0 {
		return awsec2.SubnetType_PRIVATE_ISOLATED
	}
	return awsec2.SubnetType_PRIVATE_WITH_EGRESS
}
