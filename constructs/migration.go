package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// MigrationProps describes what changes a service's schema before a release of it starts.
type MigrationProps struct {
	// Code is the function lambda/migration.
	Code awslambda.Code
	// Command is given to the image that is being released.
	Command []string
	// Host and Port are the writer's, and Login is the secret of the schema's owner.
	Host, Port *string
	Login      awssecretsmanager.ISecret
	// Lock and Statement are how long a statement may wait for a lock, and run; Limit is for the whole.
	Lock, Statement, Limit time.Duration
	// SecurityGroup is the one of administration, which reaches the database.
	SecurityGroup awsec2.ISecurityGroup
}

// migration is a task definition that no service runs, and the function that runs it.
type migration struct {
	Task     awsecs.FargateTaskDefinition
	Function awslambda.Function
}

// newMigration makes them. The function is outside the VPC: it talks to ECS and CodeDeploy only.
func newMigration(scope construct.Construct, props ServiceProps) *migration {
	scope = construct.NewConstruct(scope, jsii.String("Migration"))
	stack, service, settings := awscdk.Stack_Of(scope), props.Task.Service, *props.Migration
	described := props.Task
	described.Logs = NewLogGroup(scope, "Log", LogGroupProps{RetentionDays: props.LogRetentionDays, Key: props.Cluster.Key, Disposable: props.Disposable})
	described.Command, described.PlaceholderCommand = settings.Command, []string{"-version"}
	described.Health, described.Port, described.Pooler, described.Proxy, described.Sidecars, described.Shell = nil, 0, nil, nil, nil, false
	described.Environment = map[string]*string{
		"ENVIRONMENT": jsii.String(props.Task.EnvironmentName), "SERVICE": jsii.String(service), "OTEL_SDK_DISABLED": jsii.String("true"),
		"PGHOST": settings.Host, "PGPORT": settings.Port, "PGDATABASE": jsii.String(contract.ServiceDatabase), "PGSSLMODE": jsii.String("verify-full"),
		"PGOPTIONS": jsii.String(contract.MigrationLimits(settings.Lock, settings.Statement)),
	}
	described.Secrets = map[string]awsecs.Secret{
		"PGUSER":     awsecs.Secret_FromSecretsManager(settings.Login, jsii.String("username")),
		"PGPASSWORD": awsecs.Secret_FromSecretsManager(settings.Login, jsii.String("password")),
	}
	described.SecretKeys = []*string{settings.Login.EncryptionKey().KeyArn()}
	task := newServiceTask(scope, "Task", described)

	name := ""
	if props.Release == ReleaseByCodeDeploy {
		name = contract.MigrationFunction(props.Task.EnvironmentName, service)
	}
	function := NewFunction(scope, "Run", FunctionProps{
		Name:        name,
		Description: "Runs the migration of " + service + " before a release",
		Job:         service + "-migration",
		Code:        settings.Code,
		Environment: map[string]*string{contract.EnvMigration: stack.ToJsonString(map[string]interface{}{
			"cluster":       props.Cluster.Cluster.ClusterArn(),
			"task":          task.TaskDefinitionArn(),
			"subnets":       props.Cluster.Cluster.Vpc().SelectSubnets(props.Subnets).SubnetIds,
			"securityGroup": settings.SecurityGroup.SecurityGroupId(),
			"minutes":       settings.Limit.Minutes(),
		}, nil)},
		Timeout:          15 * time.Minute, // CodeDeploy calls once, and waits; ECS calls again and again
		Key:              props.Cluster.Key,
		LogRetentionDays: props.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       props.Disposable,
	})
	inCluster := &map[string]interface{}{"ArnEquals": map[string]interface{}{"ecs:cluster": props.Cluster.Cluster.ClusterArn()}}
	allow := func(conditions *map[string]interface{}, resources []*string, actions ...string) {
		function.AddToRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions}))
	}
	of := func(service, resource string) *string {
		return jsii.String(fmt.Sprintf("arn:%s:%s:%s:%s:%s", *stack.Partition(), service, *stack.Region(), *stack.Account(), resource))
	}
	// The family, not a revision: IAM would learn of a new one too late for the release that brings it.
	allow(inCluster, []*string{of("ecs", "task-definition/"+*task.Family()+":*")}, "ecs:RunTask")
	allow(inCluster, []*string{of("ecs", "task/"+*props.Cluster.Cluster.ClusterName()+"/*")}, "ecs:DescribeTasks", "ecs:StopTask")
	allow(&map[string]interface{}{"StringEquals": map[string]interface{}{handedTo: "ecs-tasks.amazonaws.com"}},
		[]*string{task.TaskRole().RoleArn(), task.ExecutionRole().RoleArn()}, "iam:PassRole")
	if props.Release == ReleaseByCodeDeploy {
		application := contract.DeploymentApplication(props.Task.EnvironmentName, service)
		allow(nil, []*string{of("codedeploy", "deploymentgroup:"+application+"/"+contract.DeploymentGroup)}, "codedeploy:PutLifecycleEventHookExecutionStatus")
		awscdk.NewCfnOutput(stack, jsii.String(ID(service, contract.MigrationOutput)), &awscdk.CfnOutputProps{Value: function.FunctionName()})
	}
	acknowledge(function.Role(), "Revisions of one family and tasks of one cluster have numbers that nobody knows before", "AwsSolutions-IAM5")
	return &migration{Task: task, Function: function}
}

// hook has ECS call the function before it starts the first task of a release.
func (m *migration) hook(scope construct.Construct) (map[string]interface{}, awsiam.Role) {
	role := newHookRole(scope, "MigrationCallRole", "Calls the function that runs migrations", m.Function)
	return map[string]interface{}{
		"HookTargetArn": m.Function.FunctionArn(), "RoleArn": role.RoleArn(), "LifecycleStages": []string{"PRE_SCALE_UP"},
	}, role
}
