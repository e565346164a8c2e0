package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// Edge is the stack of CloudFront, its firewall and its names. It is in us-east-1, whatever the region of the environment.
type Edge struct {
	Stack awscdk.Stack
}

// EdgeProps is what the edge needs of the other stacks.
type EdgeProps struct {
	Environment   config.Environment
	Services      *Services
	Notifications *constructs.Notifications
}

// NewEdge makes the edge. It is deployed after the services: the load balancer has to accept a new secret before CloudFront sends it.
func NewEdge(stage awscdk.Stage, props EdgeProps) *Edge {
	environment := props.Environment
	stack := newStackIn(stage, "Edge", config.EdgeRegion, "CloudFront, firewall, domains", environment)
	stack.AddStackDependency(props.Services.Stack, jsii.String("the load balancer accepts the secret that CloudFront sends"))
	notifications := edgeNotifications(stack, props)
	key := constructs.NewEncryptionKey(stack, "Key", constructs.EncryptionKeyProps{
		Description: "The record of the firewall at the edge",
		LogGroups:   true,
		Disposable:  disposable(environment),
	})
	firewall := constructs.NewWebACL(stack, "Firewall", firewall(environment, edgeName(environment), false, key))
	firewall.AddFirewallAlarm(stack, notifications, "edge")
	settings := environment.Edge
	edge := constructs.NewEdge(stack, "CloudFront", constructs.EdgeProps{
		Name:                  edgeName(environment),
		Store:                 contract.ExperimentStore(environment.Name),
		Domains:               settings.Domains,
		CertificateARN:        settings.CertificateARN,
		PriceClass:            priceClasses[settings.PriceClass],
		AssetHost:             fmt.Sprintf("%s.s3.%s.amazonaws.com", assetBucketName(environment), environment.Region),
		OriginHost:            environment.LoadBalancer.HostName,
		OriginSecret:          constructs.OriginSecretName(environment.Name, settings.OriginSecret),
		SecondOrigin:          settings.SecondOrigin,
		Dynamic:               environment.DynamicPaths(),
		Pages:                 settings.Pages,
		SignIn:                append(environment.SignInPaths(), config.SignInCallback),
		ContentSecurityPolicy: settings.ContentSecurityPolicy,
		CORSOrigins:           settings.CORSOrigins,
		Firewall:              firewall,
		LogRetentionDays:      environment.Storage.LogRetentionDays,
		Disposable:            disposable(environment),
	})
	edge.AddAlarms(stack, notifications)
	newDashboard(stack, "Dashboard", edgeDashboard, environment, edge.Panels(firewall))
	constructs.NewCertificateAlarm(stack, notifications, "edge", settings.CertificateARN)
	if zone := settings.HostedZone; zone.ID != "" {
		constructs.NewDistributionRecords(stack, "Domains", zone.ID, settings.Domains, edge.Distribution)
	}
	for id, value := range map[string]*string{
		"DistributionDomain": edge.Distribution.AttrDomainName(), // what the domains have to lead to
		"DistributionId":     edge.Distribution.Ref(),
		"AccessLogs":         edge.AccessLogs,
		"ExperimentStore":    jsii.String(contract.ExperimentStore(environment.Name)),
	} {
		awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Value: value})
	}
	return &Edge{Stack: stack}
}

var priceClasses = map[config.PriceClass]string{"100": "PriceClass_100", "200": "PriceClass_200", "all": "PriceClass_All"}

// edgeName is what the names of the edge's parts begin with.
func edgeName(environment config.Environment) string { return "peakline-" + environment.Name + "-edge" }

// edgeNotifications are topics in us-east-1: an alarm reaches those of its own region only.
func edgeNotifications(stack awscdk.Stack, props EdgeProps) *constructs.Notifications {
	environment := props.Environment
	if environment.Region == config.EdgeRegion {
		return props.Notifications.OwnedBy(environment.Owners.Edge)
	}
	channels := environment.Notifications
	channels.Critical.Slack, channels.Warning.Slack = nil, nil // a channel is configured once
	channels.Critical.TopicARN, channels.Warning.TopicARN = environment.Edge.Topics.Critical, environment.Edge.Topics.Warning
	return constructs.NewNotifications(stack, "Operators", constructs.NotificationsProps{
		EnvironmentName: environment.Name,
		Owner:           environment.Owners.Edge,
		Critical:        channel(channels.Critical),
		Warning:         channel(channels.Warning),
		Disposable:      disposable(environment),
	})
}
