package contract

// Environment variables that tell a service whose tokens to trust. docs/service-contract.md says how.
const (
	// IdentityVariables is what their names begin with.
	IdentityVariables = "AUTH_"
	// EnvIssuer is who signs tokens, the claim iss.
	EnvIssuer = "AUTH_ISSUER"
	// EnvKeysURL is where the keys are that tokens are signed with, as a JSON Web Key Set.
	EnvKeysURL = "AUTH_JWKS_URL"
	// EnvWebClient and EnvMobileClient are the clients that people sign in by: the claim client_id of an access token.
	EnvWebClient    = "AUTH_WEB_CLIENT_ID"
	EnvMobileClient = "AUTH_MOBILE_CLIENT_ID"
	// EnvBalancerClient is the client that the load balancer signs people in by, and EnvBalancer the ARN of the load balancer, which
	// signs what it says of them. Services have them that ask for a sign-in there.
	EnvBalancerClient = "AUTH_BALANCER_CLIENT_ID"
	EnvBalancer       = "AUTH_BALANCER_ARN"
)
