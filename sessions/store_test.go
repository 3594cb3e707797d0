package sessions_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/wasl-sms/wasl/sessions"
	"github.com/wasl-sms/wasl/sessions/sessionstest"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{}) // the servers here are killed on purpose
	// A closed pool whose server is gone ends its dialler within a second.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	sessionstest.Run(t, func(*testing.T) sessionstest.Fixture {
		c := newClock()
		return sessionstest.Fixture{Store: sessions.NewMemoryStore(c.now), Pass: c.pass}
	})
}

func openRedis(t testing.TB, r *sessionstest.Redis) *sessions.RedisStore {
	t.Helper()
	client := r.Client()
	t.Cleanup(func() { client.Close() })
	return sessions.NewRedisStore(client)
}

// wait lets real time pass for a store whose clock is redis-server's.
func wait(d time.Duration) { <-time.After(d) }

func TestRedisStore(t *testing.T) {
	t.Parallel()
	r := sessionstest.StartRedis(t)
	sessionstest.Run(t, func(t *testing.T) sessionstest.Fixture {
		return sessionstest.Fixture{Store: openRedis(t, r), Pass: wait}
	})
}

func TestFailoverStore(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() sessions.FailoverConfig{
		"plain": func() sessions.FailoverConfig { return sessions.FailoverConfig{} },
		"with copies": func() sessions.FailoverConfig {
			return sessions.FailoverConfig{Applied: func(string, sessions.State, time.Duration) {}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sessionstest.Run(t, func(t *testing.T) sessionstest.Fixture {
				c := newClock()
				cfg := open()
				cfg.Now = c.now
				first, second := sessions.NewMemoryStore(c.now), sessions.NewMemoryStore(c.now)
				return sessionstest.Fixture{Store: sessions.NewFailover(first, second, cfg), Pass: c.pass}
			})
		})
	}
}
