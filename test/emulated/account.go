// Package emulated gives Go tests an emulated AWS account of their own: the emulator that make up starts, on a free port,
// with instances that come and go at once.
package emulated

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"peakline/lambda/contract"
	"peakline/lambda/decision"
)

// Account is an emulated account with nothing in it. It ends with the test.
func Account(tb testing.TB) aws.Config {
	tb.Helper()
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		tb.Fatalf("find the module's root: %v", err)
	}
	tests := filepath.Join(filepath.Dir(strings.TrimSpace(string(module))), "test")
	python := "python3"
	if venv := filepath.Join(tests, "../.venv/bin/python"); exec.Command(venv, "-c", "import moto").Run() == nil {
		python = venv
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	port := fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	if err := listener.Close(); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	server := exec.Command(python, "-m", "emulator.server", "--port", port, "--create-seconds", "0")
	server.Dir, server.Stdout, server.Stderr = tests, &out, &out
	if err := server.Start(); err != nil {
		tb.Fatalf("start the emulated account: %v", err)
	}
	stop := func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}
	tb.Cleanup(stop)
	endpoint := "http://localhost:" + port
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if response, err := http.Get(endpoint + "/peakline/inventory"); err == nil {
			_ = response.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			stop()
			tb.Fatalf("the emulated account did not start; is moto installed? make test brings it\n%s", &out)
		}
	}
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}
}

// Cluster puts the Aurora cluster of an environment into the account: a writer and two readers of the template.
func Cluster(tb testing.TB, config aws.Config, environment string) (identifier string) {
	tb.Helper()
	ctx, identifier := context.Background(), "peakline-"+environment
	network, err := ec2.NewFromConfig(config).DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	check(tb, err)
	subnets := &rds.CreateDBSubnetGroupInput{DBSubnetGroupName: &identifier, DBSubnetGroupDescription: aws.String("all")}
	for _, subnet := range network.Subnets {
		subnets.SubnetIds = append(subnets.SubnetIds, *subnet.SubnetId)
	}
	client := rds.NewFromConfig(config)
	_, err = client.CreateDBSubnetGroup(ctx, subnets)
	check(tb, err)
	_, err = client.CreateDBCluster(ctx, &rds.CreateDBClusterInput{
		DBClusterIdentifier: &identifier, Engine: aws.String("aurora-postgresql"), DBSubnetGroupName: &identifier,
		MasterUsername: aws.String("peakline"), MasterUserPassword: aws.String("not-a-secret"),
		PreferredMaintenanceWindow: farWindow(),
	})
	check(tb, err)
	for _, name := range []string{"writer", "one", "two"} {
		Instance(tb, config, identifier, identifier+"-"+name)
	}
	return identifier
}

// Instance adds an instance to a cluster.
func Instance(tb testing.TB, config aws.Config, cluster, identifier string, tags ...types.Tag) {
	tb.Helper()
	_, err := rds.NewFromConfig(config).CreateDBInstance(context.Background(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &identifier, DBClusterIdentifier: &cluster, Engine: aws.String("aurora-postgresql"),
		DBInstanceClass: aws.String("db.r8g.large"), AvailabilityZone: aws.String("us-east-1b"), PromotionTier: aws.Int32(2), Tags: tags,
		PreferredMaintenanceWindow: farWindow(),
	})
	check(tb, err)
}

// farWindow is a maintenance window days away: around one the scaler deletes nothing, whatever the day of the test.
func farWindow() *string {
	day := strings.ToLower(time.Now().UTC().AddDate(0, 0, 3).Weekday().String()[:3])
	return aws.String(day + ":03:00-" + day + ":03:30")
}

// Deploy writes an environment's policy, as the template does.
func Deploy(tb testing.TB, config aws.Config, environment string, policy decision.Policy) {
	tb.Helper()
	text, err := json.Marshal(policy)
	check(tb, err)
	_, err = ssm.NewFromConfig(config).PutParameter(context.Background(), &ssm.PutParameterInput{
		Name: aws.String(contract.PolicyParameter(environment)), Value: aws.String(string(text)),
		Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	})
	check(tb, err)
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
