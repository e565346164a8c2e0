package config

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
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
	ConnectionARN string `json:"connectionArn" jsonschema:"required,example=arn:aws:codeconnections:eu-west-1:444444444444:connection/00000000-0000-0000-0000-000000000000"`
	// Repository is the GitHub repository with this code.
	Repository string `json:"repository" jsonschema:"required,maxLength=140,pattern=^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$,example=example/peakline"`
	// Branch is what is deployed. Default: main.
	Branch string `json:"branch,omitempty" jsonschema:"maxLength=255,pattern=^[A-Za-z0-9._/-]+$,example=main"`
	// Environments are deployed one after the other. Each one is a file of config/environments.
	Environments []Promotion `json:"environments" jsonschema:"required,minItems=1,maxItems=20"`
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

// LoadDelivery reads, completes and checks the file of the pipelines. The error is of type Mistakes when the file is at fault.
func LoadDelivery(file string, environments []Environment) (Delivery, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return Delivery{}, fmt.Errorf("read the pipelines' file: %w", err)
	}
	return readDelivery(file, text, environments)
}

func readDelivery(file string, text []byte, environments []Environment) (Delivery, error) {
	d := parse(file, deliverySchema(), text)
	delivery := Delivery{Branch: "main"}
	if len(d.mistakes) == 0 || len(d.root) > 0 {
		d.checkValues()
		written, err := json.Marshal(d.root)
		if err == nil {
			err = json.Unmarshal(written, &delivery)
		}
		if err != nil {
			d.refuse("", "%v", err)
		}
		delivery.check(d, environments)
	}
	if err := d.err(); err != nil {
		return Delivery{}, err
	}
	return delivery, nil
}

// check relates the values to each other and to the environments, and completes what depends on them.
func (d *Delivery) check(doc *document, environments []Environment) {
	checkNotifications(doc, d.Region, d.Notifications)
	if doc.sound("connectionArn", "region", "account") {
		if want := fmt.Sprintf("arn:aws:codeconnections:%s:%s:connection/", d.Region, d.Account); !strings.HasPrefix(d.ConnectionARN, want) {
			doc.refuse("connectionArn", "%q, want one of the pipelines' account and region: %s…", shorten(d.ConnectionARN), want)
		}
	}
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
		case at < 0:
			doc.refuse(path+".name", "%s", unknown("environment", promotion.Name, known, "add its file to config/environments"))
		case promotion.Approval == "":
			promotion.Approval = byProfile(environments[at].Profile, ApprovalNone, ApprovalRequired)
		}
	}
}
