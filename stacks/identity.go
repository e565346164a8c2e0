package stacks

import (
	"cmp"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
	"peakline/lambda/contract"
)

// scopeServer is what the scopes of access tokens begin with: shop/orders.
const scopeServer = "shop"

// Identity is the stack of the user pool. It holds people, so that it lives apart from the services.
type Identity struct {
	Stack       awscdk.Stack
	Pool        *constructs.UserPool
	Web, Mobile awscognito.CfnUserPoolClient
	// Balancer is the load balancer's client; nil where that speaks plain HTTP, and could not ask for a sign-in.
	Balancer awscognito.CfnUserPoolClient
}

var (
	secondFactors = map[config.MFA]constructs.SecondFactor{
		config.MFARequired: constructs.SecondFactorRequired, config.MFAOptional: constructs.SecondFactorOptional, config.MFAOff: constructs.SecondFactorOff,
	}
	threatProtections = map[config.ThreatProtection]constructs.ThreatProtection{
		config.ThreatsEnforced: constructs.ThreatsEnforced, config.ThreatsAudit: constructs.ThreatsAudited, config.ThreatsOff: constructs.ThreatsIgnored,
	}
)

// NewIdentity makes the pool, its domain, its clients, and what tokens can say: groups and scopes.
func NewIdentity(stage awscdk.Stage, environment config.Environment, notifications *constructs.Notifications) *Identity {
	settings := environment.Identity
	stack := newStack(stage, "Identity", "user pool, sign-in pages, clients", environment)
	pool := constructs.NewUserPool(stack, "People", constructs.UserPoolProps{
		Key:               constructs.NewUserPoolKey(stack, "Key", disposable(environment)),
		SecondFactor:      secondFactors[settings.MFA],
		ThreatProtection:  threatProtections[settings.ThreatProtection],
		PasswordMinLength: settings.PasswordMinLength,
		Mail:              constructs.Mail(settings.Email),
		Triggers:          settings.Triggers.ByName(),
		LogRetentionDays:  settings.LogRetentionDays,
		Disposable:        disposable(environment),
	})
	domain := pool.AddDomain(stack, "Domain", constructs.SignInDomainProps(environment.SignInDomain()))
	for _, name := range slices.Sorted(maps.Keys(settings.Groups)) {
		pool.AddGroup(stack, constructs.ID(name, "Group"), name, settings.Groups[name].Description, settings.Groups[name].Precedence)
	}
	scopes := pool.AddScopes(stack, "Scopes", scopeServer, slices.Sorted(maps.Keys(settings.Scopes)), settings.Scopes)
	providers := addProviders(stack, pool, settings.Providers)
	client := func(id string, of config.SignInClient) awscognito.CfnUserPoolClient {
		return pool.AddDeviceClient(stack, constructs.ID(id, ""), constructs.DeviceClientProps{
			Name:               id,
			CallbackURLs:       of.CallbackURLs,
			LogoutURLs:         of.LogoutURLs,
			Scopes:             scopes,
			Providers:          providers,
			AccessTokenMinutes: settings.AccessTokenMinutes,
			RefreshTokenDays:   of.RefreshTokenDays,
		})
	}
	identity := &Identity{Stack: stack, Pool: pool, Web: client("web", settings.Web), Mobile: client("mobile", settings.Mobile)}
	clients := []awscognito.CfnUserPoolClient{identity.Web, identity.Mobile}
	if environment.MayAskForSignIn() {
		identity.Balancer = pool.AddBalancerClient(stack, "Balancer", constructs.BalancerClientProps{
			Name:               "balancer",
			CallbackURLs:       environment.SignInCallbacks(),
			Providers:          providers,
			AccessTokenMinutes: settings.AccessTokenMinutes,
		})
		keepExported(stack, pool.Pool.AttrArn(), identity.Balancer.Ref())
		clients = append(clients, identity.Balancer)
	}
	pool.AddAlarms(stack, notifications, clients, providers)
	outputs := map[string]*string{
		"Issuer":         pool.Issuer(),
		"SignInUrl":      jsii.String("https://" + environment.SignInHost()),
		"WebClientId":    identity.Web.Ref(),
		"MobileClientId": identity.Mobile.Ref(),
	}
	if settings.Domain.Name != "" {
		outputs["SignInAlias"] = domain.AttrCloudFrontDistribution() // what the name has to lead to
	}
	for id, value := range outputs {
		awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Value: value})
	}
	return identity
}

// variables tell a service whose tokens to trust: docs/service-contract.md lists them. What they hold never changes while there
// is the pool, so that exports will do.
func (i *Identity) variables() map[string]*string {
	return map[string]*string{
		contract.EnvIssuer:       i.Pool.Issuer(),
		contract.EnvKeysURL:      awscdk.Fn_Join(jsii.String(""), &[]*string{i.Pool.Issuer(), jsii.String("/.well-known/jwks.json")}),
		contract.EnvWebClient:    i.Web.Ref(),
		contract.EnvMobileClient: i.Mobile.Ref(),
	}
}

// signIn is how the load balancer asks for a sign-in; nil where it does not.
func (i *Identity) signIn(settings *config.SignIn, environment config.Environment) *constructs.SignInProps {
	if settings == nil {
		return nil
	}
	domain := environment.SignInDomain()
	return &constructs.SignInProps{
		Paths: settings.Paths, Priority: settings.Priority,
		PoolARN: i.Pool.Pool.AttrArn(), ClientID: i.Balancer.Ref(), Domain: cmp.Or(domain.Name, domain.Prefix),
	}
}

func addProviders(stack awscdk.Stack, pool *constructs.UserPool, settings config.Providers) []*constructs.SocialProvider {
	var providers []*constructs.SocialProvider
	if google := settings.Google; google != nil {
		providers = append(providers, pool.AddGoogle(stack, "Google", google.ClientID, google.Secret))
	}
	if facebook := settings.Facebook; facebook != nil {
		providers = append(providers, pool.AddFacebook(stack, "Facebook", facebook.ClientID, facebook.Secret))
	}
	if apple := settings.Apple; apple != nil {
		providers = append(providers, pool.AddApple(stack, "Apple", apple.ClientID, apple.TeamID, apple.KeyID, apple.Secret))
	}
	return providers
}
