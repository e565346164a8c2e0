package constructs

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// acknowledge says why findings of cdk-nag stay as they are, on every resource below scope that exists by now. A finding is
// a rule, "AwsSolutions-RDS10", or for rules about IAM one thing that the rule found, "AwsSolutions-IAM5[Resource::*]".
//
// The note is written into the template the way cdk-nag reads it, so that the app does not have to load cdk-nag.
// https://github.com/cdklabs/cdk-nag#suppressing-a-rule
func acknowledge(scope construct.IConstruct, reason string, findings ...string) {
	for _, child := range *scope.Node().FindAll(construct.ConstructOrder_PREORDER) {
		resource, ok := child.(awscdk.CfnResource)
		if !ok {
			continue
		}
		noted, _ := resource.GetMetadata(jsii.String("cdk_nag")).(map[string]interface{})
		rules, _ := noted["rules_to_suppress"].([]interface{})
		for _, finding := range findings {
			id, detail, detailed := strings.Cut(strings.TrimSuffix(finding, "]"), "[")
			rule := map[string]interface{}{"id": id, "reason": reason}
			if detailed {
				rule["applies_to"] = []string{detail}
			}
			rules = append(rules, rule)
		}
		resource.AddMetadata(jsii.String("cdk_nag"), map[string]interface{}{"rules_to_suppress": rules})
	}
}
