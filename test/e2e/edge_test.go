package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// edgeOfLocal is what an environment with a domain states beside the rest.
const edgeOfLocal = `
loadBalancer:
  certificateArn: CERTIFICATE
  hostName: api.shop.example.com

edge:
  domains: [www.shop.example.com, shop.example.com]
  certificateArn: CERTIFICATE
  hostedZone: {id: ZONE, name: shop.example.com}

firewall: {mode: block, block: [198.51.100.0/24]}
`

// TestEdge deploys an environment with a domain, rotates the secret between CloudFront and the load balancer, and destroys it.
func TestEdge(t *testing.T) {
	account := startEmulator(t)
	zone := account.publicZone(t)
	file := readFile(t, filepath.Join(repository, "config", "environments", "local.yaml")) + strings.NewReplacer("ZONE", zone, "CERTIFICATE", account.certificate(t)).Replace(edgeOfLocal)
	assembly := account.synth(t, file)
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := []string{"deploy", "local/*", "--require-approval", "never", "--concurrency", "4", "--app"}
	account.mustCDK(t, append(deploy, assembly)...)

	step(t, "the shop's distribution serves pages from the bucket, and the API from the load balancer over HTTPS", func(t *testing.T) {
		shop := account.shop(t)
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
	})

	step(t, "the load balancer knows the secret that CloudFront sends", func(t *testing.T) { account.secretsAgree(t, 1) })

	step(t, "the firewalls are in front, and record", func(t *testing.T) {
		client := wafv2.NewFromConfig(account.config())
		for name, scope := range map[string]waftypes.Scope{"peakline-local-edge": waftypes.ScopeCloudfront, "peakline-local-load-balancer-guard": waftypes.ScopeRegional} {
			acl := account.webACL(t, name, scope)
			logging, err := client.GetLoggingConfiguration(t.Context(), &wafv2.GetLoggingConfigurationInput{ResourceArn: acl.ARN})
			if err != nil {
				t.Fatal(err)
			}
			if to := logging.LoggingConfiguration.LogDestinationConfigs[0]; !strings.HasSuffix(to, ":log-group:aws-waf-logs-"+name) {
				t.Errorf("%s records to %s", name, to)
			}
		}
		guarded, err := client.GetWebACLForResource(t.Context(), &wafv2.GetWebACLForResourceInput{ResourceArn: account.loadBalancer(t)})
		if err != nil {
			t.Fatal(err)
		}
		if guarded.WebACL == nil || aws.ToString(guarded.WebACL.Name) != "peakline-local-load-balancer-guard" {
			t.Errorf("in front of the load balancer is %v", guarded.WebACL)
		}
	})

	step(t, "the names lead to CloudFront and the load balancer", func(t *testing.T) {
		listed, err := route53.NewFromConfig(account.config()).ListResourceRecordSets(t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zone)})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, record := range listed.ResourceRecordSets {
			if record.AliasTarget != nil {
				found[aws.ToString(record.Name)+string(record.Type)] = aws.ToString(record.AliasTarget.DNSName)
			}
		}
		for _, name := range []string{"www.shop.example.com.A", "www.shop.example.com.AAAA", "shop.example.com.A", "shop.example.com.AAAA"} {
			if !strings.Contains(found[name], ".cloudfront.net") {
				t.Errorf("%s leads to %q", name, found[name])
			}
		}
		if !strings.Contains(found["api.shop.example.com.A"], ".elb.") {
			t.Errorf("the load balancer's name leads to %q", found["api.shop.example.com.A"])
		}
	})

	step(t, "both distributions are logged, without cookies", func(t *testing.T) {
		found, err := cloudwatchlogs.NewFromConfig(account.config()).DescribeDeliveries(t.Context(), &cloudwatchlogs.DescribeDeliveriesInput{})
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
	})

	step(t, "another secret is accepted beside the one before, and sent", func(t *testing.T) {
		account.mustCDK(t, append(deploy, account.synth(t, edit(t, file, "edge:\n", "edge:\n  originSecret: 2\n")))...)
		account.secretsAgree(t, 2, 1)
	})

	step(t, "cdk destroy leaves no distribution and no firewall", func(t *testing.T) {
		account.mustCDK(t, "destroy", "local/*", "--force", "--app", assembly)
		if left := account.distributions(t); len(left) > 0 {
			t.Errorf("%d distributions are left", len(left))
		}
		if left := account.buckets(t); len(left) > 0 {
			t.Errorf("buckets left: %v", left)
		}
	})
}

// publicZone makes the zone that an operator has before the environment.
func (e emulator) publicZone(t *testing.T) string {
	t.Helper()
	made, err := route53.NewFromConfig(e.config()).CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{Name: aws.String("shop.example.com"), CallerReference: aws.String("shop")})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(aws.ToString(made.HostedZone.Id), "/hostedzone/")
}

// certificate asks for the one that an operator has before the environment.
func (e emulator) certificate(t *testing.T) string {
	t.Helper()
	made, err := acm.NewFromConfig(e.config()).RequestCertificate(t.Context(), &acm.RequestCertificateInput{DomainName: aws.String("shop.example.com"), SubjectAlternativeNames: []string{"*.shop.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(made.CertificateArn)
}

func (e emulator) distributions(t *testing.T) []cftypes.DistributionSummary {
	t.Helper()
	found, err := cloudfront.NewFromConfig(e.config()).ListDistributions(t.Context(), &cloudfront.ListDistributionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return found.DistributionList.Items
}

// shop is the configuration of the distribution with the shop's names.
func (e emulator) shop(t *testing.T) *cftypes.DistributionConfig {
	t.Helper()
	for _, listed := range e.distributions(t) {
		found, err := cloudfront.NewFromConfig(e.config()).GetDistribution(t.Context(), &cloudfront.GetDistributionInput{Id: listed.Id})
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
