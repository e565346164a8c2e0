package stacks

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
)

// ReplicaScaler is the stack of whatever changes the number of readers. It depends on the database and is deleted before
// it, so that no reader that the database's stack does not know is left when the cluster goes.
type ReplicaScaler struct {
	Stack awscdk.Stack
}

// ReplicaScalerProps is what scaling needs of the other stacks.
type ReplicaScalerProps struct {
	Environment   config.Environment
	Database      *Database
	Code          string
	Notifications *constructs.Notifications
}

// NewReplicaScaler makes the one scaler that the environment chose. Changing the choice removes the readers that the former
// one added. With a fixed number of readers the stack is there and does nothing: a stack that is merely left out is not
// deleted, and its scaler would go on.
func NewReplicaScaler(stage awscdk.Stage, props ReplicaScalerProps) *ReplicaScaler {
	environment, settings := props.Environment, props.Environment.Scaler
	stack := newStack(stage, "ReplicaScaler", "keeps the number of Aurora readers right", environment)
	stack.AddStackDependency(props.Database.Stack, nil)
	switch settings.Control {
	case config.ControlFixed:
		awscdk.NewCfnWaitConditionHandle(stack, jsii.String("Nothing"), nil) // a template must have a resource
	case config.ControlTargetTracking:
		constructs.NewTargetTracking(stack, "TargetTracking", constructs.TargetTrackingProps{
			ClusterIdentifier: clusterIdentifier(environment),
			MinReaders:        settings.Min,
			MaxReaders:        settings.Max,
			TargetPercent:     settings.TargetTracking.TargetPercent,
			ScaleInCooldown:   time.Duration(settings.TargetTracking.ScaleInCooldownSeconds) * time.Second,
			ScaleOutCooldown:  time.Duration(settings.TargetTracking.ScaleOutCooldownSeconds) * time.Second,
		})
	default:
		constructs.NewReplicaScaler(stack, "ReplicaScaler", constructs.ReplicaScalerProps{
			EnvironmentName:     environment.Name,
			Cluster:             props.Database.Aurora,
			ClusterIdentifier:   clusterIdentifier(environment),
			Code:                awslambda.Code_FromAsset(jsii.String(props.Code), nil),
			Policy:              replicaPolicy(environment),
			CapacityReservation: settings.CapacityReservation,
			BudgetReaderHours:   settings.MonthlyReaderHours,
			OneAtATime:          settings.ReservedConcurrency,
			LogRetentionDays:    environment.Database.LogRetentionDays,
			Notifications:       props.Notifications,
			Disposable:          disposable(environment),
		})
	}
	return &ReplicaScaler{Stack: stack}
}

func replicaPolicy(environment config.Environment) string {
	policy, err := json.Marshal(environment.ReplicaPolicy())
	if err != nil {
		panic(fmt.Sprintf("write the replica policy of %s: %v", environment.Name, err))
	}
	return string(policy)
}
