package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// login is what Secrets Manager holds of a login: what its tags and its value say.
type login struct {
	schema, access string
	secret         *secretsmanager.DescribeSecretOutput
	value          map[string]any
}

// logins are the secrets with the tags that the rotation makes roles for.
func (e emulator) logins(t *testing.T) []login {
	t.Helper()
	client := secretsmanager.NewFromConfig(e.config())
	var found []login
	pages := secretsmanager.NewListSecretsPaginator(client, &secretsmanager.ListSecretsInput{
		Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{"peakline:schema"}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, listed := range page.SecretList {
			secret, err1 := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: listed.ARN})
			value, err2 := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: listed.ARN})
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			l := login{secret: secret}
			for _, tag := range secret.Tags {
				switch aws.ToString(tag.Key) {
				case "peakline:schema":
					l.schema = aws.ToString(tag.Value)
				case "peakline:access":
					l.access = aws.ToString(tag.Value)
				}
			}
			if err := json.Unmarshal([]byte(aws.ToString(value.SecretString)), &l.value); err != nil {
				t.Fatalf("%s is no JSON: %v", aws.ToString(listed.Name), err)
			}
			found = append(found, l)
		}
	}
	return found
}

// checkLogins proves that each service of the catalogue has its two logins, and nobody else has one.
func checkLogins(t *testing.T, account emulator) {
	cluster := account.cluster(t)
	rotations := map[string]bool{}
	names := map[string]bool{}
	passwords := map[any]bool{}
	for _, l := range account.logins(t) {
		role := l.schema + "_" + l.access
		names[role], passwords[l.value["password"]] = true, true
		for key, want := range map[string]any{
			"username": role, "dbname": "peakline", "engine": "postgres", "host": aws.ToString(cluster.Endpoint), "port": float64(aws.ToInt32(cluster.Port)),
		} {
			if l.value[key] != want {
				t.Errorf("the login %s has %s %v, want %v: the rotation would refuse it, or the service not find the database", role, key, l.value[key], want)
			}
		}
		master, err := secretsmanager.NewFromConfig(account.config()).DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(fmt.Sprint(l.value["masterarn"]))})
		if err != nil || aws.ToString(master.RotationLambdaARN) == aws.ToString(l.secret.RotationLambdaARN) {
			t.Errorf("the login %s names the master's secret %v (%v), want that of the cluster, which another function rotates", role, l.value["masterarn"], err)
		}
		if !aws.ToBool(l.secret.RotationEnabled) || l.secret.RotationRules == nil || aws.ToInt64(l.secret.RotationRules.AutomaticallyAfterDays) != 30 {
			t.Errorf("the login %s rotates by %v, want every 30 days", role, l.secret.RotationRules)
		}
		rotations[aws.ToString(l.secret.RotationLambdaARN)] = true
		if !slices.Contains(account.liveKeys(t), keyID(l.secret.KmsKeyId)) {
			t.Errorf("the login %s is encrypted with %s, want a live customer key", role, aws.ToString(l.secret.KmsKeyId))
		}
	}
	var want []string
	for _, schema := range schemas {
		want = append(want, schema+"_migration", schema+"_service")
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(names)); !slices.Equal(got, want) || len(passwords) != len(want) {
		t.Errorf("logins %v with %d passwords, want %v, each with its own", got, len(passwords), want)
	}
	if len(rotations) != 1 || rotations[""] {
		t.Errorf("functions %v rotate the logins, want one", slices.Collect(maps.Keys(rotations)))
	}
}
