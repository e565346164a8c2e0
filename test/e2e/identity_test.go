package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognitotypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// peopleSignIn reads the user pool, its pages and its clients back.
func (e emulator) peopleSignIn(t *testing.T) {
	t.Helper()
	client := cognitoidentityprovider.NewFromConfig(e.config())
	pools := e.userPools(t)
	if len(pools) != 1 {
		t.Fatalf("%d user pools, want one", len(pools))
	}
	id := &pools[0]
	described, err := client.DescribeUserPool(t.Context(), &cognitoidentityprovider.DescribeUserPoolInput{UserPoolId: id})
	if err != nil {
		t.Fatal(err)
	}
	pool := described.UserPool
	if pool.UserPoolTier != cognitotypes.UserPoolTierTypeEssentials || !slices.Equal(pool.UsernameAttributes, []cognitotypes.UsernameAttributeType{cognitotypes.UsernameAttributeTypeEmail}) ||
		aws.ToInt32(pool.Policies.PasswordPolicy.MinimumLength) != 12 {
		t.Errorf("the pool is on plan %s, people are known by %v, passwords have %d characters", pool.UserPoolTier, pool.UsernameAttributes, aws.ToInt32(pool.Policies.PasswordPolicy.MinimumLength))
	}
	factors, err := client.GetUserPoolMfaConfig(t.Context(), &cognitoidentityprovider.GetUserPoolMfaConfigInput{UserPoolId: id})
	if err != nil {
		t.Fatal(err)
	}
	if factors.MfaConfiguration != cognitotypes.UserPoolMfaTypeOptional || !factors.SoftwareTokenMfaConfiguration.Enabled || factors.SmsMfaConfiguration != nil {
		t.Errorf("second factors are %s: %+v, %+v", factors.MfaConfiguration, factors.SoftwareTokenMfaConfiguration, factors.SmsMfaConfiguration)
	}
	domain, err := client.DescribeUserPoolDomain(t.Context(), &cognitoidentityprovider.DescribeUserPoolDomainInput{Domain: aws.String("peakline-local-123456789012")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(domain.DomainDescription.UserPoolId) != aws.ToString(id) {
		t.Errorf("the sign-in pages are those of the pool %q", aws.ToString(domain.DomainDescription.UserPoolId))
	}
	listed, err := client.ListUserPoolClients(t.Context(), &cognitoidentityprovider.ListUserPoolClientsInput{UserPoolId: id})
	if err != nil {
		t.Fatal(err)
	}
	back := map[string][]string{}
	for _, found := range listed.UserPoolClients {
		described, err := client.DescribeUserPoolClient(t.Context(), &cognitoidentityprovider.DescribeUserPoolClientInput{UserPoolId: id, ClientId: found.ClientId})
		if err != nil {
			t.Fatal(err)
		}
		application := described.UserPoolClient
		back[aws.ToString(application.ClientName)] = application.CallbackURLs
		if aws.ToString(application.ClientName) == "balancer" {
			if application.ClientSecret == nil {
				t.Error("the load balancer's client has no secret")
			}
			continue
		}
		if application.ClientSecret != nil || !slices.Contains(application.AllowedOAuthScopes, "shop/orders") || aws.ToInt32(application.AccessTokenValidity) != 15 {
			t.Errorf("%s has a secret (%t), the scopes %v, tokens for %d minutes", aws.ToString(application.ClientName), application.ClientSecret != nil, application.AllowedOAuthScopes, aws.ToInt32(application.AccessTokenValidity))
		}
	}
	if want := map[string][]string{"web": {"http://localhost:3000/auth/callback"}, "mobile": {"shop://auth/callback"}, "balancer": {"https://www.shop.example.com/oauth2/idpresponse", "https://shop.example.com/oauth2/idpresponse"}}; !maps.EqualFunc(back, want, slices.Equal) {
		t.Errorf("people come back to %v, want %v", back, want)
	}
}

func (e emulator) userPools(t *testing.T) (ids []string) {
	t.Helper()
	found, err := cognitoidentityprovider.NewFromConfig(e.config()).ListUserPools(t.Context(), &cognitoidentityprovider.ListUserPoolsInput{MaxResults: aws.Int32(10)})
	if err != nil {
		t.Fatal(err)
	}
	for _, pool := range found.UserPools {
		ids = append(ids, aws.ToString(pool.Id))
	}
	return ids
}

// officeSignsIn reads the rule of a path that asks for a sign-in back, and the client that it asks by.
func (e emulator) officeSignsIn(t *testing.T) {
	rules := elasticloadbalancingv2.NewFromConfig(e.config())
	listener := e.listener(t, e.balancer(t, elbtypes.LoadBalancerTypeEnumApplication), 443)
	found, err := rules.DescribeRules(t.Context(), &elasticloadbalancingv2.DescribeRulesInput{ListenerArn: listener.ListenerArn})
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string][]elbtypes.Action{}
	for _, rule := range found.Rules {
		for _, condition := range rule.Conditions {
			for _, path := range condition.PathPatternConfig.Values {
				actions[path] = rule.Actions
			}
		}
	}
	if open := actions["/api/office/*"]; len(open) != 1 || open[0].Type != elbtypes.ActionTypeEnumForward {
		t.Errorf("programs meet %v", open)
	}
	asking := actions["/office/*"]
	if len(asking) != 2 || asking[0].Type != elbtypes.ActionTypeEnumAuthenticateCognito || asking[1].Type != elbtypes.ActionTypeEnumForward {
		t.Fatalf("people meet %+v, want a sign-in before the service", asking)
	}
	asks := asking[0].AuthenticateCognitoConfig
	if asks.OnUnauthenticatedRequest != elbtypes.AuthenticateCognitoActionConditionalBehaviorEnumAuthenticate || aws.ToString(asks.UserPoolDomain) != "peakline-local-123456789012" || aws.ToInt64(asks.SessionTimeout) != 28800 {
		t.Errorf("a sign-in is asked for by %+v", asks)
	}
	_, pool, _ := strings.Cut(aws.ToString(asks.UserPoolArn), ":userpool/")
	described, err := cognitoidentityprovider.NewFromConfig(e.config()).DescribeUserPoolClient(t.Context(), &cognitoidentityprovider.DescribeUserPoolClientInput{UserPoolId: &pool, ClientId: asks.UserPoolClientId})
	if err != nil {
		t.Fatal(err)
	}
	client, want := described.UserPoolClient, []string{"https://www.shop.example.com/oauth2/idpresponse", "https://shop.example.com/oauth2/idpresponse"}
	if aws.ToString(client.ClientSecret) == "" || !slices.Equal(client.CallbackURLs, want) {
		t.Errorf("the load balancer's client has a secret: %t, and comes back to %v, want %v", client.ClientSecret != nil, client.CallbackURLs, want)
	}
	told := e.variables(t, e.services(t)["office"])
	if told["AUTH_BALANCER_CLIENT_ID"] != aws.ToString(asks.UserPoolClientId) || told["AUTH_BALANCER_ARN"] != aws.ToString(listener.LoadBalancerArn) {
		t.Errorf("the office is told of the client %q and the load balancer %q", told["AUTH_BALANCER_CLIENT_ID"], told["AUTH_BALANCER_ARN"])
	}
}
