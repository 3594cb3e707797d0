package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/links"
	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/run/runtest"
)

// A SIGHUP has each process read the operators file again, those without binds
// too, and ends none. Not parallel: the signal goes to this whole process.
func TestHangupReadsTheOperatorsFileAgain(t *testing.T) {
	n := newNetwork(t)
	dsn, dir := dbtest.DSN(t), t.TempDir()
	s := Settings{
		DatabaseURL: dsn, RedisURL: dbtest.Redis(t), HTTPAddr: "127.0.0.1:0", DataDir: dir,
		Operators: filepath.Join(dir, "operators.toml"), Log: "error",
	}
	write := func(window int, more string) {
		t.Helper()
		text := fmt.Sprintf("[[operator]]\nname = \"north\"\nshort_codes = [\"3690\"]\n[[operator.bind]]\naddress = %q\nsystem_id = \"wasl\"\n"+
			"password = \"secret\"\nwindow = %d\n%s", n.addr, window, more)
		if err := os.WriteFile(s.Operators, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(10, "")
	db, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	store := links.New(db, time.Now)
	serve := func(role string) {
		runtest.Start(t, func(ctx context.Context) error { return serveCmd{Roles: []string{role}}.Run(ctx, &s, logOf(t)) })
		listeners := `select count(*) from pg_stat_activity where datname = current_database() and query = 'listen links'`
		before := 0
		if err := db.QueryRow(t.Context(), listeners).Scan(&before); err != nil {
			t.Fatal(err)
		}
		until(t, role+" runs", func() bool {
			var now int
			return db.QueryRow(t.Context(), listeners).Scan(&now) == nil && now > before
		})
	}
	serve("gateway")
	serve("web")
	bound := func() links.Standing {
		list, err := store.Operators(t.Context())
		if err != nil || len(list) == 0 || len(list[0].Binds) == 0 {
			return links.Standing{}
		}
		return list[0].Binds[0].At[0]
	}
	until(t, "the bind is told as bound", func() bool { return bound().State == links.Bound })
	since := bound().Since

	hangUp := func(window int, more string, want links.Outcome, times int) {
		t.Helper()
		write(window, more)
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		until(t, fmt.Sprintf("both processes have %s it", want), func() bool {
			list, err := store.Reloads(t.Context(), 20)
			if err != nil || len(list) != times {
				return false
			}
			for _, r := range list[:2] {
				if len(r.Done) != 1 || r.Done[0].Outcome != want {
					return false
				}
			}
			return true
		})
	}
	hangUp(10, "[[operator]]\nname = \"south\"\nprefixes = [\"+213\"]\nsender = \"Wasl\"\n[[operator.bind]]\naddress = \"127.0.0.1:1\"\n", links.Applied, 2)
	hangUp(-1, "", links.Spoiled, 4)
	if b := bound(); b.State != links.Bound || !b.Since.Equal(since) || b.Rebinds != 0 {
		t.Errorf("the bind that stayed the same: %+v", b)
	}
}
