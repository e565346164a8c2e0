package account

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/urfave/cli/v3"
)

// opened is the configuration that a command with these flags gets, in an otherwise empty environment.
func opened(t *testing.T, arguments ...string) (loaded aws.Config, err error) {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	command := &cli.Command{Name: "test", Flags: Flags("shop"), Action: func(ctx context.Context, command *cli.Command) error {
		loaded, err = Open(ctx, command)
		return nil
	}}
	if failed := command.Run(t.Context(), append([]string{"test"}, arguments...)); failed != nil {
		t.Fatal(failed)
	}
	return loaded, err
}

func TestWhereACommandGoes(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", "..", ".."))
	for name, c := range map[string]struct {
		arguments        []string
		variables        map[string]string
		region, endpoint string
		credentials      string
	}{
		"an environment is in the region of its file, whatever the shell says": {
			[]string{"-env", "prod"}, map[string]string{"AWS_REGION": "us-west-2"}, "eu-west-1", "", "real"},
		"a region that is given counts": {
			[]string{"-env", "prod", "-region", "eu-central-1"}, nil, "eu-central-1", "", "real"},
		"an environment without a file is in the region of the shell": {
			[]string{"-env", "review"}, map[string]string{"AWS_REGION": "us-west-2"}, "us-west-2", "", "real"},
		"local is the emulated account, without real credentials": {
			[]string{"-env", "local"}, nil, "us-east-1", "http://localhost:4566", "emulated"},
		"and moves with its port": {
			[]string{"-env", "local"}, map[string]string{"PEAKLINE_PORT": "4999"}, "us-east-1", "http://localhost:4999", "emulated"},
		"another emulated account is named": {
			[]string{"-env", "dev"}, map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"}, "eu-west-1", "http://127.0.0.1:5000", "emulated"},
		"local has no real credentials wherever it is": {
			[]string{"-env", "local", "-endpoint-url", "https://rds.us-east-1.amazonaws.com"}, nil, "us-east-1", "https://rds.us-east-1.amazonaws.com", "emulated"},
		"an address elsewhere gets the real credentials": {
			[]string{"-env", "dev", "-endpoint-url", "https://aws.example.com"}, nil, "eu-west-1", "https://aws.example.com", "real"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_REGION", "")
			t.Setenv("PEAKLINE_PORT", "")
			t.Setenv("AWS_ENDPOINT_URL", "")
			t.Setenv("AWS_ACCESS_KEY_ID", "real")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "real")
			for variable, value := range c.variables {
				t.Setenv(variable, value)
			}
			loaded, err := opened(t, c.arguments...)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := loaded.Credentials.Retrieve(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if endpoint := aws.ToString(loaded.BaseEndpoint); loaded.Region != c.region || endpoint != c.endpoint || keys.AccessKeyID != c.credentials {
				t.Errorf("goes to %s at %q as %s, want %s at %q as %s", loaded.Region, endpoint, keys.AccessKeyID, c.region, c.endpoint, c.credentials)
			}
			if here := strings.Contains(c.endpoint, "localhost") || strings.Contains(c.endpoint, "127.0.0.1"); Emulated(loaded) != here {
				t.Errorf("emulated: %v", Emulated(loaded))
			}
		})
	}
}

func TestAnUnknownRegionIsAsked(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	if _, err := opened(t, "-env", "prod"); err == nil || !strings.Contains(err.Error(), "give -region") {
		t.Errorf("error %v outside of the repository, want one that says to give -region", err)
	}
}

// The SDK's own error is a trace of requests to the metadata of an EC2 instance.
func TestWhoHasNoCredentialsIsToldWhatToDo(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, err := opened(t, "-env", "prod", "-region", "eu-west-1")
	if err == nil || strings.Contains(err.Error(), "IMDS") || !strings.Contains(err.Error(), "aws sso login") || !strings.Contains(err.Error(), "-profile") {
		t.Errorf("error %v, want one sentence that says to log in or to name a profile", err)
	}
}
