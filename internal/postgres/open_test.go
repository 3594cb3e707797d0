package postgres_test

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
)

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func show(t *testing.T, on querier, setting string) (value string) {
	t.Helper()
	if err := on.QueryRow(t.Context(), "select current_setting($1)", setting).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// A server that takes connections and never answers is given up, and the place
// in the pool is free again.
func TestASilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = postgres.Open(ctx, "postgres:///x?user=x&host="+dir, postgres.Options{ConnectTimeout: 100 * time.Millisecond})
	if err == nil || ctx.Err() != nil {
		t.Errorf("the server was waited for: %v", err)
	}
	for address, want := range map[string]time.Duration{"": 10 * time.Second, "&connect_timeout=3": 3 * time.Second} {
		db, err := postgres.Open(t.Context(), dbtest.Blank(t)+address, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		if got := db.Config().ConnConfig.ConnectTimeout; got != want {
			t.Errorf("with %q a connection is given up after %v", address, got)
		}
	}
}

func TestTimeoutsHold(t *testing.T) {
	t.Parallel()
	o := postgres.Options{StatementTimeout: 7 * time.Second, LockTimeout: 3 * time.Second}
	for name, c := range map[string]struct {
		pooler  bool
		outside string
	}{
		"direct":           {false, "7s"},
		"through a pooler": {true, "0"},
	} {
		o.Pooler = c.pooler
		db := open(t, o)
		if got := show(t, db, "statement_timeout"); got != c.outside {
			t.Errorf("%s: outside a transaction statement_timeout is %s", name, got)
		}
		err := db.InTx(t.Context(), func(_ context.Context, tx pgx.Tx) error {
			if s, l := show(t, tx, "statement_timeout"), show(t, tx, "lock_timeout"); s != "7s" || l != "3s" {
				t.Errorf("%s: inside a transaction they are %s and %s", name, s, l)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		var prepared int
		if err := db.QueryRow(t.Context(), "select count(*) from pg_prepared_statements").Scan(&prepared); err != nil {
			t.Fatal(err)
		}
		if c.pooler && prepared != 0 {
			t.Errorf("%s: %d statements stay prepared", name, prepared)
		}
	}
}

func TestMigrateByManyAtOnce(t *testing.T) {
	t.Parallel()
	dsn := dbtest.Blank(t)
	if pending, err := postgres.Pending(t.Context(), dsn); err != nil || !pending {
		t.Fatalf("an empty database is called complete: %t, %v", pending, err)
	}
	var wg sync.WaitGroup
	var workers atomic.Int32
	for range 3 {
		wg.Go(func() {
			n, err := postgres.Migrate(t.Context(), dsn)
			if err != nil {
				t.Error(err)
			}
			if n > 0 {
				workers.Add(1)
			}
		})
	}
	wg.Wait()
	if workers.Load() != 1 {
		t.Errorf("%d processes ran migrations, want 1", workers.Load())
	}
	if pending, err := postgres.Pending(t.Context(), dsn); err != nil || pending {
		t.Errorf("still pending: %t, %v", pending, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"postgres://127.0.0.1:1/none?connect_timeout=1", "postgres:///x?host=/nowhere", "nonsense://"} {
		if db, err := postgres.Open(t.Context(), dsn, postgres.Options{}); err == nil {
			db.Close()
			t.Errorf("%s was opened", dsn)
		}
	}
}
