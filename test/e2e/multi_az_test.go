package e2e

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// TestMultiAZ deploys the database of the environment local on RDS for PostgreSQL instead of Aurora: one value of the file
// more, and what only Aurora has left out.
func TestMultiAZ(t *testing.T) {
	account := startEmulator(t)
	file := edit(t, readFile(t, filepath.Join(repository, "config", "environments", "local.yaml")),
		"  writer: {instanceClass: db.t4g.medium, zone: us-east-1a}\n  readers:\n    one: {zone: us-east-1b}\n    two: {zone: us-east-1c}\n",
		"  engine: rds-postgres\n  writer: {instanceClass: db.r6gd.large}\n")
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := []string{"deploy", "local/DatabaseAccess", "local/ReplicaScaler", "--require-approval", "never", "--concurrency", "4", "--app"}
	assembly := account.synth(t, file)
	account.mustCDK(t, append(deploy, assembly)...)

	step(t, "a writer and two readable standbys have a zone and a volume each", func(t *testing.T) {
		cluster := account.cluster(t)
		if engine := aws.ToString(cluster.Engine); engine != "postgres" {
			t.Errorf("the engine is %s", engine)
		}
		var members []string
		for _, member := range cluster.DBClusterMembers {
			members = append(members, aws.ToString(member.DBInstanceIdentifier))
		}
		slices.Sort(members)
		if want := []string{"peakline-local-instance-1", "peakline-local-instance-2", "peakline-local-instance-3"}; !slices.Equal(members, want) {
			t.Errorf("members %v, want %v: the alarms watch those names", members, want)
		}
		if zones := account.zones(t); len(zones) != 3 {
			t.Errorf("members in zones %v, want three", zones)
		}
		if aws.ToInt32(cluster.AllocatedStorage) != 100 || aws.ToInt32(cluster.Iops) != 3000 || aws.ToString(cluster.StorageType) != "gp3" {
			t.Errorf("storage of %d GiB, %d operations a second, type %s", aws.ToInt32(cluster.AllocatedStorage), aws.ToInt32(cluster.Iops), aws.ToString(cluster.StorageType))
		}
	})

	step(t, "it is encrypted with a key of its own, demands TLS and lets IAM in, as Aurora does", func(t *testing.T) {
		cluster := account.cluster(t)
		if !aws.ToBool(cluster.StorageEncrypted) || !slices.Contains(account.liveKeys(t), keyID(cluster.KmsKeyId)) {
			t.Errorf("storage key %s is not a live customer key", aws.ToString(cluster.KmsKeyId))
		}
		if got := account.clusterParameter(t, cluster, "rds.force_ssl"); got != "1" {
			t.Errorf("rds.force_ssl is %q: clients could connect in clear text", got)
		}
		if !aws.ToBool(cluster.IAMDatabaseAuthenticationEnabled) {
			t.Error("IAM database authentication is off")
		}
	})

	step(t, "nothing changes without a change", func(t *testing.T) {
		if output := account.mustCDK(t, append(deploy, assembly)...); strings.Contains(output, "UPDATE_COMPLETE") {
			t.Errorf("a second deployment changed something:\n%s", output)
		}
	})

	step(t, "more storage changes the cluster in place", func(t *testing.T) {
		before := aws.ToString(account.cluster(t).DbClusterResourceId)
		account.mustCDK(t, append(deploy, account.synth(t, edit(t, file, "  engine: rds-postgres\n", "  engine: rds-postgres\n  storage: {gibibytes: 200}\n")))...)
		cluster := account.cluster(t)
		if aws.ToInt32(cluster.AllocatedStorage) != 200 || aws.ToString(cluster.DbClusterResourceId) != before {
			t.Errorf("%d GiB on %s, want 200 on %s", aws.ToInt32(cluster.AllocatedStorage), aws.ToString(cluster.DbClusterResourceId), before)
		}
	})

	step(t, "another engine is stopped before it is deployed: it would be another database", func(t *testing.T) {
		aurora := account.synth(t, readFile(t, filepath.Join(repository, "config", "environments", "local.yaml")))
		command := exec.Command("go", "run", "./cmd/peakline", "diff", "-old", assembly, "-new", aurora)
		command.Dir = repository
		text, err := command.CombinedOutput()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !strings.Contains(string(text), "exit status 3") {
			t.Fatalf("peakline diff: %v\n%s", err, text)
		}
		for _, lost := range []string{"MultiAzCluster", "MultiAzMasterSecret", "MultiAzKey"} {
			if !regexp.MustCompile(lost + `\w* .*deletes-stateful|deletes-stateful .*` + lost).Match(text) {
				t.Errorf("it does not say that %s would be deleted:\n%s", lost, text)
			}
		}
	})

	step(t, "destroying it leaves no cluster and no member", func(t *testing.T) {
		account.mustCDK(t, "destroy", "local/*", "--force", "--app", assembly)
		if left := append(account.clusters(t), account.instances(t)...); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}
