// Command replicascaler is the Lambda function that keeps an Aurora cluster's reader count right, and the one that
// removes its readers before the cluster is deleted. It only wires the environment to the handler.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"peakline/lambda/contract"
	"peakline/lambda/scaler"
)

func main() {
	handler := scaler.New(scaler.Props{
		Environment:         os.Getenv(contract.EnvEnvironment),
		Cluster:             os.Getenv(contract.EnvCluster),
		CapacityReservation: os.Getenv(contract.EnvCapacityReservation),
		AWS:                 scaler.Budget(account()),
		Log:                 os.Stdout,
	})
	lambda.Start(func(ctx context.Context, payload json.RawMessage) error {
		_, err := handler.Handle(ctx, payload)
		return err
	})
}

// account reads what Lambda sets. The SDK's own loader would look for profiles, instance metadata and single sign-on as
// well, which a function does not have: it costs megabytes and start time.
func account() aws.Config {
	config := aws.Config{
		Region: os.Getenv("AWS_REGION"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID:     os.Getenv("AWS_ACCESS_KEY_ID"),
				SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
				SessionToken:    os.Getenv("AWS_SESSION_TOKEN"),
			}, nil
		}),
	}
	// An emulated account's address.
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		config.BaseEndpoint = &endpoint
	}
	return config
}
