package config

import (
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Identity is the Cognito user pool: who customers and staff are, and how they sign in. Everybody signs in with an e-mail
// address, whatever its case. Cognito can never change that for a pool, nor which attributes people have: neither is an option.
type Identity struct {
	// Domain is where the sign-in pages are.
	Domain SignInDomain `json:"domain,omitempty"`
	// MFA is a second factor from an authenticator app: `required`, `optional` (each person decides) or `off`. Default: `optional`.
	MFA MFA `json:"mfa,omitempty" jsonschema:"enum=required,enum=optional,enum=off"`
	// ThreatProtection is what Cognito does about leaked passwords and suspicious sign-ins: `enforced`, `audit` (tell only) or `off`. The first two are priced for each active person (feature plan Plus). Default: `enforced` in production, `off` in development.
	ThreatProtection ThreatProtection `json:"threatProtection,omitempty" jsonschema:"enum=enforced,enum=audit,enum=off"`
	// PasswordMinLength is how many characters a new password has at least; it also has upper and lower case letters, digits and symbols. Default: 12.
	PasswordMinLength int `json:"passwordMinLength,omitempty" jsonschema:"minimum=8,maximum=99"`
	// AccessTokenMinutes is how long access and ID tokens are good. Nothing can call one back. Default: 15.
	AccessTokenMinutes int `json:"accessTokenMinutes,omitempty" jsonschema:"minimum=5,maximum=60"`
	// Web is the shop in the browser.
	Web SignInClient `json:"web,omitempty"`
	// Mobile is the app.
	Mobile SignInClient `json:"mobile,omitempty"`
	// Providers let people sign in with an account that they have elsewhere.
	Providers Providers `json:"providers,omitempty"`
	// Groups are what people can be members of, by name; tokens say of which. Default: `staff`, the people who run the shop.
	Groups map[string]Group `json:"groups,omitempty"`
	// Scopes are what the shop and the app may do for somebody, by name, with what that is. Access tokens carry them as `shop/NAME`. Default: `account` and `orders`.
	Scopes map[string]string `json:"scopes,omitempty"`
	// Triggers are Lambda functions of yours that Cognito calls, each by its ARN.
	Triggers Triggers `json:"triggers,omitempty"`
	// Email sends the messages of the pool through SES. Without it Cognito sends them itself, at most fifty a day.
	Email Email `json:"email,omitempty"`
	// LogRetentionDays is how long the record of sign-ins is kept that threat protection makes. Default: 365 in production, 14 in development.
	LogRetentionDays int `json:"logRetentionDays,omitempty" jsonschema:"minimum=1,maximum=3650"`
}

// SignInDomain is a prefix at amazoncognito.com, or a name of your own.
type SignInDomain struct {
	// Prefix is the first part of PREFIX.auth.REGION.amazoncognito.com, which no other customer of AWS in the region may have. Another one replaces the domain. Default: `peakline-ENVIRONMENT-ACCOUNT`.
	Prefix string `json:"prefix,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9-]*[a-z0-9])?$,maxLength=63,example=example-shop"`
	// Name is a name of your own, in place of the prefix. Its parent has to have an address record before the first deployment.
	Name string `json:"name,omitempty" jsonschema:"pattern=^([a-z0-9]([a-z0-9-]{0\\,61}[a-z0-9])?\\.)+[a-z][a-z0-9-]{0\\,61}[a-z0-9]$,maxLength=63,example=auth.example.com"`
	// CertificateARN is the ACM certificate of the name, in us-east-1 whatever the region of the environment.
	CertificateARN string `json:"certificateArn,omitempty"`
}

// MFA says who needs a second factor.
type MFA string

// With optional, people who have set one up are asked for it, and so is whoever threat protection finds suspicious.
const (
	MFARequired MFA = "required"
	MFAOptional MFA = "optional"
	MFAOff      MFA = "off"
)

// ThreatProtection is how Cognito answers risk.
type ThreatProtection string

// Enforced blocks, audit records, off looks at nothing.
const (
	ThreatsEnforced ThreatProtection = "enforced"
	ThreatsAudit    ThreatProtection = "audit"
	ThreatsOff      ThreatProtection = "off"
)

// SignInClient is an application that runs on a device of its user, and so keeps no secret.
type SignInClient struct {
	// CallbackURLs are where people come back to after they signed in. Required in production. Default in development: `http://localhost:3000/auth/callback` for the web, `shop://auth/callback` for the app.
	CallbackURLs []string `json:"callbackUrls,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// LogoutURLs are where they come to after they signed out.
	LogoutURLs []string `json:"logoutUrls,omitempty" jsonschema:"uniqueItems=true,maxItems=20"`
	// RefreshTokenDays is after how many days people have to sign in again. Default: 1 for the web, 30 for the app.
	RefreshTokenDays int `json:"refreshTokenDays,omitempty" jsonschema:"minimum=1,maximum=365"`
}

// Providers are the social ones; README.md says what to set up with each.
type Providers struct {
	// Google is Sign in with Google.
	Google *SocialProvider `json:"google,omitempty"`
	// Facebook is Facebook Login.
	Facebook *SocialProvider `json:"facebook,omitempty"`
	// Apple is Sign in with Apple.
	Apple *AppleProvider `json:"apple,omitempty"`
}

// SocialProvider is an OAuth client with a provider.
type SocialProvider struct {
	// ClientID is the id that the provider gave the client.
	ClientID string `json:"clientId" jsonschema:"required,minLength=1,maxLength=200,example=1234567890.apps.googleusercontent.com"`
	// Secret is the name of the secret in Secrets Manager, in the account and region of the environment, whose key `clientSecret` holds the client's secret. For another value put it into a secret of another name: CloudFormation does not look again.
	Secret string `json:"secret" jsonschema:"required,pattern=^[A-Za-z0-9/_+=.@-]{1\\,512}$,example=peakline-prod/google-2026"`
}

// AppleProvider is a service of an Apple developer team.
type AppleProvider struct {
	// ClientID is the services id.
	ClientID string `json:"clientId" jsonschema:"required,minLength=1,maxLength=200,example=com.example.shop.signin"`
	// TeamID is the id of the developer team.
	TeamID string `json:"teamId" jsonschema:"required,pattern=^[A-Z0-9]{10}$,example=ABCDE12345"`
	// KeyID is the id of the private key.
	KeyID string `json:"keyId" jsonschema:"required,pattern=^[A-Z0-9]{10}$,example=FGHIJ67890"`
	// Secret is the name of the secret in Secrets Manager, as with the other providers, whose key `privateKey` holds the private key without its first and last line.
	Secret string `json:"secret" jsonschema:"required,pattern=^[A-Za-z0-9/_+=.@-]{1\\,512}$,example=peakline-prod/apple-2026"`
}

// Group is a group of the user pool.
type Group struct {
	// Description says who its members are.
	Description string `json:"description" jsonschema:"required,minLength=3,maxLength=200,example=People who run the shop"`
	// Precedence orders the groups of somebody who is in several, the lowest first. Default: 100.
	Precedence int `json:"precedence,omitempty" jsonschema:"minimum=1,maximum=1000"`
}

// Triggers are called in the course of a sign-up or a sign-in, and have five seconds.
type Triggers struct {
	// PreSignUp may refuse a sign-up.
	PreSignUp string `json:"preSignUp,omitempty"`
	// PostConfirmation follows a confirmed sign-up.
	PostConfirmation string `json:"postConfirmation,omitempty"`
	// PreAuthentication may refuse a sign-in.
	PreAuthentication string `json:"preAuthentication,omitempty"`
	// PostAuthentication follows a sign-in.
	PostAuthentication string `json:"postAuthentication,omitempty"`
	// PreTokenGeneration may change what a token says.
	PreTokenGeneration string `json:"preTokenGeneration,omitempty"`
	// CustomMessage words e-mails.
	CustomMessage string `json:"customMessage,omitempty"`
	// UserMigration brings somebody over from an older directory at the first sign-in. The applications may then send passwords in the clear within TLS, which this trigger needs: take it away when the migration is over.
	UserMigration string `json:"userMigration,omitempty"`
}

// ByName are the functions that there are, under the names of Cognito's triggers in lower camel case.
func (t Triggers) ByName() map[string]string {
	all := map[string]string{
		"preSignUp": t.PreSignUp, "postConfirmation": t.PostConfirmation, "preAuthentication": t.PreAuthentication,
		"postAuthentication": t.PostAuthentication, "preTokenGeneration": t.PreTokenGeneration,
		"customMessage": t.CustomMessage, "userMigration": t.UserMigration,
	}
	maps.DeleteFunc(all, func(_, arn string) bool { return arn == "" })
	return all
}

// Email is an address that SES lets you send from.
type Email struct {
	// IdentityARN is the verified identity in SES, in the account and region of the environment.
	IdentityARN string `json:"identityArn,omitempty"`
	// From is the sender, such as `Example Shop <no-reply@example.com>`.
	From string `json:"from,omitempty" jsonschema:"maxLength=200"`
	// ReplyTo is where answers go.
	ReplyTo string `json:"replyTo,omitempty" jsonschema:"maxLength=200"`
}

func identityDefaults(profile Profile) Identity {
	return Identity{ //nolint:gosec // lengths and periods are no credentials
		MFA:                MFAOptional,
		ThreatProtection:   byProfile(profile, ThreatsOff, ThreatsEnforced),
		PasswordMinLength:  12,
		AccessTokenMinutes: 15,
		Web:                SignInClient{CallbackURLs: byProfile(profile, []string{"http://localhost:3000/auth/callback"}, nil), RefreshTokenDays: 1},
		Mobile:             SignInClient{CallbackURLs: byProfile(profile, []string{"shop://auth/callback"}, nil), RefreshTokenDays: 30},
		LogRetentionDays:   byProfile(profile, 14, 365),
	}
}

// completeIdentity fills the maps that a file states whole or not at all.
func (e *Environment) completeIdentity(d *document) {
	if !d.has("identity.groups") {
		e.Identity.Groups = map[string]Group{"staff": {Description: "People who run the shop", Precedence: 10}}
	}
	if !d.has("identity.scopes") {
		e.Identity.Scopes = map[string]string{"account": "See and change one's own account", "orders": "Place orders and see one's own"}
	}
	for name, group := range e.Identity.Groups {
		if group.Precedence == 0 {
			group.Precedence = 100
			e.Identity.Groups[name] = group
		}
	}
}

// SignInDomain is where the sign-in pages are, by the environment's name and account if the file does not say.
func (e Environment) SignInDomain() SignInDomain {
	domain := e.Identity.Domain
	if domain.Prefix == "" && domain.Name == "" {
		domain.Prefix = "peakline-" + e.Name + "-" + e.Account
	}
	return domain
}

// SignInHost is the host of the sign-in pages.
func (e Environment) SignInHost() string {
	domain := e.SignInDomain()
	if domain.Name != "" {
		return domain.Name
	}
	return fmt.Sprintf("%s.auth.%s.amazoncognito.com", domain.Prefix, e.Region)
}

var (
	edgeCertificateARN = regexp.MustCompile(`^arn:aws:acm:us-east-1:([0-9]{12}):certificate/[0-9a-f-]{36}$`)
	functionARN        = regexp.MustCompile(`^arn:aws:lambda:([a-z0-9-]+):([0-9]{12}):function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$`)
	mailIdentityARN    = regexp.MustCompile(`^arn:aws:ses:([a-z0-9-]+):([0-9]{12}):identity/([^/]+)$`)
	appScheme          = regexp.MustCompile(`^[a-z][a-z0-9.+-]*$`)
)

// reservedInPrefix are words that Cognito refuses in the prefix of a domain.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
var reservedInPrefix = []string{"aws", "amazon", "cognito"}

var identityRules = []rule{
	{"the sign-in pages have one domain, and a name of one's own its certificate", []string{"identity.domain", "account"}, func(i inspection) {
		domain, certificate := i.Identity.Domain, edgeCertificateARN.FindStringSubmatch(i.Identity.Domain.CertificateARN)
		for _, word := range reservedInPrefix {
			if strings.Contains(domain.Prefix, word) && i.sound("identity.domain.prefix") {
				i.refuse("identity.domain.prefix", "%s contains %s, want a prefix without %s: Cognito refuses them", domain.Prefix, word, strings.Join(reservedInPrefix, ", "))
			}
		}
		switch {
		case domain.Prefix != "" && domain.Name != "":
			i.refuse("identity.domain.prefix", "given beside name, want one of them")
		case domain.Name == "" && domain.CertificateARN != "":
			i.refuse("identity.domain.certificateArn", "a certificate without a name that it is for, want both or neither")
		case domain.Name != "" && domain.CertificateARN == "":
			i.refuse("identity.domain.certificateArn", "missing; want the ARN of an ACM certificate for %s in us-east-1", domain.Name)
		case domain.Name != "" && certificate == nil:
			i.refuse("identity.domain.certificateArn", "%q is no ARN of a certificate in us-east-1, where Cognito's domains take theirs from, want for example arn:aws:acm:us-east-1:%s:certificate/01234567-89ab-cdef-0123-456789abcdef", shorten(domain.CertificateARN), i.Account)
		case domain.Name != "" && certificate[1] != i.Account:
			i.refuse("identity.domain.certificateArn", "a certificate of account %s, want one of %s", certificate[1], i.Account)
		}
	}},
	{"the name of the sign-in pages leads nowhere else", []string{"identity.domain.name", "edge.domains", "edge.secondOrigin", "loadBalancer.hostName"}, func(i inspection) {
		name := i.Identity.Domain.Name
		taken := map[string]string{i.LoadBalancer.HostName: "loadBalancer.hostName", i.Edge.SecondOrigin: "edge.secondOrigin"}
		for n, domain := range i.Edge.Domains {
			taken[domain] = index("edge.domains", n)
		}
		if at, twice := taken[name]; twice && name != "" {
			i.refuse("identity.domain.name", "%s is %s too, want a name of its own, such as auth.example.com", name, at)
		}
	}},
	{"people come back to addresses that Cognito accepts", []string{"profile"}, func(i inspection) {
		for _, client := range i.signInClients() {
			for _, list := range []struct {
				key  string
				urls []string
			}{{".callbackUrls", client.CallbackURLs}, {".logoutUrls", client.LogoutURLs}} {
				for n, text := range list.urls {
					if complaint := client.refusal(text, i.Profile); complaint != "" {
						i.refuse(index(client.path+list.key, n), "%q: %s", shorten(text), complaint)
					}
				}
			}
		}
	}},
	{"production says where people come back to", []string{"profile"}, func(i inspection) {
		for _, client := range i.signInClients() {
			if path := client.path + ".callbackUrls"; len(client.CallbackURLs) == 0 && i.sound(path) {
				i.refuse(path, "missing; want at least one address such as %s", client.example)
			}
		}
	}},
	{"groups and scopes have names that tokens can carry", nil, func(i inspection) {
		for _, section := range []struct {
			path  string
			names []string
		}{{"identity.groups", slices.Collect(maps.Keys(i.Identity.Groups))}, {"identity.scopes", slices.Collect(maps.Keys(i.Identity.Scopes))}} {
			for _, name := range section.names {
				if len(name) > 40 || !namePattern.MatchString(name) {
					i.refuse(join(section.path, name), "no name that can be used, want at most 40 lower-case letters, digits and single hyphens, a letter first")
				}
			}
		}
		for name, what := range i.Identity.Scopes {
			if len(what) < 3 || len(what) > 200 {
				i.refuse(join("identity.scopes", name), "%d characters, want 3 to 200 that say what the scope allows", len(what))
			}
		}
	}},
	{"triggers are functions of the environment's account and region", []string{"region", "account"}, func(i inspection) {
		for name, trigger := range i.Identity.Triggers.ByName() {
			switch arn := functionARN.FindStringSubmatch(trigger); {
			case arn == nil:
				i.refuse("identity.triggers."+name, "%q is no ARN of a function, want for example arn:aws:lambda:%s:%s:function:%s", shorten(trigger), i.Region, i.Account, name)
			case arn[1] != i.Region || arn[2] != i.Account:
				i.refuse("identity.triggers."+name, "a function in %s of account %s, want one in %s of %s", arn[1], arn[2], i.Region, i.Account)
			}
		}
	}},
	{"messages come from an address of the identity in SES", []string{"region", "account"}, func(i inspection) {
		email, path := i.Identity.Email, "identity.email."
		if email == (Email{}) {
			return
		}
		arn := mailIdentityARN.FindStringSubmatch(email.IdentityARN)
		switch {
		case arn == nil:
			i.refuse(path+"identityArn", "%q is no ARN of an identity in SES, want for example arn:aws:ses:%s:%s:identity/example.com", shorten(email.IdentityARN), i.Region, i.Account)
			return
		case arn[1] != i.Region || arn[2] != i.Account:
			i.refuse(path+"identityArn", "an identity in %s of account %s, want one in %s of %s", arn[1], arn[2], i.Region, i.Account)
			return
		}
		if sender, err := mail.ParseAddress(email.From); err != nil || !sendsFor(arn[3], sender.Address) {
			i.refuse(path+"from", "%q is no address of %s, want for example %s", shorten(email.From), arn[3], exampleSender(arn[3]))
		}
		if _, err := mail.ParseAddress(email.ReplyTo); email.ReplyTo != "" && err != nil {
			i.refuse(path+"replyTo", "%q is no e-mail address, want for example help@example.com", shorten(email.ReplyTo))
		}
	}},
}

// namedClient is a client with what its mistakes need.
type namedClient struct {
	SignInClient
	path, example string
	app           bool
}

func (i inspection) signInClients() []namedClient {
	return []namedClient{
		{i.Identity.Web, "identity.web", "https://www.example.com/auth/callback", false},
		{i.Identity.Mobile, "identity.mobile", "com.example.shop://auth/callback", true},
	}
}

// refusal says what is wrong with an address to come back to; empty if nothing is.
// https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
func (c namedClient) refusal(text string, profile Profile) string {
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Scheme == "" || strings.ContainsAny(text, "*# "):
		return "no address, want one without * and #, such as " + c.example
	case address.Scheme == "https" && address.Hostname() != "":
		return ""
	case address.Scheme == "http" && address.Hostname() == "localhost" && profile == Development:
		return ""
	case c.app && address.Scheme != "http" && appScheme.MatchString(address.Scheme) && !slices.Contains([]string{"https", "javascript", "data", "file"}, address.Scheme):
		return ""
	}
	return "want https, such as " + c.example + "; http for localhost in development only"
}

// sendsFor tells whether an identity in SES, a domain or an address, may send as an address.
func sendsFor(identity, address string) bool {
	_, domain, _ := strings.Cut(address, "@")
	return identity == address || identity == domain || strings.HasSuffix(domain, "."+identity)
}

func exampleSender(identity string) string {
	if strings.Contains(identity, "@") {
		return identity
	}
	return "no-reply@" + identity
}
