package constructs

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
	"peakline/lambda/edge"
)

// EdgeProps describes CloudFront in front of a shop.
type EdgeProps struct {
	// Name is what the names of its parts begin with.
	Name string
	// Store is the name of the key-value store with the weights of experiments.
	Store string
	// Domains are the shop's names, the canonical one first, and CertificateARN is for all of them.
	Domains        []string
	CertificateARN string
	PriceClass     string
	// AssetHost is the bucket's regional name: site/ holds the pages and assets, sorry/ the sorry page.
	AssetHost string
	// OriginHost is a name that leads to the load balancer and that its certificate is for; OriginSecret names the secret by
	// which it knows CloudFront.
	OriginHost, OriginSecret string
	// SecondOrigin is the host of another origin; empty if there is none.
	SecondOrigin string
	// Dynamic are the path patterns that the load balancer answers; Pages are those of them that are pages.
	Dynamic, Pages []string
	// SignIn are those of them for which the load balancer asks for a sign-in, and where it lets people in.
	SignIn                []string
	ContentSecurityPolicy string
	CORSOrigins           []string
	Firewall              *WebACL
	LogRetentionDays      int
	// Disposable lets the weights and the logs go with the stack.
	Disposable bool
}

// Edge is the shop's distribution.
type Edge struct {
	Distribution awscloudfront.CfnDistribution
	// AccessLogs is the name of the bucket of access logs.
	AccessLogs *string
}

// Ids of origins and of groups of them, which a function may name.
const (
	siteOrigin     = "site"
	servicesOrigin = contract.FirstOrigin
	sorryOrigin    = "sorry"
	siteOrSorry    = "site-or-sorry"
	pagesOrSorry   = "pages-or-sorry"
)

// NewEdge makes the distribution, its functions, policies and logs. Everything is a resource of the first level: the origins are in
// another region, and are named rather than referred to.
func NewEdge(scope construct.Construct, id string, props EdgeProps) *Edge {
	scope = construct.NewConstruct(scope, jsii.String(id))
	control := awscloudfront.NewCfnOriginAccessControl(scope, jsii.String("AssetAccess"), &awscloudfront.CfnOriginAccessControlProps{
		OriginAccessControlConfig: &awscloudfront.CfnOriginAccessControl_OriginAccessControlConfigProperty{
			Name: jsii.String(props.Name), OriginAccessControlOriginType: jsii.String("s3"),
			SigningBehavior: jsii.String("always"), SigningProtocol: jsii.String("sigv4"),
		},
	})
	cache := newSiteCachePolicy(scope, props.Name+"-site")
	pageHeaders, apiHeaders := newPageHeaders(scope, props.Name+"-pages", props), newAPIHeaders(scope, props.Name+"-api", props)
	sorry := newSorryPage(scope, props, control, cache, pageHeaders)
	settings := edge.Settings{Domains: props.Domains, Dynamic: props.Dynamic}
	if props.SecondOrigin != "" {
		settings.SecondOrigin = contract.SecondOrigin
	}
	store := newExperimentStore(scope, props.Store, props.Disposable)
	functions := atBothEnds(newEdgeFunction(scope, "ViewerFunction", props.Name+"-viewer", "Headers, addresses and experiments", edge.Viewer(settings), store))
	distribution := awscloudfront.NewCfnDistribution(scope, jsii.String("Distribution"), &awscloudfront.CfnDistributionProps{
		DistributionConfig: &awscloudfront.CfnDistribution_DistributionConfigProperty{
			Enabled:           jsii.Bool(true),
			Comment:           jsii.String(props.Name),
			Aliases:           jsii.Strings(props.Domains...),
			DefaultRootObject: jsii.String("index.html"),
			HttpVersion:       jsii.String("http2and3"),
			Ipv6Enabled:       jsii.Bool(true),
			PriceClass:        jsii.String(props.PriceClass),
			WebAclId:          props.Firewall.ACL.AttrArn(),
			ViewerCertificate: &awscloudfront.CfnDistribution_ViewerCertificateProperty{
				AcmCertificateArn: jsii.String(props.CertificateARN), SslSupportMethod: jsii.String("sni-only"), MinimumProtocolVersion: jsii.String("TLSv1.2_2021"),
			},
			Origins:      props.origins(control, sorry),
			OriginGroups: props.originGroups(),
			DefaultCacheBehavior: &awscloudfront.CfnDistribution_DefaultCacheBehaviorProperty{
				TargetOriginId: jsii.String(siteOrSorry), ViewerProtocolPolicy: jsii.String("redirect-to-https"),
				AllowedMethods: readingMethods(), CachedMethods: readingMethods(), Compress: jsii.Bool(true),
				CachePolicyId: cache.AttrId(), ResponseHeadersPolicyId: pageHeaders.AttrId(), FunctionAssociations: functions,
			},
			CacheBehaviors:       props.behaviours(functions, pageHeaders, apiHeaders),
			CustomErrorResponses: uncachedErrors(),
		},
	})
	acknowledge(distribution, "The shop is for the whole world; where it is not, the firewall says so", "AwsSolutions-CFR1")
	acknowledge(distribution, "It is logged by the second version of standard logging, which the rule does not know", "AwsSolutions-CFR3")
	awscloudfront.NewCfnMonitoringSubscription(scope, jsii.String("Metrics"), &awscloudfront.CfnMonitoringSubscriptionProps{
		DistributionId: distribution.Ref(),
		MonitoringSubscription: &awscloudfront.CfnMonitoringSubscription_MonitoringSubscriptionProperty{
			RealtimeMetricsSubscriptionConfig: &awscloudfront.CfnMonitoringSubscription_RealtimeMetricsSubscriptionConfigProperty{
				RealtimeMetricsSubscriptionStatus: jsii.String("Enabled"), // among them OriginLatency
			},
		},
	})
	log := newEdgeLog(scope, props.Name, props.LogRetentionDays, props.Disposable)
	log.record(scope, "Shop", props.Name, distribution)
	log.record(scope, "Sorry", props.Name+"-sorry", sorry)
	return &Edge{Distribution: distribution, AccessLogs: log.bucket.BucketName()}
}

