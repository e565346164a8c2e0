package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// valid is a production environment without a mistake. Each case below changes some of its lines.
const valid = `profile: production
account: "333333333333"
region: eu-west-1
owner: platform
notifications: {critical: {emails: [oncall@example.com]}}
network:
  cidr: 10.30.0.0/16
  zones: [eu-west-1a, eu-west-1b, eu-west-1c]
database:
  writer: {instanceClass: db.r8g.large, zone: eu-west-1a}
  readers:
    one: {zone: eu-west-1b}
    two: {zone: eu-west-1c}
  backup: {copyRegion: eu-central-1}
scaler: {max: 6}
loadBalancer: {certificateArn: "arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000", hostName: api.example.com}
identity:
  web: {callbackUrls: ["https://www.example.com/auth/callback"]}
  mobile: {callbackUrls: ["com.example.shop://auth/callback"]}
  email: {identityArn: "arn:aws:ses:eu-west-1:333333333333:identity/example.com", from: Example <no-reply@example.com>}
` + atEdge + "\n"

// atEdge is the edge of the valid environment.
const atEdge = `edge: {domains: [www.example.com], certificateArn: "arn:aws:acm:us-east-1:333333333333:certificate/00000000-0000-0000-0000-000000000000"}`

// neighbour is a valid environment beside that one, with a network and names of its own.
func neighbour(name, cidr string) string {
	return strings.NewReplacer("10.30.0.0/16", cidr, "api.example.com", "api."+name+".example.com", "[www.example.com]", "[www."+name+".example.com]").Replace(valid)
}

// edged adds to it.
func edged(more string) change {
	return change{atEdge, strings.TrimSuffix(atEdge, "}") + ", " + more + "}"}
}

// change replaces the first text by the second; an empty first text appends.
type change struct{ from, to string }

// loyalty is a sixth service with something more.
func loyalty(more string) change {
	return change{"", "services: {loyalty: {paths: [/api/loyalty], priority: 600, health: {path: /health}, " + more + "}}\n"}
}

// office is a sixth service for people.
func office(more string) change {
	return change{"", "services: {office: {priority: 600, health: {path: /health}, " + more + "}}\n"}
}

// multiAZ turns the valid environment into one of a Multi-AZ DB cluster.
func multiAZ() []change {
	return []change{
		{"  readers:\n    one: {zone: eu-west-1b}\n    two: {zone: eu-west-1c}\n  backup: {copyRegion: eu-central-1}\n", "  engine: rds-postgres\n"},
		{"{instanceClass: db.r8g.large, zone: eu-west-1a}", "{instanceClass: db.r6gd.large}"},
		{"scaler: {max: 6}\n", ""},
		{"", "exceptions: [{safety: backup-copy, reason: AWS copies none of these snapshots}]\n"},
	}
}

// modest are services that a small instance has connections for.
var modest = change{"", "services: {" + strings.Join(each("%s: {database: {poolSize: 1}, scaling: {max: 2}}", "catalog", "order", "payment", "user", "inventory"), ", ") + "}\n"}

func each(format string, names ...string) []string {
	var all []string
	for _, name := range names {
		all = append(all, fmt.Sprintf(format, name))
	}
	return all
}

// A » stands where the first mistake is expected, the next » where the second is, and so on.
const here = "»"

const secretive = "looks like a secret, and whoever may see the task definition would read it; want it in secrets of the service"

type ruleCase struct {
	changes []change
	want    []string // the mistakes, without file, line and column
}

