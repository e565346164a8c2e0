package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// serviceOfAccount is an AWS service acting for a resource of this account. Without the condition, the same service acting
// for a stranger's resource would be let in too (the confused deputy).
func serviceOfAccount(scope construct.Construct, service string) awsiam.IPrincipal {
	return awsiam.NewServicePrincipal(jsii.String(service), &awsiam.ServicePrincipalOpts{
		Conditions: &map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
		},
	})
}

// assumeForThisAccount is the same for a role that the CDK makes itself, and whose trust it lets nobody word.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
func assumeForThisAccount(role awsiam.IRole) {
	role.Node().DefaultChild().(awsiam.CfnRole).AddPropertyOverride(jsii.String("AssumeRolePolicyDocument.Statement.0.Condition"),
		map[string]interface{}{"StringEquals": map[string]interface{}{"aws:SourceAccount": *awscdk.Stack_Of(role).Account()}})
}
