package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Delivery is config/delivery.yaml: the pipelines that bring this repository into the environments. They
// live in an account of their own, so that whoever can deploy is not found among what is deployed.
type Delivery struct {
	// Account is the AWS account of the pipelines: 12 digits, in quotes.
	Account string `json:"account" jsonschema:"required,pattern=^[0-9]{12}$,example=444444444444"`
	// Region is the AWS region of the pipelines.
	Region string `json:"region" jsonschema:"required"`
	// Owner is the team that answers for the pipelines. It is a tag on every resource.
	Owner string `json:"owner" jsonschema:"required,minLength=1,maxLength=256,pattern=^[A-Za-z0-9 _.:/=+@-]+$,example=platform"`
	// Tags are added to every resource.
	Tags map[string]string `json:"tags,omitempty"`
	// Notifications says who hears of a pipeline that failed or waits for an approval.
	Notifications Notifications `json:"notifications,omitempty"`
	// ConnectionARN is the connection to GitHub, which a person has to confirm in the console of the pipelines' account.
	ConnectionARN string `json:"connectionArn" jsonschema:"required,maxLength=256,example=arn:aws:codeconnections:eu-west-1:444444444444:connection/00000000-0000-0000-0000-000000000000"`
	// Repository is the GitHub repository with this code.
	Repository string `json:"repository" jsonschema:"required,maxLength=140,pattern=^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$,example=example/peakline"`
	// Branch is what is deployed. Default: main.
	Branch string `json:"branch,omitempty" jsonschema:"maxLength=255,pattern=^[A-Za-z0-9_][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*$,example=main"`
	// Environments are deployed one after the other. Each one is a file of config/environments.
	Environments []Promotion `json:"environments" jsonschema:"required,minItems=1,maxItems=20"`
	// Services have a pipeline each, which builds an image and releases it into the environments, one after the other. A name is that of a service which all of them have.
	Services map[string]ServicePipeline `json:"services,omitempty"`
	// Images says what an image has to be before it is released.
	Images ImageRules `json:"images,omitempty"`
}

// ServicePipeline is where the image of a service is built from.
type ServicePipeline struct {
	// Repository is the GitHub repository with the service's code.
	Repository string `json:"repository" jsonschema:"required,maxLength=140,pattern=^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$,example=example/order"`
	// Branch is what is released. Default: main.
	Branch string `json:"branch,omitempty" jsonschema:"maxLength=255,pattern=^[A-Za-z0-9_][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*$,example=main"`
	// Path is the folder of the repository that the image is built in; a push that changes nothing below it starts no release. Default: all of the repository.
	Path string `json:"path,omitempty" jsonschema:"maxLength=200,pattern=^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$,example=services/order"`
	// Dockerfile is below `path`. Default: Dockerfile.
	Dockerfile string `json:"dockerfile,omitempty" jsonschema:"maxLength=200,pattern=^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$,example=build/Dockerfile"`
}

// LongestReleaseMinutes are how long a pipeline waits for a release.
const LongestReleaseMinutes = 8 * 60

// Folder is where the image is built, as a relative path.
func (p ServicePipeline) Folder() string { return "./" + p.Path }

// ImageRules are what the gate of a service's pipeline asks of an image.
type ImageRules struct {
	// MaxMegabytes is what an image may weigh, in millions of bytes as ECR counts them: compressed. Default: 150.
	MaxMegabytes int `json:"maxMegabytes,omitempty" jsonschema:"minimum=10,maximum=10000"`
	// FailOn is the mildest severity of a finding of ECR's scan that stops an image. Default: high.
	FailOn string `json:"failOn,omitempty" jsonschema:"enum=critical,enum=high,enum=medium"`
	// Waivers let findings pass until a day.
	Waivers []ImageWaiver `json:"waivers,omitempty" jsonschema:"maxItems=200"`
}

