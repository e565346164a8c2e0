package config

import "regexp"

// LoadBalancer is the Application Load Balancer in front of the services.
type LoadBalancer struct {
	// CertificateARN is the ACM certificate of the HTTPS listener, in the environment's region. Without one, which only development may be, the load balancer speaks plain HTTP.
	CertificateARN string `json:"certificateArn,omitempty"`
	// HostName is a name that the certificate is for, required with it. Within the VPC it leads to the load balancer without the internet: services and smoke tests call it by this name over HTTPS. On the internet it has to lead to the load balancer, where CloudFront finds it by this name.
	HostName string `json:"hostName,omitempty" jsonschema:"pattern=^([a-z0-9]([a-z0-9-]{0\\,61}[a-z0-9])?\\.)+[a-z][a-z0-9-]{0\\,61}[a-z0-9]$,maxLength=253,example=api.example.com"`
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
	{"a certificate comes with the name that it is for", nil, func(i inspection) {
		if certified, named := i.LoadBalancer.CertificateARN != "", i.LoadBalancer.HostName != ""; certified != named && i.sound("loadBalancer.hostName", "loadBalancer.certificateArn") {
			if certified {
				i.refuse("loadBalancer.hostName", "missing; want a name that the certificate is for, such as api.example.com: services call each other by it, and would refuse the certificate under any other")
			} else {
				i.refuse("loadBalancer.hostName", "%s, but without certificateArn nothing answers to it over HTTPS; want both or neither", i.LoadBalancer.HostName)
			}
		}
	}},
}
