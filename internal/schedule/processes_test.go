package schedule_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/schedule"
)

const everySecond = "* * * * * *"

func TestMain(m *testing.M) {
	// The test program is also each of the processes below.
	if dsn := os.Getenv("SCHEDULE_WORK_ON"); dsn != "" {
		if err := workOn(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// workOn runs a job each second until the process is killed. Its effect is
// fenced, and idempotent by the run's key.
func workOn(dsn string) error {
	db, err := postgres.Open(context.Background(), dsn, postgres.Options{MaxConns: 4})
	if err != nil {
		return err
	}
	job := schedule.Job{
		Name: "tick", Spec: everySecond, CatchUp: schedule.Every,
		Do: func(ctx context.Context, r schedule.Run) error {
			return db.InTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
				if err := r.Fence(ctx, tx); err != nil {
					return err
				}
				if _, err := tx.Exec(ctx, "select pg_sleep(0.05)"); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, "insert into effect (key, due_at, term, pid) values ($1, $2, $3, $4) on conflict (key) do nothing",
					r.Key(), r.Due, r.Term, os.Getpid())
				return err
			})
		},
	}
	r, err := schedule.New(db, []schedule.Job{job}, schedule.Options{Lease: 400 * time.Millisecond, Retry: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	return r.Run(context.Background())
}

// Three processes; whichever runs the job is killed or frozen, again and
// again. Each due second has its effect once, and terms never go back.
func TestLeaderKilledAndFrozen(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if _, err := o.db.Exec(t.Context(), `create table effect (
		n bigint generated always as identity, key text primary key, due_at timestamptz, term bigint, pid int)`); err != nil {
		t.Fatal(err)
	}
	processes := map[int]*exec.Cmd{}
	begin := func() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SCHEDULE_WORK_ON="+o.db.Config().ConnString())
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		processes[cmd.Process.Pid] = cmd
	}
	end := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		delete(processes, cmd.Process.Pid)
	}
	t.Cleanup(func() {
		for _, cmd := range processes {
			end(cmd)
		}
	})
	for range 3 {
		begin()
	}
	var frozen *exec.Cmd
	var effects int
	for round := range 6 {
		o.until("select count(*) > $1 from effect", effects)
		var pid int
		if err := o.db.QueryRow(t.Context(), "select pid, (select count(*) from effect) from effect order by n desc limit 1").Scan(&pid, &effects); err != nil {
			t.Fatal(err)
		}
		leader := processes[pid]
		if frozen != nil {
			_ = frozen.Process.Signal(syscall.SIGCONT)
			frozen = nil
		}
		if leader == nil {
			continue
		}
		// Anywhere in the second.
		<-time.After(rand.N(time.Second))
		if round%2 == 0 {
			end(leader)
			begin()
		} else {
			frozen = leader
			_ = frozen.Process.Signal(syscall.SIGSTOP)
		}
	}
	o.until("select count(*) > $1 from effect", effects+2)
	if frozen != nil {
		_ = frozen.Process.Signal(syscall.SIGCONT)
	}
	for _, cmd := range processes {
		end(cmd)
	}
	var missing, backwards, holders int
	if err := o.db.QueryRow(t.Context(), `
		select extract(epoch from max(due_at) - min(due_at))::int + 1 - count(*),
			(select count(*) from effect a join effect b on a.n < b.n and a.term > b.term),
			count(distinct term)
		from effect`).Scan(&missing, &backwards, &holders); err != nil {
		t.Fatal(err)
	}
	if missing != 0 {
		t.Errorf("%d due seconds had no effect", missing)
	}
	if backwards != 0 {
		t.Errorf("%d effects of a deposed process after those of its successor", backwards)
	}
	if holders < 4 {
		t.Errorf("only %d processes ran the job: the test did not do its work", holders)
	}
}
