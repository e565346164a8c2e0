package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// LogGroupProps describes a log group with a customer's key. Log groups are always explicit: the ones AWS services make
// for themselves keep their events for ever, unencrypted by a key of ours, and outlive the stack.
type LogGroupProps struct {
	// Name is the physical name, only for services that insist on one ("/aws/rds/cluster/..."); empty otherwise.
	Name string
	// RetentionDays is one of the periods CloudWatch Logs knows (1, 3, 5, 7, 14, 30, ... 3653).
	RetentionDays int
	// Key encrypts the events; its policy must allow log groups.
	Key awskms.IKey
	// Disposable deletes the events with the stack; by default they stay.
	Disposable bool
}

// NewLogGroup makes a log group that expires its events.
func NewLogGroup(scope construct.Construct, id string, props LogGroupProps) awslogs.LogGroup {
	if props.RetentionDays == 0 {
		panic(fmt.Sprintf("log group %s: RetentionDays is not set; events would be kept for ever", id))
	}
	group := awslogs.NewLogGroup(scope, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName:  optionalString(props.Name),
		EncryptionKey: props.Key,
		RemovalPolicy: logRemovalPolicy(props),
	})
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(props.RetentionDays))
	return group
}

func logRemovalPolicy(props LogGroupProps) awscdk.RemovalPolicy {
	if props.Name != "" {
		return namedRemovalPolicy(props.Disposable)
	}
	return removalPolicy(props.Disposable)
}
