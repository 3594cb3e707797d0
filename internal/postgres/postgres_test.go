package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
)

func open(t *testing.T, o postgres.Options) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), dbtest.Blank(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := db.Exec(t.Context(), "create table pot (id int primary key, n int not null check (n >= 0)); insert into pot values (1, 0), (2, 0)"); err != nil {
		t.Fatal(err)
	}
	return db
}

func sum(t *testing.T, db *postgres.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "select sum(n) from pot").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Two transactions that lock two rows in opposite order deadlock on their
// first run; both must commit in the end.
func TestDeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{LockTimeout: 20 * time.Second, StatementTimeout: 30 * time.Second})
	var runs atomic.Int32
	var both sync.WaitGroup
	both.Add(2)
	take := func(first, second int) error {
		met := sync.OnceFunc(func() { both.Done(); both.Wait() })
		return db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			runs.Add(1)
			if _, err := tx.Exec(ctx, "update pot set n = n + 1 where id = $1", first); err != nil {
				return err
			}
			met()
			_, err := tx.Exec(ctx, "update pot set n = n + 1 where id = $1", second)
			return err
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- take(1, 2) }()
	go func() { errs <- take(2, 1) }()
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := sum(t, db); got != 4 {
		t.Errorf("the sum is %d, want 4", got)
	}
	if runs.Load() < 3 {
		t.Errorf("%d runs: there was no deadlock", runs.Load())
	}
}

func TestTriedAgainFiveTimesAtMost(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{})
	for _, code := range []string{"40001", "40P01", "55P03"} {
		runs := 0
		err := db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			runs++
			_, err := tx.Exec(ctx, fmt.Sprintf("do $$ begin raise exception 'no' using errcode = '%s'; end $$", code))
			return fmt.Errorf("step: %w", err)
		})
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != code || runs != 5 {
			t.Errorf("%s: %d runs, %v", code, runs, err)
		}
	}
}

func TestLockTimeoutIsTriedAgain(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{LockTimeout: 50 * time.Millisecond})
	holder, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), "select from pot where id = 1 for update"); err != nil {
		t.Fatal(err)
	}
	runs := 0
	err = db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		if runs++; runs == 2 {
			if err := holder.Rollback(ctx); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "update pot set n = 1 where id = 1")
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestOtherErrorsAreReturnedAtOnce(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{StatementTimeout: 100 * time.Millisecond})
	own := errors.New("own")
	for name, c := range map[string]struct {
		do    func(ctx context.Context, tx pgx.Tx) error
		check func(error) bool
	}{
		"own error": {
			func(context.Context, pgx.Tx) error { return own },
			func(err error) bool { return errors.Is(err, own) },
		},
		"constraint": {
			func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "update pot set n = -1")
				return err
			},
			func(err error) bool { return postgres.Violated(err) == "pot_n_check" },
		},
		"statement timeout": {
			func(ctx context.Context, tx pgx.Tx) error { _, err := tx.Exec(ctx, "select pg_sleep(30)"); return err },
			func(err error) bool {
				pgErr, ok := errors.AsType[*pgconn.PgError](err)
				return ok && pgErr.Code == "57014"
			},
		},
	} {
		runs := 0
		err := db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			runs++
			if _, err := tx.Exec(ctx, "update pot set n = 7"); err != nil {
				return err
			}
			return c.do(ctx, tx)
		})
		if runs != 1 || !c.check(err) {
			t.Errorf("%s: %d runs, %v", name, runs, err)
		}
		if got := sum(t, db); got != 0 {
			t.Errorf("%s: the update of a failed transaction stayed: %d", name, got)
		}
	}
}

func TestPanicRollsBack(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{MaxConns: 1})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "update pot set n = 7"); err != nil {
				return err
			}
			panic("x")
		})
	}()
	if got := sum(t, db); got != 0 { // also shows that the one connection is back
		t.Errorf("the sum is %d", got)
	}
}

// The link is cut when the commit has reached the server but its answer has
// not come back: nobody may run the transaction again.
func TestCommitWithLostAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	var link link
	config, err := pgxpool.ParseConfig(dbtest.Blank(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.DialFunc = link.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	db := postgres.Wrap(pool, postgres.Options{})
	if _, err := db.Exec(t.Context(), "create table pot (n int)"); err != nil {
		t.Fatal(err)
	}
	runs := 0
	err = db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		runs++
		if _, err := tx.Exec(ctx, "insert into pot values (1)"); err != nil {
			return err
		}
		link.deaf.Store(true)
		return nil
	})
	if _, ok := errors.AsType[*postgres.CommitUnknownError](err); !ok || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

// A commit that the server refuses is known to have failed.
func TestRefusedCommitIsKnown(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{})
	if _, err := db.Exec(t.Context(), "create table part (pot int references pot deferrable initially deferred)"); err != nil {
		t.Fatal(err)
	}
	err := db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "insert into part values (99)")
		return err
	})
	if got := postgres.Violated(err); got != "part_pot_fkey" {
		t.Errorf("violated %q: %v", got, err)
	}
	if _, unknown := errors.AsType[*postgres.CommitUnknownError](err); unknown {
		t.Error("called unknown")
	}
}

// link is a connection that can stop hearing: what is written still arrives.
type link struct{ deaf atomic.Bool }

func (l *link) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, addr)
	return &deafConn{c, l}, err
}

type deafConn struct {
	net.Conn
	link *link
}

func (c *deafConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.link.deaf.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// What waits for the commit is called once, though the transaction was run
// twice, and not when it was rolled back.
func TestOnCommit(t *testing.T) {
	t.Parallel()
	db := open(t, postgres.Options{})
	var called []string
	runs := 0
	err := db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
		runs++
		postgres.OnCommit(ctx, func() { called = append(called, fmt.Sprint("run ", runs, ", pot ", sum(t, db))) })
		if runs == 1 {
			return &pgconn.PgError{Code: "40001"}
		}
		_, err := tx.Exec(ctx, "update pot set n = 7 where id = 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	err = db.InTx(t.Context(), func(ctx context.Context, _ pgx.Tx) error {
		postgres.OnCommit(ctx, func() { called = append(called, "refused") })
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if !slices.Equal(called, []string{"run 2, pot 7"}) {
		t.Errorf("called: %q", called)
	}
	postgres.OnCommit(t.Context(), func() { t.Error("called without a transaction") })
}
