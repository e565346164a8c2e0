package rotation

import (
	"errors"
	"slices"

	"github.com/aws/smithy-go"
	"github.com/jackc/pgx/v5/pgconn"
)

// What makes an invocation wrong whatever the state of the database.
var (
	ErrUnknownStep   = errors.New("unknown rotation step")
	ErrNotEnabled    = errors.New("rotation is not enabled")
	ErrNotStaged     = errors.New("version is not staged for rotation")
	ErrBadSecret     = errors.New("secret cannot be rotated")
	ErrForeignRole   = errors.New("role was not created by the rotation")
	ErrForeignSchema = errors.New("schema or database belongs to another role")
	ErrOpen          = errors.New("everyone may use the database or its schema public")
	ErrNotShared     = errors.New("role owns what its alternate could not use")
)

// isMissing says that a secret has no such version, or a version no value yet.
func isMissing(err error) bool { return hasCode(err, "ResourceNotFoundException") }

// isTaken says that the version already holds another value, which a parallel invocation wrote.
func isTaken(err error) bool { return hasCode(err, "ResourceExistsException") }

// isRefused says that the server was reached and did not accept the user with this password
// (https://www.postgresql.org/docs/current/errcodes-appendix.html: invalid_authorization_specification, invalid_password).
// Anything else, such as no connection or too many of them, says nothing about the password.
func isRefused(err error) bool { return hasState(err, "28000", "28P01") }

// isDuplicate says that a parallel invocation has created the database: before this one asked (duplicate_database), or while
// it waited for the entry in the catalog (unique_violation).
func isDuplicate(err error) bool { return hasState(err, "42P04", "23505") }

func hasState(err error, states ...string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && slices.Contains(states, server.Code)
}

func hasCode(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
