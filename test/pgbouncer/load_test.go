package pgbouncer_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"peakline/lambda/contract"
	"peakline/test/pgbouncer"
	"peakline/test/postgres"
)

// load runs clients that ask again and again until it is stopped. A client that lost its connection opens another.
type load struct {
	mutex   sync.Mutex
	answers map[string]int // by the answer
	errors  []error
	last    time.Time     // of an answer
	gap     time.Duration // the longest time without any
	stop    func()
}

func startLoad(t *testing.T, p *pgbouncer.Pooler, database string, clients int, ask func(context.Context, *pgx.Conn) (string, error)) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{answers: map[string]int{}, last: time.Now()}
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for ctx.Err() == nil {
				conn, err := p.Dial(ctx, database)
				for err == nil {
					var answer string
					if answer, err = ask(ctx, conn); err == nil {
						l.count(answer)
					}
				}
				if conn != nil {
					conn.Close(context.WithoutCancel(ctx))
				}
				if ctx.Err() == nil {
					l.fail(err)
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	l.stop = func() { cancel(); running.Wait() }
	t.Cleanup(l.stop)
	return l
}

func (l *load) count(answer string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := time.Now()
	l.answers[answer]++
	l.gap, l.last = max(l.gap, now.Sub(l.last)), now
}

func (l *load) fail(err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.errors = append(l.errors, err)
}

// anew forgets what was counted so far.
func (l *load) anew() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.answers, l.errors, l.gap, l.last = map[string]int{}, nil, 0, time.Now()
}

// share is which part of the answers came from this address since counting began.
func (l *load) share(answer string) float64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return float64(l.answers[answer]) / float64(max(l.total(), 1))
}

// answered is how many answers came since counting began.
func (l *load) answered() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.total()
}

func (l *load) total() (total int) {
	for _, n := range l.answers {
		total += n
	}
	return total
}

// longest is the longest time without an answer since counting began.
func (l *load) longest() time.Duration {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return max(l.gap, time.Since(l.last))
}

func (l *load) failures() []error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.errors)
}

// writes counts what the database has confirmed.
type writes struct {
	*load
	next atomic.Int64
}

// startWrites inserts orders with the numbers from first on.
func startWrites(t *testing.T, p *pgbouncer.Pooler, first int) *writes {
	t.Helper()
	w := &writes{}
	w.next.Store(int64(first))
	w.load = startLoad(t, p, contract.WriterPool, 2, func(ctx context.Context, conn *pgx.Conn) (string, error) {
		id := w.next.Add(1) - 1
		_, err := conn.Exec(ctx, "INSERT INTO orders VALUES ($1)", id)
		return fmt.Sprint(id), err
	})
	return w
}

// lostNone compares what was confirmed with what is there.
func (w *writes) lostNone(t *testing.T, server *postgres.Server) {
	t.Helper()
	w.stop()
	if len(w.answers) == 0 {
		t.Fatal("nothing was written, so nothing was proven")
	}
	rows, err := server.Connect(t, postgres.Superuser, server.Password, contract.ServiceDatabase).Query(t.Context(), "SELECT id::text FROM orders")
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	confirmed := maps.Clone(w.answers)
	for _, id := range found {
		delete(confirmed, id)
	}
	if len(confirmed) > 0 {
		t.Errorf("%d confirmed orders are gone", len(confirmed))
	}
}
