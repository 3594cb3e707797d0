package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options of a pool. Zero values are replaced by the defaults named here.
type Options struct {
	MaxConns         int32         // what the address says in pool_max_conns, else pgx's own choice
	StatementTimeout time.Duration // 5 s; longer work is cut into pieces
	LockTimeout      time.Duration // 2 s
	ConnectTimeout   time.Duration // what the address says in connect_timeout, else 10 s
	// Pooler says that a connection pooler in transaction mode (pgbouncer)
	// stands in between: no prepared statement outlives a transaction, and
	// the timeouts hold inside InTx only.
	Pooler bool
}

func (o Options) withDefaults() Options {
	if o.StatementTimeout == 0 {
		o.StatementTimeout = 5 * time.Second
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 2 * time.Second
	}
	return o
}

// DB is a pool of connections to one database. Reads may use the pool's own
// methods; whatever changes more than one row goes through InTx.
type DB struct {
	*pgxpool.Pool

	begin pgx.TxOptions
}

// Open makes a pool and waits until the database has answered once.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	o = o.withDefaults()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	if o.MaxConns > 0 {
		config.MaxConns = o.MaxConns
	}
	// A server that takes a connection and says nothing, or a network that
	// swallows it: pgx's own limit would keep its place in the pool for two minutes.
	switch {
	case o.ConnectTimeout > 0:
		config.ConnConfig.ConnectTimeout = o.ConnectTimeout
	case config.ConnConfig.ConnectTimeout == 0:
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	if o.Pooler {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	} else {
		for name, d := range map[string]time.Duration{
			"statement_timeout":                   o.StatementTimeout,
			"lock_timeout":                        o.LockTimeout,
			"idle_in_transaction_session_timeout": 2 * o.StatementTimeout,
		} {
			config.ConnConfig.RuntimeParams[name] = strconv.FormatInt(d.Milliseconds(), 10)
		}
		// Statements here are short; compiling one that looks long for want of
		// statistics takes a thousand times what it saves.
		config.ConnConfig.RuntimeParams["jit"] = "off"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return Wrap(pool, o), nil
}
