package pooler

import (
	"strings"
	"testing"
	"time"
)

func TestNobodyButTheTaskReachesThePooler(t *testing.T) {
	settings := Configuration{}.Settings()
	for _, want := range []string{"listen_addr = 127.0.0.1\n", "server_tls_sslmode = verify-full\n"} {
		if !strings.Contains(settings, want) {
			t.Errorf("the settings lack %q, and clients need no password", want)
		}
	}
}

func TestATaskIsReplacedWhileItsLoginWorks(t *testing.T) {
	// Read just before a rotation, a login ends with the next one, which may come at an earlier hour of its day.
	const interval = 30 * 24 * time.Hour
	if life := TaskLife(30); life > interval-24*time.Hour || life < interval/2 {
		t.Errorf("a task lives for %s with a rotation every %s", life, interval)
	}
}
