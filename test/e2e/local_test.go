package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticache"
	elasticachetypes "github.com/aws/aws-sdk-go-v2/service/elasticache/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const fallback = "Could not create a change set"

// TestLocal follows an environment through its life: deployed, redeployed, changed, failed, destroyed.
func TestLocal(t *testing.T) {
	account := startEmulator(t)
	shipped := readFile(t, filepath.Join(repository, "config", "environments", "local.yaml"))
	assembly := account.synth(t, shipped)
	account.mustCDK(t, "bootstrap", "aws://123456789012/"+region)
	deploy := []string{"deploy", "local/*", "--require-approval", "never", "--concurrency", "4", "--app"}
	account.mustCDK(t, append(deploy, assembly)...)

	step(t, "the cluster has one writer and readers in zones of their own", func(t *testing.T) {
		cluster := account.cluster(t)
		zones := account.zones(t)
		var writers []string
		for _, member := range cluster.DBClusterMembers {
			if aws.ToBool(member.IsClusterWriter) {
				writers = append(writers, aws.ToString(member.DBInstanceIdentifier))
			}
		}
		if len(writers) != 1 || len(cluster.DBClusterMembers) != 3 {
			t.Errorf("writers %v of %d members, want one of three", writers, len(cluster.DBClusterMembers))
		}
		if len(zones) != len(cluster.DBClusterMembers) {
			t.Errorf("members in zones %v: one zone's failure would take two of them", zones)
		}
	})

	step(t, "the cluster is encrypted with a key of its own, demands TLS and lets IAM in", func(t *testing.T) {
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

	step(t, "the cache is encrypted, lets its users in and nobody else, and is where the services are told", func(t *testing.T) {
		group := account.caches(t)[0]
		if !aws.ToBool(group.TransitEncryptionEnabled) || !aws.ToBool(group.AtRestEncryptionEnabled) || !slices.Contains(account.liveKeys(t), keyID(group.KmsKeyId)) {
			t.Errorf("TLS %v, encryption %v with key %s, want both with a live customer key", aws.ToBool(group.TransitEncryptionEnabled), aws.ToBool(group.AtRestEncryptionEnabled), aws.ToString(group.KmsKeyId))
		}
		users, err := elasticache.NewFromConfig(account.config()).DescribeUsers(t.Context(), &elasticache.DescribeUsersInput{})
		if err != nil {
			t.Fatal(err)
		}
		rights := map[string]string{}
		for _, user := range users.Users {
			rights[aws.ToString(user.UserId)] = aws.ToString(user.AccessString)
		}
		for _, purpose := range []string{"sessions", "products", "rateLimits"} {
			if access := rights["peakline-local-"+strings.ToLower(purpose)]; !strings.HasPrefix(access, "on ~"+purpose+":* -@all ") {
				t.Errorf("the user for %s has the rights %q", purpose, access)
			}
			told, err := ssm.NewFromConfig(account.config()).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/peakline/local/caches/" + purpose + "/url")})
			if err != nil {
				t.Fatal(err)
			}
			if want := "rediss://" + aws.ToString(group.NodeGroups[0].PrimaryEndpoint.Address) + ":6379"; aws.ToString(told.Parameter.Value) != want {
				t.Errorf("services reach %s at %s, want %s", purpose, aws.ToString(told.Parameter.Value), want)
			}
		}
		if rights["peakline-local-default"] != "off -@all" {
			t.Errorf("the default user has the rights %q, want none", rights["peakline-local-default"])
		}
	})

	step(t, "people sign in to a pool with pages of its own, and neither application has a secret", func(t *testing.T) {
		account.peopleSignIn(t)
	})

	step(t, "the assets are private, versioned and logged, and what was replaced is archived", func(t *testing.T) {
		account.assetsAreKept(t)
	})

	step(t, "one distribution serves pages from the bucket, and the API from the load balancer over HTTPS", func(t *testing.T) {
		account.shopIsServed(t)
	})

	step(t, "firewalls are in front of both, and record", func(t *testing.T) {
		account.firewallsAreInFront(t)
	})

	step(t, "the shop's names lead to CloudFront, and one to the load balancer", func(t *testing.T) {
		account.namesLeadToTheShop(t)
	})

	step(t, "both distributions are logged, without cookies", func(t *testing.T) {
		account.visitsAreLogged(t)
	})

	step(t, "each service has a login for its work and one for migrations, which rotate", func(t *testing.T) { checkLogins(t, account) })

	step(t, "the network has public, private and isolated subnets in three zones", func(t *testing.T) {
		vpc := account.vpcs(t)[0]
		subnets, err := ec2.NewFromConfig(account.config()).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{
			Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		byZone := map[string]int{}
		for _, subnet := range subnets.Subnets {
			byZone[aws.ToString(subnet.AvailabilityZone)]++
		}
		for zone, count := range byZone {
			if count != 3 {
				t.Errorf("zone %s has %d subnets, want three", zone, count)
			}
		}
		if len(byZone) != 3 {
			t.Errorf("subnets in zones %v, want three zones", byZone)
		}
	})

	step(t, "every alarm tells somebody", func(t *testing.T) {
		pages, there := cloudwatch.NewDescribeAlarmsPaginator(cloudwatch.NewFromConfig(account.config()), &cloudwatch.DescribeAlarmsInput{}), 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, alarm := range page.MetricAlarms {
				if strings.HasPrefix(aws.ToString(alarm.AlarmName), "local-") { // the others are those of scaling policies, made by AWS
					there++
				}
				window := strings.HasSuffix(aws.ToString(alarm.AlarmName), "-long") || strings.HasSuffix(aws.ToString(alarm.AlarmName), "-short")
				if window && strings.HasPrefix(aws.ToString(alarm.AlarmName), "local-slo-") {
					continue // one of two, for which a composite alarm speaks, that moto does not have
				}
				if len(alarm.AlarmActions) == 0 {
					t.Errorf("alarm %s fires in silence", aws.ToString(alarm.AlarmName))
				}
			}
		}
		if want := alarmsOfTemplates(t, "../golden/local"); there != want {
			t.Errorf("the account has %d alarms, the templates have %d", there, want)
		}
	})

	step(t, "the dashboards are there, and name what the account has", func(t *testing.T) {
		client := cloudwatch.NewFromConfig(account.config())
		listed, err := client.ListDashboards(t.Context(), &cloudwatch.ListDashboardsInput{DashboardNamePrefix: aws.String("local-")})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range listed.DashboardEntries {
			names = append(names, strings.TrimPrefix(aws.ToString(entry.DashboardName), "local-"))
			got, err := client.GetDashboard(t.Context(), &cloudwatch.GetDashboardInput{DashboardName: entry.DashboardName})
			if err != nil {
				t.Fatal(err)
			}
			var body struct{ Widgets []any }
			if err := json.Unmarshal([]byte(aws.ToString(got.DashboardBody)), &body); err != nil || len(body.Widgets) == 0 || strings.Contains(aws.ToString(got.DashboardBody), "${Token") {
				t.Errorf("the dashboard %s shows nothing (%v)", aws.ToString(entry.DashboardName), err)
			}
		}
		slices.Sort(names)
		if want := []string{"cache", "database", "edge", "messaging", "overview", "releases", "sale-day", "services"}; !slices.Equal(names, want) {
			t.Errorf("the account has the dashboards %v, want %v", names, want)
		}
	})

	step(t, "log groups keep their lines for a while, not for ever", func(t *testing.T) {
		groups := account.logGroups(t)
		if len(groups) == 0 {
			t.Error("the account has no log groups")
		}
		for name, retentionDays := range groups {
			if retentionDays == 0 {
				t.Errorf("log group %s keeps everything for ever", name)
			}
		}
	})

	step(t, "a second deployment changes nothing", func(t *testing.T) {
		output := account.mustCDK(t, append(deploy, assembly)...)
		if strings.Contains(output, "_IN_PROGRESS") || !strings.Contains(output, "(no changes)") {
			t.Errorf("an unchanged app was deployed again:\n%s", output)
		}
	})

	step(t, "cdk diff finds no differences, through a change set", func(t *testing.T) {
		output := account.mustCDK(t, "diff", "local/*", "--app", assembly)
		if !strings.Contains(output, "Number of stacks with differences: 0") || strings.Contains(output, fallback) {
			t.Errorf("want no differences by a change set:\n%s", output)
		}
	})

	changed := edit(t, shipped,
		"database:\n", "cache: {replicas: 1}\n\ndatabase:\n  backup: {retentionDays: 7, plan: {dailyDays: 30}}\n",
		"    two: {zone: us-east-1c}\n", "    two: {zone: us-east-1c}\n    three: {zone: us-east-1b}\n")

	step(t, "a changed file reaches the account", func(t *testing.T) {
		before, cached := members(account.cluster(t)), account.caches(t)[0]
		assembly := account.synth(t, changed)
		output := account.mustCDK(t, "diff", "local/*", "--app", assembly)
		if !strings.Contains(output, "BackupRetentionPeriod") || strings.Contains(output, fallback) {
			t.Errorf("the change set does not show the change:\n%s", output)
		}
		account.mustCDK(t, append(deploy, assembly)...)
		cluster := account.cluster(t)
		if got := aws.ToInt32(cluster.BackupRetentionPeriod); got != 7 {
			t.Errorf("backups are kept for %d days, want 7", got)
		}
		after := members(cluster)
		if len(after) != 4 || !containsAll(after, before) {
			t.Errorf("members %v became %v: a new reader must not touch the others", before, after)
		}
		account.backedUpDaily(t)
		group := account.caches(t)[0]
		if len(group.MemberClusters) != 2 || group.MultiAZ != elasticachetypes.MultiAZStatusEnabled {
			t.Errorf("the cache has the nodes %v, multi-AZ %s, want two in different zones", group.MemberClusters, group.MultiAZ)
		}
		if was, is := cached.NodeGroups[0].PrimaryEndpoint.Address, group.NodeGroups[0].PrimaryEndpoint.Address; aws.ToString(was) != aws.ToString(is) {
			t.Errorf("a replica more moved the cache from %s to %s", aws.ToString(was), aws.ToString(is))
		}
	})

	step(t, "a failed deployment rolls back and says why", func(t *testing.T) {
		before := members(account.cluster(t))
		failing := edit(t, changed,
			"retentionDays: 7", "retentionDays: 9",
			"    three: {zone: us-east-1b}\n", "    three: {zone: us-east-1b}\n    four: {zone: us-east-1c}\n")
		output, err := account.cdk(t, append(deploy, account.synth(t, failing))...)
		if err == nil || !strings.Contains(output, "InstanceQuotaExceeded") || !strings.Contains(output, "ReaderFour") {
			t.Errorf("want a failure that names the reader and the quota, error %v:\n%s", err, output)
		}
		cluster := account.cluster(t)
		if got := aws.ToInt32(cluster.BackupRetentionPeriod); got != 7 {
			t.Errorf("backups are kept for %d days after the roll-back, want 7 as before", got)
		}
		if after := members(cluster); !slices.Equal(before, after) {
			t.Errorf("members %v became %v, want those from before", before, after)
		}
	})

	step(t, "cdk destroy leaves nothing of the environment", func(t *testing.T) {
		account.mustCDK(t, "destroy", "local/*", "--force", "--app", assembly)
		for what, left := range map[string][]string{
			"VPCs":          account.vpcs(t),
			"clusters":      account.clusters(t),
			"instances":     account.instances(t),
			"keys":          account.liveKeys(t),
			"log groups":    keys(account.logGroups(t)),
			"caches":        cacheIDs(account.caches(t)),
			"buckets":       account.buckets(t),
			"distributions": account.distributions(t),
			"firewalls":     account.firewalls(t),
			"user pools":    account.userPools(t),
		} {
			if len(left) > 0 {
				t.Errorf("%s left behind: %v", what, left)
			}
		}
	})
}

// step runs one part of a life; the parts after a failed one would only report its consequences.
func step(t *testing.T, name string, body func(t *testing.T)) {
	t.Helper()
	if !t.Run(name, body) {
		t.FailNow()
	}
}

func (e emulator) cluster(t *testing.T) rdstypes.DBCluster {
	t.Helper()
	found, err := rds.NewFromConfig(e.config()).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.DBClusters) != 1 {
		t.Fatalf("the account has %d clusters, want one", len(found.DBClusters))
	}
	return found.DBClusters[0]
}

func (e emulator) clusters(t *testing.T) (identifiers []string) {
	t.Helper()
	found, err := rds.NewFromConfig(e.config()).DescribeDBClusters(t.Context(), &rds.DescribeDBClustersInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range found.DBClusters {
		identifiers = append(identifiers, aws.ToString(cluster.DBClusterIdentifier))
	}
	return identifiers
}

func (e emulator) describeInstances(t *testing.T) []rdstypes.DBInstance {
	t.Helper()
	found, err := rds.NewFromConfig(e.config()).DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return found.DBInstances
}

func (e emulator) instances(t *testing.T) (identifiers []string) {
	t.Helper()
	for _, instance := range e.describeInstances(t) {
		identifiers = append(identifiers, aws.ToString(instance.DBInstanceIdentifier))
	}
	return identifiers
}

// zones are those that have a database instance.
func (e emulator) zones(t *testing.T) map[string]bool {
	t.Helper()
	zones := map[string]bool{}
	for _, instance := range e.describeInstances(t) {
		zones[aws.ToString(instance.AvailabilityZone)] = true
	}
	return zones
}

func (e emulator) clusterParameter(t *testing.T, cluster rdstypes.DBCluster, name string) string {
	t.Helper()
	found, err := rds.NewFromConfig(e.config()).DescribeDBClusterParameters(t.Context(), &rds.DescribeDBClusterParametersInput{
		DBClusterParameterGroupName: cluster.DBClusterParameterGroup,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, parameter := range found.Parameters {
		if aws.ToString(parameter.ParameterName) == name {
			return aws.ToString(parameter.ParameterValue)
		}
	}
	return ""
}

// vpcs leaves out the default VPC, which every account has.
func (e emulator) vpcs(t *testing.T) (ids []string) {
	t.Helper()
	found, err := ec2.NewFromConfig(e.config()).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, vpc := range found.Vpcs {
		if !aws.ToBool(vpc.IsDefault) {
			ids = append(ids, aws.ToString(vpc.VpcId))
		}
	}
	return ids
}

// liveKeys are the customer keys that are not about to be deleted.
func (e emulator) liveKeys(t *testing.T) (ids []string) {
	t.Helper()
	client := kms.NewFromConfig(e.config())
	listed, err := client.ListKeys(t.Context(), &kms.ListKeysInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range listed.Keys {
		found, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: key.KeyId})
		if err != nil {
			t.Fatal(err)
		}
		if found.KeyMetadata.KeyState == kmstypes.KeyStateEnabled && found.KeyMetadata.KeyManager == kmstypes.KeyManagerTypeCustomer {
			ids = append(ids, aws.ToString(key.KeyId))
		}
	}
	return ids
}

// logGroups maps names to days of retention, 0 for ever.
func (e emulator) logGroups(t *testing.T) map[string]int32 {
	t.Helper()
	found, err := cloudwatchlogs.NewFromConfig(e.config()).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int32{}
	for _, group := range found.LogGroups {
		groups[aws.ToString(group.LogGroupName)] = aws.ToInt32(group.RetentionInDays)
	}
	return groups
}

// backedUpDaily checks that a plan takes a backup into a vault and deletes it after the thirty days of the file.
func (e emulator) backedUpDaily(t *testing.T) {
	t.Helper()
	client := backup.NewFromConfig(e.config())
	plans, err := client.ListBackupPlans(t.Context(), &backup.ListBackupPlansInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range plans.BackupPlansList {
		plan, err := client.GetBackupPlan(t.Context(), &backup.GetBackupPlanInput{BackupPlanId: listed.BackupPlanId})
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range plan.BackupPlan.Rules {
			if rule.Lifecycle != nil && aws.ToInt64(rule.Lifecycle.DeleteAfterDays) == 30 {
				return
			}
		}
	}
	t.Error("no backup plan keeps daily backups for thirty days")
}

func members(cluster rdstypes.DBCluster) (identifiers []string) {
	for _, member := range cluster.DBClusterMembers {
		identifiers = append(identifiers, aws.ToString(member.DBInstanceIdentifier))
	}
	slices.Sort(identifiers)
	return identifiers
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

func keys(groups map[string]int32) (names []string) {
	for name := range groups {
		names = append(names, name)
	}
	return names
}

// keyID is the last part of a key's ARN.
func keyID(arn *string) string {
	_, id, _ := strings.Cut(aws.ToString(arn), ":key/")
	return id
}

// edit replaces parts of a file; a part that is not there means that the file has moved on and the test has not.
func edit(t *testing.T, file string, oldAndNew ...string) string {
	t.Helper()
	for pair := range slices.Chunk(oldAndNew, 2) {
		if !strings.Contains(file, pair[0]) {
			t.Fatalf("the environment file has no %q any more", pair[0])
		}
		file = strings.Replace(file, pair[0], pair[1], 1)
	}
	return file
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (e emulator) caches(t *testing.T) []elasticachetypes.ReplicationGroup {
	t.Helper()
	found, err := elasticache.NewFromConfig(e.config()).DescribeReplicationGroups(t.Context(), &elasticache.DescribeReplicationGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	return found.ReplicationGroups
}

func cacheIDs(groups []elasticachetypes.ReplicationGroup) []string {
	var ids []string
	for _, group := range groups {
		ids = append(ids, aws.ToString(group.ReplicationGroupId))
	}
	return ids
}

// alarmsOfTemplates counts the alarms of golden templates.
func alarmsOfTemplates(t *testing.T, folder string) (count int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var template struct {
			Resources map[string]struct{ Type string }
		}
		if err := json.Unmarshal(text, &template); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, resource := range template.Resources {
			if resource.Type == "AWS::CloudWatch::Alarm" {
				count++
			}
		}
	}
	return count
}
