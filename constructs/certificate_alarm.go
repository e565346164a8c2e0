package constructs

import (
	"time"

	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewCertificateAlarm tells when ACM has not renewed a certificate in time; it begins 45 days or more before the end. Where says
// which certificate, in the alarm's name. https://docs.aws.amazon.com/acm/latest/userguide/cloudwatch-metrics.html
func NewCertificateAlarm(scope construct.Construct, notifications *Notifications, where, certificateARN string) {
	NewAlarm(scope, notifications, AlarmProps{
		Name: "certificate-expiry", Subject: where, Severity: Warning,
		Summary: "A certificate ends in less than 30 days and has not been renewed.",
		Metric: metricEvery(24*time.Hour, "AWS/CertificateManager", "DaysToExpiry", "Minimum",
			map[string]*string{"CertificateArn": jsii.String(certificateARN)}),
		Comparison: Below, Threshold: 30, Breaching: 1, Periods: 1, MissingData: MissingKeepsState,
	})
}
