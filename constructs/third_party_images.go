package constructs

// ThirdPartyImage is a container image that is not built by us.
type ThirdPartyImage struct {
	// Repository and Tag name the image; Tag alone is a promise of its publisher.
	Repository, Tag string
	// Digest pins the content, "sha256:…". Empty where it could not be verified.
	Digest string
	// Source is where the image is built from, and Verified where its digest was read.
	Source, Verified string
}

// Reference is the image as a task definition names it: by digest where there is one.
func (i ThirdPartyImage) Reference() string {
	if i.Digest != "" {
		return i.Repository + "@" + i.Digest
	}
	return i.Repository + ":" + i.Tag
}

// placeholder serves until a service has an image of its own: it answers every path with 200 and a fixed text, and
// reflects nothing of the request. It runs as user 65532 and writes no file. It is never renewed, see NewReleasedImage.
var placeholder = ThirdPartyImage{
	Repository: "docker.io/hashicorp/http-echo",
	Tag:        "1.0.0",
	Source:     "https://github.com/hashicorp/http-echo/blob/v1.0.0/Dockerfile",
}

// pgbouncer is Debian's build of PgBouncer from PostgreSQL's own repository, for arm64 too. Of what is in it the pooler needs
// pgbouncer itself, a shell and Debian's essential programs. It is made for the operator CloudNativePG and runs as any user.
var pgbouncer = ThirdPartyImage{
	Repository: "ghcr.io/cloudnative-pg/pgbouncer",
	Tag:        "1.25.2",
	Source:     "https://github.com/cloudnative-pg/pgbouncer-containers",
}

// collector is AWS's distribution of the OpenTelemetry collector. Its image has no shell; /healthcheck asks the collector's
// own health check.
var collector = ThirdPartyImage{
	Repository: "public.ecr.aws/aws-observability/aws-otel-collector",
	Tag:        "v0.49.0",
	Source:     "https://github.com/aws-observability/aws-otel-collector/blob/v0.49.0/cmd/awscollector/Dockerfile",
}

// flagAgent is AWS's AppConfig agent. AWS publishes no tag of a single version to rely on, only that of the major one.
// https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-integration-containers-agent-starting-ecs.html
var flagAgent = ThirdPartyImage{
	Repository: "public.ecr.aws/aws-appconfig/aws-appconfig-agent",
	Tag:        "2.x",
	Source:     "https://gallery.ecr.aws/aws-appconfig/aws-appconfig-agent",
}

// GoImage and NodeImage are what the pipelines build and deploy in: Debian with a compiler, git and make, for arm64 too.
var (
	GoImage = ThirdPartyImage{
		Repository: "public.ecr.aws/docker/library/golang",
		Tag:        "1.26-trixie",
		Source:     "https://github.com/docker-library/golang",
	}
	NodeImage = ThirdPartyImage{
		Repository: "public.ecr.aws/docker/library/node",
		Tag:        "24-trixie",
		Source:     "https://github.com/nodejs/docker-node",
	}
)

// DockerImage is CodeBuild's own image, with Docker and the AWS CLI, for arm64. CodeBuild keeps it up to date under this tag.
// https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html
var DockerImage = ThirdPartyImage{
	Repository: "aws/codebuild/amazonlinux-aarch64-standard",
	Tag:        "3.0",
	Source:     "https://github.com/aws/aws-codebuild-docker-images/tree/master/al/aarch64/standard/3.0",
}

// ThirdPartyImages lists all of them. One without a digest could not be verified and is known by its tag alone.
var ThirdPartyImages = map[string]ThirdPartyImage{
	"placeholder": placeholder,
	"pgbouncer":   pgbouncer,
	"collector":   collector,
	"flags":       flagAgent,
	"go":          GoImage,
	"node":        NodeImage,
	"docker":      DockerImage,
}
