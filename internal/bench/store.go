package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/postgres"
)

const sqlUnanswered = `select count(*) from message_part where state in ('queued', 'in_doubt')`

// Unanswered counts the parts whose answer the database does not have yet.
func Unanswered(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
},
) (n int, err error) {
	if err := db.QueryRow(ctx, sqlUnanswered).Scan(&n); err != nil {
		return 0, fmt.Errorf("bench: count parts: %w", err)
	}
	return n, nil
}

// From the end of each index: what has left a queue lies dead at its head, and to pass over all of that on each look would
// take a good part of what is measured.
const sqlOpen = `
select exists (select from (select 1 from message_part where state = 'queued' and operator = 'bench' order by class desc, id desc limit 1) q)
    or exists (select from (select 1 from message_part where state = 'in_doubt' order by sent_at desc limit 1) d)`

// Settled waits until the answer to every part is stored.
func Settled(ctx context.Context, db *postgres.DB) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var open bool
		if err := db.QueryRow(ctx, sqlOpen).Scan(&open); err != nil {
			return fmt.Errorf("bench: look for open parts: %w", err)
		}
		if !open {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const sqlSize = `select pg_database_size(current_database())`

// DatabaseSize is in bytes.
func DatabaseSize(ctx context.Context, db *postgres.DB) (n int64, err error) {
	if err := db.QueryRow(ctx, sqlSize).Scan(&n); err != nil {
		return 0, fmt.Errorf("bench: size of the database: %w", err)
	}
	return n, nil
}

const (
	sqlNoLimits  = `select set_config('statement_timeout', '0', true), set_config('session_replication_role', 'replica', true)`
	sqlPastMonth = `select message_month(now() - make_interval(months => $1))`

	// Sealed columns are as long as real ones; nothing of them is ever opened. Operators' ids count up.
	sqlHistoryTexts = `
insert into message (id, created_at, text_key, lang, class, operator, recipient, number_sealed, body_sealed, form, parts)
select message_floor(at) | (n & 4194303), at, 'permit.received', 'fr', 4, 'bench', decode(md5(n::text) || md5(n::text), 'hex'),
    decode(md5(n::text) || md5(n::text), 'hex') || '\\x0011223344'::bytea,
    decode(repeat(md5(n::text), 9), 'hex'), 'udh8', 1
from generate_series(1, $2::int) n, lateral (
    select date_trunc('month', now() - make_interval(months => $1), 'UTC') + (n::float8 / $2) * interval '28 days' as at) a`
	sqlHistoryParts = `
insert into message_part (id, message_id, part, operator, class, state, due_at, expires_at, attempt, bind, sent_at, smsc_id,
    accepted_at, final_at, reason)
select id << 8 | 1, id, 1, 'bench', 4, 'delivered', created_at, created_at + interval '3 days', 1, 'bench/1', created_at,
    to_hex(id), created_at, created_at, 'receipt'
from message where id >= message_floor(date_trunc('month', now() - make_interval(months => $1), 'UTC'))
    and id < message_floor(date_trunc('month', now() - make_interval(months => $1 - 1), 'UTC'))`
	sqlVacuum = `vacuum (freeze, analyze) message, message_part`
)

// FillHistory puts n delivered texts into the twelve months before this one.
// It needs a superuser: the keys between the tables are right by construction
// and not looked at.
func FillHistory(ctx context.Context, db *postgres.DB, n int) error {
	const months = 12
	for month := 1; month <= months; month++ {
		err := db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
			b := &pgx.Batch{}
			b.Queue(sqlNoLimits)
			b.Queue(sqlPastMonth, month)
			if err := tx.SendBatch(ctx, b).Close(); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, sqlHistoryTexts, month, n/months); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, sqlHistoryParts, month)
			return err
		})
		if err != nil {
			return fmt.Errorf("bench: fill month %d: %w", month, err)
		}
	}
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `set statement_timeout = 0`); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sqlVacuum, pgx.QueryExecModeExec)
	return err
}
