package rotation_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"peakline/lambda/contract"
	"peakline/lambda/pooler"
	"peakline/test/pgbouncer"
	"peakline/test/postgres"
)

// startPooler runs the pooler of a task that reads the secret now.
func (a *account) startPooler(t *testing.T, secret string) *pgbouncer.Pooler {
	t.Helper()
	l := a.current(t, secret)
	c := pooler.Configuration{
		Writer: postgres.Host, Reader: postgres.Host, Port: fmt.Sprint(a.server.Port),
		PoolSize: 3, Lifetime: time.Second,
	}
	here := func(connection string) string {
		return strings.Replace(connection, "dbname="+contract.ServiceDatabase, "dbname="+l.Dbname, 1)
	}
	return pgbouncer.Start(t, nil, map[string]string{
		contract.EnvPoolerSettings: c.Settings(),
		contract.EnvPoolerWriter:   here(c.WriterConnection()),
		contract.EnvPoolerReader:   here(c.ReaderConnection()),
		contract.EnvPoolerRoots:    string(a.server.RootsPEM),
		contract.EnvPoolerUser:     l.Username,
		contract.EnvPoolerPassword: l.Password,
		contract.EnvPoolerTaskLife: "86400",
	})
}

// A task reads its secret when it starts, and another takes its place before the next but one rotation.
func poolersSurvive(t *testing.T, a *account) {
	secret := a.service(t, "cart")
	old := a.startPooler(t, secret)
	var task atomic.Pointer[pgbouncer.Pooler] // the one that gets requests
	task.Store(old)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	var served atomic.Int64
	for range 6 {
		group.Go(func() {
			for ctx.Err() == nil {
				conn, err := task.Load().Dial(context.WithoutCancel(ctx), contract.WriterPool)
				for n := 0; err == nil && n < 50; n++ {
					if _, err = conn.Exec(context.WithoutCancel(ctx), "INSERT INTO orders DEFAULT VALUES"); err == nil {
						served.Add(1)
					}
				}
				if err != nil {
					t.Errorf("a request failed during rotation: %v", err)
					return
				}
				conn.Close(context.WithoutCancel(ctx))
			}
		})
	}
	const severalLifetimes = 3 * time.Second // every connection is made anew
	time.Sleep(severalLifetimes)
	a.rotate(t, secret)
	time.Sleep(severalLifetimes)
	task.Store(a.startPooler(t, secret))
	time.Sleep(severalLifetimes)
	a.rotate(t, secret)
	time.Sleep(severalLifetimes)
	stop()
	group.Wait()
	t.Logf("%d requests during 2 rotations", served.Load())

	if conn, err := old.Dial(t.Context(), contract.WriterPool); err == nil {
		_, err = conn.Exec(t.Context(), "INSERT INTO orders DEFAULT VALUES")
		conn.Close(t.Context())
		if err == nil {
			t.Error("a password still works two rotations later")
		}
	}
	if old.Health() == nil {
		t.Error("the task whose login is refused is healthy, so nothing replaces it")
	}
}
