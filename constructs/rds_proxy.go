package constructs

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// RDSProxyProps describes the proxy between the services and the database.
type RDSProxyProps struct {
	// Name is the proxy's physical name. It is fixed so that its log group can exist before it writes.
	Name string
	// Cluster is the database, whose readers the proxy finds by itself, those of the scaler too.
	Cluster awsrds.IDatabaseCluster
	// Logins are the secrets of the roles that the proxy may be asked for, by the service.
	Logins map[string]awssecretsmanager.ISecret
	// Key encrypts the logins and the log.
	Key awskms.IKey
	// ConnectionsPercent is the share of an instance's max_connections that it may take.
	ConnectionsPercent int

	Vpc     awsec2.IVpc
	Subnets *awsec2.SubnetSelection
	// Services may reach the proxy, and the proxy reaches Database.
	Services, Database awsec2.ISecurityGroup
	LogRetentionDays   int
	Notifications      *Notifications
	Disposable         bool
}

// RDSProxy is an RDS Proxy with an endpoint for the writer and one for the readers. Services log in to it by IAM, and it logs
// in to the database with their secrets.
type RDSProxy struct {
	WriterHost, ReaderHost *string
	arn                    *string
}

const (
	// proxyBorrowTimeout is how long a client waits for a connection to the database, as long as behind PgBouncer.
	proxyBorrowTimeout = 10 * time.Second
	// proxyIdleTimeout ends what a client has forgotten, and nothing that lives for connectionLife.
	proxyIdleTimeout = 3 * connectionLife
	// proxyTargetGroup is the only name that AWS allows.
	proxyTargetGroup = "default"
)

// NewRDSProxy makes the proxy, the way to it and from it, and its alarms.
func NewRDSProxy(scope construct.Construct, id string, props RDSProxyProps) *RDSProxy {
	scope = construct.NewConstruct(scope, jsii.String(id))
	group := newProxyGroup(scope, props)
	log := NewLogGroup(scope, "Log", LogGroupProps{
		Name: "/aws/rds/proxy/" + props.Name, RetentionDays: props.LogRetentionDays, Key: props.Key, Disposable: props.Disposable,
	})
	var auth []interface{}
	for _, service := range slices.Sorted(maps.Keys(props.Logins)) {
		auth = append(auth, &awsrds.CfnDBProxy_AuthFormatProperty{
			AuthScheme:  jsii.String("SECRETS"),
			IamAuth:     jsii.String("REQUIRED"),
			SecretArn:   props.Logins[service].SecretArn(),
			Description: jsii.String("Service " + service),
		})
	}
	var subnets []interface{}
	for _, subnet := range *props.Vpc.SelectSubnets(props.Subnets).SubnetIds {
		subnets = append(subnets, subnet)
	}
	role := newProxyRole(scope, props)
	proxy := awsrds.NewCfnDBProxy(scope, jsii.String("Resource"), &awsrds.CfnDBProxyProps{
		DbProxyName:         jsii.String(props.Name),
		EngineFamily:        jsii.String("POSTGRESQL"),
		Auth:                &auth,
		RoleArn:             role.RoleArn(),
		RequireTls:          jsii.Bool(true),
		DebugLogging:        jsii.Bool(false), // it would write statements into the log
		IdleClientTimeout:   jsii.Number(proxyIdleTimeout.Seconds()),
		VpcSubnetIds:        &subnets,
		VpcSecurityGroupIds: &[]interface{}{group.SecurityGroupId()},
	})
	proxy.Node().AddDependency(log, role)
	targets := awsrds.NewCfnDBProxyTargetGroup(scope, jsii.String("Targets"), &awsrds.CfnDBProxyTargetGroupProps{
		DbProxyName:          proxy.Ref(),
		TargetGroupName:      jsii.String(proxyTargetGroup),
		DbClusterIdentifiers: &[]interface{}{props.Cluster.ClusterIdentifier()},
		ConnectionPoolConfigurationInfo: &awsrds.CfnDBProxyTargetGroup_ConnectionPoolConfigurationInfoFormatProperty{
			MaxConnectionsPercent: jsii.Number(props.ConnectionsPercent),
			// As much as AWS would keep: half.
			MaxIdleConnectionsPercent: jsii.Number(props.ConnectionsPercent / 2),
			ConnectionBorrowTimeout:   jsii.Number(proxyBorrowTimeout.Seconds()),
		},
	})
	reader := awsrds.NewCfnDBProxyEndpoint(scope, jsii.String("Reader"), &awsrds.CfnDBProxyEndpointProps{
		DbProxyName:         proxy.Ref(),
		DbProxyEndpointName: jsii.String(props.Name + "-reader"),
		TargetRole:          jsii.String("READ_ONLY"),
		VpcSubnetIds:        &subnets,
		VpcSecurityGroupIds: &[]interface{}{group.SecurityGroupId()},
	})
	reader.Node().AddDependency(targets) // without a reader to lead to, AWS refuses it
	addRDSProxyAlarms(scope, proxy.Ref(), props.Notifications)
	return &RDSProxy{WriterHost: proxy.AttrEndpoint(), ReaderHost: reader.AttrEndpoint(), arn: proxy.AttrDbProxyArn()}
}

