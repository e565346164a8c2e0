package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// removalPolicy retains by default, so that forgetting to say what a resource is worth cannot lose data.
func removalPolicy(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// namedRemovalPolicy is for retained resources with a fixed name: one that a failed deployment has just made is deleted
// again, or the next attempt would find its name taken.
func namedRemovalPolicy(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
}

// pendingWindowDays is how long KMS waits before it destroys a deleted key: 7 days is AWS's minimum, 30 its maximum.
func pendingWindowDays(disposable bool) int {
	if disposable {
		return 7
	}
	return 30
}
