package stacks

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
	"peakline/lambda/rdsca"
)

// Services is the stack of the load balancers, the services behind it and their schedules. It holds no data.
type Services struct {
	Stack        awscdk.Stack
	LoadBalancer *constructs.LoadBalancer
	Internal     *constructs.InternalLoadBalancer
	// Front is the load balancer as a dashboard sees it.
	Front     constructs.WatchedLoadBalancer
	smokeTest *constructs.SmokeTest
	// rows are those of the services on their dashboards.
	rows, releaseRows [][]constructs.Panel
	// logs are the names of the services' log groups.
	logs []*string
	// administration is the security group of migrations.
	administration awsec2.ISecurityGroup
}

// ServicesProps is what the services need of the other stacks.
type ServicesProps struct {
	Environment    config.Environment
	Network        *Network
	Database       *Database
	DatabaseAccess *DatabaseAccess
	DatabaseProxy  *DatabaseProxy
	Registry       *Registry
	Messaging      *Messaging
	Cache          *Cache
	Identity       *Identity
	FeatureFlags   *FeatureFlags
	Notifications  *constructs.Notifications
	// SmokeTestCode is the folder of the function that tries releases.
	SmokeTestCode string
	// MigrationCode is the folder of the function that runs migrations.
	MigrationCode string
}

// NewServices makes one service for each entry of the catalogue.
func NewServices(stage awscdk.Stage, props ServicesProps) *Services {
	environment := props.Environment
	stack := newStack(stage, "Services", "load balancer, services, schedules", environment)
	stack.AddStackDependency(props.Registry.Stack, jsii.String("the released images are read there"))
	props.Registry = props.Registry.as(stack)
	stack.AddStackDependency(props.Cache.Stack, jsii.String("the addresses of the caches are read there"))
	props.Cache = props.Cache.as(stack)
	props.DatabaseAccess = props.DatabaseAccess.as(stack, contract.ServiceAccess, contract.MigrationAccess)
	front := asIs(stack, "LoadBalancerGroup", props.Network.SecurityGroups.LoadBalancer)
	group := asIs(stack, "ServicesGroup", props.Network.SecurityGroups.Services)
	balancer := constructs.NewLoadBalancer(stack, "Front", constructs.LoadBalancerProps{
		Vpc:              props.Network.Network.Vpc,
		SecurityGroup:    front,
		CertificateARN:   environment.LoadBalancer.CertificateARN,
		IdleTimeout:      time.Duration(environment.LoadBalancer.IdleTimeoutSeconds) * time.Second,
		LogRetentionDays: environment.LoadBalancer.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       disposable(environment),
	})
	services := &Services{Stack: stack, LoadBalancer: balancer, Internal: constructs.NewInternalLoadBalancer(stack, "Inside", constructs.InternalLoadBalancerProps{
		Vpc:           props.Network.Network.Vpc,
		Subnets:       props.Network.Network.Private,
		SecurityGroup: asIs(stack, "InternalLoadBalancerGroup", props.Network.SecurityGroups.InternalLoadBalancer),
		LoadBalancer:  balancer,
		HostName:      environment.LoadBalancer.HostName,
		Notifications: props.Notifications,
		Disposable:    disposable(environment),
	})}
	cluster := constructs.NewServiceCluster(stack, "Cluster", constructs.ServiceClusterProps{
		Namespace:  "peakline-" + environment.Name,
		Vpc:        props.Network.Network.Vpc,
		Disposable: disposable(environment),
	})
	services.guard(environment, props.Notifications, cluster.Key)
	if certificate := environment.LoadBalancer.CertificateARN; certificate != "" {
		constructs.NewCertificateAlarm(stack, props.Notifications, "load-balancer", certificate)
	}
	if zone := environment.Edge.HostedZone; zone.ID != "" {
		constructs.NewLoadBalancerRecord(stack, "Origin", zone.ID, environment.LoadBalancer.HostName, balancer)
	}
	services.smokeTest = constructs.NewSmokeTest(stack, "SmokeTest", constructs.SmokeTestProps{
		Code:             awslambda.Code_FromAsset(jsii.String(props.SmokeTestCode), nil),
		Inside:           services.Internal,
		Vpc:              props.Network.Network.Vpc,
		Subnets:          props.Network.Network.Private,
		SecurityGroup:    asIs(stack, "ReleaseTestGroup", props.Network.SecurityGroups.ReleaseTest),
		Key:              cluster.Key,
		LogRetentionDays: environment.Database.LogRetentionDays,
		Notifications:    props.Notifications,
		Disposable:       disposable(environment),
	})
	services.administration = asIs(stack, "AdministrationGroup", props.Network.SecurityGroups.Administration)
	storm := constructs.NewStorm("services-failing")
	ports := map[int]bool{constructs.ServicePort: true}
	for _, name := range environment.ServiceNames() {
		if port := environment.Services[name].Port; !ports[port] {
			ports[port] = true
			constructs.OpenServicePort(stack, port, front, group)
		}
		services.add(name, props, cluster, group, storm)
	}
	cause := ""
	if props.Database.Aurora != nil {
		cause = "database-writer-absent" // no alarm tells the writer of a Multi-AZ DB cluster from a standby
	}
	storm.Page(stack, props.Notifications, "Services fail, do not run, or cannot log in to the database.", cause)
	services.addDashboards(environment, cluster)
	constructs.NewSavedQueries(construct.NewConstruct(stack, jsii.String("Queries")), environment.Name, services.logs)
	if environment.Tracing.Enabled {
		constructs.NewCollectorAlarm(stack, props.Notifications)
	}
	for id, value := range map[string]*string{
		"LoadBalancerDnsName": balancer.LoadBalancer.LoadBalancerDnsName(),
		"InternalUrl":         services.Internal.URL,
		"InternalTestUrl":     services.Internal.TestURL,
	} {
		awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Value: value})
	}
	return services
}

