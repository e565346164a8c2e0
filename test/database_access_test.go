package test

import (
	"encoding/json"
	"slices"
	"strings"

	"peakline/config"
	"peakline/lambda/contract"
)

// accesses are the logins that each service with a database has.
func accesses(e config.Environment) []contract.Access {
	if e.UsesProxy() {
		return []contract.Access{contract.ServiceAccess, contract.MigrationAccess, contract.ProxyAccess}
	}
	return []contract.Access{contract.ServiceAccess, contract.MigrationAccess}
}

var databaseAccessRequirements = []requirement{
	{row: "D6", name: "each service with a database has a login for its work, one for migrations and, behind an RDS Proxy, one for the proxy, generated, encrypted, and to its own schema only",
		check: func(a *assembly, fail failure) {
			wanted := 0
			for _, name := range a.environment.DatabaseServices() {
				schema := a.environment.Services[name].Database.Schema
				for _, access := range accesses(a.environment) {
					wanted++
					secret := a.login(schema, access)
					if !secret.exists() {
						fail("%s has no secret for %s: nobody could log in to schema %s", name, access, schema)
						continue
					}
					if secret.number("GenerateSecretString/PasswordLength") < 30 || secret.get("SecretString") != nil {
						fail("%s does not generate a long password: it could be guessed, or read in the template", secret)
					}
					if a.target(secret, "KmsKeyId").kind != "AWS::KMS::Key" {
						fail("%s is not encrypted with a customer's key", secret)
					}
					var value struct{ Username, Dbname, MasterARN string }
					if err := json.Unmarshal([]byte(a.resolve(secret.stack, secret.get("GenerateSecretString/SecretStringTemplate"))), &value); err != nil {
						fail("%s has a template that is no JSON: %v", secret, err)
					}
					if want := schema + "_" + string(access); value.Username != want || value.Dbname != "peakline" {
						fail("%s is for %s in %s, want %s in peakline: the rotation would refuse it", secret, value.Username, value.Dbname, want)
					}
					if !a.mentions(secret.stack, secret.get("GenerateSecretString/SecretStringTemplate"), a.attachment(a.masterSecret())) {
						fail("%s does not name the master's secret: nobody could make its role", secret)
					}
				}
			}
			if got := len(a.logins()); got != wanted {
				fail("%d secrets are logins to schemas, want %d: one is for a schema that no service has", got, wanted)
			}
		}},
	{row: "D6", name: "a login says where to connect, and its first rotation, at deployment, makes its role",
		check: func(a *assembly, fail failure) {
			for _, secret := range a.logins() {
				attachment := a.attachment(secret)
				if !a.target(attachment, "TargetId").is(a.cluster()) || attachment.text("TargetType") != "AWS::RDS::DBCluster" {
					fail("%s is not attached to the cluster: services would not know the host", secret)
				}
				for _, schedule := range a.rotations(secret) {
					if schedule.get("RotateImmediatelyOnUpdate") != true {
						fail("%s does not rotate at deployment: its role would be missing for a month", secret)
					}
					if !a.target(schedule, "SecretId").is(attachment) {
						fail("%s may rotate before %s: the rotation would not know the host", schedule, attachment)
					}
				}
			}
		}},
	{row: "D6", name: "the logins stand apart from the database, so that a service that comes or goes does not touch its stack",
		check: func(a *assembly, fail failure) {
			for _, secret := range a.logins() {
				if secret.stack == a.cluster().stack {
					fail("%s is in the stack of the cluster", secret)
				}
				key := a.target(secret, "KmsKeyId")
				if key.is(a.target(a.masterSecret(), "KmsKeyId")) {
					fail("%s has the key of the master's secret: whoever may read the one could decrypt the other", secret)
				}
			}
		}},
	{row: "D6", name: "whoever makes the logins reads the master's secret and does not change it",
		check: func(a *assembly, fail failure) {
			for _, secret := range a.logins() {
				for _, schedule := range a.rotations(secret) {
					role := a.target(a.target(schedule, "RotationLambdaARN"), "Role")
					reads := false
					for _, s := range a.statements(role) {
						for _, target := range s.resources() {
							if !s.allows() || !a.isSecret(a.masterSecret(), a.targetOf(s.stack, target)) {
								continue
							}
							if !slices.Equal(s.actions(), []string{"secretsmanager:GetSecretValue"}) {
								fail("%s may %v the master's secret", s.where, s.actions())
							}
							reads = true
						}
					}
					if !reads {
						fail("%s may not read the master's secret: no role would ever be made", role)
					}
					if !a.decrypts(role, a.target(a.masterSecret(), "KmsKeyId")) {
						fail("%s cannot decrypt the master's secret: no role would ever be made", role)
					}
				}
			}
		}},
}

// logins are the secrets that the rotation makes roles for.
func (a *assembly) logins() []resource {
	return slices.DeleteFunc(a.all("AWS::SecretsManager::Secret"), func(secret resource) bool {
		return secret.tag("peakline:schema") == "" && secret.tag("peakline:access") == ""
	})
}

// login is the one with this access to this schema.
func (a *assembly) login(schema string, access contract.Access) resource {
	var found []resource
	for _, secret := range a.logins() {
		if secret.tag("peakline:schema") == schema && secret.tag("peakline:access") == string(access) {
			found = append(found, secret)
		}
	}
	if len(found) != 1 {
		return resource{}
	}
	return found[0]
}

// attachment is what writes the database's address into a secret.
func (a *assembly) attachment(secret resource) resource {
	for _, attachment := range a.all("AWS::SecretsManager::SecretTargetAttachment") {
		if a.target(attachment, "SecretId").is(secret) {
			return attachment
		}
	}
	return resource{}
}

// isSecret tells whether a reference leads to a secret, by itself or through its attachment.
func (a *assembly) isSecret(secret, target resource) bool {
	return target.is(secret) || target.exists() && target.is(a.attachment(secret))
}

func (a *assembly) decrypts(role, key resource) bool {
	for _, s := range a.statements(role) {
		if s.allows() && slices.Contains(s.actions(), "kms:Decrypt") && slices.ContainsFunc(s.resources(), func(target any) bool {
			return a.targetOf(s.stack, target).is(key)
		}) {
			return true
		}
	}
	return false
}

// isLogin tells the schedules of logins.
func isLogin(a *assembly, schedule resource) bool {
	return slices.ContainsFunc(a.logins(), func(secret resource) bool {
		return slices.ContainsFunc(a.rotations(secret), schedule.is)
	})
}

// hasLogin tells the secrets of logins.
func hasLogin(_ *assembly, secret resource) bool { return strings.Contains(secret.id, "Login") }
