// Command smoketest is the function that ECS calls when a release has the test traffic, and before it gets a visitor.
package main

import (
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"peakline/lambda/contract"
	"peakline/lambda/internal/smoketest"
)

func main() {
	hook := &smoketest.Hook{
		Log: slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		Tester: &smoketest.Tester{
			URL:   os.Getenv(contract.EnvTestURL),
			Tries: 10,
			Pause: 5 * time.Second,
			Client: &http.Client{
				Timeout:       10 * time.Second,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
		},
	}
	lambda.Start(hook.Handle)
}
