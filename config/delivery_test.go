package config

import (
	"slices"
	"strings"
	"testing"
)

const pipelines = `account: "444444444444"
region: eu-west-1
owner: platform
connectionArn: arn:aws:codeconnections:eu-west-1:444444444444:connection/00000000-0000-0000-0000-000000000000
repository: example/peakline
environments:
  - name: dev
  - name: prod
`

// promoted are the environments that the pipelines know.
var promoted = []Environment{{Name: "dev", Profile: Development}, {Name: "prod", Profile: Production}}

func TestTheShippedPipelinesAreValid(t *testing.T) {
	environments, err := LoadAll(shipped, today)
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := LoadDelivery("delivery.yaml", environments)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, promotion := range delivery.Environments {
		order = append(order, promotion.Name+" "+string(promotion.Approval))
	}
	if want := []string{"dev none", "staging required", "prod required"}; !slices.Equal(order, want) {
		t.Errorf("promotes %v, want %v", order, want)
	}
	if delivery.Branch != "main" {
		t.Errorf("deploys the branch %q, want main by default", delivery.Branch)
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
		"the older name of connections": {"codeconnections", "codestar-connections", []string{"delivery.yaml:4:16 connectionArn"}},
		"a repository by its address":   {"example/peakline", "https://github.com/example/peakline", []string{`delivery.yaml:5:13 repository: text "https://github.com/example/peakline", want for example "example/peakline"`}},
		"an environment without a file": {"name: prod", "name: production", []string{`delivery.yaml:8:11 environments[1].name: there is no environment "production"`}},
		"an environment twice":          {"name: prod", "name: dev", []string{"delivery.yaml:8:5 environments[1]: dev again, first at environments[0], want each environment once"}},
		"no environment":                {"environments:\n  - name: dev\n  - name: prod\n", "environments: []\n", []string{"delivery.yaml:6:1 environments: 0 entries, want 1 to 20"}},
		"an approval of its own":        {"name: prod", "{name: prod, approval: maybe}", []string{`delivery.yaml:8:28 environments[1].approval: text "maybe", want one of required, none`}},
		"an unknown key":                {"owner: platform", "owner: platform\nbranches: main", []string{"delivery.yaml:4:1 branches: unknown key, did you mean branch?"}},
		"a branch with a space":         {"owner: platform", "owner: platform\nbranch: my branch", []string{"delivery.yaml:4:9 branch"}},
		"an address that is none":       {"owner: platform", "owner: platform\nnotifications: {critical: {emails: [oncall]}}", []string{"notifications.critical.emails[0]"}},
		"an empty file":                 {pipelines, "", []string{"delivery.yaml:1:1: empty, want settings of the form"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(pipelines, c.old, c.new, 1)
			_, err := readDelivery("delivery.yaml", []byte(text), promoted)
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

func FuzzDelivery(f *testing.F) {
	f.Add([]byte(pipelines))
	f.Add([]byte("environments: [{name: }]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		delivery, err := readDelivery("delivery.yaml", text, promoted)
		if err == nil && len(delivery.Environments) == 0 {
			t.Error("accepted without an environment to deploy to")
		}
	})
}
