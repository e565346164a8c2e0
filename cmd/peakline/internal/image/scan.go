package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-containerregistry/pkg/name"

	"peakline/config"
)

// severities are those of ECR's scans, the worst first. Others, such as UNTRIAGED, are milder than all of them.
var severities = []string{"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"}

// finding is what a scan found, or why there is no scan.
type finding struct{ name, severity, where string }

func (f finding) rank() int {
	if at := slices.Index(severities, f.severity); at >= 0 {
		return at
	}
	return len(severities)
}

// scanner asks ECR.
type scanner struct {
	findings ecr.DescribeImageScanFindingsAPIClient
	// pause is the time between two questions.
	pause time.Duration
}

// wait asks until the scan of an image has ended, and gives all that it found. A scan begins some seconds after the push.
func (s scanner) wait(ctx context.Context, in registryOfECR, image name.Reference) ([]finding, error) {
	id := identifier(image)
	for {
		found, ended, err := s.ask(ctx, &ecr.DescribeImageScanFindingsInput{
			RegistryId: aws.String(in.owner), RepositoryName: aws.String(image.Context().RepositoryStr()), ImageId: &id,
		})
		if err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("read the scan of %s: %w", image, err)
		}
		if ended {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(s.pause):
		}
	}
}

func (s scanner) ask(ctx context.Context, in *ecr.DescribeImageScanFindingsInput) (found []finding, ended bool, err error) {
	var missing *types.ScanNotFoundException
	for pages := ecr.NewDescribeImageScanFindingsPaginator(s.findings, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		switch {
		case errors.As(err, &missing):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case page.ImageScanStatus == nil:
			return nil, false, nil
		}
		switch status := page.ImageScanStatus; status.Status {
		case types.ScanStatusPending, types.ScanStatusInProgress:
			return nil, false, nil
		case types.ScanStatusComplete, types.ScanStatusActive: // basic, and enhanced, which goes on for ever
			found = append(found, read(page.ImageScanFindings)...)
		default:
			// An image that could not be scanned has every hole that there is.
			return []finding{{string(status.Status), severities[0], aws.ToString(status.Description)}}, true, nil
		}
	}
	return found, true, nil
}

// read takes the findings of both kinds of scan.
func read(scan *types.ImageScanFindings) (found []finding) {
	if scan == nil {
		return nil
	}
	for _, one := range scan.Findings {
		var packages []string
		for _, attribute := range one.Attributes {
			if key := aws.ToString(attribute.Key); key == "package_name" || key == "package_version" {
				packages = append(packages, aws.ToString(attribute.Value))
			}
		}
		found = append(found, finding{aws.ToString(one.Name), string(one.Severity), strings.Join(packages, " ")})
	}
	for _, one := range scan.EnhancedFindings {
		if aws.ToString(one.Status) == "CLOSED" {
			continue
		}
		f := finding{aws.ToString(one.Title), aws.ToString(one.Severity), ""}
		if details := one.PackageVulnerabilityDetails; details != nil {
			f.name = cmp.Or(aws.ToString(details.VulnerabilityId), f.name)
			var packages []string
			for _, vulnerable := range details.VulnerablePackages {
				packages = append(packages, aws.ToString(vulnerable.Name)+" "+aws.ToString(vulnerable.Version))
			}
			f.where = strings.Join(packages, ", ")
		}
		found = append(found, f)
	}
	return found
}

// verdict divides the findings that are bad enough into those that stop the image and those that a waiver lets pass.
type verdict struct {
	failOn   string
	stopping []finding
	waived   map[finding]config.ImageWaiver
}

func judge(found []finding, service string, rules config.ImageRules, now time.Time) verdict {
	v := verdict{failOn: rules.FailOn, waived: map[finding]config.ImageWaiver{}}
	limit := finding{severity: strings.ToUpper(rules.FailOn)}.rank()
	for _, f := range found {
		if f.rank() > limit {
			continue
		}
		at := slices.IndexFunc(rules.Waivers, func(w config.ImageWaiver) bool {
			return w.Service == service && strings.EqualFold(w.Finding, f.name) && w.Valid(now)
		})
		if at < 0 {
			v.stopping = append(v.stopping, f)
		} else {
			v.waived[f] = rules.Waivers[at]
		}
	}
	slices.SortFunc(v.stopping, worstFirst)
	return v
}

func worstFirst(a, b finding) int {
	return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.name, b.name), cmp.Compare(a.where, b.where))
}

// write lists the findings, and ends with a line that says it all.
func (v verdict) write(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, f := range v.stopping {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.severity, f.name, f.where)
	}
	waived := make([]finding, 0, len(v.waived))
	for f := range v.waived {
		waived = append(waived, f)
	}
	slices.SortFunc(waived, worstFirst)
	for _, f := range waived {
		fmt.Fprintf(table, "%s\t%s\twaived until %s: %s\n", f.severity, f.name, v.waived[f].Expires, v.waived[f].Reason)
	}
	fmt.Fprintf(table, "%d findings of severity %s or worse, and %d waived\n", len(v.stopping), v.failOn, len(v.waived))
	return table.Flush()
}