// addDashboards makes the pages about the services. They stand in this stack because a service may be replaced or removed: an
// export of its names would be in the way.
func (s *Services) addDashboards(environment config.Environment, cluster *constructs.ServiceCluster) {
	s.Front = constructs.WatchedLoadBalancer{FullName: s.LoadBalancer.LoadBalancer.LoadBalancerFullName(), ClusterName: cluster.Cluster.ClusterName()}
	keepExported(s.Stack, s.Front.FullName, s.Front.ClusterName)
	front := []constructs.Panel{s.Front.Requests(), s.Front.Latency()}
	newDashboard(s.Stack, "Dashboard", servicesDashboard, environment, append([][]constructs.Panel{front}, s.rows...))
	newDashboard(s.Stack, "ReleaseDashboard", releasesDashboard, environment, s.releaseRows)
}

// asIs is a security group that keeps the rules it has: the chain of groups is complete, and a rule that is made twice
// fails in AWS.
func asIs(scope construct.Construct, id string, group awsec2.SecurityGroup) awsec2.ISecurityGroup {
	return awsec2.SecurityGroup_FromSecurityGroupId(scope, jsii.String(id), group.SecurityGroupId(), &awsec2.SecurityGroupImportOptions{
		Mutable: jsii.Bool(false),
	})
}

func (s *Services) add(name string, props ServicesProps, cluster *constructs.ServiceCluster, group awsec2.ISecurityGroup, storm *constructs.Storm) {
	environment, settings := props.Environment, props.Environment.Services[name]
	notifications := props.Notifications.OwnedBy(settings.Owner).Within(storm)
	task := serviceTask(s.Stack, name, props)
	released := task
	released.Environment = s.withCalls(task.Environment, name, environment, environment.CallByName)
	if settings.SignIn != nil {
		released.Environment[contract.EnvBalancerClient] = props.Identity.Balancer.Ref()
		released.Environment[contract.EnvBalancer] = s.LoadBalancer.LoadBalancer.LoadBalancerArn()
	}
	service := constructs.NewService(s.Stack, constructs.ID(name, ""), constructs.ServiceProps{
		Task:     released,
		Paths:    settings.OpenPaths(),
		Priority: settings.Priority,
		Release:  releases[settings.Release],
		SignIn:   props.Identity.signIn(settings.SignIn, environment),
		Shift: constructs.ShiftProps{
			Kind:    shifts[settings.Shift.Kind],
			Percent: settings.Shift.Percent,
			Pause:   time.Duration(settings.Shift.StepMinutes) * time.Minute,
			Bake:    time.Duration(settings.Shift.BakeMinutes) * time.Minute,
		},
		Migration:     s.migration(name, props),
		SmokeTests:    smokeTests(settings.SmokeTest),
		SmokeTest:     s.smokeTest,
		HealthPath:    settings.Health.Path,
		LatencyBudget: time.Duration(settings.LatencyMilliseconds) * time.Millisecond,
		Drain:         time.Duration(settings.DrainSeconds) * time.Second,
		Scaling: constructs.ServiceScalingProps{
			Min:               settings.Scaling.Min,
			Max:               settings.Scaling.Max,
			CPUPercent:        settings.Scaling.CPUPercent,
			RequestsPerMinute: settings.Scaling.RequestsPerMinute,
			Floors:            taskFloors(environment.TaskFloors(name)),
		},
		SpotPercent:      settings.Scaling.SpotPercent,
		Cluster:          cluster,
		LoadBalancer:     s.LoadBalancer,
		Subnets:          props.Network.Network.Private,
		SecurityGroup:    group,
		LogRetentionDays: environment.Database.LogRetentionDays,
		Notifications:    notifications,
		Disposable:       disposable(environment),
	})
	s.rows, s.releaseRows = append(s.rows, service.Panels), append(s.releaseRows, service.ReleasePanels)
	s.logs = append(s.logs, service.Logs.LogGroupName())
	grantEvents(service.Task, name, props)
	for _, id := range slices.Sorted(maps.Keys(settings.Schedules)) {
		schedule := settings.Schedules[id]
		scheduled := task
		scheduled.Environment = s.withCalls(task.Environment, name, environment, neverByName)
		scheduled.Command, scheduled.Health, scheduled.Port = schedule.Command, nil, 0
		grantEvents(constructs.NewTaskSchedule(s.Stack, constructs.ID(name, constructs.ID(id, "Schedule")), constructs.TaskScheduleProps{
			Name:             id,
			Task:             scheduled,
			EveryMinutes:     schedule.EveryMinutes,
			Retries:          schedule.Retries,
			Cluster:          cluster,
			Subnets:          props.Network.Network.Private,
			SecurityGroup:    group,
			LogRetentionDays: environment.Database.LogRetentionDays,
			Notifications:    notifications,
			Disposable:       disposable(environment),
		}).Task, name, props)
	}
}