// ImageWaiver lets one finding of a scan pass, in the images of one service.
type ImageWaiver struct {
	// Service is the one whose images have it.
	Service string `json:"service" jsonschema:"required,minLength=1,maxLength=20"`
	// Finding is its name in the scan, a CVE mostly; `UNSUPPORTED_IMAGE` lets an image pass that ECR cannot scan.
	Finding string `json:"finding" jsonschema:"required,pattern=^[A-Za-z0-9][A-Za-z0-9_:.-]*$,maxLength=100,example=CVE-2026-12345"`
	// Reason is why, for whoever reads the file next.
	Reason string `json:"reason" jsonschema:"required,minLength=10,maxLength=500"`
	// Expires is the last day on which the waiver holds (UTC), at most 90 days ahead. A waiver that has ended does nothing.
	Expires string `json:"expires" jsonschema:"required,pattern=^[0-9]{4}-[0-9]{2}-[0-9]{2}$,example=2026-12-01"`
}

// Valid tells whether the waiver still holds.
func (w ImageWaiver) Valid(now time.Time) bool { return validUntil(w.Expires, now) }

// ServiceNames are the services with a pipeline, in alphabetical order.
func (d Delivery) ServiceNames() []string { return slices.Sorted(maps.Keys(d.Services)) }

// Releases tells whether the pipelines bring services into an environment, and whether it is the first one, which images are
// built for.
func (d Delivery) Releases(environment string) (into, first bool) {
	at := slices.IndexFunc(d.Environments, func(p Promotion) bool { return p.Name == environment })
	return at >= 0 && len(d.Services) > 0, at == 0 && len(d.Services) > 0
}

// Promotion is one environment on the way of a change.
type Promotion struct {
	// Name is the environment's.
	Name string `json:"name" jsonschema:"required,minLength=1,maxLength=20"`
	// Approval is `required` where a person reads the diff before it is deployed. Default: none in development, required in production.
	Approval Approval `json:"approval,omitempty" jsonschema:"enum=required,enum=none"`
}

// Approval says whether a person has to agree to a deployment.
type Approval string

// ApprovalRequired waits for a person, ApprovalNone goes on when the guard found nothing dangerous.
const (
	ApprovalRequired Approval = "required"
	ApprovalNone     Approval = "none"
)

// Environment is how the pipelines are named, tagged and guarded: like an environment of production.
func (d Delivery) Environment() Environment {
	return Environment{Name: DeliveryStage, Profile: Production, Account: d.Account, Region: d.Region, Owner: d.Owner, Tags: d.Tags, Notifications: d.Notifications}
}

// LoadDelivery reads, completes and checks the file of the pipelines. Without environments it checks only what the file says by
// itself. The error is of type Mistakes when the file is at fault.
func LoadDelivery(file string, environments []Environment, now time.Time) (Delivery, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return Delivery{}, fmt.Errorf("read the pipelines' file: %w", err)
	}
	return readDelivery(file, text, environments, now)
}

func readDelivery(file string, text []byte, environments []Environment, now time.Time) (Delivery, error) {
	d := parse(file, deliverySchema(), text)
	delivery := Delivery{Branch: "main", Images: ImageRules{MaxMegabytes: 150, FailOn: "high"}}
	if len(d.mistakes) == 0 || len(d.root) > 0 {
		d.checkValues()
		written, err := json.Marshal(d.root)
		if err == nil {
			err = json.Unmarshal(written, &delivery)
		}
		if err != nil {
			d.refuse("", "%v", err)
		}
		delivery.check(d, environments, now)
	}
	if err := d.err(); err != nil {
		return Delivery{}, err
	}
	return delivery, nil
}

