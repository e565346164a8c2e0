package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"peakline/config"
	"peakline/lambda/contract"
	viewer "peakline/lambda/edge"
)

// AWS's own policies. https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
const (
	cachesNothing    = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	passesAllButHost = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
	passesAll        = "216adef6-5c7f-47e4-b989-5492eafa07d3"
)

const inDistribution = "DistributionConfig/"

// edgeRegion is where CloudFront takes certificates and firewalls from.
const edgeRegion = "us-east-1"

var edgeRequirements = []requirement{
	{row: "E2", name: "an environment has the shop's distribution if it has domains, in us-east-1, after what it leads to",
		check: func(a *assembly, fail failure) {
			edge := a.stack("Edge")
			if edge == nil != !a.environment.HasEdge() {
				fail("the stack Edge is there: %t, domains %v", edge != nil, a.environment.Edge.Domains)
			}
			if edge == nil {
				return
			}
			if edge.region != edgeRegion || !slices.Contains(edge.after, "Services") {
				fail("%s is in %s, after %v: CloudFront would send a secret that the load balancer does not accept yet", edge.name, edge.region, edge.after)
			}
			if !a.shop().exists() || !a.sorryPage().exists() {
				fail("%s has no distribution of the shop, or none of the sorry page", edge.name)
			}
			if edge.region != a.environment.Region && len(a.imports(edge)) > 0 {
				fail("%s imports %v from another region, which CloudFormation cannot", edge.name, a.imports(edge))
			}
		}},
	{row: "E2", name: "visitors speak TLS 1.2 or newer, HTTP/2 and 3, by IPv4 and IPv6, under the shop's names, and plain HTTP leads to HTTPS",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			shop, settings := a.shop(), a.environment.Edge
			if got := texts(shop.get(inDistribution + "Aliases")); !slices.Equal(got, settings.Domains) {
				fail("%s answers to %v, want %v", shop, got, settings.Domains)
			}
			certificate := inDistribution + "ViewerCertificate/"
			if shop.text(certificate+"AcmCertificateArn") != settings.CertificateARN || shop.text(certificate+"MinimumProtocolVersion") != "TLSv1.2_2021" || shop.text(certificate+"SslSupportMethod") != "sni-only" {
				fail("%s has the certificate %v", shop, shop.get(inDistribution+"ViewerCertificate"))
			}
			for _, distribution := range []resource{shop, a.sorryPage()} {
				classes := map[config.PriceClass]string{"100": "PriceClass_100", "200": "PriceClass_200", "all": "PriceClass_All"}
				for property, want := range map[string]any{"Enabled": true, "HttpVersion": "http2and3", "IPV6Enabled": true, "DefaultRootObject": "index.html", "PriceClass": classes[settings.PriceClass]} {
					if got := distribution.get(inDistribution + property); got != want {
						fail("%s has %s %v, want %v", distribution, property, got, want)
					}
				}
				for _, behaviour := range behaviours(distribution) {
					if dig(behaviour, "ViewerProtocolPolicy") != "redirect-to-https" || dig(behaviour, "Compress") != true {
						fail("%s: %v is served over %v, compressed %v", distribution, dig(behaviour, "PathPattern"), dig(behaviour, "ViewerProtocolPolicy"), dig(behaviour, "Compress"))
					}
				}
			}
		}},
	{row: "E2", name: "pages and assets come from the bucket, which only distributions of this account read, and are cached by their path alone",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			host := fmt.Sprintf("%s.s3.%s.amazonaws.com", a.assets().text("BucketName"), a.environment.Region)
			for distribution, folder := range map[string]string{"site": "/site", "sorry": "/sorry"} {
				from := map[string]resource{"site": a.shop(), "sorry": a.sorryPage()}[distribution]
				origin := originOf(from, distribution)
				control := a.targetOf(from.stack, dig(origin, "OriginAccessControlId"))
				if dig(origin, "DomainName") != host || dig(origin, "OriginPath") != folder || dig(origin, "S3OriginConfig/OriginAccessIdentity") != "" {
					fail("%s takes files from %v%v, want %s%s", from, dig(origin, "DomainName"), dig(origin, "OriginPath"), host, folder)
				}
				for property, want := range map[string]string{"OriginAccessControlOriginType": "s3", "SigningBehavior": "always", "SigningProtocol": "sigv4"} {
					if got := control.text("OriginAccessControlConfig/" + property); got != want {
						fail("%s asks the bucket with %s %q: it would be refused", from, property, got)
					}
				}
			}
			readers := 0
			for _, s := range a.bucketStatements(a.assets()) {
				if !s.allows() || slices.Contains(s.principals(), "logging.s3.amazonaws.com") {
					continue
				}
				readers++
				distributions := "arn:aws:cloudfront::" + s.stack.account + ":distribution/*"
				if !slices.Equal(s.principals(), []string{"cloudfront.amazonaws.com"}) || !slices.Equal(s.actions(), []string{"s3:GetObject"}) ||
					a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) != s.stack.account || a.resolve(s.stack, dig(s.condition(), "ArnLike/aws:SourceArn")) != distributions {
					fail("%s lets %v do %v under %v, want CloudFront read for this account only", s.where, s.principals(), s.actions(), s.condition())
				}
			}
			if readers != 1 {
				fail("%d statements let somebody read the assets, want one", readers)
			}
			pages := a.shop().get(inDistribution + "DefaultCacheBehavior")
			cache := a.targetOf(a.shop().stack, dig(pages, "CachePolicyId"))
			key := "CachePolicyConfig/ParametersInCacheKeyAndForwardedToOrigin/"
			if cache.text(key+"CookiesConfig/CookieBehavior") != "none" || cache.text(key+"HeadersConfig/HeaderBehavior") != "none" || cache.text(key+"QueryStringsConfig/QueryStringBehavior") != "none" ||
				cache.get(key+"EnableAcceptEncodingGzip") != true || cache.get(key+"EnableAcceptEncodingBrotli") != true || cache.number("CachePolicyConfig/MinTTL") != 0 {
				fail("%s caches by %v: each visitor would have a copy of their own", cache, cache.get("CachePolicyConfig"))
			}
			if !slices.Equal(texts(dig(pages, "AllowedMethods")), []string{"GET", "HEAD"}) {
				fail("%s takes %v for files", a.shop(), dig(pages, "AllowedMethods"))
			}
		}},
	{row: "E2", name: "what services answer comes from the load balancer over HTTPS, uncached, with the visitor's cookies, tokens and query",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			shop, settings := a.shop(), a.environment.Edge
			origin := originOf(shop, contract.FirstOrigin)
			if dig(origin, "DomainName") != a.environment.LoadBalancer.HostName || dig(origin, "CustomOriginConfig/OriginProtocolPolicy") != "https-only" || !slices.Equal(texts(dig(origin, "CustomOriginConfig/OriginSSLProtocols")), []string{"TLSv1.2"}) {
				fail("%s reaches the load balancer at %v by %v: passwords would travel in the clear", shop, dig(origin, "DomainName"), dig(origin, "CustomOriginConfig"))
			}
			var patterns []string
			for _, behaviour := range shop.list(inDistribution + "CacheBehaviors") {
				pattern, _ := dig(behaviour, "PathPattern").(string)
				patterns = append(patterns, pattern)
				passes := passesAllButHost
				if asksForSignIn(a.environment, pattern) {
					passes = passesAll // the load balancer names the host when it sends people to Cognito, and there they come back
				}
				if dig(behaviour, "CachePolicyId") != cachesNothing || dig(behaviour, "OriginRequestPolicyId") != passes {
					fail("%s caches %s by %v and passes on %v: one visitor would see another's cart, or nobody their own", shop, pattern, dig(behaviour, "CachePolicyId"), dig(behaviour, "OriginRequestPolicyId"))
				}
				to, methods := contract.FirstOrigin, 7
				if slices.Contains(settings.Pages, pattern) {
					to, methods = "pages-or-sorry", 2
				}
				if dig(behaviour, "TargetOriginId") != to || len(asList(dig(behaviour, "AllowedMethods"))) != methods {
					fail("%s sends %s to %v by %v, want %s by %d methods", shop, pattern, dig(behaviour, "TargetOriginId"), dig(behaviour, "AllowedMethods"), to, methods)
				}
			}
			var want []string
			for _, service := range a.environment.Services {
				for _, path := range service.Paths {
					if !strings.HasPrefix(path, "/api/") {
						want = append(want, path)
					}
				}
			}
			want = append(want, "/api/*")
			if a.environment.AsksForSignIn() {
				want = append(want, "/oauth2/idpresponse")
			}
			slices.Sort(patterns)
			slices.Sort(want)
			if !slices.Equal(patterns, want) {
				fail("%s asks the load balancer for %v, want %v", shop, patterns, want)
			}
			if second := originOf(shop, contract.SecondOrigin); (second != nil) != (settings.SecondOrigin != "") || second != nil && (dig(second, "DomainName") != settings.SecondOrigin || dig(second, "CustomOriginConfig/OriginProtocolPolicy") != "https-only" || dig(second, "OriginCustomHeaders") != nil) {
				fail("%s has the second origin %v, want %q over HTTPS, without our secret", shop, second, settings.SecondOrigin)
			}
		}},
	{row: "E2", name: "the load balancer answers CloudFront by a secret from Secrets Manager, the one before included, and the inside; anybody else gets 403",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			name := func(number int) string { return fmt.Sprintf("peakline-%s/origin-%d", a.environment.Name, number) }
			value := func(number int) string { return "{{resolve:secretsmanager:" + name(number) + ":SecretString}}" }
			header := dig(originOf(a.shop(), contract.FirstOrigin), "OriginCustomHeaders/0")
			if dig(header, "HeaderName") != contract.OriginHeader || dig(header, "HeaderValue") != value(a.environment.Edge.OriginSecret) {
				fail("%s sends %v, want the secret %d", a.shop(), header, a.environment.Edge.OriginSecret)
			}
			guard := a.guard()
			if rules := guard.list("Rules"); len(rules) != 1 || dig(rules[0], "Action/Block/CustomResponse/ResponseCode") != float64(403) {
				fail("%s does not refuse with 403: %v", guard, rules)
				return
			}
			var known, want []string
			for _, statement := range asList(guard.get("Rules/0/Statement/NotStatement/Statement/OrStatement/Statements")) {
				match := dig(statement, "ByteMatchStatement")
				if set := a.targetOf(guard.stack, dig(statement, "IPSetReferenceStatement/Arn")); set.exists() {
					known = append(known, texts(set.get("Addresses"))...)
				} else if dig(match, "FieldToMatch/SingleHeader/Name") == contract.OriginHeader && dig(match, "PositionalConstraint") == "EXACTLY" {
					text, _ := dig(match, "SearchString").(string)
					known = append(known, text)
				}
			}
			for _, number := range []int{a.environment.Edge.OriginSecret, a.environment.Edge.OriginSecret - 1} {
				if number < 1 {
					continue
				}
				want = append(want, value(number))
				secrets := a.where("AWS::SecretsManager::Secret", "Name", name(number))
				if len(secrets) != 1 || secrets[0].get("SecretString") != nil || secrets[0].number("GenerateSecretString/PasswordLength") < 32 || secrets[0].stack.region != a.environment.Region {
					fail("secret %s: %v, want one that Secrets Manager makes up, in %s", name(number), secrets, a.environment.Region)
					continue
				}
				replica := secrets[0].text("ReplicaRegions/0/Region")
				if elsewhere := a.environment.Region != edgeRegion; elsewhere != (replica == edgeRegion) {
					fail("%s has a replica in %q: CloudFront's stack would not find it", secrets[0], replica)
				}
			}
			if oldest := a.environment.Edge.OriginSecret - 2; oldest > 0 && len(a.where("AWS::SecretsManager::Secret", "Name", name(oldest))) != 1 {
				fail("secret %s is gone already: a deployment that fails after a rotation could not go back", name(oldest))
			}
			want = append(want, a.environment.Network.CIDR)
			slices.Sort(known)
			slices.Sort(want)
			if !slices.Equal(known, want) {
				fail("%s answers %v, want %v: a secret too few is an outage, one too many a way around the firewall", guard, known, want)
			}
			if guard.stack.region != a.environment.Region || !a.protects(guard) {
				fail("%s is not in front of the load balancer", guard)
			}
		}},
	{row: "E2", name: "browsers are told to use HTTPS, what pages may load, and which other sites may call the API",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			shop, settings := a.shop(), a.environment.Edge
			for _, behaviour := range behaviours(shop) {
				pattern, _ := dig(behaviour, "PathPattern").(string)
				headers := a.targetOf(shop.stack, dig(behaviour, "ResponseHeadersPolicyId"))
				security := "ResponseHeadersPolicyConfig/SecurityHeadersConfig/"
				page := pattern == "" || slices.Contains(settings.Pages, pattern) || asksForSignIn(a.environment, pattern)
				policy := "default-src 'none'; frame-ancestors 'none'"
				if page {
					policy = settings.ContentSecurityPolicy
				}
				longest := headers.number(security + "StrictTransportSecurity/AccessControlMaxAgeSec")
				if production(a.environment) && longest < 31536000 || longest < 86400 {
					fail("%s remembers HTTPS for %v s", headers, longest)
				}
				if headers.text(security+"ContentSecurityPolicy/ContentSecurityPolicy") != policy || headers.text(security+"FrameOptions/FrameOption") != "DENY" ||
					headers.get(security+"ContentTypeOptions/Override") != true || headers.text(security+"ReferrerPolicy/ReferrerPolicy") != "strict-origin-when-cross-origin" {
					fail("%s, for %q, has the headers %v, want the policy %q", headers, pattern, headers.get("ResponseHeadersPolicyConfig/SecurityHeadersConfig"), policy)
				}
				if origins := texts(headers.get("ResponseHeadersPolicyConfig/CorsConfig/AccessControlAllowOrigins/Items")); !page && !slices.Equal(origins, settings.CORSOrigins) || page && len(origins) > 0 {
					fail("%s lets scripts of %v call %q, want %v", headers, origins, pattern, settings.CORSOrigins)
				}
			}
		}},
	{row: "E2", name: "a page that fails is the sorry page with 503, an error of the API stays as it is, and nobody gets another visitor's error",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			shop := a.shop()
			groups := map[string]string{"site-or-sorry": "site"}
			if len(a.environment.Edge.Pages) > 0 {
				groups["pages-or-sorry"] = contract.FirstOrigin
			}
			if got := shop.list(inDistribution + "OriginGroups/Items"); len(got) != len(groups) {
				fail("%s has %d groups of origins, want %d", shop, len(got), len(groups))
			}
			for _, group := range shop.list(inDistribution + "OriginGroups/Items") {
				id, _ := dig(group, "Id").(string)
				if fmt.Sprint(dig(group, "FailoverCriteria/StatusCodes/Items")) != "[500 502 503 504]" || dig(group, "Members/Items/0/OriginId") != groups[id] || dig(group, "Members/Items/1/OriginId") != "sorry" {
					fail("%s: group %s fails over as %v", shop, id, group)
				}
			}
			if dig(shop.get(inDistribution+"DefaultCacheBehavior"), "TargetOriginId") != "site-or-sorry" {
				fail("%s has no sorry page for its pages", shop)
			}
			sorry := originOf(shop, "sorry")
			if !a.targetOf(shop.stack, dig(sorry, "DomainName")).is(a.sorryPage()) || dig(sorry, "CustomOriginConfig/OriginProtocolPolicy") != "https-only" {
				fail("%s looks for the sorry page at %v", shop, dig(sorry, "DomainName"))
			}
			if code := a.functionsOf(a.sorryPage().get(inDistribution+"DefaultCacheBehavior"), a.sorryPage()); code != viewer.Sorry() {
				fail("%s does not answer every address with the page and 503", a.sorryPage())
			}
			codes := map[float64]bool{}
			for _, response := range shop.list(inDistribution + "CustomErrorResponses") {
				code, _ := dig(response, "ErrorCode").(float64)
				codes[code] = dig(response, "ErrorCachingMinTTL") == 0.0
				if dig(response, "ResponsePagePath") != nil || dig(response, "ResponseCode") != nil {
					fail("%s puts something in the place of %v, of the API too: programs would read a page", shop, code)
				}
			}
			for _, code := range []float64{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504} {
				if !codes[code] {
					fail("%s keeps an error %v for ten seconds and gives it to the next visitor", shop, code)
				}
			}
		}},
	{row: "E2", name: "who asked for what is logged without cookies and queries, in a bucket that only the delivery writes to, and the origins are measured",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			logged := map[string]bool{}
			for _, delivery := range a.all("AWS::Logs::Delivery") {
				source, destination := a.target(delivery, "DeliverySourceName"), a.target(delivery, "DeliveryDestinationArn")
				bucket := a.target(destination, "DestinationResourceArn")
				for _, distribution := range []resource{a.shop(), a.sorryPage()} {
					if a.mentions(source.stack, source.get("ResourceArn"), distribution) && source.text("LogType") == "ACCESS_LOGS" {
						logged[distribution.key()] = true
					}
				}
				for _, field := range []string{"cs(Cookie)", "cs-uri-query", "cs(Referer)"} {
					if fields := texts(delivery.get("RecordFields")); slices.Contains(fields, field) || !slices.Contains(fields, "cs-uri-stem") {
						fail("%s records %v: tokens are in cookies and queries", delivery, fields)
					}
				}
				if got := bucket.number("LifecycleConfiguration/Rules/0/ExpirationInDays"); got != float64(a.environment.Storage.LogRetentionDays) {
					fail("%s keeps %v days, want %d", bucket, got, a.environment.Storage.LogRetentionDays)
				}
				written := slices.ContainsFunc(a.bucketStatements(bucket), func(s statement) bool {
					return s.allows() && slices.Equal(s.principals(), []string{"delivery.logs.amazonaws.com"}) && slices.Equal(s.actions(), []string{"s3:PutObject"}) &&
						a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) == s.stack.account
				})
				if !written {
					fail("%s does not let the delivery of this account write: the log would stay empty", bucket)
				}
			}
			for _, distribution := range []resource{a.shop(), a.sorryPage()} {
				if !logged[distribution.key()] {
					fail("%s is not logged", distribution)
				}
			}
			measured := slices.ContainsFunc(a.all("AWS::CloudFront::MonitoringSubscription"), func(r resource) bool {
				return a.target(r, "DistributionId").is(a.shop()) && r.text("MonitoringSubscription/RealtimeMetricsSubscriptionConfig/RealtimeMetricsSubscriptionStatus") == "Enabled"
			})
			if !measured {
				fail("%s does not publish OriginLatency: its alarm would never fire", a.shop())
			}
		}},
	{row: "E2", name: "errors and slow origins at the edge are told, and so is what the load balancer refuses",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			for name, want := range map[string]string{"edge-errors": "5xxErrorRate", "edge-origin-latency": "OriginLatency", "origin-guard-refused": "BlockedRequests"} {
				alarm := a.alarm(name)
				watched := slices.ContainsFunc(metricsOf(alarm), func(m metric) bool {
					if want == "BlockedRequests" {
						return m.name == want && m.namespace == "AWS/WAFV2" && m.dimensions["WebACL"] == a.guard().text("Name") && m.dimensions["Rule"] == a.guard().get("Rules/0/VisibilityConfig/MetricName")
					}
					return m.name == want && m.namespace == "AWS/CloudFront" && m.dimensions["Region"] == "Global" && a.targetOf(alarm.stack, m.dimensions["DistributionId"]).is(a.shop())
				})
				if !alarm.exists() || !watched {
					fail("%s does not watch %s: customers notice first", name, want)
				}
				if want != "BlockedRequests" && alarm.exists() && alarm.stack.region != edgeRegion {
					fail("%s is in %s, where CloudFront publishes nothing", alarm, alarm.stack.region)
				}
			}
		}},
	{row: "E3", name: "the function at the edge knows the shop's names and paths, and runs at both ends of every request",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			shop, settings := a.shop(), a.environment.Edge
			var dynamic []string
			for _, behaviour := range shop.list(inDistribution + "CacheBehaviors") {
				dynamic = append(dynamic, dig(behaviour, "PathPattern").(string))
			}
			known := viewer.Settings{Domains: settings.Domains, Dynamic: dynamic}
			if settings.SecondOrigin != "" {
				known.SecondOrigin = contract.SecondOrigin
			}
			want := viewer.Viewer(known)
			if len(want) > viewer.MaxBytes {
				fail("the function has %d bytes, CloudFront takes %d", len(want), viewer.MaxBytes)
			}
			for _, behaviour := range behaviours(shop) {
				if a.functionsOf(behaviour, shop) != want {
					fail("%s does not run the function at both ends of %v", shop, dig(behaviour, "PathPattern"))
				}
			}
			for _, function := range a.all("AWS::CloudFront::Function") {
				if function.get("AutoPublish") != true || function.text("FunctionConfig/Runtime") != "cloudfront-js-2.0" {
					fail("%s is not published, or on an older runtime", function)
				}
			}
		}},
	{row: "E3", name: "weights are in a store that `peakline edge` finds, that no deployment writes to, and that outlives its stack in production",
		where: config.Environment.HasEdge,
		check: func(a *assembly, fail failure) {
			stores := a.all("AWS::CloudFront::KeyValueStore")
			if len(stores) != 1 || stores[0].text("Name") != contract.ExperimentStore(a.environment.Name) {
				fail("the stores are %v, want one called %s", stores, contract.ExperimentStore(a.environment.Name))
				return
			}
			store := stores[0]
			if store.get("ImportSource") != nil {
				fail("%s is filled by a deployment: what an operator has set would have two masters", store)
			}
			if stays := store.body["DeletionPolicy"] == "RetainExceptOnCreate" && store.body["UpdateReplacePolicy"] == "Retain"; stays != production(a.environment) {
				fail("%s stays: %t, want it in production", store, stays)
			}
			used := slices.ContainsFunc(a.all("AWS::CloudFront::Function"), func(function resource) bool {
				return a.targetOf(function.stack, function.get("FunctionConfig/KeyValueStoreAssociations/0/KeyValueStoreARN")).is(store)
			})
			if !used {
				fail("no function reads %s", store)
			}
		}},
}