var ruleCases = map[string]ruleCase{
	"a valid environment has no mistake": {},

	// The environment.
	"an account of zeros is none": {
		[]change{{`account: "333333333333"`, `account: »"000000000000"`}},
		[]string{"account: 000000000000, want the 12 digits of an AWS account"}},
	"a tag with a reserved prefix": {
		[]change{{"owner: platform", "owner: platform\ntags: {team: shop, 'AWS:x': »y, 'peakline:replica-scaler': »prod}"}},
		[]string{
			"tags.AWS:x: the key starts with a reserved prefix, want one without aws: and peakline:",
			"tags.peakline:replica-scaler: the key starts with a reserved prefix, want one without aws: and peakline:"}},
	"a tag that AWS refuses": {
		[]change{{"owner: platform", "owner: platform\ntags: {'a*b': »x, c: »'<>'}"}},
		[]string{
			"tags.a*b: the key is not one that AWS accepts, want 1 to 128 letters, digits, spaces and _.:/=+-@",
			`tags.c: text "<>", want at most 256 letters, digits, spaces and _.:/=+-@, not starting with aws:`}},
	"a tag without a value": {
		[]change{{"owner: platform", "owner: platform\ntags: {a: »'', b: »' ', c: »'AWS:d'}"}},
		[]string{
			"tags.a: empty, and CloudFormation takes no tag without a value; want one, or no such tag",
			"tags.b: empty, and CloudFormation takes no tag without a value; want one, or no such tag",
			`tags.c: text "AWS:d", want at most 256 letters, digits, spaces and _.:/=+-@, not starting with aws:`}},
	"tags that differ in case only": {
		[]change{{"owner: platform", "owner: platform\ntags: {Team: x, team: »y}"}},
		[]string{"tags.team: the key differs from Team in case only, want one of them: IAM takes them for the same"}},
	"too many tags": {
		[]change{{"owner: platform", "owner: platform\n»tags: {" + strings.Join(numbered("t%d: x", 41), ", ") + "}"}},
		[]string{"tags: 41 entries, want at most 40: AWS allows 50 and Peakline sets some itself"}},

	"a reason of spaces": {
		[]change{{"  cidr", "  natGateways: single\n  cidr"}, {"", "exceptions: [{safety: nat-per-zone, reason: »'            '}]\nwaivers: [{stack: Cache, resource: A, class: widens-iam, reason: »'            ', expires: '2026-12-01'}]\n"}},
		[]string{"exceptions[0].reason: nothing but spaces, want text", "waivers[0].reason: nothing but spaces, want text"}},

	// Notifications.
	"destinations that nothing can be delivered to": {
		[]change{{"{critical: {emails: [oncall@example.com]}}", "{critical: {emails: [»oncall, »Ann <ann@example.com>, ok@example.com]}, warning: {endpoints: [»'http://example.com', »'https://u:p@example.com', 'https://ok.example.com/x']}}"}},
		[]string{
			`notifications.critical.emails[0]: "oncall" is no e-mail address, want for example oncall@example.com`,
			`notifications.critical.emails[1]: "Ann <ann@example.com>" is no e-mail address, want for example oncall@example.com`,
			`notifications.warning.endpoints[0]: "http://example.com" is no HTTPS address, want for example https://events.example.com/alarm, without a password`,
			`notifications.warning.endpoints[1]: "https://u:p@example.com" is no HTTPS address, want for example https://events.example.com/alarm, without a password`}},
	"a topic of another region": {
		[]change{{"{critical: {emails: [oncall@example.com]}}", "{critical: {topicArn: »'arn:aws:sns:us-east-1:123456789012:alarms'}}"}},
		[]string{"notifications.critical.topicArn: a topic in us-east-1, want one in eu-west-1: alarms reach their own region only"}},
	"a topic that is no standard topic": {
		[]change{{"{critical: {emails: [oncall@example.com]}}", "{critical: {topicArn: »'arn:aws:sns:eu-west-1:123456789012:alarms.fifo'}}"}},
		[]string{`notifications.critical.topicArn: "arn:aws:sns:eu-west-1:123456789012:alarms.fifo" is no ARN of a standard topic, want for example arn:aws:sns:eu-west-1:123456789012:alarms`}},
	"a topic beside emails": {
		[]change{{"emails: [oncall@example.com]", "emails: [oncall@example.com], topicArn: »'arn:aws:sns:eu-west-1:123456789012:alarms'"}},
		[]string{"notifications.critical.topicArn: given beside emails or endpoints, want one or the other: the subscriptions of an existing topic are not Peakline's"}},

	// Identity.
	"a prefix with a reserved word": {
		[]change{{"identity:\n", "identity:\n  domain: {prefix: »my-aws-shop}\n"}},
		[]string{"identity.domain.prefix: my-aws-shop contains aws, want a prefix without aws, amazon, cognito: Cognito refuses them"}},
	"a prefix beside a name": {
		[]change{{"identity:\n", "identity:\n  domain: {prefix: »shop, name: auth.example.com, certificateArn: 'arn:aws:acm:us-east-1:333333333333:certificate/00000000-0000-0000-0000-000000000000'}\n"}},
		[]string{"identity.domain.prefix: given beside name, want one of them"}},
	"a name of the sign-in pages without a certificate": {
		[]change{{"identity:\n", "identity:\n  »domain: {name: auth.example.com}\n"}},
		[]string{"identity.domain.certificateArn: missing; want the ARN of an ACM certificate for auth.example.com in us-east-1"}},
	"a certificate for sign-in pages without a name": {
		[]change{{"identity:\n", "identity:\n  domain: {certificateArn: »'arn:aws:acm:us-east-1:333333333333:certificate/00000000-0000-0000-0000-000000000000'}\n"}},
		[]string{"identity.domain.certificateArn: a certificate without a name that it is for, want both or neither"}},
	"a certificate for the sign-in pages in the environment's region": {
		[]change{{"identity:\n", "identity:\n  domain: {name: auth.example.com, certificateArn: »'arn:aws:acm:eu-west-1:333333333333:certificate/0'}\n"}},
		[]string{`identity.domain.certificateArn: "arn:aws:acm:eu-west-1:333333333333:certificate/0" is no ARN of a certificate in us-east-1, where Cognito's domains take theirs from, want for example arn:aws:acm:us-east-1:333333333333:certificate/01234567-89ab-cdef-0123-456789abcdef`}},
	"a certificate for the sign-in pages of another account": {
		[]change{{"identity:\n", "identity:\n  domain: {name: auth.example.com, certificateArn: »'arn:aws:acm:us-east-1:444444444444:certificate/00000000-0000-0000-0000-000000000000'}\n"}},
		[]string{"identity.domain.certificateArn: a certificate of account 444444444444, want one of 333333333333"}},
	"addresses that Cognito would not come back to": {
		[]change{
			{`["https://www.example.com/auth/callback"]`, `[»"http://localhost:3000/x", »"https://*.example.com/x", »"com.example.shop://x"], logoutUrls: [»"/bye"]`},
			{`["com.example.shop://auth/callback"]`, `["https://www.example.com/app", »"javascript://x", "shop://auth"]`}},
		[]string{
			`identity.web.callbackUrls[0]: "http://localhost:3000/x": want https, such as https://www.example.com/auth/callback; http for localhost in development only`,
			`identity.web.callbackUrls[1]: "https://*.example.com/x": no address, want one without * and #, such as https://www.example.com/auth/callback`,
			`identity.web.callbackUrls[2]: "com.example.shop://x": want https, such as https://www.example.com/auth/callback; http for localhost in development only`,
			`identity.web.logoutUrls[0]: "/bye": no address, want one without * and #, such as https://www.example.com/auth/callback`,
			`identity.mobile.callbackUrls[1]: "javascript://x": want https, such as com.example.shop://auth/callback; http for localhost in development only`}},
	"nowhere to come back to in production": {
		[]change{{`  mobile: {callbackUrls: ["com.example.shop://auth/callback"]}`, `  »mobile: {refreshTokenDays: 7}`}},
		[]string{"identity.mobile.callbackUrls: missing; want at least one address such as com.example.shop://auth/callback"}},
	"a group and scopes that tokens cannot carry": {
		[]change{{"identity:\n", "identity:\n  groups: {»Staff: {description: People who run the shop}}\n  scopes: {Orders: »See orders, refunds: »no}\n"}},
		[]string{
			"identity.groups.Staff: no name that can be used, want at most 40 lower-case letters, digits and single hyphens, a letter first",
			"identity.scopes.Orders: no name that can be used, want at most 40 lower-case letters, digits and single hyphens, a letter first",
			"identity.scopes.refunds: 2 characters, want 3 to 200 that say what the scope allows"}},
	"triggers that Cognito cannot call": {
		[]change{{"identity:\n", "identity:\n  triggers: {preSignUp: »check-people, postConfirmation: »'arn:aws:lambda:eu-west-2:333333333333:function:welcome'}\n"}},
		[]string{
			`identity.triggers.preSignUp: "check-people" is no ARN of a function, want for example arn:aws:lambda:eu-west-1:333333333333:function:preSignUp`,
			"identity.triggers.postConfirmation: a function in eu-west-2 of account 333333333333, want one in eu-west-1 of 333333333333"}},
	"a sender that is not the identity's": {
		[]change{{"from: Example <no-reply@example.com>", "from: »Example <no-reply@example.org>, replyTo: »help"}},
		[]string{
			`identity.email.from: "Example <no-reply@example.org>" is no address of example.com, want for example no-reply@example.com`,
			`identity.email.replyTo: "help" is no e-mail address, want for example help@example.com`}},
	"an identity in SES of another region": {
		[]change{{`"arn:aws:ses:eu-west-1`, `»"arn:aws:ses:eu-west-2`}},
		[]string{"identity.email.identityArn: an identity in eu-west-2 of account 333333333333, want one in eu-west-1 of 333333333333"}},
	"a sender without an identity": {
		[]change{{`identityArn: "arn:aws:ses:eu-west-1:333333333333:identity/example.com"`, `identityArn: »example.com`}},
		[]string{`identity.email.identityArn: "example.com" is no ARN of an identity in SES, want for example arn:aws:ses:eu-west-1:333333333333:identity/example.com`}},
	"a provider without its secret": {
		[]change{{"identity:\n", "identity:\n  providers: {»apple: {clientId: com.example.shop, teamId: ABCDE12345, keyId: »abc}}\n"}},
		[]string{
			"identity.providers.apple.secret: missing, and it has no default; want for example \"peakline-prod/apple-2026\"",
			`identity.providers.apple.keyId: text "abc", want for example "FGHIJ67890"`}},

	// Waivers.
	"a waiver that outlasts its purpose, one without a day, and one twice": {
		[]change{{"", "waivers:\n" +
			"  - {stack: Database, resource: A, class: widens-iam, reason: The auditors read backups, expires: »\"2027-12-01\"}\n" +
			"  - {stack: Database, resource: B, class: widens-iam, reason: The auditors read backups, expires: »\"2026-02-31\"}\n" +
			"  - »{stack: Database, resource: A, class: widens-iam, reason: The auditors read backups, expires: \"2026-01-31\"}\n"}},
		[]string{
			"waivers[0].expires: 2027-12-01, want at most " + today.Add(longestWaiver).Format(time.DateOnly) + ", 90 days ahead",
			"waivers[1].expires: 2026-02-31 is no day of the calendar, want one such as 2026-12-01",
			"waivers[2]: the same change as waivers[0], want one waiver"}},

	"a waiver for no stack, and one for no logical id": {
		[]change{{"", "waivers:\n" +
			"  - {stack: »Databse, resource: A, class: widens-iam, reason: The auditors read backups, expires: \"2026-12-01\"}\n" +
			"  - {stack: DatabaseProxy, resource: »Aurora/Key/Resource, class: widens-iam, reason: The auditors read backups, expires: \"2026-12-01\"}\n"}},
		[]string{
			`waivers[0].stack: text "Databse", did you mean Database? There are: ` + strings.Join(StackNames, ", "),
			`waivers[1].resource: text "Aurora/Key/Resource", want for example "AuroraKeyB4F1AB57"`}},

	// The services.
	"a sixth service is an entry":            {changes: []change{loyalty("")}},
	"an entry that states only what differs": {changes: []change{{"", "services: {catalog: {cpu: 1024, memoryMiB: 2048}}\n"}}},
	"a service without a health check": {
		[]change{{"", "services:\n  »loyalty: {paths: [/api/loyalty], priority: 600}\n"}},
		[]string{"services.loyalty.health: missing, and it has no default"}},
	"a service whose name AWS refuses": {
		[]change{{"", "services:\n  »Loyalty: {paths: [/api/loyalty], priority: 600, health: {path: /health}, schedules: {»x_y: {everyMinutes: 5, command: [x]}}}\n"}},
		[]string{"services.Loyalty: no name that can be used, want at most 20 lower-case letters, digits and single hyphens, a letter first"}},
	"a schedule whose name AWS refuses": {
		[]change{loyalty("schedules: {»x_y: {everyMinutes: 5, command: [x]}}")},
		[]string{"services.loyalty.schedules.x_y: no name that can be used, want at most 20 lower-case letters, digits and single hyphens, a letter first"}},
	"more services than fit behind a load balancer": {
		[]change{{"", "»services: {" + strings.Join(numbered("t%[1]d: {paths: [/t%[1]d], priority: 1%[1]d, health: {path: /}}", 46), ", ") + "}\n"}},
		[]string{"services: 51 entries, want at most 50 behind one load balancer"}},
	"CPU and memory that Fargate does not offer": {
		[]change{{"", "services: {catalog: {cpu: 1024, memoryMiB: »1024}, order: {cpu: 256, memoryMiB: »4096}}\n"}},
		[]string{
			"services.catalog.memoryMiB: 1024, but with cpu 1024 Fargate offers 2048 to 8192 in steps of 1024",
			"services.order.memoryMiB: 4096, but with cpu 256 Fargate offers 512, 1024, 2048"}},
	"a path within another service's prefix": {
		[]change{{"", "services: {loyalty: {paths: [»/api/orders/points, /api/loyalty/*], priority: 600, health: {path: /health}}}\n"}},
		[]string{"services.loyalty.paths[0]: /api/orders/points overlaps /api/orders/* of services.order, want paths of its own: which of the two would serve them is chance"}},
	"a prefix over another service's": {
		[]change{{"", "services: {a: {paths: [/shop/*], priority: 600, health: {path: /}}, b: {paths: [»/shop/sale*], priority: 700, health: {path: /}}}\n"}},
		[]string{"services.b.paths[0]: /shop/sale* overlaps /shop/* of services.a, want paths of its own: which of the two would serve them is chance"}},
	"neighbouring paths": {changes: []change{{"", "services: {a: {paths: [/shop, /shop/*], priority: 600, health: {path: /}}, b: {paths: [/shops, /shops/*, /shop-b*], priority: 700, health: {path: /}}}\n"}}},
	"a path that is none": {
		[]change{{"", "services: {loyalty: {paths: [»'/a?c'], priority: 600, health: {path: /health}}}\n"}},
		[]string{`services.loyalty.paths[0]: "/a?c" is no path pattern, want a path such as /api/cart or a prefix such as /api/cart/*`}},
	"more patterns than a listener rule takes": {
		[]change{{"", "services:\n  loyalty:\n    »paths: [/a, /b, /c, /d, /e, /f]\n    priority: 600\n    health: {path: /health}\n"}},
		[]string{"services.loyalty.paths: 6 entries, want 1 to 5"}},
	"a priority that is taken": {
		[]change{{"", "services: {loyalty: {paths: [/api/loyalty], priority: »200, health: {path: /health}}}\n"}},
		[]string{"services.loyalty.priority: 200 is the priority of services.order, want one that is free, such as 600"}},
	"environment variables of the platform, or twice": {
		[]change{loyalty("environment: {PORT: »\"1\", A: b, lower: »x}, secrets: {A: »sms-gateway}")},
		[]string{
			"services.loyalty.environment.PORT: set by the platform, want another name than ENVIRONMENT, SERVICE, PORT, EVENT_BUS, EVENT_QUEUE_URL, FLAGS_URL, AWS_REGION",
			"services.loyalty.environment.lower: the name is no environment variable's, want capital letters, digits and _, a letter first",
			"services.loyalty.secrets.A: stands in environment too, want it once"}},
	"an address that the platform sets": {
		[]change{loyalty("calls: [order], environment: {ORDER_URL: »http://x}")},
		[]string{"services.loyalty.environment.ORDER_URL: set by the platform, the address of order, want another name"}},
	"a call to a service that is none, or to itself": {
		[]change{loyalty("calls: [»ordr, »loyalty]")},
		[]string{
			`services.loyalty.calls[0]: there is no service "ordr", did you mean order?`,
			"services.loyalty.calls[1]: loyalty is the service itself, want others"}},
	"a value of one service that is refused hides no rule that can do without it": {
		[]change{loyalty("cpu: »77, calls: [»ordr]")},
		[]string{
			"services.loyalty.cpu: number 77, want one of 256, 512, 1024, 2048, 4096, 8192, 16384",
			`services.loyalty.calls[0]: there is no service "ordr", did you mean order?`}},
	"a service that is refused is no unknown one": {
		[]change{loyalty("calls: [gifts]"), {"services: {", "services: {gifts: [wrong], "}},
		[]string{"services.gifts: a list, want a mapping"}},
	"a service under CodeDeploy calls, and is called": {changes: []change{loyalty("release: codedeploy, calls: [order]")}},
	"a service under CodeDeploy addresses another by its name": {
		[]change{loyalty("release: codedeploy, environment: {A: »http://order/api/orders, B: http://order.example.com}")},
		[]string{"services.loyalty.environment.A: addresses order by its name, but loyalty has release: codedeploy and no Service Connect; want calls: [order], and its address in ORDER_URL"}},
	"a service under CodeDeploy is addressed by its name": {
		[]change{{"", "services: {order: {release: codedeploy}, catalog: {environment: {A: »http://order, B: http://user}}}\n"}},
		[]string{"services.catalog.environment.A: addresses order by its name, but order has release: codedeploy and no Service Connect; want calls: [order], and its address in ORDER_URL"}},
	"a back office that asks for a sign-in": {changes: []change{office("paths: [/office, /office/*, /api/office/*], release: rolling, signIn: {paths: [/office, /office/*], priority: 700}")}},
	"a sign-in under a release that moves traffic": {
		[]change{office("paths: [/office/*], »signIn: {paths: [/office/*], priority: 700}")},
		[]string{"services.office.signIn: given with release: ecs, which moves traffic by rewriting the listener rule, and AWS supports no sign-in there; want release: rolling"}},
	"a sign-in without HTTPS": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}, {"loadBalancer: {certificateArn: \"arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\", hostName: api.example.com}\n", ""}, {atEdge + "\n", ""},
			office("paths: [/office/*], release: rolling, »signIn: {paths: [/office/*], priority: 700}")},
		[]string{"services.office.signIn: given, but loadBalancer.certificateArn is not: AWS asks for a sign-in over HTTPS only; want both"}},
	"a sign-in on paths that are none of the service's, for programs, or beside open ones": {
		[]change{office("paths: [/office/*, /office/open/*, /api/office/*], release: rolling, signIn: {paths: [»/ofice/*, »/api/office/*, »/office/*], priority: 700}")},
		[]string{
			`services.office.signIn.paths[0]: "/ofice/*" is none of the service's paths, want one as it stands there: /office/*, /office/open/*, /api/office/*`,
			"services.office.signIn.paths[1]: /api/office/* is for programs, which cannot follow to a sign-in; want a path outside /api/",
			"services.office.signIn.paths[2]: /office/* overlaps /office/open/*, which asks for none: another spelling of an address would lead around the sign-in; want paths apart"}},
	"a path where the load balancer lets people in": {
		[]change{office("paths: [/office/*, »/oauth2/*], release: rolling, signIn: {paths: [/office/*], priority: 700}")},
		[]string{"services.office.paths[1]: /oauth2/* overlaps /oauth2/idpresponse, where the load balancer lets people in; want another"}},
	"a place of the sign-in's rule that is taken": {
		[]change{office("paths: [/office/*], release: rolling, signIn: {paths: [/office/*], priority: »200}")},
		[]string{"services.office.signIn.priority: 200 is the priority of services.order, want one that is free, such as 700"}},
	"a call to pages that ask for a sign-in": {
		[]change{{"", "services: {office: {paths: [/office/*], release: rolling, signIn: {paths: [/office/*], priority: 700}, priority: 600, health: {path: /health}}, order: {calls: [»office]}}\n"}},
		[]string{"services.order.calls[0]: all paths of office ask for a sign-in, which no service can answer; want an open path beside them"}},
	"pages that ask for a sign-in and are answered elsewhere": {
		[]change{edged("pages: [»/office/*], secondOrigin: »old.example.com"), office("paths: [/office/*], release: rolling, signIn: {paths: [/office/*], priority: 700}")},
		[]string{
			"edge.pages[0]: /office/* asks for a sign-in, whose cookies the sorry page may not be sent; remove it here",
			"edge.secondOrigin: given, and /office/* asks for a sign-in at this load balancer: a share of the visitors would be led around it; want one of the two"}},
	"a rolling release with steps": {
		[]change{loyalty("release: rolling, database: {}, »shift: {kind: linear}, »smokeTest: [{path: /api/loyalty}], »migration: {command: [migrate]}")},
		[]string{
			"services.loyalty.shift: has no effect with release: rolling, which replaces task by task; remove it, or want release: ecs",
			"services.loyalty.smokeTest: has no effect with release: rolling, which replaces task by task; remove it, or want release: ecs",
			"services.loyalty.migration: has no effect with release: rolling, which replaces task by task; remove it, or want release: ecs"}},
	"a rolling service is not addressed by its name": {
		[]change{loyalty("release: rolling, environment: {A: »http://order}")},
		[]string{"services.loyalty.environment.A: addresses order by its name, but loyalty has release: rolling and no Service Connect; want calls: [order], and its address in ORDER_URL"}},
	"a release that is tried and shifted in steps": {changes: []change{loyalty("smokeTest: [{path: /api/loyalty, status: 401}], shift: {kind: linear, percent: 20, stepMinutes: 2, bakeMinutes: 30}")}},
	"a release that is tried on another service": {
		[]change{loyalty("smokeTest: [{path: /api/loyalty}, {path: »/health}]")},
		[]string{"services.loyalty.smokeTest[1].path: /health leads elsewhere, want a path of the service: /api/loyalty"}},
	"CodeDeploy without a way to it": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", "tracing: {enabled: false}\nfeatureFlags: {enabled: false}\n"},
			{"  zones: [", "  natGateways: none\n  endpoints: [s3, ecr, logs, secretsmanager, ssm, sts, kms]\n  zones: ["}, {"", "services: {order: {release: »codedeploy}}\n"}},
		[]string{"services.order.release: codedeploy, but network.natGateways is none: the smoke test inside the VPC could not tell CodeDeploy how it went; want ecs, or a NAT gateway"}},
	"a migration": {changes: []change{{"", "services: {order: {migration: {command: [migrate, up], lockSeconds: 2, minutes: 60}}}\n"}}},
	"a migration of nothing": {
		[]change{loyalty("»migration: {command: [migrate]}")},
		[]string{"services.loyalty.migration: loyalty has no schema to migrate; want database: {} beside it"}},
	"a migration that outlives what waits for it": {
		[]change{{"", "services: {order: {release: codedeploy, migration: {command: [migrate], minutes: »15}}, user: {migration: {command: [migrate], minutes: 2, statementSeconds: »121}}}\n"}},
		[]string{
			"services.order.migration.minutes: 15, but CodeDeploy waits for 14 at most; want release: ecs, or less",
			"services.user.migration.statementSeconds: 121, longer than the 2 minutes of the whole migration"}},
	"a share of a shift that has none": {
		[]change{loyalty("shift: {percent: »10, stepMinutes: »3}")},
		[]string{
			"services.loyalty.shift.percent: 10, but all visitors are shifted at once; want kind: canary or linear, or no percent",
			"services.loyalty.shift.stepMinutes: 3, but all visitors are shifted at once; want kind: canary or linear, or no stepMinutes"}},
	"a certificate without a name": {
		[]change{{", hostName: api.example.com}", "}"}, {"loadBalancer: {", "»loadBalancer: {"}},
		[]string{"loadBalancer.hostName: missing; want a name that the certificate is for, such as api.example.com: services call each other by it, and would refuse the certificate under any other"}},
	"a name without a certificate": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""},
			{`certificateArn: "arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000", hostName: api`, "hostName: »api"}},
		[]string{"loadBalancer.hostName: api.example.com, but without certificateArn nothing answers to it over HTTPS; want both or neither"}},
	"a secret that nobody knows": {
		[]change{loyalty("secrets: {KEY: »sms-gatway, OTHER: »something}")},
		[]string{
			`services.loyalty.secrets.KEY: there is no secret "sms-gatway", did you mean sms-gateway?`,
			`services.loyalty.secrets.OTHER: there is no secret "something", want one of payment-provider, sms-gateway; or add it to secrets`}},
	"a secret whose name AWS refuses": {
		[]change{{"", "secrets:\n  »A/b: {description: Key of a}\n"}},
		[]string{"secrets.A/b: no name that can be used, want at most 40 lower-case letters, digits and single hyphens, a letter first"}},
	"a subscription to what nobody publishes": {
		[]change{loyalty("subscribes: [»order_plced, order_placed]")},
		[]string{`services.loyalty.subscribes[0]: there is no event "order_plced", did you mean order_placed?`}},
	"an event whose name is none": {
		[]change{loyalty("publishes: [»OrderPlaced]")},
		[]string{`services.loyalty.publishes[0]: "OrderPlaced" is no name of an event, want for example order_placed`}},
	"fewer tasks at most than at least": {
		[]change{{"", "services: {catalog: {scaling: {min: »30}}}\n"}},
		[]string{"services.catalog.scaling.min: 30, want at most max, 20"}},
	"caches that a service uses": {changes: []change{loyalty("caches: [sessions, rateLimits]")}},
	"a cache that nobody knows": {
		[]change{loyalty("caches: [sessions, »carts]")},
		[]string{`services.loyalty.caches[1]: text "carts", want one of sessions, products, rateLimits`}},
	"variables with names of the platform's": {
		[]change{loyalty("environment: {AUTH_ISSUER: »x, CACHE_TTL: »\"1\"}")},
		[]string{
			"services.loyalty.environment.AUTH_ISSUER: names that start with AUTH_ are the platform's, want another",
			"services.loyalty.environment.CACHE_TTL: names that start with CACHE_ are the platform's, want another"}},

	// The caches.
	"separate groups that differ": {changes: []change{{"", "cache: {replicas: 1, sessions: {nodeType: cache.r7g.large, replicas: 2}, engineVersion: '8.1', snapshotRetentionDays: 14}\n"}}},
	"a version of Valkey that is none": {
		[]change{{"", "cache: {engineVersion: »'8.3'}\n"}},
		[]string{"cache.engineVersion: 8.3 is no version of Valkey that Peakline knows, want one of 7.2, 8.0, 8.1, 8.2"}},
	"node types that ElastiCache does not have": {
		[]change{{"", "cache: {nodeType: »cache.m7h.large, sessions: {nodeType: »cache.r7g.huge}, products: {nodeType: »cache.r6gd.xlarge}, rateLimits: {nodeType: »cache.quantum9.large}}\n"}},
		[]string{
			`cache.nodeType: "cache.m7h.large" is no node type of ElastiCache that Peakline knows; did you mean cache.m7g.large?`,
			`cache.sessions.nodeType: "cache.r7g.huge" has no such size, want cache.r7g with one of large, xlarge, 2xlarge, 4xlarge, 8xlarge, 12xlarge, 16xlarge`,
			"cache.products.nodeType: cache.r6gd.xlarge is for data tiering, which slows what is read rarely; use r6g or r7g",
			`cache.rateLimits.nodeType: "cache.quantum9.large" is no node type of ElastiCache that Peakline knows; want a family of cache.c7gn, cache.m5, cache.m6g, cache.m7g, cache.r5, cache.r6g, cache.r7g, cache.t3, cache.t4g`}},
	"a group of its own in a shared cache": {
		[]change{{"", "cache: {layout: shared, »sessions: {replicas: 1}}\nexceptions: [{safety: separate-caches, reason: a shop without visitors}]\n"}},
		[]string{"cache.sessions: has no effect with layout: shared; remove it or choose layout: separate"}},
	"windows of caches that are none, or short": {
		[]change{{"", "cache: {snapshotWindow: »\"02:00-02:30\", maintenanceWindow: »\"xyz:01:00-tue:02:00\"}\n"}},
		[]string{
			`cache.snapshotWindow: "02:00-02:30": 30 minutes, want at least 60`,
			`cache.maintenanceWindow: "xyz:01:00-tue:02:00": no days and times, want for example tue:04:30-tue:05:30`}},
	"windows of caches that overlap": {
		[]change{{"", "cache: {maintenanceWindow: »\"wed:02:30-wed:03:30\"}\n"}},
		[]string{"cache.maintenanceWindow: snapshot 02:00-03:00 and maintenance wed:02:30-wed:03:30 overlap, want them apart"}},
	"a snapshot window in the maintenance window": {
		[]change{{"", "cache: {snapshotWindow: »\"04:00-05:00\"}\n"}},
		[]string{"cache.snapshotWindow: snapshot 04:00-05:00 and maintenance wed:04:30-wed:05:30 overlap, want them apart"}},
	"more replicas than a group can have": {
		[]change{{"", "cache: {replicas: »6}\n"}},
		[]string{"cache.replicas: 6, want 0 to 4"}},
	"a database of its own is two braces": {changes: []change{loyalty("database: {}")}},
	"a schema that is another's": {
		[]change{{"", "services: {loyalty: {paths: [/api/loyalty], priority: 600, health: {path: /health}, database: {schema: »orders}}, catalog: {database: {schema: catalog}}}\n"}},
		[]string{"services.loyalty.database.schema: orders is the schema of services.order, want one of its own: each would read the other's tables"}},
	"a name that becomes another's schema": {
		[]change{{"", "services: {a-b: {paths: [/a], priority: 600, health: {path: /health}, database: {}}, c: {paths: [/c], priority: 700, health: {path: /health}, database: {schema: »a_b}}}\n"}},
		[]string{"services.c.database.schema: a_b is the schema of services.a-b, want one of its own: each would read the other's tables"}},
	"a schema that PostgreSQL or RDS has": {
		[]change{{"", "services: {catalog: {database: {schema: »public}}, order: {database: {schema: »pg_temp}}, payment: {database: {schema: »aws_s3}}, user: {database: {schema: »rdsadmin}}}\n"}},
		[]string{
			"services.catalog.database.schema: public is taken by PostgreSQL or RDS, want another name",
			"services.order.database.schema: pg_temp is taken by PostgreSQL or RDS, want another name",
			"services.payment.database.schema: aws_s3 is taken by PostgreSQL or RDS, want another name",
			"services.user.database.schema: rdsadmin is taken by PostgreSQL or RDS, want another name"}},
	"a schema whose name is none": {
		[]change{loyalty("database: {schema: »'x\"; DROP'}")},
		[]string{`services.loyalty.database.schema: text "x\"; DROP", want for example "orders"`}},
	// Tracing, and the containers beside a service.
	"a percentile below another one": {
		[]change{{"", "slos: {p99Milliseconds: »1500}\n"}},
		[]string{"slos.p99Milliseconds: p99Milliseconds is 1500 and p95Milliseconds 1600, want p99Milliseconds at least that"}},
	"a percentile above the default of another one": {
		[]change{{"", "slos: {p95Milliseconds: »3000}\n"}},
		[]string{"slos.p95Milliseconds: p99Milliseconds is 2900 and p95Milliseconds 3000, want p99Milliseconds at least that"}},
	"a service that takes longer than the shop may": {
		[]change{{"", "services: {catalog: {latencyMilliseconds: »1700}}\n"}},
		[]string{"services.catalog.latencyMilliseconds: 1700, above slos.p95Milliseconds, 1600: visitors would wait too long though the service keeps its share; want at most that"}},
	"a canary that is off has no walk": {
		[]change{{"", "canary: {enabled: false, everyMinutes: »10}\n"}},
		[]string{"canary.everyMinutes: has no effect without a canary; remove it, or say enabled: true"}},
	"a walk to nowhere": {
		[]change{{"edge: {domains: [www.example.com], certificateArn: \"arn:aws:acm:us-east-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\"}\n", "canary: {enabled: »true}\n"},
			{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}},
		[]string{"canary.enabled: true, but nobody outside reaches the shop; want edge.domains, or network.ingress.from internet and loadBalancer.hostName"}},
	"a walk with two steps of one name, and an error that is right": {
		[]change{{"", "canary: {steps: [{name: home, path: /}, {name: »home, path: /api/cart, status: [503]}]}\n"}},
		[]string{"canary.steps[1].name: home is there twice, want another name", "canary.steps[1].status[0]: 503 is no answer of a shop that works, want 200 to 499"}},
	"a monitor that nobody asks": {
		[]change{{"", "budget: {anomalyMonitorArn: »arn:aws:ce::333333333333:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef}\n"}},
		[]string{"budget.anomalyMonitorArn: has no effect without anomalyUsd; remove it, or say from which amount on unusual costs are told"}},
	"a monitor of another account": {
		[]change{{"", "budget: {anomalyUsd: 100, anomalyMonitorArn: »arn:aws:ce::444444444444:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef}\n"}},
		[]string{"budget.anomalyMonitorArn: a monitor of account 444444444444, want one of 333333333333"}},
	"a monitor that is none": {
		[]change{{"", "budget: {anomalyUsd: 100, anomalyMonitorArn: »arn:aws:ce::333333333333:monitor/1}\n"}},
		[]string{`budget.anomalyMonitorArn: "arn:aws:ce::333333333333:monitor/1" is no ARN of a monitor, want what aws ce get-anomaly-monitors gives, for example arn:aws:ce::333333333333:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef`}},
	"tracing that is off": {
		[]change{{"", "tracing: {enabled: false, samplePercent: »10}\n"}},
		[]string{"tracing.samplePercent: has no effect with enabled: false; remove it"}},
	"fewer traces of failures than of the rest": {
		[]change{{"", "tracing: {samplePercent: »60}\n"}},
		[]string{"tracing.samplePercent: anomalyPercent is 50 and samplePercent 60, want it at least as large: when requests fail, fewer would be traced"}},
	"a variable of the collector's": {
		[]change{loyalty("environment: {OTEL_NODE_RESOURCE_DETECTORS: none, OTEL_TRACES_SAMPLER: »always_on}")},
		[]string{"services.loyalty.environment.OTEL_TRACES_SAMPLER: set by the platform, which leads the SDK to the collector; want another"}},
	"no way to X-Ray": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}, {"  zones: [", "  natGateways: none\n  »endpoints: [s3, ecr, logs, secretsmanager, ssm, sts, kms]\n  zones: ["}},
		[]string{"network.endpoints: natGateways is none, so that private subnets cannot reach xray, appconfig; add the endpoints or a NAT gateway"}},
	"without tracing and flags nothing has to reach them": {
		changes: []change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", "tracing: {enabled: false}\nfeatureFlags: {enabled: false}\n"}, {"  zones: [", "  natGateways: none\n  endpoints: [s3, ecr, logs, secretsmanager, ssm, sts, kms]\n  zones: ["}}},
	// Flags.
	"a flag whose name AppConfig refuses": {
		[]change{{"", "flags: {»Reviews: {description: Show the reviews}, stars: {description: Show the stars, numbers: {»enabled: {description: x x, max: 1}}}}\n"}},
		[]string{
			"flags.Reviews: no name that can be used, want at most 64 lower-case letters, digits, - and _, a letter first",
			"flags.stars.numbers.enabled: no name that can be used, want at most 64 lower-case letters, digits, - and _, a letter first, and not enabled"}},
	"a flag's number out of its bounds": {
		[]change{{"", "flags: {dual-write: {numbers: {»percent: {description: Share, max: 50, start: 60}}}}\n"}},
		[]string{"flags.dual-write.numbers.percent: starts at 60, want 0 to 50"}},
	"bounds of a flag's number the wrong way round": {
		[]change{{"", "flags: {dual-write: {numbers: {»percent: {description: Share, min: 50, max: 10, start: 20}}}}\n"}},
		[]string{"flags.dual-write.numbers.percent: min 50 is above max 10, want min at most max"}},
	"a service that reads a flag that there is not": {
		[]change{loyalty("flags: [recommendations, »dual-rite]")},
		[]string{`services.loyalty.flags[1]: there is no flag "dual-rite", did you mean dual-write?`}},
	"a rollout of flags that nobody hands out": {
		[]change{{"", "featureFlags: {enabled: false, bakeMinutes: »5}\n"}},
		[]string{"featureFlags.bakeMinutes: has no effect with enabled: false; remove it"}},
	"a task that its sidecars fill": {
		[]change{{"", "services: {catalog: {cpu: 256, memoryMiB: »512}}\n"}},
		[]string{"services.catalog.memoryMiB: 512 leaves 96 MiB to the service beside the pooler (database), the collector (tracing), the agent of the flags (featureFlags), want at least 288 MiB more"}},
	"floors of services that cannot be": {
		[]change{{"", "events:\n  - {name: a, start: \"2026-12-01T00:00\", end: \"2026-12-02T00:00\", floors: {tasks: {catalog: »21, ordr: »3}}}\n"}},
		[]string{
			"events[0].floors.tasks.catalog: 21, want at most services.catalog.scaling.max, 20",
			`events[0].floors.tasks.ordr: there is no service "ordr", did you mean order?`}},

	// The load balancer.
	"production without a certificate": {
		[]change{{"loadBalancer: {certificateArn: \"arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\", hostName: api.example.com}", ""}},
		[]string{"loadBalancer.certificateArn: missing, and production speaks HTTPS only; want the ARN of an ACM certificate in eu-west-1"}},
	"a certificate that is none": {
		[]change{{"\"arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\"", "»shop.example.com"}},
		[]string{`loadBalancer.certificateArn: "shop.example.com" is no ARN of a certificate, want for example arn:aws:acm:eu-west-1:333333333333:certificate/01234567-89ab-cdef-0123-456789abcdef`}},
	"a certificate of another region": {
		[]change{{"\"arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\"", "»\"arn:aws:acm:us-east-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\""}},
		[]string{"loadBalancer.certificateArn: a certificate in us-east-1, want one in eu-west-1: load balancers use those of their own region"}},
	"a certificate of another account": {
		[]change{{"\"arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\"", "»\"arn:aws:acm:eu-west-1:444444444444:certificate/00000000-0000-0000-0000-000000000000\""}},
		[]string{"loadBalancer.certificateArn: a certificate of account 444444444444, want one of 333333333333: load balancers use those of their own account"}},

	// The edge.
	"names that are none, or the load balancer's own": {
		[]change{{"[www.example.com]", "[»www_example, »api.example.com]"}},
		[]string{
			`edge.domains[0]: "www_example" is no host name, want for example www.example.com`,
			"edge.domains[1]: api.example.com is loadBalancer.hostName, by which CloudFront itself finds the load balancer; want another name"}},
	"an edge without a certificate": {
		[]change{{atEdge, "»edge: {domains: [www.example.com]}"}},
		[]string{"edge.certificateArn: missing; want the ARN of an ACM certificate for www.example.com in us-east-1: CloudFront's own accepts TLS 1.0"}},
	"a certificate at the edge of another region": {
		[]change{{`certificateArn: "arn:aws:acm:us-east-1:333333333333`, `certificateArn: »"arn:aws:acm:eu-west-1:333333333333`}},
		[]string{`edge.certificateArn: "arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000…" is no ARN of a certificate in us-east-1, where CloudFront takes them from, want for example arn:aws:acm:us-east-1:333333333333:certificate/01234567-89ab-cdef-0123-456789abcdef`}},
	"a certificate at the edge of another account": {
		[]change{{`certificateArn: "arn:aws:acm:us-east-1:333333333333`, `certificateArn: »"arn:aws:acm:us-east-1:444444444444`}},
		[]string{"edge.certificateArn: a certificate of account 444444444444, want one of 333333333333"}},
	"an edge that is none": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}, {atEdge, "edge: {originSecret: »2, secondOrigin: »old.example.com}"}},
		[]string{
			"edge.originSecret: has no effect without edge.domains; remove it, or name the shop's domains",
			"edge.secondOrigin: has no effect without edge.domains; remove it, or name the shop's domains"}},
	"an edge before a load balancer in the clear": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}, {"loadBalancer: {certificateArn: \"arn:aws:acm:eu-west-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\", hostName: api.example.com}", ""},
			{"domains: [www", "»domains: [www"}},
		[]string{"edge.domains: given, but loadBalancer.certificateArn and hostName are not: CloudFront would send tokens and passwords on to the load balancer in the clear; want both, or no domains"}},
	"an edge that visitors walk around": {
		[]change{{"  zones:", "  ingress: {from: »cidrs, cidrs: [203.0.113.0/24]}\n  zones:"}},
		[]string{"network.ingress.from: cidrs keeps CloudFront out, which edge.domains puts in front, or lets visitors around it; want cloudfront"}},
	"a shop that nobody reaches": {
		[]change{{atEdge + "\n", ""}, {"profile:", "»profile:"}},
		[]string{"edge.domains: none, and network.ingress.from is cloudfront: nobody would reach the shop; want its names, or another network.ingress.from"}},
	"a zone without an id": {
		[]change{edged("»hostedZone: {name: example.com}")},
		[]string{"edge.hostedZone.id: missing; want the id that aws route53 list-hosted-zones gives for example.com"}},
	"a zone without a name": {
		[]change{edged("»hostedZone: {id: Z0123456789ABCDEFGHIJ}")},
		[]string{"edge.hostedZone.name: missing; want the domain that zone Z0123456789ABCDEFGHIJ is for"}},
	"names outside the zone": {
		[]change{{"hostName: api", "hostName: »api"}, edged("hostedZone: {id: Z0123456789ABCDEFGHIJ, name: example.org}"), {"[www", "[»www"}},
		[]string{
			"loadBalancer.hostName: api.example.com is not in edge.hostedZone, example.org, want one of its names, or no hostedZone",
			"edge.domains[0]: www.example.com is not in the hosted zone example.org, want one of its names, or no hostedZone"}},
	"pages that are none": {
		[]change{edged("pages: [»/api/orders, »/account]")},
		[]string{
			"edge.pages[0]: /api/orders is for programs, which read an error and no page; want a path outside /api/",
			"edge.pages[1]: /account is no path of a service, want one of services.NAME.paths outside /api/"}},
	"more paths than CloudFront has room for": {
		[]change{{"", "»services: {" + strings.Join(numbered("s%[1]d: {paths: [/a%[1]d, /b%[1]d, /c%[1]d, /d%[1]d, /e%[1]d], priority: 10%[1]d, health: {path: /health}}", 14), ", ") + "}\n"}},
		[]string{"services: 71 paths outside /api/, CloudFront has room for 70; want paths that begin with /api/"}},
	"other sites that are none": {
		[]change{edged("corsOrigins: [»'http://partner.example.com', »'https://partner.example.com/', »'https://*.example.com', 'https://ok.example.com:8443']")},
		[]string{
			`edge.corsOrigins[0]: "http://partner.example.com" is no origin, want for example https://partner.example.com; http for localhost in development only`,
			`edge.corsOrigins[1]: "https://partner.example.com/" is no origin, want for example https://partner.example.com; http for localhost in development only`,
			`edge.corsOrigins[2]: "https://*.example.com" is no origin, want for example https://partner.example.com; http for localhost in development only`}},
	"a content policy that is none": {
		[]change{edged("contentSecurityPolicy: »script-src 'self'")},
		[]string{`edge.contentSecurityPolicy: "script-src 'self'" is no policy, want one line of plain text with a default-src`}},
	"a second origin that is the first": {
		[]change{edged("secondOrigin: »www.example.com")},
		[]string{"edge.secondOrigin: www.example.com is this shop itself, want the host of another"}},
	"alarms of the edge that reach nobody": {
		[]change{{"{emails: [oncall@example.com]}", "{topicArn: 'arn:aws:sns:eu-west-1:333333333333:alarms'}"}, {"edge: {", "»edge: {"}},
		[]string{"edge.topics.critical: missing, and notifications.critical.topicArn is in eu-west-1, which alarms of CloudFront do not reach; want a topic in us-east-1"}},
	"a topic of the edge that is elsewhere, and one too many": {
		[]change{{"{emails: [oncall@example.com]}", "{topicArn: 'arn:aws:sns:eu-west-1:333333333333:alarms'}"}, edged("topics: {critical: »'arn:aws:sns:eu-west-1:333333333333:alarms', warning: »'arn:aws:sns:us-east-1:333333333333:alarms'}")},
		[]string{
			`edge.topics.critical: "arn:aws:sns:eu-west-1:333333333333:alarms" is no ARN of a topic in us-east-1, want for example arn:aws:sns:us-east-1:333333333333:alarms`,
			"edge.topics.warning: has no effect: notifications.warning reaches the edge as it is; remove it"}},

	// The firewall.
	"limits that limit nothing": {
		[]change{{"", "firewall: {requestsPerFiveMinutes: 100, rateLimits: {login: {paths: [»'*.php'], requestsPerFiveMinutes: »200}, »Pay: {paths: [/api/pay], requestsPerFiveMinutes: 10}}}\n"}},
		[]string{
			`firewall.rateLimits.login.paths[0]: "*.php" is no path pattern, want a path such as /api/cart or a prefix such as /api/cart/*`,
			"firewall.rateLimits.login.requestsPerFiveMinutes: 200, but an address may send 100 altogether; want fewer",
			"firewall.rateLimits.Pay: no name that can be used, want at most 20 lower-case letters, digits and single hyphens, a letter first"}},
	"a limit that leads nowhere": {
		[]change{{"", "firewall: {rateLimits: {login: {paths: [»/api/usr/login, /api/users/*, /old-shop], requestsPerFiveMinutes: 20}}}\n"}},
		[]string{"firewall.rateLimits.login.paths[0]: /api/usr/login leads to no service, so that nothing would be limited; want paths that are among those of services"}},
	"a limit for an older shop": {
		changes: []change{edged("secondOrigin: old.example.net"), {"", "firewall: {rateLimits: {login: {paths: [/api/login], requestsPerFiveMinutes: 20}}}\n"}}},
	"one address of a range that is blocked, and of one that is allowed": {
		[]change{{"", "firewall: {allow: [203.0.113.7/32, 198.51.100.0/24], block: [203.0.113.0/24, »198.51.100.7/32]}\n"}},
		[]string{"firewall.block[1]: 198.51.100.7/32 is within firewall.allow, which decides first; want it on one list"}},
	"too many limits": {
		[]change{{"", "firewall: {»rateLimits: {" + strings.Join(numbered("l%d: {paths: [/api/x], requestsPerFiveMinutes: 10}", 9), ", ") + "}}\n"}},
		[]string{"firewall.rateLimits: 9 entries, want at most 8"}},
	"addresses that are none": {
		[]change{{"", "firewall: {allow: [»203.0.113.7, 198.51.100.0/24, '2001:db8::/32'], block: [»203.0.113.7/24, »16.0.0.0/4, »198.51.100.0/24]}\n"}},
		[]string{
			`firewall.allow[0]: "203.0.113.7" is no address range, want for example 203.0.113.0/24, 198.51.100.7/32 or 2001:db8::/32`,
			`firewall.block[0]: "203.0.113.7/24": bits set behind the prefix, want 203.0.113.0/24`,
			"firewall.block[1]: 16.0.0.0/4 is a good part of the internet, want /8 or smaller",
			"firewall.block[2]: 198.51.100.0/24 is within firewall.allow, which decides first; want it on one list"}},

	"a canary that leads nowhere": {
		[]change{{"", "canary: {steps: [{name: a, path: »/api/catalogue?page=2}, {name: b, path: /}, {name: c, path: '/api/catalog/7?page=2'}]}\n"}},
		[]string{"canary.steps[0].path: /api/catalogue leads to no service, want one of services.*.paths"}},
	"a canary that posts to pages": {
		[]change{edged("pages: [/loyalty]"), loyalty("database: {}"), {"paths: [/api/loyalty]", "paths: [/loyalty, /loyalty-cards]"},
			{"", "canary: {steps: [{name: a, path: /loyalty, method: »POST}, {name: b, path: /, method: »POST}, {name: c, path: /loyalty-cards, method: POST}]}\n"}},
		[]string{
			"canary.steps[0].method: POST, but CloudFront takes GET and HEAD alone for /loyalty, a page; want GET, or a path of a service that is no page",
			"canary.steps[1].method: POST, but CloudFront takes GET and HEAD alone for /, a page; want GET, or a path of a service that is no page"}},

	// Releases.
	"releases of days": {
		[]change{{"", "services:\n  catalog: {»shift: {kind: linear, percent: 3, stepMinutes: 60, bakeMinutes: 60}}\n" +
			"  order: {»shift: {kind: linear, stepMinutes: 120, bakeMinutes: 960}}\n" +
			"  user: {»shift: {kind: linear, percent: 3, stepMinutes: 60, bakeMinutes: 5}}\n  payment: {shift: {kind: canary, stepMinutes: 120, bakeMinutes: 1440}}\n"}},
		[]string{
			"services.catalog.shift: 2040 minutes until the version before goes, and CloudFormation refuses more than 1980, 33 hours; want fewer shares, or less of stepMinutes or bakeMinutes",
			"services.order.shift: 2040 minutes until the version before goes, and CloudFormation refuses more than 1980, 33 hours; want fewer shares, or less of stepMinutes or bakeMinutes",
			"services.user.shift: 1985 minutes until the version before goes, and CloudFormation refuses more than 1980, 33 hours; want fewer shares, or less of stepMinutes or bakeMinutes"}},
	"a smoke test that wants two answers": {
		[]change{loyalty("smokeTest: [{path: /api/loyalty, status: 200}, {path: »/api/loyalty, status: 401}]")},
		[]string{"services.loyalty.smokeTest[1].path: /api/loyalty is that of smokeTest[0] too, want it once, with the answer that is right"}},
	"a migration whose statements end before their locks": {
		[]change{{"", "services: {catalog: {migration: {command: [migrate], lockSeconds: »30, statementSeconds: 10}}, order: {migration: {command: [migrate], statementSeconds: »5}}}\n"}},
		[]string{
			"services.catalog.migration.lockSeconds: lockSeconds is 30 and statementSeconds 10, want statementSeconds above it: it ends a statement that waits for a lock, too",
			"services.order.migration.statementSeconds: lockSeconds is 5 and statementSeconds 5, want statementSeconds above it: it ends a statement that waits for a lock, too"}},
	"health checks that ECS refuses, or runs without their words": {
		[]change{{"", "services:\n  catalog: {health: {path: /health, »command: [wget, localhost]}}\n  order: {health: {path: /health, »command: [CMD-SHELL, wget, localhost]}}\n  user: {health: {path: /health, command: [CMD, /user, check]}}\n"}},
		[]string{
			`services.catalog.health.command: starts with "wget", want CMD and the words of a command, or CMD-SHELL and a line for the shell`,
			"services.order.health.command: 2 texts after CMD-SHELL, and the shell runs the first alone; want one line, or CMD and the words"}},
	"names that become the same id": {
		[]change{{"    two: {zone: eu-west-1c}", "    r-2: {zone: eu-west-1b}\n    »r2: {zone: eu-west-1c}"},
			{"", "secrets: {key-1: {description: Key of a partner}, »key1: {description: Key of a partner}}\n" +
				"services:\n  b-2: {paths: [/b], priority: 600, health: {path: /health}, schedules: {c-3: {everyMinutes: 5, command: [x]}, »c3: {everyMinutes: 5, command: [x]}}}\n" +
				"  »b2: {paths: [/d], priority: 700, health: {path: /health}}\n"}},
		[]string{
			"database.readers.r2: CloudFormation could not tell it from r-2, want a name that differs in more than a hyphen before a digit",
			"secrets.key1: CloudFormation could not tell it from key-1, want a name that differs in more than a hyphen before a digit",
			"services.b-2.schedules.c3: CloudFormation could not tell it from c-3, want a name that differs in more than a hyphen before a digit",
			"services.b2: CloudFormation could not tell it from b-2, want a name that differs in more than a hyphen before a digit"}},
	"the ports of the containers beside a service": {
		[]change{{"", "services: {catalog: {port: »4318}, order: {port: »2772}, payment: {port: »13133}, user: {port: »2000}}\n"}},
		[]string{
			"services.catalog.port: 4318 is where the collector listens in the same task, want another",
			"services.order.port: 2772 is where the agent of the flags listens in the same task, want another",
			"services.payment.port: 13133 is where the collector listens in the same task, want another",
			"services.user.port: 2000 is where the collector listens in the same task, want another"}},
	"ports of containers that are not there": {
		changes: []change{{"", "tracing: {enabled: false}\nfeatureFlags: {enabled: false}\nservices: {catalog: {port: 4318}, order: {port: 2772}}\n"}}},

	"a path longer than a load balancer takes": {
		[]change{{"", "services: {loyalty: {paths: [»/" + strings.Repeat("x", 128) + ", /" + strings.Repeat("y", 127) + "], priority: 600, health: {path: /health}}}\n"}},
		[]string{"services.loyalty.paths[0]: 129 characters, want at most 128, for instance a prefix and *"}},
	"a flag with more numbers than AppConfig takes": {
		[]change{{"", "flags: {a: {description: Something to switch, »numbers: {" + strings.Join(numbered("n%d: {description: A number, max: 3}", 26), ", ") + "}}}\n"}},
		[]string{"flags.a.numbers: 26 entries, want at most 25"}},
	"a domain of another alphabet": {changes: []change{{"[www.example.com]", "[xn--80aswg.xn--p1ai]"}}},
	"a domain of a label that is too long": {
		[]change{{"[www.example.com]", "[»" + strings.Repeat("w", 64) + ".example.com]"}},
		[]string{`edge.domains[0]: "` + strings.Repeat("w", 60) + `…" is no host name, want for example www.example.com`}},

	// The calendar.
	"floors below what is always there": {
		[]change{{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: »1, tasks: {catalog: »1, order: 2}}}]\n"}},
		[]string{
			"events[0].floors.readers: 1, want at least the 2 readers that are always there: a floor counts them",
			"events[0].floors.tasks.catalog: 1, want at least services.catalog.scaling.min, 2: a floor counts all tasks"}},
	"a calendar and freezes that target tracking does not know": {
		[]change{{"{max: 6}", "{max: 6, min: 3, control: target-tracking, »freezeWindows: [{name: f, start: 2026-12-02T00:00, end: 2026-12-03T00:00}]}"},
			{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: »4}}, {name: late, start: 2026-11-28T00:00, end: 2026-11-29T00:00, floors: {readers: 3}}]\n"}},
		[]string{
			"scaler.freezeWindows: target-tracking adds and removes readers whatever they say; remove them, or want control: peakline",
			"events[0].floors.readers: 4, but control: target-tracking knows no calendar; want control: peakline, or scaler.min until the event is over"}},
	"a budget that the minimum spends": {
		[]change{{"{max: 6}", "{max: 6, min: 4, monthlyReaderHours: »1343}"}},
		[]string{"scaler.monthlyReaderHours: 1343, but scaler.min alone adds 1344 in the shortest month; want more than that"}},
	"a budget for the minimum": {changes: []change{{"{max: 6}", "{max: 6, min: 4, monthlyReaderHours: 1500}"}}},
	"a fallback that could not take the connections": {
		[]change{{"{max: 6}", "{max: 6, fallbackClasses: [db.r7g.large, »db.t4g.medium]}"}},
		[]string{"scaler.fallbackClasses[1]: db.t4g.medium: 396 connections, but 815 may be asked of a reader; want a larger class"}},

	// Names.
	"sign-in pages at a name that is the shop's": {
		[]change{{"identity:\n", "identity:\n  domain: {name: »www.example.com, certificateArn: \"arn:aws:acm:us-east-1:333333333333:certificate/00000000-0000-0000-0000-000000000000\"}\n"}},
		[]string{"identity.domain.name: www.example.com is edge.domains[0] too, want a name of its own, such as auth.example.com"}},
	"a CIDR of RFC 6598": {changes: []change{{"10.30.0.0/16", "100.96.0.0/16"}}},

	// The network.
	"a CIDR that is none": {
		[]change{{"10.30.0.0/16", "»10.30.0.0"}},
		[]string{`network.cidr: "10.30.0.0": not an address range, want for example 10.20.0.0/16`}},
	"an IPv6 CIDR": {
		[]change{{"10.30.0.0/16", "»'fd00::/16'"}},
		[]string{`network.cidr: "fd00::/16": not an IPv4 range, want for example 10.20.0.0/16`}},
	"a CIDR with host bits": {
		[]change{{"10.30.0.0/16", "»10.30.1.0/16"}},
		[]string{`network.cidr: "10.30.1.0/16": bits set behind the prefix, want 10.30.0.0/16`}},
	"a CIDR larger than a VPC": {
		[]change{{"10.30.0.0/16", "»10.0.0.0/8"}},
		[]string{"network.cidr: /8, want /16 to /24"}},
	"a CIDR smaller than any subnets": {
		[]change{{"10.30.0.0/16", "»10.30.0.0/25"}},
		[]string{"network.cidr: /25, want /16 to /24"}},
	"a public CIDR": {
		[]change{{"10.30.0.0/16", "»52.30.0.0/16"}},
		[]string{"network.cidr: 52.30.0.0/16 is not private, want a range within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"}},
	"a CIDR just outside 172.16.0.0/12": {
		[]change{{"10.30.0.0/16", "»172.32.0.0/16"}},
		[]string{"network.cidr: 172.32.0.0/16 is not private, want a range within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"}},
	"the smallest CIDR that three zones fit into": {changes: []change{{"10.30.0.0/16", "10.30.0.0/23"}, modest}},
	"subnets too small for the tasks": {
		[]change{{"10.30.0.0/16", "»10.30.0.0/23"}},
		[]string{"network.cidr: private /26 subnets in 3 zones have 177 addresses, but services may have 201 tasks while they are released; want larger subnets, or fewer tasks (services.*.scaling.max)"}},
	"private subnets too small for the tasks": {
		[]change{{"  cidr", "  subnets: {privatePrefix: »26}\n  cidr"}},
		[]string{"network.subnets.privatePrefix: private /26 subnets in 3 zones have 177 addresses, but services may have 201 tasks while they are released; want larger subnets, or fewer tasks (services.*.scaling.max)"}},
	"a zone twice is one mistake": {
		[]change{{"eu-west-1b, eu-west-1c]", "»eu-west-1a, eu-west-1c]"}},
		[]string{`network.zones[1]: text "eu-west-1a" is listed twice, want it once`}},
	"what looks like a secret": {
		[]change{loyalty("environment: {DB_PASSWORD: »x, STRIPE_API_KEY: »x, SALT: »sk_live_0, ID: »AKIAIOSFODNN7EXAMPLE, URL: »'https://me:secret@example.com', " +
			"TOKEN_MINUTES: '5', PUBLIC_API_KEY: x, SECRETS: '', HOME_PAGE: 'https://example.com:443/a@b'}")},
		[]string{
			"services.loyalty.environment.DB_PASSWORD: " + secretive, "services.loyalty.environment.STRIPE_API_KEY: " + secretive, "services.loyalty.environment.SALT: " + secretive,
			"services.loyalty.environment.ID: " + secretive, "services.loyalty.environment.URL: " + secretive}},
	"a service that is nearly one of the catalogue": {
		[]change{{"", "services: {»catalogue: {cpu: 1024}, »Order: {scaling: {max: 4}}}\n"}},
		[]string{
			"services.catalogue: there is no such service in config/services.yaml, did you mean catalog? One of its own wants paths, priority and health",
			"services.Order: there is no such service in config/services.yaml, did you mean order? One of its own wants paths, priority and health"}},
	"a CIDR too small for the subnets": {
		[]change{{"10.30.0.0/16", "»10.30.0.0/24"}},
		[]string{"network.cidr: 10.30.0.0/24 has 256 addresses, too few for private /27, public /27 and isolated /27 subnets in 3 zones, which take 288; want a larger CIDR or smaller subnets"}},
	"subnets too large for the CIDR": {
		[]change{{"  zones: [", "  »subnets: {privatePrefix: 18, publicPrefix: 18}\n  zones: ["}},
		[]string{"network.subnets: 10.30.0.0/16 has 65536 addresses, too few for private /18, public /18 and isolated /22 subnets in 3 zones, which take 101376; want a larger CIDR or smaller subnets"}},
	"zones of another region": {
		[]change{{"eu-west-1c]", "»us-east-1c, eu-west-1c]"}, {"eu-west-1a, ", ""}, {"zone: eu-west-1a", "zone: eu-west-1b"}, {"one: {zone: eu-west-1b}", "one: {zone: eu-west-1c}"}, {"two: {zone: eu-west-1c}", "two: {zone: eu-west-1b}"}},
		[]string{`network.zones[1]: "us-east-1c" is not a zone of eu-west-1, want eu-west-1a, eu-west-1b, eu-west-1c`}},
	"a zone that the region does not have": {
		[]change{{"eu-west-1c]", "»eu-west-1f]"}},
		[]string{`network.zones[2]: "eu-west-1f" is not a zone of eu-west-1, want eu-west-1a, eu-west-1b, eu-west-1c`}},
	"a zone twice": {
		[]change{{"eu-west-1b, eu-west-1c]", "eu-west-1b, eu-west-1c, »eu-west-1b]"}, {"eu-west-1a, ", ""}, {"zone: eu-west-1a", "zone: eu-west-1b"}},
		[]string{`network.zones[2]: text "eu-west-1b" is listed twice, want it once`}},
	"no NAT gateway and too few endpoints": {
		[]change{{"  zones: [", "  natGateways: none\n  »endpoints: [s3, ecr, logs]\n  zones: ["}, {"", "exceptions: [{safety: nat-per-zone, reason: reached from inside only}]\n"}},
		[]string{"network.endpoints: natGateways is none, so that private subnets cannot reach secretsmanager, ssm, sts, kms, xray, appconfig; add the endpoints or a NAT gateway"}},
	"ingress from ranges without ranges": {
		[]change{{atEdge, ""}, {"  zones: [", "  »ingress: {from: cidrs}\n  zones: ["}},
		[]string{"network.ingress.cidrs: none, but from is cidrs; want at least one range"}},
	"ranges that have no effect": {
		[]change{{"  zones: [", "  ingress: {»cidrs: [203.0.113.0/24]}\n  zones: ["}},
		[]string{"network.ingress.cidrs: has no effect with from: cloudfront; remove it or choose from: cidrs"}},
	"ranges that are none, or everything": {
		[]change{{atEdge, ""}, {"  zones: [", "  ingress: {from: cidrs, cidrs: [»0.0.0.0/0, »203.0.113.7/24, »office, »0.0.0.0/1, 203.0.113.0/24]}\n  zones: ["}},
		[]string{
			"network.ingress.cidrs[0]: 0.0.0.0/0 is a good part of the internet, want /8 or smaller, or say from: internet",
			`network.ingress.cidrs[1]: "203.0.113.7/24": bits set behind the prefix, want 203.0.113.0/24`,
			`network.ingress.cidrs[2]: "office": not an address range, want for example 10.20.0.0/16`,
			"network.ingress.cidrs[3]: 0.0.0.0/1 is a good part of the internet, want /8 or smaller, or say from: internet"}},
	"CloudFront's prefix list in a region without a known one": {
		[]change{{"region: eu-west-1", "region: eu-south-1"}, {"[eu-west-1a, eu-west-1b, eu-west-1c]", "[eu-south-1a, eu-south-1b, eu-south-1c]"},
			{"zone: eu-west-1a", "zone: eu-south-1a"}, {"zone: eu-west-1b", "zone: eu-south-1b"}, {"zone: eu-west-1c", "zone: eu-south-1c"}, {"acm:eu-west-1", "acm:eu-south-1"}, {"ses:eu-west-1", "ses:eu-south-1"}, {"network:", "»network:"}},
		[]string{"network.ingress.cloudFrontPrefixList: missing, and Peakline does not know it for eu-south-1; want the id that aws ec2 describe-managed-prefix-lists gives for com.amazonaws.global.cloudfront.origin-facing"}},
	"a prefix list that has no effect": {
		[]change{{atEdge, ""}, {"  zones: [", "  ingress: {from: cidrs, cidrs: [203.0.113.0/24], cloudFrontPrefixList: »pl-4fa04526}\n  zones: ["}},
		[]string{"network.ingress.cloudFrontPrefixList: has no effect with from: cidrs; remove it"}},
	"the retention of flow logs that are off": {
		[]change{{"  zones: [", "  flowLogs: {enabled: false, retentionDays: »30}\n  zones: ["}, {"", "exceptions: [{safety: flow-logs, reason: the transit account records them}]\n"}},
		[]string{"network.flowLogs.retentionDays: has no effect with enabled: false; remove it"}},

	// Upgrades.
	"an upgrade that is prepared": {changes: []change{{"  readers:", "  engineVersion: \"16.13\"\n  upgradeTo: \"17.9\"\n  logicalReplication: true\n  readers:"}}},
	"an upgrade to a version that is retired": {
		[]change{{"  readers:", "  engineVersion: \"15.17\"\n  upgradeTo: »\"16.1\"\n  logicalReplication: true\n  readers:"}},
		[]string{"database.upgradeTo: AWS creates no cluster of Aurora PostgreSQL with 16.1; want 14.22, 15.17, 16.13, 17.9"}},
	"an upgrade to a minor version": {
		[]change{{"  readers:", "  engineVersion: \"17.7\"\n  upgradeTo: »\"17.9\"\n  logicalReplication: true\n  readers:"}},
		[]string{"database.upgradeTo: 17.9 is no later major version than 17.7, want one; a minor version needs no preparation"}},
	"an upgrade that no green cluster could follow": {
		[]change{{"  readers:", "  engineVersion: \"16.13\"\n  upgradeTo: »\"17.9\"\n  readers:"}},
		[]string{"database.upgradeTo: needs logicalReplication: true, by which the green cluster follows; deploy that first, it takes a restart"}},
	"an upgrade of a cluster that may lose commits": {
		[]change{{"  readers:", "  engineVersion: \"16.13\"\n  upgradeTo: »\"17.9\"\n  logicalReplication: true\n  synchronousCommit: \"off\"\n  readers:"}, {"", "exceptions: [{safety: durable-commits, reason: the shop can replay them}]\n"}},
		[]string{"database.upgradeTo: needs synchronousCommit: on, without which AWS makes no green cluster"}},
	"a blue/green upgrade of a Multi-AZ DB cluster": {
		append(multiAZ(), change{"  engine:", "  engineVersion: \"16.13\"\n  upgradeTo: »\"17.9\"\n  engine:"}),
		[]string{"database.upgradeTo: has no effect with engine: rds-postgres, for which AWS has no blue/green deployment; remove it, and change engineVersion"}},

	// A Multi-AZ DB cluster.
	"a Multi-AZ DB cluster": {changes: multiAZ()},
	"a Multi-AZ DB cluster with what only Aurora has": {
		[]change{
			{"  readers:\n    one: {zone: eu-west-1b}\n    two: {zone: eu-west-1c}\n  backup: {copyRegion: eu-central-1}\n", "  engine: rds-postgres\n  »readers:\n    one: {zone: eu-west-1b}\n  »serverlessCapacity: {min: 1, max: 8}\n  caCertificate: »rds-ca-rsa4096-g1\n  backup: {copyRegion: »eu-central-1, copyVaultArn: »\"arn:aws:backup:eu-central-1:444444444444:backup-vault:peakline\"}\n"},
			{"{instanceClass: db.r8g.large, zone: eu-west-1a}", "{instanceClass: db.r8gd.large, zone: »eu-west-1a, promotionTier: »1}"},
			{"scaler: {max: 6}", "scaler: {max: »6, lagObjectiveMilliseconds: 500}"},
		},
		[]string{
			"database.writer.zone: has no effect with engine: rds-postgres, RDS puts a member into each of three zones; remove it",
			"database.writer.promotionTier: has no effect with engine: rds-postgres, RDS promotes the standby that is least behind; remove it",
			"database.readers: has no effect with engine: rds-postgres, a Multi-AZ DB cluster has two readers of the writer's class, always; remove it",
			"database.serverlessCapacity: has no effect with engine: rds-postgres, only Aurora is serverless; remove it",
			"database.caCertificate: has no effect with engine: rds-postgres, CloudFormation cannot set it; remove it, and choose with aws rds modify-certificates",
			"database.backup.copyRegion: has no effect with engine: rds-postgres, AWS copies no snapshot of a Multi-AZ DB cluster; remove it",
			"database.backup.copyVaultArn: has no effect with engine: rds-postgres, AWS copies no snapshot of a Multi-AZ DB cluster; remove it",
			"scaler.max: has no effect with engine: rds-postgres, which has 2 readers, always; remove it"}},
	"a Multi-AZ DB cluster that is to be scaled": {
		append(multiAZ(), change{"", "scaler: {control: »peakline}\n"}),
		[]string{"scaler.control: peakline, but a Multi-AZ DB cluster has 2 readers and takes no more; want fixed, or engine: aurora-postgres, whose readers come and go"}},
	"a Multi-AZ DB cluster whose readers an event would multiply": {
		append(multiAZ(), change{"", "events: [{name: sale, start: \"2026-11-27T00:00\", end: \"2026-11-28T00:00\", floors: {readers: »4}}]\n"}),
		[]string{"events[0].floors.readers: 4, but control: fixed adds no reader to the 2 that are always there"}},
	"a Multi-AZ DB cluster in two zones": {
		append(multiAZ(), change{"zones: [eu-west-1a, eu-west-1b, eu-west-1c]", "»zones: [eu-west-1a, eu-west-1b]"}, change{"exceptions: [", "exceptions: [{safety: three-zones, reason: there is no third one yet}, "}),
		[]string{"network.zones: 2 entries, want 3 with engine: rds-postgres, one for each member"}},
	"a Multi-AZ DB cluster without backups elsewhere, unexplained": {
		append(multiAZ(), change{"exceptions: [{safety: backup-copy, reason: AWS copies none of these snapshots}]\n", ""}, change{"  engine:", "  »backup: {retentionDays: 35}\n  engine:"}),
		[]string{"database.backup.copyRegion: missing, and AWS copies no snapshot of a Multi-AZ DB cluster, so that the backups are gone with the region; or give the reason as an exception for the safety backup-copy"}},
	"a Multi-AZ DB cluster of a class and version that it does not have": {
		append(multiAZ(), change{"instanceClass: db.r6gd.large", "instanceClass: »db.serverless"}, change{"  engine:", "  engineVersion: »\"16.4\"\n  engine:"}),
		[]string{
			`database.writer.instanceClass: "db.serverless" is no instance class of a Multi-AZ DB cluster that Peakline knows; want a family of db.c6gd, db.m5d, db.m6gd, db.m6id, db.m6idn, db.m8gd, db.r5d, db.r6gd, db.r6id, db.r6idn, db.r8gd, db.x2idn, db.x2iedn`,
			"database.engineVersion: 16.4 is retired, AWS creates no cluster with it; want 14.22, 15.17, 16.13, 17.9, 18.3"}},
	"storage for Aurora": {
		[]change{{"  readers:", "  »storage: {gibibytes: 500}\n  readers:"}},
		[]string{"database.storage: has no effect with engine: aurora-postgres, whose storage grows by itself; remove it"}},
	"a small gp3 volume that is to be fast": {
		append(multiAZ(), change{"  engine:", "  storage: {gibibytes: 399, iops: »12000}\n  engine:"}),
		[]string{"database.storage.iops: 12000, want 3000 with type: gp3 and 399 GiB"}},
	"a large gp3 volume that is slow": {
		append(multiAZ(), change{"  engine:", "  storage: {gibibytes: 400, iops: »3000}\n  engine:"}),
		[]string{"database.storage.iops: 3000, want 12000 to 20000 with type: gp3 and 400 GiB"}},
	"an io2 volume that is faster than its size allows": {
		append(multiAZ(), change{"  engine:", "  storage: {type: io2, gibibytes: 100, iops: »12000}\n  engine:"}),
		[]string{"database.storage.iops: 12000, want 1000 to 5000 with type: io2 and 100 GiB"}},
	"a tiny io2 volume": {
		append(multiAZ(), change{"  engine:", "  storage: {type: io2, gibibytes: »50, iops: 1000}\n  engine:"}),
		[]string{"database.storage.gibibytes: 50, want at least 100 with type: io2"}},
	// Connections.
	"more connections than an instance takes": {
		[]change{{"writer: {instanceClass: db.r8g.large", "writer: {instanceClass: »db.t4g.large"}, {"", "exceptions: [{safety: full-speed-instances, reason: a demonstration}]\n"}},
		[]string{
			"database.writer.instanceClass: db.t4g.large: 793 connections, but 1220 may be asked of the writer: catalog 20 tasks x 2 colours x 5 = 200, inventory 20 tasks x 2 colours x 5 = 200, inventory's schedules 1 x 5 = 5, order 20 tasks x 2 colours x 5 = 200, payment 20 tasks x 2 colours x 5 = 200, payment reading 20 tasks x 2 colours x 5 = 200, user 20 tasks x 2 colours x 5 = 200, migrations 5, administration 10; want a larger instance, smaller pools (services.*.database.poolSize) or fewer tasks (services.*.scaling.max)"}},
	"a proxy in front of a small instance with large pools": {
		[]change{{"writer: {instanceClass: db.r8g.large", "pooler: rds-proxy\n  writer: {instanceClass: »db.t4g.medium"}, {"", "services: {catalog: {database: {poolSize: 200}}, order: {database: {poolSize: 200}}}\n"}, {"", "exceptions: [{safety: full-speed-instances, reason: a demonstration}]\n"}},
		[]string{
			"database.writer.instanceClass: db.t4g.medium: the RDS Proxy may open 380 connections beside 15 others, but one task of each service alone keeps 415 busy: catalog 200, inventory 5, order 200, payment 5, user 5; want a larger instance or smaller pools (services.*.database.poolSize)"}},
	"a proxy in front of a small instance, whatever its clients": {
		[]change{{"writer: {instanceClass: db.r8g.large", "pooler: rds-proxy\n  writer: {instanceClass: db.t4g.large"}, {"", "exceptions: [{safety: full-speed-instances, reason: a demonstration}]\n"}}, nil},
	"a proxy in front of a database that is to pause": {
		[]change{{"writer: {instanceClass: db.r8g.large", "pooler: rds-proxy\n  serverlessCapacity: {min: »0, max: 64}\n  writer: {instanceClass: db.serverless"}, modest},
		[]string{"database.serverlessCapacity.min: 0 lets an idle instance pause, which the connections of pooler: rds-proxy prevent; want at least 0.5, or pooler: pgbouncer"}},
	"the port of PgBouncer where there is none": {
		[]change{{"database:\n", "database:\n  pooler: rds-proxy\n"}, loyalty("database: {}, port: 6432")}, nil},
	"a region whose certificates nobody knows": {
		[]change{{"region: eu-west-1", "region: »ap-east-2"}, {"[eu-west-1a, eu-west-1b, eu-west-1c]", "[ap-east-2a, ap-east-2b, ap-east-2c]"}, {"zone: eu-west-1a", "zone: ap-east-2a"}, {"zone: eu-west-1b", "zone: ap-east-2b"}, {"zone: eu-west-1c", "zone: ap-east-2c"}, {"acm:eu-west-1", "acm:ap-east-2"}, {"ses:eu-west-1", "ses:ap-east-2"}, {"[ap-east-2a, ap-east-2b, ap-east-2c]", "[ap-east-2a, ap-east-2b, ap-east-2c]\n  ingress: {cloudFrontPrefixList: pl-12345678}"}},
		[]string{"region: no certificate authority of RDS in ap-east-2 is known, so that no service could trust the database; replace lambda/rdsca/roots.pem as lambda/rdsca/roots.go says"}},
	"the port of the pooler": {
		[]change{loyalty("database: {}, port: »6432")},
		[]string{"services.loyalty.port: 6432 is where the pooler listens in the same task, want another"}},
	"an environment variable about the database": {
		[]change{loyalty("environment: {DATABASE_URL: »x}")},
		[]string{"services.loyalty.environment.DATABASE_URL: names that start with DATABASE_ are the platform's, want another"}},

	// The database.
	"a retired minor version": {
		[]change{{"  readers:", "  engineVersion: »\"16.1\"\n  readers:"}},
		[]string{"database.engineVersion: 16.1 is retired, AWS creates no cluster with it; want 14.22, 15.17, 16.13, 17.9"}},
	"a retired major version": {
		[]change{{"  readers:", "  engineVersion: »\"12.22\"\n  readers:"}},
		[]string{"database.engineVersion: 12.22 is retired, AWS creates no cluster with it; want 14.22, 15.17, 16.13, 17.9"}},
	"a minor version that never was": {
		[]change{{"  readers:", "  engineVersion: »\"17.99\"\n  readers:"}},
		[]string{"database.engineVersion: 17.99 is no version of Aurora PostgreSQL that Peakline knows; want 14.22, 15.17, 16.13, 17.9"}},
	"a major version that is unknown": {
		[]change{{"  readers:", "  engineVersion: »\"9.6\"\n  readers:"}},
		[]string{"database.engineVersion: major version of 9.6 is unknown or long retired; want 14.22, 15.17, 16.13, 17.9"}},
	"a writer without a class": {
		[]change{{"instanceClass: db.r8g.large, ", ""}, {"writer:", "»writer:"}},
		[]string{"database.writer.instanceClass: missing, and it has no default; want for example db.r8g.large, or db.serverless"}},
	"classes that do not exist": {
		[]change{{"instanceClass: db.r8g.large", "instanceClass: »db.r8g.3xlarge"}, {"one: {", "one: {instanceClass: »db.m5.large, "}, {"two: {", "two: {instanceClass: »db.r4.large, "}},
		[]string{
			`database.writer.instanceClass: "db.r8g.3xlarge" has no such size, want db.r8g with one of large, xlarge, 2xlarge, 4xlarge, 8xlarge, 12xlarge, 16xlarge, 24xlarge, 48xlarge`,
			`database.readers.one.instanceClass: "db.m5.large" is no instance class of Aurora PostgreSQL that Peakline knows; did you mean db.r5.large?`,
			"database.readers.two.instanceClass: db.r4.large is a previous generation; use r6g, r7g or r8g"}},
	"a class that is newer than the engine version": {
		[]change{{"  readers:", "  engineVersion: \"14.6\"\n  readers:"}, {"instanceClass: db.r8g.large", "instanceClass: »db.r8g.large"}},
		[]string{"database.writer.instanceClass: db.r8g.large needs version 14.13 or later, the cluster has 14.6"}},
	"more readers than a cluster can have": {
		[]change{{"  readers:\n    one: {zone: eu-west-1b}\n    two: {zone: eu-west-1c}\n", "  »readers:\n" + strings.Join(numbered("    r%d: {zone: eu-west-1b}\n", 16), "")}},
		[]string{"database.readers: 16 entries, want 1 to 15, the scaler's maximum included"}},
	"no readers": {
		[]change{{"  readers:\n    one: {zone: eu-west-1b}\n    two: {zone: eu-west-1c}\n", "  »readers: {}\n"}},
		[]string{"database.readers: 0 entries, want 1 to 15, the scaler's maximum included"}},
	"readers whose names do not fit or are taken": {
		[]change{{"one: {", "»One: {"}, {"two: {", "»auto-r01: {"}, {"  backup:", "    »a--b: {zone: eu-west-1b}\n    »writer: {zone: eu-west-1b}\n    three: {zone: eu-west-1c}\n  backup:"}},
		[]string{
			`database.readers.One: the name "One" does not fit into an instance identifier, want 1 to 20 lower-case letters, digits and single hyphens, a letter first`,
			`database.readers.auto-r01: the name "auto-r01" is taken, want another: auto is the scaler's own readers, writer is the writer`,
			`database.readers.a--b: the name "a--b" does not fit into an instance identifier, want 1 to 20 lower-case letters, digits and single hyphens, a letter first`,
			`database.readers.writer: the name "writer" is taken, want another: auto is the scaler's own readers, writer is the writer`}},
	"instances outside the network": {
		[]change{{"large, zone: eu-west-1a", "large, zone: »eu-west-1d"}, {"one: {zone: eu-west-1b}", "one: {zone: »b}"}},
		[]string{
			`database.writer.zone: "eu-west-1d" is not one of the network's zones, want one of eu-west-1a, eu-west-1b, eu-west-1c`,
			`database.readers.one.zone: "b" is not one of the network's zones, want one of eu-west-1a, eu-west-1b, eu-west-1c`}},
	"all readers in the writer's zone": {
		[]change{{"one: {zone: eu-west-1b}", "one: {zone: eu-west-1a}"}, {"two: {zone: eu-west-1c}", "two: {zone: eu-west-1a}"}, {"  readers:", "  »readers:"}},
		[]string{"database.readers: all in the writer's zone eu-west-1a, want at least one in another: with that zone the whole database would be gone"}},
	"a capacity range without serverless instances": {
		[]change{{"  readers:", "  »serverlessCapacity: {min: 1, max: 4}\n  readers:"}},
		[]string{"database.serverlessCapacity: has no effect, no instance has the class db.serverless; remove it"}},
	"a capacity range the wrong way round": {
		[]change{{"db.r8g.large", "db.serverless"}, {"  readers:", "  »serverlessCapacity: {min: 8, max: 4}\n  readers:"}},
		[]string{"database.serverlessCapacity: min 8 is above max 4, want min at most max"}},
	"a capacity range that the version does not have": {
		[]change{{"db.r8g.large", "db.serverless"}, {"  readers:", "  engineVersion: \"14.6\"\n  »serverlessCapacity: {min: 1, max: 256}\n  readers:"}},
		[]string{"database.serverlessCapacity: 1 to 256 capacity units need version 14.12 or later, want 0.5 to 128 with 14.6"}},
	"a pause that logical replication prevents": {
		[]change{{"db.r8g.large", "db.serverless"}, {"  readers:", "  logicalReplication: true\n  serverlessCapacity: {min: »0, max: 4}\n  readers:"}, {"", "exceptions: [{safety: awake-instances, reason: a demonstration at night}]\n"}},
		[]string{
			"database.serverlessCapacity.min: 0 lets an idle instance pause, which logicalReplication prevents; want at least 0.5"}},
	"insights kept for a time that AWS does not offer": {
		[]change{{"  readers:", "  insights: {mode: standard, retentionDays: »30}\n  readers:"}},
		[]string{"database.insights.retentionDays: 30, want 7, a multiple of 31 up to 713, or 731"}},
	"advanced insights kept too short": {
		[]change{{"  readers:", "  insights: {retentionDays: »7}\n  readers:"}},
		[]string{"database.insights.retentionDays: 7, want 465 with mode: advanced"}},
	"advanced insights kept longer than the CDK lets them": {
		[]change{{"  readers:", "  insights: {retentionDays: »731}\n  readers:"}},
		[]string{"database.insights.retentionDays: 731, want 465 with mode: advanced"}},
	"the retention of insights that are off": {
		[]change{{"  readers:", "  insights: {mode: off, retentionDays: »7}\n  readers:"}, {"", "exceptions: [{safety: insights, reason: another tool watches it}]\n"}},
		[]string{"database.insights.retentionDays: has no effect with mode: off; remove it"}},
	"windows that are none": {
		[]change{{"  readers:", "  backupWindow: »03:00-25:00\n  maintenanceWindow: »tus:04:30-tue:05:30\n  readers:"}},
		[]string{
			`database.backupWindow: "03:00-25:00": no times of day, want for example 03:00-04:00`,
			`database.maintenanceWindow: "tus:04:30-tue:05:30": no days and times, want for example tue:04:30-tue:05:30`}},
	"windows that are too short or too long": {
		[]change{{"  readers:", "  backupWindow: »03:00-03:29\n  maintenanceWindow: »sun:04:30-tue:05:30\n  readers:"}},
		[]string{
			`database.backupWindow: "03:00-03:29": 29 minutes, want at least 30`,
			`database.maintenanceWindow: "sun:04:30-tue:05:30": 49 hours, want at most 24`}},
	"windows that overlap": {
		[]change{{"  readers:", "  maintenanceWindow: »wed:03:59-wed:04:29\n  readers:"}},
		[]string{"database.maintenanceWindow: backup 03:00-04:00 and maintenance wed:03:59-wed:04:29 overlap, want them apart"}},
	"windows that overlap round midnight and the week": {
		[]change{{"  readers:", "  backupWindow: 23:45-00:30\n  maintenanceWindow: »sat:23:00-sun:00:00\n  readers:"}},
		[]string{"database.maintenanceWindow: backup 23:45-00:30 and maintenance sat:23:00-sun:00:00 overlap, want them apart"}},
	"windows that touch": {changes: []change{{"  readers:", "  backupWindow: 23:30-00:00\n  maintenanceWindow: sun:00:00-sun:00:30\n  readers:"}}},

	// Backups.
	"a lock that the plan does not fit into": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {minDays: 40}, »plan: {dailyDays: 35}}"}},
		[]string{"database.backup.plan: retentions of 35 to 365 days, but the locked vault takes 40 to 400: AWS Backup would fail every other job"}},
	"a lock the wrong way round": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, »vaultLock: {minDays: 40, maxDays: 30}}"}},
		[]string{"database.backup.vaultLock: minDays 40 is above maxDays 30, want minDays at most maxDays"}},
	"copies of no snapshots": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: »eu-central-1, plan: {dailyDays: 0, weeklyDays: 0, monthlyDays: 0}}"}, {"", "exceptions: [{safety: backup-plan, reason: another account takes them}]\n"}},
		[]string{"database.backup.copyRegion: has no effect, database.backup.plan has no rhythm; give it dailyDays, weeklyDays or monthlyDays"}},
	"compliance mode without its confirmation": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, »vaultLock: {mode: compliance}}"}},
		[]string{"database.backup.vaultLock.compliance: incomplete, but compliance mode can never be undone; want graceDays, immutableFrom and a reason"}},
	"compliance mode without a reason": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {mode: compliance, »compliance: {graceDays: 3, immutableFrom: 2026-11-25}}}"}},
		[]string{"database.backup.vaultLock.compliance: incomplete, but compliance mode can never be undone; want graceDays, immutableFrom and a reason"}},
	"a confirmation of a later date than the real one": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {mode: compliance, compliance: {graceDays: 3, immutableFrom: »2026-11-26, reason: the auditor asks for it}}}"}},
		[]string{"database.backup.vaultLock.compliance.immutableFrom: 2026-11-26, but with 3 grace days a deployment today is immutable from 2026-11-25; want that date"}},
	"a confirmation of a day that does not exist": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {mode: compliance, compliance: {graceDays: 3, immutableFrom: »2026-11-31, reason: the auditor asks for it}}}"}},
		[]string{`database.backup.vaultLock.compliance.immutableFrom: "2026-11-31" is no date, want for example 2026-11-25`}},
	"a confirmation of what has become immutable since": {changes: []change{
		{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {mode: compliance, compliance: {graceDays: 3, immutableFrom: 2026-06-01, reason: the auditor asks for it}}}"}}},
	"a confirmation of nothing": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {»compliance: {graceDays: 3}}}"}},
		[]string{"database.backup.vaultLock.compliance: has no effect with mode: governance; remove it"}},
	"a copy in the same region": {
		[]change{{"copyRegion: eu-central-1", "copyRegion: »eu-west-1"}},
		[]string{"database.backup.copyRegion: eu-west-1 is the environment's own region, want another"}},
	"a copy to what is no vault": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, copyVaultArn: »'arn:aws:s3:::bucket'}"}},
		[]string{`database.backup.copyVaultArn: "arn:aws:s3:::bucket" is no ARN of a backup vault, want for example arn:aws:backup:eu-west-1:123456789012:backup-vault:peakline`}},
	"a copy to a vault of the same account": {
		[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, copyVaultArn: »'arn:aws:backup:eu-west-1:333333333333:backup-vault:x-y'}"}},
		[]string{"database.backup.copyVaultArn: a vault of the environment's own account 333333333333, want another account's"}},
	"an objective that a daily copy cannot meet": {
		[]change{{"  readers:", "  objectives: {regionLossPointHours: »4}\n  readers:"}},
		[]string{"database.objectives.regionLossPointHours: 4, want at least 25 with this backup plan, or a more frequent one"}},
	"an objective without a copy": {
		[]change{{"  backup: {copyRegion: eu-central-1}\n", "  objectives: {regionLossTimeHours: »4}\n"}, {"", "exceptions: [{safety: backup-copy, reason: the data may not leave Ireland}]\n"}},
		[]string{"database.objectives.regionLossTimeHours: cannot be met without database.backup.copyRegion; add the region or remove the objective"}},

	// The scaler.
	"min above max": {
		[]change{{"{max: 6}", "{min: »7, max: 6}"}},
		[]string{"scaler.min: 7, want at most scaler.max, 6"}},
	"max below the readers of the file": {
		[]change{{"{max: 6}", "{max: »1}"}},
		[]string{"scaler.max: 1, want at least the 2 readers that are always there"}},
	"min below the readers of the file": {
		[]change{{"{max: 6}", "{min: »1, max: 6}"}},
		[]string{"scaler.min: 1, want at least the 2 readers that are always there"}},
	"a minimum that nothing can raise": {
		[]change{{"{max: 6}", "{control: fixed, min: »3}"}},
		[]string{"scaler.min: 3, but control: fixed adds no reader to the 2 that are always there"}},
	"a capacity reservation for serverless readers": {
		[]change{modest, {"db.r8g.large", "db.serverless"}, {"{max: 6}", "{capacityReservation: »black-friday}"}},
		[]string{"scaler.capacityReservation: has no effect, new readers have the writer's class, db.serverless; remove it"}},
	"a mode that another control does not have": {
		[]change{{"{max: 6}", "{control: fixed, mode: »paused}"}},
		[]string{"scaler.mode: paused has no effect with control: fixed; remove it"}},
	"target tracking of serverless readers": {
		[]change{modest, {"db.r8g.large", "db.serverless"}, {"{max: 6}", "{control: »target-tracking}"}},
		[]string{"scaler.control: target-tracking, but AWS's does not support db.serverless readers; want peakline or fixed"}},
	"fallback classes that are none": {
		[]change{{"{max: 6}", "{fallbackClasses: [»db.r8g.large, db.r7g.large, »db.serverless, »db.t2.small, »r6g.large]}"}},
		[]string{
			"scaler.fallbackClasses[0]: db.r8g.large is the writer's class, which is tried first; want another",
			"scaler.fallbackClasses[2]: db.serverless, want a provisioned class",
			"scaler.fallbackClasses[3]: db.t2.small is a previous generation that Aurora PostgreSQL never had; use t4g",
			`scaler.fallbackClasses[4]: "r6g.large" is no instance class of Aurora PostgreSQL that Peakline knows; did you mean db.r6g.large?`}},
	"a freeze window that is over": {
		[]change{{"{max: 6}", "{freezeWindows: [{name: x, start: 2026-11-20T00:00, end: »2026-11-22T12:00}]}"}},
		[]string{"scaler.freezeWindows[0].end: 2026-11-22T12:00 is past, want an end in the future; remove the entry"}},
	"a freeze window over the time in which readers come up": {
		[]change{{"{max: 6}", "{freezeWindows: [»{name: sale week, start: 2026-11-23T00:00, end: 2026-11-30T00:00}]}"},
			{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: 6}}]\n"}},
		[]string{`scaler.freezeWindows[0]: "sale week" lies over the 30 minutes before the event "sale", in which its readers come up; want it to start with the event or to end before`}},
	"a freeze window that starts with the event": {changes: []change{
		{"{max: 6}", "{max: 6, freezeWindows: [{name: sale week, start: 2026-11-27T00:00, end: 2026-11-30T00:00}]}"},
		{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: 6}}]\n"}}},

	// The calendar.
	"an event that is over": {
		[]change{{"", "events: [{name: sale, start: 2026-11-20T00:00, end: »2026-11-21T00:00, expectedLoad: 3}]\n"}},
		[]string{"events[0].end: 2026-11-21T00:00 is past, want an end in the future; remove the entry"}},
	"an event that has begun": {changes: []change{{"", "events: [{name: sale, start: 2026-11-22T00:00, end: 2026-11-23T00:00, expectedLoad: 3}]\n"}}},
	"an event that ends before it starts": {
		[]change{{"", "events: [{name: sale, start: 2026-11-27T00:00, end: »2026-11-26T00:00, expectedLoad: 3}]\n"}},
		[]string{"events[0].end: 2026-11-26T00:00 is not after the start 2026-11-27T00:00"}},
	"an event with a slip in the year": {
		[]change{{"", "events: [{name: sale, start: 2026-11-27T00:00, end: »2027-11-28T00:00, expectedLoad: 3}]\n"}},
		[]string{"events[0].end: 2027-11-28T00:00 is 366 days after the start, want at most 31"}},
	"an event on a day that does not exist": {
		[]change{{"", "events: [{name: sale, start: »2026-11-31T00:00, end: »2026-12-01T24:00, expectedLoad: 3}]\n"}},
		[]string{
			`events[0].start: "2026-11-31T00:00", want a date and a time of day such as 2026-11-27T00:00`,
			`events[0].end: "2026-12-01T24:00", want a date and a time of day such as 2026-11-27T00:00`}},
	"an event in an hour that daylight saving skips": {
		[]change{{"", "events: [{name: sale, start: »2027-03-28T02:30, end: 2027-03-28T12:00, timeZone: Europe/Berlin, expectedLoad: 3}]\n"}},
		[]string{"events[0].start: 2027-03-28T02:30 does not exist in Europe/Berlin: clocks skip it"}},
	"an event in no time zone": {
		[]change{{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, timeZone: »Europe/Belrin, expectedLoad: 3}, {name: b, start: 2026-11-27T00:00, end: 2026-11-28T00:00, timeZone: »Europe/Atlantis, expectedLoad: 3}]\n"}},
		[]string{
			`events[0].timeZone: "Europe/Belrin" is unknown, want an IANA name such as Europe/Berlin`,
			`events[1].timeZone: "Europe/Atlantis" is unknown, want an IANA name such as Europe/Berlin`}},
	"two events of one name": {
		[]change{{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, expectedLoad: 3}, {name: »sale, start: 2026-11-29T00:00, end: 2026-11-30T00:00, expectedLoad: 3}]\n"}},
		[]string{`events[1].name: "sale" is the name of events[0] too, want another`}},
	"an event that raises nothing": {
		[]change{{"", "events: [»{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00}]\n"}},
		[]string{"events[0]: raises nothing, want expectedLoad or a floor"}},
	"a reader floor above max": {
		[]change{{"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: »7}}]\n"}},
		[]string{"events[0].floors.readers: 7, want at most scaler.max, 6"}},
	"a reader floor that nothing can raise": {
		[]change{{"{max: 6}", "{control: fixed}"}, {"", "events: [{name: sale, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: »3}}]\n"}},
		[]string{"events[0].floors.readers: 3, but control: fixed adds no reader to the 2 that are always there"}},
	"a calendar that the scaler's parameter cannot hold": {
		[]change{{"", "»events:\n" + strings.Join(numbered("  - {name: sale-%d, start: 2026-11-27T00:00, end: 2026-11-28T00:00, floors: {readers: 4}}\n", 60), "")}},
		[]string{"events: 60 events and 0 freeze windows do not fit into the 4096 bytes of the scaler's policy; remove what is furthest away"}},

	// Safeties and their exceptions.
	"several safeties switched off at once": {
		[]change{modest, {"db.r8g.large", "»db.t4g.large"}, {"  readers:", "  deletionProtection: »false\n  insights: {mode: »off}\n  readers:"}},
		[]string{
			"database.writer.instanceClass: writer burstable, throttled once its CPU credits are used up; want db.r classes or db.serverless; or give the reason as an exception for the safety full-speed-instances",
			"database.deletionProtection: false, want true; or give the reason as an exception for the safety deletion-protection",
			"database.insights.mode: off, want standard or advanced; or give the reason as an exception for the safety insights"}},
	"a reason for a safety that is on": {
		[]change{{"", "exceptions: [»{safety: vault-lock, reason: we had a reason once}]\n"}},
		[]string{"exceptions[0]: vault-lock is not switched off in this file, remove the exception"}},
	"two reasons for one safety": {
		[]change{{"  zones: [", "  natGateways: single\n  zones: ["}, {"", "exceptions: [{safety: nat-per-zone, reason: it is cheaper}, »{safety: nat-per-zone, reason: it is really cheaper}]\n"}},
		[]string{"exceptions[1]: nat-per-zone has its reason in exceptions[0] already, want one"}},
	"a reason that is none": {
		[]change{{"  zones: [", "  natGateways: single\n  zones: ["}, {"", "exceptions: [{safety: nat-per-zone, reason: »cheap}]\n"}},
		[]string{"exceptions[0].reason: 5 characters, want 10 to 500"}},
	"unrelated mistakes do not hide each other": {
		[]change{{"one: {", "»One: {instanceClass: »db.m5.large, "}, {"zone: eu-west-1b}", "zone: eu-west-1a}"}, {"two: {zone: eu-west-1c}", "two: {zone: eu-west-1a, »size: 3}"}, {"  readers:", "  deletionProtection: »false\n  »readers:"},
			{"{max: 6}", "{min: »7, max: 6}"}, {"  zones: [", "  natGateways: single\n  zones: ["}, {"", "exceptions: [{safety: nat-per-zone, reason: »short}]\n"}},
		[]string{
			"database.deletionProtection: false, want true; or give the reason as an exception for the safety deletion-protection",
			"database.readers: all in the writer's zone eu-west-1a, want at least one in another: with that zone the whole database would be gone",
			`database.readers.One: the name "One" does not fit into an instance identifier, want 1 to 20 lower-case letters, digits and single hyphens, a letter first`,
			`database.readers.One.instanceClass: "db.m5.large" is no instance class of Aurora PostgreSQL that Peakline knows; did you mean db.r5.large?`,
			"database.readers.two.size: unknown key, want one of instanceClass, promotionTier, zone",
			"scaler.min: 7, want at most scaler.max, 6",
			"exceptions[0].reason: 5 characters, want 10 to 500"}},
	"a destination that is refused is not taken for none": {
		[]change{{"emails: [oncall@example.com]", "emails: »oncall@example.com"}},
		[]string{`notifications.critical.emails: text "oncall@example.com", want a list`}},
	"a misspelt safety is not taken for a missing one": {
		[]change{{"  zones: [", "  natGateways: single\n  zones: ["}, {"", "exceptions: [{safety: »nat-per-zones, reason: it is cheaper}]\n"}},
		[]string{"exceptions[0].safety: text \"nat-per-zones\", did you mean nat-per-zone? There are: " + strings.Join(strings.Fields(strings.Trim(fmt.Sprint(safetyNames()), "[]")), ", ")}},
	"production's safeties are no mistakes in development": {changes: []change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}}},
	"a reason in development for what only production has": {
		[]change{{"profile: production", "profile: development"}, {"  backup: {copyRegion: eu-central-1}\n", ""}, {"", "exceptions: [»{safety: nat-per-zone, reason: it is cheaper}]\n"}},
		[]string{"exceptions[0]: nat-per-zone is not switched off in this file, remove the exception"}},
}

