package image

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"

	"peakline/config"
	"peakline/test/emulated"
)

var today = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// scans answers one question after the other; the last answer stays.
type scans struct {
	answers []any // an error, or a list of pages
	asked   []ecr.DescribeImageScanFindingsInput
}

func (s *scans) DescribeImageScanFindings(_ context.Context, in *ecr.DescribeImageScanFindingsInput, _ ...func(*ecr.Options)) (*ecr.DescribeImageScanFindingsOutput, error) {
	s.asked = append(s.asked, *in)
	answer := s.answers[0]
	if err, failed := answer.(error); failed {
		s.next()
		return nil, err
	}
	pages := answer.([]*ecr.DescribeImageScanFindingsOutput)
	page := 0
	if in.NextToken != nil {
		page = len(*in.NextToken)
	}
	if page == len(pages)-1 {
		s.next()
	}
	return pages[page], nil
}

func (s *scans) next() {
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
}

func status(status types.ScanStatus, findings ...types.ImageScanFinding) []*ecr.DescribeImageScanFindingsOutput {
	return []*ecr.DescribeImageScanFindingsOutput{{ImageScanStatus: &types.ImageScanStatus{Status: status, Description: aws.String("as it is")},
		ImageScanFindings: &types.ImageScanFindings{Findings: findings}}}
}

func basic(name string, severity types.FindingSeverity) types.ImageScanFinding {
	return types.ImageScanFinding{Name: &name, Severity: severity, Attributes: []types.Attribute{
		{Key: aws.String("package_version"), Value: aws.String("1.2")}, {Key: aws.String("package_name"), Value: aws.String("openssl")}}}
}

func TestTheGateWaitsForTheScan(t *testing.T) {
	two := append(status(types.ScanStatusComplete, basic("CVE-1", "HIGH")), status(types.ScanStatusComplete, basic("CVE-2", "LOW"))...)
	two[0].NextToken = aws.String("1")
	enhanced := status(types.ScanStatusActive)
	enhanced[0].ImageScanFindings.EnhancedFindings = []types.EnhancedImageScanFinding{
		{Severity: aws.String("CRITICAL"), Status: aws.String("ACTIVE"), Title: aws.String("CVE-3 - curl"), PackageVulnerabilityDetails: &types.PackageVulnerabilityDetails{
			VulnerabilityId: aws.String("CVE-3"), VulnerablePackages: []types.VulnerablePackage{{Name: aws.String("curl"), Version: aws.String("8.1")}}}},
		{Severity: aws.String("CRITICAL"), Status: aws.String("CLOSED"), Title: aws.String("CVE-4")},
	}
	for _, c := range []struct {
		name    string
		answers []any
		want    []finding
		fails   bool
	}{
		{"it has found nothing", []any{status(types.ScanStatusComplete)}, nil, false},
		{"it has not begun, then runs, then ends", []any{&types.ScanNotFoundException{}, status(types.ScanStatusPending), status(types.ScanStatusInProgress), status(types.ScanStatusComplete, basic("CVE-1", "HIGH"))},
			[]finding{{"CVE-1", "HIGH", "1.2 openssl"}}, false},
		{"its findings fill two pages", []any{two}, []finding{{"CVE-1", "HIGH", "1.2 openssl"}, {"CVE-2", "LOW", "1.2 openssl"}}, false},
		{"Amazon Inspector scans", []any{enhanced}, []finding{{"CVE-3", "CRITICAL", "curl 8.1"}}, false},
		{"ECR does not know the system of the image", []any{status(types.ScanStatusUnsupportedImage)}, []finding{{"UNSUPPORTED_IMAGE", "CRITICAL", "as it is"}}, false},
		{"it failed", []any{status(types.ScanStatusFailed)}, []finding{{"FAILED", "CRITICAL", "as it is"}}, false},
		{"nobody may read it", []any{errors.New("AccessDenied")}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			account := &scans{answers: c.answers}
			image, err := name.ParseReference("111111111111.dkr.ecr.eu-west-1.amazonaws.com/peakline-dev/order:abc")
			if err != nil {
				t.Fatal(err)
			}
			in, _ := registryOf(image)
			found, err := scanner{account, time.Millisecond}.wait(t.Context(), in, image)
			if (err != nil) != c.fails || !slices.Equal(found, c.want) {
				t.Errorf("found %v, %v, want %v", found, err, c.want)
			}
			for _, asked := range account.asked {
				if *asked.RegistryId != "111111111111" || *asked.RepositoryName != "peakline-dev/order" || aws.ToString(asked.ImageId.ImageTag) != "abc" {
					t.Errorf("asked for %s of %s in %s", aws.ToString(asked.ImageId.ImageTag), *asked.RepositoryName, *asked.RegistryId)
				}
			}
		})
	}
}

func TestAScanThatNeverEndsEndsTheWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	image, err := name.ParseReference("111111111111.dkr.ecr.eu-west-1.amazonaws.com/peakline-dev/order@sha256:" + strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	account := &scans{answers: []any{status(types.ScanStatusPending)}}
	if _, err := (scanner{account, time.Hour}).wait(ctx, registryOfECR{}, image); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the end of the wait", err)
	}
	if got := aws.ToString(account.asked[0].ImageId.ImageDigest); !strings.HasPrefix(got, "sha256:0") {
		t.Errorf("asked for %q, want the image by its digest", got)
	}
}

