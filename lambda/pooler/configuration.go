// Package pooler is the PgBouncer that runs beside each service: its configuration, its start command and its health check.
// What it writes is put into templates by the constructs and run for real by the tests. It imports nothing but the standard
// library and the shared names.
package pooler

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"peakline/lambda/contract"
)

// Version is a version of PgBouncer, {1, 18} for 1.18.
type Version struct{ Major, Minor int }

// Tested is the version that the tests run, Debian 12's. What a newer one adds is generated for it and was not run.
var Tested = Version{1, 18}

func (v Version) before(other Version) bool {
	return v.Major < other.Major || v.Major == other.Major && v.Minor < other.Minor
}

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
	// Version is that of the image.
	Version Version
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
	switch {
	case c.Pinned:
		return c.connection(c.Writer, onlyReads)
	case c.Version.before(verifiesLists):
		return c.connection(c.Reader, onlyReads)
	}
	return c.connection(c.Reader+","+c.Reader, onlyReads)
}

// verifiesLists is from where on verify-full works with a list: https://github.com/pgbouncer/pgbouncer/pull/1303
var verifiesLists = Version{1, 25}

func (c Configuration) connection(host, query string) string {
	return fmt.Sprintf("host=%s port=%s dbname=%s pool_size=%d connect_query='%s'", host, c.Port, contract.ServiceDatabase, c.PoolSize, query)
}

// setting is one line of the section [pgbouncer].
type setting struct {
	name, value string
	since       Version // zero for what the tested version has
}

// Settings is the section [pgbouncer]: https://www.pgbouncer.org/config.html
func (c Configuration) Settings() string {
	lifetime := c.Lifetime
	if lifetime == 0 {
		lifetime = Lifetime
	}
	var text strings.Builder
	text.WriteString("[pgbouncer]\n")
	for _, s := range []setting{
		{name: "listen_addr", value: "127.0.0.1"}, // the containers of a task share it, and nobody else reaches it
		{name: "listen_port", value: strconv.Itoa(contract.PoolerPort)},
		{name: "unix_socket_dir", value: "."},
		{name: "auth_type", value: "any"}, // the login is the pooler's; the service has none to lose
		{name: "pool_mode", value: "transaction"},
		{name: "max_client_conn", value: strconv.Itoa(MostClients)},
		{name: "default_pool_size", value: strconv.Itoa(c.PoolSize)},
		{name: "max_db_connections", value: strconv.Itoa(c.PoolSize)},
		{name: "ignore_startup_parameters", value: "extra_float_digits"}, // JDBC sends it

		{name: "server_tls_sslmode", value: "verify-full"},
		{name: "server_tls_ca_file", value: rootsFile},
		{name: "server_tls_protocols", value: "secure"},

		// New readers and new addresses are found in minutes, and each reader's connections are used in turn.
		{name: "server_lifetime", value: seconds(lifetime)},
		{name: "server_idle_timeout", value: seconds(lifetime)},
		{name: "server_round_robin", value: "1"},
		{name: "dns_max_ttl", value: "1"},
		{name: "dns_nxdomain_ttl", value: "1"},

		// What is lost is noticed in seconds, and a failover is waited for no longer than a visitor would.
		{name: "server_connect_timeout", value: "3"},
		{name: "server_login_retry", value: "1"},
		{name: "query_wait_timeout", value: seconds(Patience)},
		{name: "idle_transaction_timeout", value: "60"},
		{name: "tcp_keepidle", value: "5"},
		{name: "tcp_keepintvl", value: "2"},
		{name: "tcp_keepcnt", value: "3"},
		{name: "tcp_user_timeout", value: "10000"}, // milliseconds

		// Alarms read the statistics and the warnings. What every client does would drown them.
		{name: "log_connections", value: "0"},
		{name: "log_disconnections", value: "0"},
		{name: "stats_period", value: "60"},

		{name: "max_prepared_statements", value: "200", since: Version{1, 21}},
	} {
		if !c.Version.before(s.since) {
			fmt.Fprintf(&text, "%s = %s\n", s.name, s.value)
		}
	}
	return text.String()
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }
