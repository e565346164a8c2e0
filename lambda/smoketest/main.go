// Command smoketest is the function that ECS or CodeDeploy calls when a release has the test traffic, and before it gets a
// visitor. For CodeDeploy it is a function of one service, which finds its requests in EnvSmokeTests.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"

	"peakline/lambda/contract"
	"peakline/lambda/internal/smoketest"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	tester := &smoketest.Tester{
		URL:   os.Getenv(contract.EnvTestURL),
		Tries: 10,
		Pause: 5 * time.Second,
		Client: &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	stated, ofOneService := os.LookupEnv(contract.EnvSmokeTests)
	if !ofOneService {
		lambda.Start((&smoketest.Hook{Tester: tester, Log: log}).Handle)
		return
	}
	hook := &smoketest.DeployHook{Tester: tester, Log: log}
	if err := json.Unmarshal([]byte(stated), &hook.Tests); err != nil {
		log.Error("the requests of the smoke test could not be read", "variable", contract.EnvSmokeTests, "error", err.Error())
		os.Exit(1)
	}
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		log.Error("configuration of the AWS SDK could not be read", "error", err.Error())
		os.Exit(1)
	}
	hook.Deployments = codedeploy.NewFromConfig(account)
	lambda.Start(hook.Handle)
}
