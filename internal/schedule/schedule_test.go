package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/wasl-sms/wasl/internal/localdb/dbtest"
	"github.com/wasl-sms/wasl/internal/postgres"
	"github.com/wasl-sms/wasl/internal/schedule"
)

var noon = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

// clock is set by the test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// office runs one process's jobs and lets a test wait for them.
type office struct {
	t     *testing.T
	db    *postgres.DB
	clock *clock
	runs  chan schedule.Run
}

func newOffice(t *testing.T) *office {
	t.Helper()
	db := dbtest.DB(t, postgres.Options{})
	t.Cleanup(func() { goleak.VerifyNone(t, goleak.IgnoreCurrent()) })
	return &office{t: t, db: db, clock: &clock{at: noon}, runs: make(chan schedule.Run, 1000)}
}

func (o *office) note(_ context.Context, r schedule.Run) error {
	o.runs <- r
	return nil
}

// open starts a runner; the returned function stops it and waits.
func (o *office) open(jobs ...schedule.Job) (stop func()) {
	o.t.Helper()
	r, err := schedule.New(o.db, jobs, schedule.Options{Now: o.clock.now, Lease: 300 * time.Millisecond, Retry: time.Millisecond})
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(o.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() {
		o.t.Helper()
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
	}
}

// seen waits until every job has its first row.
func (o *office) seen(jobs int) {
	o.t.Helper()
	o.until("select count(distinct job) = $1 from job_run", jobs)
}

func (o *office) until(sql string, args ...any) {
	o.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for {
		var ok bool
		if err := o.db.QueryRow(o.t.Context(), sql, args...).Scan(&ok); err != nil {
			o.t.Fatal(err)
		}
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			o.t.Fatalf("never came true: %s %v", sql, args)
		}
	}
}

// collect returns the keys of the next n runs.
func (o *office) collect(n int) (keys []string) {
	o.t.Helper()
	limit := time.After(20 * time.Second)
	for range n {
		select {
		case r := <-o.runs:
			keys = append(keys, r.Key())
		case <-limit:
			o.t.Fatalf("only %v", keys)
		}
	}
	slices.Sort(keys)
	return keys
}

func TestMissedRunsAreCaughtUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	jobs := []schedule.Job{
		{Name: "sweep", Spec: "*/10 * * * *", Do: o.note},
		{Name: "remind", Spec: "0 * * * *", CatchUp: schedule.Every, Do: o.note},
	}
	stop := o.open(jobs...)
	o.seen(2)
	stop()
	o.clock.set(noon.Add(3*time.Hour + 25*time.Minute))
	stop = o.open(jobs...)
	want := []string{
		"remind/2026-03-21T13:00:00Z", "remind/2026-03-21T14:00:00Z", "remind/2026-03-21T15:00:00Z",
		"sweep/2026-03-21T15:20:00Z",
	}
	if got := o.collect(4); !slices.Equal(got, want) {
		t.Errorf("caught up %v, want %v", got, want)
	}
	// Nothing is run twice by a third start at the same time of day.
	o.until("select count(*) = 0 from job_run where finished_at is null")
	stop()
	stop = o.open(jobs...)
	o.clock.set(noon.Add(3*time.Hour + 30*time.Minute))
	if got := o.collect(1); got[0] != "sweep/2026-03-21T15:30:00Z" {
		t.Errorf("then %v", got)
	}
	stop()
	if len(o.runs) != 0 {
		t.Errorf("and more: %v", <-o.runs)
	}
}

// In Africa/Casablanca 02:00 to 03:00 came twice on 2026-02-15 and not at all
// on 2026-03-22, for Ramadan. Due instants are in UTC, and none of it shows.
func TestChangeOfTheHourNeitherSkipsNorDoubles(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Africa/Casablanca")
	if err != nil {
		t.Fatal(err)
	}
	o := newOffice(t)
	o.clock.set(time.Date(2026, 2, 14, 12, 0, 0, 0, zone))
	job := schedule.Job{Name: "nightly", Spec: "30 2 * * *", CatchUp: schedule.Every, Do: o.note}
	stop := o.open(job)
	o.seen(1)
	o.clock.set(time.Date(2026, 3, 24, 12, 0, 0, 0, zone))
	keys := o.collect(38) // 15 February to 24 March
	stop()
	if n := len(slices.Compact(keys)); n != 38 || len(o.runs) != 0 {
		t.Errorf("%d different runs and %d more: %v", n, len(o.runs), keys)
	}
}

func TestFailingJobIsTriedAgainAndGivenUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var mu sync.Mutex
	tries := map[string]int{}
	stop := o.open(schedule.Job{Name: "fails", Spec: "0 * * * *", CatchUp: schedule.Every, Do: func(_ context.Context, r schedule.Run) error {
		mu.Lock()
		defer mu.Unlock()
		tries[r.Key()]++
		switch {
		case r.Due.Hour() == 13:
			return errors.New("out of paper")
		case r.Due.Hour() == 14:
			panic("out of hands")
		case r.Due.Hour() == 15 && tries[r.Key()] < 3:
			return errors.New("not yet")
		}
		o.runs <- r
		return nil
	}})
	o.seen(1)
	o.clock.set(noon.Add(4 * time.Hour))
	got := o.collect(2)
	o.until("select count(*) = 5 from job_run where finished_at is not null")
	stop()
	if want := []string{"fails/2026-03-21T15:00:00Z", "fails/2026-03-21T16:00:00Z"}; !slices.Equal(got, want) {
		t.Errorf("ran %v, want %v", got, want)
	}
	for key, want := range map[string]int{"fails/2026-03-21T13:00:00Z": 5, "fails/2026-03-21T14:00:00Z": 5, "fails/2026-03-21T15:00:00Z": 3} {
		if tries[key] != want {
			t.Errorf("%s tried %d times, want %d", key, tries[key], want)
		}
	}
	o.until("select error = 'out of paper' from job_run where due_at = $1", noon.Add(time.Hour))
	o.until("select error like 'panic: out of hands%' from job_run where due_at = $1", noon.Add(2*time.Hour))
}

