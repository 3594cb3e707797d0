package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standing is how a job stands, whichever process runs it.
type Standing struct {
	Job     string
	Success time.Time // the instant it last ran for without an error; zero: never
	Due     time.Time // the instant it is to run for next; in the past while it is late
}

// Standings tells how all jobs stand.
func (r *Runner) Standings(ctx context.Context) ([]Standing, error) {
	names := make([]string, len(r.jobs))
	for i, j := range r.jobs {
		names[i] = j.Name
	}
	rows, err := r.db.Query(ctx, sqlStandings, names)
	if err != nil {
		return nil, fmt.Errorf("standings of the jobs: %w", err)
	}
	last := map[string][2]*time.Time{}
	var name string
	var ran, well *time.Time
	if _, err := pgx.ForEachRow(rows, []any{&name, &ran, &well}, func() error {
		last[name] = [2]*time.Time{ran, well}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("standings of the jobs: %w", err)
	}
	all := make([]Standing, len(r.jobs))
	for i, j := range r.jobs {
		all[i] = Standing{Job: j.Name, Due: j.when.Next(r.opts.Now().UTC())}
		if ran := last[j.Name][0]; ran != nil {
			all[i].Due = j.when.Next(ran.UTC())
		}
		if well := last[j.Name][1]; well != nil {
			all[i].Success = well.UTC()
		}
	}
	return all, nil
}
