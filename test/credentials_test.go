package test

import (
	"fmt"
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
	{row: "D6", name: "every secret but third parties' and the caches' rotates as often as configured, with a function of ours, and the master's not just because of a deployment",
		check: func(a *assembly, fail failure) {
			for _, secret := range a.all("AWS::SecretsManager::Secret") {
				schedules := a.rotations(secret)
				if a.isThirdParty(secret) || isOriginSecret(secret) || inCache(a, secret) {
					continue // only they can issue another, and C1 speaks of the caches'
				}
				if len(schedules) != 1 {
					fail("%s has %d rotation schedules, want one: a password that leaked stays good for ever", secret, len(schedules))
				}
				for _, schedule := range schedules {
					if want := fmt.Sprintf("rate(%d days)", a.environment.Database.CredentialRotationDays); schedule.text("RotationRules/ScheduleExpression") != want {
						fail("%s rotates at %v, want %s", secret, schedule.get("RotationRules"), want)
					}
					if secret.is(a.masterSecret()) && schedule.get("RotateImmediatelyOnUpdate") != false {
						fail("%s rotates with the deployment that changes it: the one-off tasks that read it before would be refused", secret)
					}
					if a.target(schedule, "RotationLambdaARN").kind != "AWS::Lambda::Function" {
						fail("%s has no function of ours to rotate it", secret)
					}
					for name, member := range a.members() {
						if schedule.stack == member.stack && !slices.Contains(texts(schedule.body["DependsOn"]), member.id) {
							fail("%s does not wait for the instance %s: the first rotation would find no database", schedule, name)
						}
					}
				}
			}
		}},
	{row: "D6", name: "only Secrets Manager of this account may call the rotation, and the rotation reaches only its secrets, through them their keys, and the database",
		check: func(a *assembly, fail failure) {
			for _, schedule := range a.all("AWS::SecretsManager::RotationSchedule") {
				if inCache(a, schedule) {
					continue
				}
				function := a.target(schedule, "RotationLambdaARN")
				secret := a.target(schedule, "SecretId")
				callers := 0
				for _, permission := range a.all("AWS::Lambda::Permission") {
					if !a.target(permission, "FunctionName").is(function) {
						continue
					}
					callers++
					if permission.text("Principal") != "secretsmanager.amazonaws.com" || a.resolve(permission.stack, permission.get("SourceAccount")) != permission.stack.account {
						fail("%s lets %s of %v call the rotation", permission, permission.text("Principal"), permission.get("SourceAccount"))
					}
				}
				if callers == 0 {
					fail("Secrets Manager may not call %s: no password would ever change", function)
				}
				writes := false
				for _, s := range a.statements(a.target(function, "Role")) {
					for _, action := range s.actions() {
						if strings.HasPrefix(action, "kms:") && dig(s.condition(), "StringEquals/kms:ViaService") != "secretsmanager."+s.stack.region+".amazonaws.com" {
							fail("%s allows %s beyond what Secrets Manager asks: whoever holds the function could use the key for other data", s.where, action)
						}
						if !strings.HasPrefix(action, "secretsmanager:") || action == "secretsmanager:GetRandomPassword" {
							continue
						}
						for _, target := range s.resources() {
							named := a.targetOf(s.stack, target)
							writes = writes || action == "secretsmanager:PutSecretValue" && named.is(secret)
							reads := action == "secretsmanager:GetSecretValue" && a.isSecret(a.masterSecret(), named)
							if !reads && !slices.ContainsFunc(a.rotatedBy(function), named.is) {
								fail("%s allows %s on %s, want the secrets that it rotates only", s.where, action, a.resolve(s.stack, target))
							}
						}
					}
				}
				if !writes {
					fail("%s may not write %s", function, secret)
				}
				for _, id := range function.list("VpcConfig/SecurityGroupIds") {
					if !a.targetOf(function.stack, id).is(a.securityGroup("Administration")) {
						fail("%s is in a security group that does not reach the database, or reaches more", function)
					}
				}
				for _, id := range function.list("VpcConfig/SubnetIds") {
					if subnet := a.targetOf(function.stack, id); subnet.tag("aws-cdk:subnet-name") != private {
						fail("%s runs in %s: it could not reach Secrets Manager", function, subnet)
					}
				}
				if len(function.list("VpcConfig/SubnetIds")) < 2 {
					fail("%s is not in the VPC, or in one zone of it: it could not reach the database", function)
				}
			}
		}},
	{row: "D6", name: "a rotation that fails is told",
		check: func(a *assembly, fail failure) {
			for _, schedule := range a.all("AWS::SecretsManager::RotationSchedule") {
				if inCache(a, schedule) {
					continue
				}
				alarm := a.alarm("database-secret-rotation")
				if isLogin(a, schedule) {
					alarm = a.alarm("database-access")
				}
				if len(metricsOf(alarm)) != 1 || metricsOf(alarm)[0].name != "Errors" ||
					!a.targetOf(alarm.stack, metricsOf(alarm)[0].dimensions["FunctionName"]).is(a.target(schedule, "RotationLambdaARN")) {
					fail("%s does not watch the rotation of %s: it fails unseen until the password is needed", alarm, schedule)
				}
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

// rotatedBy are the secrets, or their attachments, that a function rotates.
func (a *assembly) rotatedBy(function resource) []resource {
	var secrets []resource
	for _, schedule := range a.all("AWS::SecretsManager::RotationSchedule") {
		if a.target(schedule, "RotationLambdaARN").is(function) {
			secrets = append(secrets, a.target(schedule, "SecretId"))
		}
	}
	return secrets
}
