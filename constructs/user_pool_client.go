package constructs

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// DeviceClientProps describes an application that runs on a device of its user.
type DeviceClientProps struct {
	Name                     string
	CallbackURLs, LogoutURLs []string
	// Scopes of the resource server, as access tokens carry them.
	Scopes []string
	// Providers are the social ones that people may come from.
	Providers                            []*SocialProvider
	AccessTokenMinutes, RefreshTokenDays int
}

// attributesOfPeople are what applications may read and write, and what social providers fill. An application that may write
// everything could say of itself that an address is confirmed.
var attributesOfPeople = []string{"email", "family_name", "given_name", "locale", "name", "phone_number"}

// authSessionMinutes is how long somebody may take from one step of a sign-in to the next.
const authSessionMinutes = 5

// signInScopes are what every client may ask about somebody.
const signInScopes = "openid email profile"

// AddDeviceClient makes the client of an application that can keep no secret: it exchanges an authorization code, with PKCE,
// for short tokens and a refresh token that changes with each use.
func (p *UserPool) AddDeviceClient(scope construct.Construct, id string, props DeviceClientProps) awscognito.CfnUserPoolClient {
	// The sign-in pages need no flow; one has to be listed, or the default ones, REFRESH_TOKEN_AUTH among them, are on, which
	// goes against tokens that change. With SRP a password never leaves the device.
	flows := []string{"ALLOW_USER_SRP_AUTH"}
	if p.migrates { // the trigger is given the password
		flows = append(flows, "ALLOW_USER_PASSWORD_AUTH")
	}
	described := p.client(props.Name, props.AccessTokenMinutes, props.RefreshTokenDays, props.CallbackURLs, props.Scopes)
	described.GenerateSecret = jsii.Bool(false)
	described.ExplicitAuthFlows = jsii.Strings(flows...)
	described.RefreshTokenRotation = &awscognito.CfnUserPoolClient_RefreshTokenRotationProperty{
		Feature: jsii.String("ENABLED"), RetryGracePeriodSeconds: jsii.Number(60), // an answer that is lost on the way is asked for again
	}
	described.WriteAttributes = jsii.Strings(attributesOfPeople...)
	if len(props.LogoutURLs) > 0 {
		described.LogoutUrLs = jsii.Strings(props.LogoutURLs...)
	}
	return p.addClient(scope, id, described, props.Providers)
}

// BalancerClientProps describes the client of a load balancer that asks for a sign-in.
type BalancerClientProps struct {
	Name         string
	CallbackURLs []string
	// Providers are the social ones that people may come from.
	Providers          []*SocialProvider
	AccessTokenMinutes int
}

// AddBalancerClient makes the client of a load balancer, which keeps a secret: AWS makes it, and Elastic Load Balancing reads it
// itself. The load balancer sends a refresh token again and again, so that it does not change. Attributes are read only.
func (p *UserPool) AddBalancerClient(scope construct.Construct, id string, props BalancerClientProps) awscognito.CfnUserPoolClient {
	described := p.client(props.Name, props.AccessTokenMinutes, 1, props.CallbackURLs, nil)
	described.GenerateSecret = jsii.Bool(true)
	described.ExplicitAuthFlows = jsii.Strings("ALLOW_REFRESH_TOKEN_AUTH")
	described.WriteAttributes = jsii.Strings("email") // none would mean all, and who signs up by it has to have an address
	return p.addClient(scope, id, described, props.Providers)
}

// client is what all clients have in common.
func (p *UserPool) client(name string, accessTokenMinutes, refreshTokenDays int, callbackURLs, scopes []string) *awscognito.CfnUserPoolClientProps {
	return &awscognito.CfnUserPoolClientProps{
		UserPoolId:                      p.Pool.Ref(),
		ClientName:                      jsii.String(name),
		AllowedOAuthFlowsUserPoolClient: jsii.Bool(true),
		AllowedOAuthFlows:               jsii.Strings("code"),
		AllowedOAuthScopes:              jsii.Strings(append(strings.Fields(signInScopes), scopes...)...),
		CallbackUrLs:                    jsii.Strings(callbackURLs...),
		PreventUserExistenceErrors:      jsii.String("ENABLED"),
		EnableTokenRevocation:           jsii.Bool(true),
		AuthSessionValidity:             jsii.Number(authSessionMinutes),
		AccessTokenValidity:             jsii.Number(accessTokenMinutes),
		IdTokenValidity:                 jsii.Number(accessTokenMinutes),
		RefreshTokenValidity:            jsii.Number(refreshTokenDays),
		TokenValidityUnits: &awscognito.CfnUserPoolClient_TokenValidityUnitsProperty{
			AccessToken: jsii.String("minutes"), IdToken: jsii.String("minutes"), RefreshToken: jsii.String("days"),
		},
		ReadAttributes: jsii.Strings(append([]string{"email_verified"}, attributesOfPeople...)...),
	}
}

