package constructs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	fiveMinutes = 5 * time.Minute
	// fewestSignIns in five minutes say something about the share that fails.
	fewestSignIns = 20
)

// AddAlarms watches the sign-ins of the clients, and those by way of each social provider. Cognito publishes its metrics for
// each client alone: 1 for what succeeds and 0 for what does not, so that the number of samples counts both.
// https://docs.aws.amazon.com/cognito/latest/developerguide/metrics-for-cognito-user-pools.html
func (p *UserPool) AddAlarms(scope construct.Construct, notifications *Notifications, clients []awscognito.CfnUserPoolClient, providers []*SocialProvider) {
	NewAlarm(scope, notifications, AlarmProps{
		Name: "identity-sign-in-failures", Severity: Critical,
		Summary:    "More than half of the sign-ins fail: nobody gets in, or somebody tries passwords.",
		Metric:     p.shareOfFailures("SignInSuccesses", clients, ""),
		Comparison: Above, Threshold: 50, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
	})
	NewAlarm(scope, notifications, AlarmProps{
		Name: "identity-throttled", Severity: Critical,
		Summary:    "Cognito refuses sign-ups, sign-ins or new tokens, because there are more than the account may have.",
		Metric:     p.throttled(clients),
		Comparison: Above, Threshold: 0, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
	})
	for _, provider := range providers {
		scope := construct.NewConstruct(scope, jsii.String("From"+provider.Name))
		NewAlarm(scope, notifications, AlarmProps{
			Name: "identity-provider-failures", Subject: strings.ToLower(provider.Name), Severity: Warning,
			Summary:    "More than half of those who come from " + provider.Name + " cannot sign in.",
			Metric:     p.shareOfFailures("FederationSuccesses", clients, provider.Name),
			Comparison: Above, Threshold: 50, Breaching: 2, Periods: 3, MissingData: MissingIsFine,
		})
	}
}

// perClient is the metric of each client over five minutes, by a name for expressions.
func (p *UserPool) perClient(prefix, metric, statistic, provider string, clients []awscognito.CfnUserPoolClient, into map[string]awscloudwatch.IMetric) (names []string) {
	for n, client := range clients {
		dimensions := map[string]*string{"UserPool": p.Pool.Ref(), "UserPoolClient": client.Ref()}
		if provider != "" {
			dimensions["IdentityProvider"] = jsii.String(provider)
		}
		name := fmt.Sprintf("%s%d", prefix, n+1)
		into[name] = metricEvery(fiveMinutes, "AWS/Cognito", metric, statistic, dimensions)
		names = append(names, "FILL("+name+", 0)") // a client that nobody uses publishes nothing
	}
	return names
}

// shareOfFailures is in percent, and none while hardly anybody tries.
func (p *UserPool) shareOfFailures(metric string, clients []awscognito.CfnUserPoolClient, provider string) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	tried := "(" + strings.Join(p.perClient("tried", metric, "SampleCount", provider, clients, metrics), " + ") + ")"
	succeeded := "(" + strings.Join(p.perClient("succeeded", metric, "Sum", provider, clients, metrics), " + ") + ")"
	return expressionEvery(fiveMinutes, fmt.Sprintf("IF(%s >= %d, 100 * (%s - %s) / %s, 0)", tried, fewestSignIns, tried, succeeded, tried),
		"percent of the sign-ins that failed", metrics)
}

func (p *UserPool) throttled(clients []awscognito.CfnUserPoolClient) awscloudwatch.IMetric {
	metrics := map[string]awscloudwatch.IMetric{}
	names := slices.Concat(
		p.perClient("signUps", "SignUpThrottles", "Sum", "", clients, metrics),
		p.perClient("signIns", "SignInThrottles", "Sum", "", clients, metrics),
		p.perClient("tokens", "TokenRefreshThrottles", "Sum", "", clients, metrics))
	return expressionEvery(fiveMinutes, strings.Join(names, " + "), "requests that Cognito refused", metrics)
}
