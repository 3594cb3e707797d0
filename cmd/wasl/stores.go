package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wasl-sms/wasl/internal/keys"
	"github.com/wasl-sms/wasl/internal/localdb"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/sessions"
)

// stores are what outlives a process: the database, the live sessions, the keys.
type stores struct {
	db       *postgres.DB
	dsn      string
	own      bool // the database is private to this data directory
	sessions sessions.Tier
	redis    redis.UniversalClient // nil: sessions are in memory
	keys     *keys.Ring
	close    []func()
}

// poolSize is for an address that names none. The driver's own choice, one for
// each core, has steps of dialogues wait for texts on a small machine.
const poolSize = 16

func openStores(ctx context.Context, s *Settings, log *slog.Logger) (*stores, error) {
	st := &stores{dsn: s.DatabaseURL}
	if err := st.open(ctx, s, log); err != nil {
		st.Close()
		return nil, err
	}
	return st, nil
}

func (st *stores) open(ctx context.Context, s *Settings, log *slog.Logger) error {
	// What is begun must be able to end after a signal: private servers stop with Close, not with ctx.
	ctx = context.WithoutCancel(ctx)
	if st.dsn == "" {
		pg, err := localdb.StartPostgres(ctx, filepath.Join(s.DataDir, "postgres"), localdb.Options{Log: log})
		if err != nil {
			return err
		}
		st.close = append(st.close, pg.Stop)
		st.dsn, st.own = pg.DSN, true
		if _, err := postgres.Migrate(ctx, st.dsn); err != nil {
			return err
		}
	} else if pending, err := postgres.Pending(ctx, st.dsn); err != nil {
		return err
	} else if pending {
		return errors.New("the database's schema is older than this program: run `wasl migrate` first")
	}
	var o postgres.Options
	if !strings.Contains(st.dsn, "pool_max_conns") {
		o.MaxConns = poolSize
	}
	db, err := postgres.Open(ctx, st.dsn, o)
	if err != nil {
		return err
	}
	st.db = db
	st.close = append(st.close, db.Close)
	return st.openKeys(s, log)
}

func (st *stores) openKeys(s *Settings, log *slog.Logger) (err error) {
	if s.Keys != "" {
		st.keys, err = keys.Load(s.Keys)
		return err
	}
	file := filepath.Join(s.DataDir, "keys.toml")
	made := false
	if st.keys, made, err = keys.LoadOrCreate(file); made {
		log.Warn("keys were made: without this file nothing sealed can be read again; keep a copy apart from the database", "file", file)
	}
	return err
}

// openSessions connects Redis: the one named, a private one, or none, and says which.
func (st *stores) openSessions(ctx context.Context, s *Settings, log *slog.Logger) error {
	address := s.RedisURL
	if address == "" {
		r, err := localdb.StartRedis(context.WithoutCancel(ctx), filepath.Join(s.DataDir, "redis"), log)
		if errors.Is(err, localdb.ErrNoRedis) {
			log.Warn("no redis-server on this machine: live dialogues are kept in memory and end with this process")
			st.sessions = sessions.NewMemoryStore(time.Now)
			return nil
		}
		if err != nil {
			return err
		}
		st.close = append(st.close, r.Stop)
		address = r.URL
	}
	options, err := redisOptions(address)
	if err != nil {
		return err
	}
	redis.SetLogger(quiet{log}) // it would write each failed dial to standard error
	st.redis = redis.NewUniversalClient(options)
	st.close = append(st.close, func() {
		if err := st.redis.Close(); err != nil {
			log.Debug("close redis", "error", err)
		}
	})
	st.sessions = sessions.NewRedisStore(st.redis)
	return nil
}

// quiet takes what the Redis client says of itself.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(ctx context.Context, format string, v ...any) {
	q.log.DebugContext(ctx, "redis client", "says", fmt.Sprintf(format, v...))
}

// redisOptions takes one URL, or several of a cluster, with the short timeouts
// that a USSD step can afford.
func redisOptions(urls string) (*redis.UniversalOptions, error) {
	var addrs []string
	var first *redis.Options
	for u := range strings.SplitSeq(urls, ",") {
		o, err := redis.ParseURL(u)
		if err != nil {
			return nil, fmt.Errorf("WASL_REDIS_URL: %w", err)
		}
		if first == nil {
			first = o
		}
		addrs = append(addrs, o.Addr)
	}
	o := sessions.RedisOptions(addrs...)
	o.Username, o.Password, o.DB, o.TLSConfig = first.Username, first.Password, first.DB, first.TLSConfig
	if first.Network == "unix" {
		o.Dialer = func(ctx context.Context, _, path string) (net.Conn, error) {
			return (&net.Dialer{Timeout: o.DialTimeout}).DialContext(ctx, "unix", path)
		}
	}
	return o, nil
}

// Close ends what was opened, last first.
func (st *stores) Close() {
	for _, end := range slices.Backward(st.close) {
		end()
	}
	st.close = nil
}
