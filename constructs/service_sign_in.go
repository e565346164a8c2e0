package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2actions"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// signInSession is a working day: after it people are asked again.
const signInSession = 8 * time.Hour

// SignInProps describes paths for which the load balancer asks for a sign-in.
type SignInProps struct {
	Paths    []string
	Priority int
	// PoolARN and ClientID are the user pool's and those of its client with a secret, and Domain is where the sign-in pages are.
	PoolARN, ClientID *string
	Domain            string
}

// routeToOne sends the service's paths to its only target group, some after a sign-in. The test listener has none of them: there
// is no release to be tried.
func (s *Service) routeToOne(scope construct.Construct, props ServiceProps) (rules []construct.IDependable) {
	forward := awselasticloadbalancingv2.ListenerAction_Forward(&[]awselasticloadbalancingv2.IApplicationTargetGroup{s.Blue}, nil)
	add := func(id string, priority int, paths []string, action awselasticloadbalancingv2.ListenerAction) {
		rules = append(rules, untagged(awselasticloadbalancingv2.NewApplicationListenerRule(scope, jsii.String(id), &awselasticloadbalancingv2.ApplicationListenerRuleProps{
			Listener:   props.LoadBalancer.Production,
			Priority:   jsii.Number(priority),
			Conditions: &[]awselasticloadbalancingv2.ListenerCondition{awselasticloadbalancingv2.ListenerCondition_PathPatterns(jsii.Strings(paths...))},
			Action:     action,
		})))
	}
	if len(props.Paths) > 0 {
		add("ProductionRule", props.Priority, props.Paths, forward)
	}
	if props.SignIn != nil {
		add("SignInRule", props.SignIn.Priority, props.SignIn.Paths, props.SignIn.before(scope, forward))
	}
	return rules
}

// before asks for a sign-in before something else. Elastic Load Balancing reads the client's secret from Cognito when the rule is
// made, so that it stands nowhere here.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
func (p SignInProps) before(scope construct.Construct, next awselasticloadbalancingv2.ListenerAction) awselasticloadbalancingv2.ListenerAction {
	return awselasticloadbalancingv2actions.NewAuthenticateCognitoAction(&awselasticloadbalancingv2actions.AuthenticateCognitoActionProps{
		UserPool:                 awscognito.UserPool_FromUserPoolArn(scope, jsii.String("SignInPool"), p.PoolARN),
		UserPoolClient:           awscognito.UserPoolClient_FromUserPoolClientId(scope, jsii.String("SignInClient"), p.ClientID),
		UserPoolDomain:           awscognito.UserPoolDomain_FromDomainName(scope, jsii.String("SignInDomain"), jsii.String(p.Domain)),
		Scope:                    jsii.String(signInScopes),
		SessionTimeout:           awscdk.Duration_Seconds(jsii.Number(signInSession.Seconds())),
		OnUnauthenticatedRequest: awselasticloadbalancingv2.UnauthenticatedAction_AUTHENTICATE,
		AllowHttpsOutbound:       jsii.Bool(false), // the chain of security groups says what it reaches
		Next:                     next,
	})
}
