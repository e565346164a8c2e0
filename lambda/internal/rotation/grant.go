package rotation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	known := slices.Contains([]contract.Access{contract.ServiceAccess, contract.MigrationAccess, contract.ProxyAccess}, g.access)
	sound := g.schema != "" && len(g.schema) <= contract.MaxSchemaBytes && known
	if g != (grant{}) && !sound {
		return grant{}, fmt.Errorf("%w: its tags are %s=%q and %s=%q, want a schema of at most %d bytes and %s, %s or %s",
			ErrBadSecret, contract.SchemaTagKey, g.schema, contract.AccessTagKey, g.access,
			contract.MaxSchemaBytes, contract.ServiceAccess, contract.MigrationAccess, contract.ProxyAccess)
	}
	return g, nil
}

// single says that the login is one role, whose password changes in place.
func (g grant) single() bool { return g.access == contract.ProxyAccess }

// users are the roles that a version of the secret may name.
func (g grant) users() []string {
	role := contract.LoginRole(g.schema, g.access)
	if g.single() {
		return []string{role}
	}
	return []string{role, role + contract.RoleAlternate}
}

// covers reports that a version of the secret asks for more than the tags allow: whoever may write its value could
// otherwise have a role made in the schema of somebody else.
func (g grant) covers(s secret) error {
	if s.Database != contract.ServiceDatabase || !slices.Contains(g.users(), s.Username) {
		return fmt.Errorf("%w: it is for role %q in database %q, want %s in %q as its tags say",
			ErrBadSecret, s.Username, s.Database, strings.Join(quoted(g.users()), " or "), contract.ServiceDatabase)
	}
	if s.Master == "" {
		return fmt.Errorf("%w: no %s in its JSON, want the ARN of the master's secret", ErrBadSecret, contract.MasterSecretKey)
	}
	return nil
}

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = strconv.Quote(name)
	}
	return all
}