// weakenings switches each safety off, in a file that is otherwise in order.
var weakenings = map[Safety]ruleCase{
	"engine-support": {[]change{{"  readers:", "  engineVersion: »\"13.23\"\n  readers:"}},
		[]string{"database.engineVersion: 13.23 left standard support on 2026-02-28 and costs extra, want 14.22, 15.17, 16.13, 17.9"}},
	"three-zones": {[]change{{"  zones: [eu-west-1a, eu-west-1b, eu-west-1c]", "  »zones: [eu-west-1b, eu-west-1c]"}, {"zone: eu-west-1a", "zone: eu-west-1b"}},
		[]string{"network.zones: 2 entries, want 3"}},
	"nat-per-zone": {[]change{{"  zones: [", "  natGateways: »single\n  zones: ["}},
		[]string{"network.natGateways: single, want per-zone"}},
	"flow-logs": {[]change{{"  zones: [", "  flowLogs: {enabled: »false}\n  zones: ["}},
		[]string{"network.flowLogs.enabled: false, want true"}},
	"closed-ingress": {[]change{{atEdge, ""}, {"  zones: [", "  ingress: {from: »internet}\n  zones: ["}},
		[]string{"network.ingress.from: internet goes around CloudFront and its firewall, want cloudfront or cidrs"}},
	"blocking-firewall": {[]change{{"", "firewall: {mode: »count}\n"}},
		[]string{"firewall.mode: count lets through what it finds, want block"}},
	"readers-in-two-zones": {[]change{{"two: {zone: eu-west-1c}", "two: {zone: eu-west-1b}"}, {"  readers:", "  »readers:"}},
		[]string{"database.readers: all in eu-west-1b, want readers in at least two zones"}},
	"full-speed-instances": {[]change{modest, {"one: {", "one: {instanceClass: »db.t4g.medium, "}},
		[]string{"database.readers.one.instanceClass: readers.one burstable, throttled once its CPU credits are used up; want db.r classes or db.serverless"}},
	"awake-instances": {[]change{modest, {"db.r8g.large", "db.serverless"}, {"  readers:", "  serverlessCapacity: {min: »0, max: 4}\n  readers:"}},
		[]string{"database.serverlessCapacity.min: 0 pauses an idle instance and makes the first request wait, want at least 0.5"}},
	"durable-commits": {[]change{{"  readers:", "  synchronousCommit: »off\n  readers:"}},
		[]string{"database.synchronousCommit: off loses acknowledged writes in a crash, want on"}},
	"deletion-protection": {[]change{{"  readers:", "  deletionProtection: »false\n  readers:"}},
		[]string{"database.deletionProtection: false, want true"}},
	"week-of-recovery": {[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, retentionDays: »6}"}},
		[]string{"database.backup.retentionDays: 6, want at least 7"}},
	"backup-plan": {[]change{{"  backup: {copyRegion: eu-central-1}", "  backup: {vaultLock: {mode: none}, »plan: {dailyDays: 0, weeklyDays: 0, monthlyDays: 0}}"},
		{"", "exceptions:\n  - {safety: backup-copy, reason: another account takes them}\n  - {safety: vault-lock, reason: another account takes them}\n"}},
		[]string{"database.backup.plan: no rhythm, want dailyDays, weeklyDays or monthlyDays"}},
	"backup-copy": {[]change{{"  backup: {copyRegion: eu-central-1}", "  »backup: {retentionDays: 35}"}},
		[]string{"database.backup.copyRegion: missing, want a second region"}},
	"vault-lock": {[]change{{"{copyRegion: eu-central-1}", "{copyRegion: eu-central-1, vaultLock: {mode: »none}}"}},
		[]string{"database.backup.vaultLock.mode: none, want governance or compliance"}},
	"insights": {[]change{{"  readers:", "  insights: {mode: »off}\n  readers:"}},
		[]string{"database.insights.mode: off, want standard or advanced"}},
	"enhanced-monitoring": {[]change{{"  readers:", "  monitoringIntervalSeconds: »0\n  readers:"}},
		[]string{"database.monitoringIntervalSeconds: 0, want 1 to 60"}},
	"separate-caches": {[]change{{"", "cache: {layout: »shared}\n"}},
		[]string{"cache.layout: shared lets a full product cache take the room of the sessions, want separate"}},
	"cache-failover": {[]change{{"", "cache: {products: {replicas: »0}}\n"}},
		[]string{"cache.products.replicas: 0, want at least 1: without a replica there is no failover"}},
	"full-speed-caches": {[]change{{"", "cache: {rateLimits: {nodeType: »cache.t4g.medium}}\n"}},
		[]string{"cache.rateLimits.nodeType: burstable, throttled once its CPU credits are used up; want for example cache.m7g.large"}},
	"second-factor": {[]change{{"identity:\n", "identity:\n  mfa: »off\n"}},
		[]string{"identity.mfa: off, want optional or required"}},
	"threat-protection": {[]change{{"identity:\n", "identity:\n  threatProtection: »audit\n"}},
		[]string{"identity.threatProtection: audit lets leaked passwords in, want enforced"}},
	"own-email": {[]change{{"  email: {identityArn: \"arn:aws:ses:eu-west-1:333333333333:identity/example.com\", from: Example <no-reply@example.com>}\n", ""}, {"identity:\n", "»identity:\n"}},
		[]string{"identity.email: missing, and Cognito itself sends fifty messages a day: nobody else could confirm an account; want identityArn and from of SES"}},
	"someone-to-call": {[]change{{"notifications: {critical: {emails: [oncall@example.com]}}\n", ""}},
		[]string{"notifications.critical: nobody hears of a critical alarm, want emails, endpoints or topicArn"}},
}

