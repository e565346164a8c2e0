package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"peakline/lambda/contract"
)

// FlagAgent is AWS's AppConfig agent beside a service: it fetches the flags and answers from memory. The image documents no
// command that could check its health; a service takes a flag's first value when it gets no answer.
// https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-integration-containers-agent.html
func FlagAgent(environmentName string, configurationARN *string, memoryMiB int) Sidecar {
	names := contract.FlagsOf(environmentName)
	return Sidecar{
		Name:  "flags",
		Image: flagAgent,
		Environment: map[string]*string{
			"PREFETCH_LIST": jsii.String(strings.Join([]string{names.Application, names.Environment, names.Profile}, ":")),
			"POLL_INTERVAL": jsii.String("15"), // seconds that a switch takes to arrive, at most
		},
		MemoryMiB:   memoryMiB,
		StopSeconds: 5,
		Grant: func(task awsecs.FargateTaskDefinition) {
			task.AddToTaskRolePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions:   jsii.Strings("appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"),
				Resources: &[]*string{configurationARN},
			}))
		},
	}
}

// FlagsURL is where a service asks the agent for its flags.
func FlagsURL(environmentName string) string {
	names := contract.FlagsOf(environmentName)
	return fmt.Sprintf("http://127.0.0.1:%d/applications/%s/environments/%s/configurations/%s", contract.FlagAgentPort, names.Application, names.Environment, names.Profile)
}
