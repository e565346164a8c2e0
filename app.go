// Command peakline is the CDK app: it reads the environments, builds the platform of each, and synthesizes.
//
// Context keys: env=NAME narrows to one environment, environments=DIR reads the files of another folder.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/stacks"
)

func main() {
	app := awscdk.NewApp(nil)

	environments, err := environments(app)
	if err != nil {
		exit(err)
	}
	functions, err := buildFunctions()
	if err != nil {
		exit(err)
	}
	for _, environment := range environments {
		stacks.NewPlatform(app, stacks.PlatformProps{Environment: environment, Functions: functions})
	}
	app.Synth(nil)
}

// environments reads what the context asks for: all environments, or one.
func environments(app awscdk.App) ([]config.Environment, error) {
	directory := contextString(app, "environments", "config/environments")
	if name := contextString(app, "env", ""); name != "" {
		environment, err := config.Load(directory, name, time.Now())
		return []config.Environment{environment}, err
	}
	return config.LoadAll(directory, time.Now())
}

func contextString(app awscdk.App, key, fallback string) string {
	if value, ok := app.Node().TryGetContext(jsii.String(key)).(string); ok {
		return value
	}
	return fallback
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
