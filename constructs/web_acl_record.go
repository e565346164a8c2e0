package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// newWebACLRecord makes the log group of what a firewall refuses or counts, without what would let a reader of it sign in or go
// around CloudFront. WAF itself lets its delivery write there. https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
func newWebACLRecord(scope construct.Construct, acl *WebACL, key awskms.IKey, retentionDays int, disposable bool) {
	record := NewLogGroup(scope, "Record", LogGroupProps{
		Name:          "aws-waf-logs-" + acl.Name, // WAF insists on the prefix
		RetentionDays: retentionDays,
		Key:           key,
		Disposable:    disposable,
	})
	var redacted []interface{}
	for _, header := range []string{"authorization", "cookie", contract.OriginHeader} {
		redacted = append(redacted, &awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{SingleHeader: map[string]interface{}{"Name": header}})
	}
	redacted = append(redacted, &awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{QueryString: map[string]interface{}{}})
	group := awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: record.LogGroupName(),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	awswafv2.NewCfnLoggingConfiguration(scope, jsii.String("Recording"), &awswafv2.CfnLoggingConfigurationProps{
		ResourceArn:           acl.ACL.AttrArn(),
		LogDestinationConfigs: &[]interface{}{group}, // without the :* that a log group's own attribute ends with
		RedactedFields:        &redacted,
		LoggingFilter: map[string]interface{}{
			"DefaultBehavior": "DROP",
			"Filters": []interface{}{map[string]interface{}{
				"Behavior": "KEEP", "Requirement": "MEETS_ANY",
				"Conditions": []interface{}{
					map[string]interface{}{"ActionCondition": map[string]interface{}{"Action": "BLOCK"}},
					map[string]interface{}{"ActionCondition": map[string]interface{}{"Action": "COUNT"}},
					map[string]interface{}{"ActionCondition": map[string]interface{}{"Action": "EXCLUDED_AS_COUNT"}},
				},
			}},
		},
	})
}
