package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// NewReleasedImage makes the parameter, with the placeholder in it. From then on only releases write it, and it must not
// change in the template: CloudFormation writes the whole parameter when any property differs, tags and description
// included, and would bring the placeholder back. So it has none of them, and the placeholder here is never renewed.
func NewReleasedImage(scope construct.Construct, id, environment, service string, disposable bool) {
	parameter := awsssm.NewCfnParameter(scope, jsii.String(id), &awsssm.CfnParameterProps{
		Name:  jsii.String(contract.ReleasedImageParameter(environment, service)),
		Type:  jsii.String("String"),
		Value: jsii.String(placeholder.Reference()),
	})
	parameter.AddPropertyDeletionOverride(jsii.String("Tags"))
	parameter.ApplyRemovalPolicy(namedRemovalPolicy(disposable), &awscdk.RemovalPolicyOptions{ApplyToUpdateReplacePolicy: jsii.Bool(true)})
}

// serviceImage is what the tasks of a service run.
type serviceImage struct {
	reference *string
	// isPlaceholder is the condition that it is the placeholder.
	isPlaceholder string
}

// newImage is the released image, or the one that a release under way has told the stack in a parameter of its own: with it a
// failed deployment also takes the image back. Once a release has succeeded, the two are the same.
func newImage(scope construct.Construct, environment, service string) serviceImage {
	stack := awscdk.Stack_Of(scope)
	released := awsssm.StringParameter_ValueForStringParameter(scope, jsii.String(contract.ReleasedImageParameter(environment, service)), nil)
	id := pascalCase(service)
	image := serviceImage{isPlaceholder: id + "IsPlaceholder"}
	parameter, isReleasing := id+contract.ReleaseParameter, id+"IsReleasing"
	if stack.Node().TryFindChild(jsii.String(parameter)) == nil {
		next := awscdk.NewCfnParameter(stack, jsii.String(parameter), &awscdk.CfnParameterProps{
			Type:        jsii.String("String"),
			Default:     jsii.String(""),
			Description: jsii.String("The image of " + service + " that peakline release brings; empty for the one that is released"),
		}).ValueAsString()
		none := awscdk.Fn_ConditionEquals(next, jsii.String(""))
		awscdk.NewCfnCondition(stack, jsii.String(isReleasing), &awscdk.CfnConditionProps{Expression: awscdk.Fn_ConditionNot(none)})
		awscdk.NewCfnCondition(stack, jsii.String(image.isPlaceholder), &awscdk.CfnConditionProps{Expression: awscdk.Fn_ConditionOr(
			awscdk.Fn_ConditionEquals(next, placeholder.Reference()),
			awscdk.Fn_ConditionAnd(none, awscdk.Fn_ConditionEquals(released, placeholder.Reference())),
		)})
	}
	image.reference = awscdk.Token_AsString(map[string]interface{}{"Fn::If": []interface{}{
		isReleasing, map[string]interface{}{"Ref": parameter}, released}}, nil)
	return image
}
