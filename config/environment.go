// Package config holds what an operator may set: one YAML file per environment, read into the plain Go types below.
// Each file of the package is one section of the environment file: its types, its defaults and its rules. The types,
// their comments and their tags are also the source of environment.schema.json, which editors read and which Load
// applies to every single value; what relates two values is a rule in Go.
//
// The package knows no CDK and calls nothing: validation works without a network and without credentials.
package config

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Profile names the set of defaults and safeties that an environment starts from.
type Profile string

// Development is small, cheap and easy to delete. Production is redundant, guarded and retained.
const (
	Development Profile = "development"
	Production  Profile = "production"
)

// Environment is one environment file with the defaults of its profile filled in. Everything that reads an
// Environment may rely on each field being set and valid.
type Environment struct {
	// Name is the file name without its extension. It becomes the stage and part of every physical name.
	Name string `json:"-"`
	// Warnings are about what is right today and will not stay so. A synthesis shows them, and goes on.
	Warnings []string `json:"-"`

	// Profile chooses the defaults, and with `production` the safeties that only an exception may switch off.
	Profile Profile `json:"profile" jsonschema:"required,enum=development,enum=production"`
	// Account is the AWS account of the environment: 12 digits, in quotes.
	Account string `json:"account" jsonschema:"required,pattern=^[0-9]{12}$,example=123456789012"`
	// Region is the AWS region of the environment, such as `eu-west-1`.
	Region string `json:"region" jsonschema:"required"`
	// Owner is the team that answers for the environment. It is a tag on every resource.
	Owner string `json:"owner" jsonschema:"required,minLength=1,maxLength=256,pattern=^[A-Za-z0-9 _.:/=+@-]+$,example=platform"`
	// Owners are the teams that the alarms of single parts are for.
	Owners Owners `json:"owners,omitempty"`
	// Tags are added to every resource, beside the environment, the owner and the profile.
	Tags map[string]string `json:"tags,omitempty"`

	// Notifications says who hears of an alarm or a database event.
	Notifications Notifications `json:"notifications,omitempty"`
	// Network is the VPC.
	Network Network `json:"network" jsonschema:"required"`
	// Database is the Aurora PostgreSQL cluster.
	Database Database `json:"database" jsonschema:"required"`
	// Cache is ElastiCache for Valkey: sessions, product cache, rate limits.
	Cache Cache `json:"cache,omitempty"`
	// Identity is the Cognito user pool: how customers and staff sign in.
	Identity Identity `json:"identity,omitempty"`
	// Scaler decides how many further readers the cluster has at any minute.
	Scaler Scaler `json:"scaler,omitempty"`
	// LoadBalancer is in front of the services.
	LoadBalancer LoadBalancer `json:"loadBalancer,omitempty"`
	// Storage is the bucket of the shop's pages and assets.
	Storage Storage `json:"storage,omitempty"`
	// Edge is CloudFront: the shop's domains, pages and assets, and the way to the services.
	Edge Edge `json:"edge,omitempty"`
	// Firewall is AWS WAF: managed rules, rate limits, addresses.
	Firewall Firewall `json:"firewall,omitempty"`
	// Services are the services behind the load balancer, by name: those of config/services.yaml, with what differs here.
	Services map[string]Service `json:"services,omitempty"`
	// Secrets are those of third parties, by name. A service gets those that it names.
	Secrets map[string]Secret `json:"secrets,omitempty"`
	// Tracing follows requests from one service to the next.
	Tracing Tracing `json:"tracing,omitempty"`
	// FeatureFlags hands the flags to the services.
	FeatureFlags FeatureFlags `json:"featureFlags,omitempty"`
	// Flags are switches that operators move while the services run, by name. A service reads those that it names.
	Flags map[string]Flag `json:"flags,omitempty"`
	// SLOs are what visitors may expect: alarms and dashboards are held against them.
	SLOs SLOs `json:"slos,omitempty"`
	// Canary walks through the shop from outside.
	Canary Canary `json:"canary,omitempty"`
	// Budget is what the environment may cost.
	Budget Budget `json:"budget,omitempty"`
	// Bus carries domain events from one service to another.
	Bus Bus `json:"bus,omitempty"`
	// Events is the calendar of planned peaks. Its floors are up before an event starts.
	Events []Event `json:"events,omitempty" jsonschema:"maxItems=100"`
	// Exceptions gives the written reason for each safety of the profile that this file switches off.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Waivers let dangerous changes that `peakline diff` finds pass, each until a day.
	Waivers []Waiver `json:"waivers,omitempty" jsonschema:"maxItems=100"`
}

