package rotation

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"peakline/lambda/contract"
)

// grant is what the tags of a secret let it ask for: a login with this access to this schema. Its zero value is the grant
// of a secret without the tags, for which nothing is made.
type grant struct {
	schema string
	access contract.Access
}

func grantOf(tags []types.Tag) (grant, error) {
	var g grant
	for _, tag := range tags {
		switch value := aws.ToString(tag.Value); aws.ToString(tag.Key) {
		case contract.SchemaTagKey:
			g.schema = value
		case contract.AccessTagKey:
			g.access = contract.Access(value)
		}
	}
	known := slices.Contains([]contract.Access{contract.ServiceAccess, contract.MigrationAccess}, g.access)
	sound := g.schema != "" && len(g.schema) <= contract.MaxSchemaBytes && known
	if g != (grant{}) && !sound {
		return grant{}, fmt.Errorf("%w: its tags are %s=%q and %s=%q, want a schema of at most %d bytes and %s or %s",
			ErrBadSecret, contract.SchemaTagKey, g.schema, contract.AccessTagKey, g.access,
			contract.MaxSchemaBytes, contract.ServiceAccess, contract.MigrationAccess)
	}
	return g, nil
}

// covers reports that a version of the secret asks for more than the tags allow: whoever may write its value could
// otherwise have a role made in the schema of somebody else.
func (g grant) covers(s secret) error {
	role := contract.LoginRole(g.schema, g.access)
	if s.Database != contract.ServiceDatabase || s.Username != role && s.Username != role+contract.RoleAlternate {
		return fmt.Errorf("%w: it is for role %q in database %q, want %q or %q in %q as its tags say",
			ErrBadSecret, s.Username, s.Database, role, role+contract.RoleAlternate, contract.ServiceDatabase)
	}
	if !s.alternating() {
		return fmt.Errorf("%w: no %s in its JSON, want the ARN of the master's secret", ErrBadSecret, contract.MasterSecretKey)
	}
	return nil
}