func numbered(format string, n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i+1)
	}
	return texts
}

// text is the file of a case, and where its mistakes are expected, in order.
func (c ruleCase) text(t *testing.T, name string) (text string, at []place) {
	t.Helper()
	text = valid
	for _, change := range c.changes {
		if change.from == "" {
			text += change.to
			continue
		}
		if !strings.Contains(text, change.from) {
			t.Fatalf("%s: the environment has no %q to change", name, change.from)
		}
		text = strings.Replace(text, change.from, change.to, 1)
	}
	for {
		before, after, found := strings.Cut(text, here)
		if !found {
			return text, at
		}
		text = before + after
		line := strings.Count(before, "\n") + 1
		at = append(at, place{line: line, column: len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1})
	}
}

func TestRulesBetweenValues(t *testing.T) {
	for name, c := range ruleCases {
		t.Run(name, func(t *testing.T) { c.expect(t, name) })
	}
}

func (c ruleCase) expect(t *testing.T, name string) {
	t.Helper()
	text, at := c.text(t, name)
	mistakes := mistakesOf(text)
	var got []string
	for _, mistake := range mistakes {
		got = append(got, mistake.Path+": "+mistake.Text)
	}
	if !slices.Equal(got, c.want) {
		t.Fatalf("an operator reads the wrong thing\n got %s\nwant %s\nof\n%s", strings.Join(got, "\n     "), strings.Join(c.want, "\n     "), text)
	}
	for i, mistake := range mistakes {
		if i < len(at) && (place{line: mistake.Line, column: mistake.Column}) != at[i] {
			t.Errorf("%s is said to stand at %d:%d, it stands at %v", got[i], mistake.Line, mistake.Column, at[i])
		}
	}
}