var releases = map[config.Release]constructs.Release{
	config.ReleaseECS:        constructs.ReleaseByECS,
	config.ReleaseCodeDeploy: constructs.ReleaseByCodeDeploy,
	config.ReleaseRolling:    constructs.ReleaseRolling,
}

var shifts = map[config.ShiftKind]constructs.Shift{
	config.ShiftAllAtOnce: constructs.ShiftAllAtOnce,
	config.ShiftCanary:    constructs.ShiftCanary,
	config.ShiftLinear:    constructs.ShiftLinear,
}

// migration is what changes the schema of a service before a release; nil where nothing does.
func (s *Services) migration(name string, props ServicesProps) *constructs.MigrationProps {
	settings, cluster := props.Environment.Services[name].Migration, props.Database.Cluster.Cluster
	if settings == nil {
		return nil
	}
	return &constructs.MigrationProps{
		Code:          awslambda.Code_FromAsset(jsii.String(props.MigrationCode), nil),
		Command:       settings.Command,
		Host:          cluster.ClusterEndpoint().Hostname(),
		Port:          awscdk.Token_AsString(cluster.ClusterEndpoint().Port(), nil),
		Login:         props.DatabaseAccess.Logins[contract.MigrationAccess][name],
		Lock:          time.Duration(settings.LockSeconds) * time.Second,
		Statement:     time.Duration(settings.StatementSeconds) * time.Second,
		Limit:         time.Duration(settings.Minutes) * time.Minute,
		SecurityGroup: s.administration,
	}
}

func smokeTests(tests []config.SmokeTest) (all contract.SmokeTests) {
	for _, test := range tests {
		all.Requests = append(all.Requests, contract.SmokeRequest(test))
	}
	return all
}

// withCalls adds the addresses of the services that this one calls.
func (s *Services) withCalls(variables map[string]*string, name string, environment config.Environment, byName func(caller, service string) bool) map[string]*string {
	variables = maps.Clone(variables)
	for _, callee := range environment.Services[name].Calls {
		variables[config.CallVariable(callee)] = s.Internal.URL
		if byName(name, callee) {
			variables[config.CallVariable(callee)] = jsii.String("http://" + callee)
		}
	}
	return variables
}

// neverByName is for tasks that no service runs: AWS has Service Connect for the tasks of services only.
func neverByName(string, string) bool { return false }

