package links

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Silence is how long a process may say nothing of its binds before they are
// told as stale. It reports several times within it.
const Silence = 15 * time.Second

// Report is how all binds of a process stand, and what happened since the last
// report.
type Report struct {
	Standings []Standing // all of them: what is left out is forgotten
	Minutes   []Minute   // to be added to what is stored
	Failures  []Failure  // likewise
	Abouts    []About
	Removed   []string // operators that the file no longer has
}

// standing is the row of a Standing.
type standing struct {
	Standing
	Cause   *Cause     `json:"cause"`
	Code    *uint32    `json:"code"`
	CauseAt *time.Time `json:"cause_at"`
}

// Report stores how this process's binds stand, all or nothing, and tells
// which binds other processes can send by just now.
func (s *Store) Report(ctx context.Context, r Report) (elsewhere []Name, err error) {
	rows := make([]standing, len(r.Standings))
	for i, st := range r.Standings {
		rows[i].Standing = st
		if f := st.Failed; f != nil {
			rows[i].Cause, rows[i].CauseAt = &f.Cause, &f.Last
			if f.Code != 0 {
				rows[i].Code = &f.Code
			}
		}
	}
	b := &pgx.Batch{}
	queue := func(sql string, rows any, args ...any) {
		written, e := json.Marshal(rows)
		if e != nil {
			err = errors.Join(err, e)
		}
		b.Queue(sql, append(args, string(written))...)
	}
	queue(sqlForget, rows, s.process)
	queue(sqlReport, rows, s.process)
	if len(r.Minutes) > 0 {
		queue(sqlCount, r.Minutes)
	}
	if len(r.Failures) > 0 {
		queue(sqlFailures, r.Failures)
	}
	if len(r.Abouts) > 0 {
		queue(sqlAbout, r.Abouts)
	}
	if err != nil {
		return nil, fmt.Errorf("links: report: %w", err)
	}
	if len(r.Removed) > 0 {
		b.Queue(sqlRemoved, r.Removed)
	}
	b.Queue(sqlElsewhere, s.process, Silence).Query(func(rows pgx.Rows) error {
		elsewhere, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Name])
		return err
	})
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("links: report: %w", err)
	}
	return elsewhere, nil
}

// Wishes gives all wishes there are.
func (s *Store) Wishes(ctx context.Context) (map[Name]Wanted, error) {
	rows, err := s.db.Query(ctx, sqlWishes)
	if err != nil {
		return nil, fmt.Errorf("links: read wishes: %w", err)
	}
	wishes := map[Name]Wanted{}
	var n Name
	var w Wanted
	var trace *time.Time
	_, err = pgx.ForEachRow(rows, []any{&n.Operator, &n.Bind, &w.Wish, &trace, &w.Version, &w.SetBy, &w.SetAt}, func() error {
		one := w
		if trace != nil {
			one.TraceUntil = *trace
		}
		wishes[n] = one
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links: read wishes: %w", err)
	}
	return wishes, nil
}

// Refusals gives the last refusal of each bind's login since then that another
// try may lock the account for (0x0D, 0x0E, 0x0F), of binds that no process
// has had bound after it.
func (s *Store) Refusals(ctx context.Context, since time.Time) (map[Name]Failure, error) {
	rows, err := s.db.Query(ctx, sqlRefusals, since)
	if err != nil {
		return nil, fmt.Errorf("links: refusals: %w", err)
	}
	all := map[Name]Failure{}
	f := Failure{Cause: LoginFailed}
	var code int64
	_, err = pgx.ForEachRow(rows, []any{&f.Operator, &f.Bind, &code, &f.Count, &f.Last}, func() error {
		f.Code = uint32(code)
		all[f.Name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links: refusals: %w", err)
	}
	return all, nil
}

// kept is how long minutes, errors and reloads are kept.
const kept = 90 * 24 * time.Hour

// Sweep forgets what is old: counts after 90 days, processes that are gone.
func (s *Store) Sweep(ctx context.Context) error {
	b := &pgx.Batch{}
	old := s.now().Add(-kept)
	b.Queue(sqlSweepMinutes, old)
	b.Queue(sqlSweepErrors, old)
	b.Queue(sqlSweepReloads, old)
	b.Queue(sqlSweepStates)
	b.Queue(sqlSweepOperators)
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("links: sweep: %w", err)
	}
	return nil
}
