package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// blockingOffice is a firewall that blocks, and a service whose pages ask for a sign-in.
const blockingOffice = `
firewall: {mode: block, block: [198.51.100.0/24]}

services:
  office:
    paths: [/office/*, /api/office/*]
    priority: 600
    health: {path: /health}
    release: rolling
    signIn: {paths: [/office/*], priority: 650}
`

// TestEdge rotates the secret between CloudFront and the load balancer, behind a firewall that blocks, asks for a sign-in, and
// destroys it all. What the edge as shipped is like, TestLocal reads back.
func TestEdge(t *testing.T) {
	account := startEmulator(t)
	file := readFile(t, filepath.Join(repository, "config", "environments", "local.yaml")) + blockingOffice
	assembly := account.synth(t, file)
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := []string{"deploy", "local/*", "--require-approval", "never", "--concurrency", "4", "--app"}
	account.mustCDK(t, append(deploy, assembly)...)

	step(t, "the load balancer knows the secret that CloudFront sends", func(t *testing.T) { account.secretsAgree(t, 1) })

	step(t, "the load balancer asks for a sign-in before the pages of the office, by a client with a secret", account.officeSignsIn)

	step(t, "another secret is accepted beside the one before, and sent", func(t *testing.T) {
		account.mustCDK(t, append(deploy, account.synth(t, edit(t, file, "edge:\n", "edge:\n  originSecret: 2\n")))...)
		account.secretsAgree(t, 2, 1)
	})

	step(t, "cdk destroy leaves no distribution and no firewall", func(t *testing.T) {
		account.mustCDK(t, "destroy", "local/*", "--force", "--app", assembly)
		if left := account.distributions(t); len(left) > 0 {
			t.Errorf("distributions left: %v", left)
		}
		if left := account.firewalls(t); len(left) > 0 {
			t.Errorf("firewalls left: %v", left)
		}
		if left := account.buckets(t); len(left) > 0 {
			t.Errorf("buckets left: %v", left)
		}
	})
}

// shopIsServed reads the distribution back that has the shop's names.
func (e emulator) shopIsServed(t *testing.T) {
	t.Helper()
	shop := e.shop(t)
	if !slices.Equal(shop.Aliases.Items, []string{"www.shop.example.com", "shop.example.com"}) || shop.HttpVersion != cftypes.HttpVersionHttp2and3 || !aws.ToBool(shop.IsIPV6Enabled) {
		t.Errorf("the distribution answers to %v by %s, IPv6 %t", shop.Aliases.Items, shop.HttpVersion, aws.ToBool(shop.IsIPV6Enabled))
	}
	if certificate := shop.ViewerCertificate; certificate.MinimumProtocolVersion != cftypes.MinimumProtocolVersionTLSv122021 {
		t.Errorf("visitors may speak %s", certificate.MinimumProtocolVersion)
	}
	hosts := map[string]string{}
	for _, origin := range shop.Origins.Items {
		hosts[aws.ToString(origin.Id)] = aws.ToString(origin.DomainName) + aws.ToString(origin.OriginPath)
	}
	if hosts["site"] != assets+".s3.us-east-1.amazonaws.com/site" || hosts["first"] != "api.shop.example.com" {
		t.Errorf("the origins are %v", hosts)
	}
	if got := aws.ToString(shop.DefaultCacheBehavior.TargetOriginId); got != "site-or-sorry" {
		t.Errorf("pages come from %s", got)
	}
	if acl := aws.ToString(shop.WebACLId); !strings.Contains(acl, "/webacl/peakline-local-edge/") {
		t.Errorf("the firewall in front is %q", acl)
	}
}

// firewallsAreInFront reads the two web ACLs back, what they record and what they protect.
func (e emulator) firewallsAreInFront(t *testing.T) {
	t.Helper()
	client := wafv2.NewFromConfig(e.config())
	for name, scope := range map[string]waftypes.Scope{"peakline-local-edge": waftypes.ScopeCloudfront, "peakline-local-load-balancer-guard": waftypes.ScopeRegional} {
		acl := e.webACL(t, name, scope)
		logging, err := client.GetLoggingConfiguration(t.Context(), &wafv2.GetLoggingConfigurationInput{ResourceArn: acl.ARN})
		if err != nil {
			t.Fatal(err)
		}
		if to := logging.LoggingConfiguration.LogDestinationConfigs[0]; !strings.HasSuffix(to, ":log-group:aws-waf-logs-"+name) {
			t.Errorf("%s records to %s", name, to)
		}
	}
	guarded, err := client.GetWebACLForResource(t.Context(), &wafv2.GetWebACLForResourceInput{ResourceArn: e.loadBalancer(t)})
	if err != nil {
		t.Fatal(err)
	}
	if guarded.WebACL == nil || aws.ToString(guarded.WebACL.Name) != "peakline-local-load-balancer-guard" {
		t.Errorf("in front of the load balancer is %v", guarded.WebACL)
	}
}

// namesLeadToTheShop reads the records of the zone back that the account has beforehand.
func (e emulator) namesLeadToTheShop(t *testing.T) {
	t.Helper()
	found := e.aliases(t, false)
	for _, name := range []string{"www.shop.example.com.A", "www.shop.example.com.AAAA", "shop.example.com.A", "shop.example.com.AAAA"} {
		if !strings.Contains(found[name], ".cloudfront.net") {
			t.Errorf("%s leads to %q", name, found[name])
		}
	}
	if !strings.Contains(found["api.shop.example.com.A"], ".elb.") {
		t.Errorf("the load balancer's name leads to %q", found["api.shop.example.com.A"])
	}
}

