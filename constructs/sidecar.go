package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Sidecar is a container that works for the service beside it. It starts first, so that ECS stops it last: what the service
// does until its end still reaches it. A service goes on without it, and ECS starts it again.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
type Sidecar struct {
	Name        string
	Image       ThirdPartyImage
	Environment map[string]*string
	// MemoryMiB is the most that it may use of the task's memory.
	MemoryMiB int
	// Health is the command of its health check; empty where the image has none.
	Health []string
	// StopSeconds is how long it may finish its own work, once the service has ended.
	StopSeconds int
	// Grant gives the role of the task what the sidecar needs.
	Grant func(awsecs.FargateTaskDefinition)
	// Watch makes metrics of what the sidecar logs; nil for none.
	Watch func(construct.Construct, awslogs.ILogGroup)
}

// join puts the sidecar beside the service, as confined as that is: no root, no capability, no writable file system.
func (s Sidecar) join(task awsecs.FargateTaskDefinition, service awsecs.ContainerDefinition, props ServiceTaskProps) {
	linux := awsecs.NewLinuxParameters(task, jsii.String(pascalCase(s.Name)+"Linux"), &awsecs.LinuxParametersProps{InitProcessEnabled: jsii.Bool(true)})
	linux.DropCapabilities(awsecs.Capability_ALL)
	options := &awsecs.ContainerDefinitionOptions{
		ContainerName:          jsii.String(s.Name),
		Image:                  awsecs.ContainerImage_FromRegistry(jsii.String(s.Image.Reference()), nil),
		Environment:            &s.Environment,
		MemoryLimitMiB:         jsii.Number(s.MemoryMiB),
		Essential:              jsii.Bool(false),
		EnableRestartPolicy:    jsii.Bool(true),
		ReadonlyRootFilesystem: jsii.Bool(true),
		User:                   jsii.String(taskUser),
		LinuxParameters:        linux,
		StopTimeout:            awscdk.Duration_Seconds(jsii.Number(s.StopSeconds)),
		Logging:                props.logging(),
	}
	if len(s.Health) > 0 {
		options.HealthCheck = &awsecs.HealthCheck{
			Command:     jsii.Strings(s.Health...),
			Interval:    awscdk.Duration_Seconds(jsii.Number(10)),
			Timeout:     awscdk.Duration_Seconds(jsii.Number(5)),
			Retries:     jsii.Number(3),
			StartPeriod: awscdk.Duration_Seconds(jsii.Number(15)),
		}
	}
	container := task.AddContainer(jsii.String(pascalCase(s.Name)), options)
	service.AddContainerDependencies(&awsecs.ContainerDependency{Container: container, Condition: awsecs.ContainerDependencyCondition_START})
	s.Grant(task)
	if s.Watch != nil {
		s.Watch(task, props.Logs)
	}
}
