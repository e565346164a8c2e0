package test

import (
	"slices"
	"strings"
)

// servedAtOnce are the storage classes that answer without a restore. https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
var servedAtOnce = []string{"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"}

// deepArchiveTiers are those of Intelligent-Tiering that need a restore, and which a bucket switches on.
const deepArchiveTiers = "IntelligentTieringConfigurations"

var storageRequirements = []requirement{
	{row: "E1", name: "there is one bucket of assets, private and with its own access log",
		check: func(a *assembly, fail failure) {
			bucket := a.assets()
			if !bucket.exists() {
				fail("there is no bucket of assets")
				return
			}
			for _, block := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
				if bucket.get("PublicAccessBlockConfiguration/"+block) != true {
					fail("%s does not have %s: one careless policy would publish everything in it", bucket, block)
				}
			}
			if got := bucket.text("OwnershipControls/Rules/0/ObjectOwnership"); got != "BucketOwnerEnforced" {
				fail("%s has ownership %q: an uploaded file could carry an access list of its own", bucket, got)
			}
			logs := a.target(bucket, "LoggingConfiguration/DestinationBucketName")
			if logs.kind != "AWS::S3::Bucket" || logs.is(bucket) {
				fail("%s logs its readers to %s, want a bucket of its own for that", bucket, logs)
			}
			if got, want := logs.number("LifecycleConfiguration/Rules/0/ExpirationInDays"), a.environment.Storage.LogRetentionDays; got != float64(want) {
				fail("%s keeps logs for %v days, want %d", logs, got, want)
			}
			written := slices.ContainsFunc(a.bucketStatements(logs), func(s statement) bool {
				return s.allows() && slices.Contains(s.principals(), "logging.s3.amazonaws.com") && slices.Contains(s.actions(), "s3:PutObject") &&
					a.mentions(s.stack, s.condition(), bucket)
			})
			if !written {
				fail("%s does not let S3 write the log of %s: it would stay empty", logs, bucket)
			}
		}},
	{row: "E1", name: "replaced and deleted files can be brought back: archived after 90 days, gone when the environment says",
		check: func(a *assembly, fail failure) {
			bucket := a.assets()
			if bucket.text("VersioningConfiguration/Status") != "Enabled" {
				fail("%s keeps no versions: a bad upload could not be undone", bucket)
			}
			archived, expired := false, false
			for _, rule := range bucket.list("LifecycleConfiguration/Rules") {
				if dig(rule, "Status") != "Enabled" || dig(rule, "Prefix") != nil || dig(rule, "TagFilters") != nil {
					continue
				}
				for _, transition := range asList(dig(rule, "NoncurrentVersionTransitions")) {
					archived = archived || dig(transition, "StorageClass") == "GLACIER" && dig(transition, "TransitionInDays") == float64(90)
				}
				expired = expired || dig(rule, "NoncurrentVersionExpiration/NoncurrentDays") == float64(a.environment.Storage.NoncurrentDays)
			}
			if !archived || !expired {
				fail("%s does not archive replaced files after 90 days (%v) and drop them after %d (%v): they are billed in full, or for ever",
					bucket, archived, a.environment.Storage.NoncurrentDays, expired)
			}
		}},
	{row: "E1", name: "no current file expires or goes where it would have to be restored before a visitor sees it",
		check: func(a *assembly, fail failure) {
			bucket := a.assets()
			if bucket.get(deepArchiveTiers) != nil {
				fail("%s switches on archive tiers, from which nothing is served", bucket)
			}
			for _, rule := range bucket.list("LifecycleConfiguration/Rules") {
				for _, expiration := range []string{"ExpirationInDays", "ExpirationDate"} {
					if dig(rule, expiration) != nil {
						fail("%s deletes current files (%s): pages would vanish", bucket, expiration)
					}
				}
				for _, transition := range append(asList(dig(rule, "Transitions")), asList(dig(rule, "Transition"))...) {
					if class, _ := dig(transition, "StorageClass").(string); !slices.Contains(servedAtOnce, class) {
						fail("%s moves current files to %s: visitors would get errors until they are restored", bucket, class)
					}
				}
			}
		}},
	{row: "E1", name: "assets travel over TLS 1.2 or newer only",
		check: func(a *assembly, fail failure) {
			refused := slices.ContainsFunc(a.bucketStatements(a.assets()), func(s statement) bool {
				return s.body["Effect"] == "Deny" && slices.Contains(s.principals(), "*") && dig(s.condition(), "NumericLessThan/s3:TlsVersion") == 1.2
			})
			if !refused {
				fail("%s accepts TLS 1.0 and 1.1", a.assets())
			}
		}},
}

// assets is the bucket of pages and assets.
func (a *assembly) assets() resource {
	for _, bucket := range a.all("AWS::S3::Bucket") {
		if strings.HasSuffix(bucket.text("BucketName"), "-assets-"+a.environment.Account) {
			return bucket
		}
	}
	return resource{}
}

// bucketStatements are those of a bucket's policy.
func (a *assembly) bucketStatements(bucket resource) []statement {
	var found []statement
	for _, policy := range a.all("AWS::S3::BucketPolicy") {
		if a.target(policy, "Bucket").is(bucket) {
			found = append(found, statementsOf(policy, policy.get("PolicyDocument"))...)
		}
	}
	return found
}
