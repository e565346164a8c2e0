package constructs

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
	"peakline/lambda/pooler"
)

// PoolerProps describes the PgBouncer beside a service.
type PoolerProps struct {
	// WriterHost and ReaderHost are the cluster's endpoints, and Port is the port of both.
	WriterHost, ReaderHost, Port *string
	// PoolSize is the most connections of a task to the writer, and again to the readers.
	PoolSize int
	// Pinned leads reads to the writer.
	Pinned bool
	// Staleness is how old what the service reads may be.
	Staleness time.Duration
	// Login is the service's secret, which is rotated every RotationDays.
	Login        awssecretsmanager.ISecret
	RotationDays int
	// Roots are the certificate authorities of the database, PEM.
	Roots string
}

const (
	poolerContainer = "pooler"
	// poolerMemoryMiB is how large its folder in memory may become: a configuration, certificates and a socket.
	poolerFolderMiB = 1
	// poolerStop is how long it may finish what its clients began. They have ended before it is told.
	poolerStop = 10 * time.Second
	// connectionLife is how long a service keeps a connection to its pooler, at most. It costs next to nothing there, but a
	// service that reaches the database without a pooler finds new readers in this time.
	connectionLife = 5 * time.Minute
)

// variables are how a service finds its pooler: docs/connect-to-the-database.md.
func (p PoolerProps) variables() map[string]string {
	return databaseVariables(contract.AuthenticateByPooler, poolerURL(contract.WriterPool), poolerURL(contract.ReaderPool), p.PoolSize, p.Staleness)
}

func poolerURL(database string) string {
	return "postgres://service@localhost:" + strconv.Itoa(contract.PoolerPort) + "/" + database + "?sslmode=disable" // it does not leave the task
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d.Seconds()), 10) }

// addPooler runs PgBouncer in the task. The service starts when it answers, and is told to stop before it is.
func addPooler(task awsecs.FargateTaskDefinition, service awsecs.ContainerDefinition, logs awslogs.ILogGroup, props PoolerProps) {
	linux := awsecs.NewLinuxParameters(task, jsii.String("PoolerLinux"), &awsecs.LinuxParametersProps{InitProcessEnabled: jsii.Bool(true)})
	linux.DropCapabilities(awsecs.Capability_ALL)
	linux.AddTmpfs(&awsecs.Tmpfs{ContainerPath: jsii.String(pooler.Folder), Size: jsii.Number(poolerFolderMiB)})
	configuration := pooler.Configuration{
		Writer: *props.WriterHost, Reader: *props.ReaderHost, Port: *props.Port,
		PoolSize: props.PoolSize, Pinned: props.Pinned,
	}
	start, health := pooler.StartCommand(pooler.Folder), pooler.HealthCommand(pooler.Folder)
	container := task.AddContainer(jsii.String("Pooler"), &awsecs.ContainerDefinitionOptions{
		ContainerName: jsii.String(poolerContainer),
		Image:         awsecs.ContainerImage_FromRegistry(jsii.String(pgbouncer.Reference()), nil),
		EntryPoint:    jsii.Strings(start...),
		Environment: &map[string]*string{
			contract.EnvPoolerSettings: jsii.String(configuration.Settings()),
			contract.EnvPoolerWriter:   jsii.String(configuration.WriterConnection()),
			contract.EnvPoolerReader:   jsii.String(configuration.ReaderConnection()),
			contract.EnvPoolerRoots:    jsii.String(props.Roots),
			contract.EnvPoolerTaskLife: jsii.String(seconds(pooler.TaskLife(props.RotationDays))),
		},
		Secrets: &map[string]awsecs.Secret{
			contract.EnvPoolerUser:     awsecs.Secret_FromSecretsManager(props.Login, jsii.String("username")),
			contract.EnvPoolerPassword: awsecs.Secret_FromSecretsManager(props.Login, jsii.String("password")),
		},
		HealthCheck: &awsecs.HealthCheck{
			Command:  jsii.Strings(append([]string{"CMD"}, health...)...),
			Interval: awscdk.Duration_Seconds(jsii.Number(10)),
			Timeout:  awscdk.Duration_Seconds(jsii.Number(5)),
			// A login that is refused counts for a minute, and one that is refused once, while it is being made, is no reason to end a task.
			Retries: jsii.Number(10),
		},
		ReadonlyRootFilesystem: jsii.Bool(true),
		User:                   jsii.String(taskUser),
		LinuxParameters:        linux,
		StopTimeout:            awscdk.Duration_Seconds(jsii.Number(poolerStop.Seconds())),
		Logging: awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{
			LogGroup:     logs,
			StreamPrefix: jsii.String(poolerContainer),
			Mode:         awsecs.AwsLogDriverMode_NON_BLOCKING,
		}),
	})
	service.AddContainerDependencies(&awsecs.ContainerDependency{Container: container, Condition: awsecs.ContainerDependencyCondition_HEALTHY})
}

// poolerMetrics is the namespace of what is read from the poolers' logs, where each service has metrics of its own.
const poolerMetrics = "Peakline/Pooler"

// addPoolerAlarms reads what the pooler logs: its statistics, once a minute, and what fails.
func addPoolerAlarms(scope construct.Construct, logs awslogs.ILogGroup, notifications *Notifications, service string) {
	metric := func(id, name, pattern, value, statistic string) awscloudwatch.IMetric {
		return awslogs.NewMetricFilter(scope, jsii.String(id), &awslogs.MetricFilterProps{
			LogGroup:        logs,
			FilterPattern:   awslogs.FilterPattern_Literal(jsii.String(pattern)),
			MetricNamespace: jsii.String(poolerMetrics),
			MetricName:      jsii.String(notifications.EnvironmentName + "-" + service + "-" + name),
			MetricValue:     jsii.String(value),
		}).Metric(&awscloudwatch.MetricOptions{
			Period: awscdk.Duration_Minutes(jsii.Number(1)), Statistic: jsii.String(statistic),
		})
	}
	NewAlarm(scope, notifications, AlarmProps{
		Name: "pooler-refused", Subject: service, Severity: Critical,
		Summary:    "Tasks of " + service + " get no connection to the database.",
		Metric:     metric("PoolerRefusals", "refused", `?"`+strings.Join(pooler.Refusals, `" ?"`)+`"`, "1", "Sum"),
		Comparison: Above, Threshold: 0, Breaching: 5, Periods: 5, MissingData: MissingIsFine,
	})
	NewAlarm(scope, notifications, AlarmProps{
		Name: "pooler-waiting", Subject: service, Severity: Warning,
		Summary: "In each task of " + service + ", one client and more waits for a connection to the database all the time.",
		// "… wait 1234 us": microseconds of waiting in each second, so that a million is one client that always waits.
		Metric:     metric("PoolerWaiting", "waiting", `[..., label = "wait", wait, unit = "us"]`, "$wait", "Average"),
		Comparison: AtLeast, Threshold: 1_000_000, Breaching: 5, Periods: 5, MissingData: MissingIsFine,
	})
}
