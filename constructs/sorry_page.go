package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/edge"
)

// newSorryPage makes a small distribution that answers every address with the sorry page and the status 503. Pages fail over to it.
// S3 alone would look for a file of the address that failed, and answer the page with 200; an error page of the shop's own
// distribution would hide the API's errors too. docs/adr/0018-edge.md
func newSorryPage(scope construct.Construct, props EdgeProps, control awscloudfront.CfnOriginAccessControl, cache awscloudfront.CfnCachePolicy, headers awscloudfront.CfnResponseHeadersPolicy) awscloudfront.CfnDistribution {
	function := newEdgeFunction(scope, "SorryFunction", props.Name+"-sorry", "Answers every address with the sorry page", edge.Sorry())
	distribution := awscloudfront.NewCfnDistribution(scope, jsii.String("SorryPage"), &awscloudfront.CfnDistributionProps{
		DistributionConfig: &awscloudfront.CfnDistribution_DistributionConfigProperty{
			Enabled:           jsii.Bool(true),
			Comment:           jsii.String(props.Name + ": the page for visitors while the shop is down"),
			DefaultRootObject: jsii.String("index.html"),
			HttpVersion:       jsii.String("http2and3"),
			Ipv6Enabled:       jsii.Bool(true),
			PriceClass:        jsii.String(props.PriceClass),
			Origins:           &[]interface{}{bucketOrigin("sorry", "/sorry", props.AssetHost, control)},
			DefaultCacheBehavior: &awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty{
				TargetOriginId: jsii.String("sorry"), ViewerProtocolPolicy: jsii.String("redirect-to-https"),
				AllowedMethods: readingMethods(), CachedMethods: readingMethods(), Compress: jsii.Bool(true),
				CachePolicyId: cache.AttrId(), ResponseHeadersPolicyId: headers.AttrId(), FunctionAssociations: atBothEnds(function),
			},
			ViewerCertificate: &awscloudfront.CfnDistribution_ViewerCertificateProperty{CloudFrontDefaultCertificate: jsii.Bool(true)},
		},
	})
	acknowledge(distribution, "The shop's distribution alone asks it, over TLS 1.2; it holds one page for everybody", "AwsSolutions-CFR4")
	acknowledge(distribution, "Whoever asks is CloudFront itself: a limit by address would hit everybody at once, during an outage", "AwsSolutions-CFR2")
	acknowledge(distribution, "The shop is for the whole world; where it is not, the firewall says so", "AwsSolutions-CFR1")
	acknowledge(distribution, "It is logged by the second version of standard logging, which the rule does not know", "AwsSolutions-CFR3")
	unwatched(distribution, "each of its answers is an error, by design; edge-errors counts what visitors get of the shop's distribution")
	return distribution
}
