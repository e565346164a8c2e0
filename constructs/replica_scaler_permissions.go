package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// permit grants the statements to a function.
func permit(scope construct.Construct, props ReplicaScalerProps, function awslambda.Function, statements []awsiam.PolicyStatement) {
	for _, statement := range statements {
		function.AddToRolePolicy(statement)
	}
	acknowledge(function.Role(), "Readers do not exist yet when they are named: the scaler's by prefix, those it looks at by a filter",
		"AwsSolutions-IAM5[Resource::"+*ownedReaders(scope, props)+"]", "AwsSolutions-IAM5[Resource::"+*allInstances(scope)+"]")
}

// scalerStatements is all that the scaler may do: look at everything, create readers that carry its tag, delete those.
func scalerStatements(scope construct.Construct, props ReplicaScalerProps) []awsiam.PolicyStatement {
	owned := ownedReaders(scope, props)
	withTag := func(key string) map[string]interface{} {
		return map[string]interface{}{"StringEquals": map[string]interface{}{key + "/" + contract.OwnerTagKey: props.EnvironmentName}}
	}
	rds := fmt.Sprintf("rds.%s.amazonaws.com", *awscdk.Stack_Of(scope).Region())
	return append(readStatements(scope, props),
		allow([]string{"cloudwatch:GetMetricData", "application-autoscaling:DescribeScalableTargets", "rds:DescribeEvents"}, everything, nil),
		allow([]string{"rds:CreateDBInstance"}, []*string{
			props.Cluster.Cluster.ClusterArn(), owned,
			rdsARN(scope, "pg", props.Cluster.InstanceParametersName),
			rdsARN(scope, "subgrp", props.Cluster.SubnetGroupName),
			rdsARN(scope, "og", props.Cluster.OptionGroupName),
		}, withTag("aws:RequestTag")),
		allow([]string{"rds:AddTagsToResource"}, []*string{owned}, nil), // what CreateDBInstance needs to set the tag above
		allow([]string{"rds:DeleteDBInstance"}, []*string{owned}, withTag("aws:ResourceTag")),
		allow([]string{"iam:PassRole"}, []*string{props.Cluster.MonitoringRole.RoleArn()}, map[string]interface{}{
			"StringEquals": map[string]interface{}{"iam:PassedToService": "monitoring.rds.amazonaws.com"},
		}),
		allow([]string{"kms:DescribeKey"}, []*string{props.Cluster.Key.KeyArn()}, map[string]interface{}{
			"StringEquals": map[string]interface{}{"kms:ViaService": rds},
		}),
		allow([]string{"kms:CreateGrant"}, []*string{props.Cluster.Key.KeyArn()}, map[string]interface{}{
			"StringEquals": map[string]interface{}{"kms:ViaService": rds},
			"Bool":         map[string]interface{}{"kms:GrantIsForAWSResource": "true"},
		}),
	)
}

// drainStatements lets the drain delete the scaler's readers and lift the operator's override; it can create nothing.
func drainStatements(scope construct.Construct, props ReplicaScalerProps) []awsiam.PolicyStatement {
	return append(readStatements(scope, props),
		allow([]string{"ssm:DeleteParameter"}, []*string{parameterARN(scope, contract.OverrideParameter(props.EnvironmentName))}, nil),
		allow([]string{"rds:DeleteDBInstance"}, []*string{ownedReaders(scope, props)}, map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:ResourceTag/" + contract.OwnerTagKey: props.EnvironmentName},
		}),
	)
}

func readStatements(scope construct.Construct, props ReplicaScalerProps) []awsiam.PolicyStatement {
	return []awsiam.PolicyStatement{
		allow([]string{"ssm:GetParameters"}, []*string{
			parameterARN(scope, contract.PolicyParameter(props.EnvironmentName)),
			parameterARN(scope, contract.OverrideParameter(props.EnvironmentName)),
		}, nil),
		allow([]string{"rds:DescribeDBClusters"}, []*string{props.Cluster.Cluster.ClusterArn()}, nil),
		// The readers are asked for with a filter rather than by name, which IAM can only allow for all instances.
		allow([]string{"rds:DescribeDBInstances"}, []*string{allInstances(scope)}, nil),
	}
}

// everything is for actions that IAM cannot limit to a resource.
var everything = []*string{jsii.String("*")}

func allow(actions []string, resources []*string, conditions map[string]interface{}) awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources}
	if conditions != nil {
		props.Conditions = &conditions
	}
	return awsiam.NewPolicyStatement(props)
}

func allInstances(scope construct.Construct) *string { return rdsARN(scope, "db", jsii.String("*")) }

func ownedReaders(scope construct.Construct, props ReplicaScalerProps) *string {
	return rdsARN(scope, "db", jsii.String(contract.ReaderPrefix(props.EnvironmentName)+"-*"))
}

func parameterARN(scope construct.Construct, name string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("ssm"), Resource: jsii.String("parameter" + name), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME,
	})
}

func rdsARN(scope construct.Construct, resource string, name *string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("rds"), Resource: jsii.String(resource), ResourceName: name,
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}
