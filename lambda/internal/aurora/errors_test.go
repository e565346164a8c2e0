package aurora

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/smithy-go"
)

func TestErrorsAreClassifiedByCode(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		kind Kind
		code string
	}{
		"no error":                  {nil, None, ""},
		"a typed fault":             {&types.DBInstanceAlreadyExistsFault{}, Exists, "DBInstanceAlreadyExists"},
		"a code that ends in Fault": {&types.DBSubnetGroupNotFoundFault{}, Mistaken, "DBSubnetGroupNotFoundFault"},
		"a wrapped error":           {fmt.Errorf("create: %w", &types.InsufficientDBInstanceCapacityFault{}), Refused, "InsufficientDBInstanceCapacity"},
		"joined errors":             {errors.Join(errors.New("x"), &types.InstanceQuotaExceededFault{}), Refused, "InstanceQuotaExceeded"},
		"an untyped error":          {&smithy.GenericAPIError{Code: "AccessDeniedException"}, Denied, "AccessDeniedException"},
		"a code nobody knows":       {&smithy.GenericAPIError{Code: "Surprise"}, Other, "Surprise"},
		"a time-out":                {fmt.Errorf("call: %w", context.DeadlineExceeded), Passing, "Timeout"},
		"a broken connection":       {errors.New("connection reset"), Passing, "Unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Classify(c.err)
			if got.Kind != c.kind || got.Code != c.code {
				t.Errorf("classified as %s %q, want %s %q", got.Kind, got.Code, c.kind, c.code)
			}
		})
	}
}
