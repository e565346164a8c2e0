package diff

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"peakline/cmd/peakline/internal/account"
)

// place is where the CDK deploys a stack, as its manifest says.
type place struct {
	account, region string
	// lookupRole is the role of `cdk bootstrap` that may read the account.
	lookupRole string
}

// parsePlace reads the form aws://ACCOUNT/REGION of a manifest.
func parsePlace(environment, lookupRole string) (place, error) {
	parsed, err := url.Parse(environment)
	region := ""
	if err == nil {
		region = strings.TrimPrefix(parsed.Path, "/")
	}
	if err != nil || parsed.Scheme != "aws" || parsed.Host == "" || region == "" || strings.HasPrefix(parsed.Host, "unknown-") || strings.HasPrefix(region, "unknown-") {
		return place{}, fmt.Errorf("environment %q, want aws://ACCOUNT/REGION: the stack has to know where it goes", environment)
	}
	return place{parsed.Host, region, strings.ReplaceAll(lookupRole, "${AWS::Partition}", "aws")}, nil
}

// readDeployed asks CloudFormation for the templates of an assembly's stacks. A stack that is not there yet has no old side.
func readDeployed(ctx context.Context, profile string, assembly []*stack) ([]*stack, error) {
	type where struct {
		environment string
		place
	}
	clients := map[where]*cloudformation.Client{}
	found := make([]*stack, len(assembly))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, s := range assembly {
		if s.place == (place{}) {
			return nil, fmt.Errorf("stack %s: no manifest says where it goes, want an assembly that the CDK wrote", s.name)
		}
		environment, _ := environmentOf(s.name)
		at := where{environment, s.place}
		client := clients[at]
		if client == nil {
			loaded, err := account.Load(ctx, account.Place{Environment: environment, Region: s.place.region, Profile: profile})
			if err != nil {
				return nil, err
			}
			client = cloudformation.NewFromConfig(reader(loaded, s.place))
			clients[at] = client
		}
		group.Go(func() error {
			parsed, there, err := getTemplate(ctx, client, s.name)
			if err != nil {
				return fmt.Errorf("template of %s in account %s, %s (as %s): %w", s.name, s.place.account, s.place.region, s.place.lookupRole, err)
			}
			if there {
				found[i] = &stack{name: s.name, file: s.file, template: parsed}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var old []*stack
	for _, s := range found {
		if s != nil {
			old = append(old, s)
		}
	}
	return old, nil
}

// reader is the configuration of whoever may read a place.
func reader(loaded aws.Config, at place) aws.Config {
	if at.lookupRole != "" {
		loaded.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), at.lookupRole,
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "peakline-diff" }))
	}
	return loaded
}

func getTemplate(ctx context.Context, client *cloudformation.Client, name string) (parsed template, there bool, err error) {
	answer, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name})
	var refused smithy.APIError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode() == "ValidationError" && strings.Contains(refused.ErrorMessage(), "does not exist"):
		return template{}, false, nil
	case err != nil:
		return template{}, false, err
	}
	body := aws.ToString(answer.TemplateBody)
	if strings.TrimSpace(body) == "" {
		return template{}, false, nil // created by a change set that was never executed
	}
	parsed, err = parseTemplate(strings.NewReader(body))
	return parsed, true, err
}