func mistakesOf(text string) Mistakes {
	d := read("prod.yaml", "prod", []byte(text), today).document
	d.mistakes.sort()
	return d.mistakes
}

func TestEveryRuleHasACase(t *testing.T) {
	fired := map[string]bool{}
	for name, c := range ruleCases {
		text, _ := c.text(t, name)
		for _, mistake := range mistakesOf(text) {
			fired[mistake.rule] = true
		}
	}
	for name, c := range weakenings {
		text, _ := c.text(t, string(name))
		for _, mistake := range mistakesOf(text) {
			fired[mistake.rule] = true
		}
	}
	for _, section := range rules() {
		for _, r := range section {
			if !fired[r.says] {
				t.Errorf("no case breaks the rule that %s; it could be gone and nobody would notice", r.says)
			}
		}
	}
}

func TestASafetyIsSwitchedOffOnlyForAReason(t *testing.T) {
	for _, name := range safetyNames() {
		t.Run(string(name), func(t *testing.T) {
			weakened, known := weakenings[name]
			if !known {
				t.Fatalf("no case switches %s off", name)
			}
			for i := range weakened.want {
				weakened.want[i] += "; or give the reason as an exception for the safety " + string(name)
			}
			weakened.expect(t, string(name))
			excused := weakened
			entry := change{"", fmt.Sprintf("exceptions:\n  - {safety: %s, reason: the reason is written down here}\n", name)}
			if last := excused.changes[len(excused.changes)-1]; strings.HasPrefix(last.to, "exceptions:\n") {
				entry.to = strings.TrimPrefix(entry.to, "exceptions:\n")
			}
			excused.changes = append(slices.Clone(excused.changes), entry)
			excused.want = nil
			excused.expect(t, string(name))
		})
	}
}

