package constructs

import (
	"fmt"

	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Ports that the chain of security groups opens, link by link.
const (
	// ServicePort is the port every service listens on inside its task.
	ServicePort = 8080
	// TestPort is that of the load balancer's test listener, on which a release is tried before it takes over.
	TestPort = 8443
	// DatabasePort is PostgreSQL's.
	DatabasePort = 5432
	// CachePort is Valkey's and Redis's.
	CachePort = 6379
)

// SecurityGroupsProps says who may reach the platform from outside.
type SecurityGroupsProps struct {
	Vpc awsec2.IVpc
	// EdgePrefixList is the managed prefix list (CloudFront's origin-facing one) that may reach the load balancer.
	EdgePrefixList string
	// PrivateAPIsCIDR is the VPC's own block where AWS's APIs are reached inside it: administration then has no way to the
	// internet. Empty where they are not.
	PrivateAPIsCIDR string
	// PlainHTTP is for a load balancer without a certificate, which listens on port 80.
	PlainHTTP bool
	// CodeDeploy releases some services, and is told by the function that tries them.
	CodeDeploy bool
	// SignIn lets the load balancer ask Cognito, whose endpoints are on the internet, who somebody is.
	SignIn bool
	// EdgeCIDRs are IPv4 blocks that may reach it; "0.0.0.0/0" opens it to the internet.
	EdgeCIDRs []string
}

// SecurityGroups is the chain edge -> load balancer -> services -> database and cache. Each group admits only the one
// before it and reaches only the one after it. Services reach each other, and the test listener, through the internal load
// balancer, which leads to the load balancer; the function that tries releases reaches the test listener alone.
// Administration is for one-off tasks and functions that hold a database secret of their own: bootstrap, migrations,
// rotation.
type SecurityGroups struct {
	LoadBalancer, InternalLoadBalancer, Services, ReleaseTest, Administration, Database, Cache awsec2.SecurityGroup
}

// NewSecurityGroups makes the groups and every rule between them, so that the whole chain is read in one place.
func NewSecurityGroups(scope construct.Construct, id string, props SecurityGroupsProps) *SecurityGroups {
	scope = construct.NewConstruct(scope, jsii.String(id))
	group := func(id, description string) awsec2.SecurityGroup {
		return awsec2.NewSecurityGroup(scope, jsii.String(id), &awsec2.SecurityGroupProps{
			Vpc:              props.Vpc,
			Description:      jsii.String(description),
			AllowAllOutbound: jsii.Bool(false),
		})
	}
	groups := &SecurityGroups{
		LoadBalancer:         group("LoadBalancer", "Application Load Balancer, reached from the edge"),
		InternalLoadBalancer: group("InternalLoadBalancer", "Network Load Balancer, reached from services"),
		Services:             group("Services", "Service tasks, reached from the load balancer"),
		ReleaseTest:          group("ReleaseTest", "The function that tries releases"),
		Administration:       group("Administration", "One-off tasks and functions that administer the database"),
		Database:             group("Database", "Aurora, reached from services and administration"),
		Cache:                group("Cache", "Caches, reached from services"),
	}

	port := 443
	if props.PlainHTTP {
		port = 80
	}
	if props.EdgePrefixList != "" {
		// CloudFront's list counts as 55 of the 60 rules that a group may have, so there is room for one port.
		groups.LoadBalancer.AddIngressRule(awsec2.Peer_PrefixList(jsii.String(props.EdgePrefixList)), tcp(port),
			jsii.String("CloudFront"), nil)
	}
	for _, cidr := range props.EdgeCIDRs {
		for _, port := range []int{443, 80} { // 80 only answers with a redirect to 443
			groups.LoadBalancer.AddIngressRule(awsec2.Peer_Ipv4(jsii.String(cidr)), tcp(port), jsii.String("Visitors"), nil)
		}
	}
	if slices.Contains(props.EdgeCIDRs, "0.0.0.0/0") {
		acknowledge(groups.LoadBalancer, "Open to the internet by configuration, which in production costs a written reason", "AwsSolutions-EC23")
	}
	if props.SignIn {
		groups.LoadBalancer.AddEgressRule(awsec2.Peer_AnyIpv4(), tcp(443), jsii.String("HTTPS to Cognito"), nil)
	} else {
		replaceDefaultEgress(groups.LoadBalancer)
	}
	replaceDefaultEgress(groups.InternalLoadBalancer)
	link(groups.LoadBalancer, groups.Services, ServicePort, "Load balancer to services")
	for _, port := range []int{port, TestPort} {
		link(groups.Services, groups.InternalLoadBalancer, port, "Services to each other, and tries of a release")
		link(groups.InternalLoadBalancer, groups.LoadBalancer, port, "Internal load balancer to load balancer")
	}
	link(groups.ReleaseTest, groups.InternalLoadBalancer, TestPort, "Tries of a release")
	link(groups.Services, groups.Services, ServicePort, "Service to service")
	link(groups.Services, groups.Database, DatabasePort, "Services to database")
	link(groups.Services, groups.Cache, CachePort, "Services to cache")
	link(groups.Administration, groups.Database, DatabasePort, "Administration to database")
	groups.Services.AddEgressRule(awsec2.Peer_AnyIpv4(), tcp(443), jsii.String("HTTPS to AWS and third parties"), nil)
	apis := awsec2.Peer_AnyIpv4()
	if props.PrivateAPIsCIDR != "" {
		apis = awsec2.Peer_Ipv4(jsii.String(props.PrivateAPIsCIDR))
	}
	if props.CodeDeploy {
		groups.ReleaseTest.AddEgressRule(awsec2.Peer_AnyIpv4(), tcp(443), jsii.String("HTTPS to the API of CodeDeploy"), nil)
	} else {
		replaceDefaultEgress(groups.ReleaseTest)
	}
	groups.Administration.AddEgressRule(apis, tcp(443), jsii.String("HTTPS to the APIs of AWS"), nil)
	return groups
}

// link opens one port from one group to another, at both ends.
func link(from, to awsec2.SecurityGroup, port int, description string) {
	from.AddEgressRule(to, tcp(port), jsii.String(description), nil)
	to.AddIngressRule(from, tcp(port), jsii.String(description), nil)
}

// replaceDefaultEgress puts a rule that matches nothing into a group whose other egress rules are resources of their own:
// a group without any rule inside starts with EC2's default, which lets everything out.
func replaceDefaultEgress(group awsec2.SecurityGroup) {
	group.Node().DefaultChild().(awsec2.CfnSecurityGroup).SetSecurityGroupEgress(&[]interface{}{&awsec2.CfnSecurityGroup_EgressProperty{
		Description: jsii.String("Nothing but the rules beside this group"),
		CidrIp:      jsii.String("255.255.255.255/32"),
		IpProtocol:  jsii.String("icmp"),
		FromPort:    jsii.Number(252),
		ToPort:      jsii.Number(86),
	}})
}

func tcp(port int) awsec2.Port {
	return awsec2.Port_Tcp(jsii.Number(port))
}

// OpenServicePort extends the chain for services that listen on another port than ServicePort. Its rules are resources of
// scope's stack, so that the network need not know the services.
func OpenServicePort(scope construct.Construct, port int, loadBalancer, services awsec2.ISecurityGroup) {
	for name, from := range map[string]awsec2.ISecurityGroup{"LoadBalancer": loadBalancer, "Services": services} {
		linkAcross(scope, name, fmt.Sprintf("Port%d", port), from, services, port, "To services on a port of their own")
	}
}

// linkAcross opens one port from one group to another, as link does, by resources of scope's stack.
func linkAcross(scope construct.Construct, fromName, toName string, from, to awsec2.ISecurityGroup, port int, description string) {
	awsec2.NewCfnSecurityGroupEgress(scope, jsii.String(fromName+"To"+toName), &awsec2.CfnSecurityGroupEgressProps{
		GroupId: from.SecurityGroupId(), DestinationSecurityGroupId: to.SecurityGroupId(),
		IpProtocol: jsii.String("tcp"), FromPort: jsii.Number(port), ToPort: jsii.Number(port),
		Description: jsii.String(description),
	})
	awsec2.NewCfnSecurityGroupIngress(scope, jsii.String(toName+"From"+fromName), &awsec2.CfnSecurityGroupIngressProps{
		GroupId: to.SecurityGroupId(), SourceSecurityGroupId: from.SecurityGroupId(),
		IpProtocol: jsii.String("tcp"), FromPort: jsii.Number(port), ToPort: jsii.Number(port),
		Description: jsii.String(description),
	})
}
