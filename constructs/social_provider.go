package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscognito"
	construct "github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// SocialProvider lets people sign in with an account that they have elsewhere.
type SocialProvider struct {
	Name     string
	Resource awscognito.CfnUserPoolIdentityProvider
}

// AddGoogle trusts Google; secret names a secret with the key clientSecret.
func (p *UserPool) AddGoogle(scope construct.Construct, id, clientID, secret string) *SocialProvider {
	return p.addProvider(scope, id, "Google", map[string]string{
		"client_id": clientID, "client_secret": reference(secret, "clientSecret"), "authorize_scopes": "openid email profile",
	}, map[string]string{"username": "sub", "email": "email", "name": "name", "given_name": "given_name", "family_name": "family_name"})
}

// AddFacebook trusts Facebook; secret names a secret with the key clientSecret.
func (p *UserPool) AddFacebook(scope construct.Construct, id, clientID, secret string) *SocialProvider {
	return p.addProvider(scope, id, "Facebook", map[string]string{
		"client_id": clientID, "client_secret": reference(secret, "clientSecret"), "authorize_scopes": "public_profile,email",
	}, map[string]string{"username": "id", "email": "email", "name": "name", "given_name": "first_name", "family_name": "last_name"})
}

// AddApple trusts Apple; secret names a secret with the key privateKey.
func (p *UserPool) AddApple(scope construct.Construct, id, clientID, teamID, keyID, secret string) *SocialProvider {
	return p.addProvider(scope, id, "SignInWithApple", map[string]string{
		"client_id": clientID, "team_id": teamID, "key_id": keyID, "private_key": reference(secret, "privateKey"), "authorize_scopes": "email name",
	}, map[string]string{"username": "sub", "email": "email", "given_name": "firstName", "family_name": "lastName"})
}

func (p *UserPool) addProvider(scope construct.Construct, id, name string, details, attributes map[string]string) *SocialProvider {
	return &SocialProvider{Name: name, Resource: awscognito.NewCfnUserPoolIdentityProvider(scope, jsii.String(id), &awscognito.CfnUserPoolIdentityProviderProps{
		UserPoolId: p.Pool.Ref(), ProviderName: jsii.String(name), ProviderType: jsii.String(name),
		ProviderDetails: details, AttributeMapping: attributes,
	})}
}

// reference is what CloudFormation replaces by the value of a key of a secret, after it has read the template.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-secretsmanager.html
func reference(secret, key string) string {
	return fmt.Sprintf("{{resolve:secretsmanager:%s:SecretString:%s}}", secret, key)
}
