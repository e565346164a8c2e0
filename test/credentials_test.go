package test

import (
	"slices"
	"strings"
)

var credentialRequirements = []requirement{
	{row: "D6", name: "the master password is generated in Secrets Manager, encrypted, and nowhere in a template",
		check: func(a *assembly, fail failure) {
			secret := a.masterSecret()
			if secret.kind != "AWS::SecretsManager::Secret" {
				fail("the master password does not come from a secret of ours: it is in the template, or nobody knows it")
				return
			}
			if secret.number("GenerateSecretString/PasswordLength") < 30 || secret.get("SecretString") != nil {
				fail("%s does not generate a long password: it could be guessed, or read in the template", secret)
			}
			if a.target(secret, "KmsKeyId").kind != "AWS::KMS::Key" {
				fail("%s is not encrypted with a customer's key", secret)
			}
			if reference := a.resolve(a.cluster().stack, a.cluster().get("MasterUserPassword")); !strings.HasPrefix(reference, "{{resolve:secretsmanager:") {
				fail("%s has its password from %q, want a reference that CloudFormation resolves", a.cluster(), reference)
			}
		}},
	{row: "D6", name: "the secret says where to connect",
		check: func(a *assembly, fail failure) {
			for _, attachment := range a.all("AWS::SecretsManager::SecretTargetAttachment") {
				if a.target(attachment, "SecretId").is(a.masterSecret()) && a.target(attachment, "TargetId").is(a.cluster()) &&
					attachment.text("TargetType") == "AWS::RDS::DBCluster" {
					return
				}
			}
			fail("the master secret is not attached to the cluster: rotation and operators would not know the host")
		}},
	{row: "D6", name: "IAM authentication is on, so that people need no password",
		check: func(a *assembly, fail failure) {
			if !a.cluster().isSet("EnableIAMDatabaseAuthentication") {
				fail("%s has IAM authentication off: people would share a password", a.cluster())
			}
		}},
}

// masterSecret is what the cluster's master password is resolved from.
func (a *assembly) masterSecret() resource {
	cluster := a.cluster()
	for _, secret := range a.all("AWS::SecretsManager::Secret") {
		if a.mentions(cluster.stack, cluster.get("MasterUserPassword"), secret) {
			return secret
		}
	}
	return resource{}
}

// rotations are the rotation schedules of a secret or of its attachment.
func (a *assembly) rotations(secret resource) []resource {
	return slices.DeleteFunc(a.all("AWS::SecretsManager::RotationSchedule"), func(schedule resource) bool {
		of := a.target(schedule, "SecretId")
		return !of.is(secret) && !a.target(of, "SecretId").is(secret)
	})
}
