package contract

import (
	"slices"
	"strings"
	"testing"
)

// rolesOf are all roles that a schema may have.
func rolesOf(schema string) []string {
	roles := []string{OwnerRole(schema)}
	for _, access := range []Access{ServiceAccess, MigrationAccess} {
		login := LoginRole(schema, access)
		roles = append(roles, login, login+RoleAlternate)
	}
	return append(roles, LoginRole(schema, ProxyAccess))
}

func TestEveryRoleOfTheLongestSchemaFitsPostgreSQL(t *testing.T) {
	const most = 63 // NAMEDATALEN - 1; PostgreSQL cuts off the rest in silence
	for _, role := range rolesOf(strings.Repeat("a", MaxSchemaBytes)) {
		if len(role) > most {
			t.Errorf("%s has %d bytes, want at most %d: two roles would become one", role, len(role), most)
		}
	}
}

func FuzzNoTwoSchemasShareARole(f *testing.F) {
	f.Add("orders", "orders_owner")
	f.Add("orders", "orders_service")
	f.Add("orders_service", "orders_service_clone")
	f.Add("orders", "orders_migration_clone")
	f.Fuzz(func(t *testing.T, one, other string) {
		if one == other {
			return
		}
		for _, role := range rolesOf(one) {
			if slices.Contains(rolesOf(other), role) {
				t.Errorf("schemas %q and %q both have the role %q: one could read the other's tables", one, other, role)
			}
		}
	})
}