// origins are the bucket, the load balancer, the sorry page, and the other shop if there is one.
func (p EdgeProps) origins(control awscloudfront.CfnOriginAccessControl, sorry awscloudfront.CfnDistribution) *[]interface{} {
	services := hostOrigin(servicesOrigin, jsii.String(p.OriginHost))
	services.OriginCustomHeaders = &[]interface{}{&awscloudfront.CfnDistribution_OriginCustomHeaderProperty{
		HeaderName: jsii.String(contract.OriginHeader), HeaderValue: OriginSecretValue(p.OriginSecret),
	}}
	origins := []interface{}{
		bucketOrigin(siteOrigin, "/site", p.AssetHost, control),
		services,
		hostOrigin(sorryOrigin, sorry.AttrDomainName()),
	}
	if p.SecondOrigin != "" {
		origins = append(origins, hostOrigin(contract.SecondOrigin, jsii.String(p.SecondOrigin)))
	}
	return &origins
}

// originGroups say what stands in for a page that fails.
func (p EdgeProps) originGroups() *awscloudfront.CfnDistribution_OriginGroupsProperty {
	group := func(id, first string) interface{} {
		return &awscloudfront.CfnDistribution_OriginGroupProperty{
			Id: jsii.String(id),
			FailoverCriteria: &awscloudfront.CfnDistribution_OriginGroupFailoverCriteriaProperty{
				StatusCodes: &awscloudfront.CfnDistribution_StatusCodesProperty{Items: &[]interface{}{500, 502, 503, 504}, Quantity: jsii.Number(4)},
			},
			Members: &awscloudfront.CfnDistribution_OriginGroupMembersProperty{
				Items: &[]interface{}{
					&awscloudfront.CfnDistribution_OriginGroupMemberProperty{OriginId: jsii.String(first)},
					&awscloudfront.CfnDistribution_OriginGroupMemberProperty{OriginId: jsii.String(sorryOrigin)},
				},
				Quantity: jsii.Number(2),
			},
		}
	}
	groups := []interface{}{group(siteOrSorry, siteOrigin)}
	if len(p.Pages) > 0 {
		groups = append(groups, group(pagesOrSorry, servicesOrigin))
	}
	return &awscloudfront.CfnDistribution_OriginGroupsProperty{Items: &groups, Quantity: jsii.Number(len(groups))}
}

