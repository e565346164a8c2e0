package constructs

import (
	"strconv"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// DatabaseParameters are the PostgreSQL settings an operator may move; the others are fixed in newClusterParameterGroup.
type DatabaseParameters struct {
	// SlowQuery is the duration from which a statement is logged. Default 250 ms, the average query time of a busy shop.
	SlowQuery time.Duration
	// SynchronousCommit is PostgreSQL's setting of that name. Default "on": a confirmed order survives a crash.
	SynchronousCommit string
	// LogicalReplication lets a migration stream changes in or out. Switching it restarts the instances.
	LogicalReplication bool
}

// newClusterParameterGroup is what PostgreSQL itself is told. Like everything a retained cluster refers to, it is
// retained with it.
// Parameters: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Reference.ParameterGroups.html and
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
func newClusterParameterGroup(scope construct.Construct, id string, engine awsrds.IEngine, parameters DatabaseParameters, disposable bool) awsrds.ParameterGroup {
	if parameters.SlowQuery == 0 {
		parameters.SlowQuery = 250 * time.Millisecond
	}
	if parameters.SynchronousCommit == "" {
		parameters.SynchronousCommit = "on"
	}
	return awsrds.NewParameterGroup(scope, jsii.String(id), &awsrds.ParameterGroupProps{
		Engine:        engine,
		Description:   jsii.String("Peakline: TLS only, SCRAM passwords, audit, slow-query log, statement statistics"),
		RemovalPolicy: removalPolicy(disposable),
		Parameters: &map[string]*string{
			"rds.force_ssl":                       jsii.String("1"),
			"password_encryption":                 jsii.String("scram-sha-256"),
			"rds.accepted_password_auth_method":   jsii.String("scram"),
			"synchronous_commit":                  jsii.String(parameters.SynchronousCommit),
			"rds.logical_replication":             jsii.String(zeroOrOne(parameters.LogicalReplication)),
			"shared_preload_libraries":            jsii.String("pg_stat_statements,pgaudit"),
			"pgaudit.role":                        jsii.String("rds_pgaudit"), // audits what is granted to this role
			"pgaudit.log":                         jsii.String("role"),
			"pg_stat_statements.track":            jsii.String("all"),
			"track_activity_query_size":           jsii.String("4096"),
			"track_io_timing":                     jsii.String("1"),
			"log_min_duration_statement":          jsii.String(strconv.FormatInt(parameters.SlowQuery.Milliseconds(), 10)),
			"log_statement":                       jsii.String("ddl"),
			"log_connections":                     jsii.String("1"),
			"log_disconnections":                  jsii.String("1"),
			"log_lock_waits":                      jsii.String("1"),
			"log_parameter_max_length":            jsii.String("0"), // bind values are personal data
			"log_parameter_max_length_on_error":   jsii.String("0"),
			"idle_in_transaction_session_timeout": jsii.String("60000"),
		},
	})
}

// newInstanceParameterGroup gives every instance, the readers that the replica scaler adds included, one group of ours.
// Its name is fixed, and another one for each major version, because the scaler's stack names it too: a name of
// CloudFormation's, handed over as an export, could not change in an upgrade while that stack uses it. The group that a green
// cluster starts with has none, for the scaler rests.
func newInstanceParameterGroup(scope construct.Construct, id, name string, engine awsrds.IClusterEngine, disposable bool) awsrds.ParameterGroup {
	return awsrds.NewParameterGroup(scope, jsii.String(id), &awsrds.ParameterGroupProps{
		Name:          optionalString(name),
		Engine:        engine,
		Description:   jsii.String("Peakline: instances follow the cluster's parameters"),
		RemovalPolicy: namedRemovalPolicy(disposable),
	})
}

func zeroOrOne(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
