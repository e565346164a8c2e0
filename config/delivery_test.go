package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

const pipelines = `account: "444444444444"
region: eu-west-1
owner: platform
connectionArn: arn:aws:codeconnections:eu-west-1:444444444444:connection/00000000-0000-0000-0000-000000000000
repository: example/peakline
environments:
  - name: dev
  - name: prod
services:
  order: {repository: example/order, path: services/order}
images:
  waivers:
    - {service: order, finding: CVE-2026-0001, reason: "not reachable, mended next week", expires: "2026-12-01"}
`

// promoted are the environments that the pipelines know.
var promoted = []Environment{
	{Name: "dev", Profile: Development, Services: map[string]Service{"order": {}, "inventory": {}}},
	{Name: "prod", Profile: Production, Services: map[string]Service{"order": {}}},
}

func TestTheShippedPipelinesAreValid(t *testing.T) {
	useShippedCatalogue(t)
	environments, err := LoadAll(shipped, today)
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := LoadDelivery("delivery.yaml", environments, today)
	if err != nil {
		t.Fatal(err)
	}
	for _, environment := range environments {
		if into, first := delivery.Releases(environment.Name); first && !into {
			t.Errorf("builds for %s, and does not release into it", environment.Name)
		}
	}
}

func TestWhatThePipelinesFileLeavesOut(t *testing.T) {
	delivery, err := readDelivery("delivery.yaml", []byte(pipelines), promoted, today)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, promotion := range delivery.Environments {
		order = append(order, promotion.Name+" "+string(promotion.Approval))
	}
	if want := []string{"dev none", "prod required"}; !slices.Equal(order, want) {
		t.Errorf("promotes %v, want an approval before production: %v", order, want)
	}
	if want := (ServicePipeline{Repository: "example/order", Branch: "main", Path: "services/order", Dockerfile: "Dockerfile"}); delivery.Branch != "main" || delivery.Services["order"] != want {
		t.Errorf("deploys the branch %q and builds %+v, want main and %+v", delivery.Branch, delivery.Services["order"], want)
	}
	if delivery.Images.MaxMegabytes != 150 || delivery.Images.FailOn != "high" {
		t.Errorf("lets images of %d MB and findings below %s pass, want 150 and high", delivery.Images.MaxMegabytes, delivery.Images.FailOn)
	}
	for _, c := range []struct {
		environment string
		into, first bool
	}{{"dev", true, true}, {"prod", true, false}, {"local", false, false}} {
		if into, first := delivery.Releases(c.environment); into != c.into || first != c.first {
			t.Errorf("%s: releases into it %t, builds for it %t, want %t and %t", c.environment, into, first, c.into, c.first)
		}
	}
	if waiver := delivery.Images.Waivers[0]; !waiver.Valid(time.Date(2026, 12, 1, 23, 59, 0, 0, time.UTC)) || waiver.Valid(time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)) {
		t.Error("a waiver until the first of December does not end with that day")
	}
	if _, err := readDelivery("delivery.yaml", []byte(pipelines), nil, today); err != nil {
		t.Errorf("without the other environments: %v", err)
	}
}

