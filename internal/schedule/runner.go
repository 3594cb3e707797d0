package schedule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wasl-sms/wasl/internal/postgres"
)

const (
	tries   = 5
	history = 40 * 24 * time.Hour // how long finished runs are kept
)

// Options of a Runner. Zero values are replaced by the defaults named here.
type Options struct {
	Now   func() time.Time // time.Now
	Lease time.Duration    // 15 s: how long the jobs rest when a process dies
	Retry time.Duration    // 2 s: first pause after a failed try; doubles
	Log   *slog.Logger     // silent
}

// Runner runs the jobs whenever this process holds the lease.
type Runner struct {
	db     *postgres.DB
	jobs   []timetable
	holder string
	opts   Options
}

// New checks the jobs. Every process of the service should have the same.
func New(db *postgres.DB, jobs []Job, o Options) (*Runner, error) {
	parsed, err := parse(jobs)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lease == 0 {
		o.Lease = 15 * time.Second
	}
	if o.Retry == 0 {
		o.Retry = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Runner{
		db: db, jobs: parsed, opts: o,
		holder: fmt.Sprintf("%s/%d/%.6s", host, os.Getpid(), rand.Text()),
	}, nil
}

// Run waits for the lease, runs the jobs while it holds it, and so on until
// ctx ends. Jobs under way see the end of their context and are waited for.
func (r *Runner) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		term, err := r.acquire(ctx)
		switch {
		case err == nil:
			r.opts.Log.Info("this process runs the scheduled jobs", "term", term)
			r.lead(ctx, term)
		case ctx.Err() == nil && !errors.Is(err, pgx.ErrNoRows):
			r.opts.Log.Error("lease on the scheduled jobs", "error", err)
		}
		_ = pause(ctx, r.opts.Lease/3)
	}
	return nil
}

func (r *Runner) acquire(ctx context.Context) (term int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Lease)
	defer cancel()
	err = r.db.QueryRow(ctx, sqlAcquire, leaseName, r.holder, r.opts.Lease).Scan(&term)
	return term, err
}

// lead runs every job in a goroutine of its own until the lease is lost.
func (r *Runner) lead(ctx context.Context, term int64) {
	ctx, depose := context.WithCancelCause(ctx)
	var jobs sync.WaitGroup
	for _, j := range r.jobs {
		jobs.Go(func() { r.work(ctx, j, term) })
	}
	depose(r.renew(ctx, term))
	jobs.Wait()
	if errors.Is(context.Cause(ctx), ErrDeposed) {
		r.opts.Log.Warn("another process runs the scheduled jobs now", "term", term)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opts.Lease)
	defer cancel()
	if _, err := r.db.Exec(ctx, sqlRelease, leaseName, term); err != nil {
		r.opts.Log.Warn("give back the lease on the scheduled jobs", "error", err)
	}
}

// renew keeps the lease, and returns when it is lost or ctx ends.
func (r *Runner) renew(ctx context.Context, term int64) error {
	lapsed := time.NewTimer(r.opts.Lease)
	defer func() { lapsed.Stop() }()
	ask := time.NewTicker(r.opts.Lease / 3)
	defer ask.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lapsed.C:
			return errors.New("could not renew the lease")
		case <-ask.C:
		}
		// The new time runs from the question, not from the answer.
		fresh := time.NewTimer(r.opts.Lease)
		try, cancel := context.WithTimeout(ctx, r.opts.Lease/3)
		tag, err := r.db.Exec(try, sqlRenew, leaseName, term, r.opts.Lease)
		cancel()
		switch {
		case err != nil:
			fresh.Stop()
		case tag.RowsAffected() == 0:
			fresh.Stop()
			return ErrDeposed
		default:
			lapsed.Stop()
			lapsed = fresh
		}
	}
}

// work runs one job, instant after instant.
func (r *Runner) work(ctx context.Context, j timetable, term int64) {
	for {
		ran, err := r.next(ctx, j, term)
		if err != nil && ctx.Err() == nil {
			r.opts.Log.Error("scheduled job", "job", j.Name, "error", err)
		}
		if ran && err == nil {
			continue
		}
		now := r.opts.Now()
		wait := min(j.when.Next(now.UTC()).Sub(now), r.opts.Lease/3) // the wall clock may jump
		if pause(ctx, max(wait, time.Millisecond)) != nil {
			return
		}
	}
}

// next runs the job for one instant, if any has come.
func (r *Runner) next(ctx context.Context, j timetable, term int64) (ran bool, err error) {
	due, err := r.due(ctx, j, term)
	if err != nil || due.IsZero() {
		return false, err
	}
	run := Run{Job: j.Name, Due: due.UTC(), Term: term}
	var claimed time.Time
	err = r.db.QueryRow(ctx, sqlClaim, leaseName, j.Name, due, term, r.opts.Now()).Scan(&claimed)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // deposed, or run by a later holder
	}
	if err != nil {
		return false, err
	}
	failure := r.try(ctx, j, run)
	if err := ctx.Err(); err != nil {
		return false, err // unfinished: the next holder runs it
	}
	why := ""
	if failure != nil {
		why = failure.Error()
		r.opts.Log.Error("scheduled job given up", "job", j.Name, "due", run.Due, "error", failure)
	}
	if _, err := r.db.Exec(ctx, sqlFinish, j.Name, due, term, r.opts.Now(), why); err != nil {
		return false, err
	}
	_, err = r.db.Exec(ctx, sqlForget, j.Name, r.opts.Now().Add(-history))
	return true, err
}

func (r *Runner) due(ctx context.Context, j timetable, term int64) (time.Time, error) {
	var due time.Time
	err := r.db.QueryRow(ctx, sqlUnfinished, j.Name).Scan(&due)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return due, err
	}
	var last time.Time
	if err := r.db.QueryRow(ctx, sqlLast, j.Name).Scan(&last); err != nil {
		return time.Time{}, err
	}
	now := r.opts.Now()
	if last.Unix() == 0 {
		_, err := r.db.Exec(ctx, sqlAnchor, j.Name, now, term)
		return time.Time{}, err
	}
	return j.due(last, now), nil
}

// try runs the job until it succeeds, a few times at most.
func (r *Runner) try(ctx context.Context, j timetable, run Run) error {
	for n := 1; ; n++ {
		err := do(ctx, j, run)
		if err == nil || n == tries || errors.Is(err, ErrDeposed) {
			return err
		}
		r.opts.Log.Warn("scheduled job failed, will be tried again", "job", j.Name, "due", run.Due, "error", err)
		if err := pause(ctx, r.opts.Retry<<(n-1)); err != nil {
			return err
		}
	}
}

// do turns a panic into an error: it would come back with every start.
func do(ctx context.Context, j timetable, run Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return j.Do(ctx, run)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
