package e2e

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// assets is the bucket of pages and assets.
const assets = "peakline-local-assets-123456789012"

func (e emulator) s3() *s3.Client {
	return s3.NewFromConfig(e.config(), func(options *s3.Options) { options.UsePathStyle = true })
}

// buckets leaves out that of the CDK's bootstrap, which belongs to no environment.
func (e emulator) buckets(t *testing.T) (names []string) {
	t.Helper()
	found, err := e.s3().ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range found.Buckets {
		if name := aws.ToString(bucket.Name); !strings.HasPrefix(name, "cdk-") {
			names = append(names, name)
		}
	}
	return names
}

func (e emulator) assetsAreKept(t *testing.T) {
	t.Helper()
	client, bucket := e.s3(), aws.String(assets)
	block, err := client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if !aws.ToBool(block.PublicAccessBlockConfiguration.RestrictPublicBuckets) {
		t.Error("a policy could publish the bucket")
	}
	versions, err := client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if versions.Status != s3types.BucketVersioningStatusEnabled {
		t.Errorf("versioning is %q", versions.Status)
	}
	logging, err := client.GetBucketLogging(t.Context(), &s3.GetBucketLoggingInput{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	if logging.LoggingEnabled == nil {
		t.Error("nobody logs who reads assets")
	}
	life, err := client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: bucket})
	if err != nil {
		t.Fatal(err)
	}
	rule := life.Rules[0]
	if len(rule.Transitions) > 0 || rule.Expiration != nil && rule.Expiration.Days != nil {
		t.Errorf("current files move to %v or expire (%v)", rule.Transitions, rule.Expiration)
	}
	if archived := rule.NoncurrentVersionTransitions; len(archived) != 1 || archived[0].StorageClass != s3types.TransitionStorageClassGlacier || aws.ToInt32(archived[0].NoncurrentDays) != 90 {
		t.Errorf("replaced files move to %v, want Glacier after 90 days", archived)
	}
}
