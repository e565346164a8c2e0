package constructs

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// WebACLProps describes what a firewall refuses.
type WebACLProps struct {
	// Name is the physical one, and the dimension of its metrics.
	Name string
	// Regional is for a load balancer; zero is for CloudFront, in us-east-1.
	Regional bool
	// Groups are AWS's managed rules, in the order in which they look at a request.
	Groups []ManagedRules
	// Limits are how many requests an address may send, in the order in which they are asked.
	Limits []RateLimit
	// CountLimits lets requests beyond a limit through and counts them.
	CountLimits bool
	// Allow and Block are ranges of IPv4 and IPv6.
	Allow, Block []string
	// Key encrypts the record.
	Key              awskms.IKey
	LogRetentionDays int
	Disposable       bool
}

// ManagedRules is a group of rules that AWS keeps up to date.
type ManagedRules struct {
	// Name is AWS's, without the prefix AWSManagedRules.
	Name string
	// Count lets through and counts what the group refuses.
	Count bool
}

// RateLimit is how many requests an address may send in five minutes to some paths.
type RateLimit struct {
	Name string
	// Paths are patterns, a path or a prefix and *; none are all.
	Paths    []string
	Requests int
}

// WebACL is a firewall with its record.
type WebACL struct {
	ACL awswafv2.CfnWebACL
	// Name and Regional say where its metrics are.
	Name     string
	Regional bool
}

const (
	limitSeconds = 300
	limitedBody  = "limited"
)

// NewWebACL makes a firewall that lets everything through which nothing refuses. Lists of addresses decide first, then the limits,
// which cost least, then AWS's rules.
func NewWebACL(scope construct.Construct, id string, props WebACLProps) *WebACL {
	scope = construct.NewConstruct(scope, jsii.String(id))
	acl := &WebACL{Name: props.Name, Regional: props.Regional}
	var rules []interface{}
	add := func(name string, rule awswafv2.CfnWebACL_RuleProperty) {
		rule.Name, rule.Priority, rule.VisibilityConfig = jsii.String(name), jsii.Number(len(rules)), visibleAs(name)
		rules = append(rules, rule)
	}
	for _, list := range []struct {
		name      string
		addresses []string
		action    *awswafv2.CfnWebACL_RuleActionProperty
	}{
		{"Allowed", props.Allow, &awswafv2.CfnWebACL_RuleActionProperty{Allow: &awswafv2.CfnWebACL_AllowActionProperty{}}},
		{"Blocked", props.Block, &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{}}},
	} {
		if sets := newIPSets(scope, list.name, acl.scope(), list.addresses); len(sets) > 0 {
			add(list.name, awswafv2.CfnWebACL_RuleProperty{Action: list.action, Statement: anyOf(sets)})
		}
	}
	for _, limit := range props.Limits {
		add("Limit-"+limit.Name, awswafv2.CfnWebACL_RuleProperty{Action: limitAction(props.CountLimits), Statement: limit.statement()})
	}
	for _, group := range props.Groups {
		override := &awswafv2.CfnWebACL_OverrideActionProperty{None: map[string]interface{}{}}
		if group.Count {
			override = &awswafv2.CfnWebACL_OverrideActionProperty{Count: map[string]interface{}{}}
		}
		add(group.Name, awswafv2.CfnWebACL_RuleProperty{OverrideAction: override, Statement: &awswafv2.CfnWebACL_StatementProperty{
			ManagedRuleGroupStatement: &awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{
				VendorName: jsii.String("AWS"), Name: jsii.String("AWSManagedRules" + group.Name),
			},
		}})
	}
	acl.ACL = awswafv2.NewCfnWebACL(scope, jsii.String("Acl"), &awswafv2.CfnWebACLProps{
		Name:                 jsii.String(props.Name),
		Scope:                acl.scope(),
		DefaultAction:        &awswafv2.CfnWebACL_DefaultActionProperty{Allow: &awswafv2.CfnWebACL_AllowActionProperty{}},
		Rules:                &rules,
		VisibilityConfig:     visibleAs(props.Name),
		CustomResponseBodies: &map[string]interface{}{limitedBody: jsonBody("too many requests")},
	})
	newWebACLRecord(scope, acl, props.Key, props.LogRetentionDays, props.Disposable)
	return acl
}

func (w *WebACL) scope() *string {
	if w.Regional {
		return jsii.String("REGIONAL")
	}
	return jsii.String("CLOUDFRONT")
}

// Protect puts the firewall in front of a load balancer.
func (w *WebACL) Protect(scope construct.Construct, id string, balancer *LoadBalancer) {
	awswafv2.NewCfnWebACLAssociation(scope, jsii.String(id), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: balancer.LoadBalancer.LoadBalancerArn(), WebAclArn: w.ACL.AttrArn(),
	})
}

