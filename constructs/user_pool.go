package constructs

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// SecondFactor says who needs one beside the password: an authenticator app.
type SecondFactor string

// The values are those of Cognito.
const (
	SecondFactorRequired SecondFactor = "ON"
	SecondFactorOptional SecondFactor = "OPTIONAL"
	SecondFactorOff      SecondFactor = "OFF"
)

// ThreatProtection is what Cognito does about leaked passwords and suspicious sign-ins. Anything but off needs the feature
// plan Plus, which is priced for each active person.
type ThreatProtection string

// The values are those of Cognito.
const (
	ThreatsEnforced ThreatProtection = "ENFORCED"
	ThreatsAudited  ThreatProtection = "AUDIT"
	ThreatsIgnored  ThreatProtection = "OFF"
)

// Mail is how messages are sent through SES; the zero value lets Cognito send a few itself.
type Mail struct {
	IdentityARN, From, ReplyTo string
}

// UserPoolProps describes a directory of people.
type UserPoolProps struct {
	// Key encrypts what the pool knows of people; see NewUserPoolKey.
	Key              awskms.IKey
	SecondFactor     SecondFactor
	ThreatProtection ThreatProtection
	// PasswordMinLength is in characters.
	PasswordMinLength int
	Mail              Mail
	// Triggers are the ARNs of functions in this account, by the name of Cognito's trigger in lower camel case.
	Triggers map[string]string
	// LogRetentionDays is for the record of sign-ins that threat protection makes.
	LogRetentionDays int
	// Disposable lets the pool be deleted with its stack, and people with it.
	Disposable bool
}

// UserPool is a directory of people who sign in with their e-mail addresses.
type UserPool struct {
	Pool awscognito.CfnUserPool

	migrates bool
}

// passwordHistory is how many of somebody's last passwords are refused as a new one: a password that was given away does not come
// back. PCI DSS 4.0.1, requirement 8.3.7, for the staff among them.
const passwordHistory = 4

// NewUserPool makes the pool. What Cognito can never change (user names, whether case matters, required attributes) is not
// among the props, so that no configuration asks for it.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-updating.html
func NewUserPool(scope construct.Construct, id string, props UserPoolProps) *UserPool {
	scope = construct.NewConstruct(scope, jsii.String(id))
	described := &awscognito.CfnUserPoolProps{
		UserPoolTier:           jsii.String(featurePlan(props.ThreatProtection)),
		UsernameAttributes:     jsii.Strings("email"),
		AutoVerifiedAttributes: jsii.Strings("email"),
		UsernameConfiguration:  &awscognito.CfnUserPool_UsernameConfigurationProperty{CaseSensitive: jsii.Bool(false)},
		// Providers may change the address that they know, so that it is mutable.
		Schema: []interface{}{&awscognito.CfnUserPool_SchemaAttributeProperty{
			Name: jsii.String("email"), Required: jsii.Bool(true), Mutable: jsii.Bool(true),
		}},
		// A new address counts once it is confirmed: whoever steals a session cannot take the account over with it.
		UserAttributeUpdateSettings: &awscognito.CfnUserPool_UserAttributeUpdateSettingsProperty{
			AttributesRequireVerificationBeforeUpdate: jsii.Strings("email"),
		},
		AccountRecoverySetting: &awscognito.CfnUserPool_AccountRecoverySettingProperty{RecoveryMechanisms: []interface{}{
			&awscognito.CfnUserPool_RecoveryOptionProperty{Name: jsii.String("verified_email"), Priority: jsii.Number(1)},
		}},
		AdminCreateUserConfig: &awscognito.CfnUserPool_AdminCreateUserConfigProperty{AllowAdminCreateUserOnly: jsii.Bool(false)},
		Policies: &awscognito.CfnUserPool_PoliciesProperty{PasswordPolicy: &awscognito.CfnUserPool_PasswordPolicyProperty{
			MinimumLength:    jsii.Number(props.PasswordMinLength),
			RequireLowercase: jsii.Bool(true), RequireUppercase: jsii.Bool(true),
			RequireNumbers: jsii.Bool(true), RequireSymbols: jsii.Bool(true),
			TemporaryPasswordValidityDays: jsii.Number(3),
			PasswordHistorySize:           jsii.Number(passwordHistory),
		}},
		MfaConfiguration:   jsii.String(string(props.SecondFactor)),
		UserPoolAddOns:     &awscognito.CfnUserPool_UserPoolAddOnsProperty{AdvancedSecurityMode: jsii.String(string(props.ThreatProtection))},
		DeletionProtection: jsii.String(deletionProtection(props.Disposable)),
		KeyConfiguration: &awscognito.CfnUserPool_KeyConfigurationProperty{
			KeyType: jsii.String("CUSTOMER_MANAGED_KEY"), KmsKeyArn: props.Key.KeyArn(),
		},
		EmailConfiguration: mailFrom(props.Mail),
		LambdaConfig:       triggers(props.Triggers),
	}
	if props.SecondFactor != SecondFactorOff {
		described.EnabledMfas = jsii.Strings("SOFTWARE_TOKEN_MFA")
	}
	pool := &UserPool{Pool: awscognito.NewCfnUserPool(scope, jsii.String("Pool"), described), migrates: props.Triggers["userMigration"] != ""}
	pool.Pool.ApplyRemovalPolicy(removalPolicy(props.Disposable), nil)
	for _, name := range slices.Sorted(maps.Keys(props.Triggers)) {
		awslambda.NewCfnPermission(scope, jsii.String(pascalCase(name)+"Permission"), &awslambda.CfnPermissionProps{
			Action:       jsii.String("lambda:InvokeFunction"),
			FunctionName: jsii.String(props.Triggers[name]),
			Principal:    jsii.String("cognito-idp.amazonaws.com"),
			SourceArn:    pool.Pool.AttrArn(),
		})
	}
	if props.ThreatProtection != ThreatsIgnored {
		pool.answerThreats(scope, props)
	} else {
		acknowledge(pool.Pool, "Threat protection is for pools with customers; configuration switches the plan on", "AwsSolutions-COG8")
	}
	if props.SecondFactor != SecondFactorRequired {
		acknowledge(pool.Pool, "A second factor is everybody's own choice in a shop, and configuration can demand it", "AwsSolutions-COG2")
	}
	return pool
}

