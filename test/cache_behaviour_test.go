package test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	client "github.com/redis/go-redis/v9"

	"peakline/config"
	"peakline/test/redis"
)

// These tests run a real server with what the templates of the shipped environments say: the eviction policy of a group's
// parameters, and the access strings of its users.

const (
	memory  = "maxmemory 12mb"
	payload = 2048 // bytes of a value
	enough  = 20_000
)

// started is a real server with the parameters of a group, in a process of its own.
func startedAs(t *testing.T, environment string, purpose config.CachePurpose) (*redis.Server, *client.Client) {
	t.Helper()
	a := shippedEnvironment(t, environment)
	policy := a.target(a.cacheGroup(purpose), "CacheParameterGroupName").get("Properties/maxmemory-policy")
	server := redis.Start(t, memory, fmt.Sprintf("maxmemory-policy %v", policy))
	return server, server.Administer(t)
}

func shippedEnvironment(t *testing.T, name string) *assembly {
	t.Helper()
	for _, a := range synthesized(t).assemblies {
		if a.shipped && a.environment.Name == name {
			return a
		}
	}
	t.Fatalf("there is no environment %s", name)
	return nil
}

func TestALiveSessionIsNeverEvicted(t *testing.T) {
	for environment, purpose := range map[string]config.CachePurpose{"prod": config.CacheSessions, "local": ""} {
		t.Run(environment, func(t *testing.T) {
			_, db := startedAs(t, environment, purpose)
			ctx, value := t.Context(), strings.Repeat("x", payload)
			written := 0
			for ; written < enough; written++ {
				err := db.Set(ctx, fmt.Sprintf("sessions:%d", written), value, time.Hour).Err()
				if err != nil {
					if !strings.HasPrefix(err.Error(), "OOM ") {
						t.Fatalf("a full memory says %q, want OOM", err)
					}
					break
				}
			}
			if written == enough {
				t.Fatal("the memory was never full, so nothing was proven")
			}
			if kept := db.DBSize(ctx).Val(); kept != int64(written) || counter(t, db, "evicted_keys") != 0 {
				t.Errorf("%d of %d sessions are left: visitors were signed out in mid-purchase", kept, written)
			}
			if got, err := db.Get(ctx, "sessions:0").Result(); err != nil || got != value {
				t.Errorf("the oldest session cannot be read while the memory is full: %v", err)
			}
			// What ended makes room by itself.
			for n := range written / 2 {
				db.PExpire(ctx, fmt.Sprintf("sessions:%d", n), time.Millisecond)
			}
			eventually(t, "sessions that ended still take the room of new ones", func() bool {
				return db.Set(ctx, "sessions:new", value, time.Hour).Err() == nil
			})
			if kept := db.Exists(ctx, numberedKeys("sessions:%d", written/2, written)...).Val(); kept != int64(written-written/2) {
				t.Errorf("%d of %d sessions that had not ended are left", kept, written-written/2)
			}
		})
	}
}

