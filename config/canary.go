package config

import (
	"fmt"
	"slices"
	"strings"
)

// Canary walks through the shop from outside, as a customer would, again and again. It signs nobody in and orders nothing.
type Canary struct {
	// Enabled switches it on. Default: true in production where somebody outside reaches the shop, else false.
	Enabled bool `json:"enabled,omitempty"`
	// EveryMinutes is the time from one walk to the next. Default: 5.
	EveryMinutes int `json:"everyMinutes,omitempty" jsonschema:"minimum=1,maximum=60"`
	// Steps are the requests, in their order. Default: browse, cart and checkout of the services as shipped.
	Steps []CanaryStep `json:"steps,omitempty" jsonschema:"minItems=1,maxItems=10"`
}

// CanaryStep is one request, without a body and without a sign-in.
type CanaryStep struct {
	// Name is how a failure calls the step.
	Name string `json:"name" jsonschema:"required,pattern=^[a-z][a-z0-9-]*$,maxLength=40,example=browse"`
	// Method is `GET` or `POST`. Default: `GET`.
	Method string `json:"method,omitempty" jsonschema:"enum=GET,enum=POST"`
	// Path is what is asked for.
	Path string `json:"path" jsonschema:"required,pattern=^/[A-Za-z0-9._~/?=&-]*$,maxLength=256,example=/api/catalog"`
	// Status are the answers that are right. Default: any below 500.
	Status []int `json:"status,omitempty" jsonschema:"uniqueItems=true,maxItems=10"`
}

// shippedWalk is the walk through the services of config/services.yaml. Nobody has signed in, so that the cart and the checkout
// refuse: they are there, and nothing is ordered.
var shippedWalk = []CanaryStep{
	{Name: "browse", Method: "GET", Path: "/api/catalog", Status: []int{200}},
	{Name: "cart", Method: "GET", Path: "/api/cart"},
	{Name: "checkout", Method: "POST", Path: "/api/orders"},
}

// ShopURL is where visitors find the shop; empty where nobody outside does.
func (e Environment) ShopURL() string {
	switch {
	case e.HasEdge():
		return "https://" + e.Edge.Domains[0]
	case e.Network.Ingress.From == IngressInternet && e.LoadBalancer.HostName != "":
		return "https://" + e.LoadBalancer.HostName
	default:
		return ""
	}
}

// completeCanary fills what depends on the rest of the file.
func (e *Environment) completeCanary(d *document) {
	if !d.has("canary.enabled") {
		e.Canary.Enabled = e.Profile == Production && e.ShopURL() != ""
	}
	if len(e.Canary.Steps) == 0 {
		e.Canary.Steps = slices.DeleteFunc(slices.Clone(shippedWalk), func(step CanaryStep) bool { return !e.answers(step.Path) })
	}
	for n := range e.Canary.Steps {
		if e.Canary.Steps[n].Method == "" {
			e.Canary.Steps[n].Method = "GET"
		}
	}
}

// answers tells whether a service has a path as it is.
func (e Environment) answers(path string) bool {
	for _, service := range e.Services {
		if slices.Contains(service.Paths, path) {
			return true
		}
	}
	return false
}

// takesForms tells whether CloudFront lets a POST through to a path.
func (e Environment) takesForms(path string) bool {
	return slices.ContainsFunc(e.DynamicPaths(), func(pattern string) bool { return overlap(pattern, path) && !slices.Contains(e.Edge.Pages, pattern) })
}

var canaryRules = []rule{
	{"a canary reaches the shop and has somewhere to go", []string{"canary", "edge.domains", "network.ingress.from", "loadBalancer.hostName", "services.*.paths", "edge.pages"}, func(i inspection) {
		switch {
		case !i.Canary.Enabled:
			for _, option := range []string{"everyMinutes", "steps"} {
				if path := "canary." + option; i.has(path) {
					i.refuse(path, "has no effect without a canary; remove it, or say enabled: true")
				}
			}
		case i.ShopURL() == "":
			i.refuse("canary.enabled", "true, but nobody outside reaches the shop; want edge.domains, or network.ingress.from %s and loadBalancer.hostName", IngressInternet)
		case len(i.Canary.Steps) == 0:
			i.refuse("canary", "no service has one of the paths of the usual walk, want steps")
		}
		names := map[string]bool{}
		for n, step := range i.Canary.Steps {
			path := index("canary.steps", n)
			if names[step.Name] {
				i.refuse(path+".name", "%s is there twice, want another name", step.Name)
			}
			names[step.Name] = true
			route, _, _ := strings.Cut(step.Path, "?")
			switch {
			case !i.answered(route):
				i.refuse(path+".path", "%s leads to no service, want one of services.*.paths", route)
			case step.Method == "POST" && i.HasEdge() && !i.takesForms(route):
				i.refuse(path+".method", "POST, but CloudFront takes GET and HEAD alone for %s, a page; want GET, or a path of a service that is no page", route)
			}
			for m, status := range step.Status {
				if status < 200 || status > 499 {
					i.refuse(index(path+".status", m), "%d is no answer of a shop that works, want 200 to 499", status)
				}
			}
		}
	}},
}

// CanaryName is the canary's in CloudWatch Synthetics.
func (e Environment) CanaryName() string { return fmt.Sprintf("peakline-%s-shop", e.Name) }