var environmentRules = []rule{
	{"the account is a real one", []string{"account"}, func(i inspection) { checkAccount(i.document, i.Account) }},
	{"tags are what AWS accepts and leave Peakline's own alone", []string{"tags"}, func(i inspection) { checkTags(i.document, i.Tags) }},
}

func checkAccount(d *document, account string) {
	if d.sound("account") && strings.Trim(account, "0") == "" {
		d.refuse("account", "%s, want the 12 digits of an AWS account", account)
	}
}

// checkTags keeps to what every service of AWS takes. CloudFormation wants a value, and gives the tags to the stacks too.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
func checkTags(d *document, tags map[string]string) {
	if most := 40; len(tags) > most {
		d.refuse("tags", "%d entries, want at most %d: AWS allows 50 and Peakline sets some itself", len(tags), most)
	}
	first := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		path, value := join("tags", key), tags[key]
		before, twice := first[strings.ToLower(key)]
		first[strings.ToLower(key)] = key
		switch {
		case !d.sound(path):
		case twice:
			d.refuse(path, "the key differs from %s in case only, want one of them: IAM takes them for the same", before)
		case !tagText.MatchString(key) || key == "" || len(key) > 128:
			d.refuse(path, "the key is not one that AWS accepts, want 1 to 128 letters, digits, spaces and _.:/=+-@")
		case strings.HasPrefix(strings.ToLower(key), "aws:") || strings.HasPrefix(strings.ToLower(key), "peakline:"):
			d.refuse(path, "the key starts with a reserved prefix, want one without aws: and peakline:")
		case strings.TrimSpace(value) == "":
			d.refuse(path, "empty, and CloudFormation takes no tag without a value; want one, or no such tag")
		case !tagText.MatchString(value) || len(value) > 256 || strings.HasPrefix(strings.ToLower(value), "aws:"):
			d.refuse(path, "text %q, want at most 256 letters, digits, spaces and _.:/=+-@, not starting with aws:", shorten(value))
		}
	}
}

var tagText = regexp.MustCompile(`^[\pL\pZ\pN_.:/=+\-@]*$`)

// checkTogether applies the rules between environments. Each mistake is reported once: in the environment that is asked
// for, or in the later of the two when all are.
func checkTogether(all []loaded, asked string) {
	for later := range all {
		for earlier := range later {
			a, b := all[earlier], all[later]
			if a.environment.Name == asked {
				a, b = b, a
			}
			refuseOverlap(a, b)
			refuseSharedNames(a, b)
			refuseSecondSearch(a, b)
			refuseSecondMonitor(a, b)
			refuseSharedChannels(b.document, b.environment.Account, b.environment.Notifications, a.environment)
		}
	}
}

// refuseOverlap keeps the networks of environments apart, whatever their accounts: overlapping ones can never be
// peered, nor be reached from the same office network.
func refuseOverlap(other, here loaded) {
	if !other.document.sound("network.cidr") || !here.document.sound("network.cidr") {
		return
	}
	theirs, errTheirs := netip.ParsePrefix(other.environment.Network.CIDR)
	ours, errOurs := netip.ParsePrefix(here.environment.Network.CIDR)
	if errTheirs == nil && errOurs == nil && theirs.Overlaps(ours) {
		p := other.document.at("network.cidr")
		here.document.refuse("network.cidr", "%s overlaps %s of environment %s (%s), want a range of its own",
			ours, theirs, other.environment.Name, fmt.Sprintf("%s:%d", other.document.file, p.line))
	}
}

// names are what leads visitors to the environment, each with its path. No second environment can have one.
func (l loaded) names() map[string]string {
	e := l.environment
	all := map[string]string{e.LoadBalancer.HostName: "loadBalancer.hostName", e.Identity.Domain.Name: "identity.domain.name"}
	for n, domain := range e.Edge.Domains {
		all[domain] = index("edge.domains", n)
	}
	if prefix := e.Identity.Domain.Prefix; prefix != "" {
		all[prefix+".auth."+e.Region+".amazoncognito.com"] = "identity.domain.prefix"
	}
	delete(all, "")
	return all
}

// refuseSharedNames lets a name lead to one environment.
func refuseSharedNames(other, here loaded) {
	theirs := other.names()
	for name, path := range here.names() {
		at, shared := theirs[name]
		if shared && other.document.sound(at) && here.document.sound(path) {
			here.document.refuse(path, "%s is %s of environment %s (%s:%d) too, want a name of its own",
				name, at, other.environment.Name, other.document.file, other.document.at(at).line)
		}
	}
}
