package constructs

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsce"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// BudgetProps says what an environment may cost. Who reads warnings is told.
type BudgetProps struct {
	EnvironmentName string
	// Tag is the key of the cost-allocation tag whose value is the environment's name.
	Tag string
	// MonthlyUSD is what a month may cost.
	MonthlyUSD    int
	Notifications *Notifications
}

// NewBudget tells when four fifths of a month's budget are spent, when all of it is, and when AWS expects more.
func NewBudget(scope construct.Construct, id string, props BudgetProps) {
	tell := func(kind string, percent int) interface{} {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType: jsii.String(kind), ComparisonOperator: jsii.String("GREATER_THAN"),
				Threshold: jsii.Number(percent), ThresholdType: jsii.String("PERCENTAGE"),
			},
			Subscribers: []interface{}{&awsbudgets.CfnBudget_SubscriberProperty{
				SubscriptionType: jsii.String("SNS"), Address: props.Notifications.Topic(Warning).TopicArn(),
			}},
		}
	}
	awsbudgets.NewCfnBudget(scope, jsii.String(id), &awsbudgets.CfnBudgetProps{
		// It has no name of ours: another topic replaces it, and the name would still be taken.
		// https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/365
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetType:  jsii.String("COST"),
			TimeUnit:    jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(props.MonthlyUSD), Unit: jsii.String("USD")},
			// https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_budgets_Budget.html
			CostFilters: map[string]interface{}{"TagKeyValue": []string{fmt.Sprintf("user:%s$%s", props.Tag, props.EnvironmentName)}},
		},
		NotificationsWithSubscribers: []interface{}{tell("ACTUAL", 80), tell("ACTUAL", 100), tell("FORECASTED", 100)},
	})
}

// AnomalyProps says which unusual costs are told.
type AnomalyProps struct {
	EnvironmentName string
	// MonitorARN is the account's monitor of AWS services; empty if it is made here. An account has one.
	MonitorARN string
	// LeastUSD is what an anomaly has to amount to.
	LeastUSD      int
	Notifications *Notifications
}

// NewAnomalyDetection tells of AWS services that cost unusually much. AWS learns what is usual, of the whole account.
func NewAnomalyDetection(scope construct.Construct, id string, props AnomalyProps) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	monitor := optionalString(props.MonitorARN)
	if monitor == nil {
		made := awsce.NewCfnAnomalyMonitor(scope, jsii.String("Monitor"), &awsce.CfnAnomalyMonitorProps{
			MonitorName: jsii.String("peakline-services"), MonitorType: jsii.String("DIMENSIONAL"), MonitorDimension: jsii.String("SERVICE"),
		})
		// Another tag replaces it: AWS would refuse the second monitor, and what the first has learned would go.
		// https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2515
		made.AddPropertyDeletionOverride(jsii.String("ResourceTags"))
		monitor = made.Ref()
	}
	least, err := json.Marshal(map[string]any{"Dimensions": map[string]any{
		"Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE", "MatchOptions": []string{"GREATER_THAN_OR_EQUAL"}, "Values": []string{fmt.Sprint(props.LeastUSD)},
	}})
	if err != nil {
		panic(fmt.Sprintf("write the threshold of unusual costs: %v", err))
	}
	subscription := awsce.NewCfnAnomalySubscription(scope, jsii.String("Subscription"), &awsce.CfnAnomalySubscriptionProps{
		SubscriptionName:    jsii.String("peakline-" + props.EnvironmentName),
		Frequency:           jsii.String("IMMEDIATE"), // the only one that a topic takes
		MonitorArnList:      &[]interface{}{monitor},
		Subscribers:         []interface{}{&awsce.CfnAnomalySubscription_SubscriberProperty{Type: jsii.String("SNS"), Address: props.Notifications.Topic(Warning).TopicArn()}},
		ThresholdExpression: jsii.String(string(least)),
	})
	subscription.AddPropertyDeletionOverride(jsii.String("ResourceTags")) // another tag would replace it too
}