func TestMistakesOfThePipelinesFile(t *testing.T) {
	for name, c := range map[string]struct {
		old, new string
		want     []string
	}{
		"nothing wrong": {"", "", nil},
		"a connection of another account": {"444444444444:connection", "333333333333:connection",
			[]string{`delivery.yaml:4:16 connectionArn: "arn:aws:codeconnections:eu-west-1:333333333333:connection/00`}},
		"a connection without its id":    {"connection/00000000-0000-0000-0000-000000000000", "connection/", []string{`connectionArn: "arn:aws:codeconnections:eu-west-1:444444444444:connection/", want`}},
		"the older name of connections":  {"codeconnections", "codestar-connections", []string{"delivery.yaml:4:16 connectionArn"}},
		"a repository by its address":    {"example/peakline", "https://github.com/example/peakline", []string{`delivery.yaml:5:13 repository: text "https://github.com/example/peakline", want for example "example/peakline"`}},
		"an environment without a file":  {"name: prod", "name: production", []string{`delivery.yaml:8:11 environments[1].name: there is no environment "production"`}},
		"an environment twice":           {"name: prod", "name: dev", []string{"delivery.yaml:8:5 environments[1]: dev again, first at environments[0], want each environment once"}},
		"no environment":                 {"environments:\n  - name: dev\n  - name: prod\n", "environments: []\n", []string{"delivery.yaml:6:1 environments: 0 entries, want 1 to 20"}},
		"an approval of its own":         {"name: prod", "{name: prod, approval: maybe}", []string{`delivery.yaml:8:28 environments[1].approval: text "maybe", want one of required, none`}},
		"an unknown key":                 {"owner: platform", "owner: platform\nbranches: main", []string{"delivery.yaml:4:1 branches: unknown key, did you mean branch?"}},
		"a repository as it is cloned":   {"example/peakline", "example/peakline.git", []string{`delivery.yaml:5:13 repository: "example/peakline.git" is for git clone, want the name on GitHub: example/peakline`}},
		"a service's as it is cloned":    {"example/order", "example/order.git", []string{`delivery.yaml:10:23 services.order.repository: "example/order.git" is for git clone`}},
		"a branch as a ref":              {"owner: platform", "owner: platform\nbranch: refs/heads/main", []string{`delivery.yaml:4:9 branch: "refs/heads/main" is a ref, want the name of a branch alone: main`}},
		"a service's branch as a ref":    {"path: services/order", "branch: refs/heads/v2/next", []string{`services.order.branch: "refs/heads/v2/next" is a ref, want the name of a branch alone: v2/next`}},
		"a branch that Git refuses":      {"owner: platform", "owner: platform\nbranch: release/", []string{"delivery.yaml:4:9 branch"}},
		"a branch with two dots":         {"owner: platform", "owner: platform\nbranch: a..b", []string{"delivery.yaml:4:9 branch"}},
		"a branch with folders and dots": {"owner: platform", "owner: platform\nbranch: release/2026-11_a.b", nil},
		"no account":                     {`"444444444444"`, `"000000000000"`, []string{"delivery.yaml:1:10 account: 000000000000, want the 12 digits of an AWS account"}},
		"tags that AWS refuses":          {"owner: platform", "owner: platform\ntags: {'aws:x': y, 'peakline:owner': y, team: '', unit: 'aws:y', b: R&D, ok: West 1}", []string{"delivery.yaml:4:17 tags.aws:x: the key", "tags.peakline:owner: the key", "tags.team: empty", `tags.unit: text "aws:y", want`, `tags.b: text "R&D", want`}},
		"an owner of spaces":             {"owner: platform", "owner: '  '", []string{"delivery.yaml:3:8 owner: nothing but spaces, want text"}},
		"a branch with a space":          {"owner: platform", "owner: platform\nbranch: my branch", []string{"delivery.yaml:4:9 branch"}},
		"an address that is none":        {"owner: platform", "owner: platform\nnotifications: {critical: {emails: [oncall]}}", []string{"notifications.critical.emails[0]"}},
		"a service that is none":         {"  order: {repo", "  ordr: {repo", []string{`delivery.yaml:10:3 services.ordr: in dev there is no service "ordr", did you mean order?`}},
		"a service that production lacks": {"  order: {repo", "  inventory: {repository: example/inventory}\n  order: {repo",
			[]string{`delivery.yaml:10:3 services.inventory: in prod there is no service "inventory", want one of order; or add it to config/services.yaml`}},
		"a service called as this repository's own pipeline": {"  order: {repo", "  infrastructure: {repo", []string{"delivery.yaml:10:3 services.infrastructure: a pipeline has this name already"}},
		"a path that leaves the repository":                  {"services/order", "../order", []string{`services.order.path: text "../order", want for example "services/order"`}},
		"a severity that is none":                            {"images:\n", "images:\n  failOn: severe\n", []string{`images.failOn: text "severe", want one of critical, high, medium`}},
		"a waiver of no service":                             {"service: order", "service: user", []string{`images.waivers[0].service: there is no service with a pipeline "user", want one of order; or add it to services`}},
		"a waiver for ever":                                  {"2026-12-01", "2027-12-01", []string{"images.waivers[0].expires: 2027-12-01, want at most 2027-02-20, 90 days ahead"}},
		"a waiver until no day":                              {"2026-12-01", "2026-02-31", []string{"images.waivers[0].expires: 2026-02-31 is no day of the calendar"}},
		"a waiver without a reason":                          {"not reachable, mended next week", "later", []string{"images.waivers[0].reason: 5 characters, want 10 to 500"}},
		"a waiver of spaces":                                 {"not reachable, mended next week", "            ", []string{"images.waivers[0].reason: nothing but spaces, want text"}},
		"a waiver twice":                                     {"images:\n  waivers:\n", "images:\n  waivers:\n    - {service: order, finding: CVE-2026-0001, reason: mended in a week, expires: \"2026-11-30\"}\n", []string{"delivery.yaml:14:7 images.waivers[1]: the same finding as images.waivers[0], want one waiver"}},
		"an empty file":                                      {pipelines, "", []string{"delivery.yaml:1:1: empty, want settings of the form"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(pipelines, c.old, c.new, 1)
			_, err := readDelivery("delivery.yaml", []byte(text), promoted, today)
			if len(c.want) == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("reported\n%v\nwant\n%s", err, want)
				}
			}
		})
	}
}

func TestAPipelineWaitsForItsReleases(t *testing.T) {
	environments := []Environment{promoted[0], {Name: "prod", Profile: Production, Services: map[string]Service{"order": {
		Shift: Shift{Kind: ShiftCanary, Percent: 10, StepMinutes: 60, BakeMinutes: 400}, Migration: &Migration{Minutes: 21},
	}}}}
	_, err := readDelivery("delivery.yaml", []byte(pipelines), environments, today)
	want := "delivery.yaml:10:3 services.order: a release into prod takes 481 minutes, and the pipeline waits for 480; want less of shift and migration of the service there"
	if err == nil || err.Error() != want {
		t.Errorf("reported\n%v\nwant\n%s", err, want)
	}
	environments[1].Services["order"].Migration.Minutes = 20
	if _, err := readDelivery("delivery.yaml", []byte(pipelines), environments, today); err != nil {
		t.Error(err)
	}
}

func FuzzDelivery(f *testing.F) {
	f.Add([]byte(pipelines))
	for _, seed := range []string{"environments: [{name: }]", "environments: [prod]", "services: {order: }", "tags: {a: }\nimages: {waivers: [{service: order}]}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		delivery, err := readDelivery("delivery.yaml", text, promoted, today)
		var mistakes Mistakes
		switch {
		case err == nil && len(delivery.Environments) == 0:
			t.Error("accepted without an environment to deploy to")
		case err != nil && !errors.As(err, &mistakes):
			t.Errorf("no list of mistakes: %v", err)
		}
		for _, mistake := range mistakes {
			if mistake.Line == 0 || mistake.Column == 0 || mistake.Text == "" {
				t.Errorf("nobody finds this mistake: %v", mistake)
			}
		}
	})
}
