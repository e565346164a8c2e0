// Command cacherotation is the function that Secrets Manager calls to rotate the passwords of ElastiCache users.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"peakline/lambda/internal/cachepassword"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("configuration of the AWS SDK could not be read", "error", err.Error())
		os.Exit(1)
	}
	rotator := &cachepassword.Rotator{
		Secrets: secretsmanager.NewFromConfig(account),
		Users:   elasticache.NewFromConfig(account),
		Pause:   3 * time.Second,
		Log:     log,
	}
	lambda.Start(rotator.Handle)
}
