package diff

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"peakline/test/emulated"
)

const (
	withBucket    = `{"Resources":{"B":{"Type":"AWS::S3::Bucket"},"N":{"Type":"AWS::SNS::Topic"}}}`
	withoutBucket = `{"Resources":{"N":{"Type":"AWS::SNS::Topic"}}}`
)

// What is deployed is read from the account and region of each stack, as the CDK's lookup role.
func TestAnAssemblyIsComparedWithWhatIsDeployed(t *testing.T) {
	account := emulated.Account(t)
	frankfurt := account.Copy()
	frankfurt.Region = "eu-central-1"
	for stack, place := range map[string]aws.Config{"prod-Data": account, "prod-Copy": frankfurt} {
		stacks := cloudformation.NewFromConfig(place)
		_, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String(stack), TemplateBody: aws.String(withBucket)})
		if err != nil {
			t.Fatal(err)
		}
		ready := cloudformation.NewStackCreateCompleteWaiter(stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay = 100 * time.Millisecond })
		if err := ready.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(stack)}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_ENDPOINT_URL", *account.BaseEndpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	assembly := func(environment string, templates map[string]string) string {
		files := map[string]string{}
		var artifacts []string
		for stack, text := range templates {
			files[stack+".template.json"] = text
			region := "us-east-1"
			if stack == "prod-Copy" {
				region = "eu-central-1"
			}
			artifacts = append(artifacts, fmt.Sprintf(`"%s":{"environment":"%s","properties":{"templateFile":"%[1]s.template.json","stackName":"%[1]s",
				"lookupRole":{"arn":"arn:${AWS::Partition}:iam::123456789012:role/cdk-hnb659fds-lookup-role-123456789012-%[3]s"}}}`,
				stack, strings.ReplaceAll(environment, "REGION", region), region))
		}
		files["manifest.json"] = `{"artifacts":{` + strings.Join(artifacts, ",") + `}}`
		return folder(t, files)
	}
	const known = "aws://123456789012/REGION"
	none := t.TempDir() + "/none"

	same := assembly(known, map[string]string{"prod-Data": withBucket, "prod-Copy": withBucket})
	if out, err := peakline(t, "-deployed", "-new", same, "-environments", none); err != nil || out != "No changes.\n" {
		t.Errorf("the deployed templates themselves: %q, %v", out, err)
	}
	added := assembly(known, map[string]string{"prod-Data": withBucket, "prod-Fresh": withoutBucket})
	if out, err := peakline(t, "-deployed", "-new", added, "-environments", none); err != nil || !strings.Contains(out, "prod-Fresh") || strings.Contains(out, "prod-Data") {
		t.Errorf("a stack that is not there yet: %v\n%s", err, out)
	}
	without := assembly(known, map[string]string{"prod-Copy": withoutBucket})
	if out, err := peakline(t, "-deployed", "-new", without, "-environments", none); code(err) != exitDangerous || !strings.Contains(out, "prod-Copy") {
		t.Errorf("a bucket that would go in the second region: %v\n%s", err, out)
	}

	// Whatever the shell's credentials are, the environment local is compared with the emulated account.
	t.Run("local", func(t *testing.T) {
		address, err := url.Parse(*account.BaseEndpoint)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("AWS_ENDPOINT_URL", "")
		t.Setenv("PEAKLINE_PORT", address.Port())
		local := assembly(known, map[string]string{"local-Data": withBucket})
		if out, err := peakline(t, "-deployed", "-new", local, "-environments", none); err != nil || !strings.Contains(out, "new") {
			t.Errorf("asked somebody else: %v\n%s", err, out)
		}
	})

	const wide = `{"Resources":{"P":{"Type":"AWS::IAM::Policy","Properties":{"PolicyName":"p","Roles":["r"],"PolicyDocument":{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}}}}}`
	fresh := assembly(known, map[string]string{"stage-Fresh": wide})
	if out, err := peakline(t, "-deployed", "-new", fresh, "-environments", none); err != nil || !strings.Contains(out, "widens-iam (waived)") || !strings.Contains(out, "the first deployment") {
		t.Errorf("the first deployment of an environment: %v\n%s", err, out)
	}
	beside := assembly(known, map[string]string{"prod-Data": withBucket, "prod-Fresh": wide})
	if out, err := peakline(t, "-deployed", "-new", beside, "-environments", none); code(err) != exitDangerous {
		t.Errorf("a new stack with rights beside what is deployed: %v\n%s", err, out)
	}

	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"both":                     {[]string{"-deployed", "-old", same, "-new", same}, "want one of -old DIR and -deployed"},
		"neither":                  {[]string{"-new", same}, "want one of -old DIR and -deployed"},
		"templates without places": {[]string{"-deployed", "-new", folder(t, map[string]string{"a.template.json": withBucket})}, "stack a: no manifest says where it goes"},
		"a stack without a place":  {[]string{"-deployed", "-new", assembly("aws://unknown-account/REGION", map[string]string{"prod-Data": withBucket})}, "want aws://ACCOUNT/REGION"},
	} {
		if _, err := peakline(t, c.arguments...); code(err) != 1 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
