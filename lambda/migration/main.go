// Command migration is the function that runs the migration of a service before a release of it starts.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"peakline/lambda/contract"
	"peakline/lambda/internal/migration"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	runner := &migration.Runner{Now: time.Now}
	if err := json.Unmarshal([]byte(os.Getenv(contract.EnvMigration)), &runner.Migration); err != nil {
		log.Error("the migration could not be read", "variable", contract.EnvMigration, "error", err.Error())
		os.Exit(1)
	}
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("configuration of the AWS SDK could not be read", "error", err.Error())
		os.Exit(1)
	}
	runner.Tasks = ecs.NewFromConfig(account)
	hook := &migration.Hook{Runner: runner, Deployments: codedeploy.NewFromConfig(account), Pause: 5 * time.Second, Log: log}
	lambda.Start(hook.Handle)
}
