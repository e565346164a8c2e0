package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// DatabaseProxy is the stack of the RDS Proxy between the services and the database. It stands alone, so that it can be switched
// on beside what runs, and taken away once nobody uses it.
type DatabaseProxy struct {
	Stack awscdk.Stack
	Proxy *constructs.RDSProxy
}

// DatabaseProxyProps is what the proxy needs of the other stacks.
type DatabaseProxyProps struct {
	Environment    config.Environment
	Notifications  *constructs.Notifications
	Network        *Network
	Database       *Database
	DatabaseAccess *DatabaseAccess
}

// NewDatabaseProxy makes the proxy.
func NewDatabaseProxy(stage awscdk.Stage, props DatabaseProxyProps) *DatabaseProxy {
	environment := props.Environment
	stack := newStack(stage, "DatabaseProxy", "RDS Proxy between the services and the database", environment)
	access := props.DatabaseAccess.as(stack, contract.ProxyAccess)
	groups := props.Network.SecurityGroups
	proxy := constructs.NewRDSProxy(stack, "Proxy", constructs.RDSProxyProps{
		Name:               clusterIdentifier(environment),
		Cluster:            props.Database.Cluster.Cluster,
		Logins:             access.Logins[contract.ProxyAccess],
		Key:                access.Key,
		ConnectionsPercent: environment.ProxyConnectionsPercent(),
		Vpc:                props.Network.Network.Vpc,
		Subnets:            props.Network.Network.Isolated,
		Services:           asIs(stack, "ServicesGroup", groups.Services),
		Database:           asIs(stack, "DatabaseGroup", groups.Database),
		LogRetentionDays:   environment.Database.LogRetentionDays,
		Notifications:      props.Notifications,
		Disposable:         disposable(environment),
	})
	for id, value := range map[string]*string{"WriterEndpoint": proxy.WriterHost, "ReaderEndpoint": proxy.ReaderHost} {
		awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Value: value})
	}
	return &DatabaseProxy{Stack: stack, Proxy: proxy}
}