// newProxyGroup puts the proxy into the chain, between services and database. The link from services to the database stays: tasks
// with a PgBouncer run until the last of them is replaced.
func newProxyGroup(scope construct.Construct, props RDSProxyProps) awsec2.SecurityGroup {
	group := awsec2.NewSecurityGroup(scope, jsii.String("ProxyGroup"), &awsec2.SecurityGroupProps{
		Vpc:              props.Vpc,
		Description:      jsii.String("RDS Proxy, reached from services"),
		AllowAllOutbound: jsii.Bool(false),
	})
	linkAcross(scope, "Services", "Proxy", props.Services, group, DatabasePort, "Services to RDS Proxy")
	linkAcross(scope, "Proxy", "Database", group, props.Database, DatabasePort, "RDS Proxy to database")
	return group
}

// newProxyRole lets the proxy read the services' logins, and nothing else.
func newProxyRole(scope construct.Construct, props RDSProxyProps) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Lets RDS Proxy read the services' logins to the database"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("rds.amazonaws.com"), nil),
	})
	var secrets []*string
	for _, service := range slices.Sorted(maps.Keys(props.Logins)) {
		secrets = append(secrets, props.Logins[service].SecretArn())
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("secretsmanager:GetSecretValue"), Resources: &secrets,
	}))
	role.AddToPolicy(viaSecretsManager(scope, props.Key, "kms:Decrypt"))
	return role
}

// ProxyAccess is the way of one service through the proxy.
type ProxyAccess struct {
	Proxy *RDSProxy
	// User is the role that the service asks for, and nobody else may.
	User string
	// PoolSize is the most connections of a task to each endpoint.
	PoolSize int
	// Pinned leads reads to the writer.
	Pinned bool
	// Staleness is how old what the service reads may be.
	Staleness time.Duration
}

// variables are how a service finds the proxy: docs/connect-to-the-database.md.
func (a ProxyAccess) variables() map[string]string {
	reader := a.Proxy.ReaderHost
	if a.Pinned {
		reader = a.Proxy.WriterHost
	}
	url := func(host *string) string {
		return fmt.Sprintf("postgres://%s@%s:%d/%s?sslmode=verify-full", a.User, *host, DatabasePort, contract.ServiceDatabase)
	}
	return databaseVariables(contract.AuthenticateByIAM, url(a.Proxy.WriterHost), url(reader), a.PoolSize, a.Staleness)
}

// grantTo lets the task log in to the proxy as the service's role. The name in the ARN is the proxy's id, whichever endpoint is
// asked: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-connecting.html
func (a ProxyAccess) grantTo(task awsecs.FargateTaskDefinition) {
	stack := awscdk.Stack_Of(task)
	id := awscdk.Fn_Select(jsii.Number(6), awscdk.Fn_Split(jsii.String(":"), a.Proxy.arn, nil))
	task.AddToTaskRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("rds-db:connect"),
		Resources: jsii.Strings(fmt.Sprintf("arn:%s:rds-db:%s:%s:dbuser:%s/%s",
			*stack.Partition(), *stack.Region(), *stack.Account(), *id, a.User)),
	}))
}

// databaseVariables are what every service with a database is told, whatever is between the two.
func databaseVariables(authentication, writerURL, readerURL string, poolSize int, staleness time.Duration) map[string]string {
	return map[string]string{
		contract.EnvDatabaseAuthentication:    authentication,
		contract.EnvDatabaseWriterURL:         writerURL,
		contract.EnvDatabaseReaderURL:         readerURL,
		contract.EnvDatabasePoolSize:          strconv.Itoa(poolSize),
		contract.EnvDatabaseConnectionSeconds: seconds(connectionLife),
		contract.EnvDatabaseConnectionJitter:  seconds(connectionLife / 5),
		contract.EnvDatabaseStaleness:         strconv.FormatInt(staleness.Milliseconds(), 10),
	}
}
