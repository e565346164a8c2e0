package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2targets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53targets"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// InternalLoadBalancerProps describes the way from the inside to the load balancer.
type InternalLoadBalancerProps struct {
	Vpc           awsec2.IVpc
	Subnets       *awsec2.SubnetSelection
	SecurityGroup awsec2.ISecurityGroup
	// LoadBalancer is what it leads to.
	LoadBalancer *LoadBalancer
	// HostName is a name that the load balancer's certificate is for; empty where it has none.
	HostName      string
	Notifications *Notifications
	// Disposable leaves out deletion protection.
	Disposable bool
}

// InternalLoadBalancer is a Network Load Balancer that passes connections on to the listeners of the load balancer, whose
// own name leads to the internet. What calls it meets the same rules, the same release and the same certificate as a
// visitor. https://docs.aws.amazon.com/elasticloadbalancing/latest/network/application-load-balancer-target.html
type InternalLoadBalancer struct {
	// URL is where services are called, and TestURL where a release that is being tried is; without a path or a final slash.
	URL, TestURL *string
	// Ready is what must be there before either answers.
	Ready construct.IDependable
}

// NewInternalLoadBalancer makes it, and inside the VPC the name under which it is called.
func NewInternalLoadBalancer(scope construct.Construct, id string, props InternalLoadBalancerProps) *InternalLoadBalancer {
	scope = construct.NewConstruct(scope, jsii.String(id))
	balancer := awselasticloadbalancingv2.NewNetworkLoadBalancer(scope, jsii.String("LoadBalancer"), &awselasticloadbalancingv2.NetworkLoadBalancerProps{
		Vpc:                props.Vpc,
		VpcSubnets:         props.Subnets,
		InternetFacing:     jsii.Bool(false),
		SecurityGroups:     &[]awsec2.ISecurityGroup{props.SecurityGroup},
		CrossZoneEnabled:   jsii.Bool(true),
		DeletionProtection: jsii.Bool(!props.Disposable),
	})
	acknowledge(balancer, "It opens no TLS and could log nothing; the load balancer behind it logs each request", "AwsSolutions-ELB2")
	addInternalLoadBalancerAlarm(scope, props.Notifications, balancer, map[string]awselasticloadbalancingv2.NetworkTargetGroup{
		"production": passOn(balancer, "Production", props.LoadBalancer.Production, props.LoadBalancer.Secure),
		"test":       passOn(balancer, "Test", props.LoadBalancer.Test, props.LoadBalancer.Secure),
	})
	if !props.LoadBalancer.Secure {
		return newInternalAddress("http", balancer.LoadBalancerDnsName(), scope)
	}
	zone := awsroute53.NewPrivateHostedZone(scope, jsii.String("Zone"), &awsroute53.PrivateHostedZoneProps{
		Vpc:      props.Vpc,
		ZoneName: jsii.String(props.HostName),
		Comment:  jsii.String("Leads to the load balancer without the internet"),
	})
	awsroute53.NewARecord(scope, jsii.String("Name"), &awsroute53.ARecordProps{
		Zone:   zone,
		Target: awsroute53.RecordTarget_FromAlias(awsroute53targets.NewLoadBalancerTarget(balancer, nil)),
	})
	return newInternalAddress("https", jsii.String(props.HostName), scope)
}

func newInternalAddress(scheme string, host *string, ready construct.IDependable) *InternalLoadBalancer {
	return &InternalLoadBalancer{
		URL:     jsii.String(scheme + "://" + *host),
		TestURL: jsii.String(fmt.Sprintf("%s://%s:%d", scheme, *host, TestPort)),
		Ready:   ready,
	}
}

// passOn listens on the port of a listener of the load balancer and passes every connection on to it.
func passOn(balancer awselasticloadbalancingv2.NetworkLoadBalancer, id string, to awselasticloadbalancingv2.ApplicationListener, secure bool) awselasticloadbalancingv2.NetworkTargetGroup {
	protocol := awselasticloadbalancingv2.Protocol_HTTP
	if secure {
		protocol = awselasticloadbalancingv2.Protocol_HTTPS
	}
	return untagged(balancer.AddListener(jsii.String(id), &awselasticloadbalancingv2.BaseNetworkListenerProps{
		Port:     to.Port(),
		Protocol: awselasticloadbalancingv2.Protocol_TCP,
	})).AddTargets(jsii.String("LoadBalancer"), &awselasticloadbalancingv2.AddNetworkTargetsProps{
		Port:     to.Port(),
		Protocol: awselasticloadbalancingv2.Protocol_TCP,
		Targets:  &[]awselasticloadbalancingv2.INetworkLoadBalancerTarget{awselasticloadbalancingv2targets.NewAlbListenerTarget(to)},
		// Any answer shows that the load balancer is there; which service has which tasks is its own business.
		HealthCheck: &awselasticloadbalancingv2.HealthCheck{
			Protocol: protocol, Path: jsii.String("/"), HealthyHttpCodes: jsii.String("200-599"),
			Interval: awscdk.Duration_Seconds(jsii.Number(10)),
		},
	})
}

// Metrics: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-cloudwatch-metrics.html
func addInternalLoadBalancerAlarm(scope construct.Construct, notifications *Notifications, balancer awselasticloadbalancingv2.NetworkLoadBalancer,
	groups map[string]awselasticloadbalancingv2.NetworkTargetGroup,
) {
	metrics := map[string]awscloudwatch.IMetric{}
	for name, group := range groups {
		metrics[name] = minutely("AWS/NetworkELB", "UnHealthyHostCount", "Maximum",
			map[string]*string{"LoadBalancer": balancer.LoadBalancerFullName(), "TargetGroup": group.TargetGroupFullName()})
	}
	NewAlarm(scope, notifications, AlarmProps{
		Name: "internal-load-balancer-unreachable", Severity: Critical,
		Summary:    "The internal load balancer does not reach the load balancer: services cannot call each other, or no release can be tried.",
		Metric:     expression("MAX([production, test])", "targets that fail their health checks", metrics),
		Comparison: AtLeast, Threshold: 1, Breaching: 3, Periods: 5, MissingData: MissingKeepsState,
	})
}
