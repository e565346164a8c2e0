package config

import "regexp"

// LoadBalancer is the Application Load Balancer in front of the services.
type LoadBalancer struct {
	// CertificateARN is the ACM certificate of the HTTPS listener, in the environment's region. Without one, which only development may be, the load balancer speaks plain HTTP.
	CertificateARN string `json:"certificateArn,omitempty"`
	// IdleTimeoutSeconds is how long a connection may be silent, a WebSocket between two pings say. Default: 300.
	IdleTimeoutSeconds int `json:"idleTimeoutSeconds,omitempty" jsonschema:"minimum=30,maximum=4000"`
	// LogRetentionDays is how long the access logs are kept. Default: 365 in production, 14 in development.
	LogRetentionDays int `json:"logRetentionDays,omitempty" jsonschema:"minimum=1,maximum=3650"`
}

func loadBalancerDefaults(profile Profile) LoadBalancer {
	return LoadBalancer{IdleTimeoutSeconds: 300, LogRetentionDays: byProfile(profile, 14, 365)}
}

var certificateARN = regexp.MustCompile(`^arn:aws:acm:([a-z0-9-]+):([0-9]{12}):certificate/[0-9a-f-]{36}$`)

var loadBalancerRules = []rule{
	{"the load balancer has a certificate of the region, and may do without in development only", []string{"profile", "region", "account"}, func(i inspection) {
		const path = "loadBalancer.certificateArn"
		arn := certificateARN.FindStringSubmatch(i.LoadBalancer.CertificateARN)
		switch {
		case i.LoadBalancer.CertificateARN == "":
			if i.Profile == Production && i.sound(path) {
				i.refuse(path, "missing, and production speaks HTTPS only; want the ARN of an ACM certificate in %s", i.Region)
			}
		case arn == nil:
			i.refuse(path, "%q is no ARN of a certificate, want for example arn:aws:acm:%s:%s:certificate/01234567-89ab-cdef-0123-456789abcdef", shorten(i.LoadBalancer.CertificateARN), i.Region, i.Account)
		case arn[1] != i.Region:
			i.refuse(path, "a certificate in %s, want one in %s: load balancers use those of their own region", arn[1], i.Region)
		case arn[2] != i.Account:
			i.refuse(path, "a certificate of account %s, want one of %s: load balancers use those of their own account", arn[2], i.Account)
		}
	}},
}
