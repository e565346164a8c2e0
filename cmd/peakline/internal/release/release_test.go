package release

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	stacktypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	deploymenttypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

var (
	succeeds    = []stacktypes.StackStatus{"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"}
	isTakenBack = []stacktypes.StackStatus{"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"}
)

func TestAReleaseIsRecordedOnlyAfterItSucceeded(t *testing.T) {
	for name, test := range map[string]struct {
		shop    shop
		despite string
		calls   []string
		says    string // of the error; empty for none
	}{
		"ECS releases it": {
			shop:  shop{images: []string{old}, told: old, becomes: succeeds},
			calls: []string{"bring " + next, "record " + next}},
		"ECS takes it back": {
			shop:  shop{images: []string{old}, told: old, becomes: isTakenBack, reason: "Service deployment rolled back because of alarms"},
			calls: []string{"bring " + next}, says: "UPDATE_ROLLBACK_COMPLETE, and order runs what it ran before: OrderService: Service deployment rolled back because of alarms"},
		"it is the first one": {
			shop:  shop{images: []string{"placeholder"}, becomes: succeeds},
			calls: []string{"bring " + next, "record " + next}},
		"an alarm fires already": {
			shop: shop{images: []string{old}, firing: []string{"prod-release-errors-order"}}, says: "prod-release-errors-order fires"},
		"an alarm fires, and the reason is blank": {
			shop: shop{images: []string{old}, firing: []string{"prod-release-errors-order"}}, despite: " ", says: "-despite"},
		"an alarm fires, and this is the fix": {
			shop: shop{images: []string{old}, told: old, becomes: succeeds, firing: []string{"prod-release-errors-order"}}, despite: "it ends the errors",
			calls: []string{"bring " + next, "record " + next}},
		"another deployment is under way": {
			shop:  shop{images: []string{old}, told: old, status: "UPDATE_IN_PROGRESS", ends: succeeds, becomes: succeeds},
			calls: []string{"bring " + next, "record " + next}},
		"somebody else is faster, twice": {
			shop:  shop{images: []string{old}, told: old, faster: 2, becomes: succeeds},
			calls: []string{"bring " + next, "record " + next}},
		"the next release comes before this one looks again": {
			shop:  shop{images: []string{old}, told: old, becomes: succeeds, overtaken: "example.com/order:3"},
			calls: []string{"bring " + next}},
		"the command was cut off before it recorded": {
			shop:  shop{images: []string{old}, told: next},
			calls: []string{"record " + next}},
		"it is released already": {
			shop: shop{images: []string{old, next}, told: next}},
		"the service is none": {
			shop: shop{withoutAlarm: true}, says: "is it a service of prod"},
		"CodeDeploy releases it": {
			shop:  shop{codedeploy: true, images: []string{old}, told: old, becomes: succeeds, deployment: []deploymenttypes.DeploymentStatus{"Created", "InProgress", "Succeeded"}},
			calls: []string{"bring " + next, "deploy peakline-prod-order/service", "record " + next}},
		"CodeDeploy takes it back": {
			shop:  shop{codedeploy: true, images: []string{old}, told: old, becomes: succeeds, deployment: []deploymenttypes.DeploymentStatus{"InProgress", "Stopped"}},
			calls: []string{"bring " + next, "deploy peakline-prod-order/service", "bring " + old}, says: "deployment d-1 is Stopped, and visitors have what they had before: ALARM_ACTIVE: an alarm fires"},
		"CodeDeploy takes it back while somebody else changes the stack": {
			shop:  shop{codedeploy: true, images: []string{old}, told: old, becomes: succeeds, faster: 1, busyAfter: true, deployment: []deploymenttypes.DeploymentStatus{"Stopped"}},
			calls: []string{"bring " + next, "deploy peakline-prod-order/service", "bring " + old}, says: "deployment d-1 is Stopped"},
		"the next release comes before CodeDeploy is told": {
			shop:  shop{codedeploy: true, images: []string{old}, told: old, becomes: succeeds, overtaken: "example.com/order:3"},
			calls: []string{"bring " + next}, says: "example.com/order:3 came before CodeDeploy had " + next},
		"CodeDeploy is at it": {
			shop: shop{codedeploy: true, images: []string{old}, told: old, underway: "d-0"}, says: "deployment d-0 is under way"},
	} {
		t.Run(name, func(t *testing.T) {
			r, text := test.shop.releaser(t)
			err := r.release(context.Background(), next, test.despite)
			if !slices.Equal(test.shop.calls, test.calls) {
				t.Errorf("did %q, want %q\n%s", test.shop.calls, test.calls, text)
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q\n%s", err, test.says, text)
			}
		})
	}
}

func TestCodeDeployIsToldTheRevisionAndWhatTriesIt(t *testing.T) {
	shop := shop{codedeploy: true, migration: "peakline-prod-order-migration", images: []string{old}, told: old, becomes: succeeds, firing: []string{"prod-release-latency-order"},
		deployment: []deploymenttypes.DeploymentStatus{"Succeeded"}}
	r, _ := shop.releaser(t)
	if err := r.release(context.Background(), next, "it is faster"); err != nil {
		t.Fatal(err)
	}
	want := `{"version":"0.0","Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"revision of ` + next +
		`","LoadBalancerInfo":{"ContainerName":"service","ContainerPort":9000}}}}],"Hooks":[{"BeforeInstall":"peakline-prod-order-migration"},{"AfterAllowTestTraffic":"peakline-prod-order-smoke-test"}]}`
	if shop.appspec != want {
		t.Errorf("CodeDeploy is told\n%s, want\n%s", shop.appspec, want)
	}
	var watched []string
	for _, alarm := range shop.override.Alarms {
		watched = append(watched, aws.ToString(alarm.Name))
	}
	if !shop.override.Enabled || !slices.Equal(watched, []string{"prod-release-errors-order", "prod-release-unhealthy-order"}) {
		t.Errorf("CodeDeploy watches %v, want the alarms that do not fire: it would stop at once, or at nothing", watched)
	}
}

func TestAReleaseIsTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		shop  shop
		calls []string
		says  string
	}{
		"while ECS is at it":        {shop: shop{images: []string{old}, told: next, status: "UPDATE_IN_PROGRESS"}, calls: []string{"cancel"}},
		"while CodeDeploy is at it": {shop: shop{codedeploy: true, images: []string{old}, told: next, underway: "d-0"}, calls: []string{"stop d-0, back true"}},
		"after it":                  {shop: shop{images: []string{old, next}, told: next, becomes: succeeds}, calls: []string{"bring " + old, "record " + old}},
		"after it was released twice": {
			shop: shop{images: []string{"example.com/order:0", old, next, next}, told: next, becomes: succeeds}, calls: []string{"bring " + old, "record " + old}},
		"while something else is deployed": {shop: shop{images: []string{old}, told: old, status: "UPDATE_IN_PROGRESS"}, says: "busy with something else"},
		"without one before":               {shop: shop{images: []string{old}, told: old}, says: "no other image"},
	} {
		t.Run(name, func(t *testing.T) {
			r, text := test.shop.releaser(t)
			err := r.rollback(context.Background(), "")
			if !slices.Equal(test.shop.calls, test.calls) {
				t.Errorf("did %q, want %q\n%s", test.shop.calls, test.calls, text)
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestADeploymentDoesNotStartWhileAReleaseAlarmFires(t *testing.T) {
	for name, c := range map[string]struct {
		firing        []string
		despite, says string
		refused       bool
		absent        bool
	}{
		"none fires":              {says: "None of the 1 release alarms of prod fires."},
		"none is there":           {absent: true, says: "prod has no release alarms here"},
		"one of another kind":     {firing: []string{"prod-cpu-high-order"}, says: "None of the 1 release alarms of prod fires."},
		"one of another shop":     {firing: []string{"staging-release-errors-order"}, says: "None of the 1 release alarms of prod fires."},
		"one fires":               {firing: []string{"prod-release-errors-user"}, says: "prod-release-errors-user fires", refused: true},
		"for a reason":            {firing: []string{"prod-release-errors-user"}, despite: "it ends the errors", says: "Deploying despite that: it ends the errors"},
		"a reason that says none": {firing: []string{"prod-release-errors-user"}, despite: " ", says: "-despite", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			shop := shop{firing: c.firing, withoutAlarm: c.absent}
			r, said := shop.releaser(t)
			err := r.check(t.Context(), c.despite)
			if err != nil {
				said.WriteString(err.Error())
			}
			if (err != nil) != c.refused || !strings.Contains(said.String(), c.says) {
				t.Errorf("want %q, got %v: %s", c.says, err, said)
			}
		})
	}
}

func TestACommandThatIsInterruptedChangesNothingMore(t *testing.T) {
	shop := shop{codedeploy: true, images: []string{old}, told: old, becomes: succeeds, deployment: []deploymenttypes.DeploymentStatus{"InProgress"}}
	r, _ := shop.releaser(t)
	ctx, stop := context.WithCancel(context.Background())
	r.tasks = interrupts{&shop, stop}
	err := r.release(ctx, next, "")
	if err == nil || !strings.Contains(err.Error(), "goes on without this command") {
		t.Errorf("got %v, want word that the release goes on", err)
	}
	if want := []string{"bring " + next, "deploy peakline-prod-order/service"}; !slices.Equal(shop.calls, want) {
		t.Errorf("did %q, want %q: the schedules would go back while the service goes on", shop.calls, want)
	}
}

func TestWhereReleasesStandIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		shop  shop
		shows []string
	}{
		"before the first release": {shop{images: []string{"placeholder"}}, []string{
			"released        none yet; visitors get a page that says so", "under way       nothing", "stack           prod-Services is UPDATE_COMPLETE", "release alarms  none of the 3 fires"}},
		"between two releases":    {shop{images: []string{old}, told: old}, []string{"released        " + old, "under way       nothing"}},
		"while ECS is at it":      {shop{images: []string{old}, told: next, status: "UPDATE_IN_PROGRESS"}, []string{"released        " + old, "under way       " + next + ", by a deployment of prod-Services"}},
		"while CodeDeploy is":     {shop{codedeploy: true, images: []string{old}, told: next, underway: "d-0"}, []string{"under way       " + next + ", by CodeDeploy's deployment d-0"}},
		"when one was cut off":    {shop{images: []string{old}, told: next}, []string{"nothing; " + next + " was brought and not recorded", "release start order with it once more"}},
		"while a deployment runs": {shop{images: []string{old}, told: old, status: "UPDATE_IN_PROGRESS"}, []string{"under way       nothing", "is UPDATE_IN_PROGRESS"}},
		"while an alarm fires":    {shop{images: []string{old}, told: old, firing: []string{"prod-release-errors-order"}}, []string{"release alarms  prod-release-errors-order fires: "}},
	} {
		t.Run(name, func(t *testing.T) {
			r, said := c.shop.releaser(t)
			if err := r.show(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, want := range c.shows {
				if !strings.Contains(said.String(), want) {
					t.Errorf("shows\n%s\nwant %q", said, want)
				}
			}
		})
	}
}
