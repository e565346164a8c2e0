// Package pooler is the PgBouncer that runs beside each service: its configuration, its start command and its health check.
// What it writes is put into templates by the constructs and run for real by the tests, for PgBouncer 1.25 and later. It imports
// nothing but the standard library and the shared names.
package pooler

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"peakline/lambda/contract"
)

const (
	// Lifetime is how long a connection to the database is used: one that is older is closed after its transaction, one of the
	// pool at a time. So a reader that joins has its share after at most twice this time.
	Lifetime = 2 * time.Minute
	// Patience is how long a client waits for a connection of the pool before it is refused.
	Patience = 10 * time.Second
	// MostClients are the connections that a service may open to its pooler.
	MostClients = 500
)

// Configuration is what differs from one pooler to another.
type Configuration struct {
	// Writer and Reader are the host names of the cluster's endpoints, and Port is the port of both.
	Writer, Reader, Port string
	// PoolSize is the most connections to the writer, and again to the readers.
	PoolSize int
	// Pinned leads reads to the writer, for a service that cannot use what a replica has not seen yet.
	Pinned bool
	// Lifetime replaces the constant of that name. Tests cannot wait as long.
	Lifetime time.Duration
}

// What a new connection is asked first makes sure that it is what its name says.
const (
	// After a failover a name server may lead to the old writer for a moment, which is a reader by then. Such a connection ends
	// itself and is made anew; it would refuse writes for as long as it lives.
	onlyWriter = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_is_in_recovery()"
	// Without a reader the reader endpoint leads to the writer. A write through `ro` is refused there, too, so that a mistake shows
	// before it works by chance.
	onlyReads = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
)

// WriterConnection is where database `rw` leads.
func (c Configuration) WriterConnection() string { return c.connection(c.Writer, onlyWriter) }

// ReaderConnection is where database `ro` leads. Its name server gives the address of one reader at a time, and PgBouncer closes
// the connections to what the newest answer lacks, so that a whole pool goes from reader to reader. It leaves them alone where
// the host is a list, and so the endpoint is named twice. https://github.com/pgbouncer/pgbouncer/issues/882
func (c Configuration) ReaderConnection() string {
	if c.Pinned {
		return c.connection(c.Writer, onlyReads)
	}
	return c.connection(c.Reader+","+c.Reader, onlyReads) // verified since 1.25: https://github.com/pgbouncer/pgbouncer/pull/1303
}

func (c Configuration) connection(host, query string) string {
	return fmt.Sprintf("host=%s port=%s dbname=%s pool_size=%d connect_query='%s'", host, c.Port, contract.ServiceDatabase, c.PoolSize, query)
}

// Settings is the section [pgbouncer]: https://www.pgbouncer.org/config.html
func (c Configuration) Settings() string {
	lifetime := c.Lifetime
	if lifetime == 0 {
		lifetime = Lifetime
	}
	var text strings.Builder
	text.WriteString("[pgbouncer]\n")
	for _, s := range []struct{ name, value string }{
		{"listen_addr", "127.0.0.1"}, // the containers of a task share it, and nobody else reaches it
		{"listen_port", strconv.Itoa(contract.PoolerPort)},
		{"unix_socket_dir", "."},
		{"auth_type", "any"}, // the login is the pooler's; the service has none to lose
		{"pool_mode", "transaction"},
		{"max_client_conn", strconv.Itoa(MostClients)},
		{"default_pool_size", strconv.Itoa(c.PoolSize)},
		{"max_db_connections", strconv.Itoa(c.PoolSize)},
		{"ignore_startup_parameters", "extra_float_digits"}, // JDBC sends it

		{"server_tls_sslmode", "verify-full"},
		{"server_tls_ca_file", rootsFile},
		{"server_tls_protocols", "secure"},

		// New readers and new addresses are found in minutes, and each reader's connections are used in turn.
		{"server_lifetime", seconds(lifetime)},
		{"server_idle_timeout", seconds(lifetime)},
		{"server_round_robin", "1"},
		{"dns_max_ttl", "1"},
		{"dns_nxdomain_ttl", "1"},

		// What is lost is noticed in seconds, and a failover is waited for no longer than a visitor would.
		{"server_connect_timeout", "3"},
		{"server_login_retry", "1"},
		{"query_wait_timeout", seconds(Patience)},
		{"idle_transaction_timeout", "60"},
		{"tcp_keepidle", "5"},
		{"tcp_keepintvl", "2"},
		{"tcp_keepcnt", "3"},
		{"tcp_user_timeout", "10000"}, // milliseconds

		// Alarms read the statistics and the warnings. What every client does would drown them.
		{"log_connections", "0"},
		{"log_disconnections", "0"},
		{"stats_period", "60"},

		{"max_prepared_statements", "200"},
	} {
		fmt.Fprintf(&text, "%s = %s\n", s.name, s.value)
	}
	return text.String()
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
