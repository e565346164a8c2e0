package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// OriginGuardProps says whom the load balancer answers.
type OriginGuardProps struct {
	// Name is the physical one, and the dimension of its metrics.
	Name string
	// Secrets are the names of those by which CloudFront is known.
	Secrets []string
	// InsideCIDR is the VPC's block: services and tries of a release call the load balancer from there.
	InsideCIDR       string
	Key              awskms.IKey
	LogRetentionDays int
	Disposable       bool
}

// guardRule is the name of its only rule.
const guardRule = "OriginGuard"

// NewOriginGuard makes the firewall of a load balancer behind CloudFront. The security group admits every distribution of the
// world, a stranger's included; only ours knows the secret. It is no condition of the listener's rules, because another secret would
// then rewrite each rule, whose weights belong to the releases. docs/adr/0018-edge.md
func NewOriginGuard(scope construct.Construct, id string, props OriginGuardProps) *WebACL {
	scope = construct.NewConstruct(scope, jsii.String(id))
	guard := &WebACL{Name: props.Name, Regional: true}
	known := newIPSets(scope, "Inside", guard.scope(), []string{props.InsideCIDR})
	for _, secret := range props.Secrets {
		known = append(known, &awswafv2.CfnWebACL_StatementProperty{ByteMatchStatement: &awswafv2.CfnWebACL_ByteMatchStatementProperty{
			FieldToMatch:         &awswafv2.CfnWebACL_FieldToMatchProperty{SingleHeader: map[string]interface{}{"Name": contract.OriginHeader}},
			PositionalConstraint: jsii.String("EXACTLY"),
			SearchString:         OriginSecretValue(secret),
			TextTransformations:  transformed("NONE"),
		}})
	}
	const refused = "refused"
	guard.ACL = awswafv2.NewCfnWebACL(scope, jsii.String("Acl"), &awswafv2.CfnWebACLProps{
		Name:          jsii.String(props.Name),
		Scope:         guard.scope(),
		DefaultAction: &awswafv2.CfnWebACL_DefaultActionProperty{Allow: &awswafv2.CfnWebACL_AllowActionProperty{}},
		Rules: &[]interface{}{&awswafv2.CfnWebACL_RuleProperty{
			Name:     jsii.String(guardRule),
			Priority: jsii.Number(0),
			Statement: &awswafv2.CfnWebACL_StatementProperty{
				NotStatement: &awswafv2.CfnWebACL_NotStatementProperty{Statement: anyOf(known)},
			},
			Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{
				CustomResponse: &awswafv2.CfnWebACL_CustomResponseProperty{ResponseCode: jsii.Number(403), CustomResponseBodyKey: jsii.String(refused)},
			}},
			VisibilityConfig: visibleAs(guardRule),
		}},
		VisibilityConfig:     visibleAs(props.Name),
		CustomResponseBodies: &map[string]interface{}{refused: jsonBody("forbidden")},
	})
	newWebACLRecord(scope, guard, props.Key, props.LogRetentionDays, props.Disposable)
	return guard
}
