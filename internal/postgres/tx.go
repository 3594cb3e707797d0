package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Wrap makes a DB of a pool that is open already.
func Wrap(pool *pgxpool.Pool, o Options) *DB {
	o = o.withDefaults()
	return &DB{Pool: pool, begin: pgx.TxOptions{
		// One round trip; "local" so that a pooler's next client is spared.
		BeginQuery: fmt.Sprintf("begin; set local statement_timeout = %d; set local lock_timeout = %d",
			o.StatementTimeout.Milliseconds(), o.LockTimeout.Milliseconds()),
		CommitQuery: "commit",
	}}
}

const (
	attempts  = 5
	firstWait = 10 * time.Millisecond
)

// SQLSTATEs after which PostgreSQL asks for the same transaction again.
var retryable = map[string]bool{
	"40001": true, // serialization_failure
	"40P01": true, // deadlock_detected
	"55P03": true, // lock_not_available, from lock_timeout
}

// CommitUnknownError says that the connection was lost while a commit was
// under way: the transaction may have taken effect or not. Look for its
// idempotency key before doing anything again.
type CommitUnknownError struct{ Cause error }

func (e *CommitUnknownError) Error() string {
	return "commit sent, outcome unknown: " + e.Cause.Error()
}

func (e *CommitUnknownError) Unwrap() error { return e.Cause }

// InTx runs fn in a transaction, and commits if it returns nil. After a
// serialization failure, a deadlock or a lock timeout the whole of fn runs
// again, five times at most in all, so fn must have no effect outside the
// transaction. Its error is returned as it is. When it cannot be known
// whether the commit took effect, nothing is tried again and the error is a
// *CommitUnknownError.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := db.once(ctx, fn)
		if attempt == attempts || !mayRetry(err) {
			return err
		}
		// Full jitter: those who collided must not meet again.
		wait := time.NewTimer(rand.N(firstWait << attempt))
		select {
		case <-ctx.Done():
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}

func (db *DB) once(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	tx, err := db.BeginTx(ctx, db.begin)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// Also for a panic in fn. The rollback must reach the server when ctx has
	// ended, or the connection is lost to the pool.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var after hooks
	if err := fn(context.WithValue(ctx, hooksKey{}, &after), tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before commit: %w", err)
	}
	if tx.Conn().IsClosed() {
		return fmt.Errorf("before commit: %w", pgconn.ErrConnClosed)
	}
	if err := commitError(tx.Commit(ctx)); err != nil {
		return err
	}
	for _, f := range after {
		f()
	}
	return nil
}

type hooks []func()

type hooksKey struct{}

// OnCommit has f called when the transaction has committed for which InTx gave
// ctx. It is for what nobody may rely on, as waking whoever else would look a
// little later: a process that dies calls nothing.
func OnCommit(ctx context.Context, f func()) {
	if h, ok := ctx.Value(hooksKey{}).(*hooks); ok {
		*h = append(*h, f)
	}
}

// commitError tells a refused commit from one whose fate is unknown.
// pgconn.SafeToRetry is no help: it also says yes to "conn closed" when the
// link broke while the answer was awaited.
func commitError(err error) error {
	if err == nil {
		return nil
	}
	pgErr, answered := errors.AsType[*pgconn.PgError](err)
	if answered && pgErr.SeverityUnlocalized == "ERROR" || errors.Is(err, pgx.ErrTxCommitRollback) {
		return fmt.Errorf("commit: %w", err)
	}
	return &CommitUnknownError{Cause: err}
}

func mayRetry(err error) bool {
	if _, unknown := errors.AsType[*CommitUnknownError](err); unknown {
		return false
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && retryable[pgErr.Code]
}

// Away tells of an error that it has nothing to do with what was asked: the
// database is gone, full, too slow or about to end. Whoever did several things
// at once gains nothing by doing them one by one.
func Away(err error) bool {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return len(pgErr.Code) == 5 && slices.Contains([]string{"08", "53", "57", "58", "XX"}, pgErr.Code[:2])
	}
	if _, unknown := errors.AsType[*CommitUnknownError](err); unknown {
		return true
	}
	if _, refused := errors.AsType[*pgconn.ConnectError](err); refused {
		return true
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Violated returns the name of the constraint that refused a write (unique,
// check, foreign key or exclusion), or "" if err is something else.
func Violated(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && len(pgErr.Code) == 5 && pgErr.Code[:2] == "23" {
		return pgErr.ConstraintName
	}
	return ""
}
