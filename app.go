// Command peakline is the CDK app: it reads the environments, builds the platform of each, and synthesizes.
//
// Context keys: env=NAME narrows to one environment, or with env=delivery to the pipelines; environments=DIR and delivery=FILE
// read other files.
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

	if err := build(app); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	app.Synth(nil)
}

// build adds the stages that the context asks for.
func build(app awscdk.App) error {
	name := contextString(app, "env", "")
	directory, pipelines := contextString(app, "environments", "config/environments"), contextString(app, "delivery", "config/delivery.yaml")
	if name != "" && name != config.DeliveryStage {
		environment, err := config.Load(directory, name, time.Now())
		if err != nil {
			return err
		}
		delivery, err := config.LoadDelivery(pipelines, nil, time.Now())
		if err != nil {
			return err
		}
		return addPlatforms(app, delivery, environment)
	}
	environments, err := config.LoadAll(directory, time.Now())
	if err != nil {
		return err
	}
	delivery, err := config.LoadDelivery(pipelines, environments, time.Now())
	if err != nil {
		return err
	}
	stacks.NewDelivery(app, stacks.DeliveryProps{Delivery: delivery, Environments: environments})
	if name == config.DeliveryStage {
		return nil
	}
	return addPlatforms(app, delivery, environments...)
}

// addPlatforms adds the stages of environments.
func addPlatforms(app awscdk.App, delivery config.Delivery, environments ...config.Environment) error {
	functions, err := buildFunctions()
	if err != nil {
		return err
	}
	for _, environment := range environments {
		stacks.NewPlatform(app, stacks.PlatformProps{Environment: environment, Delivery: delivery, Functions: functions})
	}
	return nil
}

func contextString(app awscdk.App, key, fallback string) string {
	if value, ok := app.Node().TryGetContext(jsii.String(key)).(string); ok {
		return value
	}
	return fallback
}
