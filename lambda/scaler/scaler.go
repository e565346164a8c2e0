// Package scaler puts the replica scaler together. The Lambda function, the operator's tool and the tests all start
// from here, so that they run the same thing.
package scaler

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"peakline/lambda/internal/aurora"
	"peakline/lambda/internal/handler"
	"peakline/lambda/internal/settings"
)

// Props says which cluster to scale, and through which account.
type Props struct {
	Environment string // the environment's name
	Cluster     string // the DB cluster's identifier
	// CapacityReservation is the DB capacity reservation of new readers; empty: none.
	CapacityReservation string
	AWS                 aws.Config
	Log                 io.Writer // receives one JSON line per run

	// Now and Sleep are the clock; nil: the machine's.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	// Through puts something between the scaler and the services, as a rehearsal does; nil: nothing.
	Through func(Services) Services
}

// Services are what a scaler uses of AWS.
type Services struct {
	RDS         aurora.RDS
	CloudWatch  aurora.CloudWatch
	AutoScaling aurora.AutoScaling
	Parameters  settings.Parameters
}

// New makes the scaler's handler on AWS and the real clock.
func New(props Props) *handler.Handler { return handler.New(props.wire()) }

func (props Props) wire() handler.Props {
	services := Services{
		RDS:         rds.NewFromConfig(props.AWS),
		CloudWatch:  cloudwatch.NewFromConfig(props.AWS),
		AutoScaling: applicationautoscaling.NewFromConfig(props.AWS),
		Parameters:  ssm.NewFromConfig(props.AWS),
	}
	if props.Through != nil {
		services = props.Through(services)
	}
	if props.Now == nil {
		props.Now = time.Now
	}
	if props.Sleep == nil {
		props.Sleep = sleep
	}
	return handler.Props{
		Cluster: &aurora.Cluster{
			ID:                  props.Cluster,
			Environment:         props.Environment,
			CapacityReservation: props.CapacityReservation,
			RDS:                 services.RDS,
			CloudWatch:          services.CloudWatch,
			AutoScaling:         services.AutoScaling,
		},
		Parameters: services.Parameters,
		Log:        props.Log,
		Now:        props.Now,
		Sleep:      props.Sleep,
	}
}

// Budget bounds what a call may cost a run: a stuck connection is given up, a throttled call is repeated with growing
// pauses, and the context of the run, which ends before the function's time does, ends both.
func Budget(config aws.Config) aws.Config {
	config.HTTPClient = awshttp.NewBuildableClient().WithTimeout(10 * time.Second)
	config.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 4
			o.MaxBackoff = 3 * time.Second
		})
	}
	return config
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
