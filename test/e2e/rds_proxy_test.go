package e2e

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// TestRDSProxy switches the environment local from its poolers to an RDS Proxy, by one value of the file.
func TestRDSProxy(t *testing.T) {
	account := startEmulator(t)
	poolers := readFile(t, filepath.Join(repository, "config", "environments", "local.yaml"))
	file := edit(t, poolers, "  writer: {instanceClass: db.t4g.medium, zone: us-east-1a}\n", "  pooler: rds-proxy\n  writer: {instanceClass: db.t4g.medium, zone: us-east-1a}\n")
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := []string{"deploy", "local/DatabaseProxy", "--require-approval", "never", "--concurrency", "4", "--app"}
	assembly := account.synth(t, file)
	account.mustCDK(t, append(deploy, assembly)...)
	client := rds.NewFromConfig(account.config())

	step(t, "the proxy asks its clients for TLS and IAM, and has one login for each service with a database", func(t *testing.T) {
		proxy := account.proxy(t, client)
		if !aws.ToBool(proxy.RequireTLS) || aws.ToBool(proxy.DebugLogging) || aws.ToString(proxy.EngineFamily) != "POSTGRESQL" {
			t.Errorf("TLS %v, debug log %v, engine %s", aws.ToBool(proxy.RequireTLS), aws.ToBool(proxy.DebugLogging), aws.ToString(proxy.EngineFamily))
		}
		if len(proxy.Auth) != 5 {
			t.Errorf("%d logins, want those of five services", len(proxy.Auth))
		}
		secrets := secretsmanager.NewFromConfig(account.config())
		for _, auth := range proxy.Auth {
			if auth.IAMAuth != types.IAMAuthModeRequired {
				t.Errorf("%s is asked for by %s: a password would do", aws.ToString(auth.Description), auth.IAMAuth)
			}
			value, err := secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: auth.SecretArn})
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(`"username":\s*"[a-z_]+_proxy"`).MatchString(aws.ToString(value.SecretString)) {
				t.Errorf("%s is the login of another role than the proxy's", aws.ToString(auth.SecretArn))
			}
		}
	})

	step(t, "it leads to the cluster, and leaves it connections", func(t *testing.T) {
		targets, err := client.DescribeDBProxyTargets(t.Context(), &rds.DescribeDBProxyTargetsInput{DBProxyName: aws.String("peakline-local")})
		if err != nil {
			t.Fatal(err)
		}
		if len(targets.Targets) != 1 || aws.ToString(targets.Targets[0].RdsResourceId) != "peakline-local" {
			t.Errorf("targets %+v, want the cluster alone", targets.Targets)
		}
		if share := account.proxyShare(t, client); share != 96 {
			t.Errorf("it may take %d %% of an instance's connections, want 96: a migration would find none", share)
		}
	})

	step(t, "nothing changes without a change", func(t *testing.T) {
		if output := account.mustCDK(t, append(deploy, assembly)...); strings.Contains(output, "UPDATE_COMPLETE") {
			t.Errorf("a second deployment changed something:\n%s", output)
		}
	})

	step(t, "larger instances give it a larger share, and it keeps its name", func(t *testing.T) {
		before := aws.ToString(account.proxy(t, client).Endpoint)
		account.mustCDK(t, append(deploy, account.synth(t, edit(t, file, "db.t4g.medium", "db.t4g.large")))...)
		if share, endpoint := account.proxyShare(t, client), aws.ToString(account.proxy(t, client).Endpoint); share != 98 || endpoint != before {
			t.Errorf("%d %% at %s, want 98 %% at %s", share, endpoint, before)
		}
	})

	step(t, "the difference says what the switch takes: rights, a way through the network, new tasks, and no data", func(t *testing.T) {
		command := exec.Command("go", "run", "./cmd/peakline", "diff", "-old", account.synth(t, poolers), "-new", assembly)
		command.Dir = repository
		text, err := command.CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(string(text), "exit status 3") {
			t.Fatalf("peakline diff: %v\n%s", err, text)
		}
		t.Logf("%s", text)
		for _, said := range []string{`widens-iam.*rds-db:connect|rds-db:connect.*widens-iam`, `opens-network.*DatabaseFromProxy|DatabaseFromProxy.*opens-network`, `rolling.*OrderTask|OrderTask.*rolling`} {
			if !regexp.MustCompile(said).Match(text) {
				t.Errorf("it does not say %s:\n%s", said, text)
			}
		}
		if regexp.MustCompile(`replaces-stateful|deletes-stateful|endangers-traffic|refused-by-aws`).Match(text) {
			t.Errorf("the switch would harm what runs:\n%s", text)
		}
	})

	step(t, "destroying it leaves no proxy", func(t *testing.T) {
		account.mustCDK(t, "destroy", "local/*", "--force", "--app", assembly)
		left, err := client.DescribeDBProxies(t.Context(), &rds.DescribeDBProxiesInput{})
		if err != nil || len(left.DBProxies) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// proxy is the only one.
func (e emulator) proxy(t *testing.T, client *rds.Client) types.DBProxy {
	t.Helper()
	found, err := client.DescribeDBProxies(t.Context(), &rds.DescribeDBProxiesInput{})
	if err != nil || len(found.DBProxies) != 1 {
		t.Fatalf("proxies %v, %v, want one", found, err)
	}
	return found.DBProxies[0]
}

// proxyShare is the percentage of an instance's connections that it may take.
func (e emulator) proxyShare(t *testing.T, client *rds.Client) int32 {
	t.Helper()
	found, err := client.DescribeDBProxyTargetGroups(t.Context(), &rds.DescribeDBProxyTargetGroupsInput{DBProxyName: aws.String("peakline-local")})
	if err != nil || len(found.TargetGroups) != 1 {
		t.Fatalf("target groups %v, %v, want one", found, err)
	}
	return aws.ToInt32(found.TargetGroups[0].ConnectionPoolConfig.MaxConnectionsPercent)
}