// featurePlan is the cheapest that has managed login, or threat protection.
// https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-sign-in-feature-plans.html
func featurePlan(protection ThreatProtection) string {
	if protection == ThreatsIgnored {
		return "ESSENTIALS"
	}
	return "PLUS"
}

func deletionProtection(disposable bool) string {
	if disposable {
		return "INACTIVE"
	}
	return "ACTIVE"
}

func mailFrom(mail Mail) *awscognito.CfnUserPool_EmailConfigurationProperty {
	if mail.IdentityARN == "" {
		return nil
	}
	return &awscognito.CfnUserPool_EmailConfigurationProperty{
		EmailSendingAccount: jsii.String("DEVELOPER"),
		SourceArn:           jsii.String(mail.IdentityARN),
		From:                jsii.String(mail.From),
		ReplyToEmailAddress: optionalString(mail.ReplyTo),
	}
}

func triggers(arns map[string]string) *awscognito.CfnUserPool_LambdaConfigProperty {
	if len(arns) == 0 {
		return nil
	}
	return &awscognito.CfnUserPool_LambdaConfigProperty{
		PreSignUp:          optionalString(arns["preSignUp"]),
		PostConfirmation:   optionalString(arns["postConfirmation"]),
		PreAuthentication:  optionalString(arns["preAuthentication"]),
		PostAuthentication: optionalString(arns["postAuthentication"]),
		PreTokenGeneration: optionalString(arns["preTokenGeneration"]),
		CustomMessage:      optionalString(arns["customMessage"]),
		UserMigration:      optionalString(arns["userMigration"]),
	}
}

// answerThreats says what becomes of risk, for all clients, and keeps a record of sign-ins.
func (p *UserPool) answerThreats(scope construct.Construct, props UserPoolProps) {
	answer := func(action string) *awscognito.CfnUserPoolRiskConfigurationAttachment_AccountTakeoverActionTypeProperty {
		return &awscognito.CfnUserPoolRiskConfigurationAttachment_AccountTakeoverActionTypeProperty{
			EventAction: jsii.String(action), Notify: jsii.Bool(false), // a message for each would train people to ignore them
		}
	}
	awscognito.NewCfnUserPoolRiskConfigurationAttachment(scope, jsii.String("Risks"), &awscognito.CfnUserPoolRiskConfigurationAttachmentProps{
		UserPoolId: p.Pool.Ref(),
		ClientId:   jsii.String("ALL"),
		CompromisedCredentialsRiskConfiguration: &awscognito.CfnUserPoolRiskConfigurationAttachment_CompromisedCredentialsRiskConfigurationTypeProperty{
			Actions:     &awscognito.CfnUserPoolRiskConfigurationAttachment_CompromisedCredentialsActionsTypeProperty{EventAction: jsii.String("BLOCK")},
			EventFilter: jsii.Strings("SIGN_IN", "PASSWORD_CHANGE", "SIGN_UP"),
		},
		AccountTakeoverRiskConfiguration: &awscognito.CfnUserPoolRiskConfigurationAttachment_AccountTakeoverRiskConfigurationTypeProperty{
			Actions: &awscognito.CfnUserPoolRiskConfigurationAttachment_AccountTakeoverActionsTypeProperty{
				LowAction:    answer("NO_ACTION"),
				MediumAction: answer("MFA_IF_CONFIGURED"),
				HighAction:   answer("MFA_REQUIRED"), // without a second factor that means a refusal
			},
		},
	})
	record := newSignInRecord(scope, props)
	delivery := awscognito.NewCfnLogDeliveryConfiguration(scope, jsii.String("SignInDelivery"), &awscognito.CfnLogDeliveryConfigurationProps{
		UserPoolId: p.Pool.Ref(),
		LogConfigurations: []interface{}{&awscognito.CfnLogDeliveryConfiguration_LogConfigurationProperty{
			EventSource:     jsii.String("userAuthEvents"),
			LogLevel:        jsii.String("INFO"),
			S3Configuration: &awscognito.CfnLogDeliveryConfiguration_S3ConfigurationProperty{BucketArn: record.BucketArn()},
		}},
	})
	delivery.Node().AddDependency(record) // with its policy, without which AWS writes one itself
}

// Issuer is who signs the tokens, as they name it.
func (p *UserPool) Issuer() *string {
	return awscdk.Fn_Join(jsii.String(""), &[]*string{jsii.String("https://"), p.Pool.AttrProviderName()})
}
