package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/urfave/cli/v3"
)

// newRegistry is a registry that keeps what is pushed to it, and the host by which images are named in it.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// built is an image for a platform with one layer of some bytes, which do not compress.
func built(t *testing.T, system, architecture string, size int64) v1.Image {
	t.Helper()
	image, err := random.Image(size, 1)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	settings.OS, settings.Architecture = system, architecture
	image, err = mutate.ConfigFile(image, settings)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func push(t *testing.T, to string, image v1.Image) string {
	t.Helper()
	reference, err := name.ParseReference(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// peakline runs the subcommand with rules for images, and gives what it wrote and its exit code.
func peakline(t *testing.T, rules string, arguments ...string) (output string, code int, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "delivery.yaml")
	text := `{account: "444444444444", region: eu-west-1, owner: platform, repository: example/peakline, environments: [{name: dev}],
connectionArn: "arn:aws:codeconnections:eu-west-1:444444444444:connection/00000000-0000-0000-0000-000000000000", services: {order: {repository: example/order}}, images: ` + rules + "}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	command := &cli.Command{Name: "peakline", Writer: &out, Commands: []*cli.Command{Command()}, ExitErrHandler: func(context.Context, *cli.Command, error) {}}
	if arguments[0] != "copy" {
		arguments = append(arguments, "-delivery", file)
	}
	err = command.Run(t.Context(), append([]string{"peakline", "image"}, arguments...))
	var coder cli.ExitCoder
	if errors.As(err, &coder) {
		code = coder.ExitCode()
	} else if err != nil {
		code = 1
	}
	return out.String(), code, err
}

func TestAnImageIsCheckedBeforeItIsReleased(t *testing.T) {
	host := newRegistry(t)
	index, err := random.Index(10, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(host + "/order:index")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(reference, index); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, tag, says string
		image           v1.Image
		code            int
	}{
		{"what the platform runs", "good", ": linux/arm64, ", built(t, "linux", "arm64", 1000), 0},
		{"another processor", "amd64", "it is built for linux/amd64, want linux/arm64", built(t, "linux", "amd64", 1000), exitRefused},
		{"another system", "windows", "it is built for windows/arm64", built(t, "windows", "arm64", 1000), exitRefused},
		{"just light enough", "light", ", 10.0 MB, sha256:", built(t, "linux", "arm64", 9_990_000), 0},
		{"too heavy", "heavy", "it weighs 10.0 MB compressed, want at most 10", built(t, "linux", "arm64", 10_000_000), exitRefused},
		{"several images in one", "index", "is an index of several images", nil, 1},
		{"no image", "none", "look up", nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.image != nil {
				push(t, host+"/order:"+c.tag, c.image)
			}
			output, code, err := peakline(t, "{maxMegabytes: 10}", "check", host+"/order:"+c.tag)
			if err != nil {
				output += err.Error()
			}
			if code != c.code || !strings.Contains(output, c.says) {
				t.Errorf("ends with %d and says %q, want %d and %q", code, output, c.code, c.says)
			}
		})
	}
}

func TestASavedImageIsTheOneInTheRegistry(t *testing.T) {
	host, folder := newRegistry(t), filepath.Join(t.TempDir(), "image")
	digest := push(t, host+"/order:1", built(t, "linux", "arm64", 1000))
	if _, _, err := peakline(t, "{}", "check", host+"/order:1", "-save", folder); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest.String() != digest {
		t.Errorf("%v: the folder holds %+v, want %s alone", err, manifest, digest)
	}
}

func TestACopyIsTheVeryImage(t *testing.T) {
	from, to := newRegistry(t), newRegistry(t)
	source, target := from+"/peakline-dev/order:abc", to+"/peakline-prod/order:abc"
	digest := push(t, source, built(t, "linux", "arm64", 1000))
	for _, c := range []struct{ name, to, says string }{
		{"to another registry", target, target + " is " + digest},
		{"again, as a step that is repeated does", target, target + " is there already: " + digest},
		{"to where it is, as in the first environment", source, source + " is there already: " + digest},
	} {
		output, _, err := peakline(t, "{}", "copy", source, c.to)
		if err != nil || strings.TrimSpace(output) != c.says {
			t.Errorf("%s: %v, %q, want %q", c.name, err, output, c.says)
		}
	}
	other := push(t, from+"/peakline-dev/order:other", built(t, "linux", "arm64", 1000))
	if _, code, err := peakline(t, "{}", "copy", from+"/peakline-dev/order:other", target); code != 1 || !strings.Contains(err.Error(), "is another image already, "+digest) {
		t.Errorf("%v: a tag that %s has was given to %s", err, digest, other)
	}
	reference, _ := name.ParseReference(target)
	if there, err := remote.Head(reference); err != nil || there.Digest.String() != digest {
		t.Errorf("%v: %s is %v, want %s still", err, target, there, digest)
	}
	if _, code, _ := peakline(t, "{}", "copy", from+"/peakline-dev/order:none", to+"/peakline-prod/order:none"); code != 1 {
		t.Error("an image that is not there was copied")
	}
}

func TestAnImageIsNamedInFull(t *testing.T) {
	for _, arguments := range [][]string{{"check"}, {"check", "order"}, {"check", "a/order:1", "a/order:2"}, {"copy", "a.example/order:1"}, {"check", "a.example/Order:1"}} {
		if _, code, err := peakline(t, "{}", arguments...); code != 1 || err == nil {
			t.Errorf("%v: %v, want a mistake", arguments, err)
		}
	}
	image, err := name.ParseReference("111111111111.dkr.ecr.eu-west-1.amazonaws.com/peakline-dev/order:1")
	if err != nil {
		t.Fatal(err)
	}
	if found, inECR := registryOf(image); !inECR || found != (registryOfECR{owner: "111111111111", region: "eu-west-1"}) {
		t.Errorf("%s is in %+v (%t)", image, found, inECR)
	}
	for _, elsewhere := range []string{"111111111111.dkr.ecr.eu-west-1.amazonaws.com.example.com/order:1", "x111111111111.dkr.ecr.eu-west-1.amazonaws.com/order:1", "docker.io/library/order:1"} {
		image, err := name.ParseReference(elsewhere)
		if err != nil {
			t.Fatal(err)
		}
		if _, inECR := registryOf(image); inECR {
			t.Errorf("%s would be told a token of ECR", elsewhere)
		}
	}
}

func TestTheImagesOfTheEmulatedAccountAreNotLookedForInAWS(t *testing.T) {
	const image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/peakline-local/order:1"
	for _, arguments := range [][]string{{"check", image}, {"copy", image, image}} {
		if _, code, err := peakline(t, "{}", arguments...); code != 1 || !strings.Contains(err.Error(), "the emulated account") {
			t.Errorf("%v: %v, want word that there is no image", arguments, err)
		}
	}
}
