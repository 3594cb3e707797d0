// Package dbtest gives each test a migrated database of its own on a real
// PostgreSQL, and a real redis-server. One PostgreSQL serves all test
// processes of a user; it ends by itself a minute after the last of them.
package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wasl-sms/wasl/internal/localdb"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/migrations"
)

const (
	idle     = time.Minute
	keep     = 12 // templates of other versions of the migrations
	clonesAs = "wasl_test_"
	template = "wasl_template_"
)

// New returns a pool on a new, migrated and empty database. Both are gone
// when the test ends.
func New(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return open(tb, DSN(tb), postgres.Options{}).Pool
}

// DB is New with the options of the program's own pool.
func DB(tb testing.TB, o postgres.Options) *postgres.DB {
	tb.Helper()
	return open(tb, DSN(tb), o)
}

func open(tb testing.TB, dsn string, o postgres.Options) *postgres.DB {
	tb.Helper()
	db, err := postgres.Open(context.Background(), dsn, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	return db
}

// DSN returns the address of a new, migrated and empty database, which is
// dropped when the test ends, whoever is connected.
func DSN(tb testing.TB) string {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatalf("tests need PostgreSQL: %v", err)
	}
	name, err := s.migrated()
	if err != nil {
		tb.Fatalf("template database: %v", err)
	}
	return s.clone(tb, name)
}

// Blank returns the address of a new database without any table.
func Blank(tb testing.TB) string {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatalf("tests need PostgreSQL: %v", err)
	}
	return s.clone(tb, "template0")
}

func (s *server) clone(tb testing.TB, of string) string {
	tb.Helper()
	name := fmt.Sprintf("%s%d_%d", clonesAs, os.Getpid(), s.next.Add(1))
	if _, err := s.admin.Exec(context.Background(), "create database "+name+" template "+of); err != nil {
		tb.Fatalf("clone the template database: %v", err)
	}
	tb.Cleanup(func() {
		if _, err := s.admin.Exec(context.Background(), "drop database if exists "+name+" with (force)"); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return s.dsn(name)
}

// Redis starts a redis-server for this test and returns its address.
func Redis(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "wasl-redis-") //nolint:usetesting // the parent of TempDir is closed to the server's account
	if err != nil {
		tb.Fatal(err)
	}
	r, err := localdb.StartRedis(context.Background(), dir, nil)
	if err != nil {
		tb.Fatalf("tests need redis-server: %v", err)
	}
	tb.Cleanup(func() {
		r.Stop()
		_ = os.RemoveAll(dir)
	})
	return r.URL
}

type server struct {
	base     string
	admin    *pgxpool.Pool
	next     atomic.Int64
	migrated func() (string, error) // name of the template database
}

// shared finds or starts the server, once for each test process. It is in
// use until the process ends.
var shared = sync.OnceValues(func() (*server, error) {
	ctx := context.Background()
	pg, err := localdb.SharePostgres(ctx, directory(), idle, localdb.Options{NoSync: true, Settings: []string{
		"fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"max_wal_size=512MB", "autovacuum=off", "max_connections=400", "shared_buffers=256MB",
	}})
	if err != nil {
		return nil, err
	}
	s := &server{base: pg.DSN}
	config, err := pgxpool.ParseConfig(pg.DSN)
	if err != nil {
		return nil, err
	}
	// No statement here is prepared twice, and few run at once.
	config.MaxConns = 2
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	if s.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	s.migrated = sync.OnceValues(func() (string, error) { return s.prepare(ctx) })
	return s, nil
})

func (s *server) dsn(database string) string {
	u, err := url.Parse(s.base)
	if err != nil {
		panic(err) // made by localdb
	}
	u.Path = "/" + database
	return u.String()
}

// prepare makes the template of this version of the migrations, unless a
// process before has made it, and clears what killed processes left.
func (s *server) prepare(ctx context.Context) (string, error) {
	sum, err := digest(migrations.FS)
	if err != nil {
		return "", err
	}
	current := template + sum
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(1)"); err != nil {
		return "", err
	}
	defer func() { _, _ = conn.Exec(ctx, "select pg_advisory_unlock(1)") }()

	rows, err := conn.Query(ctx, "select datname from pg_database where datname like 'wasl\\_%' order by oid desc")
	if err != nil {
		return "", err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	made, templates := false, 0
	for _, name := range names {
		if strings.HasPrefix(name, template) {
			templates++
		}
		switch {
		case name == current:
			made = true
		case left(name), templates > keep, strings.HasSuffix(name, "_new"):
			if _, err := conn.Exec(ctx, "drop database if exists "+name+" with (force)"); err != nil {
				return "", err
			}
		}
	}
	if made {
		return current, nil
	}
	fresh := current + "_new"
	if _, err := conn.Exec(ctx, "create database "+fresh+" template template0"); err != nil {
		return "", err
	}
	if _, err := postgres.Migrate(ctx, s.dsn(fresh)); err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "alter database "+fresh+" rename to "+current)
	return current, err
}

// left reports whether a clone belonged to a process that has ended.
func left(name string) bool {
	rest, ok := strings.CutPrefix(name, clonesAs)
	if !ok {
		return false
	}
	of, _, _ := strings.Cut(rest, "_")
	pid, err := strconv.Atoi(of)
	return err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

func digest(fsys fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(b), b)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

// directory is a new one after each start of the machine: a cluster without
// fsync may not survive that.
func directory() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("unknown") // a kernel that does not tell
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("wasl-test-%d-%.8s", os.Getuid(), boot))
}
