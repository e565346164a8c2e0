package image

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"peakline/cmd/peakline/internal/account"
	"peakline/lambda/contract"
)

// registryOfECR is a private one.
type registryOfECR struct{ owner, region string }

var registryName = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com$`)

func registryOf(image name.Reference) (registryOfECR, bool) {
	parts := registryName.FindStringSubmatch(image.Context().RegistryStr())
	if parts == nil {
		return registryOfECR{}, false
	}
	return registryOfECR{owner: parts[1], region: parts[2]}, true
}

// account is the one of the environment whose repository keeps the image.
func (r registryOfECR) account(ctx context.Context, image name.Reference, profile string) (aws.Config, error) {
	environment := contract.EnvironmentOfRepository(image.Context().RepositoryStr())
	return account.Load(ctx, account.Place{Environment: environment, Region: r.region, Profile: profile})
}

// login is the way into the registry of an image: a token of ECR, and elsewhere what Docker has stored.
func login(ctx context.Context, image name.Reference, profile string) ([]remote.Option, error) {
	r, inECR := registryOf(image)
	if !inECR {
		return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}, nil
	}
	loaded, err := r.account(ctx, image, profile)
	if err != nil {
		return nil, err
	}
	if account.Emulated(loaded) {
		return nil, fmt.Errorf("log in to %s: the emulated account knows the names of images, and keeps none", image.Context().RegistryStr())
	}
	credentials, err := token(ctx, ecr.NewFromConfig(loaded))
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", image.Context().RegistryStr(), err)
	}
	return []remote.Option{remote.WithContext(ctx), remote.WithAuth(credentials)}, nil
}

func token(ctx context.Context, client *ecr.Client) (authn.Authenticator, error) {
	given, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return nil, err
	}
	if len(given.AuthorizationData) == 0 {
		return nil, errors.New("ECR gave no token")
	}
	text, err := base64.StdEncoding.DecodeString(aws.ToString(given.AuthorizationData[0].AuthorizationToken))
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return nil, errors.New("ECR gave a token that is not user:password")
	}
	return &authn.Basic{Username: user, Password: password}, nil
}

// fetched is an image in a registry.
type fetched struct {
	v1.Image
	digest   v1.Hash
	platform string
	bytes    int64
}

// fetch looks an image up. An index of several images is none: what is scanned and what is run might differ.
func fetch(ctx context.Context, image name.Reference, profile string) (*fetched, error) {
	options, err := login(ctx, image, profile)
	if err != nil {
		return nil, err
	}
	return fetchWith(image, options)
}

func fetchWith(image name.Reference, options []remote.Option) (*fetched, error) {
	found, err := remote.Get(image, options...)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", image, err)
	}
	if found.MediaType.IsIndex() {
		return nil, fmt.Errorf("%s is an index of several images, want one image for linux/arm64: build with --platform linux/arm64 --provenance=false", image)
	}
	content, err := found.Image()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", image, err)
	}
	manifest, err := content.Manifest()
	if err != nil {
		return nil, fmt.Errorf("read the manifest of %s: %w", image, err)
	}
	settings, err := content.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration of %s: %w", image, err)
	}
	f := &fetched{Image: content, digest: found.Digest, platform: settings.OS + "/" + settings.Architecture, bytes: manifest.Config.Size}
	for _, layer := range manifest.Layers {
		f.bytes += layer.Size
	}
	return f, nil
}

// megabyte is ECR's, a million bytes.
const megabyte = 1_000_000

func (f *fetched) String() string {
	return fmt.Sprintf("%s, %.1f MB, %s", f.platform, float64(f.bytes)/megabyte, f.digest)
}

// judge refuses what the platform does not run, and what weighs too much. The weight is what travels at the start of every task:
// compressed, as ECR counts it.
func (f *fetched) judge(maxMegabytes int) error {
	switch {
	case f.platform != "linux/arm64":
		return fmt.Errorf("it is built for %s, want linux/arm64: build with --platform linux/arm64", f.platform)
	case f.bytes > int64(maxMegabytes)*megabyte:
		return fmt.Errorf("it weighs %.1f MB compressed, want at most %d: every task that starts has to fetch it", float64(f.bytes)/megabyte, maxMegabytes)
	}
	return nil
}

// save writes the image as an OCI layout.
func (f *fetched) save(folder string) error {
	path, err := layout.Write(folder, empty.Index)
	if err == nil {
		err = path.AppendImage(f.Image)
	}
	if err != nil {
		return fmt.Errorf("save the image to %s: %w", folder, err)
	}
	return nil
}

// transfer brings an image under another name, and tells what it did. The digest stays: what was scanned is what is run. A name
// that another image has is left alone.
func transfer(ctx context.Context, from name.Reference, fromProfile string, to name.Reference, toProfile string) (string, error) {
	source, err := fetch(ctx, from, fromProfile)
	if err != nil {
		return "", err
	}
	options, err := login(ctx, to, toProfile)
	if err != nil {
		return "", err
	}
	there, err := remote.Head(to, options...)
	var failed *transport.Error
	switch {
	case err == nil && there.Digest == source.digest:
		return fmt.Sprintf("%s is there already: %s", to, source.digest), nil
	case err == nil:
		return "", fmt.Errorf("%s is another image already, %s: release %s from a commit of its own", to, there.Digest, source.digest)
	case !errors.As(err, &failed) || failed.StatusCode != http.StatusNotFound:
		return "", fmt.Errorf("look up %s: %w", to, err)
	}
	if err := remote.Write(to, source.Image, options...); err != nil {
		return "", fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return fmt.Sprintf("%s is %s", to, source.digest), nil
}
