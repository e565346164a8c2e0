package rotation

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"peakline/lambda/contract"
)

func tags(keysAndValues ...string) (list []types.Tag) {
	for i := 0; i < len(keysAndValues); i += 2 {
		list = append(list, types.Tag{Key: &keysAndValues[i], Value: &keysAndValues[i+1]})
	}
	return list
}

func TestTagsDecideWhatASecretMayAskFor(t *testing.T) {
	for name, test := range map[string]struct {
		tags []types.Tag
		want grant
		says string
	}{
		"a secret without tags":         {nil, grant{}, ""},
		"a secret with others":          {tags("owner", "shop"), grant{}, ""},
		"a tag without a value":         {[]types.Tag{{Key: aws.String(contract.SchemaTagKey)}}, grant{}, ""},
		"a service's":                   {tags("owner", "shop", "peakline:schema", "orders", "peakline:access", "service"), grant{"orders", "service"}, ""},
		"a migration's":                 {tags("peakline:access", "migration", "peakline:schema", "orders"), grant{"orders", "migration"}, ""},
		"a proxy's":                     {tags("peakline:access", "proxy", "peakline:schema", "orders"), grant{"orders", "proxy"}, ""},
		"a schema without an access":    {tags("peakline:schema", "orders"), grant{}, `peakline:access=""`},
		"an access without a schema":    {tags("peakline:access", "service"), grant{}, `peakline:schema=""`},
		"an access that does not exist": {tags("peakline:schema", "orders", "peakline:access", "owner"), grant{}, "service, migration or proxy"},
		"a schema of too many bytes":    {tags("peakline:schema", strings.Repeat("a", 41), "peakline:access", "service"), grant{}, "at most 40 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := grantOf(test.tags)
			if got != test.want {
				t.Errorf("grant %v, want %v", got, test.want)
			}
			if (err != nil) != (test.says != "") || err != nil && (!errors.Is(err, ErrBadSecret) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("error %v, want ErrBadSecret that says %q, or none", err, test.says)
			}
		})
	}
}

func TestAValueThatGoesBeyondItsTagsIsRefused(t *testing.T) {
	own := grant{"orders", contract.ServiceAccess}
	for name, test := range map[string]struct {
		value secret
		says  string
	}{
		"its role":                {secret{Username: "orders_service", Database: "peakline", Master: "arn"}, ""},
		"its alternate":           {secret{Username: "orders_service_clone", Database: "peakline", Master: "arn"}, ""},
		"a role of another":       {secret{Username: "payments_service", Database: "peakline", Master: "arn"}, `"payments_service"`},
		"its own owner":           {secret{Username: "orders_owner", Database: "peakline", Master: "arn"}, `"orders_owner"`},
		"its own migrations":      {secret{Username: "orders_migration", Database: "peakline", Master: "arn"}, `want "orders_service"`},
		"an alternate's":          {secret{Username: "orders_service_clone_clone", Database: "peakline", Master: "arn"}, "_clone_clone"},
		"another database":        {secret{Username: "orders_service", Database: "postgres", Master: "arn"}, `database "postgres"`},
		"nobody who could do it":  {secret{Username: "orders_service", Database: "peakline"}, "masterarn"},
		"the role in other cases": {secret{Username: "Orders_service", Database: "peakline", Master: "arn"}, "Orders_service"},
	} {
		t.Run(name, func(t *testing.T) {
			err := own.covers(test.value)
			if (err != nil) != (test.says != "") || err != nil && (!errors.Is(err, ErrBadSecret) || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("error %v, want ErrBadSecret that says %q, or none", err, test.says)
			}
		})
	}
}

func TestALoginOfAProxyKeepsItsRole(t *testing.T) {
	own := grant{"orders", contract.ProxyAccess}
	now := secret{Username: "orders_proxy", Database: "peakline", Master: "arn", Single: own.single()}
	if err := own.covers(now); err != nil {
		t.Error(err)
	}
	if next := now.alternate(); next != "orders_proxy" {
		t.Errorf("its next version is for %q: the proxy would know no password of the role that services ask for", next)
	}
	now.Username = "orders_proxy_clone"
	if err := own.covers(now); !errors.Is(err, ErrBadSecret) {
		t.Errorf("error %v, want ErrBadSecret for a second role", err)
	}
}
