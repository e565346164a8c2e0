package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/urfave/cli/v3"

	"peakline/cmd/peakline/internal/account"
)

// Brought tells, before a release begins, whether the image that its command names is where tasks would fetch it: without it they
// would not start, and the release would end after minutes.
func Brought(ctx context.Context, command *cli.Command) error {
	image, err := name.ParseReference(command.String("image"), name.StrictValidation)
	if err != nil {
		return fmt.Errorf("-image: %w; want its full name and a tag or digest", err)
	}
	r, inECR := registryOf(image)
	if !inECR {
		return nil // the tasks find it, or nobody can tell beforehand
	}
	loaded, err := account.Open(ctx, command)
	if err != nil {
		return err
	}
	loaded.Region = r.region
	return r.has(ctx, ecr.NewFromConfig(loaded), image)
}

func (r registryOfECR) has(ctx context.Context, client *ecr.Client, image name.Reference) error {
	_, err := client.DescribeImages(ctx, &ecr.DescribeImagesInput{
		RegistryId: aws.String(r.owner), RepositoryName: aws.String(image.Context().RepositoryStr()), ImageIds: []types.ImageIdentifier{identifier(image)},
	})
	var noImage *types.ImageNotFoundException
	var noRepository *types.RepositoryNotFoundException
	switch {
	case errors.As(err, &noImage):
		return fmt.Errorf("%s is not in its repository: push it first, or copy it there with peakline image copy", image)
	case errors.As(err, &noRepository):
		return fmt.Errorf("%s: there is no such repository; is it the environment's own, and deployed?", image)
	case err != nil:
		return fmt.Errorf("look for %s: %w", image, err)
	}
	return nil
}

// identifier is how ECR's calls name an image.
func identifier(image name.Reference) types.ImageIdentifier {
	if digest, isDigest := image.(name.Digest); isDigest {
		return types.ImageIdentifier{ImageDigest: aws.String(digest.DigestStr())}
	}
	return types.ImageIdentifier{ImageTag: aws.String(image.Identifier())}
}
