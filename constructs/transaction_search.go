package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsxray"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewTransactionSearch lets X-Ray keep spans in CloudWatch Logs, without which its OTLP endpoint refuses them. It is a
// setting of the account and region.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Transaction-Search-Cloudformation.html
func NewTransactionSearch(scope construct.Construct, id string, indexPercent int) {
	scope = construct.NewConstruct(scope, jsii.String(id))
	stack := awscdk.Stack_Of(scope)
	group := func(name string) *string {
		return jsii.String("arn:" + *stack.Partition() + ":logs:" + *stack.Region() + ":" + *stack.Account() + ":log-group:" + name + ":*")
	}
	policy := awslogs.NewResourcePolicy(scope, jsii.String("Spans"), &awslogs.ResourcePolicyProps{
		ResourcePolicyName: jsii.String("peakline-transaction-search"),
		PolicyStatements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("xray.amazonaws.com"), nil)},
			Actions:    jsii.Strings("logs:PutLogEvents"),
			Resources:  &[]*string{group("aws/spans"), group("/aws/application-signals/data")},
			Conditions: &map[string]interface{}{
				"ArnLike":      map[string]interface{}{"aws:SourceArn": "arn:" + *stack.Partition() + ":xray:" + *stack.Region() + ":" + *stack.Account() + ":*"},
				"StringEquals": map[string]interface{}{"aws:SourceAccount": stack.Account()},
			},
		})},
	})
	search := awsxray.NewCfnTransactionSearchConfig(scope, jsii.String("Search"), &awsxray.CfnTransactionSearchConfigProps{
		IndexingPercentage: jsii.Number(indexPercent),
	})
	search.Node().AddDependency(policy)
}
