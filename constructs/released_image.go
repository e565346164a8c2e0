package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// ReleasedImageParameter names the SSM parameter that holds the image of a service which is released at the moment.
func ReleasedImageParameter(environment, service string) string {
	return fmt.Sprintf("/peakline/%s/services/%s/image", environment, service)
}

// NewReleasedImage makes the parameter, with the placeholder in it. From then on only releases write it, and it must not
// change in the template: CloudFormation writes the whole parameter when any property differs, tags and description
// included, and would bring the placeholder back. So it has none of them, and the placeholder here is never renewed.
func NewReleasedImage(scope construct.Construct, id, environment, service string, disposable bool) {
	parameter := awsssm.NewCfnParameter(scope, jsii.String(id), &awsssm.CfnParameterProps{
		Name:  jsii.String(ReleasedImageParameter(environment, service)),
		Type:  jsii.String("String"),
		Value: jsii.String(placeholder.Reference()),
	})
	parameter.AddPropertyDeletionOverride(jsii.String("Tags"))
	parameter.ApplyRemovalPolicy(removalPolicy(disposable), &awscdk.RemovalPolicyOptions{ApplyToUpdateReplacePolicy: jsii.Bool(true)})
}