func TestAFullProductCacheKeepsWhatIsReadOften(t *testing.T) {
	_, db := startedAs(t, "prod", config.CacheProducts)
	ctx, value := t.Context(), strings.Repeat("x", payload)
	const popular, reads = 200, 100
	for n := range popular {
		if err := db.Set(ctx, fmt.Sprintf("products:popular:%d", n), value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for range reads {
		if _, err := db.Pipelined(ctx, func(pipe client.Pipeliner) error {
			for n := range popular {
				pipe.Get(ctx, fmt.Sprintf("products:popular:%d", n))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	const crawled = 15_000 // more than twice what fits, each read once, as a crawler does
	for n := range crawled {
		if err := db.Set(ctx, fmt.Sprintf("products:crawled:%d", n), value, time.Hour).Err(); err != nil {
			t.Fatalf("a full product cache refuses to be written: %v", err)
		}
	}
	if counter(t, db, "evicted_keys") == 0 {
		t.Fatal("the memory was never full, so nothing was proven")
	}
	if kept := db.Exists(ctx, numberedKeys("products:popular:%d", 0, popular)...).Val(); kept < popular*9/10 {
		t.Errorf("%d of %d popular products are left after a crawler: the database would have to serve them", kept, popular)
	}
}

func TestCountersThatEndSoonestGoFirst(t *testing.T) {
	_, db := startedAs(t, "prod", config.CacheRateLimits)
	ctx, value := t.Context(), strings.Repeat("x", payload)
	if err := db.Set(ctx, "rateLimits:without-end", value, 0).Err(); err != nil {
		t.Fatal(err)
	}
	const each = 1500 // of two kinds, which fit together
	for n := range each {
		db.Set(ctx, fmt.Sprintf("rateLimits:soon:%d", n), value, time.Minute)
		db.Set(ctx, fmt.Sprintf("rateLimits:late:%d", n), value, 24*time.Hour)
	}
	if counter(t, db, "evicted_keys") != 0 {
		t.Fatal("the memory is too small for this test")
	}
	for n := 0; counter(t, db, "evicted_keys") < each && n < enough; n++ {
		if err := db.Set(ctx, fmt.Sprintf("rateLimits:new:%d", n), value, 12*time.Hour).Err(); err != nil {
			t.Fatalf("a full memory refuses to count: %v", err)
		}
	}
	soon := db.Exists(ctx, numberedKeys("rateLimits:soon:%d", 0, each)...).Val()
	late := db.Exists(ctx, numberedKeys("rateLimits:late:%d", 0, each)...).Val()
	if soon > each/4 || late < each*9/10 {
		t.Errorf("of %d counters each, %d that end in a minute and %d that end in a day are left: the wrong ones went", each, soon, late)
	}
	if db.Exists(ctx, "rateLimits:without-end").Val() != 1 {
		t.Error("a key without an end was evicted")
	}
}

// allowed and refused are commands by the user; % stands for the beginning of the user's own keys.
var (
	allowed = []string{
		"SET %a 1 EX 60", "GET %a", "GETEX %a EX 60", "EXPIRE %a 60", "TTL %a", "INCR %n", "MSET %a 1 %b 2", "MGET %a %b", "HSET %h f v", "HGETALL %h",
		"ZADD %z 1 a", "ZRANGE %z 0 -1", "SADD %s a", "DEL %a", "UNLINK %b", "EXISTS %a", "PING", "ECHO hi", "INFO server", "CLIENT SETNAME shop", "CLIENT ID", "MULTI", "DISCARD",
	}
	allowedPrograms = []string{"EVAL return(redis.call('incr',KEYS[1])) 1 %n", "SCRIPT LOAD return(1)", "SCRIPT EXISTS 0"}
	refused         = []string{
		"FLUSHALL", "FLUSHDB", "KEYS *", "SCAN 0", "RANDOMKEY", "CONFIG GET *", "CONFIG SET maxmemory 0", "CONFIG REWRITE", "ACL LIST", "ACL SETUSER x on", "ACL WHOAMI",
		"SHUTDOWN NOSAVE", "DEBUG SLEEP 0", "MONITOR", "REPLICAOF NO ONE", "FAILOVER", "SAVE", "BGSAVE", "SWAPDB 0 1", "MODULE LIST", "CLIENT LIST", "CLIENT KILL ID 1",
		"CLIENT PAUSE 1000", "SLOWLOG GET", "LATENCY LATEST", "FUNCTION FLUSH", "SCRIPT FLUSH", "SCRIPT KILL", "SORT %s", "MIGRATE 127.0.0.1 1 %a 0 1", "RESTORE %r 0 x",
		"PUBLISH c m", "SUBSCRIBE c", "GET other:a", "SET other:a 1", "DEL other:a", "RENAME %n other:a", "COPY other:a %a",
	}
)

func TestAServiceMayUseItsOwnKeysOnly(t *testing.T) {
	a := shippedEnvironment(t, "prod")
	server := redis.Start(t)
	db := server.Administer(t)
	for _, purpose := range config.CachePurposes {
		t.Run(string(purpose), func(t *testing.T) {
			user, password := a.cacheUser(purpose), rand.Text()
			setUser(t, db, user.text("UserName"), user.text("AccessString"), password)
			service := server.Connect(t, user.text("UserName"), password)
			may, mayNot := allowed, refused
			if purpose == config.CacheRateLimits {
				may = slices.Concat(may, allowedPrograms)
			} else {
				mayNot = slices.Concat(mayNot, allowedPrograms)
			}
			conn := service.Conn() // MULTI and DISCARD belong together
			defer conn.Close()
			for _, command := range may {
				if err := conn.Do(t.Context(), words(command, purpose)...).Err(); err != nil && !errors.Is(err, client.Nil) {
					t.Errorf("%s: %v: services need it", command, err)
				}
			}
			for _, command := range mayNot {
				if err := service.Do(t.Context(), words(command, purpose)...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM ") {
					t.Errorf("%s: %v, want NOPERM: it reaches beyond the service's own keys", command, err)
				}
			}
		})
	}
}

func TestNobodyIsTheDefaultUser(t *testing.T) {
	a := shippedEnvironment(t, "prod")
	nobody := a.where("AWS::ElastiCache::User", "UserName", "default")[0]
	server, password := redis.Start(t), rand.Text()
	setUser(t, server.Administer(t), "default", nobody.text("AccessString"), password)
	for name, service := range map[string]*client.Client{
		"without a name":             server.Connect(t, "", ""),
		"with the right password":    server.Connect(t, "", password),
		"by name, with the password": server.Connect(t, "default", password),
	} {
		if err := service.Get(t.Context(), "sessions:a").Err(); err == nil || errors.Is(err, client.Nil) {
			t.Errorf("the default user reads %s (%v): whoever reaches the port reads every session", name, err)
		}
	}
	if err := server.Administer(t).Ping(t.Context()).Err(); err != nil {
		t.Errorf("the server answers nobody (%v), so nothing was proven", err)
	}
}

func TestTheCacheSpeaksOnlyTLS(t *testing.T) {
	server := redis.Start(t)
	conn, err := net.Dial("tcp", net.JoinHostPort(redis.Host, strconv.Itoa(server.Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte("PING\r\n"))
	answer := make([]byte, 64)
	if n, _ := conn.Read(answer); strings.Contains(string(answer[:n]), "PONG") || strings.Contains(string(answer[:n]), "NOAUTH") {
		t.Errorf("the server of these tests answers %q in the clear, so that they prove nothing of TLS", answer[:n])
	}
}

// setUser makes a user as ElastiCache does of an access string and a password.
func setUser(t *testing.T, db *client.Client, name, access, password string) {
	t.Helper()
	rules := []any{"ACL", "SETUSER", name, "reset"}
	for _, rule := range strings.Fields(access) {
		rules = append(rules, rule)
	}
	if err := db.Do(t.Context(), append(rules, ">"+password)...).Err(); err != nil {
		t.Fatalf("the server does not take the access string %q: %v", access, err)
	}
}

func words(command string, purpose config.CachePurpose) []any {
	var arguments []any
	for _, word := range strings.Fields(command) {
		if rest, own := strings.CutPrefix(word, "%"); own {
			word = string(purpose) + ":" + rest
		}
		arguments = append(arguments, word)
	}
	return arguments
}

func numberedKeys(format string, from, until int) []string {
	var keys []string
	for n := from; n < until; n++ {
		keys = append(keys, fmt.Sprintf(format, n))
	}
	return keys
}

// counter reads a number from the server's statistics.
func counter(t *testing.T, db *client.Client, name string) int {
	t.Helper()
	for _, line := range strings.Split(db.Info(t.Context(), "stats").Val(), "\r\n") {
		if value, found := strings.CutPrefix(line, name+":"); found {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("the server counts no %s", name)
	return 0
}

func eventually(t *testing.T, consequence string, reached func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !reached() {
		if ctx.Err() != nil {
			t.Fatal(consequence)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