func (p *UserPool) addClient(scope construct.Construct, id string, described *awscognito.CfnUserPoolClientProps, providers []*SocialProvider) awscognito.CfnUserPoolClient {
	scope = construct.NewConstruct(scope, jsii.String(id))
	names := []string{"COGNITO"}
	for _, provider := range providers {
		names = append(names, provider.Name)
	}
	described.SupportedIdentityProviders = jsii.Strings(names...)
	client := awscognito.NewCfnUserPoolClient(scope, jsii.String("Client"), described)
	for _, provider := range providers {
		client.AddResourceDependency(provider.Resource, nil)
	}
	p.showPages(scope, client)
	return client
}

// showPages gives a client the sign-in pages: managed login has none for a client without a branding, Cognito's own will do.
// https://docs.aws.amazon.com/cognito/latest/developerguide/managed-login-branding.html
func (p *UserPool) showPages(scope construct.Construct, client awscognito.CfnUserPoolClient) {
	awscognito.NewCfnManagedLoginBranding(scope, jsii.String("Pages"), &awscognito.CfnManagedLoginBrandingProps{
		UserPoolId:               p.Pool.Ref(),
		ClientId:                 client.Ref(),
		UseCognitoProvidedValues: jsii.Bool(true),
	})
}

// SignInDomainProps is a prefix at amazoncognito.com, or a name with its certificate.
type SignInDomainProps struct {
	Prefix, Name string
	// CertificateARN is in us-east-1.
	CertificateARN string
}

// AddDomain puts the sign-in pages, managed login and not the older hosted UI, under a domain.
func (p *UserPool) AddDomain(scope construct.Construct, id string, props SignInDomainProps) awscognito.CfnUserPoolDomain {
	described := &awscognito.CfnUserPoolDomainProps{
		UserPoolId:          p.Pool.Ref(),
		Domain:              jsii.String(props.Prefix),
		ManagedLoginVersion: jsii.Number(2),
	}
	if props.Name != "" {
		described.Domain = jsii.String(props.Name)
		described.CustomDomainConfig = &awscognito.CfnUserPoolDomain_CustomDomainConfigTypeProperty{CertificateArn: jsii.String(props.CertificateARN)}
	}
	return awscognito.NewCfnUserPoolDomain(scope, jsii.String(id), described)
}

// AddScopes makes the resource server whose scopes access tokens carry as identifier/name, and returns them in the order of names.
func (p *UserPool) AddScopes(scope construct.Construct, id, identifier string, names []string, descriptions map[string]string) []string {
	if len(names) == 0 {
		return nil
	}
	var described []interface{}
	for _, name := range names {
		described = append(described, &awscognito.CfnUserPoolResourceServer_ResourceServerScopeTypeProperty{
			ScopeName: jsii.String(name), ScopeDescription: jsii.String(descriptions[name]),
		})
	}
	server := awscognito.NewCfnUserPoolResourceServer(scope, jsii.String(id), &awscognito.CfnUserPoolResourceServerProps{
		UserPoolId: p.Pool.Ref(), Identifier: jsii.String(identifier), Name: jsii.String(identifier), Scopes: &described,
	})
	scopes := make([]string, len(names))
	for n, name := range names {
		scopes[n] = *server.Ref() + "/" + name // a client that names a scope is made after it
	}
	return scopes
}

// AddGroup makes a group that people can be members of; tokens say of which.
func (p *UserPool) AddGroup(scope construct.Construct, id, name, description string, precedence int) {
	awscognito.NewCfnUserPoolGroup(scope, jsii.String(id), &awscognito.CfnUserPoolGroupProps{
		UserPoolId: p.Pool.Ref(), GroupName: jsii.String(name), Description: jsii.String(description), Precedence: jsii.Number(precedence),
	})
}
