package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// LoadBalancerProps describes the balancer in front of the services.
type LoadBalancerProps struct {
	Vpc           awsec2.IVpc
	SecurityGroup awsec2.ISecurityGroup
	// CertificateARN is for HTTPS; without one the balancer speaks plain HTTP.
	CertificateARN string
	// IdleTimeout is how long a connection may be silent.
	IdleTimeout      time.Duration
	LogRetentionDays int
	Notifications    *Notifications
	// Disposable leaves out deletion protection, and lets the access logs go with the stack once they are empty.
	Disposable bool
}

// LoadBalancer is an Application Load Balancer with two listeners: Production for visitors and Test for a release that is
// being tried, which only the inside reaches. A path that no service has is answered with 404.
type LoadBalancer struct {
	LoadBalancer     awselasticloadbalancingv2.ApplicationLoadBalancer
	Production, Test awselasticloadbalancingv2.ApplicationListener
	// Secure tells whether the listeners speak HTTPS, or plain HTTP.
	Secure bool
}

// NewLoadBalancer makes the balancer, its listeners and the bucket of its access logs.
func NewLoadBalancer(scope construct.Construct, id string, props LoadBalancerProps) *LoadBalancer {
	scope = construct.NewConstruct(scope, jsii.String(id))
	balancer := awselasticloadbalancingv2.NewApplicationLoadBalancer(scope, jsii.String("LoadBalancer"), &awselasticloadbalancingv2.ApplicationLoadBalancerProps{
		Vpc:                     props.Vpc,
		InternetFacing:          jsii.Bool(true),
		SecurityGroup:           props.SecurityGroup,
		DeletionProtection:      jsii.Bool(!props.Disposable),
		DropInvalidHeaderFields: jsii.Bool(true),
		IdleTimeout:             awscdk.Duration_Seconds(jsii.Number(props.IdleTimeout.Seconds())),
	})
	balancer.LogAccessLogs(NewLogBucket(scope, "AccessLogs", LogBucketProps{
		RetentionDays: props.LogRetentionDays,
		Disposable:    props.Disposable,
	}), nil)
	addLoadBalancerAlarm(scope, balancer, props.Notifications)
	listener := func(id string, securePort, plainPort int) awselasticloadbalancingv2.ApplicationListener {
		listenerProps := &awselasticloadbalancingv2.BaseApplicationListenerProps{
			Open:     jsii.Bool(false), // the security group says who may
			Port:     jsii.Number(plainPort),
			Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP,
			DefaultAction: awselasticloadbalancingv2.ListenerAction_FixedResponse(jsii.Number(404), &awselasticloadbalancingv2.FixedResponseOptions{
				ContentType: jsii.String("application/json"), MessageBody: jsii.String(`{"error":"not found"}`),
			}),
		}
		if props.CertificateARN != "" {
			listenerProps.Port = jsii.Number(securePort)
			listenerProps.Protocol = awselasticloadbalancingv2.ApplicationProtocol_HTTPS
			listenerProps.Certificates = &[]awselasticloadbalancingv2.IListenerCertificate{
				awselasticloadbalancingv2.ListenerCertificate_FromArn(jsii.String(props.CertificateARN)),
			}
			listenerProps.SslPolicy = awselasticloadbalancingv2.SslPolicy_RECOMMENDED_TLS
		}
		return untagged(balancer.AddListener(jsii.String(id), listenerProps))
	}
	production := listener("Production", 443, 80)
	if props.CertificateARN != "" {
		redirect := untagged(balancer.AddListener(jsii.String("Redirect"), &awselasticloadbalancingv2.BaseApplicationListenerProps{
			Open:     jsii.Bool(false),
			Port:     jsii.Number(80),
			Protocol: awselasticloadbalancingv2.ApplicationProtocol_HTTP,
			DefaultAction: awselasticloadbalancingv2.ListenerAction_Redirect(&awselasticloadbalancingv2.RedirectOptions{
				Protocol: jsii.String("HTTPS"), Port: jsii.String("443"), Permanent: jsii.Bool(true),
			}),
		}))
		redirect.Node().AddDependency(production) // which gives up port 80 when an environment gets its certificate
	}
	return &LoadBalancer{
		LoadBalancer: balancer,
		Production:   production,
		Test:         listener("Test", TestPort, TestPort),
		Secure:       props.CertificateARN != "",
	}
}

// untagged leaves out the tags that the CDK gives listeners and rules: CloudFormation's published schemas have none there.
func untagged[T construct.Construct](made T) T {
	made.Node().DefaultChild().(awscdk.CfnResource).AddPropertyDeletionOverride(jsii.String("Tags"))
	return made
}

func addLoadBalancerAlarm(scope construct.Construct, balancer awselasticloadbalancingv2.ApplicationLoadBalancer, notifications *Notifications) {
	NewAlarm(scope, notifications, AlarmProps{
		Name: "load-balancer-errors", Severity: Critical,
		Summary: "The load balancer itself answers visitors with errors: no task takes their requests.",
		Metric: minutely("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum",
			map[string]*string{"LoadBalancer": balancer.LoadBalancerFullName()}),
		Comparison: Above, Threshold: 10, Breaching: 3, Periods: 5, MissingData: MissingIsFine,
	})
	dimensions := map[string]*string{"LoadBalancer": balancer.LoadBalancerFullName()}
	NewAlarm(scope, notifications, AlarmProps{
		Name: "shop-errors", Severity: Critical,
		Summary: "More than one of fifty requests to the shop fails in its services.",
		Metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String("100 * errors / " + atLeast("requests", 50)),
			UsingMetrics: &map[string]awscloudwatch.IMetric{
				"errors":   minutely("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", dimensions),
				"requests": minutely("AWS/ApplicationELB", "RequestCount", "Sum", dimensions),
			},
			Label:  jsii.String("percent of the requests that failed"),
			Period: awscdk.Duration_Minutes(jsii.Number(1)),
		}),
		Comparison: Above, Threshold: 2, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
	})
}
