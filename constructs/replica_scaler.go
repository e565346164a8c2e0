package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdadestinations"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// ReplicaScalerProps describes the function that keeps the number of Aurora readers right.
type ReplicaScalerProps struct {
	EnvironmentName string
	Cluster         *AuroraCluster
	// ClusterIdentifier is the cluster's physical name.
	ClusterIdentifier string
	// Code is the function lambda/replicascaler.
	Code awslambda.Code
	// Policy is the deployed policy, as JSON of at most 4,096 bytes.
	Policy string
	// CapacityReservation is the id of a reservation that new readers use, or empty.
	CapacityReservation string
	// BudgetReaderHours per month raise an alarm when they are used up; 0 is no budget.
	BudgetReaderHours int
	// OneAtATime reserves a concurrency of one. The scaler is safe without it: two runs collide in the readers' names.
	OneAtATime       bool
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// ReplicaScaler is the scaler, its triggers and its end.
type ReplicaScaler struct {
	Function awslambda.Function
}

// NewReplicaScaler makes the scaler.
//
// What happens at deletion is a matter of order. CloudFormation deletes dependants first: triggers and policy go, so that
// the scaler adds nothing any more; then the drain deletes the readers that the scaler made; then the functions go, and
// the cluster, which could not be deleted while it had readers that its stack does not know.
func NewReplicaScaler(scope construct.Construct, id string, props ReplicaScalerProps) *ReplicaScaler {
	scope = construct.NewConstruct(scope, jsii.String(id))
	key := NewEncryptionKey(scope, "Key", EncryptionKeyProps{
		Description: "Log and failed events of the replica scaler",
		Services:    []string{"events.amazonaws.com"},
		LogGroups:   true,
		Disposable:  props.Disposable,
	})
	failures := awssqs.NewQueue(scope, jsii.String("Failures"), &awssqs.QueueProps{
		EncryptionMasterKey: key,
		EnforceSSL:          jsii.Bool(true),
		RetentionPeriod:     awscdk.Duration_Days(jsii.Number(14)),
	})
	acknowledge(failures, "The queue is where failed events end up; it needs no queue of its own for them", "AwsSolutions-SQS3")
	scaler := newScalerFunction(scope, props, key, failures)
	drain := newDrain(scope, props, key)

	policy := awsssm.NewCfnParameter(scope, jsii.String("Policy"), &awsssm.CfnParameterProps{
		Name:        jsii.String(contract.PolicyParameter(props.EnvironmentName)),
		Description: jsii.String("Policy of the replica scaler; peakline scaler overrides it without a deployment"),
		Type:        jsii.String("String"),
		Tier:        jsii.String("Standard"),
		Value:       jsii.String(props.Policy),
	})
	policy.Node().AddDependency(drain)
	wakeUps := newWakeUps(scope, props, scaler, failures)
	for _, rule := range wakeUps {
		rule.Node().AddDependency(drain, policy)
	}
	addScalerAlarms(scope, props, wakeUps, failures)
	return &ReplicaScaler{Function: scaler}
}

func newScalerFunction(scope construct.Construct, props ReplicaScalerProps, key awskms.IKey, failures awssqs.IQueue) awslambda.Function {
	function := NewFunction(scope, "Scaler", FunctionProps{
		Description:      "Keeps the number of Aurora readers right",
		Code:             props.Code,
		Environment:      scalerEnvironment(props),
		Timeout:          50 * time.Second, // the next minute's run heals what this one did not finish
		MemoryMB:         256,
		OneAtATime:       props.OneAtATime,
		Job:              "replica-scaler",
		Key:              key,
		LogRetentionDays: props.LogRetentionDays,
		Notifications:    props.Notifications,
		Failing:          AlarmProps{Name: "scaler-failures", Severity: Critical, Summary: "The replica scaler's function fails.", Breaching: 3, Periods: 5},
		Disposable:       props.Disposable,
	})
	function.ConfigureAsyncInvoke(&awslambda.EventInvokeConfigOptions{
		RetryAttempts: jsii.Number(0),
		MaxEventAge:   awscdk.Duration_Seconds(jsii.Number(60)),
		OnFailure:     awslambdadestinations.NewSqsDestination(failures),
	})
	permit(scope, props, function, scalerStatements(scope, props))
	acknowledge(function.Role(), "Families of one permission each, on the failure queue's key alone",
		"AwsSolutions-IAM5[Action::kms:GenerateDataKey*]", "AwsSolutions-IAM5[Action::kms:ReEncrypt*]")
	return function
}

// newDrain makes the custom resource that deletes the scaler's readers when the stack is deleted, and its function.
// Deleting readers may take longer than one run: one that is not done fails, and Lambda tries it twice more.
func newDrain(scope construct.Construct, props ReplicaScalerProps, key awskms.IKey) awscdk.CustomResource {
	function := NewFunction(scope, "Drain", FunctionProps{
		Description:      "Deletes the scaler's readers before their cluster is deleted",
		Code:             props.Code,
		Environment:      scalerEnvironment(props),
		Timeout:          15 * time.Minute,
		MemoryMB:         256,
		Job:              "reader-drain",
		Key:              key,
		LogRetentionDays: props.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       props.Disposable,
	})
	permit(scope, props, function, drainStatements(scope, props))
	drain := awscdk.NewCustomResource(scope, jsii.String("ReaderDrain"), &awscdk.CustomResourceProps{
		ResourceType:   jsii.String(contract.DrainResource),
		ServiceToken:   function.FunctionArn(),
		ServiceTimeout: awscdk.Duration_Hours(jsii.Number(1)),
	})
	drain.Node().AddDependency(function.Role())
	return drain
}

func scalerEnvironment(props ReplicaScalerProps) map[string]*string {
	environment := map[string]*string{
		contract.EnvEnvironment: jsii.String(props.EnvironmentName),
		contract.EnvCluster:     jsii.String(props.ClusterIdentifier),
	}
	if props.CapacityReservation != "" {
		environment[contract.EnvCapacityReservation] = jsii.String(props.CapacityReservation)
	}
	return environment
}

// newWakeUps calls the scaler every minute, and at once when an alarm of the database fires or RDS reports an event. All
// of them mean the same: read everything and put it right. A call that fails twice more within the minute is kept, for the reason
// in its attributes.
func newWakeUps(scope construct.Construct, props ReplicaScalerProps, scaler awslambda.Function, failures awssqs.IQueue) []awsevents.Rule {
	alarm := func(name string) string { return props.EnvironmentName + "-" + name }
	target := func() awsevents.IRuleTarget {
		return awseventstargets.NewLambdaFunction(scaler, &awseventstargets.LambdaFunctionProps{
			RetryAttempts:   jsii.Number(2),
			MaxEventAge:     awscdk.Duration_Seconds(jsii.Number(60)),
			DeadLetterQueue: failures,
		})
	}
	return []awsevents.Rule{
		awsevents.NewRule(scope, jsii.String("EveryMinute"), &awsevents.RuleProps{
			Description: jsii.String("Runs the replica scaler"),
			Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(1))),
			Targets:     &[]awsevents.IRuleTarget{target()},
		}),
		awsevents.NewRule(scope, jsii.String("DatabaseAlarms"), &awsevents.RuleProps{
			Description: jsii.String("Wakes the replica scaler when the database is under pressure"),
			EventPattern: &awsevents.EventPattern{
				Source:     jsii.Strings("aws.cloudwatch"),
				DetailType: jsii.Strings("CloudWatch Alarm State Change"),
				Detail: &map[string]interface{}{
					"alarmName": jsii.Strings(alarm("database-reader-cpu"), alarm("database-reader-load"),
						alarm("database-replica-lag"), alarm("database-writer-cpu")),
					"state": map[string]interface{}{"value": jsii.Strings("ALARM")},
				},
			},
			Targets: &[]awsevents.IRuleTarget{target()},
		}),
		awsevents.NewRule(scope, jsii.String("DatabaseEvents"), &awsevents.RuleProps{
			Description: jsii.String("Wakes the replica scaler when RDS reports a failover or a change of the cluster"),
			EventPattern: &awsevents.EventPattern{
				Source:     jsii.Strings("aws.rds"),
				DetailType: jsii.Strings("RDS DB Cluster Event", "RDS DB Instance Event"),
				Detail: &map[string]interface{}{"SourceIdentifier": []interface{}{
					props.ClusterIdentifier,
					map[string]interface{}{"prefix": contract.ReaderPrefix(props.EnvironmentName) + "-"},
				}},
			},
			Targets: &[]awsevents.IRuleTarget{target()},
		}),
	}
}
