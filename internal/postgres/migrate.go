package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/wasl-sms/wasl/migrations"
)

// Migrate brings the schema up to the newest migration of this program, and
// returns how many ran. Several processes may call it at once: one works,
// the others wait. It needs a direct connection, not one through a pooler.
func Migrate(ctx context.Context, dsn string) (int, error) {
	provider, db, err := provide(dsn)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	done, err := provider.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrate: %w", err)
	}
	return len(done), nil
}

// Pending reports whether the database lacks a migration of this program.
func Pending(ctx context.Context, dsn string) (bool, error) {
	provider, db, err := provide(dsn)
	if err != nil {
		return false, err
	}
	defer func() { _ = db.Close() }()
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("look for pending migrations: %w", err)
	}
	return pending, nil
}

func provide(dsn string) (*goose.Provider, *sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, nil, fmt.Errorf("database address: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, db, nil
}
