package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Policies of AWS's own, by the ids that they have in every account.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
const (
	cachingDisabled         = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	allViewerExceptHost     = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
	allViewer               = "216adef6-5c7f-47e4-b989-5492eafa07d3"
	unlabelledCacheSeconds  = 300      // a file that does not say how long it is good
	longestCacheSeconds     = 31536000 // a year
	developmentHSTSSeconds  = 86400    // a domain that is tried out is not bound to HTTPS for a year
	preflightCacheSeconds   = 600
	contentPolicyOfPrograms = "default-src 'none'; frame-ancestors 'none'" // what is no page loads nothing
)

// newSiteCachePolicy caches files by their path alone: no header, cookie or query makes another copy.
func newSiteCachePolicy(scope construct.Construct, name string) awscloudfront.CfnCachePolicy {
	return awscloudfront.NewCfnCachePolicy(scope, jsii.String("SiteCache"), &awscloudfront.CfnCachePolicyProps{
		CachePolicyConfig: &awscloudfront.CfnCachePolicy_CachePolicyConfigProperty{
			Name:       jsii.String(name),
			Comment:    jsii.String("Files by their path"),
			MinTtl:     jsii.Number(0),
			DefaultTtl: jsii.Number(unlabelledCacheSeconds),
			MaxTtl:     jsii.Number(longestCacheSeconds),
			ParametersInCacheKeyAndForwardedToOrigin: &awscloudfront.CfnCachePolicy_ParametersInCacheKeyAndForwardedToOriginProperty{
				EnableAcceptEncodingBrotli: jsii.Bool(true),
				EnableAcceptEncodingGzip:   jsii.Bool(true),
				CookiesConfig:              &awscloudfront.CfnCachePolicy_CookiesConfigProperty{CookieBehavior: jsii.String("none")},
				HeadersConfig:              &awscloudfront.CfnCachePolicy_HeadersConfigProperty{HeaderBehavior: jsii.String("none")},
				QueryStringsConfig:         &awscloudfront.CfnCachePolicy_QueryStringsConfigProperty{QueryStringBehavior: jsii.String("none")},
			},
		},
	})
}

// newPageHeaders are what browsers are told with pages and assets.
func newPageHeaders(scope construct.Construct, name string, props EdgeProps) awscloudfront.CfnResponseHeadersPolicy {
	return newHeaders(scope, "PageHeaders", name, props, props.ContentSecurityPolicy, nil)
}

// newAPIHeaders are what browsers are told with answers for programs, those of other sites included.
func newAPIHeaders(scope construct.Construct, name string, props EdgeProps) awscloudfront.CfnResponseHeadersPolicy {
	if len(props.CORSOrigins) == 0 {
		return newHeaders(scope, "ApiHeaders", name, props, contentPolicyOfPrograms, nil)
	}
	return newHeaders(scope, "ApiHeaders", name, props, contentPolicyOfPrograms, &awscloudfront.CfnResponseHeadersPolicy_CorsConfigProperty{
		AccessControlAllowCredentials: jsii.Bool(true),
		AccessControlAllowHeaders: &awscloudfront.CfnResponseHeadersPolicy_AccessControlAllowHeadersProperty{
			Items: jsii.Strings("authorization", "content-type", "idempotency-key"), // with credentials AWS refuses *
		},
		AccessControlAllowMethods: &awscloudfront.CfnResponseHeadersPolicy_AccessControlAllowMethodsProperty{
			Items: jsii.Strings("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"),
		},
		AccessControlAllowOrigins: &awscloudfront.CfnResponseHeadersPolicy_AccessControlAllowOriginsProperty{Items: jsii.Strings(props.CORSOrigins...)},
		AccessControlMaxAgeSec:    jsii.Number(preflightCacheSeconds),
		OriginOverride:            jsii.Bool(true),
	})
}

func newHeaders(scope construct.Construct, id, name string, props EdgeProps, contentPolicy string, cors *awscloudfront.CfnResponseHeadersPolicy_CorsConfigProperty) awscloudfront.CfnResponseHeadersPolicy {
	hsts := longestCacheSeconds
	if props.Disposable {
		hsts = developmentHSTSSeconds
	}
	described := &awscloudfront.CfnResponseHeadersPolicy_ResponseHeadersPolicyConfigProperty{
		Name: jsii.String(name),
		SecurityHeadersConfig: &awscloudfront.CfnResponseHeadersPolicy_SecurityHeadersConfigProperty{
			StrictTransportSecurity: &awscloudfront.CfnResponseHeadersPolicy_StrictTransportSecurityProperty{
				AccessControlMaxAgeSec: jsii.Number(hsts), Override: jsii.Bool(true),
			},
			ContentSecurityPolicy: &awscloudfront.CfnResponseHeadersPolicy_ContentSecurityPolicyProperty{
				ContentSecurityPolicy: jsii.String(contentPolicy), Override: jsii.Bool(true),
			},
			ContentTypeOptions: &awscloudfront.CfnResponseHeadersPolicy_ContentTypeOptionsProperty{Override: jsii.Bool(true)},
			FrameOptions: &awscloudfront.CfnResponseHeadersPolicy_FrameOptionsProperty{
				FrameOption: jsii.String("DENY"), Override: jsii.Bool(true),
			},
			ReferrerPolicy: &awscloudfront.CfnResponseHeadersPolicy_ReferrerPolicyProperty{
				ReferrerPolicy: jsii.String("strict-origin-when-cross-origin"), Override: jsii.Bool(true),
			},
		},
	}
	if cors != nil {
		described.CorsConfig = cors
	}
	return awscloudfront.NewCfnResponseHeadersPolicy(scope, jsii.String(id), &awscloudfront.CfnResponseHeadersPolicyProps{ResponseHeadersPolicyConfig: described})
}