// The one that waits does not run anything, and does not unseat the other.
func TestOneRunnerOfTwo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	job := schedule.Job{Name: "hourly", Spec: "0 * * * *", CatchUp: schedule.Every, Do: o.note}
	stopA, stopB := o.open(job), o.open(job)
	o.seen(1)
	var want []string
	for hour := 13; hour < 18; hour++ {
		var until time.Time
		if err := o.db.QueryRow(t.Context(), "select until from job_lease").Scan(&until); err != nil {
			t.Fatal(err)
		}
		o.until("select until > $1 from job_lease", until) // renewed
		o.clock.set(time.Date(2026, 3, 21, hour, 0, 0, 0, time.UTC))
		want = append(want, fmt.Sprintf("hourly/2026-03-21T%d:00:00Z", hour))
	}
	if got := o.collect(5); !slices.Equal(got, want) {
		t.Errorf("ran %v", got)
	}
	o.until("select term = 1 from job_lease")
	stopA()
	stopB()
	if len(o.runs) != 0 {
		t.Errorf("and again %v", <-o.runs)
	}
}

// A stop in the middle of a run leaves it to the next process.
func TestInterruptedRunIsRunAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	begun := make(chan struct{})
	stop := o.open(schedule.Job{Name: "long", Spec: "0 * * * *", Do: func(ctx context.Context, _ schedule.Run) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}})
	o.seen(1)
	o.clock.set(noon.Add(time.Hour))
	<-begun
	stop()
	stop = o.open(schedule.Job{Name: "long", Spec: "0 * * * *", Do: o.note})
	if got := o.collect(1); got[0] != "long/2026-03-21T13:00:00Z" {
		t.Error(got)
	}
	o.until("select count(*) = 0 from job_run where finished_at is null")
	stop()
}

func TestFenceRefusesTheOneBefore(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	stop := o.open(schedule.Job{Name: "fenced", Spec: "0 * * * *", Do: o.note})
	o.seen(1)
	o.clock.set(noon.Add(time.Hour))
	var run schedule.Run
	select {
	case run = <-o.runs:
	case <-time.After(20 * time.Second):
		t.Fatal("did not run")
	}
	fence := func() error {
		return o.db.InTx(t.Context(), func(ctx context.Context, tx pgx.Tx) error { return run.Fence(ctx, tx) })
	}
	if err := fence(); err != nil {
		t.Errorf("the holder is refused: %v", err)
	}
	if _, err := o.db.Exec(t.Context(), "update job_lease set term = term + 1"); err != nil {
		t.Fatal(err)
	}
	if err := fence(); !errors.Is(err, schedule.ErrDeposed) {
		t.Errorf("the one before is let through: %v", err)
	}
	stop()
}

func TestBadJobsAreRefused(t *testing.T) {
	t.Parallel()
	do := func(context.Context, schedule.Run) error { return nil }
	for want, jobs := range map[string][]schedule.Job{
		"needs a name":     {{Spec: "* * * * *", Do: do}},
		"something to do":  {{Name: "a", Spec: "* * * * *"}},
		"of its own":       {{Name: "a", Spec: "* * * * *", Do: do}, {Name: "a", Spec: "* * * * *", Do: do}},
		`job a: when "x"`:  {{Name: "a", Spec: "x", Do: do}},
		"job a: when \"\"": {{Name: "a", Do: do}},
		"never comes":      {{Name: "a", Spec: "0 0 31 2 *", Do: do}},
	} {
		if _, err := schedule.New(nil, jobs, schedule.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}

// A job is due at the instant after the one it last ran for, and has succeeded
// when it ended without an error.
func TestStandings(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	fail := func(context.Context, schedule.Run) error { return errors.New("no") }
	jobs := []schedule.Job{
		{Name: "sweep", Spec: "*/10 * * * *", Do: o.note},
		{Name: "broken", Spec: "*/10 * * * *", Do: fail},
	}
	r, err := schedule.New(o.db, jobs, schedule.Options{Now: o.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	look := func() map[string]schedule.Standing {
		list, err := r.Standings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]schedule.Standing{}
		for _, s := range list {
			all[s.Job] = s
		}
		return all
	}
	ten := noon.Add(10 * time.Minute)
	if s := look()["sweep"]; !s.Success.IsZero() || !s.Due.Equal(ten) {
		t.Errorf("never run: %+v", s)
	}
	stop := o.open(jobs...)
	o.seen(2)
	o.clock.set(ten.Add(time.Second))
	o.until("select count(*) = 4 from job_run where finished_at is not null")
	stop()
	o.clock.set(ten.Add(time.Hour)) // nobody runs them any more
	all := look()
	for name, success := range map[string]time.Time{"sweep": ten, "broken": noon} {
		if s := all[name]; !s.Success.Equal(success) || !s.Due.Equal(ten.Add(10*time.Minute)) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