func TestAFindingStopsAnImageUnlessAWaiverLetsItPass(t *testing.T) {
	waiver := config.ImageWaiver{Service: "order", Finding: "CVE-1", Reason: "the function is never called", Expires: "2026-11-22"}
	for _, c := range []struct {
		name, failOn, service string
		found                 []finding
		waivers               []config.ImageWaiver
		at                    time.Time
		stopping, waived      int
	}{
		{"nothing was found", "high", "order", nil, nil, today, 0, 0},
		{"mild ones pass", "high", "order", []finding{{"CVE-1", "MEDIUM", ""}, {"CVE-2", "UNTRIAGED", ""}}, nil, today, 0, 0},
		{"the severity that is named stops", "medium", "order", []finding{{"CVE-1", "MEDIUM", ""}}, nil, today, 1, 0},
		{"a worse one does too", "high", "order", []finding{{"CVE-1", "CRITICAL", ""}, {"CVE-2", "HIGH", ""}}, nil, today, 2, 0},
		{"critical alone", "critical", "order", []finding{{"CVE-1", "CRITICAL", ""}, {"CVE-2", "HIGH", ""}}, nil, today, 1, 0},
		{"a waiver", "high", "order", []finding{{"CVE-1", "CRITICAL", ""}}, []config.ImageWaiver{waiver}, today, 0, 1},
		{"a waiver in small letters", "high", "order", []finding{{"CVE-1", "CRITICAL", ""}}, []config.ImageWaiver{{Service: "order", Finding: "cve-1", Expires: "2026-11-22"}}, today, 0, 1},
		{"a waiver that ended yesterday", "high", "order", []finding{{"CVE-1", "CRITICAL", ""}}, []config.ImageWaiver{waiver}, today.AddDate(0, 0, 1), 1, 0},
		{"a waiver of another service", "high", "user", []finding{{"CVE-1", "CRITICAL", ""}}, []config.ImageWaiver{waiver}, today, 1, 0},
		{"a waiver of another finding", "high", "order", []finding{{"CVE-10", "CRITICAL", ""}}, []config.ImageWaiver{waiver}, today, 1, 0},
	} {
		got := judge(c.found, c.service, config.ImageRules{FailOn: c.failOn, Waivers: c.waivers}, c.at)
		if len(got.stopping) != c.stopping || len(got.waived) != c.waived {
			t.Errorf("%s: %d stop it and %d are waived, want %d and %d", c.name, len(got.stopping), len(got.waived), c.stopping, c.waived)
		}
	}
	var out bytes.Buffer
	if err := judge([]finding{{"CVE-2", "HIGH", "curl"}, {"CVE-1", "CRITICAL", ""}, {"CVE-3", "CRITICAL", "zlib"}}, "order", config.ImageRules{FailOn: "high", Waivers: []config.ImageWaiver{waiver}}, today).write(&out); err != nil {
		t.Fatal(err)
	}
	if want := "CRITICAL  CVE-3  zlib\nHIGH      CVE-2  curl\nCRITICAL  CVE-1  waived until 2026-11-22: the function is never called\n2 findings of severity high or worse, and 1 waived\n"; out.String() != want {
		t.Errorf("wrote\n%s\nwant\n%s", &out, want)
	}
}

// What is asked of ECR, an account answers: a token, the findings of a scan, and what is there.
func TestAnAccountAnswers(t *testing.T) {
	account := emulated.Account(t)
	client := ecr.NewFromConfig(account)
	repository := aws.String("peakline-dev/order")
	if _, err := client.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: repository, ImageScanningConfiguration: &types.ImageScanningConfiguration{ScanOnPush: true}}); err != nil {
		t.Fatal(err)
	}
	manifest, err := built(t, "linux", "arm64", 10).RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	put, err := client.PutImage(t.Context(), &ecr.PutImageInput{RepositoryName: repository, ImageTag: aws.String("abc"), ImageManifest: aws.String(string(manifest))})
	if err != nil {
		t.Fatal(err)
	}
	digest := aws.ToString(put.Image.ImageId.ImageDigest)
	// moto scans when it is told to.
	if _, err := client.StartImageScan(t.Context(), &ecr.StartImageScanInput{RepositoryName: repository, ImageId: &types.ImageIdentifier{ImageTag: aws.String("abc")}}); err != nil {
		t.Fatal(err)
	}
	image, err := name.ParseReference("123456789012.dkr.ecr.us-east-1.amazonaws.com/peakline-dev/order:abc")
	if err != nil {
		t.Fatal(err)
	}
	in, _ := registryOf(image)
	waiting, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found, err := scanner{client, 10 * time.Millisecond}.wait(waiting, in, image)
	if err != nil || len(found) == 0 || !strings.HasPrefix(found[0].name, "CVE-") {
		t.Errorf("found %v, %v, want what the scan found", found, err)
	}
	for text, says := range map[string]string{
		"peakline-dev/order:abc":       "",
		"peakline-dev/order:abd":       "is not in its repository: push it first",
		"peakline-staging/order:abc":   "there is no such repository",
		"peakline-dev/order@" + digest: "",
	} {
		image, err := name.ParseReference("123456789012.dkr.ecr.us-east-1.amazonaws.com/" + text)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.has(t.Context(), client, image); (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", image, err, says)
		}
	}
	credentials, err := token(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if given, err := credentials.Authorization(); err != nil || given.Username != "AWS" || given.Password == "" {
		t.Errorf("%v: logs in as %q, want AWS with a password", err, given.Username)
	}
}