// behaviours are those of paths that the load balancer answers. Nothing of them is cached, and everything that a visitor sends
// reaches the service but the name of the host, which is the load balancer's. Where that asks for a sign-in it is told the
// visitor's, by which people come back.
func (p EdgeProps) behaviours(functions *[]interface{}, pageHeaders, apiHeaders awscloudfront.CfnResponseHeadersPolicy) *[]interface{} {
	var all []interface{}
	for _, pattern := range p.Dynamic {
		behaviour := &awscloudfront.CfnDistribution_CacheBehaviorProperty{
			PathPattern: jsii.String(pattern), TargetOriginId: jsii.String(servicesOrigin), ViewerProtocolPolicy: jsii.String("redirect-to-https"),
			AllowedMethods: jsii.Strings("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"), CachedMethods: readingMethods(), Compress: jsii.Bool(true),
			CachePolicyId: jsii.String(cachingDisabled), OriginRequestPolicyId: jsii.String(allViewerExceptHost),
			ResponseHeadersPolicyId: apiHeaders.AttrId(), FunctionAssociations: functions,
		}
		if slices.Contains(p.Pages, pattern) {
			behaviour.TargetOriginId, behaviour.ResponseHeadersPolicyId = jsii.String(pagesOrSorry), pageHeaders.AttrId()
			behaviour.AllowedMethods = readingMethods() // the only ones that CloudFront fails over
		}
		if slices.Contains(p.SignIn, pattern) {
			behaviour.OriginRequestPolicyId, behaviour.ResponseHeadersPolicyId = jsii.String(allViewer), pageHeaders.AttrId()
		}
		all = append(all, behaviour)
	}
	return &all
}

// uncachedErrors keep CloudFront from giving one visitor's error to the next for ten seconds, as it does even where nothing else is
// cached: who may not see an order is told 403, and so would be whose order it is. The errors themselves stay as they are.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
func uncachedErrors() *[]interface{} {
	var all []interface{}
	for _, code := range []int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504} {
		all = append(all, &awscloudfront.CfnDistribution_CustomErrorResponseProperty{ErrorCode: jsii.Number(code), ErrorCachingMinTtl: jsii.Number(0)})
	}
	return &all
}

func readingMethods() *[]*string { return jsii.Strings("GET", "HEAD") }

func bucketOrigin(id, path, host string, control awscloudfront.CfnOriginAccessControl) *awscloudfront.CfnDistribution_OriginProperty {
	return &awscloudfront.CfnDistribution_OriginProperty{
		Id: jsii.String(id), DomainName: jsii.String(host), OriginPath: jsii.String(path), OriginAccessControlId: control.AttrId(),
		S3OriginConfig: &awscloudfront.CfnDistribution_S3OriginConfigProperty{OriginAccessIdentity: jsii.String("")}, // the older way, which has to be empty
	}
}

// hostOrigin speaks HTTPS only. CloudFront gives up early enough for a visitor to see the sorry page.
func hostOrigin(id string, host *string) *awscloudfront.CfnDistribution_OriginProperty {
	return &awscloudfront.CfnDistribution_OriginProperty{
		Id: jsii.String(id), DomainName: host, ConnectionAttempts: jsii.Number(2), ConnectionTimeout: jsii.Number(5),
		CustomOriginConfig: &awscloudfront.CfnDistribution_CustomOriginConfigProperty{
			OriginProtocolPolicy: jsii.String("https-only"), OriginSslProtocols: jsii.Strings("TLSv1.2"), HttpsPort: jsii.Number(443),
			OriginReadTimeout: jsii.Number(60), OriginKeepaliveTimeout: jsii.Number(60),
		},
	}
}
