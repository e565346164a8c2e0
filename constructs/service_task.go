package constructs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// taskUser is the user and group that images run as: the "nonroot" of distroless images.
const taskUser = "65532:65532"

// containerName is the same in every task, so that `aws ecs execute-command` needs no look-up.
const containerName = contract.ServiceContainer

// ServiceTaskProps describes one task definition of a service's released image.
type ServiceTaskProps struct {
	EnvironmentName, Service string
	// Repository is the name of the service's image repository.
	Repository     string
	CPU, MemoryMiB int
	// Environment holds environment variables, Secrets those whose value a secret holds.
	Environment map[string]*string
	Secrets     map[string]awsecs.Secret
	// SecretKeys are the ARNs of the keys of those secrets. The CDK grants nothing on a key of another stack.
	SecretKeys []*string
	Logs       awslogs.ILogGroup
	// Command is given to the image, and PlaceholderCommand to the placeholder in its place.
	Command, PlaceholderCommand []string
	// Health is the command of the container's health check; empty for a task that ends by itself.
	Health                          []string
	GraceSeconds, StopSeconds, Port int
	// Pooler or Proxy is between the service and the database; nil for a service that has none.
	Pooler *PoolerProps
	Proxy  *ProxyAccess
	// Sidecars are the containers beside it.
	Sidecars []Sidecar
	// Shell prepares the task for `aws ecs execute-command`, which writes into two folders.
	Shell bool
}

// newServiceTask makes a task definition on Fargate and arm64: a user that is not root, no writable file system but /tmp.
func newServiceTask(scope construct.Construct, id string, props ServiceTaskProps) awsecs.FargateTaskDefinition {
	task := awsecs.NewFargateTaskDefinition(scope, jsii.String(id), &awsecs.FargateTaskDefinitionProps{
		Cpu:            jsii.Number(props.CPU),
		MemoryLimitMiB: jsii.Number(props.MemoryMiB),
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture:       awsecs.CpuArchitecture_ARM64(),
			OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
	})
	allowPull(task, props.Repository)
	if len(props.SecretKeys) > 0 {
		task.AddToExecutionRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("kms:Decrypt"),
			Resources: &props.SecretKeys,
			Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{
				"kms:ViaService": fmt.Sprintf("secretsmanager.%s.amazonaws.com", *awscdk.Stack_Of(task).Region())}},
		}))
	}
	linux := awsecs.NewLinuxParameters(task, jsii.String("Linux"), &awsecs.LinuxParametersProps{InitProcessEnabled: jsii.Bool(true)})
	linux.DropCapabilities(awsecs.Capability_ALL)
	environment := maps.Clone(props.Environment)
	if props.Pooler != nil {
		for name, value := range props.Pooler.variables() {
			environment[name] = jsii.String(value)
		}
	}
	if props.Proxy != nil {
		for name, value := range props.Proxy.variables() {
			environment[name] = jsii.String(value)
		}
		props.Proxy.grantTo(task)
	}
	image := newImage(scope, props.EnvironmentName, props.Service)
	options := &awsecs.ContainerDefinitionOptions{
		ContainerName:          jsii.String(containerName),
		Image:                  awsecs.ContainerImage_FromRegistry(image.reference, nil),
		Environment:            &environment,
		Secrets:                &props.Secrets,
		ReadonlyRootFilesystem: jsii.Bool(true),
		User:                   jsii.String(taskUser),
		LinuxParameters:        linux,
		StopTimeout:            awscdk.Duration_Seconds(jsii.Number(props.StopSeconds)),
		Logging:                props.logging(),
	}
	if props.Port > 0 {
		options.PortMappings = &[]*awsecs.PortMapping{{
			Name: jsii.String(props.Service), ContainerPort: jsii.Number(props.Port), AppProtocol: awsecs.AppProtocol_Http(),
		}}
	}
	container := task.AddContainer(jsii.String("Container"), options)
	mount(task, container, props.Shell)
	if props.Pooler != nil {
		addPooler(task, container, props.Logs, *props.Pooler)
	}
	for _, sidecar := range props.Sidecars {
		sidecar.join(task, container, props)
	}
	dependOnImage(task, image, props)
	assumeForThisAccount(task.TaskRole())
	acknowledge(task, "An authorization token of ECR has no resource", "AwsSolutions-IAM5[Resource::*]")
	acknowledge(task, "Environment variables hold names and addresses; what is secret comes from Secrets Manager", "AwsSolutions-ECS2")
	return task
}

// logging is where the containers of a task write.
func (p ServiceTaskProps) logging() awsecs.LogDriver {
	return awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{
		LogGroup:     p.Logs,
		StreamPrefix: jsii.String(p.Service),
		Mode:         awsecs.AwsLogDriverMode_NON_BLOCKING, // a slow log must not stop the shop
	})
}

// allowPull lets ECS fetch the service's images and no others. The token is the account's.
func allowPull(task awsecs.FargateTaskDefinition, repository string) {
	stack := awscdk.Stack_Of(task)
	task.AddToExecutionRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		Resources: jsii.Strings(fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s",
			*stack.Partition(), *stack.Region(), *stack.Account(), repository)),
	}))
	task.AddToExecutionRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("ecr:GetAuthorizationToken"),
		Resources: jsii.Strings("*"),
	}))
}

// mount gives a container the folders that it may write to.
func mount(task awsecs.FargateTaskDefinition, container awsecs.ContainerDefinition, shell bool) {
	folders := map[string]string{"tmp": "/tmp"}
	if shell { // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
		folders["shell-state"], folders["shell-log"] = "/var/lib/amazon", "/var/log/amazon"
	}
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		task.AddVolume(&awsecs.Volume{Name: jsii.String(name)})
		container.AddMountPoints(&awsecs.MountPoint{
			SourceVolume: jsii.String(name), ContainerPath: jsii.String(folders[name]), ReadOnly: jsii.Bool(false),
		})
	}
}

// dependOnImage gives the placeholder the arguments and the health check that it needs, and the service's image its own.
// Which of the two is to run is known only when CloudFormation reads the parameters.
func dependOnImage(task awsecs.FargateTaskDefinition, image serviceImage, props ServiceTaskProps) {
	choose := func(forPlaceholder, otherwise interface{}) map[string]interface{} {
		return map[string]interface{}{"Fn::If": []interface{}{image.isPlaceholder, forPlaceholder, otherwise}}
	}
	resource := task.Node().DefaultChild().(awsecs.CfnTaskDefinition)
	// A roll-back needs the revision before; a new one would otherwise retire it.
	resource.CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_RETAIN)
	resource.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_DELETE)
	var command interface{} = map[string]interface{}{"Ref": "AWS::NoValue"}
	if len(props.Command) > 0 {
		command = props.Command
	}
	resource.AddPropertyOverride(jsii.String("ContainerDefinitions.0.Command"), choose(props.PlaceholderCommand, command))
	if len(props.Health) > 0 {
		resource.AddPropertyOverride(jsii.String("ContainerDefinitions.0.HealthCheck"), map[string]interface{}{
			"Command":     choose([]string{"CMD", "/http-echo", "-version"}, props.Health),
			"Interval":    10,
			"Retries":     3,
			"Timeout":     5,
			"StartPeriod": props.GraceSeconds,
		})
	}
}
