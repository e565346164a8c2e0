package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"peakline/config"
	"peakline/constructs"
)

// Storage is the stack of the buckets.
type Storage struct {
	Stack awscdk.Stack
}

// NewStorage makes the bucket of pages and assets, and the one of its access logs.
func NewStorage(stage awscdk.Stage, environment config.Environment) *Storage {
	stack := newStack(stage, "Storage", "pages and assets, and who read them", environment)
	logs := constructs.NewLogBucket(stack, "AccessLogs", constructs.LogBucketProps{
		RetentionDays: environment.Storage.LogRetentionDays,
		Disposable:    disposable(environment),
	})
	assets := constructs.NewAssetBucket(stack, "Assets", constructs.AssetBucketProps{
		Name:           assetBucketName(environment),
		NoncurrentDays: environment.Storage.NoncurrentDays,
		AccessLogs:     logs,
		Served:         environment.HasEdge(),
		Disposable:     disposable(environment),
	})
	awscdk.NewCfnOutput(stack, jsii.String("AssetBucket"), &awscdk.CfnOutputProps{Value: assets.BucketName()})
	return &Storage{Stack: stack}
}

// assetBucketName has the account in it because the names of buckets are those of all accounts of the world.
func assetBucketName(environment config.Environment) string {
	return "peakline-" + environment.Name + "-assets-" + environment.Account
}
