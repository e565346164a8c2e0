package scaler

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v3"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
	replicascaler "peakline/lambda/scaler"
	"peakline/test/emulated"
)

// run runs `peakline scaler` with arguments.
func run(endpoint string, arguments ...string) (string, error) {
	var out bytes.Buffer
	root := &cli.Command{
		Name: "peakline", Writer: &out, Commands: []*cli.Command{Command()},
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	arguments = append([]string{"peakline", "scaler"}, arguments...)
	err := root.Run(context.Background(), append(arguments, "-endpoint-url", endpoint))
	return out.String(), err
}

// TestOnAnEmulatedAccount is one story, because an account takes seconds to start.
func TestOnAnEmulatedAccount(t *testing.T) {
	config := emulated.Account(t)
	cluster := emulated.Cluster(t, config, "local")
	endpoint := *config.BaseEndpoint
	parameters := ssm.NewFromConfig(config)
	override := func() string {
		out, err := parameters.GetParameter(context.Background(), &ssm.GetParameterInput{Name: aws.String(contract.OverrideParameter("local"))})
		if err != nil {
			return ""
		}
		return *out.Parameter.Value
	}
	expect := func(text string, err error, want ...string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(text, part) {
				t.Errorf("no %q in:\n%s", part, text)
			}
		}
	}
	refuse := func(want string, arguments ...string) {
		t.Helper()
		before := override()
		text, err := run(endpoint, arguments...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q\n%s", arguments, err, want, text)
		}
		if override() != before {
			t.Errorf("%v was refused and yet wrote %s", arguments, override())
		}
	}

	refuse("no policy is deployed", "status", "-env", "local")
	policy := decision.ProductionPolicy()
	policy.Max = 8
	emulated.Deploy(t, config, "local", policy)

	text, err := run(endpoint, "status", "-env", "local")
	expect(text, err, cluster+", available", "active, 2 to 8 readers", "Override  none", "none within an hour", "peakline-local-writer", "others")
	text, err = run(endpoint, "explain", "-env", "local")
	expect(text, err, "should have 2 readers", "Because:", decision.Reasons[decision.ReasonBlind], "changes nothing")

	refuse("want 3 to 8", "floor", "9", "-env", "local", "-for", "2h", "-reason", "x")
	refuse("want 3 to 8", "floor", "2", "-env", "local", "-for", "2h", "-reason", "x")
	refuse("want one number", "floor", "many", "-env", "local", "-for", "2h", "-reason", "x")
	refuse("no end", "floor", "4", "-env", "local", "-reason", "x")
	refuse("at most 7 days", "floor", "4", "-env", "local", "-for", "200h", "-reason", "x")
	refuse("at most 1 day", "pause", "-env", "local", "-for", "25h", "-reason", "x")
	refuse("has passed", "pause", "-env", "local", "-until", "2020-01-01T00:00", "-reason", "x")
	refuse("both -until and -for", "pause", "-env", "local", "-until", "23:00", "-for", "1h", "-reason", "x")
	refuse("reason", "pause", "-env", "local")
	refuse("empty reason", "pause", "-env", "local", "-reason", " ")

	text, err = run(endpoint, "floor", "5", "-env", "local", "-for", "150m", "-reason", "live show", "-by", "ann")
	expect(text, err, "at least 5 readers", "by ann: live show", "creates 3 readers", "in 2 h", "resume")
	if got := override(); !strings.Contains(got, `"floor":5`) || !strings.Contains(got, "live show") {
		t.Errorf("the override is %s", got)
	}
	text, err = run(endpoint, "pause", "-env", "local", "-for", "90m", "-reason", "restoring a table")
	expect(text, err, "Replaced: at least 5 readers", "paused", "in 1 h", "changes nothing")
	text, err = run(endpoint, "status", "-env", "local")
	expect(text, err, "paused, the readers stay as they are", "restoring a table", "frozen")
	text, err = run(endpoint, "resume", "-env", "local")
	expect(text, err, "Ended: paused", "applies alone")
	text, err = run(endpoint, "resume", "-env", "local")
	expect(text, err, "no override in force")

	t.Log("a rehearsal of an hour and a half shows readers rising, with reasons, and leaves nothing behind")
	props := replicascaler.Props{Environment: "local", Cluster: cluster, AWS: replicascaler.Budget(config)}
	var screen bytes.Buffer
	if err := rehearse(context.Background(), props, &screen, 90); err != nil {
		t.Fatalf("%v\n%s", err, &screen)
	}
	expect(screen.String(), nil, "●●◌", "●●●", "the chance of growth", "Load ", "Readers ", "reader-hours", "of the rehearsal")
	instances, err := rds.NewFromConfig(config).DescribeDBInstances(context.Background(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(instances.DBInstances) != 3 {
		t.Errorf("%d instances after the rehearsal (%v), want the template's three", len(instances.DBInstances), err)
	}
	if got := override(); got != "" {
		t.Errorf("the rehearsal left the override %s", got)
	}
}

func TestARehearsalRefusesARealAccount(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "real")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "real")
	for _, endpoint := range []string{"https://rds.eu-west-1.amazonaws.com", "http://10.0.0.7:4566", "http://localhost.example.com:4566", ""} {
		if _, err := run(endpoint, "rehearse", "-env", "prod", "-region", "eu-west-1"); err == nil || !strings.Contains(err.Error(), "real one") {
			t.Errorf("%q: %v, want a refusal: a rehearsal would write made-up samples into a real account", endpoint, err)
		}
	}
}

func TestAnAccountThatIsDownIsToldWithItsRemedy(t *testing.T) {
	_, err := run("http://localhost:1", "rehearse", "-env", "local")
	if err == nil || !strings.Contains(err.Error(), "make up") {
		t.Errorf("%v, want the remedy", err)
	}
}

func TestBlackFridayIsTheDayAfterTheFourthThursday(t *testing.T) {
	for year, day := range map[int]string{2024: "2024-11-29", 2025: "2025-11-28", 2026: "2026-11-27", 2029: "2029-11-23"} {
		if got := blackFriday(year).Format("2006-01-02"); got != day {
			t.Errorf("%d: %s, want %s", year, got, day)
		}
	}
}
