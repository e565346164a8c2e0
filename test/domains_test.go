package test

import (
	"fmt"
	"slices"
	"strings"

	"peakline/config"
)

func zoned(e config.Environment) bool { return e.HasEdge() && e.Edge.HostedZone.ID != "" }

var domainRequirements = []requirement{
	{row: "E5", name: "each of the shop's names leads to CloudFront by IPv4 and IPv6, and the load balancer's to the load balancer",
		where: zoned,
		check: func(a *assembly, fail failure) {
			found := map[string]resource{}
			for _, record := range a.where("AWS::Route53::RecordSet", "HostedZoneId", a.environment.Edge.HostedZone.ID) {
				found[record.text("Name")+record.text("Type")] = record
			}
			for _, domain := range a.environment.Edge.Domains {
				for _, kind := range []string{"A", "AAAA"} {
					record := found[domain+"."+kind]
					if !a.target(record, "AliasTarget/DNSName").is(a.shop()) || record.text("AliasTarget/HostedZoneId") != "Z2FDTNDATAQYW2" {
						fail("%s %s leads to %v: visitors do not find the shop", domain, kind, record.get("AliasTarget"))
					}
					if !strings.Contains(record.path(), "/"+domain+"/") {
						fail("%s is not called by %s: names in another order would be made where they still are, which Route 53 refuses", record, domain)
					}
				}
			}
			if record := found[a.environment.LoadBalancer.HostName+".A"]; !a.target(record, "AliasTarget/DNSName").is(a.target(record, "AliasTarget/HostedZoneId")) || a.target(record, "AliasTarget/DNSName").kind != "AWS::ElasticLoadBalancingV2::LoadBalancer" {
				fail("%s leads to %v: CloudFront does not find the load balancer", a.environment.LoadBalancer.HostName, record.get("AliasTarget"))
			}
			if want := 2*len(a.environment.Edge.Domains) + 1; len(found) != want {
				fail("there are %d records, want %d", len(found), want)
			}
		}},
	{row: "E5", name: "no record is made in a zone that nobody named",
		check: func(a *assembly, fail failure) {
			for _, record := range a.all("AWS::Route53::RecordSet") {
				if zone := a.resolve(record.stack, record.get("HostedZoneId")); !a.target(record, "HostedZoneId").exists() && zone != a.environment.Edge.HostedZone.ID {
					fail("%s is in the zone %s", record, zone)
				}
			}
		}},
	{row: "E5", name: "plain HTTP leads to HTTPS at the load balancer too",
		where: func(e config.Environment) bool { return e.LoadBalancer.CertificateARN != "" },
		check: func(a *assembly, fail failure) {
			for _, listener := range a.where("AWS::ElasticLoadBalancingV2::Listener", "Port", 80.0) {
				if listener.text("Protocol") == "HTTP" && (listener.text("DefaultActions/0/Type") != "redirect" || listener.text("DefaultActions/0/RedirectConfig/Protocol") != "HTTPS") {
					fail("%s answers in the clear", listener)
				}
			}
		}},
	{row: "E5", name: "a certificate that is not renewed is told a month ahead, in its own region",
		where: func(e config.Environment) bool { return e.LoadBalancer.CertificateARN != "" },
		check: func(a *assembly, fail failure) {
			want := map[string]string{"load-balancer": a.environment.LoadBalancer.CertificateARN}
			if a.environment.HasEdge() {
				want["edge"] = a.environment.Edge.CertificateARN
			}
			for where, certificate := range want {
				alarm := a.alarm("certificate-expiry-" + where)
				watched := slices.ContainsFunc(metricsOf(alarm), func(m metric) bool {
					return m.namespace == "AWS/CertificateManager" && m.name == "DaysToExpiry" && m.dimensions["CertificateArn"] == certificate
				})
				region := map[string]string{"load-balancer": a.environment.Region, "edge": edgeRegion}[where]
				if !watched || alarm.stack.region != region || alarm.number("Threshold") != 30 || alarm.text("ComparisonOperator") != "LessThanThreshold" {
					fail("the certificate of the %s is not watched in %s: %s", where, region, fmt.Sprint(alarm))
				}
			}
		}},
}
