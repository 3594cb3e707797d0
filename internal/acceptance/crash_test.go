package acceptance

import (
	"cmp"
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
)

// TestDatabaseKilled: PostgreSQL is killed with SIGKILL again and again under
// the same load, and the process lives on. Nothing that was acknowledged is
// lost or has its effect twice, and nothing at all is sent twice: answers wait
// in memory until they can be stored, and nothing new is written meanwhile.
func TestDatabaseKilled(t *testing.T) {
	t.Parallel()
	seed := cmp.Or(*seedFlag, rand.Uint64())
	t.Logf("again with: go test ./internal/acceptance -run %s -v -args -seed %d", t.Name(), seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	// Killed processes leave their pages to the kernel: what fsync is for is not tried here.
	server := dbtest.StartServer(t, "fsync=off")
	w := newWorld(t, settings{dsn: server.DSN})
	p := w.program.serve(t)
	w.bound()
	l := begin(w, 4, 1)
	l.underWay(5)
	total := kills(t, 200) / 10
	for range total {
		l.pause(time.Duration(100+rng.IntN(500)) * time.Millisecond)
		old := 0 // which would be ourselves
		w.until("PostgreSQL has a process", func() bool { old = server.PID(); return old > 1 })
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		w.until("PostgreSQL is back", func() bool { return w.answers() == nil && server.PID() != old })
		select {
		case <-p.ended:
			t.Fatalf("the process ended with its database: %v", p.cmd.ProcessState)
		default:
		}
	}
	l.stop()
	l.wg.Wait()
	p.stop(t)
	w.outage()
	p = w.program.serve(t)
	w.quiet()
	p.stop(t)
	t.Logf("%d kills", total)
	newJudge(w).judge(l)
}

// answers asks PostgreSQL for a sign of life, and does not wait long for it.
func (w *world) answers() error {
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
	defer cancel()
	return w.db.Ping(ctx)
}
