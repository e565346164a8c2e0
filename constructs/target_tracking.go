package constructs

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// TargetTrackingProps describes AWS's own scaling of Aurora readers, for those who prefer it to the replica scaler.
type TargetTrackingProps struct {
	// ClusterIdentifier is the cluster's physical name.
	ClusterIdentifier string
	// MinReaders and MaxReaders count all readers of the cluster, declared ones included.
	MinReaders, MaxReaders int
	// TargetPercent is the average CPU of the readers to aim at.
	TargetPercent                     int
	ScaleInCooldown, ScaleOutCooldown time.Duration
}

// NewTargetTracking registers the cluster with Application Auto Scaling. Readers that it added are not deleted with the
// stack: lower the maximum first, or delete them by hand.
func NewTargetTracking(scope construct.Construct, id string, props TargetTrackingProps) {
	target := awsapplicationautoscaling.NewScalableTarget(scope, jsii.String(id), &awsapplicationautoscaling.ScalableTargetProps{
		ServiceNamespace:  awsapplicationautoscaling.ServiceNamespace_RDS,
		ScalableDimension: jsii.String("rds:cluster:ReadReplicaCount"),
		ResourceId:        jsii.String("cluster:" + props.ClusterIdentifier),
		MinCapacity:       jsii.Number(props.MinReaders),
		MaxCapacity:       jsii.Number(props.MaxReaders),
	})
	target.ScaleToTrackMetric(jsii.String("ReaderCpu"), &awsapplicationautoscaling.BasicTargetTrackingScalingPolicyProps{
		PredefinedMetric: awsapplicationautoscaling.PredefinedMetric_RDS_READER_AVERAGE_CPU_UTILIZATION,
		TargetValue:      jsii.Number(props.TargetPercent),
		ScaleInCooldown:  awscdk.Duration_Seconds(jsii.Number(props.ScaleInCooldown.Seconds())),
		ScaleOutCooldown: awscdk.Duration_Seconds(jsii.Number(props.ScaleOutCooldown.Seconds())),
	})
}
