package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"peakline/config"
	"peakline/constructs"
)

// BackupCopy is the stack, in the second region, of the vault that survives the loss of the first.
type BackupCopy struct {
	Stack awscdk.Stack
	// VaultARN is spelled out rather than referenced: CloudFormation has no references between regions.
	VaultARN string
}

// NewBackupCopy makes the vault.
func NewBackupCopy(stage awscdk.Stage, environment config.Environment) *BackupCopy {
	region := environment.Database.Backup.CopyRegion
	stack := newStackIn(stage, "BackupCopy", region, "copies of the backups of "+environment.Region, environment)
	name := "peakline-" + environment.Name + "-copy"
	constructs.NewBackupVault(stack, "Copy", constructs.BackupVaultProps{
		Name:       name,
		Lock:       vaultLock(environment),
		Unwatched:  "backup-copy-failed tells it where the copy comes from",
		Disposable: disposable(environment),
	})
	return &BackupCopy{
		Stack:    stack,
		VaultARN: fmt.Sprintf("arn:aws:backup:%s:%s:backup-vault:%s", region, environment.Account, name),
	}
}

// vaultLock is nil where the environment has none.
func vaultLock(environment config.Environment) *constructs.VaultLock {
	lock := environment.Database.Backup.VaultLock
	if lock.Mode == config.LockNone {
		return nil
	}
	return &constructs.VaultLock{
		MinRetentionDays:    lock.MinDays,
		MaxRetentionDays:    lock.MaxDays,
		ComplianceAfterDays: lock.Compliance.GraceDays,
	}
}
