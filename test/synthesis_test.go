package test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"peakline/config"
	"peakline/stacks"
)

// today is when the environments are read: a calendar entry that ends later must not fail the tests of another year.
var today = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// synthesis is what one run of the app wrote.
type synthesis struct {
	directory  string
	assemblies []*assembly
}

var synthesizeOnce = sync.OnceValues(synthesize)

// synthesized is every environment and variant, synthesized once for the whole test run.
func synthesized(t testing.TB) synthesis {
	t.Helper()
	result, err := synthesizeOnce()
	if err != nil {
		t.Fatalf("synthesize: %v", err)
	}
	return result
}

func synthesize() (result synthesis, err error) {
	// The CDK reports what it refuses, the findings of its own validation included, by panicking.
	defer func() {
		if refusal := recover(); refusal != nil {
			err = fmt.Errorf("the CDK refuses: %v", refusal)
		}
	}()
	shipped, err := config.LoadAll("../config/environments", today)
	if err != nil {
		return synthesis{}, err
	}
	variants, err := config.LoadAll("variants", today)
	if err != nil {
		return synthesis{}, err
	}
	delivery, err := config.LoadDelivery("../config/delivery.yaml", shipped, today)
	if err != nil {
		return synthesis{}, err
	}
	own, err := config.LoadDelivery("pipelines.yaml", variants, today)
	if err != nil {
		return synthesis{}, err
	}
	context, err := cdkContext()
	if err != nil {
		return synthesis{}, err
	}
	result.directory, err = os.MkdirTemp(scratch, "assembly")
	if err != nil {
		return synthesis{}, err
	}
	// Two pipelines cannot be in one app.
	other := filepath.Join(result.directory, "variants")
	for _, part := range []struct {
		directory    string
		environments []config.Environment
		delivery     config.Delivery
		shipped      bool
	}{{result.directory, shipped, delivery, true}, {other, variants, own, false}} {
		app := awscdk.NewApp(&awscdk.AppProps{
			Outdir:             jsii.String(part.directory),
			Context:            &context,
			AnalyticsReporting: jsii.Bool(false),
		})
		for _, environment := range part.environments {
			platform := stacks.NewPlatform(app, stacks.PlatformProps{
				Environment: environment,
				Delivery:    part.delivery,
				// The functions' code is not under test here: a stub saves every run from compiling it.
				Functions: stacks.FunctionCode{SecretRotation: "stub", ReplicaScaler: "stub", CacheRotation: "stub", SmokeTest: "stub", Migration: "stub"},
			})
			// An aspect of the app would stop at the border of the stage.
			awscdk.Aspects_Of(platform.Stage).Add(nagPack(), nil)
		}
		pipelines := stacks.NewDelivery(app, stacks.DeliveryProps{Delivery: part.delivery, Environments: part.environments})
		awscdk.Aspects_Of(pipelines.Stage).Add(nagPack(), nil)
		app.Synth(nil)
		for _, environment := range append(slices.Clone(part.environments), part.delivery.Environment()) {
			read, err := readAssembly(part.directory, environment)
			if err != nil {
				return synthesis{}, err
			}
			read.shipped, read.pipelines = part.shipped, environment.Name == config.DeliveryStage
			read.delivery, read.environments = part.delivery, part.environments
			result.assemblies = append(result.assemblies, read)
		}
	}
	return result, nil
}

// nagPack is the rule pack of cdk-nag that judges every construct during the synthesis and reports beside the templates.
func nagPack() awscdk.IAspect {
	return cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	})
}

// cdkContext is what the CDK CLI passes to the app: the feature flags of cdk.json, and that resources note their path.
func cdkContext() (map[string]interface{}, error) {
	var file struct{ Context map[string]interface{} }
	if err := readJSON("../cdk.json", &file); err != nil {
		return nil, err
	}
	file.Context["aws:cdk:enable-path-metadata"] = true
	// A finding of cdk-nag is to fail its own test, not the synthesis and with it every other one.
	file.Context["@aws-cdk/core:annotationsInValidationReport"] = false
	return file.Context, nil
}

func readAssembly(directory string, environment config.Environment) (*assembly, error) {
	folder := filepath.Join(directory, "assembly-"+environment.Name)
	var manifest struct {
		Missing   []any
		Artifacts map[string]struct {
			Type         string
			DisplayName  string
			Environment  string
			Dependencies []string
			Properties   struct {
				TemplateFile, StackName string
				TerminationProtection   bool
			}
		}
	}
	if err := readJSON(filepath.Join(folder, "manifest.json"), &manifest); err != nil {
		return nil, err
	}
	result := &assembly{environment: environment, folder: folder, missing: manifest.Missing}
	for _, artifact := range manifest.Artifacts {
		if artifact.Type != "aws:cloudformation:stack" {
			continue
		}
		s := &stack{
			id:                    filepath.Base(artifact.DisplayName),
			name:                  artifact.Properties.StackName,
			file:                  filepath.Join(folder, artifact.Properties.TemplateFile),
			terminationProtection: artifact.Properties.TerminationProtection,
		}
		if err := s.placeIn(artifact.Environment); err != nil {
			return nil, err
		}
		if err := readJSON(s.file, &s.template); err != nil {
			return nil, err
		}
		for _, artifact := range artifact.Dependencies {
			if on := manifest.Artifacts[artifact]; on.Type == "aws:cloudformation:stack" {
				s.after = append(s.after, filepath.Base(on.DisplayName))
			}
		}
		result.stacks = append(result.stacks, s)
	}
	result.sort()
	return result, nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// TestAWaiverCanBeForEveryStack holds the names that a waiver may have against the stacks that there are.
func TestAWaiverCanBeForEveryStack(t *testing.T) {
	there := map[string]bool{}
	for _, a := range synthesized(t).assemblies {
		for _, s := range a.stacks {
			if !a.pipelines {
				there[s.id] = true
			}
		}
	}
	if names := slices.Sorted(maps.Keys(there)); !slices.Equal(names, config.StackNames) {
		t.Errorf("waivers may be for %q, and the stacks are %q", config.StackNames, names)
	}
}