var connectionARN = regexp.MustCompile(`^arn:aws:codeconnections:([a-z0-9-]+):([0-9]{12}):connection/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// checkSource refuses what Git calls a repository or a branch and GitHub's names do not: a pipeline would wait for pushes to it for ever.
func checkSource(doc *document, path, repository, branch string) {
	if name, cloned := strings.CutSuffix(repository, ".git"); cloned {
		doc.refuse(join(path, "repository"), "%q is for git clone, want the name on GitHub: %s", shorten(repository), shorten(name))
	}
	if strings.HasPrefix(branch, "refs/") {
		doc.refuse(join(path, "branch"), "%q is a ref, want the name of a branch alone: %s", shorten(branch), shorten(strings.TrimPrefix(branch, "refs/heads/")))
	}
}

// check relates the values to each other and to the environments, and completes what depends on them.
func (d *Delivery) check(doc *document, environments []Environment, now time.Time) {
	checkAccount(doc, d.Account)
	checkTags(doc, d.Tags)
	checkNotifications(doc, d.Region, d.Notifications)
	for _, environment := range environments {
		refuseSharedChannels(doc, d.Account, d.Notifications, environment)
	}
	if doc.sound("connectionArn", "region", "account") {
		if arn := connectionARN.FindStringSubmatch(d.ConnectionARN); arn == nil || arn[1] != d.Region || arn[2] != d.Account {
			doc.refuse("connectionArn", "%q, want one of the pipelines' account and region, such as arn:aws:codeconnections:%s:%s:connection/01234567-89ab-cdef-0123-456789abcdef",
				d.ConnectionARN, d.Region, d.Account)
		}
	}
	checkSource(doc, "", d.Repository, d.Branch)
	d.checkServices(doc, environments, now)
	if !doc.sound("environments") {
		return
	}
	first := map[string]string{}
	var known []string
	for _, environment := range environments {
		known = append(known, environment.Name)
	}
	for n := range d.Environments {
		promotion := &d.Environments[n]
		path := index("environments", n)
		at := slices.Index(known, promotion.Name)
		before, twice := first[promotion.Name]
		first[promotion.Name] = path
		switch {
		case twice:
			doc.refuse(path, "%s again, first at %s, want each environment once", promotion.Name, before)
		case len(environments) == 0:
		case at < 0:
			doc.refuse(path+".name", "%s", unknown("environment", promotion.Name, known, "add its file to config/environments"))
		case promotion.Approval == "":
			promotion.Approval = byProfile(environments[at].Profile, ApprovalNone, ApprovalRequired)
		}
	}
}

// checkServices relates the pipelines of the services to the environments, and completes them.
func (d *Delivery) checkServices(doc *document, environments []Environment, now time.Time) {
	for _, name := range d.ServiceNames() {
		if name == "infrastructure" {
			doc.refuse(join("services", name), "a pipeline has this name already, that of this repository; want another name for the service")
		}
		pipeline := d.Services[name]
		checkSource(doc, join("services", name), pipeline.Repository, pipeline.Branch)
		pipeline.Branch, pipeline.Dockerfile = cmp.Or(pipeline.Branch, "main"), cmp.Or(pipeline.Dockerfile, "Dockerfile")
		d.Services[name] = pipeline
		for _, environment := range environments {
			service, has := environment.Services[name]
			if into, _ := d.Releases(environment.Name); !into {
				continue
			}
			if !has {
				doc.refuse(join("services", name), "in %s %s", environment.Name, unknown("service", name, environment.ServiceNames(), "add it to config/services.yaml"))
				break
			}
			if takes := service.releaseMinutes(); takes > LongestReleaseMinutes {
				doc.refuse(join("services", name), "a release into %s takes %d minutes, and the pipeline waits for %d; want less of shift and migration of the service there", environment.Name, takes, LongestReleaseMinutes)
			}
		}
	}
	first := map[ImageWaiver]string{}
	for n, waiver := range d.Images.Waivers {
		path := index("images.waivers", n)
		allowed := ImageWaiver{Service: waiver.Service, Finding: waiver.Finding}
		if before, twice := first[allowed]; twice && doc.sound(path) {
			doc.refuse(path, "the same finding as %s, want one waiver", before)
		}
		first[allowed] = path
		checkExpiry(doc, path+".expires", waiver.Expires, now)
		if _, has := d.Services[waiver.Service]; !has && doc.sound("services") {
			doc.refuse(path+".service", "%s", unknown("service with a pipeline", waiver.Service, d.ServiceNames(), "add it to services"))
		}
	}
}