func TestNetworksOfEnvironmentsAreApart(t *testing.T) {
	environments := []loaded{}
	for name, cidr := range map[string]string{"a": "10.0.0.0/16", "b": "10.0.128.0/17", "c": "10.1.0.0/16"} {
		text := neighbour(name, cidr) + "tracing: {transactionSearch: existing}\n"
		environments = append(environments, read(name+".yaml", "env-"+name, []byte(text), today))
	}
	slices.SortFunc(environments, func(a, b loaded) int { return cmp.Compare(a.environment.Name, b.environment.Name) })
	for asked, want := range map[string]string{
		"":      "b.yaml:7:9 network.cidr: 10.0.128.0/17 overlaps 10.0.0.0/16 of environment env-a (a.yaml:7), want a range of its own",
		"env-a": "a.yaml:7:9 network.cidr: 10.0.0.0/16 overlaps 10.0.128.0/17 of environment env-b (b.yaml:7), want a range of its own",
		"env-c": "b.yaml:7:9 network.cidr: 10.0.128.0/17 overlaps 10.0.0.0/16 of environment env-a (a.yaml:7), want a range of its own",
	} {
		copies := make([]loaded, len(environments))
		for i, e := range environments {
			d := parse(e.document.file, environmentSchema(), []byte(strings.Replace(valid, "10.30.0.0/16", e.environment.Network.CIDR, 1)))
			copies[i] = loaded{e.environment, d}
		}
		checkTogether(copies, asked)
		var got []string
		for _, e := range copies {
			for _, mistake := range e.document.mistakes {
				got = append(got, mistake.Error())
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("asked for %q:\n got %v\nwant %s", asked, got, want)
		}
	}
}

func TestANameLeadsToOneEnvironment(t *testing.T) {
	const shared = "b.yaml:%d:%d %s: %s is %s of environment env-a (a.yaml:%d) too, want a name of its own"
	const plain, prefixed = "identity:\n", "identity:\n  domain: {prefix: shop}\n"
	for says, c := range map[string]struct {
		change [2]string
		want   []string
	}{
		"names of its own":  {[2]string{"", ""}, nil},
		"the same visitors": {[2]string{"www.b.example.com", "www.example.com"}, []string{fmt.Sprintf(shared, 21, 18, "edge.domains[0]", "www.example.com", "edge.domains[0]", 22)}},
		"the other's load balancer": {[2]string{"www.b.example.com", "api.example.com"},
			[]string{fmt.Sprintf(shared, 21, 18, "edge.domains[0]", "api.example.com", "loadBalancer.hostName", 16)}},
		"the same sign-in pages": {[2]string{plain, prefixed},
			[]string{fmt.Sprintf(shared, 18, 20, "identity.domain.prefix", "shop.auth.eu-west-1.amazoncognito.com", "identity.domain.prefix", 18)}},
	} {
		first := read("a.yaml", "env-a", []byte(strings.Replace(valid, plain, prefixed, 1)), today)
		second := read("b.yaml", "env-b", []byte(strings.Replace(neighbour("b", "10.40.0.0/16"), c.change[0], c.change[1], 1)+"tracing: {transactionSearch: existing}\n"), today)
		checkTogether([]loaded{first, second}, "")
		var got []string
		for _, mistake := range second.document.mistakes {
			got = append(got, mistake.Error())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", says, got, c.want)
		}
	}
}

func TestOneEnvironmentOfAnAccountSwitchesTransactionSearchOn(t *testing.T) {
	for says, c := range map[string]struct {
		change [2]string
		want   []string
	}{
		"another one creates it": {[2]string{"10.40.", "10.41."},
			[]string{"tracing.transactionSearch: create, as in environment env-a (a.yaml) of the same account and region, which has it once; want existing in one of them"}},
		"this one relies on it":   {[2]string{"scaler: {max: 6}", "tracing: {transactionSearch: existing}"}, nil},
		"this one does not trace": {[2]string{"scaler: {max: 6}", "tracing: {enabled: false}"}, nil},
		"another account":         {[2]string{`account: "333333333333"`, `account: "444444444444"`}, nil},
	} {
		first := read("a.yaml", "env-a", []byte(valid), today)
		second := read("b.yaml", "env-b", []byte(strings.Replace(neighbour("b", "10.40.0.0/16"), c.change[0], c.change[1], 1)), today)
		second.document.mistakes = nil // a certificate of another account is not the point
		checkTogether([]loaded{first, second}, "")
		var got []string
		for _, mistake := range second.document.mistakes {
			got = append(got, mistake.Path+": "+mistake.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", says, got, c.want)
		}
	}
}

func TestOneEnvironmentOfAnAccountMakesTheMonitorOfUnusualCosts(t *testing.T) {
	const search = "tracing: {transactionSearch: existing}\n"
	for says, c := range map[string]struct {
		budget string
		want   []string
	}{
		"another one makes it":    {"budget: {anomalyUsd: 50}\n", []string{"budget.anomalyUsd: makes a second monitor of AWS services in the account, beside environment env-a (a.yaml), and AWS allows one; want anomalyMonitorArn with that one's, or no anomalyUsd"}},
		"this one relies on it":   {"budget: {anomalyUsd: 50, anomalyMonitorArn: \"arn:aws:ce::333333333333:anomalymonitor/01234567-89ab-cdef-0123-456789abcdef\"}\n", nil},
		"this one looks for none": {"budget: {monthlyUsd: 50}\n", nil},
		"this one says nothing":   {"", nil},
	} {
		first := read("a.yaml", "env-a", []byte(valid+"budget: {anomalyUsd: 100}\n"), today)
		second := read("b.yaml", "env-b", []byte(neighbour("b", "10.40.0.0/16")+search+c.budget), today)
		checkTogether([]loaded{first, second}, "")
		var got []string
		for _, mistake := range second.document.mistakes {
			got = append(got, mistake.Path+": "+mistake.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", says, got, c.want)
		}
	}
}

func TestOneEnvironmentOfAnAccountWritesToASlackChannel(t *testing.T) {
	const channel = "notifications: {critical: {emails: [oncall@example.com], slack: {workspace: T0123ABCD, channel: C0123ABCD}}}"
	withChannel := func(text, notifications string) string {
		return strings.Replace(text, "notifications: {critical: {emails: [oncall@example.com]}}", notifications, 1)
	}
	first := read("a.yaml", "env-a", []byte(withChannel(valid, channel)), today)
	for says, c := range map[string]struct {
		text string
		want []string
	}{
		"the same one": {withChannel(neighbour("b", "10.40.0.0/16"), channel),
			[]string{"notifications.critical.slack: channel C0123ABCD is that of environment env-a in the same account, and AWS takes a channel once in an account; want another"}},
		"another one":     {withChannel(neighbour("b", "10.40.0.0/16"), strings.Replace(channel, "C0123ABCD", "C0456EFGH", 1)), nil},
		"another account": {strings.ReplaceAll(withChannel(neighbour("b", "10.40.0.0/16"), channel), "333333333333", "222222222222"), nil},
	} {
		second := read("b.yaml", "env-b", []byte(c.text+"tracing: {transactionSearch: existing}\n"), today)
		checkTogether([]loaded{first, second}, "")
		var got []string
		for _, mistake := range second.document.mistakes {
			got = append(got, mistake.Path+": "+mistake.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", says, got, c.want)
		}
	}
	text := strings.Replace(pipelines, "environments:", "notifications: {warning: {slack: {workspace: T0123ABCD, channel: C0123ABCD}}}\nenvironments:", 1)
	first.environment.Account = "444444444444"
	_, err := readDelivery("delivery.yaml", []byte(text), append([]Environment{first.environment}, promoted...), today)
	if err == nil || !strings.Contains(err.Error(), "delivery.yaml:6:27 notifications.warning.slack: channel C0123ABCD is that of environment env-a in the same account") {
		t.Errorf("the pipelines write to the channel of an environment in their account, and are told %v", err)
	}
}

func TestSupportDatesAreJudgedAtTheTimeOfLoading(t *testing.T) {
	text := strings.Replace(valid, "  readers:", "  engineVersion: \"14.22\"\n  readers:", 1)
	for date, want := range map[string]bool{"2027-02-28T23:59:00Z": true, "2027-03-01T00:01:00Z": false} {
		now, err := time.Parse(time.RFC3339, date)
		if err != nil {
			t.Fatal(err)
		}
		if fine := len(read("prod.yaml", "prod", []byte(text), now).document.mistakes) == 0; fine != want {
			t.Errorf("14.22 accepted at %s: %t, want %t: its standard support ends on 2027-02-28", date, fine, want)
		}
	}
}