// shop is the distribution with the shop's names, and sorryPage the other one.
func (a *assembly) shop() resource {
	for _, distribution := range a.all("AWS::CloudFront::Distribution") {
		if distribution.get(inDistribution+"Aliases") != nil {
			return distribution
		}
	}
	return resource{}
}

func (a *assembly) sorryPage() resource {
	for _, distribution := range a.all("AWS::CloudFront::Distribution") {
		if distribution.get(inDistribution+"Aliases") == nil {
			return distribution
		}
	}
	return resource{}
}

func behaviours(distribution resource) []any {
	return append([]any{distribution.get(inDistribution + "DefaultCacheBehavior")}, distribution.list(inDistribution+"CacheBehaviors")...)
}

func originOf(distribution resource, id string) any {
	for _, origin := range distribution.list(inDistribution + "Origins") {
		if dig(origin, "Id") == id {
			return origin
		}
	}
	return nil
}

// functionsOf is the code that runs before the cache and on the way back; empty if it is not one and the same.
func (a *assembly) functionsOf(behaviour any, distribution resource) string {
	code := map[string]string{}
	for _, association := range asList(dig(behaviour, "FunctionAssociations")) {
		event, _ := dig(association, "EventType").(string)
		code[event] = a.targetOf(distribution.stack, dig(association, "FunctionARN")).text("FunctionCode")
	}
	if !slices.Equal(slices.Sorted(maps.Keys(code)), []string{"viewer-request", "viewer-response"}) || code["viewer-request"] != code["viewer-response"] {
		return ""
	}
	return code["viewer-request"]
}

// guard is the firewall that knows CloudFront by its secret.
func (a *assembly) guard() resource {
	for _, acl := range a.all("AWS::WAFv2::WebACL") {
		if acl.get("Rules/0/Statement/NotStatement") != nil || strings.HasSuffix(acl.text("Name"), "-guard") {
			return acl
		}
	}
	return resource{}
}

// protects tells whether a firewall is in front of the load balancer.
func (a *assembly) protects(acl resource) bool {
	return slices.ContainsFunc(a.all("AWS::WAFv2::WebACLAssociation"), func(r resource) bool {
		return a.target(r, "WebACLArn").is(acl) && a.target(r, "ResourceArn").kind == "AWS::ElasticLoadBalancingV2::LoadBalancer"
	})
}

// isOriginSecret tells the secrets by which the load balancer knows CloudFront.
func isOriginSecret(secret resource) bool { return strings.Contains(secret.text("Name"), "/origin-") }
