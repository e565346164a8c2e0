package rotation_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/jackc/pgx/v5/pgconn"

	"peakline/lambda/internal/rotation"
)

var errCrash = errors.New("the function died here")

// fault loses the answer of one call: Secrets Manager or PostgreSQL has done what was asked, and the function ends
// without knowing. Losing the answer of one call is the same as dying before the next.
type fault struct {
	turn  int64 // which call, from 1
	calls atomic.Int64
	lost  atomic.Pointer[string]
}

// into is a rotator that the fault hits.
func (f *fault) into(a *account) *rotation.Rotator {
	r := a.rotator()
	r.Secrets = &crashing{a, f}
	r.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &crashingConn{Conn: conn, fault: f}, nil
	}
	return r
}

// hits counts one answered call and says whether its answer is the one to lose.
func (f *fault) hits(call string) bool {
	if f.calls.Add(1) != f.turn {
		return false
	}
	f.lost.Store(&call)
	return true
}

// fired names the call whose answer was lost, "" while none was.
func (f *fault) fired() string {
	if call := f.lost.Load(); call != nil {
		return *call
	}
	return ""
}

func lose[T any](f *fault, call string, answer T, err error) (T, error) {
	if f.hits(call) {
		var nothing T
		return nothing, errCrash
	}
	return answer, err
}

type crashing struct {
	*account
	fault *fault
}

type options = func(*secretsmanager.Options)

func (c *crashing) DescribeSecret(ctx context.Context, in *secretsmanager.DescribeSecretInput, o ...options) (*secretsmanager.DescribeSecretOutput, error) {
	out, err := c.account.DescribeSecret(ctx, in, o...)
	return lose(c.fault, "DescribeSecret", out, err)
}

func (c *crashing) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, o ...options) (*secretsmanager.GetSecretValueOutput, error) {
	out, err := c.account.GetSecretValue(ctx, in, o...)
	return lose(c.fault, "GetSecretValue", out, err)
}

func (c *crashing) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, o ...options) (*secretsmanager.PutSecretValueOutput, error) {
	out, err := c.account.PutSecretValue(ctx, in, o...)
	return lose(c.fault, "PutSecretValue", out, err)
}

func (c *crashing) GetRandomPassword(ctx context.Context, in *secretsmanager.GetRandomPasswordInput, o ...options) (*secretsmanager.GetRandomPasswordOutput, error) {
	out, err := c.account.GetRandomPassword(ctx, in, o...)
	return lose(c.fault, "GetRandomPassword", out, err)
}

func (c *crashing) UpdateSecretVersionStage(ctx context.Context, in *secretsmanager.UpdateSecretVersionStageInput, o ...options) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	out, err := c.account.UpdateSecretVersionStage(ctx, in, o...)
	return lose(c.fault, "UpdateSecretVersionStage", out, err)
}

// crashingConn is a connection to PostgreSQL whose answers count one by one.
type crashingConn struct {
	net.Conn
	fault *fault
}

func (c *crashingConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if c.fault.hits("PostgreSQL") {
		c.Close()
		return 0, errCrash
	}
	return n, err
}

// freezing opens connections that give up once it is time and stay open at the server until the test ends.
func freezing(t *testing.T, now func() bool) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { conn.Close() })
		return &freezingConn{Conn: conn, now: now}, nil
	}
}

type freezingConn struct {
	net.Conn
	now    func() bool
	frozen atomic.Bool
}

func (c *freezingConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if c.frozen.Load() || c.now() {
		c.frozen.Store(true)
		return 0, errCrash
	}
	return n, err
}

func (c *freezingConn) Write(from []byte) (int, error) {
	if c.frozen.Load() {
		return 0, errCrash
	}
	return c.Conn.Write(from)
}

func (c *freezingConn) Close() error {
	if c.frozen.Load() {
		return nil
	}
	return c.Conn.Close()
}

// overtaken is an account where another invocation of createSecret always stores first, which Secrets Manager answers
// with an error that the emulation does not have.
type overtaken struct{ *account }

func (o *overtaken) PutSecretValue(ctx context.Context, in *secretsmanager.PutSecretValueInput, opts ...options) (*secretsmanager.PutSecretValueOutput, error) {
	if _, err := o.account.PutSecretValue(ctx, in, opts...); err != nil {
		return nil, err
	}
	return nil, &types.ResourceExistsException{}
}
