package stacks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/canary"
)

// Names of the dashboards, behind that of the environment. Those of a capability whose resources come and go stand in its own
// stack; the others here, by names that never change.
const (
	overviewDashboard  = "overview"
	saleDayDashboard   = "sale-day"
	databaseDashboard  = "database"
	servicesDashboard  = "services"
	releasesDashboard  = "releases"
	cacheDashboard     = "cache"
	messagingDashboard = "messaging"
	edgeDashboard      = "edge"
)

// ObservabilityProps is what watching the whole needs of the other stacks.
type ObservabilityProps struct {
	Environment   config.Environment
	Services      *Services
	Notifications *constructs.Notifications
}

// NewObservability makes what watches the environment as a whole. No other stack depends on it.
func NewObservability(stage awscdk.Stage, props ObservabilityProps) {
	environment := props.Environment
	stack := newStack(stage, "Observability", "dashboards and alarms of the whole", environment)
	constructs.NewCheckoutAlarm(stack, props.Notifications)
	constructs.NewBurnRateAlarms(construct.NewConstruct(stack, jsii.String("Objectives")), props.Notifications, props.Services.Front, objectives(environment.SLOs))
	if environment.Canary.Enabled {
		constructs.NewCanary(stack, "Canary", constructs.CanaryProps{
			EnvironmentName: environment.Name,
			Name:            environment.CanaryName(),
			URL:             environment.ShopURL(),
			Steps:           walk(environment.Canary.Steps),
			Every:           time.Duration(environment.Canary.EveryMinutes) * time.Minute,
			Notifications:   props.Notifications,
			Disposable:      disposable(environment),
		})
	}
	addBudget(stack, environment, props.Notifications)
	pages := constructs.OverviewProps{
		EnvironmentName: environment.Name,
		Front:           props.Services.Front,
		Database:        watchedDatabase(environment),
		Objectives:      objectives(environment.SLOs),
		Alarms:          feltByCustomers(environment),
		MonthlyBudget:   environment.Budget.MonthlyUSD,
	}
	for _, page := range []struct {
		id, name string
		rows     [][]constructs.Panel
	}{
		{"Overview", overviewDashboard, pages.Overview()},
		{"SaleDay", saleDayDashboard, pages.SaleDay()},
		{"Database", databaseDashboard, pages.Database.Rows()},
	} {
		newDashboard(stack, page.id, page.name, environment, page.rows)
	}
}

// newDashboard makes a page that leads to the other ones.
func newDashboard(scope construct.Construct, id, name string, environment config.Environment, rows [][]constructs.Panel) {
	constructs.NewDashboard(scope, id, constructs.DashboardProps{
		EnvironmentName: environment.Name,
		Name:            name,
		Note:            fmt.Sprintf("# %s: %s\n%s", environment.Name, strings.ReplaceAll(name, "-", " "), constructs.DashboardLinks(environment.Name, dashboards(environment)...)),
		Rows:            rows,
	})
}

// dashboards are all pages of an environment.
func dashboards(environment config.Environment) []string {
	all := []string{overviewDashboard, saleDayDashboard, servicesDashboard, releasesDashboard, databaseDashboard, cacheDashboard}
	if slices.ContainsFunc(environment.ServiceNames(), func(name string) bool { return len(environment.Services[name].Subscribes) > 0 }) {
		all = append(all, messagingDashboard)
	}
	if environment.HasEdge() {
		all = append(all, edgeDashboard)
	}
	return all
}

// feltByCustomers are the alarms that say that customers suffer, not why.
func feltByCustomers(environment config.Environment) []string {
	names := []string{"slo-fast-burn-availability", "slo-burn-availability", "slo-fast-burn-p95", "load-balancer-errors", "shop-errors", "shop-checkouts", "identity-sign-in-failures"}
	if environment.HasEdge() {
		names = append(names, "edge-errors")
	}
	if environment.Canary.Enabled {
		names = append(names, "canary-failed")
	}
	for _, service := range environment.ServiceNames() {
		names = append(names, "service-absent-"+service)
	}
	for i, name := range names {
		names[i] = environment.Name + "-" + name
	}
	return names
}

// addBudget tells what costs too much: of this environment by its tag, and of the account's AWS services.
func addBudget(stack awscdk.Stack, environment config.Environment, notifications *constructs.Notifications) {
	budget := environment.Budget
	if budget.MonthlyUSD > 0 {
		constructs.NewBudget(stack, "Budget", constructs.BudgetProps{
			EnvironmentName: environment.Name, Tag: environmentTag, MonthlyUSD: budget.MonthlyUSD, Notifications: notifications})
	}
	if budget.AnomalyUSD > 0 {
		constructs.NewAnomalyDetection(stack, "Anomalies", constructs.AnomalyProps{
			EnvironmentName: environment.Name, MonitorARN: budget.AnomalyMonitorARN, LeastUSD: budget.AnomalyUSD, Notifications: notifications})
	}
}

func walk(steps []config.CanaryStep) []canary.Step {
	all := make([]canary.Step, len(steps))
	for i, step := range steps {
		all[i] = canary.Step(step)
	}
	return all
}

func objectives(slos config.SLOs) constructs.Objectives {
	return constructs.Objectives{
		AvailabilityPercent: slos.AvailabilityPercent,
		P95:                 slos.P95(),
		P99:                 slos.P99(),
		Window:              time.Duration(slos.WindowDays) * 24 * time.Hour,
	}
}

func watchedDatabase(environment config.Environment) constructs.WatchedDatabase {
	multiAZ := environment.Database.Engine == config.EngineRDS
	return constructs.WatchedDatabase{
		EnvironmentName: environment.Name,
		Identifier:      clusterIdentifier(environment),
		MultiAZ:         multiAZ,
		Serverless:      !multiAZ && environment.Database.HasServerless(),
		Scaled:          !multiAZ && environment.Scaler.Control == config.ControlPeakline,
		LagObjective:    time.Duration(environment.Scaler.LagObjectiveMilliseconds) * time.Millisecond,
	}
}