// serviceTask is the container of a service: docs/service-contract.md lists the variables.
func serviceTask(stack awscdk.Stack, name string, props ServicesProps) constructs.ServiceTaskProps {
	environment, settings := props.Environment, props.Environment.Services[name]
	variables := map[string]*string{
		"ENVIRONMENT": jsii.String(environment.Name),
		"SERVICE":     jsii.String(name),
		"PORT":        jsii.String(strconv.Itoa(settings.Port)),
	}
	maps.Copy(variables, props.Identity.variables())
	if len(settings.Publishes) > 0 {
		variables["EVENT_BUS"] = props.Messaging.Bus.Bus.EventBusName()
	}
	if queue := props.Messaging.Queues[name]; queue != nil {
		variables["EVENT_QUEUE_URL"] = queue.QueueUrl()
	}
	maps.Copy(variables, traceEnvironment(name, environment))
	if environment.ReadsFlags(name) {
		variables["FLAGS_URL"] = jsii.String(constructs.FlagsURL(environment.Name))
	}
	for variable, value := range settings.Environment {
		variables[variable] = jsii.String(value)
	}
	secrets := map[string]awsecs.Secret{}
	for variable, secret := range settings.Secrets {
		secrets[variable] = awsecs.Secret_FromSecretsManager(props.Registry.Secrets[secret], nil)
	}
	var keys []*string
	if len(secrets) > 0 {
		keys = append(keys, props.Registry.key.KeyArn())
	}
	for _, purpose := range settings.Caches {
		props.Cache.connect(stack, purpose, variables, secrets)
	}
	if len(settings.Caches) > 0 {
		keys = append(keys, props.Cache.key.KeyArn())
	}
	pooler, proxy := servicePooler(name, props), serviceProxy(name, props)
	if pooler != nil {
		keys = append(keys, props.DatabaseAccess.Key.KeyArn())
	}
	return constructs.ServiceTaskProps{
		EnvironmentName: environment.Name,
		Service:         name,
		Repository:      contract.ImageRepository(environment.Name, name),
		CPU:             settings.CPU,
		MemoryMiB:       settings.MemoryMiB,
		Environment:     variables,
		Secrets:         secrets,
		SecretKeys:      keys,
		Health:          settings.Health.Command,
		GraceSeconds:    settings.Health.GraceSeconds,
		StopSeconds:     settings.StopSeconds,
		Port:            settings.Port,
		Pooler:          pooler,
		Proxy:           proxy,
		Sidecars:        sidecars(name, props),
	}
}

// servicePooler is the PgBouncer beside a service; nil where it has no database or reaches it through an RDS Proxy.
func servicePooler(name string, props ServicesProps) *constructs.PoolerProps {
	environment, settings := props.Environment, props.Environment.Services[name].Database
	if settings == nil || environment.UsesProxy() {
		return nil
	}
	cluster := props.Database.Cluster.Cluster
	return &constructs.PoolerProps{
		WriterHost:   cluster.ClusterEndpoint().Hostname(),
		ReaderHost:   cluster.ClusterReadEndpoint().Hostname(),
		Port:         awscdk.Token_AsString(cluster.ClusterEndpoint().Port(), nil),
		PoolSize:     settings.PoolSize,
		Pinned:       environment.ReadsFromWriter(name),
		Staleness:    time.Duration(settings.StalenessMilliseconds) * time.Millisecond,
		Login:        props.DatabaseAccess.Logins[contract.ServiceAccess][name],
		RotationDays: environment.Database.CredentialRotationDays,
		Roots:        string(rdsca.Region(environment.Region)),
	}
}

// serviceProxy is a service's way through the RDS Proxy; nil where it has no database or no proxy.
func serviceProxy(name string, props ServicesProps) *constructs.ProxyAccess {
	environment, settings := props.Environment, props.Environment.Services[name].Database
	if settings == nil || !environment.UsesProxy() {
		return nil
	}
	return &constructs.ProxyAccess{
		Proxy:     props.DatabaseProxy.Proxy,
		User:      contract.LoginRole(settings.Schema, contract.ProxyAccess),
		PoolSize:  settings.PoolSize,
		Pinned:    environment.ReadsFromWriter(name),
		Staleness: time.Duration(settings.StalenessMilliseconds) * time.Millisecond,
	}
}

// sidecars are the containers beside a service.
func sidecars(name string, props ServicesProps) (all []constructs.Sidecar) {
	environment := props.Environment
	if environment.Tracing.Enabled {
		all = append(all, constructs.Collector(environment.Name, environment.Region, config.CollectorMemoryMiB))
	}
	if environment.ReadsFlags(name) {
		all = append(all, constructs.FlagAgent(environment.Name, props.FeatureFlags.Flags.ConfigurationARN, config.FlagAgentMemoryMiB))
	}
	return all
}

// traceEnvironment leads the service's SDK to the collector; without one it would try in vain.
func traceEnvironment(name string, environment config.Environment) map[string]*string {
	if !environment.Tracing.Enabled {
		return map[string]*string{"OTEL_SDK_DISABLED": jsii.String("true")}
	}
	return constructs.TraceEnvironment(environment.TraceName(name), environment.ResourceAttributes())
}

// grantEvents lets a task publish what its service publishes, and take from its service's queue.
func grantEvents(task awsecs.FargateTaskDefinition, name string, props ServicesProps) {
	if len(props.Environment.Services[name].Publishes) > 0 {
		props.Messaging.Bus.GrantPublish(task)
	}
	if queue := props.Messaging.Queues[name]; queue != nil {
		props.Messaging.Bus.GrantConsume(task, queue)
	}
}

func taskFloors(floors []config.TaskFloor) []constructs.TaskFloor {
	all := make([]constructs.TaskFloor, len(floors))
	for i, floor := range floors {
		all[i] = constructs.TaskFloor(floor)
	}
	return all
}
