// Package secretsmanager gives tests an API of Secrets Manager of their own, on 127.0.0.1.
package secretsmanager

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

//go:embed server.py
var program string

// Start returns a client of an account without secrets, and the ARN of a function that RotateSecret accepts. The account ends
// with the test.
func Start(t testing.TB) (client *secretsmanager.Client, function string) {
	t.Helper()
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the module's root: %v", err)
	}
	python := filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), ".venv/bin/python")
	if exec.Command(python, "-c", "import moto").Run() != nil {
		python = "python3"
	}
	command := exec.Command(python, "-c", program)
	var said bytes.Buffer
	command.Stderr = &said
	lifeline, err1 := command.StdinPipe()
	answer, err2 := command.StdoutPipe()
	if err := errors.Join(err1, err2, command.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = lifeline.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("stop Secrets Manager: %v\n%s", err, said.String())
		}
	})
	var at struct{ Endpoint, Function string }
	if err := json.NewDecoder(answer).Decode(&at); err != nil {
		t.Fatalf("start Secrets Manager with %s: %v; it needs moto, which `make test` installs into .venv\n%s", python, err, said.String())
	}
	return secretsmanager.New(secretsmanager.Options{
		Region: "us-east-1", BaseEndpoint: &at.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}), at.Function
}
