package localdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/wasl-sms/wasl/internal/localdb"
)

// quick makes clusters that need not survive a power cut.
var quick = localdb.Options{NoSync: true, Settings: []string{"fsync=off", "shared_buffers=16MB"}}

func TestMain(m *testing.M) {
	// The test program is also the second process of the tests below.
	if dir := os.Getenv("LOCALDB_HOLD"); dir != "" {
		hold(dir)
		return
	}
	os.Exit(m.Run())
}

// hold starts the servers in dir, says so, and waits to be told to end.
func hold(dir string) {
	pg, err := localdb.StartPostgres(context.Background(), filepath.Join(dir, "postgres"), quick)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(pg.DSN)
	_, _ = os.Stdin.Read(make([]byte, 1))
	pg.Stop()
}

func start(t *testing.T, dir string) *localdb.Postgres {
	t.Helper()
	pg, err := localdb.StartPostgres(t.Context(), dir, quick)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pg.Stop)
	return pg
}

// query returns the first column of the first row, trying until the server
// answers or a deadline passes.
func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	var out string
	try(t, func() error {
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(t.Context()) }()
		return conn.QueryRow(t.Context(), sql).Scan(&out)
	})
	return out
}

func try(t *testing.T, fn func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(30 * time.Second)
	for {
		err := fn()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal(err)
		}
	}
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestPostgresKeepsItsDataAndStops(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep", 20), "postgres")
	pg := start(t, dir)
	if got := query(t, pg.DSN, "select datcollate || ' ' || pg_encoding_to_char(encoding) from pg_database where datname = current_database()"); got != "C.UTF-8 UTF8" {
		t.Errorf("database is %s", got)
	}
	query(t, pg.DSN, "select 'done' from (select set_config('x.y', '1', false)) s")
	conn, err := pgx.Connect(t.Context(), pg.DSN)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "create extension btree_gist; create extension pgcrypto; create table kept as select 42 as n"); err != nil {
		t.Fatal(err)
	}
	pid := postmaster(t, dir)
	pg.Stop() // with a client still connected
	_ = conn.Close(t.Context())
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the server outlived Stop")
	}
	if got := query(t, start(t, dir).DSN, "select n::text from kept"); got != "42" {
		t.Errorf("after a restart the table holds %s", got)
	}
}

func TestSecondProcessUsesTheServerOfTheFirstAndTakesOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), "LOCALDB_HOLD="+dir)
	in, err := first.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	first.Stdout = &out
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "postgres", "data", "postmaster.pid")
	try(t, func() error { _, err := os.Stat(data); return err })
	pg := start(t, filepath.Join(dir, "postgres"))
	query(t, pg.DSN, "select 'up'")
	theirs := postmaster(t, filepath.Join(dir, "postgres"))
	if parent := parentOf(t, theirs); parent != first.Process.Pid {
		t.Fatalf("the server's parent is %d, want the first process %d", parent, first.Process.Pid)
	}

	_ = in.Close()
	if err := first.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if got := strings.TrimSpace(out.String()); got != pg.DSN {
		t.Errorf("the processes see %s and %s", got, pg.DSN)
	}
	query(t, pg.DSN, "select 'up again'")
	if parent := parentOf(t, postmaster(t, filepath.Join(dir, "postgres"))); parent != os.Getpid() {
		t.Errorf("the server's parent is %d, want this process %d", parent, os.Getpid())
	}
}

func TestServerDiesWithAKilledParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := exec.Command(os.Args[0])
	first.Env = append(os.Environ(), "LOCALDB_HOLD="+dir)
	if _, err := first.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := first.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid := postmaster(t, filepath.Join(dir, "postgres"))
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	try(t, func() error {
		if syscall.Kill(pid, 0) == nil && parentOf(t, pid) != 0 {
			return fmt.Errorf("PostgreSQL %d outlived its parent", pid)
		}
		return nil
	})
}

func TestServerKilledIsStartedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	pg := start(t, dir)
	pid := postmaster(t, dir)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	try(t, func() error {
		b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(b), strconv.Itoa(pid)+"\n") {
			return errors.New("still the old postmaster.pid")
		}
		return nil
	})
	query(t, pg.DSN, "select 'back'")
}

// A backend that does not notice the death of its server holds the shared
// memory, and its client waits.
func TestServerKilledWithAStuckBackend(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	pg := start(t, dir)
	conn, err := pgx.Connect(t.Context(), pg.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	pid := postmaster(t, dir)
	if err := syscall.Kill(int(conn.PgConn().PID()), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	query(t, pg.DSN, "select 'back'")
	if now := postmaster(t, dir); now == pid {
		t.Error("still the old server")
	}
	if _, err := conn.Exec(t.Context(), "select 1"); err == nil {
		t.Error("a backend outlived its server")
	}
}

func TestStalePidOfAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "postgres")
	pg := start(t, dir)
	stale, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pg.Stop()
	// As if the machine had been cut off, and the number given to us since.
	_, rest, _ := strings.Cut(string(stale), "\n")
	file := filepath.Join(dir, "data", "postmaster.pid")
	if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n%s", os.Getpid(), rest), 0o600); err != nil {
		t.Fatal(err)
	}
	query(t, start(t, dir).DSN, "select 'up'")
}

func TestSharedServerEndsWhenNobodyUsesIt(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "shared")
	share := func() *localdb.Postgres {
		pg, err := localdb.SharePostgres(t.Context(), dir, 200*time.Millisecond, quick)
		if err != nil {
			t.Fatal(err)
		}
		return pg
	}
	one, two := share(), share()
	pid := postmaster(t, dir)
	one.Stop()
	runtime.GC() // nothing but the process itself holds the lock
	query(t, two.DSN, "select pg_sleep(0.5)::text")
	if got := postmaster(t, dir); got != pid {
		t.Errorf("server %d became %d while in use", pid, got)
	}
	two.Stop()
	try(t, func() error {
		if _, err := os.Stat(filepath.Join(dir, "data", "postmaster.pid")); err == nil {
			return fmt.Errorf("the server runs on though nobody uses it")
		}
		return nil
	})
	three := share()
	query(t, three.DSN, "select 'up'")
	three.Stop()
}

// Alone: what is open here for others to inherit, all servers of the other tests would get.
//
//nolint:paralleltest // the same
func TestSharedServerHoldsNothingOfItsStarter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	lock := func(flags int) (fd int, err error) {
		if fd, err = syscall.Open(file, syscall.O_CREAT|syscall.O_RDONLY|flags, 0o600); err != nil {
			t.Fatal(err)
		}
		return fd, syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
	}
	fd, err := lock(0) // as flock(1) hands it on
	if err != nil {
		t.Fatal(err)
	}
	pg, err := localdb.SharePostgres(t.Context(), filepath.Join(t.TempDir(), "shared"), 200*time.Millisecond, quick)
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop()
	if err := syscall.Close(fd); err != nil {
		t.Fatal(err)
	}
	fd, err = lock(syscall.O_CLOEXEC)
	if err != nil {
		t.Errorf("the server holds the lock of who started it: %v", err)
	}
	_ = syscall.Close(fd)
}

func TestRedis(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "redis")
	first, err := localdb.StartRedis(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	opts, err := redis.ParseURL(first.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	second, err := localdb.StartRedis(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := client.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("a second start gave a server that holds %q", got)
	}
	if got := client.ConfigGet(t.Context(), "maxmemory-policy").Val()["maxmemory-policy"]; got != "noeviction" {
		t.Errorf("maxmemory-policy is %s", got)
	}
	second.Stop()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the user of a server stopped it: %v", err)
	}
	first.Stop()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Error("the server outlived Stop")
	}
}

// parentOf returns the parent's process id, 0 for a process that has ended.
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	var state string
	var parent int
	_, rest, _ := strings.Cut(string(b), ") ")
	if _, err := fmt.Sscan(rest, &state, &parent); err != nil {
		t.Fatal(err)
	}
	if state == "Z" {
		return 0
	}
	return parent
}
