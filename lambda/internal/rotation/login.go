package rotation

import (
	"context"
	"crypto/tls"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	connectLimit = 10 * time.Second
	// A function that ran out of time is frozen, not ended: its connections stay open. The server ends a transaction left
	// behind after this long, so that the retry need not wait for the locks of the dead.
	idleLimit = 5 * time.Second
)

// login opens a connection with the user and password of one version of a secret. The server must show a certificate
// for its name signed by one of r.Roots; there is no fallback to an unencrypted or unverified connection.
func (r *Rotator) login(ctx context.Context, s secret) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, fmt.Errorf("configure PostgreSQL driver: %w", err)
	}
	config.Host, config.Port, config.Fallbacks = s.Host, s.Port, nil
	config.User, config.Password, config.Database = s.Username, s.Password, s.Database
	config.TLSConfig = &tls.Config{RootCAs: r.Roots, ServerName: s.Host, MinVersion: tls.VersionTLS12}
	config.ConnectTimeout = connectLimit
	// No statement comes twice, so preparing one would only cost a second round trip.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	if r.Dial != nil {
		config.DialFunc = r.Dial
	}
	config.RuntimeParams = map[string]string{
		"application_name": "peakline-rotation",
		// The owner of a database chooses its search path: the master must never run a function found there.
		"search_path":                         "pg_catalog",
		"idle_in_transaction_session_timeout": strconv.FormatInt(idleLimit.Milliseconds(), 10),
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("log in to %s:%d as %q: %w", s.Host, s.Port, s.Username, err)
	}
	return conn, nil
}

// works says whether the server accepts this version's password. Its error means that nobody knows.
func (r *Rotator) works(ctx context.Context, s secret) (bool, error) {
	conn, err := r.login(ctx, s)
	if isRefused(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, conn.Close(ctx)
}
