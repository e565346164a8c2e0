package test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"peakline/config"
	"peakline/lambda/contract"
)

var identityRequirements = []requirement{
	{row: "I1", name: "people sign in with a confirmed e-mail address whatever its case, and get in again by it",
		check: func(a *assembly, fail failure) {
			pool := a.userPool()
			for _, property := range []string{"UsernameAttributes", "AutoVerifiedAttributes", "UserAttributeUpdateSettings/AttributesRequireVerificationBeforeUpdate"} {
				if !slices.Equal(texts(pool.get(property)), []string{"email"}) {
					fail("%s has %s=%v, want email", pool, property, pool.get(property))
				}
			}
			if pool.get("UsernameConfiguration/CaseSensitive") != false {
				fail("%s tells Ann@example.com from ann@example.com: two accounts of one person, and nobody can change that later", pool)
			}
			if len(pool.list("Schema")) != 1 || pool.get("Schema/0/Name") != "email" || pool.get("Schema/0/Required") != true || pool.get("Schema/0/Mutable") != true {
				fail("%s has the schema %v: Cognito never changes one, so that only what every shop needs may be in it", pool, pool.get("Schema"))
			}
			if len(pool.list("AccountRecoverySetting/RecoveryMechanisms")) != 1 || pool.get("AccountRecoverySetting/RecoveryMechanisms/0/Name") != "verified_email" {
				fail("%s lets people in again by %v, want their confirmed address", pool, pool.get("AccountRecoverySetting"))
			}
		}},
	{row: "I1", name: "passwords are as long as configured and of every kind of character, and a second factor is an authenticator app",
		check: func(a *assembly, fail failure) {
			pool, settings := a.userPool(), a.environment.Identity
			if got := pool.number("Policies/PasswordPolicy/MinimumLength"); got != float64(settings.PasswordMinLength) {
				fail("%s takes passwords of %v characters, want %d", pool, got, settings.PasswordMinLength)
			}
			if got := pool.number("Policies/PasswordPolicy/PasswordHistorySize"); got < 4 {
				fail("%s remembers %v passwords, want at least 4: one that leaked is chosen again", pool, got)
			}
			for _, kind := range []string{"Lowercase", "Uppercase", "Numbers", "Symbols"} {
				if pool.get("Policies/PasswordPolicy/Require"+kind) != true {
					fail("%s takes passwords without %s", pool, kind)
				}
			}
			want := map[config.MFA]string{config.MFARequired: "ON", config.MFAOptional: "OPTIONAL", config.MFAOff: "OFF"}[settings.MFA]
			if pool.text("MfaConfiguration") != want {
				fail("%s has MFA %s, want %s", pool, pool.text("MfaConfiguration"), want)
			}
			var factors []string
			if settings.MFA != config.MFAOff {
				factors = []string{"SOFTWARE_TOKEN_MFA"}
			}
			if !slices.Equal(texts(pool.get("EnabledMfas")), factors) {
				fail("%s has the second factors %v, want %v: a message to a telephone can be taken over, and paid for by us", pool, pool.get("EnabledMfas"), factors)
			}
		}},
	{row: "I1", name: "threat protection is as configured, on the plan that has it: leaked passwords are refused, and what looks like somebody else",
		check: func(a *assembly, fail failure) {
			pool, settings := a.userPool(), a.environment.Identity
			on := settings.ThreatProtection != config.ThreatsOff
			plan := map[bool]string{true: "PLUS", false: "ESSENTIALS"}[on]
			if got := pool.text("UserPoolAddOns/AdvancedSecurityMode"); got != strings.ToUpper(string(settings.ThreatProtection)) || pool.text("UserPoolTier") != plan {
				fail("%s has threat protection %s on plan %s, want %s on %s", pool, got, pool.text("UserPoolTier"), settings.ThreatProtection, plan)
			}
			answers := a.all("AWS::Cognito::UserPoolRiskConfigurationAttachment")
			if len(answers) > 0 != on {
				fail("%s has %d answers to risk, want them: %v", pool, len(answers), on)
			}
			for _, answer := range answers {
				leaked, takeover := answer.get("CompromisedCredentialsRiskConfiguration"), "AccountTakeoverRiskConfiguration/Actions/"
				if dig(leaked, "Actions/EventAction") != "BLOCK" || len(texts(dig(leaked, "EventFilter"))) != 3 || answer.text("ClientId") != "ALL" || !a.target(answer, "UserPoolId").is(pool) {
					fail("%s answers leaked passwords with %v", answer, leaked)
				}
				if answer.text(takeover+"HighAction/EventAction") != "MFA_REQUIRED" || answer.text(takeover+"MediumAction/EventAction") != "MFA_IF_CONFIGURED" {
					fail("%s answers suspicious sign-ins with %v", answer, answer.get("AccountTakeoverRiskConfiguration"))
				}
			}
		}},
	{row: "I1", name: "the record of sign-ins goes to an encrypted bucket that only its delivery writes to, and ends",
		where: func(e config.Environment) bool { return e.Identity.ThreatProtection != config.ThreatsOff },
		check: func(a *assembly, fail failure) {
			deliveries := a.all("AWS::Cognito::LogDeliveryConfiguration")
			if len(deliveries) != 1 {
				fail("sign-ins are delivered %d times, want once: after an attack nobody could say what happened", len(deliveries))
				return
			}
			delivery := deliveries[0]
			bucket := a.target(delivery, "LogConfigurations/0/S3Configuration/BucketArn")
			if delivery.get("LogConfigurations/0/EventSource") != "userAuthEvents" || bucket.kind != "AWS::S3::Bucket" || !a.target(delivery, "UserPoolId").is(a.userPool()) {
				fail("%s delivers %v to %s", delivery, delivery.get("LogConfigurations"), bucket)
				return
			}
			if !a.target(bucket, "BucketEncryption/ServerSideEncryptionConfiguration/0/ServerSideEncryptionByDefault/KMSMasterKeyID").is(a.target(a.userPool(), "KeyConfiguration/KmsKeyArn")) {
				fail("%s is not encrypted with the pool's key: addresses of people and where they were are personal data", bucket)
			}
			if got := bucket.number("LifecycleConfiguration/Rules/0/ExpirationInDays"); got != float64(a.environment.Identity.LogRetentionDays) {
				fail("%s keeps the record for %v days, want %d", bucket, got, a.environment.Identity.LogRetentionDays)
			}
			for _, action := range []string{"s3:GetBucketAcl", "s3:PutObject"} {
				allowed := false
				for _, policy := range a.all("AWS::S3::BucketPolicy") {
					if !a.target(policy, "Bucket").is(bucket) {
						continue
					}
					for _, s := range statementsOf(policy, policy.get("PolicyDocument")) {
						allowed = allowed || s.allows() && slices.Contains(s.actions(), action) && slices.Equal(s.principals(), []string{"delivery.logs.amazonaws.com"}) &&
							a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) == s.stack.account
					}
				}
				if !allowed {
					fail("%s does not let the delivery of this account %s: the record would stay empty", bucket, action)
				}
			}
		}},
	{row: "I1", name: "the pool is encrypted with a key of ours, which Cognito may use for pools of this account",
		check: func(a *assembly, fail failure) {
			pool := a.userPool()
			key := a.target(pool, "KeyConfiguration/KmsKeyArn")
			if key.kind != "AWS::KMS::Key" || pool.text("KeyConfiguration/KeyType") != "CUSTOMER_MANAGED_KEY" {
				fail("%s is encrypted with a key nobody here controls", pool)
				return
			}
			pools := "arn:aws:cognito-idp:" + pool.stack.region + ":" + pool.stack.account + ":userpool/*"
			for _, service := range []string{"cognito-idp.amazonaws.com", "identitystore.amazonaws.com"} {
				may := map[string]bool{}
				for _, s := range statementsOf(key, key.get("KeyPolicy")) {
					if !slices.Contains(s.principals(), service) {
						continue
					}
					if a.resolve(s.stack, dig(s.condition(), "StringEquals/aws:SourceAccount")) != key.stack.account {
						fail("%s lets %s use it for another account's pool", key, service)
					}
					ofPools := dig(s.condition(), "ArnLike/aws:SourceArn") == pools
					for _, action := range s.actions() {
						may[action] = may[action] || ofPools
					}
				}
				for _, action := range []string{"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext", "kms:DescribeKey"} {
					if !may[action] {
						fail("%s does not let %s %s: nobody could sign in", key, service, action)
					}
				}
			}
		}},
	{row: "I1", name: "production keeps its people: the pool cannot be deleted, and stays if its stack goes",
		where: production,
		check: func(a *assembly, fail failure) {
			pool := a.userPool()
			if pool.text("DeletionProtection") != "ACTIVE" || pool.body["DeletionPolicy"] != "Retain" || pool.body["UpdateReplacePolicy"] != "Retain" {
				fail("%s has deletion protection %s, DeletionPolicy %v, UpdateReplacePolicy %v: passwords cannot be restored from anything", pool, pool.text("DeletionProtection"), pool.body["DeletionPolicy"], pool.body["UpdateReplacePolicy"])
			}
		}},
	{row: "I1", name: "the sign-in pages are managed login under the configured domain, and every client has them",
		check: func(a *assembly, fail failure) {
			domains, want := a.all("AWS::Cognito::UserPoolDomain"), a.environment.SignInDomain()
			if len(domains) != 1 {
				fail("there are %d domains, want one", len(domains))
				return
			}
			domain := domains[0]
			if domain.number("ManagedLoginVersion") != 2 || !a.target(domain, "UserPoolId").is(a.userPool()) {
				fail("%s shows version %v of the pages, want managed login, 2", domain, domain.get("ManagedLoginVersion"))
			}
			if domain.text("Domain") != want.Prefix+want.Name || domain.text("CustomDomainConfig/CertificateArn") != want.CertificateARN {
				fail("%s is %s with certificate %q, want %+v", domain, domain.text("Domain"), domain.text("CustomDomainConfig/CertificateArn"), want)
			}
			for _, client := range a.all("AWS::Cognito::UserPoolClient") {
				if !slices.ContainsFunc(a.all("AWS::Cognito::ManagedLoginBranding"), func(pages resource) bool {
					return a.target(pages, "ClientId").is(client) && pages.get("UseCognitoProvidedValues") == true
				}) {
					fail("%s has no branding: managed login answers that the pages are unavailable", client)
				}
			}
		}},
	{row: "I1", name: "the shop and the app exchange a code for short tokens without a secret, and a refresh token is good once and can be revoked",
		check: func(a *assembly, fail failure) {
			for name, want := range map[string]config.SignInClient{"web": a.environment.Identity.Web, "mobile": a.environment.Identity.Mobile} {
				client := a.signInClient(name)
				if client.get("GenerateSecret") != false || !slices.Equal(texts(client.get("AllowedOAuthFlows")), []string{"code"}) || client.get("AllowedOAuthFlowsUserPoolClient") != true {
					fail("%s has a secret (%v), or other flows than the code (%v): a secret on a device is none", client, client.get("GenerateSecret"), client.get("AllowedOAuthFlows"))
				}
				if !slices.Equal(texts(client.get("CallbackURLs")), want.CallbackURLs) || !slices.Equal(texts(client.get("LogoutURLs")), want.LogoutURLs) {
					fail("%s comes back to %v and %v, want %v and %v", client, client.get("CallbackURLs"), client.get("LogoutURLs"), want.CallbackURLs, want.LogoutURLs)
				}
				minutes := float64(a.environment.Identity.AccessTokenMinutes)
				if client.number("AccessTokenValidity") != minutes || client.number("IdTokenValidity") != minutes || client.text("TokenValidityUnits/AccessToken") != "minutes" ||
					client.text("TokenValidityUnits/IdToken") != "minutes" || client.number("RefreshTokenValidity") != float64(want.RefreshTokenDays) || client.text("TokenValidityUnits/RefreshToken") != "days" {
					fail("%s gives tokens for %v, %v and %v (%v)", client, client.get("AccessTokenValidity"), client.get("IdTokenValidity"), client.get("RefreshTokenValidity"), client.get("TokenValidityUnits"))
				}
				if client.text("RefreshTokenRotation/Feature") != "ENABLED" || client.get("EnableTokenRevocation") != true {
					fail("%s takes a stolen refresh token for as long as it lives", client)
				}
				if client.text("PreventUserExistenceErrors") != "ENABLED" {
					fail("%s tells strangers who has an account", client)
				}
				flows := []string{"ALLOW_USER_SRP_AUTH"}
				if a.environment.Identity.Triggers.UserMigration != "" {
					flows = append(flows, "ALLOW_USER_PASSWORD_AUTH")
				}
				if !slices.Equal(texts(client.get("ExplicitAuthFlows")), flows) {
					fail("%s has the flows %v, want %v: with REFRESH_TOKEN_AUTH Cognito refuses tokens that change", client, client.get("ExplicitAuthFlows"), flows)
				}
				if writes := texts(client.get("WriteAttributes")); len(writes) == 0 || slices.Contains(writes, "email_verified") {
					fail("%s may write %v: anybody could confirm an address that is not theirs", client, writes)
				}
			}
		}},
	{row: "I1", name: "the load balancer's client has a secret that AWS makes and nothing here reads, where it speaks HTTPS, and people come back to it by the shop's names",
		check: func(a *assembly, fail failure) {
			client := a.signInClient("balancer")
			if secure := a.environment.LoadBalancer.CertificateARN != ""; client.exists() != secure {
				fail("the load balancer has a client: %t, want %t", client.exists(), secure)
			}
			if !client.exists() {
				return
			}
			if client.get("GenerateSecret") != true || !slices.Equal(texts(client.get("AllowedOAuthFlows")), []string{"code"}) || client.get("AllowedOAuthFlowsUserPoolClient") != true {
				fail("%s has a secret: %v, and the flows %v: Elastic Load Balancing takes a code, by a secret", client, client.get("GenerateSecret"), client.get("AllowedOAuthFlows"))
			}
			for _, s := range a.stacks {
				if text, _ := json.Marshal(s.template); strings.Contains(string(text), `"ClientSecret"`) {
					fail("%s reads the secret of a client: who reads the template could sign in as the load balancer", s.name)
				}
			}
			hosts := a.environment.Edge.Domains
			if len(hosts) == 0 {
				hosts = []string{a.environment.LoadBalancer.HostName}
			}
			var want []string
			for _, host := range hosts {
				want = append(want, "https://"+host+"/oauth2/idpresponse")
			}
			if !slices.Equal(texts(client.get("CallbackURLs")), want) {
				fail("%s comes back to %v, want %v: nobody could sign in", client, client.get("CallbackURLs"), want)
			}
			if !slices.Equal(texts(client.get("ExplicitAuthFlows")), []string{"ALLOW_REFRESH_TOKEN_AUTH"}) || client.get("RefreshTokenRotation") != nil || client.get("EnableTokenRevocation") != true || client.text("PreventUserExistenceErrors") != "ENABLED" {
				fail("%s has the flows %v, rotation %v: the load balancer sends one refresh token again and again", client, client.get("ExplicitAuthFlows"), client.get("RefreshTokenRotation"))
			}
			if !slices.Equal(texts(client.get("AllowedOAuthScopes")), []string{"openid", "email", "profile"}) || !slices.Equal(texts(client.get("WriteAttributes")), []string{"email"}) {
				fail("%s may ask for %v and write %v: it only says who somebody is", client, client.get("AllowedOAuthScopes"), client.get("WriteAttributes"))
			}
			minutes := float64(a.environment.Identity.AccessTokenMinutes)
			if client.number("AccessTokenValidity") != minutes || client.number("IdTokenValidity") != minutes || client.number("RefreshTokenValidity") != 1 || client.text("TokenValidityUnits/AccessToken") != "minutes" || client.text("TokenValidityUnits/RefreshToken") != "days" {
				fail("%s gives tokens for %v, %v and %v (%v)", client, client.get("AccessTokenValidity"), client.get("IdTokenValidity"), client.get("RefreshTokenValidity"), client.get("TokenValidityUnits"))
			}
		}},
	{row: "I1", name: "the load balancer asks for a sign-in before the configured paths, for a working day, over HTTPS, and before no others",
		where: config.Environment.AsksForSignIn,
		check: func(a *assembly, fail failure) {
			asked := map[string]bool{}
			for _, rule := range a.all("AWS::ElasticLoadBalancingV2::ListenerRule") {
				if rule.get("Actions/0/Type") != "authenticate-cognito" {
					continue
				}
				for _, path := range texts(rule.get("Conditions/0/PathPatternConfig/Values")) {
					asked[path] = true
				}
				asks := "Actions/0/AuthenticateCognitoConfig/"
				domain := a.environment.SignInDomain()
				if !a.target(rule, asks+"UserPoolArn").is(a.userPool()) || !a.target(rule, asks+"UserPoolClientId").is(a.signInClient("balancer")) || rule.text(asks+"UserPoolDomain") != domain.Prefix+domain.Name {
					fail("%s asks %s by %s at %v", rule, a.target(rule, asks+"UserPoolArn"), a.target(rule, asks+"UserPoolClientId"), rule.get(asks+"UserPoolDomain"))
				}
				if rule.text(asks+"OnUnauthenticatedRequest") != "authenticate" || rule.number(asks+"SessionTimeout") != 28800 || rule.text(asks+"Scope") != "openid email profile" {
					fail("%s lets people in by %v", rule, rule.get("Actions/0/AuthenticateCognitoConfig"))
				}
				if rule.number("Actions/0/Order") >= rule.number("Actions/1/Order") || rule.get("Actions/1/Type") != "forward" {
					fail("%s forwards before it asks: %v", rule, rule.get("Actions"))
				}
				if a.target(rule, "ListenerArn").text("Protocol") != "HTTPS" {
					fail("%s is on a listener without HTTPS, where AWS refuses it", rule)
				}
			}
			want := map[string]bool{}
			for _, path := range a.environment.SignInPaths() {
				want[path] = true
			}
			if !maps.Equal(asked, want) {
				fail("a sign-in is asked for at %v, want %v: strangers would be let in, or programs sent to a page", asked, want)
			}
		}},
	{row: "I1", name: "a service whose pages ask for a sign-in is told by which client and which load balancer, and no other",
		check: func(a *assembly, fail failure) {
			for name, settings := range a.environment.Services {
				task := a.task(a.service(name))
				client, balancer := variable(task, contract.EnvBalancerClient), variable(task, contract.EnvBalancer)
				if settings.SignIn == nil {
					if client != nil || balancer != nil {
						fail("%s takes tokens of the load balancer, which asks for none there", task)
					}
					continue
				}
				if !a.targetOf(task.stack, client).is(a.signInClient("balancer")) || !a.targetOf(task.stack, balancer).is(a.publicBalancer()) {
					fail("%s takes what %v says to %v: it would believe anybody, or nobody", task, balancer, client)
				}
			}
		}},
	{row: "I1", name: "social providers are those configured, their secrets come from Secrets Manager by name, and every client offers them",
		check: func(a *assembly, fail failure) {
			want := map[string]string{}
			settings := a.environment.Identity.Providers
			if settings.Google != nil {
				want["Google"] = "{{resolve:secretsmanager:" + settings.Google.Secret + ":SecretString:clientSecret}}"
			}
			if settings.Facebook != nil {
				want["Facebook"] = "{{resolve:secretsmanager:" + settings.Facebook.Secret + ":SecretString:clientSecret}}"
			}
			if settings.Apple != nil {
				want["SignInWithApple"] = "{{resolve:secretsmanager:" + settings.Apple.Secret + ":SecretString:privateKey}}"
			}
			got := map[string]string{}
			for _, provider := range a.all("AWS::Cognito::UserPoolIdentityProvider") {
				secret := provider.text("ProviderDetails/client_secret")
				if secret == "" {
					secret = provider.text("ProviderDetails/private_key")
				}
				got[provider.text("ProviderName")] = secret
				if provider.text("AttributeMapping/email") != "email" || provider.text("ProviderDetails/client_id") == "" {
					fail("%s maps %v for client %q: without an address nobody could sign in", provider, provider.get("AttributeMapping"), provider.text("ProviderDetails/client_id"))
				}
				for _, client := range a.all("AWS::Cognito::UserPoolClient") {
					if !slices.Contains(texts(client.body["DependsOn"]), provider.id) {
						fail("%s may be made before %s: the deployment would fail", client, provider)
					}
				}
			}
			if !maps.Equal(got, want) {
				fail("the providers and their secrets are %v, want %v", got, want)
			}
			for _, client := range a.all("AWS::Cognito::UserPoolClient") {
				offered := texts(client.get("SupportedIdentityProviders"))
				slices.Sort(offered)
				if !slices.Equal(offered, slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(want)), "COGNITO")))) {
					fail("%s offers %v", client, offered)
				}
			}
		}},
	{row: "I1", name: "groups and scopes are those configured, and both applications may ask for the scopes",
		check: func(a *assembly, fail failure) {
			settings := a.environment.Identity
			got := map[string]config.Group{}
			for _, group := range a.all("AWS::Cognito::UserPoolGroup") {
				got[group.text("GroupName")] = config.Group{Description: group.text("Description"), Precedence: int(group.number("Precedence"))}
			}
			if !maps.Equal(got, settings.Groups) {
				fail("the groups are %v, want %v", got, settings.Groups)
			}
			scopes := map[string]string{}
			for _, server := range a.all("AWS::Cognito::UserPoolResourceServer") {
				for _, scope := range server.list("Scopes") {
					name, _ := dig(scope, "ScopeName").(string)
					scopes[name], _ = dig(scope, "ScopeDescription").(string)
				}
				for _, name := range []string{"web", "mobile"} {
					asks := map[string]bool{}
					for _, scope := range a.signInClient(name).list("AllowedOAuthScopes") {
						asks[strings.TrimPrefix(a.resolve(server.stack, scope), server.key()+"/")] = true
					}
					for scope := range settings.Scopes {
						if !asks[scope] {
							fail("%s may not ask for %s: the shop could not act for anybody", a.signInClient(name), scope)
						}
					}
					if asks["aws.cognito.signin.user.admin"] {
						fail("%s may change the account itself with an access token", a.signInClient(name))
					}
				}
			}
			if !maps.Equal(scopes, settings.Scopes) {
				fail("the scopes are %v, want %v", scopes, settings.Scopes)
			}
		}},
	{row: "I1", name: "triggers are the configured functions, which this pool alone may call, and messages are sent as configured",
		check: func(a *assembly, fail failure) {
			pool := a.userPool()
			triggers := a.environment.Identity.Triggers.ByName()
			for name, arn := range triggers {
				if got := pool.text("LambdaConfig/" + strings.ToUpper(name[:1]) + name[1:]); got != arn {
					fail("%s calls %q for %s, want %s", pool, got, name, arn)
				}
				if !slices.ContainsFunc(a.all("AWS::Lambda::Permission"), func(p resource) bool {
					return p.text("FunctionName") == arn && p.text("Principal") == "cognito-idp.amazonaws.com" && a.target(p, "SourceArn").is(pool)
				}) {
					fail("%s may not call %s, or other pools may too: every sign-in would fail", pool, arn)
				}
			}
			if called, _ := pool.get("LambdaConfig").(map[string]any); len(called) != len(triggers) {
				fail("%s calls %v, want %v", pool, called, triggers)
			}
			email := a.environment.Identity.Email
			if pool.text("EmailConfiguration/SourceArn") != email.IdentityARN || pool.text("EmailConfiguration/From") != email.From || pool.text("EmailConfiguration/ReplyToEmailAddress") != email.ReplyTo ||
				(pool.text("EmailConfiguration/EmailSendingAccount") == "DEVELOPER") != (email.IdentityARN != "") {
				fail("%s sends messages by %v, want %+v", pool, pool.get("EmailConfiguration"), email)
			}
		}},
	{row: "I1", name: "every task is told who signs tokens, by which keys and for which clients",
		check: func(a *assembly, fail failure) {
			pool := a.userPool()
			issuer := "https://" + a.resolve(pool.stack, map[string]any{"Fn::GetAtt": []any{pool.id, "ProviderName"}})
			for _, task := range a.servingTasks() {
				for name, want := range map[string]string{contract.EnvIssuer: issuer, contract.EnvKeysURL: issuer + "/.well-known/jwks.json"} {
					if got := a.resolve(task.stack, variable(task, name)); got != want {
						fail("%s has %s=%s, want %s: it would trust nobody, or strangers", task, name, got, want)
					}
				}
				for name, client := range map[string]string{contract.EnvWebClient: "web", contract.EnvMobileClient: "mobile"} {
					if !a.targetOf(task.stack, variable(task, name)).is(a.signInClient(client)) {
						fail("%s has %s=%v, want the client of the %s", task, name, variable(task, name), client)
					}
				}
			}
		}},
	{row: "I1", name: "failing and throttled sign-ins of every client are told, and failures by way of each provider",
		check: func(a *assembly, fail failure) {
			want := map[string]map[string]string{
				"identity-sign-in-failures": {"SignInSuccesses": ""},
				"identity-throttled":        {"SignInThrottles": "", "SignUpThrottles": "", "TokenRefreshThrottles": ""},
			}
			for _, provider := range a.all("AWS::Cognito::UserPoolIdentityProvider") {
				name := provider.text("ProviderName")
				want["identity-provider-failures-"+strings.ToLower(name)] = map[string]string{"FederationSuccesses": name}
			}
			for alarmName, metrics := range want {
				alarm := a.alarm(alarmName)
				watched := map[string]bool{}
				for _, m := range metricsOf(alarm) {
					watched[strings.Join([]string{m.namespace, m.name, a.targetOf(alarm.stack, m.dimensions["UserPoolClient"]).key(), a.resolve(alarm.stack, m.dimensions["IdentityProvider"])}, " ")] =
						a.targetOf(alarm.stack, m.dimensions["UserPool"]).is(a.userPool())
				}
				for metricName, provider := range metrics {
					for _, client := range a.all("AWS::Cognito::UserPoolClient") {
						if !watched[strings.Join([]string{"AWS/Cognito", metricName, client.key(), a.resolve(alarm.stack, orNull(provider))}, " ")] {
							fail("no alarm %s watches %s of %s: customers notice first", alarmName, metricName, client)
						}
					}
				}
			}
		}},
}

// asksForSignIn tells whether the load balancer asks for a sign-in at a path pattern, or lets people in there.
func asksForSignIn(environment config.Environment, pattern string) bool {
	return environment.AsksForSignIn() && pattern == "/oauth2/idpresponse" || slices.Contains(environment.SignInPaths(), pattern)
}

// orNull is what a missing dimension is decoded to.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// userPool is the one pool; the zero resource without one.
func (a *assembly) userPool() resource {
	for _, pool := range a.all("AWS::Cognito::UserPool") {
		return pool
	}
	return resource{}
}

// signInClient is the client of a name.
func (a *assembly) signInClient(name string) resource {
	for _, client := range a.where("AWS::Cognito::UserPoolClient", "ClientName", name) {
		return client
	}
	return resource{}
}
