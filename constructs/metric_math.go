package constructs

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/jsii-runtime-go"
)

// atLeast is, in metric math, a series where it is above a number, and the number elsewhere. MAX takes series alone.
func atLeast(series string, least int) string {
	return fmt.Sprintf("IF(%s > %d, %s, %d)", series, least, series, least)
}

func expression(text, label string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return expressionEvery(time.Minute, text, label, metrics)
}

func expressionEvery(period time.Duration, text, label string, metrics map[string]awscloudwatch.IMetric) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String(text),
		UsingMetrics: &metrics,
		Label:        jsii.String(label),
		Period:       awscdk.Duration_Minutes(jsii.Number(period.Minutes())),
	})
}

// orZero is a metric whose silence counts as zero at once. An alarm that takes missing data as breaching waits longer: it looks
// for data points before its periods first. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
func orZero(metric awscloudwatch.Metric) awscloudwatch.IMetric {
	return expressionEvery(time.Duration(*metric.Period().ToMinutes(nil))*time.Minute, "FILL(reported, 0)", *metric.MetricName(),
		map[string]awscloudwatch.IMetric{"reported": metric})
}
