package e2e

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognitotypes "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
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
		if application.ClientSecret != nil || !slices.Contains(application.AllowedOAuthScopes, "shop/orders") || aws.ToInt32(application.AccessTokenValidity) != 15 {
			t.Errorf("%s has a secret (%t), the scopes %v, tokens for %d minutes", aws.ToString(application.ClientName), application.ClientSecret != nil, application.AllowedOAuthScopes, aws.ToInt32(application.AccessTokenValidity))
		}
	}
	if want := map[string][]string{"web": {"http://localhost:3000/auth/callback"}, "mobile": {"shop://auth/callback"}}; !maps.EqualFunc(back, want, slices.Equal) {
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
