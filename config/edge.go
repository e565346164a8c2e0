package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// EdgeRegion is where CloudFront takes certificates, firewalls and metrics from, whatever the region of the environment.
const EdgeRegion = "us-east-1"

// Edge is CloudFront in front of the pages, the assets and the load balancer. An environment has one if it has domains.
type Edge struct {
	// Domains are the shop's names, the canonical one first: the others lead there. Without one there is no edge.
	Domains []string `json:"domains,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// CertificateARN is the ACM certificate for all domains, in us-east-1 whatever the region of the environment.
	CertificateARN string `json:"certificateArn,omitempty"`
	// HostedZone is the public zone of Route 53, in the account of the environment, in which the domains and the load balancer's hostName get their records. Without one the records are yours to make.
	HostedZone HostedZone `json:"hostedZone,omitempty"`
	// PriceClass says where CloudFront serves from: `100` (North America, Europe), `200` (without the most expensive regions) or `all`. Default: `all` in production, `100` in development.
	PriceClass PriceClass `json:"priceClass,omitempty" jsonschema:"enum=100,enum=200,enum=all"`
	// Pages are path patterns of services that answer with pages, not for programs: when the service fails, visitors see the sorry page. Forms of such pages are sent to another path.
	Pages []string `json:"pages,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// CORSOrigins are sites of others whose scripts may call the API, with cookies.
	CORSOrigins []string `json:"corsOrigins,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// ContentSecurityPolicy is what pages may load, as the header of this name. Default: what the shop's own domain serves, and the sign-in pages.
	ContentSecurityPolicy string `json:"contentSecurityPolicy,omitempty" jsonschema:"maxLength=1700"`
	// OriginSecret is the number of the secret by which the load balancer knows CloudFront; the one before is good too. For a new secret raise it by one and deploy. Default: 1.
	OriginSecret int `json:"originSecret,omitempty" jsonschema:"minimum=1,maximum=9999"`
	// SecondOrigin is the host name of another origin, an older shop say, which speaks HTTPS. `peakline edge set origin` sends a share of the visitors' requests for services there.
	SecondOrigin string `json:"secondOrigin,omitempty" jsonschema:"pattern=^([a-z0-9]([a-z0-9-]{0\\,61}[a-z0-9])?\\.)+[a-z][a-z0-9-]{0\\,61}[a-z0-9]$,maxLength=253,example=old.example.com"`
	// Topics are existing SNS topics in us-east-1 for the alarms of the edge, needed where notifications names a topic in another region.
	Topics EdgeTopics `json:"topics,omitempty"`
}

// HostedZone is a public zone of Route 53.
type HostedZone struct {
	// ID is the zone's id.
	ID string `json:"id,omitempty" jsonschema:"pattern=^[A-Z0-9]{1\\,32}$,example=Z0123456789ABCDEFGHIJ"`
	// Name is the domain that the zone is for.
	Name string `json:"name,omitempty" jsonschema:"pattern=^([a-z0-9]([a-z0-9-]{0\\,61}[a-z0-9])?\\.)+[a-z][a-z0-9-]{0\\,61}[a-z0-9]$,maxLength=253,example=example.com"`
}

// EdgeTopics has one topic for each severity.
type EdgeTopics struct {
	// Critical is for what needs a person now.
	Critical string `json:"critical,omitempty"`
	// Warning is for what can wait.
	Warning string `json:"warning,omitempty"`
}

// PriceClass is one of CloudFront's.
type PriceClass string

func edgeDefaults(profile Profile) Edge {
	return Edge{PriceClass: byProfile[PriceClass](profile, "100", "all"), OriginSecret: 1}
}

// completeEdge derives what pages may load.
func (e *Environment) completeEdge() {
	if e.Edge.ContentSecurityPolicy == "" {
		signIn := "https://" + e.SignInHost()
		e.Edge.ContentSecurityPolicy = fmt.Sprintf("default-src 'self'; connect-src 'self' %s; img-src 'self' https: data:; object-src 'none'; base-uri 'self'; form-action 'self' %s; frame-ancestors 'none'", signIn, signIn)
	}
}

// HasEdge tells whether CloudFront is in front of the environment.
func (e Environment) HasEdge() bool { return len(e.Edge.Domains) > 0 }

// Public tells whether somebody reaches the load balancer without CloudFront.
func (e Environment) Public() bool { return e.Network.Ingress.From != IngressCloudFront }

// apiPrefix begins the paths that are answered for programs only, those that no service has included.
const apiPrefix = "/api/"

// DynamicPaths are the path patterns that the load balancer answers.
func (e Environment) DynamicPaths() []string {
	paths := []string{apiPrefix + "*"}
	for _, name := range e.ServiceNames() {
		for _, path := range e.Services[name].Paths {
			if !strings.HasPrefix(path, apiPrefix) {
				paths = append(paths, path)
			}
		}
	}
	if e.AsksForSignIn() {
		paths = append(paths, SignInCallback)
	}
	return paths
}

// answered tells whether something answers a path or a pattern: a service, the bucket of the pages, or an older shop.
func (e Environment) answered(pattern string) bool {
	for _, service := range e.Services {
		if slices.ContainsFunc(service.Paths, func(path string) bool { return overlap(path, pattern) }) {
			return true
		}
	}
	return e.HasEdge() && !strings.HasPrefix(pattern, apiPrefix) || e.Edge.SecondOrigin != ""
}

// AcceptedOriginSecrets are the numbers of the secrets by which the load balancer knows CloudFront, the newest first.
func (e Environment) AcceptedOriginSecrets() []int {
	if e.Edge.OriginSecret == 1 {
		return []int{1}
	}
	return []int{e.Edge.OriginSecret, e.Edge.OriginSecret - 1}
}

// StoredOriginSecrets are the numbers of the secrets that there are: one more than is accepted, so that a deployment that fails
// after a rotation can go back to what it was.
func (e Environment) StoredOriginSecrets() []int {
	stored := e.AcceptedOriginSecrets()
	if oldest := stored[len(stored)-1]; oldest > 1 {
		stored = append(stored, oldest-1)
	}
	return stored
}

// mostPaths is how many path patterns beside /api/* fit into a distribution, which has 75 behaviours.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
const mostPaths = 70

var (
	hostName    = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)
	headerValue = regexp.MustCompile(`^[\x20-\x7e]+$`)
)

var edgeRules = []rule{
	{"the edge has names, and one certificate for them in us-east-1", []string{"edge.domains", "edge.certificateArn", "account"}, func(i inspection) {
		for n, domain := range i.Edge.Domains {
			switch path := index("edge.domains", n); {
			case !hostName.MatchString(domain):
				i.refuse(path, "%q is no host name, want for example www.example.com", shorten(domain))
			case domain == i.LoadBalancer.HostName:
				i.refuse(path, "%s is loadBalancer.hostName, by which CloudFront itself finds the load balancer; want another name", domain)
			}
		}
		certificate := edgeCertificateARN.FindStringSubmatch(i.Edge.CertificateARN)
		switch {
		case !i.HasEdge():
		case i.Edge.CertificateARN == "":
			i.refuse("edge.certificateArn", "missing; want the ARN of an ACM certificate for %s in %s: CloudFront's own accepts TLS 1.0", strings.Join(i.Edge.Domains, ", "), EdgeRegion)
		case certificate == nil:
			i.refuse("edge.certificateArn", "%q is no ARN of a certificate in %s, where CloudFront takes them from, want for example arn:aws:acm:%s:%s:certificate/01234567-89ab-cdef-0123-456789abcdef", shorten(i.Edge.CertificateARN), EdgeRegion, EdgeRegion, i.Account)
		case certificate[1] != i.Account:
			i.refuse("edge.certificateArn", "a certificate of account %s, want one of %s", certificate[1], i.Account)
		}
	}},
	{"without domains nothing else of the edge has an effect", []string{"edge"}, func(i inspection) {
		if i.HasEdge() {
			return
		}
		for _, key := range []string{"certificateArn", "hostedZone", "priceClass", "pages", "corsOrigins", "contentSecurityPolicy", "originSecret", "secondOrigin", "topics"} {
			if path := "edge." + key; i.has(path) {
				i.refuse(path, "has no effect without edge.domains; remove it, or name the shop's domains")
			}
		}
	}},
	{"CloudFront finds the load balancer by name and speaks HTTPS with it", []string{"edge.domains", "loadBalancer"}, func(i inspection) {
		if i.HasEdge() && i.LoadBalancer.CertificateARN == "" {
			i.refuse("edge.domains", "given, but loadBalancer.certificateArn and hostName are not: CloudFront would send tokens and passwords on to the load balancer in the clear; want both, or no domains")
		}
	}},
	{"behind an edge nobody but CloudFront reaches the load balancer", []string{"edge.domains", "network.ingress.from"}, func(i inspection) {
		if i.HasEdge() && i.Public() {
			i.refuse("network.ingress.from", "%s keeps CloudFront out, which edge.domains puts in front, or lets visitors around it; want %s", i.Network.Ingress.From, IngressCloudFront)
		}
	}},
	{"somebody reaches a shop in production", []string{"edge.domains", "network.ingress.from", "profile"}, func(i inspection) {
		if i.Profile == Production && !i.HasEdge() && !i.Public() {
			i.refuse("edge.domains", "none, and network.ingress.from is %s: nobody would reach the shop; want its names, or another network.ingress.from", IngressCloudFront)
		}
	}},
	{"the records have a zone that they are in", []string{"edge.domains", "edge.hostedZone", "loadBalancer.hostName"}, func(i inspection) {
		zone := i.Edge.HostedZone
		switch {
		case zone == HostedZone{}:
			return
		case zone.ID == "":
			i.refuse("edge.hostedZone.id", "missing; want the id that aws route53 list-hosted-zones gives for %s", zone.Name)
			return
		case zone.Name == "":
			i.refuse("edge.hostedZone.name", "missing; want the domain that zone %s is for", zone.ID)
			return
		}
		for n, domain := range i.Edge.Domains {
			if !inZone(domain, zone.Name) {
				i.refuse(index("edge.domains", n), "%s is not in the hosted zone %s, want one of its names, or no hostedZone", domain, zone.Name)
			}
		}
		if i.LoadBalancer.HostName != "" && !inZone(i.LoadBalancer.HostName, zone.Name) {
			i.refuse("loadBalancer.hostName", "%s is not in edge.hostedZone, %s, want one of its names, or no hostedZone", i.LoadBalancer.HostName, zone.Name)
		}
	}},
	{"pages are among what the services answer, outside the API", []string{"services.*.paths", "services.*.signIn", "edge.pages"}, func(i inspection) {
		dynamic := i.DynamicPaths()
		for n, page := range i.Edge.Pages {
			switch path := index("edge.pages", n); {
			case strings.HasPrefix(page, apiPrefix):
				i.refuse(path, "%s is for programs, which read an error and no page; want a path outside %s", page, apiPrefix)
			case !slices.Contains(dynamic, page):
				i.refuse(path, "%s is no path of a service, want one of services.NAME.paths outside %s", page, apiPrefix)
			}
		}
		if i.HasEdge() && len(dynamic) > mostPaths {
			i.refuse("services", "%d paths outside %s, CloudFront has room for %d; want paths that begin with %s", len(dynamic)-1, apiPrefix, mostPaths, apiPrefix)
		}
	}},
	{"other sites are origins, and what pages may load is one line", []string{"edge.corsOrigins", "edge.contentSecurityPolicy", "profile"}, func(i inspection) {
		for n, text := range i.Edge.CORSOrigins {
			origin, err := url.Parse(text)
			fine := err == nil && origin.Host != "" && text == origin.Scheme+"://"+origin.Host && !strings.Contains(text, "*")
			local := fine && origin.Scheme == "http" && origin.Hostname() == "localhost" && i.Profile == Development
			if !fine || origin.Scheme != "https" && !local {
				i.refuse(index("edge.corsOrigins", n), "%q is no origin, want for example https://partner.example.com; http for localhost in development only", shorten(text))
			}
		}
		if policy := i.Edge.ContentSecurityPolicy; !headerValue.MatchString(policy) || !strings.Contains(policy, "default-src ") {
			i.refuse("edge.contentSecurityPolicy", "%q is no policy, want one line of plain text with a default-src", shorten(policy))
		}
	}},
	{"a second origin is another host", []string{"edge.domains", "edge.secondOrigin", "loadBalancer.hostName"}, func(i inspection) {
		if second := i.Edge.SecondOrigin; second != "" && (second == i.LoadBalancer.HostName || slices.Contains(i.Edge.Domains, second)) {
			i.refuse("edge.secondOrigin", "%s is this shop itself, want the host of another", second)
		}
	}},
	{"alarms of the edge reach somebody", []string{"edge", "notifications", "region"}, func(i inspection) {
		for _, channel := range []struct{ severity, topic, here string }{
			{"critical", i.Edge.Topics.Critical, i.Notifications.Critical.TopicARN},
			{"warning", i.Edge.Topics.Warning, i.Notifications.Warning.TopicARN},
		} {
			path := "edge.topics." + channel.severity
			needed := i.HasEdge() && channel.here != "" && i.Region != EdgeRegion
			arn := topicARN.FindStringSubmatch(channel.topic)
			switch {
			case needed && channel.topic == "":
				i.refuse(path, "missing, and notifications.%s.topicArn is in %s, which alarms of CloudFront do not reach; want a topic in %s", channel.severity, i.Region, EdgeRegion)
			case !needed && channel.topic != "" && i.HasEdge():
				i.refuse(path, "has no effect: notifications.%s reaches the edge as it is; remove it", channel.severity)
			case needed && (arn == nil || arn[1] != EdgeRegion):
				i.refuse(path, "%q is no ARN of a topic in %s, want for example arn:aws:sns:%s:%s:alarms", shorten(channel.topic), EdgeRegion, EdgeRegion, i.Account)
			}
		}
	}},
}

// inZone tells whether a name belongs to a zone.
func inZone(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }
