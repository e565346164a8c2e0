package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"peakline/stacks"
)

// buildFunctions compiles every Lambda function of the platform.
func buildFunctions() (code stacks.FunctionCode, err error) {
	for name, folder := range map[string]*string{
		"cacherotation":  &code.CacheRotation,
		"migration":      &code.Migration,
		"replicascaler":  &code.ReplicaScaler,
		"secretrotation": &code.SecretRotation,
		"smoketest":      &code.SmokeTest,
	} {
		if *folder, err = buildFunction(name); err != nil {
			return stacks.FunctionCode{}, err
		}
	}
	return code, nil
}

// buildFunction compiles ./lambda/<name> for arm64. The same source gives the same binary on every machine, so that a
// deployment without a change to the code has no change to the function. It returns the folder of the binary.
func buildFunction(name string) (folder string, err error) {
	folder = filepath.Join(".cache", "functions", name)
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-tags=lambda.norpc",
		"-o", filepath.Join(folder, "bootstrap"), "./lambda/"+name)
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build Lambda function %s: %w\n%s", name, err, output)
	}
	return folder, nil
}
