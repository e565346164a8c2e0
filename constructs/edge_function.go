package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newExperimentStore makes the key-value store of the weights. It starts empty and `peakline edge` fills it: with an import in the
// template there would be two who write. It stays when its stack goes, and with it what an operator has set.
func newExperimentStore(scope construct.Construct, name string, disposable bool) awscloudfront.CfnKeyValueStore {
	store := awscloudfront.NewCfnKeyValueStore(scope, jsii.String("Experiments"), &awscloudfront.CfnKeyValueStoreProps{
		Name: jsii.String(name), Comment: jsii.String("Weights of experiments, which peakline edge writes"),
	})
	store.ApplyRemovalPolicy(namedRemovalPolicy(disposable), nil)
	return store
}

// newEdgeFunction makes a function and publishes it with each deployment.
func newEdgeFunction(scope construct.Construct, id, name, comment, code string, stores ...awscloudfront.CfnKeyValueStore) awscloudfront.CfnFunction {
	described := &awscloudfront.CfnFunction_FunctionConfigProperty{
		Comment: jsii.String(comment), Runtime: jsii.String("cloudfront-js-2.0"),
	}
	if len(stores) > 0 {
		var associations []interface{}
		for _, store := range stores {
			associations = append(associations, &awscloudfront.CfnFunction_KeyValueStoreAssociationProperty{KeyValueStoreArn: store.AttrArn()})
		}
		described.KeyValueStoreAssociations = &associations
	}
	function := awscloudfront.NewCfnFunction(scope, jsii.String(id), &awscloudfront.CfnFunctionProps{
		Name: jsii.String(name), FunctionCode: jsii.String(code), FunctionConfig: described, AutoPublish: jsii.Bool(true),
	})
	unwatched(function, "where it fails, CloudFront answers with an error of ours, which edge-errors counts")
	return function
}

// atBothEnds runs a function before the cache and on the way back.
func atBothEnds(function awscloudfront.CfnFunction) *[]interface{} {
	var all []interface{}
	for _, event := range []string{"viewer-request", "viewer-response"} {
		all = append(all, &awscloudfront.CfnDistribution_FunctionAssociationProperty{EventType: jsii.String(event), FunctionArn: function.AttrFunctionArn()})
	}
	return &all
}