// aliases are where names lead on the internet or, in private zones, inside, by name and type.
func (e emulator) aliases(t *testing.T, private bool) map[string]string {
	t.Helper()
	client := route53.NewFromConfig(e.config())
	zones, err := client.ListHostedZones(t.Context(), &route53.ListHostedZonesInput{})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, zone := range zones.HostedZones {
		if zone.Config.PrivateZone != private {
			continue
		}
		listed, err := client.ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: zone.Id})
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range listed.ResourceRecordSets {
			if record.AliasTarget != nil {
				found[aws.ToString(record.Name)+string(record.Type)] = aws.ToString(record.AliasTarget.DNSName)
			}
		}
	}
	return found
}

// visitsAreLogged reads back what CloudFront records of each request.
func (e emulator) visitsAreLogged(t *testing.T) {
	t.Helper()
	found, err := cloudwatchlogs.NewFromConfig(e.config()).DescribeDeliveries(t.Context(), &cloudwatchlogs.DescribeDeliveriesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, delivery := range found.Deliveries {
		if slices.Contains(delivery.RecordFields, "cs(Cookie)") {
			t.Errorf("%s records cookies", aws.ToString(delivery.DeliverySourceName))
		}
	}
	if len(found.Deliveries) != 2 {
		t.Errorf("there are %d deliveries, want two", len(found.Deliveries))
	}
}

func (e emulator) distributions(t *testing.T) (ids []string) {
	t.Helper()
	found, err := cloudfront.NewFromConfig(e.config()).ListDistributions(t.Context(), &cloudfront.ListDistributionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, distribution := range found.DistributionList.Items {
		ids = append(ids, aws.ToString(distribution.Id))
	}
	return ids
}

// shop is the configuration of the distribution with the shop's names.
func (e emulator) shop(t *testing.T) *cftypes.DistributionConfig {
	t.Helper()
	for _, id := range e.distributions(t) {
		found, err := cloudfront.NewFromConfig(e.config()).GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		if config := found.Distribution.DistributionConfig; len(config.Aliases.Items) > 0 {
			return config
		}
	}
	t.Fatal("no distribution has the shop's names")
	return nil
}

// firewalls are the names of the web ACLs at the edge and in the region.
func (e emulator) firewalls(t *testing.T) (names []string) {
	t.Helper()
	for _, scope := range []waftypes.Scope{waftypes.ScopeCloudfront, waftypes.ScopeRegional} {
		listed, err := wafv2.NewFromConfig(e.config()).ListWebACLs(t.Context(), &wafv2.ListWebACLsInput{Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		for _, summary := range listed.WebACLs {
			names = append(names, aws.ToString(summary.Name))
		}
	}
	return names
}

func (e emulator) webACL(t *testing.T, name string, scope waftypes.Scope) *waftypes.WebACL {
	t.Helper()
	client := wafv2.NewFromConfig(e.config())
	listed, err := client.ListWebACLs(t.Context(), &wafv2.ListWebACLsInput{Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	for _, summary := range listed.WebACLs {
		if aws.ToString(summary.Name) == name {
			found, err := client.GetWebACL(t.Context(), &wafv2.GetWebACLInput{Name: summary.Name, Id: summary.Id, Scope: scope})
			if err != nil {
				t.Fatal(err)
			}
			return found.WebACL
		}
	}
	t.Fatalf("there is no firewall %s", name)
	return nil
}

// secretsAgree compares what CloudFront sends and the load balancer accepts with Secrets Manager, the newest number first.
func (e emulator) secretsAgree(t *testing.T, numbers ...int) {
	t.Helper()
	var accepted []string
	for _, statement := range e.webACL(t, "peakline-local-load-balancer-guard", waftypes.ScopeRegional).Rules[0].Statement.NotStatement.Statement.OrStatement.Statements {
		if match := statement.ByteMatchStatement; match != nil {
			accepted = append(accepted, string(match.SearchString))
		}
	}
	var stored []string
	for _, number := range numbers {
		found, err := secretsmanager.NewFromConfig(e.config()).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("peakline-local/origin-" + string(rune('0'+number)))})
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, aws.ToString(found.SecretString))
	}
	if len(stored[0]) != 40 || !slices.Equal(accepted, stored) {
		t.Errorf("the load balancer accepts %d secrets, which are not the numbers %v", len(accepted), numbers)
	}
	for _, origin := range e.shop(t).Origins.Items {
		if aws.ToString(origin.Id) == "first" && (origin.CustomHeaders == nil || len(origin.CustomHeaders.Items) != 1 || aws.ToString(origin.CustomHeaders.Items[0].HeaderValue) != stored[0]) {
			t.Errorf("CloudFront sends something else than number %d", numbers[0])
		}
	}
}

// loadBalancer is the ARN of the one that visitors reach.
func (e emulator) loadBalancer(t *testing.T) *string {
	t.Helper()
	found, err := elasticloadbalancingv2.NewFromConfig(e.config()).DescribeLoadBalancers(t.Context(), &elasticloadbalancingv2.DescribeLoadBalancersInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, balancer := range found.LoadBalancers {
		if balancer.Type == "application" {
			return balancer.LoadBalancerArn
		}
	}
	t.Fatal("there is no load balancer")
	return nil
}
