package pooler

import (
	"strings"
	"testing"
	"time"
)

func TestANewerVersionAddsWhatTheTestedOneDoesNotKnow(t *testing.T) {
	c := Configuration{Version: Tested, Reader: "ro.example", Writer: "rw.example", Port: "5432", PoolSize: 4}
	newer := c
	newer.Version = Version{1, 25}
	if strings.Contains(c.Settings(), "max_prepared_statements") {
		t.Error("the tested version would refuse to start")
	}
	if !strings.HasPrefix(newer.Settings(), c.Settings()) || !strings.Contains(newer.Settings(), "max_prepared_statements = 200") {
		t.Error("prepared statements fail with the shipped version, or it has other settings than those that were tested")
	}
	for version, want := range map[Version]string{
		Tested: "host=ro.example ", {1, 24}: "host=ro.example ", {1, 25}: "host=ro.example,ro.example ", {2, 0}: "host=ro.example,ro.example ",
	} {
		c.Version = version
		if got := c.ReaderConnection(); !strings.HasPrefix(got, want) {
			t.Errorf("version %v reads from %q, want %q at its beginning", version, got, want)
		}
	}
}

func TestNobodyButTheTaskReachesThePooler(t *testing.T) {
	settings := Configuration{Version: Tested}.Settings()
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
