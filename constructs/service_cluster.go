package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsservicediscovery"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ServiceClusterProps describes where the services run.
type ServiceClusterProps struct {
	// Namespace is the name within which services call each other by their names.
	Namespace string
	Vpc       awsec2.IVpc
	// Disposable lets the key of logs and dead letters be deleted with the stack.
	Disposable bool
}

// ServiceCluster is an ECS cluster on Fargate with Container Insights, which scaling and alarms read, and Service Connect.
type ServiceCluster struct {
	Cluster   awsecs.Cluster
	Namespace awsservicediscovery.HttpNamespace
	// Key encrypts the logs of the services and the dead letters of their schedules.
	Key awskms.Key
}

// NewServiceCluster makes the cluster.
func NewServiceCluster(scope construct.Construct, id string, props ServiceClusterProps) *ServiceCluster {
	scope = construct.NewConstruct(scope, jsii.String(id))
	return &ServiceCluster{
		Cluster: awsecs.NewCluster(scope, jsii.String("Cluster"), &awsecs.ClusterProps{
			Vpc:                            props.Vpc,
			ContainerInsightsV2:            awsecs.ContainerInsights_ENABLED,
			EnableFargateCapacityProviders: jsii.Bool(true),
		}),
		Namespace: awsservicediscovery.NewHttpNamespace(scope, jsii.String("Namespace"), &awsservicediscovery.HttpNamespaceProps{
			Name:        jsii.String(props.Namespace),
			Description: jsii.String("Names under which the services call each other"),
		}),
		Key: NewEncryptionKey(scope, "Key", EncryptionKeyProps{
			Description: "Logs of the services, and starts of their schedules that failed",
			LogGroups:   true,
			Disposable:  props.Disposable,
		}),
	}
}
