package config

import (
	"slices"
	"strings"
)

// SignIn lets the load balancer itself ask for a sign-in, so that nobody reaches the pages of a back office unknown.
type SignIn struct {
	// Paths are those of the service's `paths` that ask for a sign-in, as they stand there; the others stay open. They are pages for people: a program cannot follow to a sign-in.
	Paths []string `json:"paths" jsonschema:"required,minItems=1,maxItems=4,uniqueItems=true,example=/office/*"`
	// Priority is the place of their listener rule; `priority` of the service is the one of the open paths.
	Priority int `json:"priority" jsonschema:"required,minimum=1,maximum=50000,example=650"`
}

// SignInCallback is where Cognito sends people back to: the load balancer answers it itself, whatever its rules are.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
const SignInCallback = "/oauth2/idpresponse"

// SignInPaths are the service's paths that ask for a sign-in.
func (s Service) SignInPaths() []string {
	if s.SignIn == nil {
		return nil
	}
	return s.SignIn.Paths
}

// OpenPaths are the service's other paths.
func (s Service) OpenPaths() []string {
	return slices.DeleteFunc(slices.Clone(s.Paths), func(path string) bool { return slices.Contains(s.SignInPaths(), path) })
}

// SignInPaths are the paths of all services that ask for a sign-in.
func (e Environment) SignInPaths() (paths []string) {
	for _, name := range e.ServiceNames() {
		paths = append(paths, e.Services[name].SignInPaths()...)
	}
	return paths
}

// AsksForSignIn tells whether the load balancer asks for a sign-in anywhere.
func (e Environment) AsksForSignIn() bool { return len(e.SignInPaths()) > 0 }

// MayAskForSignIn tells whether the load balancer could: it speaks HTTPS.
func (e Environment) MayAskForSignIn() bool { return e.LoadBalancer.CertificateARN != "" }

// SignInCallbacks are the addresses that people come back to, under each name by which they reach the load balancer.
func (e Environment) SignInCallbacks() []string {
	hosts := slices.Clone(e.Edge.Domains)
	if !e.HasEdge() {
		hosts = []string{e.LoadBalancer.HostName}
	}
	for n, host := range hosts {
		hosts[n] = "https://" + host + SignInCallback
	}
	return hosts
}

var serviceSignInRules = []rule{
	{"the load balancer asks for a sign-in over HTTPS, on pages that no release moves", []string{"services.*.signIn", "services.*.release", "loadBalancer"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			path, service := join("services", name), i.Services[name]
			switch {
			case service.SignIn == nil:
			case service.Release != ReleaseRolling:
				i.refuse(path+".signIn", "given with release: %s, which moves traffic by rewriting the listener rule, and AWS supports no sign-in there; want release: %s", service.Release, ReleaseRolling)
			case !i.MayAskForSignIn():
				i.refuse(path+".signIn", "given, but loadBalancer.certificateArn is not: AWS asks for a sign-in over HTTPS only; want both")
			}
		}
	}},
	{"a sign-in is asked for on whole paths of the service, which are for people", []string{"services.*.signIn", "services.*.paths"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			service := i.Services[name]
			for n, asking := range service.SignInPaths() {
				path := index(join("services", name)+".signIn.paths", n)
				open := slices.IndexFunc(service.OpenPaths(), func(open string) bool { return overlap(open, asking) })
				switch {
				case !slices.Contains(service.Paths, asking):
					i.refuse(path, "%q is none of the service's paths, want one as it stands there: %s", shorten(asking), strings.Join(service.Paths, ", "))
				case strings.HasPrefix(asking, apiPrefix) || overlap(asking, apiPrefix+"*"):
					i.refuse(path, "%s is for programs, which cannot follow to a sign-in; want a path outside %s", asking, apiPrefix)
				case open >= 0:
					i.refuse(path, "%s overlaps %s, which asks for none: another spelling of an address would lead around the sign-in; want paths apart", asking, service.OpenPaths()[open])
				}
			}
		}
		for _, name := range i.ServiceNames() {
			for n, pattern := range i.Services[name].Paths {
				if i.AsksForSignIn() && overlap(pattern, SignInCallback) {
					i.refuse(index(join("services", name)+".paths", n), "%s overlaps %s, where the load balancer lets people in; want another", pattern, SignInCallback)
				}
			}
		}
	}},
	{"services call no others by pages that ask for a sign-in", []string{"services.*.calls", "services.*.signIn", "services.*.paths"}, func(i inspection) {
		for _, name := range i.ServiceNames() {
			for n, callee := range i.Services[name].Calls {
				if called := i.Services[callee]; called.SignIn != nil && len(called.OpenPaths()) == 0 {
					i.refuse(index(join("services", name)+".calls", n), "all paths of %s ask for a sign-in, which no service can answer; want an open path beside them", callee)
				}
			}
		}
	}},
	{"pages that ask for a sign-in have one origin", []string{"services.*.signIn", "edge.pages", "edge.secondOrigin"}, func(i inspection) {
		asking := i.SignInPaths()
		for n, page := range i.Edge.Pages {
			if slices.Contains(asking, page) || page == SignInCallback {
				i.refuse(index("edge.pages", n), "%s asks for a sign-in, whose cookies the sorry page may not be sent; remove it here", page)
			}
		}
		if len(asking) > 0 && i.Edge.SecondOrigin != "" {
			i.refuse("edge.secondOrigin", "given, and %s asks for a sign-in at this load balancer: a share of the visitors would be led around it; want one of the two", asking[0])
		}
	}},
}
