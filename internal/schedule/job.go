package schedule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/robfig/cron/v3"
)

// CatchUp says what to do about due instants that passed while nothing ran.
type CatchUp uint8

// Ways to catch up.
const (
	Newest CatchUp = iota // run for the newest missed instant: sweeps, alarms
	Every                 // run for each one in turn: whatever is about a certain day
)

// Job is work that falls due again and again.
type Job struct {
	Name string // stable: missed runs are found by it
	// Spec is when, in UTC: "minute hour day-of-month month day-of-week", with
	// seconds in front for six fields.
	Spec    string
	CatchUp CatchUp
	// Do runs the job for one due instant. An error has it tried again.
	Do func(ctx context.Context, r Run) error
}

// Run is one due instant of a job.
type Run struct {
	Job  string
	Due  time.Time // UTC
	Term int64
}

// Key is the same however often this instant is run: the idempotency key for
// what the job does.
func (r Run) Key() string { return r.Job + "/" + r.Due.UTC().Format(time.RFC3339) }

// ErrDeposed says that another process runs the jobs by now.
var ErrDeposed = errors.New("another process holds the lease on the jobs")

// Fence makes sure that this process still runs the jobs, and that no other
// begins to before tx has ended. Otherwise it returns ErrDeposed.
func (r Run) Fence(ctx context.Context, tx pgx.Tx) error {
	var held bool
	if err := tx.QueryRow(ctx, sqlFence, leaseName, r.Term).Scan(&held); err != nil {
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrDeposed
		}
		return fmt.Errorf("job %s: fence: %w", r.Job, err)
	}
	return nil
}

var parser = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// timetable is a job with its schedule worked out.
type timetable struct {
	Job
	when cron.Schedule
}

func parse(jobs []Job) ([]timetable, error) {
	seen := map[string]bool{}
	var parsed []timetable
	for _, j := range jobs {
		if j.Name == "" || j.Do == nil || seen[j.Name] {
			return nil, fmt.Errorf("job %q: needs a name of its own and something to do", j.Name)
		}
		seen[j.Name] = true
		when, err := parser.Parse(j.Spec)
		if err != nil {
			return nil, fmt.Errorf("job %s: when %q: %w", j.Name, j.Spec, err)
		}
		if when.Next(time.Unix(0, 0)).IsZero() {
			return nil, fmt.Errorf("job %s: when %q never comes", j.Name, j.Spec)
		}
		parsed = append(parsed, timetable{j, when})
	}
	return parsed, nil
}

// due returns the instant to run next, given the last one that was run; the
// zero time if none has come by now.
func (t timetable) due(last, now time.Time) time.Time {
	next := t.when.Next(last.UTC())
	if next.After(now) {
		return time.Time{}
	}
	if t.CatchUp == Every {
		return next
	}
	for {
		after := t.when.Next(next)
		if after.After(now) {
			return next
		}
		next = after
	}
}
