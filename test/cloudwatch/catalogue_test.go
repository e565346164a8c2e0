package cloudwatch

import (
	"net/url"
	"strings"
	"testing"
)

func TestWhatIsPublishedIsFound(t *testing.T) {
	of := func(text string) Metric {
		fields := strings.Fields(text)
		m := Metric{Namespace: fields[0], Name: fields[1], Statistic: fields[2], Region: fields[3], Dimensions: map[string]string{}}
		for _, dimension := range fields[4:] {
			name, value, _ := strings.Cut(dimension, "=")
			m.Dimensions[name] = value
		}
		return m
	}
	for text, refusal := range map[string]string{
		"AWS/RDS CPUUtilization Average eu-west-1 DBClusterIdentifier=shop Role=WRITER":                          "",
		"AWS/RDS CPUUtilization Average eu-west-1 DBClusterIdentifier=shop Role=writer":                          "not published by",
		"AWS/RDS CPUUtilisation Average eu-west-1 DBClusterIdentifier=shop":                                      "no metric",
		"AWS/RDS AvailabilityPercentage Average eu-west-1 ProxyName=shop":                                        "not published by",
		"AWS/RDS AvailabilityPercentage Average eu-west-1 ProxyName=a TargetGroup=default TargetRole=READ_WRITE": "",
		"AWS/RDS ClientConnections Sum eu-west-1 ProxyName=shop TargetGroup=default TargetRole=READ_WRITE":       "not published by",
		"AWS/CloudFront Requests Sum us-east-1 DistributionId=E1 Region=Global":                                  "",
		"AWS/CloudFront Requests Sum eu-west-1 DistributionId=E1 Region=Global":                                  "no data in eu-west-1",
		"AWS/CloudFront Requests Sum us-east-1 DistributionId=E1":                                                "not published by",
		"AWS/CloudFront 5xxErrorRate Sum us-east-1 DistributionId=E1 Region=Global":                              "it has Average",
		"AWS/CloudFront OriginLatency p99.9 us-east-1 DistributionId=E1 Region=Global":                           "",
		"AWS/WAFV2 BlockedRequests Sum us-east-1 WebACL=edge Rule=ALL":                                           "",
		"AWS/WAFV2 BlockedRequests Sum eu-west-1 WebACL=edge Rule=ALL":                                           "no data in eu-west-1",
		"AWS/WAFV2 BlockedRequests Sum eu-west-1 WebACL=balancer Rule=ALL Region=eu-west-1":                      "",
		"AWS/ApplicationELB TargetResponseTime p95 eu-west-1 LoadBalancer=a TargetGroup=b":                       "",
		"AWS/ApplicationELB TargetResponseTime Sum eu-west-1 LoadBalancer=a TargetGroup=b":                       "it has Average",
		"AWS/ApplicationELB UnHealthyHostCount Maximum eu-west-1 LoadBalancer=a":                                 "not published by",
		"AWS/SQS ApproximateNumberOfMessagesVisible Sum eu-west-1 QueueName=q":                                   "it has Average",
		"AWS/Nothing Requests Sum eu-west-1":                                                                     "no namespace",
		"Peakline/ReplicaScaler Heartbeat Sum eu-west-1 Environment=prod":                                        "",
		"Peakline/ReplicaScaler Heartbeat Sum eu-west-1":                                                         "not published by",
	} {
		err := Check(of(text))
		if refused := err != nil; refused != (refusal != "") || refused && !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s: %v, want %q", text, err, refusal)
		}
	}
}

// TestTheCatalogueSaysWhereItIsFrom keeps a row from being written from memory alone.
func TestTheCatalogueSaysWhereItIsFrom(t *testing.T) {
	for namespace, service := range catalogue {
		page, err := url.Parse(service.documented)
		if err != nil || strings.HasPrefix(namespace, "Peakline/") == (page.Host == "docs.aws.amazon.com") {
			t.Errorf("%s is documented at %q, want a page of AWS's documentation, or one of ours for what is ours", namespace, service.documented)
		}
		for _, set := range service.sets {
			if set.metrics == "" {
				t.Errorf("%s has a set of dimensions %q without metrics", namespace, set.dimensions)
			}
		}
	}
}
