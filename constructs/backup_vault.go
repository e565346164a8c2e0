package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbackup"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// VaultLock keeps everyone, administrators included, from shortening the life of recovery points.
type VaultLock struct {
	// MinRetentionDays and MaxRetentionDays bound how long a recovery point may be kept; a job outside them fails.
	MinRetentionDays, MaxRetentionDays int
	// ComplianceAfterDays makes the lock immutable for ever after that many days (at least 3). Zero is governance mode:
	// whoever holds backup:DeleteBackupVaultLockConfiguration can still lift it.
	ComplianceAfterDays int
}

// BackupVaultProps describes a vault with a key of its own. AWS Backup encrypts copies from another region or account with
// it; snapshots of Aurora that are made in the same account keep the cluster's key.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
type BackupVaultProps struct {
	// Name is the physical name; a vault that receives copies from another region needs one to be found by.
	Name string
	// Lock is nil for a vault without one.
	Lock *VaultLock
	// Unwatched says why no alarm watches the vault; empty where one does.
	Unwatched string
	// Disposable lets the vault be deleted with the stack once it is empty. By default it is retained.
	Disposable bool
}

// NewBackupVault makes a vault.
func NewBackupVault(scope construct.Construct, id string, props BackupVaultProps) awsbackup.BackupVault {
	scope = construct.NewConstruct(scope, jsii.String(id))
	vault := awsbackup.NewBackupVault(scope, jsii.String("Vault"), &awsbackup.BackupVaultProps{
		BackupVaultName: jsii.String(props.Name),
		EncryptionKey: NewEncryptionKey(scope, "Key", EncryptionKeyProps{
			Description: "Recovery points in the vault " + props.Name,
			Disposable:  props.Disposable,
		}),
		LockConfiguration: lockConfiguration(props.Lock),
		RemovalPolicy:     namedRemovalPolicy(props.Disposable),
	})
	if props.Unwatched != "" {
		unwatched(vault.Node().DefaultChild(), props.Unwatched)
	}
	return vault
}

func lockConfiguration(lock *VaultLock) *awsbackup.LockConfiguration {
	if lock == nil {
		return nil
	}
	configuration := &awsbackup.LockConfiguration{
		MinRetention: awscdk.Duration_Days(jsii.Number(lock.MinRetentionDays)),
		MaxRetention: awscdk.Duration_Days(jsii.Number(lock.MaxRetentionDays)),
	}
	if lock.ComplianceAfterDays > 0 {
		configuration.ChangeableFor = awscdk.Duration_Days(jsii.Number(lock.ComplianceAfterDays))
	}
	return configuration
}
