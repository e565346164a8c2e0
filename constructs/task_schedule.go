package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// TaskScheduleProps describes a task that is started again and again, does its work and ends.
type TaskScheduleProps struct {
	// Name identifies the schedule in alarms.
	Name string
	// Task is its container, without Logs and PlaceholderCommand, which the schedule makes.
	Task             ServiceTaskProps
	EveryMinutes     int
	Retries          int
	Cluster          *ServiceCluster
	Subnets          *awsec2.SubnetSelection
	SecurityGroup    awsec2.ISecurityGroup
	LogRetentionDays int
	Notifications    *Notifications
	Disposable       bool
}

// TaskSchedule is an EventBridge Scheduler schedule with a task definition of its own.
type TaskSchedule struct {
	Task awsecs.FargateTaskDefinition
}

// NewTaskSchedule makes the schedule. A start that fails is tried again, and then kept in a dead-letter queue.
func NewTaskSchedule(scope construct.Construct, id string, props TaskScheduleProps) *TaskSchedule {
	scope = construct.NewConstruct(scope, jsii.String(id))
	props.Task.Logs = NewLogGroup(scope, "Log", LogGroupProps{
		RetentionDays: props.LogRetentionDays, Key: props.Cluster.Key, Disposable: props.Disposable,
	})
	props.Task.PlaceholderCommand = []string{"-version"} // says which one it is, and ends
	task := newServiceTask(scope, "Task", props.Task)
	deadLetters := awssqs.NewQueue(scope, jsii.String("DeadLetters"), &awssqs.QueueProps{
		Encryption:          awssqs.QueueEncryption_KMS,
		EncryptionMasterKey: props.Cluster.Key,
		EnforceSSL:          jsii.Bool(true),
		RetentionPeriod:     awscdk.Duration_Days(jsii.Number(retentionDays)),
		RemovalPolicy:       removalPolicy(props.Disposable),
	})
	acknowledge(deadLetters, "It is a dead-letter queue itself", "AwsSolutions-SQS3")
	subnets := props.Cluster.Cluster.Vpc().SelectSubnets(props.Subnets).SubnetIds
	schedule := awsscheduler.NewCfnSchedule(scope, jsii.String("Schedule"), &awsscheduler.CfnScheduleProps{
		Description:        jsii.String(fmt.Sprintf("Starts %s of %s", props.Name, props.Task.Service)),
		ScheduleExpression: jsii.String(rate(props.EveryMinutes)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		KmsKeyArn:          props.Cluster.Key.KeyArn(),
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:              props.Cluster.Cluster.ClusterArn(),
			RoleArn:          newScheduleRole(scope, props, task, deadLetters).RoleArn(),
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: deadLetters.QueueArn()},
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumRetryAttempts:     jsii.Number(props.Retries),
				MaximumEventAgeInSeconds: jsii.Number(max(props.EveryMinutes*60, 60)), // the next start does the work of a late one
			},
			EcsParameters: &awsscheduler.CfnSchedule_EcsParametersProperty{
				TaskDefinitionArn: task.TaskDefinitionArn(),
				LaunchType:        jsii.String("FARGATE"),
				TaskCount:         jsii.Number(1),
				NetworkConfiguration: &awsscheduler.CfnSchedule_NetworkConfigurationProperty{
					AwsvpcConfiguration: &awsscheduler.CfnSchedule_AwsVpcConfigurationProperty{
						Subnets:        subnets,
						SecurityGroups: &[]*string{props.SecurityGroup.SecurityGroupId()},
						AssignPublicIp: jsii.String("DISABLED"),
					},
				},
			},
		},
	})
	schedule.Node().AddDependency(task)
	NewAlarm(scope, props.Notifications, AlarmProps{
		Name: "schedule-dead-letters", Subject: props.Name, Severity: Warning,
		Summary: props.Name + " of " + props.Task.Service + " could not be started.",
		Metric: minutely("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum",
			map[string]*string{"QueueName": deadLetters.QueueName()}),
		Comparison: Above, Threshold: 0, Breaching: 1, Periods: 1, MissingData: MissingIsFine,
	})
	return &TaskSchedule{Task: task}
}

// rate words a time span the way Scheduler reads it: it refuses "1 minutes".
func rate(minutes int) string {
	if minutes == 1 {
		return "rate(1 minute)"
	}
	return fmt.Sprintf("rate(%d minutes)", minutes)
}

// handedTo is the condition key for the service that a role is given to.
const handedTo = "iam:PassedToService"

// newScheduleRole may start this task with its two roles, and keep what could not be started.
func newScheduleRole(scope construct.Construct, props TaskScheduleProps, task awsecs.FargateTaskDefinition, deadLetters awssqs.Queue) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Starts the scheduled task " + props.Name),
		AssumedBy:   serviceOfAccount(scope, "scheduler.amazonaws.com"),
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("ecs:RunTask"),
		Resources:  &[]*string{task.TaskDefinitionArn()},
		Conditions: &map[string]interface{}{"ArnEquals": map[string]interface{}{"ecs:cluster": props.Cluster.Cluster.ClusterArn()}},
	}))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("iam:PassRole"),
		Resources:  &[]*string{task.TaskRole().RoleArn(), task.ExecutionRole().RoleArn()},
		Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{handedTo: "ecs-tasks.amazonaws.com"}},
	}))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("sqs:SendMessage"), Resources: &[]*string{deadLetters.QueueArn()},
	}))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("kms:Decrypt", "kms:GenerateDataKey"), Resources: &[]*string{props.Cluster.Key.KeyArn()},
	}))
	return role
}