// newIPSets makes a set for each version of IP, and returns the statements that look into them.
func newIPSets(scope construct.Construct, id string, of *string, addresses []string) (statements []interface{}) {
	versions := map[string][]string{}
	for _, address := range addresses {
		version := "IPV4"
		if netip.MustParsePrefix(address).Addr().Is6() {
			version = "IPV6"
		}
		versions[version] = append(versions[version], address)
	}
	for _, version := range []string{"IPV4", "IPV6"} {
		if len(versions[version]) == 0 {
			continue
		}
		set := awswafv2.NewCfnIPSet(scope, jsii.String(id+version), &awswafv2.CfnIPSetProps{
			Scope: of, IpAddressVersion: jsii.String(version), Addresses: jsii.Strings(versions[version]...),
		})
		statements = append(statements, &awswafv2.CfnWebACL_StatementProperty{
			IpSetReferenceStatement: &awswafv2.CfnWebACL_IPSetReferenceStatementProperty{Arn: set.AttrArn()},
		})
	}
	return statements
}

func (l RateLimit) statement() *awswafv2.CfnWebACL_StatementProperty {
	limit := &awswafv2.CfnWebACL_RateBasedStatementProperty{
		AggregateKeyType: jsii.String("IP"), Limit: jsii.Number(l.Requests), EvaluationWindowSec: jsii.Number(limitSeconds),
	}
	if len(l.Paths) > 0 {
		var paths []interface{}
		for _, pattern := range l.Paths {
			paths = append(paths, onPath(pattern))
		}
		limit.ScopeDownStatement = anyOf(paths)
	}
	return &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: limit}
}

// onPath decodes the path first, or %6cogin would be no login.
func onPath(pattern string) *awswafv2.CfnWebACL_StatementProperty {
	stem, open := strings.CutSuffix(pattern, "*")
	position := "EXACTLY"
	if open {
		position = "STARTS_WITH"
	}
	return &awswafv2.CfnWebACL_StatementProperty{ByteMatchStatement: &awswafv2.CfnWebACL_ByteMatchStatementProperty{
		FieldToMatch:         &awswafv2.CfnWebACL_FieldToMatchProperty{UriPath: map[string]interface{}{}},
		PositionalConstraint: jsii.String(position),
		SearchString:         jsii.String(stem),
		TextTransformations:  transformed("URL_DECODE", "NORMALIZE_PATH"),
	}}
}

func transformed(by ...string) *[]interface{} {
	var all []interface{}
	for priority, transformation := range by {
		all = append(all, &awswafv2.CfnWebACL_TextTransformationProperty{Priority: jsii.Number(priority), Type: jsii.String(transformation)})
	}
	return &all
}

// anyOf is one statement for several; WAF refuses an Or of one.
func anyOf(statements []interface{}) *awswafv2.CfnWebACL_StatementProperty {
	if len(statements) == 1 {
		return statements[0].(*awswafv2.CfnWebACL_StatementProperty)
	}
	return &awswafv2.CfnWebACL_StatementProperty{OrStatement: &awswafv2.CfnWebACL_OrStatementProperty{Statements: &statements}}
}

func limitAction(count bool) *awswafv2.CfnWebACL_RuleActionProperty {
	if count {
		return &awswafv2.CfnWebACL_RuleActionProperty{Count: &awswafv2.CfnWebACL_CountActionProperty{}}
	}
	return &awswafv2.CfnWebACL_RuleActionProperty{Block: &awswafv2.CfnWebACL_BlockActionProperty{
		CustomResponse: &awswafv2.CfnWebACL_CustomResponseProperty{
			ResponseCode:          jsii.Number(429),
			CustomResponseBodyKey: jsii.String(limitedBody),
			ResponseHeaders: &[]interface{}{&awswafv2.CfnWebACL_CustomHTTPHeaderProperty{
				Name: jsii.String("retry-after"), Value: jsii.String(strconv.Itoa(limitSeconds)),
			}},
		},
	}}
}

func jsonBody(text string) *awswafv2.CfnWebACL_CustomResponseBodyProperty {
	return &awswafv2.CfnWebACL_CustomResponseBodyProperty{
		ContentType: jsii.String("APPLICATION_JSON"), Content: jsii.String(`{"error":"` + text + `"}`),
	}
}

// visibleAs keeps metrics and no samples: samples hold whole requests, cookies and tokens included.
func visibleAs(name string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
	return &awswafv2.CfnWebACL_VisibilityConfigProperty{
		CloudWatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(name), SampledRequestsEnabled: jsii.Bool(false),
	}
}
