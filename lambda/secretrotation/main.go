// Command secretrotation is the function that Secrets Manager calls to rotate the passwords of a PostgreSQL cluster.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"peakline/lambda/internal/rotation"
	"peakline/lambda/rdsca"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("configuration of the AWS SDK could not be read", "error", err.Error())
		os.Exit(1)
	}
	rotator := &rotation.Rotator{Secrets: secretsmanager.NewFromConfig(account), Roots: rdsca.Pool(), Log: log}
	lambda.Start(rotator.Handle)
}
