package pooler

import (
	_ "embed"
	"time"
)

const (
	// Folder is where the pooler writes its files.
	Folder = "/run/pooler"

	rootsFile = "roots.pem"
)

//go:embed start.sh
var start string

//go:embed health.sh
var health string

// StartCommand runs the pooler in the folder.
func StartCommand(folder string) []string { return []string{"/bin/sh", "-c", start, "pooler", folder} }

// HealthCommand ends with 0 while the pooler can be used.
func HealthCommand(folder string) []string {
	return []string{"/bin/sh", "-c", health, "health", folder}
}

// TaskLife is how long a login surely works after it was read: it does until the next but one rotation, and a rotation comes at
// some hour of its day.
func TaskLife(rotationDays int) time.Duration { return time.Duration(rotationDays-1) * 24 * time.Hour }

// Refusals are what the log says when clients get no connection to the database. Where nobody has answered since the start, all
// that it says is that a client has waited in vain.
var Refusals = []string{"server login failed", "TLS handshake error", "DNS lookup failed", "server_login_retry", "query_wait_timeout"}
