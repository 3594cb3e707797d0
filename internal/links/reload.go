package links

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Outcome is what became of one reading of the operators file.
type Outcome string

// Outcomes of a reload.
const (
	Applied   Outcome = "applied"
	Unchanged Outcome = "unchanged" // the file says what it said
	Spoiled   Outcome = "refused"   // the file can't be used: nothing was changed
)

// Reload is one asking, with what each process made of it.
type Reload struct {
	ID      int64
	AskedBy int64 // staff; 0: by a signal
	AskedAt time.Time
	Process string // the only one asked; "": all
	Done    []ReloadDone
}

// ReloadDone is one process's answer.
type ReloadDone struct {
	Process string
	At      time.Time
	Outcome Outcome
	Detail  string // what changed, or what to change in the file
}

// LastReload is the newest asking of all processes; id is 0 if there was none.
func (s *Store) LastReload(ctx context.Context) (id int64, asked time.Time, err error) {
	err = s.db.QueryRow(ctx, sqlLastReload).Scan(&id, &asked)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, asked, fmt.Errorf("links: last reload: %w", err)
	}
	return id, asked, nil
}

// Reloaded stores what this process made of a reload; with a zero id it was
// asked by a signal.
func (s *Store) Reloaded(ctx context.Context, id int64, o Outcome, detail string) error {
	if _, err := s.db.Exec(ctx, sqlReloaded, id, s.now(), s.process, string(o), detail); err != nil {
		return fmt.Errorf("links: store a reload: %w", err)
	}
	return nil
}

// Reloads lists the last askings, newest first.
func (s *Store) Reloads(ctx context.Context, limit int) ([]Reload, error) {
	rows, err := s.db.Query(ctx, sqlReloads, limit)
	if err != nil {
		return nil, fmt.Errorf("links: list reloads: %w", err)
	}
	var list []Reload
	var r Reload
	var process, outcome, detail *string
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&r.ID, &r.AskedBy, &r.AskedAt, &r.Process, &process, &at, &outcome, &detail}, func() error {
		if n := len(list); n == 0 || list[n-1].ID != r.ID {
			list = append(list, r)
		}
		if process != nil {
			last := &list[len(list)-1]
			last.Done = append(last.Done, ReloadDone{*process, *at, Outcome(*outcome), *detail})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("links: list reloads: %w", err)
	}
	return list, nil
}
