package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// cloudFrontZone is the hosted zone of every distribution.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-route53-aliastarget.html
const cloudFrontZone = "Z2FDTNDATAQYW2"

// NewDistributionRecords lets names lead to a distribution, by IPv4 and IPv6. Their ids have the name in them: by a number, names in
// another order would each be made where the other still is, which Route 53 refuses.
func NewDistributionRecords(scope construct.Construct, id, zoneID string, names []string, distribution awscloudfront.CfnDistribution) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	for _, name := range names {
		of := construct.NewConstruct(scope, jsii.String(name))
		for kind, version := range map[string]string{"A": "V4", "AAAA": "V6"} {
			newAliasRecord(of, version, zoneID, name, kind, distribution.AttrDomainName(), jsii.String(cloudFrontZone))
		}
	}
}

// NewLoadBalancerRecord lets a name lead to the load balancer, which has addresses of IPv4 only.
func NewLoadBalancerRecord(scope construct.Construct, id, zoneID, name string, balancer *LoadBalancer) {
	newAliasRecord(scope, id, zoneID, name, "A", balancer.LoadBalancer.LoadBalancerDnsName(), balancer.LoadBalancer.LoadBalancerCanonicalHostedZoneId())
}

func newAliasRecord(scope construct.Construct, id, zoneID, name, kind string, target, targetZone *string) {
	awsroute53.NewCfnRecordSet(scope, jsii.String(id), &awsroute53.CfnRecordSetProps{
		HostedZoneId: jsii.String(zoneID), Name: jsii.String(name + "."), Type: jsii.String(kind),
		AliasTarget: &awsroute53.CfnRecordSet_AliasTargetProperty{DnsName: target, HostedZoneId: targetZone, EvaluateTargetHealth: jsii.Bool(false)},
	})
}
